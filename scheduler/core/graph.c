/* graph: when a satellite runs, is skipped, fails or ends. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

void work_add(struct sched *s, enum work_kind kind, struct execution *e, struct instance *i)
{
    struct work *work = vector_add(&s->works);

    if (work == NULL) {
        s->is_broken = true;
        return;
    }
    *work = (struct work){kind, e, i};
}

/* What the parents' ends mean: READY to go on, SKIPPED or UPSTREAM_FAILED. */
static enum task_state join_of(const struct instance *instance)
{
    const struct execution *e = instance->execution;
    enum task_state result = TASK_READY;

    if (instance->satellite->join == JOIN_ALL_DONE) {
        return TASK_READY;
    }
    for (uint32_t i = 0; i < instance->satellite->parent_count; i++) {
        enum task_state parent =
            (enum task_state)e->instances[instance->satellite->parents[i]].state;

        if (parent == TASK_SKIPPED) {
            result = result == TASK_READY ? TASK_SKIPPED : result;
        } else if (parent != TASK_SUCCEEDED) {
            result = TASK_UPSTREAM_FAILED;
        }
    }
    return result;
}

void need_note(struct sched *s, const struct scope *scope)
{
    assert(scope->has_need);
    struct sched_need *need = vector_add(&s->needs);

    if (need == NULL) {
        s->is_broken = true;
        return;
    }
    *need = scope->need;
}

static void fail_expression(struct sched *s, struct instance *instance, const char *field,
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
    struct scope scope = {.sched = s, .execution = instance->execution};
    struct expression_error error;
    struct value value;

    if (instance->satellite->when == NULL) {
        return true;
    }
    enum expression_err result = scope_eval(&scope, instance->satellite->when, &value, &error);

    if (result == EXPRESSION_EPENDING) {
        instance->is_pending = true;
        need_note(s, &scope);
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

static void expand_map(struct sched *s, struct instance *instance)
{
    struct scope scope = {.sched = s, .execution = instance->execution};
    struct expression_error error;
    struct value list;
    enum expression_err result = scope_eval(&scope, instance->satellite->for_each, &list, &error);

    if (result == EXPRESSION_EPENDING) {
        instance->is_pending = true;
        need_note(s, &scope);
        return;
    }
    if (result != EXPRESSION_OK) {
        fail_expression(s, instance, "for_each", &error);
        return;
    }
    if (list.kind != VALUE_LIST) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("for_each: its value is no list; name a list of items"));
        return;
    }
    if (!instance_expand(s, instance, &list)) {
        return;
    }
    if (instance->task_count == 0) {
        instance_end(s, instance, TASK_SUCCEEDED, (struct span){0});
        return;
    }
    instance->state = TASK_READY;
    change_instance(s, instance, (struct span){0});
    work_add(s, WORK_ITEMS, instance->execution, instance);
}

/* Writes the items one after the other; false when the list cannot be held. */
static bool items_fill(struct sched *s, struct instance *instance, const struct value *list)
{
    struct item_list *items = &instance->items;
    struct buffer text;

    buffer_init(&text, s->allocator, UINT32_MAX);
    items->ends = sched_get(s, list->count * sizeof(*items->ends));
    items->count = items->ends == NULL ? 0 : list->count;
    for (uint32_t i = 0; i < items->count; i++) {
        json_write(&text, &list->items[i]);
        items->ends[i] = (uint32_t)text.bytes;
    }
    items->json_bytes = text.bytes;
    items->json = sched_get(s, text.bytes);
    if (items->json != NULL && text.bytes > 0) {
        memcpy(items->json, text.data, text.bytes);
    }
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    return !s->is_broken;
}

/* The list of a map that was loaded half-way: the same expression over the same values. */
static void items_compute(struct sched *s, struct instance *instance)
{
    struct scope scope = {.sched = s, .execution = instance->execution};
    struct expression_error error;
    struct value list;
    enum expression_err result = scope_eval(&scope, instance->satellite->for_each, &list, &error);

    if (result == EXPRESSION_EPENDING) {
        instance->is_pending = true;
        need_note(s, &scope);
        return;
    }
    if (result != EXPRESSION_OK || list.kind != VALUE_LIST || list.count != instance->task_count) {
        /* What it was computed from is gone: no task of it can be given its item. */
        execution_end(s, instance->execution, EXECUTION_FAILED,
                      span_of("for_each: the list of a map could not be computed again"));
        return;
    }
    items_drop(s, &instance->items);
    if (items_fill(s, instance, &list)) {
        instance->needs_items = false;
    }
    values_drop(s, instance->execution);
    arena_reset(&s->scratch);
}

