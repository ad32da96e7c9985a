/* results: what an attempt gave, kept for others with the same image, command and input.
 *
 * The key is made by workers (workers/attempt_cache.c): who knows it has the same project. */
#include "infra/crypto/crypto.h"
#include "infra/store/store_object.h"
#include "producer/core/task_path.h"
#include "producer/http/handlers.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/state.h"

enum { BODY_BYTES_MAX = 2 * LIMIT_INLINE_BYTES, TTL_SECONDS_MAX = 366 * 24 * 3600 };

static bool key_of_path(struct exchange *x, struct digest *ret_key)
{
    if (digest_parse(route_parameter(x, 0), ret_key)) {
        return true;
    }
    exchange_problem(x, 404, "a result is named by 64 hexadecimal digits");
    return false;
}

static void on_result(void *argument, struct span body, const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL && err->code == EXO_ENOTFOUND) {
        exchange_problem(x, 404, "there is no such result");
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    buffer_reset(&x->text);
    buffer_append(&x->text, body);
    exchange_send(x, 200, "application/octet-stream", NULL, 0);
}

void result_get(struct exchange *x)
{
    struct digest key;

    if (key_of_path(x, &key)) {
        store_result_get(x->api->store, &key, on_result, exchange_wait(x));
    }
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

void result_put(struct exchange *x)
{
    struct store_result_row *row = exchange_alloc(x, sizeof(*row));
    struct digest *blobs = exchange_alloc(x, 2 * sizeof(*blobs));
    const struct wire_output *outputs;
    uint32_t count = 0;
    uint32_t ttl_s = 0;

    if (!key_of_path(x, &row->key)) {
        return;
    }
    /* Kept apart from the request: the store borrows it also when the client leaves. */
    row->body = exchange_copy(x, http_body(x->request));
    if (row->body.bytes > BODY_BYTES_MAX) {
        exchange_problem(x, 413, "a result may have %d bytes", BODY_BYTES_MAX);
        return;
    }
    if (wire_outputs_unpack(row->body, &x->arena, &outputs, &count) != WIRE_OK || count != 1 ||
        outputs[0].outcome != OUTCOME_SUCCEEDED) {
        exchange_problem(x, 400, "the body is no result of one attempt that succeeded");
        return;
    }
    if (!task_number_parse(http_query(x->request, "ttl"), &ttl_s) || ttl_s == 0) {
        exchange_problem(x, 400, "ttl: a number of seconds, at least 1");
        return;
    }
    row->ttl_ns = (exo_time)(ttl_s < TTL_SECONDS_MAX ? ttl_s : TTL_SECONDS_MAX) * EXO_SECOND;
    row->blobs = blobs;
    if (outputs[0].has_ref) {
        blobs[row->blob_count++] = outputs[0].ref_digest;
    }
    if (outputs[0].has_artefacts) {
        blobs[row->blob_count++] = outputs[0].artefacts_digest;
    }
    store_result_put(x->api->store, row, on_put, exchange_wait(x));
}
