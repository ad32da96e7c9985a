/* dispatch: the deep queue of one scheduler process, shared by its shards.
 *
 *   sources (ready tasks of one satellite of one execution)
 *      class -> priority -> project (stride: equal shares) -> laxity, age
 *                                       |
 *                 dispatch_next: head source + a worker with tickets and room = a grant
 *
 * A source is embedded in its owner and counts ready tasks; a map of a million is one source.
 * Fair by default: within a class and priority the projects take turns by tasks granted.
 *
 * Pure. */
#ifndef EXO_SCHEDULER_DISPATCH_H
#define EXO_SCHEDULER_DISPATCH_H

#include "scheduler/core/fleet.h"
#include "scheduler/core/heap.h"
#include "schemas/vocab/time.h"

enum { DISPATCH_PRIORITIES = 10, DISPATCH_GRANT_MAX = 64 };

struct dispatch_lane;

/* Zero it, then fill the first part once before the first dispatch_set. */
struct dispatch_source {
    void *owner;          /* of the caller */
    uint32_t priority;    /* 0 .. 9; 9 goes first */
    exo_time deadline_ns; /* by SLA; EXO_TIME_NEVER: none */
    uint64_t age;         /* smaller is older */
    struct fleet_needs needs;
    /* kept by dispatch */
    uint32_t ready;
    struct heap_node node;
    struct dispatch_lane *lane;
};

struct dispatch; /* opaque */

/* dispatch_new gives an empty queue over a fleet (kept); NULL without memory. */
struct dispatch *dispatch_new(struct allocator allocator, struct fleet *fleet);
void dispatch_free(struct dispatch *dispatch);

/* dispatch_set says how many tasks of a source are ready; 0 takes it out of the queue.
 * project  borrowed; names the tenant whose share it takes
 * Returns false, changing nothing, without memory. */
EXO_CHECKED bool dispatch_set(struct dispatch *dispatch, struct dispatch_source *source,
                              struct span project, uint32_t ready);

/* So many tasks of one source go to one worker. */
struct dispatch_grant {
    struct dispatch_source *source;
    const struct fleet_worker *worker; /* valid until the next call on dispatch or fleet */
    uint32_t count;
    uint32_t tickets[DISPATCH_GRANT_MAX];
    uint64_t lends[DISPATCH_GRANT_MAX];
};

/* dispatch_next makes the next grant; the source's ready count falls by grant->count.
 * Returns false when nothing that waits fits a ticket. */
EXO_CHECKED bool dispatch_next(struct dispatch *dispatch, struct dispatch_grant *ret_grant);

/* dispatch_ready is how many tasks of a class wait. */
uint64_t dispatch_ready(const struct dispatch *dispatch, uint32_t class);

#endif /* EXO_SCHEDULER_DISPATCH_H */
