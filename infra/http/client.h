/* http client: requests out, answers in, on the loop's one thread.
 *
 *   http_call_start -> libcurl multi -> on_data ... -> on_done
 *
 * Sole user of libcurl. Connections are kept and used again. Only http and https; no redirect is
 * followed. A proxy of the environment (https_proxy ...) is used, but never for this machine. No
 * error text holds a header, a bearer token, a query or a body. */
#ifndef EXO_INFRA_HTTP_CLIENT_H
#define EXO_INFRA_HTTP_CLIENT_H

#include "infra/http/server.h"

struct http_client;
struct http_call;

/* http_client_open makes a client.
 * connections_max  at once over all hosts; calls above it wait; 0: 64
 * Gives the client, or NULL with *err set. */
EXO_CHECKED struct http_client *http_client_open(struct loop *loop, unsigned connections_max,
                                                 struct exo_error *err);

/* http_client_close forgets all calls that are open (no callback comes) and frees the client; NULL
 * is allowed. Not from inside a callback of the same client. */
void http_client_close(struct http_client *client);

/* What came back. Borrowed for the call of on_done. */
struct http_result {
    int status;                   /* of HTTP; 0 when no answer came: then err says why */
    struct span body;             /* what was collected; empty when on_data took it */
    const char *content_type;     /* never NULL; "" when none was said */
    struct exo_error err;         /* code EXO_OK when an answer came whole, whatever its status */
    const struct http_call *call; /* for http_result_header */
};

/* Whoever signs a request by AWS's Signature Version 4: S3 and what speaks like it. */
struct http_signer {
    const char *region;
    const char *service; /* "s3" */
    const char *access_key;
    const char *secret_key; /* secret; kept by libcurl until the call ends */
};

/* A body that is read from a file while it is sent. */
struct http_body_file {
    int fd;         /* the caller's, open until on_done or cancel; read from its start */
    uint64_t bytes; /* of it */
};

/* A request. Borrowed for http_call_start, which copies all of it. 0 stands for the default. */
struct http_call_options {
    const char *method;    /* default GET */
    const char *url;       /* http://127.0.0.1:8080/v1/executions?limit=5 */
    const char *unix_path; /* speak to this socket instead of the host of the URL; NULL: tcp */
    const struct http_header *headers;
    size_t header_count;
    const char *bearer; /* secret; NULL: none */
    struct span body;   /* sent with its length when not empty, or when method is not GET */
    const struct http_body_file *body_file; /* instead of body; NULL: none */
    const struct http_signer *signer;       /* NULL: not signed */
    size_t response_bytes_max; /* above it the call fails with EXO_ELIMIT; default LIMIT_BODY_BYTES;
                                  with on_data: no bound unless set */
    exo_time timeout_ns;       /* for the whole; default 30 s, EXO_TIME_NEVER for none */
    exo_time connect_ns;       /* default 5 s */

    /* Takes the body as it comes, only of answers below 300 (others are collected); NULL: it is
     * collected. Bytes are borrowed. */
    void (*on_data)(void *argument, struct span bytes);

    /* Called once, unless cancelled; the call is gone with it. */
    void (*on_done)(void *argument, const struct http_result *result);
    void *argument; /* kept until on_done or cancel */
};

/* http_call_start sends a request. No callback comes before it has returned.
 * Gives the call (the client owns it), or NULL with *err set: a malformed URL or header. */
EXO_CHECKED struct http_call *http_call_start(struct http_client *client,
                                              const struct http_call_options *options,
                                              struct exo_error *err);

/* http_call_cancel ends a call without on_done; also from inside its own on_data. NULL is
 * allowed; not after on_done has begun. */
void http_call_cancel(struct http_call *call);

/* http_result_header returns the value of an answer's header (any case), or NULL; valid until
 * on_done returns. */
const char *http_result_header(const struct http_result *result, const char *name);

#endif /* EXO_INFRA_HTTP_CLIENT_H */
