/* frame: runs of a scope: made, begun, finished, dropped. Pure. */
#include <assert.h>
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

enum { GROUP_OUTPUT_BYTES_MAX = 256 << 10 };

static void instance_init(struct sched *s, struct frame *frame, uint32_t i)
{
    struct execution *e = frame->execution;
    const struct satellite *satellite = &e->definition->cluster->satellites[frame->first + i];
    struct instance *instance = &frame->instances[i];

    instance->execution = e;
    instance->frame = frame;
    instance->satellite = satellite;
    instance->waiter.of_instance = instance;
    instance->state = TASK_WAITING;
    instance->is_map = satellite->for_each != NULL;
    instance->parents_open = satellite->parent_count;
    instance->source = (struct dispatch_source){
        .owner = instance,
        .priority = e->priority,
        .deadline_ns = EXO_TIME_NEVER,
        .age = s->age++,
        .needs = {.class = satellite->kind == SATELLITE_CONTAINER
                               ? fleet_class(s->fleet, satellite->class)
                               : UINT32_MAX,
                  .cpu_millis = satellite->work.resources.cpu_millis,
                  .memory_bytes = satellite->work.resources.memory_bytes},
    };
    fleet_class_hold(s->fleet, instance->source.needs.class);
}

bool frame_init(struct sched *s, struct frame *frame, const struct frame_place *place)
{
    const struct cluster *cluster = place->execution->definition->cluster;
    const struct satellite *group = place->group == NULL ? NULL : place->group->satellite;

    *frame = (struct frame){
        .execution = place->execution,
        .group = place->group,
        .index = place->index,
        .number = place->number,
        .first = group == NULL ? 0 : group->inner_first,
        .instance_count = group == NULL ? cluster->root_count : group->inner_count,
        .started_ns = s->now_ns,
    };
    frame->waiter.of_frame = frame;
    frame->open_count = frame->instance_count;
    frame->instances = sched_get(s, frame->instance_count * sizeof(*frame->instances));
    for (uint32_t i = 0; frame->instances != NULL && i < frame->instance_count; i++) {
        instance_init(s, frame, i);
    }
    return frame->instances != NULL;
}

static bool frames_grow(struct sched *s, struct execution *e)
{
    uint32_t capacity = e->frame_capacity == 0 ? 16 : 2 * e->frame_capacity;

    if (e->frame_count < e->frame_capacity) {
        return true;
    }
    struct frame **grown =
        s->allocator.resize(s->allocator.context, e->frames, e->frame_capacity * sizeof(*e->frames),
                            capacity * sizeof(*e->frames));

    if (grown == NULL) {
        s->is_broken = true;
        return false;
    }
    e->frames = grown;
    e->frame_capacity = capacity;
    return true;
}

struct frame *frame_new(struct sched *s, const struct frame_place *place)
{
    struct execution *e = place->execution;
    struct frame *frame = frames_grow(s, e) ? sched_get(s, sizeof(*frame)) : NULL;

    if (frame == NULL || !frame_init(s, frame, place)) {
        sched_put(s, frame, sizeof(*frame));
        return NULL;
    }
    assert(e->frame_count == 0 || e->frames[e->frame_count - 1]->number < frame->number);
    e->frames[e->frame_count++] = frame;
    return frame;
}

static void pages_put(struct sched *s, struct instance *instance)
{
    uint32_t count = (instance->task_count + PAGE_TASKS - 1) / PAGE_TASKS;

    for (uint32_t i = 0; instance->pages != NULL && i < count; i++) {
        sched_put(s, instance->pages[i], sizeof(struct page));
    }
    sched_put(s, instance->pages, count * sizeof(struct page *));
    instance->pages = NULL;
}

