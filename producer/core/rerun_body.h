/* rerun_body: a request to run an execution again, read and checked.
 *
 *   {from, input, start_at, idempotency_key} --rerun_body_read--> struct rerun_body, or all faults
 * at once
 *
 * Pure. */
#ifndef EXO_PRODUCER_RERUN_BODY_H
#define EXO_PRODUCER_RERUN_BODY_H

#include "producer/core/submit.h"
#include "schemas/wire/state.h"

/* Lives in the arena of its reading. */
struct rerun_body {
    struct span from;            /* a satellite of the top level; empty: what failed */
    struct span input;           /* JSON object; empty: as it was */
    const char *idempotency_key; /* NULL: none */
    int64_t start_at_ms;         /* since 1970, before which nothing begins; 0: at once */
    const bool *again;           /* of each satellite of the top level; false: it is kept */
};

/* What is to be run again. */
struct rerun_old {
    const struct cluster *cluster;
    const struct wire_body *body;
    bool is_good; /* it SUCCEEDED */
};

/* rerun_body_read reads and checks a body.
 * text     the body; empty: nothing is asked for but the default
 * arena    borrowed; what *ret points to lives there
 * Gives SUBMIT_OK, or, with faults, SUBMIT_EMALFORMED or SUBMIT_EFAULTS; *ret is untouched then. */
EXO_CHECKED enum submit_result rerun_body_read(struct span text, const struct rerun_old *old,
                                               struct arena *arena, struct rerun_body *ret,
                                               struct fault_list *faults);

#endif /* EXO_PRODUCER_RERUN_BODY_H */
