/* functions: the names that may be called; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_FUNCTIONS_H
#define EXO_EXPRESSION_FUNCTIONS_H

#include "schemas/expression/evaluation.h"

enum { FUNCTION_ARGUMENTS_MAX = 4 };
enum { FORM_GLOBAL = 1, FORM_METHOD = 2 };

/* Computes a call. count arguments, each of a kind that the function takes; of a method the first
 * is what stands before the dot. The error lacks a place. */
typedef enum expression_err function_apply(struct evaluation *e, const struct value *arguments,
                                           uint32_t count, struct value *ret_value);

/* A function of values: a row of the table in functions.c. */
struct function {
    const char *name;
    function_apply *apply;
    unsigned forms; /* of FORM_GLOBAL, FORM_METHOD */
    uint32_t least; /* arguments, with what stands before the dot */
    uint32_t most;
    unsigned takes[FUNCTION_ARGUMENTS_MAX]; /* of each argument: a set of KIND() */
    unsigned gives;                         /* the same of the result */
};

/* A set of value kinds, a bit each. */
#define KIND(kind) (1u << (kind))
#define KIND_ANY (KIND(VALUE_KIND_NR) - 1)

/* What a name that is called means. */
struct callee {
    enum node_kind kind; /* NODE_SIZE, NODE_HAS, NODE_MACRO, NODE_CALL */
    enum node_macro macro;
    const struct function *function;
};

/* functions_find tells what a call means.
 *
 * name       borrowed
 * is_method  true for a.name(...), false for name(...)
 * ret_callee  out; untouched on failure
 * ret_error  out; filled on failure, without its place
 *
 * Returns EXPRESSION_OK, EXPRESSION_EUNSUPPORTED for a function of CEL that we lack, or
 * EXPRESSION_ENAME for one that nobody has. */
EXO_CHECKED enum expression_err functions_find(struct span name, bool is_method,
                                               struct callee *ret_callee,
                                               struct expression_error *ret_error);

/* functions_apply computes a call, after a look at the kinds of its arguments. The error lacks a
 * place. */
EXO_CHECKED enum expression_err functions_apply(struct evaluation *e,
                                                const struct function *function,
                                                const struct value *arguments, uint32_t count,
                                                struct value *ret_value);

#endif /* EXO_EXPRESSION_FUNCTIONS_H */
