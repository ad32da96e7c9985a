/* uses: what a cluster takes from the store, satellites and clusters, written out in it.
 *
 *   cluster as written --uses_collect--> which definitions it takes --(the store)--> texts
 *   cluster + texts ----uses_inline----> the same with each of them written out, its version named
 *
 * A satellite with `uses: satellite/...` and without `image` is still to be written out; one with
 * both has been, and stays as it is. Own fields come first, then the stored satellite's, then
 * `defaults` of the file; `env`, `resources`, `retries` and `timeouts` are merged member by member,
 * `input` gives the stored satellite's inputs.
 *
 * One with `uses: cluster/...` and without `satellites` becomes a closed group (uses_cluster.h). A
 * stored text has been written out itself, so one look-up is enough and no cycle can be.
 *
 * Pure: memory comes from the given arena only. */
#ifndef EXO_CLUSTER_USES_H
#define EXO_CLUSTER_USES_H

#include "schemas/cluster/version_reference.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/value.h"

enum { USES_MAX = 256 /* different ones in one cluster */ };

/* One stored definition that a cluster takes. */
struct uses_entry {
    struct version_reference reference; /* as written */
    const struct value *at;             /* the first place that names it */
    const char *path;                   /* of that place */
    /* What the store has; filled in by the caller. */
    struct span text;    /* canonical; data NULL: there is none */
    uint32_t number;     /* its version */
    const char *problem; /* why there is none, a sentence; NULL: not looked up */
};

struct uses_set {
    struct uses_entry *entries; /* in the arena */
    uint32_t count;
};

/* uses_collect lists what is to be looked up. Names of a wrong form are left to cluster_parse.
 * cluster  what stands under `cluster:`; borrowed, and by *ret_set. Any value; nothing else than a
 *          cluster uses anything
 * faults   gets a fault when there are more than USES_MAX, or no memory
 * Returns 0, or -1 with a fault. */
EXO_CHECKED int uses_collect(const struct value *cluster, struct arena *arena,
                             struct uses_set *ret_set, struct fault_list *faults);

/* uses_inline writes each of them out.
 * cluster      borrowed, and kept as long as *ret_cluster
 * set          of uses_collect over the same cluster, with texts filled in
 * arena        borrowed
 * ret_cluster  out; shares what did not change; untouched on failure
 * faults       borrowed; every fault at once: what the store does not have, inputs that do not fit
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int uses_inline(const struct value *cluster, const struct uses_set *set,
                            struct arena *arena, struct value *ret_cluster,
                            struct fault_list *faults);

#endif /* EXO_CLUSTER_USES_H */
