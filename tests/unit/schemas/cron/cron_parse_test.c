#include <stdio.h>

#include "schemas/cron/cron.h"
#include "tests/support/test.h"

static struct cron parse(const char *text)
{
    struct cron cron = {0};
    struct cron_error error = {0};

    if (cron_parse(span_of(text), &cron, &error) != 0) {
        fail_msg("%s: column %u: %s; %s", text, error.column, error.text, error.hint);
    }
    return cron;
}

static uint64_t range(unsigned first, unsigned last, unsigned step)
{
    uint64_t set = 0;

    for (unsigned i = first; i <= last; i += step) {
        set |= (uint64_t)1 << i;
    }
    return set;
}

static void check(const char *text, struct cron expected)
{
    struct cron cron = parse(text);

    assert_int_equal(cron.minutes, expected.minutes);
    assert_int_equal(cron.hours, expected.hours);
    assert_int_equal(cron.days, expected.days);
    assert_int_equal(cron.months, expected.months);
    assert_int_equal(cron.weekdays, expected.weekdays);
    assert_int_equal(cron.is_either_day, expected.is_either_day);
    assert_int_equal(cron.is_fixed, expected.is_fixed);
}

static void fields_are_read(void **state)
{
    const uint32_t hours = (uint32_t)range(0, 23, 1);
    const uint32_t days = (uint32_t)range(1, 31, 1);
    const uint32_t months = (uint32_t)range(1, 12, 1);
    const uint32_t week = (uint32_t)range(0, 6, 1);

    (void)state;
    check("* * * * *", (struct cron){range(0, 59, 1), hours, days, months, week, false, false});
    check("0 0 * * *", (struct cron){1, 1, days, months, week, false, true});
    check(" \t5\t4  3 2 1 ", (struct cron){1 << 5, 1 << 4, 1 << 3, 1 << 2, 1 << 1, true, true});
    check("*/15 0-23/6 1,15 jan,DEC mon-fri",
          (struct cron){range(0, 59, 15), (uint32_t)range(0, 23, 6), 1 << 1 | 1 << 15,
                        1 << 1 | 1 << 12, (uint32_t)range(1, 5, 1), true, false});
    check("0-10,20-30/5,59 * * * *",
          (struct cron){range(0, 10, 1) | range(20, 30, 5) | range(59, 59, 1), hours, days, months,
                        week, false, false});
    check("0 0 * * 7", (struct cron){1, 1, days, months, 1, false, true});
    check("0 0 * * 5-7", (struct cron){1, 1, days, months, 1 | 1 << 5 | 1 << 6, false, true});
    check("0 0 * * 0-7", (struct cron){1, 1, days, months, week, false, true});
    check("0 0 */2 * 1", (struct cron){1, 1, (uint32_t)range(1, 31, 2), months, 2, false, true});
    check("0 0 1 * 1", (struct cron){1, 1, 2, months, 2, true, true});
    check("0 0 31 * *", (struct cron){1, 1, 1U << 31, months, week, false, true});
    check("0 0 29 2 *", (struct cron){1, 1, 1 << 29, 1 << 2, week, false, true});
    check("0 0 30 2 mon", (struct cron){1, 1, 1 << 30, 1 << 2, 2, true, true});
    check("0,* 1 * * *", (struct cron){range(0, 59, 1), 2, days, months, week, false, true});
}

static void words_stand_for_fields(void **state)
{
    static const char *const pairs[][2] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * sun"}, {"@monthly", "0 0 1 * *"}, {" @Yearly ", "0 0 1 jan *"},
        {"@annually", "0 0 1 1 *"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        check(pairs[i][0], parse(pairs[i][1]));
    }
}

