#include "schemas/cluster/closed.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* A cluster used as a satellite, written out: {INPUTS...} stands for what it declares. */
#define USED(fields, inner)                                                                        \
    "{'name':'sub','uses':'cluster/p/used@3'," fields "'satellites':[" inner "]}"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'a'}," USED("'inputs':{'x':{'type':'int'}},'input':{'x':'${{ satellites.a.output }}'},'timeout':'1h',",
                          "{'name':'a','image':'i','input':'${{ input.x + 1 }}'}") ",{'name':'z','input':'${{ satellites.sub.output }}'}", ""},
    /* Names outside are no names inside, and may be the same. */
    {"{'name':'a'}," USED("", "{'name':'b','image':'i','input':'${{ satellites.a.output }}'}"),
     "cluster.satellites[1].satellites[0].input 2:105 no satellite is named `a` | name a satellite of this cluster"},
    {"{'name':'sub2','for_each':'${{ [1] }}','as':'it','uses':'cluster/p/u@1','satellites':[{'name':'b','image':'i','input':['${{ it }}','${{ index }}']}]}",
     "cluster.satellites[0].satellites[0].input[0] 2:125 unknown name `it` in an expression | known here: input, satellites, execution\n"
     "cluster.satellites[0].satellites[0].input[1] 2:137 unknown name `index` in an expression | item and index are known only in input, env and command of a satellite with `for_each`, and inside a group with it"},
    {"{'name':'g','for_each':'${{ [1] }}','as':'it','satellites':[" USED("'input':{'n':'${{ it + index }}'},", "{'name':'g','for_each':'${{ [input.n] }}','as':'it','image':'i','input':'${{ it }}'}") "]}", ""},
    /* Its own input is typed, the cluster's is not seen. */
    {USED("'inputs':{'x':{'type':'string','required':true}},'input':{'x':'t'},", "{'name':'b','image':'i','input':'${{ input.x + 1 }}'}"),
     "cluster.satellites[0].satellites[0].input 2:167 + does not go with string and int | convert one side with int(), double() or string()"},
    {USED("'inputs':{'x':{}},", "{'name':'b','image':'i','input':'${{ input.y }}'}"),
     "cluster.satellites[0].satellites[0].input 2:110 no input is declared as `y` | declare it under `inputs`"},
    /* What is given is checked as far as it is known. */
    {USED("'inputs':{'x':{'type':'int','required':true}},", "{'name':'b','image':'i'}"),
     "cluster.satellites[0].input.x 2:1 the input `x` is missing | see the `inputs` of the cluster that is used"},
    {USED("'inputs':{'x':{'type':'int','maximum':3}},'input':{'x':4,'y':1},", "{'name':'b','image':'i'}"),
     "cluster.satellites[0].input.x 2:96 `x` is above its `maximum` of 3 | see the `inputs` of the cluster that is used\n"
     "cluster.satellites[0].input.y 2:98 the cluster that is used has no input `y` | it has: x"},
    {USED("'inputs':{'x':{'type':'int'}},'input':{'x':'${{ string(1) }}'},", "{'name':'b','image':'i'}"),
     "cluster.satellites[0].input.x 2:89 `x` takes null or int, but this gives string | see the `inputs` of the cluster that is used"},
    {USED("'inputs':{'x':{'type':'int'},'n':{'type':'number'}},'input':{'x':'a${{ 1 }}','n':'${{ 1 }}'},", "{'name':'b','image':'i'}"),
     "cluster.satellites[0].input.x 2:107 `x` takes null or int, but this gives string | see the `inputs` of the cluster that is used"},
    {USED("'input':[1],", "{'name':'b','image':'i'}"), "cluster.satellites[0].input 2:49 `input` must be a map, not a list"},
    {USED("'input':'${{ [1] }}',", "{'name':'b','image':'i'}"),
     "cluster.satellites[0].input 2:54 `input` takes a map, but this gives list | name a map, as in ${{ item }}"},
    {USED("'input':'x',", "{'name':'b','image':'i'}"),
     "cluster.satellites[0].input 2:50 `input` takes one expression and nothing around it | write ${{ MAP }}, or a map of the inputs"},
    /* What may stand beside it. */
    {"{'name':'s','uses':'cluster/p/u','image':'i','command':['c'],'env':{},'retries':{},'final':true,'class':'k','output_schema':{}}",
     "cluster.satellites[0].uses 2:21 `cluster/p/u` was not looked up in the store | send the cluster through the API\n"
     "cluster.satellites[0].image 2:34 `image` has no place beside `uses: cluster/...` | write it in the satellites of the cluster that is used, and store that again\n"
     "cluster.satellites[0].command 2:46 `command` has no place beside `uses: cluster/...` | write it in the satellites of the cluster that is used, and store that again\n"
     "cluster.satellites[0].env 2:62 `env` has no place beside `uses: cluster/...` | write it in the satellites of the cluster that is used, and store that again\n"
     "cluster.satellites[0].retries 2:71 `retries` has no place beside `uses: cluster/...` | write it in the satellites of the cluster that is used, and store that again\n"
     "cluster.satellites[0].final 2:84 `final` has no place beside `uses: cluster/...` | only a satellite with an image can be final\n"
     "cluster.satellites[0].class 2:97 `class` has no place beside `uses: cluster/...` | write it in the satellites of the cluster that is used, and store that again\n"
     "cluster.satellites[0].output_schema 2:109 `output_schema` has no place beside `uses: cluster/...` | write it in the satellites of the cluster that is used, and store that again"},
    {"{'name':'s','uses':'cluster/p'}",
     "cluster.satellites[0].uses 2:21 `cluster/p` names no stored cluster | the project is missing: write PROJECT/NAME"},
    {"{'name':'s','uses':'cluster/p/u','output':1,'inputs':{}}",
     "cluster.satellites[0].uses 2:21 `cluster/p/u` was not looked up in the store | send the cluster through the API\n"
     "cluster.satellites[0].output 2:43 `output` is that of the cluster it uses | remove it\n"
     "cluster.satellites[0].inputs 2:54 `inputs` is that of the cluster it uses | remove it"},
    {"{'name':'s','uses':'cluster/p/u','satellites':[{'name':'b','image':'i'}]}",
     "cluster.satellites[0].satellites 2:47 `satellites` stands beside `uses` | remove it; or name the version, where it has been written out already"},
    {"{'name':'g','inputs':{},'satellites':[{'name':'b','image':'i'}]}",
     "cluster.satellites[0].inputs 2:13 `inputs` has no place in a group | write it in the satellites of the group"},
    /* Final satellites are those of the cluster; a plain group in it has none. */
    {USED("", "{'name':'b','image':'i'},{'name':'end','final':true,'image':'i','input':'${{ failures }}'}"), ""},
    {USED("", "{'name':'end','final':true,'image':'i'}"),
     "cluster.satellites[0].satellites[0].final 2:77 every satellite is final, so none is left that they could come after | remove it"},
    {USED("", "{'name':'g','satellites':[{'name':'b','final':true,'image':'i'}]}"),
     "cluster.satellites[0].satellites[0].satellites[0].final 2:101 a satellite in a group cannot be final | write it at the top level, outside of the group"},
    /* `defaults` of the file are not those of the cluster. */
    {USED("", "{'name':'b'}"), "cluster.satellites[0].satellites[0].image 2:55 the satellite has no image | add image: IMAGE here or under `defaults`"},
};
/* clang-format on */

