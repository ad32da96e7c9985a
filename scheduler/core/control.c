/* control: what people ask for while an execution runs. All idempotent: what does not fit the state
 * is stale and changes nothing. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

static const struct span nothing = {NULL, 0};

/* ---- the execution ---- */

void offer_begin(struct sched *s, struct execution *e)
{
    e->offer_number = 0;
    if (!e->is_offer_queued) {
        e->is_offer_queued = true;
        work_add_execution(s, WORK_OFFER, e);
    }
}

/* Out of the queue and in again where its priority changed. */
static void offer_one(struct sched *s, struct instance *instance)
{
    if (task_state_is_terminal((enum task_state)instance->state)) {
        return;
    }
    if (instance->source.priority != instance->execution->priority) {
        if (!dispatch_set(s->dispatch, &instance->source, nothing, 0)) {
            s->is_broken = true;
        }
        instance->source.priority = instance->execution->priority;
    }
    if (instance->task_count > 0) {
        instance_offer(s, instance);
    }
}

void offer_work(struct sched *s, struct execution *e)
{
    e->is_offer_queued = false;
    if (execution_state_is_terminal((enum execution_state)e->state)) {
        return;
    }
    while (e->offer_number < e->next_number && s->budget > 0) {
        struct frame *frame = execution_frame_from(e, e->offer_number);

        if (frame == NULL) {
            return;
        }
        if (e->offer_number < frame->number) {
            e->offer_number = frame->number;
        }
        offer_one(s, &frame->instances[e->offer_number++ - frame->number]);
        s->budget--;
    }
    if (e->offer_number < e->next_number) {
        e->is_offer_queued = true;
        work_add_execution(s, WORK_OFFER, e);
    }
}

static enum sched_err pause_step(struct sched *s, struct execution *e)
{
    if (e->state != EXECUTION_QUEUED && e->state != EXECUTION_RUNNING) {
        return SCHED_ESTALE;
    }
    execution_state_set(s, e, EXECUTION_PAUSED);
    offer_begin(s, e);
    return SCHED_OK;
}

static enum sched_err resume_step(struct sched *s, struct execution *e)
{
    if (e->state != EXECUTION_PAUSED) {
        return SCHED_ESTALE;
    }
    execution_state_set(s, e, e->started_ns == 0 ? EXECUTION_QUEUED : EXECUTION_RUNNING);
    offer_begin(s, e);
    return SCHED_OK;
}

static enum sched_err priority_step(struct sched *s, struct execution *e, uint32_t priority)
{
    if (priority > CLUSTER_PRIORITY_MAX || priority == e->priority) {
        return SCHED_ESTALE;
    }
    e->priority = priority;
    execution_dirty(s, e);
    offer_begin(s, e);
    return SCHED_OK;
}

/* ---- a satellite or task ---- */

/* What a path such as page.3.parse.7 names. */
struct target {
    struct instance *instance;
    bool has_index;
    uint32_t index;
};

/* Cuts the part before the next dot off; false when there is none. */
static bool next_part(struct span *rest, struct span *ret_part)
{
    const char *text = rest->data;
    const char *dot = rest->bytes == 0 ? NULL : memchr(text, '.', rest->bytes);
    size_t bytes = dot == NULL ? rest->bytes : (size_t)(dot - text);

    *ret_part = (struct span){text, bytes};
    *rest = dot == NULL ? nothing : (struct span){dot + 1, rest->bytes - bytes - 1};
    return bytes > 0;
}

