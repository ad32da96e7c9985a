/* key id: the ids of keys that span executions (scheduler/core/keyring.h), and where they live.
 *
 *   kind, project, text of the key --> SHA-256 --> its first four bytes --> shard
 *
 * The same always gives the same: whoever asks for a key, and whoever looks at it, finds one.
 *
 * Touches nothing. */
#ifndef EXO_INFRA_KEY_ID_H
#define EXO_INFRA_KEY_ID_H

#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

/* key_id_of gives the id of a key.
 * kind     enum wire_key_kind
 * project  borrowed, holds no NUL; text: borrowed, any bytes */
struct digest key_id_of(uint32_t kind, struct span project, struct span text);

/* key_shard_of says on which of shard_count (> 0) shards it lives. */
uint32_t key_shard_of(const struct digest *id, uint32_t shard_count);

#endif /* EXO_INFRA_KEY_ID_H */
