/* The walk goes from period to period of the zone. In each, local time and instants differ by one
 * constant, so that only the calendar is searched; between two, the rule for changes holds.
 *
 * Local time counts in minutes since 1970 by the clock of the zone. `passed` is the last minute
 * that a clock of the zone has shown: after a change back it lies ahead of the clock until that
 * has caught up. */
#include "schemas/cron/cron.h"
#include "schemas/vocab/calendar.h"

enum {
    DAY_MINUTES = 1440,
    DAY_S = 86400,
    CHANGE_MINUTES_MAX = 180, /* a larger one is a correction */
    PERIODS_BACK_MAX = 32,
};

static const int64_t last_s = 9214646399; /* the end of the year 2261 */
static const int64_t no_minute = INT64_MAX;

static bool is_day(const struct cron *cron, struct date date, int64_t day)
{
    bool is_month_day = (cron->days >> date.day & 1) != 0;
    bool is_weekday = (cron->weekdays >> weekday_of_day(day) & 1) != 0;

    return cron->is_either_day ? is_month_day || is_weekday : is_month_day && is_weekday;
}

/* The first matching minute of a day from a minute of it on, or -1. */
static int minute_of_day(const struct cron *cron, int from)
{
    for (int hour = from / 60; hour < 24; hour++) {
        int least = hour == from / 60 ? from % 60 : 0;
        uint64_t left = cron->minutes >> least;

        if ((cron->hours >> hour & 1) != 0 && left != 0) {
            return hour * 60 + least + __builtin_ctzll(left);
        }
    }
    return -1;
}

/* The first matching local minute in from <= minute < until, or no_minute. */
static int64_t match_next(const struct cron *cron, int64_t from, int64_t until)
{
    int64_t day = floor_div(from, DAY_MINUTES);
    int minute = (int)(from - day * DAY_MINUTES);

    while (day * DAY_MINUTES < until) {
        struct date date = date_of_day(day);

        if ((cron->months >> date.month & 1) == 0) {
            day += days_of_month(date.year, date.month) - date.day + 1;
        } else {
            int found = is_day(cron, date, day) ? minute_of_day(cron, minute) : -1;

            if (found >= 0) {
                int64_t match = day * DAY_MINUTES + found;

                return match < until ? match : no_minute;
            }
            day++;
        }
        minute = 0;
    }
    return no_minute;
}

/* The first minute that begins at the instant or after it, by a clock with this offset. */
static int64_t minute_from(int64_t unix_s, int32_t offset_s)
{
    return -floor_div(-(unix_s + offset_s), 60);
}

/* The period to begin the walk with: before it the clock ran for a day without a change, so that
 * nothing of an earlier change is left. */
static struct zone_period first_period(const struct zone *zone, int64_t unix_s)
{
    struct zone_period period = zone_period_at(zone, unix_s);

    for (int i = 0; i < PERIODS_BACK_MAX && period.begin_s > ZONE_BEGIN_S; i++) {
        struct zone_period before = zone_period_at(zone, period.begin_s - 1);

        if (before.end_s - before.begin_s >= DAY_S) {
            break;
        }
        period = before;
    }
    return period;
}

/* Where the walk stands at the begin of a period. */
struct change {
    int64_t first;  /* the first minute of the period */
    int64_t passed; /* the last one shown before; no less than first - 1 once what was skipped is
                     * dealt with */
    bool has_moved; /* a fixed job is due at the change */
};

static struct change change_into(const struct cron *cron, const struct zone_period *period,
                                 int64_t passed)
{
    struct change change = {.first = minute_from(period->begin_s, period->offset_s),
                            .passed = passed};
    int64_t distance = change.first - passed;

    if (distance > CHANGE_MINUTES_MAX || distance < -CHANGE_MINUTES_MAX) {
        change.passed = change.first - 1;
    } else if (distance > 1) {
        change.has_moved =
            cron->is_fixed && match_next(cron, passed + 1, change.first) != no_minute;
        change.passed = change.first - 1;
    }
    return change;
}

static bool next_in_period(const struct cron *cron, const struct zone_period *period,
                           const struct change *change, int64_t after_s, struct cron_fire *ret_fire)
{
    int64_t from = minute_from(after_s + 1, period->offset_s);
    int64_t end_s = period->end_s > last_s ? last_s + 1 : period->end_s;
    int64_t until = minute_from(end_s, period->offset_s);

    from = from < change->first ? change->first : from;
    if (cron->is_fixed && from <= change->passed) {
        from = change->passed + 1;
    }
    int64_t match = match_next(cron, from, until);
    int64_t match_s = match == no_minute ? INT64_MAX : match * 60 - period->offset_s;

    if (change->has_moved && period->begin_s > after_s && period->begin_s <= last_s) {
        *ret_fire = (struct cron_fire){.at_ns = period->begin_s * EXO_SECOND,
                                       .is_moved = match_s != period->begin_s};
        return true;
    }
    if (match == no_minute) {
        return false;
    }
    *ret_fire = (struct cron_fire){.at_ns = match_s * EXO_SECOND};
    return true;
}

bool cron_next(const struct cron *cron, const struct zone *zone, exo_time after_ns,
               struct cron_fire *ret_fire)
{
    int64_t after_s = floor_div(after_ns, EXO_SECOND);
    struct zone_period period = first_period(zone, after_s);
    struct change change = {.first = minute_from(after_s, period.offset_s)};

    change.passed = change.first - 1;
    if (period.begin_s > ZONE_BEGIN_S) {
        struct zone_period before = zone_period_at(zone, period.begin_s - 1);

        change = change_into(cron, &period, minute_from(period.begin_s, before.offset_s) - 1);
    }
    for (;;) {
        if (period.end_s > after_s && next_in_period(cron, &period, &change, after_s, ret_fire)) {
            return true;
        }
        if (period.end_s > last_s) {
            return false;
        }
        int64_t shown = minute_from(period.end_s, period.offset_s) - 1;
        struct zone_period next = zone_period_at(zone, period.end_s);

        change = change_into(cron, &next, shown > change.passed ? shown : change.passed);
        period = next;
    }
}

/* Whether there is an instant after x, up to the end, falls once as x grows: so x is halved in. */
bool cron_last(const struct cron *cron, const struct zone *zone, exo_time after_ns,
               exo_time until_ns, struct cron_fire *ret_fire)
{
    struct cron_fire last;
    struct cron_fire next;
    exo_time high = until_ns;

    if (!cron_next(cron, zone, after_ns, &last) || last.at_ns > until_ns) {
        return false;
    }
    while (high - last.at_ns > EXO_SECOND) {
        exo_time middle = last.at_ns + (high - last.at_ns) / 2;

        if (cron_next(cron, zone, middle, &next) && next.at_ns <= until_ns) {
            last = next;
        } else {
            high = middle;
        }
    }
    *ret_fire = last;
    return true;
}
