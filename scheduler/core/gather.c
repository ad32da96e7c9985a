/* gather: tasks that do not go to a worker themselves: each asks for a place in a batch, which runs
 * for many, and is told how its part of it ended (docs/adr/0020-batches.md). The batches live on
 * shards of their own (gather_book.h).
 *
 *   READY --asks--> DISPATCHED --its batch starts--> RUNNING --result--> as after any attempt
 *                      |                                |
 *                      +--- cancelled, timed out: it leaves, at once
 * Pure. */
#include <assert.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

enum {
    ASKED_BATCHES = 2, /* so many of its size an instance asks for that have not started ... */
    IN_BATCHES = 100,  /* ... and so many in all */
    ASKS_MAX = 1024,   /* in one batch of the shard; bytes of their items: */
    ASK_BYTES_MAX = 4 << 20,
    ITEM_DEPTH_MAX = 28, /* an input is three deeper in its batch's */
};

static const struct span nothing = {NULL, 0};

static bool has_room(const struct sched *s)
{
    return !s->is_ask_held && s->asks.count < ASKS_MAX && s->ask_bytes < ASK_BYTES_MAX;
}

/* Of the instance itself: what waits for others would otherwise grow without end. */
static bool is_within(const struct instance *instance)
{
    uint64_t size = instance->satellite->batch.size;
    uint64_t asked = instance->counts[TASK_DISPATCHED];

    return asked < ASKED_BATCHES * size &&
           asked + instance->counts[TASK_RUNNING] < IN_BATCHES * size;
}

void gather_wake(struct sched *s, struct instance *instance)
{
    if (!instance->is_gather_queued && !instance->waiter.is_waiting && ready_count(instance) > 0 &&
        is_within(instance)) {
        instance->is_gather_queued = true;
        work_add(s, WORK_GATHER, instance);
    }
}

/* It goes on when the open batch is sealed, or the outbox has room again. */
static void postpone(struct sched *s, struct instance *instance)
{
    struct task_id *place = vector_add(&s->postponed);

    if (place == NULL) {
        s->is_broken = true;
        return;
    }
    instance->is_gather_queued = true;
    *place = (struct task_id){instance->execution->id, instance_number(instance), 0};
}

void gather_sealed(struct sched *s)
{
    const struct task_id *places = s->postponed.items;
    uint32_t count = s->postponed.count;

    s->asks.count = 0;
    s->ask_bytes = 0;
    if (s->is_ask_held) {
        return;
    }
    s->postponed.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct execution *e = execution_find(s, &places[i].execution);
        struct instance *instance = e == NULL ? NULL : execution_instance(e, places[i].instance);

        if (instance != NULL && !task_state_is_terminal((enum task_state)instance->state)) {
            instance->is_gather_queued = false;
            gather_wake(s, instance);
        }
    }
}

void sched_hold_asks(struct sched *s, bool is_held)
{
    bool was_held = s->is_ask_held;

    s->is_ask_held = is_held;
    if (was_held && !is_held && s->asks.count == 0) {
        gather_sealed(s);
    }
}

/* ---- what a task asks with ---- */

/* The text of what an expression gave: a string as it is, all else as JSON. */
static void put_text(struct buffer *text, const struct value *value)
{
    if (value->kind == VALUE_STRING) {
        buffer_append(text, value_text(value));
    } else {
        json_write(text, value);
    }
}

/* Only what is longer than it may be is the user's fault; without memory the shard is loaded again.
 */
static bool is_too_long(struct sched *s, const struct buffer *text)
{
    s->is_broken = s->is_broken || (text->is_failed && !text->is_too_long);
    return text->is_too_long;
}

static uint32_t depth_of(const struct value *value)
{
    uint32_t deepest = 0;

    for (uint32_t i = 0; value->kind == VALUE_LIST && i < value->count; i++) {
        uint32_t depth = depth_of(&value->items[i]);

        deepest = depth > deepest ? depth : deepest;
    }
    for (uint32_t i = 0; value->kind == VALUE_MAP && i < value->count; i++) {
        uint32_t depth = depth_of(&value->members[i].value);

        deepest = depth > deepest ? depth : deepest;
    }
    return 1 + deepest;
}

/* {"execution": ..., "task": ..., "input": ...} */
static void put_item(struct buffer *item, const struct instance *instance, uint32_t index,
                     struct span input)
{
    struct json_writer writer = {.buffer = item};
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    struct buffer path;

