/* value: a JSON-shaped value, immutable, in somebody's arena.
 *
 * What expressions compute, what JSON and YAML texts become. Integers and doubles are apart
 * (interfaces.md 2). Each value knows where in its source text it began, so that a fault can
 * point there; computed values have line 0.
 *
 * Pure. */
#ifndef EXO_VOCAB_VALUE_H
#define EXO_VOCAB_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/span.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_DOUBLE,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP, /* keys are strings, unique, in source order */
    VALUE_KIND_NR,
};

struct value_member;

struct value {
    enum value_kind kind;
    uint32_t count;  /* list items, map members, or bytes of the string */
    uint32_t line;   /* from 1 in the source text; 0: not from a text */
    uint32_t column; /* from 1, in bytes; of a string that is no key: where its text begins */
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *text;                   /* UTF-8, count bytes; a NUL byte may stand inside */
        const struct value *items;          /* count of them */
        const struct value_member *members; /* count of them */
    };
};

struct value_member {
    struct value key; /* VALUE_STRING, with its own position */
    struct value value;
};

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static inline struct value value_bool(bool boolean)
{
    return (struct value){.kind = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_int(int64_t integer)
{
    return (struct value){.kind = VALUE_INT, .integer = integer};
}

static inline struct value value_double(double number)
{
    return (struct value){.kind = VALUE_DOUBLE, .number = number};
}

/* value_string borrows the text for as long as the value lives. */
static inline struct value value_string(struct span text)
{
    return (struct value){
        .kind = VALUE_STRING, .count = (uint32_t)text.bytes, .text = (const char *)text.data};
}

/* value_text gives the bytes of a string value. */
static inline struct span value_text(const struct value *v)
{
    return (struct span){v->text, v->count};
}

/* value_member finds the member of a map by key; cost O(members).
 * Returns NULL when v is not a map or has no such key. */
const struct value *value_get(const struct value *v, struct span key);

/* value_equal is true when both are the same value: maps as sets of members, 1 and 1.0 equal. */
bool value_equal(const struct value *a, const struct value *b);

/* value_kind_name returns the word users see: "null", "bool", "int", "double", "string", "list",
 * "map". */
const char *value_kind_name(enum value_kind kind);

#endif /* EXO_VOCAB_VALUE_H */
