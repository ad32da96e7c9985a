/* graph: which satellite comes after which.
 *
 *   names + needs --graph_resolve--> parents, children, depth, order; or faults: a name twice, a
 *                                    name nobody has, a cycle
 *
 * Pure. */
#ifndef EXO_CLUSTER_GRAPH_H
#define EXO_CLUSTER_GRAPH_H

#include "schemas/cluster/cluster_draft.h"

enum { GRAPH_CYCLES_MAX = 10 /* told of at once */ };

/* graph_resolve fills by_name, parents, children, depth and order of the draft's cluster.
 * Faults go to the draft's list; after one draft->is_acyclic may be false and the rest not
 * filled in. Cost O(satellites * log satellites + edges). */
void graph_resolve(struct cluster_draft *draft);

/* graph_find gives the index of the satellite of that name in the scope of a group, or UINT32_MAX.
 * by_name must be filled in. Cost O(log satellites). */
uint32_t graph_find(const struct cluster *cluster, uint32_t group, struct span name);

/* graph_nearest gives the satellite's name that a misspelt one most likely meant, or NULL. */
const char *graph_nearest(struct cluster_draft *draft, struct span name);

#endif /* EXO_CLUSTER_GRAPH_H */
