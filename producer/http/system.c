/* system: health, readiness, numbers, the contract. */
#include "infra/telemetry/metric.h"
#include "producer/http/handlers.h"
#include "producer/http/openapi.h"

void health_get(struct exchange *x)
{
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, "status");
    json_put_text(&w, "ok");
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

void ready_get(struct exchange *x)
{
    if (!api_is_ready(x->api)) {
        char detail[API_WAITS_BYTES + 16] = "it waits for ";
        size_t used = strlen(detail);
        size_t bytes = strlen(api_waits_for(x->api));

        bytes = bytes < sizeof(detail) - used ? bytes : sizeof(detail) - used - 1;
        memcpy(detail + used, api_waits_for(x->api), bytes);
        detail[used + bytes] = '\0';
        exchange_later(x, 503, 1, detail);
        return;
    }
    if (x->api->health != NULL && !x->api->health->is_ready) {
        exchange_later(x, 503, 1, x->api->health->reason);
        return;
    }
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, "status");
    json_put_text(&w, "ready");
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

void metrics_get(struct exchange *x)
{
    buffer_reset(&x->text);
    metrics_write(&x->text);
    exchange_send(x, 200, METRICS_CONTENT_TYPE, NULL, 0);
}

void openapi_get(struct exchange *x)
{
    buffer_reset(&x->text);
    buffer_append(&x->text, (struct span){openapi_json, openapi_json_bytes});
    exchange_send(x, 200, "application/json", NULL, 0);
}
