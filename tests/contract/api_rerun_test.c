/* api: executions that have ended run again: what is kept, what is refused, what may be gone. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "infra/crypto/crypto.h"
#include "schemas/wire/status.h"
#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
/* tail fails in its first execution; then it waits for a signal, and the output wants an item. */
#define STORY                                                                                      \
    "{\"name\":\"p/story\",\"inputs\":{\"items\":{\"type\":\"list\",\"default\":[1,2,3]},"         \
    "\"fails\":{\"type\":\"bool\",\"default\":true}},\"satellites\":[" SATELLITE(                  \
        "first",                                                                                   \
        "") "," SATELLITE("map",                                                                   \
                          ",\"for_each\":\"${{ input.items }}\"") "," SATELLITE("tail",            \
                                                                                ",\"env\":{"       \
                                                                                "\"FAILS\":\"${{ " \
                                                                                "input.fails "     \
                                                                                "}}\"}") ",{"      \
                                                                                         "\"name"  \
                                                                                         "\":"     \
                                                                                         "\"hold"  \
                                                                                         "\","     \
                                                                                         "\"wait"  \
                                                                                         "\":{"    \
                                                                                         "\"signa" \
                                                                                         "l\":"    \
                                                                                         "\"go\"}" \
                                                                                         "}],"     \
                                                                                         "\"outpu" \
                                                                                         "t\":{"   \
                                                                                         "\"first" \
                                                                                         "\":\"${" \
                                                                                         "{ "      \
                                                                                         "satelli" \
                                                                                         "tes."    \
                                                                                         "first."  \
                                                                                         "output." \
                                                                                         "n }}\"," \
                                                                                         "\"item"  \
                                                                                         "\":\"${" \
                                                                                         "{ "      \
                                                                                         "satelli" \
                                                                                         "tes."    \
                                                                                         "map."    \
                                                                                         "output[" \
                                                                                         "2] "     \
                                                                                         "}}\"}}"

static int setup(void **state)
{
    *state = api_trial_open(NULL, true);
    return 0;
}

static int teardown(void **state)
{
    api_trial_close(*state);
    return 0;
}

static struct execution_id id_of(const char *text)
{
    struct execution_id id;

    assert_true(execution_id_parse(span_of(text), &id));
    return id;
}

/* `tail` fails while its execution's input says so. Counts what runs of `first` and `map`. */
static uint32_t ran;

static bool act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                struct wire_report *report)
{
    (void)context;
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = task->item.bytes > 0 ? task->item : span_of("{\"n\":1}");
    if (span_is(spec->satellite, "tail")) {
        for (uint32_t i = 0; i < spec->context_count; i++) {
            if (memmem(spec->contexts[i].json.data, spec->contexts[i].json.bytes, "\"fails\":true",
                       12) != NULL) {
                report->outcome = OUTCOME_NEVER_AGAIN;
                report->output = (struct span){NULL, 0};
            }
        }
    } else {
        ran++;
    }
    return true;
}

/* An execution is known when its job has been read. */
static void known_await(struct api_trial *t, const char *id)
{
    int status = 0;

    while (status != 200) {
        struct api_ask *ask = api_get(t, api_path(t, id, ""));

        status = ask->status;
        api_free(t, ask);
    }
}

/* Straight to the log, where a command for an execution not known yet is nobody's. */
static void signal_send(struct api_trial *t, const char *id)
{
    known_await(t, id);

    struct execution_id execution = id_of(id);
    struct wire_command command = {
        .kind = COMMAND_SIGNAL, .execution = execution, .name = span_of("go")};
    struct wire_status status = {.commands = &command, .command_count = 1};
    struct buffer text;

    buffer_init(&text, allocator_heap(&t->budget), 0);
    wire_status_pack(&status, &t->arena, &text);
    stage_append(&t->stage, TOPIC_STATUS, execution_shard(&execution, t->stage.shard_count),
                 buffer_span(&text));
    buffer_release(&text);
}

/* One that has failed; what came before is done. */
static const char *failed_make(struct api_trial *t)
{
    t->act = act;
    ran = 0;
    const char *id = api_submit(t, "{\"cluster\":" STORY ",\"labels\":{\"a\":\"b\"}}");

    api_ended(t, id);
    assert_int_equal(ran, 4);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"FAILED\"");
    return id;
}

