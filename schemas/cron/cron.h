/* cron: when something that repeats is due, as Vixie cron reads it.
 *
 *   "30 2 * * mon-fri" --cron_parse--> struct cron --cron_next, with a zone--> the next instant
 *    |  | | | |
 *    |  | | | day of the week: 0-7 or sun-sat, 0 and 7 are Sunday
 *    |  | | month: 1-12 or jan-dec
 *    |  | day of the month: 1-31
 *    |  hour: 0-23
 *    minute: 0-59
 *
 * A field is `*` or a list, with commas, of numbers and ranges; * and a range may have a step
 * (0-30/10). Names have three letters, in any case. In place of the five: @hourly, @daily or
 * @midnight, @weekly, @monthly, @yearly or @annually; @reboot is refused.
 *
 * Days: where both fields of days are restricted (neither begins with *) either is enough; where
 * one begins with *, both must match, so "* /2" there, without the blank, is a restriction too.
 *
 * When the clock of the zone is changed, as in cron(8) of Debian:
 * - A job is FIXED when neither its minute nor its hour begins with *. Else it is a WILDCARD, as is
 *   @hourly: it follows the clock as it shows. It has no time that is skipped, and it runs in both
 *   hours of a repeated one.
 * - Forward by less than 3 hours: a fixed job with a time among those skipped is due once, at the
 *   change (cron itself runs it once for each such time, one right after another).
 * - Back by 3 hours or less: a fixed job is not due again at a time that was there before.
 * - By more, either way: the new time holds at once. What was skipped is not made up for, what is
 *   repeated is due again.
 *
 * Pure. Source: cron(8) and crontab(5) of Debian 12; the threshold of 3 hours as ISC cron 4.1 has
 * it, which counts from the minute before the change. */
#ifndef EXO_CRON_H
#define EXO_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"
#include "schemas/zone/zone.h"

enum { CRON_TEXT_BYTES_MAX = 256, CRON_ERROR_BYTES = 200 };

/* Bit n of a set is its member n. */
struct cron {
    uint64_t minutes;
    uint32_t hours;
    uint32_t days; /* 1 .. 31 */
    uint32_t months;
    uint32_t weekdays;  /* 0 .. 6 */
    bool is_either_day; /* one of the two kinds of day is enough */
    bool is_fixed;
};

struct cron_error {
    uint32_t column; /* from 1, in bytes */
    char text[CRON_ERROR_BYTES];
    char hint[CRON_ERROR_BYTES]; /* what to write; "" when the text says it */
};

struct cron_fire {
    exo_time at_ns; /* since 1970, whole seconds */
    bool is_moved;  /* the local time it was due at was skipped: it is due at the change */
};

/* cron_parse reads an expression.
 * text       borrowed; blanks around it do not count
 * ret_cron   out; untouched on failure
 * ret_error  out on failure
 * Returns 0, or -1: wrong text, longer than CRON_TEXT_BYTES_MAX, or one that is never due (30
 * February). */
EXO_CHECKED int cron_parse(struct span text, struct cron *ret_cron, struct cron_error *ret_error);

/* cron_next gives the first instant after a given one.
 *
 * cron      from cron_parse; zone: borrowed
 * after_ns  since 1970, from 0 on; the result is above it
 * ret_fire  out; untouched when there is none
 *
 * Cost O(days until then). Returns false when it is not due again up to the year 2261. */
EXO_CHECKED bool cron_next(const struct cron *cron, const struct zone *zone, exo_time after_ns,
                           struct cron_fire *ret_fire);

/* cron_last gives the last instant in after_ns < instant <= until_ns, at the cost of some 50 calls
 * of cron_next, however many there are. Returns false when there is none. */
EXO_CHECKED bool cron_last(const struct cron *cron, const struct zone *zone, exo_time after_ns,
                           exo_time until_ns, struct cron_fire *ret_fire);

#endif /* EXO_CRON_H */
