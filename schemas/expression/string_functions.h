/* string_functions: what can be asked of strings; for this folder only. Positions count code
 * points from 0.
 *
 * Pure. Source: cel-spec, standard definitions; cel-go, extension strings. */
#ifndef EXO_EXPRESSION_STRING_FUNCTIONS_H
#define EXO_EXPRESSION_STRING_FUNCTIONS_H

#include "schemas/expression/functions.h"

/* text.contains(part), .startsWith(part), .endsWith(part): bool */
function_apply string_contains;
function_apply string_starts_with;
function_apply string_ends_with;

/* matches(text, pattern): bool; whether the pattern stands anywhere in the text */
function_apply string_matches;

/* text.charAt(position): the character, "" at the end */
function_apply string_char_at;

/* text.indexOf(part[, from]), .lastIndexOf(part[, from]): the position, or -1 */
function_apply string_index_of;
function_apply string_last_index_of;

/* texts.join([between]): one string */
function_apply string_join;

/* text.lowerAscii(), .upperAscii(), .reverse(), .trim() */
function_apply string_lower_ascii;
function_apply string_upper_ascii;
function_apply string_reverse;
function_apply string_trim;

/* text.replace(part, by[, count]), text.split(between[, count]), text.substring(from[, to]) */
function_apply string_replace;
function_apply string_split;
function_apply string_substring;

#endif /* EXO_EXPRESSION_STRING_FUNCTIONS_H */
