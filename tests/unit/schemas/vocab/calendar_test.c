#include "schemas/vocab/calendar.h"

#include "tests/support/test.h"

static void known_days(void **state)
{
    static const struct {
        int64_t day;
        struct date date;
        int weekday;
    } cases[] = {
        {0, {1970, 1, 1}, 4},      {-1, {1969, 12, 31}, 3},     {19782, {2024, 2, 29}, 4},
        {11016, {2000, 2, 29}, 2}, {-25509, {1900, 2, 28}, 3},  {-25508, {1900, 3, 1}, 4},
        {-719528, {0, 1, 1}, 6},   {106650, {2261, 12, 31}, 2}, {20423, {2025, 12, 1}, 1},
        {-719162, {1, 1, 1}, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct date date = date_of_day(cases[i].day);

        assert_int_equal(date.year, cases[i].date.year);
        assert_int_equal(date.month, cases[i].date.month);
        assert_int_equal(date.day, cases[i].date.day);
        assert_int_equal(day_of_date(cases[i].date), cases[i].day);
        assert_int_equal(weekday_of_day(cases[i].day), cases[i].weekday);
    }
}

/* Every day of 800 years follows the one before it. */
static void days_follow_each_other(void **state)
{
    struct date before = date_of_day(-150001);

    (void)state;
    for (int64_t day = -150000; day < 150000; day++) {
        struct date date = date_of_day(day);
        bool is_end = before.day == days_of_month(before.year, before.month);

        assert_int_equal(date.day, is_end ? 1 : before.day + 1);
        assert_int_equal(date.month, is_end ? before.month % 12 + 1 : before.month);
        assert_int_equal(date.year, before.year + (is_end && before.month == 12));
        assert_int_equal(day_of_date(date), day);
        assert_int_equal(weekday_of_day(day), (weekday_of_day(day - 1) + 1) % 7);
        before = date;
    }
}

static void floors(void **state)
{
    (void)state;
    assert_int_equal(floor_div(7, 3), 2);
    assert_int_equal(floor_div(-7, 3), -3);
    assert_int_equal(floor_div(-6, 3), -2);
    assert_int_equal(floor_div(0, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_days),
        cmocka_unit_test(days_follow_each_other),
        cmocka_unit_test(floors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
