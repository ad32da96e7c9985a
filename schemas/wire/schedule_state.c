#include "schemas/wire/schedule_state.h"

#include "schemas/wire/message.h"
#include "schemas/wire/schedule_state_message.h"

bool schedule_state_fill(const struct wire_schedule_state *state, struct arena *scratch,
                         Exo__V1__ScheduleState *message)
{
    struct span waiting =
        arena_copy(scratch, (struct span){state->waiting, state->waiting_count * sizeof(exo_time)});

    message->version = WIRE_VERSION;
    message->considered_ns = state->considered_ns;
    message->paused = state->is_paused;
    message->has_backfill = state->has_backfill;
    message->backfill_after_ns = state->backfill_after_ns;
    message->backfill_until_ns = state->backfill_until_ns;
    message->backfill_parallel = state->backfill_parallel;
    message->live = message_array(scratch, &exo__v1__schedule_live__descriptor, state->live_count);
    if ((message->live == NULL && state->live_count > 0) || waiting.data == NULL) {
        return false;
    }
    message->n_live = state->live_count;
    for (uint32_t i = 0; i < state->live_count; i++) {
        message->live[i]->nominal_ns = state->live[i].nominal_ns;
        message->live[i]->backfill = state->live[i].is_backfill;
        message->live[i]->cancelled = state->live[i].is_cancelled;
    }
    message->n_waiting_ns = state->waiting_count;
    message->waiting_ns = (int64_t *)(uintptr_t)waiting.data; /* ours: just copied */
    return true;
}

void wire_schedule_state_pack(const struct wire_schedule_state *state, struct arena *scratch,
                              struct buffer *buffer)
{
    Exo__V1__ScheduleState message;

    exo__v1__schedule_state__init(&message);
    if (!schedule_state_fill(state, scratch, &message)) {
        buffer->is_failed = true;
        return;
    }
    message_pack(&message.base, buffer);
}

static bool is_in_bounds(const Exo__V1__ScheduleState *message)
{
    for (size_t i = 1; i < message->n_waiting_ns; i++) {
        if (message->waiting_ns[i] <= message->waiting_ns[i - 1]) {
            return false;
        }
    }
    return message->n_live <= WIRE_SCHEDULE_LIVE_MAX &&
           message->n_waiting_ns <= WIRE_SCHEDULE_WAITING_MAX &&
           (!message->has_backfill || message->backfill_parallel > 0);
}

enum wire_result schedule_state_read(const Exo__V1__ScheduleState *message, struct arena *arena,
                                     struct wire_schedule_state *ret_state)
{
    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    if (!is_in_bounds(message)) {
        return WIRE_EMALFORMED;
    }
    struct wire_schedule_live *live = arena_alloc(arena, message->n_live * sizeof(*live));

    if (live == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_live; i++) {
        live[i] = (struct wire_schedule_live){
            message->live[i]->nominal_ns, message->live[i]->backfill, message->live[i]->cancelled};
    }
    *ret_state = (struct wire_schedule_state){
        .considered_ns = message->considered_ns,
        .is_paused = message->paused,
        .live = live,
        .live_count = (uint32_t)message->n_live,
        .waiting = message->waiting_ns,
        .waiting_count = (uint32_t)message->n_waiting_ns,
        .has_backfill = message->has_backfill,
        .backfill_after_ns = message->backfill_after_ns,
        .backfill_until_ns = message->backfill_until_ns,
        .backfill_parallel = message->backfill_parallel,
    };
    return WIRE_OK;
}

enum wire_result wire_schedule_state_unpack(struct span bytes, struct arena *arena,
                                            struct wire_schedule_state *ret_state)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__schedule_state__descriptor, bytes, arena, &base);

    return result != WIRE_OK
               ? result
               : schedule_state_read((const Exo__V1__ScheduleState *)base, arena, ret_state);
}
