#include "infra/http/request.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "infra/telemetry/metric.h"

enum { STREAM_BLOCK_BYTES = 4096, STREAM_BUFFER_BYTES = 1 << 20, BODY_KEPT_BYTES = 64 << 10 };

const char *http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

struct span http_query(const struct http_request *request, const char *name)
{
    const char *value = NULL;
    size_t bytes = 0;

    if (MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name,
                                      strlen(name), &value, &bytes) == MHD_NO) {
        return (struct span){NULL, 0};
    }
    return value == NULL ? (struct span){"", 0} : (struct span){value, bytes};
}

struct query_walk {
    bool (*call)(void *argument, const char *name, struct span value);
    void *argument;
};

static enum MHD_Result on_query_field(void *argument, enum MHD_ValueKind kind, const char *key,
                                      size_t key_bytes, const char *value, size_t value_bytes)
{
    const struct query_walk *walk = argument;
    struct span span = value == NULL ? (struct span){"", 0} : (struct span){value, value_bytes};

    (void)kind;
    (void)key_bytes; /* never holds a NUL: such targets are refused */
    return walk->call(walk->argument, key, span) ? MHD_YES : MHD_NO;
}

void http_query_each(const struct http_request *request,
                     bool (*call)(void *argument, const char *name, struct span value),
                     void *argument)
{
    struct query_walk walk = {call, argument};

    (void)MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, on_query_field,
                                      &walk); /* the count is of no use here */
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct span http_body(const struct http_request *request)
{
    return buffer_span(&request->body);
}

void http_body_bytes_max_set(struct http_request *request, size_t bytes)
{
    request->body_bytes_max = bytes;
}

void http_body_stream(struct http_request *request, const struct http_body_sink *sink)
{
    assert(request->state == REQUEST_READING);
    assert(request->is_in_callback);
    request->sink = *sink;
    request->sunk_bytes = 0;
}

void http_peer(const struct http_request *request, char ret_text[HTTP_PEER_TEXT_BYTES])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;

    ret_text[0] = '\0';
    if (address == NULL) {
        return;
    }
    const void *binary = NULL;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (address->sa_family == AF_INET) {
        memcpy(&v4, address, sizeof(v4));
        binary = &v4.sin_addr;
    } else if (address->sa_family == AF_INET6) {
        memcpy(&v6, address, sizeof(v6));
        binary = &v6.sin6_addr;
    }
    if (binary != NULL) {
        /* Fits: 46 bytes are the longest. */
        (void)inet_ntop(address->sa_family, binary, ret_text, HTTP_PEER_TEXT_BYTES);
    }
}

void http_request_set_context(struct http_request *request, void *context)
{
    request->context = context;
}

void *http_request_context(const struct http_request *request)
{
    return request->context;
}

static void resume(struct http_request *request)
{
    if (request->is_suspended) {
        request->is_suspended = false;
        MHD_resume_connection(request->connection);
        server_schedule(request->server);
    }
}

