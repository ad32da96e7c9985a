#include "producer/http/list_flow.h"

#include "producer/core/output_page.h"
#include "producer/http/outflow.h"

enum {
    PAGES_MAX = 8,
    CHUNK_BYTES_MAX = 512 << 20, /* of one chunk's segments: 8 pages of 256 outputs of 64 KiB */
    CHUNK_SMALL_BYTES = 2 << 20, /* below it the next chunk takes more pages */
    TRIES_MAX = 40,
};

static const exo_time try_again_ns = 250 * EXO_MILLISECOND;

struct list_flow {
    struct outflow out; /* first */
    struct read_home home;
    uint32_t task_count;
    bool is_kept;                    /* of another execution, which may have been deleted */
    uint32_t next;                   /* item to be written */
    uint32_t first_page, page_count; /* of the chunk */
    uint32_t wanted_pages;
    struct heap_budget budget;
    struct arena arena; /* of the chunk */
    struct output_page *pages;
    uint32_t tries;
    bool is_begun; /* the head has been sent */
};

static struct list_flow *flow_of(struct outflow *out)
{
    return (struct list_flow *)out;
}

static void cleanup(struct exchange *x)
{
    struct list_flow *flow = x->state;

    arena_release(&flow->arena);
    outflow_release(&flow->out);
}

static void load_chunk(struct list_flow *flow);
static void make(struct outflow *out);

static void on_again(void *argument)
{
    struct list_flow *flow = argument;

    if (exchange_back(flow->out.x)) {
        make(&flow->out);
    }
}

/* The store may be back soon; a client in the middle of a list can only be left without its end. */
static void failed(struct list_flow *flow, const struct exo_error *err)
{
    struct exchange *x = flow->out.x;

    if (!flow->is_begun) {
        exchange_error(x, "the store", err);
    } else if (err->code == EXO_ENOTFOUND || ++flow->tries > TRIES_MAX) {
        exchange_stream_break(x);
    } else {
        exchange_delay(x, try_again_ns, on_again, flow);
    }
}

static bool chunk_fold(struct list_flow *flow, const struct store_segment *segments, uint32_t count)
{
    arena_reset(&flow->arena);
    flow->pages = arena_alloc(&flow->arena, flow->wanted_pages * sizeof(*flow->pages));
    for (uint32_t i = 0; i < count && flow->pages != NULL; i++) {
        uint32_t page = segments[i].page - flow->first_page;
        struct span body = arena_copy(&flow->arena, segments[i].body);

        if (page >= flow->wanted_pages || body.data == NULL ||
            !output_page_add(&flow->pages[page], body, &flow->arena)) {
            return false;
        }
    }
    return flow->pages != NULL;
}

/* Every page of what was kept has outputs, unless they have been deleted. */
static bool is_gone(const struct list_flow *flow, const struct store_segment *segments,
                    uint32_t count)
{
    uint32_t page_end = (flow->task_count + WIRE_PAGE_TASKS - 1) / WIRE_PAGE_TASKS;
    uint32_t at = 0;

    for (uint32_t page = flow->first_page;
         flow->is_kept && page < flow->first_page + flow->wanted_pages && page < page_end; page++) {
        while (at < count && segments[at].page < page) {
            at++;
        }
        if (at == count || segments[at].page != page) {
            return true;
        }
    }
    return false;
}

static void on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                        const struct exo_error *err)
{
    struct list_flow *flow = argument;
    struct exo_error own;

    if (!exchange_back(flow->out.x)) {
        return;
    }
    if (err == NULL && is_gone(flow, segments, count)) {
        (void)exo_error_set(&own, EXO_ENOTFOUND,
                            "these outputs were kept of an execution that has been deleted since "
                            "(retention_executions); run the whole cluster again");
        err = &own;
    }
    if (err == NULL && !chunk_fold(flow, segments, count)) {
        (void)exo_error_set(&own, EXO_EINTERNAL, "an output cannot be read by this version");
        err = &own;
    }
    if (err != NULL) {
        failed(flow, err);
        return;
    }
    flow->tries = 0;
    flow->page_count = flow->wanted_pages;
    if (flow->arena.used_bytes < CHUNK_SMALL_BYTES && flow->wanted_pages < PAGES_MAX) {
        flow->wanted_pages *= 2;
    }
    if (flow->is_begun) {
        outflow_made(&flow->out);
    } else {
        flow->is_begun = true;
        outflow_begin(&flow->out, "application/json");
    }
}

