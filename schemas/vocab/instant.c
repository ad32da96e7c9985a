#include "schemas/vocab/instant.h"

#include <string.h>

#include "schemas/vocab/calendar.h"
#include "schemas/vocab/time.h"

enum { SECONDS_A_DAY = 86400 };

void instant_civil(int64_t seconds, struct instant_civil *ret_civil)
{
    int64_t days = floor_div(seconds, SECONDS_A_DAY);
    int64_t rest = seconds - days * SECONDS_A_DAY;
    struct date date = date_of_day(days);

    *ret_civil = (struct instant_civil){
        .year = date.year,
        .month = date.month,
        .day = date.day,
        .day_of_year = days - day_of_date((struct date){date.year, 1, 1}) + 1,
        .weekday = weekday_of_day(days),
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
    };
}

static char *put_digits(char *to, uint64_t number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return to + count;
}

/* A point and 3, 6 or 9 digits; nothing for 0. */
static char *put_fraction(char *to, uint32_t nanos)
{
    if (nanos == 0) {
        return to;
    }
    *to++ = '.';
    return nanos % 1000000 == 0 ? put_digits(to, nanos / 1000000, 3)
           : nanos % 1000 == 0  ? put_digits(to, nanos / 1000, 6)
                                : put_digits(to, nanos, 9);
}

static char *put_field(char *to, char before, int64_t number)
{
    *to++ = before;
    return put_digits(to, (uint64_t)number, 2);
}

void instant_format(int64_t seconds, uint32_t nanos, char ret_text[INSTANT_TEXT_BYTES])
{
    struct instant_civil civil;
    char *at = ret_text;

    instant_civil(seconds, &civil);
    at = put_digits(at, (uint64_t)civil.year, 4);
    at = put_field(at, '-', civil.month);
    at = put_field(at, '-', civil.day);
    at = put_field(at, 'T', civil.hour);
    at = put_field(at, ':', civil.minute);
    at = put_field(at, ':', civil.second);
    at = put_fraction(at, nanos);
    *at++ = 'Z';
    *at = '\0';
}

struct cursor {
    const char *at;
    const char *end;
};

static struct cursor cursor_of(struct span text)
{
    const char *at = text.bytes == 0 ? "" : text.data;

    return (struct cursor){at, at + text.bytes};
}

static bool is_digit(const struct cursor *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static bool take_number(struct cursor *c, int digits, int64_t most, int64_t *ret)
{
    *ret = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(c)) {
            return false;
        }
        *ret = *ret * 10 + (*c->at++ - '0');
    }
    return *ret <= most;
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

    if (!take_number(c, 4, 9999, &year) || !take(c, "-") || !take_number(c, 2, 12, &month) ||
        !take(c, "-") || !take_number(c, 2, 31, &day) || month == 0 || day == 0 ||
        day > days_of_month(year, (int)month)) {
        return false;
    }
    *ret_days = day_of_date((struct date){year, (int)month, (int)day});
    return true;
}

/* What follows a point. */
static bool take_fraction(struct cursor *c, int64_t *ret_nanos)
{
    int64_t unit = EXO_SECOND / 10;
    const char *first = c->at;

    for (; is_digit(c); c->at++) {
        *ret_nanos += (*c->at - '0') * unit;
        unit /= 10;
    }
    return c->at > first;
}

static bool take_offset(struct cursor *c, bool needs_sign, int64_t *ret_seconds)
{
    int64_t hours;
    int64_t minutes;
    bool is_west = c->at < c->end && *c->at == '-';

    if ((!take(c, "+-") && needs_sign) || !take_number(c, 2, 23, &hours) || !take(c, ":") ||
        !take_number(c, 2, 59, &minutes)) {
        return false;
    }
    *ret_seconds = (is_west ? -1 : 1) * (hours * 60 + minutes) * 60;
    return true;
}

/* 10000-01-01 is an instant beyond the range, not another kind of text. */
static bool is_year_of_five(struct span text)
{
    const char *year = text.data;
    size_t at = 0;

    while (at < 5 && at < text.bytes && year[at] >= '0' && year[at] <= '9') {
        at++;
    }
    return at == 5 && text.bytes > 5 && year[5] == '-';
}

enum instant_err instant_parse(struct span text, int64_t *ret_seconds, uint32_t *ret_nanos)
{
    struct cursor c = cursor_of(text);
    int64_t days;
    int64_t hour;
    int64_t minute;
    int64_t second;
    int64_t nanos = 0;
    int64_t offset = 0;

    if (is_year_of_five(text)) {
        return INSTANT_ERANGE;
    }
    if (!take_date(&c, &days) || !take(&c, "Tt") || !take_number(&c, 2, 23, &hour) ||
        !take(&c, ":") || !take_number(&c, 2, 59, &minute) || !take(&c, ":") ||
        !take_number(&c, 2, 59, &second) || (take(&c, ".") && !take_fraction(&c, &nanos)) ||
        (!take(&c, "Zz") && !take_offset(&c, true, &offset)) || c.at != c.end) {
        return INSTANT_ESYNTAX;
    }
    int64_t seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset;

