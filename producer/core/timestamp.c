#include "producer/core/timestamp.h"

/* Days since 1970-01-01 of the proleptic Gregorian calendar.
 * Source: Howard Hinnant, chrono-Compatible Low-Level Date Algorithms. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t mp = (5 * day_of_year + 2) / 153;

    *day = day_of_year - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

static void put_digits(char *to, int64_t number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void timestamp_format(int64_t unix_ms, char ret_text[TIMESTAMP_TEXT_BYTES])
{
    static const int64_t first_ms = -62167219200000;
    static const int64_t last_ms = 253402300799999;
    int64_t ms = unix_ms < first_ms ? first_ms : unix_ms > last_ms ? last_ms : unix_ms;
    int64_t days = (ms >= 0 ? ms : ms - 86399999) / 86400000;
    int64_t rest = ms - days * 86400000;
    int64_t year;
    int64_t month;
    int64_t day;

    date_from_days(days, &year, &month, &day);
    memcpy(ret_text, "0000-00-00T00:00:00.000Z", TIMESTAMP_TEXT_BYTES);
    put_digits(ret_text, year, 4);
    put_digits(ret_text + 5, month, 2);
    put_digits(ret_text + 8, day, 2);
    put_digits(ret_text + 11, rest / 3600000, 2);
    put_digits(ret_text + 14, rest / 60000 % 60, 2);
    put_digits(ret_text + 17, rest / 1000 % 60, 2);
    put_digits(ret_text + 20, rest % 1000, 3);
}

struct cursor {
    const char *at;
    const char *end;
};

static bool take_number(struct cursor *c, int digits, int64_t least, int64_t most, int64_t *ret)
{
    int64_t number = 0;

    if (c->end - c->at < digits) {
        return false;
    }
    for (int i = 0; i < digits; i++) {
        char digit = *c->at++;

        if (digit < '0' || digit > '9') {
            return false;
        }
        number = number * 10 + (digit - '0');
    }
    *ret = number;
    return number >= least && number <= most;
}

static bool take(struct cursor *c, const char *any_of)
{
    if (c->at == c->end || *c->at == '\0' || strchr(any_of, *c->at) == NULL) {
        return false;
    }
    c->at++;
    return true;
}

static bool take_date(struct cursor *c, int64_t *ret_days)
{
    int64_t year;
    int64_t month;
    int64_t day;

    if (!take_number(c, 4, 1970, 2261, &year) || !take(c, "-") ||
        !take_number(c, 2, 1, 12, &month) || !take(c, "-") || !take_number(c, 2, 1, 31, &day)) {
        return false;
    }
    int64_t back_year;
    int64_t back_month;
    int64_t back_day;

    *ret_days = days_from_date(year, month, day);
    date_from_days(*ret_days, &back_year, &back_month, &back_day);
    return back_month == month; /* else a 30 February */
}

static bool take_fraction(struct cursor *c, int64_t *ret_ns)
{
    int64_t unit = EXO_SECOND / 10;
    const char *first = c->at;

    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        *ret_ns += (*c->at - '0') * unit;
        unit /= 10;
    }
    return c->at > first;
}

static bool take_offset(struct cursor *c, int64_t *ret_minutes)
{
    int64_t hours;
    int64_t minutes;

    if (take(c, "Zz")) {
        *ret_minutes = 0;
        return true;
    }
    /* A plus in a query that nobody encoded arrives as a blank. */
    bool is_west = c->at < c->end && *c->at == '-';

    if (!take(c, "+- ") || !take_number(c, 2, 0, 23, &hours) || !take(c, ":") ||
        !take_number(c, 2, 0, 59, &minutes)) {
        return false;
    }
    *ret_minutes = (is_west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

bool timestamp_parse(struct span text, exo_time *ret_ns)
{
    struct cursor c = {text.data, text.data == NULL ? NULL : (const char *)text.data + text.bytes};
    int64_t days;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int64_t fraction_ns = 0;
    int64_t offset = 0;

    if (!take_date(&c, &days)) {
        return false;
    }
    if (c.at < c.end &&
        (!take(&c, "Tt ") || !take_number(&c, 2, 0, 23, &hour) || !take(&c, ":") ||
         !take_number(&c, 2, 0, 59, &minute) || !take(&c, ":") ||
         !take_number(&c, 2, 0, 60, &second) ||
         (take(&c, ".") && !take_fraction(&c, &fraction_ns)) || !take_offset(&c, &offset))) {
        return false;
    }
    if (c.at != c.end) {
        return false;
    }
    exo_time ns = ((days * 24 + hour) * 60 + minute - offset) * EXO_MINUTE + second * EXO_SECOND +
                  fraction_ns;

    if (ns < 0) {
        return false;
    }
    *ret_ns = ns;
    return true;
}
