/* conversions: a value becomes one of another type; for this folder only.
 *
 * Pure. Source: cel-spec, standard definitions. */
#ifndef EXO_EXPRESSION_CONVERSIONS_H
#define EXO_EXPRESSION_CONVERSIONS_H

#include "schemas/expression/functions.h"

/* Each takes one value and gives one of the type it is named after. */
function_apply convert_bool;
function_apply convert_double;
function_apply convert_duration;
function_apply convert_int;
function_apply convert_string;
function_apply convert_timestamp;

/* type(x): its type; dyn(x): x itself */
function_apply convert_type;
function_apply convert_dyn;

/* conversions_type finds the type a name such as "int" or "google.protobuf.Duration" stands for.
 * Returns false when there is none, leaving *ret_type as it was. */
EXO_CHECKED bool conversions_type(struct span name, struct value *ret_type);

#endif /* EXO_EXPRESSION_CONVERSIONS_H */
