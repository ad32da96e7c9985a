/* submitting: one checked submission on its way: key in the store, then Job in the log.
 *
 *   submit_read -> submitting_begin --key?--> store_key_put --> log_append --> done(status)
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_SUBMITTING_H
#define EXO_PRODUCER_SUBMITTING_H

#include "infra/crypto/crypto.h"
#include "producer/core/submit.h"
#include "producer/http/api_state.h"

struct submitting {
    struct exchange *x;
    uint32_t line; /* of a batch */
    struct execution_id id;
    struct digest body; /* with an idempotency key: of what was submitted */
    struct submission submission;
    bool is_held; /* submission.entry, until it is in the log's hands */
    /* Called once the id is certain, before the Job goes to the log; NULL: nobody asks. */
    void (*placed)(struct submitting *s);
    /* Called once, later: 202, 409, 429 or 503, with a detail for all but the first (borrowed).
     * Not called when nobody waits any more. */
    void (*done)(struct submitting *s, int status, const char *detail);
};

/* submitting_key takes the header Idempotency-Key for the body's idempotency_key (NULL: the body
 * has none). False when the exchange is answered: it is no key, or the two differ. */
EXO_CHECKED bool submitting_key(struct exchange *x, const char **key);

/* submitting_begin sends a submission on its way.
 * s  x, line, submission and done are set; lives in the exchange's arena */
void submitting_begin(struct submitting *s);

/* submitting_drop gives the cluster's entry back when it is still held; for cleanups. */
void submitting_drop(struct submitting *s);

/* submitting_is_possible answers 503 or 429 and returns false when nothing can be submitted now.
 * bytes  of the request, taken from the admission until its answer */
EXO_CHECKED bool submitting_is_possible(struct exchange *x, size_t bytes);

/* batch_begin takes an NDJSON body, answered line by line. */
void batch_begin(struct exchange *x);

struct waiting;

/* waiting_open watches an execution from now on; lives in the exchange's arena. To be closed, by
 * the cleanup of who opened it, until it begins. */
struct waiting *waiting_open(struct exchange *x, const struct execution_id *id);
void waiting_close(struct waiting *waiting);

/* waiting_begin answers with the execution when it has ended, or as it is after limit_ns; it takes
 * the exchange's state and cleanup.
 * is_new  it was submitted after waiting_open; else it may have ended before */
void waiting_begin(struct waiting *waiting, exo_time limit_ns, bool is_new);

#endif /* EXO_PRODUCER_SUBMITTING_H */
