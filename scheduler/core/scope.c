/* scope: what expressions see of an execution. Pure.
 *
 *   input, execution            plain values; input is that of the nearest closed group
 *   satellites.NAME.state       plain
 *   satellites.NAME.output      of a single task: its JSON, or a blob that is fetched when needed
 *                               of a map: a list by index, fetched item by item or, up to 1 MiB
 *                               (8 MiB for for_each), whole */
#include <string.h>

#include "scheduler/core/sched_state.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

enum { DEFAULT_OUTPUT_TASKS_MAX = 1000 };

/* A loaded value is parsed once: a macro may ask for each of its items. */
struct parsed {
    bool is_done;
    struct value value;
};

/* What lazy objects point to. */
struct seen {
    struct scope *scope;
    struct instance *instance;
    struct parsed *loaded;
};

static enum expression_err parse(struct scope *scope, struct span json, struct value *ret,
                                 struct expression_error *error)
{
    struct json_error json_error;

    if (json.bytes == 0) {
        *ret = value_null();
        return EXPRESSION_OK;
    }
    struct json_limits limits = {.borrows_text = true};
    enum json_err result = json_read(json, &limits, &scope->sched->scratch, ret, &json_error);

    if (result == JSON_EMEMORY) {
        return expression_error_set(error, EXPRESSION_EMEMORY, "out of memory", "");
    }
    return result == JSON_OK ? EXPRESSION_OK
                             : expression_error_set(error, EXPRESSION_EFAILED,
                                                    "a kept value is no JSON: ", json_error.text);
}

static enum expression_err parse_loaded(const struct seen *seen, struct value *ret,
                                        struct expression_error *error)
{
    const struct instance *instance = seen->instance;
    enum expression_err result = EXPRESSION_OK;

    if (!seen->loaded->is_done) {
        result = parse(seen->scope,
                       (struct span){instance->loaded->output.json, instance->loaded->output.bytes},
                       &seen->loaded->value, error);
        seen->loaded->is_done = result == EXPRESSION_OK;
    }
    *ret = seen->loaded->value;
    return result;
}

/* Notes that a value must be fetched. */
static enum expression_err want(struct scope *scope, const struct instance *instance,
                                uint32_t index, struct expression_error *error)
{
    if (!scope->has_need) {
        scope->has_need = true;
        scope->need = (struct sched_need){
            .id = instance->execution->id,
            .instance = instance_number(instance),
            /* A second item of one list: fetch the whole, or two would drive each other out. */
            .index = instance->loaded != NULL ? UINT32_MAX : index,
            .has_ref = instance->output.has_ref,
            .digest = instance->output.digest,
            .ref_bytes = instance->output.ref_bytes,
        };
    }
    return expression_error_set(error, EXPRESSION_EPENDING, "a value is being fetched", "");
}

static bool is_too_large(const struct scope *scope, const struct instance *instance)
{
    uint64_t bytes_max = scope->is_list_of_map ? LIMIT_MAP_LIST_BYTES : LIMIT_LIST_LOAD_BYTES;

    return (instance->output.has_ref && instance->output.ref_bytes > bytes_max) ||
           (instance->loaded != NULL && instance->loaded->output.bytes > bytes_max);
}

static enum expression_err load_whole(const struct expression_object *self, struct arena *arena,
                                      struct value *ret, struct expression_error *error)
{
    const struct seen *seen = self->data;
    struct instance *instance = seen->instance;

    (void)arena;
    if (is_too_large(seen->scope, instance)) {
        return expression_error_set(error, EXPRESSION_ELIMIT,
                                    seen->scope->is_list_of_map
                                        ? "an output above 8 MiB gives no list of items"
                                        : "an output above 1 MiB can be passed on but not looked "
                                          "into",
                                    "");
    }
    if (instance->loaded != NULL && instance->loaded->error != NULL) {
        return expression_error_set(error, EXPRESSION_ELIMIT, instance->loaded->error, "");
    }
    if (instance->loaded != NULL && instance->loaded->index == UINT32_MAX) {
        return parse_loaded(seen, ret, error);
    }
    return want(seen->scope, instance, UINT32_MAX, error);
}

static enum expression_err list_size(const struct expression_object *self, int64_t *ret_size,
                                     struct expression_error *error)
{
    const struct seen *seen = self->data;

    (void)error;
    *ret_size = seen->instance->task_count;
    return EXPRESSION_OK;
}

static enum expression_err list_index(const struct expression_object *self, int64_t index,
                                      struct expression_object *ret, struct expression_error *error)
{
    const struct seen *seen = self->data;
    struct instance *instance = seen->instance;
    struct value value;
    enum expression_err result;

