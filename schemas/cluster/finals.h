/* finals: the satellites that run at the end, however all others end.
 *
 * Pure. */
#ifndef EXO_CLUSTER_FINALS_H
#define EXO_CLUSTER_FINALS_H

#include "schemas/cluster/cluster_draft.h"

enum { FINALS_MAX = 64 /* each comes after every other satellite: edges */ };

/* finals_resolve makes all satellites of a scope (the top level's, a closed group's) that are not
 * final the parents of each in it that is; what finals say of their own order gives faults. */
void finals_resolve(struct cluster_draft *draft);

#endif /* EXO_CLUSTER_FINALS_H */
