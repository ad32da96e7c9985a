#include "schemas/wire/state.h"

#include "schemas/wire/message.h"
#include "schemas/wire/state_message.h"

static Exo__V1__OutputRef *ref_make(const struct digest *digest, uint64_t bytes,
                                    struct arena *scratch)
{
    Exo__V1__OutputRef **ref = message_array(scratch, &exo__v1__output_ref__descriptor, 1);

    if (ref == NULL) {
        return NULL;
    }
    ref[0]->digest = message_bytes((struct span){digest->bytes, DIGEST_BYTES});
    ref[0]->bytes = bytes;
    return ref[0];
}

static ProtobufCBinaryData id_of(const struct execution_id *id)
{
    return message_bytes((struct span){id->bytes, EXECUTION_ID_BYTES});
}

static void output_fill(const struct wire_output *output, struct arena *scratch,
                        Exo__V1__TaskOutput *message)
{
    message->index = output->index;
    message->attempt = output->attempt;
    message->json = message_bytes(output->json);
    if (output->has_ref) {
        message->ref = ref_make(&output->ref_digest, output->ref_bytes, scratch);
    }
    if (output->has_artefacts) {
        message->artefacts = ref_make(&output->artefacts_digest, output->artefacts_bytes, scratch);
    }
    if (output->has_log) {
        message->log_digest = message_bytes((struct span){output->log_digest.bytes, DIGEST_BYTES});
    }
    message->log_bytes = output->log_bytes;
    message->run_ms = output->run_ms;
    message->memory_bytes_max = output->memory_bytes_max;
    message->cpu_ms = output->cpu_ms;
    message->worker = message_string(scratch, output->worker);
    message->exit_status = output->exit_status;
    message->error = message_string(scratch, output->error);
    message->outcome = (uint32_t)output->outcome;
    message->started_ms = output->started_ms;
    message->ended_ms = output->ended_ms;
    message->cached = output->is_cached;
    if (output->is_gathered) {
        message->gathered_in = id_of(&output->gathered_in);
    }
}

static bool output_read(const Exo__V1__TaskOutput *message, struct wire_output *output)
{
    *output = (struct wire_output){
        .index = message->index,
        .attempt = message->attempt,
        .json = message_span(message->json),
        .has_ref = message->ref != NULL,
        .ref_bytes = message->ref == NULL ? 0 : message->ref->bytes,
        .has_log = message->log_digest.len != 0,
        .log_bytes = message->log_bytes,
        .run_ms = message->run_ms,
        .memory_bytes_max = message->memory_bytes_max,
        .cpu_ms = message->cpu_ms,
        .worker = span_of(message->worker),
        .exit_status = message->exit_status,
        .error = span_of(message->error),
        .outcome = (enum wire_outcome)message->outcome,
        .started_ms = message->started_ms,
        .ended_ms = message->ended_ms,
        .is_cached = message->cached != 0,
        .has_artefacts = message->artefacts != NULL,
        .artefacts_bytes = message->artefacts == NULL ? 0 : message->artefacts->bytes,
        .is_gathered = message->gathered_in.len != 0,
    };
    return message->outcome < OUTCOME_NR &&
           (!output->is_gathered || message_id(message->gathered_in, &output->gathered_in)) &&
           (message->ref == NULL || message_digest(message->ref->digest, &output->ref_digest)) &&
           (message->artefacts == NULL ||
            message_digest(message->artefacts->digest, &output->artefacts_digest)) &&
           (!output->has_log || message_digest(message->log_digest, &output->log_digest));
}

