#include "schemas/wire/status.h"

#include <assert.h>

#include "exo/v1/status.pb-c.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/gather_message.h"
#include "schemas/wire/job_message.h"
#include "schemas/wire/message.h"
#include "schemas/wire/schedule_message.h"

static void report_fill(const struct wire_report *report, struct arena *scratch,
                        Exo__V1__Report *message)
{
    message->kind = (Exo__V1__ReportKind)report->kind;
    message->execution = message_bytes((struct span){report->task.execution.bytes, 16});
    message->instance = report->task.instance;
    message->index = report->task.index;
    message->attempt = report->attempt;
    message->ticket = report->ticket;
    message->lend = report->lend;
    message->lend_process = message_string(scratch, report->lend_process);
    message->lend_next = report->lend_next;
    message->heartbeat = report->heartbeat;
    message->at_ms = report->at_ms;
    message->outcome = (Exo__V1__Outcome)report->outcome;
    message->exit_status = report->exit_status;
    message->error = message_string(scratch, report->error);
    message->output = message_bytes(report->output);
    if (report->has_output_digest) {
        message->output_digest =
            message_bytes((struct span){report->output_digest.bytes, DIGEST_BYTES});
    }
    message->output_bytes = report->output_bytes;
    if (report->has_log) {
        message->log_digest = message_bytes((struct span){report->log_digest.bytes, DIGEST_BYTES});
    }
    message->log_bytes = report->log_bytes;
    message->image_digest = message_string(scratch, report->image_digest);
    message->run_ms = report->run_ms;
    message->memory_bytes_max = report->memory_bytes_max;
    message->cpu_ms = report->cpu_ms;
    message->control = message_bytes(report->control);
    message->progress = message_bytes(report->progress);
    message->cached = report->is_cached;
    if (report->has_artefacts) {
        message->artefacts_digest =
            message_bytes((struct span){report->artefacts_digest.bytes, DIGEST_BYTES});
        message->artefacts_bytes = report->artefacts_bytes;
    }
}

static void reports_fill(const struct wire_status *status, struct arena *scratch,
                         Exo__V1__StatusRecord *message)
{
    message->reports = message_array(scratch, &exo__v1__report__descriptor, status->report_count);
    message->n_reports = message->reports == NULL ? 0 : status->report_count;
    for (size_t i = 0; i < message->n_reports; i++) {
        report_fill(&status->reports[i], scratch, message->reports[i]);
    }
}

static void commands_fill(const struct wire_status *status, struct arena *scratch,
                          Exo__V1__StatusRecord *message)
{
    message->commands =
        message_array(scratch, &exo__v1__command__descriptor, status->command_count);
    message->n_commands = message->commands == NULL ? 0 : status->command_count;
    for (size_t i = 0; i < message->n_commands; i++) {
        const struct wire_command *command = &status->commands[i];

        message->commands[i]->kind = (Exo__V1__CommandKind)command->kind;
        message->commands[i]->execution =
            message_bytes((struct span){command->execution.bytes, 16});
        message->commands[i]->id = message_string(scratch, command->id);
        message->commands[i]->reason = message_string(scratch, command->reason);
        message->commands[i]->actor = message_string(scratch, command->actor);
        message->commands[i]->task = message_string(scratch, command->task);
        message->commands[i]->name = message_string(scratch, command->name);
        message->commands[i]->value = message_bytes(command->value);
        message->commands[i]->priority = command->priority;
    }
}

/* One message of a kind, or NULL without memory. */
static void *one(struct arena *scratch, const ProtobufCMessageDescriptor *descriptor)
{
    void **messages = message_array(scratch, descriptor, 1);

    return messages == NULL ? NULL : messages[0];
}

static void key_ask_fill(const struct wire_key_ask *ask, Exo__V1__KeyAsk *message)
{
    message->key = message_bytes((struct span){ask->key.bytes, DIGEST_BYTES});
    message->execution = message_bytes((struct span){ask->execution.bytes, EXECUTION_ID_BYTES});
    message->kind = (uint32_t)ask->kind;
    message->policy = (uint32_t)ask->policy;
    message->limit = ask->limit;
    message->per_ns = ask->per_ns;
}

