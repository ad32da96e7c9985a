#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'w','wait':{}}",
     "cluster.satellites[0].wait 2:20 `wait` does not say what for | write one of {for: 10m}, {signal: NAME}, {approval: \"May it run?\"}"},
    {"{'name':'w','wait':5}", "cluster.satellites[0].wait 2:20 `wait` must be a map, not an int"},
    {"{'name':'w','wait':null}", "cluster.satellites[0].wait 2:20 `wait` must be a map, not null | give it a value, or remove the field"},
    {"{'name':'w','wait':{'timeout':'1m'}}",
     "cluster.satellites[0].wait 2:20 `wait` does not say what for | write one of {for: 10m}, {signal: NAME}, {approval: \"May it run?\"}"},
    {"{'name':'w','wait':{'for':'1m','signal':'go'}}",
     "cluster.satellites[0].wait 2:20 `wait` is for one thing only | write one of {for: 10m}, {signal: NAME}, {approval: \"May it run?\"}"},
    {"{'name':'w','wait':{'for':'1m','timeout':'1m'}}",
     "cluster.satellites[0].wait.timeout 2:43 a wait for time ends by itself and takes no `timeout` | remove it"},
    {"{'name':'w','wait':{'for':'0s'}}", "cluster.satellites[0].wait.for 2:28 `for` must be longer than 0 | give it some time, or remove the field for none"},
    {"{'name':'w','wait':{'for':60}}", "cluster.satellites[0].wait.for 2:27 `for` is a duration and needs a unit | write the unit, such as 30s, 10m or 1h30m"},
    {"{'name':'w','wait':{'signal':'Go-now'}}",
     "cluster.satellites[0].wait.signal 2:31 `Go-now` cannot be a name here | use a-z, 0-9 and _, beginning with a letter: a dash would be a minus in expressions"},
    {"{'name':'w','wait':{'approval':false}}", "cluster.satellites[0].wait.approval 2:32 `approval: false` waits for nothing | write a text for who approves, or true"},
    {"{'name':'w','wait':{'approval':''}}", "cluster.satellites[0].wait.approval 2:33 `approval` is empty | give it a value, or remove the field"},
    {"{'name':'w','wait':{'approval':'${{ input.x }}?'}}", "cluster.satellites[0].wait.approval 2:33 `approval` takes no expressions | write the text plainly"},
    {"{'name':'w','wait':{'signal':'go','timout':'1m'}}", "cluster.satellites[0].wait.timout 2:35 unknown field `timout` | did you mean `timeout`?"},
    /* What a wait may not have. */
    {"{'name':'w','wait':{'signal':'go'},'image':'i','command':['x'],'retries':{}}",
     "cluster.satellites[0].image 2:36 `image` has no place in a wait | remove it: a wait runs no container\n"
     "cluster.satellites[0].command 2:48 `command` has no place in a wait | remove it: a wait runs no container\n"
     "cluster.satellites[0].retries 2:64 `retries` has no place in a wait | remove it: a wait runs no container"},
    {"{'name':'w','wait':{'signal':'go'},'for_each':'${{ [1] }}','as':'x','tolerate':1}",
     "cluster.satellites[0].for_each 2:36 `for_each` has no place in a wait | put the wait into a group that has it\n"
     "cluster.satellites[0].as 2:60 `as` has no place in a wait | put the wait into a group that has it\n"
     "cluster.satellites[0].tolerate 2:69 `tolerate` has no place in a wait | put the wait into a group that has it"},
    {"{'name':'a'},{'name':'w','wait':{'signal':'go'},'final':true}",
     "cluster.satellites[1].final 2:49 `final` has no place in a wait | only a satellite with an image can be final"},
    {"{'name':'w','wait':{'signal':'go'},'wehn':true}", "cluster.satellites[0].wehn 2:36 unknown field `wehn` | did you mean `when`?"},
    {"{'wait':{'signal':'go'}}", "cluster.satellites[0].name 2:1 a satellite without a name | add name: NAME"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void reads_the_three(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct satellite *s =
        fixture_cluster(&f, "{'name':'a','wait':{'for':'1h30m'}},"
                            "{'name':'b','wait':{'signal':'go','timeout':'5m'},'join':'all_done',"
                            "'when':'${{ satellites.a.state == \\'SUCCEEDED\\' }}'},"
                            "{'name':'c','needs':['a'],'wait':{'approval':'Really?'},"
                            "'continue_on_error':true},"
                            "{'name':'d','wait':{'approval':true,'timeout':'1s'}}")
            ->satellites;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(s[i].kind, SATELLITE_WAIT);
        assert_true(span_is(s[i].class, "default"));
        assert_int_equal(s[i].work.image.bytes, 0);
        assert_int_equal(s[i].reference_count, 0);
    }
    assert_int_equal(s[0].wait.for_ns, EXO_HOUR + 30 * EXO_MINUTE);
    assert_int_equal(s[0].wait.timeout_ns, 0);
    assert_false(s[0].wait.is_approval);
    assert_true(span_is(s[1].wait.signal, "go"));
    assert_int_equal(s[1].wait.timeout_ns, 5 * EXO_MINUTE);
    assert_int_equal(s[1].join, JOIN_ALL_DONE);
    assert_non_null(s[1].when);
    assert_true(s[2].wait.is_approval);
    assert_true(span_is(s[2].wait.text, "Really?"));
    assert_true(s[2].is_continued);
    assert_true(s[3].wait.is_approval);
    assert_int_equal(s[3].wait.text.bytes, 0);
    assert_int_equal(s[3].wait.timeout_ns, EXO_SECOND);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(reads_the_three),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
