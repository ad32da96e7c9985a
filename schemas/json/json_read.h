/* json_read: a JSON text becomes a value.
 *
 *   text --> json_read --> struct value in an arena, each with its line and column
 *
 * Strict RFC 8259: UTF-8 is checked, a key may stand once in a map, nothing may follow the value.
 * Our own reader (docs/adr/0002-own-json-reader.md) because values live in an arena, know where
 * they stood in the text, and a map with a key twice is refused.
 *
 * Pure. Uses strtod for the rare number that needs it; the program never calls setlocale. */
#ifndef EXO_JSON_READ_H
#define EXO_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/value.h"

enum { JSON_DEPTH_MOST = 256, JSON_ERROR_TEXT_BYTES = 160 };

enum json_err {
    JSON_OK = 0,
    JSON_ESYNTAX = -1, /* not the JSON we take; trying again gives the same */
    JSON_ELIMIT = -2,  /* too deep or too long; the text names the limit */
    JSON_EMEMORY = -3, /* the arena's bound is reached */
};

struct json_limits {
    size_t text_bytes_max; /* 0: UINT32_MAX */
    uint32_t depth_max;    /* nested lists and maps; 0: LIMIT_JSON_DEPTH; <= JSON_DEPTH_MOST */
    bool borrows_text;     /* strings without escapes point into the text, which must then live
                            * as long as the value; else every string is copied, with a NUL */
};

struct json_error {
    uint32_t line;                    /* from 1 */
    uint32_t column;                  /* from 1, in bytes */
    char text[JSON_ERROR_TEXT_BYTES]; /* what is wrong, one sentence; NUL-terminated */
};

/* json_read reads one value.
 *
 * A number without fraction and exponent that fits int64 becomes VALUE_INT, every other one
 * VALUE_DOUBLE; one too large for a double is refused.
 *
 * text       borrowed for the call, or as long as *ret_value (limits->borrows_text)
 * limits     borrowed; NULL means all defaults
 * arena      borrowed; the value lives there. What a failed call took stays until its reset
 * ret_value  out; untouched on failure
 * ret_error  out; filled on failure only
 * Cost O(bytes), and O(n log n) in the members of one map.
 *
 * Returns JSON_OK, or JSON_ESYNTAX, JSON_ELIMIT, JSON_EMEMORY. Source: RFC 8259. */
EXO_CHECKED enum json_err json_read(struct span text, const struct json_limits *limits,
                                    struct arena *arena, struct value *ret_value,
                                    struct json_error *ret_error);

#endif /* EXO_JSON_READ_H */
