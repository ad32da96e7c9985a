#include "infra/http/sse.h"

#include <string.h>

static void append_field(struct buffer *buffer, const char *name, struct span value)
{
    buffer_text(buffer, name);
    buffer_text(buffer, ": ");
    buffer_append(buffer, value);
    buffer_text(buffer, "\n");
}

void sse_append(struct buffer *buffer, const struct sse_event *event)
{
    const char *data = event->data.data;
    size_t left = event->data.bytes;

    if (event->id != NULL && event->id[0] != '\0') {
        append_field(buffer, "id", span_of(event->id));
    }
    if (event->event != NULL && event->event[0] != '\0') {
        append_field(buffer, "event", span_of(event->event));
    }
    while (left > 0) {
        const char *end = memchr(data, '\n', left);
        size_t bytes = end == NULL ? left : (size_t)(end - data);

        append_field(buffer, "data", (struct span){data, bytes});
        if (end == NULL) {
            break;
        }
        data = end + 1;
        left -= bytes + 1;
        if (left == 0) {
            append_field(buffer, "data", (struct span){NULL, 0});
        }
    }
    if (event->data.bytes == 0) {
        append_field(buffer, "data", (struct span){NULL, 0});
    }
    buffer_text(buffer, "\n");
}

void sse_reader_init(struct sse_reader *reader, struct allocator allocator, size_t event_bytes_max)
{
    *reader = (struct sse_reader){0};
    buffer_init(&reader->line, allocator, event_bytes_max + SSE_NAME_BYTES);
    buffer_init(&reader->data, allocator, event_bytes_max + 1);
}

void sse_reader_release(struct sse_reader *reader)
{
    buffer_release(&reader->line);
    buffer_release(&reader->data);
}

/* A name too long for us is no name of ours. */
static void keep_name(char ret_name[SSE_NAME_BYTES], struct span value)
{
    ret_name[0] = '\0';
    if (value.bytes < SSE_NAME_BYTES && value.bytes > 0) {
        memcpy(ret_name, value.data, value.bytes);
        ret_name[value.bytes] = '\0';
    }
}

static void take_field(struct sse_reader *reader, struct span name, struct span value)
{
    if (span_is(name, "data")) {
        buffer_append(&reader->data, value);
        buffer_text(&reader->data, "\n");
        reader->has_data = true;
    } else if (span_is(name, "event")) {
        keep_name(reader->event, value);
    } else if (span_is(name, "id") &&
               (value.bytes == 0 || memchr(value.data, '\0', value.bytes) == NULL)) {
        keep_name(reader->id, value);
    }
}

static void end_event(struct sse_reader *reader,
                      void (*call)(void *argument, const struct sse_event *event), void *argument)
{
    if (reader->has_data) {
        struct span data = {reader->data.data, reader->data.bytes - 1}; /* less the last break */
        struct sse_event event = {
            .id = reader->id,
            .event = reader->event[0] == '\0' ? "message" : reader->event,
            .data = data,
        };

        call(argument, &event);
    }
    buffer_reset(&reader->data);
    reader->has_data = false;
    reader->event[0] = '\0';
}

static void take_line(struct sse_reader *reader,
                      void (*call)(void *argument, const struct sse_event *event), void *argument)
{
    struct span line = buffer_span(&reader->line);

    if (line.bytes == 0) {
        end_event(reader, call, argument);
        return;
    }
    const char *text = line.data;
    const char *colon = memchr(text, ':', line.bytes);
    struct span name = {text, colon == NULL ? line.bytes : (size_t)(colon - text)};
    struct span value = {NULL, 0};

    if (colon != NULL) {
        size_t start = name.bytes + 1;

        start += start < line.bytes && text[start] == ' ' ? 1 : 0;
        value = (struct span){text + start, line.bytes - start};
    }
    take_field(reader, name, value); /* a comment has an empty name and is no field of ours */
}

int sse_feed(struct sse_reader *reader, struct span bytes,
             void (*call)(void *argument, const struct sse_event *event), void *argument)
{
    const char *text = bytes.data;
    size_t start = 0;

    for (size_t i = 0; i < bytes.bytes && !reader->is_failed; i++) {
        bool is_break = text[i] == '\n' || text[i] == '\r';

        if (!is_break) {
            reader->skips_line_feed = false;
            continue;
        }
        if (text[i] == '\n' && reader->skips_line_feed) {
            reader->skips_line_feed = false;
            start = i + 1;
            continue;
        }
        reader->skips_line_feed = text[i] == '\r';
        buffer_append(&reader->line, (struct span){text + start, i - start});
        if (!reader->line.is_failed) {
            take_line(reader, call, argument);
        }
        reader->is_failed = reader->line.is_failed || reader->data.is_failed;
        buffer_reset(&reader->line);
        start = i + 1;
    }
    if (start < bytes.bytes && !reader->is_failed) {
        buffer_append(&reader->line, (struct span){text + start, bytes.bytes - start});
        reader->is_failed = reader->line.is_failed;
    }
    return reader->is_failed ? -1 : 0;
}
