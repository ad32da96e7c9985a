#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
/* Satellite b after a; what stands in place of EXPR is b's input.v, in line 3 from column 1. */
static const struct fault_case cases[] = {
    {"${{ input.x }} ${{ execution.id }} ${{ satellites.a.output[0].x }} ${{ satellites['a'].state }} ${{ has(satellites.a.error) }}", ""},
    {"${{ satelites.a.output }}", "cluster.satellites[1].input.v 3:6 unknown name `satelites` in an expression | did you mean `satellites`?"},
    {"${{ a.output }}", "cluster.satellites[1].input.v 3:6 unknown name `a` in an expression | write satellites.a.output"},
    {"${{ secrets.key }}", "cluster.satellites[1].input.v 3:6 unknown name `secrets` in an expression | list the secret under `secrets` and read /exosphere/secrets/NAME in the satellite"},
    {"${{ item }}", "cluster.satellites[1].input.v 3:6 unknown name `item` in an expression | item and index are known only in input, env and command of a satellite with `for_each`, and inside a group with it"},
    {"${{ 1 + index }}", "cluster.satellites[1].input.v 3:10 unknown name `index` in an expression | item and index are known only in input, env and command of a satellite with `for_each`, and inside a group with it"},
    {"${{ foo }} and ${{ bar }}",
     "cluster.satellites[1].input.v 3:6 unknown name `foo` in an expression | known here: input, satellites, execution\n"
     "cluster.satellites[1].input.v 3:21 unknown name `bar` in an expression | known here: input, satellites, execution"},
    {"${{ satellites.lost.output }}", "cluster.satellites[1].input.v 3:6 no satellite is named `lost` | did you mean `last`?"},
    {"${{ satellites.nothing.output }}", "cluster.satellites[1].input.v 3:6 no satellite is named `nothing` | name a satellite of this cluster"},
    {"${{ satellites }}", "cluster.satellites[1].input.v 3:6 `satellites` must be followed by the name of a satellite | write satellites.NAME.output"},
    {"${{ satellites[input.x].output }}", "cluster.satellites[1].input.v 3:6 `satellites` must be followed by the name of a satellite | write satellites.NAME.output"},
    {"${{ satellites.a }}", "cluster.satellites[1].input.v 3:6 of a satellite expressions know output, state and error: say which of `a` is meant | write satellites.a.output, .state or .error"},
    {"${{ satellites.a.result }}", "cluster.satellites[1].input.v 3:6 of a satellite expressions know output, state and error: say which of `a` is meant | write satellites.a.output, .state or .error"},
    {"${{ satellites.b.output }}", "cluster.satellites[1].input.v 3:6 `b` cannot refer to itself | refer to a satellite that runs before it"},
    {"${{ satellites.last.output }}", "cluster.satellites[1].input.v 3:6 `last` does not run before `b` | add last to the needs of b"},
    {"${{ satellites.apart.output }}", "cluster.satellites[1].input.v 3:6 `apart` does not run before `b` | add apart to the needs of b"},
    {"${{ execution.start }}", "cluster.satellites[1].input.v 3:6 of the `execution` expressions know id, time and labels | write execution.id, execution.time or execution.labels"},
    {"${{ execution }}", "cluster.satellites[1].input.v 3:6 of the `execution` expressions know id, time and labels | write execution.id, execution.time or execution.labels"},
};
/* clang-format on */

static void parse_expression(struct cluster_fixture *f, const char *expression)
{
    char text[1000];
    char quoted[400];
    size_t at = 0;

    /* An apostrophe is a quote of the expression here. */
    for (const char *c = expression; *c != '\0'; c++) {
        if (*c == '\'') {
            quoted[at++] = '\\';
        }
        quoted[at++] = *c;
    }
    quoted[at] = '\0';
    (void)snprintf(text, sizeof(text),
                   "{'name':'a'},{'name':'b','input':{'v':\n'%s'}},{'name':'last'},"
                   "{'name':'apart','needs':[]}",
                   quoted);
    fixture_parse_satellites(f, text);
}

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), parse_expression);
}

