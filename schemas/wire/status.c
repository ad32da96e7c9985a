#include "schemas/wire/status.h"

#include <assert.h>

#include "exo/v1/status.pb-c.h"
#include "schemas/wire/job_message.h"
#include "schemas/wire/message.h"

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

static void peers_fill(const struct wire_status *status, struct arena *scratch,
                       Exo__V1__StatusRecord *message)
{
    message->peers = message_array(scratch, &exo__v1__peer_message__descriptor, status->peer_count);
    message->n_peers = message->peers == NULL ? 0 : status->peer_count;
    for (size_t i = 0; i < message->n_peers; i++) {
        const struct wire_peer *peer = &status->peers[i];

        message->peers[i]->source = peer->source;
        message->peers[i]->sequence = peer->sequence;
        if (peer->has_job) {
            Exo__V1__Job **job = message_array(scratch, &exo__v1__job__descriptor, 1);

            if (job != NULL) {
                job_fill(&peer->forwarded_job, scratch, job[0]);
                message->peers[i]->body_case = EXO__V1__PEER_MESSAGE__BODY_FORWARDED_JOB;
                message->peers[i]->forwarded_job = job[0];
            }
        }
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

static enum wire_result peers_read(const Exo__V1__StatusRecord *message, struct arena *arena,
                                   struct wire_status *status)
{
    struct wire_peer *peers = arena_alloc(arena, message->n_peers * sizeof(*peers));

    if (peers == NULL) {
        return WIRE_EMEMORY;
    }
    for (size_t i = 0; i < message->n_peers; i++) {
        const Exo__V1__PeerMessage *peer = message->peers[i];

        peers[i].source = peer->source;
        peers[i].sequence = peer->sequence;
        peers[i].has_job = peer->body_case == EXO__V1__PEER_MESSAGE__BODY_FORWARDED_JOB;
        if (peers[i].has_job) {
            enum wire_result result = job_read(peer->forwarded_job, arena, &peers[i].forwarded_job);

            if (result != WIRE_OK) {
                return result;
            }
        }
    }
    status->peers = peers;
    status->peer_count = (uint32_t)message->n_peers;
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
