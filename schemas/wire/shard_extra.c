#include "schemas/wire/shard_extra.h"

#include "schemas/wire/message.h"
#include "schemas/wire/state_message.h"

static ProtobufCBinaryData id_of(const struct execution_id *id)
{
    return message_bytes((struct span){id->bytes, EXECUTION_ID_BYTES});
}

static void early_fill(const struct wire_shard_extra *extra, struct arena *scratch,
                       Exo__V1__ShardExtra *message)
{
    uint32_t cancels = 0;

    for (uint32_t i = 0; i < extra->early_count; i++) {
        cancels += extra->early[i].is_cancel;
    }
    message->early_cancels = message_array(scratch, &exo__v1__early_cancel__descriptor, cancels);
    message->early_commands =
        message_array(scratch, &exo__v1__early_command__descriptor, extra->early_count - cancels);
    for (uint32_t i = 0; i < extra->early_count; i++) {
        const struct wire_early_command *early = &extra->early[i];

        if (early->is_cancel && message->early_cancels != NULL) {
            Exo__V1__EarlyCancel *to = message->early_cancels[message->n_early_cancels++];

            to->execution = id_of(&early->execution);
            to->reason = message_string(scratch, early->text);
            to->at_ns = early->at_ns;
        } else if (!early->is_cancel && message->early_commands != NULL) {
            Exo__V1__EarlyCommand *to = message->early_commands[message->n_early_commands++];

            to->execution = id_of(&early->execution);
            to->record = message_bytes(early->text);
            to->at_ns = early->at_ns;
            to->offset = early->offset;
        }
    }
}

void wire_shard_extra_pack(const struct wire_shard_extra *extra, struct arena *scratch,
                           struct buffer *buffer)
{
    Exo__V1__ShardExtra message;

    exo__v1__shard_extra__init(&message);

    message.next_sequence = extra->next_sequence;
    message.newest_ms = extra->newest_ms;
    message.outbox =
        message_array(scratch, &exo__v1__outbox_message__descriptor, extra->outbox_count);
    message.n_outbox = message.outbox == NULL ? 0 : extra->outbox_count;
    for (size_t i = 0; i < message.n_outbox; i++) {
        message.outbox[i]->shard = extra->outbox[i].shard;
        message.outbox[i]->record = message_bytes(extra->outbox[i].record);
        message.outbox[i]->is_job = extra->outbox[i].is_job;
    }
    message.received =
        message_array(scratch, &exo__v1__peer_sequence__descriptor, extra->received_count);
    message.n_received = message.received == NULL ? 0 : extra->received_count;
    for (size_t i = 0; i < message.n_received; i++) {
        message.received[i]->source = extra->received[i].source;
        message.received[i]->sequence = extra->received[i].sequence;
    }
    early_fill(extra, scratch, &message);
    message_pack(&message.base, buffer);
}

static bool early_read(const Exo__V1__ShardExtra *message, struct wire_early_command *early)
{
    for (size_t i = 0; i < message->n_early_cancels; i++) {
        const Exo__V1__EarlyCancel *from = message->early_cancels[i];

        *early = (struct wire_early_command){
            .is_cancel = true, .text = span_of(from->reason), .at_ns = from->at_ns};
        if (!message_id(from->execution, &early++->execution)) {
            return false;
        }
    }
    for (size_t i = 0; i < message->n_early_commands; i++) {
        const Exo__V1__EarlyCommand *from = message->early_commands[i];

        *early = (struct wire_early_command){
            .text = message_span(from->record), .at_ns = from->at_ns, .offset = from->offset};
        if (!message_id(from->execution, &early++->execution)) {
            return false;
        }
    }
    return true;
}

enum wire_result wire_shard_extra_unpack(struct span bytes, struct arena *arena,
                                         struct wire_shard_extra *ret_extra)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__shard_extra__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__ShardExtra *message = (const Exo__V1__ShardExtra *)base;
    size_t early_count = message->n_early_cancels + message->n_early_commands;
    struct wire_outbox_message *outbox = arena_alloc(arena, message->n_outbox * sizeof(*outbox));
    struct wire_peer_sequence *received =
        arena_alloc(arena, message->n_received * sizeof(*received));
    struct wire_early_command *early = arena_alloc(arena, early_count * sizeof(*early));

    if (outbox == NULL || received == NULL || early == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_outbox; i++) {
        outbox[i].shard = message->outbox[i]->shard;
        outbox[i].record = message_span(message->outbox[i]->record);
        outbox[i].is_job = message->outbox[i]->is_job;
    }
    for (size_t i = 0; i < message->n_received; i++) {
        received[i].source = message->received[i]->source;
        received[i].sequence = message->received[i]->sequence;
    }
    if (!early_read(message, early)) {
        return WIRE_EMALFORMED;
    }
    *ret_extra = (struct wire_shard_extra){
        .next_sequence = message->next_sequence,
        .outbox = outbox,
        .outbox_count = (uint32_t)message->n_outbox,
        .received = received,
        .received_count = (uint32_t)message->n_received,
        .early = early,
        .early_count = (uint32_t)early_count,
        .newest_ms = message->newest_ms,
    };
    return WIRE_OK;
}
