/* references: each name in the expressions of a cluster, looked up and listed.
 *
 *   input.NAME   satellites.NAME.output|state|error   execution.id|time|labels   the item, index
 *
 * A reference to a satellite adds no edge but must lie upstream of its user.
 *
 * Pure. */
#ifndef EXO_CLUSTER_REFERENCES_H
#define EXO_CLUSTER_REFERENCES_H

#include "schemas/cluster/cluster_draft.h"
#include "schemas/cluster/upstream.h"
#include "schemas/expression/types.h"

/* Slots of a satellite's list: three a satellite, then one of each other kind. */
enum { SLOTS_OF_SATELLITE = 3, OTHER_KINDS = 4 };

/* Where in the list under construction a reference stands already. */
struct slot {
    uint32_t owner; /* who the slot was last used for, + 1 */
    uint32_t at;
};

/* The references of one satellite, or of the cluster's output, while they are gathered. */
struct gathering {
    struct cluster_draft *draft;
    struct upstream *upstream;
    struct slot *slots;
    struct cluster_reference *list; /* room for every slot */
    uint32_t count;
    uint32_t user;                    /* index of the satellite; UINT32_MAX: the cluster's output */
    struct span item_name;            /* bytes 0: the item and index are no names here */
    struct expression_type item_type; /* of what for_each gives; its items are the item's */
    /* Of the string that is checked now: */
    const struct value *string;
    const struct value_place *place;
    bool is_gathered; /* false for when and for_each, which the scheduler evaluates */
    bool is_alone;    /* one reference with static steps is the whole string */
};

/* gathering_init makes one with room for every reference there can be.
 * Returns false when there is no memory, which the draft's reader knows then. */
EXO_CHECKED bool gathering_init(struct gathering *g, struct cluster_draft *draft,
                                struct upstream *upstream);

/* gathering_begin begins the list of the next user. */
void gathering_begin(struct gathering *g, uint32_t user);

/* gathering_keep copies the list into the cluster's arena; g->count of them. */
const struct cluster_reference *gathering_keep(struct gathering *g);

/* gathering_visit looks one reference up: an expression_visit whose context is a gathering. What
 * lies upstream is asked of g->upstream, every other fault is added at once. */
void gathering_visit(void *context, const struct expression_reference *reference);

#endif /* EXO_CLUSTER_REFERENCES_H */
