/* times: the arithmetic and the parts of timestamps and durations; for this folder only.
 *
 * Pure. Source: cel-spec, standard definitions, Timezones and Overflow. */
#ifndef EXO_EXPRESSION_TIMES_H
#define EXO_EXPRESSION_TIMES_H

#include "schemas/expression/functions.h"

/* times_compute adds or subtracts timestamps and durations.
 * op  OP_ADD or OP_SUBTRACT
 * Returns EXPRESSION_OK, EARITHMETIC outside the years 1 to 9999 or a duration's range, or ETYPE.
 * The error lacks a place. */
EXO_CHECKED enum expression_err times_compute(struct evaluation *e, enum node_op op,
                                              const struct value *left, const struct value *right,
                                              struct value *ret_value);

/* timestamp.getFullYear([zone]) and the like; the last four also of a duration. */
function_apply times_full_year;
function_apply times_month;
function_apply times_date;
function_apply times_day_of_month;
function_apply times_day_of_week;
function_apply times_day_of_year;
function_apply times_hours;
function_apply times_minutes;
function_apply times_seconds;
function_apply times_milliseconds;

#endif /* EXO_EXPRESSION_TIMES_H */
