/* rerun: which satellites of an execution that has ended run again, and which are kept.
 *
 *   how each ended + where to begin --rerun_plan--> again or kept, for the whole top level
 *
 * Nothing that is kept stands on something that runs again. Groups and maps are one thing here.
 * Pure. */
#ifndef EXO_CLUSTER_RERUN_H
#define EXO_CLUSTER_RERUN_H

#include "schemas/cluster/cluster.h"
#include "schemas/vocab/states.h"

/* rerun_plan says what runs again: what did not end SUCCEEDED or SKIPPED, the satellite to begin
 * with, and all that runs after one of them, directly or not.
 * states     how each satellite of the top level ended; root_count of them
 * from       of the top level; SATELLITE_NONE: what failed
 * ret_again  root_count of them; false: it is kept
 * Returns how many run again. Cost O(satellites + edges). */
uint32_t rerun_plan(const struct cluster *cluster, const enum task_state *states, uint32_t from,
                    bool *ret_again);

#endif /* EXO_CLUSTER_RERUN_H */
