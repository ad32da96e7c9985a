#include "schemas/cluster/rerun.h"

uint32_t rerun_plan(const struct cluster *cluster, const enum task_state *states, uint32_t from,
                    bool *ret_again)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        const struct satellite *satellite = &cluster->satellites[cluster->order[i]];

        if (satellite->group != SATELLITE_NONE) {
            continue;
        }
        enum task_state state = states[satellite->index];
        bool is_again =
            satellite->index == from || (state != TASK_SUCCEEDED && state != TASK_SKIPPED);

        for (uint32_t k = 0; k < satellite->parent_count && !is_again; k++) {
            is_again = ret_again[satellite->parents[k]];
        }
        ret_again[satellite->index] = is_again;
        count += is_again;
    }
    return count;
}
