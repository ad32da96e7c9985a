#include "tests/sim/cache_sim.h"

#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

struct cache {
    struct loop *loop;
};

struct view {
    struct view *next;
    struct execution_id id;
    struct cache_version version;
};

static struct view *views;

struct cache *cache_new(struct loop *loop)
{
    struct cache *cache = sim_alloc(sizeof(*cache));

    cache->loop = loop;
    return cache;
}

void cache_begin(void)
{
    views = NULL;
}

void cache_close(struct cache *cache)
{
    (void)cache;
}

static bool is_newer(struct cache_version a, struct cache_version b)
{
    return a.epoch != b.epoch ? a.epoch > b.epoch : a.batch > b.batch;
}

static void view_arrives(void *argument)
{
    const struct view *put = argument;
    struct view *view = views;

    while (view != NULL && !execution_id_equal(&view->id, &put->id)) {
        view = view->next;
    }
    if (view == NULL) {
        view = sim_alloc(sizeof(*view));
        view->id = put->id;
        view->next = views;
        views = view;
    }
    if (is_newer(put->version, view->version)) {
        view->version = put->version;
    }
}

void cache_put(struct cache *cache, const struct execution_id *id, struct cache_version version,
               struct span view, struct span event, void (*done)(void *argument, bool is_taken),
               void *argument)
{
    (void)cache;
    (void)view;
    (void)event;
    (void)argument;
    if (done != NULL) {
        sim_fail("the model of the cache knows no answers");
    }
    oracle_cached(id, version.epoch, version.batch);
    if (!fault_fires(&sim.faults, FAULT_CACHE_DROP)) {
        struct view *put = sim_alloc(sizeof(*put));

        put->id = *id;
        put->version = version;
        sim_in(50 * EXO_MICROSECOND, 5 * EXO_MILLISECOND, NULL, view_arrives, put);
    }
}
