#include "producer/role.h"

#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "infra/http/listen.h"
#include "infra/telemetry/metric.h"
#include "producer/http/api_state.h"

enum {
    BOOK_ENTRIES_MAX = 1000,
    BOOK_BYTES_MAX = 128 << 20,
    FLIGHT_BYTES_MAX = 64 << 20,
    SCRATCH_BYTES_MAX = 64 << 20,
};

static const exo_time leave_look_ns = 20 * EXO_MILLISECOND;

static int settings_check(const struct api_settings *settings, struct exo_error *err)
{
    bool has_token = settings->token != NULL && settings->token[0] != '\0';

    if (has_token && strlen(settings->token) > API_TOKEN_BYTES_MAX) {
        return exo_error_set(err, EXO_EINVALID, "api_token: at most %d characters",
                             (int)API_TOKEN_BYTES_MAX);
    }
    if (!has_token && !http_listen_is_loopback(settings->listen)) {
        return exo_error_set(err, EXO_EINVALID,
                             "listen: %s can be reached by others; set api_token "
                             "(EXOSPHERE_API_TOKEN, or --api-token-file), or listen on 127.0.0.1",
                             settings->listen);
    }
    return 0;
}

static void put_counter(struct buffer *buffer, const char *name, const char *help, uint64_t value)
{
    metric_write_head(buffer, name, "counter", help);
    metric_write_sample(buffer, name, "", (double)value);
}

static void put_gauge(struct buffer *buffer, const char *name, const char *help, double value)
{
    metric_write_head(buffer, name, "gauge", help);
    metric_write_sample(buffer, name, "", value);
}

static void on_metrics(void *argument, struct buffer *buffer)
{
    const struct api *api = argument;
    const struct api_counts *counts = &api->counts;

    put_counter(buffer, "exosphere_api_submitted_total",
                "submissions that the log has acknowledged", counts->submitted);
    put_counter(buffer, "exosphere_api_refused_total", "submissions with faults", counts->refused);
    put_counter(buffer, "exosphere_api_throttled_total", "requests answered with 429",
                counts->throttled);
    put_counter(buffer, "exosphere_api_unavailable_total", "requests answered with 503",
                counts->unavailable);
    put_gauge(buffer, "exosphere_api_open_requests", "requests not yet answered",
              (double)api->open_count);
    put_gauge(buffer, "exosphere_api_flight_bytes",
              "bytes of submissions that wait for their answer", (double)api->admission.bytes);
    put_gauge(
        buffer, "exosphere_api_backlog_jobs",
        "jobs that schedulers had not read at the last look; looked at while somebody submits",
        (double)api->backlog.now);
    put_gauge(buffer, "exosphere_api_clusters", "compiled clusters that are kept",
              (double)api->book.count);
    put_gauge(buffer, "exosphere_api_workers", "workers heard of in the last minute",
              (double)api->fleet.count);
    put_gauge(buffer, "exosphere_api_ready", "1 when /readyz says 200",
              api_is_ready(api) ? 1.0 : 0.0);
}

static void api_init(struct api *api, const struct api_settings *settings)
{
    api->shard_count = settings->shard_count;
    api->is_prepared = settings->is_prepared;
    api->health = settings->health;
    api->say = settings->say;
    api->say_context = settings->say_context;
    if (settings->secret != NULL) {
        memcpy(api->secret, settings->secret, sizeof(api->secret));
        api->has_secret = true;
    }
    if (settings->token != NULL) {
        memcpy(api->token, settings->token, strlen(settings->token) + 1);
    }
    api->admission.bytes_max =
        settings->flight_bytes_max == 0 ? (size_t)FLIGHT_BYTES_MAX : settings->flight_bytes_max;
    random_fill(&api->placement.shard,
                sizeof(api->placement.shard)); /* several do not go in step */
    api->backlog.most = settings->backlog_max;
    api->backlog_look_ns = settings->backlog_look_ns == 0 ? EXO_SECOND : settings->backlog_look_ns;
    book_init(&api->book, allocator_heap(&api->book_budget), BOOK_ENTRIES_MAX, BOOK_BYTES_MAX);
    arena_init(&api->scratch, allocator_heap(&api->budget), SCRATCH_BYTES_MAX);
    buffer_init(&api->packed, allocator_heap(&api->budget), 0);
    fleet_view_init(&api->fleet, allocator_heap(&api->budget));
}

