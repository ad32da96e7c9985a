#include "schemas/wire/key.h"

#include <string.h>

#include "exo/v1/key.pb-c.h"
#include "schemas/wire/message.h"

static ProtobufCBinaryData ids_bytes(const struct execution_id *ids, uint32_t count)
{
    return message_bytes((struct span){ids, count * sizeof(*ids)});
}

void wire_key_state_pack(const struct wire_key_state *state, struct arena *scratch,
                         struct buffer *buffer)
{
    Exo__V1__KeyState message;

    exo__v1__key_state__init(&message);
    (void)scratch;
    message.version = WIRE_VERSION;
    message.kind = (uint32_t)state->kind;
    message.limit = state->limit;
    message.per_ns = state->per_ns;
    message.full_ns = state->full_ns;
    message.holders = ids_bytes(state->holders, state->holder_count);
    message.waiting = ids_bytes(state->waiting, state->waiting_count);
    message_pack(&message.base, buffer);
}

static bool ids_read(ProtobufCBinaryData bytes, struct arena *arena,
                     const struct execution_id **ret_ids, uint32_t *ret_count)
{
    struct span copy = arena_copy(arena, message_span(bytes));

    *ret_ids = copy.data;
    *ret_count = (uint32_t)(bytes.len / sizeof(struct execution_id));
    return copy.data != NULL;
}

enum wire_result wire_key_state_unpack(struct span bytes, struct arena *arena,
                                       struct wire_key_state *ret_state)
{
    ProtobufCMessage *base;
    enum wire_result result = message_unpack(&exo__v1__key_state__descriptor, bytes, arena, &base);
    struct wire_key_state state;

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__KeyState *message = (const Exo__V1__KeyState *)base;

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    if (message->kind < KEY_CONCURRENCY || message->kind >= KEY_KIND_NR || message->limit == 0 ||
        (message->kind == KEY_RATE && message->per_ns < (int64_t)message->limit) ||
        message->holders.len % sizeof(struct execution_id) != 0 ||
        message->waiting.len % sizeof(struct execution_id) != 0) {
        return WIRE_EMALFORMED;
    }
    state = (struct wire_key_state){
        .kind = (enum wire_key_kind)message->kind,
        .limit = message->limit,
        .per_ns = message->per_ns,
        .full_ns = message->full_ns,
    };
    if (!ids_read(message->holders, arena, &state.holders, &state.holder_count) ||
        !ids_read(message->waiting, arena, &state.waiting, &state.waiting_count)) {
        return WIRE_EMEMORY;
    }
    *ret_state = state;
    return WIRE_OK;
}
