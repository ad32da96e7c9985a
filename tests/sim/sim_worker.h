/* sim_worker: a worker of a world: the real core of a worker (workers/core), joined to the model of
 * the log, to containers that only take time, and to a disk that outlives its lives.
 *
 *   disk --spool--> life 1 (process, core, containers) --crash--> life 2 (same name, new number) */
#ifndef EXO_TESTS_SIM_SIM_WORKER_H
#define EXO_TESTS_SIM_SIM_WORKER_H

#include "tests/sim/plan.h"
#include "workers/core/worker.h"

struct sim_life;

/* What the spool holds of one attempt. */
struct sim_file {
    struct sim_file *next;
    uint64_t incarnation;
    uint32_t shard;
    struct task_id task;
    uint32_t attempt;
    uint32_t ticket; /* the loan that was spent, as in its report; 0: not known */
    uint64_t lend;
    enum attempt_outcome outcome; /* UNKNOWN: it had begun */
    int exit_status;
    struct span output;
    bool has_blob;
    struct digest blob;
    uint64_t mark; /* plan_spot_mark of the task whose input it was given */
};

struct sim_worker {
    char name[32];
    uint32_t slots, prefetch;
    bool merges_accepted, spools, serves_big;
    uint32_t shard_count;
    uint32_t task_partitions; /* it finds its own among so many */
    uint64_t incarnation;     /* of the last life */
    exo_time broken_until_ns; /* its machine starts no container, in true time */
    struct sim_file *files;
    struct sim_life *lives; /* all that ever were, newest first */
};

/* sim_worker_start begins a life; one that runs already goes on beside it. */
void sim_worker_start(struct sim_worker *worker);

/* sim_worker_crash ends the newest life with its containers, if it runs. */
void sim_worker_crash(struct sim_worker *worker);

/* sim_worker_pause lets it stand still, sim_worker_drain tells it to leave. */
void sim_worker_pause(struct sim_worker *worker, exo_time until_ns);
void sim_worker_drain(struct sim_worker *worker);

/* sim_worker_fill lets its disk be full for a while. */
void sim_worker_fill(struct sim_worker *worker, exo_time until_ns);

/* sim_worker_break lets its machine start no container for a while. */
void sim_worker_break(struct sim_worker *worker, exo_time until_ns);

/* sim_worker_is_up is true while the newest life runs and has not left. */
bool sim_worker_is_up(const struct sim_worker *worker);

/* sim_worker_is_idle is true when no life that runs holds an attempt. */
bool sim_worker_is_idle(const struct sim_worker *worker);

/* sim_worker_retire ends every life but the newest. */
void sim_worker_retire(struct sim_worker *worker);

/* sim_worker_holds is true while that life runs and lists the attempt; sim_worker_spooled while the
 * disk holds an end of the attempt that says what became of it. */
bool sim_worker_holds(const struct sim_worker *worker, uint64_t incarnation,
                      const struct task_id *task, uint32_t attempt);
bool sim_worker_spooled(const struct sim_worker *worker, const struct task_id *task,
                        uint32_t attempt);

/* sim_worker_check asserts the invariants of every core that runs. */
void sim_worker_check(const struct sim_worker *worker);

#endif /* EXO_TESTS_SIM_SIM_WORKER_H */