static void instance_release(struct sched *s, struct instance *instance)
{
    if (instance->source.lane != NULL) {
        bool is_out = dispatch_set(s->dispatch, &instance->source, (struct span){0}, 0);

        assert(is_out);
    }
    fleet_class_drop(s->fleet, instance->source.needs.class);
    waiter_stop(&instance->waiter, instance->execution);
    group_unstarve(instance);
    timers_drop(s, instance);
    pages_put(s, instance);
    items_drop(s, &instance->items);
    items_drop(s, &instance->more);
    output_drop(s, &instance->output);
    loaded_drop(s, instance);
    result_drop(s, instance);
    sched_text_put(s, instance->error);
    sched_text_put(s, instance->image_digest);
}

void frame_release(struct sched *s, struct frame *frame)
{
    waiter_stop(&frame->waiter, frame->execution);
    heap_remove(&s->takes, &frame->timer.node);
    for (uint32_t i = 0; frame->instances != NULL && i < frame->instance_count; i++) {
        instance_release(s, &frame->instances[i]);
    }
    sched_put(s, frame->instances, frame->instance_count * sizeof(*frame->instances));
    sched_put(s, frame->input, frame->input_bytes);
    sched_put(s, frame->output, frame->output_bytes);
    sched_text_put(s, frame->error);
}

static void frame_drop(struct sched *s, struct frame *frame)
{
    struct execution *e = frame->execution;
    uint32_t at = 0;

    while (e->frames[at] != frame) {
        at++;
    }
    memmove(e->frames + at, e->frames + at + 1, (e->frame_count - at - 1) * sizeof(*e->frames));
    e->frame_count--;
    works_purge(s, e, frame);
    frame_release(s, frame);
    sched_put(s, frame, sizeof(*frame));
    if (e->starved_first != NULL) {
        group_wake(s, e->starved_first);
    }
}

void frames_sealed(struct sched *s)
{
    struct frame **frames = s->frames.items;
    uint32_t count = s->frames.count;

    s->frames.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        frames[i]->is_dirty = false;
        if (frames[i]->is_ended) {
            frame_drop(s, frames[i]);
        }
    }
}

void frame_dirty(struct sched *s, struct frame *frame)
{
    execution_dirty(s, frame->execution);
    if (frame->group == NULL || frame->is_dirty) {
        return;
    }
    struct frame **note = vector_add(&s->frames);

    if (note == NULL) {
        s->is_broken = true;
        return;
    }
    frame->is_dirty = true;
    *note = frame;
}

void frame_begin(struct sched *s, struct frame *frame)
{
    const struct execution *e = frame->execution;

    frame_dirty(s, frame);
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        if (e->deadline_ns != 0) {
            frame->instances[i].source.deadline_ns = e->deadline_ns;
        }
        if (frame->instances[i].state == TASK_WAITING && instance_is_joined(&frame->instances[i])) {
            work_add(s, WORK_RESOLVE, &frame->instances[i]);
        }
    }
    if (frame->open_count == 0) {
        work_add_frame(s, frame); /* all of it is kept */
    }
}

void frame_refuse(struct sched *s, struct frame *frame, struct span why)
{
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        instance_end(s, &frame->instances[i], TASK_UPSTREAM_FAILED, (struct span){0});
    }
    frame->error = sched_text(s, why);
    group_run_ended(s, frame, TASK_FAILED);
}

/* A satellite that ran because of failures and succeeded has dealt with those upstream of it. */
static bool is_caught(const struct frame *frame, const struct instance *failed)
{
    const struct cluster *cluster = frame->execution->definition->cluster;

    for (uint32_t i = 0; i < frame->instance_count; i++) {
        const struct instance *catcher = &frame->instances[i];

        if (catcher->satellite->join == JOIN_ANY_FAILED && catcher->state == TASK_SUCCEEDED &&
            cluster_is_upstream(cluster, failed->satellite->index, catcher->satellite->index)) {
            return true;
        }
    }
    return false;
}

