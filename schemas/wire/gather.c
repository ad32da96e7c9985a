#include "schemas/wire/gather.h"

#include <string.h>

#include "schemas/vocab/limits.h"
#include "schemas/wire/gather_message.h"
#include "schemas/wire/message.h"
#include "schemas/wire/status.h"

static ProtobufCBinaryData id_bytes(const struct execution_id *id)
{
    return message_bytes((struct span){id->bytes, EXECUTION_ID_BYTES});
}

/* ---- members ---- */

static void member_fill(const struct wire_gather_member *member, Exo__V1__GatherMember *message)
{
    message->execution = id_bytes(&member->task.execution);
    message->instance = member->task.instance;
    message->index = member->task.index;
    message->attempt = member->attempt;
    message->item = message_bytes(member->item);
    message->left = member->has_left;
    message->asked = member->asked;
}

static bool member_read(const Exo__V1__GatherMember *message, struct wire_gather_member *member)
{
    if (message == NULL) {
        return false;
    }
    *member = (struct wire_gather_member){
        .task = {.instance = message->instance, .index = message->index},
        .attempt = message->attempt,
        .item = message_span(message->item),
        .has_left = message->left,
        .asked = message->asked,
    };
    return message_id(message->execution, &member->task.execution);
}

static Exo__V1__GatherMember *member_make(const struct wire_gather_member *member,
                                          struct arena *scratch)
{
    Exo__V1__GatherMember **made = message_array(scratch, &exo__v1__gather_member__descriptor, 1);

    if (made == NULL) {
        return NULL;
    }
    member_fill(member, made[0]);
    return made[0];
}

/* ---- messages ---- */

void gather_ask_fill(const struct wire_gather_ask *ask, struct arena *scratch,
                     Exo__V1__GatherAsk *message)
{
    message->batch = id_bytes(&ask->batch);
    message->project = message_string(scratch, ask->project);
    message->satellite = message_bytes(ask->satellite);
    message->size = ask->size;
    message->interval_ns = ask->interval_ns;
    message->priority = ask->priority;
    message->members =
        message_array(scratch, &exo__v1__gather_member__descriptor, ask->member_count);
    message->n_members = message->members == NULL ? 0 : ask->member_count;
    for (size_t i = 0; i < message->n_members; i++) {
        member_fill(&ask->members[i], message->members[i]);
    }
}

enum wire_result gather_ask_read(const Exo__V1__GatherAsk *message, struct arena *arena,
                                 struct wire_gather_ask *ret)
{
    struct wire_gather_member *members = arena_alloc(arena, message->n_members * sizeof(*members));

    if (members == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_members; i++) {
        if (!member_read(message->members[i], &members[i])) {
            return WIRE_EMALFORMED;
        }
    }
    *ret = (struct wire_gather_ask){
        .project = span_of(message->project),
        .satellite = message_span(message->satellite),
        .size = message->size,
        .interval_ns = message->interval_ns,
        .priority = message->priority,
        .members = members,
        .member_count = (uint32_t)message->n_members,
    };
    return message_id(message->batch, &ret->batch) ? WIRE_OK : WIRE_EMALFORMED;
}

bool gather_ask_is_good(const struct wire_gather_ask *ask)
{
    return ask->size >= 1 && ask->size <= LIMIT_BATCH_SIZE && ask->satellite.bytes > 2 &&
           ask->interval_ns > 0;
}

void gather_leave_fill(const struct wire_gather_leave *leave, struct arena *scratch,
                       Exo__V1__GatherLeave *message)
{
    message->batch = id_bytes(&leave->batch);
    message->member = member_make(&leave->member, scratch);
}

enum wire_result gather_leave_read(const Exo__V1__GatherLeave *message,
                                   struct wire_gather_leave *ret)
{
    return message_id(message->batch, &ret->batch) && member_read(message->member, &ret->member)
               ? WIRE_OK
               : WIRE_EMALFORMED;
}

void gather_answer_fill(const struct wire_gather_answer *answer, struct arena *scratch,
                        Exo__V1__GatherAnswer *message)
{
    if (answer->has_execution) {
        message->execution = id_bytes(&answer->execution);
    }
    message->results =
        message_array(scratch, &exo__v1__gather_result__descriptor, answer->result_count);
    message->n_results = message->results == NULL ? 0 : answer->result_count;
    for (size_t i = 0; i < message->n_results; i++) {
        message->results[i]->member = member_make(&answer->results[i].member, scratch);
        message->results[i]->outcome = answer->results[i].outcome;
        message->results[i]->output = message_bytes(answer->results[i].output);
        message->results[i]->error = message_string(scratch, answer->results[i].error);
    }
}

