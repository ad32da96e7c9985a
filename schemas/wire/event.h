/* event: public state changes, the journal, dead letters and log chunks
 * (schemas/proto/exo/v1/event.proto, dead_letter.proto).
 *
 * Pure. Spans and arrays of an unpacked message live in the arena. */
#ifndef EXO_WIRE_EVENT_H
#define EXO_WIRE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/codec.h"

struct wire_change {
    struct execution_id execution;
    uint64_t number; /* in its execution, from 1, without gap */
    int64_t at_ms;
    struct span execution_state; /* or empty */
    struct span satellite;       /* or empty */
    uint32_t instance;
    uint32_t index;
    bool has_index;
    struct span state; /* of the satellite, or of its task */
    uint32_t attempt;
    struct span worker;
    struct span error;
    struct span project;
    struct span cluster;
    struct span progress; /* JSON of a running attempt; then number is 0: for watchers only */
};

struct wire_change_batch {
    uint32_t shard;
    uint64_t epoch;
    uint64_t batch;
    exo_time now_ns;
    const struct wire_change *changes;
    uint32_t change_count;
    struct span gap; /* empty, or why a person went on behind a hole in the input */
};

/* wire_change_batch_pack appends a batch; a failed append shows in buffer->is_failed. scratch is
 * used during the call. */
void wire_change_batch_pack(const struct wire_change_batch *batch, struct arena *scratch,
                            struct buffer *buffer);

/* wire_change_batch_unpack reads one; *ret_batch is untouched on error. */
EXO_CHECKED enum wire_result wire_change_batch_unpack(struct span bytes, struct arena *arena,
                                                      struct wire_change_batch *ret_batch);

struct wire_dead_letter {
    struct span topic;
    uint32_t partition;
    int64_t offset;
    struct span reason;
    struct span key, value;
    int64_t at_ms;
};

/* wire_dead_letter_pack appends a letter; as wire_change_batch_pack. */
void wire_dead_letter_pack(const struct wire_dead_letter *letter, struct arena *scratch,
                           struct buffer *buffer);

/* wire_dead_letter_unpack reads one; *ret_letter is untouched on error. */
EXO_CHECKED enum wire_result wire_dead_letter_unpack(struct span bytes, struct arena *arena,
                                                     struct wire_dead_letter *ret_letter);

struct wire_log_chunk {
    struct task_id task;
    uint32_t attempt;
    uint64_t offset;
    uint32_t stream; /* 1 stdout, 2 stderr */
    struct span data;
    bool is_compressed;
    bool is_last;
};

/* wire_log_chunk_pack appends a chunk; a failed append shows in buffer->is_failed. */
void wire_log_chunk_pack(const struct wire_log_chunk *chunk, struct buffer *buffer);

/* wire_log_chunk_unpack reads one; *ret_chunk is untouched on error. */
EXO_CHECKED enum wire_result wire_log_chunk_unpack(struct span bytes, struct arena *arena,
                                                   struct wire_log_chunk *ret_chunk);

#endif /* EXO_WIRE_EVENT_H */
