/* shard_extra: what a shard keeps beside its executions, as it stands in store_shard.extra
 * (schemas/proto/exo/v1/state.proto): the channel to other shards, and commands that came early.
 *
 * Pure. Spans and arrays of an unpacked message live in the arena. */
#ifndef EXO_WIRE_SHARD_EXTRA_H
#define EXO_WIRE_SHARD_EXTRA_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/codec.h"

/* A message to another shard that the log has not acknowledged yet. */
struct wire_outbox_message {
    uint32_t shard;
    struct span record; /* a packed StatusRecord */
    bool is_job;        /* a Job for exo.jobs, else a status record */
};

struct wire_peer_sequence {
    uint32_t source;
    uint64_t sequence;
};

/* A command that came before its execution. Programs of the version before know cancels of whole
 * executions only, which therefore stand apart in the message. */
struct wire_early_command {
    struct execution_id execution;
    bool is_cancel;
    struct span text; /* of a cancel its reason, else a StatusRecord with the one command */
    exo_time at_ns;   /* shard time at which it came; 0: not known */
    int64_t offset;   /* of its record in exo.status; of a cancel 0 */
};

struct wire_shard_extra {
    uint64_t next_sequence;
    const struct wire_outbox_message *outbox;
    uint32_t outbox_count;
    const struct wire_peer_sequence *received;
    uint32_t received_count;
    const struct wire_early_command *early; /* unpacked: first the cancels */
    uint32_t early_count;
    int64_t newest_ms; /* latest time within an id that was ever here, since 1970; 0: not known */
};

/* wire_shard_extra_pack appends the message; a failed append shows in buffer->is_failed. scratch
 * is used during the call. */
void wire_shard_extra_pack(const struct wire_shard_extra *extra, struct arena *scratch,
                           struct buffer *buffer);

/* wire_shard_extra_unpack reads one; *ret_extra is untouched on error. */
EXO_CHECKED enum wire_result wire_shard_extra_unpack(struct span bytes, struct arena *arena,
                                                     struct wire_shard_extra *ret_extra);

#endif /* EXO_WIRE_SHARD_EXTRA_H */
