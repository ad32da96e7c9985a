#include "schemas/vocab/buffer.h"

#include <string.h>

void buffer_init(struct buffer *buffer, struct allocator allocator, size_t limit_bytes)
{
    *buffer = (struct buffer){.allocator = allocator, .limit_bytes = limit_bytes};
}

void buffer_release(struct buffer *buffer)
{
    if (buffer->data != NULL) {
        (void)buffer->allocator.resize(buffer->allocator.context, buffer->data,
                                       buffer->capacity_bytes, 0);
    }
    buffer->data = NULL;
    buffer->bytes = 0;
    buffer->capacity_bytes = 0;
    buffer->is_failed = false;
    buffer->is_too_long = false;
}

void buffer_reset(struct buffer *buffer)
{
    buffer->bytes = 0;
    buffer->is_failed = false;
    buffer->is_too_long = false;
}

static bool buffer_grow(struct buffer *buffer, size_t needed_bytes)
{
    size_t capacity = buffer->capacity_bytes < 256 ? 256 : buffer->capacity_bytes;

    while (capacity < needed_bytes) {
        capacity *= 2;
    }
    void *moved = buffer->allocator.resize(buffer->allocator.context, buffer->data,
                                           buffer->capacity_bytes, capacity);

    if (moved == NULL) {
        return false;
    }
    buffer->data = moved;
    buffer->capacity_bytes = capacity;
    return true;
}

void buffer_append(struct buffer *buffer, struct span source)
{
    if (buffer->is_failed || source.bytes == 0) {
        return;
    }
    size_t needed = buffer->bytes + source.bytes;

    buffer->is_too_long = buffer->limit_bytes != 0 && needed > buffer->limit_bytes;
    if (buffer->is_too_long || needed < source.bytes || needed > SIZE_MAX / 4 ||
        (needed > buffer->capacity_bytes && !buffer_grow(buffer, needed))) {
        buffer->is_failed = true;
        return;
    }
    memcpy(buffer->data + buffer->bytes, source.data, source.bytes);
    buffer->bytes = needed;
}

void buffer_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, span_of(text));
}