static bool read_index(struct span part, uint32_t *ret_index)
{
    const char *text = part.data;
    uint32_t index = 0;

    if (part.bytes == 0 || part.bytes > 7) {
        return false;
    }
    for (size_t i = 0; i < part.bytes; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        index = index * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_index = index;
    return true;
}

static struct frame *find_run(struct execution *e, const struct instance *group, uint32_t index)
{
    for (uint32_t i = 0; i < e->frame_count; i++) {
        if (e->frames[i]->group == group && e->frames[i]->index == index &&
            !e->frames[i]->is_ended) {
            return e->frames[i];
        }
    }
    return NULL;
}

static bool find_target(struct execution *e, struct span path, struct target *ret)
{
    struct frame *frame = &e->root;
    struct span part;

    for (;;) {
        if (frame == NULL || !next_part(&path, &part)) {
            return false;
        }
        const struct satellite *satellite =
            cluster_find(e->definition->cluster, frame_group(frame), part);

        if (satellite == NULL) {
            return false;
        }
        *ret = (struct target){.instance = frame_instance(frame, satellite->index)};
        if (path.bytes > 0 && ret->instance->is_map) {
            ret->has_index = next_part(&path, &part) && read_index(part, &ret->index);
            if (!ret->has_index || ret->index >= ret->instance->task_count) {
                return false;
            }
        }
        if (path.bytes == 0) {
            return true;
        }
        frame = instance_is_group(ret->instance) ? find_run(e, ret->instance, ret->index) : NULL;
    }
}

/* A task of a map whose turn has not come, and whose item is the store's. */
static bool is_ahead(const struct target *target)
{
    const struct instance *instance = target->instance;

    return target->has_index && target->index >= instance->next_index &&
           target->index < instance->items_stored && instance->tail_state == TASK_WAITING &&
           task_state_at(instance, target->index) == TASK_READY;
}

/* The task as a lease, whether it was ever granted or not; NULL when nothing can be done to it. One
 * whose turn has not come is ended by whoever asks: map_advance after that. */
static struct lease *lease_of(struct sched *s, const struct target *target)
{
    struct instance *instance = target->instance;
    bool is_first = is_ahead(target);
    struct task *task = NULL;

    if (!is_first || page_get(s, instance, target->index / PAGE_TASKS) != NULL) {
        task = execution_task(instance, target->index);
    }
    if (task != NULL && task->lease != NULL) {
        return task->lease;
    }
    if (task == NULL || task->state != TASK_READY || (instance->is_map && !is_first)) {
        return NULL;
    }
    struct lease *lease = lease_new(s, instance, target->index);

    if (lease != NULL) {
        again_add(instance, lease);
        instance->ahead_count += is_first;
    }
    return lease;
}

/* One run of a group ends as CANCELLED or, with json, SUCCEEDED: what of it runs is ended first. */
static enum sched_err end_run(struct sched *s, const struct target *target, enum task_state state,
                              struct span json, struct span reason)
{
    struct instance *group = target->instance;
    struct frame *frame = find_run(group->execution, group, target->index);

    if (frame != NULL) {
        if (frame->stop != TASK_WAITING) {
            return SCHED_ESTALE;
        }
        if (state == TASK_SUCCEEDED) {
            frame->output = bytes_copy(s, json, &frame->output_bytes);
        }
        frame_stop_set(s, frame, state, reason);
        return SCHED_OK;
    }
    bool is_open = group->is_map ? is_ahead(target)
                                 : group->task_count == 1 && group->task.state == TASK_READY;

    return is_open && group_run_forestall(s, group, target->index, state, json) ? SCHED_OK
                                                                                : SCHED_ESTALE;
}

static enum sched_err cancel_target(struct sched *s, const struct target *target,
                                    struct span reason)
{
    struct instance *instance = target->instance;

    if (task_state_is_terminal((enum task_state)instance->state) || instance_is_stopped(instance)) {
        return SCHED_ESTALE;
    }
    if (!target->has_index) {
        instance_stop_set(s, instance, TASK_CANCELLED, reason);
        return SCHED_OK;
    }
    if (instance_is_group(instance)) {
        return end_run(s, target, TASK_CANCELLED, nothing, reason);
    }
    struct lease *lease = lease_of(s, target);

    if (lease == NULL || lease->is_cancelled) {
        return SCHED_ESTALE;
    }
    if (task_state_is_active((enum task_state)execution_task(instance, target->index)->state) &&
        !instance_is_gathered(instance)) {
        lease->is_cancelled = true;
        lease_dirty(s, lease);
        attempt_kill(s, lease);
    } else {
        lease_end(s, lease, TASK_CANCELLED, reason);
        map_advance(instance);
    }
    return SCHED_OK;
}

/* A task in BACKOFF is tried now. */
static enum sched_err retry_target(struct sched *s, const struct target *target)
{
    struct task *task = execution_task(target->instance, target->index);

    if (task == NULL || task->state != TASK_BACKOFF ||
        (target->instance->is_map && !target->has_index)) {
        return SCHED_ESTALE;
    }
    heap_remove(&s->backoffs, &task->lease->timer);
    task_ready_again(s, task->lease, nothing);
    return SCHED_OK;
}

/* By hand: as if an attempt had given this. */
static enum sched_err skip_target(struct sched *s, const struct target *target,
                                  const struct sched_command *command)
{
    struct instance *instance = target->instance;

    if (task_state_is_terminal((enum task_state)instance->state) || instance_is_stopped(instance) ||
        (instance->is_map && !target->has_index)) {
        return SCHED_ESTALE;
    }
    if (instance->satellite->kind == SATELLITE_WAIT && instance->state == TASK_RUNNING) {
        wait_end(s, instance, TASK_SUCCEEDED, command->value, nothing);
        return SCHED_OK;
    }
    if (instance_is_group(instance)) {
        return end_run(s, target, TASK_SUCCEEDED, command->value, nothing);
    }
    struct lease *lease = lease_of(s, target);

    if (lease == NULL) {
        return SCHED_ESTALE;
    }
    attempt_skip(s, lease, command->value, command->actor);
    map_advance(instance);
    return SCHED_OK;
}

static struct span approval_json(struct sched *s, const struct sched_command *command)
{
    struct buffer buffer;
    struct json_writer writer = {.buffer = &buffer};

    buffer_init(&buffer, s->allocator, 0);
    json_begin_map(&writer);
    json_key(&writer, "approved_by");
    json_put_string(&writer, command->actor);
    json_key(&writer, "comment");
    json_put_string(&writer, command->reason);
    json_end_map(&writer);

    struct span json = arena_copy(&s->batch_arena, buffer_span(&buffer));

    s->is_broken = s->is_broken || buffer.is_failed || json.data == NULL;
    buffer_release(&buffer);
    return json;
}

/* REJECTED: by ada: not today */
static struct span rejection_text(struct sched *s, const struct sched_command *command)
{
    const struct span parts[] = {
        span_of("REJECTED: by "),
        command->actor.bytes > 0 ? command->actor : span_of("somebody"),
        span_of(command->reason.bytes > 0 ? ": " : ""),
        command->reason,
    };
    struct buffer buffer;

    buffer_init(&buffer, s->allocator, 0);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        buffer_append(&buffer, parts[i]);
    }
    struct span text = arena_copy(&s->batch_arena, buffer_span(&buffer));

    s->is_broken = s->is_broken || buffer.is_failed || text.data == NULL;
    buffer_release(&buffer);
    return text;
}

