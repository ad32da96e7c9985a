#include "scheduler/core/execution.h"

#include <assert.h>

struct task *execution_task(struct instance *instance, uint32_t index)
{
    if (index >= instance->task_count) {
        return NULL;
    }
    if (!instance->is_map) {
        return &instance->task;
    }
    struct page *page = instance->pages[index / PAGE_TASKS];

    return page == NULL ? NULL : &page->tasks[index % PAGE_TASKS];
}

/* At or above next_index a task that was not ended by hand is READY in its page, if it has one. */
static bool is_ended_ahead(const struct instance *instance, uint32_t index)
{
    const struct page *page = instance->pages[index / PAGE_TASKS];

    return instance->ahead_count > 0 && page != NULL &&
           task_state_is_terminal((enum task_state)page->tasks[index % PAGE_TASKS].state);
}

void map_advance(struct instance *instance)
{
    while (instance->ahead_count > 0 && is_ended_ahead(instance, instance->next_index)) {
        instance->next_index++;
        instance->ahead_count--;
    }
}

enum task_state task_state_at(const struct instance *instance, uint32_t index)
{
    if (index >= instance->task_count) {
        return (enum task_state)instance->state;
    }
    if (!instance->is_map) {
        return (enum task_state)instance->task.state;
    }
    if (instance->has_origin) {
        return (enum task_state)instance->state; /* each by itself is known where it ran */
    }
    const struct page *page = instance->pages[index / PAGE_TASKS];

    assert(page != NULL || index >= instance->next_index);
    if (index < instance->next_index || is_ended_ahead(instance, index)) {
        return (enum task_state)page->tasks[index % PAGE_TASKS].state;
    }
    if (instance->tail_state != TASK_WAITING) {
        return (enum task_state)instance->tail_state;
    }
    return instance->counts[TASK_READY] == 0 ? TASK_CANCELLED : TASK_READY;
}

struct span item_at(const struct instance *instance, uint32_t index)
{
    const struct item_list *items = &instance->items;

    if (index >= items->count) {
        return (struct span){0};
    }
    uint32_t begin = index == 0 ? 0 : items->ends[index - 1];

    return (struct span){items->json + begin, items->ends[index] - begin};
}

uint32_t instance_number(const struct instance *instance)
{
    return instance->frame->number + (uint32_t)(instance - instance->frame->instances);
}

struct frame *execution_frame_from(struct execution *e, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = e->frame_count;

    if (number < e->root.instance_count) {
        return &e->root;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct frame *frame = e->frames[middle];

        if (frame->number + frame->instance_count <= number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < e->frame_count ? e->frames[low] : NULL;
}

struct instance *execution_instance(const struct execution *e, uint32_t number)
{
    /* What is found is as const as the caller's hold on the execution. */
    const struct frame *frame = execution_frame_from((struct execution *)(uintptr_t)e, number);

    return frame == NULL || number < frame->number ? NULL
                                                   : &frame->instances[number - frame->number];
}

struct instance *frame_instance(const struct frame *frame, uint32_t satellite)
{
    while (satellite < frame->first || satellite - frame->first >= frame->instance_count) {
        assert(frame->group != NULL);
        frame = frame->group->frame;
    }
    return &frame->instances[satellite - frame->first];
}

bool instance_is_skipped(const struct instance *instance)
{
    return instance->state == TASK_SKIPPED || instance->is_pruned;
}

bool instance_is_good(const struct instance *instance)
{
    return !instance_is_skipped(instance) &&
           (instance->state == TASK_SUCCEEDED ||
            (instance->satellite->is_continued &&
             task_state_is_terminal((enum task_state)instance->state)));
}

bool instance_is_failed(const struct instance *instance)
{
    return task_state_is_terminal((enum task_state)instance->state) &&
           !instance_is_skipped(instance) && !instance_is_good(instance);
}

bool instance_sees_failure(const struct instance *user, const struct instance *failed)
{
    if (!instance_is_failed(failed) || failed->state == TASK_UPSTREAM_FAILED) {
        return false;
    }
    return user->satellite->is_final ||
           cluster_is_upstream(failed->execution->definition->cluster, failed->satellite->index,
                               user->satellite->index);
}

enum task_state instance_stop(const struct instance *instance)
{
    for (;;) {
        const struct frame *frame = instance->frame;

        if (instance->stop != TASK_WAITING || instance->satellite->is_final) {
            return (enum task_state)instance->stop;
        }
        if (frame->group == NULL) {
            break;
        }
        if (frame->stop != TASK_WAITING) {
            return TASK_CANCELLED; /* whatever the run ends as, like an execution's */
        }
        instance = frame->group;
    }
    return instance->execution->state == EXECUTION_CANCELLING ? TASK_CANCELLED : TASK_WAITING;
}

struct span frame_input(const struct frame *frame)
{
    while (frame->group != NULL && !frame->group->satellite->is_closed) {
        frame = frame->group->frame;
    }
    return frame->group != NULL
               ? (struct span){frame->input, frame->input_bytes}
               : (struct span){frame->execution->input, frame->execution->input_bytes};
}

bool instance_may_start(const struct instance *instance)
{
    if (instance_is_stopped(instance)) {
        return false;
    }
    switch ((enum execution_state)instance->execution->state) {
    case EXECUTION_QUEUED:
    case EXECUTION_RUNNING:
    case EXECUTION_CANCELLING: /* what runs at the end */
        return true;
    case EXECUTION_PAUSED:
    case EXECUTION_SUCCEEDED:
    case EXECUTION_FAILED:
    case EXECUTION_CANCELLED:
    case EXECUTION_TIMED_OUT:
    case EXECUTION_STATE_NR:
        break;
    }
    return false;
}

static void put_number(struct buffer *buffer, uint32_t number)
{
    char digits[10];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(buffer, (struct span){digits + at, sizeof(digits) - at});
}

void instance_path(const struct instance *instance, struct buffer *buffer)
{
    const struct frame *frame = instance->frame;

    if (frame->group != NULL) {
        instance_path(frame->group, buffer);
        if (frame->group->is_map) {
            buffer_text(buffer, ".");
            put_number(buffer, frame->index);
        }
        buffer_text(buffer, ".");
    }
    buffer_append(buffer, instance->satellite->name);
}

void task_path(const struct instance *instance, uint32_t index, struct buffer *buffer)
{
    instance_path(instance, buffer);
    if (instance->is_map) {
        buffer_text(buffer, ".");
        put_number(buffer, index);
    }
}
