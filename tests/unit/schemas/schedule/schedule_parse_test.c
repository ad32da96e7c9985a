#include "schemas/vocab/limits.h"
#include "tests/unit/schemas/schedule/schedule_fixture.h"

#define HEAD "{'exosphere':'v1','schedule':{'name':'p/s','cron':'@daily',"
#define SATELLITES "'satellites':[{'name':'a','image':'i'}]"

static void defaults_are_filled_in(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct schedule *s = fixture_schedule(&f, HEAD "'cluster':'c'}}");

    if (s == NULL) {
        fail_msg("%s", fixture_faults(&f));
    }
    assert_true(span_is(s->project, "p") && span_is(s->name, "s"));
    assert_true(span_is(s->tz, "UTC") && span_is(s->cron_text, "@daily"));
    assert_true(s->cron.is_fixed);
    assert_null(s->cluster);
    assert_true(span_is(s->cluster_name, "c"));
    assert_int_equal(s->cluster_version, 0);
    assert_int_equal(s->overlap, OVERLAP_SKIP);
    assert_int_equal(s->catch_up, CATCH_UP_NONE);
    assert_int_equal(s->window_ns, 24 * EXO_HOUR);
    assert_int_equal(s->start_ns, 0);
    assert_int_equal(s->end_ns, EXO_TIME_NEVER);
    assert_false(s->is_paused);
    fixture_end(&f);
}

static void all_fields_are_read(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct schedule *s = fixture_schedule(
        &f, "{'exosphere':'v1','schedule':{'name':'p/s','title':'T','cron':' 30 2 * * mon ',"
            "'tz':'Europe/Berlin','cluster':'p/c@12','input':{'n':1},'labels':{'k':'v'},"
            "'jitter':'5m','overlap':'queue','catch_up':'all','catch_up_window':'2h',"
            "'start':'2026-01-01T00:00:00+01:00','end':'2027-01-01','paused':true}}");

    if (s == NULL) {
        fail_msg("%s", fixture_faults(&f));
    }
    assert_true(span_is(s->title, "T") && span_is(s->tz, "Europe/Berlin"));
    assert_true(span_is(s->cron_text, "30 2 * * mon"));
    assert_int_equal(s->cron.weekdays, 2);
    assert_int_equal(s->cluster_version, 12);
    assert_int_equal(value_get(s->input, span_of("n"))->integer, 1);
    assert_int_equal(s->label_count, 1);
    assert_int_equal(s->jitter_ns, 5 * EXO_MINUTE);
    assert_int_equal(s->overlap, OVERLAP_QUEUE);
    assert_int_equal(s->catch_up, CATCH_UP_ALL);
    assert_int_equal(s->window_ns, 2 * EXO_HOUR);
    assert_int_equal(s->start_ns, 1767222000 * EXO_SECOND);
    assert_int_equal(s->end_ns, 1798761600 * EXO_SECOND);
    assert_true(s->is_paused);
    fixture_end(&f);
}

static void parse(struct cluster_fixture *f, const char *text)
{
    (void)fixture_schedule(f, text);
}