static void what_fits_and_what_does_not(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void a_use_that_was_not_looked_up_has_its_form(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    f.allows_uses = true;
    const struct cluster *cluster = fixture_cluster(
        &f, "{'name':'s','uses':'cluster/p/u@latest','input':{'a':'${{ execution.id }}'}}");

    assert_true(cluster->satellites[0].is_closed);
    assert_int_equal(cluster->satellites[0].kind, SATELLITE_GROUP);
    assert_int_equal(cluster->satellites[0].inner_count, 0);
    fixture_end(&f);
}

static void scopes_are_told_apart(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *c = fixture_cluster(
        &f, "{'name':'a'}," USED("", "{'name':'a','image':'i'},{'name':'g','satellites':[{'name':"
                                     "'b','image':'i'}]}"));

    /* a sub | a g | b */
    assert_int_equal(c->satellites[0].closed_by, SATELLITE_NONE);
    assert_int_equal(c->satellites[1].closed_by, SATELLITE_NONE);
    assert_int_equal(c->satellites[2].closed_by, 1);
    assert_int_equal(c->satellites[4].closed_by, 1);
    assert_int_equal(cluster_closed_scope(c, SATELLITE_NONE), SATELLITE_NONE);
    assert_int_equal(cluster_closed_scope(c, 1), 1);
    assert_int_equal(cluster_closed_scope(c, 3), 1);
    assert_ptr_equal(cluster_find_seen(c, 3, span_of("a")), &c->satellites[2]);
    assert_null(cluster_find_seen(c, 3, span_of("sub")));
    fixture_end(&f);
}

static void is_the_same_when_read_again(void **state)
{
    struct cluster_fixture f;
    char first[2000];

    (void)state;
    fixture_begin(&f);
    const struct cluster *c = fixture_cluster(
        &f, "{'name':'a'}," USED("'for_each':'${{ [1] }}','as':'x','tolerate':1,'timeout':'60m',"
                                 "'inputs':{'n':{'type':'string','pattern':'^a'}},'input':{'n':"
                                 "'${{ string(x) }}'},'output':'${{ satellites.b.output }}',",
                                 "{'name':'b','image':'i'},{'name':'end','final':true,'image':"
                                 "'j'}"));

    assert_true(c->satellites[3].is_final);
    (void)snprintf(first, sizeof(first), "%s", fixture_canonical(&f, c));
    assert_string_equal(
        first,
        "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"p/c\",\"satellites\":[{\"name\":\"a\","
        "\"needs\":[],\"image\":\"i\"},{\"name\":\"sub\",\"uses\":\"cluster/p/used@3\",\"needs\":["
        "\"a\"],\"for_each\":\"${{ [1] }}\",\"as\":\"x\",\"tolerate\":1,\"timeout\":\"1h\","
        "\"input\":{\"n\":\"${{ string(x) }}\"},\"inputs\":{\"n\":{\"type\":\"string\","
        "\"pattern\":\"^a\"}},\"satellites\":[{\"name\":\"b\",\"needs\":[],\"image\":\"i\"},{"
        "\"name\":\"end\",\"final\":true,\"image\":\"j\"}],\"output\":\"${{ satellites.b.output "
        "}}\"}]}}");
    f.root = fixture_json(&f, first);
    fixture_parse_value(&f, f.root);
    assert_non_null(f.cluster);
    assert_string_equal(fixture_canonical(&f, f.cluster), first);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_and_what_does_not),
        cmocka_unit_test(a_use_that_was_not_looked_up_has_its_form),
        cmocka_unit_test(scopes_are_told_apart),
        cmocka_unit_test(is_the_same_when_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
