#include "schemas/wire/event.h"

#include "exo/v1/dead_letter.pb-c.h"
#include "exo/v1/event.pb-c.h"
#include "schemas/wire/message.h"

static void change_fill(const struct wire_change *change, struct arena *scratch,
                        Exo__V1__Change *message)
{
    message->execution = message_bytes((struct span){change->execution.bytes, EXECUTION_ID_BYTES});
    message->number = change->number;
    message->at_ms = change->at_ms;
    message->execution_state = message_string(scratch, change->execution_state);
    message->satellite = message_string(scratch, change->satellite);
    message->instance = change->instance;
    message->index = change->index;
    message->has_index = change->has_index;
    message->state = message_string(scratch, change->state);
    message->attempt = change->attempt;
    message->worker = message_string(scratch, change->worker);
    message->error = message_string(scratch, change->error);
    message->project = message_string(scratch, change->project);
    message->cluster = message_string(scratch, change->cluster);
    message->progress = message_bytes(change->progress);
}

void wire_change_batch_pack(const struct wire_change_batch *batch, struct arena *scratch,
                            struct buffer *buffer)
{
    Exo__V1__ChangeBatch message;

    exo__v1__change_batch__init(&message);

    message.version = WIRE_VERSION;
    message.shard = batch->shard;
    message.epoch = batch->epoch;
    message.batch = batch->batch;
    message.now_ns = batch->now_ns;
    message.changes = message_array(scratch, &exo__v1__change__descriptor, batch->change_count);
    message.n_changes = message.changes == NULL ? 0 : batch->change_count;
    message.gap = message_string(scratch, batch->gap);
    for (size_t i = 0; i < message.n_changes; i++) {
        change_fill(&batch->changes[i], scratch, message.changes[i]);
    }
    message_pack(&message.base, buffer);
}

static bool change_read(const Exo__V1__Change *message, struct wire_change *change)
{
    *change = (struct wire_change){
        .number = message->number,
        .at_ms = message->at_ms,
        .execution_state = span_of(message->execution_state),
        .satellite = span_of(message->satellite),
        .instance = message->instance,
        .index = message->index,
        .has_index = message->has_index,
        .state = span_of(message->state),
        .attempt = message->attempt,
        .worker = span_of(message->worker),
        .error = span_of(message->error),
        .project = span_of(message->project),
        .cluster = span_of(message->cluster),
        .progress = message_span(message->progress),
    };
    return message_id(message->execution, &change->execution);
}

enum wire_result wire_change_batch_unpack(struct span bytes, struct arena *arena,
                                          struct wire_change_batch *ret_batch)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__change_batch__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__ChangeBatch *message = (const Exo__V1__ChangeBatch *)base;
    struct wire_change *changes = arena_alloc(arena, message->n_changes * sizeof(*changes));

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    if (changes == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_changes; i++) {
        if (!change_read(message->changes[i], &changes[i])) {
            return WIRE_EMALFORMED;
        }
    }
    *ret_batch = (struct wire_change_batch){
        .shard = message->shard,
        .epoch = message->epoch,
        .batch = message->batch,
        .now_ns = message->now_ns,
        .changes = changes,
        .change_count = (uint32_t)message->n_changes,
        .gap = span_of(message->gap),
    };
    return WIRE_OK;
}

void wire_dead_letter_pack(const struct wire_dead_letter *letter, struct arena *scratch,
                           struct buffer *buffer)
{
    Exo__V1__DeadLetter message;

    exo__v1__dead_letter__init(&message);

    message.version = WIRE_VERSION;
    message.topic = message_string(scratch, letter->topic);
    message.partition = letter->partition;
    message.offset = letter->offset;
    message.reason = message_string(scratch, letter->reason);
    message.key = message_bytes(letter->key);
    message.value = message_bytes(letter->value);
    message.at_ms = letter->at_ms;
    message_pack(&message.base, buffer);
}

enum wire_result wire_dead_letter_unpack(struct span bytes, struct arena *arena,
                                         struct wire_dead_letter *ret_letter)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__dead_letter__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__DeadLetter *message = (const Exo__V1__DeadLetter *)base;

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    *ret_letter = (struct wire_dead_letter){
        .topic = span_of(message->topic),
        .partition = message->partition,
        .offset = message->offset,
        .reason = span_of(message->reason),
        .key = message_span(message->key),
        .value = message_span(message->value),
        .at_ms = message->at_ms,
    };
    return WIRE_OK;
}

void wire_log_chunk_pack(const struct wire_log_chunk *chunk, struct buffer *buffer)
{
    Exo__V1__LogChunk message;

    exo__v1__log_chunk__init(&message);

    message.version = WIRE_VERSION;
    message.execution =
        message_bytes((struct span){chunk->task.execution.bytes, EXECUTION_ID_BYTES});
    message.instance = chunk->task.instance;
    message.index = chunk->task.index;
    message.attempt = chunk->attempt;
    message.offset = chunk->offset;
    message.stream = chunk->stream;
    message.data = message_bytes(chunk->data);
    message.compressed = chunk->is_compressed;
    message.last = chunk->is_last;
    message_pack(&message.base, buffer);
}

enum wire_result wire_log_chunk_unpack(struct span bytes, struct arena *arena,
                                       struct wire_log_chunk *ret_chunk)
{
    ProtobufCMessage *base;
    enum wire_result result = message_unpack(&exo__v1__log_chunk__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__LogChunk *message = (const Exo__V1__LogChunk *)base;
    struct wire_log_chunk chunk = {
        .task.instance = message->instance,
        .task.index = message->index,
        .attempt = message->attempt,
        .offset = message->offset,
        .stream = message->stream,
        .data = message_span(message->data),
        .is_compressed = message->compressed,
        .is_last = message->last,
    };

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    if (!message_id(message->execution, &chunk.task.execution)) {
        return WIRE_EMALFORMED;
    }
    *ret_chunk = chunk;
    return WIRE_OK;
}
