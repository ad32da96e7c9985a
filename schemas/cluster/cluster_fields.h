/* cluster_fields: the fields of the file itself and of what stands under `cluster`.
 *
 * Pure. */
#ifndef EXO_CLUSTER_FIELDS_H
#define EXO_CLUSTER_FIELDS_H

#include "schemas/cluster/field.h"

extern const struct field file_fields[];
extern const size_t file_field_count;
extern const struct field cluster_fields[]; /* their target is a struct cluster_draft */
extern const size_t cluster_field_count;

#endif /* EXO_CLUSTER_FIELDS_H */
