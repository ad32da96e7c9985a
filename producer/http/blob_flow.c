#include "producer/http/blob_flow.h"

#include <stdio.h>

#include "producer/http/outflow.h"

struct blob_flow {
    struct outflow out; /* first */
    struct blob_get *get;
    const char *content_type, *what;
    bool is_stream;
};

static void cleanup(struct exchange *x)
{
    struct blob_flow *flow = x->state;

    blob_get_cancel(flow->get);
    flow->get = NULL;
    outflow_release(&flow->out);
}

/* The client has taken all that was read. */
static void make(struct outflow *out)
{
    struct blob_flow *flow = (struct blob_flow *)out;

    blob_get_resume(flow->get);
}

static void answer_head(struct blob_flow *flow, uint64_t bytes)
{
    char number[32];
    struct http_header header = {"X-Exosphere-Bytes", number};

    (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)bytes);
    buffer_reset(&flow->out.x->text);
    exchange_send(flow->out.x, 200, flow->content_type, &header, 1);
}

static void on_size(void *argument, uint64_t bytes)
{
    struct blob_flow *flow = argument;

    if (strcmp(http_method(flow->out.x->request), "HEAD") == 0) {
        answer_head(flow, bytes);
        return;
    }
    flow->is_stream = bytes > BLOB_STORE_BYTES_MAX;
    if (flow->is_stream) {
        outflow_begin(&flow->out, flow->content_type);
    }
}

static void on_data(void *argument, struct span bytes)
{
    struct blob_flow *flow = argument;

    if (flow->is_stream) {
        blob_get_pause(flow->get);
        buffer_append(&flow->out.piece, bytes);
        outflow_made(&flow->out);
    } else {
        buffer_append(&flow->out.x->text, bytes);
    }
}

static void failed(struct blob_flow *flow, const struct exo_error *err)
{
    struct exchange *x = flow->out.x;

    if (flow->is_stream) {
        exchange_stream_break(x);
    } else if (err->code == EXO_ENOTFOUND) {
        exchange_problem(x, 404, "there is no %s", flow->what);
    } else {
        exchange_error(x, "the blobs", err);
    }
}

static void on_done(void *argument, const struct exo_error *err)
{
    struct blob_flow *flow = argument;

    flow->get = NULL;
    if (err != NULL) {
        failed(flow, err);
    } else if (flow->is_stream) {
        flow->out.is_ended = true;
        outflow_made(&flow->out);
    } else {
        exchange_send(flow->out.x, 200, flow->content_type, NULL, 0);
    }
}

void blob_flow_begin(struct exchange *x, const struct digest *digest, const char *content_type,
                     const char *what)
{
    struct blob_flow *flow = exchange_alloc(x, sizeof(*flow));
    const struct blob_get_events events = {on_size, on_data, on_done, flow};

    flow->content_type = content_type;
    flow->what = what;
    outflow_init(&flow->out, x, make);
    x->state = flow;
    x->cleanup = cleanup;
    buffer_reset(&x->text);
    flow->get = blob_get_begin(x->api->blobs, digest, &events);
}