    execution_id_format(&instance->execution->id, id);
    buffer_init(&path, item->allocator, 0);
    task_path(instance, index, &path);
    json_begin_map(&writer);
    json_key(&writer, "execution");
    json_put_text(&writer, id);
    json_key(&writer, "task");
    json_put_string(&writer, buffer_span(&path));
    json_key(&writer, "input");
    json_put_raw(&writer, input);
    json_end_map(&writer);
    item->is_failed = item->is_failed || path.is_failed;
    buffer_release(&path);
}

/* What is computed for one task; texts in the allocator of the core. */
struct draft {
    struct buffer key, item;
    struct expression_error error; /* with why it cannot be asked for */
    const char *field;             /* NULL: none */
};

static void draft_refuse(struct draft *draft, const char *field, const char *why)
{
    draft->field = field;
    (void)expression_error_set(&draft->error, EXPRESSION_EFAILED, why, "");
}

/* False while a value is fetched. */
static bool draft_key(struct scope *scope, struct draft *draft)
{
    const struct value_template *key = scope->user->satellite->batch.key;
    struct value value;

    if (key == NULL) {
        return true;
    }
    enum expression_err result = scope_eval_template(scope, key, &value, &draft->error);

    if (result == EXPRESSION_EPENDING) {
        return false;
    }
    if (result != EXPRESSION_OK) {
        draft->field = "batch.key";
        return true;
    }
    put_text(&draft->key, &value);
    if (is_too_long(scope->sched, &draft->key)) {
        draft_refuse(draft, "batch.key", "its text is above 4 KiB");
    }
    return true;
}

static bool draft_item(struct sched *s, struct scope *scope, struct draft *draft)
{
    struct value value;
    struct buffer input;
    enum expression_err result = scope_eval_template(
        scope, scope->user->satellite->work.input_template, &value, &draft->error);

    if (result == EXPRESSION_EPENDING) {
        return false;
    }
    if (result != EXPRESSION_OK) {
        draft->field = "input";
        return true;
    }
    buffer_init(&input, s->allocator, LIMIT_INLINE_BYTES);
    json_write(&input, &value);
    if (is_too_long(s, &input)) {
        draft_refuse(draft, "input",
                     "in a batch it may have 64 KiB; hand larger things over as "
                     "artefacts, and name them");
    } else if (depth_of(&value) > ITEM_DEPTH_MAX) {
        draft_refuse(draft, "input", "in a batch it may be 28 deep; make it flatter");
    } else {
        put_item(&draft->item, scope->user, scope->run, buffer_span(&input));
        s->is_broken = s->is_broken || draft->item.is_failed;
    }
    buffer_release(&input);
    return true;
}

/* ---- asking ---- */

static struct sched_ask *ask_add(struct sched *s, const struct lease *lease)
{
    const struct execution *e = lease->execution;
    struct sched_ask *ask = vector_add(&s->asks);
    struct span key = arena_copy(&s->batch_arena, span_of(lease->gather_key));

    if (ask == NULL || key.data == NULL) {
        s->is_broken = true;
        return NULL;
    }
    *ask = (struct sched_ask){
        .task = {e->id, instance_number(lease->instance), lease->index},
        .attempt = execution_task(lease->instance, lease->index)->attempt,
        .asked = lease->lend,
        .satellite = lease->instance->satellite,
        .project = e->definition->cluster->project,
        .key = key,
        .priority = e->priority,
    };
    return ask;
}

static void ask(struct sched *s, struct lease *lease, struct span item)
{
    struct sched_ask *ask = ask_add(s, lease);
    struct span copy = arena_copy(&s->batch_arena, item);

    if (ask == NULL || copy.data == NULL) {
        s->is_broken = true;
        return;
    }
    ask->item = copy;
    s->ask_bytes += copy.bytes;
}

/* An attempt that ends before anybody is asked. */
static void refuse(struct sched *s, struct lease *lease, const struct draft *draft)
{
    char text[EXPRESSION_ERROR_TEXT_BYTES + 32];
    struct buffer why;

    buffer_init(&why, s->allocator, sizeof(text));
    buffer_text(&why, draft->field);
    buffer_text(&why, ": ");
    buffer_text(&why, draft->error.text);
    struct span error = arena_copy(&s->batch_arena, buffer_span(&why));

    s->is_broken = s->is_broken || why.is_failed || error.data == NULL;
    buffer_release(&why);
    if (s->is_broken) {
        return;
    }
    attempt_gathered(s, lease, OUTCOME_NEVER_AGAIN, nothing, error);
}