static void columns_fill(const struct wire_columns *columns, struct arena *scratch,
                         Exo__V1__TaskColumns *message)
{
    message->states = message_bytes(columns->states);
    message->attempts = message_u32(columns->attempts);
    message->n_attempts = columns->attempt_count;
    message->failures = message_u32(columns->failures);
    message->n_failures = columns->failure_count;
    message->losses = message_u32(columns->losses);
    message->n_losses = columns->loss_count;
    message->laters = message_u32(columns->laters);
    message->n_laters = columns->later_count;
    message->leases = message_array(scratch, &exo__v1__lease__descriptor, columns->lease_count);
    message->n_leases = message->leases == NULL ? 0 : columns->lease_count;
    for (size_t i = 0; i < message->n_leases; i++) {
        const struct wire_lease *lease = &columns->leases[i];

        message->leases[i]->offset = lease->offset;
        message->leases[i]->worker = message_string(scratch, lease->worker);
        message->leases[i]->incarnation = lease->incarnation;
        message->leases[i]->ticket = lease->ticket;
        message->leases[i]->lend = lease->lend;
        message->leases[i]->process = message_string(scratch, lease->process);
        message->leases[i]->heartbeat = lease->heartbeat;
        message->leases[i]->due_ns = lease->due_ns;
        message->leases[i]->started_ms = lease->started_ms;
        message->leases[i]->first_ns = lease->first_ns;
        message->leases[i]->ready_ns = lease->ready_ns;
        message->leases[i]->cancelled = lease->is_cancelled;
        message->leases[i]->partition = lease->partition;
        message->leases[i]->progress = message_bytes(lease->progress);
        message->leases[i]->gather_key = message_string(scratch, lease->gather_key);
        if (lease->is_gathered) {
            message->leases[i]->gathered_in = id_of(&lease->gathered_in);
        }
    }
}

static enum wire_result columns_read(const Exo__V1__TaskColumns *message, struct arena *arena,
                                     struct wire_columns *ret)
{
    struct wire_lease *leases = arena_alloc(arena, message->n_leases * sizeof(*leases));

    if (leases == NULL) {
        return WIRE_EMEMORY;
    }
    if (message->states.len > WIRE_PAGE_TASKS || message->n_attempts > message->states.len ||
        message->n_failures > message->states.len || message->n_losses > message->states.len ||
        message->n_laters > message->states.len) {
        return WIRE_EMALFORMED;
    }
    for (size_t i = 0; i < message->n_leases; i++) {
        const Exo__V1__Lease *lease = message->leases[i];

        if (lease->offset >= message->states.len) {
            return WIRE_EMALFORMED;
        }
        leases[i] = (struct wire_lease){
            .offset = lease->offset,
            .worker = span_of(lease->worker),
            .incarnation = lease->incarnation,
            .ticket = lease->ticket,
            .lend = lease->lend,
            .process = span_of(lease->process),
            .heartbeat = lease->heartbeat,
            .due_ns = lease->due_ns,
            .started_ms = lease->started_ms,
            .first_ns = lease->first_ns,
            .ready_ns = lease->ready_ns,
            .is_cancelled = lease->cancelled,
            .partition = lease->partition,
            .progress = message_span(lease->progress),
            .gather_key = span_of(lease->gather_key),
            .is_gathered = lease->gathered_in.len != 0,
        };
        if (leases[i].is_gathered && !message_id(lease->gathered_in, &leases[i].gathered_in)) {
            return WIRE_EMALFORMED;
        }
    }
    *ret = (struct wire_columns){
        .states = message_span(message->states),
        .attempts = message->attempts,
        .failures = message->failures,
        .losses = message->losses,
        .laters = message->laters,
        .attempt_count = (uint32_t)message->n_attempts,
        .failure_count = (uint32_t)message->n_failures,
        .loss_count = (uint32_t)message->n_losses,
        .later_count = (uint32_t)message->n_laters,
        .leases = leases,
        .lease_count = (uint32_t)message->n_leases,
    };
    return WIRE_OK;
}

