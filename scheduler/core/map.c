/* map: the list of a map: computed, held, handed to the store, and what its end means. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

void items_drop(struct sched *s, struct item_list *items)
{
    sched_put(s, items->json, items->json_bytes);
    sched_put(s, items->ends, items->count * sizeof(*items->ends));
    *items = (struct item_list){0};
}

/* Room for so many bytes and items behind those that are there. */
static bool items_grow(struct sched *s, struct item_list *items, size_t bytes, uint32_t count)
{
    unsigned char *json = s->allocator.resize(s->allocator.context, items->json, items->json_bytes,
                                              items->json_bytes + bytes);
    uint32_t *ends =
        s->allocator.resize(s->allocator.context, items->ends, items->count * sizeof(*ends),
                            (items->count + count) * sizeof(*ends));

    items->json = json != NULL ? json : items->json;
    items->ends = ends != NULL ? ends : items->ends;
    s->is_broken = s->is_broken || (json == NULL && items->json_bytes + bytes > 0) ||
                   (ends == NULL && items->count + count > 0);
    return !s->is_broken;
}

/* Adds the items of a list, one after the other; false when they cannot be held. */
bool items_add(struct sched *s, struct item_list *items, const struct value *list)
{
    struct buffer text;

    buffer_init(&text, s->allocator, UINT32_MAX - items->json_bytes);
    for (uint32_t i = 0; i < list->count; i++) {
        json_write(&text, &list->items[i]);
    }
    if (text.is_failed || !items_grow(s, items, text.bytes, list->count)) {
        s->is_broken = true;
        buffer_release(&text);
        return false;
    }
    if (text.bytes > 0) {
        memcpy(items->json + items->json_bytes, text.data, text.bytes);
    }
    buffer_reset(&text);
    for (uint32_t i = 0; i < list->count; i++) {
        json_write(&text, &list->items[i]);
        items->ends[items->count++] = (uint32_t)(items->json_bytes + text.bytes);
    }
    items->json_bytes += text.bytes;
    buffer_release(&text);
    return true;
}

/* Evaluates for_each; false when it waits for a value. */
static bool list_of(struct sched *s, struct instance *instance, struct value *ret_list,
                    enum expression_err *ret_result, struct expression_error *ret_error)
{
    struct scope scope = {
        .sched = s, .frame = instance->frame, .user = instance, .is_list_of_map = true};

    *ret_result = scope_eval(&scope, instance->satellite->for_each, ret_list, ret_error);
    if (*ret_result == EXPRESSION_EPENDING) {
        waiter_wait(s, &instance->waiter, instance->frame, &scope);
        return false;
    }
    return true;
}

/* The list of a map that was loaded half-way: the same expression over the same values. */
static void items_compute(struct sched *s, struct instance *instance)
{
    struct expression_error error;
    enum expression_err result;
    struct value list;

    if (!list_of(s, instance, &list, &result, &error)) {
        return;
    }
    if (result != EXPRESSION_OK || list.kind != VALUE_LIST || list.count != instance->task_count) {
        /* What it was computed from is gone: no task of it can be given its item. */
        execution_end(s, instance->execution, EXECUTION_FAILED,
                      span_of("for_each: the list of a map could not be computed again"));
        return;
    }
    items_drop(s, &instance->items);
    if (items_add(s, &instance->items, &list)) {
        instance->needs_items = false;
    }
    values_drop(s, instance->frame);
    arena_reset(&s->scratch);
}

static bool expand(struct sched *s, struct instance *instance, const struct value *list)
{
    if (list->count > LIMIT_TASKS - instance->execution->task_total) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("for_each: an execution may have 1,000,000 tasks; split it"));
        return false;
    }
    if (!items_add(s, &instance->items, list)) {
        return false;
    }
    uint32_t page_count = (list->count + PAGE_TASKS - 1) / PAGE_TASKS;

    instance->task_count = list->count;
    instance->execution->task_total += list->count;
    instance->counts[TASK_READY] = list->count;
    if (page_count > 0) {
        instance->pages = sched_get(s, page_count * sizeof(*instance->pages));
    }
    return !s->is_broken;
}

void map_expand(struct sched *s, struct instance *instance)
{
    struct expression_error error;
    enum expression_err result;
    struct value list;

    if (!list_of(s, instance, &list, &result, &error)) {
        return;
    }
    if (result != EXPRESSION_OK) {
        fail_expression(s, instance, "for_each", &error);
        return;
    }
    if (list.kind != VALUE_LIST) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("for_each: its value is no list; name a list of items"));
        return;
    }
    if (!expand(s, instance, &list)) {
        return;
    }
    if (instance->task_count == 0) {
        instance_end(s, instance, TASK_SUCCEEDED, (struct span){0});
        return;
    }
    instance->state = TASK_READY;
    timers_ready(s, instance);
    change_instance(s, instance, (struct span){0});
    work_add(s, WORK_ITEMS, instance);
}

