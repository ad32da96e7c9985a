/* cluster_input: the declared inputs of a cluster.
 *
 * Pure. cluster_input_check stands in cluster.h. */
#ifndef EXO_CLUSTER_INPUT_H
#define EXO_CLUSTER_INPUT_H

#include "schemas/cluster/cluster_draft.h"

extern const struct field input_fields[];
extern const size_t input_field_count;
extern const char *const input_type_words[];

/* cluster_input_read reads a declaration, of a cluster or of a cluster used as a satellite.
 * source  what stands under `inputs`, borrowed as long as the result; NULL: nothing
 * place   of it; borrowed
 * Faults go to the draft's list; *ret stays as it is where there is no declaration to be had. */
void cluster_input_read(struct cluster_draft *draft, const struct value *source,
                        const struct value_place *place, struct input_declaration *ret);

/* input_find gives the declared input of that name, or NULL. */
const struct cluster_input *input_find(const struct input_declaration *declaration,
                                       struct span name);

#endif /* EXO_CLUSTER_INPUT_H */
