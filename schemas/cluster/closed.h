/* closed: a cluster used as a satellite, written out as a group whose scope is closed.
 *
 *   {name: part, uses: cluster/p/parse@3, input: {...}, timeout: 1h, inputs: {...},
 *    satellites: [...], output: ...}
 *
 * What stands in it was checked when it was stored, and is checked again here as it stands.
 *
 * Pure. */
#ifndef EXO_CLUSTER_CLOSED_H
#define EXO_CLUSTER_CLOSED_H

#include "schemas/cluster/cluster_draft.h"

/* closed_finish checks what belongs together in a closed group: that it was looked up in the store
 * (or may be left as it is: draft->allows_uses), and its `input` against its `inputs`, as far as
 * that can be told before anything runs. Fills in inputs of the satellite. */
void closed_finish(struct cluster_draft *draft, struct satellite *satellite,
                   const struct satellite_notes *notes);

#endif /* EXO_CLUSTER_CLOSED_H */
