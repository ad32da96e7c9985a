#include "schemas/wire/task.h"

#include "exo/v1/task.pb-c.h"
#include "schemas/wire/message.h"

static void contexts_fill(const struct wire_spec *spec, struct arena *scratch,
                          Exo__V1__Spec *message)
{
    message->context = message_array(scratch, &exo__v1__context__descriptor, spec->context_count);
    message->n_context = message->context == NULL ? 0 : spec->context_count;
    for (size_t i = 0; i < message->n_context; i++) {
        const struct wire_context *context = &spec->contexts[i];
        Exo__V1__Context *to = message->context[i];

        to->path = message_string(scratch, context->path);
        switch (context->kind) {
        case CONTEXT_JSON:
            to->from_case = EXO__V1__CONTEXT__FROM_JSON;
            to->json = message_bytes(context->json);
            break;
        case CONTEXT_BLOB: {
            Exo__V1__Blob **blob = message_array(scratch, &exo__v1__blob__descriptor, 1);

            if (blob != NULL) {
                blob[0]->digest = message_bytes((struct span){context->digest.bytes, DIGEST_BYTES});
                blob[0]->bytes = context->bytes;
                to->from_case = EXO__V1__CONTEXT__FROM_BLOB;
                to->blob = blob[0];
            }
            break;
        }
        case CONTEXT_LIST: {
            Exo__V1__List **list = message_array(scratch, &exo__v1__list__descriptor, 1);

            if (list != NULL) {
                list[0]->instance = context->instance;
                list[0]->count = context->count;
                to->from_case = EXO__V1__CONTEXT__FROM_LIST;
                to->list = list[0];
            }
            break;
        }
        }
    }
}

static void spec_fill(const struct wire_spec *spec, struct arena *scratch, Exo__V1__Spec *message)
{
    message->execution = message_bytes((struct span){spec->execution.bytes, EXECUTION_ID_BYTES});
    message->instance = spec->instance;
    message->project = message_string(scratch, spec->project);
    message->cluster = message_string(scratch, spec->cluster);
    message->satellite = message_string(scratch, spec->satellite);
    message->image = message_string(scratch, spec->image);
    message->image_digest = message_string(scratch, spec->image_digest);
    message->definition = message_bytes(spec->definition);
    contexts_fill(spec, scratch, message);
    message->timeout_ms = spec->timeout_ms;
    message->grace_ms = spec->grace_ms;
    message->traceparent = message_string(scratch, spec->traceparent);
    message->execution_time_ms = spec->execution_time_ms;
    message->labels = message_array(scratch, &exo__v1__pair__descriptor, spec->label_count);
    message->n_labels = message->labels == NULL ? 0 : spec->label_count;
    for (size_t i = 0; i < message->n_labels; i++) {
        message->labels[i]->key = message_string(scratch, spec->labels[i].key);
        message->labels[i]->value = message_bytes(spec->labels[i].value);
    }
    message->is_map = spec->is_map;
    message->item_name = message_string(scratch, spec->item_name);
    message->heartbeat_ms = spec->heartbeat_ms;
}

static void tasks_fill(const struct wire_task_record *record, struct arena *scratch,
                       Exo__V1__TaskRecord *message)
{
    message->tasks = message_array(scratch, &exo__v1__task__descriptor, record->task_count);
    message->n_tasks = message->tasks == NULL ? 0 : record->task_count;
    for (size_t i = 0; i < message->n_tasks; i++) {
        const struct wire_task *task = &record->tasks[i];

        message->tasks[i]->spec = task->spec;
        message->tasks[i]->index = task->index;
        message->tasks[i]->attempt = task->attempt;
        message->tasks[i]->ticket = task->ticket;
        message->tasks[i]->lend = task->lend;
        message->tasks[i]->item = message_bytes(task->item);
        message->tasks[i]->token = message_bytes(task->token);
    }
}

static void kills_fill(const struct wire_task_record *record, struct arena *scratch,
                       Exo__V1__TaskRecord *message)
{
    message->kills = message_array(scratch, &exo__v1__kill__descriptor, record->kill_count);
    message->n_kills = message->kills == NULL ? 0 : record->kill_count;
    for (size_t i = 0; i < message->n_kills; i++) {
        const struct wire_kill *kill = &record->kills[i];

        message->kills[i]->execution =
            message_bytes((struct span){kill->task.execution.bytes, EXECUTION_ID_BYTES});
        message->kills[i]->instance = kill->task.instance;
        message->kills[i]->index = kill->task.index;
        message->kills[i]->attempt = kill->attempt;
        message->kills[i]->grace_ms = kill->grace_ms;
    }
}

void wire_task_record_pack(const struct wire_task_record *record, struct arena *scratch,
                           struct buffer *buffer)
{
    Exo__V1__TaskRecord message;

    exo__v1__task_record__init(&message);

    message.version = WIRE_VERSION;
    message.worker = message_string(scratch, record->worker);
    message.incarnation = record->incarnation;
    message.shard = record->shard;
    message.epoch = record->epoch;
    message.sequence = record->sequence;
    message.process = message_string(scratch, record->process);
    message.specs = message_array(scratch, &exo__v1__spec__descriptor, record->spec_count);
    message.n_specs = message.specs == NULL ? 0 : record->spec_count;
    for (size_t i = 0; i < message.n_specs; i++) {
        spec_fill(&record->specs[i], scratch, message.specs[i]);
    }
    tasks_fill(record, scratch, &message);
    kills_fill(record, scratch, &message);
    message.drain = record->drain;
    message_pack(&message.base, buffer);
}

