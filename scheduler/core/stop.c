/* stop: what an end from outside does to all that runs: of the execution, of a satellite with all
 * that stands in it, or of one task. Bulk work, a step at a time. Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

static const struct span nothing = {NULL, 0};

void stop_begin(struct sched *s, struct execution *e)
{
    e->stop_lease = e->leases;
    e->stop_number = 0;
    if (!e->is_stop_queued) {
        e->is_stop_queued = true;
        work_add_execution(s, WORK_STOP, e);
    }
}

static void finals_stop_in(struct sched *s, struct frame *frame)
{
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        struct instance *instance = &frame->instances[i];

        if (instance->satellite->is_final &&
            !task_state_is_terminal((enum task_state)instance->state)) {
            instance_stop_set(s, instance, TASK_CANCELLED, (struct span){0});
        }
    }
}

/* What was to run at the end, of the execution or of a run, does not. */
void finals_stop(struct sched *s, struct execution *e)
{
    finals_stop_in(s, &e->root);
    for (uint32_t i = 0; i < e->frame_count; i++) {
        finals_stop_in(s, e->frames[i]);
    }
}

void execution_end(struct sched *s, struct execution *e, enum execution_state ending,
                   struct span reason)
{
    bool was_paused = e->state == EXECUTION_PAUSED;

    e->ending = (uint8_t)ending;
    if (e->error == NULL) {
        e->error = sched_text(s, reason);
    }
    execution_state_set(s, e, EXECUTION_CANCELLING);
    heap_remove(&s->timeouts, &e->timer);
    heap_remove(&s->delays, &e->delay);
    if (!e->has_begun) {
        finals_stop(s, e);
    }
    stop_begin(s, e);
    if (was_paused) {
        offer_begin(s, e); /* what runs at the end may have been ready all the while */
    }
}

void instance_stop_set(struct sched *s, struct instance *instance, enum task_state state,
                       struct span reason)
{
    assert(task_state_is_terminal(state));
    instance->stop = (uint8_t)state;
    if (instance->error == NULL && reason.bytes > 0) {
        instance->error = sched_text(s, reason);
    }
    frame_dirty(s, instance->frame);
    stop_begin(s, instance->execution);
}

void frame_stop_set(struct sched *s, struct frame *frame, enum task_state state, struct span reason)
{
    assert(task_state_is_terminal(state));
    frame->stop = (uint8_t)state;
    if (frame->error == NULL && reason.bytes > 0) {
        frame->error = sched_text(s, reason);
    }
    heap_remove(&s->takes, &frame->timer.node);
    frame_dirty(s, frame);
    stop_begin(s, frame->execution);
}

void attempt_kill(struct sched *s, struct lease *lease)
{
    if (lease->is_killed) {
        return;
    }
    struct sched_kill *kill = vector_add(&s->kills);

    if (kill == NULL) {
        s->is_broken = true;
        return;
    }
    lease->is_killed = true;
    kill->task =
        (struct task_id){lease->execution->id, instance_number(lease->instance), lease->index};
    kill->attempt = execution_task(lease->instance, lease->index)->attempt;
    kill->class = lease->instance->satellite->class;
    kill->grace_ns = lease->instance->satellite->work.grace_ns;
    memcpy(kill->worker, lease->holder->name, sizeof(kill->worker));
    kill->incarnation = lease->holder->incarnation;
    kill->partition = lease->holder->partition;
}

void lease_end(struct sched *s, struct lease *lease, enum task_state state, struct span error)
{
    struct task *task = execution_task(lease->instance, lease->index);

    if (instance_is_gathered(lease->instance)) {
        if (task_state_is_active((enum task_state)task->state)) {
            gather_leave(s, lease);
        }
    } else if (task_state_is_active((enum task_state)task->state)) {
        grant_end(s, lease);
        if (task->state != TASK_DISPATCHED || lease_has_left(s, lease)) {
            attempt_kill(s, lease);
        }
    }
    task_end(s, lease, state, error);
}

/* Attempts that run are killed and end by their report; what waits for another try ends at once. */
static void stop_lease(struct sched *s, struct lease *lease)
{
    struct task *task = execution_task(lease->instance, lease->index);
    enum task_state stop = instance_stop(lease->instance);
    bool is_gathered = instance_is_gathered(lease->instance);
    bool has_left = is_gathered ? task->state == TASK_RUNNING
                                : task_state_is_active((enum task_state)task->state) &&
                                      lease_has_left(s, lease);

    if (stop == TASK_WAITING || (has_left && stop == TASK_SKIPPED)) {
        return;
    }
    if (!is_gathered && (has_left || task->state == TASK_RUNNING)) {
        attempt_kill(s, lease);
        return;
    }
    lease_end(s, lease, stop, nothing);
}

bool tail_end(struct instance *instance, enum task_state state)
{
    uint32_t tail =
        instance->is_map ? instance->task_count - instance->next_index - instance->ahead_count : 0;

    if (tail == 0 || instance->tail_state != TASK_WAITING || instance->counts[TASK_READY] < tail) {
        return false;
    }
    instance->counts[TASK_READY] -= tail;
    instance->counts[state] += tail;
    instance->tail_state = (uint8_t)state;
    return true;
}

/* Tasks never dispatched end without being looked at one by one. */
static void stop_instance(struct sched *s, struct instance *instance)
{
    enum task_state stop = instance_stop(instance);

    if (task_state_is_terminal((enum task_state)instance->state) || stop == TASK_WAITING) {
        return;
    }
    if (instance->state == TASK_WAITING) {
        instance_end(s, instance, stop, nothing);
        return;
    }
    if (tail_end(instance, stop)) {
        frame_dirty(s, instance->frame);
    }
    if (!instance->is_map && instance->task.lease == NULL &&
        (instance->task.state == TASK_READY || instance->satellite->kind == SATELLITE_WAIT)) {
        task_change(s, instance, &instance->task, 0, stop, nothing, nothing);
    }
    instance_offer(s, instance);
    instance_settle(s, instance);
}

/* The next instance, and the frames of which only the output was left to be made. */
static void stop_next(struct sched *s, struct execution *e)
{
    struct frame *frame = execution_frame_from(e, e->stop_number);

    if (frame == NULL) {
        e->stop_number = UINT32_MAX;
        return;
    }
    if (e->stop_number < frame->number) {
        e->stop_number = frame->number;
    }
    if (e->stop_number == frame->number && frame->open_count == 0 &&
        (frame->group == NULL ? e->state == EXECUTION_CANCELLING
                              : frame->stop != TASK_WAITING || instance_is_stopped(frame->group))) {
        waiter_stop(&frame->waiter, e);
        work_add_frame(s, frame);
    }
    stop_instance(s, &frame->instances[e->stop_number++ - frame->number]);
}

void stop_work(struct sched *s, struct execution *e)
{
    e->is_stop_queued = false;
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        return;
    }
    while (e->stop_lease != NULL && s->budget > 0) {
        struct lease *lease = e->stop_lease;

        e->stop_lease = lease->next;
        stop_lease(s, lease);
        s->budget--;
    }
    while (e->stop_lease == NULL && e->stop_number < e->next_number && s->budget > 0) {
        stop_next(s, e);
        s->budget--;
    }
    if (e->stop_lease != NULL || e->stop_number < e->next_number) {
        e->is_stop_queued = true;
        work_add_execution(s, WORK_STOP, e);
    }
}
