/* timestamp: RFC 3339 both ways. */
#include "schemas/vocab/timestamp.h"

#include <string.h>

#include "tests/support/test.h"

static void test_format(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868800000, "2000-03-01T00:00:00.000Z"},
        {1769860800123, "2026-01-31T12:00:00.123Z"},
        {4107542399999, "2100-02-28T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[TIMESTAMP_TEXT_BYTES];

        timestamp_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        exo_time ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-31", 1769817600 * EXO_SECOND},
        {"2026-01-31T12:00:00.5Z", 1769860800 * EXO_SECOND + 500 * EXO_MILLISECOND},
        {"2026-01-31t12:00:00.123456789z", 1769860800 * EXO_SECOND + 123456789},
        {"2026-01-31T12:00:00+02:00", 1769853600 * EXO_SECOND},
        {"2026-01-31T12:00:00 02:00", 1769853600 * EXO_SECOND}, /* a plus nobody encoded */
        {"2026-01-31T12:00:00-00:30", 1769862600 * EXO_SECOND},
        {"2024-02-29T00:00:00Z", 1709164800 * EXO_SECOND},
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-1-31",
        "2026-02-30",
        "2026-13-01",
        "1969-12-31",
        "2262-01-01",
        "2026-01-31T",
        "2026-01-31T12:00:00",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00Zx",
        "2026-01-31T12:00:00+2:00",
        "1970-01-01T00:00:00+01:00",
        "2026-01-31Z",
    };
    exo_time ns = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(timestamp_parse(span_of(bad[i]), &ns));
        assert_int_equal(ns, 7);
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(timestamp_parse(span_of(cases[i].text), &ns));
        assert_int_equal(ns, cases[i].ns);
    }
}

/* Each day of four centuries comes back. */
static void test_round(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 106000; day++) {
        char text[TIMESTAMP_TEXT_BYTES];
        exo_time ns;

        timestamp_format(day * 86400000 + 1, text);
        assert_true(timestamp_parse(span_of(text), &ns));
        assert_int_equal(ns, (day * 86400000 + 1) * EXO_MILLISECOND);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_format), cmocka_unit_test(test_parse),
                                       cmocka_unit_test(test_round)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
