/* result: may this value leave an evaluation; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_RESULT_H
#define EXO_EXPRESSION_RESULT_H

#include "schemas/expression/evaluation.h"

/* result_check refuses a value that is nested deeper than depth_left, holds a number that JSON
 * cannot hold, or is larger than the output limit. A value may share one part many times; what
 * counts is how long it is written out. The error lacks a place.
 * Returns EXPRESSION_OK, EXPRESSION_ELIMIT or EXPRESSION_EARITHMETIC. */
EXO_CHECKED enum expression_err result_check(struct evaluation *e, const struct value *value,
                                             uint32_t depth_left);

#endif /* EXO_EXPRESSION_RESULT_H */
