/* span: bytes that somebody else owns.
 *
 * Pure. A span never ends in a NUL that counts; {NULL, 0} is the empty one. */
#ifndef EXO_VOCAB_SPAN_H
#define EXO_VOCAB_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const void *data; /* borrowed; may be NULL only when bytes is 0 */
    size_t bytes;
};

/* span_of names the bytes of a C string without its NUL. Borrows text. */
static inline struct span span_of(const char *text)
{
    return (struct span){text, text == NULL ? 0 : strlen(text)};
}

/* span_equal is true when both hold the same bytes. */
static inline bool span_equal(struct span a, struct span b)
{
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

/* span_is is true when the span holds exactly the text. */
static inline bool span_is(struct span a, const char *text)
{
    return span_equal(a, span_of(text));
}

/* For printf's "%.*s": SPAN_ARG(s) gives both arguments. */
#define SPAN_ARG(s) (int)(s).bytes, (const char *)(s).data

#endif /* EXO_VOCAB_SPAN_H */
