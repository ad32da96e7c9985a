/* execution: one run of a cluster in the memory of a shard.
 *
 *   execution -- instances[], one a satellite -- its only task, or pages of 256 tasks of a map
 *                                                    |
 *                                                  lease: an attempt in a worker's hand, a task in
 *                                                  BACKOFF, or one that is READY again
 *
 * Tasks of a map at or above next_index have never been dispatched: they are READY (or, once the
 * instance is terminal, CANCELLED) without a page. Pure. */
#ifndef EXO_SCHEDULER_EXECUTION_H
#define EXO_SCHEDULER_EXECUTION_H

#include "scheduler/core/dispatch.h"
#include "scheduler/core/heap.h"
#include "schemas/cluster/cluster.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/states.h"
#include "schemas/wire/state.h"

enum { PAGE_TASKS = WIRE_PAGE_TASKS, OUTPUT_KEPT_BYTES = 512 };

struct sched;
struct instance;

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
    uint64_t lend;
    uint64_t heartbeat; /* of the ACCEPTED; 0: not accepted */
    uint64_t seen;      /* scratch of a witness */
    int64_t offset;     /* of the Task in its partition, or one of the two below */
    int64_t started_ms;
    struct holder *holder; /* while DISPATCHED or RUNNING */
    struct lease *holder_next, *holder_previous;
    struct lease *next, *previous; /* of the execution */
    struct lease *queue_next;      /* while READY again */
    struct heap_node timer;        /* while in BACKOFF */
    exo_time due_ns;
    char process[FLEET_NAME_BYTES]; /* whose ticket was spent */
    bool is_killed;                 /* a kill has been sent */
    uint64_t batch;                 /* that granted it */
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
    struct task tasks[PAGE_TASKS];
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

/* JSON texts of a map's items, one after the other. */
struct item_list {
    unsigned char *json;
    size_t json_bytes;
    uint32_t *ends; /* count of them: where each text ends */
    uint32_t count;
};

struct instance {
    struct execution *execution;
    const struct satellite *satellite;
    uint8_t state; /* enum task_state of the whole */
    bool is_map;
    bool is_pending; /* its expressions wait for a value */
    bool has_result; /* result is small and stands in the body */
    bool has_pinned_image;
    bool has_artefacts;    /* some task of the map left some */
    uint32_t parents_open; /* parents that are not terminal */
    uint32_t task_count;   /* 0 while WAITING */
    uint32_t next_index;
    uint32_t counts[TASK_STATE_NR];
    struct task task;    /* when it is no map */
    struct page **pages; /* when it is one; NULL: never dispatched from */
    struct item_list items;
    bool needs_items;                       /* loaded half-way: compute the list again */
    uint32_t items_stored;                  /* items already handed to the store */
    struct lease *again_first, *again_last; /* READY again, oldest first */
    uint32_t again_count;
    struct dispatch_source source;
    struct kept_output output;
    struct wire_output result; /* spans in result_memory */
    unsigned char *result_memory;
    uint32_t result_bytes;
    struct kept_output loaded; /* value fetched for an expression; dropped after use */
    uint32_t loaded_index;     /* UINT32_MAX: the whole list */
    bool is_loaded;
    char *loaded_error; /* owned; why it could not be fetched */
    char *error;        /* owned, NUL-terminated; NULL: none */
    char *image_digest; /* owned; NULL: not pinned yet */
    int64_t started_ms, ended_ms;
};

struct execution {
    struct execution_id id;
    struct definition *definition;
    uint8_t state;  /* enum execution_state */
    uint8_t ending; /* CANCELLING: what it becomes */
    bool is_new;    /* no row yet */
    bool is_dirty;
    bool is_freed_at_seal;
    bool has_values;   /* some instance holds a fetched value */
    bool is_finishing; /* all satellites terminal, the output waits for a value */
    uint32_t instance_count;
    struct instance *instances;
    uint32_t open_count; /* instances not terminal */
    uint64_t change;
    exo_time submitted_ns, started_ns, ended_ns;
    exo_time deadline_ns; /* by its SLA; 0: none */
    struct heap_node timer;
    exo_time timeout_at_ns; /* 0: none */
    unsigned char *input;   /* JSON, owned */
    uint32_t input_bytes;
    unsigned char *labels; /* JSON, owned */
    uint32_t labels_bytes;
    unsigned char *output; /* JSON, owned; once SUCCEEDED */
    uint32_t output_bytes;
    char *error;       /* owned; NULL: none */
    char *traceparent; /* owned; NULL: none */
    struct lease *leases;
    struct lease *kill_cursor; /* cancel in progress: the next one to look at */
    uint32_t cancel_instance;  /* ... and the next instance */
    struct execution *dirty_next;
    bool has_work; /* is_finishing: a FINISH is queued once more */
};

/* execution_task gives a task by index; NULL where it has no page yet or no such index. */
struct task *execution_task(struct instance *instance, uint32_t index);

/* task_state_at is the state of any task of an instance, with or without a page. */
enum task_state task_state_at(const struct instance *instance, uint32_t index);

/* item_at gives the JSON of one item of a map; empty where it is none. */
struct span item_at(const struct instance *instance, uint32_t index);

/* instance_number is its place in the execution. */
uint32_t instance_number(const struct instance *instance);

#endif /* EXO_SCHEDULER_EXECUTION_H */
