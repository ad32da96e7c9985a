/* graph: when a satellite runs, is skipped, fails or ends. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"

static struct work *work_new(struct sched *s, enum work_kind kind, struct execution *e)
{
    struct work *work = vector_add(&s->works);

    if (work == NULL) {
        s->is_broken = true;
        return NULL;
    }
    *work = (struct work){.kind = kind, .execution = e};
    e->work_count++;
    return work;
}

void work_add(struct sched *s, enum work_kind kind, struct instance *instance)
{
    struct work *work = work_new(s, kind, instance->execution);

    if (work != NULL) {
        work->instance = instance;
        work->frame = instance->frame;
    }
}

void work_add_frame(struct sched *s, struct frame *frame)
{
    struct work *work = work_new(s, WORK_FINISH, frame->execution);

    if (work != NULL) {
        work->frame = frame;
    }
}

void work_add_execution(struct sched *s, enum work_kind kind, struct execution *e)
{
    (void)work_new(s, kind, e); /* a broken core shows by itself */
}

void works_purge(struct sched *s, const struct execution *e, const struct frame *frame)
{
    struct work *works = s->works.items;

    for (uint32_t i = s->works_head; i < s->works.count && e->work_count > 0; i++) {
        if (works[i].kind != WORK_NONE && works[i].execution == e &&
            (frame == NULL || works[i].frame == frame)) {
            works[i].execution->work_count--;
            works[i] = (struct work){.kind = WORK_NONE};
        }
    }
}

/* What the ends of the parents so far mean: WAITING for more, READY to go on, SKIPPED or
 * UPSTREAM_FAILED. */
static enum task_state join_by_count(const struct instance *instance, uint32_t wanted)
{
    if (instance->parents_good >= wanted) {
        return TASK_READY;
    }
    return instance->parents_good + instance->parents_open >= wanted ? TASK_WAITING : TASK_SKIPPED;
}

static enum task_state join_of_all(const struct instance *instance)
{
    enum satellite_join join = instance->satellite->join;
    bool is_any_skipped = false;
    bool is_any_failed = false;

    if (instance->parents_open > 0) {
        return TASK_WAITING;
    }
    for (uint32_t i = 0; i < instance->satellite->parent_count; i++) {
        const struct instance *parent =
            frame_instance(instance->frame, instance->satellite->parents[i]);

        is_any_skipped = is_any_skipped || instance_is_skipped(parent);
        is_any_failed = is_any_failed || instance_is_failed(parent);
    }
    if (join == JOIN_ANY_FAILED) {
        return is_any_failed ? TASK_READY : TASK_SKIPPED;
    }
    return is_any_failed ? TASK_UPSTREAM_FAILED : is_any_skipped ? TASK_SKIPPED : TASK_READY;
}

static enum task_state join_of(const struct instance *instance)
{
    switch (instance->satellite->join) {
    case JOIN_ALL_DONE:
        return instance->parents_open > 0 ? TASK_WAITING : TASK_READY;
    case JOIN_ANY_SUCCEEDED:
        return join_by_count(instance, instance->satellite->parent_count == 0 ? 0 : 1);
    case JOIN_AT_LEAST:
        return join_by_count(instance, instance->satellite->join_count);
    case JOIN_ALL_SUCCEEDED:
    case JOIN_ANY_FAILED:
    case JOIN_NR:
        break;
    }
    return join_of_all(instance);
}

/* Cheap: the ends of parents are counted; only what must be known once all are in is not. */
bool instance_is_joined(const struct instance *instance)
{
    enum satellite_join join = instance->satellite->join;

    return instance->parents_open == 0 || ((join == JOIN_ANY_SUCCEEDED || join == JOIN_AT_LEAST) &&
                                           join_of(instance) != TASK_WAITING);
}

void fail_expression(struct sched *s, struct instance *instance, const char *field,
                     const struct expression_error *error)
{
    char text[EXPRESSION_ERROR_TEXT_BYTES + 32];
    size_t field_bytes = strlen(field);

    memcpy(text, field, field_bytes);
    memcpy(text + field_bytes, ": ", 2);
    memcpy(text + field_bytes + 2, error->text, strlen(error->text) + 1);
    instance_end(s, instance, TASK_FAILED, span_of(text));
}

