/* intake: records of exo.jobs and exo.status become events of the core.
 *
 * A batch takes at most JOBS_MAX jobs and STATUS_MAX status records, so that neither topic starves
 * the other; what does not fit waits in its reader until the batch is sealed. A record that means
 * nothing goes to the dead letters with its reason, and its offset moves on. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/job_id.h"
#include "scheduler/core/room.h"
#include "scheduler/job_texts.h"
#include "scheduler/projects.h"
#include "scheduler/shard.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

enum {
    OPEN_BYTES_MAX = 64 << 20, /* of events that wait for their seal */
};

void letter_add(struct shard *shard, const char *topic, const struct log_record *record,
                const char *reason)
{
    if (shard->letter_count == shard->letter_capacity) {
        uint32_t capacity = shard->letter_capacity == 0 ? 16 : shard->letter_capacity * 2;
        void *moved = realloc(shard->letters, capacity * sizeof(*shard->letters));

        if (moved == NULL) {
            abort();
        }
        shard->letters = moved;
        shard->letter_capacity = capacity;
    }
    struct span key = arena_copy(&shard->open_arena, record->key);
    struct span value = arena_copy(&shard->open_arena, record->value);
    size_t reason_bytes = strlen(reason);
    char *text = arena_alloc(&shard->open_arena, reason_bytes + 1);

    if (key.data == NULL || value.data == NULL || text == NULL) {
        abort();
    }
    memcpy(text, reason, reason_bytes);
    utf8_repair(text, reason_bytes); /* it may have been cut within a character */
    shard->letters[shard->letter_count++] = (struct store_dead_letter){
        .topic = topic,
        .partition = shard->number,
        .offset = record->offset,
        .at_ns = shard_time(shard),
        .reason = text,
        .key = key,
        .value = value,
    };
    shard->scheduler->counts.dead_letters++;
}

/* ---- jobs ---- */

bool intake_job_id(const struct shard *shard, const struct wire_job *job,
                   const struct log_record *record, struct execution_id *ret_id)
{
    if (job->execution_id.bytes > 0) {
        return execution_id_parse(job->execution_id, ret_id);
    }
    *ret_id = job_id_of_place(shard->number, record->offset, shard->scheduler->shard_count);
    return true;
}

/* When the API took it, where that can be: others' records may say anything. */
static exo_time submitted_ns(const struct wire_job *job, exo_time read_ns)
{
    int64_t most_ms = read_ns / EXO_MILLISECOND + FRESH_MARGIN_S * 1000;

    return job->submitted_ms > 0 && job->submitted_ms <= most_ms
               ? job->submitted_ms * EXO_MILLISECOND
               : read_ns;
}

static bool start_fits(const struct wire_job *job, struct refusal *refusal)
{
    if (job->start_at_ms < 0 || job->start_at_ms > WIRE_JOB_START_MS_MAX) {
        (void)snprintf(refusal->text, sizeof(refusal->text),
                       "start_at_ms: a time from 1970 to the end of 2199, in ms since 1970");
        return false;
    }
    return true;
}

/* NULL: refused. */
static struct definition *job_definition(struct shard *shard, const struct wire_job *job,
                                         struct execution_id *ret_rerun_of, struct refusal *refusal)
{
    struct exo_error err;
    bool is_rerun = job->rerun_of.bytes > 0;
    struct definition *definition =
        definitions_get(shard->scheduler->definitions, job->cluster,
                        is_rerun ? (struct span){NULL, 0} : job->project, is_rerun, &err);

    if (definition == NULL) {
        (void)snprintf(refusal->text, sizeof(refusal->text), "cluster: %.480s", err.text);
        return NULL;
    }
    const char *wrong = is_rerun && !execution_id_parse(job->rerun_of, ret_rerun_of)
                            ? "rerun_of: not a UUID of 36 characters"
                            : sched_kept_fit(definition, job->kept, job->kept_count);

    if (wrong != NULL) {
        (void)snprintf(refusal->text, sizeof(refusal->text), "%s", wrong);
        return NULL;
    }
    return definition;
}

