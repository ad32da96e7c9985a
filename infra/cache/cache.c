#include "infra/cache/cache.h"

#include <assert.h>
#include <stdlib.h>

#include "infra/cache/driver.h"

struct cache_watch {
    struct cache_watch *next;
    struct cache_watch *previous;
    struct watch_group *group;
    struct cache *cache;
    void (*call)(void *argument, struct span event, bool is_gap);
    void *argument;
};

struct cache *cache_open(struct loop *loop, const struct cache_settings *settings,
                         struct exo_error *err)
{
    if (settings->view_ttl_ns <= 0 || settings->view_ttl_ns > 30 * EXO_SECOND) {
        (void)exo_error_set(err, EXO_EINVALID,
                            "the life of a view must be more than 0 and at most "
                            "30s");
        return NULL;
    }
    if (strcmp(settings->backend, "memory") == 0) {
        return cache_memory_open(loop, settings, err);
    }
    if (strcmp(settings->backend, "redis") == 0) {
        return cache_redis_open(loop, settings, err);
    }
    (void)exo_error_set(err, EXO_EINVALID, "unknown cache \"%s\"; use redis or memory",
                        settings->backend);
    return NULL;
}

void cache_close(struct cache *cache)
{
    if (cache != NULL) {
        cache->driver->close(cache);
    }
}

void cache_put(struct cache *cache, const struct execution_id *id, struct cache_version version,
               struct span view, struct span event, void (*done)(void *argument, bool is_taken),
               void *argument)
{
    cache->driver->put(cache, id, version, view, event, done, argument);
}

void cache_tell(struct cache *cache, const struct execution_id *id, struct cache_version version,
                struct span change)
{
    bool is_heard = cache->driver->is_heard(cache, id);

    cache->driver->put(cache, id, version, is_heard ? change : (struct span){NULL, 0}, change, NULL,
                       NULL);
}

void cache_get(struct cache *cache, const struct execution_id *id,
               void (*done)(void *argument, struct span view, struct cache_version version),
               void *argument)
{
    cache->driver->get(cache, id, done, argument);
}

bool cache_is_up(const struct cache *cache)
{
    return cache->driver->is_up(cache);
}

void cache_base_init(struct cache *cache, const struct cache_driver *driver)
{
    cache->driver = driver;
    id_table_init(&cache->watched);
}

void cache_base_release(struct cache *cache)
{
    assert(cache->watched.count == 0);
    id_table_release(&cache->watched);
}

static void *must_allocate(size_t bytes)
{
    void *block = calloc(1, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

struct cache_watch *cache_watch_open(struct cache *cache, const struct execution_id *id,
                                     void (*call)(void *argument, struct span event, bool is_gap),
                                     void *argument)
{
    struct watch_group *group = (struct watch_group *)id_table_find(&cache->watched, id);

    if (group == NULL) {
        group = must_allocate(sizeof(*group));
        group->entry.id = *id;
        id_table_add(&cache->watched, &group->entry);
        cache->driver->subscribe(cache, id);
    }
    struct cache_watch *watch = must_allocate(sizeof(*watch));

    *watch = (struct cache_watch){
        .next = group->first, .group = group, .cache = cache, .call = call, .argument = argument};
    if (group->first != NULL) {
        group->first->previous = watch;
    }
    group->first = watch;
    return watch;
}

static void free_group_when_empty(struct cache *cache, struct watch_group *group)
{
    if (group->first == NULL && !group->is_calling) {
        id_table_remove(&cache->watched, &group->entry);
        cache->driver->unsubscribe(cache, &group->entry.id);
        free(group);
    }
}

void cache_watch_close(struct cache_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    struct watch_group *group = watch->group;

    if (group->cursor == watch) {
        group->cursor = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        group->first = watch->next;
    }
    free_group_when_empty(watch->cache, group);
    free(watch);
}

void watches_call(struct cache *cache, const struct execution_id *id, struct span event,
                  bool is_gap)
{
    struct watch_group *group = (struct watch_group *)id_table_find(&cache->watched, id);

    if (group == NULL) {
        return;
    }
    group->is_calling = true;
    group->cursor = group->first;
    while (group->cursor != NULL) {
        struct cache_watch *watch = group->cursor;

        group->cursor = watch->next;
        watch->call(watch->argument, event, is_gap);
    }
    group->is_calling = false;
    free_group_when_empty(cache, group);
}
