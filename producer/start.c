#include "producer/start.h"

#include <stdio.h>
#include <stdlib.h>

#include "infra/telemetry/log_line.h"
#include "producer/role.h"

static const exo_time leave_grace_ns = 10 * EXO_SECOND;

/* The role and its place in the process. */
struct api_start {
    struct process *process;
    unsigned number;
    struct api *api;
};

static void say(void *context, const char *event, const char *text)
{
    (void)context;
    log_line(EVENT_API_NOTICE, LOG_FACTS(fact_text("what", event), fact_text("text", text)));
}

static void *start_open(struct process *process, unsigned number, struct exo_error *err)
{
    const struct process_ports *ports = process_ports(process);
    struct api_start *start = calloc(1, sizeof(*start));
    bool is_prepared = ports->schema.version != 0;
    const struct api_settings settings = {
        .listen = ports->settings->listen,
        .token = ports->settings->api_token,
        .shard_count = is_prepared ? ports->schema.shard_count : 0,
        .secret = is_prepared ? ports->schema.secret : NULL,
        .body_bytes_max = (size_t)ports->settings->body_bytes_max,
        .connections_max = (unsigned)ports->settings->connections_max,
        .backlog_max = (uint64_t)ports->settings->backlog_max,
        .blobs = ports->blobs,
        .health = ports->health,
        .is_prepared = is_prepared,
        .say = say,
    };

    if (start == NULL) {
        abort();
    }
    *start = (struct api_start){.process = process, .number = number};
    start->api = api_open(ports->loop, ports->log, ports->store, ports->cache, &settings, err);
    if (start->api == NULL) {
        free(start);
        return NULL;
    }
    log_line(EVENT_HTTP_LISTENING,
             LOG_FACTS(fact_text("for", "api"), fact_int("port", api_port(start->api))));
    process_api_is_at(process, api_port(start->api));
    return start;
}

static bool start_is_ready(const void *object, const char **ret_reason)
{
    const struct api_start *start = object;

    *ret_reason = api_waits_for(start->api);
    return api_is_ready(start->api);
}

/* For the person who typed `exosphere dev`. */
static void start_greet(const void *object, const struct settings *settings)
{
    const struct api_start *start = object;
    unsigned port = api_port(start->api);

    if (settings->role == ROLE_DEV) {
        (void)printf("Exosphere listens on http://127.0.0.1:%u. In another terminal, try: "
                     "exosphere init && exosphere run cluster.yaml",
                     port);
        if (port != 8080) {
            (void)printf(" --server http://127.0.0.1:%u", port);
        }
        (void)puts("");
        (void)fflush(stdout);
    }
}

static void left(void *argument)
{
    struct api_start *start = argument;

    process_left(start->process, start->number, NULL);
}

static void start_leave(void *object)
{
    struct api_start *start = object;

    api_leave(start->api, leave_grace_ns, left, start);
}

static void start_close(void *object)
{
    struct api_start *start = object;

    api_close(start->api);
    start->api = NULL;
}

const struct process_role api_process_role = {
    .name = "api",
    .has_store = true,
    .opens_early = true,
    .open = start_open,
    .is_ready = start_is_ready,
    .greet = start_greet,
    .leave = start_leave,
    .close = start_close,
    .free = free,
};
