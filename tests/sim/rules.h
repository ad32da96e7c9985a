/* rules: what the protocol asks for that no row shows: bounded steps, silence counted in ticks,
 * losses that are true, turns in the queue.
 *
 *   sched_step --wrapped--> rules_step      shard_suspect, dispatch_* --wrapped--> rules_*.c
 *   broker     --stored---> rules_fleet     database --taken, committed--> rules_taken,
 * rules_commit */
#ifndef EXO_TESTS_SIM_RULES_H
#define EXO_TESTS_SIM_RULES_H

#include "infra/store/store.h"
#include "scheduler/core/sched.h"
#include "schemas/vocab/ids.h"
#include "schemas/wire/state.h"
#include "tests/sim/plan.h"

struct oracle_execution;

/* rules_begin forgets the last world. step_tasks: the bound of steps in this one. */
void rules_begin(uint32_t step_tasks);

/* rules_step steps and looks at what came of it. */
enum sched_err rules_step(struct sched *sched, const struct sched_event *event, exo_time now_ns);

/* A record of exo.fleet was stored. */
void rules_fleet_stored(uint32_t partition, struct span value);

/* rules_worker_number gives N of a worker that is called wN. */
uint32_t rules_worker_number(struct span worker);

/* rules_silence fails unless the process has seen the worker silent for long enough, in ticks of
 * its own that were stored between two heartbeats. */
void rules_silence(const char *process, uint32_t worker);

/* A process gives the database a batch. */
void rules_sealed(const struct store_batch *batch);

/* A process takes a shard over; a batch is about to be committed to its row. */
void rules_taken(uint32_t shard, const char *process);
void rules_commit(const struct store_shard *row, const struct store_batch *batch);

/* rules_barrier_end is where exo.status ended when the batch of a shard time was committed; 0: not
 * known.
 */
int64_t rules_barrier_end(uint32_t shard, exo_time now_ns);

/* rules_taken_ns is when the shard was taken over last, in true time. */
exo_time rules_taken_ns(uint32_t shard);

/* rules_committed fails unless that batch was committed under that epoch: what is let out of it,
 * Tasks (rules_sent: by their sequence), events, views, came before its commit, or of an owner that
 * was fenced. */
void rules_committed(uint32_t shard, uint64_t epoch, uint64_t batch, const char *what);
void rules_sent(uint32_t shard, uint64_t epoch, uint64_t sequence);

/* rules_container fails where what a container gave back is kept for a task whose input it was not
 * given: how an attempt of that number, index and spot ended (rules_container.c). */
void rules_container(const struct oracle_execution *e, uint32_t number, uint32_t index,
                     const struct plan_spot *of, const struct wire_output *output);

#endif /* EXO_TESTS_SIM_RULES_H */
