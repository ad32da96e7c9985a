/* input_pattern: `pattern` of a declared input, a regular expression of RE2 that stands somewhere
 * in its text, as with matches().
 *
 * Pure; a compiled pattern lives for one call. */
#ifndef EXO_CLUSTER_INPUT_PATTERN_H
#define EXO_CLUSTER_INPUT_PATTERN_H

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/field.h"

enum { INPUT_PATTERN_INSTRUCTIONS_MAX = 2000 /* a text costs so many steps a byte at most */ };

/* input_pattern_check adds a fault for a pattern that RE2 does not take, that is too large, or that
 * stands at an input of another type than string.
 *
 * input      borrowed; with a pattern
 * at         the pattern as written; place: of it
 * cost_left  in and out, what the patterns of one file may cost to check (EXPRESSION_PATTERNS_MAX)
 *
 * Returns false after a fault. */
bool input_pattern_check(struct field_reader *r, const struct cluster_input *input,
                         const struct value *at, const struct value_place *place,
                         uint64_t *cost_left);

/* input_pattern_fits is true when the pattern, which passed input_pattern_check, stands in the
 * text; without memory false, with r->is_out_of_memory set. Compiles it: about 20 us. */
bool input_pattern_fits(struct field_reader *r, struct span pattern, struct span text);

#endif /* EXO_CLUSTER_INPUT_PATTERN_H */
