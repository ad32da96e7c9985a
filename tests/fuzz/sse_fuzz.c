/* Server-sent events as a hostile server would send them, in pieces: whatever comes, what is told
 * is within the bound, and the pieces do not change it. */
#include <stdlib.h>

#include "infra/http/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { EVENT_BYTES_MAX = 64 };

struct told {
    uint64_t hash;
    size_t count;
};

static void tell(void *argument, const struct sse_event *event)
{
    struct told *told = argument;
    const unsigned char *text = event->data.data;

    if (event->data.bytes > EVENT_BYTES_MAX) {
        abort();
    }
    for (size_t i = 0; i < event->data.bytes; i++) {
        told->hash = told->hash * 31 + text[i];
    }
    told->hash = told->hash * 31 + strlen(event->id) * 7 + strlen(event->event);
    told->count++;
}

static struct told read_in_pieces(const uint8_t *data, size_t bytes, size_t piece)
{
    struct heap_budget budget = {.limit_bytes = 0};
    struct sse_reader reader;
    struct told told = {0};

    sse_reader_init(&reader, allocator_heap(&budget), EVENT_BYTES_MAX);
    for (size_t at = 0; at < bytes; at += piece) {
        size_t take = bytes - at < piece ? bytes - at : piece;

        if (sse_feed(&reader, (struct span){data + at, take}, tell, &told) != 0) {
            break;
        }
    }
    sse_reader_release(&reader);
    if (budget.used_bytes != 0) {
        abort();
    }
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct told whole = read_in_pieces(data, bytes, bytes + 1);
    struct told pieces = read_in_pieces(data, bytes, 1 + bytes % 5);

    if (whole.count != pieces.count || whole.hash != pieces.hash) {
        abort();
    }
    return 0;
}