static void load_chunk(struct list_flow *flow)
{
    struct exchange *x = flow->out.x;

    flow->page_count = 0;
    flow->first_page = flow->next / WIRE_PAGE_TASKS;
    (void)exchange_wait(x);
    store_segment_get(x->api->store, &flow->home.execution, flow->home.number, 0, flow->first_page,
                      flow->wanted_pages, on_segments, flow);
}

static void put_comma(struct list_flow *flow)
{
    if (flow->next > 0) {
        buffer_text(&flow->out.piece, ",");
    }
}

static void on_blob(void *argument, struct span bytes, const struct exo_error *err)
{
    struct list_flow *flow = argument;

    if (!exchange_back(flow->out.x)) {
        return;
    }
    if (err != NULL) {
        failed(flow, err);
        return;
    }
    put_comma(flow);
    buffer_append(&flow->out.piece, bytes);
    flow->tries = 0;
    flow->next++;
    outflow_made(&flow->out);
}

static void make(struct outflow *out)
{
    struct list_flow *flow = flow_of(out);
    struct buffer *piece = &out->piece;
    uint32_t end = (flow->first_page + flow->page_count) * WIRE_PAGE_TASKS;

    end = end < flow->task_count ? end : flow->task_count;
    if (flow->next == 0 && piece->bytes == 0) {
        buffer_text(piece, "[");
    }
    while (flow->next < end && piece->bytes < OUTFLOW_PIECE_BYTES) {
        const struct output_page *page =
            &flow->pages[flow->next / WIRE_PAGE_TASKS - flow->first_page];
        uint32_t place = flow->next % WIRE_PAGE_TASKS;
        const struct wire_output *output = &page->outputs[place];

        if (page->has_output[place] && output->has_ref) {
            (void)exchange_wait(out->x);
            store_blob_get(out->x->api->store, &output->ref_digest, on_blob, flow);
            return;
        }
        put_comma(flow);
        buffer_append(piece, page->has_output[place] ? output_json(output) : span_of("null"));
        flow->next++;
    }
    if (flow->next == flow->task_count) {
        buffer_text(piece, "]\n");
        out->is_ended = true;
        outflow_made(out);
    } else if (flow->next == end && piece->bytes == 0) {
        load_chunk(flow);
    } else {
        outflow_made(out);
    }
}

void list_flow_begin(struct exchange *x, const struct list_source *source)
{
    struct list_flow *flow = exchange_alloc(x, sizeof(*flow));

    flow->home = reading_home(&source->execution, source->number, source->instance);
    flow->is_kept = source->instance->has_origin;
    flow->task_count = source->instance->task_count;
    flow->wanted_pages = 1;
    arena_init(&flow->arena, allocator_heap(&flow->budget), CHUNK_BYTES_MAX);
    x->state = flow;
    outflow_init(&flow->out, x, make);
    x->cleanup = cleanup;
    load_chunk(flow);
}

/* ---- one output ---- */

struct one_output {
    uint32_t index;
};

static void on_one_blob(void *argument, struct span bytes, const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    buffer_reset(&x->text);
    buffer_append(&x->text, bytes);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void send_one(struct exchange *x, const struct wire_output *output)
{
    if (output != NULL && output->has_ref) {
        store_blob_get(x->api->store, &output->ref_digest, on_one_blob, exchange_wait(x));
        return;
    }
    buffer_reset(&x->text);
    buffer_append(&x->text, output == NULL ? span_of("null") : output_json(output));
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_one(void *argument, const struct store_segment *segments, uint32_t count,
                   const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    const struct one_output *one = x->state;
    struct output_page *page = exchange_alloc(x, sizeof(*page));
    uint32_t place = one->index % WIRE_PAGE_TASKS;

    for (uint32_t i = 0; i < count; i++) {
        if (!output_page_add(page, exchange_copy(x, segments[i].body), &x->arena)) {
            exchange_problem(x, 500, "an output in the store cannot be read by this version");
            return;
        }
    }
    send_one(x, page->has_output[place] ? &page->outputs[place] : NULL);
}

void output_send(struct exchange *x, const struct list_source *source, uint32_t index)
{
    const struct wire_instance *row = source->instance;
    struct one_output *one = exchange_alloc(x, sizeof(*one));

    if (row->has_result && row->result.outcome == OUTCOME_SUCCEEDED) {
        send_one(x, &row->result);
        return;
    }
    struct read_home home = reading_home(&source->execution, source->number, row);

    one->index = index;
    x->state = one;
    store_segment_get(x->api->store, &home.execution, home.number, 0,
                      row->is_map ? index / WIRE_PAGE_TASKS : WIRE_SINGLE_PAGE, 1, on_one,
                      exchange_wait(x));
}
