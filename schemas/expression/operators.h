/* operators: what two values give; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_OPERATORS_H
#define EXO_EXPRESSION_OPERATORS_H

#include "schemas/expression/evaluation.h"

/* operators_apply computes left op right. The error lacks a place.
 *
 * Ints and doubles do not mix in arithmetic; in comparisons they stand on one line of numbers,
 * the int taken as a double. Values of other different kinds are never equal, and have no order.
 *
 * Source: cel-spec, language definition, Equality, Ordering and Overflow. */
EXO_CHECKED enum expression_err operators_apply(struct evaluation *e, enum node_op op,
                                                const struct value *left, const struct value *right,
                                                struct value *ret_value);

/* operators_text returns how an operator is written, such as "+"; never NULL. */
const char *operators_text(enum node_op op);

/* operators_negate computes - value. The error lacks a place. */
EXO_CHECKED enum expression_err operators_negate(struct evaluation *e, const struct value *value,
                                                 struct value *ret_value);

/* operators_fail_type words that an operator does not take the kinds of these values.
 * right  NULL for an operator of one operand; Returns EXPRESSION_ETYPE. */
enum expression_err operators_fail_type(struct evaluation *e, const char *op,
                                        const struct value *left, const struct value *right);

#endif /* EXO_EXPRESSION_OPERATORS_H */
