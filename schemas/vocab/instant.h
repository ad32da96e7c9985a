/* instant: the calendar, and the text of instants and lengths of time as CEL and protobuf's JSON
 * have them: RFC 3339 ("2026-01-31T12:00:00Z"), and "1h30m" read, "5400s" written.
 *
 * Pure: reads no clock, knows no time zones but offsets. */
#ifndef EXO_VOCAB_INSTANT_H
#define EXO_VOCAB_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum { INSTANT_TEXT_BYTES = 36 };

/* The years 1 to 9999, in seconds since 1970-01-01T00:00:00Z. */
#define INSTANT_SECONDS_MIN ((int64_t)-62135596800)
#define INSTANT_SECONDS_MAX ((int64_t)253402300799)

enum instant_err {
    INSTANT_OK = 0,
    INSTANT_ESYNTAX = -1, /* no such text */
    INSTANT_ERANGE = -2,  /* outside what can be held */
};

/* A day and time of the proleptic Gregorian calendar. */
struct instant_civil {
    int64_t year;
    int64_t month;       /* 1 .. 12 */
    int64_t day;         /* 1 .. 31 */
    int64_t day_of_year; /* 1 .. 366 */
    int64_t weekday;     /* 0: Sunday */
    int64_t hour;
    int64_t minute;
    int64_t second;
};

/* instant_days gives the days from 1970-01-01 to a date; a day beyond its month counts on.
 * month  1 .. 12 */
int64_t instant_days(int64_t year, int64_t month, int64_t day);

/* instant_civil gives day and time of a number of seconds since 1970.
 * seconds  within a day of INSTANT_SECONDS_MIN .. MAX */
void instant_civil(int64_t seconds, struct instant_civil *ret_civil);

/* instant_format writes RFC 3339 in UTC, with a fraction of 3, 6 or 9 digits when there is one.
 * seconds  INSTANT_SECONDS_MIN .. MAX; nanos: 0 .. 999,999,999 */
void instant_format(int64_t seconds, uint32_t nanos, char ret_text[INSTANT_TEXT_BYTES]);

/* instant_parse reads RFC 3339, T and Z in any case; digits beyond nanoseconds are cut.
 * Outputs are untouched on failure. */
EXO_CHECKED enum instant_err instant_parse(struct span text, int64_t *ret_seconds,
                                           uint32_t *ret_nanos);

/* instant_parse_offset reads a fixed offset from UTC: "UTC", "Z", "+11:00", "-02:30", "02:00".
 * *ret_seconds  east is positive; untouched on failure
 * Returns false for every other text. */
EXO_CHECKED bool instant_parse_offset(struct span text, int64_t *ret_seconds);

/* instant_format_duration writes seconds, such as "5400s" or "-0.250s". */
void instant_format_duration(int64_t ns, char ret_text[INSTANT_TEXT_BYTES]);

/* instant_parse_duration reads numbers with units h, m, s, ms, us (or µs), ns in any order, such as
 * "1h30m", "-1.5h", "90s"; or "0". *ret_ns is untouched on failure.
 * Source: Go's time.ParseDuration, which cel-spec names. */
EXO_CHECKED enum instant_err instant_parse_duration(struct span text, int64_t *ret_ns);

#endif /* EXO_VOCAB_INSTANT_H */