static uint64_t tasks_of(const struct execution *e)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < e->instance_count; i++) {
        sum += e->instances[i].task_count;
    }
    return sum;
}

bool instance_expand(struct sched *s, struct instance *instance, const struct value *list)
{
    if (tasks_of(instance->execution) + list->count > LIMIT_TASKS) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("for_each: an execution may have 1,000,000 tasks; split it"));
        return false;
    }
    if (!items_fill(s, instance, list)) {
        return false;
    }
    uint32_t page_count = (list->count + PAGE_TASKS - 1) / PAGE_TASKS;

    instance->task_count = list->count;
    instance->counts[TASK_READY] = list->count;
    if (page_count > 0) {
        instance->pages = sched_get(s, page_count * sizeof(*instance->pages));
    }
    return !s->is_broken;
}

/* Hands items to the store a page at a time; what is stored may be dispatched. */
void instance_items_work(struct sched *s, struct instance *instance)
{
    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (instance->needs_items) {
        items_compute(s, instance);
        if (instance->needs_items) {
            return; /* WORK_ITEMS comes again with the value */
        }
    }
    while (instance->items_stored < instance->task_count && s->budget > 0 && !s->is_broken) {
        struct sched_items *part = vector_add(&s->items);
        uint32_t left = instance->task_count - instance->items_stored;

        if (part == NULL) {
            s->is_broken = true;
            return;
        }
        part->execution = instance->execution;
        part->instance = instance;
        part->first = instance->items_stored;
        part->count = left < PAGE_TASKS ? left : PAGE_TASKS;
        instance->items_stored += part->count;
        s->budget -= part->count < s->budget ? part->count : s->budget;
    }
    execution_dirty(s, instance->execution);
    instance_offer(s, instance);
    if (instance->items_stored < instance->task_count) {
        work_add(s, WORK_ITEMS, instance->execution, instance);
    }
}

void instance_resolve(struct sched *s, struct instance *instance)
{
    if (instance->state != TASK_WAITING || instance->is_pending ||
        instance->execution->state == EXECUTION_CANCELLING) {
        return;
    }
    assert(instance->parents_open == 0);
    enum task_state join = join_of(instance);

    if (join != TASK_READY) {
        instance_end(s, instance, join, (struct span){0});
        return;
    }
    if (instance->source.needs.class == UINT32_MAX) {
        instance_end(s, instance, TASK_FAILED,
                     span_of("class: this scheduler knows 64 classes already"));
        return;
    }
    if (passes_when(s, instance)) {
        if (instance->is_map) {
            expand_map(s, instance);
        } else {
            instance->task_count = 1;
            instance->task.state = TASK_WAITING;
            instance->counts[TASK_WAITING] = 1;
            task_change(s, instance, &instance->task, 0, TASK_READY, (struct span){0},
                        (struct span){0});
            instance_offer(s, instance);
        }
    }
    values_drop(s, instance->execution);
    arena_reset(&s->scratch);
}

void instance_end(struct sched *s, struct instance *instance, enum task_state state,
                  struct span error)
{
    struct execution *e = instance->execution;

    assert(task_state_is_terminal(state));
    assert(!task_state_is_terminal((enum task_state)instance->state));
    if (error.bytes > 0 && instance->error == NULL) {
        instance->error = sched_text(s, error);
    }
    instance->state = (uint8_t)state;
    instance->is_pending = false;
    instance->ended_ms = s->now_ns / EXO_MILLISECOND;
    /* A single task told of its end itself. */
    if (instance->is_map || instance->task_count == 0) {
        change_instance(s, instance, error);
    }
    assert(e->open_count > 0);
    e->open_count--;
    for (uint32_t i = 0; i < instance->satellite->child_count; i++) {
        struct instance *child = &e->instances[instance->satellite->children[i]];

        assert(child->parents_open > 0);
        child->parents_open--;
        if (child->parents_open == 0) {
            work_add(s, WORK_RESOLVE, e, child);
        }
    }
    if (e->open_count == 0) {
        work_add(s, WORK_FINISH, e, NULL);
    }
}

static enum task_state map_end(const struct instance *instance)
{
    static const enum task_state worst_first[] = {TASK_FAILED, TASK_TIMED_OUT, TASK_CANCELLED};

    for (size_t i = 0; i < sizeof(worst_first) / sizeof(worst_first[0]); i++) {
        if (instance->counts[worst_first[i]] > 0) {
            return worst_first[i];
        }
    }
    return TASK_SUCCEEDED;
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
