#include "schemas/zone/posix_tz.h"

#include "schemas/vocab/calendar.h"
#include "tests/support/test.h"

static int64_t at(int64_t year, int month, int day, int minute)
{
    return day_of_date((struct date){year, month, day}) * 86400 + minute * 60;
}

static void rules_are_read(void **state)
{
    struct posix_tz tz = {0};

    (void)state;
    assert_true(posix_tz_parse(span_of("CET-1CEST,M3.5.0,M10.5.0/3"), &tz));
    assert_string_equal(tz.name, "CET");
    assert_int_equal(tz.offset_s, 3600);
    assert_string_equal(tz.saving_name, "CEST");
    assert_int_equal(tz.saving_offset_s, 7200);
    assert_int_equal(tz.end.time_s, 3 * 3600);
    assert_true(posix_tz_parse(span_of("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"), &tz));
    assert_string_equal(tz.name, "+1030");
    assert_int_equal(tz.offset_s, 37800);
    assert_int_equal(tz.saving_offset_s, 39600);
    assert_true(posix_tz_parse(span_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), &tz));
    assert_int_equal(tz.begin.time_s, -3600);
    assert_true(posix_tz_parse(span_of("LMT0:07:30"), &tz));
    assert_int_equal(tz.offset_s, -450);
    assert_false(tz.has_saving);
}

static void changes_fall_on_their_days(void **state)
{
    const struct {
        const char *text;
        int64_t year;
        int64_t begin_s;
        int64_t end_s;
    } cases[] = {
        {"CET-1CEST,M3.5.0,M10.5.0/3", 2026, at(2026, 3, 29, 60), at(2026, 10, 25, 60)},
        {"AAA0BBB,J59,J60", 2024, at(2024, 2, 28, 120), at(2024, 3, 1, 60)},
        {"AAA0BBB,58,59", 2024, at(2024, 2, 28, 120), at(2024, 2, 29, 60)},
        {"AAA0BBB,M2.5.4/167,M2.1.4/-167", 2024, at(2024, 2, 29, 167 * 60),
         at(2024, 2, 1, -168 * 60)},
        {"EST5EDT,0/0,J365/25", 2026, at(2026, 1, 1, 300), at(2027, 1, 1, 300)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct posix_tz tz = {0};
        int64_t begin = 0;
        int64_t end = 0;

        assert_true(posix_tz_parse(span_of(cases[i].text), &tz));
        posix_tz_changes(&tz, cases[i].year, &begin, &end);
        assert_int_equal(begin, cases[i].begin_s);
        assert_int_equal(end, cases[i].end_s);
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "CET",
        "CE-1",
        "CET-25",
        "<CET-1",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J365",
        "CET-1CEST,J1,J366",
        "CET-1CEST,0,366",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
        "CET-1:60",
        "CET-1:0:60",
        "CET-99999999999999999999",
        ":Europe/Berlin",
        "ABCDEFGHIJKLMNOPQ0",
    };
    struct posix_tz tz = {.offset_s = 7};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (posix_tz_parse(span_of(texts[i]), &tz)) {
            fail_msg("%s is taken", texts[i]);
        }
    }
    assert_int_equal(tz.offset_s, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_read),
        cmocka_unit_test(changes_fall_on_their_days),
        cmocka_unit_test(other_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