static bool job_submit(struct shard *shard, const struct wire_job *job,
                       const struct execution_id *id, exo_time read_ns, struct refusal *refusal)
{
    struct execution_id rerun_of = {{0}};
    struct definition *definition = job_definition(shard, job, &rerun_of, refusal);

    if (definition == NULL) {
        return false;
    }
    const struct project_settings project =
        projects_of(shard->scheduler->projects, definition->cluster->project);
    struct buffer input;
    struct buffer labels;
    bool is_good;

    buffer_init(&input, shard->scheduler->allocator, 0);
    buffer_init(&labels, shard->scheduler->allocator, 0);
    is_good = start_fits(job, refusal) && job_labels_fit(job, refusal) &&
              job_input_write(&shard->open_arena, definition->cluster, job->input, &input, refusal);
    if (is_good) {
        job_labels_write(definition->cluster, job, &labels);
        struct sched_event event = {.kind = SCHED_SUBMIT,
                                    .submit = {.id = *id,
                                               .definition = definition,
                                               .input = buffer_span(&input),
                                               .labels = buffer_span(&labels),
                                               .submitted_ns = submitted_ns(job, read_ns),
                                               .start_ns = job->start_at_ms * EXO_MILLISECOND,
                                               .traceparent = job->traceparent,
                                               .running_max = project.running_max,
                                               .rejects = project.on_limit == PROJECT_REJECT,
                                               .is_rerun = job->rerun_of.bytes > 0,
                                               .rerun_of = rerun_of,
                                               .kept = job->kept,
                                               .kept_count = job->kept_count}};
        enum sched_err result = shard_step(shard, &event);

        shard->scheduler->counts.duplicates += result == SCHED_EKNOWN;
        if (result == SCHED_EKNOWN && sched_find(shard->sched, id) == NULL) {
            ends_job(shard, job, id);
        }
        if (result == SCHED_OK) {
            known_admitted(shard, id);
            command_apply_early(shard, id);
        }
    }
    buffer_release(&input);
    buffer_release(&labels);
    return is_good;
}

enum job_result { JOB_TAKEN, JOB_UNCHECKED, JOB_UNRESOLVED };

static void job_refuse(struct shard *shard, const struct log_record *record, const char *reason)
{
    letter_add(shard, TOPIC_JOBS, record, reason);
    scheduler_say(shard->scheduler, "job.refused", "shard %u offset %lld: %s", shard->number,
                  (long long)record->offset, reason);
}

/* What it names is not there. A Job that comes again may have found it the first time: its
 * execution is there then, or was, on whichever shard. */
static enum job_result job_unresolved(struct shard *shard, const struct log_record *record,
                                      const struct wire_job *job, const struct execution_id *id,
                                      const char *reason)
{
    enum known known =
        sched_is_known(shard->sched, id) ? KNOWN_YES : known_of(shard, INPUT_JOBS, id);

    if (known == KNOWN_UNASKED) {
        return JOB_UNCHECKED;
    }
    if (known == KNOWN_YES) {
        shard->scheduler->counts.duplicates++;
        return JOB_TAKEN;
    }
    job_refuse(shard, record, reason);
    ends_job(shard, job, id);
    return JOB_TAKEN;
}

static enum job_result take_job(struct shard *shard, const struct log_record *record)
{
    struct wire_job job;
    struct execution_id id;
    struct refusal refusal = {{0}};
    enum wire_result result = wire_job_unpack(record->value, &shard->open_arena, &job);

    if (result != WIRE_OK) {
        job_refuse(shard, record, wire_result_text(result));
        return JOB_TAKEN;
    }
    if (!intake_job_id(shard, &job, record, &id)) {
        job_refuse(shard, record, "execution_id: not a UUID of 36 characters");
        return JOB_TAKEN;
    }
    job.kept_count = 0; /* it is ours to say */
    enum resolve_result resolved = job.rerun_of.bytes > 0
                                       ? rerun_job(shard, record, &job, refusal.text)
                                       : resolve_job(shard, record, &job, refusal.text);

    if (resolved == RESOLVE_WAITS) {
        return JOB_UNRESOLVED;
    }
    if (resolved == RESOLVE_REFUSED) {
        return job_unresolved(shard, record, &job, &id, refusal.text);
    }
    uint32_t target = execution_shard(&id, shard->scheduler->shard_count);

    if (target != shard->number) {
        char text[EXECUTION_ID_TEXT_BYTES + 1];

        if (!rerun_may_be_forwarded(&job)) {
            job_refuse(shard, record,
                       "rerun_of: it keeps more than 512 KiB of results; write such a Job to the "
                       "partition of its execution_id");
            return JOB_TAKEN;
        }
        shard->scheduler->counts.forwarded++;
        execution_id_format(&id, text);
        job.execution_id = span_of(text);
        outbox_add(shard, target, (struct wire_peer){.kind = PEER_JOB, .forwarded_job = job});
        return JOB_TAKEN;
    }
    if (!known_is_fresh(shard, &id) && !sched_is_known(shard->sched, &id)) {
        enum known known = known_of(shard, INPUT_JOBS, &id);

        if (known == KNOWN_UNASKED) {
            return JOB_UNCHECKED;
        }
        if (known == KNOWN_YES) {
            shard->scheduler->counts.duplicates++;
            ends_job(shard, &job, &id);
            return JOB_TAKEN;
        }
    }
    if (!job_submit(shard, &job, &id, record->timestamp_ns, &refusal)) {
        job_refuse(shard, record, refusal.text);
        ends_job(shard, &job, &id);
    }
    return JOB_TAKEN;
}

