#include "schemas/cluster/finals.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

#define SAYS_NOTHING                                                                               \
    " says nothing of a final satellite: it comes after all others, however they end | remove it"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'a'},{'name':'b','final':false,'needs':['a']}", ""},
    {"{'name':'a'},{'name':'b','final':true,'needs':['a'],'join':'all_done'}",
     "cluster.satellites[1].needs 2:47 `needs`" SAYS_NOTHING "\n"
     "cluster.satellites[1].join 2:61 `join`" SAYS_NOTHING},
    {"{'name':'a'},{'name':'b','final':true},{'name':'c','needs':['b','a']}",
     "cluster.satellites[2].needs[0] 2:62 `b` is final, so nothing can come after it | remove it, or make this satellite final too"},
    {"{'name':'a','final':true},{'name':'b','final':true}",
     "cluster.satellites[0].final 2:21 every satellite is final, so none is left that they could come after | remove it"},
    {"{'name':'a'},{'name':'b','final':true,'input':'${{ satellites.c.output }}'},{'name':'c','final':true}",
     "cluster.satellites[1].input 2:52 `c` is final and runs before no other | refer to satellites that are not final"},
    {"{'name':'a','input':'${{ satellites.b.output }}'},{'name':'b','final':true}",
     "cluster.satellites[0].input 2:26 `b` is final and runs before no other | refer to satellites that are not final"},
    {"{'name':'g','satellites':[{'name':'a'},{'name':'b','final':true}]}",
     "cluster.satellites[0].satellites[1].final 2:60 a satellite in a group cannot be final | write it at the top level, outside of the group"},
    {"{'name':'g','final':true,'satellites':[{'name':'a'}]}",
     "cluster.satellites[0].final 2:13 `final` has no place in a group | only a satellite with an image can be final"},
    /* Who knows `failures`. */
    {"{'name':'a'},{'name':'b','final':true,'when':'${{ size(failures) > 0 }}','for_each':'${{ failures }}','env':{'E':'${{ failures[0].error }}'}}", ""},
    {"{'name':'a'},{'name':'b','join':'any_failed','when':'${{ size(failures) > 0 }}','input':'${{ failures }}'}", ""},
    {"{'name':'a'},{'name':'b','join':'all_done','input':'${{ failures }}'}",
     "cluster.satellites[1].input 2:57 unknown name `failures` in an expression | failures is known only to a satellite with `join: any_failed` or `final: true`"},
    {"{'name':'a'},{'name':'g','join':'any_failed','for_each':'${{ failures }}','output':'${{ failures }}','satellites':[{'name':'b','input':'${{ failures }}'}]}",
     "cluster.satellites[1].output 2:89 unknown name `failures` in an expression | failures is known only to a satellite with `join: any_failed` or `final: true`\n"
     "cluster.satellites[1].satellites[0].input 2:141 unknown name `failures` in an expression | failures is known only to a satellite with `join: any_failed` or `final: true`"},
    {"{'name':'a','for_each':'${{ [1] }}','as':'failures'}",
     "cluster.satellites[0].as 2:43 `failures` already has a meaning in expressions | choose another name"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void come_after_all_others(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster =
        fixture_cluster(&f, "{'name':'x','final':true,'input':'${{ failures }}'},{'name':'a'},"
                            "{'name':'y','final':true,'input':'${{ satellites.b.output }}'},"
                            "{'name':'b'},{'name':'c','needs':[]}");
    const struct satellite *s = cluster->satellites;

    for (uint32_t i = 0; i <= 2; i += 2) {
        assert_true(s[i].is_final);
        assert_int_equal(s[i].join, JOIN_ALL_DONE);
        assert_int_equal(s[i].parent_count, 3);
        assert_memory_equal(s[i].parents, ((const uint32_t[]){1, 3, 4}), 12);
        assert_int_equal(s[i].child_count, 0);
        assert_int_equal(s[i].depth, 2);
    }
    /* b comes after a: final satellites are no part of the order of the file. */
    assert_int_equal(s[1].parent_count, 0);
    assert_int_equal(s[3].parent_count, 1);
    assert_int_equal(s[3].parents[0], 1);
    assert_int_equal(s[3].child_count, 2);
    /* They give nothing to the default output and take nothing from it. */
    assert_int_equal(cluster->output_reference_count, 2);
    assert_int_equal(cluster->output_references[0].satellite, 3);
    assert_int_equal(cluster->output_references[1].satellite, 4);
    assert_int_equal(s[0].references[0].kind, REFERENCE_FAILURES);
    assert_int_equal(s[0].references[0].satellite, SATELLITE_NONE);
    fixture_end(&f);
}

static void are_few(void **state)
{
    struct cluster_fixture f;
    char text[4000] = "{'name':'a'}";

    (void)state;
    for (int i = 0; i <= FINALS_MAX; i++) {
        fixture_begin(&f);
        fixture_parse_satellites(&f, text);
        assert_int_equal(f.faults.error_count, 0);
        fixture_end(&f);
        (void)snprintf(text + strlen(text), 50, ",{'name':'f%d','final':true}", i);
    }
    fixture_begin(&f);
    fixture_parse_satellites(&f, text);
    assert_int_equal(f.faults.error_count, 1);
    assert_string_equal(f.faults.first->path, "cluster.satellites[1].final");
    assert_string_equal(f.faults.first->text,
                        "the cluster has 65 final satellites, more than the limit of 64");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(come_after_all_others),
        cmocka_unit_test(are_few),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
