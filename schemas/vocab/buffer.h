/* buffer: bytes that grow at the end, from a given allocator.
 *
 * Pure: memory comes from the allocator only. */
#ifndef EXO_VOCAB_BUFFER_H
#define EXO_VOCAB_BUFFER_H

#include <stdint.h>

#include "schemas/vocab/arena.h"

struct buffer {
    struct allocator allocator;
    unsigned char *data;
    size_t bytes;
    size_t capacity_bytes;
    size_t limit_bytes; /* 0: only the allocator's bound */
    bool is_failed;     /* an append did not fit; stays until reset ... */
    bool is_too_long;   /* ... because of limit_bytes; else memory was missing */
};

/* buffer_init makes an empty buffer; allocates nothing. */
void buffer_init(struct buffer *buffer, struct allocator allocator, size_t limit_bytes);

/* buffer_release frees the bytes; the buffer may be used again. */
void buffer_release(struct buffer *buffer);

/* buffer_reset forgets the bytes and the failure, keeps the memory. */
void buffer_reset(struct buffer *buffer);

/* buffer_append copies a span to the end. After a failed append every later one does nothing,
 * so that a writer may check is_failed once at its end. */
void buffer_append(struct buffer *buffer, struct span source);

/* buffer_text appends a C string without its NUL. */
void buffer_text(struct buffer *buffer, const char *text);

/* buffer_span names the bytes; valid until the next append, reset or release. */
static inline struct span buffer_span(const struct buffer *buffer)
{
    return (struct span){buffer->data, buffer->bytes};
}

#endif /* EXO_VOCAB_BUFFER_H */
