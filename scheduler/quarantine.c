/* quarantine: a record that brings its reader down is taken without being stepped: its bytes go to
 * the dead letters, and nothing that waits for it waits for ever. An attempt it reports about
 * fails, so that the satellite's retries apply; a message of a peer counts as received, its Job
 * gets a dead letter of its own, which can be sent again. Where even that went wrong (is_blind)
 * nothing of it is looked at. */
#include <stdio.h>
#include <stdlib.h>

#include "scheduler/shard.h"
#include "schemas/json/utf8.h"

/* What a quarantine did, for the letter's reason. */
struct outcome {
    uint32_t failed; /* attempts */
    uint32_t stale;  /* reports about attempts that are over */
    uint32_t commands, jobs;
    struct task_id task; /* of the first attempt failed */
    uint32_t attempt;
};

static void report_fail(struct shard *shard, const struct wire_status *status,
                        const struct wire_report *report, struct outcome *outcome)
{
    char text[512];

    caution_reason(shard, "a report about this attempt was put aside: see `exosphere dlq list`",
                   text);
    utf8_repair(text, strlen(text));
    struct span error = arena_copy(&shard->open_arena, span_of(text));
    struct sched_event event = {.kind = SCHED_REPORT,
                                .report = {.worker = status->worker,
                                           .incarnation = status->incarnation,
                                           .report = {.kind = REPORT_FINISHED,
                                                      .task = report->task,
                                                      .attempt = report->attempt,
                                                      .at_ms = report->at_ms,
                                                      .outcome = OUTCOME_FAILED,
                                                      .error = error}}};

    if (error.data == NULL) {
        abort();
    }
    if (report->lend_next != 0) {
        fleet_ticket_returned(shard->scheduler->fleet, status->worker, status->incarnation,
                              report->ticket, report->lend_process, report->lend_next);
    }
    if (shard_step(shard, &event) != SCHED_OK) {
        outcome->stale++;
        return;
    }
    if (outcome->failed++ == 0) {
        outcome->task = report->task;
        outcome->attempt = report->attempt;
    }
}

/* Who waits for a batch, or for its result, fails: its retries apply. */
static void gather_skip(struct shard *shard, const struct wire_peer *peer)
{
    char text[512];

    if (peer->kind == PEER_GATHER_ENDED) {
        shard->gathers.is_sweeping = true; /* all are looked at */
    }
    if (peer->kind != PEER_GATHER_ASK && peer->kind != PEER_GATHER_ANSWER) {
        return;
    }
    caution_reason(shard, "a message about its batch was put aside: see `exosphere dlq list`",
                   text);
    utf8_repair(text, strlen(text));
    struct span reason = arena_copy(&shard->open_arena, span_of(text));

    if (reason.data == NULL) {
        abort();
    }
    if (peer->kind == PEER_GATHER_ASK) {
        gathers_refuse(shard, &peer->gather_ask, reason);
    } else {
        gathers_fail(shard, &peer->gather_answer, reason);
    }
}

static void peer_skip(struct shard *shard, const struct wire_peer *peer,
                      const struct log_record *record, struct outcome *outcome)
{
    struct execution_id id;
    struct buffer job;
    char became[96];
    char reason[512];

    if (peer->source >= shard->scheduler->shard_count ||
        peer->sequence <= shard->received[peer->source]) {
        return; /* a repeat */
    }
    shard->received[peer->source] = peer->sequence;
    shard->is_extra_dirty = true;
    if (peer->kind == PEER_KEY_ASK) {
        keys_refuse(shard, &peer->key_ask);
    }
    if (peer->kind != PEER_JOB) {
        gather_skip(shard, peer);
        return;
    }
    if (execution_id_parse(peer->forwarded_job.execution_id, &id)) {
        ends_job(shard, &peer->forwarded_job, &id);
    }
    outcome->jobs++;
    buffer_init(&job, shard->scheduler->allocator, 0);
    wire_job_pack(&peer->forwarded_job, &shard->open_arena, &job);
    struct log_record letter = {.offset = record->offset, .value = buffer_span(&job)};

    if (job.is_failed) {
        abort();
    }
    /* Its offset is that of the record it came with: the number tells it from others there. */
    (void)snprintf(became, sizeof(became),
                   "no execution was begun with it; shard %u passed it on as number %llu",
                   peer->source, (unsigned long long)peer->sequence);
    caution_reason(shard, became, reason);
    letter_add(shard, TOPIC_JOBS, &letter, reason);
    buffer_release(&job);
}

/* Returns false when the life of the shard ended on the way. */
static bool status_quarantine(struct shard *shard, const struct log_record *record,
                              struct outcome *outcome)
{
    struct wire_status status;
    uint32_t generation = shard->generation;

    if (wire_status_unpack(record->value, &shard->open_arena, &status) != WIRE_OK) {
        return true;
    }
    outcome->commands = status.command_count + status.schedule_count;
    for (uint32_t i = 0; i < status.report_count && shard->generation == generation; i++) {
        report_fail(shard, &status, &status.reports[i], outcome);
    }
    for (uint32_t i = 0; i < status.peer_count && shard->generation == generation; i++) {
        peer_skip(shard, &status.peers[i], record, outcome);
    }
    return shard->generation == generation;
}

static void outcome_write(const struct outcome *outcome, char text[256])
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    if (outcome->failed > 0) {
        execution_id_format(&outcome->task.execution, id);
        (void)snprintf(text, 256,
                       "%u attempts it reports about were failed, the first: attempt %u of "
                       "satellite %u, index %u of execution %s",
                       outcome->failed, outcome->attempt, outcome->task.instance,
                       outcome->task.index, id);
    } else if (outcome->stale > 0) {
        (void)snprintf(text, 256, "the attempts it reports about were over already");
    } else if (outcome->commands > 0) {
        (void)snprintf(text, 256, "the command in it was not carried out: give it again");
    } else if (outcome->jobs > 0) {
        (void)snprintf(text, 256, "the Job in it has a dead letter of its own");
    } else {
        (void)snprintf(text, 256, "it was left out");
    }
}

void record_quarantine(struct shard *shard, const char *topic, const struct log_record *record)
{
    struct outcome outcome = {0};
    char became[256] = "no execution was begun with it";
    char reason[512];

    if (shard->caution.found->is_duplicate) {
        shard->scheduler->counts.duplicates++;
        return; /* what it asks for is there */
    }
    if (shard->caution.found->is_blind) {
        (void)snprintf(became, sizeof(became),
                       "to set it right went wrong too: nothing in it was looked at, and an "
                       "attempt it reports about goes on until its lease or timeout ends");
    } else if (strcmp(topic, TOPIC_STATUS) == 0) {
        if (!status_quarantine(shard, record, &outcome)) {
            return;
        }
        outcome_write(&outcome, became);
    }
    caution_reason(shard, became, reason);
    letter_add(shard, topic, record, reason);
    scheduler_say(shard->scheduler, "shard.quarantine", "shard %u: %s offset %lld: %s",
                  shard->number, topic, (long long)record->offset, reason);
}
