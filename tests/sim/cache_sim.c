#include "tests/sim/cache_sim.h"

#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

struct cache {
    struct loop *loop;
};

struct view {
    struct view *next;
    struct execution_id id;
    struct cache_version version, copied; /* what a replica has of it */
};

static struct view *views;
static exo_time away_until_ns;

struct cache *cache_new(struct loop *loop)
{
    struct cache *cache = sim_alloc(sizeof(*cache));

    cache->loop = loop;
    return cache;
}

void cache_begin(void)
{
    views = NULL;
    away_until_ns = 0;
}

void cache_hang(exo_time until_ns)
{
    sim_trace("the cache hangs until %.3f", (double)until_ns / 1e9);
    away_until_ns = until_ns;
}

/* The replica is as old as the last time somebody looked here. */
void cache_fail_over(void)
{
    sim_trace("an older copy of the cache takes over");
    for (struct view *view = views; view != NULL; view = view->next) {
        view->version = view->copied;
    }
}

static void views_copy(void)
{
    for (struct view *view = views; view != NULL; view = view->next) {
        view->copied = view->version;
    }
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
    if (dice_chance(&sim.net, 10000)) {
        views_copy();
    }
    if (away_until_ns <= sim.now_ns && !fault_fires(&sim.faults, FAULT_CACHE_DROP)) {
        struct view *put = sim_alloc(sizeof(*put));

        put->id = *id;
        put->version = version;
        sim_in(50 * EXO_MICROSECOND, 5 * EXO_MILLISECOND, NULL, view_arrives, put);
    }
}

/* As if somebody watched all of them. */
void cache_tell(struct cache *cache, const struct execution_id *id, struct cache_version version,
                struct span change)
{
    cache_put(cache, id, version, change, change, NULL, NULL);
}
