/* upstream: does one satellite run after another, for many pairs at once.
 *
 * Questions are gathered, then answered 64 targets at a time: a bit each travels from parents to
 * children along the order.
 *
 * Pure. */
#ifndef EXO_CLUSTER_UPSTREAM_H
#define EXO_CLUSTER_UPSTREAM_H

#include "schemas/cluster/cluster_draft.h"

struct upstream_question {
    struct upstream_question *next;
    uint32_t user;   /* refers to */
    uint32_t target; /* which must run before */
    uint32_t line;   /* of the reference */
    uint32_t column;
    const char *path;
};

struct upstream {
    struct cluster_draft *draft; /* kept */
    struct upstream_question *first;
    struct upstream_question *last;
};

/* upstream_ask keeps a copy of the question, its path made from place; both borrowed. */
void upstream_ask(struct upstream *upstream, const struct upstream_question *question,
                  const struct value_place *place);

/* upstream_answer adds a fault for each question whose target does not run before its user.
 * The draft's graph has no cycle, or nothing was asked.
 * Cost O(targets / 64 * (satellites + edges)). */
void upstream_answer(struct upstream *upstream);

#endif /* EXO_CLUSTER_UPSTREAM_H */