static const char *rerun(struct api_trial *t, const char *id, const char *body)
{
    struct api_ask *ask = api_post(t, api_path(t, id, "/rerun"), body);
    struct value answer = api_value(t, ask);

    if (ask->status != 202) {
        fail_msg("%d %s", ask->status, api_body(ask));
    }
    const char *new_id = api_text(t, &answer, "id");

    assert_string_equal(ask->location, api_path(t, new_id, ""));
    api_free(t, ask);
    return new_id;
}

static void test_rerun(void **state)
{
    struct api_trial *t = *state;
    const char *old = failed_make(t);
    char kept[128];

    ran = 0;
    const char *id = rerun(t, old, "{\"input\":{\"fails\":false},\"idempotency_key\":\"k\"}");

    assert_string_equal(id,
                        rerun(t, old, "{\"input\":{\"fails\":false},\"idempotency_key\":\"k\"}"));
    api_expect(t, "POST", api_path(t, old, "/rerun"), "{\"idempotency_key\":\"k\"}", 409, "key");
    api_expect(t, "POST", api_path(t, id, "/rerun"), "{}", 409, "has not ended");
    (void)snprintf(kept, sizeof(kept), "\"rerun_of\":\"%s\",\"kept\":[\"first\",\"map\"]", old);
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200, kept);
    signal_send(t, id);
    api_ended(t, id);
    assert_int_equal(ran, 0);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"output\":{\"first\":1,\"item\":3}");
    (void)snprintf(kept, sizeof(kept), "\"rerun_of\":\"%s\"", old);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, kept);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"labels\":{\"a\":\"b\"}");
    api_expect(t, "GET", api_path(t, id, "/satellites/map/output"), NULL, 200, "[1,2,3]");
    api_expect(t, "GET", api_path(t, id, "/tasks/map.1"), NULL, 200, "\"output\":2");
    api_expect(t, "POST", api_path(t, id, "/rerun"), "", 422, "nothing of the execution failed");
    api_expect(t, "POST", api_path(t, id, "/rerun"), "{\"from\":\"none\"}", 422, "`none`");
    api_expect(t, "POST", api_path(t, id, "/rerun"), "{\"from\":1}", 422, "from");
    api_expect(t, "POST", api_path(t, id, "/rerun"), "{", 400, "JSON");
}

/* It keeps at once and begins at its time, also for another owner. */
static void test_later(void **state)
{
    struct api_trial *t = *state;
    const char *old = failed_make(t);
    const char *later = "{\"start_at\":\"2100-01-01T00:00:00+01:00\",\"idempotency_key\":\"k\"}";

    api_expect(t, "POST", api_path(t, old, "/rerun"), "{\"start_at\":\"tomorrow\"}", 422,
               "start_at");
    api_expect(t, "POST", api_path(t, old, "/rerun"), "{\"start_at\":7}", 422, "start_at");
    api_expect(t, "POST", api_path(t, old, "/rerun"), "{\"start_at\":\"2200-01-01T00:00:00Z\"}",
               422, "from 1970 to 2199");
    ran = 0;
    const char *id = rerun(t, old, later);

    assert_string_equal(id, rerun(t, old, later));
    api_expect(t, "POST", api_path(t, old, "/rerun"), "{\"idempotency_key\":\"k\"}", 409, "key");
    api_until_says(t, api_path(t, id, ""), "\"start_at\":\"2099-12-31T23:00:00.000Z\"");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200, "\"kept\":[\"first\",\"map\"]");
    stage_scheduler_kill(&t->stage, 0);
    stage_scheduler_start(&t->stage, 1);
    api_expect(t, "POST", api_path(t, id, "/pause"), "", 202, NULL);
    api_until_says(t, api_path(t, id, ""), "\"state\":\"PAUSED\"");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200,
               "it starts at 2099-12-31T23:00:00.000Z");
    api_expect(t, "GET", api_path(t, id, "/tasks/map.1"), NULL, 200, "\"output\":2");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"CANCELLED\"");
    id = rerun(t, old, "{\"start_at\":\"2001-01-01T00:00:00Z\",\"input\":{\"fails\":false}}");
    signal_send(t, id);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"SUCCEEDED\"");
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"start_at\":null");
    assert_int_equal(ran, 0);
}

