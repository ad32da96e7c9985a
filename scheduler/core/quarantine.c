/* quarantine: which execution an input of our own concerns, and how one that brings its reader down
 * ends. Pure. */
#include "scheduler/core/sched_state.h"

static const struct execution *timed(const struct heap_node *node)
{
    return node == NULL
               ? NULL
               : (const struct execution *)(const void *)((const unsigned char *)node -
                                                          offsetof(struct execution, timer));
}

static const struct execution *backed_off(const struct heap_node *node)
{
    return node == NULL ? NULL
                        : ((const struct lease *)(const void *)((const unsigned char *)node -
                                                                offsetof(struct lease, timer)))
                              ->execution;
}

static const struct execution *due(const struct heap_node *node)
{
    return node == NULL ? NULL : timer_of(node)->instance->execution;
}

/* In the order in which a narrow TIMER goes about it. */
static const struct execution *timer_first(const struct sched *s)
{
    if (s->works_head < s->works.count) {
        return ((const struct work *)s->works.items)[s->works_head].execution;
    }
    const struct execution *e = backed_off(heap_first(&s->backoffs));

    e = e == NULL ? gates_first_delayed(s) : e;
    e = e == NULL ? due(heap_first(&s->starts)) : e;
    return e == NULL ? timed(heap_first(&s->timeouts)) : e;
}

bool sched_concerns(const struct sched *s, const struct sched_event *event,
                    struct execution_id *ret_id)
{
    const struct execution *e = NULL;
    const struct holder *holder = NULL;

    switch (event->kind) {
    case SCHED_TIMER:
        e = timer_first(s);
        break;
    case SCHED_BARRIER:
        e = timed(heap_first(&s->timeouts));
        e = e == NULL ? due(heap_first(&s->takes)) : e;
        break;
    case SCHED_GRANT:
        e = ((const struct instance *)event->grant.source->owner)->execution;
        break;
    case SCHED_VALUE:
        e = execution_find(s, &event->value.id);
        break;
    case SCHED_WITNESS:
        holder = holder_find(s, event->witness.worker, event->witness.incarnation);
        e = holder == NULL || holder->leases == NULL ? NULL : holder->leases->execution;
        break;
    case SCHED_SUBMIT:
    case SCHED_REPORT:
    case SCHED_ANSWER:
    case SCHED_GATHERED:
    case SCHED_COMMAND:
    case SCHED_FAIL:
    case SCHED_EVENT_NR:
        break; /* they come with a record */
    }
    if (e != NULL) {
        *ret_id = e->id;
    }
    return e != NULL;
}

void sched_be_narrow(struct sched *s, bool is_narrow)
{
    s->is_narrow = is_narrow;
}

/* What may bring the reader down must not be tried again on the way to the end. */
static void works_drop(struct sched *s, struct execution *e)
{
    works_purge(s, e, NULL);
    e->is_stop_queued = false;
    e->is_offer_queued = false;
}

/* Why the reader stopped is worth more than why the execution was on its way to an end. */
static void reason_set(struct sched *s, struct execution *e, struct span reason)
{
    sched_text_put(s, e->error);
    e->error = sched_text(s, reason);
}

enum sched_err fail_step(struct sched *s, const struct sched_failure *fail)
{
    struct execution *e = execution_find(s, &fail->id);

    if (e == NULL || execution_state_is_terminal((enum execution_state)e->state)) {
        return SCHED_ESTALE;
    }
    works_drop(s, e);
    if (e->root.open_count == 0) { /* only its output was left to be made */
        reason_set(s, e, fail->reason);
        execution_state_set(s, e, EXECUTION_FAILED);
        return SCHED_OK;
    }
    finals_stop(s, e);
    if (e->state == EXECUTION_CANCELLING) {
        reason_set(s, e, fail->reason);
        e->ending = EXECUTION_FAILED;
        stop_begin(s, e);
    } else {
        execution_end(s, e, EXECUTION_FAILED, fail->reason);
    }
    return SCHED_OK;
}
