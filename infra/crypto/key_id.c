#include "infra/crypto/key_id.h"

#include <assert.h>

#include "infra/crypto/crypto.h"

struct digest key_id_of(uint32_t kind, struct span project, struct span text)
{
    struct sha256 *sha256 = sha256_new();
    const uint8_t first = (uint8_t)kind;

    sha256_add(sha256, (struct span){&first, 1});
    sha256_add(sha256, project);
    sha256_add(sha256, (struct span){"", 1}); /* a NUL: where the project ends */
    sha256_add(sha256, text);
    struct digest id = sha256_finish(sha256);

    sha256_free(sha256);
    return id;
}

uint32_t key_shard_of(const struct digest *id, uint32_t shard_count)
{
    uint32_t hash = (uint32_t)id->bytes[0] << 24 | (uint32_t)id->bytes[1] << 16 |
                    (uint32_t)id->bytes[2] << 8 | id->bytes[3];

    assert(shard_count > 0);
    return hash % shard_count;
}
