#include "infra/http/server.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "infra/http/listen.h"
#include "infra/http/request.h"
#include "infra/telemetry/metric.h"
#include "schemas/vocab/limits.h"

enum {
    CONNECTIONS_MAX = 1000,
    BODIES_BYTES_MAX = 256 << 20,
    STREAMS_BYTES_MAX = 256 << 20,
    CONNECTION_POOL_BYTES = 32 << 10, /* holds the headers */
    DISCARD_BYTES_MAX = 64 << 10,     /* of a refused body, read so that the client can listen */
};

static void run(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;

    if (MHD_run(server->daemon) == MHD_NO) {
        (void)fputs("exosphere: http: libmicrohttpd stopped working\n", stderr);
        abort();
    }
    /* Longer timeouts are met by the sweep. */
    if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0) {
        server_schedule(server);
    }
}

static void on_scheduled(void *argument)
{
    struct http_server *server = argument;

    server->is_scheduled = false;
    if (server->is_closed) {
        free(server);
        return;
    }
    run(server);
}

void server_schedule(struct http_server *server)
{
    if (!server->is_scheduled) {
        server->is_scheduled = true;
        loop_defer(server->loop, on_scheduled, server);
    }
}

static void on_epoll(void *argument, unsigned ready)
{
    (void)ready;
    run(argument);
}

/* Slow headers and slow bodies end here; libmicrohttpd itself only sees silence. */
static void sweep_request(struct http_request *request)
{
    const struct http_server_options *options = &request->server->options;
    exo_time limit_ns = request->has_headers ? options->body_ns : options->idle_ns;

    if (request->state != REQUEST_READING || request->is_suspended ||
        loop_now_ns(request->server->loop) - request->since_ns < limit_ns) {
        return;
    }
    if (request->has_headers) {
        request_refuse_raw(request, 408, "the body did not come in time; send the request again");
    }
    request->since_ns = EXO_TIME_NEVER;     /* once */
    (void)shutdown(request->fd, SHUT_RDWR); /* fails only when it is down already */
}

static void on_sweep(void *argument)
{
    struct http_server *server = argument;

    for (struct http_request *request = server->requests; request != NULL;
         request = request->next) {
        sweep_request(request);
    }
    run(server);
}

static struct http_request *request_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info->socket_context;
}

/* A NUL would cut the path or a value short behind everybody's back. */
static size_t on_unescape(void *argument, struct MHD_Connection *connection, char *text)
{
    (void)argument;
    if (strstr(text, "%00") != NULL) {
        request_of(connection)->is_bad_target = true;
    }
    return MHD_http_unescape(text);
}

static enum MHD_Result queue_answer(struct http_request *request)
{
    struct MHD_Response *response = request->response;
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);

    request->response = NULL;
    MHD_destroy_response(response);
    return result;
}

/* The bytes that the headers announce; SIZE_MAX when they do not say (chunked). */
static size_t announced_bytes(const struct http_request *request)
{
    const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

    if (http_request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
        return SIZE_MAX;
    }
    return length == NULL ? 0 : strtoull(length, NULL, 10); /* checked by libmicrohttpd */
}

uint64_t http_body_announced(const struct http_request *request)
{
    size_t bytes = announced_bytes(request);

    return bytes == SIZE_MAX ? UINT64_MAX : bytes;
}

static enum MHD_Result begin_request(struct http_request *request, const char *path,
                                     const char *method)
{
    struct http_server *server = request->server;
    size_t bytes = announced_bytes(request);
    char detail[128];

    request->has_headers = true;
    request->since_ns = loop_now_ns(server->loop);
    request->method = method;
    request->path = path;
    request->body_bytes_max = server->options.body_bytes_max;
    request->is_in_callback = true;
    if (request->is_bad_target) {
        request_problem(request, 400, "the target holds a NUL (%00); leave it out");
    } else if (server->options.admit != NULL) {
        server->options.admit(server->options.argument, request);
    }
    if (request->response == NULL && bytes != SIZE_MAX && bytes > request->body_bytes_max) {
        (void)snprintf(detail, sizeof(detail), "the body of %zu bytes is above the limit of %zu",
                       bytes, request->body_bytes_max);
        request_problem(request, 413, detail);
    }
    request->is_in_callback = false;
    if (request->response != NULL && bytes > DISCARD_BYTES_MAX) {
        return queue_answer(request); /* in this place it closes the connection */
    }
    request->is_discarding = request->response != NULL;
    return MHD_YES;
}

