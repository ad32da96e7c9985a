#include "schemas/wire/fleet.h"

#include "exo/v1/fleet.pb-c.h"
#include "schemas/wire/message.h"

static void loan_fill(const struct wire_loan *loan, struct arena *scratch, Exo__V1__Loan *message)
{
    message->worker = message_string(scratch, loan->worker);
    message->incarnation = loan->incarnation;
    message->process = message_string(scratch, loan->process);
    message->n_tickets = loan->count;
    message->tickets = message_u32(loan->tickets);
    message->n_lends = loan->count;
    message->lends = message_u64(loan->lends);
}

static void running_fill(const struct wire_heartbeat *heartbeat, struct arena *scratch,
                         Exo__V1__Heartbeat *message)
{
    message->running =
        message_array(scratch, &exo__v1__running__descriptor, heartbeat->running_count);
    message->n_running = message->running == NULL ? 0 : heartbeat->running_count;
    for (size_t i = 0; i < message->n_running; i++) {
        const struct wire_running *running = &heartbeat->running[i];

        message->running[i]->execution =
            message_bytes((struct span){running->task.execution.bytes, EXECUTION_ID_BYTES});
        message->running[i]->instance = running->task.instance;
        message->running[i]->index = running->task.index;
        message->running[i]->attempt = running->attempt;
    }
}

static void heartbeat_fill(const struct wire_heartbeat *heartbeat, struct arena *scratch,
                           Exo__V1__Heartbeat *message)
{
    message->worker = message_string(scratch, heartbeat->worker);
    message->incarnation = heartbeat->incarnation;
    message->number = heartbeat->number;
    message->classes = arena_alloc(scratch, heartbeat->class_count * sizeof(char *));
    message->n_classes = message->classes == NULL ? 0 : heartbeat->class_count;
    for (size_t i = 0; i < message->n_classes; i++) {
        message->classes[i] = message_string(scratch, heartbeat->classes[i]);
    }
    message->partition = heartbeat->partition;
    message->slots = heartbeat->slots;
    message->window = heartbeat->window;
    message->draining = heartbeat->is_draining;
    message->leaving = heartbeat->is_leaving;
    message->cpu_millis = heartbeat->cpu_millis;
    message->memory_bytes = heartbeat->memory_bytes;
    message->cpu_free_millis = heartbeat->cpu_free_millis;
    message->memory_free_bytes = heartbeat->memory_free_bytes;
    running_fill(heartbeat, scratch, message);
    message->position = heartbeat->position;
    if (heartbeat->positions != NULL && message->n_classes > 0) {
        size_t bytes = message->n_classes * sizeof(*heartbeat->positions);

        message->positions = arena_alloc(scratch, bytes);
        if (message->positions != NULL) {
            memcpy(message->positions, heartbeat->positions, bytes);
            message->n_positions = message->n_classes;
        }
    }
    message->loans = message_array(scratch, &exo__v1__loan__descriptor, heartbeat->loan_count);
    message->n_loans = message->loans == NULL ? 0 : heartbeat->loan_count;
    for (size_t i = 0; i < message->n_loans; i++) {
        loan_fill(&heartbeat->loans[i], scratch, message->loans[i]);
    }
    message->version_text = message_string(scratch, heartbeat->version_text);
    message->at_ms = heartbeat->at_ms;
    message->trouble = message_string(scratch, heartbeat->trouble);
}

static void tick_fill(const struct wire_tick *tick, struct arena *scratch, Exo__V1__Tick *message)
{
    message->process = message_string(scratch, tick->process);
    message->number = tick->number;
    message->demands = message_array(scratch, &exo__v1__demand__descriptor, tick->demand_count);
    message->n_demands = message->demands == NULL ? 0 : tick->demand_count;
    for (size_t i = 0; i < message->n_demands; i++) {
        message->demands[i]->class_name = message_string(scratch, tick->demands[i].class_name);
        message->demands[i]->ready = tick->demands[i].ready;
    }
    message->leaving = tick->is_leaving;
}

void wire_fleet_pack(const struct wire_fleet *fleet, struct arena *scratch, struct buffer *buffer)
{
    Exo__V1__FleetRecord message;

    exo__v1__fleet_record__init(&message);
    Exo__V1__Heartbeat heartbeat;

    exo__v1__heartbeat__init(&heartbeat);
    Exo__V1__Tick tick;

    exo__v1__tick__init(&tick);
    Exo__V1__Loan loan;

    exo__v1__loan__init(&loan);

    message.version = WIRE_VERSION;
    switch (fleet->kind) {
    case FLEET_HEARTBEAT:
        heartbeat_fill(&fleet->heartbeat, scratch, &heartbeat);
        message.body_case = EXO__V1__FLEET_RECORD__BODY_HEARTBEAT;
        message.heartbeat = &heartbeat;
        break;
    case FLEET_TICK:
        tick_fill(&fleet->tick, scratch, &tick);
        message.body_case = EXO__V1__FLEET_RECORD__BODY_TICK;
        message.tick = &tick;
        break;
    case FLEET_LOAN:
        loan_fill(&fleet->loan, scratch, &loan);
        message.body_case = EXO__V1__FLEET_RECORD__BODY_LOAN;
        message.loan = &loan;
        break;
    case FLEET_UNKNOWN:
        break;
    }
    message_pack(&message.base, buffer);
}

