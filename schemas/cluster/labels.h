/* labels: what people put on clusters and executions to find them again.
 *
 * Pure. */
#ifndef EXO_CLUSTER_LABELS_H
#define EXO_CLUSTER_LABELS_H

#include <stdint.h>

#include "schemas/expression/value_template.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

struct cluster_label {
    struct span key;   /* 1 .. LIMIT_LABEL_BYTES bytes without control characters; a NUL after */
    struct span value; /* 0 .. LIMIT_LABEL_BYTES bytes, the same */
};

/* labels_read checks a map of strings, of a cluster file or of a request.
 *
 * value       borrowed
 * place       where it stands, for the paths of faults; borrowed
 * arena       borrowed; the labels live there
 * ret_labels  out; *ret_count of them, at most LIMIT_LABELS, in source order; untouched on failure
 * faults      borrowed; every fault at once
 *
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int labels_read(const struct value *value, const struct value_place *place,
                            struct arena *arena, const struct cluster_label **ret_labels,
                            uint32_t *ret_count, struct fault_list *faults);

#endif /* EXO_CLUSTER_LABELS_H */
