/* fleet: workers listed and drained. */
#include <stdlib.h>

#include "producer/http/handlers.h"
#include "schemas/wire/task.h"

void workers_list(struct exchange *x)
{
    const struct fleet_view *fleet = &x->api->fleet;
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, "workers");
    json_begin_list(&w);
    for (uint32_t i = 0; i < fleet->count; i++) {
        fleet_view_put_worker(&w, fleet->workers[i], loop_now_ns(x->api->loop));
    }
    json_end_list(&w);
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

/* A drain on its way to every class of a worker. It reads them all: one record would do, but the
 * topics are apart and may be slow apart. */
struct draining {
    struct fleet_view_worker worker; /* as it was when it was asked */
    char topics[FLEET_VIEW_CLASSES_MAX][TOPIC_NAME_BYTES];
    struct log_topic prepared[FLEET_VIEW_CLASSES_MAX];
    uint32_t topic_count;
    uint32_t waiting;
    bool has_sent;
    struct exo_error err;
};

static void drain_end(struct exchange *x)
{
    const struct draining *draining = x->state;

    if (draining->waiting > 0) {
        return;
    }
    if (!draining->has_sent) {
        exchange_error(x, "the log", &draining->err);
        return;
    }
    struct json_writer w = exchange_json(x);

    json_begin_map(&w);
    json_key(&w, "name");
    json_put_text(&w, draining->worker.name);
    json_key(&w, "state");
    json_put_text(&w, "draining");
    json_end_map(&w);
    exchange_send(x, 202, NULL, NULL, 0);
}

static void on_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct exchange *x = argument;

    (void)offset;
    if (!exchange_back(x)) {
        return;
    }
    struct draining *draining = x->state;

    draining->waiting--;
    if (err == NULL) {
        draining->has_sent = true;
    } else {
        draining->err = *err;
    }
    drain_end(x);
}

static void on_prepared(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;
    struct draining *draining = x->state;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the log", err);
        return;
    }
    struct api *api = x->api;
    struct wire_task_record record = {
        .worker = span_of(draining->worker.name),
        .incarnation = draining->worker.incarnation,
        .shard = UINT32_MAX, /* of no shard: it stands outside their sequences */
        .process = span_of("api"),
        .drain = true,
    };

    arena_reset(&api->scratch);
    buffer_reset(&api->packed);
    wire_task_record_pack(&record, &api->scratch, &api->packed);
    draining->waiting = 1; /* answered once all have been handed over */
    for (uint32_t i = 0; i < draining->topic_count; i++) {
        (void)exchange_wait(x);
        draining->waiting++;
        if (log_append(api->log, draining->topics[i], draining->worker.partition, record.worker,
                       buffer_span(&api->packed), 10 * EXO_SECOND, on_sent, x,
                       &draining->err) != 0) {
            draining->waiting--;
            if (!exchange_back(x)) {
                return;
            }
        }
    }
    draining->waiting--;
    drain_end(x);
}

void worker_drain(struct exchange *x)
{
    struct span name = route_parameter(x, 0);
    const struct fleet_view_worker *worker = fleet_view_find(&x->api->fleet, name);

    if (worker == NULL) {
        exchange_problem(x, 404, "no worker `%.*s` was heard of in the last minute",
                         SPAN_ARG(name));
        return;
    }
    struct draining *draining = exchange_alloc(x, sizeof(*draining));

    draining->worker = *worker;
    for (uint32_t i = 0; i < worker->class_count; i++) {
        char *topic = draining->topics[draining->topic_count];

        if (topic_name_of_class(span_of(worker->classes[i]), topic)) {
            draining->prepared[draining->topic_count++] = topic_of_class(topic, 0);
        }
    }
    if (draining->topic_count == 0) {
        exchange_problem(x, 409, "the worker serves no class that it could be told through");
        return;
    }
    x->state = draining;
    log_prepare(x->api->log, draining->prepared, draining->topic_count, on_prepared,
                exchange_wait(x));
}
