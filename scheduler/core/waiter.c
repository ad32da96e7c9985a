/* waiter: values that expressions wait for, and how long they are kept. Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"

static void need_note(struct sched *s, const struct scope *scope)
{
    assert(scope->has_need);
    struct sched_need *need = vector_add(&s->needs);

    if (need == NULL) {
        s->is_broken = true;
        return;
    }
    *need = scope->need;
}

void waiter_wait(struct sched *s, struct waiter *waiter, struct frame *frame,
                 const struct scope *scope)
{
    struct execution *e = frame->execution;

    assert(!waiter->is_waiting);
    need_note(s, scope);
    waiter->is_waiting = true;
    waiter->number = scope->need.instance;
    waiter->index = scope->need.index;
    waiter->previous = NULL;
    waiter->next = e->waiters;
    if (e->waiters != NULL) {
        e->waiters->previous = waiter;
    }
    e->waiters = waiter;
}

void waiter_looks(struct waiter *waiter, struct execution *e)
{
    e->woken_count -= waiter->is_woken;
    waiter->is_woken = false;
}

void waiter_stop(struct waiter *waiter, struct execution *e)
{
    waiter_looks(waiter, e);
    if (!waiter->is_waiting) {
        return;
    }
    if (waiter->previous != NULL) {
        waiter->previous->next = waiter->next;
    } else {
        e->waiters = waiter->next;
    }
    if (waiter->next != NULL) {
        waiter->next->previous = waiter->previous;
    }
    waiter->is_waiting = false;
}

void loaded_drop(struct sched *s, struct instance *instance)
{
    struct loaded *loaded = instance->loaded;

    if (loaded == NULL) {
        return;
    }
    output_drop(s, &loaded->output);
    sched_text_put(s, loaded->error);
    sched_put(s, loaded, sizeof(*loaded));
    instance->loaded = NULL;
}

void values_drop(struct sched *s, struct frame *frame)
{
    if (frame->execution->waiters != NULL || frame->execution->woken_count > 0) {
        return; /* one may have half of what it needs */
    }
    for (;; frame = frame->group->frame) {
        for (uint32_t i = 0; i < frame->instance_count && frame->has_values; i++) {
            loaded_drop(s, &frame->instances[i]);
        }
        frame->has_values = false;
        if (frame->group == NULL) {
            return;
        }
    }
}

/* What an instance that waits for a value is about. */
static enum work_kind work_of(const struct instance *instance)
{
    return instance->needs_items             ? WORK_ITEMS
           : instance->state == TASK_WAITING ? WORK_RESOLVE
           : instance_is_gathered(instance)  ? WORK_GATHER
                                             : WORK_BEGIN;
}

static void wake(struct sched *s, struct waiter *waiter, struct execution *e)
{
    waiter_stop(waiter, e);
    waiter->is_woken = true;
    e->woken_count++;
    if (waiter->of_frame != NULL) {
        work_add_frame(s, waiter->of_frame);
    } else {
        work_add(s, work_of(waiter->of_instance), waiter->of_instance);
    }
}

enum sched_err waiter_value(struct sched *s, const struct sched_value *value)
{
    struct execution *e = execution_find(s, &value->id);
    struct instance *source = e == NULL ? NULL : execution_instance(e, value->instance);

    if (source == NULL || execution_state_is_terminal((enum execution_state)e->state)) {
        return SCHED_ESTALE;
    }
    loaded_drop(s, source);
    source->loaded = sched_get(s, sizeof(*source->loaded));
    if (source->loaded == NULL || !output_keep(s, &source->loaded->output, value->json)) {
        return SCHED_EMEMORY;
    }
    if (value->error.bytes > 0) {
        source->loaded->error = sched_text(s, value->error);
    }
    source->loaded->index = value->index;
    source->frame->has_values = true;
    for (struct waiter *waiter = e->waiters; waiter != NULL;) {
        struct waiter *next = waiter->next;

        if (waiter->number == value->instance && waiter->index == value->index) {
            wake(s, waiter, e);
        }
        waiter = next;
    }
    values_drop(s, source->frame); /* for nobody: asked by an earlier owner */
    return SCHED_OK;
}
