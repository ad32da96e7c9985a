#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/vocab/calendar.h"
#include "schemas/vocab/instant.h"

/* Every day of the calendar that can be held, once around the year and the weekday. */
static void the_calendar_goes_both_ways(void **state)
{
    int64_t weekday = 1; /* 0001-01-01 was a Monday */
    int64_t day_of_year = 0;
    int64_t year = 0;

    (void)state;
    for (int64_t at = INSTANT_SECONDS_MIN; at <= INSTANT_SECONDS_MAX; at += 86400) {
        struct instant_civil civil;

        instant_civil(at, &civil);
        day_of_year = civil.year == year ? day_of_year + 1 : 1;
        year = civil.year;
        struct date date = {civil.year, (int)civil.month, (int)civil.day};

        if (day_of_date(date) * 86400 != at || civil.weekday != weekday ||
            civil.day_of_year != day_of_year || civil.hour != 0) {
            fail_msg("%lld-%lld-%lld", (long long)civil.year, (long long)civil.month,
                     (long long)civil.day);
        }
        weekday = (weekday + 1) % 7;
    }
    assert_int_equal(year, 9999);
}

static void an_instant_is_written_and_read_back(void **state)
{
    static const struct {
        int64_t seconds;
        uint32_t nanos;
        const char *text;
    } table[] = {
        {0, 0, "1970-01-01T00:00:00Z"},
        {-1, 500000000, "1969-12-31T23:59:59.500Z"},
        {951782400, 1000, "2000-02-29T00:00:00.000001Z"},
        {1234567890, 123456789, "2009-02-13T23:31:30.123456789Z"},
        {INSTANT_SECONDS_MIN, 0, "0001-01-01T00:00:00Z"},
        {INSTANT_SECONDS_MAX, 999999999, "9999-12-31T23:59:59.999999999Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[INSTANT_TEXT_BYTES];
        int64_t seconds = 7;
        uint32_t nanos = 7;

        instant_format(table[i].seconds, table[i].nanos, text);
        assert_string_equal(text, table[i].text);
        assert_int_equal(instant_parse(span_of(text), &seconds, &nanos), INSTANT_OK);
        assert_true(seconds == table[i].seconds && nanos == table[i].nanos);
    }
}

static void other_texts_are_no_instants(void **state)
{
    static const struct {
        const char *text;
        enum instant_err err;
    } table[] = {
        {"", INSTANT_ESYNTAX},
        {"2009-02-13", INSTANT_ESYNTAX},
        {"2009-02-13T23:31:30", INSTANT_ESYNTAX},
        {"2009-02-13 23:31:30Z", INSTANT_ESYNTAX},
        {" 2009-02-13T23:31:30Z", INSTANT_ESYNTAX},
        {"2009-13-13T23:31:30Z", INSTANT_ESYNTAX},
        {"2009-00-13T23:31:30Z", INSTANT_ESYNTAX},
        {"2009-04-31T23:31:30Z", INSTANT_ESYNTAX},
        {"2009-02-13T23:60:30Z", INSTANT_ESYNTAX},
        {"2009-02-13T23:31:60Z", INSTANT_ESYNTAX},
        {"2009-02-13T23:31:30.Z", INSTANT_ESYNTAX},
        {"2009-02-13T23:31:30Zx", INSTANT_ESYNTAX},
        {"2009-02-13T23:31:30+1:00", INSTANT_ESYNTAX},
        {"0000-12-31T23:59:59Z", INSTANT_ERANGE},
        {"0001-01-01T00:00:00+00:01", INSTANT_ERANGE},
        {"9999-12-31T23:59:59-00:01", INSTANT_ERANGE},
        {"10000-01-01T00:00:00Z", INSTANT_ERANGE},
    };
    int64_t seconds = 7;
    uint32_t nanos = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (instant_parse(span_of(table[i].text), &seconds, &nanos) != table[i].err) {
            fail_msg("%s", table[i].text);
        }
    }
    assert_true(seconds == 7 && nanos == 7);
}

static void a_length_of_time_is_read_and_written(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
        const char *written;
    } table[] = {
        {"0", 0, "0s"},
        {"1h30m", 5400000000000, "5400s"},
        {"-1.5h", -5400000000000, "-5400s"},
        {"1m1ms", 60001000000, "60.001s"},
        {"1us", 1000, "0.000001s"},
        {"1ns", 1, "0.000000001s"},
        {"0.000000001h", 3600, "0.000003600s"},
        {"0.9999999999s", 999999999, "0.999999999s"},
        {"9223372036854775807ns", INT64_MAX, "9223372036.854775807s"},
        {"-9223372036854775808ns", INT64_MIN, "-9223372036.854775808s"},
        {"2562047h47m16.854775807s", INT64_MAX, "9223372036.854775807s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char text[INSTANT_TEXT_BYTES];
        int64_t ns = 7;

        assert_int_equal(instant_parse_duration(span_of(table[i].text), &ns), INSTANT_OK);
        assert_true(ns == table[i].ns);
        instant_format_duration(ns, text);
        assert_string_equal(text, table[i].written);
    }
}

static void other_texts_are_no_lengths_of_time(void **state)
{
    static const char *const wrong[] = {"",    "-",   "1",  "s",     "1d",
                                        "1s ", " 1s", ".s", "1..5s", "--1s"};
    static const char *const large[] = {"9223372036854775808ns", "-9223372036854775809ns",
                                        "99999999999999999999h", "2562048h"};
    int64_t ns = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(instant_parse_duration(span_of(wrong[i]), &ns), INSTANT_ESYNTAX);
    }
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
        assert_int_equal(instant_parse_duration(span_of(large[i]), &ns), INSTANT_ERANGE);
    }
    assert_true(ns == 7);
}

static void an_offset_is_read(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } table[] = {{"UTC", 0},        {"Z", 0},        {"+11:00", 39600},
                 {"-02:30", -9000}, {"02:00", 7200}, {"-00:00", 0}};
    static const char *const wrong[] = {"",       "+",      "1:00",    "+1:00",
                                        "+24:00", "+01:60", "+01:00x", "Europe/Vienna"};
    int64_t seconds = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_true(instant_parse_offset(span_of(table[i].text), &seconds));
        assert_true(seconds == table[i].seconds);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(instant_parse_offset(span_of(wrong[i]), &seconds));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_calendar_goes_both_ways),
        cmocka_unit_test(an_instant_is_written_and_read_back),
        cmocka_unit_test(other_texts_are_no_instants),
        cmocka_unit_test(a_length_of_time_is_read_and_written),
        cmocka_unit_test(other_texts_are_no_lengths_of_time),
        cmocka_unit_test(an_offset_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
