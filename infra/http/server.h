/* http server: requests in, answers out, now or later, on the loop's one thread.
 *
 *   socket -> libmicrohttpd -> admit (headers only) -> body -> handle ---> http_respond
 *                                |                                    \-> http_stream_begin
 *                                refuse before the body is read            http_stream_write ...
 *                                                                          http_stream_end
 *
 * Sole user of libmicrohttpd. Decides nothing but what a malformed or oversized request deserves:
 * those never reach the handler. */
#ifndef EXO_INFRA_HTTP_SERVER_H
#define EXO_INFRA_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

struct http_server;
struct http_request;

struct http_header {
    const char *name;
    const char *value;
};

/* What a server does; borrowed for the call of http_server_open. 0 stands for the default. */
struct http_server_options {
    const char *listen;       /* "127.0.0.1:8080", "[::1]:0" (0: a free port), "localhost:8080" */
    size_t body_bytes_max;    /* of one request; default LIMIT_BODY_BYTES */
    size_t bodies_bytes_max;  /* of all requests that are open; default 256 MiB; above it 503 */
    unsigned connections_max; /* open at once; default 1,000; more wait in the kernel */
    exo_time idle_ns;         /* a silent connection is closed, headers must come; default 60 s */
    exo_time body_ns;         /* a body must have come; default 60 s */

    /* Called when the headers are there and before the body is read; may be NULL. May answer with
     * http_respond (401, 413 ...), which refuses the body, and may change the limit of the body
     * for this request through http_body_bytes_max_set. */
    void (*admit)(void *argument, struct http_request *request);

    /* Called with the whole request. Must lead, now or later, to one http_respond or to
     * http_stream_begin with one http_stream_end, unless told that the client is gone. */
    void (*handle)(void *argument, struct http_request *request);
    void *argument; /* kept until http_server_close */
};

/* Counts since the server opened. */
struct http_server_stats {
    uint64_t requests;         /* that came to an end, answered or not */
    uint64_t responses[6];     /* by hundreds of their status; [0] went without an answer */
    uint64_t refused_early;    /* bodies too large or too slow, bad targets */
    uint64_t streams_too_slow; /* dropped with a full buffer */
    uint32_t connections;      /* open now */
    uint32_t streams;          /* open now */
};

/* http_server_open listens on one address.
 * Gives the server, or NULL with *err set: a bad address, a port that is taken or forbidden. */
EXO_CHECKED struct http_server *http_server_open(struct loop *loop,
                                                 const struct http_server_options *options,
                                                 struct exo_error *err);

/* http_server_quiesce takes no further connections and lets those that are open end after their
 * present request. */
void http_server_quiesce(struct http_server *server);

/* http_server_pending counts the requests that handlers have not answered to the end. */
unsigned http_server_pending(const struct http_server *server);

/* http_server_close closes every connection at once. Requests still open die with it: on_gone is
 * called for streams, other requests must not be answered any more. NULL is allowed. Not from
 * inside a callback of the same server. */
void http_server_close(struct http_server *server);

/* http_server_port returns the port that was taken. */
uint16_t http_server_port(const struct http_server *server);

/* http_server_stats returns the counts; valid until close. */
const struct http_server_stats *http_server_stats(const struct http_server *server);

/* http_method returns "GET", "POST" ...; valid as long as the request. */
const char *http_method(const struct http_request *request);

/* http_path returns the target without its query, percent signs decoded; never holds a NUL. */
const char *http_path(const struct http_request *request);

/* http_query returns the value of the first query field of that name, decoded: data NULL when
 * there is none, 0 bytes for "?name". Valid as long as the request. */
struct span http_query(const struct http_request *request, const char *name);

/* http_query_each calls for each query field, in order, until the callback returns false. */
void http_query_each(const struct http_request *request,
                     bool (*call)(void *argument, const char *name, struct span value),
                     void *argument);

/* http_request_header returns the first header of that name (any case), or NULL. */
const char *http_request_header(const struct http_request *request, const char *name);

/* http_body names the body; valid until the answer. Empty in admit. */
struct span http_body(const struct http_request *request);

/* http_body_bytes_max_set changes the limit of this request's body; in admit only. */
void http_body_bytes_max_set(struct http_request *request, size_t bytes);

/* http_body_announced returns how many bytes the headers say will come; UINT64_MAX when they do not
 * say. */
uint64_t http_body_announced(const struct http_request *request);

/* Who takes a body as it comes, instead of having it gathered. */
struct http_body_sink {
    /* Takes all of the bytes (borrowed). False: no more until http_body_resume. */
    bool (*on_bytes)(void *argument, struct span bytes);

    /* The client left, or was too slow, before the body was whole: handle will not be called and
     * the request is gone. */
    void (*on_gone)(void *argument);
    void *argument; /* kept until handle or on_gone */
};

/* http_body_stream hands the body over to a sink (copied); in admit only, and only where what is
 * announced is within the limit of the body. handle follows when it is
 * whole, with an empty http_body. The limit of the body still holds; the time limit counts from
 * each piece. */
void http_body_stream(struct http_request *request, const struct http_body_sink *sink);

/* http_body_resume lets the body go on after on_bytes said false; harmless when it goes on. */
void http_body_resume(struct http_request *request);

enum { HTTP_PEER_TEXT_BYTES = 64 };

/* http_peer writes the address of the other side, without its port, and a NUL. */
void http_peer(const struct http_request *request, char ret_text[HTTP_PEER_TEXT_BYTES]);

/* http_request_set_context keeps a pointer of the handler's beside the request; never freed. */
void http_request_set_context(struct http_request *request, void *context);

/* http_request_context returns what was set, NULL at first. */
void *http_request_context(const struct http_request *request);

/* An answer, or the head of a stream. Borrowed for the call. */
struct http_answer {
    int status;
    const char *content_type; /* NULL: none */
    struct span body;         /* copied; unused by streams */
    const struct http_header *headers;
    size_t header_count;
};

/* http_respond answers a request, from inside the handler or later; the request is gone with it.
 * Harmless when the client has left. */
void http_respond(struct http_request *request, const struct http_answer *answer);

/* How a stream goes on. */
struct http_stream_options {
    size_t buffer_bytes_max; /* what may wait for a slow client; default 1 MiB */

    /* The client has left, was too slow, or the server closes: called once, never inside a call
     * of the handler's; the request is gone and must not be ended. Not called after
     * http_stream_end. */
    void (*on_gone)(void *argument);

    void (*on_drained)(void *argument); /* may be NULL: what was written has all been taken */
    void *argument;
};

/* http_stream_begin sends the head and keeps the answer open.
 * options  borrowed; its argument is kept */
void http_stream_begin(struct http_request *request, const struct http_answer *head,
                       const struct http_stream_options *options);

/* http_stream_write copies bytes to the client's buffer; sends what has gathered in one turn.
 * Returns 0, or -1 when they do not fit: the stream is then dropped (on_gone follows), as a client
 * must not see a stream with a hole. */
EXO_CHECKED int http_stream_write(struct http_request *request, struct span bytes);

/* http_stream_room returns how many bytes fit the buffer now. */
size_t http_stream_room(const struct http_request *request);

/* http_stream_end sends what is buffered and ends the answer; the request is gone with it. */
void http_stream_end(struct http_request *request);

/* http_stream_break closes the connection without a proper end, so that the client knows that the
 * answer is not whole; on_gone follows. */
void http_stream_break(struct http_request *request);

#endif /* EXO_INFRA_HTTP_SERVER_H */
