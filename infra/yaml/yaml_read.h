/* yaml_read: a YAML text that a person wrote becomes a value; sole user of libyaml.
 *
 *   text --> text_read --+-- begins with { or [ --> json_read --+--> struct value, faults
 *                        +-- anything else ------> yaml_read ---+
 *
 * YAML 1.2 core schema: null, true, false, numbers and strings; `no`, `on`, `yes` are strings.
 * One document. Anchors may be used, but what they expand to is counted and limited. Refused with a
 * fault that says what to write instead: a key twice, a key that is not a string, merge keys (<<),
 * tags outside the core schema, .inf and .nan, a second document.
 *
 * Touches nothing but memory (libyaml's own malloc and the arena). */
#ifndef EXO_YAML_READ_H
#define EXO_YAML_READ_H

#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

struct yaml_limits {
    size_t text_bytes_max; /* 0: LIMIT_CLUSTER_BYTES */
    uint32_t depth_max;    /* nested lists and maps; 0: LIMIT_JSON_DEPTH; at most JSON_DEPTH_MOST */
    uint32_t nodes_max;    /* values with each alias counted as what it stands for; 0: 200,000 */
};

/* yaml_read reads one YAML document; an empty one is null. JSON is YAML, so it takes JSON too
 * (except surrogate pairs written as \u escapes, which YAML lacks: text_read takes those).
 *
 * text       borrowed for the call
 * limits     borrowed; NULL means all defaults
 * arena      borrowed; the value lives there. What a failed call took stays until its reset
 * ret_value  out; untouched on failure. A value that an alias named shares its parts; its own
 *            position is that of the alias
 * faults     borrowed; gets at least one error on failure. Duplicate and wrong keys are all listed,
 *            a syntax error ends the reading
 *
 * Returns 0, or -1 with faults. Source: YAML 1.2.2 section 10.3. */
EXO_CHECKED int yaml_read(struct span text, const struct yaml_limits *limits, struct arena *arena,
                          struct value *ret_value, struct fault_list *faults);

/* text_read is json_read where the first byte that is not blank is '{' or '[', else yaml_read;
 * arguments and result as yaml_read. A YAML text in flow style ({a: b}) must begin with --- . */
EXO_CHECKED int text_read(struct span text, const struct yaml_limits *limits, struct arena *arena,
                          struct value *ret_value, struct fault_list *faults);

#endif /* EXO_YAML_READ_H */
