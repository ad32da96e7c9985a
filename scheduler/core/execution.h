/* execution: one run of a cluster in the memory of a shard.
 *
 *   execution -- root frame -- instances[], one a satellite -- its only task, or pages of 256
 *       |                          |                           tasks of a map
 *       |                          | a group's tasks are runs       |
 *       +-- frames[], live runs ---+                              lease: an attempt in a worker's
 *           of groups, each with instances of its own               hand, a task in BACKOFF, or one
 *                                                                   that is READY again
 *
 * Every instance has a number of its own in the execution: the root's come first, then those of
 * each frame as it begins. A frame leaves the memory when it has ended (ADR 0010).
 *
 * Tasks of a map at or above next_index have never been dispatched: they are READY (or, once the
 * instance is terminal, CANCELLED) without a page, but for those that somebody has ended by hand
 * (ahead_count): they are terminal in their page. Pure. */
#ifndef EXO_SCHEDULER_EXECUTION_H
#define EXO_SCHEDULER_EXECUTION_H

#include "scheduler/core/dispatch.h"
#include "scheduler/core/heap.h"
#include "schemas/cluster/cluster.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/states.h"
#include "schemas/wire/key.h"
#include "schemas/wire/state.h"

enum {
    PAGE_TASKS = WIRE_PAGE_TASKS,
    OUTPUT_KEPT_BYTES = 512,
    SIGNAL_MARKS = 64, /* of the last signals, by which a repeat is known */
};

struct sched;
struct instance;
struct frame;

enum instance_timer_kind {
    TIMER_OWN,   /* a wait: its time or timeout; else: the queue timeout */
    TIMER_TOTAL, /* the total timeout */
    TIMER_KIND_NR,
};

/* Something that is due for an instance, or for one run of a group. */
struct instance_timer {
    struct heap_node node;
    struct instance *instance; /* of a run: the group */
    struct frame *frame;       /* of a run; else NULL */
    exo_time due_ns;
};

/* Somebody whose expressions wait for a value: an instance, or a frame for its output. */
struct waiter {
    struct waiter *next, *previous; /* of the execution */
    struct instance *of_instance;   /* exactly one of the two */
    struct frame *of_frame;
    bool is_waiting;
    bool is_woken;   /* the value is there, it has not looked yet */
    uint32_t number; /* of the instance whose value it waits for */
    uint32_t index;  /* as in the need */
};

/* A cluster shared by its executions; made and dropped outside, when uses is 0. */
struct definition {
    const struct cluster *cluster;
    struct digest digest;     /* of text */
    struct span text;         /* cluster_canonical */
    const struct span *works; /* satellite_canonical of each satellite */
    uint32_t uses;            /* executions that hold it */
    void *keeper;             /* of its maker */
};

/* One life of a worker process, as far as it holds attempts of the shard. */
struct holder {
    char name[FLEET_NAME_BYTES];
    uint64_t incarnation;
    uint32_t partition;   /* of exo.tasks.CLASS that it reads, plus one; 0: not known */
    struct lease *leases; /* those DISPATCHED or RUNNING */
    uint32_t lease_count;
};

enum {
    TASK_UNSENT = -1, /* loaded, or the log did not take it: to be sent again */
    TASK_ON_ITS_WAY = -2,
};

