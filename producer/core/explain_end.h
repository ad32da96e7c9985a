/* explain_end: what became of a satellite or task that has ended, and why one of which nothing ran
 * ended so.
 *
 *   state, error --explain_end_say--> "it has ended: FAILED (`EXIT_STATUS: ...`)"
 *   the ends of its parents, its join --explain_end_say_why--> ": it comes after a (FAILED)"
 *
 * Pure. */
#ifndef EXO_PRODUCER_EXPLAIN_END_H
#define EXO_PRODUCER_EXPLAIN_END_H

#include "producer/core/run_scope.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/states.h"

/* explain_end_say appends the state and, where there is one, the error. */
void explain_end_say(enum task_state state, struct span error, struct fault_text *text);

/* explain_end_say_why appends the reason of one that is UPSTREAM_FAILED or SKIPPED; nothing for
 * others, and where it cannot be told.
 * satellite  of the scope, and ended; so have its parents, or it needed no more of them */
void explain_end_say_why(const struct cluster *cluster, const struct run_scope *scope,
                         const struct satellite *satellite, struct fault_text *text);

#endif /* EXO_PRODUCER_EXPLAIN_END_H */