static bool outcome_is_good(uint32_t outcome)
{
    return outcome == OUTCOME_NONE || outcome == OUTCOME_SUCCEEDED || outcome == OUTCOME_FAILED ||
           outcome == OUTCOME_NEVER_AGAIN;
}

enum wire_result gather_answer_read(const Exo__V1__GatherAnswer *message, struct arena *arena,
                                    struct wire_gather_answer *ret)
{
    struct wire_gather_result *results = arena_alloc(arena, message->n_results * sizeof(*results));

    if (results == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_results; i++) {
        const Exo__V1__GatherResult *from = message->results[i];

        results[i] = (struct wire_gather_result){.outcome = from->outcome,
                                                 .output = message_span(from->output),
                                                 .error = span_of(from->error)};
        if (!member_read(from->member, &results[i].member) || !outcome_is_good(from->outcome)) {
            return WIRE_EMALFORMED;
        }
    }
    *ret = (struct wire_gather_answer){.has_execution = message->execution.len > 0,
                                       .results = results,
                                       .result_count = (uint32_t)message->n_results};
    return !ret->has_execution || message_id(message->execution, &ret->execution) ? WIRE_OK
                                                                                  : WIRE_EMALFORMED;
}

void gather_ended_fill(const struct wire_gather_ended *ended, Exo__V1__GatherEnded *message)
{
    message->batch = id_bytes(&ended->batch);
    message->number = ended->number;
    message->has_begun = ended->has_begun;
}

enum wire_result gather_ended_read(const Exo__V1__GatherEnded *message,
                                   struct wire_gather_ended *ret)
{
    ret->number = message->number;
    ret->has_begun = message->has_begun;
    return message_id(message->batch, &ret->batch) ? WIRE_OK : WIRE_EMALFORMED;
}

/* ---- the row ---- */

void wire_gather_row_pack(const struct wire_gather_row *row, struct arena *scratch,
                          struct buffer *buffer)
{
    Exo__V1__GatherRow message;
    Exo__V1__GatherAsk ask;

    exo__v1__gather_row__init(&message);
    exo__v1__gather_ask__init(&ask);
    message.version = WIRE_VERSION;
    message.ask = &ask;
    message.number = row->number;
    message.due_ns = row->due_ns;
    gather_ask_fill(&row->ask, scratch, &ask);
    if (ask.n_members != row->ask.member_count) {
        buffer->is_failed = true;
        return;
    }
    message_pack(&message.base, buffer);
}

/* One that gathers can be started with what it holds; one that runs needs its members only. */
static bool row_is_good(const struct wire_gather_row *row)
{
    return row->ask.member_count >= 1 && row->ask.member_count <= LIMIT_BATCH_SIZE &&
           (row->number != 0 ||
            (gather_ask_is_good(&row->ask) && row->ask.member_count <= row->ask.size));
}

enum wire_result wire_gather_row_unpack(struct span bytes, struct arena *arena,
                                        struct wire_gather_row *ret_row)
{
    ProtobufCMessage *base;
    enum wire_result result = message_unpack(&exo__v1__gather_row__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__GatherRow *message = (const Exo__V1__GatherRow *)base;
    struct wire_gather_row row = {.number = message->number, .due_ns = message->due_ns};

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    result =
        message->ask == NULL ? WIRE_EMALFORMED : gather_ask_read(message->ask, arena, &row.ask);
    if (result == WIRE_OK && !row_is_good(&row)) {
        result = WIRE_EMALFORMED;
    }
    if (result == WIRE_OK) {
        *ret_row = row;
    }
    return result;
}

struct digest wire_gather_row_id(const struct execution_id *batch, uint64_t number)
{
    struct digest id = {{0}};

    memcpy(id.bytes, batch->bytes, EXECUTION_ID_BYTES);
    for (uint32_t i = 0; i < sizeof(number); i++) {
        id.bytes[EXECUTION_ID_BYTES + i] = (uint8_t)(number >> (8 * (sizeof(number) - 1 - i)));
    }
    return id;
}
