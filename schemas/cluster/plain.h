/* plain: values that are taken as they stand. `${{ }}` in one is no fault, since what is stored may
 * hold it, but it silently does nothing, so people are warned.
 *
 * Pure. */
#ifndef EXO_CLUSTER_PLAIN_H
#define EXO_CLUSTER_PLAIN_H

#include "schemas/cluster/field.h"

/* plain_warn adds a warning where a string in the value (at any depth, NULL is allowed) holds an
 * expression.
 * place  of the value; hint: what to do instead, a constant text */
void plain_warn(struct field_reader *r, const struct value *value, const struct value_place *place,
                const char *hint);

#endif /* EXO_CLUSTER_PLAIN_H */