void instance_fill(const struct wire_instance *instance, struct arena *scratch,
                   Exo__V1__Instance *message)
{
    message->state = instance->state;
    message->is_map = instance->is_map;
    message->task_count = instance->task_count;
    message->next_index = instance->next_index;
    message->counts = message_u32(instance->counts);
    message->n_counts = WIRE_STATE_NR;
    while (message->n_counts > 0 && instance->counts[message->n_counts - 1] == 0) {
        message->n_counts--;
    }
    message->error = message_string(scratch, instance->error);
    message->image_digest = message_bytes(instance->image_digest);
    if (instance->has_task) {
        Exo__V1__TaskColumns **task = message_array(scratch, &exo__v1__task_columns__descriptor, 1);

        if (task != NULL) {
            columns_fill(&instance->task, scratch, task[0]);
            message->task = task[0];
        }
    }
    message->started_ms = instance->started_ms;
    message->ended_ms = instance->ended_ms;
    if (instance->has_result) {
        Exo__V1__TaskOutput **result = message_array(scratch, &exo__v1__task_output__descriptor, 1);

        if (result != NULL) {
            output_fill(&instance->result, scratch, result[0]);
            message->result = result[0];
        }
    }
    message->cursor = instance->cursor;
    message->cursor_kind = instance->cursor_kind;
    message->stop = instance->stop;
    message->tail_state = instance->tail_state;
    message->ready_ns = instance->ready_ns;
    message->pruned = instance->is_pruned;
    message->more = message_bytes(instance->more);
    message->has_artefacts = instance->has_artefacts;
    if (instance->has_origin) {
        message->origin = message_bytes((struct span){instance->origin.bytes, EXECUTION_ID_BYTES});
    }
    message->origin_number = instance->origin_number;
}

enum wire_result instance_read(const Exo__V1__Instance *message, struct arena *arena,
                               struct wire_instance *ret)
{
    struct wire_instance instance = {
        .state = message->state,
        .is_map = message->is_map != 0,
        .task_count = message->task_count,
        .next_index = message->next_index,
        .error = span_of(message->error),
        .image_digest = message_span(message->image_digest),
        .has_task = message->task != NULL,
        .started_ms = message->started_ms,
        .ended_ms = message->ended_ms,
        .has_result = message->result != NULL,
        .cursor = message->cursor,
        .cursor_kind = message->cursor_kind,
        .stop = message->stop,
        .tail_state = message->tail_state,
        .ready_ns = message->ready_ns,
        .is_pruned = message->pruned,
        .more = message_span(message->more),
        .has_artefacts = message->has_artefacts != 0,
        .has_origin = message->origin.len > 0,
        .origin_number = message->origin_number,
    };

    if (message->n_counts > WIRE_STATE_NR ||
        (instance.has_origin && !message_id(message->origin, &instance.origin)) ||
        (message->result != NULL && !output_read(message->result, &instance.result))) {
        return WIRE_EMALFORMED;
    }
    if (message->n_counts > 0) {
        memcpy(instance.counts, message->counts, message->n_counts * sizeof(uint32_t));
    }
    if (message->task != NULL) {
        enum wire_result result = columns_read(message->task, arena, &instance.task);

        if (result != WIRE_OK) {
            return result;
        }
    }
    *ret = instance;
    return WIRE_OK;
}

static Exo__V1__Instance **instances_fill(const struct wire_instance *instances, uint32_t count,
                                          struct arena *scratch, size_t *ret_count)
{
    Exo__V1__Instance **messages = message_array(scratch, &exo__v1__instance__descriptor, count);

    *ret_count = messages == NULL ? 0 : count;
    for (size_t i = 0; i < *ret_count; i++) {
        instance_fill(&instances[i], scratch, messages[i]);
    }
    return messages;
}

static enum wire_result instances_read(Exo__V1__Instance *const *messages, size_t count,
                                       struct arena *arena, const struct wire_instance **ret)
{
    struct wire_instance *instances = arena_alloc(arena, count * sizeof(*instances));

    if (instances == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        enum wire_result result = instance_read(messages[i], arena, &instances[i]);

        if (result != WIRE_OK) {
            return result;
        }
    }
    *ret = instances;
    return WIRE_OK;
}

