/* task: what travels on exo.tasks.<class> to one worker (schemas/proto/exo/v1/task.proto).
 *
 * Pure. Spans of an unpacked message live in the arena. */
#ifndef EXO_WIRE_TASK_H
#define EXO_WIRE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/wire/codec.h"
#include "schemas/wire/job.h"

enum wire_context_kind { CONTEXT_JSON, CONTEXT_BLOB, CONTEXT_LIST };

/* The value of one reference path, such as "input" or "satellites.list.output". */
struct wire_context {
    struct span path;
    enum wire_context_kind kind;
    struct span json;     /* JSON */
    struct digest digest; /* BLOB */
    uint64_t bytes;       /* BLOB */
    uint32_t instance;    /* LIST: outputs of this map ... */
    uint32_t count;       /* LIST: ... of so many tasks */
};

struct wire_spec {
    struct execution_id execution;
    uint32_t instance;
    struct span project;
    struct span cluster;
    struct span satellite;
    struct span image;
    struct span image_digest;
    struct span definition; /* satellite_canonical */
    const struct wire_context *contexts;
    uint32_t context_count;
    int64_t timeout_ms; /* of one attempt; 0: none */
    int64_t grace_ms;
    struct span traceparent;
    int64_t execution_time_ms;
    const struct wire_pair *labels;
    uint32_t label_count;
    bool is_map;
    struct span item_name;
    int64_t heartbeat_ms; /* between two signs of progress of one attempt; 0: none */
};

struct wire_task {
    uint32_t spec; /* index into specs; checked by unpack */
    uint32_t index;
    uint32_t attempt;
    uint32_t ticket;
    uint64_t lend;
    struct span item; /* JSON; empty where it is no map */
    struct span token;
};

struct wire_kill {
    struct task_id task;
    uint32_t attempt;
    int64_t grace_ms;
};

struct wire_task_record {
    struct span worker;
    uint64_t incarnation;
    uint32_t shard;
    uint64_t epoch;
    uint64_t sequence;
    struct span process;
    const struct wire_spec *specs;
    uint32_t spec_count;
    const struct wire_task *tasks;
    uint32_t task_count;
    const struct wire_kill *kills;
    uint32_t kill_count;
    bool drain;
};

/* wire_task_record_pack appends the record; a failed append shows in buffer->is_failed. */
void wire_task_record_pack(const struct wire_task_record *record, struct arena *scratch,
                           struct buffer *buffer);

/* wire_task_record_unpack reads one record; *ret_record is untouched on error. */
EXO_CHECKED enum wire_result wire_task_record_unpack(struct span bytes, struct arena *arena,
                                                     struct wire_task_record *ret_record);

#endif /* EXO_WIRE_TASK_H */