/* ---- status ---- */

static void take_report(struct shard *shard, const struct wire_status *status,
                        const struct wire_report *report)
{
    struct sched_event event = {.kind = SCHED_REPORT,
                                .report = {status->worker, status->incarnation, *report}};

    if (report->lend_next != 0) {
        fleet_ticket_returned(shard->scheduler->fleet, status->worker, status->incarnation,
                              report->ticket, report->lend_process, report->lend_next);
    }
    shard->scheduler->counts.reports++;
    (void)shard_step(shard, &event); /* what it says is counted by the core */
}

static void take_forwarded(struct shard *shard, const struct wire_job *job,
                           const struct log_record *record)
{
    struct execution_id id;
    struct refusal refusal = {{0}};

    bool has_id = execution_id_parse(job->execution_id, &id);

    if (has_id && !sched_is_known(shard->sched, &id) &&
        known_of(shard, INPUT_STATUS, &id) == KNOWN_YES) {
        shard->scheduler->counts.duplicates++;
        ends_job(shard, job, &id);
        return;
    }
    if (has_id && job_submit(shard, job, &id, record->timestamp_ns, &refusal)) {
        return;
    }
    letter_add(shard, TOPIC_STATUS, record, refusal.text);
    if (has_id) {
        ends_job(shard, job, &id);
    }
}

static void take_peer(struct shard *shard, const struct wire_peer *peer,
                      const struct log_record *record)
{
    if (peer->source >= shard->scheduler->shard_count ||
        peer->sequence <= shard->received[peer->source]) {
        return; /* a repeat */
    }
    shard->received[peer->source] = peer->sequence;
    shard->is_extra_dirty = true;
    switch (peer->kind) {
    case PEER_JOB:
        take_forwarded(shard, &peer->forwarded_job, record);
        break;
    case PEER_KEY_ASK:
        keys_ask(shard, &peer->key_ask);
        break;
    case PEER_KEY_RELEASE:
        keys_release(shard, &peer->key_release);
        break;
    case PEER_KEY_ANSWER:
        (void)shard_step(shard,
                         &(struct sched_event){.kind = SCHED_ANSWER, .answer = peer->key_answer});
        break;
    case PEER_SCHEDULE_ENDED:
        schedules_ended(shard, &peer->schedule_ended);
        break;
    case PEER_GATHER_ASK:
        gathers_ask(shard, &peer->gather_ask);
        break;
    case PEER_GATHER_LEAVE:
        gathers_leave(shard, &peer->gather_leave);
        break;
    case PEER_GATHER_ANSWER:
        gathers_answer(shard, &peer->gather_answer);
        break;
    case PEER_GATHER_ENDED:
        gathers_ended(shard, &peer->gather_ended);
        break;
    case PEER_UNKNOWN:
        letter_add(shard, TOPIC_STATUS, record,
                   "a message between shards of a kind that only a newer program knows");
        break;
    }
}

/* False: the store has to be asked first. */
static bool take_status(struct shard *shard, const struct log_record *record)
{
    struct wire_status status;
    uint32_t generation = shard->generation;
    enum wire_result result = wire_status_unpack(record->value, &shard->open_arena, &status);

    if (result != WIRE_OK) {
        letter_add(shard, TOPIC_STATUS, record, wire_result_text(result));
        return true;
    }
    if (!known_status(shard, &status)) {
        return false;
    }
    for (uint32_t i = 0; i < status.report_count && shard->generation == generation; i++) {
        take_report(shard, &status, &status.reports[i]);
    }
    for (uint32_t i = 0; i < status.command_count && shard->generation == generation; i++) {
        command_take(shard, &status.commands[i], record);
    }
    for (uint32_t i = 0; i < status.peer_count && shard->generation == generation; i++) {
        take_peer(shard, &status.peers[i], record);
    }
    for (uint32_t i = 0; i < status.schedule_count && shard->generation == generation; i++) {
        schedules_command(shard, &status.schedules[i]);
    }
    return true;
}

/* ---- the readers' door ---- */