/* clang-format off */
static const struct fault_case cases[] = {
    {"[]", " 1:1 `file` must be a map, not a list"},
    {"{}", "exosphere 1:1 `exosphere` is missing | begin the file with exosphere: v1\n"
           "schedule 1:1 `schedule` is missing | add schedule: {name: ...}"},
    {"{'exosphere':'v2','schedule':{}}",
     "exosphere 1:15 this program reads version v1 of the schedule file only | write exosphere: v1\n"
     "schedule.name 1:30 the schedule has no name | write name: PROJECT/NAME\n"
     "schedule.cron 1:30 the schedule does not say when | add cron: \"30 2 * * *\" or such as @daily\n"
     "schedule.cluster 1:30 the schedule does not say what to start | add cluster: PROJECT/NAME@VERSION, or what stands under `cluster` in a cluster file"},
    {HEAD "'cluster':'c','crn':1,'pause':true}}",
     "schedule.crn 1:74 unknown field `crn` | did you mean `cron`?\n"
     "schedule.pause 1:82 unknown field `pause` | did you mean `paused`?"},
    {"{'exosphere':'v1','schedule':{'name':'S','cron':'* 25 * * *','tz':'Europe/Berlni','cluster':'c@x'}}",
     "schedule.name 1:39 `S` cannot be a name here | use a-z, 0-9, _ and -, beginning with a letter\n"
     "schedule.name 1:39 the schedule belongs to no project | write name: PROJECT/NAME, or give --project PROJECT\n"
     "schedule.cron 1:52 25 is no hour | write a number from 0 to 23, or *\n"
     "schedule.tz 1:68 no time zone is called `Europe/Berlni` | write a name of the time zone database, such as Europe/Berlin or UTC\n"
     "schedule.cluster 1:94 `c@x` does not end in a version | write PROJECT/NAME@3, or without @ for the newest"},
    {HEAD "'cluster':'q/c@0'}}",
     "schedule.cluster 1:71 `q/c@0` does not end in a version | write PROJECT/NAME@3, or without @ for the newest"},
    {HEAD "'cluster':'q/c@1','tz':'../x'}}",
     "schedule.cluster 1:71 the cluster is of the project `q`, the schedule of `p` | a schedule starts clusters of its own project\n"
     "schedule.tz 1:84 no time zone is called `../x` | write a name of the time zone database, such as Europe/Berlin or UTC"},
    {HEAD "'cluster':7,'overlap':'never','catch_up':'some','paused':1}}",
     "schedule.cluster 1:70 `cluster` must be a string or a map, not an int\n"
     "schedule.overlap 1:83 `never` is no value of `overlap` | write one of: skip, allow, queue, replace\n"
     "schedule.catch_up 1:102 `some` is no value of `catch_up` | write one of: none, last, all\n"
     "schedule.paused 1:117 `paused` must be a bool, not an int"},
    {HEAD "'cluster':'c','jitter':'25h','catch_up_window':'9000h','start':'2027-01-01','end':'2026-01-01'}}",
     "schedule.jitter 1:84 `jitter` is longer than a day | use at most 24h\n"
     "schedule.catch_up_window 1:108 `catch_up_window` is longer than a year | use at most 8784h\n"
     "schedule.catch_up_window 1:108 `catch_up_window` says nothing without `catch_up` | add catch_up: last or all, or remove it\n"
     "schedule.end 1:143 the schedule ends before it starts | write a later one"},
    {HEAD "'cluster':'c','start':'soon','input':[],'labels':{'schedule':'x','a':1}}}",
     "schedule.start 1:83 `soon` is not a time from 1970 on | write such as 2026-12-01T00:00:00Z or 2026-12-01T01:00:00+01:00\n"
     "schedule.input 1:97 `input` must be a map, not a list\n"
     "schedule.labels.a 1:129 `a` must be a string, not an int | put it in quotes"},
    {HEAD "'cluster':'c','catch_up':'all'}}",
     "warning: schedule.catch_up 1:86 with `overlap: skip` only the first of what was missed is started | add overlap: queue"},
    {HEAD "'cluster':'c','input':{'n':['${{ now }}']},'labels':{'day':'${{ now }}'}}}",
     "warning: schedule.input 1:82 `input` takes no expressions: ${{ }} in it stands for itself | let the cluster read the time: ${{ execution.labels.schedule_time }}\n"
     "warning: schedule.labels 1:112 `labels` takes no expressions: ${{ }} in it stands for itself | write it plainly; the time is the label `schedule_time` anyway"},
    {HEAD "'cluster':'c','labels':{'schedule':'x'}}}",
     "schedule.labels.schedule 1:84 the schedule itself puts `schedule` on each execution | choose another name"},
    {HEAD "'cluster':{'name':'c','satellites':[{'name':'a'}]}}}",
     "schedule.cluster.satellites[0].image 1:96 the satellite has no image | add image: IMAGE here or under `defaults`"},
    {HEAD "'cluster':{'name':'q/c'," SATELLITES "}}}",
     "schedule.cluster.name 1:79 the file names the project `q`, but `p` is given | use one of the two"},
    {HEAD "'cluster':{'name':'c','inputs':{'n':{'type':'int'}}," SATELLITES "},'input':{'n':'x'}}}",
     "schedule.input.n 1:167 `n` must be an int, not a string | take it out of the quotes"},
};
/* clang-format on */

static void every_fault_is_told(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), parse);
}

