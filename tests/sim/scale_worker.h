/* scale_worker: thousands of workers in one process of a world: the real cores, joined to one
 * reader for each partition of exo.fleet and of their class, in place of one for each worker.
 *
 *   exo.fleet, exo.tasks.default --read once, counted as often as it would be read--> cores
 *
 * Containers only take time. Nothing goes wrong: no spool, no second life. */
#ifndef EXO_TESTS_SIM_SCALE_WORKER_H
#define EXO_TESTS_SIM_SCALE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

enum scale_word { SCALE_ACCEPTED, SCALE_REJECTED, SCALE_STARTED, SCALE_FINISHED, SCALE_WORD_NR };

struct scale_workers {
    uint32_t count;
    uint64_t words[SCALE_WORD_NR]; /* reports by kind */
    uint64_t heartbeats, heartbeat_bytes, loans;
    uint64_t loaned; /* tickets in those loans */
    /* What all workers read together: each reads the whole of its two partitions. */
    uint64_t fleet_read, fleet_read_bytes, tasks_read, tasks_read_bytes;
};

extern struct scale_workers scale_workers;

/* scale_workers_begin makes so many, which begin within a second. run_ms: how long a container
 * takes, at most. */
void scale_workers_begin(uint32_t count, uint32_t slots, uint32_t prefetch, uint32_t run_ms,
                         uint32_t shard_count);

/* scale_worker_ended is how many tasks ended on a worker, 0 .. count - 1. */
uint64_t scale_worker_ended(uint32_t number);

/* scale_workers_end checks every core and frees them. */
void scale_workers_end(void);

#endif /* EXO_TESTS_SIM_SCALE_WORKER_H */
