/* cluster_draft: a cluster while it is checked.
 *
 *   cluster_parse: fields --> graph_resolve: names, order --> references_check: expressions
 *
 * Pure. */
#ifndef EXO_CLUSTER_DRAFT_H
#define EXO_CLUSTER_DRAFT_H

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/field.h"
#include "schemas/cluster/satellite_fields.h"

struct cluster_draft {
    struct field_reader reader;
    struct arena *scratch;         /* what the finished cluster does not need */
    struct cluster cluster;        /* the result so far */
    struct satellite *satellites;  /* cluster.satellites, to be written; in the arena */
    struct satellite_notes *notes; /* one each; in scratch */
    const char **names;            /* of the satellites, "" where there is none; in scratch */
    bool is_stored;                /* read from the store: not checked anew */
    uint64_t pattern_cost_left;    /* of expression_check_patterns */
    bool allows_uses;              /* as in struct cluster_source */
    bool is_acyclic;               /* order, depth and children are known */
    const struct value *name;      /* fields as written, NULL: not given */
    const struct value *labels;
    const struct value *inputs;
    const struct value *defaults;
    const struct value *satellites_source;
};

/* draft_scratch gives memory that lives as long as the draft, or NULL with the reader's
 * is_out_of_memory set. */
void *draft_scratch(struct cluster_draft *draft, size_t count, size_t bytes);

#endif /* EXO_CLUSTER_DRAFT_H */
