/* timer: what is due for an instance. What lets something go on fires at once; what takes something
 * away waits until all input below an end captured after it was due has been applied. Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

const struct instance_timer *timer_of(const struct heap_node *node)
{
    return (const struct instance_timer *)(const void *)((const unsigned char *)node -
                                                         offsetof(struct instance_timer, node));
}

bool timer_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return timer_of(a)->due_ns < timer_of(b)->due_ns;
}

/* A pause of time lets something go on. */
static struct heap *heap_of(struct sched *s, const struct instance *instance,
                            enum instance_timer_kind kind)
{
    return kind == TIMER_OWN && instance->satellite->kind == SATELLITE_WAIT &&
                   instance->satellite->wait.for_ns > 0
               ? &s->starts
               : &s->takes;
}

void timer_set(struct sched *s, struct instance *instance, enum instance_timer_kind kind,
               exo_time due_ns)
{
    struct instance_timer *timer = &instance->timers[kind];
    struct heap *heap = heap_of(s, instance, kind);

    heap_remove(heap, &timer->node);
    timer->instance = instance;
    timer->due_ns = due_ns;
    if (!heap_insert(heap, &timer->node)) {
        s->is_broken = true;
    }
}

void timers_drop(struct sched *s, struct instance *instance)
{
    for (enum instance_timer_kind kind = TIMER_OWN; kind < TIMER_KIND_NR; kind++) {
        heap_remove(heap_of(s, instance, kind), &instance->timers[kind].node);
    }
}

void timers_ready(struct sched *s, struct instance *instance)
{
    const struct satellite_timeouts *timeouts = &instance->satellite->timeouts;

    if (instance->ready_ns == 0) {
        instance->ready_ns = s->now_ns;
    }
    if (timeouts->queue_ns > 0) {
        timer_set(s, instance, TIMER_OWN, instance->ready_ns + timeouts->queue_ns);
    }
    if (timeouts->total_ns > 0) {
        timer_set(s, instance, TIMER_TOTAL, instance->ready_ns + timeouts->total_ns);
    }
}

void timer_run(struct sched *s, struct frame *frame)
{
    exo_time timeout_ns = frame->group->satellite->work.timeout_ns;

    if (timeout_ns == 0 || frame->stop != TASK_WAITING) {
        return;
    }
    frame->timer.instance = frame->group;
    frame->timer.frame = frame;
    frame->timer.due_ns = frame->started_ns + timeout_ns;
    if (!heap_insert(&s->takes, &frame->timer.node)) {
        s->is_broken = true;
    }
}

void timers_again(struct sched *s, struct lease *lease)
{
    exo_time queue_ns = lease->instance->satellite->timeouts.queue_ns;

    if (queue_ns > 0 && lease->instance->timers[TIMER_OWN].node.place == 0) {
        timer_set(s, lease->instance, TIMER_OWN, lease->ready_ns + queue_ns);
    }
}

/* Those that wait since before: not accepted by a worker. Gives when the next of them is due. */
static exo_time queue_end_leases(struct sched *s, struct instance *instance, exo_time asked_ns,
                                 struct span why)
{
    exo_time queue_ns = instance->satellite->timeouts.queue_ns;
    exo_time next_ns = EXO_TIME_NEVER;

    for (struct lease *lease = instance->execution->leases; lease != NULL;) {
        struct lease *next = lease->next;
        const struct task *task = execution_task(lease->instance, lease->index);

        if (lease->instance == instance &&
            (task->state == TASK_READY || task->state == TASK_DISPATCHED)) {
            if (lease->ready_ns + queue_ns <= asked_ns && s->budget > 0) {
                lease_end(s, lease, TASK_TIMED_OUT, why);
                s->budget--;
            } else if (lease->ready_ns + queue_ns < next_ns) {
                next_ns = lease->ready_ns + queue_ns;
            }
        }
        lease = next;
    }
    return next_ns;
}

static void queue_timeout(struct sched *s, struct instance *instance, exo_time asked_ns)
{
    struct span why = span_of("QUEUE_TIMEOUT: no worker accepted it within timeouts.queue");
    exo_time next_ns = queue_end_leases(s, instance, asked_ns, why);

    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (tail_end(instance, TASK_TIMED_OUT)) {
        if (instance->error == NULL) {
            instance->error = sched_text(s, why);
        }
        frame_dirty(s, instance->frame);
    }
    if (!instance->is_map && instance->task.state == TASK_READY && instance->task.lease == NULL) {
        if (instance->error == NULL) {
            instance->error = sched_text(s, why);
        }
        task_change(s, instance, &instance->task, 0, TASK_TIMED_OUT, (struct span){0}, why);
    }
    if (next_ns != EXO_TIME_NEVER) {
        timer_set(s, instance, TIMER_OWN, next_ns);
    }
    instance_offer(s, instance);
    instance_settle(s, instance);
}

void timers_start(struct sched *s)
{
    for (;;) {
        struct heap_node *first = heap_first(&s->starts);

        if (first == NULL || timer_of(first)->due_ns > s->now_ns || s->budget == 0) {
            return;
        }
        heap_remove(&s->starts, first);
        wait_due(s, timer_of(first)->instance);
        s->budget--;
    }
}

static void take(struct sched *s, const struct instance_timer *timer, exo_time asked_ns)
{
    struct instance *instance = timer->instance;

    if (timer->frame != NULL) {
        frame_stop_set(s, timer->frame, TASK_TIMED_OUT,
                       span_of("TIMEOUT: the run did not end within timeout"));
        return;
    }
    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (timer == &instance->timers[TIMER_TOTAL]) {
        instance_stop_set(s, instance, TASK_TIMED_OUT,
                          span_of("TOTAL_TIMEOUT: it did not end within timeouts.total"));
    } else if (instance->satellite->kind == SATELLITE_WAIT) {
        wait_due(s, instance);
    } else {
        queue_timeout(s, instance, asked_ns);
    }
}

/* False: the step has changed enough, and more is due. */
bool timers_take(struct sched *s, exo_time asked_ns)
{
    for (;;) {
        struct heap_node *first = heap_first(&s->takes);

        if (first == NULL || timer_of(first)->due_ns > asked_ns) {
            return true;
        }
        if (s->budget == 0) {
            return false;
        }
        s->budget--;
        heap_remove(&s->takes, first);
        take(s, timer_of(first), asked_ns);
    }
}

exo_time timers_next_start(const struct sched *s)
{
    struct heap_node *first = heap_first(&s->starts);

    return first == NULL ? EXO_TIME_NEVER : timer_of(first)->due_ns;
}

exo_time timers_next_take(const struct sched *s)
{
    struct heap_node *first = heap_first(&s->takes);

    return first == NULL ? EXO_TIME_NEVER : timer_of(first)->due_ns;
}
