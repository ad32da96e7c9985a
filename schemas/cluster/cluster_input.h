/* cluster_input: the declared inputs of a cluster.
 *
 * Pure. cluster_input_check stands in cluster.h. */
#ifndef EXO_CLUSTER_INPUT_H
#define EXO_CLUSTER_INPUT_H

#include "schemas/cluster/cluster_draft.h"

extern const struct field input_fields[];
extern const size_t input_field_count;
extern const char *const input_type_words[];

/* cluster_input_read fills inputs, input_count and has_inputs of the draft's cluster from
 * draft->inputs. Faults go to the draft's list. */
void cluster_input_read(struct cluster_draft *draft);

#endif /* EXO_CLUSTER_INPUT_H */