    if (seconds < INSTANT_SECONDS_MIN || seconds > INSTANT_SECONDS_MAX) {
        return INSTANT_ERANGE;
    }
    *ret_seconds = seconds;
    *ret_nanos = (uint32_t)nanos;
    return INSTANT_OK;
}

bool instant_parse_offset(struct span text, int64_t *ret_seconds)
{
    struct cursor c = cursor_of(text);
    int64_t seconds;

    if (span_is(text, "UTC") || span_is(text, "Z")) {
        *ret_seconds = 0;
        return true;
    }
    if (!take_offset(&c, false, &seconds) || c.at != c.end) {
        return false;
    }
    *ret_seconds = seconds;
    return true;
}

void instant_format_duration(int64_t ns, char ret_text[INSTANT_TEXT_BYTES])
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    uint64_t seconds = size / (uint64_t)EXO_SECOND;
    uint64_t rest = seconds;
    char *at = ret_text;
    int digits = 1;

    while (rest >= 10) {
        rest /= 10;
        digits++;
    }
    if (ns < 0) {
        *at++ = '-';
    }
    at = put_digits(at, seconds, digits);
    at = put_fraction(at, (uint32_t)(size % (uint64_t)EXO_SECOND));
    *at++ = 's';
    *at = '\0';
}

static bool take_unit(struct cursor *c, uint64_t *ret_ns)
{
    /* The longer of two that begin alike comes first. */
    static const struct {
        const char *name;
        exo_time ns;
    } units[] = {
        {"h", EXO_HOUR},
        {"ms", EXO_MILLISECOND},
        {"m", EXO_MINUTE},
        {"s", EXO_SECOND},
        {"us", EXO_MICROSECOND},
        {"\xc2\xb5s", EXO_MICROSECOND},
        {"\xce\xbcs", EXO_MICROSECOND},
        {"ns", 1},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t bytes = strlen(units[i].name);

        if ((size_t)(c->end - c->at) >= bytes && memcmp(c->at, units[i].name, bytes) == 0) {
            c->at += bytes;
            *ret_ns = (uint64_t)units[i].ns;
            return true;
        }
    }
    return false;
}

/* digits [. digits]; a whole part beyond 2^63 stays there. *ret_fraction: the digits behind the
 * point. */
static bool take_decimal(struct cursor *c, uint64_t *ret_whole, struct cursor *ret_fraction)
{
    int digits = 0;

    *ret_whole = 0;
    for (; is_digit(c); c->at++, digits++) {
        uint64_t digit = (uint64_t)(*c->at - '0');

        *ret_whole = *ret_whole > (uint64_t)INT64_MAX / 10 ? (uint64_t)INT64_MAX + 1
                                                           : *ret_whole * 10 + digit;
    }
    bool has_point = take(c, ".");

    *ret_fraction = *c;
    for (; has_point && is_digit(c); c->at++, digits++) {
    }
    ret_fraction->end = c->at;
    return digits > 0;
}

/* The digits as part of a unit, cut to nanoseconds; counted in picoseconds, as an hour is no power
 * of ten of them. */
static uint64_t part_of(struct cursor fraction, uint64_t unit_ns)
{
    uint64_t unit_ps = unit_ns * 1000;
    uint64_t sum = 0;

    for (; fraction.at < fraction.end; fraction.at++) {
        unit_ps /= 10;
        sum += (uint64_t)(*fraction.at - '0') * unit_ps;
    }
    return sum / 1000;
}

enum instant_err instant_parse_duration(struct span text, int64_t *ret_ns)
{
    struct cursor c = cursor_of(text);
    bool is_negative = c.at < c.end && *c.at == '-';
    uint64_t most = (uint64_t)INT64_MAX + is_negative;
    uint64_t sum = 0;
    bool is_over = false;

    (void)take(&c, "+-"); /* the sign may be missing */
    bool is_zero = c.end - c.at == 1 && *c.at == '0';

    if (c.at == c.end) {
        return INSTANT_ESYNTAX;
    }
    while (!is_zero && c.at < c.end) {
        uint64_t whole;
        struct cursor fraction;
        uint64_t unit;
        uint64_t ns;

        if (!take_decimal(&c, &whole, &fraction) || !take_unit(&c, &unit)) {
            return INSTANT_ESYNTAX;
        }
        is_over |= __builtin_mul_overflow(whole, unit, &ns) ||
                   __builtin_add_overflow(sum, ns, &sum) ||
                   __builtin_add_overflow(sum, part_of(fraction, unit), &sum);
    }
    if (is_over || sum > most) {
        return INSTANT_ERANGE;
    }
    *ret_ns = (int64_t)(is_negative ? 0 - sum : sum);
    return INSTANT_OK;
}
