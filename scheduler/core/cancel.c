/* cancel: what an end from outside does to all that runs. Bulk work, a step at a time. Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

void execution_end(struct sched *s, struct execution *e, enum execution_state ending,
                   struct span reason)
{
    e->ending = (uint8_t)ending;
    if (e->error == NULL) {
        e->error = sched_text(s, reason);
    }
    e->kill_cursor = e->leases;
    e->cancel_number = 0;
    execution_state_set(s, e, EXECUTION_CANCELLING);
    heap_remove(&s->timeouts, &e->timer);
    work_add_cancel(s, e);
}

/* Attempts that run are killed; what waits for another try, or was granted in this very batch and
 * has not left, ends at once. */
static void cancel_lease(struct sched *s, struct lease *lease)
{
    struct instance *instance = lease->instance;
    struct task *task = execution_task(instance, lease->index);

    if (!instance_is_stopped(instance)) {
        return;
    }
    if (task->state == TASK_DISPATCHED && lease->batch == s->batch) {
        fleet_ticket_restored(s->fleet, span_of(lease->holder->name), lease->holder->incarnation,
                              lease->ticket, lease->lend);
    } else if (task_state_is_active((enum task_state)task->state)) {
        attempt_kill(s, lease);
        return;
    }
    task_change(s, instance, task, lease->index, TASK_CANCELLED, (struct span){0},
                (struct span){0});
    lease_free(s, lease);
}

/* Tasks never dispatched end without being looked at one by one. */
static void cancel_instance(struct sched *s, struct instance *instance)
{
    if (task_state_is_terminal((enum task_state)instance->state) ||
        !instance_is_stopped(instance)) {
        return;
    }
    if (instance->state == TASK_WAITING) {
        instance_end(s, instance, TASK_CANCELLED, (struct span){0});
        return;
    }
    uint32_t tail = instance->is_map ? instance->task_count - instance->next_index : 0;

    if (instance->is_map && instance->counts[TASK_READY] >= tail) {
        instance->counts[TASK_READY] -= tail;
        instance->counts[TASK_CANCELLED] += tail;
    }
    if (!instance->is_map && instance->task.state == TASK_READY) {
        task_change(s, instance, &instance->task, 0, TASK_CANCELLED, (struct span){0},
                    (struct span){0});
    }
    instance_offer(s, instance);
    instance_settle(s, instance);
}

/* The next instance, and the frames that only waited for a value of their output. */
static void cancel_next(struct sched *s, struct execution *e)
{
    struct frame *frame = execution_frame_from(e, e->cancel_number);

    if (frame == NULL) {
        e->cancel_number = UINT32_MAX;
        return;
    }
    if (e->cancel_number < frame->number) {
        e->cancel_number = frame->number;
    }
    if (e->cancel_number == frame->number && frame->waiter.is_waiting) {
        waiter_stop(&frame->waiter, e);
        work_add_frame(s, frame);
    }
    cancel_instance(s, &frame->instances[e->cancel_number++ - frame->number]);
}

void execution_cancel_work(struct sched *s, struct execution *e)
{
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        return;
    }
    while (e->kill_cursor != NULL && s->budget > 0) {
        struct lease *lease = e->kill_cursor;

        e->kill_cursor = lease->next;
        cancel_lease(s, lease);
        s->budget--;
    }
    while (e->kill_cursor == NULL && e->cancel_number < e->next_number && s->budget > 0) {
        cancel_next(s, e);
        s->budget--;
    }
    if (e->kill_cursor != NULL || e->cancel_number < e->next_number) {
        work_add_cancel(s, e);
    }
}
