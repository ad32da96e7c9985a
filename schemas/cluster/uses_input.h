/* uses_input: what a satellite hands to the stored definition it uses. For uses.c and closed.c.
 *
 *   own `input` + declared `inputs` --uses_arguments--> every input by name, or faults
 *
 * Pure. */
#ifndef EXO_CLUSTER_USES_INPUT_H
#define EXO_CLUSTER_USES_INPUT_H

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/field.h"

/* What is used. */
struct uses_target {
    struct input_declaration declared;
    const char *words; /* what people call it: "stored satellite" */
};

/* uses_arguments checks what can be checked before anything runs: names, what is required, and the
 * type of every value without an expression.
 * target    borrowed; without `inputs` anything goes
 * own       `input` of the satellite that uses it; NULL: {}
 * step      that satellite
 * place     where it stands
 * ret_map   out: with what is missing filled in; {} for an own input that is no map
 * Returns false with faults. */
EXO_CHECKED bool uses_arguments(struct field_reader *r, const struct uses_target *target,
                                const struct value *own, const struct value *step,
                                const struct value_place *place, struct value *ret_map);

#endif /* EXO_CLUSTER_USES_INPUT_H */