static void key_release_fill(const struct wire_key_release *release, Exo__V1__KeyRelease *message)
{
    message->key = message_bytes((struct span){release->key.bytes, DIGEST_BYTES});
    message->execution = message_bytes((struct span){release->execution.bytes, EXECUTION_ID_BYTES});
}

static void key_answer_fill(const struct wire_key_answer *answer, Exo__V1__KeyAnswer *message)
{
    message->execution = message_bytes((struct span){answer->execution.bytes, EXECUTION_ID_BYTES});
    message->kind = (uint32_t)answer->kind;
    message->verdict = (uint32_t)answer->verdict;
}

static void gather_peer_fill(const struct wire_peer *peer, struct arena *scratch,
                             Exo__V1__PeerMessage *message)
{
    if (peer->kind == PEER_GATHER_ASK) {
        message->gather_ask = one(scratch, &exo__v1__gather_ask__descriptor);
        if (message->gather_ask != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_GATHER_ASK;
            gather_ask_fill(&peer->gather_ask, scratch, message->gather_ask);
        }
    } else if (peer->kind == PEER_GATHER_LEAVE) {
        message->gather_leave = one(scratch, &exo__v1__gather_leave__descriptor);
        if (message->gather_leave != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_GATHER_LEAVE;
            gather_leave_fill(&peer->gather_leave, scratch, message->gather_leave);
        }
    } else if (peer->kind == PEER_GATHER_ANSWER) {
        message->gather_answer = one(scratch, &exo__v1__gather_answer__descriptor);
        if (message->gather_answer != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_GATHER_ANSWER;
            gather_answer_fill(&peer->gather_answer, scratch, message->gather_answer);
        }
    } else {
        message->gather_ended = one(scratch, &exo__v1__gather_ended__descriptor);
        if (message->gather_ended != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_GATHER_ENDED;
            gather_ended_fill(&peer->gather_ended, message->gather_ended);
        }
    }
}

static void peer_fill(const struct wire_peer *peer, struct arena *scratch,
                      Exo__V1__PeerMessage *message)
{
    switch (peer->kind) {
    case PEER_JOB:
        message->forwarded_job = one(scratch, &exo__v1__job__descriptor);
        if (message->forwarded_job != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_FORWARDED_JOB;
            job_fill(&peer->forwarded_job, scratch, message->forwarded_job);
        }
        return;
    case PEER_KEY_ASK:
        message->key_ask = one(scratch, &exo__v1__key_ask__descriptor);
        if (message->key_ask != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_KEY_ASK;
            key_ask_fill(&peer->key_ask, message->key_ask);
        }
        return;
    case PEER_KEY_RELEASE:
        message->key_release = one(scratch, &exo__v1__key_release__descriptor);
        if (message->key_release != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_KEY_RELEASE;
            key_release_fill(&peer->key_release, message->key_release);
        }
        return;
    case PEER_KEY_ANSWER:
        message->key_answer = one(scratch, &exo__v1__key_answer__descriptor);
        if (message->key_answer != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_KEY_ANSWER;
            key_answer_fill(&peer->key_answer, message->key_answer);
        }
        return;
    case PEER_SCHEDULE_ENDED:
        message->schedule_ended = one(scratch, &exo__v1__schedule_ended__descriptor);
        if (message->schedule_ended != NULL) {
            message->body_case = EXO__V1__PEER_MESSAGE__BODY_SCHEDULE_ENDED;
            schedule_ended_fill(&peer->schedule_ended, message->schedule_ended);
        }
        return;
    case PEER_GATHER_ASK:
    case PEER_GATHER_LEAVE:
    case PEER_GATHER_ANSWER:
    case PEER_GATHER_ENDED:
        gather_peer_fill(peer, scratch, message);
        return;
    case PEER_UNKNOWN:
        break;
    }
}

