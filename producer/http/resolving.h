/* resolving: a submission read, and what of the store it names looked up on the way.
 *
 *   text --submit_read--+--> done(result)
 *              ^        +--> SUBMIT_WANTS --version_gather--> texts --+
 *              +------------------------------------------------------+
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_RESOLVING_H
#define EXO_PRODUCER_RESOLVING_H

#include "producer/core/submit.h"
#include "producer/http/api_state.h"

struct resolving {
    struct exchange *x;
    struct span text; /* the body, or a line of it; lives as long as the exchange */
    struct submission submission;
    struct fault_list faults; /* in the exchange's parsing arena */
    /* Called once, now or later; not when nobody waits any more. err: the store's, result is then
     * SUBMIT_WANTS still; else NULL. */
    void (*done)(struct resolving *r, enum submit_result result, const struct exo_error *err);
};

/* resolving_begin reads a submission.
 * r  x, text and done are set; lives in the exchange's arena */
void resolving_begin(struct resolving *r);

/* uses_look_up fills in what the store has of a set.
 * set   not empty; in one of the exchange's arenas
 * done  called once, later; not when nobody waits any more */
void uses_look_up(struct exchange *x, struct uses_set *set,
                  void (*done)(void *argument, const struct exo_error *err), void *argument);

#endif /* EXO_PRODUCER_RESOLVING_H */
