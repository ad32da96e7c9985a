/* role: the scheduler's process: State Manager and Controller on one loop.
 *
 *   exo.jobs, exo.status --> shards (pure cores) --> store, exo.tasks, cache, exo.events
 *
 * Touches log, store and cache through their ports. Used alone (`exosphere scheduler`) and beside
 * the other roles (`exosphere dev`). */
#ifndef EXO_SCHEDULER_ROLE_H
#define EXO_SCHEDULER_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/cache/cache.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/store.h"
#include "scheduler/core/retention.h"
#include "schemas/vocab/error.h"

struct scheduler;

struct scheduler_settings {
    uint32_t shard_count;             /* as installed in the store */
    const uint8_t *secret;            /* 32 bytes that sign attempt tokens; borrowed for the call */
    bool publishes_events;            /* to exo.events */
    bool trims_inputs;                /* deletes what has been consumed: no backup wants it again */
    bool keeps_for_backup;            /* instead: deletes below the newest complete restore point */
    exo_time journal_kept_ns;         /* 0: for ever */
    exo_time letters_kept_ns;         /* dead letters; 0: for ever */
    struct retention_rules retention; /* of ended executions; its projects are kept by the caller */
    bool reads_projects;              /* heeds what the store says of projects (projects.h) */
    exo_time janitor_ns;              /* between rounds of deletion; 0: 60 s */
    exo_time lease_ns;                /* of a shard; 0: OWNERSHIP_LEASE_NS */
    exo_time round_ns;                /* between looks at the leases; 0: OWNERSHIP_ROUND_NS */
    exo_time tick_ns;                 /* between ticks; 0: 1 s */
    exo_time look_ns;                 /* between looks at a shard that stands still; 0: 10 s */
    uint32_t transaction_records; /* with so many a transaction takes no further shard; 0: 768 */
    uint64_t executions_max;      /* live at once, shared evenly by the shards; 0: no bound */
    uint64_t memory_bytes_max;    /* of all cores together; 0: no bound */
    /* Where lines of the operator's log go. */
    void (*say)(void *context, const char *event, const char *text);
    void *say_context;
};

/* scheduler_open starts the role on a loop; log, store and cache are kept and must outlive it, and
 * the topics be prepared. Gives it, or NULL with *err. */
EXO_CHECKED struct scheduler *scheduler_open(struct loop *loop, struct log *log,
                                             struct store *store, struct cache *cache,
                                             const struct scheduler_settings *settings,
                                             struct exo_error *err);

/* scheduler_is_ready is true while the role can take work: every shard that is its own is loaded,
 * and its leases are renewed. */
bool scheduler_is_ready(const struct scheduler *scheduler);

/* scheduler_waits_for says why scheduler_is_ready is false: a sentence, borrowed until the loop
 * goes on. */
const char *scheduler_waits_for(const struct scheduler *scheduler);

/* scheduler_is_full is true while a shard takes no jobs because executions_max is reached. */
bool scheduler_is_full(const struct scheduler *scheduler);

/* scheduler_leave releases all shards cleanly, then calls back once. */
void scheduler_leave(struct scheduler *scheduler, void (*done)(void *argument), void *argument);

/* scheduler_close stops everything; uncommitted batches are dropped. Then close log, store and
 * cache, whose last callbacks still come here; then scheduler_free. NULL is allowed. */
void scheduler_close(struct scheduler *scheduler);

/* scheduler_free frees a closed scheduler after its log, store and cache. NULL is allowed. */
void scheduler_free(struct scheduler *scheduler);

/* scheduler_owns_first is true while shard 0 runs here: of all processes, one does what is done
 * once for all. */
bool scheduler_owns_first(const struct scheduler *scheduler);

/* Counters since start and gauges, for /metrics. */
struct scheduler_counts {
    uint64_t shards_owned, shards_running, shards_stopped;
    uint64_t shards_full; /* that take no jobs for now */
    uint64_t executions_live, leases_live;
    uint64_t jobs, forwarded, reports, stale, duplicates, dead_letters;
    uint64_t admitted, executions_finished, attempts_finished, attempts_lost;
    /* rows that retention let go */
    uint64_t journal_dropped, executions_dropped, letters_dropped, definitions_dropped;
    uint64_t snapshots;       /* of shards, whole */
    uint64_t cancels_dropped; /* that waited for an execution, for want of room */
    uint64_t commits, commits_failed, takeovers, witnesses;
    uint64_t ready; /* tasks that wait for a ticket */
    uint64_t memory_bytes;
};

/* scheduler_counts sums them over the shards that are here now, and counters over all that were.
 * What a batch did that was not committed is counted, and again when it is done again. */
struct scheduler_counts scheduler_counts(const struct scheduler *scheduler);

#endif /* EXO_SCHEDULER_ROLE_H */