static void peers_fill(const struct wire_status *status, struct arena *scratch,
                       Exo__V1__StatusRecord *message)
{
    message->peers = message_array(scratch, &exo__v1__peer_message__descriptor, status->peer_count);
    message->n_peers = message->peers == NULL ? 0 : status->peer_count;
    for (size_t i = 0; i < message->n_peers; i++) {
        message->peers[i]->source = status->peers[i].source;
        message->peers[i]->sequence = status->peers[i].sequence;
        peer_fill(&status->peers[i], scratch, message->peers[i]);
    }
}

static void schedules_fill(const struct wire_status *status, struct arena *scratch,
                           Exo__V1__StatusRecord *message)
{
    message->schedules =
        message_array(scratch, &exo__v1__schedule_command__descriptor, status->schedule_count);
    message->n_schedules = message->schedules == NULL ? 0 : status->schedule_count;
    for (size_t i = 0; i < message->n_schedules; i++) {
        schedule_command_fill(&status->schedules[i], scratch, message->schedules[i]);
    }
}

void wire_status_pack(const struct wire_status *status, struct arena *scratch,
                      struct buffer *buffer)
{
    Exo__V1__StatusRecord message;

    exo__v1__status_record__init(&message);

    message.version = WIRE_VERSION;
    message.worker = message_string(scratch, status->worker);
    message.incarnation = status->incarnation;
    reports_fill(status, scratch, &message);
    commands_fill(status, scratch, &message);
    peers_fill(status, scratch, &message);
    schedules_fill(status, scratch, &message);
    message_pack(&message.base, buffer);
}

static bool report_read(const Exo__V1__Report *message, struct wire_report *report)
{
    *report = (struct wire_report){
        .kind = (enum wire_report_kind)message->kind,
        .task.instance = message->instance,
        .task.index = message->index,
        .attempt = message->attempt,
        .ticket = message->ticket,
        .lend = message->lend,
        .lend_process = span_of(message->lend_process),
        .lend_next = message->lend_next,
        .heartbeat = message->heartbeat,
        .at_ms = message->at_ms,
        .outcome = (enum wire_outcome)message->outcome,
        .exit_status = message->exit_status,
        .error = span_of(message->error),
        .output = message_span(message->output),
        .has_output_digest = message->output_digest.len != 0,
        .output_bytes = message->output_bytes,
        .has_log = message->log_digest.len != 0,
        .log_bytes = message->log_bytes,
        .image_digest = span_of(message->image_digest),
        .run_ms = message->run_ms,
        .memory_bytes_max = message->memory_bytes_max,
        .cpu_ms = message->cpu_ms,
        .control = message_span(message->control),
        .progress = message_span(message->progress),
        .is_cached = message->cached != 0,
        .has_artefacts = message->artefacts_digest.len != 0,
        .artefacts_bytes = message->artefacts_bytes,
    };
    if ((int)message->kind < REPORT_ACCEPTED || (int)message->kind > REPORT_FINISHED ||
        (int)message->outcome < OUTCOME_NONE || (int)message->outcome >= OUTCOME_NR ||
        (message->kind == EXO__V1__REPORT_KIND__FINISHED) !=
            (message->outcome != EXO__V1__OUTCOME__OUTCOME_UNSPECIFIED)) {
        return false;
    }
    return message_id(message->execution, &report->task.execution) &&
           report->progress.bytes <= LIMIT_PROGRESS_BYTES &&
           (!report->has_output_digest ||
            message_digest(message->output_digest, &report->output_digest)) &&
           (!report->has_log || message_digest(message->log_digest, &report->log_digest)) &&
           (!report->has_artefacts ||
            message_digest(message->artefacts_digest, &report->artefacts_digest));
}

static enum wire_result reports_read(const Exo__V1__StatusRecord *message, struct arena *arena,
                                     struct wire_status *status)
{
    struct wire_report *reports = arena_alloc(arena, message->n_reports * sizeof(*reports));