static void faults_have_their_column(void **state)
{
    static const struct {
        const char *text;
        uint32_t column;
        const char *words;
        const char *hint;
    } cases[] = {
        {"", 1, "the minute is missing: a schedule has five fields", "write minute, hour"},
        {"  ", 1, "the minute is missing", ""},
        {"0 0 * *", 8, "the day of the week is missing", ""},
        {"0 0 * * * *", 11, "this is a sixth", "no seconds and no command"},
        {"60 * * * *", 1, "60 is no minute", "0 to 59"},
        {"* 24 * * *", 3, "24 is no hour", "0 to 23"},
        {"* * 0 * *", 5, "0 is no day of the month", "1 to 31"},
        {"* * 32 * *", 5, "32 is no day of the month", ""},
        {"* * * 13 *", 7, "13 is no month", "such as feb"},
        {"* * * january *", 7, "january is no month", "three letters"},
        {"* * * mon *", 7, "mon is no month", ""},
        {"* * * * 8", 9, "8 is no day of the week", "0 to 7"},
        {"* * * * jan", 9, "jan is no day of the week", "such as mon"},
        {"mon * * * *", 1, "mon is no minute", ""},
        {"5-1 * * * *", 1, "the range of the minute ends before it begins", "two ranges"},
        {"* * * * sat-sun", 9, "ends before it begins", ""},
        {"5/10 * * * *", 2, "a step follows * or a range", "*/N, or a range such as 0-59/N"},
        {"*/0 * * * *", 3, "the step of a minute cannot be 0", "1 to 59"},
        {"*/60 * * * *", 3, "cannot be 60", ""},
        {"*/ * * * *", 3, "the step of a minute is missing", ""},
        {"1, * * * *", 3, "a minute is missing", ""},
        {", * * * *", 1, ", is no minute", ""},
        {"1- * * * *", 3, "a minute is missing", ""},
        {"-1 * * * *", 1, "- is no minute", ""},
        {"1;2 * * * *", 2, "; cannot stand in the minute", ""},
        {"1x * * * *", 1, "1x is no minute", ""},
        {"0 0 ? * *", 5, "? is no day of the month", ""},
        {"0 0 L * *", 5, "L is no day", ""},
        {"0 0 * * 1#2", 10, "# cannot stand", ""},
        {"99999999999999999999 * * * *", 1, "is no minute", ""},
        {"0 0 30 2 *", 5, "it would never be due", "that the month has"},
        {"0 0 31 4,6,9,11 *", 5, "it would never be due", ""},
        {"0 0 30 2 */2", 5, "it would never be due", ""},
        {"@reboot", 1, "@reboot cannot be meant", "submit an execution"},
        {" @noon", 2, "not known", "@hourly"},
        {"@daily 5", 1, "not known", ""},
        {"@", 1, "not known", ""},
        {"0\n0 * * *", 2, "cannot stand", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cron cron = {.minutes = 7};
        struct cron_error error = {0};

        if (cron_parse(span_of(cases[i].text), &cron, &error) == 0) {
            fail_msg("%s is taken", cases[i].text);
        }
        if (error.column != cases[i].column || strstr(error.text, cases[i].words) == NULL ||
            strstr(error.hint, cases[i].hint) == NULL) {
            fail_msg("%s: column %u: %s; %s", cases[i].text, error.column, error.text, error.hint);
        }
        assert_int_equal(cron.minutes, 7);
    }
}

static void a_long_text_is_refused(void **state)
{
    char text[CRON_TEXT_BYTES_MAX + 2];
    struct cron cron;
    struct cron_error error = {0};

    (void)state;
    memset(text, ' ', sizeof(text));
    memcpy(text, "* * * * *", 9);
    assert_int_equal(cron_parse((struct span){text, CRON_TEXT_BYTES_MAX}, &cron, &error), 0);
    assert_int_equal(cron_parse((struct span){text, CRON_TEXT_BYTES_MAX + 1}, &cron, &error), -1);
    assert_non_null(strstr(error.text, "limit of 256"));
    assert_int_equal(cron_parse((struct span){"@daily\0@", 8}, &cron, &error), -1);
    assert_int_equal(cron_parse((struct span){"* * * * *\0", 10}, &cron, &error), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(words_stand_for_fields),
        cmocka_unit_test(faults_have_their_column),
        cmocka_unit_test(a_long_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
