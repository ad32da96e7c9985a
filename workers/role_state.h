/* role_state: the inside of struct worker_role, for its own sources only.
 *
 *   role.c          open and close, the way to the first heartbeat, drain
 *   role_step.c     the core: events in, actions done, its timer
 *   role_records.c  what is read: Tasks, Kills, ticks
 *   role_spool.c    the earlier life: left logs uploaded, its FINISHED told
 *   role_metrics.c  numbers
 */
#ifndef EXO_WORKERS_ROLE_STATE_H
#define EXO_WORKERS_ROLE_STATE_H

#include "schemas/wire/fleet.h"
#include "schemas/wire/topics.h"
#include "workers/attempt.h"
#include "workers/contract_cache.h"
#include "workers/core/worker.h"
#include "workers/image/image.h"
#include "workers/report_batch.h"
#include "workers/role.h"
#include "workers/room.h"

enum { ROLE_PATH_BYTES = 4096, ROLE_TROUBLE_BYTES = 700 };

/* A class we serve: one partition of its topic. */
struct role_class {
    struct worker_role *role;
    uint32_t index;
    char name[WORKER_NAME_BYTES_MAX + 1];
    char topic[TOPIC_NAME_BYTES];
    struct log_reader *reader; /* NULL until its end is known */
};

/* A file of the earlier life. */
struct role_left {
    struct worker_role *role;
    struct spool_entry entry;
    char name[SPOOL_NAME_BYTES];
    struct buffer frame; /* of a left log, compressed */
    struct digest digest;
    uint64_t log_bytes;
    struct attempt_call *call;
    bool is_told; /* the core has it */
};

/* The Task being stepped, for the PREPARE that follows from it. */
struct role_task {
    const struct wire_task *task;
    const struct task_id *id;
    uint32_t shard;
    struct contract *contract; /* NULL: refused */
    char refusal[CONTRACT_ERROR_BYTES];
};

struct worker_role {
    struct loop *loop;
    struct log *log;
    void (*on_end)(void *argument, const struct exo_error *err);
    void *argument;
    bool has_ended; /* on_end was called */
    bool is_stopped;

    char name[WORKER_NAME_BYTES_MAX + 1];
    uint64_t incarnation;
    struct role_class classes[WORKER_CLASSES_MAX];
    uint32_t class_nr;
    uint32_t tasks_partition, tasks_partitions;
    uint32_t fleet_partition;
    uint32_t shard_count;
    char work_dir[ROLE_PATH_BYTES];
    char *secrets_dir;
    struct grant_volume *volumes;

    struct heap_budget budget;
    struct worker *core;
    struct worker_event *events; /* from attempts, waiting for their step; a ring */
    uint32_t event_first, event_count, event_room;
    bool is_stepping;
    struct loop_timer *timer;
    exo_time armed_ns; /* when the timer is due; EXO_TIME_NEVER */

    struct room *room;                /* NULL when dry */
    bool is_unfit;                    /* as was said last */
    char trouble[ROLE_TROUBLE_BYTES]; /* what the last attempt that could not be started said */
    struct attempt_host host;
    struct attempt_count count;
    struct attempt **attempts; /* by slot index */
    uint32_t slot_nr;
    struct role_task task;
    struct contract_cache contracts;
    struct report_batches *reports;
    struct arena scratch; /* of one record read or written */
    struct buffer buffer;

    struct log_topic topics[TOPIC_FIXED_NR + WORKER_CLASSES_MAX];
    size_t topic_nr;
    struct loop_timer *retry; /* of what failed on the way to the first heartbeat */
    struct log_topic logs_topic;
    bool is_logs_prepared; /* in the log that chunks go to */
    bool is_prepared;
    struct log_reader *fleet_reader;
    uint32_t opened;
    exo_time retry_ns;

    struct arena left_arena;
    struct role_left *left; /* left_nr of them */
    uint32_t left_nr;
    struct role_left *adopting; /* the one being stepped */
    struct role_left **told;    /* by slot index, while its FINISHED is not acknowledged */
    bool is_left_told;          /* SPOOL_END was given */
};

/* role_step gives one event to the core and does what follows. Not while a step is under way. */
enum worker_err role_step(struct worker_role *role, const struct worker_event *event);

/* role_event takes an event from an attempt: stepped now, or after the present step. */
void role_event(void *argument, const struct worker_event *event);

/* role_trouble says why the worker takes no tasks though it serves, and what to do; NULL while it
 * takes them. Borrowed until the next step. */
const char *role_trouble(const struct worker_role *role);

/* role_answered takes what became of a report. */
void role_answered(void *argument, const struct worker_report_id *id, bool is_acked);

/* role_fail ends the role with an error, once. */
void role_fail(struct worker_role *role, const struct exo_error *err);

/* role_on_tasks and role_on_fleet take records of the two kinds of topic. */
size_t role_on_tasks(void *argument, const struct log_record *records, size_t count);
size_t role_on_fleet(void *argument, const struct log_record *records, size_t count);

/* role_spool_read reads what the earlier life left and clears the machine of its containers. */
EXO_CHECKED int role_spool_read(struct worker_role *role, struct exo_error *err);

/* role_spool_tell goes on telling it; called again when a slot became free. Not while a step is
 * under way. */
void role_spool_tell(struct worker_role *role);

/* role_spool_acked deletes the file behind a slot; false when the slot is no adopted one. */
bool role_spool_acked(struct worker_role *role, uint32_t slot);

/* role_metrics writes what /metrics shows of the role. */
void role_metrics(void *argument, struct buffer *buffer);

/* role_spool_release frees what role_spool_read made. */
void role_spool_release(struct worker_role *role);

#endif /* EXO_WORKERS_ROLE_STATE_H */
