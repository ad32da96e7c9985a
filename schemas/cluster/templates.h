/* templates: the expressions of a cluster, compiled.
 *
 *   when, for_each        one expression alone      names: input satellites execution
 *   command, input, env   strings at any depth      the same, and of a map its item and index
 *   output                strings at any depth      input satellites execution
 *   inside of a group                               those, and the items of the groups around
 *
 * Pure. */
#ifndef EXO_CLUSTER_TEMPLATES_H
#define EXO_CLUSTER_TEMPLATES_H

#include "schemas/cluster/cluster_draft.h"

/* templates_compile compiles every template of the draft's cluster and fills in what they refer
 * to. Faults go to the draft's list. graph_resolve has run; where it found a cycle nothing is
 * told of what lies upstream. */
void templates_compile(struct cluster_draft *draft);

#endif /* EXO_CLUSTER_TEMPLATES_H */