static void signals_fill(const struct wire_body *body, struct arena *scratch,
                         Exo__V1__ExecutionBody *message)
{
    message->signals = message_array(scratch, &exo__v1__signal__descriptor, body->signal_count);
    message->n_signals = message->signals == NULL ? 0 : body->signal_count;
    for (size_t i = 0; i < message->n_signals; i++) {
        message->signals[i]->name = message_string(scratch, body->signals[i].name);
        message->signals[i]->json = message_bytes(body->signals[i].json);
    }
}

static void gates_fill(const struct wire_body *body, struct arena *scratch,
                       Exo__V1__ExecutionBody *message)
{
    message->gates = message_array(scratch, &exo__v1__gate__descriptor, body->gate_count);
    message->n_gates = message->gates == NULL ? 0 : body->gate_count;
    for (size_t i = 0; i < message->n_gates; i++) {
        message->gates[i]->kind = body->gates[i].kind;
        message->gates[i]->state = body->gates[i].state;
        message->gates[i]->text = message_string(scratch, body->gates[i].text);
        message->gates[i]->limit = body->gates[i].limit;
        message->gates[i]->rejects = body->gates[i].rejects;
    }
}

void wire_body_pack(const struct wire_body *body, struct arena *scratch, struct buffer *buffer)
{
    Exo__V1__ExecutionBody message;

    exo__v1__execution_body__init(&message);

    message.version = WIRE_VERSION;
    message.instances =
        instances_fill(body->instances, body->instance_count, scratch, &message.n_instances);
    message.next_number = body->next_number;
    message.task_total = body->task_total;
    message.priority = body->has_priority ? body->priority + 1 : 0;
    signals_fill(body, scratch, &message);
    gates_fill(body, scratch, &message);
    message.signal_marks = message_u64(body->signal_marks);
    message.n_signal_marks = body->signal_mark_count;
    message.change = body->change;
    message.timeout_at_ns = body->timeout_at_ns;
    message.start_at_ns = body->start_at_ns;
    message.ending = body->ending;
    if (body->is_rerun) {
        message.rerun_of = message_bytes((struct span){body->rerun_of.bytes, EXECUTION_ID_BYTES});
    }
    message_pack(&message.base, buffer);
}

enum wire_result wire_body_unpack(struct span bytes, struct arena *arena,
                                  struct wire_body *ret_body)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__execution_body__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__ExecutionBody *message = (const Exo__V1__ExecutionBody *)base;
    const struct wire_instance *instances = NULL;

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    struct wire_signal *signals = arena_alloc(arena, message->n_signals * sizeof(*signals));
    struct wire_gate *gates = arena_alloc(arena, message->n_gates * sizeof(*gates));

    result = signals == NULL || gates == NULL
                 ? WIRE_EMEMORY
                 : instances_read(message->instances, message->n_instances, arena, &instances);
    if (result != WIRE_OK) {
        return result;
    }
    for (size_t i = 0; i < message->n_signals; i++) {
        signals[i] = (struct wire_signal){span_of(message->signals[i]->name),
                                          message_span(message->signals[i]->json)};
    }
    for (size_t i = 0; i < message->n_gates; i++) {
        gates[i] = (struct wire_gate){message->gates[i]->kind, message->gates[i]->state,
                                      span_of(message->gates[i]->text), message->gates[i]->limit,
                                      message->gates[i]->rejects != 0};
    }
    struct execution_id rerun_of = {{0}};

    if (message->rerun_of.len > 0 && !message_id(message->rerun_of, &rerun_of)) {
        return WIRE_EMALFORMED;
    }
    *ret_body = (struct wire_body){
        .instances = instances,
        .instance_count = (uint32_t)message->n_instances,
        .change = message->change,
        .timeout_at_ns = message->timeout_at_ns,
        .start_at_ns = message->start_at_ns,
        .ending = message->ending,
        .next_number = message->next_number,
        .task_total = message->task_total,
        .has_priority = message->priority > 0,
        .priority = message->priority > 0 ? message->priority - 1 : 0,
        .signals = signals,
        .signal_count = (uint32_t)message->n_signals,
        .gates = gates,
        .gate_count = (uint32_t)message->n_gates,
        .is_rerun = message->rerun_of.len > 0,
        .rerun_of = rerun_of,
        .signal_marks = message->signal_marks,
        .signal_mark_count = (uint32_t)message->n_signal_marks,
    };
    return WIRE_OK;
}

