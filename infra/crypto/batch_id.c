#include "infra/crypto/batch_id.h"

#include <inttypes.h>
#include <stdio.h>

#include "infra/crypto/crypto.h"

/* Our own name space for ids of batches: UUIDv5 of "batches.exosphere" for DNS names. */
static const struct execution_id batches_name_space = {{0x82, 0x46, 0x49, 0x67, 0xcc, 0x72, 0x5a,
                                                        0xa2, 0x97, 0xc7, 0x26, 0x9b, 0xcf, 0xce,
                                                        0x4c, 0xad}};

/* The name is a digest, so that no text can stand for another and its length has a bound. */
struct execution_id batch_id_of(const struct batch_identity *identity)
{
    struct sha256 *sha256 = sha256_new();
    char numbers[64];

    (void)snprintf(numbers, sizeof(numbers), "%" PRIu32 " %" PRId64, identity->size,
                   (int64_t)identity->interval_ns);
    const struct span parts[] = {identity->project, identity->satellite, span_of(numbers)};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        sha256_add(sha256, parts[i]);
        sha256_add(sha256, (struct span){"", 1});
    }
    sha256_add(sha256, identity->key);
    struct digest digest = sha256_finish(sha256);

    sha256_free(sha256);
    return execution_id_from_name(&batches_name_space,
                                  (struct span){digest.bytes, sizeof(digest.bytes)});
}

struct execution_id batch_execution_of(const struct execution_id *batch, uint64_t number)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%" PRIu64, number);
    return execution_id_from_name(batch, span_of(digits));
}
