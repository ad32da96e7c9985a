/* fleet_watch: the heartbeats of exo.fleet become the API's view of the workers. */
#include "producer/http/api_state.h"

static const exo_time reopen_ns = EXO_SECOND;
static const exo_time forget_every_ns = 5 * EXO_SECOND;

static size_t on_records(void *argument, const struct log_record *records, size_t count)
{
    struct fleet_partition *partition = argument;
    struct api *api = partition->api;

    for (size_t i = 0; i < count; i++) {
        struct wire_fleet message;

        arena_reset(&api->scratch);
        /* What is malformed or of a newer program says nothing to people. */
        if (wire_fleet_unpack(records[i].value, &api->scratch, &message) == WIRE_OK &&
            message.kind == FLEET_HEARTBEAT) {
            fleet_view_heard(&api->fleet, &message.heartbeat, loop_now_ns(api->loop));
        }
    }
    return count;
}

static void on_failed(void *argument, const struct exo_error *err)
{
    struct fleet_partition *partition = argument;

    if (partition->api->say != NULL) {
        partition->api->say(partition->api->say_context, "fleet.reader_failed", err->text);
    }
    loop_timer_start(partition->retry, reopen_ns, 0);
}

static const struct log_reader_callbacks callbacks = {.records = on_records, .failed = on_failed};

static void on_reopen(void *argument)
{
    struct fleet_partition *partition = argument;

    log_reader_close(partition->reader);
    partition->reader = log_reader_open(partition->api->log, TOPIC_FLEET, partition->number,
                                        LOG_END, 0, &callbacks, partition);
}

static void on_forget(void *argument)
{
    struct api *api = argument;

    fleet_view_forget(&api->fleet, loop_now_ns(api->loop));
}

void fleet_watch_open(struct api *api)
{
    if (api->fleet_timer != NULL) {
        return;
    }
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        struct fleet_partition *partition = &api->partitions[i];

        *partition = (struct fleet_partition){.api = api, .number = i};
        partition->retry = loop_timer_new(api->loop, on_reopen, partition);
        on_reopen(partition);
    }
    api->fleet_timer = loop_timer_new(api->loop, on_forget, api);
    loop_timer_start(api->fleet_timer, forget_every_ns, forget_every_ns);
}

void fleet_watch_close(struct api *api)
{
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        log_reader_close(api->partitions[i].reader);
        loop_timer_free(api->partitions[i].retry);
        api->partitions[i] = (struct fleet_partition){.api = api};
    }
    loop_timer_free(api->fleet_timer);
    api->fleet_timer = NULL;
}