    if (index < 0 || index >= (int64_t)instance->task_count) {
        return expression_error_set(error, EXPRESSION_EMISSING, "no such index in the list", "");
    }
    if (task_state_at(instance, (uint32_t)index) != TASK_SUCCEEDED) {
        *ret = expression_object_value(value_null());
        return EXPRESSION_OK;
    }
    if (instance->loaded != NULL && instance->loaded->error != NULL) {
        return expression_error_set(error, EXPRESSION_ELIMIT, instance->loaded->error, "");
    }
    if (instance->loaded == NULL ||
        (instance->loaded->index != UINT32_MAX && instance->loaded->index != (uint32_t)index)) {
        return want(seen->scope, instance, (uint32_t)index, error);
    }
    result = parse_loaded(seen, &value, error);
    if (result != EXPRESSION_OK) {
        return result;
    }
    if (instance->loaded->index == UINT32_MAX) {
        if (value.kind != VALUE_LIST || (uint32_t)index >= value.count) {
            return expression_error_set(error, EXPRESSION_EFAILED, "a kept list is broken", "");
        }
        value = value.items[index];
    }
    *ret = expression_object_value(value);
    return EXPRESSION_OK;
}

static const struct expression_object_type blob_type = {.load = load_whole};
static const struct expression_object_type list_type = {
    .index = list_index, .size = list_size, .load = load_whole};

static enum expression_err output_object(const struct seen *seen, struct expression_object *ret,
                                         struct expression_error *error)
{
    const struct instance *instance = seen->instance;

    if (instance->is_map && instance->task_count > 0) {
        *ret = (struct expression_object){.type = &list_type, .data = seen};
        return EXPRESSION_OK;
    }
    if (instance->is_map && instance->state == TASK_SUCCEEDED) {
        *ret = expression_object_value((struct value){.kind = VALUE_LIST});
        return EXPRESSION_OK;
    }
    if (instance->output.has_ref) {
        *ret = (struct expression_object){.type = &blob_type, .data = seen};
        return EXPRESSION_OK;
    }
    *ret = (struct expression_object){0};
    return parse(seen->scope, (struct span){instance->output.json, instance->output.bytes},
                 &ret->value, error);
}

static enum expression_err satellite_member(const struct expression_object *self, struct span name,
                                            struct expression_object *ret,
                                            struct expression_error *error)
{
    const struct seen *seen = self->data;
    const struct instance *instance = seen->instance;

    if (span_is(name, "output")) {
        return output_object(seen, ret, error);
    }
    if (span_is(name, "state")) {
        *ret = expression_object_value(
            value_string(span_of(task_state_name((enum task_state)instance->state))));
        return EXPRESSION_OK;
    }
    if (span_is(name, "error")) {
        *ret = expression_object_value(
            instance->error == NULL ? value_null() : value_string(span_of(instance->error)));
        return EXPRESSION_OK;
    }
    return expression_error_set(error, EXPRESSION_EMISSING,
                                "a satellite has output, state and error only", "");
}

static enum expression_err no_whole(const struct expression_object *self, struct arena *arena,
                                    struct value *ret, struct expression_error *error)
{
    (void)self;
    (void)arena;
    (void)ret;
    return expression_error_set(error, EXPRESSION_ETYPE,
                                "name a part, such as satellites.NAME.output", "");
}

static const struct expression_object_type satellite_type = {.member = satellite_member,
                                                             .load = no_whole};

static enum expression_err satellites_member(const struct expression_object *self, struct span name,
                                             struct expression_object *ret,
                                             struct expression_error *error)
{
    struct seen *all = (struct seen *)(uintptr_t)self->a;
    const struct frame *frame = all->scope->frame;
    const struct satellite *satellite =
        cluster_find_seen(frame->execution->definition->cluster, frame_group(frame), name);

    if (satellite == NULL) {
        return expression_error_set(error, EXPRESSION_EMISSING, "no such satellite", "");
    }
    struct seen *seen = arena_alloc(&all->scope->sched->scratch, sizeof(*seen));
    struct parsed *loaded = arena_alloc(&all->scope->sched->scratch, sizeof(*loaded));

    if (seen == NULL || loaded == NULL) {
        return expression_error_set(error, EXPRESSION_EMEMORY, "out of memory", "");
    }
    seen->scope = all->scope;
    seen->loaded = loaded;
    seen->instance = frame_instance(frame, satellite->index);
    *ret = (struct expression_object){.type = &satellite_type, .data = seen};
    return EXPRESSION_OK;
}

