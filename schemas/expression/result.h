/* result: may this value leave an evaluation, and as what; for this folder only.
 *
 * Pure. */
#ifndef EXO_EXPRESSION_RESULT_H
#define EXO_EXPRESSION_RESULT_H

#include "schemas/expression/evaluation.h"

/* result_finish makes a value one of JSON: timestamps, durations and types at any depth become
 * strings. It refuses a value that is nested deeper than depth_left, holds a number that JSON
 * cannot hold, or is larger than the output limit. A value may share one part many times; what
 * counts is how long it is written out. The error lacks a place.
 * value  in and out; untouched on failure
 * Returns EXPRESSION_OK, ELIMIT, EARITHMETIC or EMEMORY. */
EXO_CHECKED enum expression_err result_finish(struct evaluation *e, struct value *value,
                                              uint32_t depth_left);

#endif /* EXO_EXPRESSION_RESULT_H */