static void api_free(struct api *api)
{
    while (api->idle != NULL) {
        struct exchange *next = api->idle->next;

        arena_release(&api->idle->arena);
        arena_release(&api->idle->parsing);
        buffer_release(&api->idle->text);
        free(api->idle);
        api->idle = next;
    }
    book_release(&api->book);
    arena_release(&api->scratch);
    buffer_release(&api->packed);
    fleet_view_release(&api->fleet);
    free(api->topics);
    free(api->backlog_ends);
    explicit_bzero(api->secret, sizeof(api->secret));
    explicit_bzero(api->token, sizeof(api->token));
    free(api);
}

/* Its own, over the store alone, where nobody gives it any. */
static int blobs_choose(struct api *api, const struct api_settings *settings, struct exo_error *err)
{
    static const struct blob_settings store_only = {.directory = ""};

    api->blobs = settings->blobs;
    if (api->blobs == NULL) {
        api->own_blobs = blobs_open(api->loop, api->store, &store_only, err);
        api->blobs = api->own_blobs;
    }
    return api->blobs == NULL ? -1 : 0;
}

void api_free_if_done(struct api *api)
{
    if (api->is_closed && api->open_count == 0 && api->asked == 0) {
        api_free(api);
    }
}

struct api *api_open(struct loop *loop, struct log *log, struct store *store, struct cache *cache,
                     const struct api_settings *settings, struct exo_error *err)
{
    if (settings_check(settings, err) != 0) {
        return NULL;
    }
    struct api *api = calloc(1, sizeof(*api));

    if (api == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for the API");
        return NULL;
    }
    api->loop = loop;
    api->log = log;
    api->store = store;
    api->cache = cache;
    if (blobs_choose(api, settings, err) != 0) {
        free(api);
        return NULL;
    }
    api_init(api, settings);
    struct http_server_options options = {
        .listen = settings->listen,
        .body_bytes_max = settings->body_bytes_max,
        .connections_max = settings->connections_max,
        .admit = routes_admit,
        .handle = routes_handle,
        .argument = api,
    };

    api->server = http_server_open(loop, &options, err);
    if (api->server == NULL) {
        blobs_close(api->own_blobs);
        api_free(api);
        return NULL;
    }
    readiness_open(api);
    backlog_watch_open(api);
    metric_collector_add(on_metrics, api);
    return api;
}

uint16_t api_port(const struct api *api)
{
    return http_server_port(api->server);
}

/* Streams would never end by themselves: their clients come back to another API. */
static void streams_end(struct api *api)
{
    struct exchange *next;

    for (struct exchange *x = api->open; x != NULL; x = next) {
        next = x->next;
        if (x->is_stream && x->request != NULL) {
            exchange_stream_end(x);
        }
    }
}

static void on_leave_look(void *argument)
{
    struct api *api = argument;

    if (http_server_pending(api->server) > 0 && loop_now_ns(api->loop) < api->leave_by_ns) {
        loop_timer_start(api->leave_timer, leave_look_ns, 0);
        return;
    }
    loop_timer_free(api->leave_timer);
    api->leave_timer = NULL;
    api->leave_done(api->leave_argument);
}

void api_leave(struct api *api, exo_time grace_ns, void (*done)(void *argument), void *argument)
{
    if (api->leave_timer != NULL) {
        return;
    }
    api->is_leaving = true;
    api->leave_done = done;
    api->leave_argument = argument;
    api->leave_by_ns = loop_now_ns(api->loop) + grace_ns;
    http_server_quiesce(api->server);
    streams_end(api);
    api->leave_timer = loop_timer_new(api->loop, on_leave_look, api);
    loop_timer_start(api->leave_timer, 0, 0);
}

void api_close(struct api *api)
{
    if (api == NULL) {
        return;
    }
    metric_collector_remove(api);
    loop_timer_free(api->leave_timer);
    readiness_close(api);
    backlog_watch_close(api);
    fleet_watch_close(api);
    http_server_close(api->server); /* tells the streams */
    api->is_closed = true;
    api->open_count++; /* not freed under our hands */
    exchange_delays_end(api);
    struct exchange *next;

    for (struct exchange *x = api->open; x != NULL; x = next) {
        next = x->next;
        exchange_abandon(x);
    }
    api->open_count--;
    blobs_close(api->own_blobs); /* the exchanges have cancelled what was theirs */
    api_free_if_done(api);
}
