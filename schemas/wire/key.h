/* key: what travels between an execution's shard and a key's, and how a key is kept
 * (schemas/proto/exo/v1/key.proto).
 *
 * Pure. Spans and arrays of an unpacked message live in the arena. */
#ifndef EXO_WIRE_KEY_H
#define EXO_WIRE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/codec.h"

enum wire_key_kind {
    KEY_CONCURRENCY = 1, /* so many at once */
    KEY_RATE,            /* so many starts in a time */
    KEY_QUOTA,           /* so many of the project at once */
    KEY_KIND_NR,
};

/* What becomes of one that finds no room. */
enum wire_key_policy {
    KEY_QUEUE = 1,     /* it waits */
    KEY_REJECT,        /* it fails */
    KEY_REPLACE,       /* it waits; those that waited before are cancelled */
    KEY_CANCEL_OLDEST, /* it waits; the one that has held longest is cancelled */
    KEY_POLICY_NR,
};

struct wire_key_ask {
    struct digest key; /* of project, kind and text */
    struct execution_id execution;
    enum wire_key_kind kind;
    enum wire_key_policy policy;
    uint32_t limit;  /* >= 1 */
    exo_time per_ns; /* RATE: the time; else 0 */
};

enum wire_key_verdict {
    KEY_GRANTED = 1,
    KEY_REFUSED,   /* by KEY_REJECT, or because too many wait */
    KEY_CANCELLED, /* another took its place */
    KEY_VERDICT_NR,
};

struct wire_key_answer {
    struct execution_id execution;
    enum wire_key_kind kind;
    enum wire_key_verdict verdict;
};

struct wire_key_release {
    struct digest key;
    struct execution_id execution;
};

/* One key as it is kept. */
struct wire_key_state {
    enum wire_key_kind kind;
    uint32_t limit;
    exo_time per_ns;
    exo_time full_ns;                   /* RATE: the theoretical arrival time of the next (GCRA) */
    const struct execution_id *holders; /* oldest first */
    uint32_t holder_count;
    const struct execution_id *waiting; /* oldest first */
    uint32_t waiting_count;
};

/* The packer appends; a failed append shows in buffer->is_failed. The unpacker leaves its result
 * untouched on error. */
void wire_key_state_pack(const struct wire_key_state *state, struct arena *scratch,
                         struct buffer *buffer);
EXO_CHECKED enum wire_result wire_key_state_unpack(struct span bytes, struct arena *arena,
                                                   struct wire_key_state *ret_state);

#endif /* EXO_WIRE_KEY_H */
