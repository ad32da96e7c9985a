/* values: what an expression waits for: a blob, one output of a map, or a whole list up to 8 MiB,
 * read from the store and stepped into the core as a VALUE. */
#include <stdlib.h>

#include "scheduler/shard.h"
#include "schemas/vocab/limits.h"

enum { PAGES_AT_ONCE = 16 };

static const char gone[] = "it was kept of an execution that has been deleted since "
                           "(retention_executions); run the whole cluster again";

/* One fetch on its way, or back and waiting for its turn. */
struct fetch {
    struct fetch *next;
    struct buffer json; /* once back */
    const char *error;  /* static */
    struct sched_need need;
    struct shard_ticket *ticket;
    struct buffer list; /* of a whole list: what has been written of it */
    uint32_t next_page;
    uint32_t written; /* items */
    uint32_t task_count;
    struct execution_id home; /* whose outputs they are, and ... */
    uint32_t home_number;     /* ... of which of its instances: a kept map's are its origin's */
    bool is_kept;
};

static void fetch_free(struct fetch *fetch)
{
    buffer_release(&fetch->json);
    buffer_release(&fetch->list);
    free(fetch);
}

/* Steps a value; false: not now. */
static bool value_step(struct shard *shard, const struct fetch *fetch, struct span json,
                       const char *error)
{
    struct sched_event event = {
        .kind = SCHED_VALUE,
        .value = {fetch->need.id, fetch->need.instance, fetch->need.index, json, span_of(error)}};
    enum caution_verdict verdict = caution_event(shard, &event);

    if (verdict == CAUTION_WAIT) {
        return false;
    }
    if (verdict == CAUTION_QUARANTINE) {
        caution_fail(shard, &event);
        return true;
    }
    event.value.json = arena_copy(&shard->open_arena, json);
    event.value.error = arena_copy(&shard->open_arena, span_of(error));
    if (event.value.json.data == NULL || event.value.error.data == NULL) {
        abort();
    }
    (void)shard_step(shard, &event); /* what it says is counted by the core */
    return true;
}

static void fetch_end(struct fetch *fetch, struct span json, const char *error)
{
    struct shard *shard = shard_ticket_end(fetch->ticket);

    if (shard != NULL && shard_is_live(shard) && !value_step(shard, fetch, json, error)) {
        buffer_append(&fetch->json, json);
        if (fetch->json.is_failed) {
            abort();
        }
        fetch->error = error;
        fetch->next = shard->fetched;
        shard->fetched = fetch;
        return;
    }
    fetch_free(fetch);
}

void values_turn(struct shard *shard)
{
    uint32_t generation = shard->generation;

    for (struct fetch **link = &shard->fetched; *link != NULL;) {
        struct fetch *fetch = *link;

        *link = fetch->next; /* a step may end the life, and that frees the list */
        bool is_done = value_step(shard, fetch, buffer_span(&fetch->json), fetch->error);

        if (is_done || shard->generation != generation) {
            fetch_free(fetch);
        } else {
            fetch->next = *link;
            *link = fetch;
            link = &fetch->next;
        }
        if (shard->generation != generation) {
            return;
        }
    }
}

void values_free(struct shard *shard)
{
    while (shard->fetched != NULL) {
        struct fetch *fetch = shard->fetched;

        shard->fetched = fetch->next;
        fetch_free(fetch);
    }
}

/* A store that is away says nothing about the value: the shard loads again and asks again. */
static bool fetch_is_void(struct fetch *fetch, const struct exo_error *err)
{
    if (err == NULL || (err->code != EXO_EUNAVAILABLE && err->code != EXO_EUNKNOWN)) {
        return false;
    }
    struct shard *shard = shard_ticket_end(fetch->ticket);

    if (shard != NULL && shard_is_live(shard)) {
        scheduler_say(shard->scheduler, "shard.waiting", "shard %u: a value: %s", shard->number,
                      err->text);
        shard_again(shard, EXO_SECOND);
    }
    fetch_free(fetch);
    return true;
}

static struct shard *fetch_shard(struct fetch *fetch)
{
    return fetch->ticket->generation == fetch->ticket->shard->generation ? fetch->ticket->shard
                                                                         : NULL;
}

static void blob_got(void *argument, struct span bytes, const struct exo_error *err)
{
    if (fetch_is_void(argument, err)) {
        return;
    }
    fetch_end(argument, err == NULL ? bytes : (struct span){NULL, 0},
              err == NULL ? "" : "an output kept as a blob cannot be read");
}

/* Outputs of one page by index: the last success of each. */
static void page_put(struct wire_output *page, const struct wire_output *outputs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i].outcome == OUTCOME_SUCCEEDED) {
            page[outputs[i].index % PAGE_TASKS] = outputs[i];
        }
    }
}

/* Writes the items of one page; false when the value gets too large or is kept elsewhere. */
static bool page_write(struct fetch *fetch, const struct wire_output *page)
{
    uint32_t left = fetch->task_count - fetch->written;
    uint32_t count = left < PAGE_TASKS ? left : PAGE_TASKS;

    for (uint32_t i = 0; i < count; i++) {
        if (page[i].has_ref) {
            return false;
        }
        buffer_text(&fetch->list, fetch->written == 0 ? "[" : ",");
        buffer_append(&fetch->list, page[i].json.bytes == 0 ? span_of("null") : page[i].json);
        fetch->written++;
    }
    if (fetch->list.is_failed && !fetch->list.is_too_long) {
        abort();
    }
    return !fetch->list.is_failed;
}