/* Seed of the fuzzer: the name was told as a null pointer. */
static void tells_of_a_user_without_a_name(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    fixture_parse_satellites(
        &f, "{'name':'B','input':'${{ satellites.later.output }}'},{'name':'later'}");
    assert_string_equal(
        fixture_faults(&f),
        "cluster.satellites[0].name 2:10 `B` cannot be a name here | use a-z, 0-9 and _, beginning "
        "with a letter: a dash would be a minus in expressions\n"
        "cluster.satellites[0].input 2:26 `later` does not run before `this satellite` | add later "
        "to the needs of this satellite");
    fixture_end(&f);
}

static void knows_declared_inputs(void **state)
{
    /* clang-format off */
    static const struct { const char *inputs, *expression, *faults; } table[] = {
        {"{'top':{}}", "${{ input.top }}", ""},
        {"{'top':{}}", "${{ input }}", ""},
        {"{'top':{}}", "${{ input[1] }}", ""},
        {"{'top':{}}", "${{ input.tip }}", "cluster.output 2:6 no input is declared as `tip` | did you mean `input.top`?"},
        {"{'top':{}}", "${{ has(input.other) }}", "cluster.output 2:10 no input is declared as `other` | declare it under `inputs`"},
        {"{}", "${{ input.other }}", "cluster.output 2:6 no input is declared as `other` | declare it under `inputs`"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;
        char text[400];

        fixture_begin(&f);
        (void)snprintf(text, sizeof(text),
                       "{'exosphere':'v1','cluster':{'name':'p/c','inputs':%s,'satellites':"
                       "[{'name':'a','image':'i'}],'output':\n'%s'}}",
                       table[i].inputs, table[i].expression);
        fixture_parse(&f, text);
        if (*table[i].faults == '\0') {
            assert_string_equal(fixture_faults(&f), "");
        } else {
            assert_string_equal(fixture_faults(&f), table[i].faults);
        }
        fixture_end(&f);
    }
}

static const char *list_references(struct cluster_fixture *f,
                                   const struct cluster_reference *references, uint32_t count)
{
    buffer_reset(&f->text);
    for (uint32_t i = 0; i < count; i++) {
        const struct cluster_reference *r = &references[i];
        char text[200];

        (void)snprintf(text, sizeof(text), "%s%.*s=%d", i == 0 ? "" : " ", SPAN_ARG(r->path),
                       (int)r->kind);
        buffer_text(&f->text, text);
        if (r->satellite != UINT32_MAX) {
            (void)snprintf(text, sizeof(text), "#%u", r->satellite);
            buffer_text(&f->text, text);
        }
        buffer_text(&f->text, r->is_whole ? "w" : "");
        buffer_text(&f->text, r->is_read ? "r" : "");
    }
    buffer_append(&f->text, (struct span){"", 1});
    return (const char *)f->text.data;
}

static void lists_what_templates_use(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster = fixture_cluster(
        &f, "{'name':'a'},"
            "{'name':'b','for_each':'${{ satellites.a.output }}','when':'${{ input.q }}',"
            "'as':'file','command':['x','${{ file }}','n${{ index }}'],"
            "'input':{'all':'${{ satellites.a.output }}','n':'${{ satellites.a.output.n }}',"
            "'s':'${{ satellites.a.state }}','i':['${{ input }}'],'f':'${{ file.name }}'},"
            "'env':{'ID':'${{ execution.id }}','E':'${{ satellites.a.error }}!'}},"
            "{'name':'c','input':'${{ size(satellites.b.output) }}'},"
            "{'name':'d','input':'${{ satellites.a.output }}'}");

    assert_string_equal(list_references(&f, cluster->satellites[0].references,
                                        cluster->satellites[0].reference_count),
                        "");
    assert_string_equal(list_references(&f, cluster->satellites[1].references,
                                        cluster->satellites[1].reference_count),
                        "file=5#1wr index=6#1r satellites.a.output=1#0wr satellites.a.state=2#0w "
                        "input=0w execution=4r satellites.a.error=3#0r");
    assert_string_equal(list_references(&f, cluster->satellites[2].references,
                                        cluster->satellites[2].reference_count),
                        "satellites.b.output=1#1r");
    assert_string_equal(list_references(&f, cluster->satellites[3].references,
                                        cluster->satellites[3].reference_count),
                        "satellites.a.output=1#0w");
    assert_string_equal(
        list_references(&f, cluster->output_references, cluster->output_reference_count),
        "satellites.d.output=1#3w");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(tells_of_a_user_without_a_name),
        cmocka_unit_test(knows_declared_inputs),
        cmocka_unit_test(lists_what_templates_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
