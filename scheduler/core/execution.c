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

enum task_state task_state_at(const struct instance *instance, uint32_t index)
{
    if (index >= instance->task_count) {
        return (enum task_state)instance->state;
    }
    if (!instance->is_map) {
        return (enum task_state)instance->task.state;
    }
    const struct page *page = instance->pages[index / PAGE_TASKS];

    if (index < instance->next_index) {
        assert(page != NULL);
        return (enum task_state)page->tasks[index % PAGE_TASKS].state;
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
    return (uint32_t)(instance - instance->execution->instances);
}
