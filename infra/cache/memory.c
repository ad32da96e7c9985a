/* memory: the cache inside one process.
 *
 *   put -> views (newest version wins, TTL) and queue -> next turn: done(), watchers
 *
 * Views stand in a list by age, so that the oldest go first when their time or the bound is
 * reached. Answers wait in one queue for the next turn of the loop. Reads the loop's clock. */
#include <stdlib.h>

#include "infra/cache/driver.h"

enum { BYTES_MAX = 64 << 20, VIEW_OVERHEAD_BYTES = 128 };

struct view {
    struct id_entry entry; /* first: found through memory.views */
    struct view *older;
    struct view *newer;
    struct cache_version version;
    exo_time expires_ns;
    size_t bytes;
    unsigned char data[];
};

enum answer_kind { ANSWER_PUT, ANSWER_GET, ANSWER_EVENT };

/* One callback that waits for the next turn. */
struct answer {
    struct answer *next;
    enum answer_kind kind;
    struct execution_id id;
    cache_put_done *put_done;
    cache_get_done *get_done;
    void *argument;
    bool is_taken;
    struct cache_version version;
    size_t bytes;
    unsigned char data[];
};

struct cache_memory {
    struct cache cache; /* first: a struct cache is one of these */
    struct loop *loop;
    struct loop_wake *turn;
    exo_time ttl_ns;
    struct id_table views;
    struct view *oldest;
    struct view *newest;
    size_t view_bytes;
    struct answer *first;
    struct answer **last_link;
    size_t answer_bytes;
};

static void view_unlink(struct cache_memory *memory, struct view *view)
{
    *(view->older != NULL ? &view->older->newer : &memory->oldest) = view->newer;
    *(view->newer != NULL ? &view->newer->older : &memory->newest) = view->older;
    id_table_remove(&memory->views, &view->entry);
    memory->view_bytes -= view->bytes + VIEW_OVERHEAD_BYTES;
    free(view);
}

static void drop_old_views(struct cache_memory *memory)
{
    exo_time now_ns = loop_now_ns(memory->loop);

    while (memory->oldest != NULL &&
           (memory->oldest->expires_ns <= now_ns || memory->view_bytes > BYTES_MAX)) {
        view_unlink(memory, memory->oldest);
    }
}

static bool is_newer(struct cache_version a, struct cache_version b)
{
    return a.epoch != b.epoch ? a.epoch > b.epoch : a.batch > b.batch;
}

/* False when a newer one stands there, or without memory. */
static bool view_set(struct cache_memory *memory, const struct execution_id *id,
                     struct cache_version version, struct span source)
{
    drop_old_views(memory);
    struct view *old = (struct view *)id_table_find(&memory->views, id);

    if (old != NULL && is_newer(old->version, version)) {
        return false;
    }
    struct view *view = malloc(sizeof(*view) + source.bytes);

    if (view == NULL) {
        return false;
    }
    if (old != NULL) {
        view_unlink(memory, old);
    }
    view->entry.id = *id;
    view->version = version;
    view->expires_ns = loop_now_ns(memory->loop) + memory->ttl_ns;
    view->bytes = source.bytes;
    memcpy(view->data, source.data, source.bytes);
    view->newer = NULL;
    view->older = memory->newest;
    *(memory->newest != NULL ? &memory->newest->newer : &memory->oldest) = view;
    memory->newest = view;
    id_table_add(&memory->views, &view->entry);
    memory->view_bytes += view->bytes + VIEW_OVERHEAD_BYTES;
    return true;
}

/* Puts an answer with a copy of bytes at the end of the queue; NULL without memory or when the
 * queue is full. */
static struct answer *answer_add(struct cache_memory *memory, enum answer_kind kind,
                                 const struct execution_id *id, struct span bytes)
{
    struct answer *answer = NULL;

    if (memory->answer_bytes + bytes.bytes <= BYTES_MAX || bytes.bytes == 0) {
        answer = calloc(1, sizeof(*answer) + bytes.bytes);
    }
    if (answer == NULL) {
        return NULL;
    }
    answer->kind = kind;
    answer->id = *id;
    answer->bytes = bytes.bytes;
    if (bytes.bytes > 0) {
        memcpy(answer->data, bytes.data, bytes.bytes);
    }
    memory->answer_bytes += bytes.bytes;
    *memory->last_link = answer;
    memory->last_link = &answer->next;
    loop_wake_send(memory->turn);
    return answer;
}

