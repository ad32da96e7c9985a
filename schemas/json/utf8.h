/* utf8: the bytes of Unicode text.
 *
 * Pure. */
#ifndef EXO_JSON_UTF8_H
#define EXO_JSON_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/vocab/span.h"

enum { UTF8_BYTES_MAX = 4 };

/* utf8_sequence gives the length of the well-formed character at the start of bytes: 1 .. 4, or 0
 * when there is none (a stray or missing byte, an overlong form, a surrogate, above U+10FFFF).
 * bytes  count of them may be read; count >= 1
 * Source: Unicode 15, table 3-7. */
size_t utf8_sequence(const unsigned char *bytes, size_t count);

/* utf8_encode writes a code point that is not a surrogate and at most 0x10ffff.
 * ret_bytes  out, UTF8_BYTES_MAX of room
 * Returns the bytes written, 1 .. 4. */
size_t utf8_encode(uint32_t code_point, unsigned char *ret_bytes);

/* utf8_is_valid is true when the whole text is well-formed. */
bool utf8_is_valid(struct span text);

/* utf8_repair makes a text well-formed in place, for what only people read: each byte that begins
 * no character becomes '?', each NUL a space. A database refuses the whole row otherwise. text
 * bytes of them; changed, its length is not */
void utf8_repair(char *text, size_t bytes);

/* utf8_count counts the code points of well-formed text. */
size_t utf8_count(struct span text);

#endif /* EXO_JSON_UTF8_H */
