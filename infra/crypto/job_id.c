#include "infra/crypto/job_id.h"

#include <inttypes.h>
#include <stdio.h>

#include "infra/crypto/crypto.h"
#include "schemas/wire/topics.h"

/* Our own name space for ids of Jobs that bring none. */
static const struct execution_id jobs_name_space = {{0x6b, 0x1f, 0x0e, 0x52, 0x3c, 0x0b, 0x5d, 0x1e,
                                                     0x9a, 0x77, 0x45, 0x58, 0x4f, 0x2d, 0x4a,
                                                     0x01}};

struct execution_id job_id_of_place(uint32_t partition, int64_t offset, uint32_t shard_count)
{
    char name[96];

    (void)snprintf(name, sizeof(name), "%s/%" PRIu32 "/%" PRId64, TOPIC_JOBS, partition, offset);
    struct execution_id id = execution_id_from_name(&jobs_name_space, span_of(name));

    (void)execution_id_settle(&id, partition, shard_count); /* where not, it is passed on */
    return id;
}
