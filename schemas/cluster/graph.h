/* graph: which satellite comes after which.
 *
 *   names + needs --graph_resolve--> parents, children, depth, order; or faults: a name twice, a
 *                                    name nobody has, a cycle
 *
 * Edges and depths are those of one scope; a group stands for what it holds.
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

/* graph_find_seen is graph_find in that scope, else in the nearest around it that has the name. */
uint32_t graph_find_seen(const struct cluster *cluster, uint32_t group, struct span name);

/* graph_find_hidden gives the group, standing in the scope or one around it, in which a satellite
 * of that name is hidden, or UINT32_MAX. Cost O(satellites), within the reader's budget. */
uint32_t graph_find_hidden(struct cluster_draft *draft, uint32_t group, struct span name);

/* graph_around gives the satellite that stands in the scope of a group and is, or has around it,
 * the satellite index; UINT32_MAX where there is none. */
uint32_t graph_around(const struct cluster *cluster, uint32_t index, uint32_t group);

/* graph_scope gives the satellites of the scope of a group: from *ret_first on so many. */
uint32_t graph_scope(const struct cluster *cluster, uint32_t group, uint32_t *ret_first);

/* graph_is_last is true for a satellite of the default output: not final, and needed by none that
 * is not final. */
bool graph_is_last(const struct cluster *cluster, const struct satellite *satellite);

/* graph_nearest gives the name, of a satellite in that scope or else in one around it, that a
 * misspelt one most likely meant, or NULL. */
const char *graph_nearest(struct cluster_draft *draft, uint32_t group, struct span name);

#endif /* EXO_CLUSTER_GRAPH_H */