struct lease {
    struct execution *execution;
    struct instance *instance;
    uint32_t index;
    uint32_t ticket;
    uint64_t lend;      /* of a satellite with `batch`: the epoch under which it asked */
    uint64_t heartbeat; /* of the ACCEPTED; 0: not accepted */
    uint64_t seen;      /* scratch of a witness */
    int64_t offset;     /* of the Task in its partition, or one of the two below */
    int64_t started_ms;
    exo_time ready_ns;     /* when it became READY, the last time */
    exo_time first_ns;     /* when its first attempt was granted */
    bool is_cancelled;     /* by itself: it ends when its attempt does */
    bool is_again;         /* in the queue below */
    struct holder *holder; /* while DISPATCHED or RUNNING */
    struct lease *holder_next, *holder_previous;
    struct lease *next, *previous;             /* of the execution */
    struct lease *queue_next, *queue_previous; /* while READY again */
    struct heap_node timer;                    /* while in BACKOFF */
    exo_time due_ns;
    uint64_t lost_by;               /* table_hash of the worker that lost it last; 0: none known */
    char process[FLEET_NAME_BYTES]; /* whose ticket was spent */
    bool is_killed;                 /* a kill has been sent */
    unsigned char *progress;        /* what its attempt said last, JSON, owned; NULL: nothing */
    uint32_t progress_bytes;
    exo_time told_ns; /* when that was told last; 0: never */
    uint64_t batch;   /* that granted it */
    bool is_withheld; /* stopped in that batch: its Task was not sent */
    /* Of a satellite with `batch`: nobody holds it. */
    char *gather_key;                /* owned; what it asked with last; NULL: it never did */
    bool is_gathered;                /* its batch has started: */
    struct execution_id gathered_in; /* the execution that runs it */
};

struct task {
    uint8_t state;  /* enum task_state */
    uint8_t losses; /* attempts lost to us */
    uint16_t failures;
    uint16_t laters;     /* exits that asked for later */
    uint32_t attempt;    /* begun so far; the number of the current one */
    struct lease *lease; /* DISPATCHED, RUNNING, BACKOFF, or READY again; else NULL */
};

struct page {
    bool is_dirty;
    exo_time progress_ns; /* when it was last written for somebody's progress */
    struct task tasks[PAGE_TASKS];
};

/* What an execution asks for before it begins: its keys. */
struct gate {
    uint8_t state;  /* enum wire_gate_state */
    bool rejects;   /* QUOTA: beyond the limit it fails, where it would wait */
    uint32_t limit; /* QUOTA: executions at once, as it was when this one came */
    char *text;     /* of the key, owned; NULL: none */
};

/* A signal that came before its wait. */
struct signal {
    struct signal *next;
    char *name; /* owned, as is the value */
    unsigned char *json;
    uint32_t bytes;
};

/* JSON of an output, or where it lies. */
struct kept_output {
    unsigned char *json; /* owned; NULL with bytes 0: null, or not kept */
    uint32_t bytes;
    bool has_ref;
    struct digest digest;
    uint64_t ref_bytes;
    bool has_artefacts; /* packed, beside the output */
    struct digest artefacts;
    uint64_t artefacts_bytes;
};

/* A value of an instance, fetched for an expression; dropped after use. */
struct loaded {
    struct kept_output output;
    uint32_t index; /* UINT32_MAX: the whole list */
    char *error;    /* owned; why it could not be fetched; NULL: it was */
};

/* JSON texts of a map's items, one after the other. */
struct item_list {
    unsigned char *json;
    size_t json_bytes;
    uint32_t *ends; /* count of them: where each text ends */
    uint32_t count;
};

struct instance {
    struct execution *execution;
    struct frame *frame;
    const struct satellite *satellite;
    struct waiter waiter; /* its expressions wait for a value */
    uint8_t state;        /* enum task_state of the whole */
    uint8_t stop; /* what its open tasks end as, being stopped by itself; WAITING: it is not */
    uint8_t tail_state; /* what tasks never dispatched have ended as; WAITING: they have not */
    bool is_map;
    bool has_pinned_image;
    bool is_pruned;     /* it succeeded, and what needs it is skipped */
    bool has_artefacts; /* some task of the map left some */
    bool has_origin;    /* kept: it ended in another execution; of a map no pages are here */
    struct execution_id origin;
    uint32_t origin_number; /* its number there */
    uint32_t parents_open;  /* parents that are not terminal */
    uint32_t parents_good;  /* parents that count as succeeded */
    uint32_t task_count;    /* 0 while WAITING */
    uint32_t next_index;
    uint32_t ahead_count; /* tasks at or above next_index that were ended by hand */
    uint32_t counts[TASK_STATE_NR];
    struct task task;    /* when it is no map */
    struct page **pages; /* when it is one; NULL: never dispatched from */
    struct item_list items;
    bool is_starved, is_begin_queued; /* a group: in the list above; a BEGIN is queued */
    struct instance *starved_next, *starved_previous;
    bool is_gather_queued;                  /* a GATHER is queued */
    bool needs_items;                       /* loaded half-way: compute the list again */
    uint32_t items_stored;                  /* items already handed to the store */
    struct item_list more;                  /* items to come behind those, once they are */
    struct lease *again_first, *again_last; /* READY again, oldest first */
    uint32_t again_count;
    struct dispatch_source source;
    struct kept_output output;
    struct wire_output *result; /* small, stands in the body; its texts behind it; NULL: none */
    struct loaded *loaded;      /* NULL: none */
    char *error;                /* owned, NUL-terminated; NULL: none */
    char *image_digest;         /* owned; NULL: not pinned yet */
    int64_t started_ms, ended_ms;
    exo_time ready_ns; /* 0: not yet */
    struct instance_timer timers[TIMER_KIND_NR];
};

