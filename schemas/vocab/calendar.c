#include "schemas/vocab/calendar.h"

#include <assert.h>

int64_t day_of_date(struct date date)
{
    int64_t y = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

struct date date_of_day(int64_t day)
{
    int64_t z = day + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t mp = (5 * day_of_year + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);

    return (struct date){.year = year_of_era + era * 400 + (month <= 2),
                         .month = month,
                         .day = (int)(day_of_year - (153 * mp + 2) / 5 + 1)};
}

int weekday_of_day(int64_t day)
{
    return (int)(day + 4 - 7 * floor_div(day + 4, 7)); /* 1970-01-01 was a Thursday */
}

bool year_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_of_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    assert(month >= 1 && month <= 12);
    return month == 2 && year_is_leap(year) ? 29 : days[month - 1];
}
