/* sim_scheduler: a machine that runs one scheduler process after the other, the real ones. */
#ifndef EXO_TESTS_SIM_SIM_SCHEDULER_H
#define EXO_TESTS_SIM_SIM_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "scheduler/core/retention.h"
#include "schemas/vocab/time.h"

struct scheduler_life;

struct sim_scheduler {
    uint32_t number;
    uint32_t shard_count;
    struct scheduler_life *life;      /* NULL: none runs */
    uint64_t executions_max;          /* of its settings; 0: 8 */
    uint32_t transaction_records;     /* of its settings; 0: as it is by itself */
    struct retention_rules retention; /* of its settings */
};

/* sim_scheduler_start starts a process when none runs. */
void sim_scheduler_start(struct sim_scheduler *s);

/* sim_scheduler_crash ends it without a word; harmless when none runs. */
void sim_scheduler_crash(struct sim_scheduler *s);

/* sim_scheduler_leave lets it release its shards, then ends it. */
void sim_scheduler_leave(struct sim_scheduler *s);

/* sim_scheduler_pause lets it stand still. */
void sim_scheduler_pause(struct sim_scheduler *s, exo_time until_ns);

/* sim_scheduler_is_up is true while a process runs that is not leaving. */
bool sim_scheduler_is_up(const struct sim_scheduler *s);

struct loop;

/* sim_scheduler_name gives the scheduler's name when that process is the one that runs; else NULL.
 */
const char *sim_scheduler_name(const struct sim_scheduler *s, const struct loop *process);

/* sim_scheduler_check asserts the invariants of its cores. */
void sim_scheduler_check(const struct sim_scheduler *s);

/* sim_scheduler_is is true while the process of that name is the one that runs. */
bool sim_scheduler_is(const struct sim_scheduler *s, const char *process);

struct sched;
struct shard;

/* sim_scheduler_shard gives its shard that has that core; NULL: none. */
const struct shard *sim_scheduler_shard(const struct sim_scheduler *s, const struct sched *sched);

struct scheduler;

/* sim_scheduler_role gives the scheduler that runs; NULL: none. */
const struct scheduler *sim_scheduler_role(const struct sim_scheduler *s);

/* sim_scheduler_stands is true while a shard of it stands still until somebody resumes it. */
bool sim_scheduler_stands(const struct sim_scheduler *s, uint32_t shard);

/* sim_scheduler_count adds its live executions and leases, and its shards that run. */
void sim_scheduler_count(const struct sim_scheduler *s, uint64_t *live, uint64_t *running);

/* sim_scheduler_knows is true where the execution lives in the memory of a shard that it owns. */
bool sim_scheduler_knows(const struct sim_scheduler *s, const struct execution_id *id);

/* sim_scheduler_say tells stderr where its shards stand. */
void sim_scheduler_say(const struct sim_scheduler *s);

#endif /* EXO_TESTS_SIM_SIM_SCHEDULER_H */
