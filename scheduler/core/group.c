/* group: the runs of a group: begun as there is room, ended one by one. Pure.
 *
 * So many runs live at once that memory is bounded and items flow through rather than level by
 * level. Each group may always have one, or groups within groups would wait for each other. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

enum { GROUP_RUNS_MAX = 1000 /* of one group at once */, FRAMES_MAX = 4096 /* of an execution */ };

void group_unstarve(struct instance *group)
{
    struct execution *e = group->execution;

    if (!group->is_starved) {
        return;
    }
    if (group->starved_previous != NULL) {
        group->starved_previous->starved_next = group->starved_next;
    } else {
        e->starved_first = group->starved_next;
    }
    if (group->starved_next != NULL) {
        group->starved_next->starved_previous = group->starved_previous;
    } else {
        e->starved_last = group->starved_previous;
    }
    group->is_starved = false;
}

static void starve(struct instance *group)
{
    struct execution *e = group->execution;

    if (group->is_starved) {
        return;
    }
    group->is_starved = true;
    group->starved_next = NULL;
    group->starved_previous = e->starved_last;
    if (e->starved_last != NULL) {
        e->starved_last->starved_next = group;
    } else {
        e->starved_first = group;
    }
    e->starved_last = group;
}

/* Items beyond items_stored are not the store's yet. */
static bool has_ready(const struct instance *group)
{
    if (task_state_is_terminal((enum task_state)group->state)) {
        return false;
    }
    return group->is_map ? group->next_index < group->items_stored /* not ended: map_advance */
                         : group->task_count == 1 && group->task.state == TASK_READY;
}

/* False: wait for a run of its own to end, or (starved) for any of the execution. */
static bool has_room(struct instance *group)
{
    const struct execution *e = group->execution;
    uint32_t live = group->counts[TASK_RUNNING];
    uint32_t most = group->satellite->max_parallel;

    if (live >= (most == 0 || most > GROUP_RUNS_MAX ? GROUP_RUNS_MAX : most)) {
        return false;
    }
    if (live > 0 && e->frame_count >= FRAMES_MAX) {
        starve(group);
        return false;
    }
    return true;
}

void group_wake(struct sched *s, struct instance *group)
{
    group_unstarve(group);
    if (!group->is_begin_queued && !group->waiter.is_waiting && has_ready(group) &&
        instance_may_start(group)) {
        group->is_begin_queued = true;
        work_add(s, WORK_BEGIN, group);
    }
}

/* given: its input, or why it may not begin; nothing where the group is not closed. */
static void begin_run(struct sched *s, struct instance *group, uint32_t index, struct span given,
                      bool is_refused)
{
    struct execution *e = group->execution;
    struct frame *frame =
        frame_new(s, &(struct frame_place){e, group, index, .number = e->next_number});

    if (frame == NULL || (group->is_map && page_get(s, group, index / PAGE_TASKS) == NULL)) {
        return;
    }
    struct task *task = execution_task(group, index);

    e->next_number += frame->instance_count;
    group->next_index += group->is_map;
    map_advance(group);
    task->attempt = 1;
    task_change(s, group, task, index, TASK_RUNNING, (struct span){0}, (struct span){0});
    if (is_refused) {
        frame_refuse(s, frame, given);
        return;
    }
    if (group->satellite->is_closed) {
        frame->input = bytes_copy(s, given, &frame->input_bytes);
        timer_run(s, frame);
    }
    frame_begin(s, frame);
}

static void begin_one(struct sched *s, struct instance *group)
{
    uint32_t index = group->is_map ? group->next_index : 0;
    enum run_input result = RUN_INPUT_READY;
    struct buffer given;

    buffer_init(&given, s->allocator, 0);
    if (group->satellite->is_closed) {
        result = closed_input(s, group, index, &given);
    }
    if (result != RUN_INPUT_WAITS && !s->is_broken) {
        begin_run(s, group, index, buffer_span(&given), result == RUN_INPUT_REFUSED);
    }
    buffer_release(&given);
}

/* Its inputs cannot be computed while they wait for a value, or its items for theirs. */
static bool may_begin(const struct instance *group)
{
    return !group->waiter.is_waiting && !(group->satellite->is_closed && group->needs_items);
}

void group_begin(struct sched *s, struct instance *group)
{
    group->is_begin_queued = false;
    if (!instance_may_start(group)) {
        return;
    }
    while (may_begin(group) && has_ready(group) && has_room(group) && s->budget > 0 &&
           !s->is_broken) {
        if (group->execution->next_number > UINT32_MAX - group->satellite->inner_count) {
            execution_end(s, group->execution, EXECUTION_FAILED,
                          span_of("an execution may hold 4,294,967,295 satellites; split it"));
            return;
        }
        begin_one(s, group);
        s->budget -=
            group->satellite->inner_count < s->budget ? group->satellite->inner_count : s->budget;
    }
    if (group->satellite->is_closed) {
        values_drop(s, group->frame);
    }
    if (s->budget == 0) {
        group_wake(s, group);
    }
}

bool group_run_forestall(struct sched *s, struct instance *group, uint32_t index,
                         enum task_state state, struct span json)
{
    struct wire_output output = {.index = index,
                                 .attempt = 1,
                                 .json = json,
                                 .outcome = OUTCOME_SUCCEEDED,
                                 .ended_ms = s->now_ns / EXO_MILLISECOND};

    if (group->is_map && page_get(s, group, index / PAGE_TASKS) == NULL) {
        return false;
    }
    struct task *task = execution_task(group, index);

    task->attempt = 1;
    if (state == TASK_SUCCEEDED) {
        output_note(s, group, &output);
        if (!group->is_map && !output_keep(s, &group->output, json)) {
            return false;
        }
    }
    group->ahead_count += group->is_map;
    task_change(s, group, task, index, state, (struct span){0}, (struct span){0});
    map_advance(group);
    instance_settle(s, group);
    group_wake(s, group);
    return true;
}

void group_run_ended(struct sched *s, struct frame *frame, enum task_state state)
{
    struct instance *group = frame->group;
    struct span error = frame->error == NULL ? (struct span){0} : span_of(frame->error);

    struct wire_output output = {
        .index = frame->index,
        .attempt = 1,
        .json = {frame->output, frame->output_bytes},
        .error = error,
        .outcome = state == TASK_SUCCEEDED   ? OUTCOME_SUCCEEDED
                   : state == TASK_CANCELLED ? OUTCOME_CANCELLED
                                             : OUTCOME_FAILED,
        .run_ms = (s->now_ns - frame->started_ns) / EXO_MILLISECOND,
        .started_ms = frame->started_ns / EXO_MILLISECOND,
        .ended_ms = s->now_ns / EXO_MILLISECOND,
    };

    heap_remove(&s->takes, &frame->timer.node);
    output_note(s, group, &output);
    if (!group->is_map &&
        !output_keep(s, &group->output, (struct span){frame->output, frame->output_bytes})) {
        return;
    }
    if (error.bytes > 0 && group->error == NULL) {
        group->error = sched_text(s, error);
    }
    frame->is_ended = true;
    frame_dirty(s, frame);
    task_change(s, group, execution_task(group, frame->index), frame->index, state,
                (struct span){0}, error);
    instance_settle(s, group);
    group_wake(s, group);
}
