#include "schemas/wire/schedule_row.h"

#include <string.h>

#include "exo/v1/schedule.pb-c.h"
#include "schemas/wire/message.h"
#include "schemas/wire/schedule_state_message.h"

static bool fires_fill(const struct wire_schedule_row *row, struct arena *scratch,
                       Exo__V1__ScheduleRow *message)
{
    message->fires = message_array(scratch, &exo__v1__schedule_fire__descriptor, row->fire_count);
    message->n_fires = message->fires == NULL ? 0 : row->fire_count;
    for (size_t i = 0; i < message->n_fires; i++) {
        message->fires[i]->nominal_ns = row->fires[i].nominal_ns;
        message->fires[i]->at_ns = row->fires[i].at_ns;
        message->fires[i]->reason = row->fires[i].reason;
        message->fires[i]->ended = row->fires[i].is_ended;
        message->fires[i]->state = row->fires[i].state;
    }
    return message->n_fires == row->fire_count;
}

static bool left_out_fill(const struct wire_schedule_row *row, struct arena *scratch,
                          Exo__V1__ScheduleRow *message)
{
    message->left_out =
        message_array(scratch, &exo__v1__schedule_left_out__descriptor, row->left_out_count);
    message->n_left_out = message->left_out == NULL ? 0 : row->left_out_count;
    for (size_t i = 0; i < message->n_left_out; i++) {
        message->left_out[i]->nominal_ns = row->left_out[i].nominal_ns;
        message->left_out[i]->until_ns = row->left_out[i].until_ns;
        message->left_out[i]->at_ns = row->left_out[i].at_ns;
        message->left_out[i]->reason = row->left_out[i].reason;
    }
    return message->n_left_out == row->left_out_count;
}

static bool answers_fill(const struct wire_schedule_row *row, struct arena *scratch,
                         Exo__V1__ScheduleRow *message)
{
    message->answers =
        message_array(scratch, &exo__v1__schedule_answer__descriptor, row->answer_count);
    message->n_answers = message->answers == NULL ? 0 : row->answer_count;
    for (size_t i = 0; i < message->n_answers; i++) {
        message->answers[i]->id = message_string(scratch, row->answers[i].id);
        message->answers[i]->verdict = (uint32_t)row->answers[i].verdict;
        message->answers[i]->nominal_ns = row->answers[i].nominal_ns;
    }
    return message->n_answers == row->answer_count;
}

void wire_schedule_row_pack(const struct wire_schedule_row *row, struct arena *scratch,
                            struct buffer *buffer)
{
    Exo__V1__ScheduleRow message;
    Exo__V1__ScheduleState state;

    exo__v1__schedule_row__init(&message);
    exo__v1__schedule_state__init(&state);

    message.version = WIRE_VERSION;
    message.project = message_string(scratch, row->project);
    message.name = message_string(scratch, row->name);
    message.definition = message_string(scratch, row->definition);
    message.number = row->number;
    message.changed_ns = row->changed_ns;
    message.state = &state;
    if (!schedule_state_fill(&row->state, scratch, &state) || !fires_fill(row, scratch, &message) ||
        !left_out_fill(row, scratch, &message) || !answers_fill(row, scratch, &message)) {
        buffer->is_failed = true;
        return;
    }
    message_pack(&message.base, buffer);
}

static enum wire_result fires_read(const Exo__V1__ScheduleRow *message, struct arena *arena,
                                   struct wire_schedule_row *row)
{
    struct wire_schedule_fire *fires = arena_alloc(arena, message->n_fires * sizeof(*fires));

    if (fires == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_fires; i++) {
        const Exo__V1__ScheduleFire *from = message->fires[i];

        fires[i] = (struct wire_schedule_fire){from->nominal_ns, from->at_ns, from->reason,
                                               from->ended, from->state};
    }
    row->fires = fires;
    row->fire_count = (uint32_t)message->n_fires;
    return WIRE_OK;
}

static enum wire_result left_out_read(const Exo__V1__ScheduleRow *message, struct arena *arena,
                                      struct wire_schedule_row *row)
{
    struct wire_schedule_left_out *left_out =
        arena_alloc(arena, message->n_left_out * sizeof(*left_out));

    if (left_out == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_left_out; i++) {
        const Exo__V1__ScheduleLeftOut *from = message->left_out[i];

        left_out[i] = (struct wire_schedule_left_out){from->nominal_ns, from->until_ns, from->at_ns,
                                                      from->reason};
    }
    row->left_out = left_out;
    row->left_out_count = (uint32_t)message->n_left_out;
    return WIRE_OK;
}

static enum wire_result answers_read(const Exo__V1__ScheduleRow *message, struct arena *arena,
                                     struct wire_schedule_row *row)
{
    struct wire_schedule_answer *answers =
        arena_alloc(arena, message->n_answers * sizeof(*answers));

    if (answers == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_answers; i++) {
        const Exo__V1__ScheduleAnswer *from = message->answers[i];

        if (from->verdict < SCHEDULE_VERDICT_DONE || from->verdict >= SCHEDULE_VERDICT_NR) {
            return WIRE_EMALFORMED;
        }
        answers[i] = (struct wire_schedule_answer){
            span_of(from->id), (enum wire_schedule_verdict)from->verdict, from->nominal_ns};
    }
    row->answers = answers;
    row->answer_count = (uint32_t)message->n_answers;
    return WIRE_OK;
}

enum wire_result wire_schedule_row_unpack(struct span bytes, struct arena *arena,
                                          struct wire_schedule_row *ret_row)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__schedule_row__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__ScheduleRow *message = (const Exo__V1__ScheduleRow *)base;
    struct wire_schedule_row row = {.project = span_of(message->project),
                                    .name = span_of(message->name),
                                    .definition = span_of(message->definition),
                                    .number = message->number,
                                    .changed_ns = message->changed_ns};

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    if (message->state == NULL || message->n_fires > WIRE_SCHEDULE_FIRES_MAX ||
        message->n_left_out > WIRE_SCHEDULE_LEFT_OUT_MAX ||
        message->n_answers > WIRE_SCHEDULE_ANSWERS_MAX) {
        return WIRE_EMALFORMED;
    }
    result = schedule_state_read(message->state, arena, &row.state);
    if (result == WIRE_OK) {
        result = fires_read(message, arena, &row);
    }
    if (result == WIRE_OK) {
        result = left_out_read(message, arena, &row);
    }
    if (result == WIRE_OK) {
        result = answers_read(message, arena, &row);
    }
    if (result == WIRE_OK) {
        *ret_row = row;
    }
    return result;
}

struct digest wire_schedule_row_id(const struct execution_id *schedule)
{
    struct digest id = {{0}};

    memcpy(id.bytes, schedule->bytes, EXECUTION_ID_BYTES);
    return id;
}
