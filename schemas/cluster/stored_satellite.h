/* stored_satellite: the definition of a satellite that clusters take by name.
 *
 *   {exosphere: v1, satellite: {name, title, labels, inputs, image, command, ...}}
 *        --stored_satellite_parse--> struct stored_satellite, or faults
 *                                         |
 *                                         +--> canonical text (its SHA-256 names the version's
 * text)
 *
 * It says how the satellite runs, not when: what places it in a graph stands where it is used. Its
 * `inputs` are declared as those of a cluster, and ${{ input.NAME }} in `command`, `env` and
 * `input` means them.
 *
 * Pure: memory comes from the given arena only. */
#ifndef EXO_CLUSTER_STORED_SATELLITE_H
#define EXO_CLUSTER_STORED_SATELLITE_H

#include "schemas/cluster/cluster.h"

struct stored_satellite {
    const struct cluster *cluster; /* a cluster of it alone: project, name, title, labels, inputs */
    struct span canonical;         /* text; cluster_parse's rules for canonical ones hold */
    const struct value *body;      /* of the canonical text: the members beside name, title, labels
                                    * and inputs; a map */
};

/* Where a definition comes from. */
struct stored_satellite_source {
    const struct value *root;    /* kept as long as the result */
    const char *default_project; /* C string; NULL: the name must say project/name */
    bool is_inner;               /* root is what stands under `satellite:` */
};

/* stored_satellite_parse checks a definition.
 *
 * source  borrowed; see above for what is kept
 * arena   borrowed; the result lives there
 * ret     out; untouched on failure
 * faults  borrowed; every fault at once, with paths such as satellite.command[0]
 *
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int stored_satellite_parse(const struct stored_satellite_source *source,
                                       struct arena *arena, struct stored_satellite *ret,
                                       struct fault_list *faults);

#endif /* EXO_CLUSTER_STORED_SATELLITE_H */
