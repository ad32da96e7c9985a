/* posix tz: the rule of a time zone for all times beyond its table, as POSIX writes it.
 *
 *   CET-1CEST,M3.5.0,M10.5.0/3     <+1030>-10:30<+11>-11,M10.1.0,M4.1.0     <+0545>-5:45
 *   |  | |    |      |
 *   |  | |    |      end of daylight saving (here at 3:00, else 2:00), by the clock before it
 *   |  | |    begin: month.week.weekday (week 5: the last), or Jn (1 .. 365, never 29 February),
 *   |  | |           or n (0 .. 365, counted with it)
 *   |  | name of daylight saving, its offset is an hour more where none stands
 *   |  offset west of Greenwich
 *   name
 *
 * Pure. Source: POSIX.1-2017 section 8.3; RFC 9636 section 3.3.2 (hours -167 .. 167). */
#ifndef EXO_ZONE_POSIX_TZ_H
#define EXO_ZONE_POSIX_TZ_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum { ZONE_NAME_BYTES = 16 }; /* of an abbreviation, its NUL included */

enum posix_day_kind {
    POSIX_DAY_JULIAN, /* Jn */
    POSIX_DAY_NUMBER, /* n */
    POSIX_DAY_WEEK,   /* Mm.w.d */
};

/* One change a year. */
struct posix_change {
    enum posix_day_kind kind;
    int month;
    int week;
    int day;        /* weekday, or the number of the day */
    int32_t time_s; /* from the midnight that begins the day, may be below 0 */
};

struct posix_tz {
    char name[ZONE_NAME_BYTES];
    int32_t offset_s; /* east of Greenwich */
    bool has_saving;
    char saving_name[ZONE_NAME_BYTES];
    int32_t saving_offset_s;
    struct posix_change begin; /* by standard time */
    struct posix_change end;   /* by daylight saving time */
};

/* posix_tz_parse reads a rule.
 * text  borrowed; without the newlines of a TZif footer
 * Returns false, leaving *ret_tz as it was, for any other text; also for daylight saving without
 * its days, whose meaning POSIX leaves open. */
EXO_CHECKED bool posix_tz_parse(struct span text, struct posix_tz *ret_tz);

/* posix_tz_changes gives the two instants of a year, in seconds since 1970.
 * tz         with has_saving
 * year       0 .. 10,000
 * ret_begin  out: when daylight saving begins; ret_end: when it ends, before or after it */
void posix_tz_changes(const struct posix_tz *tz, int64_t year, int64_t *ret_begin,
                      int64_t *ret_end);

#endif /* EXO_ZONE_POSIX_TZ_H */
