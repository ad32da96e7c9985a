/* http request: what server.c and request.c share of a connection and its present request.
 *
 *   READING --whole--> HANDLING --http_respond--> ANSWERED --sent--> READING (keep-alive)
 *                          \-http_stream_begin--> STREAMING --http_stream_end--> ANSWERED
 *
 * A connection has one request at a time (pipelined ones wait inside libmicrohttpd), so the request
 * lives in the connection and costs no allocation. Private to this folder. */
#ifndef EXO_INFRA_HTTP_REQUEST_H
#define EXO_INFRA_HTTP_REQUEST_H

#include <microhttpd.h>

#include "infra/http/server.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"

enum request_state {
    REQUEST_READING,   /* headers or body are still to come; also: none has begun */
    REQUEST_HANDLING,  /* with the handler */
    REQUEST_STREAMING, /* head sent, the handler writes */
    REQUEST_ANSWERED,  /* with libmicrohttpd until sent */
};

/* Bytes that wait for the client. */
struct request_stream {
    struct http_stream_options options;
    struct loop_watch *watch; /* tells when the client hangs up */
    struct buffer waiting;
    size_t sent_bytes;  /* of waiting, from its start */
    bool is_ended;      /* no more writes */
    bool is_broken;     /* to be closed without a proper end */
    bool wants_drained; /* something was written since the last on_drained */
};

struct http_request {
    struct http_server *server;
    struct http_request *next; /* of the server's connections */
    struct http_request *previous;
    struct MHD_Connection *connection; /* NULL before the first request */
    int fd;
    exo_time since_ns; /* the connection, or the last request's end; then the headers' end */
    exo_time begun_ns; /* the handler's start; 0: not yet */
    enum request_state state;
    bool has_headers;
    bool is_bad_target; /* holds %00 */
    bool is_suspended;
    bool is_in_callback; /* inside admit or handle: the answer is picked up on return */
    bool is_discarding;  /* refused; what is left of the body is read and dropped */
    const char *method;
    const char *path;
    size_t body_bytes_max;
    struct http_body_sink sink; /* on_bytes NULL: gathered in body */
    uint64_t sunk_bytes;        /* that the sink has taken */
    struct buffer body;
    void *context;
    struct MHD_Response *response; /* made, not yet queued */
    unsigned status;
    struct request_stream stream;
};

struct http_server {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *sweep;
    exo_time sweep_ns;
    struct http_server_options options;
    struct heap_budget bodies; /* what all bodies take together */
    struct heap_budget streams;
    struct http_request *requests;
    struct http_server_stats stats;
    unsigned pending;
    uint16_t port;
    bool is_scheduled; /* a deferred run is on its way */
    bool is_quiescing;
    bool is_closed;
    char listen[128];
};

/* server_schedule lets libmicrohttpd look at its connections on the next turn. */
void server_schedule(struct http_server *server);

/* request_problem answers with a problem of our own making: status and one sentence. */
void request_problem(struct http_request *request, int status, const char *detail);

/* request_refuse_raw writes a problem straight to the socket, for where libmicrohttpd has no place
 * for an answer (in the middle of a body). The connection must be closed after it. */
void request_refuse_raw(struct http_request *request, int status, const char *detail);

/* request_forget frees what a request held when it has ended, and makes ready for the next. Tells
 * the handler of a stream that its client is gone. */
void request_forget(struct http_request *request);

#endif /* EXO_INFRA_HTTP_REQUEST_H */
