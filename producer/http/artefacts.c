/* artefacts: what tasks left in /exosphere/artefacts: listed and downloaded by people, found by
 * attempts that need them. */
#include "infra/archive/package.h"
#include "infra/crypto/crypto.h"
#include "producer/core/output_page.h"
#include "producer/http/blob_flow.h"
#include "producer/http/handlers.h"
#include "producer/http/map_reading.h"
#include "producer/http/task_reading.h"
#include "schemas/vocab/limits.h"

/* ---- for people ---- */

/* The package's beginning on its way. */
struct index_flow {
    struct exchange *x;
    struct blob_get *get;
    const struct wire_output *output;
};

static void index_cleanup(struct exchange *x)
{
    struct index_flow *flow = x->state;

    blob_get_cancel(flow->get);
    flow->get = NULL;
}

/* {"files": [...], "bytes": n} becomes {"digest": ..., "package_bytes": ..., "files": ...}. */
static void index_send(struct index_flow *flow, size_t bytes)
{
    struct exchange *x = flow->x;
    struct span index = exchange_copy(
        x, (struct span){x->text.data + PACKAGE_HEAD_BYTES, bytes - PACKAGE_HEAD_BYTES});
    char digest[SHA256_TEXT_BYTES + 1];
    struct json_writer w = exchange_json(x);

    digest_format(&flow->output->artefacts_digest, digest);
    json_begin_map(&w);
    json_key(&w, "attempt");
    json_put_uint(&w, flow->output->attempt);
    json_key(&w, "digest");
    json_put_text(&w, digest);
    json_key(&w, "package_bytes");
    json_put_uint(&w, flow->output->artefacts_bytes);
    buffer_text(&x->text, ",");
    buffer_append(&x->text, (struct span){(const char *)index.data + 1, index.bytes - 1});
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_data(void *argument, struct span bytes)
{
    struct index_flow *flow = argument;
    struct exchange *x = flow->x;
    size_t room = PACKAGE_HEAD_BYTES + PACKAGE_INDEX_BYTES_MAX - x->text.bytes;

    buffer_append(&x->text, (struct span){bytes.data, bytes.bytes < room ? bytes.bytes : room});
    if (x->text.bytes < PACKAGE_HEAD_BYTES) {
        return;
    }
    size_t wanted = package_index_bytes(buffer_span(&x->text));

    if (wanted <= PACKAGE_HEAD_BYTES + 1) {
        exchange_problem(x, 500, "the package of these artefacts cannot be read");
    } else if (x->text.bytes >= wanted) {
        index_send(flow, wanted);
    }
}

static void on_done(void *argument, const struct exo_error *err)
{
    struct index_flow *flow = argument;

    flow->get = NULL;
    if (err == NULL) {
        exchange_problem(flow->x, 500, "the package of these artefacts is cut short");
    } else if (err->code == EXO_ENOTFOUND) {
        exchange_problem(flow->x, 404, "these artefacts have been deleted");
    } else {
        exchange_error(flow->x, "the blobs", err);
    }
}

static void index_begin(struct exchange *x, const struct wire_output *output)
{
    struct index_flow *flow = exchange_alloc(x, sizeof(*flow));
    const struct blob_get_events events = {NULL, on_data, on_done, flow};

    *flow = (struct index_flow){.x = x, .output = output};
    x->state = flow;
    x->cleanup = index_cleanup;
    buffer_reset(&x->text);
    flow->get = blob_get_begin(x->api->blobs, &output->artefacts_digest, &events);
}

static void on_task(struct exchange *x, const struct task_read *task)
{
    const struct wire_output *found = NULL;

    for (uint32_t i = 0; i < task->output_count; i++) {
        const struct wire_output *output = task->outputs[i];

        if (output->has_artefacts && (found == NULL || output->attempt > found->attempt)) {
            found = output;
        }
    }
    if (found == NULL) {
        exchange_problem(x, 404, "`%.*s` is %s and has left no artefacts",
                         SPAN_ARG(route_parameter(x, 1)), task_state_name(task->view.state));
    } else if (http_query(x->request, "download").data != NULL) {
        blob_flow_begin(x, &found->artefacts_digest, "application/zstd", "such package any more");
    } else {
        index_begin(x, found);
    }
}

void artefacts_get(struct exchange *x)
{
    task_reading_begin(x, on_task);
}

/* ---- for attempts ---- */

enum { PAGES_MAX = (LIMIT_ARTEFACT_MAP_TASKS - 1) / WIRE_PAGE_TASKS + 1 };

/* A map whose tasks' artefacts are looked up. */
struct map_look {
    struct exchange *x;
    uint32_t task_count;
    bool is_kept; /* another execution ran it */
};

static void digests_send(struct exchange *x, const struct output_page *pages, uint32_t task_count)
{
    struct json_writer w = exchange_json(x);

    json_begin_list(&w);
    for (uint32_t i = 0; i < task_count; i++) {
        const struct output_page *page = &pages[i / WIRE_PAGE_TASKS];
        const struct wire_output *output = &page->outputs[i % WIRE_PAGE_TASKS];
        char digest[SHA256_TEXT_BYTES + 1];

        if (page->has_output[i % WIRE_PAGE_TASKS] && output->has_artefacts) {
            digest_format(&output->artefacts_digest, digest);
            json_put_text(&w, digest);
        } else {
            json_put_null(&w);
        }
    }
    json_end_list(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                        const struct exo_error *err)
{
    struct map_look *look = argument;
    struct exchange *x = look->x;

    if (!exchange_back_with(x, err)) {
        return;
    }
    if (count == 0 && look->is_kept) {
        exchange_problem(x, 404,
                         "the execution that ran this map has been deleted, and what it left");
        return;
    }
    struct output_page *pages = exchange_alloc(x, PAGES_MAX * sizeof(*pages));

    for (uint32_t i = 0; i < count; i++) {
        if (segments[i].page >= PAGES_MAX ||
            !output_page_add(&pages[segments[i].page], exchange_copy(x, segments[i].body),
                             &x->arena)) {
            exchange_problem(x, 500, "an output in the store cannot be read by this version");
            return;
        }
    }
    digests_send(x, pages, look->task_count);
}

static void on_map(struct exchange *x, const struct list_source *source)
{
    uint32_t task_count = source->instance->task_count;

    if (task_count > LIMIT_ARTEFACT_MAP_TASKS) {
        exchange_problem(x, 413, "the artefacts of a map are listed for %d tasks at most",
                         LIMIT_ARTEFACT_MAP_TASKS);
        return;
    }
    struct read_home home = reading_home(&source->execution, source->number, source->instance);
    struct map_look *look = exchange_alloc(x, sizeof(*look));

    *look = (struct map_look){x, task_count, source->instance->has_origin};
    (void)exchange_wait(x);
    store_segment_get(x->api->store, &home.execution, home.number, 0, 0, PAGES_MAX, on_segments,
                      look);
}

void list_artefacts_get(struct exchange *x)
{
    map_reading_begin(x, on_map);
}