static bool has_room(const struct shard_input *input)
{
    const struct shard *shard = input->shard;
    const struct shard_input *inputs = shard->inputs;
    bool is_jobs = input == &inputs[INPUT_JOBS];

    return input->taken < (is_jobs ? (uint32_t)JOBS_MAX : (uint32_t)STATUS_MAX) &&
           shard->open_arena.used_bytes < OPEN_BYTES_MAX && shard->outbox_count < OUTBOX_MAX;
}

/* How many jobs the shard may take before it is full. While it is careful all must go through,
 * since status may wait for them. */
static uint64_t jobs_room(struct shard *shard)
{
    const struct scheduler *scheduler = shard->scheduler;
    bool was_full = shard->is_full;
    uint32_t owned = 0;

    if (shard->caution.mode != CAUTION_NONE) {
        return UINT64_MAX;
    }
    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        owned += scheduler->shards[i] != NULL;
    }
    uint64_t room = room_left(scheduler->settings.executions_max, owned == 0 ? 1 : owned,
                              sched_counts(shard->sched).executions, &shard->is_full);

    if (shard->is_full != was_full) {
        scheduler_room_tell(shard->scheduler);
    }
    return room;
}

enum taking { TAKING_DONE, TAKING_WAITS, TAKING_UNCHECKED };

static enum taking take_record(struct shard_input *input, const struct log_record *record)
{
    struct shard *shard = input->shard;
    bool is_jobs = input == &shard->inputs[INPUT_JOBS];

    switch (caution_record(shard, is_jobs ? INPUT_JOBS : INPUT_STATUS, record->offset)) {
    case CAUTION_WAIT:
        return TAKING_WAITS;
    case CAUTION_QUARANTINE:
        record_quarantine(shard, is_jobs ? TOPIC_JOBS : TOPIC_STATUS, record);
        return TAKING_DONE;
    case CAUTION_STEP:
        break;
    }
    if (!is_jobs) {
        return take_status(shard, record) ? TAKING_DONE : TAKING_UNCHECKED;
    }
    shard->scheduler->counts.jobs++;
    switch (take_job(shard, record)) {
    case JOB_TAKEN:
        return TAKING_DONE;
    case JOB_UNCHECKED:
        return TAKING_UNCHECKED;
    case JOB_UNRESOLVED:
        break;
    }
    if (shard->caution.mode != CAUTION_NONE) {
        caution_unused(shard);
    }
    return TAKING_WAITS;
}

static size_t input_records(void *argument, const struct log_record *records, size_t count)
{
    struct shard_input *input = argument;
    struct shard *shard = input->shard;
    uint32_t generation = shard->generation;
    size_t i = 0;

    if (!shard_is_live(shard)) {
        return 0;
    }
    bool is_jobs = input == &shard->inputs[INPUT_JOBS];
    uint64_t room = is_jobs ? jobs_room(shard) : UINT64_MAX;

    for (; i < count && i < room && has_room(input) && !known_is_asked(input); i++) {
        enum taking taking = take_record(input, &records[i]);

        if (taking == TAKING_UNCHECKED) {
            known_ask(shard, is_jobs ? INPUT_JOBS : INPUT_STATUS, records + i, count - i);
        }
        if (taking != TAKING_DONE) {
            break;
        }
        if (shard->generation != generation) {
            return i; /* the reader is closed */
        }
        input->taken++;
        input->cursor.offset = records[i].offset + 1;
        input->cursor.checksum = log_record_checksum(&records[i]);
        if (!shard->has_moved) {
            shard->has_moved = true;
            shard->idle_since_ns = loop_now_ns(shard->scheduler->loop);
        }
    }
    input->is_paused = i < count;
    if (is_jobs) {
        (void)jobs_room(shard); /* it may be full now */
    } else if (i > 0) {
        shard_applied(shard);
    }
    scheduler_wake(shard->scheduler);
    return i;
}

static void input_failed(void *argument, const struct exo_error *err)
{
    struct shard_input *input = argument;

    shard_stop(input->shard, err);
}

const struct log_reader_callbacks shard_input_callbacks = {input_records, input_failed};

/* While it is careful the one whose record went last comes last. */
void intake_resume(struct shard *shard)
{
    uint32_t first = shard->caution.mode == CAUTION_NONE ? 0 : shard->caution.last + 1;

    if (shard->is_full) {
        (void)jobs_room(shard); /* also where no record waits that would ask */
    }
    for (uint32_t k = 0; k < INPUT_NR; k++) {
        uint32_t i = (first + k) % INPUT_NR;

        if (shard->inputs[i].is_paused && shard->inputs[i].reader != NULL) {
            shard->inputs[i].is_paused = false;
            log_reader_resume(shard->inputs[i].reader);
        }
    }
}
