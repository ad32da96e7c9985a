#include "tests/unit/schemas/expression/lazy_scope.h"

static void answers_without_loading(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *expected; uint32_t loads, pendings; } table[] = {
        {"size(satellites.count.output)", "1000000", 0, 0},
        {"satellites.count.output.size() > 10", "true", 0, 0},
        {"satellites.count.output[999]", "998001", 0, 0},
        {"satellites['count']['output'][input.n + 1]", "16", 0, 0},
        {"satellites.count.output[1000000]", "missing@24: no such item", 0, 0},
        {"satellites.count.output", "limit@17: larger than 1 MiB: take*", 0, 0},
        {"satellites.count.output == []", "limit@17: larger*", 0, 0},
        {"satellites.count.output == [] || true", "limit@17: larger*", 0, 0},
        {"satellites.small.output", "{\"a\":[1,2]}", 1, 0},
        {"satellites.small.output.a[1]", "2", 1, 0},
        {"'a' in satellites.small.output", "true", 1, 0},
        {"has(satellites.small)", "true", 0, 0},
        {"has(satellites.large)", "false", 0, 0},
        {"has(satellites.small.output.z)", "false", 0, 0},
        {"satellites.away.output.a", "pending@23: not fetched yet", 0, 1},
        {"has(satellites.away.output.a)", "pending@27: not fetched yet", 0, 1},
        {"size(satellites.away.output) > 1", "pending@1: not fetched yet", 0, 1},
        {"size(satellites.away.output) > 1 || true", "true", 0, 1},
        {"false && size(satellites.away.output) > 1", "false", 0, 0},
        {"1 / 0 > 0 && size(satellites.away.output) > 1", "pending@14: not fetched yet", 0, 1},
        {"size(satellites.away.output) > 1 && 1 / 0 > 0", "pending@1: not fetched yet", 0, 1},
        {"satellites.broken.output", "failed@18: the blob is gone", 0, 0},
        /* Macros load what they go over, whole and once; size and [index] inside them do not. */
        {"satellites.small.output.all(k, k == 'a')", "true", 1, 0},
        {"[1, 2, 3].map(i, satellites.count.output[i] + input.n)", "[4,7,12]", 0, 0},
        {"[1, 2].all(i, i < size(satellites.count.output))", "true", 0, 0},
        {"[1, 2, 3].filter(i, i in satellites.small.output.a)", "[1,2]", 1, 0},
        {"[1, 2, 3].map(i, satellites.small.output == {'a': [i, 2]})", "[true,false,false]", 1, 0},
        {"satellites.count.output.all(x, x >= 0)", "limit@17: larger than 1 MiB: take*", 0, 0},
        {"satellites.count.output.exists(x, x >= 0) || true", "limit@17: larger*", 0, 0},
        {"satellites.away.output.exists(x, x > 0)", "pending@16: not fetched yet", 0, 1},
        {"satellites.away.output.map(x, x) == [] || true", "true", 0, 1},
        {"[0, 1].exists(i, satellites.away.output[i] > 1 || i == 1)", "true", 0, 0},
        {"[0, 1].exists(i, 1 / i > 1 || size(satellites.away.output) > i)", "pending@31: not fetched yet", 0, 2},
        {"[0, 1].all(i, i == 0 ? size(satellites.away.output) > 1 : 1 / 0 > 1)", "pending@24: not fetched yet", 0, 1},
        {"[1, 0].map(i, size(satellites.away.output) / i)", "pending@15: not fetched yet", 0, 1},
        {"satellites.broken.output.map(x, x)", "failed@18: the blob is gone", 0, 0},
        {"input.n > 2 ? size(satellites.count.output) : satellites.broken.output", "1000000", 0, 0},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct expression_fixture f;
        struct lazy_scope scope;

        lazy_begin(&scope, &f);
        fixture_check(&f, table[i].source, table[i].expected);
        if (scope.load_count != table[i].loads || scope.pending_count != table[i].pendings) {
            fail_msg("%s loads %u", table[i].source, scope.load_count);
        }
        fixture_end(&f);
    }
}

static void hands_on_an_object_as_it_is(void **state)
{
    static const char *const sources[] = {
        "satellites.count.output", "input.n == 3 ? satellites.count.output : 1",
        "[satellites][0].count.output", "satellites[input.n == 3 ? 'count' : ''].output"};
    struct expression_fixture f;
    struct lazy_scope scope;
    const struct expression *expression;
    struct expression_object object;

    (void)state;
    lazy_begin(&scope, &f);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        assert_int_equal(expression_compile(span_of(sources[i]), (struct expression_position){0},
                                            &f.arena, &expression, &f.error),
                         EXPRESSION_OK);
        enum expression_err err =
            expression_eval_object(expression, &f.scope, NULL, &f.arena, &object, &f.error);

        /* A list literal holds values, so what goes into it is loaded. */
        if (i == 2) {
            assert_int_equal(err, EXPRESSION_ELIMIT);
            continue;
        }
        assert_int_equal(err, EXPRESSION_OK);
        assert_ptr_equal(object.type, &lazy_type);
        assert_int_equal(object.b, LAZY_COUNT);
    }
    assert_int_equal(scope.load_count, 0);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_without_loading),
        cmocka_unit_test(hands_on_an_object_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
