/* held_grant: a grant that was drawn from the queue and waits until its shard may step it.
 *
 *   dispatch_next --> held_grant_keep --(the shard's marker)--> held_grant_spend --> SCHED_GRANT
 *                                    \--(the shard goes)------> held_grant_restore
 *
 * Meanwhile a loan in it may turn out to be another's: its ticket came back from a batch whose
 * commit was in doubt, and that batch had been committed (docs/adr/0023-back-in-time.md).
 *
 * Pure. */
#ifndef EXO_SCHEDULER_HELD_GRANT_H
#define EXO_SCHEDULER_HELD_GRANT_H

#include "scheduler/core/dispatch.h"
#include "scheduler/core/sched.h"

struct held_grant {
    struct dispatch_grant grant; /* from dispatch_next; its worker is not valid for long */
    char worker[FLEET_NAME_BYTES];
    uint64_t incarnation;
};

/* held_grant_keep copies what the grant says of its worker: before the next call on dispatch or
 * fleet. */
void held_grant_keep(struct held_grant *held);

/* held_grant_spend gives the grant as it may be stepped now: without loans that have left with
 * another attempt's Task. What is granted too little is offered again; the count may be 0.
 * Borrows the tickets from held; keeps process. */
struct sched_grant held_grant_spend(struct held_grant *held, const struct fleet *fleet,
                                    struct span process);

/* held_grant_restore gives its tickets back to the account, but for such loans. */
void held_grant_restore(const struct held_grant *held, struct fleet *fleet);

#endif /* EXO_SCHEDULER_HELD_GRANT_H */
