/* ids: the names of things that cross a process boundary, each a type of its own.
 *
 * Pure. */
#ifndef EXO_VOCAB_IDS_H
#define EXO_VOCAB_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum { EXECUTION_ID_BYTES = 16, EXECUTION_ID_TEXT_BYTES = 36, DIGEST_BYTES = 32 };

/* A UUID. New ones are version 7, so that they sort by time of birth. */
struct execution_id {
    uint8_t bytes[EXECUTION_ID_BYTES];
};

/* SHA-256 of a blob, a cluster text or a body; in references also execution_digest. */
struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

/* One task of an execution. instance numbers the satellite's instances in the execution (for a
 * cluster without groups it is the satellite's place in the file), index the item of its map, 0
 * where it is none. */
struct task_id {
    struct execution_id execution;
    uint32_t instance;
    uint32_t index;
};

/* execution_id_format writes the 36 characters and a NUL. */
void execution_id_format(const struct execution_id *id, char ret_text[EXECUTION_ID_TEXT_BYTES + 1]);

/* execution_id_parse reads 36 characters of hexadecimal digits and dashes, either case.
 * Returns false, leaving *ret_id as it was, for any other text. */
EXO_CHECKED bool execution_id_parse(struct span text, struct execution_id *ret_id);

/* execution_id_from_time makes a UUIDv7.
 * unix_ms  milliseconds since 1970, taken modulo 2^48
 * random   10 random bytes, borrowed */
struct execution_id execution_id_from_time(int64_t unix_ms, const uint8_t random[10]);

/* execution_id_ms is the time within an id, in ms since 1970 (UUIDv7); 0 for one that carries none.
 */
int64_t execution_id_ms(const struct execution_id *id);

static inline bool execution_id_equal(const struct execution_id *a, const struct execution_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* execution_digest is the name by which one execution refers to another where it else refers to
 * blobs by their digests: the id and 16 bytes 0, which no SHA-256 will ever be. */
struct digest execution_digest(const struct execution_id *id);

/* execution_shard is the one published function of protocol.md 1:
 * (murmur2(36 lower-case characters) & 0x7fffffff) mod shard_count, as Kafka's own partitioner.
 * shard_count  at least 1 */
uint32_t execution_shard(const struct execution_id *id, uint32_t shard_count);

/* execution_id_settle changes the last two bytes of an id so that it falls on a shard. They stay
 * as good as random: the first that fits from where they stand.
 * shard  below shard_count
 * Cost: shard_count tries of 3 ns on average.
 * Returns false, leaving *id as it was, when none of their 65,536 values falls there (with more
 * than some thousand shards): it is a place then like any other. */
bool execution_id_settle(struct execution_id *id, uint32_t shard, uint32_t shard_count);

/* murmur2_32 is the hash of Kafka's Java client (seed 0x9747b28c). */
uint32_t murmur2_32(struct span key);

/* crc32_ieee is the CRC-32 of zlib, for partitions of workers and the checksum of a record. */
uint32_t crc32_ieee(struct span bytes);

#endif /* EXO_VOCAB_IDS_H */
