/* body_split: where the members of a request's JSON body stand, without reading what they hold.
 *
 * A thousand submissions of one cluster bring the same text a thousand times: found by its bytes
 * it need not be read again (cluster_book.h). Only a hint: whatever is unusual is not split, and
 * json_read has the last word on the rest.
 *
 * Pure. */
#ifndef EXO_PRODUCER_BODY_SPLIT_H
#define EXO_PRODUCER_BODY_SPLIT_H

#include <stdbool.h>

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

/* body_member finds the value of one member of an object.
 *
 * text       borrowed
 * key        C string, borrowed
 * ret_value  out: the bytes of the value, an object or list, without blanks around it
 *
 * Returns false, leaving *ret_value as it was, when there is no such member, two of them, a key
 * written with an escape, a value of another kind, or no object at all. */
EXO_CHECKED bool body_member(struct span text, const char *key, struct span *ret_value);

/* body_without appends text with null in place of a value that body_member found in it. */
void body_without(struct span text, struct span value, struct buffer *buffer);

#endif /* EXO_PRODUCER_BODY_SPLIT_H */