/* True when `when` lets it run; else it has been ended or waits. */
static bool passes_when(struct sched *s, struct instance *instance)
{
    struct scope scope = {.sched = s, .frame = instance->frame, .user = instance};
    struct expression_error error;
    struct value value;

    if (instance->satellite->when == NULL) {
        return true;
    }
    enum expression_err result = scope_eval(&scope, instance->satellite->when, &value, &error);

    if (result == EXPRESSION_EPENDING) {
        waiter_wait(s, &instance->waiter, instance->frame, &scope);
        return false;
    }
    if (result != EXPRESSION_OK) {
        fail_expression(s, instance, "when", &error);
        return false;
    }
    if (value.kind != VALUE_BOOL) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("when: its value is no bool; compare with == or !="));
        return false;
    }
    if (!value.boolean) {
        instance_end(s, instance, TASK_SKIPPED, (struct span){0});
    }
    return value.boolean;
}

/* The only task of an instance that is no map. */
static void make_task(struct sched *s, struct instance *instance)
{
    /* Those of the top level are bounded by the cluster, and leave a map all its room. */
    if (instance->frame->group != NULL) {
        if (instance->execution->task_total >= LIMIT_TASKS) {
            instance_end(s, instance, TASK_FAILED,
                         span_of("an execution may have 1,000,000 tasks; split it"));
            return;
        }
        instance->execution->task_total++;
    }
    instance->task_count = 1;
    instance->task.state = TASK_WAITING;
    instance->counts[TASK_WAITING] = 1;
    timers_ready(s, instance);
    task_change(s, instance, &instance->task, 0, TASK_READY, (struct span){0}, (struct span){0});
    instance_offer(s, instance);
}

void instance_resolve(struct sched *s, struct instance *instance)
{
    if (instance->state != TASK_WAITING || instance->waiter.is_waiting ||
        instance_is_stopped(instance) ||
        (execution_is_gated(instance->execution) &&
         instance->execution->state != EXECUTION_CANCELLING)) {
        return;
    }
    enum task_state join = join_of(instance);

    assert(join != TASK_WAITING);
    if (join != TASK_READY) {
        instance_end(s, instance, join, (struct span){0});
        return;
    }
    if (instance->satellite->kind == SATELLITE_CONTAINER &&
        instance->source.needs.class == UINT32_MAX) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("class: this scheduler knows 64 classes already"));
        return;
    }
    if (passes_when(s, instance)) {
        if (instance->is_map) {
            map_expand(s, instance);
        } else {
            make_task(s, instance);
        }
    }
    values_drop(s, instance->frame);
    arena_reset(&s->scratch);
}

/* Tells the children of an end. */
static void tell_children(struct sched *s, const struct instance *instance)
{
    bool is_good = instance_is_good(instance);

    for (uint32_t i = 0; i < instance->satellite->child_count; i++) {
        struct instance *child = frame_instance(instance->frame, instance->satellite->children[i]);

        assert(child->parents_open > 0);
        child->parents_open--;
        child->parents_good += is_good;
        if (child->state == TASK_WAITING && instance_is_joined(child)) {
            work_add(s, WORK_RESOLVE, child);
        }
    }
}

void instance_end(struct sched *s, struct instance *instance, enum task_state state,
                  struct span error)
{
    struct frame *frame = instance->frame;

    assert(task_state_is_terminal(state));
    assert(!task_state_is_terminal((enum task_state)instance->state));
    if (error.bytes > 0 && instance->error == NULL) {
        instance->error = sched_text(s, error);
    }
    instance->state = (uint8_t)state;
    waiter_stop(&instance->waiter, instance->execution);
    group_unstarve(instance);
    timers_drop(s, instance);
    instance->ended_ms = s->now_ns / EXO_MILLISECOND;
    /* A single task told of its end itself. */
    if (instance->is_map || instance->task_count == 0) {
        change_instance(s, instance, error);
    }
    assert(frame->open_count > 0);
    frame->open_count--;
    tell_children(s, instance);
    if (frame->open_count == 0) {
        work_add_frame(s, frame);
    }
}

void instance_settle(struct sched *s, struct instance *instance)
{
    uint32_t ended = 0;

    if (task_state_is_terminal((enum task_state)instance->state) ||
        instance->state == TASK_WAITING) {
        return;
    }
    for (enum task_state state = TASK_SUCCEEDED; state < TASK_STATE_NR; state++) {
        ended += instance->counts[state];
    }
    if (ended < instance->task_count) {
        return;
    }
    instance_end(s, instance,
                 instance->is_map ? map_end(instance) : (enum task_state)instance->task.state,
                 (struct span){0});
}
