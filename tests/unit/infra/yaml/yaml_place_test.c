#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "infra/yaml/yaml_place.h"

static void assert_place(const struct yaml_place *place, uint32_t line, uint32_t column)
{
    if (place->line != line || yaml_place_column(place) != column) {
        fail_msg("at %u:%u, not %u:%u", place->line, yaml_place_column(place), line, column);
    }
}

static void counts_lines_and_bytes(void **state)
{
    const char text[] = "a\xc3\xa9\xf0\x9f\x98\x80z\nb\r\nc\rd\n";
    struct yaml_place place;

    (void)state;
    yaml_place_init(&place, span_of(text));
    assert_place(&place, 1, 1);
    yaml_place_move(&place, 3);
    assert_place(&place, 1, 8);
    yaml_place_move(&place, 5);
    assert_place(&place, 2, 1);
    yaml_place_move(&place, 7);
    assert_place(&place, 2, 3);
    yaml_place_move(&place, 8);
    assert_place(&place, 3, 1);
    yaml_place_move(&place, 10);
    assert_place(&place, 4, 1);
    yaml_place_move(&place, 2);
    assert_place(&place, 1, 4);
    yaml_place_move(&place, 1000);
    assert_place(&place, 5, 1);
    yaml_place_move_byte(&place, 9);
    assert_place(&place, 2, 1);
}

static void stands_still_in_nothing(void **state)
{
    struct yaml_place place;

    (void)state;
    yaml_place_init(&place, (struct span){NULL, 0});
    yaml_place_move(&place, 3);
    assert_place(&place, 1, 1);
    yaml_place_move_byte(&place, 3);
    assert_place(&place, 1, 1);
}

/* A text that is cut inside a character, or is none, must not be read past. */
static void stays_inside_the_text(void **state)
{
    struct yaml_place place;

    (void)state;
    yaml_place_init(&place, span_of("\xff\xf0\x9f"));
    yaml_place_move(&place, 10);
    assert_place(&place, 1, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_lines_and_bytes),
        cmocka_unit_test(stands_still_in_nothing),
        cmocka_unit_test(stays_inside_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