static enum MHD_Result refuse_large_body(struct http_request *request)
{
    char detail[128];

    (void)snprintf(detail, sizeof(detail), "the body is above the limit of %zu bytes",
                   request->body_bytes_max);
    request_refuse_raw(request, 413, detail);
    return MHD_NO;
}

static enum MHD_Result sink_body(struct http_request *request, struct span bytes)
{
    if (request->sunk_bytes + bytes.bytes > request->body_bytes_max) {
        return refuse_large_body(request);
    }
    request->sunk_bytes += bytes.bytes;
    request->since_ns = loop_now_ns(request->server->loop);
    if (!request->sink.on_bytes(request->sink.argument, bytes)) {
        request->is_suspended = true;
        MHD_suspend_connection(request->connection);
    }
    return MHD_YES;
}

static enum MHD_Result add_body(struct http_request *request, struct span bytes)
{
    if (request->is_discarding) {
        return MHD_YES;
    }
    if (request->sink.on_bytes != NULL) {
        return sink_body(request, bytes);
    }
    request->body.limit_bytes = request->body_bytes_max;
    if (request->body.bytes + bytes.bytes > request->body_bytes_max) {
        return refuse_large_body(request);
    }
    buffer_append(&request->body, bytes);
    if (request->body.is_failed) {
        request_refuse_raw(request, 503, "too many bodies at once; send the request again later");
        return MHD_NO;
    }
    return MHD_YES;
}

static enum MHD_Result on_access(void *argument, struct MHD_Connection *connection,
                                 const char *path, const char *method, const char *version,
                                 const char *data, size_t *data_bytes, void **context)
{
    struct http_server *server = argument;
    struct http_request *request = *context;

    (void)version;
    if (request == NULL) {
        request = request_of(connection);
        *context = request;
        request->connection = connection;
        return begin_request(request, path, method);
    }
    if (*data_bytes > 0) {
        enum MHD_Result result = add_body(request, (struct span){data, *data_bytes});

        *data_bytes = 0;
        return result;
    }
    if (request->state == REQUEST_READING) {
        request->state = REQUEST_HANDLING;
        request->begun_ns = clock_monotonic_ns();
        server->pending++;
        request->is_in_callback = true;
        server->options.handle(server->options.argument, request);
        request->is_in_callback = false;
    }
    if (request->response != NULL) {
        return queue_answer(request);
    }
    request->is_suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void count_request(struct http_request *request)
{
    static const enum metric classes[] = {
        [2] = METRIC_HTTP_REQUESTS_2XX,
        [3] = METRIC_HTTP_REQUESTS_3XX,
        [4] = METRIC_HTTP_REQUESTS_4XX,
        [5] = METRIC_HTTP_REQUESTS_5XX,
    };
    unsigned class = request->status < 600 ? request->status / 100 : 5;

    request->server->stats.requests++;
    request->server->stats.responses[class]++;
    if (class >= 2) {
        metric_add(classes[class], 1);
    }
    if (request->begun_ns != 0 && request->stream.watch == NULL) {
        histogram_record(HISTOGRAM_HTTP_SECONDS, clock_monotonic_ns() - request->begun_ns);
    }
}

static void on_completed(void *argument, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = argument;
    struct http_request *request = *context;

    (void)connection;
    if (request == NULL) {
        return;
    }
    *context = NULL;
    count_request(request);
    request->is_suspended = false;
    request_forget(request);
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        server_schedule(server); /* the connection is closed only then */
    }
}

