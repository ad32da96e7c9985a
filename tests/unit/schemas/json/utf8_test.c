#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/json/utf8.h"

/* Every code point there and back, and its neighbours that are none. */
static void reads_every_code_point_it_writes(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        unsigned char bytes[UTF8_BYTES_MAX];

        if (point == 0xd800) {
            point = 0xe000;
        }
        size_t length = utf8_encode(point, bytes);

        if (utf8_sequence(bytes, length) != length ||
            (length > 1 && utf8_sequence(bytes, length - 1) != 0)) {
            fail_msg("code point %x", point);
        }
    }
}

static void refuses_what_is_not_well_formed(void **state)
{
    static const char *const table[] = {
        "\x80",         "\xbf",     "\xc0\x80",         "\xc1\xbf",         "\xc2",
        "\xc2\x41",     "\xe0\x9f", "\xe0\x9f\xbf",     "\xed\xa0\x80",     "\xed\xbf\xbf",
        "\xe2\x82\x41", "\xf5",     "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf1\x80\x80\xc0",
        "\xff",         "\xfe"};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_false(utf8_is_valid(span_of(table[i])));
    }
    assert_true(utf8_is_valid(span_of("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    assert_true(utf8_is_valid((struct span){NULL, 0}));
    assert_false(utf8_is_valid(span_of("a\xc3\xa9\xe2\x82")));
}

static void counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_count(span_of("")), 0);
    assert_int_equal(utf8_count(span_of("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_code_point_it_writes),
        cmocka_unit_test(refuses_what_is_not_well_formed),
        cmocka_unit_test(counts_code_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
