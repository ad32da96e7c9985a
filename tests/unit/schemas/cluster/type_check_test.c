/* Expressions against declared inputs: top int, name string, ratio number, files list, limits map,
 * on bool, maybe an int that may be missing, free of any type. */
#include "tests/unit/schemas/cluster/cluster_fixture.h"

static const char head[] =
    "{'exosphere':'v1','cluster':{'name':'p/c','defaults':{'image':'i'},'inputs':{"
    "'top':{'type':'int','default':20},'name':{'type':'string','required':true},"
    "'ratio':{'type':'number','default':0.5},'files':{'type':'list','required':true},"
    "'limits':{'type':'map','default':{}},'on':{'type':'bool','default':true},"
    "'maybe':{'type':'int'},'free':{}},'satellites':[{'name':'a'},\n";

static void parse(struct cluster_fixture *f, const char *satellites)
{
    char text[2000];

    (void)snprintf(text, sizeof(text), "%s%s]}}", head, satellites);
    fixture_parse(f, text);
}

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'b','input':{'x':'${{ input.top + input.name }}'}}",
     "cluster.satellites[1].input.x 2:41 + does not go with int and string | convert one side with int(), double() or string()"},
    {"{'name':'b','input':['fine','at ${{ index }} ${{ input.top.x }}'],'for_each':'${{ input.files }}'}",
     "cluster.satellites[1].input[1] 2:59 int has no member x | take the members of a map and the items of a list only"},
    {"{'name':'b','command':['c','${{ input.name.contains(input.top) }}'],'env':{'A':'${{ -input.name }}'}}",
     "cluster.satellites[1].command[1] 2:58 contains() does not take int | give it what it takes, or convert it with int(), double() or string()\n"
     "cluster.satellites[1].env.A 2:91 - does not take string | give it what it takes, or convert it with int(), double() or string()"},
    {"{'name':'b','when':'${{ input.top }}'}",
     "cluster.satellites[1].when 2:30 `when` takes a bool, but this gives int | compare it, as in ${{ input.top > 3 }} or ${{ input.name != \"\" }}"},
    {"{'name':'b','when':'${{ input.top > input.name }}'}",
     "cluster.satellites[1].when 2:35 > does not go with int and string | convert one side with int(), double() or string()"},
    {"{'name':'b','for_each':'${{ input.limits }}'}",
     "cluster.satellites[1].for_each 2:34 `for_each` takes a list, but this gives map | name a list, as in ${{ input.files }}"},
    {"{'name':'b','for_each':'${{ satellites.a.state }}'}",
     "cluster.satellites[1].for_each 2:41 `for_each` takes a list, but this gives string | name a list, as in ${{ input.files }}"},
    {"{'name':'b','for_each':'${{ [1, 2] }}','as':'n','input':'${{ n + input.name }}'}",
     "cluster.satellites[1].input 2:64 + does not go with int and string | convert one side with int(), double() or string()"},
    {"{'name':'g','for_each':'${{ [1, 2] }}','as':'n','output':'${{ n + input.name }}','satellites':[{'name':'b','when':'${{ n }}','input':'${{ n + 1 }}'}]}",
     "cluster.satellites[1].output 2:65 + does not go with int and string | convert one side with int(), double() or string()\n"
     "cluster.satellites[1].satellites[0].when 2:120 `when` takes a bool, but this gives int | compare it, as in ${{ input.top > 3 }} or ${{ input.name != \"\" }}"},
    {"{'name':'b','input':'${{ input.files.map(f, f + 1).join() - 1 }}'}",
     "cluster.satellites[1].input 2:59 - does not go with string and int | convert one side with int(), double() or string()"},
    {"{'name':'b','input':'${{ input.ratio + 1 }}'}",
     "cluster.satellites[1].input 2:38 + does not go with double and int | convert one side with int(), double() or string()"},
    {"{'name':'b','input':'${{ execution.time + 1 }}'}",
     "cluster.satellites[1].input 2:41 + does not go with timestamp and int | convert one side with int(), double() or string()"},
    /* A slip of a name gives that fault alone. */
    {"{'name':'b','input':'${{ input.tip + input.top.a }}'}", "cluster.satellites[1].input 2:26 no input is declared as `tip` | did you mean `input.top`?"},
    {"{'name':'b','input':'${{ list }}'}", "cluster.satellites[1].input 2:26 unknown name `list` in an expression | known here: input, satellites, execution"},
    {"{'name':'b','input':'${{ a == 1 }}'}", "cluster.satellites[1].input 2:26 unknown name `a` in an expression | write satellites.a.output"},
};