static enum sched_err approve_target(struct sched *s, const struct target *target,
                                     const struct sched_command *command)
{
    struct instance *instance = target->instance;

    if (instance->state != TASK_RUNNING || instance->satellite->kind != SATELLITE_WAIT ||
        !instance->satellite->wait.is_approval) {
        return SCHED_ESTALE;
    }
    bool is_approved = command->kind == COMMAND_APPROVE;
    struct span said = is_approved ? approval_json(s, command) : rejection_text(s, command);

    if (!s->is_broken) {
        wait_end(s, instance, is_approved ? TASK_SUCCEEDED : TASK_FAILED,
                 is_approved ? said : nothing, is_approved ? nothing : said);
    }
    return SCHED_OK;
}

static enum sched_err target_step(struct sched *s, struct execution *e,
                                  const struct sched_command *command)
{
    struct target target;

    if (!find_target(e, command->task, &target)) {
        return SCHED_ESTALE;
    }
    switch (command->kind) {
    case COMMAND_CANCEL:
        return cancel_target(s, &target, command->reason);
    case COMMAND_RETRY:
        return retry_target(s, &target);
    case COMMAND_SKIP:
        return skip_target(s, &target, command);
    case COMMAND_APPROVE:
    case COMMAND_REJECT:
        return approve_target(s, &target, command);
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
    case COMMAND_SIGNAL:
    case COMMAND_PRIORITY:
    case COMMAND_KIND_NR:
        break;
    }
    return SCHED_ESTALE;
}

enum sched_err control_step(struct sched *s, const struct sched_command *command)
{
    struct execution *e = execution_find(s, &command->id);

    if (e == NULL || execution_state_is_terminal((enum execution_state)e->state)) {
        return SCHED_ESTALE;
    }
    switch (command->kind) {
    case COMMAND_CANCEL:
        if (command->task.bytes == 0) {
            return control_cancel(s, e, command->reason);
        }
        return target_step(s, e, command);
    case COMMAND_PAUSE:
        return pause_step(s, e);
    case COMMAND_RESUME:
        return resume_step(s, e);
    case COMMAND_PRIORITY:
        return priority_step(s, e, command->priority);
    case COMMAND_SIGNAL:
        return e->state == EXECUTION_CANCELLING ? SCHED_ESTALE : wait_signal(s, e, command);
    case COMMAND_RETRY:
    case COMMAND_SKIP:
    case COMMAND_APPROVE:
    case COMMAND_REJECT:
        return target_step(s, e, command);
    case COMMAND_KIND_NR:
        break;
    }
    return SCHED_ESTALE;
}
