/* references: each name in the expressions of a cluster, looked up and listed.
 *
 *   input.NAME   satellites.NAME.output|state|error   execution.id|time|labels   items, index
 *   failures
 *
 * A reference to a satellite adds no edge but must lie upstream of its user, or of the group around
 * the user that stands in the same scope.
 *
 * Pure. */
#ifndef EXO_CLUSTER_REFERENCES_H
#define EXO_CLUSTER_REFERENCES_H

#include "schemas/cluster/cluster_draft.h"
#include "schemas/cluster/upstream.h"
#include "schemas/expression/types.h"

/* Slots of a list: four a satellite (output, state, error, item), then one of each other kind. */
enum { SLOTS_OF_SATELLITE = 4, OTHER_KINDS = 4 };

/* Where in the list under construction a reference stands already. */
struct slot {
    uint32_t turn; /* of the list it was last used for */
    uint32_t at;
};

/* The references of one satellite, or of an output, while they are gathered. */
struct gathering {
    struct cluster_draft *draft;
    struct upstream *upstream;
    struct slot *slots;
    struct cluster_reference *list; /* room for every slot */
    uint32_t count;
    uint32_t turn;  /* of the list under construction; 1 is the first */
    uint32_t user;  /* index of the satellite; SATELLITE_NONE: the cluster's output */
    uint32_t scope; /* the group whose satellites are named first; SATELLITE_NONE: the top level */
    uint32_t map;   /* whose item has a name here, beside those of the groups around up to a closed
                     * one: the user, or SATELLITE_NONE */
    bool is_admission; /* of a key: nothing has run yet */
    bool is_output;    /* of a cluster or group: everything in its scope has ended then */
    struct expression_type *each_types; /* by satellite: of what its for_each gives, whose items are
                                         * the item's; in scratch */
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

/* gathering_begin begins the list of the next user, in the scope it stands in and without an item
 * of its own. */
void gathering_begin(struct gathering *g, uint32_t user);

/* gathering_begin_output begins the list of the output of a group, or of the cluster
 * (SATELLITE_NONE). */
void gathering_begin_output(struct gathering *g, uint32_t group);

/* gathering_find_map gives the satellite whose item has that name in the expressions gathered now:
 * g->map or a group around; the nearest map of any name where name is NULL. SATELLITE_NONE where
 * there is none. */
uint32_t gathering_find_map(const struct gathering *g, const struct span *name);

/* gathering_inputs gives what `input` may be here: the cluster's, or that of the closed group
 * around. */
struct input_declaration gathering_inputs(const struct gathering *g);

/* gathering_keep copies the list into the cluster's arena; g->count of them. */
const struct cluster_reference *gathering_keep(struct gathering *g);

/* gathering_visit looks one reference up: an expression_visit whose context is a gathering. What
 * lies upstream is asked of g->upstream, every other fault is added at once. */
void gathering_visit(void *context, const struct expression_reference *reference);

#endif /* EXO_CLUSTER_REFERENCES_H */