void wire_run_pack(const struct wire_run *run, struct arena *scratch, struct buffer *buffer)
{
    Exo__V1__RunBody message;

    exo__v1__run_body__init(&message);

    message.version = WIRE_VERSION;
    message.group = run->group;
    message.index = run->index;
    message.number = run->number;
    message.is_ended = run->is_ended;
    message.started_ns = run->started_ns;
    message.stop = run->stop;
    message.input = message_bytes(run->input);
    message.error = message_bytes(run->error);
    message.given = message_bytes(run->given);
    message.instances =
        instances_fill(run->instances, run->instance_count, scratch, &message.n_instances);
    message_pack(&message.base, buffer);
}

enum wire_result wire_run_unpack(struct span bytes, struct arena *arena, struct wire_run *ret_run)
{
    ProtobufCMessage *base;
    enum wire_result result = message_unpack(&exo__v1__run_body__descriptor, bytes, arena, &base);
    const struct wire_instance *instances = NULL;

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__RunBody *message = (const Exo__V1__RunBody *)base;

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    result = instances_read(message->instances, message->n_instances, arena, &instances);
    if (result != WIRE_OK) {
        return result;
    }
    *ret_run = (struct wire_run){
        .group = message->group,
        .index = message->index,
        .number = message->number,
        .is_ended = message->is_ended,
        .started_ns = message->started_ns,
        .stop = message->stop,
        .input = message_span(message->input),
        .error = message_span(message->error),
        .given = message_span(message->given),
        .instances = instances,
        .instance_count = (uint32_t)message->n_instances,
    };
    return WIRE_OK;
}

void wire_columns_pack(const struct wire_columns *columns, struct arena *scratch,
                       struct buffer *buffer)
{
    Exo__V1__TaskColumns message;

    exo__v1__task_columns__init(&message);

    columns_fill(columns, scratch, &message);
    message_pack(&message.base, buffer);
}

enum wire_result wire_columns_unpack(struct span bytes, struct arena *arena,
                                     struct wire_columns *ret_columns)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__task_columns__descriptor, bytes, arena, &base);

    return result != WIRE_OK ? result
                             : columns_read((const Exo__V1__TaskColumns *)base, arena, ret_columns);
}

void wire_outputs_pack(const struct wire_output *outputs, uint32_t count, struct arena *scratch,
                       struct buffer *buffer)
{
    Exo__V1__OutputSegment message;

    exo__v1__output_segment__init(&message);

    message.outputs = message_array(scratch, &exo__v1__task_output__descriptor, count);
    message.n_outputs = message.outputs == NULL ? 0 : count;
    for (size_t i = 0; i < message.n_outputs; i++) {
        output_fill(&outputs[i], scratch, message.outputs[i]);
    }
    message_pack(&message.base, buffer);
}

enum wire_result wire_outputs_unpack(struct span bytes, struct arena *arena,
                                     const struct wire_output **ret_outputs, uint32_t *ret_count)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__output_segment__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__OutputSegment *message = (const Exo__V1__OutputSegment *)base;
    struct wire_output *outputs = arena_alloc(arena, message->n_outputs * sizeof(*outputs));

    if (outputs == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_outputs; i++) {
        if (!output_read(message->outputs[i], &outputs[i])) {
            return WIRE_EMALFORMED;
        }
    }
    *ret_outputs = outputs;
    *ret_count = (uint32_t)message->n_outputs;
    return WIRE_OK;
}
