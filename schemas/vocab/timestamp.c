#include "schemas/vocab/timestamp.h"

#include "schemas/vocab/calendar.h"

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
    int64_t days = floor_div(ms, 86400000);
    int64_t rest = ms - days * 86400000;
    struct date date = date_of_day(days);

    memcpy(ret_text, "0000-00-00T00:00:00.000Z", TIMESTAMP_TEXT_BYTES);
    put_digits(ret_text, date.year, 4);
    put_digits(ret_text + 5, date.month, 2);
    put_digits(ret_text + 8, date.day, 2);
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
    if (day > days_of_month(year, (int)month)) {
        return false;
    }
    *ret_days = day_of_date((struct date){year, (int)month, (int)day});
    return true;
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
