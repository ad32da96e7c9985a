#include "producer/http/outflow.h"

void outflow_init(struct outflow *flow, struct exchange *x, void (*make)(struct outflow *flow))
{
    *flow = (struct outflow){.x = x, .make = make};
    buffer_init(&flow->piece, allocator_heap(&x->budget), 0);
}

void outflow_release(struct outflow *flow)
{
    buffer_release(&flow->piece);
}

/* False when the client's buffer is full, or the client gone. */
static bool send_piece(struct outflow *flow)
{
    while (flow->sent_bytes < flow->piece.bytes) {
        size_t left = flow->piece.bytes - flow->sent_bytes;
        size_t room = http_stream_room(flow->x->request);
        size_t bytes = left < room ? left : room;

        if (bytes == 0 ||
            http_stream_write(flow->x->request,
                              (struct span){flow->piece.data + flow->sent_bytes, bytes}) != 0) {
            return false;
        }
        flow->sent_bytes += bytes;
    }
    return true;
}

static void pump(struct outflow *flow)
{
    flow->is_pumping = true;
    while (!flow->is_making && send_piece(flow)) {
        if (flow->is_ended) {
            exchange_stream_end(flow->x);
            return;
        }
        if (flow->piece.capacity_bytes > 16 * (size_t)OUTFLOW_PIECE_BYTES) {
            buffer_release(&flow->piece);
        }
        buffer_reset(&flow->piece);
        flow->sent_bytes = 0;
        flow->is_making = true;
        flow->make(flow);
    }
    flow->is_pumping = false;
}

void outflow_made(struct outflow *flow)
{
    flow->is_making = false;
    if (!flow->is_pumping) {
        pump(flow);
    }
}

static void on_drained(struct exchange *x)
{
    struct outflow *flow = x->state;

    if (!flow->is_pumping) {
        pump(flow);
    }
}

void outflow_begin(struct outflow *flow, const char *content_type)
{
    exchange_stream(flow->x, content_type, on_drained);
    pump(flow);
}
