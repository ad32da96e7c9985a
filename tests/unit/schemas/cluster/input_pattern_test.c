#include "schemas/cluster/input_pattern.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

static struct cluster_input input_of(const char *pattern)
{
    return (struct cluster_input){.type = INPUT_STRING, .pattern = span_of(pattern)};
}

static bool check(struct cluster_fixture *f, const char *pattern, uint64_t *cost_left)
{
    struct field_reader r = {.arena = &f->arena, .faults = &f->faults};
    const struct value_place place = {.key = span_of("pattern")};
    const struct value at = {.kind = VALUE_STRING, .line = 1, .column = 1};
    struct cluster_input input = input_of(pattern);
    bool is_good = input_pattern_check(&r, &input, &at, &place, cost_left);

    assert_int_equal(is_good, f->faults.error_count == 0);
    assert_false(r.is_out_of_memory);
    return is_good;
}

static void finds_it_anywhere_unless_anchored(void **state)
{
    struct cluster_fixture f;
    struct field_reader r = {0};

    (void)state;
    fixture_begin(&f);
    r = (struct field_reader){.arena = &f.arena, .faults = &f.faults};
    assert_true(input_pattern_fits(&r, span_of("b+"), span_of("abba")));
    assert_false(input_pattern_fits(&r, span_of("^b+$"), span_of("abba")));
    assert_true(input_pattern_fits(&r, span_of("^$"), (struct span){NULL, 0}));
    assert_false(r.is_out_of_memory);
    fixture_end(&f);
}

static void takes_what_it_costs(void **state)
{
    struct cluster_fixture f;
    uint64_t cost_left = 100;

    (void)state;
    fixture_begin(&f);
    assert_true(check(&f, "x", &cost_left));
    assert_true(cost_left < 80);
    assert_true(cost_left > 60);
    cost_left = 20;
    assert_false(check(&f, "x", &cost_left));
    assert_string_equal(fixture_faults(&f),
                        "pattern 1:1 the patterns cost more together than the limit of what is "
                        "checked | use fewer or smaller ones");
    fixture_end(&f);
}

static void refuses_a_large_one(void **state)
{
    struct cluster_fixture f;
    uint64_t cost_left = 1000000;

    (void)state;
    fixture_begin(&f);
    assert_false(check(&f, "(abcdefgh){900}", &cost_left));
    assert_non_null(strstr(fixture_faults(&f), "more than the limit of 2000"));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_it_anywhere_unless_anchored),
        cmocka_unit_test(takes_what_it_costs),
        cmocka_unit_test(refuses_a_large_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
