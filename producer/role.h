/* role: the API Server's process: requests in, Jobs and commands out, and what is known shown.
 *
 *   HTTP --> submissions -> exo.jobs     commands -> exo.status     drains -> exo.tasks.<class>
 *        <-- rows of the store, events of the cache, heartbeats of exo.fleet, logs of exo.logs
 *
 * Holds nothing that is true: any number may run beside each other. Touches log, store and cache
 * through their ports. Used alone (`exosphere api`) and beside the other roles (`exosphere dev`).
 */
#ifndef EXO_PRODUCER_ROLE_H
#define EXO_PRODUCER_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/blob/blob.h"
#include "infra/cache/cache.h"
#include "infra/http/health.h"
#include "infra/log/log.h"
#include "infra/loop/loop.h"
#include "infra/store/store.h"
#include "schemas/vocab/error.h"

struct api;

/* What the role is told; 0 and NULL stand for the default. */
struct api_settings {
    const char *listen;       /* "127.0.0.1:8080"; another address than loopback needs a token */
    const char *token;        /* bearer token of all clients; NULL or "": none asked for */
    uint32_t shard_count;     /* 0: as installed in the store */
    const uint8_t *secret;    /* 32 bytes that sign attempt tokens, borrowed for the call; NULL: as
                               * installed in the store */
    size_t body_bytes_max;    /* of one request; default LIMIT_BODY_BYTES */
    unsigned connections_max; /* open at once; default 1,000 */
    size_t flight_bytes_max;  /* of submissions that wait for the log; default 64 MiB; above: 429 */
    uint64_t backlog_max;     /* jobs not read by schedulers; above: 429; 0: no bound */
    exo_time backlog_look_ns; /* between looks at it; default 1 s */
    struct blobs *blobs;      /* over the store; kept. NULL: only what fits the store is kept */
    /* Of the whole process, which /readyz shows as well: in `dev` a worker may have no room. Kept;
     * NULL: only the API itself. */
    const struct health *health;
    bool is_prepared; /* the topics are there already, as another role of ours made them */
    /* Where lines of the operator's log go; NULL: nowhere. */
    void (*say)(void *context, const char *event, const char *text);
    void *say_context;
};

/* api_open listens and serves at once: /readyz says 503 until log and store answer. Keeps loop,
 * log, store and cache, which must outlive api_close. Borrows settings; makes missing topics.
 * Gives the role, or NULL with *err: EXO_EINVALID for an address that needs a token, and what
 * http_server_open says of a bad or taken one. */
EXO_CHECKED struct api *api_open(struct loop *loop, struct log *log, struct store *store,
                                 struct cache *cache, const struct api_settings *settings,
                                 struct exo_error *err);

/* api_is_ready is true while requests can be served: what /readyz says. */
bool api_is_ready(const struct api *api);

/* api_waits_for says in words what keeps it from being ready; "" when it is. Never holds a secret.
 * Borrowed until the next call. */
const char *api_waits_for(const struct api *api);

/* api_port returns the port that is listened on. */
uint16_t api_port(const struct api *api);

/* api_leave takes no further connections, ends streams, lets other requests finish for at most
 * grace_ns, then calls back once, on a later turn. */
void api_leave(struct api *api, exo_time grace_ns, void (*done)(void *argument), void *argument);

/* api_close ends every connection and frees the role; NULL is allowed. Not from inside one of its
 * callbacks. Close it before log, store and cache. */
void api_close(struct api *api);

#endif /* EXO_PRODUCER_ROLE_H */
