/* types: what is wrong with an expression before it is evaluated.
 *
 *   expression + what its names are --expression_check_types--> its type, or a definite fault
 *
 * A type is the set of kinds that a value can have. Only what can never work is a fault: `1 + "a"`,
 * or a condition that no bool can come of. What is not known fits everything.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_TYPES_H
#define EXO_EXPRESSION_TYPES_H

#include "schemas/expression/expression.h"

struct expression_type {
    unsigned kinds; /* a bit (1 << kind) for each kind it can have; never 0 */
    unsigned items; /* the same of the items of a list, or the values of a map */
};

/* expression_type_of makes the type of one kind, with items of any. */
static inline struct expression_type expression_type_of(enum value_kind kind)
{
    return (struct expression_type){1u << kind, (1u << VALUE_KIND_NR) - 1};
}

/* expression_type_any makes the type of what is not known. */
static inline struct expression_type expression_type_any(void)
{
    return (struct expression_type){(1u << VALUE_KIND_NR) - 1, (1u << VALUE_KIND_NR) - 1};
}

/* What the names of an expression are. */
struct expression_typing {
    /* The type of what a reference names with its first *ret_steps steps, which the function sets
     * to at most reference->step_count. reference: borrowed for the call. */
    struct expression_type (*type)(void *context, const struct expression_reference *reference,
                                   uint32_t *ret_steps);
    void *context;
};

/* expression_check_types looks for an operator, function or member that can never take what it is
 * given.
 *
 * typing    borrowed
 * ret_type  out; the type of the result; untouched on failure
 * ret_error  out; the first fault on failure, with its place
 *
 * Cost O(size of the expression). Returns EXPRESSION_OK or EXPRESSION_ETYPE. */
EXO_CHECKED enum expression_err expression_check_types(const struct expression *expression,
                                                       const struct expression_typing *typing,
                                                       struct expression_type *ret_type,
                                                       struct expression_error *ret_error);

/* expression_type_text writes the kinds for people, such as "int or null"; "any value" for all.
 * ret_text  out, bytes of room, NUL-terminated, cut to fit */
void expression_type_text(struct expression_type type, char *ret_text, size_t bytes);

/* expression_place gives where an expression begins, for an error about its whole. */
void expression_place(const struct expression *expression, struct expression_error *ret_error);

#endif /* EXO_EXPRESSION_TYPES_H */