static const struct expression_object_type satellites_type = {.member = satellites_member,
                                                              .load = no_whole};

/* execution.id, .time (a timestamp, in milliseconds) and .labels. */
static enum expression_err execution_value(struct scope *scope, struct value *ret,
                                           struct expression_error *error)
{
    struct execution *e = scope->frame->execution;
    struct arena *arena = &scope->sched->scratch;
    struct value_member *members = arena_alloc(arena, 3 * sizeof(*members));
    char *id = arena_alloc(arena, EXECUTION_ID_TEXT_BYTES + 1);

    if (members == NULL || id == NULL) {
        return expression_error_set(error, EXPRESSION_EMEMORY, "out of memory", "");
    }
    execution_id_format(&e->id, id);
    members[0].key = value_string(span_of("id"));
    members[0].value = value_string(span_of(id));
    members[1].key = value_string(span_of("time"));
    members[1].value = value_timestamp_ms(e->submitted_ns / EXO_MILLISECOND);
    members[2].key = value_string(span_of("labels"));
    *ret = (struct value){.kind = VALUE_MAP, .count = 3, .members = members};
    return parse(scope, (struct span){e->labels, e->labels_bytes}, &members[2].value, error);
}

/* The item or index of one run of a group; ENAME: no such name. */
static enum expression_err run_value(struct scope *scope, const struct instance *group,
                                     uint32_t index, struct span name, struct value *ret,
                                     struct expression_error *error)
{
    if (!group->is_map) {
        return EXPRESSION_ENAME;
    }
    if (span_is(name, "index")) {
        *ret = value_int(index);
        return EXPRESSION_OK;
    }
    return span_equal(name, group->satellite->item_name)
               ? parse(scope, item_at(group, index), ret, error)
               : EXPRESSION_ENAME;
}

/* The same of the runs around, up to a closed group. */
static enum expression_err outer_value(struct scope *scope, struct span name, struct value *ret,
                                       struct expression_error *error)
{
    enum expression_err result = scope->is_of_run
                                     ? run_value(scope, scope->user, scope->run, name, ret, error)
                                     : EXPRESSION_ENAME;

    for (const struct frame *f = scope->frame;
         result == EXPRESSION_ENAME && f->group != NULL && !f->group->satellite->is_closed;
         f = f->group->frame) {
        result = run_value(scope, f->group, f->index, name, ret, error);
    }
    return result;
}

/* {satellite, state, error} of one that failed. */
static bool failure_value(struct scope *scope, const struct instance *failed, struct value *ret)
{
    struct value_member *members = arena_alloc(&scope->sched->scratch, 3 * sizeof(*members));

    if (members == NULL) {
        return false;
    }
    members[0].key = value_string(span_of("satellite"));
    members[0].value = value_string(failed->satellite->name);
    members[1].key = value_string(span_of("state"));
    members[1].value = value_string(span_of(task_state_name((enum task_state)failed->state)));
    members[2].key = value_string(span_of("error"));
    members[2].value = failed->error == NULL ? value_null() : value_string(span_of(failed->error));
    *ret = (struct value){.kind = VALUE_MAP, .count = 3, .members = members};
    return true;
}

/* What failed upstream of the user, in the order of the file. */
static enum expression_err failures_value(struct scope *scope, struct value *ret,
                                          struct expression_error *error)
{
    const struct frame *frame = scope->frame;
    struct value *items =
        arena_alloc(&scope->sched->scratch, frame->instance_count * sizeof(*items));
    uint32_t count = 0;

    for (uint32_t i = 0; scope->user != NULL && items != NULL && i < frame->instance_count; i++) {
        if (instance_sees_failure(scope->user, &frame->instances[i]) &&
            !failure_value(scope, &frame->instances[i], &items[count++])) {
            items = NULL;
        }
    }
    if (items == NULL) {
        return expression_error_set(error, EXPRESSION_EMEMORY, "out of memory", "");
    }
    *ret = (struct value){.kind = VALUE_LIST, .count = count, .items = items};
    return EXPRESSION_OK;
}

static enum expression_err scope_lookup(void *context, struct span name,
                                        struct expression_object *ret,
                                        struct expression_error *error)
{
    struct scope *scope = context;