/* ---- groups ---- */

#define GROUPS                                                                                     \
    "{\"name\":\"p/groups\",\"inputs\":{\"fails\":{\"type\":\"bool\",\"default\":true}},"          \
    "\"satellites\":[{\"name\":\"page\",\"for_each\":\"${{ [7, 8] }}\",\"as\":\"n\","              \
    "\"satellites\":[" SATELLITE(                                                                  \
        "parse", ",\"for_each\":\"${{ [n, n + 1] }}\"") "]},{\"name\":"                            \
                                                        "\"both\","                                \
                                                        "\"satellites\":"                          \
                                                        "[" SATELLITE("x", "") "]}," SATELLITE(    \
                                                            "tail", ",\"env\":{"                   \
                                                                    "\"FAILS\":"                   \
                                                                    "\"${{ "                       \
                                                                    "input."                       \
                                                                    "fails "                       \
                                                                    "}}\"}") "],"                  \
                                                                             "\""                  \
                                                                             "ou"                  \
                                                                             "tp"                  \
                                                                             "ut"                  \
                                                                             "\""                  \
                                                                             ":{"                  \
                                                                             "\""                  \
                                                                             "pa"                  \
                                                                             "rs"                  \
                                                                             "ed"                  \
                                                                             "\""                  \
                                                                             ":"                   \
                                                                             "\""                  \
                                                                             "${"                  \
                                                                             "{ "                  \
                                                                             "sa"                  \
                                                                             "te"                  \
                                                                             "ll"                  \
                                                                             "it"                  \
                                                                             "es"                  \
                                                                             ".p"                  \
                                                                             "ag"                  \
                                                                             "e."                  \
                                                                             "ou"                  \
                                                                             "tp"                  \
                                                                             "ut"                  \
                                                                             "[1"                  \
                                                                             "]."                  \
                                                                             "pa"                  \
                                                                             "rs"                  \
                                                                             "e["                  \
                                                                             "1]"                  \
                                                                             " }"                  \
                                                                             "}"                   \
                                                                             "\""                  \
                                                                             ","                   \
                                                                             "\""                  \
                                                                             "x"                   \
                                                                             "\""                  \
                                                                             ":"                   \
                                                                             "\""                  \
                                                                             "${"                  \
                                                                             "{ "                  \
                                                                             "sa"                  \
                                                                             "te"                  \
                                                                             "ll"                  \
                                                                             "it"                  \
                                                                             "es"                  \
                                                                             ".b"                  \
                                                                             "ot"                  \
                                                                             "h."                  \
                                                                             "ou"                  \
                                                                             "tp"                  \
                                                                             "ut"                  \
                                                                             ".x"                  \
                                                                             ".n"                  \
                                                                             " }"                  \
                                                                             "}"                   \
                                                                             "\""                  \
                                                                             "}}"

static void test_groups(void **state)
{
    struct api_trial *t = *state;

    t->act = act;
    const char *old = api_submit(t, "{\"cluster\":" GROUPS "}");

    api_ended(t, old);
    ran = 0;
    const char *id = rerun(t, old, "{\"input\":{\"fails\":false}}");

    api_ended(t, id);
    assert_int_equal(ran, 0);
    id = rerun(t, id, "{\"from\":\"tail\"}"); /* kept twice */
    api_ended(t, id);
    assert_int_equal(ran, 0);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"output\":{\"parsed\":9,\"x\":1}");
    api_expect(t, "GET", api_path(t, id, "/satellites/page/output"), NULL, 200,
               "[{\"parse\":[7,8]},{\"parse\":[8,9]}]");
    api_expect(t, "GET", api_path(t, id, "/satellites/page.1.parse/output"), NULL, 200, "[8,9]");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.1.parse.1"), NULL, 200, "\"output\":9");
    api_expect(t, "GET", api_path(t, id, "/tasks/both.x"), NULL, 200, "\"output\":{\"n\":1}");
}

/* ---- written by others ---- */

