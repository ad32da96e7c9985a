/* driver: what a back-end of the cache must do; cache.c does what both share (the watches).
 *
 *   cache_* --> cache.c --> driver (memory.c | redis.c) --watches_call--> cache.c --> watchers
 *
 * A back-end's struct begins with a struct cache. */
#ifndef EXO_INFRA_CACHE_DRIVER_H
#define EXO_INFRA_CACHE_DRIVER_H

#include "infra/cache/cache.h"
#include "infra/cache/id_table.h"

typedef void cache_put_done(void *argument, bool is_taken);
typedef void cache_get_done(void *argument, struct span view, struct cache_version version);

struct cache_driver {
    void (*close)(struct cache *cache);
    void (*put)(struct cache *cache, const struct execution_id *id, struct cache_version version,
                struct span view, struct span event, cache_put_done *done, void *argument);
    void (*get)(struct cache *cache, const struct execution_id *id, cache_get_done *done,
                void *argument);
    bool (*is_heard)(struct cache *cache, const struct execution_id *id);    /* by a watcher */
    void (*subscribe)(struct cache *cache, const struct execution_id *id);   /* first watch of id */
    void (*unsubscribe)(struct cache *cache, const struct execution_id *id); /* last watch closed */
    bool (*is_up)(const struct cache *cache);
};

/* All watches of one execution. */
struct watch_group {
    struct id_entry entry; /* first: found through cache.watched */
    struct cache_watch *first;
    struct cache_watch *cursor; /* the next to be called while is_calling */
    bool is_calling;
};

struct cache {
    const struct cache_driver *driver;
    struct id_table watched; /* of struct watch_group */
};

/* cache_base_init and cache_base_release serve the back-ends' open and close. All watches must
 * have been closed. */
void cache_base_init(struct cache *cache, const struct cache_driver *driver);
void cache_base_release(struct cache *cache);

/* watches_call shows an event to every watch of an execution; on a turn of its own. Watches may be
 * opened and closed meanwhile, the cache may not be closed. */
void watches_call(struct cache *cache, const struct execution_id *id, struct span event,
                  bool is_gap);

/* The two back-ends; as cache_open. */
EXO_CHECKED struct cache *
cache_memory_open(struct loop *loop, const struct cache_settings *settings, struct exo_error *err);
EXO_CHECKED struct cache *cache_redis_open(struct loop *loop, const struct cache_settings *settings,
                                           struct exo_error *err);

#endif /* EXO_INFRA_CACHE_DRIVER_H */
