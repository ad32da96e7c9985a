/* yaml_write: a value becomes a YAML text for people, in block style.
 *
 *   {"a": [1, {"b": "x y"}]}  -->  a:
 *                                    - 1
 *                                    - b: x y
 *
 * yaml_read gives the same value back. Pure: memory comes from the buffer's allocator. */
#ifndef EXO_YAML_WRITE_H
#define EXO_YAML_WRITE_H

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/value.h"

/* yaml_write appends a value; ends with a newline.
 * value  borrowed; its doubles are finite (asserted), nested at most some hundred deep
 * The caller checks buffer->is_failed. */
void yaml_write(struct buffer *buffer, const struct value *value);

#endif /* EXO_YAML_WRITE_H */