static void list_ask(struct fetch *fetch);

static void list_got(void *argument, const struct store_segment *segments, uint32_t count,
                     const struct exo_error *err)
{
    struct fetch *fetch = argument;
    struct arena arena;
    uint32_t at = 0;

    if (fetch_is_void(fetch, err)) {
        return;
    }
    bool is_good = err == NULL && fetch_shard(fetch) != NULL;
    bool is_gone = false;

    arena_init(&arena, allocator_heap(&(struct heap_budget){0}), 0);
    for (uint32_t p = 0; p < PAGES_AT_ONCE && is_good && fetch->written < fetch->task_count; p++) {
        struct wire_output *page = arena_alloc(&arena, PAGE_TASKS * sizeof(*page));

        is_gone =
            is_gone || (fetch->is_kept && (at == count || segments[at].page != fetch->next_page));
        is_good = page != NULL && !is_gone;
        for (; is_good && at < count && segments[at].page == fetch->next_page; at++) {
            const struct wire_output *outputs;
            uint32_t output_count;

            is_good =
                wire_outputs_unpack(segments[at].body, &arena, &outputs, &output_count) == WIRE_OK;
            if (is_good) {
                page_put(page, outputs, output_count);
            }
        }
        is_good = is_good && page_write(fetch, page);
        fetch->next_page++;
    }
    arena_release(&arena);
    if (is_gone) {
        fetch_end(fetch, (struct span){NULL, 0}, gone);
    } else if (!is_good) {
        fetch_end(fetch, (struct span){NULL, 0},
                  "a list above 1 MiB (8 MiB for for_each), or with items kept as blobs, can be "
                  "passed on but not looked into");
    } else if (fetch->written < fetch->task_count) {
        list_ask(fetch);
    } else {
        buffer_text(&fetch->list, "]");
        fetch_end(fetch, buffer_span(&fetch->list), "");
    }
}

static void list_ask(struct fetch *fetch)
{
    store_segment_get(fetch->ticket->shard->scheduler->store, &fetch->home, fetch->home_number, 0,
                      fetch->next_page, PAGES_AT_ONCE, list_got, fetch);
}

static void item_got(void *argument, const struct store_segment *segments, uint32_t count,
                     const struct exo_error *err)
{
    struct fetch *fetch = argument;
    struct arena arena;
    struct wire_output *page;

    if (fetch_is_void(fetch, err)) {
        return;
    }
    arena_init(&arena, allocator_heap(&(struct heap_budget){0}), 0);
    page = arena_alloc(&arena, PAGE_TASKS * sizeof(*page));
    bool is_good = err == NULL && page != NULL;

    for (uint32_t i = 0; i < count && is_good; i++) {
        const struct wire_output *outputs;
        uint32_t output_count;

        is_good = wire_outputs_unpack(segments[i].body, &arena, &outputs, &output_count) == WIRE_OK;
        if (is_good) {
            page_put(page, outputs, output_count);
        }
    }
    const struct wire_output *item = is_good ? &page[fetch->need.index % PAGE_TASKS] : NULL;

    if (is_good && fetch->is_kept && count == 0) {
        fetch_end(fetch, (struct span){NULL, 0}, gone);
    } else if (item == NULL || item->has_ref) {
        fetch_end(fetch, (struct span){NULL, 0},
                  "an item kept as a blob can be passed on but not looked into");
    } else {
        fetch_end(fetch, item->json.bytes == 0 ? span_of("null") : item->json, "");
    }
    arena_release(&arena);
}

/* Where the outputs of a map lie. */
static void home_set(struct fetch *fetch, const struct instance *instance)
{
    fetch->is_kept = instance != NULL && instance->has_origin;
    fetch->home = fetch->is_kept ? instance->origin : fetch->need.id;
    fetch->home_number = fetch->is_kept ? instance->origin_number : fetch->need.instance;
    fetch->task_count = instance == NULL ? 0 : instance->task_count;
}

void value_fetch(struct shard *shard, const struct sched_need *need)
{
    const struct execution *e = sched_find(shard->sched, &need->id);
    struct fetch *fetch = calloc(1, sizeof(*fetch));

    if (fetch == NULL) {
        abort();
    }
    fetch->need = *need;
    fetch->ticket = shard_ticket_new(shard, NULL);
    buffer_init(&fetch->json, shard->scheduler->allocator, 0);
    buffer_init(&fetch->list, shard->scheduler->allocator, LIMIT_MAP_LIST_BYTES);
    home_set(fetch, e == NULL ? NULL : execution_instance(e, need->instance));
    if (e == NULL) {
        fetch_end(fetch, (struct span){NULL, 0}, "the execution ended");
    } else if (need->has_ref) {
        store_blob_get(shard->scheduler->store, &need->digest, blob_got, fetch);
    } else if (need->index != UINT32_MAX) {
        store_segment_get(shard->scheduler->store, &fetch->home, fetch->home_number, 0,
                          need->index / PAGE_TASKS, 1, item_got, fetch);
    } else {
        list_ask(fetch);
    }
}