    *ret = (struct expression_object){0};
    if (span_is(name, "input")) {
        return parse(scope, frame_input(scope->frame), &ret->value, error);
    }
    if (span_is(name, "execution")) {
        return execution_value(scope, &ret->value, error);
    }
    if (span_is(name, "satellites")) {
        struct seen *all = arena_alloc(&scope->sched->scratch, sizeof(*all));

        if (all == NULL) {
            return expression_error_set(error, EXPRESSION_EMEMORY, "out of memory", "");
        }
        all->scope = scope;
        *ret = (struct expression_object){.type = &satellites_type, .a = (uintptr_t)all};
        return EXPRESSION_OK;
    }
    if (span_is(name, "failures") && scope->user != NULL) {
        return failures_value(scope, &ret->value, error);
    }
    return outer_value(scope, name, &ret->value, error);
}

/* The lack of memory is the shard's, not the expression's: it must not fail an execution. */
static enum expression_err memory_seen(struct scope *scope, enum expression_err result)
{
    scope->sched->is_broken = scope->sched->is_broken || result == EXPRESSION_EMEMORY;
    return result;
}

enum expression_err scope_eval(struct scope *scope, const struct expression *expression,
                               struct value *ret_value, struct expression_error *ret_error)
{
    struct expression_scope names = {.lookup = scope_lookup, .context = scope};

    return memory_seen(scope, expression_eval(expression, &names, NULL, &scope->sched->scratch,
                                              ret_value, ret_error));
}

enum expression_err scope_eval_template(struct scope *scope, const struct value_template *template,
                                        struct value *ret_value, struct expression_error *ret_error)
{
    struct expression_scope names = {.lookup = scope_lookup, .context = scope};

    return memory_seen(scope, value_template_eval(template, &names, NULL, NULL,
                                                  &scope->sched->scratch, ret_value, ret_error));
}

/* What is too large to stand in the output is named by where it can be read. */
static void put_place(struct scope *scope, struct json_writer *writer,
                      const struct instance *instance)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    struct buffer place;

    execution_id_format(&instance->execution->id, id);
    buffer_init(&place, scope->sched->allocator, 0);
    buffer_text(&place, "/v1/executions/");
    buffer_text(&place, id);
    buffer_text(&place, "/satellites/");
    instance_path(instance, &place);
    buffer_text(&place, "/output");
    scope->sched->is_broken = scope->sched->is_broken || place.is_failed;
    json_begin_map(writer);
    json_key(writer, "$ref");
    json_put_string(writer, buffer_span(&place));
    json_end_map(writer);
    buffer_release(&place);
}

static void put_output(struct scope *scope, struct json_writer *writer, struct instance *instance,
                       bool *ret_is_pending)
{
    struct expression_error error;

    if (instance->is_map && instance->task_count > 0 && instance->state == TASK_SUCCEEDED) {
        if (instance->task_count > DEFAULT_OUTPUT_TASKS_MAX ||
            (instance->loaded != NULL && instance->loaded->error != NULL)) {
            put_place(scope, writer, instance);
        } else if (instance->loaded != NULL && instance->loaded->index == UINT32_MAX) {
            json_put_raw(writer, (struct span){instance->loaded->output.json,
                                               instance->loaded->output.bytes});
        } else {
            (void)want(scope, instance, UINT32_MAX, &error); /* always pending */
            *ret_is_pending = true;
        }
    } else if (instance->is_map && instance->state == TASK_SUCCEEDED) {
        json_begin_list(writer);
        json_end_list(writer);
    } else if (instance->output.has_ref) {
        put_place(scope, writer, instance);
    } else if (instance->output.bytes > 0) {
        json_put_raw(writer, (struct span){instance->output.json, instance->output.bytes});
    } else {
        json_put_null(writer);
    }
}

/* Nobody needs it but what runs at the end. */
static bool is_sink(const struct scope *scope, const struct satellite *satellite)
{
    const struct cluster *cluster = scope->frame->execution->definition->cluster;

    for (uint32_t i = 0; i < satellite->child_count; i++) {
        if (!cluster->satellites[satellite->children[i]].is_final) {
            return false;
        }
    }
    return !satellite->is_final;
}

void scope_default_output(struct scope *scope, struct buffer *buffer, bool *ret_is_pending)
{
    struct frame *frame = scope->frame;
    struct json_writer writer = {.buffer = buffer};

    json_begin_map(&writer);
    for (uint32_t i = 0; i < frame->instance_count && !*ret_is_pending; i++) {
        struct instance *instance = &frame->instances[i];

        if (is_sink(scope, instance->satellite)) {
            json_key_span(&writer, instance->satellite->name);
            put_output(scope, &writer, instance, ret_is_pending);
        }
    }
    json_end_map(&writer);
}
