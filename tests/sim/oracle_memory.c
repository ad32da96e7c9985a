/* oracle_memory: what the oracle knows goes back to what it was, when the database does. */
#include <string.h>

#include "tests/sim/oracle.h"
#include "tests/sim/sim.h"

struct oracle_memory {
    struct oracle_execution *executions;
};

static void *twin(const void *from, size_t bytes)
{
    void *copy = sim_alloc(bytes);

    if (bytes > 0) {
        memcpy(copy, from, bytes);
    }
    return copy;
}

static void instance_copy(struct oracle_instance *to, const struct oracle_instance *from)
{
    *to = *from;
    to->tasks = twin(from->tasks, from->task_count * sizeof(*from->tasks));
}

static struct oracle_inner *inner_copy(const struct oracle_inner *from)
{
    struct oracle_inner *first = NULL;
    struct oracle_inner **last = &first;

    for (; from != NULL; from = from->next) {
        *last = twin(from, sizeof(*from));
        instance_copy(&(*last)->instance, &from->instance);
        last = &(*last)->next;
    }
    return first;
}

static struct oracle_execution *execution_copy(const struct oracle_execution *from)
{
    struct oracle_execution *e = twin(from, sizeof(*from));

    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        instance_copy(&e->instances[i], &from->instances[i]);
    }
    for (size_t i = 0; i < sizeof(e->inner) / sizeof(e->inner[0]); i++) {
        e->inner[i] = inner_copy(from->inner[i]);
    }
    return e;
}

struct oracle_memory *oracle_remember(void)
{
    struct oracle_memory *memory = sim_alloc(sizeof(*memory));
    struct oracle_execution **last = &memory->executions;

    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        *last = execution_copy(e);
        last = &(*last)->next;
    }
    *last = NULL;
    return memory;
}

/* now: what happened to it, then: as the database has it again (NULL: it was not begun). */
static void task_forget(struct oracle_task *task, const struct oracle_task *now)
{
    bool is_newer = now->attempt > task->attempt && now->attempt > now->lost;

    task->started = now->started;
    task->sent = now->sent;
    task->lost = is_newer ? now->attempt : now->lost;
    task->lost_failures = is_newer ? now->failures : now->lost_failures;
    task->lost_laters = is_newer ? now->laters : now->lost_laters;
    if (now->end_attempt <= task->attempt) { /* the end of a lost attempt is nobody's */
        task->end_attempt = now->end_attempt;
        task->end_ns = now->end_ns;
    }
}

/* then is changed to what stands from now on. */
static void instance_forget(const struct plan_execution *plan, struct oracle_instance *then,
                            const struct oracle_instance *now)
{
    struct oracle_instance made = *then;

    made.task_count = now->task_count;
    made.tasks = sim_alloc(now->task_count * sizeof(*made.tasks));
    for (uint32_t i = 0; i < now->task_count; i++) {
        if (i < then->task_count) {
            made.tasks[i] = then->tasks[i];
        } else {
            made.tasks[i].state = plan_spot_is_map(plan, &then->spot) ? TASK_READY : TASK_WAITING;
        }
        task_forget(&made.tasks[i], &now->tasks[i]);
    }
    *then = made;
}

static const struct oracle_inner *inner_find(const struct oracle_execution *e, uint32_t number)
{
    const struct oracle_inner *i = e->inner[number % 64];

    while (i != NULL && i->number != number) {
        i = i->next;
    }
    return i;
}

/* Runs of groups that had not begun may come again under another number. */
static void inner_gone(struct oracle_execution *made, const struct oracle_execution *now)
{
    for (uint32_t n = 0; n < sizeof(now->inner) / sizeof(now->inner[0]); n++) {
        made->gone[n] = now->gone[n];
        for (const struct oracle_inner *i = now->inner[n]; i != NULL; i = i->next) {
            if (inner_find(made, i->number) == NULL) {
                struct oracle_inner *gone = twin(i, sizeof(*i));

                gone->next = made->gone[n];
                made->gone[n] = gone;
            }
        }
    }
}

void oracle_recall(const struct oracle_execution *e, struct oracle_inner *inner)
{
    for (const struct oracle_inner *i = e->gone[inner->number % 64]; i != NULL; i = i->next) {
        if (i->number == inner->number) {
            instance_forget(e->plan, &inner->instance, &i->instance);
        }
    }
}

const struct oracle_task *oracle_gone(const struct oracle_execution *e, uint32_t number,
                                      uint32_t index)
{
    const struct oracle_inner *i = e->gone[number % 64];

    while (i != NULL && (i->number != number || index >= i->instance.task_count)) {
        i = i->next;
    }
    return i == NULL ? NULL : &i->instance.tasks[index];
}

static void execution_forget(struct oracle_execution *now, const struct oracle_execution *then)
{
    struct oracle_execution *made = execution_copy(then);

    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        instance_forget(now->plan, &made->instances[i], &now->instances[i]);
    }
    for (uint32_t n = 0; n < sizeof(made->inner) / sizeof(made->inner[0]); n++) {
        for (struct oracle_inner *i = made->inner[n]; i != NULL; i = i->next) {
            instance_forget(now->plan, &i->instance, &inner_find(now, i->number)->instance);
        }
    }
    inner_gone(made, now);
    /* What readers have seen of changes that stand they need not see again. */
    made->published = now->published < made->change ? now->published : made->change;
    made->is_excused = made->is_excused || now->is_excused;
    made->has_ended = now->has_ended || execution_state_is_terminal(now->state);
    made->next = now->next;
    *now = *made;
}

/* As it was before its Job was read. */
static void execution_reset(struct oracle_execution *e)
{
    struct oracle_execution fresh = {.id = e->id,
                                     .plan = e->plan,
                                     .shard = e->shard,
                                     .has_ended =
                                         e->has_ended || execution_state_is_terminal(e->state)};

    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        fresh.instances[i].spot.satellite = i;
        instance_forget(e->plan, &fresh.instances[i], &e->instances[i]);
    }
    inner_gone(&fresh, e);
    fresh.input = e->input;
    fresh.next = e->next;
    *e = fresh;
}

static const struct oracle_execution *remembered(const struct oracle_memory *memory,
                                                 const struct execution_id *id)
{
    const struct oracle_execution *e = memory->executions;

    while (e != NULL && !execution_id_equal(&e->id, id)) {
        e = e->next;
    }
    return e;
}

void oracle_forget(const struct oracle_memory *memory)
{
    struct oracle_execution **link = &oracle.executions;

    oracle.promotions++;
    while (*link != NULL) {
        struct oracle_execution *e = *link;
        const struct oracle_execution *then = remembered(memory, &e->id);

        if (then != NULL) {
            execution_forget(e, then);
            link = &e->next;
            continue;
        }
        *link = e->next;
        execution_reset(e);
        e->next = oracle.lost;
        oracle.lost = e;
    }
}

struct oracle_execution *oracle_found_again(const struct execution_id *id)
{
    for (struct oracle_execution **link = &oracle.lost; *link != NULL; link = &(*link)->next) {
        struct oracle_execution *e = *link;

        if (execution_id_equal(&e->id, id)) {
            *link = e->next;
            return e;
        }
    }
    return sim_alloc(sizeof(struct oracle_execution));
}