void http_body_resume(struct http_request *request)
{
    if (request->state == REQUEST_READING) {
        request->since_ns = loop_now_ns(request->server->loop);
        resume(request);
    }
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Refused are only bytes that would break the header; the answer is better without them. */
    (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct http_request *request, const struct http_answer *answer)
{
    if (answer->content_type != NULL) {
        add_header(request->response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    }
    for (size_t i = 0; i < answer->header_count; i++) {
        add_header(request->response, answer->headers[i].name, answer->headers[i].value);
    }
    if (request->server->is_quiescing) {
        add_header(request->response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    request->status = (unsigned)answer->status;
}

static void must_have(const void *made)
{
    if (made == NULL) {
        (void)fputs("exosphere: http: no memory for an answer\n", stderr);
        abort();
    }
}

static void leave_handler(struct http_request *request)
{
    if (request->state == REQUEST_HANDLING || request->state == REQUEST_STREAMING) {
        assert(request->server->pending > 0);
        request->server->pending--;
    }
    request->state = REQUEST_ANSWERED;
}

void http_respond(struct http_request *request, const struct http_answer *answer)
{
    assert(request->state == REQUEST_HANDLING || request->is_in_callback);
    assert(request->response == NULL);
    void *copied = NULL;

    /* libmicrohttpd copies only what it may change. */
    if (answer->body.bytes > 0) {
        copied = malloc(answer->body.bytes);
        must_have(copied);
        memcpy(copied, answer->body.data, answer->body.bytes);
    }
    request->response = MHD_create_response_from_buffer(answer->body.bytes, copied,
                                                        copied == NULL ? MHD_RESPMEM_PERSISTENT
                                                                       : MHD_RESPMEM_MUST_FREE);
    must_have(request->response);
    add_headers(request, answer);
    leave_handler(request);
    resume(request);
}

static int problem_print(char *text, size_t bytes, int status, const char *detail)
{
    return snprintf(text, bytes,
                    "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n",
                    MHD_get_reason_phrase_for((unsigned)status), status, detail);
}

void request_problem(struct http_request *request, int status, const char *detail)
{
    char text[512];
    int bytes = problem_print(text, sizeof(text), status, detail);
    struct http_answer answer = {.status = status,
                                 .content_type = "application/problem+json",
                                 .body = {text, (size_t)bytes}};

    request->server->stats.refused_early++;
    http_respond(request, &answer);
}

void request_refuse_raw(struct http_request *request, int status, const char *detail)
{
    char body[512];
    char text[1024];
    int body_bytes = problem_print(body, sizeof(body), status, detail);
    int bytes = snprintf(text, sizeof(text),
                         "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                         "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                         status, MHD_get_reason_phrase_for((unsigned)status), body_bytes, body);

    request->server->stats.refused_early++;
    request->server->stats.responses[status / 100]++;
    /* A client that does not take these few bytes gets a closed connection instead. */
    (void)send(request->fd, text, (size_t)bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* libmicrohttpd asks for what to send next. */
static ssize_t on_stream_read(void *argument, uint64_t position, char *block, size_t block_bytes)
{
    struct http_request *request = argument;
    struct request_stream *stream = &request->stream;
    size_t left = stream->waiting.bytes - stream->sent_bytes;

    (void)position;
    if (stream->is_broken) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (left == 0 && stream->is_ended) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (left == 0) {
        request->is_suspended = true;
        MHD_suspend_connection(request->connection);
        return 0;
    }
    if (left > block_bytes) {
        left = block_bytes;
    }
    memcpy(block, stream->waiting.data + stream->sent_bytes, left);
    stream->sent_bytes += left;
    if (stream->sent_bytes == stream->waiting.bytes) {
        buffer_reset(&stream->waiting);
        stream->sent_bytes = 0;
        if (stream->wants_drained && !stream->is_ended && stream->options.on_drained != NULL) {
            stream->wants_drained = false;
            stream->options.on_drained(stream->options.argument);
        }
    }
    return (ssize_t)left;
}

/* Ends the connection; libmicrohttpd finds out and the request is forgotten on its way. */
static void stream_break(struct http_request *request)
{
    request->stream.is_broken = true;
    (void)shutdown(request->fd, SHUT_RDWR); /* fails only when it is down already */
    resume(request);
    server_schedule(request->server);
}

static void on_hangup(void *argument, unsigned ready)
{
    struct http_request *request = argument;

    (void)ready;
    loop_watch_set(request->stream.watch, 0);
    stream_break(request);
}

void http_stream_begin(struct http_request *request, const struct http_answer *head,
                       const struct http_stream_options *options)
{
    struct request_stream *stream = &request->stream;
    struct http_server *server = request->server;

    assert(request->state == REQUEST_HANDLING);
    assert(options->on_gone != NULL);
    *stream = (struct request_stream){.options = *options};
    buffer_init(&stream->waiting, allocator_heap(&server->streams),
                options->buffer_bytes_max == 0 ? STREAM_BUFFER_BYTES : options->buffer_bytes_max);
    request->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES,
                                                          on_stream_read, request, NULL);
    must_have(request->response);
    add_headers(request, head);
    request->state = REQUEST_STREAMING;
    server->stats.streams++;
    metric_add(METRIC_HTTP_STREAMS, 1);
    stream->watch = loop_watch_new(server->loop, request->fd, LOOP_HANGUP, on_hangup, request);
    resume(request);
}

/* Moves what is left to the front, so that the bound counts only bytes that wait. */
static void stream_compact(struct request_stream *stream)
{
    size_t left = stream->waiting.bytes - stream->sent_bytes;

    if (stream->sent_bytes > 0) {
        memmove(stream->waiting.data, stream->waiting.data + stream->sent_bytes, left);
        stream->waiting.bytes = left;
        stream->sent_bytes = 0;
    }
}

int http_stream_write(struct http_request *request, struct span bytes)
{
    struct request_stream *stream = &request->stream;

    assert(request->state == REQUEST_STREAMING);
    if (stream->is_broken) {
        return -1;
    }
    if (stream->waiting.bytes + bytes.bytes > stream->waiting.limit_bytes) {
        stream_compact(stream);
    }
    buffer_append(&stream->waiting, bytes);
    if (stream->waiting.is_failed) {
        request->server->stats.streams_too_slow++;
        stream_break(request);
        return -1;
    }
    stream->wants_drained = true;
    resume(request);
    return 0;
}

void http_stream_break(struct http_request *request)
{
    assert(request->state == REQUEST_STREAMING);
    stream_break(request);
}

size_t http_stream_room(const struct http_request *request)
{
    const struct request_stream *stream = &request->stream;
    size_t left = stream->waiting.bytes - stream->sent_bytes;

    return stream->is_broken ? 0 : stream->waiting.limit_bytes - left;
}

void http_stream_end(struct http_request *request)
{
    assert(request->state == REQUEST_STREAMING);
    request->stream.is_ended = true;
    leave_handler(request);
    resume(request);
}

void request_forget(struct http_request *request)
{
    struct request_stream *stream = &request->stream;
    struct http_server *server = request->server;
    void (*on_gone)(void *argument) =
        request->state == REQUEST_STREAMING ? stream->options.on_gone : NULL;
    void *argument = stream->options.argument;

    if (request->sink.on_bytes != NULL && request->state == REQUEST_READING) {
        on_gone = request->sink.on_gone;
        argument = request->sink.argument;
    }
    request->sink = (struct http_body_sink){0};
    if (stream->watch != NULL) {
        loop_watch_free(stream->watch);
        buffer_release(&stream->waiting);
        server->stats.streams--;
        metric_add(METRIC_HTTP_STREAMS, -1);
    }
    *stream = (struct request_stream){0};
    if (request->response != NULL) {
        MHD_destroy_response(request->response); /* was never queued */
        request->response = NULL;
    }
    if (request->body.capacity_bytes > BODY_KEPT_BYTES) {
        buffer_release(&request->body);
    }
    buffer_reset(&request->body);
    leave_handler(request);
    request->state = REQUEST_READING;
    request->has_headers = false;
    request->is_bad_target = false;
    request->is_discarding = false;
    request->context = NULL;
    request->status = 0;
    request->begun_ns = 0;
    request->since_ns = loop_now_ns(server->loop);
    if (on_gone != NULL) {
        on_gone(argument);
    }
}
