/* api_state: what the handlers of the API share. For producer/ only.
 *
 *   request -> exchange (arena, callbacks counted) -> answer, or a stream that goes on
 */
#ifndef EXO_PRODUCER_API_STATE_H
#define EXO_PRODUCER_API_STATE_H

#include "infra/crypto/attempt_token.h"
#include "infra/http/problem.h"
#include "infra/http/server.h"
#include "producer/core/admission.h"
#include "producer/core/backlog.h"
#include "producer/core/cluster_book.h"
#include "producer/core/fleet_view.h"
#include "producer/core/path_pattern.h"
#include "producer/core/placement.h"
#include "producer/core/text_versions.h"
#include "producer/role.h"
#include "schemas/json/json_write.h"

enum {
    API_TOKEN_BYTES_MAX = 512,
    API_WAITS_BYTES = 256,
    PARSING_BYTES_MAX = 128 << 20, /* of one request's body, as values */
    EXCHANGES_KEPT = 64,           /* free ones, for the next requests */
};

struct route;
struct exchange;
struct walk;

/* A callback at a time. */
struct exchange_delay {
    struct exchange_delay *next, *previous;
    struct loop_timer *timer;
    struct exchange *x;
    void (*call)(void *argument);
    void *argument;
};

/* One reader of exo.fleet. */
struct fleet_partition {
    struct api *api;
    uint32_t number;
    struct log_reader *reader;
    struct loop_timer *retry;
};

/* Counters since start, shown by /metrics. */
struct api_counts {
    uint64_t submitted;   /* acknowledged by the log */
    uint64_t refused;     /* submissions with faults */
    uint64_t throttled;   /* 429 */
    uint64_t unavailable; /* 503 */
    uint64_t book_hits;
};

struct api {
    struct loop *loop;
    struct log *log;
    struct store *store;
    struct cache *cache;
    struct blobs *blobs;
    struct blobs *own_blobs; /* NULL: they are somebody else's */
    struct http_server *server;
    char token[API_TOKEN_BYTES_MAX + 1];
    uint8_t secret[ATTEMPT_SECRET_BYTES];
    bool has_secret;      /* else no attempt is let in */
    uint32_t shard_count; /* 0: not known yet */
    void (*say)(void *context, const char *event, const char *text);
    void *say_context;

    struct heap_budget budget;
    struct heap_budget book_budget;
    struct book book;
    struct arena scratch; /* of one packing */
    struct buffer packed; /* by one packing */
    struct admission admission;
    struct placement placement;
    struct text_versions text_versions;
    struct api_counts counts;

    struct exchange *open; /* every request not yet answered, or with callbacks to come */
    struct exchange *idle; /* to be used again */
    unsigned open_count, idle_count;
    struct exchange_delay *delays;

    /* What it waits for (readiness.c). */
    struct log_topic *topics; /* TOPIC_FIXED_NR, while they are prepared */
    struct loop_timer *ready_timer;
    bool is_schema_known, is_prepared, is_asking;
    unsigned asked;              /* callbacks of readiness and fleet to come */
    const struct health *health; /* of the process; NULL: none */
    char waits[API_WAITS_BYTES];
    char schema_error[API_WAITS_BYTES];
    char topics_error[API_WAITS_BYTES];

    /* How far schedulers are behind (backlog_watch.c). */
    struct backlog backlog;
    exo_time backlog_look_ns;
    struct loop_timer *backlog_timer;
    int64_t *backlog_ends;  /* of each shard's jobs, at the last look */
    unsigned backlog_asked; /* callbacks of a look to come */
    bool backlog_is_wanted; /* somebody has submitted since */

    struct fleet_view fleet;
    struct fleet_partition partitions[TOPIC_FLEET_PARTITIONS];
    struct loop_timer *fleet_timer;

    bool is_leaving;
    bool is_closed; /* freed with the last callback to come */
    exo_time leave_by_ns;
    struct loop_timer *leave_timer;
    void (*leave_done)(void *argument);
    void *leave_argument;
};

/* One request on its way through the API. */
struct exchange {
    struct api *api;
    struct exchange *next, *previous;
    struct http_request *request; /* NULL: answered, or nobody waits any more */
    const struct route *route;
    struct path_parameters parameters;
    struct heap_budget budget;
    struct arena arena;                  /* what our own code needs: small, or bounded by rows */
    struct arena parsing;                /* what a body becomes; bounded */
    struct buffer text;                  /* of the answer in the making */
    void *state;                         /* the handler's own, in the arena */
    struct walk *walk;                   /* of place_reading, in the arena */
    void (*cleanup)(struct exchange *x); /* once, when request has become NULL; may be NULL */
    void (*on_drained)(struct exchange *x);
    struct book_entry *held;
    size_t admitted_bytes;
    unsigned pending; /* callbacks to come */
    bool is_stream;
    bool is_inside; /* its handler runs: freed when that returns */
};

