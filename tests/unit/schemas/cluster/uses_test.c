#include "schemas/cluster/uses.h"

#include "schemas/json/json_write.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

static const char count_text[] =
    "{'exosphere':'v1','satellite':{'name':'tools/count','title':'T','inputs':{'path':{'type':"
    "'string','required':true},'top':{'type':'int','default':20,'maximum':99},'ratio':{'type':"
    "'number'}},'image':'oci:busybox','command':['count','${{ input.path }}','--top=${{ input.top "
    "+ 1 }}'],'env':{'LEVEL':'info','TOP':'${{ input.top }}'},'resources':{'cpu':'250m','memory':"
    "1048576,'gpu':0,'disk':1073741824},'timeout':'1m'}}";
static const char plain_text[] =
    "{'exosphere':'v1','satellite':{'name':'tools/plain','image':'oci:plain','input':{'a':1,'b':"
    "'${{ execution.id }}'}}}";

struct uses_case {
    const char *satellites; /* of the cluster */
    const char *expected;   /* the satellites after, or the faults */
};

/* The store of the tests: tools/count has versions 1 to 3, tools/plain 1. */
static void look_up(struct cluster_fixture *f, struct uses_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct uses_entry *entry = &set->entries[i];
        bool is_count = span_is(entry->reference.name, "count");
        uint32_t newest = is_count ? 3 : span_is(entry->reference.name, "plain") ? 1 : 0;
        const struct value read = fixture_json(f, is_count ? count_text : plain_text);
        struct buffer text;

        if (entry->reference.number > newest || newest == 0) {
            entry->problem = "the store has none";
            continue;
        }
        buffer_init(&text, allocator_heap(&f->budget), 0);
        json_write(&text, &read);
        entry->text = arena_copy(&f->arena, buffer_span(&text));
        entry->number = entry->reference.number == 0 ? newest : entry->reference.number;
        buffer_release(&text);
    }
}

static const char *shown(struct cluster_fixture *f, const struct value *cluster)
{
    buffer_reset(&f->text);
    json_write(&f->text, value_get(cluster, span_of("satellites")));
    buffer_append(&f->text, (struct span){"", 1});
    for (size_t i = 0; i < f->text.bytes; i++) {
        f->text.data[i] = f->text.data[i] == '"' ? '\'' : f->text.data[i];
    }
    return (const char *)f->text.data;
}

static const char *write_out(struct cluster_fixture *f, const char *satellites)
{
    struct uses_set set;
    struct value made = value_null();
    char text[4000];

    (void)snprintf(text, sizeof(text), "{'name':'p/c','satellites':[\n%s]}", satellites);
    f->root = fixture_json(f, text);
    assert_int_equal(uses_collect(&f->root, &f->arena, &set, &f->faults), 0);
    look_up(f, &set);
    if (uses_inline(&f->root, &set, &f->arena, &made, &f->faults) != 0) {
        return fixture_faults(f);
    }
    /* What was written out is a cluster, and stays as it is. */
    struct cluster_source source = {.root = &f->root, .is_inner = true};
    struct uses_set again;

    f->root = made;
    if (cluster_parse(&source, &f->arena, &f->cluster, &f->faults) != 0) {
        return fixture_faults(f);
    }
    assert_int_equal(uses_collect(&f->root, &f->arena, &again, &f->faults), 0);
    assert_int_equal(again.count, 0);
    return shown(f, &made);
}

static void check(const struct uses_case *cases, size_t count)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        struct cluster_fixture f;
        const char *given;

        fixture_begin(&f);
        given = write_out(&f, cases[i].satellites);
        if (strcmp(given, cases[i].expected) != 0) {
            (void)fprintf(stderr, "%s\n   gives: %s\nexpected: %s\n", cases[i].satellites, given,
                          cases[i].expected);
            wrong++;
        }
        fixture_end(&f);
    }
    assert_int_equal(wrong, 0);
}

static void own_then_stored(void **state)
{
    static const struct uses_case cases[] = {
        {"{'name':'a','image':'i'}", "[{'name':'a','image':'i'}]"},
        {"{'name':'a','uses':'satellite/tools/plain'}",
         "[{'name':'a','uses':'satellite/tools/plain@1','image':'oci:plain','input':{'a':1,'b':"
         "'${{ execution.id }}'}}]"},
        {"{'name':'a','uses':'satellite/tools/plain@latest','input':{'a':2,'c':3},'needs':[],"
         "'command':['own','${{ input.mine }}']}",
         "[{'name':'a','uses':'satellite/tools/plain@1','needs':[],'command':['own','${{ "
         "input.mine }}'],'image':'oci:plain','input':{'b':'${{ execution.id }}','a':2,'c':3}}]"},
        {"{'name':'a','uses':'satellite/tools/count@2','input':{'path':'/x'},'env':{'LEVEL':'debug'"
         "},'resources':{'cpu':2},'timeout':'2m','needs':[]}",
         "[{'name':'a','uses':'satellite/tools/count@2','env':{'TOP':'${{ (20) "
         "}}','LEVEL':'debug'},"
         "'resources':{'memory':1048576,'gpu':0,'disk':1073741824,'cpu':2},'timeout':'2m',"
         "'needs':[],'image':'oci:busybox','command':['count','/x','--top=${{ (20) + 1 }}'],"
         "'input':{'path':'/x','top':20,'ratio':null}}]"},
    };

    (void)state;
    check(cases, COUNT(cases));
}

