/* timestamp: instants as people and programs read them: RFC 3339 in UTC.
 *
 * Pure. */
#ifndef EXO_VOCAB_TIMESTAMP_H
#define EXO_VOCAB_TIMESTAMP_H

#include <stdbool.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

enum { TIMESTAMP_TEXT_BYTES = 25 };

/* timestamp_format writes "2026-01-31T12:00:00.123Z" and a NUL.
 * unix_ms  years 0000 to 9999; beyond, the nearest of them */
void timestamp_format(int64_t unix_ms, char ret_text[TIMESTAMP_TEXT_BYTES]);

/* timestamp_parse reads RFC 3339: a date, T or t, a time with or without a fraction, and Z or an
 * offset such as +02:00. A date alone is its midnight in UTC.
 * *ret_ns  since 1970; years 1970 to 2261
 * Returns false, leaving *ret_ns as it was, for any other text. */
EXO_CHECKED bool timestamp_parse(struct span text, exo_time *ret_ns);

#endif /* EXO_VOCAB_TIMESTAMP_H */
