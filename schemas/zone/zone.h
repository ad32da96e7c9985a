/* zone: a time zone: which local time an instant has, from the bytes of a TZif file.
 *
 *   TZif bytes --zone_parse--> struct zone --zone_period_at--> the period around an instant
 *
 *      table of changes                     footer (posix_tz)
 *   ---+------+-----+------+--- ... ---+---------------------------->
 *      period: one offset, from one change to the next
 *
 * Versions 1 to 4. Beyond the table the footer's rule holds; without one the last period goes on.
 * Files with leap seconds (right/...) are refused: our seconds are POSIX's.
 *
 * Pure: memory comes from the given arena only. Source: RFC 9636. */
#ifndef EXO_ZONE_H
#define EXO_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/zone/posix_tz.h"

#define ZONE_BEGIN_S (-((int64_t)1 << 60)) /* before and after all changes */
#define ZONE_END_S ((int64_t)1 << 60)

enum {
    ZONE_FILE_BYTES_MAX = 256 << 10,
    ZONE_CHANGES_MAX = 20000,
    ZONE_PATH_BYTES_MAX = 64, /* of a name such as America/Port-au-Prince */
    ZONE_OFFSET_S_MAX = 26 * 3600,
};

struct zone; /* immutable, in the arena it was parsed into */

/* A time without a change: begin_s <= instant < end_s. */
struct zone_period {
    int64_t begin_s;  /* since 1970; ZONE_BEGIN_S: no change before */
    int64_t end_s;    /* above begin_s; ZONE_END_S: no change after */
    int32_t offset_s; /* east of Greenwich, at most ZONE_OFFSET_S_MAX either way */
    bool is_saving;   /* daylight saving time */
    const char *name; /* abbreviation such as CEST; lives as long as the zone */
};

/* zone_parse reads a TZif file.
 *
 * file      borrowed for the call
 * arena     borrowed; the zone lives there
 * ret_zone  out; untouched on failure
 *
 * Returns 0, or -1 with *err: EXO_EINVALID for bytes that are no TZif file or break its rules,
 * EXO_ELIMIT above a limit, EXO_EIO without memory. */
EXO_CHECKED int zone_parse(struct span file, struct arena *arena, const struct zone **ret_zone,
                           struct exo_error *err);

/* zone_utc gives the zone without changes; static. */
const struct zone *zone_utc(void);

/* zone_period_at gives the period around an instant. Neighbours may have the same offset.
 * unix_s  since 1970; anything
 * Cost O(log changes). */
struct zone_period zone_period_at(const struct zone *zone, int64_t unix_s);

/* zone_path_is_clean is true for a text that may be the name of a zone: parts of letters, digits,
 * +, - and _, with a / between; at most ZONE_PATH_BYTES_MAX. Such a name never leaves the directory
 * it is looked up in. False for "localtime", which is another zone on every machine. */
bool zone_path_is_clean(struct span name);

#endif /* EXO_ZONE_H */
