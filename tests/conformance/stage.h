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

enum { STAGE_SCHEDULERS_MAX = 3, STAGE_SHARDS = 4 };

struct stage {
    struct loop *loop;
    struct log *log;
    struct store *store;
    struct cache *cache;
    struct scheduler *schedulers[STAGE_SCHEDULERS_MAX];
};

/* The back-ends a stage is made of. */
struct stage_settings {
    struct log_settings log;
    struct store_settings store;
    struct cache_settings cache;
};

/* stage_open prepares topics and schema; fails the test when it cannot. */
void stage_open(struct stage *stage, const struct stage_settings *settings);
void stage_close(struct stage *stage);

/* stage_scheduler_start and _stop; stop is a crash: nothing is released. */
void stage_scheduler_start(struct stage *stage, int number);

/* stage_submit appends a Job and gives its id. cluster: YAML text. */
struct execution_id stage_submit(struct stage *stage, const char *cluster, const char *input);

/* stage_cancel appends a CANCEL command. */
void stage_cancel(struct stage *stage, const struct execution_id *id);

/* stage_await waits until the execution is terminal and fails the test when it does not become so.
 * Gives its state; ret_output (may be NULL) gets output or error, a string the caller frees. */
const char *stage_await(struct stage *stage, const struct execution_id *id, char **ret_output);

/* stage_run lets the loop turn for a while or until *is_done. */
bool stage_run(struct stage *stage, const bool *is_done, exo_time limit_ns);

#endif /* EXO_TESTS_STAGE_H */