static void job_append(struct api_trial *t, const struct execution_id *id, uint32_t partition,
                       const struct wire_job *wanted)
{
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    struct wire_job job = *wanted;
    struct buffer packed;

    execution_id_format(id, text);
    job.execution_id = span_of(text);
    buffer_init(&packed, allocator_heap(&t->budget), 0);
    wire_job_pack(&job, &t->arena, &packed);
    stage_append(&t->stage, TOPIC_JOBS, partition, buffer_span(&packed));
    buffer_release(&packed);
}

static void refused(struct api_trial *t, const struct wire_job *job, const char *why)
{
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t letters = stage_letters(&t->stage);
    uint32_t shard = execution_shard(&id, t->stage.shard_count);

    job_append(t, &id, shard, job);
    while (stage_letters(&t->stage) == letters) {
        bool never = false;

        (void)stage_run(&t->stage, &never, EXO_MILLISECOND);
    }
    struct api_ask *ask = api_get(t, "/v1/dead-letters?limit=1000");

    if (strstr(api_body(ask), why) == NULL) {
        fail_msg("no \"%s\" in %s", why, api_body(ask));
    }
    api_free(t, ask);
}

static void test_job_of_others(void **state)
{
    struct api_trial *t = *state;
    const char *old = failed_make(t);
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    char good[sizeof(text)];
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    const struct wire_job job = {.rerun_of = span_of(old),
                                 .rerun_from = span_of("tail"),
                                 .input = span_of("{\"fails\":false}")};

    /* On another shard's partition: handed over with what it keeps. */
    ran = 0;
    job_append(t, &id, (execution_shard(&id, t->stage.shard_count) + 1) % t->stage.shard_count,
               &job);
    signal_send(t, old); /* stale: nothing of it */
    execution_id_format(&id, text);
    signal_send(t, text);
    api_ended(t, text);
    api_expect(t, "GET", api_path(t, text, ""), NULL, 200, "\"output\":{\"first\":1,\"item\":3}");
    assert_int_equal(ran, 0);
    (void)memcpy(good, text, sizeof(good));
    /* The time goes with it. */
    struct wire_job later = job;

    id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    later.start_at_ms = INT64_C(4102441200000);
    job_append(t, &id, (execution_shard(&id, t->stage.shard_count) + 1) % t->stage.shard_count,
               &later);
    execution_id_format(&id, text);
    known_await(t, text);
    api_expect(t, "GET", api_path(t, text, ""), NULL, 200,
               "\"start_at\":\"2099-12-31T23:00:00.000Z\"");
    later.start_at_ms = WIRE_JOB_START_MS_MAX + 1;
    refused(t, &later, "start_at_ms: a time from 1970");
    refused(t, &(struct wire_job){.rerun_of = span_of("old")}, "not a UUID");
    refused(t, &(struct wire_job){.rerun_of = span_of(old), .cluster = span_of("{\"cluster\":{}}")},
            "leave it empty");
    refused(t, &(struct wire_job){.rerun_of = span_of(old), .rerun_from = span_of("none")},
            "has no such satellite");
    refused(t, &(struct wire_job){.rerun_of = span_of(good), .input = span_of("{\"fails\":false}")},
            "nothing of it failed");
    refused(t, &(struct wire_job){.rerun_of = span_of("0193a5c1-7f4e-7b2a-9c3d-2e1f0a9b8c7d")},
            "no such execution");
}

/* ---- gone ---- */

struct drop {
    bool is_done;
    uint32_t dropped;
};

static void on_drop(void *argument, uint32_t dropped, bool is_more, const struct exo_error *err)
{
    struct drop *drop = argument;

    assert_null(err);
    assert_false(is_more);
    drop->dropped = dropped;
    drop->is_done = true;
}

static uint32_t origin_drop(struct api_trial *t, const char *id)
{
    struct execution_id gone = id_of(id);
    struct drop drop = {0};

    store_execution_drop(t->stage.store, &gone, 1, 1000, on_drop, &drop);
    assert_true(stage_run(&t->stage, &drop.is_done, 20 * EXO_SECOND));
    return drop.dropped;
}