static bool loan_read(const Exo__V1__Loan *message, struct wire_loan *loan)
{
    *loan = (struct wire_loan){
        .worker = span_of(message->worker),
        .incarnation = message->incarnation,
        .process = span_of(message->process),
        .tickets = message->tickets,
        .lends = message->lends,
        .count = (uint32_t)message->n_tickets,
    };
    return message->n_tickets == message->n_lends;
}

static enum wire_result heartbeat_read(const Exo__V1__Heartbeat *message, struct arena *arena,
                                       struct wire_heartbeat *ret)
{
    struct span *classes = arena_alloc(arena, message->n_classes * sizeof(*classes));
    struct wire_running *running = arena_alloc(arena, message->n_running * sizeof(*running));
    struct wire_loan *loans = arena_alloc(arena, message->n_loans * sizeof(*loans));

    if (classes == NULL || running == NULL || loans == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_classes; i++) {
        classes[i] = span_of(message->classes[i]);
    }
    for (size_t i = 0; i < message->n_running; i++) {
        const Exo__V1__Running *from = message->running[i];

        running[i].task.instance = from->instance;
        running[i].task.index = from->index;
        running[i].attempt = from->attempt;
        if (!message_id(from->execution, &running[i].task.execution)) {
            return WIRE_EMALFORMED;
        }
    }
    for (size_t i = 0; i < message->n_loans; i++) {
        if (!loan_read(message->loans[i], &loans[i])) {
            return WIRE_EMALFORMED;
        }
    }
    *ret = (struct wire_heartbeat){
        .worker = span_of(message->worker),
        .incarnation = message->incarnation,
        .number = message->number,
        .classes = classes,
        .class_count = (uint32_t)message->n_classes,
        .partition = message->partition,
        .slots = message->slots,
        .window = message->window,
        .is_draining = message->draining,
        .is_leaving = message->leaving,
        .cpu_millis = message->cpu_millis,
        .memory_bytes = message->memory_bytes,
        .cpu_free_millis = message->cpu_free_millis,
        .memory_free_bytes = message->memory_free_bytes,
        .running = running,
        .running_count = (uint32_t)message->n_running,
        .position = message->position,
        .positions = message->n_positions == message->n_classes ? message->positions : NULL,
        .loans = loans,
        .loan_count = (uint32_t)message->n_loans,
        .version_text = span_of(message->version_text),
        .at_ms = message->at_ms,
        .trouble = span_of(message->trouble),
    };
    return ret->worker.bytes > 0 ? WIRE_OK : WIRE_EMALFORMED;
}

static enum wire_result tick_read(const Exo__V1__Tick *message, struct arena *arena,
                                  struct wire_tick *ret)
{
    struct wire_demand *demands = arena_alloc(arena, message->n_demands * sizeof(*demands));

    if (demands == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_demands; i++) {
        demands[i].class_name = span_of(message->demands[i]->class_name);
        demands[i].ready = message->demands[i]->ready;
    }
    *ret = (struct wire_tick){
        .process = span_of(message->process),
        .number = message->number,
        .demands = demands,
        .demand_count = (uint32_t)message->n_demands,
        .is_leaving = message->leaving,
    };
    return ret->process.bytes > 0 ? WIRE_OK : WIRE_EMALFORMED;
}

enum wire_result wire_fleet_unpack(struct span bytes, struct arena *arena,
                                   struct wire_fleet *ret_fleet)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__fleet_record__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__FleetRecord *message = (const Exo__V1__FleetRecord *)base;
    struct wire_fleet fleet = {.kind = FLEET_UNKNOWN};

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    switch ((int)message->body_case) {
    case EXO__V1__FLEET_RECORD__BODY_HEARTBEAT:
        fleet.kind = FLEET_HEARTBEAT;
        result = heartbeat_read(message->heartbeat, arena, &fleet.heartbeat);
        break;
    case EXO__V1__FLEET_RECORD__BODY_TICK:
        fleet.kind = FLEET_TICK;
        result = tick_read(message->tick, arena, &fleet.tick);
        break;
    case EXO__V1__FLEET_RECORD__BODY_LOAN:
        fleet.kind = FLEET_LOAN;
        result = loan_read(message->loan, &fleet.loan) ? WIRE_OK : WIRE_EMALFORMED;
        break;
    case EXO__V1__FLEET_RECORD__BODY__NOT_SET:
    default:
        break;
    }
    if (result == WIRE_OK) {
        *ret_fleet = fleet;
    }
    return result;
}