    if (reports == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_reports; i++) {
        if (!report_read(message->reports[i], &reports[i])) {
            return WIRE_EMALFORMED;
        }
    }
    status->reports = reports;
    status->report_count = (uint32_t)message->n_reports;
    return WIRE_OK;
}

static enum wire_result commands_read(const Exo__V1__StatusRecord *message, struct arena *arena,
                                      struct wire_status *status)
{
    struct wire_command *commands = arena_alloc(arena, message->n_commands * sizeof(*commands));

    if (commands == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_commands; i++) {
        const Exo__V1__Command *command = message->commands[i];

        if ((unsigned)command->kind - 1 >= (unsigned)COMMAND_KIND_NR - 1 ||
            !message_id(command->execution, &commands[i].execution)) {
            return WIRE_EMALFORMED;
        }
        commands[i].kind = (enum wire_command_kind)command->kind;
        commands[i].id = span_of(command->id);
        commands[i].reason = span_of(command->reason);
        commands[i].actor = span_of(command->actor);
        commands[i].task = span_of(command->task);
        commands[i].name = span_of(command->name);
        commands[i].value = message_span(command->value);
        commands[i].priority = command->priority;
    }
    status->commands = commands;
    status->command_count = (uint32_t)message->n_commands;
    return WIRE_OK;
}

static bool key_ask_read(const Exo__V1__KeyAsk *message, struct wire_key_ask *ask)
{
    ask->kind = (enum wire_key_kind)message->kind;
    ask->policy = (enum wire_key_policy)message->policy;
    ask->limit = message->limit;
    ask->per_ns = message->per_ns;
    return message_digest(message->key, &ask->key) &&
           message_id(message->execution, &ask->execution) && message->kind >= KEY_CONCURRENCY &&
           message->kind < KEY_KIND_NR && message->policy >= KEY_QUEUE &&
           message->policy < KEY_POLICY_NR && message->limit >= 1 &&
           (message->kind != KEY_RATE || message->per_ns >= (int64_t)message->limit);
}

static bool key_answer_read(const Exo__V1__KeyAnswer *message, struct wire_key_answer *answer)
{
    answer->kind = (enum wire_key_kind)message->kind;
    answer->verdict = (enum wire_key_verdict)message->verdict;
    return message_id(message->execution, &answer->execution) && message->kind >= KEY_CONCURRENCY &&
           message->kind < KEY_KIND_NR && message->verdict >= KEY_GRANTED &&
           message->verdict < KEY_VERDICT_NR;
}

static enum wire_result gather_ask_take(const Exo__V1__PeerMessage *message, struct arena *arena,
                                        struct wire_peer *peer)
{
    enum wire_result result = gather_ask_read(message->gather_ask, arena, &peer->gather_ask);

    peer->kind = PEER_GATHER_ASK;
    return result == WIRE_OK && !gather_ask_is_good(&peer->gather_ask) ? WIRE_EMALFORMED : result;
}

static enum wire_result peer_read(const Exo__V1__PeerMessage *message, struct arena *arena,
                                  struct wire_peer *peer)
{
    bool is_good = true;

