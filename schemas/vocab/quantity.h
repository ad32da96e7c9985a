/* quantity: durations as 1h30m, quantities as in Kubernetes (500m, 128Mi).
 *
 * Pure. */
#ifndef EXO_VOCAB_QUANTITY_H
#define EXO_VOCAB_QUANTITY_H

#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

enum { DURATION_TEXT_BYTES = 32 };

/* duration_parse reads numbers with units h, m, s, ms, largest first, each at most once, such as
 * "1h30m", "1.5s" or "250ms"; a fraction may stand in the last number only.
 * *ret_ns  0 .. 100 years
 * Returns false, leaving *ret_ns as it was, for any other text. */
EXO_CHECKED bool duration_parse(struct span text, exo_time *ret_ns);

/* duration_is_too_long is true for what duration_parse would read, were it not above 100 years. */
bool duration_is_too_long(struct span text);

/* duration_format writes the shortest form that duration_parse reads back, cut to milliseconds. */
void duration_format(exo_time ns, char ret_text[DURATION_TEXT_BYTES]);

/* cpu_parse reads cores ("2", "0.5") or thousandths ("500m").
 * *ret_millis  1 .. 1,000,000
 * Returns false, leaving the output as it was, for any other text. */
EXO_CHECKED bool cpu_parse(struct span text, uint32_t *ret_millis);

/* memory_parse reads bytes with a suffix none, k, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti
 * (powers of 1024); a fraction is allowed when the product is whole.
 * *ret_bytes  1 .. 2^50
 * Returns false, leaving the output as it was, for any other text. */
EXO_CHECKED bool memory_parse(struct span text, uint64_t *ret_bytes);

#endif /* EXO_VOCAB_QUANTITY_H */
