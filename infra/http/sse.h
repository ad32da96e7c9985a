/* sse: server-sent events as bytes, written and read (WHATWG HTML, 9.2).
 *
 *   id: 42
 *   event: task
 *   data: {"state":"SUCCEEDED"}
 *
 * Pure: reads and writes given bytes; memory from the given allocator only. */
#ifndef EXO_INFRA_HTTP_SSE_H
#define EXO_INFRA_HTTP_SSE_H

#include "schemas/vocab/buffer.h"

#define SSE_CONTENT_TYPE "text/event-stream"

/* A comment that keeps a quiet connection open; readers drop it. */
#define SSE_KEEPALIVE ":\n\n"

enum { SSE_NAME_BYTES = 64 };

/* One event. All borrowed for the call. */
struct sse_event {
    const char *id;    /* NULL or "": none; no line break */
    const char *event; /* NULL or "": "message"; no line break */
    struct span data;  /* may hold line breaks */
};

/* sse_append appends one event to a buffer; the caller checks buffer->is_failed. */
void sse_append(struct buffer *buffer, const struct sse_event *event);

/* Puts pieces of a stream together. */
struct sse_reader {
    struct buffer line;      /* of a line whose end has not come */
    struct buffer data;      /* of the event whose end has not come */
    char id[SSE_NAME_BYTES]; /* the last one, kept over events as the standard asks */
    char event[SSE_NAME_BYTES];
    bool has_data;
    bool is_failed;       /* an event was above the bound; stays */
    bool skips_line_feed; /* the line before ended in a carriage return */
};

/* sse_reader_init makes a reader.
 * event_bytes_max  bound of one event's data and of one line */
void sse_reader_init(struct sse_reader *reader, struct allocator allocator, size_t event_bytes_max);

/* sse_reader_release frees what it holds. */
void sse_reader_release(struct sse_reader *reader);

/* sse_feed takes the next bytes and calls once for each event that is whole with them; its strings
 * are borrowed for that call.
 * Returns 0, or -1 when an event is above the bound (no later one is told either). */
EXO_CHECKED int sse_feed(struct sse_reader *reader, struct span bytes,
                         void (*call)(void *argument, const struct sse_event *event),
                         void *argument);

#endif /* EXO_INFRA_HTTP_SSE_H */
