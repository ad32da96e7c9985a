/* fault_text: the words of one fault, made without stdio.
 *
 * Pure, allocates nothing: what does not fit is cut. */
#ifndef EXO_CLUSTER_FAULT_TEXT_H
#define EXO_CLUSTER_FAULT_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#include "schemas/expression/value_template.h"
#include "schemas/vocab/span.h"

enum { FAULT_TEXT_BYTES = 512, FAULT_QUOTE_BYTES = 80 };

struct fault_text {
    char bytes[FAULT_TEXT_BYTES]; /* NUL-terminated */
    size_t used;
};

/* fault_text_add appends by a format of its own:
 *   %s  a C string       %q  a struct span in backticks, cut at FAULT_QUOTE_BYTES, control
 *   %u  an unsigned          characters shown as ?
 *   %v  a const struct value *: a scalar, or the scalars of a list, as many as a quote holds
 *   %%  a percent sign */
void fault_text_add(struct fault_text *text, const char *format, ...);

/* fault_text_add_list is fault_text_add with the arguments as a list. */
void fault_text_add_list(struct fault_text *text, const char *format, va_list arguments);

/* fault_text_add_place appends a path such as cluster.satellites[2].env["a-b"]; an empty one for
 * NULL. */
void fault_text_add_place(struct fault_text *text, const struct value_place *place);

#endif /* EXO_CLUSTER_FAULT_TEXT_H */
