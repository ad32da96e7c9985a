#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'a'},\n{'name':'b'},\n{'name':'a'},\n{'name':'a'}",
     "cluster.satellites[2].name 4:10 the name `a` stands twice, first in line 2 | give each satellite a name of its own\n"
     "cluster.satellites[3].name 5:10 the name `a` stands twice, first in line 2 | give each satellite a name of its own"},
    {"{'name':'list'},{'name':'b','needs':['lsit','nothing',5,'list','list']}",
     "cluster.satellites[1].needs[0] 2:39 no satellite is named `lsit` | did you mean `list`?\n"
     "cluster.satellites[1].needs[1] 2:46 no satellite is named `nothing` | name a satellite of this cluster\n"
     "cluster.satellites[1].needs[2] 2:55 an item of `needs` must be a string, not an int | put it in quotes\n"
     "cluster.satellites[1].needs[4] 2:65 `needs` names `list` twice | name it once"},
    {"{'name':'a','needs':'b'},{'name':'b'}",
     "cluster.satellites[0].needs 2:22 `needs` must be a list, not a string | put it in brackets: [...]"},
    {"{'name':'a','needs':null}",
     "cluster.satellites[0].needs 2:21 `needs` must be a list, not null | give it a value, or remove the field"},
    {"{'name':'a','needs':['a']}",
     "cluster.satellites[0].needs 2:21 the satellites wait for each other in a cycle: a -> a | remove one of these needs; "
     "a satellite without `needs` comes after the one before it in the file, `needs: []` begins at once"},
    {"{'name':'a','needs':['b']},{'name':'b'}",
     "cluster.satellites[0].needs 2:21 the satellites wait for each other in a cycle: a -> b -> a | remove one of these needs; "
     "a satellite without `needs` comes after the one before it in the file, `needs: []` begins at once"},
    /* e runs after the cycle b -> c -> d -> b; x -> y -> x is another. */
    {"{'name':'a'},{'name':'d','needs':['c']},\n{'name':'b','needs':['d','a']},\n{'name':'c','needs':['b']},{'name':'e'},\n"
     "{'name':'x','needs':['y']},{'name':'y','needs':['x']}",
     "cluster.satellites[1].needs 2:34 the satellites wait for each other in a cycle: d -> b -> c -> d | remove one of these needs; "
     "a satellite without `needs` comes after the one before it in the file, `needs: []` begins at once\n"
     "cluster.satellites[5].needs 5:21 the satellites wait for each other in a cycle: x -> y -> x | remove one of these needs; "
     "a satellite without `needs` comes after the one before it in the file, `needs: []` begins at once"},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void check_list(const uint32_t *list, uint32_t count, const char *expected)
{
    char text[100] = "";

    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(text + strlen(text), 12, "%s%u", i == 0 ? "" : " ", list[i]);
    }
    assert_string_equal(text, expected);
}

static void resolves_needs_and_file_order(void **state)
{
    /* clang-format off */
    static const struct { const char *parents, *children; uint32_t depth; } expected[] = {
        {"", "1 2", 0}, {"0", "4 5", 1}, {"0", "4", 1}, {"", "", 0}, {"2 1", "5", 2}, {"4 1", "", 3},
    };
    /* clang-format on */
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster =
        fixture_cluster(&f, "{'name':'z'},{'name':'y'},{'name':'x','needs':['z']},"
                            "{'name':'w','needs':[]},{'name':'v','needs':['x','y']},"
                            "{'name':'u','needs':['v','y']}");

    for (uint32_t i = 0; i < COUNT(expected); i++) {
        const struct satellite *s = &cluster->satellites[i];

        assert_int_equal(s->index, i);
        check_list(s->parents, s->parent_count, expected[i].parents);
        check_list(s->children, s->child_count, expected[i].children);
        assert_int_equal(s->depth, expected[i].depth);
    }
    check_list(cluster->order, cluster->satellite_count, "0 3 1 2 4 5");
    check_list(cluster->by_name, cluster->satellite_count, "5 4 3 2 1 0");
    fixture_end(&f);
}

static void finds_satellites_by_name(void **state)
{
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    const struct cluster *cluster =
        fixture_cluster(&f, "{'name':'b'},{'name':'a'},{'name':'ab'},{'name':'b1'},{'name':'c'}");

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        assert_ptr_equal(cluster_find(cluster, SATELLITE_NONE, cluster->satellites[i].name),
                         &cluster->satellites[i]);
    }
    assert_null(cluster_find(cluster, SATELLITE_NONE, span_of("")));
    assert_null(cluster_find(cluster, SATELLITE_NONE, span_of("aa")));
    assert_null(cluster_find(cluster, SATELLITE_NONE, span_of("zz")));
    fixture_end(&f);
}

static void tells_of_ten_cycles_at_most(void **state)
{
    struct cluster_fixture f;
    char text[2000] = "";

    (void)state;
    fixture_begin(&f);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text + strlen(text), 60, "%s{'name':'s%d','needs':['s%d']}",
                       i == 0 ? "" : ",", i, i);
    }
    fixture_parse_satellites(&f, text);
    assert_int_equal(f.faults.error_count, 10);
    fixture_end(&f);
}

static void names_a_long_cycle_in_short(void **state)
{
    struct cluster_fixture f;
    char text[2000] = "{'name':'s0','needs':['s29']}";

    (void)state;
    fixture_begin(&f);
    for (int i = 1; i < 30; i++) {
        (void)snprintf(text + strlen(text), 60, ",{'name':'s%d'}", i);
    }
    fixture_parse_satellites(&f, text);
    assert_int_equal(f.faults.error_count, 1);
    assert_string_equal(f.faults.first->text,
                        "the satellites wait for each other in a cycle: s0 -> s1 -> s2 -> s3 -> s4 "
                        "-> s5 -> s6 -> s7 -> s8 -> s9 -> s10 -> s11 -> ... -> s0");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(resolves_needs_and_file_order),
        cmocka_unit_test(finds_satellites_by_name),
        cmocka_unit_test(tells_of_ten_cycles_at_most),
        cmocka_unit_test(names_a_long_cycle_in_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
