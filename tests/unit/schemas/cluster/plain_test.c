/* plain: a warning where an expression would silently do nothing, and nothing else. */
#include "schemas/cluster/plain.h"

#include "tests/unit/schemas/cluster/cluster_fixture.h"

static const struct {
    const char *value; /* JSON with ' for " */
    bool is_warned;
} cases[] = {
    {"'${{ input.x }}'", true},    {"{'a':[1,{'b':'x-${{ y }}'}]}", true}, {"'plain'", false},
    {"'$${{ written out'", false}, {"{'${{ a key }}':1}", false},          {"[null,7]", false},
};

static void warns_where_it_must(void **state)
{
    const struct value_place up = {.key = span_of("satellite")};
    const struct value_place place = {.up = &up, .key = span_of("title")};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        f.root = fixture_json(&f, cases[i].value);
        struct field_reader r = {.arena = &f.arena, .faults = &f.faults};

        plain_warn(&r, &f.root, &place, "write it plainly");
        assert_int_equal(f.faults.error_count, 0);
        if (!cases[i].is_warned) {
            assert_string_equal(fixture_faults(&f), "");
        } else {
            assert_non_null(strstr(fixture_faults(&f), "warning: satellite.title 1:"));
            assert_non_null(strstr(fixture_faults(&f), "`title` takes no expressions: ${{ }} in it "
                                                       "stands for itself | write it plainly"));
        }
        fixture_end(&f);
    }
}

static void nothing_is_nothing(void **state)
{
    const struct value_place place = {.key = span_of("title")};
    struct cluster_fixture f;

    (void)state;
    fixture_begin(&f);
    struct field_reader r = {.arena = &f.arena, .faults = &f.faults};

    plain_warn(&r, NULL, &place, "");
    assert_null(f.faults.first);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warns_where_it_must),
        cmocka_unit_test(nothing_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
