/* placement: the shard of the next new execution.
 *
 *   0.1 ms  0.2 ms  0.3 ms        2.4 ms  2.5 ms
 *   [------ shard 17 ------]      [-- shard 18 --]
 *
 * Submissions that come together go to one shard: its jobs, tasks, reports and events then travel
 * as a few records of many, where spread over all shards each would be a request to the broker of
 * its own (docs/benchmarks.md). One company is small and the next goes to the next shard, so that
 * all have the same share of the work. Which shard an execution is on stays the hash of its id: the
 * id is chosen to fit. Pure. */
#ifndef EXO_PRODUCER_PLACEMENT_H
#define EXO_PRODUCER_PLACEMENT_H

#include <assert.h>
#include <stdint.h>

#include "schemas/cluster/cluster.h"
#include "schemas/vocab/time.h"

enum {
    PLACEMENT_WEIGHT_MAX = 256,      /* of one company */
    PLACEMENT_MAP_WEIGHT = 64,       /* nobody knows yet how many tasks it has */
    PLACEMENT_SPAN_NS = 2 * 1000000, /* from its first to its last */
};

struct placement {
    uint32_t shard;    /* of the present company; any number to begin with */
    uint32_t weight;   /* of those in it; 0: nobody yet */
    exo_time begun_ns; /* when its first came */
};

/* placement_weight is how much work an execution of a cluster is for a shard, in satellites. */
static inline uint32_t placement_weight(const struct cluster *cluster)
{
    uint32_t weight = cluster->satellite_count;

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        weight += cluster->satellites[i].for_each == NULL ? 0 : PLACEMENT_MAP_WEIGHT;
    }
    return weight;
}

/* placement_next counts a submission and gives its shard.
 *
 * shard_count  at least 1
 * weight       of the submission, at least 1
 * now_ns       the loop's clock */
static inline uint32_t placement_next(struct placement *p, uint32_t shard_count, uint32_t weight,
                                      exo_time now_ns)
{
    assert(shard_count >= 1);
    assert(weight >= 1);
    if (p->weight > 0 &&
        (p->weight >= PLACEMENT_WEIGHT_MAX || weight >= PLACEMENT_WEIGHT_MAX ||
         p->weight + weight > PLACEMENT_WEIGHT_MAX || now_ns - p->begun_ns > PLACEMENT_SPAN_NS)) {
        p->shard++;
        p->weight = 0;
    }
    if (p->weight == 0) {
        p->begun_ns = now_ns;
    }
    p->shard %= shard_count;
    p->weight = weight < PLACEMENT_WEIGHT_MAX ? p->weight + weight : PLACEMENT_WEIGHT_MAX;
    return p->shard;
}

#endif /* EXO_PRODUCER_PLACEMENT_H */