    switch ((int)message->body_case) {
    case EXO__V1__PEER_MESSAGE__BODY_FORWARDED_JOB:
        peer->kind = PEER_JOB;
        return job_read(message->forwarded_job, arena, &peer->forwarded_job);
    case EXO__V1__PEER_MESSAGE__BODY_KEY_ASK:
        peer->kind = PEER_KEY_ASK;
        is_good = key_ask_read(message->key_ask, &peer->key_ask);
        break;
    case EXO__V1__PEER_MESSAGE__BODY_KEY_RELEASE:
        peer->kind = PEER_KEY_RELEASE;
        is_good = message_digest(message->key_release->key, &peer->key_release.key) &&
                  message_id(message->key_release->execution, &peer->key_release.execution);
        break;
    case EXO__V1__PEER_MESSAGE__BODY_KEY_ANSWER:
        peer->kind = PEER_KEY_ANSWER;
        is_good = key_answer_read(message->key_answer, &peer->key_answer);
        break;
    case EXO__V1__PEER_MESSAGE__BODY_SCHEDULE_ENDED:
        peer->kind = PEER_SCHEDULE_ENDED;
        is_good = schedule_ended_read(message->schedule_ended, &peer->schedule_ended);
        break;
    case EXO__V1__PEER_MESSAGE__BODY_GATHER_ASK:
        return gather_ask_take(message, arena, peer);
    case EXO__V1__PEER_MESSAGE__BODY_GATHER_LEAVE:
        peer->kind = PEER_GATHER_LEAVE;
        return gather_leave_read(message->gather_leave, &peer->gather_leave);
    case EXO__V1__PEER_MESSAGE__BODY_GATHER_ANSWER:
        peer->kind = PEER_GATHER_ANSWER;
        return gather_answer_read(message->gather_answer, arena, &peer->gather_answer);
    case EXO__V1__PEER_MESSAGE__BODY_GATHER_ENDED:
        peer->kind = PEER_GATHER_ENDED;
        return gather_ended_read(message->gather_ended, &peer->gather_ended);
    case EXO__V1__PEER_MESSAGE__BODY__NOT_SET:
    default:
        peer->kind = PEER_UNKNOWN;
        break;
    }
    return is_good ? WIRE_OK : WIRE_EMALFORMED;
}

static enum wire_result peers_read(const Exo__V1__StatusRecord *message, struct arena *arena,
                                   struct wire_status *status)
{
    struct wire_peer *peers = arena_alloc(arena, message->n_peers * sizeof(*peers));

    if (peers == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_peers; i++) {
        peers[i].source = message->peers[i]->source;
        peers[i].sequence = message->peers[i]->sequence;
        enum wire_result result = peer_read(message->peers[i], arena, &peers[i]);

        if (result != WIRE_OK) {
            return result;
        }
    }
    status->peers = peers;
    status->peer_count = (uint32_t)message->n_peers;
    return WIRE_OK;
}

static enum wire_result schedules_read(const Exo__V1__StatusRecord *message, struct arena *arena,
                                       struct wire_status *status)
{
    struct wire_schedule_command *schedules =
        arena_alloc(arena, message->n_schedules * sizeof(*schedules));

    if (schedules == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_schedules; i++) {
        if (!schedule_command_read(message->schedules[i], &schedules[i])) {
            return WIRE_EMALFORMED;
        }
    }
    status->schedules = schedules;
    status->schedule_count = (uint32_t)message->n_schedules;
    return WIRE_OK;
}

enum wire_result wire_status_unpack(struct span bytes, struct arena *arena,
                                    struct wire_status *ret_status)
{
    ProtobufCMessage *base;
    enum wire_result result =
        message_unpack(&exo__v1__status_record__descriptor, bytes, arena, &base);

    if (result != WIRE_OK) {
        return result;
    }
    const Exo__V1__StatusRecord *message = (const Exo__V1__StatusRecord *)base;
    struct wire_status status = {.worker = span_of(message->worker),
                                 .incarnation = message->incarnation};

    if (message->version != WIRE_VERSION) {
        return WIRE_EVERSION;
    }
    result = reports_read(message, arena, &status);
    if (result == WIRE_OK) {
        result = commands_read(message, arena, &status);
    }
    if (result == WIRE_OK) {
        result = peers_read(message, arena, &status);
    }
    if (result == WIRE_OK) {
        result = schedules_read(message, arena, &status);
    }
    if (result == WIRE_OK) {
        *ret_status = status;
    }
    return result;
}

const char *wire_outcome_name(enum wire_outcome outcome)
{
    static const char *const names[OUTCOME_NR] = {
        "none", "succeeded", "failed", "never_again", "later", "timed_out", "cancelled", "lost",
    };

    assert(outcome < OUTCOME_NR);
    return names[outcome];
}
