/* stage: a whole back-end set (log, store, cache), a scheduler and puppet workers on one loop, for
 * stories that must end the same on each. */
#ifndef EXO_TESTS_STAGE_H
#define EXO_TESTS_STAGE_H

#include "infra/cache/cache.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/store.h"
#include "scheduler/role.h"
#include "tests/support/puppet_worker.h"

enum { STAGE_SCHEDULERS_MAX = 3 };

struct stage {
    struct loop *loop;
    struct log *log;
    struct store *store;
    struct cache *cache;
    uint32_t shard_count;
    struct scheduler *schedulers[STAGE_SCHEDULERS_MAX];
    struct scheduler *dead[STAGE_SCHEDULERS_MAX];
    int dead_count;
    /* What the next schedulers have otherwise; NULL: nothing. */
    void (*adjust)(struct scheduler_settings *settings);
};

/* The back-ends a stage is made of. */
struct stage_settings {
    struct log_settings log;
    struct store_settings store;
    struct cache_settings cache;
    uint32_t shard_count;
};

/* stage_settings_of gives the back-ends of a name: "services" (from `./infra/services env`), else
 * SQLite in a new file. Returns 0, or the exit status that says they are not there. */
int stage_settings_of(const char *name, struct stage_settings *ret_settings);

/* stage_open prepares topics and schema; fails the test when it cannot. */
void stage_open(struct stage *stage, const struct stage_settings *settings);

/* stage_close lets the schedulers leave in good order. */
void stage_close(struct stage *stage);

/* stage_scheduler_start starts one; stage_scheduler_kill is its crash: nothing is released. */
void stage_scheduler_start(struct stage *stage, int number);
void stage_scheduler_kill(struct stage *stage, int number);

/* stage_submit appends a Job and gives its id. cluster: YAML text. */
struct execution_id stage_submit(struct stage *stage, const char *cluster, const char *input);

/* stage_submit_of is stage_submit for another project. */
struct execution_id stage_submit_of(struct stage *stage, const char *project, const char *cluster);

/* stage_has is true when the store has an execution. */
bool stage_has(struct stage *stage, const struct execution_id *id);

/* stage_submit_as appends a Job under a given id (NULL: none) to a given partition. */
void stage_submit_as(struct stage *stage, const struct execution_id *id, uint32_t partition,
                     const char *cluster, const char *input);

/* stage_rerun appends a Job that runs an execution again from a satellite on, and gives its id. */
struct execution_id stage_rerun(struct stage *stage, const struct execution_id *old,
                                const char *from);

/* stage_append puts any bytes into a topic. */
void stage_append(struct stage *stage, const char *topic, uint32_t partition, struct span value);

/* stage_letters gives how many dead letters the store holds. */
uint32_t stage_letters(struct stage *stage);

/* stage_live gives how many executions are not terminal. */
uint32_t stage_live(struct stage *stage);

/* stage_command appends a command; stage_cancel appends a CANCEL. */
void stage_command(struct stage *stage, const struct wire_command *command);
void stage_cancel(struct stage *stage, const struct execution_id *id);

/* stage_await waits until the execution is terminal and fails the test when it does not become so.
 * Gives its state; ret_output (may be NULL) gets output or error, a string the caller frees. */
const char *stage_await(struct stage *stage, const struct execution_id *id, char **ret_output);

/* stage_run lets the loop turn for a while or until *is_done. */
bool stage_run(struct stage *stage, const bool *is_done, exo_time limit_ns);

#endif /* EXO_TESTS_STAGE_H */
