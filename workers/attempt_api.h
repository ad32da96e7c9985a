/* attempt_api: the API's doors for attempts: blobs put and fetched, lists streamed.
 *
 *   PUT  /internal/blobs/{sha256}                       output above 64 KiB, whole logs
 *   GET  /internal/blobs/{sha256}                       a value by reference, artefacts
 *   GET  /internal/lists/{execution}/{instance}         the outputs of a map, one JSON list
 *   GET  /internal/lists/{execution}/{instance}?index=N one of them
 *   GET  /internal/results/{key}, PUT                   a result that may be given again
 *   GET  /internal/lists/{execution}/{instance}/artefacts  where the artefacts of each are
 *
 * Each call carries the attempt's token and nothing else that is secret. An API that is away or
 * busy is tried again until the call's patience ends. Network through infra/http only. */
#ifndef EXO_WORKERS_ATTEMPT_API_H
#define EXO_WORKERS_ATTEMPT_API_H

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/wire/task.h"

struct attempt_api;
struct attempt_call;

/* attempt_api_open makes the doors.
 * url  of the API, such as http://127.0.0.1:8080; copied
 * Gives them, or NULL with *err set. */
EXO_CHECKED struct attempt_api *attempt_api_open(struct loop *loop, const char *url,
                                                 struct exo_error *err);

/* attempt_api_close forgets all open calls (no callback comes); NULL is allowed. */
void attempt_api_close(struct attempt_api *api);

/* Who is told. All on the loop's thread, never inside the call that asked. */
struct attempt_call_events {
    /* GET: a try begins; what came before is void. May be NULL. */
    void (*on_begin)(void *argument);
    /* GET: the next bytes, borrowed. May be NULL. */
    void (*on_data)(void *argument, struct span bytes);
    /* Once, last, unless cancelled; the call is gone with it. err NULL: done. EXO_ELIMIT: more
     * bytes than asked for; EXO_ENOTFOUND, EXO_EDENIED: the API said so; EXO_EUNAVAILABLE: it
     * could not be reached in time. */
    void (*on_done)(void *argument, const struct exo_error *err);
    void *argument; /* kept until on_done or cancel */
};

/* attempt_api_put stores a blob.
 *
 * digest       its SHA-256
 * bytes        kept until on_done or cancel
 * token        of the attempt; copied
 * patience_ns  how long it is tried
 *
 * Gives the call, never NULL. */
struct attempt_call *attempt_api_put(struct attempt_api *api, const struct digest *digest,
                                     struct span bytes, struct span token, exo_time patience_ns,
                                     const struct attempt_call_events *events);

/* attempt_api_put_file stores a blob that stands in a file; others as attempt_api_put.
 * fd     kept open until on_done or cancel; read from its start
 * bytes  of it */
struct attempt_call *attempt_api_put_file(struct attempt_api *api, const struct digest *digest,
                                          int fd, uint64_t bytes, struct span token,
                                          exo_time patience_ns,
                                          const struct attempt_call_events *events);

/* attempt_api_get_artefacts fetches the artefacts of a map's tasks as a JSON list: the 64
 * hexadecimal digits of a blob, or null. Others as attempt_api_get. */
struct attempt_call *attempt_api_get_artefacts(struct attempt_api *api,
                                               const struct execution_id *execution,
                                               uint32_t instance, size_t bytes_max,
                                               struct span token, exo_time patience_ns,
                                               const struct attempt_call_events *events);

/* attempt_api_get fetches what a context holds.
 *
 * execution  of the list; unused for a blob
 * context    BLOB or LIST; borrowed
 * index      an item of the list; UINT32_MAX: all of it
 * bytes_max  more ends the call with EXO_ELIMIT; 0: no bound
 * others     as attempt_api_put
 *
 * Gives the call, never NULL. */
struct attempt_call *attempt_api_get(struct attempt_api *api, const struct execution_id *execution,
                                     const struct wire_context *context, uint32_t index,
                                     size_t bytes_max, struct span token, exo_time patience_ns,
                                     const struct attempt_call_events *events);

/* attempt_api_result_get fetches a result that may be given again; others as attempt_api_get.
 * EXO_ENOTFOUND: there is none. */
struct attempt_call *attempt_api_result_get(struct attempt_api *api, const struct digest *key,
                                            size_t bytes_max, struct span token,
                                            exo_time patience_ns,
                                            const struct attempt_call_events *events);

/* attempt_api_result_put keeps one for ttl_ns; others as attempt_api_put. */
struct attempt_call *attempt_api_result_put(struct attempt_api *api, const struct digest *key,
                                            exo_time ttl_ns, struct span bytes, struct span token,
                                            exo_time patience_ns,
                                            const struct attempt_call_events *events);

/* attempt_call_cancel ends a call without on_done; NULL is allowed. */
void attempt_call_cancel(struct attempt_call *call);

#endif /* EXO_WORKERS_ATTEMPT_API_H */
