#include "schemas/cluster/failure_rules.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

#define JOINS "write one of: all_succeeded, all_done, any_succeeded, any_failed, {at_least: N}"
#define TOLERATE "write how many tasks may fail, such as 3, or a part, such as 5%"

/* clang-format off */
/* Satellite b after a; the text stands in b. */
static const struct fault_case cases[] = {
    {"'join':'any_succeeded'", ""},
    {"'join':'any_failed'", ""},
    {"'join':{'at_least':1}", ""},
    {"'join':'all'", "cluster.satellites[1].join 3:9 `all` is no value of `join` | " JOINS},
    {"'join':7", "cluster.satellites[1].join 3:8 `join` must be a string or a map, not an int | " JOINS},
    {"'join':'at_least'", "cluster.satellites[1].join 3:9 `join: at_least` does not say how many | write join: {at_least: 2}"},
    {"'join':{}", "cluster.satellites[1].join 3:8 `join` is empty | write join: {at_least: 2}"},
    {"'join':{'at_most':1}", "cluster.satellites[1].join.at_most 3:9 unknown field `at_most` | known here: at_least"},
    {"'join':{'at_least':0}", "cluster.satellites[1].join.at_least 3:20 `at_least` must be between 1 and 10000"},
    {"'join':{'at_least':'2'}", "cluster.satellites[1].join.at_least 3:21 `at_least` must be an int, not a string"},
    {"'join':{'at_least':2}", "cluster.satellites[1].join 3:8 `at_least` asks for 2, but the satellite comes after 1 | ask for fewer, or name more satellites in `needs`"},
    {"'needs':[],'join':'any_succeeded'", "cluster.satellites[1].join 3:20 the satellite comes after none, so the join can never be met | name satellites in `needs`"},
    {"'needs':[],'join':'all_done'", ""},
    {"'for_each':'${{ [1] }}','tolerate':0", ""},
    {"'for_each':'${{ [1] }}','tolerate':'0.05%'", ""},
    {"'for_each':'${{ [1] }}','tolerate':'100%'", ""},
    {"'for_each':'${{ [1] }}','tolerate':'100.01%'", "cluster.satellites[1].tolerate 3:37 `100.01%` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':'5'", "cluster.satellites[1].tolerate 3:37 `5` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':'%'", "cluster.satellites[1].tolerate 3:37 `%` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':'5.%'", "cluster.satellites[1].tolerate 3:37 `5.%` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':'.5%'", "cluster.satellites[1].tolerate 3:37 `.5%` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':'0.125%'", "cluster.satellites[1].tolerate 3:37 `0.125%` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':'99999999999999999999%'", "cluster.satellites[1].tolerate 3:37 `99999999999999999999%` is no part of a hundred with at most two decimals, from 0% to 100% | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':-1", "cluster.satellites[1].tolerate 3:36 `tolerate` must be between 0 and 1000000 | " TOLERATE},
    {"'for_each':'${{ [1] }}','tolerate':0.05", "cluster.satellites[1].tolerate 3:36 `tolerate` must be an int or a string, not a double | " TOLERATE},
    {"'timeouts':{'queue':'0s','start':'1m'}",
     "cluster.satellites[1].timeouts.queue 3:22 `queue` must be longer than 0 | give it some time, or remove the field for none\n"
     "cluster.satellites[1].timeouts.start 3:26 unknown field `start` | known here: queue, total, heartbeat"},
    {"'timeouts':'1m'", "cluster.satellites[1].timeouts 3:13 `timeouts` must be a map, not a string"},
    {"'retries':{'never':[0,256,-1,'1',3,3,75]}",
     "cluster.satellites[1].retries.never[0] 3:21 the exit status 0 is success and is never tried again | name statuses from 1 to 255\n"
     "cluster.satellites[1].retries.never[1] 3:23 an exit status lies between 1 and 255 | name statuses from 1 to 255\n"
     "cluster.satellites[1].retries.never[2] 3:27 an exit status lies between 1 and 255 | name statuses from 1 to 255\n"
     "cluster.satellites[1].retries.never[3] 3:31 an item of `never` must be an int, not a string\n"
     "cluster.satellites[1].retries.never[5] 3:36 the exit status 3 stands twice | name it once\n"
     "cluster.satellites[1].retries.never[6] 3:38 the exit status 75 always means later | take it out"},
    {"'retries':{'later':[65,75]}", "cluster.satellites[1].retries.later[0] 3:21 the exit status 65 always means never again | take it out"},
    {"'retries':{'later':4}", "cluster.satellites[1].retries.later 3:20 `later` must be a list, not an int | put it in brackets: [...]"},
    {"'retries':{'never':[1,2],'later':[2,3]}", "cluster.satellites[1].retries.later 3:34 the exit status 2 stands in `never` and in `later` | keep it in one of the two"},
    /* The defaults say never: [9]. */
    {"'retries':{'later':[9]}", "cluster.satellites[1].retries.later 3:20 the exit status 9 stands in `never` and in `later` | keep it in one of the two"},
    {"'retries':{'never':[],'later':[9]}", ""},
    {"'retries':{'budget':'0s'}", "cluster.satellites[1].retries.budget 3:22 `budget` must be longer than 0 | give it some time, or remove the field for none"},
};
/* clang-format on */