/* It stays as long as somebody keeps something of it, also behind a rerun of the rerun. */
static void test_origin_is_held(void **state)
{
    struct api_trial *t = *state;
    const char *old = failed_make(t);
    const char *id = rerun(t, old, "{\"input\":{\"fails\":false}}");

    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"kept_from\"");
    assert_int_equal(origin_drop(t, old), 0);
    signal_send(t, id);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"output\":{\"first\":1,\"item\":3}");
    const char *next = rerun(t, id, "{\"from\":\"tail\"}");

    signal_send(t, next);
    api_ended(t, next);
    assert_int_equal(origin_drop(t, id), 1); /* it gave nothing that is kept */
    assert_int_equal(origin_drop(t, old), 0);
    api_expect(t, "GET", api_path(t, next, "/satellites/map/output"), NULL, 200, "[1,2,3]");
    assert_int_equal(origin_drop(t, next), 1);
    assert_int_equal(origin_drop(t, old), 1);
}

static int setup_in_a_file(void **state)
{
    *state = api_trial_open_in_file();
    return 0;
}

static void test_origin_is_deleted(void **state)
{
    struct api_trial *t = *state;
    const char *old = failed_make(t);
    const char *id = rerun(t, old, "{\"input\":{\"fails\":false}}");

    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"kept_from\"");
    /* As programs wrote it that did not know that a rerun holds what it keeps. */
    api_trial_script(t, "DELETE FROM blob_reference");
    assert_int_equal(origin_drop(t, old), 1);
    /* What it has copied is here; what lay there is told to be gone, never taken for null. */
    api_expect(t, "GET", api_path(t, id, "/satellites/first/output"), NULL, 200, "{\"n\":1}");
    api_expect(t, "GET", api_path(t, id, "/satellites/map/output"), NULL, 404, "deleted since");
    api_expect(t, "GET", api_path(t, id, "/tasks/map.1"), NULL, 200, "\"state\":\"SUCCEEDED\"");
    signal_send(t, id);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200,
               "output: it was kept of an execution that has been deleted since");
    api_expect(t, "POST", api_path(t, id, "/rerun"), "", 409, "`map`");
    api_expect(t, "POST", api_path(t, old, "/rerun"), "", 404, "has been deleted");
    api_expect(t, "GET", api_path(t, old, ""), NULL, 404, "the execution has been deleted");
    refused(t, &(struct wire_job){.rerun_of = span_of(id)}, "deleted with the execution");
    /* From the map on everything can run. */
    id = rerun(t, id, "{\"from\":\"map\"}");
    signal_send(t, id);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"output\":{\"first\":1,\"item\":3}");
}

/* A Job that comes once more, and behind it on its partition one that is taken: no letter. */
static void repeated(struct api_trial *t, const struct execution_id *id, uint32_t partition,
                     const struct wire_job *job)
{
    const struct wire_job next = {.project = span_of("p"),
                                  .cluster =
                                      span_of("{\"exosphere\":\"v1\",\"cluster\":" STORY "}")};
    struct execution_id other = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t letters = stage_letters(&t->stage);
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&other, text);
    job_append(t, id, partition, job);
    job_append(t, &other, partition, &next);
    known_await(t, text);
    assert_int_equal(stage_letters(&t->stage), letters);
}

/* What it ran again is deleted when its Job comes once more: it is known, on whichever partition.
 */
static void test_comes_again_without_its_origin(void **state)
{
    struct api_trial *t = *state;
    const char *old = failed_make(t);
    char text[EXECUTION_ID_TEXT_BYTES + 1];
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t own = execution_shard(&id, t->stage.shard_count);
    const struct wire_job job = {.rerun_of = span_of(old), .input = span_of("{\"fails\":false}")};

    execution_id_format(&id, text);
    job_append(t, &id, own, &job);
    known_await(t, text);
    api_trial_script(t, "DELETE FROM blob_reference");
    assert_int_equal(origin_drop(t, old), 1);
    repeated(t, &id, own, &job);
    repeated(t, &id, (own + 1) % t->stage.shard_count, &job);
    signal_send(t, text);
    api_ended(t, text);
    repeated(t, &id, own, &job);
    refused(t, &job, "no such execution"); /* one that was never there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rerun, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_origin_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_origin_is_deleted, setup_in_a_file, teardown),
        cmocka_unit_test_setup_teardown(test_comes_again_without_its_origin, setup_in_a_file,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
