/* gather: what travels between an execution's shard and that of its batches, and how a batch is
 * kept (schemas/proto/exo/v1/gather.proto, docs/adr/0020-batches.md).
 *
 * Pure. Spans and arrays of an unpacked message live in the arena. */
#ifndef EXO_WIRE_GATHER_H
#define EXO_WIRE_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/codec.h"

/* One attempt of a task that waits for a batch, or is in one. */
struct wire_gather_member {
    struct task_id task;
    uint32_t attempt;
    struct span item; /* JSON {"execution", "task", "input"}; bytes 0 once its batch has started */
    bool has_left;    /* nobody waits for its result any more */
    uint64_t asked;   /* epoch of its shard when it asked; 0: not known */
};

struct wire_gather_ask {
    struct execution_id batch; /* of project, work, size, interval and key */
    struct span project;
    struct span satellite; /* what batch_satellite wrote */
    uint32_t size;         /* 1 .. LIMIT_BATCH_SIZE */
    exo_time interval_ns;
    uint32_t priority;
    const struct wire_gather_member *members;
    uint32_t member_count;
};

struct wire_gather_leave {
    struct execution_id batch;
    struct wire_gather_member member; /* its task, attempt and asked */
};

struct wire_gather_result {
    struct wire_gather_member member; /* its task, attempt and asked */
    uint32_t outcome;                 /* enum wire_outcome; NONE: its batch has started */
    struct span output;               /* JSON; bytes 0: null */
    struct span error;
};

struct wire_gather_answer {
    bool has_execution;
    struct execution_id execution; /* that runs the batch */
    const struct wire_gather_result *results;
    uint32_t result_count;
};

struct wire_gather_ended {
    struct execution_id batch;
    uint64_t number;
    bool has_begun; /* there was an execution; false: none, or an older program does not say */
};

/* A batch as it is kept. */
struct wire_gather_row {
    struct wire_gather_ask ask; /* of one that runs: batch and members alone */
    uint64_t number;            /* 0: it gathers */
    exo_time due_ns;            /* when it starts at the latest, in shard time */
};

/* The packer appends; a failed append shows in buffer->is_failed. The unpacker leaves its result
 * untouched on error. */
void wire_gather_row_pack(const struct wire_gather_row *row, struct arena *scratch,
                          struct buffer *buffer);
EXO_CHECKED enum wire_result wire_gather_row_unpack(struct span bytes, struct arena *arena,
                                                    struct wire_gather_row *ret_row);

/* wire_gather_row_id is the id of the row: of the batches of an id, the one that gathers (number
 * 0) or one that runs. */
struct digest wire_gather_row_id(const struct execution_id *batch, uint64_t number);

#endif /* EXO_WIRE_GATHER_H */