static void parse_rules(struct cluster_fixture *f, const char *rules)
{
    char text[1000];

    (void)snprintf(text, sizeof(text),
                   "{'exosphere':'v1','cluster':{'name':'p/c','defaults':{'image':'i',"
                   "'timeouts':{'queue':'1m'},'retries':{'limit':2,'never':[9,8]}},"
                   "'satellites':[{'name':'a'},\n{'name':'b',\n%s}]}}",
                   rules);
    fixture_parse(f, text);
}

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), parse_rules);
}

static void reads_them_over_the_defaults(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    parse_rules(&f, "'join':{'at_least':1},'for_each':'${{ [1] }}','tolerate':'2.5%',"
                    "'timeouts':{'total':'1h'},'retries':{'later':[7,200,1],'budget':'2h'}");
    assert_string_equal(fixture_faults(&f), "");
    const struct satellite *a = &f.cluster->satellites[0];
    const struct satellite *b = &f.cluster->satellites[1];

    assert_int_equal(a->retries.never_count, 2);
    assert_int_equal(a->retries.later_count, 0);
    assert_int_equal(a->timeouts.queue_ns, EXO_MINUTE);
    assert_int_equal(a->timeouts.total_ns, 0);
    assert_int_equal(b->join, JOIN_AT_LEAST);
    assert_int_equal(b->join_count, 1);
    assert_int_equal(b->tolerance.count, 0);
    assert_int_equal(b->tolerance.permyriad, 250);
    assert_int_equal(b->timeouts.queue_ns, EXO_MINUTE);
    assert_int_equal(b->timeouts.total_ns, EXO_HOUR);
    assert_int_equal(b->timeouts.heartbeat_ns, 0);
    assert_int_equal(b->retries.limit, 2);
    assert_int_equal(b->retries.budget_ns, 2 * EXO_HOUR);
    assert_memory_equal(b->retries.never, ((const uint8_t[]){8, 9}), 2);
    assert_int_equal(b->retries.later_count, 3);
    assert_memory_equal(b->retries.later, ((const uint8_t[]){1, 7, 200}), 3);
    fixture_end(&f);
}

static void writes_parts_of_a_hundred(void **state)
{
    static const struct {
        uint32_t permyriad;
        const char *text;
    } parts[] = {{1, "0.01%"}, {10, "0.1%"}, {500, "5%"}, {1205, "12.05%"}, {10000, "100%"}};

    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct fault_text text = {.used = 0};

        failure_add_percent(&text, parts[i].permyriad);
        assert_string_equal(text.bytes, parts[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(reads_them_over_the_defaults),
        cmocka_unit_test(writes_parts_of_a_hundred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