static bool context_read(const Exo__V1__Context *message, struct wire_context *context)
{
    *context = (struct wire_context){.path = span_of(message->path)};
    switch ((int)message->from_case) {
    case EXO__V1__CONTEXT__FROM_JSON:
        context->kind = CONTEXT_JSON;
        context->json = message_span(message->json);
        return true;
    case EXO__V1__CONTEXT__FROM_BLOB:
        context->kind = CONTEXT_BLOB;
        context->bytes = message->blob->bytes;
        return message_digest(message->blob->digest, &context->digest);
    case EXO__V1__CONTEXT__FROM_LIST:
        context->kind = CONTEXT_LIST;
        context->instance = message->list->instance;
        context->count = message->list->count;
        return true;
    case EXO__V1__CONTEXT__FROM__NOT_SET:
    default:
        return false;
    }
}

static enum wire_result spec_read(const Exo__V1__Spec *message, struct arena *arena,
                                  struct wire_spec *spec)
{
    struct wire_context *contexts = arena_alloc(arena, message->n_context * sizeof(*contexts));
    struct wire_pair *labels = arena_alloc(arena, message->n_labels * sizeof(*labels));

    if (contexts == NULL || labels == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_context; i++) {
        if (!context_read(message->context[i], &contexts[i])) {
            return WIRE_EMALFORMED;
        }
    }
    for (size_t i = 0; i < message->n_labels; i++) {
        labels[i].key = span_of(message->labels[i]->key);
        labels[i].value = message_span(message->labels[i]->value);
    }
    *spec = (struct wire_spec){
        .instance = message->instance,
        .project = span_of(message->project),
        .cluster = span_of(message->cluster),
        .satellite = span_of(message->satellite),
        .image = span_of(message->image),
        .image_digest = span_of(message->image_digest),
        .definition = message_span(message->definition),
        .contexts = contexts,
        .context_count = (uint32_t)message->n_context,
        .timeout_ms = message->timeout_ms,
        .grace_ms = message->grace_ms,
        .traceparent = span_of(message->traceparent),
        .execution_time_ms = message->execution_time_ms,
        .labels = labels,
        .label_count = (uint32_t)message->n_labels,
        .is_map = message->is_map,
        .item_name = span_of(message->item_name),
        .heartbeat_ms = message->heartbeat_ms,
    };
    return message_id(message->execution, &spec->execution) ? WIRE_OK : WIRE_EMALFORMED;
}

static enum wire_result tasks_read(const Exo__V1__TaskRecord *message, struct arena *arena,
                                   struct wire_task_record *record)
{
    struct wire_task *tasks = arena_alloc(arena, message->n_tasks * sizeof(*tasks));
    struct wire_kill *kills = arena_alloc(arena, message->n_kills * sizeof(*kills));

    if (tasks == NULL || kills == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_tasks; i++) {
        const Exo__V1__Task *task = message->tasks[i];

        if (task->spec >= message->n_specs) {
            return WIRE_EMALFORMED;
        }
        tasks[i] = (struct wire_task){
            .spec = task->spec,
            .index = task->index,
            .attempt = task->attempt,
            .ticket = task->ticket,
            .lend = task->lend,
            .item = message_span(task->item),
            .token = message_span(task->token),
        };
    }
    for (size_t i = 0; i < message->n_kills; i++) {
        const Exo__V1__Kill *kill = message->kills[i];

        if (!message_id(kill->execution, &kills[i].task.execution)) {
            return WIRE_EMALFORMED;
        }
        kills[i].task.instance = kill->instance;
        kills[i].task.index = kill->index;
        kills[i].attempt = kill->attempt;
        kills[i].grace_ms = kill->grace_ms;
    }
    record->tasks = tasks;
    record->task_count = (uint32_t)message->n_tasks;
    record->kills = kills;
    record->kill_count = (uint32_t)message->n_kills;
    return WIRE_OK;
}

enum wire_result wire_task_record_unpack(struct span bytes, struct arena *arena,
                                         struct wire_task_record *ret_record)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__task_record__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__TaskRecord *message = (const Exo__V1__TaskRecord *)base;

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    struct wire_spec *specs = arena_alloc(arena, message->n_specs * sizeof(*specs));
    struct wire_task_record record = {
        .worker = span_of(message->worker),
        .incarnation = message->incarnation,
        .shard = message->shard,
        .epoch = message->epoch,
        .sequence = message->sequence,
        .process = span_of(message->process),
        .specs = specs,
        .spec_count = (uint32_t)message->n_specs,
        .drain = message->drain,
    };

    if (specs == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_specs; i++) {
        result = spec_read(message->specs[i], arena, &specs[i]);
        if (result != WIRE_OK) {
            return result;
        }
    }
    result = tasks_read(message, arena, &record);
    if (result == WIRE_OK) {
        *ret_record = record;
    }
    return result;
}
