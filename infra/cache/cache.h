/* cache: the fast view of executions and the broadcast to watchers; may be lost at any time.
 *
 * A port with two back-ends: redis.c (hiredis) and memory.c (this process). Nothing true lives here
 * alone; every call may silently do nothing while the other side is away. */
#ifndef EXO_INFRA_CACHE_H
#define EXO_INFRA_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

struct cache;
struct cache_watch;

struct cache_settings {
    const char *backend; /* "redis" or "memory" */
    const char
        *url; /* redis://[user:password@]host:port/db; rediss:// only where TLS is built in */
    exo_time view_ttl_ns;  /* at most 30 s */
    exo_time put_limit_ns; /* redis: a put not answered by then is dropped; 0: 5 ms */
    /* What the back-end has to say (one line without secrets), on the loop's thread; NULL: nobody
     * listens. */
    void (*notice)(void *argument, const char *text);
    void *notice_argument; /* kept */
};

/* Versions of views only grow: (epoch, batch) of the commit that made them. */
struct cache_version {
    uint64_t epoch;
    uint64_t batch;
};

/* cache_open does not wait for the server; it reconnects by itself for ever, at most 5 s apart.
 * Gives the cache, or NULL with *err set (bad URL, TLS asked for but not built in). */
EXO_CHECKED struct cache *cache_open(struct loop *loop, const struct cache_settings *settings,
                                     struct exo_error *err);

/* cache_close frees all; watches must have been closed. No callback follows. Not from inside a
 * callback of this cache. */
void cache_close(struct cache *cache);

/* cache_put sets the view of an execution unless a newer version stands there, then publishes
 * `event` to its watchers (in this order; only when the view was set). Everything of one turn of
 * the loop travels in one pipeline. view and event are borrowed for the call; an empty view only
 * publishes, an empty event only sets.
 * done  may be NULL; called once with true when the server took it, false when it was dropped
 *       (away, or longer behind than put_limit_ns) */
void cache_put(struct cache *cache, const struct execution_id *id, struct cache_version version,
               struct span view, struct span event, void (*done)(void *argument, bool is_taken),
               void *argument);

/* cache_tell publishes a change to the watchers of an execution. Where somebody heard one within
 * view_ttl_ns the change is kept as the view too, as cache_put does it with view and event; what
 * nobody watches costs a broadcast and no view. `change` is borrowed for the call and not empty. */
void cache_tell(struct cache *cache, const struct execution_id *id, struct cache_version version,
                struct span change);

/* cache_get reads a view; calls back with an empty span when there is none or the server is away.
 * The view is borrowed for the callback. */
void cache_get(struct cache *cache, const struct execution_id *id,
               void (*done)(void *argument, struct span view, struct cache_version version),
               void *argument);

/* cache_watch_open calls back for each event published for an execution from now on. is_gap tells
 * that events may have been missed (the subscription has just begun, or begun again after a
 * reconnect): read again; its event is empty. Many watches of one execution share a subscription.
 * Keeps argument. */
struct cache_watch *cache_watch_open(struct cache *cache, const struct execution_id *id,
                                     void (*call)(void *argument, struct span event, bool is_gap),
                                     void *argument);

/* cache_watch_close ends it at once; no callback follows. NULL is allowed. */
void cache_watch_close(struct cache_watch *watch);

/* cache_is_up is true while the server answers in time (memory: always). */
bool cache_is_up(const struct cache *cache);

#endif /* EXO_INFRA_CACHE_H */
