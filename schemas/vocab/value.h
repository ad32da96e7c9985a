/* value: a JSON-shaped value, immutable, in somebody's arena; inside expressions also instants,
 * lengths of time and types, which become strings where JSON is written.
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
    VALUE_MAP,       /* keys are strings, unique, in source order */
    VALUE_TIMESTAMP, /* integer: seconds since 1970; count: nanoseconds of that second */
    VALUE_DURATION,  /* integer: nanoseconds */
    VALUE_TYPE,      /* integer: the value_kind it is the type of */
    VALUE_KIND_NR,
};

struct value_member;

struct value {
    enum value_kind kind;
    uint32_t count;  /* list items, map members, bytes of the string, or as said above */
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

/* value_timestamp is an instant.
 * seconds  since 1970, INSTANT_SECONDS_MIN .. MAX; nanos: 0 .. 999,999,999 */
static inline struct value value_timestamp(int64_t seconds, uint32_t nanos)
{
    return (struct value){.kind = VALUE_TIMESTAMP, .count = nanos, .integer = seconds};
}

/* value_timestamp_ms is an instant in whole milliseconds since 1970, not before it. */
static inline struct value value_timestamp_ms(int64_t ms)
{
    return value_timestamp(ms / 1000, (uint32_t)(ms % 1000) * 1000000);
}

static inline struct value value_duration(int64_t ns)
{
    return (struct value){.kind = VALUE_DURATION, .integer = ns};
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
 * "map", "timestamp", "duration", "type". */
const char *value_kind_name(enum value_kind kind);

/* value_type_name returns what CEL calls the type of a kind: the same word, but "null_type",
 * "google.protobuf.Timestamp" and "google.protobuf.Duration". */
const char *value_type_name(enum value_kind kind);

#endif /* EXO_VOCAB_VALUE_H */
