/* map: the list of a map: computed, held, handed to the store, and what its end means. Pure. */
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

void items_drop(struct sched *s, struct item_list *items)
{
    sched_put(s, items->json, items->json_bytes);
    sched_put(s, items->ends, items->count * sizeof(*items->ends));
    *items = (struct item_list){0};
}

/* Writes the items one after the other; false when the list cannot be held. */
static bool items_fill(struct sched *s, struct instance *instance, const struct value *list)
{
    struct item_list *items = &instance->items;
    struct buffer text;

    buffer_init(&text, s->allocator, UINT32_MAX);
    items->ends = sched_get(s, list->count * sizeof(*items->ends));
    items->count = items->ends == NULL ? 0 : list->count;
    for (uint32_t i = 0; i < items->count; i++) {
        json_write(&text, &list->items[i]);
        items->ends[i] = (uint32_t)text.bytes;
    }
    items->json_bytes = text.bytes;
    items->json = sched_get(s, text.bytes);
    if (items->json != NULL && text.bytes > 0) {
        memcpy(items->json, text.data, text.bytes);
    }
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    return !s->is_broken;
}

/* Evaluates for_each; false when it waits for a value. */
static bool list_of(struct sched *s, struct instance *instance, struct value *ret_list,
                    enum expression_err *ret_result, struct expression_error *ret_error)
{
    struct scope scope = {.sched = s, .frame = instance->frame, .user = instance};

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
    if (items_fill(s, instance, &list)) {
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
    if (!items_fill(s, instance, list)) {
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
        struct sched_items *part = vector_add(&s->items);
        uint32_t left = instance->task_count - instance->items_stored;

        if (part == NULL) {
            s->is_broken = true;
            return;
        }
        part->execution = instance->execution;
        part->instance = instance;
        part->first = instance->items_stored;
        part->count = left < PAGE_TASKS ? left : PAGE_TASKS;
        instance->items_stored += part->count;
        s->budget -= part->count < s->budget ? part->count : s->budget;
    }
    frame_dirty(s, instance->frame);
    instance_offer(s, instance);
    if (instance->items_stored < instance->task_count) {
        work_add(s, WORK_ITEMS, instance);
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

    if (failed > tolerated(instance)) {
        return counts[TASK_FAILED] > 0 ? TASK_FAILED : TASK_TIMED_OUT;
    }
    return counts[TASK_CANCELLED] > 0 ? TASK_CANCELLED : TASK_SUCCEEDED;
}