/* One run of a scope: the top level of the cluster, or what stands in a group. */
struct frame {
    struct execution *execution;
    struct instance *group; /* whose task `index` it is; NULL: the top level */
    uint32_t index;
    uint32_t number; /* of its first instance in the execution */
    uint32_t first;  /* satellite of its first instance */
    uint32_t instance_count;
    struct instance *instances;
    uint32_t open_count;  /* instances not terminal */
    struct waiter waiter; /* all satellites terminal, the output waits for a value */
    bool has_values;      /* some instance holds a fetched value */
    /* Of a group's run; the top level's row is the execution's. */
    bool is_dirty;
    bool is_ended; /* freed with the next seal */
    exo_time started_ns;
    uint8_t stop; /* what it ends as, being stopped by itself; WAITING: it is not */
    struct instance_timer timer;
    unsigned char *input; /* of a closed group: what `input` is in it; JSON, owned */
    uint32_t input_bytes;
    unsigned char *output; /* JSON, owned; once it SUCCEEDED, or was given by hand */
    uint32_t output_bytes;
    char *error; /* owned; NULL: none */
};

struct execution {
    struct execution_id id;
    struct definition *definition;
    uint8_t state;  /* enum execution_state */
    uint8_t ending; /* CANCELLING: what it becomes */
    bool is_new;    /* no row yet */
    bool is_dirty;
    bool is_freed_at_seal;
    bool has_begun; /* its time has come, its keys were granted */
    struct frame root;
    struct frame **frames; /* live runs of groups by number */
    uint32_t frame_count, frame_capacity;
    uint32_t next_number; /* of the next frame's first instance */
    uint32_t task_total;  /* of all maps, and of runs of groups, that ever were */
    uint32_t work_count;  /* queued for it and what it holds */
    struct waiter *waiters;
    uint32_t woken_count;
    struct instance *starved_first, *starved_last; /* groups whose next run waits for room */
    uint64_t change;
    exo_time submitted_ns, started_ns, ended_ns;
    exo_time deadline_ns; /* by its SLA; 0: none */
    struct heap_node timer;
    exo_time timeout_at_ns; /* 0: none */
    struct heap_node delay; /* while it waits for its time: */
    exo_time start_ns;      /* 0: it may begin */
    unsigned char *input;   /* JSON, owned */
    uint32_t input_bytes;
    unsigned char *labels; /* JSON, owned */
    uint32_t labels_bytes;
    unsigned char *output; /* JSON, owned; once SUCCEEDED */
    uint32_t output_bytes;
    char *error;       /* owned; NULL: none */
    char *traceparent; /* owned; NULL: none */
    struct lease *leases;
    bool is_stop_queued;
    struct lease *stop_lease; /* a stop in progress: the next one to look at */
    uint32_t stop_number;     /* ... and the next instance */
    uint32_t offer_number;    /* of a change of pace in progress: the next instance */
    bool is_offer_queued;
    uint32_t priority;              /* the cluster's, unless somebody changed it */
    struct gate gates[KEY_KIND_NR]; /* by kind */
    struct signal *signals;         /* that nobody waited for yet, oldest first */
    uint32_t signal_count;
    bool is_rerun;
    struct execution_id rerun_of;
    uint64_t *signal_marks; /* SIGNAL_MARKS of them, oldest first; NULL: none yet */
    uint32_t signal_mark_count;
    struct execution *dirty_next;
};

