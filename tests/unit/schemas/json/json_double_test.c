#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <string.h>

#include "schemas/json/json_double.h"

static void reads_the_nearest_double(void **state)
{
    /* clang-format off */
    static const struct { const char *text; double number; } table[] = {
        {"0", 0}, {"+1", 1}, {"-2.50", -2.5}, {".5", 0.5}, {"5.", 5}, {"1e3", 1000},
        {"1E-3", 0.001}, {"0.1", 0.1}, {"123456789012345678", 123456789012345680.0},
        {"1.7976931348623157e308", DBL_MAX}, {"1.7976931348623158e308", DBL_MAX},
        {"5e-324", 0x1p-1074}, {"2e-324", 0}, {"2.5e-324", 0x1p-1074},
        {"2.2250738585072011e-308", 0x1.ffffffffffffep-1023},
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.00000000000000000000000000000000000000001", 9007199254740994.0},
        {"0.000000000000000000000000000000000000000000000000000000000000000000001e69", 1},
        {"1000000000000000000000000000000000000000000000000000000000000000000000e-69", 1},
        {"0e99999999999999999999", 0}, {"1e-99999999999999999999", 0},
    };
    static const char *const refused[] = {"", "+", "-", ".", "e1", "1e", "1e+", "1x", " 1", "1 ",
                                          "0x1", "inf", "nan", "1e309", "1.7976931348623159e308",
                                          "1e99999999999999999999", "1,5", "--1"};
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        double number = 77;

        assert_true(json_double_parse(span_of(table[i].text), &number));
        if (number != table[i].number) {
            fail_msg("%s gave %a, not %a", table[i].text, number, table[i].number);
        }
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        double number = 77;

        if (json_double_parse(span_of(refused[i]), &number) || number != 77) {
            fail_msg("took %s as %a", refused[i], number);
        }
    }
}

/* Digits past the 768th still decide on which side of the half a number lies. */
static void counts_every_digit(void **state)
{
    char text[2000] = "9007199254740993.";
    double number = 0;

    (void)state;
    memset(text + 17, '0', 1500);
    assert_true(json_double_parse((struct span){text, 1517}, &number));
    assert_true(number == 9007199254740992.0);
    text[1516] = '1';
    assert_true(json_double_parse((struct span){text, 1517}, &number));
    assert_true(number == 9007199254740994.0);
}

static void writes_the_fewest_digits(void **state)
{
    /* clang-format off */
    static const struct { double number; const char *text; } table[] = {
        {0, "0.0"}, {-0.0, "-0.0"}, {4, "4.0"}, {-17, "-17.0"}, {0.1, "0.1"}, {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"}, {1.0 / 3, "0.3333333333333333"}, {1e15, "1e+15"},
        {999999999999999, "999999999999999.0"}, {123456789012345680.0, "1.2345678901234568e+17"},
        {1e100, "1e+100"}, {DBL_MAX, "1.7976931348623157e+308"}, {0x1p-1074, "5e-324"},
        {DBL_MIN, "2.2250738585072014e-308"}, {1e-7, "1e-07"}, {2.5, "2.5"},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[JSON_DOUBLE_TEXT_BYTES];

        json_double_format(table[i].number, text);
        assert_string_equal(text, table[i].text);
    }
}

static void reads_back_what_it_wrote(void **state)
{
    uint64_t bits = 0x9e3779b97f4a7c15u;

    (void)state;
    for (int i = 0; i < 5000; i++) {
        char text[JSON_DOUBLE_TEXT_BYTES];
        double number;
        double back = 0;

        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&number, &bits, sizeof(number));
        if (!(number >= -DBL_MAX && number <= DBL_MAX)) {
            continue;
        }
        json_double_format(number, text);
        assert_true(json_double_parse(span_of(text), &back));
        assert_memory_equal(&back, &number, sizeof(number));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_nearest_double),
        cmocka_unit_test(counts_every_digit),
        cmocka_unit_test(writes_the_fewest_digits),
        cmocka_unit_test(reads_back_what_it_wrote),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
