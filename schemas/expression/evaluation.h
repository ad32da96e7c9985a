/* evaluation: one run of one or more expressions under one set of limits; for this folder only.
 *
 *   evaluation_begin -> evaluation_run, evaluation_check, evaluation_load ... -> the caller's value
 *                    -> evaluation_end
 *
 * Pure. */
#ifndef EXO_EXPRESSION_EVALUATION_H
#define EXO_EXPRESSION_EVALUATION_H

#include "schemas/expression/node.h"
#include "schemas/expression/patterns.h"

enum { EVALUATION_ITEM_BYTES = 32, EVALUATION_COST_BYTES = 16, EVALUATION_MEMO = 16 };

/* The variable of a macro that is running. */
struct local {
    const struct local *outer; /* of the macro around it; NULL: none */
    struct value value;
};

struct evaluation {
    const struct expression_scope *scope; /* borrowed */
    struct arena *arena;                  /* borrowed */
    struct expression_error *error;       /* borrowed; filled by who fails */
    uint64_t cost_max;
    uint64_t cost_left;
    uint64_t output_bytes_max;
    uint64_t output_bytes_left; /* of what is made on the way */
    uint64_t result_bytes_left; /* of results, parts that stand in them twice counted twice */
    uint32_t value_depth_max;
    const struct local *locals; /* innermost first */
    struct {
        const struct node *node;
        struct expression_object object;
    } memo[EVALUATION_MEMO]; /* static nodes inside macros: a scope may have to parse them */
    struct patterns patterns;
};

/* evaluation_begin sets the limits; NULL means the defaults. Keeps the other pointers. */
void evaluation_begin(struct evaluation *e, const struct expression_scope *scope,
                      const struct expression_limits *limits, struct arena *arena,
                      struct expression_error *error);

/* evaluation_end gives back what the evaluation held outside the arena. */
void evaluation_end(struct evaluation *e);

/* evaluation_run computes one expression; its result is not yet checked.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_run(struct evaluation *e,
                                               const struct expression *expression,
                                               struct expression_object *ret_object);

/* evaluation_check is result_finish for a result of evaluation_run that can need it.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_check(struct evaluation *e,
                                                 const struct expression *expression,
                                                 struct expression_object *object);

/* evaluation_load gives the value of an expression's result, loading a lazy one.
 * Returns EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_load(struct evaluation *e,
                                                const struct expression *expression,
                                                const struct expression_object *object,
                                                struct value *ret_value);

/* evaluation_object computes a node; evaluation_value also loads what is lazy.
 * Return EXPRESSION_OK, or why not with the error and its place filled. */
EXO_CHECKED enum expression_err evaluation_object(struct evaluation *e, const struct node *node,
                                                  struct expression_object *ret_object);
EXO_CHECKED enum expression_err evaluation_value(struct evaluation *e, const struct node *node,
                                                 struct value *ret_value);

/* evaluation_load_object gives the value of an object. The error lacks a place. */
EXO_CHECKED enum expression_err evaluation_load_object(struct evaluation *e,
                                                       const struct expression_object *object,
                                                       struct value *ret_value);

/* evaluation_placed gives an error the place of a node: once, where it arises. Returns err. */
enum expression_err evaluation_placed(struct evaluation *e, const struct node *node,
                                      enum expression_err err);

/* evaluation_fail begins an error with a text and a name. Returns code. */
enum expression_err evaluation_fail(struct evaluation *e, enum expression_err code,
                                    const char *text, struct span name);

/* evaluation_is_fatal is true for limits: no operator absorbs them. */
static inline bool evaluation_is_fatal(enum expression_err err)
{
    return err == EXPRESSION_ELIMIT || err == EXPRESSION_EMEMORY;
}

/* evaluation_fail_limit begins "TEXT than the limit of LIMITUNIT". Returns EXPRESSION_ELIMIT. */
enum expression_err evaluation_fail_limit(struct evaluation *e, const char *text, uint64_t limit,
                                          const char *unit);

/* evaluation_charge takes from the cost that is left. The error lacks a place. */
EXO_CHECKED enum expression_err evaluation_charge(struct evaluation *e, uint64_t cost);

/* evaluation_put counts bytes of a text that is made outside the arena as output. The error lacks a
 * place. */
EXO_CHECKED enum expression_err evaluation_put(struct evaluation *e, uint64_t bytes);

/* evaluation_make gives memory for a part of the result and counts it as output and as cost.
 * The error lacks a place. */
EXO_CHECKED enum expression_err evaluation_make(struct evaluation *e, size_t bytes, void **ret);

#endif /* EXO_EXPRESSION_EVALUATION_H */