static void a_large_input_is_refused(void **state)
{
    struct cluster_fixture f;
    size_t bytes = LIMIT_INLINE_BYTES;

    (void)state;
    fixture_begin(&f);
    char *text = arena_alloc(&f.arena, bytes + 200);

    assert_non_null(text);
    int head = sprintf(text, "%s", HEAD "'cluster':'c','input':{'x':'");

    memset(text + head, 'a', bytes);
    (void)sprintf(text + head + bytes, "'}}}");
    assert_null(fixture_schedule(&f, text));
    assert_non_null(strstr(fixture_faults(&f), "larger than the limit of 65536 bytes"));
    fixture_end(&f);
}

static void canonical_of(struct cluster_fixture *f, const char *text, char *ret, size_t size)
{
    const struct schedule *s = fixture_schedule(f, text);

    if (s == NULL) {
        fail_msg("%s: %s", text, fixture_faults(f));
    }
    buffer_reset(&f->text);
    schedule_canonical(s, &f->text);
    assert_false(f->text.is_failed);
    assert_true(f->text.bytes < size);
    memcpy(ret, f->text.data, f->text.bytes);
    ret[f->text.bytes] = '\0';
    for (char *c = ret; *c != '\0'; c++) {
        if (*c == '"') {
            *c = '\'';
        }
    }
}

static void canonical_texts_stay(void **state)
{
    static const struct {
        const char *text;
        const char *canonical;
    } texts[] = {
        {HEAD "'cluster':'c','overlap':'skip','jitter':'0s','tz':'UTC','paused':false}}",
         HEAD "'cluster':'p/c'}}"},
        {"{'schedule':{'paused':true,'end':'2027-01-01','start':'2026-01-01T01:00:00+01:00',"
         "'catch_up_window':'90m','catch_up':'last','overlap':'replace','jitter':'90s',"
         "'labels':{'b':'2','a':'1'},'input':{'z':1.5},'cluster':'p/c@7','tz':'Europe/Berlin',"
         "'cron':' 0 0 * * * ','title':'T','name':'p/s'},'exosphere':'v1'}",
         "{'exosphere':'v1','schedule':{'name':'p/s','title':'T','cron':'0 0 * * *',"
         "'tz':'Europe/Berlin','cluster':'p/c@7','input':{'z':1.5},'labels':{'b':'2','a':'1'},"
         "'jitter':'1m30s','overlap':'replace','catch_up':'last','catch_up_window':'1h30m',"
         "'start':'2026-01-01T00:00:00.000Z','end':'2027-01-01T00:00:00.000Z','paused':true}}"},
        {HEAD "'cluster':{'name':'c','priority':5," SATELLITES "}}}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cluster_fixture f;
        char once[2048];
        char twice[2048];

        fixture_begin(&f);
        canonical_of(&f, texts[i].text, once, sizeof(once));
        if (texts[i].canonical != NULL) {
            assert_string_equal(once, texts[i].canonical);
        } else {
            assert_non_null(strstr(once, "'cluster':{'name':'p/c','satellites':[{'name':'a'"));
            assert_null(strstr(once, "priority"));
        }
        canonical_of(&f, once, twice, sizeof(twice));
        assert_string_equal(once, twice);
        fixture_end(&f);
    }
}

/* Each allocation in turn is refused: a fault, never a crash. */
static void no_memory_is_a_fault(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    f.root = fixture_json(&f, HEAD "'title':'t','cluster':{'name':'c'," SATELLITES
                                   "},'labels':{'a':'b'}}}");
    for (size_t limit = 1; limit < 6000; limit += 97) {
        struct heap_budget budget = {.limit_bytes = limit};
        struct arena arena;
        const struct schedule *schedule = NULL;
        const struct schedule_source source = {.root = &f.root};
        uint32_t errors = f.faults.error_count;

        arena_init(&arena, allocator_heap(&budget), 0);
        int result = schedule_parse(&source, &arena, &schedule, &f.faults);

        assert_int_equal(result == 0, f.faults.error_count == errors);
        assert_int_equal(result == 0, schedule != NULL);
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
    }
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_filled_in), cmocka_unit_test(all_fields_are_read),
        cmocka_unit_test(every_fault_is_told),    cmocka_unit_test(a_large_input_is_refused),
        cmocka_unit_test(canonical_texts_stay),   cmocka_unit_test(no_memory_is_a_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
