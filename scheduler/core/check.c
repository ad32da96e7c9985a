/* check: the invariants of a shard, asserted. Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

static void check_task(const struct instance *instance, const struct task *task, uint32_t index)
{
    enum task_state state = (enum task_state)task->state;
    const struct lease *lease = task->lease;

    assert(state < TASK_STATE_NR);
    assert((lease != NULL && lease->holder != NULL) ==
           (task_state_is_active(state) && instance->satellite->kind == SATELLITE_CONTAINER &&
            !instance_is_gathered(instance)));
    assert(!instance_is_gathered(instance) || !task_state_is_active(state) || lease != NULL);
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
    if (instance->has_origin) {
        assert(task_state_is_terminal((enum task_state)instance->state));
        return;
    }
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
    uint32_t ahead = 0;

    for (uint32_t i = instance->next_index; i < instance->items_stored; i++) {
        const struct page *page = instance->pages[i / PAGE_TASKS];

        ahead += page != NULL &&
                 task_state_is_terminal((enum task_state)page->tasks[i % PAGE_TASKS].state);
    }
    assert(ahead == instance->ahead_count);
}

/* Its parents end, or enough of them do, before a child begins. */
static void check_parents(const struct instance *instance)
{
    uint32_t open = 0;
    uint32_t good = 0;

    for (uint32_t i = 0; i < instance->satellite->parent_count; i++) {
        const struct instance *parent =
            frame_instance(instance->frame, instance->satellite->parents[i]);

        open += !task_state_is_terminal((enum task_state)parent->state);
        good += instance_is_good(parent);
    }
    assert(open == instance->parents_open);
    assert(good == instance->parents_good);
    if (!instance_is_joined(instance)) {
        assert(instance->state == TASK_WAITING || instance->state == TASK_CANCELLED);
        assert(instance->task_count == 0);
    }
}

static void check_instance(const struct instance *instance)
{
    check_parents(instance);
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

static void check_frame(const struct frame *frame)
{
    uint32_t open = 0;

    for (uint32_t i = 0; i < frame->instance_count; i++) {
        assert(frame->instances[i].frame == frame);
        open += !task_state_is_terminal((enum task_state)frame->instances[i].state);
        check_instance(&frame->instances[i]);
    }
    assert(open == frame->open_count);
    if (frame->group != NULL) {
        enum task_state state = task_state_at(frame->group, frame->index);

        assert((state == TASK_RUNNING) == !frame->is_ended);
        assert(!frame->is_ended || open == 0);
    }
}

/* Every run of a group that is RUNNING is here. */
static uint32_t running_runs(const struct frame *frame)
{
    uint32_t runs = 0;

    for (uint32_t i = 0; i < frame->instance_count; i++) {
        const struct instance *instance = &frame->instances[i];

        runs += instance_is_group(instance) ? instance->counts[TASK_RUNNING] : 0;
    }
    return runs;
}

static void check_frames(const struct execution *e)
{
    uint32_t runs = running_runs(&e->root);
    uint32_t live = 0;

    check_frame(&e->root);
    for (uint32_t i = 0; i < e->frame_count; i++) {
        const struct frame *frame = e->frames[i];

        assert(i == 0 || e->frames[i - 1]->number < frame->number);
        assert(frame->number + frame->instance_count <= e->next_number);
        check_frame(frame);
        runs += running_runs(frame);
        live += !frame->is_ended;
    }
    assert(runs == live);
}

static void check_execution(const struct sched *s, const struct execution *e)
{
    check_frames(e);
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        assert(e->root.open_count == 0);
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

    if (s->is_broken) {
        return; /* without memory while it was sealed: the next step says so, and it is dropped */
    }
    for (uint32_t i = 0; i < s->executions.capacity; i++) {
        if (s->executions.slots[i].item != NULL) {
            check_execution(s, s->executions.slots[i].item);
            executions++;
        }
    }
    assert(executions == s->counts.executions);
}
