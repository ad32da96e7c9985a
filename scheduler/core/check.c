/* check: the invariants of a shard, asserted. Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

static void check_task(const struct instance *instance, const struct task *task, uint32_t index)
{
    enum task_state state = (enum task_state)task->state;
    const struct lease *lease = task->lease;

    assert(state < TASK_STATE_NR);
    assert((lease != NULL && lease->holder != NULL) == task_state_is_active(state));
    assert((lease != NULL && lease->timer.place != 0) == (state == TASK_BACKOFF));
    if (lease != NULL) {
        assert(lease->instance == instance);
        assert(lease->index == index);
        assert(!task_state_is_terminal(state));
    }
    assert(task->losses <= LIMIT_LOSSES);
    assert(task->failures <= instance->satellite->retries.limit + 1);
}

static void check_counts(const struct instance *instance, const uint32_t *counts)
{
    uint32_t sum = 0;

    for (enum task_state state = TASK_WAITING; state < TASK_STATE_NR; state++) {
        assert(instance->counts[state] == counts[state]);
        sum += counts[state];
    }
    assert(sum == instance->task_count);
}

static void check_map(const struct instance *instance)
{
    uint32_t counts[TASK_STATE_NR] = {0};
    uint32_t again = 0;

    assert(instance->next_index <= instance->items_stored);
    assert(instance->items_stored <= instance->task_count);
    for (uint32_t i = 0; i < instance->task_count; i++) {
        counts[task_state_at(instance, i)]++;
    }
    check_counts(instance, counts);
    for (uint32_t i = 0; i < instance->next_index; i++) {
        const struct page *page = instance->pages[i / PAGE_TASKS];

        assert(page != NULL);
        check_task(instance, &page->tasks[i % PAGE_TASKS], i);
        again += page->tasks[i % PAGE_TASKS].state == TASK_READY;
    }
    assert(again == instance->again_count);
}

/* A parent ends before its child begins. */
static void check_parents(const struct execution *e, const struct instance *instance)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < instance->satellite->parent_count; i++) {
        const struct instance *parent = &e->instances[instance->satellite->parents[i]];

        open += !task_state_is_terminal((enum task_state)parent->state);
    }
    assert(open == instance->parents_open);
    if (open > 0) {
        assert(instance->state == TASK_WAITING || instance->state == TASK_CANCELLED);
        assert(instance->task_count == 0);
    }
}

static void check_instance(const struct execution *e, const struct instance *instance)
{
    check_parents(e, instance);
    if (instance->is_map) {
        check_map(instance);
    } else if (instance->task_count == 1) {
        uint32_t counts[TASK_STATE_NR] = {0};

        counts[instance->task.state] = 1;
        check_counts(instance, counts);
        check_task(instance, &instance->task, 0);
        assert(instance->state == instance->task.state);
    }
    if (task_state_is_terminal((enum task_state)instance->state)) {
        assert(instance->source.ready == 0);
        for (enum task_state state = TASK_WAITING; state < TASK_SUCCEEDED; state++) {
            assert(instance->counts[state] == 0);
        }
    }
}

static void check_execution(const struct sched *s, const struct execution *e)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < e->instance_count; i++) {
        open += !task_state_is_terminal((enum task_state)e->instances[i].state);
        check_instance(e, &e->instances[i]);
    }
    assert(open == e->open_count);
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        assert(open == 0);
        assert(e->is_freed_at_seal);
    }
    if (e->state == EXECUTION_QUEUED) {
        assert(e->started_ns == 0);
    }
    assert(e->definition->uses > 0);
    assert(execution_shard(&e->id, s->shard_count) == s->shard);
}

void sched_check(const struct sched *s)
{
    uint64_t executions = 0;

    assert(!s->is_broken);
    for (uint32_t i = 0; i < s->executions.capacity; i++) {
        if (s->executions.slots[i].item != NULL) {
            check_execution(s, s->executions.slots[i].item);
            executions++;
        }
    }
    assert(executions == s->counts.executions);
}
