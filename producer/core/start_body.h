/* start_body: what the bodies that start an execution say alike: a submission and a rerun.
 *
 *   text --start_body_json--> members --start_body_input, start_body_time--> parts of a Job
 *
 * Pure. */
#ifndef EXO_PRODUCER_START_BODY_H
#define EXO_PRODUCER_START_BODY_H

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/field.h"

/* start_body_json reads the text of a body, borrowed by what it gives, which lives in r->arena.
 * NULL with a fault at its place: no JSON that we take, or too large. */
EXO_CHECKED const struct value *start_body_json(struct field_reader *r, struct span text);

/* start_body_input checks `input` against the declared inputs and writes it as JSON.
 * given  NULL or null: none
 * ret    out: in r->arena; untouched where none is given or there are faults */
void start_body_input(struct field_reader *r, const struct cluster *cluster,
                      const struct value *given, struct span *ret);

/* start_body_time reads `start_at`, RFC 3339.
 * given   NULL or null: none
 * ret_ms  out: since 1970, 1 .. WIRE_JOB_START_MS_MAX; untouched where none is given or there is a
 *         fault */
void start_body_time(struct field_reader *r, const struct value *given, int64_t *ret_ms);

#endif /* EXO_PRODUCER_START_BODY_H */
