#include "scheduler/replay_views.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/wire/event.h"

enum { BUCKETS_FIRST = 1024, ASKS_MAX = 256 };

struct view {
    struct view *next; /* of the bucket */
    struct execution_id id;
    struct cache_version version;
    size_t bytes;
    unsigned char data[];
};

struct replay_views {
    struct cache *cache;
    struct view **buckets;
    size_t bucket_count, count;
    struct heap_budget budget;
    struct arena arena;
    struct buffer text;
    /* a check under way */
    size_t at; /* the next bucket */
    uint32_t asked;
    bool is_asking; /* within the loop that asks */
    struct replay_views_counts counts;
    void (*differs)(void *argument, const struct execution_id *id, const char *how);
    void (*done)(void *argument, const struct replay_views_counts *counts);
    void *argument;
};

struct replay_views *replay_views_new(struct cache *cache)
{
    struct replay_views *v = calloc(1, sizeof(*v));

    if (v == NULL || (v->buckets = calloc(BUCKETS_FIRST, sizeof(struct view *))) == NULL) {
        abort();
    }
    v->cache = cache;
    v->bucket_count = BUCKETS_FIRST;
    arena_init(&v->arena, allocator_heap(&v->budget), 0);
    buffer_init(&v->text, allocator_heap(&v->budget), 0);
    return v;
}

void replay_views_free(struct replay_views *v)
{
    if (v == NULL) {
        return;
    }
    for (size_t i = 0; i < v->bucket_count; i++) {
        while (v->buckets[i] != NULL) {
            struct view *next = v->buckets[i]->next;

            free(v->buckets[i]);
            v->buckets[i] = next;
        }
    }
    free(v->buckets);
    buffer_release(&v->text);
    arena_release(&v->arena);
    free(v);
}

/* ---- what should be shown ---- */

/* Ids carry time in front and chance behind. */
static size_t bucket_of(const struct replay_views *v, const struct execution_id *id)
{
    uint64_t tail;

    memcpy(&tail, id->bytes + 8, sizeof(tail));
    return (size_t)(tail * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (v->bucket_count - 1);
}

static void grow(struct replay_views *v)
{
    struct view **old = v->buckets;
    size_t count = v->bucket_count;

    v->buckets = calloc(2 * count, sizeof(struct view *));
    if (v->buckets == NULL) {
        abort();
    }
    v->bucket_count = 2 * count;
    for (size_t i = 0; i < count; i++) {
        while (old[i] != NULL) {
            struct view *view = old[i];
            struct view **to = &v->buckets[bucket_of(v, &view->id)];

            old[i] = view->next;
            view->next = *to;
            *to = view;
        }
    }
    free(old);
}

static void view_put(struct replay_views *v, const struct execution_id *id,
                     struct cache_version version, struct span bytes)
{
    struct view **link = &v->buckets[bucket_of(v, id)];
    struct view *view = malloc(sizeof(*view) + bytes.bytes);

    if (view == NULL) {
        abort();
    }
    while (*link != NULL && !execution_id_equal(&(*link)->id, id)) {
        link = &(*link)->next;
    }
    view->id = *id;
    view->version = version;
    view->bytes = bytes.bytes;
    memcpy(view->data, bytes.data, bytes.bytes);
    view->next = *link == NULL ? NULL : (*link)->next;
    v->count += *link == NULL;
    free(*link);
    *link = view;
    if (v->count > v->bucket_count) {
        grow(v);
    }
}

/* The changes of an execution stand together, as the scheduler wrote them (seal_changes.c). */
void replay_views_note(struct replay_views *v, const struct store_imprint *row)
{
    struct wire_change_batch batch;

    arena_reset(&v->arena);
    if (row->body.bytes == 0 || wire_change_batch_unpack(row->body, &v->arena, &batch) != WIRE_OK) {
        return;
    }
    const struct wire_change *changes = batch.changes;
    uint32_t count = batch.change_count;

    for (uint32_t i = 0; i < count;) {
        uint32_t first = i;

        while (i < count && execution_id_equal(&changes[i].execution, &changes[first].execution)) {
            i++;
        }
        batch.changes = changes + first;
        batch.change_count = i - first;
        buffer_reset(&v->text);
        wire_change_batch_pack(&batch, &v->arena, &v->text);
        if (v->text.is_failed) {
            abort();
        }
        view_put(v, &changes[first].execution, (struct cache_version){row->epoch, row->batch},
                 buffer_span(&v->text));
    }
}

/* ---- what is shown ---- */

struct asked {
    struct replay_views *views;
    const struct view *view;
};

static void ask_more(struct replay_views *v);

/* What is wrong with a view; NULL: nothing. */
static const char *judge(struct replay_views *v, const struct view *view, struct span shown,
                         struct cache_version version)
{
    if (shown.bytes == 0) {
        v->counts.absent++;
        return NULL;
    }
    if (version.epoch == view->version.epoch && version.batch == view->version.batch) {
        bool is_equal = span_equal(shown, (struct span){view->data, view->bytes});

        v->counts.equal += is_equal;
        v->counts.wrong += !is_equal;
        return is_equal ? NULL : "not what the journal says";
    }
    if (version.epoch < view->version.epoch ||
        (version.epoch == view->version.epoch && version.batch < view->version.batch)) {
        v->counts.older++;
        return "older than the journal";
    }
    v->counts.newer++;
    return "newer than the journal";
}

static void on_view(void *argument, struct span shown, struct cache_version version)
{
    struct asked *asked = argument;
    struct replay_views *v = asked->views;
    const struct view *view = asked->view;
    const char *how = judge(v, view, shown, version);

    free(asked);
    if (how != NULL) {
        v->differs(v->argument, &view->id, how);
    }
    v->asked--;
    if (!v->is_asking) {
        ask_more(v);
    }
}

static void ask_more(struct replay_views *v)
{
    v->is_asking = true;
    while (v->at < v->bucket_count && v->asked < ASKS_MAX) {
        for (const struct view *view = v->buckets[v->at++]; view != NULL; view = view->next) {
            struct asked *asked = malloc(sizeof(*asked));

            if (asked == NULL) {
                abort();
            }
            *asked = (struct asked){v, view};
            v->asked++;
            cache_get(v->cache, &view->id, on_view, asked);
        }
    }
    v->is_asking = false;
    if (v->asked == 0 && v->at == v->bucket_count) {
        v->done(v->argument, &v->counts);
    }
}

void replay_views_check(struct replay_views *v,
                        void (*differs)(void *argument, const struct execution_id *id,
                                        const char *how),
                        void (*done)(void *argument, const struct replay_views_counts *counts),
                        void *argument)
{
    v->at = 0;
    v->counts = (struct replay_views_counts){0};
    v->differs = differs;
    v->done = done;
    v->argument = argument;
    ask_more(v);
}
