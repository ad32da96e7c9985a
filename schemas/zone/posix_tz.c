#include "schemas/zone/posix_tz.h"

#include "schemas/vocab/calendar.h"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    OFFSET_HOURS_MAX = 24,
    TIME_HOURS_MAX = 167,
    NAME_LEAST = 3,
};

struct cursor {
    const char *at;
    const char *end;
};

static bool is_at(const struct cursor *c, char wanted)
{
    return c->at < c->end && *c->at == wanted;
}

static bool take(struct cursor *c, char wanted)
{
    bool is_there = is_at(c, wanted);

    c->at += is_there;
    return is_there;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_name(struct cursor *c, char ret_name[ZONE_NAME_BYTES])
{
    bool is_quoted = take(c, '<');
    int bytes = 0;

    while (c->at < c->end && bytes < ZONE_NAME_BYTES - 1 &&
           (is_letter(*c->at) ||
            (is_quoted && (is_digit(*c->at) || *c->at == '+' || *c->at == '-')))) {
        ret_name[bytes++] = *c->at++;
    }
    ret_name[bytes] = '\0';
    return bytes >= NAME_LEAST && (!is_quoted || take(c, '>'));
}

static bool take_number(struct cursor *c, int least, int most, int *ret_number)
{
    int number = 0;
    const char *first = c->at;

    while (c->at < c->end && is_digit(*c->at) && number <= most) {
        number = number * 10 + (*c->at++ - '0');
    }
    *ret_number = number;
    return c->at > first && number >= least && number <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct cursor *c, int hours_max, int32_t *ret_s)
{
    bool is_minus = take(c, '-');
    int hours;
    int minutes = 0;
    int seconds = 0;

    if (!is_minus) {
        (void)take(c, '+'); /* may stand there */
    }
    if (!take_number(c, 0, hours_max, &hours) ||
        (take(c, ':') && (!take_number(c, 0, 59, &minutes) ||
                          (take(c, ':') && !take_number(c, 0, 59, &seconds))))) {
        return false;
    }
    *ret_s = (is_minus ? -1 : 1) * (hours * HOUR_S + minutes * 60 + seconds);
    return true;
}

static bool take_offset(struct cursor *c, int32_t *ret_s)
{
    int32_t west;

    if (!take_time(c, OFFSET_HOURS_MAX, &west)) {
        return false;
    }
    *ret_s = -west;
    return true;
}

static bool take_change(struct cursor *c, struct posix_change *change)
{
    *change = (struct posix_change){.time_s = 2 * HOUR_S};
    if (!take(c, ',')) {
        return false;
    }
    if (take(c, 'M')) {
        change->kind = POSIX_DAY_WEEK;
        if (!take_number(c, 1, 12, &change->month) || !take(c, '.') ||
            !take_number(c, 1, 5, &change->week) || !take(c, '.') ||
            !take_number(c, 0, 6, &change->day)) {
            return false;
        }
    } else if (take(c, 'J')) {
        change->kind = POSIX_DAY_JULIAN;
        if (!take_number(c, 1, 365, &change->day)) {
            return false;
        }
    } else {
        change->kind = POSIX_DAY_NUMBER;
        if (!take_number(c, 0, 365, &change->day)) {
            return false;
        }
    }
    return !take(c, '/') || take_time(c, TIME_HOURS_MAX, &change->time_s);
}

static bool take_saving(struct cursor *c, struct posix_tz *tz)
{
    tz->has_saving = true;
    tz->saving_offset_s = tz->offset_s + HOUR_S;
    return take_name(c, tz->saving_name) &&
           (is_at(c, ',') || take_offset(c, &tz->saving_offset_s)) && take_change(c, &tz->begin) &&
           take_change(c, &tz->end);
}

bool posix_tz_parse(struct span text, struct posix_tz *ret_tz)
{
    struct cursor c = {text.data, text.data == NULL ? NULL : (const char *)text.data + text.bytes};
    struct posix_tz tz = {0};

    if (!take_name(&c, tz.name) || !take_offset(&c, &tz.offset_s) ||
        (c.at < c.end && !take_saving(&c, &tz)) || c.at != c.end) {
        return false;
    }
    *ret_tz = tz;
    return true;
}

static int64_t change_day(const struct posix_change *change, int64_t year)
{
    int64_t new_year = day_of_date((struct date){year, 1, 1});

    switch (change->kind) {
    case POSIX_DAY_JULIAN:
        return new_year + change->day - 1 + (year_is_leap(year) && change->day > 59);
    case POSIX_DAY_NUMBER:
        return new_year + change->day;
    case POSIX_DAY_WEEK:
        break;
    }
    int64_t first = day_of_date((struct date){year, change->month, 1});
    int64_t day = first + (change->day - weekday_of_day(first) + 7) % 7 + 7 * (change->week - 1);

    return day >= first + days_of_month(year, change->month) ? day - 7 : day;
}

void posix_tz_changes(const struct posix_tz *tz, int64_t year, int64_t *ret_begin, int64_t *ret_end)
{
    *ret_begin = change_day(&tz->begin, year) * DAY_S + tz->begin.time_s - tz->offset_s;
    *ret_end = change_day(&tz->end, year) * DAY_S + tz->end.time_s - tz->saving_offset_s;
}
