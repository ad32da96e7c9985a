/* evaluation: one run of one or more expressions under one set of limits; for this folder only.
 *
 *   evaluation_begin -> evaluation_run, evaluation_check, evaluation_load ... -> the caller's value
 *
 * Pure. */
#ifndef EXO_EXPRESSION_EVALUATION_H
#define EXO_EXPRESSION_EVALUATION_H

#include "schemas/expression/node.h"

enum { EVALUATION_ITEM_BYTES = 32, EVALUATION_COST_BYTES = 16 };

struct evaluation {
    const struct expression_scope *scope; /* borrowed */
    struct arena *arena;                  /* borrowed */
    struct expression_error *error;       /* borrowed; filled by who fails */
    uint64_t cost_left;
    uint64_t output_bytes_left; /* of what is made on the way */
    uint64_t result_bytes_left; /* of results, parts that stand in them twice counted twice */
    uint32_t value_depth_max;
};

/* evaluation_begin sets the limits; NULL means the defaults. Keeps the other pointers. */
void evaluation_begin(struct evaluation *e, const struct expression_scope *scope,
                      const struct expression_limits *limits, struct arena *arena,
                      struct expression_error *error);

/* evaluation_run computes one expression; its result is not yet checked.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_run(struct evaluation *e,
                                               const struct expression *expression,
                                               struct expression_object *ret_object);

/* evaluation_check is result_check for a result of evaluation_run that can need it.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_check(struct evaluation *e,
                                                 const struct expression *expression,
                                                 const struct expression_object *object);

/* evaluation_load gives the value of an expression's result, loading a lazy one.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_load(struct evaluation *e,
                                                const struct expression *expression,
                                                const struct expression_object *object,
                                                struct value *ret_value);

/* evaluation_charge takes from the cost that is left. The error lacks a place. */
EXO_CHECKED enum expression_err evaluation_charge(struct evaluation *e, uint64_t cost);

/* evaluation_put counts bytes of a text that is made outside the arena as output. The error lacks a
 * place. */
EXO_CHECKED enum expression_err evaluation_put(struct evaluation *e, uint64_t bytes);

/* evaluation_make gives memory for a part of the result and counts it as output and as cost.
 * The error lacks a place. */
EXO_CHECKED enum expression_err evaluation_make(struct evaluation *e, size_t bytes, void **ret);

#endif /* EXO_EXPRESSION_EVALUATION_H */