/* The next ready task asks, or fails for what it would ask with. */
static bool gather_task(struct sched *s, struct instance *instance, const struct draft *draft)
{
    struct lease *lease = next_ready(s, instance);

    if (lease == NULL) {
        return false;
    }
    struct task *task = execution_task(instance, lease->index);

    task->attempt++;
    lease->started_ms = 0;
    lease->batch = s->batch;
    lease->lend = s->epoch;
    lease->first_ns = lease->first_ns == 0 ? s->now_ns : lease->first_ns;
    lease->is_gathered = false;
    sched_text_put(s, lease->gather_key);
    lease->gather_key = sched_text(s, buffer_span(&draft->key));
    task_change(s, instance, task, lease->index, TASK_DISPATCHED, nothing, nothing);
    if (s->is_broken) {
        return false;
    }
    if (draft->field != NULL) {
        refuse(s, lease, draft);
    } else {
        ask(s, lease, buffer_span(&draft->item));
    }
    return !s->is_broken;
}

/* False: nothing more can be done now. */
static bool gather_one(struct sched *s, struct instance *instance)
{
    struct scope scope = {.sched = s,
                          .frame = instance->frame,
                          .user = instance,
                          .is_of_run = instance->is_map,
                          .run = next_ready_index(instance)};
    struct draft draft = {.field = NULL};

    buffer_init(&draft.key, s->allocator, LIMIT_EXPRESSION_BYTES);
    buffer_init(&draft.item, s->allocator, 0);
    bool is_there =
        draft_key(&scope, &draft) && (draft.field != NULL || draft_item(s, &scope, &draft));
    bool goes_on = is_there && !s->is_broken && gather_task(s, instance, &draft);

    if (!is_there) {
        waiter_wait(s, &instance->waiter, instance->frame, &scope);
    }
    buffer_release(&draft.key);
    buffer_release(&draft.item);
    return goes_on;
}

void gather_step(struct sched *s, struct instance *instance)
{
    struct execution *e = instance->execution;
    bool goes_on = true;

    instance->is_gather_queued = false;
    if (instance->waiter.is_waiting) {
        return;
    }
    while (goes_on && s->budget > 0 && has_room(s) && ready_count(instance) > 0 &&
           is_within(instance)) {
        goes_on = gather_one(s, instance);
        s->budget--;
        if (goes_on && e->state == EXECUTION_QUEUED) {
            execution_state_set(s, e, EXECUTION_RUNNING);
        }
    }
    values_drop(s, instance->frame);
    arena_reset(&s->scratch);
    if (!goes_on || ready_count(instance) == 0 || !is_within(instance)) {
        return;
    }
    if (has_room(s)) {
        gather_wake(s, instance);
    } else if (!instance->is_gather_queued) {
        postpone(s, instance);
    }
}

/* ---- leaving, and being told ---- */

void gather_leave(struct sched *s, struct lease *lease)
{
    struct sched_ask *ask = ask_add(s, lease);

    if (ask != NULL) {
        ask->is_leave = true;
    }
}

static enum sched_err started(struct sched *s, struct lease *lease,
                              const struct sched_gathered *answer)
{
    struct task *task = execution_task(lease->instance, lease->index);

    if (task->state != TASK_DISPATCHED) {
        return SCHED_ESTALE;
    }
    lease->is_gathered = answer->has_execution;
    lease->gathered_in = answer->execution;
    lease->started_ms = s->now_ns / EXO_MILLISECOND;
    task_change(s, lease->instance, task, lease->index, TASK_RUNNING, nothing, nothing);
    instance_offer(s, lease->instance);
    return SCHED_OK;
}

/* As with reports: the number alone may be of another task, which a time that never was asked for
 * (ADR 0023). */
static bool is_of_ask(const struct lease *lease, const struct sched_gathered *answer)
{
    return answer->asked == 0 || answer->asked == lease->lend;
}

enum sched_err gather_answer(struct sched *s, const struct sched_gathered *answer)
{
    struct execution *e = execution_find(s, &answer->task.execution);
    struct instance *instance = e == NULL ? NULL : execution_instance(e, answer->task.instance);
    struct task *task = instance == NULL ? NULL : execution_task(instance, answer->task.index);

    if (task == NULL || task->attempt != answer->attempt || task->lease == NULL ||
        !task_state_is_active((enum task_state)task->state) || !instance_is_gathered(instance) ||
        !is_of_ask(task->lease, answer)) {
        return SCHED_ESTALE;
    }
    if (answer->outcome == OUTCOME_NONE) {
        return started(s, task->lease, answer);
    }
    if (answer->has_execution) {
        task->lease->is_gathered = true;
        task->lease->gathered_in = answer->execution;
    }
    attempt_gathered(s, task->lease, answer->outcome, answer->output, answer->error);
    return SCHED_OK;
}
