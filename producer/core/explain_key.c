#include "producer/core/explain_key.h"

#include "producer/core/due_text.h"
#include "schemas/vocab/quantity.h"

const struct wire_gate *explain_key_asked(const struct wire_body *body)
{
    for (uint32_t i = 0; body != NULL && body->start_at_ns == 0 && i < body->gate_count; i++) {
        if (body->gates[i].state == GATE_ASKED) {
            return &body->gates[i];
        }
    }
    return NULL;
}

/* How many wait before it; false when its ask is still on its way. */
static bool place_of(const struct explain_key_subject *subject, uint32_t *ret_place)
{
    const struct wire_key_state *state = subject->state;

    for (uint32_t i = 0; state != NULL && i < state->waiting_count; i++) {
        if (execution_id_equal(&state->waiting[i], subject->id)) {
            *ret_place = i;
            return true;
        }
    }
    return false;
}

static void say_holders(const struct wire_key_state *state, struct fault_text *text)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    fault_text_add(text, "%u may run at once, ", (unsigned)state->limit);
    if (state->holder_count == 0) {
        fault_text_add(text, "and others are about to");
        return;
    }
    execution_id_format(&state->holders[0], id);
    if (state->holder_count == 1) {
        fault_text_add(text, "and the execution %s does", id);
    } else {
        fault_text_add(text, "and %u do, the execution %s the longest",
                       (unsigned)state->holder_count, id);
    }
}

/* As scheduler/core/keyring.c grants a rate: one each interval, once the window is full. */
static void say_start(const struct wire_key_state *state, uint32_t place, int64_t now_ms,
                      struct fault_text *text)
{
    exo_time interval_ns = state->per_ns / (exo_time)state->limit;
    exo_time start_ns =
        state->full_ns + ((exo_time)place + 1 - (exo_time)state->limit) * interval_ns;
    char per[DURATION_TEXT_BYTES];

    duration_format(state->per_ns, per);
    fault_text_add(text, "%u may begin in %s; it begins at ", (unsigned)state->limit, per);
    due_text_add(text, start_ns, now_ms);
}

static void say_key(const struct explain_key_subject *subject, const struct wire_gate *gate,
                    struct fault_text *text)
{
    const struct wire_key_state *state = subject->state;
    uint32_t place = 0;
    bool has_place = place_of(subject, &place);

    if (gate->kind == KEY_QUOTA) {
        fault_text_add(text,
                       "it waits for the quota running_executions of its project: %u may run at "
                       "once, and others do",
                       (unsigned)gate->limit);
    } else if (gate->kind == KEY_RATE) {
        fault_text_add(text, "it waits for the rate of %q: ", gate->text);
        if (has_place) {
            say_start(state, place, subject->now_ms, text);
        } else {
            fault_text_add(text, "as many as it allows have begun");
        }
    } else {
        fault_text_add(text, "it waits for the concurrency key %q: ", gate->text);
        if (has_place) {
            say_holders(state, text);
        } else {
            fault_text_add(text, "other executions hold it");
        }
    }
    if (has_place && place > 0) {
        fault_text_add(text, "; %u wait before it", (unsigned)place);
    }
}

bool explain_key_say(const struct explain_key_subject *subject, struct fault_text *text)
{
    const struct wire_gate *gate = explain_key_asked(subject->body);

    if (subject->body != NULL && subject->body->start_at_ns != 0) {
        fault_text_add(text, "it starts at ");
        due_text_add(text, subject->body->start_at_ns, subject->now_ms);
        return true;
    }
    if (gate != NULL) {
        say_key(subject, gate, text);
    }
    return gate != NULL;
}
