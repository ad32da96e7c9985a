/* internal: what attempts read and write through the API: blobs, and outputs of maps.
 *
 * A worker holds no credentials of the store; the token of an attempt says for which execution it
 * asks. A blob's name is its digest: who knows it may read it. */
#include "infra/crypto/crypto.h"
#include "producer/core/task_path.h"
#include "producer/http/blob_flow.h"
#include "producer/http/handlers.h"
#include "producer/http/list_flow.h"
#include "producer/http/map_reading.h"

static bool digest_of_path(struct exchange *x, struct digest *ret)
{
    if (digest_parse(route_parameter(x, 0), ret)) {
        return true;
    }
    exchange_problem(x, 404, "a blob is named by the 64 hexadecimal digits of its SHA-256");
    return false;
}

void blob_get(struct exchange *x)
{
    struct digest digest;

    if (digest_of_path(x, &digest)) {
        blob_flow_begin(x, &digest, "application/octet-stream", "such blob");
    }
}

void blob_head(struct exchange *x)
{
    blob_get(x);
}

static void on_put(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    buffer_reset(&x->text);
    exchange_send(x, 204, "", NULL, 0);
}

void blob_put(struct exchange *x)
{
    struct digest named;

    if (!digest_of_path(x, &named)) {
        return;
    }
    /* Kept apart from the request: the store borrows it also when the client leaves. */
    struct span body = exchange_copy(x, http_body(x->request));
    struct digest digest = sha256_of(body);

    if (memcmp(digest.bytes, named.bytes, DIGEST_BYTES) != 0) {
        exchange_problem(x, 400, "the body's SHA-256 is not the one in the path; send it again");
        return;
    }
    store_blob_put(x->api->store, &digest, body, on_put, exchange_wait(x));
}

/* ---- lists ---- */

static void list_send(struct exchange *x, const struct list_source *source)
{
    struct span index_text = http_query(x->request, "index");
    uint32_t task_count = source->instance->task_count;
    uint32_t index = 0;

    if (index_text.data == NULL && task_count > 0) {
        list_flow_begin(x, source);
    } else if (index_text.data == NULL) {
        buffer_reset(&x->text);
        buffer_text(&x->text, "[]");
        exchange_send(x, 200, NULL, NULL, 0);
    } else if (!task_number_parse(index_text, &index) || index >= task_count) {
        exchange_problem(x, 404, "the map has %u tasks; index is a number below that", task_count);
    } else {
        output_send(x, source, index);
    }
}

void list_get(struct exchange *x)
{
    map_reading_begin(x, list_send);
}
