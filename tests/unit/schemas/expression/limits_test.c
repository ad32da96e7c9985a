/* Expressions made to cost: each ends at a limit, early, and within the memory that the limits
 * allow. The limit of cost is a fifth of the default here, so that the tests are quick. */
#include "tests/unit/schemas/expression/expression_fixture.h"

enum { MEMORY_MAX = 2 * EXPRESSION_OUTPUT_MAX, SOURCE_BYTES = 4096, COST_MAX = 200000 };

#define TEN "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"

static void check(const char *source, const char *expected)
{
    struct expression_fixture f;

    fixture_begin(&f, "{\"list\":" TEN ",\"s\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
    const struct expression_limits limits = {.cost_max = COST_MAX};
    const char *result = fixture_eval(&f, source, &limits);
    const char *says = strstr(expected, "@*: ");
    bool is_good = says == NULL
                       ? strncmp(result, expected, strcspn(expected, "*")) == 0
                       : strncmp(result, "limit@", 6) == 0 && strstr(result, says + 2) != NULL;

    if (!is_good) {
        fail_msg("%s\n  gives    %s\n  expected %s", source, result, expected);
    }
    if (f.budget.used_bytes > MEMORY_MAX) {
        fail_msg("%s takes %zu bytes", source, f.budget.used_bytes);
    }
    fixture_end(&f);
}

static void macros_inside_macros_end_at_the_cost(void **state)
{
    (void)state;
    check("list.all(a, list.all(b, list.all(c, list.all(d, list.all(e, list.all(f, true))))))",
          "limit@*");
    check("list.all(a, list.all(b, list.all(c, list.all(d, a + b + c + d >= 0))))", "true");
    /* A limit is never absorbed, not by the macro and not outside. */
    check("list.all(a, list.all(b, list.all(c, list.all(d, list.all(e, list.all(f, true)))))) || "
          "true",
          "limit@*");
    check("list.map(a, list.map(b, list.map(c, list.map(d, list.map(e, " TEN ")))))", "limit@*");
    check("list.map(a, list).map(a, list.map(b, a)).map(c, list.map(d, c)).map(e, list.map(f, e))"
          ".map(g, list.map(h, g)).map(i, list.map(j, i)).map(k, list.map(l, k))",
          "limit@*");
}

static void strings_that_grow_end_at_the_output(void **state)
{
    char source[SOURCE_BYTES] = "s";

    (void)state;
    for (int i = 0; i < 20; i++) {
        strcat(source, ".replace('x', s)");
    }
    check(source, "limit@*");
    check("s.replace('', s).replace('', s).replace('', s).replace('', s)", "limit@*");
    check("list.map(a, list.map(b, list.map(c, s + s + s + s).join()).join(s)).map(d, "
          "list.map(e, list.map(f, list.map(g, d + d))))",
          "limit@*");
    check("s.replace('x', s).replace('x', s).replace('x', s).split('').map(c, c + s)", "limit@*");
}

static void calls_inside_calls_end_at_the_depth(void **state)
{
    char source[SOURCE_BYTES] = "s";

    (void)state;
    for (int i = 0; i < 250; i++) {
        strcat(source, ".trim()");
    }
    check(source, "limit@*: the expression is nested deeper than the limit of 200");
    source[0] = '\0';
    for (int i = 0; i < 199; i++) {
        strcat(source, "int(");
    }
    strcat(source, "1");
    for (int i = 0; i < 199; i++) {
        strcat(source, ")");
    }
    check(source, "1");
    source[0] = '\0';
    for (int i = 0; i < 250; i++) {
        strcat(source, "[1].all(a,");
    }
    check(source, "limit@*: the expression is nested deeper than the limit of 200");
}

/* Also patterns that are made on the way and those that are none. */
static void patterns_cost_what_they_take(void **state)
{
    (void)state;
    check("list.all(a, list.all(b, list.all(c, !s.matches(string(a) + '(' + string(b) + "
          "'|abc|[a-q]{7})' + string(c)))))",
          "limit@*: the expression costs more than the limit of 200000; let a satellite");
    check("list.all(a, list.all(b, s.matches('^x+$')))", "true");
    check("list.all(a, list.all(b, list.all(c, list.all(d, s.matches('(' + string(a))))))",
          "limit@*: the expression costs more than the limit of 200000; let a satellite");
    check("s.replace('x', s).replace('x', s).matches('(x{1,30}y?){1,30}z')",
          "limit@*: the expression costs more than the limit of 200000; let a satellite");
    check("s.matches(r'\\pL{90' + '0}')", "limit@*: matches(): the pattern needs more than");
    check("s.matches(s.replace('x', s).replace('x', s))",
          "limit@*: matches(): the pattern is longer than the limit of 1024 bytes");
}

/* The least cost that is enough is the same in every run, and one less is not enough. */
static void the_cost_is_the_same_each_time(void **state)
{
    static const char source[] =
        "list.all(a, list.exists(b, list[a] == b && s.matches('x' + string(b))"
        " || s.size() > list[b]))";
    struct expression_fixture f;
    uint64_t too_little = 0;
    uint64_t least = 1 << 20;

    (void)state;
    fixture_begin(&f, "{\"list\":" TEN ",\"s\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
    while (least - too_little > 1) {
        const struct expression_limits limits = {.cost_max = (too_little + least) / 2};
        bool is_enough = strcmp(fixture_eval(&f, source, &limits), "true") == 0;

        *(is_enough ? &least : &too_little) = limits.cost_max;
    }
    assert_true(least > 100);
    for (int i = 0; i < 3; i++) {
        const struct expression_limits enough = {.cost_max = least};
        const struct expression_limits less = {.cost_max = least - 1};

        assert_string_equal(fixture_eval(&f, source, &enough), "true");
        assert_memory_equal(fixture_eval(&f, source, &less), "limit", 5);
    }
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macros_inside_macros_end_at_the_cost),
        cmocka_unit_test(strings_that_grow_end_at_the_output),
        cmocka_unit_test(calls_inside_calls_end_at_the_depth),
        cmocka_unit_test(patterns_cost_what_they_take),
        cmocka_unit_test(the_cost_is_the_same_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