static const char *const good[] = {
    "{'name':'b','input':'${{ input.top + 1 }}','when':'${{ input.top > 3 && input.on }}'}",
    "{'name':'b','input':'${{ input.maybe + 1 }}','when':'${{ input.maybe == null || input.maybe > 1 }}'}",
    "{'name':'b','input':'${{ input.free + 1 }}','when':'${{ input.free }}'}",
    "{'name':'b','input':'${{ input.limits.a.b + 1 }}','when':'${{ input.limits.on }}'}",
    "{'name':'b','input':'${{ satellites.a.output.x + 1 }}','when':'${{ satellites.a.output.ok }}'}",
    "{'name':'b','for_each':'${{ input.files.filter(f, f.size > 3) }}','as':'f','input':'${{ f.name + string(index) }}'}",
    "{'name':'b','for_each':'${{ satellites.a.output }}','input':'${{ item + 1 }}'}",
    "{'name':'b','when':'${{ type(input.free) == int && type(execution.time) == google.protobuf.Timestamp }}'}",
    "{'name':'b','input':'${{ string(input.top) + input.name }} since ${{ execution.time - duration(\\u00271h\\u0027) }}'}",
    "{'name':'b','when':true,'input':'${{ input.on ? input.top : input.name }}'}",
};
/* clang-format on */

static void tells_definite_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), parse);
}

static void takes_what_may_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        parse(&f, good[i]);
        if (f.cluster == NULL) {
            fail_msg("%s\n%s", good[i], fixture_faults(&f));
        }
        fixture_end(&f);
    }
}

/* Wrong ones are told; many of the largest end at what one file may cost. */
static void checks_patterns(void **state)
{
    enum { PATTERNS = 80 };
    struct cluster_fixture f;
    char text[100 * PATTERNS] = "";

    (void)state;
    fixture_begin(&f);
    fixture_parse_satellites(&f, "{'name':'a','when':'${{ input.x.matches(\\u0027(\\u0027) }}'}");
    assert_string_equal(fixture_faults(&f),
                        "cluster.satellites[0].when 2:41 no pattern of RE2: missing ): ( | "
                        "matches() takes the syntax of RE2");
    fixture_end(&f);
    fixture_begin(&f);
    for (int i = 0; i < PATTERNS; i++) {
        (void)snprintf(text + strlen(text), 100,
                       "%s{'name':'a%d','when':'${{ input.x.matches(\\u0027.{900}%d\\u0027) }}'}",
                       i == 0 ? "" : ",", i, i);
    }
    fixture_parse_satellites(&f, text);
    assert_true(f.faults.error_count > 0);
    assert_non_null(strstr(fixture_faults(&f), "the patterns cost more together than the limit"));
    fixture_end(&f);
}

/* A version that was good when it was stored stays so, also for a later program that knows more. */
static void leaves_a_stored_cluster_alone(void **state)
{
    struct cluster_fixture f;
    char text[2000];

    (void)state;
    fixture_begin(&f);
    (void)snprintf(text, sizeof(text), "%s%s]}}", head, cases[0].text);
    f.root = fixture_json(&f, text);
    struct cluster_source source = {.root = &f.root, .is_stored = true};

    assert_int_equal(cluster_parse(&source, &f.arena, &f.cluster, &f.faults), 0);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_definite_faults),
        cmocka_unit_test(takes_what_may_work),
        cmocka_unit_test(checks_patterns),
        cmocka_unit_test(leaves_a_stored_cluster_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
