/* json_double: decimal text and doubles, each way exact, whatever the locale.
 *
 * Pure. Uses strtod and snprintf, on texts where no locale makes a difference. */
#ifndef EXO_JSON_DOUBLE_H
#define EXO_JSON_DOUBLE_H

#include <stdbool.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum { JSON_DOUBLE_TEXT_BYTES = 40 };

/* json_double_parse reads [+-] digits [. digits] [e [+-] digits] of any length, where the digits
 * on one side of the point may be missing; the nearest double, ties to even.
 * Returns false, leaving *ret_number as it was, for any other text and for what is too large for
 * a double; what is too small becomes 0. */
EXO_CHECKED bool json_double_parse(struct span text, double *ret_number);

/* json_double_format writes the fewest digits that json_double_parse reads back as the same
 * number, always with a point or an exponent (4.0, 1e+30).
 * number  finite (asserted) */
void json_double_format(double number, char ret_text[JSON_DOUBLE_TEXT_BYTES]);

#endif /* EXO_JSON_DOUBLE_H */
