#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/value.h"

static struct value text(const char *c)
{
    return value_string(span_of(c));
}

static void finds_members(void **state)
{
    const struct value_member members[] = {{text("a"), value_int(1)}, {text(""), value_int(2)}};
    const struct value map = {.kind = VALUE_MAP, .count = 2, .members = members};
    const struct value list = {.kind = VALUE_LIST};

    (void)state;
    assert_int_equal(value_get(&map, span_of("a"))->integer, 1);
    assert_int_equal(value_get(&map, (struct span){NULL, 0})->integer, 2);
    assert_null(value_get(&map, span_of("b")));
    assert_null(value_get(&map, span_of("ab")));
    assert_null(value_get(&list, span_of("a")));
}

static void compares_scalars(void **state)
{
    /* No two of these are equal. */
    const struct value table[] = {value_null(),
                                  value_bool(false),
                                  value_bool(true),
                                  value_int(0),
                                  value_int(1),
                                  value_int(INT64_MAX),
                                  value_int(INT64_MIN),
                                  value_double(0.5),
                                  value_double(0x1p63),
                                  value_double(1e300),
                                  text(""),
                                  text("0"),
                                  text("a"),
                                  {.kind = VALUE_LIST},
                                  {.kind = VALUE_MAP}};
    const size_t nr = sizeof(table) / sizeof(table[0]);

    (void)state;
    for (size_t i = 0; i < nr; i++) {
        for (size_t j = 0; j < nr; j++) {
            assert_int_equal(value_equal(&table[i], &table[j]), i == j);
        }
    }
}

static void numbers_stand_on_one_line(void **state)
{
    const struct value one = value_int(1);
    const struct value one_double = value_double(1);
    const struct value lowest = value_int(INT64_MIN);
    const struct value lowest_double = value_double(-0x1p63);
    const struct value odd = value_int((1ll << 53) + 1);
    const struct value even_double = value_double(0x1p53);

    (void)state;
    assert_true(value_equal(&one, &one_double));
    assert_true(value_equal(&one_double, &one));
    assert_true(value_equal(&lowest, &lowest_double));
    assert_false(value_equal(&odd, &even_double));
}

static void compares_lists_in_order_and_maps_without(void **state)
{
    const struct value ab[] = {text("a"), value_int(2)};
    const struct value ba[] = {value_int(2), text("a")};
    const struct value lists[] = {{.kind = VALUE_LIST, .count = 2, .items = ab},
                                  {.kind = VALUE_LIST, .count = 2, .items = ba},
                                  {.kind = VALUE_LIST, .count = 1, .items = ab}};
    const struct value_member xy[] = {{text("x"), lists[0]}, {text("y"), value_int(1)}};
    const struct value_member yx[] = {{text("y"), value_double(1)}, {text("x"), lists[0]}};
    const struct value_member xz[] = {{text("x"), lists[0]}, {text("z"), value_int(1)}};
    const struct value_member xx[] = {{text("x"), lists[1]}, {text("y"), value_int(1)}};
    const struct value maps[] = {{.kind = VALUE_MAP, .count = 2, .members = xy},
                                 {.kind = VALUE_MAP, .count = 2, .members = yx},
                                 {.kind = VALUE_MAP, .count = 2, .members = xz},
                                 {.kind = VALUE_MAP, .count = 2, .members = xx},
                                 {.kind = VALUE_MAP, .count = 1, .members = xy}};

    (void)state;
    assert_true(value_equal(&lists[0], &lists[0]));
    assert_false(value_equal(&lists[0], &lists[1]));
    assert_false(value_equal(&lists[0], &lists[2]));
    assert_true(value_equal(&maps[0], &maps[1]));
    for (size_t i = 2; i < 5; i++) {
        assert_false(value_equal(&maps[0], &maps[i]));
        assert_false(value_equal(&maps[i], &maps[0]));
    }
}

static void names_every_kind(void **state)
{
    (void)state;
    for (int kind = 0; kind < VALUE_KIND_NR; kind++) {
        assert_true(strlen(value_kind_name((enum value_kind)kind)) > 2);
    }
    assert_string_equal(value_kind_name(VALUE_MAP), "map");
    assert_string_equal(value_kind_name(VALUE_NULL), "null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_members),
        cmocka_unit_test(compares_scalars),
        cmocka_unit_test(numbers_stand_on_one_line),
        cmocka_unit_test(compares_lists_in_order_and_maps_without),
        cmocka_unit_test(names_every_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