static void add_connection(struct http_server *server, struct MHD_Connection *connection,
                           void **socket_context)
{
    struct http_request *request = calloc(1, sizeof(*request));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int on = 1;

    if (request == NULL) {
        (void)fputs("exosphere: http: no memory for a connection\n", stderr);
        abort();
    }
    request->server = server;
    request->fd = info->connect_fd;
    request->since_ns = loop_now_ns(server->loop);
    buffer_init(&request->body, allocator_heap(&server->bodies), 0);
    request->next = server->requests;
    if (server->requests != NULL) {
        server->requests->previous = request;
    } else {
        loop_timer_start(server->sweep, server->sweep_ns, server->sweep_ns);
    }
    server->requests = request;
    server->stats.connections++;
    metric_add(METRIC_HTTP_CONNECTIONS, 1);
    *socket_context = request;
    /* Only speed is lost where it is refused. */
    (void)setsockopt(request->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void remove_connection(struct http_server *server, struct http_request *request)
{
    if (request->previous != NULL) {
        request->previous->next = request->next;
    } else {
        server->requests = request->next;
    }
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    if (server->requests == NULL) {
        loop_timer_stop(server->sweep);
    }
    server->stats.connections--;
    metric_add(METRIC_HTTP_CONNECTIONS, -1);
    server_schedule(server); /* there is room to accept another */
    buffer_release(&request->body);
    free(request);
}

static void on_connection(void *argument, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        add_connection(argument, connection, socket_context);
    } else {
        remove_connection(argument, *socket_context);
    }
}

static void set_defaults(struct http_server_options *options)
{
    if (options->body_bytes_max == 0) {
        options->body_bytes_max = LIMIT_BODY_BYTES;
    }
    if (options->bodies_bytes_max == 0) {
        options->bodies_bytes_max = BODIES_BYTES_MAX;
    }
    if (options->connections_max == 0) {
        options->connections_max = CONNECTIONS_MAX;
    }
    if (options->idle_ns == 0) {
        options->idle_ns = 60 * EXO_SECOND;
    }
    if (options->body_ns == 0) {
        options->body_ns = 60 * EXO_SECOND;
    }
}

/* A second, or less where the limits themselves are shorter. */
static exo_time sweep_interval_ns(const struct http_server_options *options)
{
    exo_time shorter_ns = options->idle_ns < options->body_ns ? options->idle_ns : options->body_ns;

    if (shorter_ns >= 2 * EXO_SECOND) {
        return EXO_SECOND;
    }
    return shorter_ns < 20 * EXO_MILLISECOND ? 10 * EXO_MILLISECOND : shorter_ns / 2;
}

static int start_daemon(struct http_server *server, int fd, struct exo_error *err)
{
    const struct http_server_options *options = &server->options;
    exo_time idle_s = (options->idle_ns + EXO_SECOND - 1) / EXO_SECOND;

    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_POOL_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
        on_unescape, server, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return exo_error_set(err, EXO_EIO,
                             "cannot start the HTTP server on %s: out of memory or file "
                             "descriptors; raise the limit on open files (ulimit -n)",
                             server->listen);
    }
    return 0;
}

struct http_server *http_server_open(struct loop *loop, const struct http_server_options *options,
                                     struct exo_error *err)
{
    int fd = listen_open(options->listen, err);
    struct http_server *server = fd < 0 ? NULL : calloc(1, sizeof(*server));

    if (server == NULL) {
        if (fd >= 0) {
            (void)exo_error_set(err, EXO_EIO, "no memory for an HTTP server");
            (void)close(fd);
        }
        return NULL;
    }
    server->loop = loop;
    server->options = *options;
    set_defaults(&server->options);
    server->sweep_ns = sweep_interval_ns(&server->options);
    (void)snprintf(server->listen, sizeof(server->listen), "%s", options->listen);
    server->options.listen = server->listen;
    server->bodies.limit_bytes = server->options.bodies_bytes_max;
    server->streams.limit_bytes = STREAMS_BYTES_MAX;
    server->port = listen_port(fd);
    if (start_daemon(server, fd, err) != 0) {
        (void)close(fd);
        free(server);
        return NULL;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    server->sweep = loop_timer_new(loop, on_sweep, server);
    server->watch = loop_watch_new(loop, info->epoll_fd, LOOP_READABLE, on_epoll, server);
    return server;
}

void http_server_quiesce(struct http_server *server)
{
    if (!server->is_quiescing) {
        int fd = MHD_quiesce_daemon(server->daemon);

        server->is_quiescing = true;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
}

unsigned http_server_pending(const struct http_server *server)
{
    return server->pending;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    /* libmicrohttpd refuses to stop while a connection is suspended. */
    for (struct http_request *request = server->requests; request != NULL;
         request = request->next) {
        if (request->is_suspended) {
            request->is_suspended = false;
            MHD_resume_connection(request->connection);
        }
    }
    http_server_quiesce(server);
    loop_watch_free(server->watch);
    MHD_stop_daemon(server->daemon);
    assert(server->requests == NULL);
    loop_timer_free(server->sweep);
    server->is_closed = true;
    if (!server->is_scheduled) {
        free(server);
    }
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

const struct http_server_stats *http_server_stats(const struct http_server *server)
{
    return &server->stats;
}
