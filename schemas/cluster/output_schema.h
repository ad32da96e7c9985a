/* output_schema: what a satellite promises of its output, a subset of JSON Schema 2020-12.
 *
 * Understood: type, enum, const, required, properties, additionalProperties (true or false), items,
 * minimum, maximum, minLength, maxLength, minItems, maxItems. Of no effect: title, description,
 * default, examples, deprecated, $schema, $id, $comment. Every other keyword is refused by
 * output_schema_check, so that a promise is never silently not kept.
 *
 * Pure. */
#ifndef EXO_CLUSTER_OUTPUT_SCHEMA_H
#define EXO_CLUSTER_OUTPUT_SCHEMA_H

#include "schemas/expression/value_template.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/vocab/value.h"

/* output_schema_check refuses a schema that we could not apply.
 *
 * schema  borrowed; {} and true take everything
 * place   where the schema stands, for the paths of faults; borrowed
 * faults  borrowed; every fault at once
 *
 * Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int output_schema_check(const struct value *schema, const struct value_place *place,
                                    struct fault_list *faults);

/* output_schema_apply checks an output.
 *
 * schema  borrowed; has passed output_schema_check
 * output  borrowed
 * faults  borrowed; what does not fit, with paths such as output.words[3].count
 *
 * Cost O(schema * output) at most. Returns 0, or -1 with at least one error counted in faults. */
EXO_CHECKED int output_schema_apply(const struct value *schema, const struct value *output,
                                    struct fault_list *faults);

#endif /* EXO_CLUSTER_OUTPUT_SCHEMA_H */
