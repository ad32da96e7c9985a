/* sealed: one batch of a shard on its way: the rows the store takes, and what leaves the process
 * once they are committed.
 *
 *   core's open batch --seal--> sealed --store_commit--> done --relay--> Kafka, cache
 *
 * Everything is encoded at the seal, so that the core may go on changing. Touches memory only. */
#ifndef EXO_SCHEDULER_SEALED_H
#define EXO_SCHEDULER_SEALED_H

#include "infra/store/store.h"
#include "scheduler/core/sched.h"
#include "schemas/wire/topics.h"

/* One record for a tasks topic. */
struct sealed_task {
    char topic[TOPIC_NAME_BYTES];
    uint32_t partition;
    struct span key;   /* the worker */
    struct span value; /* a packed TaskRecord */
    /* What it carries, so that the offset it gets can be noted. */
    const struct task_id *tasks;
    const uint32_t *attempts;
    uint32_t task_count;
};

/* The changes of one execution. */
struct sealed_event {
    struct execution_id execution;
    struct span value; /* a packed ChangeBatch */
};

struct sealed {
    struct arena arena; /* of all below */
    struct store_batch batch;
    struct sealed_task *tasks;
    uint32_t task_count;
    struct sealed_event *events;
    uint32_t event_count;
    struct sealed_event *progress; /* for watchers only: neither journal nor exo.events */
    uint32_t progress_count;
    struct sched_need *needs;
    uint32_t need_count;
    bool wants_barrier;
};

/* What the seal needs to know besides the core's batch. */
struct seal_facts {
    uint32_t shard;
    uint64_t epoch;
    uint64_t previous;
    exo_time now_ns;
    const uint8_t *secret; /* of attempt tokens */
    const struct fleet *fleet;
};

/* seal encodes the open batch of a core into *sealed (initialised arena, empty otherwise) and calls
 * sched_sealed. The cursors, extra and dead letters of the store batch stay for the caller to fill.
 * Aborts without memory: the process restarts and loads again. */
void seal(struct sealed *sealed, struct sched *sched, const struct seal_facts *facts);

/* seal_rows and the three after it are parts of seal, in files of their own. */
void seal_rows(struct sealed *sealed, const struct sched_batch *batch,
               const struct seal_facts *facts);
void seal_tasks(struct sealed *sealed, const struct sched_batch *batch,
                const struct seal_facts *facts);
void seal_changes(struct sealed *sealed, const struct sched_batch *batch,
                  const struct seal_facts *facts);
void seal_progress(struct sealed *sealed, const struct sched_batch *batch,
                   const struct seal_facts *facts);

/* sealed_alloc and sealed_copy take memory from the arena or abort. */
void *sealed_alloc(struct sealed *sealed, size_t bytes);
struct span sealed_copy(struct sealed *sealed, struct span source);

/* sealed_path gives the path of an instance: the satellite's own name at the top level. */
struct span sealed_path(struct sealed *sealed, const struct instance *instance);

#endif /* EXO_SCHEDULER_SEALED_H */