/* ---- exchange.c ---- */

/* exchange_begin makes one for a request. */
struct exchange *exchange_begin(struct api *api, struct http_request *request);

/* exchange_end_handler is called when the handler has returned: what has been answered meanwhile
 * is freed. */
void exchange_end_handler(struct exchange *x);

/* exchange_wait counts a callback to come; gives x, for its argument. */
struct exchange *exchange_wait(struct exchange *x);

/* exchange_back is the first call of each such callback. False when nobody waits any more: x is
 * gone or waits for its other callbacks. */
EXO_CHECKED bool exchange_back(struct exchange *x);

/* exchange_back_with is exchange_back for an answer of the store: false also where err is not NULL,
 * which the client is told then. */
EXO_CHECKED bool exchange_back_with(struct exchange *x, const struct exo_error *err);

/* exchange_delay calls back once after delay_ns, as a callback to come: it begins with
 * exchange_back. argument: kept, lives in the exchange's arena. */
void exchange_delay(struct exchange *x, exo_time delay_ns, void (*call)(void *argument),
                    void *argument);

/* exchange_delays_end takes back all delays of an API that closes. */
void exchange_delays_end(struct api *api);

/* exchange_abandon forgets the client (it left, or the server closes). */
void exchange_abandon(struct exchange *x);

/* exchange_alloc gives zeroed memory that lives as long as the exchange (aborts without). */
void *exchange_alloc(struct exchange *x, size_t bytes);

/* exchange_copy copies a span into the exchange's arena, a NUL after it (aborts without memory). */
struct span exchange_copy(struct exchange *x, struct span source);

/* exchange_idempotency_key reads the header Idempotency-Key, borrowed from the request; NULL where
 * there is none. False when the exchange is answered: it is empty or too long. */
EXO_CHECKED bool exchange_idempotency_key(struct exchange *x, const char **ret_key);

/* exchange_json begins a JSON answer in x->text. */
struct json_writer exchange_json(struct exchange *x);

/* The answers. With each the exchange is gone. */

/* exchange_send answers with x->text. content_type NULL: application/json, and a newline is added;
 * "": none.
 * headers may be NULL. */
void exchange_send(struct exchange *x, int status, const char *content_type,
                   const struct http_header *headers, size_t header_count);

/* exchange_problem answers with a problem whose detail is made as by printf. */
void exchange_problem(struct exchange *x, int status, const char *format, ...) EXO_PRINTF(3, 4);

/* exchange_faults answers with a problem and all faults. */
void exchange_faults(struct exchange *x, int status, const char *detail,
                     const struct fault_list *faults);

/* exchange_later answers 429 or 503 with Retry-After: seconds. */
void exchange_later(struct exchange *x, int status, unsigned seconds, const char *detail);

/* exchange_error answers with what an adapter's error says; what: the part that failed, such as
 * "the store". */
void exchange_error(struct exchange *x, const char *what, const struct exo_error *err);

/* exchange_stream begins an answer without an end. on_drained: room has come; may be NULL. */
void exchange_stream(struct exchange *x, const char *content_type,
                     void (*on_drained)(struct exchange *x));

/* exchange_stream_end ends it; the exchange is gone. */
void exchange_stream_end(struct exchange *x);

/* exchange_stream_break ends it so that the client sees that it is not whole. */
void exchange_stream_break(struct exchange *x);

/* ---- routes.c ---- */

/* routes_admit and routes_handle are the doors of the HTTP server; argument: the api. */
void routes_admit(void *argument, struct http_request *request);
void routes_handle(void *argument, struct http_request *request);

/* ---- readiness.c ---- */

/* readiness_open begins to ask for schema and topics; readiness_close ends it. */
void readiness_open(struct api *api);
void readiness_close(struct api *api);

/* api_callback_back counts a callback of api->asked; false when the api is closed (it may be gone
 * then). */
EXO_CHECKED bool api_callback_back(struct api *api);

/* api_free_if_done frees a closed api that waits for no callback. */
void api_free_if_done(struct api *api);

/* ---- backlog_watch.c ---- */

/* backlog_watch_open begins to look how far schedulers are behind; backlog_watch_close ends it. */
void backlog_watch_open(struct api *api);
void backlog_watch_close(struct api *api);

/* ---- fleet_watch.c ---- */

/* fleet_watch_open begins to read heartbeats, once; again it does nothing. */
void fleet_watch_open(struct api *api);

/* fleet_watch_close ends it; also where it never began. */
void fleet_watch_close(struct api *api);

#endif /* EXO_PRODUCER_API_STATE_H */
