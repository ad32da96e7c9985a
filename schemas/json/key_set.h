/* key_set: does a key stand twice in a map.
 *
 * Pure. */
#ifndef EXO_JSON_KEY_SET_H
#define EXO_JSON_KEY_SET_H

#include <stdbool.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/value.h"

/* key_set_check looks for a key that an earlier member of the map has too.
 *
 * map        borrowed; a VALUE_MAP
 * allocator  gives scratch memory for maps of more than a few members
 * ret_twice  out; the first such key in source order, a part of map, or NULL
 * Cost O(n log n) comparisons whatever the keys are, so that no chosen keys make it slow.
 *
 * Returns false, leaving *ret_twice as it was, when there is no memory. */
EXO_CHECKED bool key_set_check(const struct value *map, struct allocator allocator,
                               const struct value **ret_twice);

#endif /* EXO_JSON_KEY_SET_H */
