/* wait: satellites that run nothing: they let time pass, or wait for a signal or a person. Pure.
 *
 *   READY --wait_begin--> RUNNING --time is over, signal, approval--> SUCCEEDED
 *                                 --timeout--> TIMED_OUT, refused--> FAILED */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"

enum { SIGNALS_MAX = 64 /* kept for waits that have not begun */ };

static const struct span nothing = {NULL, 0};

void signal_free(struct sched *s, struct signal *signal)
{
    sched_text_put(s, signal->name);
    sched_put(s, signal->json, signal->bytes);
    sched_put(s, signal, sizeof(*signal));
}

void wait_end(struct sched *s, struct instance *instance, enum task_state state, struct span json,
              struct span error)
{
    struct wire_output output = {
        .attempt = 1,
        .json = json,
        .error = error,
        .outcome = state == TASK_SUCCEEDED   ? OUTCOME_SUCCEEDED
                   : state == TASK_TIMED_OUT ? OUTCOME_TIMED_OUT
                                             : OUTCOME_FAILED,
        .started_ms = instance->started_ms,
        .ended_ms = s->now_ns / EXO_MILLISECOND,
    };

    timers_drop(s, instance);
    if (error.bytes > 0 && instance->error == NULL) {
        instance->error = sched_text(s, error);
    }
    if (!output_keep(s, &instance->output, json)) {
        return;
    }
    output_note(s, instance, &output);
    task_change(s, instance, &instance->task, 0, state, nothing, error);
    instance_settle(s, instance);
}

/* The oldest signal of that name, taken out of the list; NULL: none. */
static struct signal *signal_take(struct execution *e, struct span name)
{
    for (struct signal **link = &e->signals; *link != NULL; link = &(*link)->next) {
        struct signal *signal = *link;

        if (span_is(name, signal->name)) {
            *link = signal->next;
            e->signal_count--;
            return signal;
        }
    }
    return NULL;
}

void wait_begin(struct sched *s, struct instance *instance)
{
    const struct satellite_wait *wait = &instance->satellite->wait;
    struct execution *e = instance->execution;

    if (instance->task_count == 0 || instance->task.state != TASK_READY ||
        !instance_may_start(instance)) {
        return;
    }
    if (e->state == EXECUTION_QUEUED) {
        execution_state_set(s, e, EXECUTION_RUNNING);
    }
    instance->task.attempt = 1;
    task_change(s, instance, &instance->task, 0, TASK_RUNNING, nothing, nothing);
    instance->ready_ns = s->now_ns;
    wait_load(s, instance);

    struct signal *signal = wait->signal.bytes == 0 ? NULL : signal_take(e, wait->signal);

    if (signal != NULL) {
        /* What it holds must live until the batch is sealed. */
        struct span json = arena_copy(&s->batch_arena, (struct span){signal->json, signal->bytes});

        s->is_broken = s->is_broken || json.data == NULL;
        signal_free(s, signal);
        if (!s->is_broken) {
            wait_end(s, instance, TASK_SUCCEEDED, json, nothing);
        }
    }
}

void wait_load(struct sched *s, struct instance *instance)
{
    const struct satellite_wait *wait = &instance->satellite->wait;
    exo_time ns = wait->for_ns > 0 ? wait->for_ns : wait->timeout_ns;

    if (ns > 0) {
        timer_set(s, instance, TIMER_OWN, instance->ready_ns + ns);
    }
}

void wait_due(struct sched *s, struct instance *instance)
{
    if (instance->state != TASK_RUNNING) {
        return;
    }
    if (instance->satellite->wait.for_ns > 0) {
        wait_end(s, instance, TASK_SUCCEEDED, nothing, nothing);
    } else {
        wait_end(s, instance, TASK_TIMED_OUT, nothing,
                 span_of(instance->satellite->wait.is_approval
                             ? "WAIT_TIMEOUT: nobody approved it in time"
                             : "WAIT_TIMEOUT: the signal did not come in time"));
    }
}

/* The one that waits longest; oldest, where none here has waited longer. */
static struct instance *older_in(struct frame *frame, struct span name, struct instance *oldest)
{
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        struct instance *instance = &frame->instances[i];

        if (instance->state == TASK_RUNNING && instance->satellite->kind == SATELLITE_WAIT &&
            span_equal(instance->satellite->wait.signal, name) &&
            (oldest == NULL || instance->ready_ns < oldest->ready_ns)) {
            oldest = instance;
        }
    }
    return oldest;
}

static struct instance *waiting_for(struct execution *e, struct span name)
{
    struct instance *oldest = older_in(&e->root, name, NULL);

    for (uint32_t i = 0; i < e->frame_count; i++) {
        oldest = older_in(e->frames[i], name, oldest);
    }
    return oldest;
}

/* 64 bits that tell a signal's name and key from others'. */
static uint64_t mark_of(const struct sched_command *command)
{
    struct span rest = {(const char *)command->key.data + 1, command->key.bytes - 1};

    return ((uint64_t)murmur2_32(command->key) << 32 | murmur2_32(rest)) ^
           (murmur2_32(command->name) * UINT64_C(0x9e3779b97f4a7c15));
}

static bool is_repeat(const struct execution *e, uint64_t mark)
{
    for (uint32_t i = 0; i < e->signal_mark_count; i++) {
        if (e->signal_marks[i] == mark) {
            return true;
        }
    }
    return false;
}

static void mark_keep(struct sched *s, struct execution *e, uint64_t mark)
{
    if (e->signal_marks == NULL) {
        e->signal_marks = sched_get(s, SIGNAL_MARKS * sizeof(*e->signal_marks));
    }
    if (e->signal_marks == NULL) {
        return;
    }
    if (e->signal_mark_count == SIGNAL_MARKS) {
        memmove(e->signal_marks, e->signal_marks + 1,
                (SIGNAL_MARKS - 1) * sizeof(*e->signal_marks));
        e->signal_mark_count--;
    }
    e->signal_marks[e->signal_mark_count++] = mark;
    execution_dirty(s, e);
}

/* For the next that waits for it. */
static enum sched_err signal_keep(struct sched *s, struct execution *e,
                                  const struct sched_command *command)
{
    struct signal **link = &e->signals;

    if (e->signal_count == SIGNALS_MAX) {
        return SCHED_ESTALE;
    }
    struct signal *signal = sched_get(s, sizeof(*signal));

    if (signal == NULL) {
        return SCHED_EMEMORY;
    }
    signal->name = sched_text(s, command->name);
    signal->json = bytes_copy(s, command->value, &signal->bytes);
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = signal;
    e->signal_count++;
    execution_dirty(s, e);
    return SCHED_OK;
}

enum sched_err wait_signal(struct sched *s, struct execution *e,
                           const struct sched_command *command)
{
    struct instance *instance = waiting_for(e, command->name);
    uint64_t mark = command->key.bytes == 0 ? 0 : mark_of(command);
    enum sched_err result = SCHED_OK;

    if (command->key.bytes > 0 && is_repeat(e, mark)) {
        return SCHED_ESTALE;
    }
    if (instance != NULL) {
        wait_end(s, instance, TASK_SUCCEEDED, command->value, nothing);
    } else {
        result = signal_keep(s, e, command);
    }
    if (result == SCHED_OK && command->key.bytes > 0) {
        mark_keep(s, e, mark);
    }
    return result;
}
