/* uses_cluster: whether a stored cluster may stand in another as a closed group, and what of it
 * does. For uses.c.
 *
 *   taken     inputs, timeout (of a run), satellites, output
 *   left out  name, title, labels, sla, priority: the execution has its own
 *   refused   concurrency, rate: they bound executions, and a run is none
 *
 * Pure. */
#ifndef EXO_CLUSTER_USES_CLUSTER_H
#define EXO_CLUSTER_USES_CLUSTER_H

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/field.h"

/* What the cluster under construction may still take in. */
struct uses_room {
    uint32_t satellites;
    uint64_t bytes;
    bool is_full; /* told */
};

/* One use. All borrowed. */
struct uses_cluster {
    struct field_reader *r;
    const struct value *own;         /* the satellite */
    const struct value *uses;        /* its `uses` */
    const struct value_place *place; /* of the satellite */
    struct span text;                /* the reference with its version */
    const struct value *stored;      /* what stands under `cluster` */
    size_t stored_bytes;             /* of its text */
};

/* uses_room_init says what a cluster as it is written leaves. */
void uses_room_init(struct uses_room *room, const struct value *cluster);

/* uses_cluster_is_known is false for a stored cluster with a field that this program does not
 * know. stored: what stands under `cluster`; borrowed, any value. */
bool uses_cluster_is_known(const struct value *stored);

/* uses_cluster_takes is true for a field of a stored cluster that stands in the group. */
bool uses_cluster_takes(struct span name);

/* uses_cluster_check adds a fault for what does not fit: a bound that would not be kept,
 * satellites, groups in one another, bytes or nesting above their limits, with the path of what is
 * above. Takes from room what the use needs. Returns false after a fault. */
bool uses_cluster_check(const struct uses_cluster *use, struct uses_room *room);

#endif /* EXO_CLUSTER_USES_CLUSTER_H */
