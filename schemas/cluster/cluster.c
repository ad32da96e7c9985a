#include "schemas/cluster/cluster.h"

#include <assert.h>

#include "schemas/cluster/graph.h"
#include "schemas/vocab/limits.h"

const struct satellite *cluster_find(const struct cluster *cluster, uint32_t group,
                                     struct span name)
{
    uint32_t index = graph_find(cluster, group, name);

    return index == UINT32_MAX ? NULL : &cluster->satellites[index];
}

const struct satellite *cluster_find_seen(const struct cluster *cluster, uint32_t group,
                                          struct span name)
{
    uint32_t index = graph_find_seen(cluster, group, name);

    return index == UINT32_MAX ? NULL : &cluster->satellites[index];
}

/* Replaces each of the two by what stands for it in the nearest scope around both. */
static void lift(const struct cluster *cluster, uint32_t *a, uint32_t *b)
{
    const struct satellite *satellites = cluster->satellites;

    while (satellites[*a].group != satellites[*b].group) {
        if (satellites[*a].level >= satellites[*b].level) {
            *a = satellites[*a].group;
        } else {
            *b = satellites[*b].group;
        }
    }
}

bool cluster_is_upstream(const struct cluster *cluster, uint32_t a, uint32_t b)
{
    uint64_t after[LIMIT_SATELLITES / 64 + 1] = {0};

    assert(a < cluster->satellite_count);
    assert(b < cluster->satellite_count);
    assert(cluster->satellite_count <= LIMIT_SATELLITES);
    lift(cluster, &a, &b);
    if (cluster->satellites[a].depth >= cluster->satellites[b].depth) {
        return false;
    }
    after[a / 64] |= (uint64_t)1 << (a % 64);
    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[cluster->order[i]];

        for (uint32_t j = 0; j < satellite->parent_count; j++) {
            uint32_t parent = satellite->parents[j];

            after[satellite->index / 64] |= (after[parent / 64] >> (parent % 64) & 1)
                                            << (satellite->index % 64);
        }
        if (satellite->index == b) {
            break;
        }
    }
    return (after[b / 64] >> (b % 64) & 1) != 0;
}