static void memory_put(struct cache *cache, const struct execution_id *id,
                       struct cache_version version, struct span view, struct span event,
                       cache_put_done *done, void *argument)
{
    struct cache_memory *memory = (struct cache_memory *)cache;
    bool is_set = view.bytes == 0 || view_set(memory, id, version, view);

    if (is_set && event.bytes > 0 && id_table_find(&cache->watched, id) != NULL &&
        answer_add(memory, ANSWER_EVENT, id, event) == NULL) {
        /* An event that could not be kept must not be missed silently: an empty one is a gap. */
        (void)answer_add(memory, ANSWER_EVENT, id, (struct span){NULL, 0});
    }
    if (done != NULL) {
        struct answer *answer = answer_add(memory, ANSWER_PUT, id, (struct span){NULL, 0});

        if (answer == NULL) {
            abort(); /* a callback that never comes would stop a shard */
        }
        answer->put_done = done;
        answer->argument = argument;
        answer->is_taken = true;
    }
}

static void memory_get(struct cache *cache, const struct execution_id *id, cache_get_done *done,
                       void *argument)
{
    struct cache_memory *memory = (struct cache_memory *)cache;

    drop_old_views(memory);
    const struct view *view = (struct view *)id_table_find(&memory->views, id);
    struct span bytes = {NULL, 0};

    if (view != NULL) {
        bytes = (struct span){view->data, view->bytes};
    }
    struct answer *answer = answer_add(memory, ANSWER_GET, id, bytes);

    if (answer == NULL) {
        view = NULL;
        answer = answer_add(memory, ANSWER_GET, id, (struct span){NULL, 0});
    }
    if (answer == NULL) {
        abort();
    }
    answer->get_done = done;
    answer->argument = argument;
    answer->version = view == NULL ? (struct cache_version){0} : view->version;
}

static void answer_call(struct cache_memory *memory, const struct answer *answer)
{
    struct span bytes = {answer->bytes == 0 ? NULL : answer->data, answer->bytes};

    switch (answer->kind) {
    case ANSWER_PUT:
        answer->put_done(answer->argument, answer->is_taken);
        break;
    case ANSWER_GET:
        answer->get_done(answer->argument, bytes, answer->version);
        break;
    case ANSWER_EVENT:
        watches_call(&memory->cache, &answer->id, bytes, bytes.bytes == 0);
        break;
    }
}

/* Answers that are asked for meanwhile wait for the turn after. */
static void on_turn(void *argument)
{
    struct cache_memory *memory = argument;
    struct answer *answer = memory->first;

    memory->first = NULL;
    memory->last_link = &memory->first;
    memory->answer_bytes = 0;
    while (answer != NULL) {
        struct answer *next = answer->next;

        answer_call(memory, answer);
        free(answer);
        answer = next;
    }
}

static void memory_close(struct cache *cache)
{
    struct cache_memory *memory = (struct cache_memory *)cache;

    while (memory->oldest != NULL) {
        view_unlink(memory, memory->oldest);
    }
    while (memory->first != NULL) {
        struct answer *answer = memory->first;

        memory->first = answer->next;
        free(answer);
    }
    loop_wake_free(memory->turn);
    id_table_release(&memory->views);
    cache_base_release(cache);
    free(memory);
}

static bool memory_is_heard(struct cache *cache, const struct execution_id *id)
{
    struct cache_memory *memory = (struct cache_memory *)cache;

    drop_old_views(memory);
    return id_table_find(&cache->watched, id) != NULL || id_table_find(&memory->views, id) != NULL;
}

static void memory_subscribe(struct cache *cache, const struct execution_id *id)
{
    /* Nothing to tell anybody: memory_put looks the watches up. */
    (void)cache;
    (void)id;
}

static bool memory_is_up(const struct cache *cache)
{
    (void)cache;
    return true;
}

struct cache *cache_memory_open(struct loop *loop, const struct cache_settings *settings,
                                struct exo_error *err)
{
    static const struct cache_driver driver = {
        .close = memory_close,
        .put = memory_put,
        .get = memory_get,
        .is_heard = memory_is_heard,
        .subscribe = memory_subscribe,
        .unsubscribe = memory_subscribe,
        .is_up = memory_is_up,
    };
    struct cache_memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for a cache");
        return NULL;
    }
    cache_base_init(&memory->cache, &driver);
    id_table_init(&memory->views);
    memory->loop = loop;
    memory->ttl_ns = settings->view_ttl_ns;
    memory->last_link = &memory->first;
    memory->turn = loop_wake_new(loop, on_turn, memory);
    return &memory->cache;
}
