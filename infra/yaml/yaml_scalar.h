/* yaml_scalar: what a plain scalar means in YAML's core schema; for this folder only.
 *
 * Pure. */
#ifndef EXO_YAML_SCALAR_H
#define EXO_YAML_SCALAR_H

#include <stdbool.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

/* yaml_scalar_resolve gives null, true, false, a number, or the text itself as a string.
 *
 * text       borrowed as long as *ret_value is a string; UTF-8
 * ret_value  out; without a position; untouched on failure
 *
 * Returns NULL, or a static sentence when JSON has no form for it (.inf, .nan, 1e400).
 * Source: YAML 1.2.2 section 10.3.2. */
EXO_CHECKED const char *yaml_scalar_resolve(struct span text, struct value *ret_value);

#endif /* EXO_YAML_SCALAR_H */
