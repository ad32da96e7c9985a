/* keys: the keys of a shard, joined to its batches: what executions ask comes in as messages of
 * their shards, what they are told goes out the same way, and the ring's rows go with the commit
 * (scheduler/core/keyring.h). For this folder's sources only. */
#ifndef EXO_SCHEDULER_KEYS_H
#define EXO_SCHEDULER_KEYS_H

#include "infra/store/store.h"
#include "scheduler/core/keyring.h"

struct shard;

struct keys {
    struct keyring *ring; /* NULL: the shard is not loaded */
    exo_time look_ns;     /* on the loop's clock: when holders are looked at next ... */
    exo_time ask_ns;      /* ... and when those who wait ask again */
    uint32_t looked;      /* so many of them were, from the first */
    uint32_t looking;     /* answers on their way */
};

/* keys_open makes an empty ring; keys_close drops it. */
void keys_open(struct shard *shard);
void keys_close(struct shard *shard);

/* keys_load puts a row back; false when it does not fit. */
EXO_CHECKED bool keys_load(struct shard *shard, const struct store_spanning *row);

/* keys_ask and keys_release take a message of an execution's shard. */
void keys_ask(struct shard *shard, const struct wire_key_ask *ask);
void keys_release(struct shard *shard, const struct wire_key_release *release);

/* keys_refuse answers an ask that cannot be looked at: its record is condemned. */
void keys_refuse(struct shard *shard, const struct wire_key_ask *ask);

/* keys_has_changes is true while the ring holds something to commit or to tell. */
bool keys_has_changes(const struct shard *shard);

/* keys_send puts the open batch's messages to other shards into the outbox: before the seal.
 * keys_seal puts the ring's rows into the sealed batch: after it. */
void keys_send(struct shard *shard);
void keys_seal(struct shard *shard);

/* keys_turn grants what has become due, and now and then looks whether holders have ended. Returns
 * when it is due next, in shard time. */
exo_time keys_turn(struct shard *shard);

#endif /* EXO_SCHEDULER_KEYS_H */
