/* calendar: days as numbers and as dates, of the proleptic Gregorian calendar.
 *
 * Pure. Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms. */
#ifndef EXO_VOCAB_CALENDAR_H
#define EXO_VOCAB_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

struct date {
    int64_t year;
    int month; /* 1 .. 12 */
    int day;   /* 1 .. 31 */
};

/* date_of_day gives the date of a day.
 * day  since 1970-01-01, -10^12 .. 10^12 */
struct date date_of_day(int64_t day);

/* day_of_date is the way back; a day beyond its month's end counts on into the next month.
 * date.year  -10^9 .. 10^9 */
int64_t day_of_date(struct date date);

/* weekday_of_day gives 0 (Sunday) .. 6. */
int weekday_of_day(int64_t day);

/* year_is_leap is true for a year with a 29 February. */
bool year_is_leap(int64_t year);

/* days_of_month gives 28 .. 31. month: 1 .. 12 */
int days_of_month(int64_t year, int month);

/* floor_div divides and rounds down, also below 0. divisor: above 0 */
static inline int64_t floor_div(int64_t number, int64_t divisor)
{
    int64_t quotient = number / divisor;

    return quotient * divisor > number ? quotient - 1 : quotient;
}

#endif /* EXO_VOCAB_CALENDAR_H */