static void inputs_are_put_in_place(void **state)
{
    static const struct uses_case cases[] = {
        {"{'name':'f','image':'i'},{'name':'a','uses':'satellite/tools/count','for_each':'${{ "
         "satellites.f.output }}','as':'file','input':{'path':'${{ file }}','top':'${{ index "
         "}}','ratio':1},'env':{'TOP':'x'}}",
         "[{'name':'f','image':'i'},{'name':'a','uses':'satellite/tools/count@3','for_each':'${{ "
         "satellites.f.output }}','as':'file','env':{'LEVEL':'info','TOP':'x'},'image':"
         "'oci:busybox','command':['count','${{ file }}','--top=${{ ( index ) + 1 }}'],"
         "'resources':{'cpu':'250m','memory':1048576,'gpu':0,'disk':1073741824},'timeout':'1m',"
         "'input':{'path':'${{ file }}','top':'${{ index }}','ratio':1.0}}]"},
        {"{'name':'a','uses':'satellite/tools/count@1','env':{'TOP':'x'},'input':{'path':'/x'}}",
         "[{'name':'a','uses':'satellite/tools/count@1','env':{'LEVEL':'info','TOP':'x'},'image':"
         "'oci:busybox','command':['count','/x','--top=${{ (20) + 1 }}'],'resources':{'cpu':"
         "'250m','memory':1048576,'gpu':0,'disk':1073741824},'timeout':'1m','input':{'path':'/x',"
         "'top':20,'ratio':null}}]"},
    };

    (void)state;
    check(cases, COUNT(cases));
}

static void every_fault_at_once(void **state)
{
    static const struct uses_case cases[] = {
        {"{'name':'a','uses':'satellite/tools/none'},\n{'name':'b','uses':'satellite/tools/"
         "count@4'}",
         "cluster.satellites[0].uses 2:21 satellite/tools/none: the store has none\n"
         "cluster.satellites[1].uses 3:21 satellite/tools/count@4: the store has none"},
        {"{'name':'a','uses':'satellite/tools/count','input':{'top':100,'pth':'x'}}",
         "cluster.satellites[0].input.pth 2:63 the stored satellite has no input `pth` | it has: "
         "path, top, ratio\n"
         "cluster.satellites[0].input.path 2:52 the input `path` is missing | see the `inputs` of "
         "the stored satellite\n"
         "cluster.satellites[0].input.top 2:59 `top` is above its `maximum` of 99 | see the "
         "`inputs` of "
         "the "
         "stored satellite"},
        {"{'name':'a','uses':'satellite/tools/count','input':[1]}",
         "cluster.satellites[0].input 2:52 `input` must be a map, not a list"},
        {"{'name':'a','uses':'satellite/tools/count','input':{'path':'a-${{ 1 }}','top':'x${{ 1 "
         "}}'}}",
         "cluster.satellites[0].uses 2:21 satellite/tools/count@3: an input that mixes text and "
         "expressions cannot stand inside a larger expression: hand it over as one expression"},
    };

    (void)state;
    check(cases, COUNT(cases));
}

static void different_ones_are_looked_up_once(void **state)
{
    struct cluster_fixture f;
    struct uses_set set;
    struct buffer text;
    char piece[80];

    (void)state;
    fixture_begin(&f);
    f.root = fixture_json(
        &f, "{'satellites':[{'uses':'satellite/a/b'},{'uses':'satellite/a/b@1'},{'uses':'x'},"
            "{'uses':'satellite/a/b'},{'uses':'satellite/a/c@1','image':'i'},{'name':'group',"
            "'satellites':[{'uses':'satellite/a/d'}]}]}");
    assert_int_equal(uses_collect(&f.root, &f.arena, &set, &f.faults), 0);
    assert_int_equal(set.count, 3);
    assert_string_equal(set.entries[2].path, "cluster.satellites[5].satellites[0].uses");
    buffer_init(&text, allocator_heap(&f.budget), 0);
    buffer_text(&text, "{'satellites':[");
    for (int i = 0; i <= USES_MAX; i++) {
        (void)snprintf(piece, sizeof(piece), "%s{'uses':'satellite/a/b@%d'}", i == 0 ? "" : ",",
                       i + 1);
        buffer_text(&text, piece);
    }
    buffer_text(&text, "]}");
    buffer_append(&text, (struct span){"", 1});
    f.root = fixture_json(&f, (const char *)text.data);
    assert_int_equal(uses_collect(&f.root, &f.arena, &set, &f.faults), -1);
    assert_non_null(strstr(fixture_faults(&f), "more than 256 different stored definitions"));
    buffer_release(&text);
    fixture_end(&f);
}

static void a_group_is_written_out_within(void **state)
{
    struct cluster_fixture f;
    struct uses_set set;
    struct value made = value_null();

    (void)state;
    fixture_begin(&f);
    f.root = fixture_json(&f, "{'satellites':[{'name':'g','satellites':[{'name':'a','uses':"
                              "'satellite/tools/plain'}]}]}");
    assert_int_equal(uses_collect(&f.root, &f.arena, &set, &f.faults), 0);
    look_up(&f, &set);
    assert_int_equal(uses_inline(&f.root, &set, &f.arena, &made, &f.faults), 0);
    assert_string_equal(shown(&f, &made),
                        "[{'name':'g','satellites':[{'name':'a','uses':'satellite/tools/plain@1',"
                        "'image':'oci:plain','input':{'a':1,'b':'${{ execution.id }}'}}]}]");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_then_stored),
        cmocka_unit_test(inputs_are_put_in_place),
        cmocka_unit_test(every_fault_at_once),
        cmocka_unit_test(different_ones_are_looked_up_once),
        cmocka_unit_test(a_group_is_written_out_within),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
