/* ownership: which shards this scheduler process should take, and which give up.
 *
 *   table of leases as read --ownership_step--> takes, releases for the next round
 *
 * A contender acts only after its own successful reads over a whole lease time, on its own
 * monotonic clock, showed no renewal (protocol.md 1). Live processes share the shards evenly: each
 * holds at most ceil(N / live) and gives up what is above it, so shards spread by themselves.
 *
 * Pure. */
#ifndef EXO_SCHEDULER_OWNERSHIP_H
#define EXO_SCHEDULER_OWNERSHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/time.h"

enum { OWNERSHIP_PROCESSES_MAX = 256, OWNERSHIP_NAME_BYTES = 64 };

/* How long a lease stands without renewal, and how far apart the table is read, where nothing else
 * is set. Who dies has renewed up to one round before the others read it; they then see a whole
 * lease without renewal, at the next read after it they take: LEASE + 2 ROUND, and what the reads
 * themselves take. */
#define OWNERSHIP_LEASE_NS (3 * EXO_SECOND)
#define OWNERSHIP_ROUND_NS (500 * EXO_MILLISECOND)

/* One row as read; owner "" for a free shard. */
struct ownership_row {
    const char *owner; /* borrowed for the call */
    uint64_t beat;
};

struct ownership_process {
    const char *name; /* borrowed for the call */
    uint64_t beat;
};

struct ownership; /* opaque */

/* ownership_new gives the state for one process; NULL without memory.
 * process   our own name, copied
 * lease_ns  how long a lease stands without renewal */
struct ownership *ownership_new(struct allocator allocator, const char *process,
                                uint32_t shard_count, exo_time lease_ns);
void ownership_free(struct ownership *ownership);

struct ownership_plan {
    uint32_t *takes; /* shards; caller's array of shard_count entries each */
    uint32_t take_count;
    uint32_t *releases;
    uint32_t release_count;
};

/* One successful read of all rows, borrowed. When it was done is not known: a beat was seen no
 * later than answered_ns and stood still at least until asked_ns, so that a slow read proves
 * nothing. */
struct ownership_read {
    const struct ownership_row *rows; /* of every shard */
    const struct ownership_process *processes;
    uint32_t process_count;
    exo_time asked_ns, answered_ns; /* our monotonic clock */
};

/* ownership_step looks at one read and says what to take and release in the next round. A released
 * shard is not taken again in the same step. */
void ownership_step(struct ownership *ownership, const struct ownership_read *read,
                    struct ownership_plan *ret_plan);

/* ownership_live gives how many processes, ourselves counted, were seen alive in the last step. */
uint32_t ownership_live(const struct ownership *ownership);

#endif /* EXO_SCHEDULER_OWNERSHIP_H */
