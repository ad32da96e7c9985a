/* state: how an execution is kept in the store (schemas/proto/exo/v1/state.proto).
 *
 * Pure. Spans and arrays of an unpacked message live in the arena. */
#ifndef EXO_WIRE_STATE_H
#define EXO_WIRE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/codec.h"
#include "schemas/wire/status.h"

enum { WIRE_PAGE_TASKS = 256, WIRE_STATE_NR = 16 };

/* The page number of a single task's segments. */
#define WIRE_SINGLE_PAGE UINT32_MAX

struct wire_lease {
    uint32_t offset; /* of the task in the page */
    struct span worker;
    uint64_t incarnation;
    uint32_t ticket;
    uint64_t lend;
    struct span process;
    uint64_t heartbeat;
    int64_t due_ns;
    int64_t started_ms;
    int64_t first_ns;
    int64_t ready_ns;
    bool is_cancelled;
    uint32_t partition;              /* of exo.tasks.CLASS that its worker reads, plus one; 0: not
                                        known */
    struct span progress;            /* RUNNING: JSON of what it said last; bytes 0: nothing */
    struct span gather_key;          /* of the batch that it waits for or is in */
    bool is_gathered;                /* its batch has started: */
    struct execution_id gathered_in; /* the execution that runs it */
};

/* Columns may be shorter than states: the rest is 0. */
struct wire_columns {
    struct span states;
    const uint32_t *attempts, *failures, *losses, *laters;
    uint32_t attempt_count, failure_count, loss_count, later_count;
    const struct wire_lease *leases;
    uint32_t lease_count;
};

/* How one attempt ended. */
struct wire_output {
    uint32_t index;
    uint32_t attempt;
    struct span json;
    bool has_ref;
    struct digest ref_digest;
    uint64_t ref_bytes;
    bool has_log;
    struct digest log_digest;
    uint64_t log_bytes;
    int64_t run_ms;
    uint64_t memory_bytes_max;
    int64_t cpu_ms;
    struct span worker;
    int32_t exit_status;
    struct span error;
    enum wire_outcome outcome;
    int64_t started_ms;
    int64_t ended_ms;
    bool has_artefacts;
    struct digest artefacts_digest;
    uint64_t artefacts_bytes; /* of the blob */
    bool is_cached;
    bool is_gathered;                /* it was in a batch: */
    struct execution_id gathered_in; /* the execution that ran it */
};

struct wire_instance {
    uint32_t state;
    bool is_map;
    uint32_t task_count;
    uint32_t next_index;
    uint32_t counts[WIRE_STATE_NR]; /* tasks by state */
    struct span error;
    struct span image_digest;
    bool has_task;
    struct wire_columns task; /* of a single task */
    int64_t started_ms;
    int64_t ended_ms;
    bool has_result;
    struct wire_output result;
    uint32_t cursor;
    uint32_t cursor_kind;
    uint32_t stop;
    uint32_t tail_state;
    int64_t ready_ns;
    bool is_pruned;
    struct span more;   /* JSON list; bytes 0: none */
    bool has_artefacts; /* some task of a map has */
    bool has_origin;    /* kept: another execution ran it */
    struct execution_id origin;
    uint32_t origin_number; /* in that execution */
};

struct wire_signal {
    struct span name;
    struct span json;
};

enum wire_gate_state { GATE_NONE, GATE_ASKED, GATE_OPEN /* granted */ };

/* A key that an execution asks for before it begins. */
struct wire_gate {
    uint32_t kind;  /* enum wire_key_kind */
    uint32_t state; /* enum wire_gate_state */
    struct span text;
    uint32_t limit; /* of a quota */
    bool rejects;   /* of a quota */
};

struct wire_body {
    const struct wire_instance *instances;
    uint32_t instance_count;
    uint64_t change;
    int64_t timeout_at_ns;
    int64_t start_at_ns; /* before which nothing begins; 0: it has begun, or may */
    uint32_t ending;
    uint32_t next_number;
    uint32_t task_total;
    bool has_priority; /* other than the cluster's */
    uint32_t priority;
    const struct wire_signal *signals;
    uint32_t signal_count;
    const struct wire_gate *gates;
    uint32_t gate_count;
    bool is_rerun;
    struct execution_id rerun_of;
    const uint64_t *signal_marks; /* of the last ones taken */
    uint32_t signal_mark_count;
};

/* One run of a group. */
struct wire_run {
    uint32_t group;  /* number of the group's instance */
    uint32_t index;  /* of the run among its tasks */
    uint32_t number; /* of its first instance */
    bool is_ended;
    int64_t started_ns;
    uint32_t stop;     /* enum task_state it ends as, being stopped by itself; 0: it is not */
    struct span input; /* JSON; of a closed group what `input` means in it, else empty */
    struct span error; /* why it failed or is stopped; empty: it did not, it is not */
    struct span given; /* with stop SUCCEEDED: its output, JSON */
    const struct wire_instance *instances;
    uint32_t instance_count;
};

/* The packers append; a failed append shows in buffer->is_failed. The unpackers leave their
 * result untouched on error. */
void wire_body_pack(const struct wire_body *body, struct arena *scratch, struct buffer *buffer);
EXO_CHECKED enum wire_result wire_body_unpack(struct span bytes, struct arena *arena,
                                              struct wire_body *ret_body);

/* One run of a group. */
void wire_run_pack(const struct wire_run *run, struct arena *scratch, struct buffer *buffer);
EXO_CHECKED enum wire_result wire_run_unpack(struct span bytes, struct arena *arena,
                                             struct wire_run *ret_run);

/* The columns of a page or of a single task. */
void wire_columns_pack(const struct wire_columns *columns, struct arena *scratch,
                       struct buffer *buffer);
EXO_CHECKED enum wire_result wire_columns_unpack(struct span bytes, struct arena *arena,
                                                 struct wire_columns *ret_columns);

/* Segments: outputs of tasks, or items of a map. */
void wire_outputs_pack(const struct wire_output *outputs, uint32_t count, struct arena *scratch,
                       struct buffer *buffer);
EXO_CHECKED enum wire_result wire_outputs_unpack(struct span bytes, struct arena *arena,
                                                 const struct wire_output **ret_outputs,
                                                 uint32_t *ret_count);

#endif /* EXO_WIRE_STATE_H */