/* The next items of one page go to the store; those of one batch and page share a row. */
static uint32_t store_part(struct sched *s, struct instance *instance)
{
    uint32_t first = instance->items_stored;
    uint32_t left = instance->task_count - first;
    uint32_t room = PAGE_TASKS - first % PAGE_TASKS;
    uint32_t count = left < room ? left : room;
    struct sched_items *parts = s->items.items;

    instance->items_stored += count;
    for (uint32_t i = s->items.count; i > 0 && first % PAGE_TASKS != 0; i--) {
        if (parts[i - 1].instance == instance && parts[i - 1].first + parts[i - 1].count == first) {
            parts[i - 1].count += count;
            return count;
        }
    }
    struct sched_items *part = vector_add(&s->items);

    if (part == NULL) {
        s->is_broken = true;
        return count;
    }
    *part = (struct sched_items){instance->execution, instance, first, count};
    return count;
}

static bool pages_grow(struct sched *s, struct instance *instance, uint32_t task_count)
{
    size_t before = (instance->task_count + PAGE_TASKS - 1) / PAGE_TASKS;
    size_t after = (task_count + PAGE_TASKS - 1) / PAGE_TASKS;
    struct page **pages = s->allocator.resize(s->allocator.context, instance->pages,
                                              before * sizeof(*pages), after * sizeof(*pages));

    if (pages == NULL) {
        s->is_broken = true;
        return false;
    }
    memset(pages + before, 0, (after - before) * sizeof(*pages));
    instance->pages = pages;
    return true;
}

/* The map grows by the items that tasks of it gave. All of them are stored in this very batch, with
 * the ends of those tasks. */
static void append_more(struct sched *s, struct instance *instance)
{
    struct item_list *more = &instance->more;
    struct item_list *items = &instance->items;
    uint32_t task_count = instance->task_count + more->count;

    if (!pages_grow(s, instance, task_count) ||
        !items_grow(s, items, more->json_bytes, more->count)) {
        return;
    }
    memcpy(items->json + items->json_bytes, more->json, more->json_bytes);
    for (uint32_t i = 0; i < more->count; i++) {
        items->ends[items->count++] = (uint32_t)items->json_bytes + more->ends[i];
    }
    items->json_bytes += more->json_bytes;
    instance->counts[TASK_READY] += more->count;
    instance->task_count = task_count;
    items_drop(s, more);
    while (instance->items_stored < task_count && !s->is_broken) {
        (void)store_part(s, instance);
    }
    instance_offer(s, instance);
}

/* Hands items to the store a page at a time; what is stored may be dispatched. */
void map_items(struct sched *s, struct instance *instance)
{
    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (instance->needs_items) {
        items_compute(s, instance);
        if (instance->needs_items) {
            return; /* WORK_ITEMS comes again with the value */
        }
    }
    while (instance->items_stored < instance->task_count && s->budget > 0 && !s->is_broken) {
        uint32_t stored = store_part(s, instance);

        s->budget -= stored < s->budget ? stored : s->budget;
    }
    if (instance->items_stored == instance->task_count && instance->more.count > 0) {
        append_more(s, instance);
    }
    frame_dirty(s, instance->frame);
    instance_offer(s, instance);
    if (instance->items_stored < instance->task_count) {
        work_add(s, WORK_ITEMS, instance);
    }
}

void map_more(struct sched *s, struct instance *instance, const struct value *list)
{
    struct execution *e = instance->execution;

    assert(list->count <= LIMIT_TASKS - e->task_total);
    if (list->count > 0 && instance->tail_state == TASK_WAITING && !instance_is_stopped(instance) &&
        items_add(s, &instance->more, list)) {
        e->task_total += list->count;
        if (instance->items_stored == instance->task_count && !instance->needs_items) {
            append_more(s, instance);
        }
        frame_dirty(s, instance->frame);
    }
}

/* So many of its tasks may fail. */
static uint64_t tolerated(const struct instance *instance)
{
    const struct satellite_tolerance *tolerance = &instance->satellite->tolerance;

    return tolerance->permyriad > 0 ? (uint64_t)instance->task_count * tolerance->permyriad / 10000
                                    : tolerance->count;
}

enum task_state map_end(const struct instance *instance)
{
    const uint32_t *counts = instance->counts;
    uint32_t failed = counts[TASK_FAILED] + counts[TASK_TIMED_OUT];
    enum task_state stop = instance_stop(instance);
    bool is_stopped = counts[TASK_CANCELLED] > 0 && stop != TASK_WAITING && stop != TASK_SKIPPED;

    /* One that a person ended by itself is one that failed; where all was ended nothing is good. */
    if (failed + counts[TASK_CANCELLED] <= tolerated(instance) && !is_stopped) {
        return TASK_SUCCEEDED;
    }
    return failed == 0 || (is_stopped && failed <= tolerated(instance)) ? TASK_CANCELLED
           : counts[TASK_FAILED] > 0                                    ? TASK_FAILED
                                                                        : TASK_TIMED_OUT;
}