/* execution_task gives a task by index; NULL where it has no page yet or no such index. */
struct task *execution_task(struct instance *instance, uint32_t index);

/* task_state_at is the state of any task of an instance, with or without a page. */
enum task_state task_state_at(const struct instance *instance, uint32_t index);

/* map_advance moves next_index over tasks that were ended by hand: after what changes either. */
void map_advance(struct instance *instance);

/* item_at gives the JSON of one item of a map; empty where it is none. */
struct span item_at(const struct instance *instance, uint32_t index);

/* instance_number is its number in the execution. */
uint32_t instance_number(const struct instance *instance);

/* execution_instance gives the instance of that number; NULL where it is none, or of a run that has
 * ended. Cost O(log frames). */
struct instance *execution_instance(const struct execution *e, uint32_t number);

/* execution_frame_from gives the first frame, the root among them, that holds an instance of that
 * number or a higher one; NULL: none. Cost O(log frames). */
struct frame *execution_frame_from(struct execution *e, uint32_t number);

/* frame_instance gives the instance of a satellite as the frame's expressions see it: its own, or
 * of the frames around it. The satellite stands in the frame's scope or one around. */
struct instance *frame_instance(const struct frame *frame, uint32_t satellite);

/* frame_group is the group whose scope the frame runs; SATELLITE_NONE: the top level. */
static inline uint32_t frame_group(const struct frame *frame)
{
    return frame->group == NULL ? SATELLITE_NONE : frame->group->satellite->index;
}

/* frame_input is what `input` means in the frame: of the nearest closed group around, or of the
 * execution; JSON, borrowed from them. */
struct span frame_input(const struct frame *frame);

/* instance_is_group is true when its tasks are runs of a group. */
static inline bool instance_is_group(const struct instance *instance)
{
    return instance->satellite->kind == SATELLITE_GROUP;
}

/* instance_is_gathered is true when its tasks run in batches with those of others. */
static inline bool instance_is_gathered(const struct instance *instance)
{
    return instance->satellite->batch.size > 0;
}

/* instance_sees_failure is true when `failures` of a user that deals with failures (JOIN_ANY_FAILED
 * or final) holds an instance of the same frame: it failed by itself and the user
 * runs after it. Cost O(satellites + edges). */
bool instance_sees_failure(const struct instance *user, const struct instance *failed);

/* What an end counts as for those that need it: instance_is_good as success, instance_is_failed as
 * failure, instance_is_skipped as neither. All false while it is not terminal. */
bool instance_is_skipped(const struct instance *instance);
bool instance_is_good(const struct instance *instance);
bool instance_is_failed(const struct instance *instance);

/* instance_stop is what its open tasks end as when its execution, a group around it, a run of that
 * or itself is being ended from outside; TASK_WAITING: nothing stops it. What is final is stopped
 * by itself only. */
enum task_state instance_stop(const struct instance *instance);

/* instance_is_stopped is true when something does. */
static inline bool instance_is_stopped(const struct instance *instance)
{
    return instance_stop(instance) != TASK_WAITING;
}

/* execution_is_gated is true while it waits for its time, or for a key. */
static inline bool execution_is_gated(const struct execution *e)
{
    return e->start_ns != 0 || e->gates[KEY_CONCURRENCY].state == GATE_ASKED ||
           e->gates[KEY_QUOTA].state == GATE_ASKED || e->gates[KEY_RATE].state == GATE_ASKED;
}

/* instance_may_start is true while attempts and runs of it may begin. */
bool instance_may_start(const struct instance *instance);

/* instance_path appends the path people know it by, such as page.3.parse. */
void instance_path(const struct instance *instance, struct buffer *buffer);

/* task_path appends the path of one of its tasks, such as page.3.parse.7. */
void task_path(const struct instance *instance, uint32_t index, struct buffer *buffer);

#endif /* EXO_SCHEDULER_EXECUTION_H */