const struct instance *frame_failure(const struct frame *frame)
{
    for (uint32_t i = 0; i < frame->instance_count; i++) {
        const struct instance *instance = &frame->instances[i];

        /* UPSTREAM_FAILED follows from another's end. */
        if (instance_is_failed(instance) && instance->state != TASK_UPSTREAM_FAILED &&
            !is_caught(frame, instance)) {
            return instance;
        }
    }
    return NULL;
}

static const struct value_template *output_of(const struct frame *frame)
{
    const struct cluster *cluster = frame->execution->definition->cluster;
    const struct satellite *group = frame->group == NULL ? NULL : frame->group->satellite;

    if (group != NULL) {
        return group->output_source == NULL ? NULL : group->output;
    }
    return cluster->output_source == NULL ? NULL : cluster->output;
}

bool frame_output(struct sched *s, struct frame *frame, struct buffer *text,
                  struct expression_error *ret_error)
{
    struct scope scope = {.sched = s, .frame = frame};
    const struct value_template *template = output_of(frame);
    enum expression_err result = EXPRESSION_OK;
    struct value value;

    if (template == NULL) {
        bool is_pending = false;

        scope_default_output(&scope, text, &is_pending);
        result = is_pending ? EXPRESSION_EPENDING : EXPRESSION_OK;
    } else {
        result = scope_eval_template(&scope, template, &value, ret_error);
        if (result == EXPRESSION_OK) {
            json_write(text, &value);
        }
    }
    ret_error->code = result == EXPRESSION_EPENDING ? EXPRESSION_OK : result;
    if (result == EXPRESSION_EPENDING) {
        waiter_wait(s, &frame->waiter, frame, &scope);
    }
    return result == EXPRESSION_OK;
}

static void run_fail(struct sched *s, struct frame *frame, struct span what, const char *why)
{
    struct buffer text;

    buffer_init(&text, s->allocator, 0);
    buffer_append(&text, what);
    buffer_text(&text, ": ");
    buffer_text(&text, why);
    frame->error = sched_text(s, buffer_span(&text));
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    group_run_ended(s, frame, TASK_FAILED);
}

/* The end of one run of a group. */
static void run_finish(struct sched *s, struct frame *frame)
{
    const struct instance *failed = frame_failure(frame);
    struct expression_error error = {.code = EXPRESSION_OK};
    struct buffer text;

    if (instance_is_stopped(frame->group)) {
        group_run_ended(s, frame, instance_stop(frame->group));
        return;
    }
    if (frame->stop != TASK_WAITING) {
        group_run_ended(s, frame, (enum task_state)frame->stop);
        return;
    }
    if (failed != NULL) {
        run_fail(s, frame, failed->satellite->name,
                 failed->error == NULL ? task_state_name((enum task_state)failed->state)
                                       : failed->error);
        return;
    }
    buffer_init(&text, s->allocator, 0);
    if (!frame_output(s, frame, &text, &error)) {
        if (error.code != EXPRESSION_OK) {
            run_fail(s, frame, span_of("output"), error.text);
        }
    } else if (text.bytes > GROUP_OUTPUT_BYTES_MAX) {
        run_fail(s, frame, span_of("output"),
                 "of one run it is above 256 KiB; name a smaller part in the group's `output:`");
    } else {
        frame->output = bytes_copy(s, buffer_span(&text), &frame->output_bytes);
        group_run_ended(s, frame, TASK_SUCCEEDED);
    }
    values_drop(s, frame);
    s->is_broken = s->is_broken || text.is_failed;
    buffer_release(&text);
    arena_reset(&s->scratch);
}

void frame_finish(struct sched *s, struct frame *frame)
{
    assert(frame->open_count == 0);
    if (frame->waiter.is_waiting || frame->is_ended ||
        execution_state_is_terminal((enum execution_state)frame->execution->state)) {
        return;
    }
    if (frame->group == NULL) {
        execution_finish(s, frame->execution);
    } else {
        run_finish(s, frame);
    }
}
