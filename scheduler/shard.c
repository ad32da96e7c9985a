#include "scheduler/shard.h"

#include <assert.h>
#include <stdlib.h>

enum {
    STATUS_IDLE_COMMIT_MS = 1000,
    TRIM_RECORDS = 10000, /* consumed before old ones are deleted */
};

struct shard_ticket *shard_ticket_new(struct shard *shard, void *more)
{
    struct shard_ticket *ticket = calloc(1, sizeof(*ticket));

    if (ticket == NULL) {
        abort();
    }
    *ticket = (struct shard_ticket){shard, shard->generation, more};
    shard->outstanding++;
    return ticket;
}

static void shard_free(struct shard *shard)
{
    loop_timer_free(shard->retry);
    arena_release(&shard->open_arena);
    arena_release(&shard->sealed.arena);
    free(shard->received);
    free(shard->is_outbox_busy);
    free(shard->letters);
    free(shard);
}

struct shard *shard_ticket_end(struct shard_ticket *ticket)
{
    struct shard *shard = ticket->shard;
    bool is_current = ticket->generation == shard->generation && shard->state != SHARD_CLOSING;

    free(ticket);
    shard->outstanding--;
    if (shard->state == SHARD_CLOSING && shard->outstanding == 0 && !shard->is_in_flight) {
        shard_free(shard);
        return NULL;
    }
    return is_current ? shard : NULL;
}

exo_time shard_time(struct shard *shard)
{
    return shard_clock_read(&shard->clock, loop_now_ns(shard->scheduler->loop));
}

void shard_hear_time(struct shard *shard, exo_time database_ns, exo_time asked_ns)
{
    if (shard->epoch == 0) {
        return;
    }
    exo_time step_ns =
        shard_clock_hear(&shard->clock, database_ns, asked_ns, loop_now_ns(shard->scheduler->loop));

    if (shard_clock_is_jump(step_ns)) {
        scheduler_say(shard->scheduler, "shard.clock_jump",
                      "shard %u: the database's clock is %lld ms off; keeping ours", shard->number,
                      (long long)(step_ns / EXO_MILLISECOND));
    }
}

enum sched_err shard_step(struct shard *shard, const struct sched_event *event)
{
    enum sched_err result = sched_step(shard->sched, event, shard_time(shard));

    if (result == SCHED_EMEMORY) {
        scheduler_say(shard->scheduler, "shard.out_of_memory",
                      "shard %u: out of memory; loading it again", shard->number);
        shard_again(shard, EXO_SECOND);
    }
    scheduler_wake(shard->scheduler);
    return result;
}

static void waits_free(struct shard *shard)
{
    while (shard->waits != NULL) {
        struct shard_wait *wait = shard->waits;

        shard->waits = wait->next;
        arena_release(&wait->arena);
        free(wait);
    }
}

/* What was counted in this life stays counted: a sum that fell would look like a new process. */
static void counts_keep(const struct shard *shard)
{
    const struct sched_counts life = sched_counts(shard->sched);
    struct scheduler_counts *counts = &shard->scheduler->counts;

    counts->stale += life.stale;
    counts->admitted += life.admitted;
    counts->executions_finished += life.finished_executions;
    counts->attempts_finished += life.finished_attempts;
    counts->attempts_lost += life.lost_attempts;
}

/* Ends the present life: nothing of it is heard of again. */
static void life_end(struct shard *shard)
{
    shard->generation++;
    for (int i = 0; i < INPUT_NR; i++) {
        log_reader_close(shard->inputs[i].reader);
        shard->inputs[i].reader = NULL;
        shard->inputs[i].taken = 0;
        shard->inputs[i].is_paused = false;
    }
    caution_life_end(shard);
    values_free(shard);
    if (shard->sched != NULL) {
        sched_void(shard->sched, shard->batch - shard->loaded_batch);
        counts_keep(shard);
    }
    sched_free(shard->sched);
    shard->sched = NULL;
    keys_close(shard);
    schedules_close(shard);
    gathers_close(shard);
    waits_free(shard);
    events_free(shard);
    outbox_free(shard);
    arena_reset(&shard->open_arena);
    shard->letter_count = 0;
    for (int i = 0; i < INPUT_NR; i++) {
        shard->checked[i].count = 0;
        shard->checked[i].is_asking = false;
    }
    shard->is_checking = false;
    resolve_free(shard);
    rerun_free(shard);
    shard->has_moved = false;
    shard->is_resend_due = false;
    early_commands_clear(&shard->early);
    shard->is_extra_dirty = false;
    shard->is_full = false;
    shard->is_wait_halfway = false;
    scheduler_room_tell(shard->scheduler);
}

void shard_close(struct shard *shard)
{
    life_end(shard);
    caution_close(shard);
    loop_timer_free(shard->retry);
    shard->retry = NULL;
    shard->state = SHARD_CLOSING;
    shard->scheduler->shards[shard->number] = NULL;
    if (shard->outstanding == 0 && !shard->is_in_flight) {
        shard_free(shard);
    }
}

void shard_again(struct shard *shard, exo_time delay_ns)
{
    life_end(shard);
    shard->state = SHARD_TAKING;
    loop_timer_start(shard->retry, delay_ns, 0);
}

/* Looks again now and then: somebody may have resumed it. */
void shard_stop(struct shard *shard, const struct exo_error *why)
{
    scheduler_say(
        shard->scheduler, "shard.stopped",
        "shard %u stands still: %s; see docs/operations.md, \"A shard that stands still\"",
        shard->number, why->text);
    life_end(shard);
    shard->state = SHARD_STOPPED;
    caution_stopped(shard);
    loop_timer_start(shard->retry, shard->scheduler->settings.look_ns, 0);
}

static void retry_due(void *argument)
{
    struct shard *shard = argument;

    bool is_wanted = shard->state == SHARD_TAKING || shard->state == SHARD_STOPPED;

    if (shard_is_live(shard)) {
        for (int i = 0; i < INPUT_NR; i++) {
            log_reader_resume(shard->inputs[i].reader); /* the store could not be asked */
        }
        if (shard->drained_at < 0) {
            shard_ask_end(shard);
        }
        return;
    }
    if (is_wanted && !shard->is_in_flight) {
        shard_take(shard);
    } else if (is_wanted) {
        loop_timer_start(shard->retry, 10 * EXO_MILLISECOND, 0);
    }
}

struct shard *shard_open(struct scheduler *scheduler, uint32_t number)
{
    struct shard *shard = calloc(1, sizeof(*shard));

    if (shard == NULL) {
        abort();
    }
    shard->scheduler = scheduler;
    shard->number = number;
    shard->retry = loop_timer_new(scheduler->loop, retry_due, shard);
    shard->received = calloc(scheduler->shard_count, sizeof(*shard->received));
    shard->is_outbox_busy = calloc(scheduler->shard_count, sizeof(*shard->is_outbox_busy));
    if (shard->received == NULL || shard->is_outbox_busy == NULL) {
        abort();
    }
    early_commands_init(&shard->early, scheduler->allocator);
    arena_init(&shard->open_arena, scheduler->allocator, 0);
    arena_init(&shard->sealed.arena, scheduler->allocator, 0);
    for (int i = 0; i < INPUT_NR; i++) {
        shard->inputs[i].shard = shard;
    }
    shard->outbox_last = &shard->outbox;
    shard_take(shard);
    return shard;
}

/* ---- waiting for an end of exo.status ---- */

static void wait_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct shard_ticket *ticket = argument;
    struct shard_wait *wait = ticket->more;
    struct shard *shard = shard_ticket_end(ticket);

    if (shard == NULL) {
        return; /* the wait went with its life */
    }
    if (err != NULL) {
        log_end(shard->scheduler->log, TOPIC_STATUS, shard->number, wait_end,
                shard_ticket_new(shard, wait));
        return;
    }
    wait->end = end;
    shard_applied(shard);
}

void shard_wait_add(struct shard *shard, struct shard_wait *wait)
{
    wait->end = -1;
    wait->next = shard->waits;
    shard->waits = wait;
    log_end(shard->scheduler->log, TOPIC_STATUS, shard->number, wait_end,
            shard_ticket_new(shard, wait));
}

static bool has_same_witness(const struct shard *shard, const struct sched_witness *witness)
{
    for (const struct shard_wait *wait = shard->waits; wait != NULL; wait = wait->next) {
        if (wait->is_witness && wait->witness.kind == witness->kind &&
            wait->witness.incarnation == witness->incarnation &&
            span_equal(wait->witness.worker, witness->worker)) {
            return true;
        }
    }
    return false;
}

static bool classes_keep(struct shard_wait *wait)
{
    struct sched_witness *witness = &wait->witness;
    struct span *classes = arena_alloc(&wait->arena, witness->class_count * sizeof(*classes));
    struct span positions = arena_copy(
        &wait->arena, (struct span){witness->positions, witness->class_count * sizeof(int64_t)});

    for (uint32_t i = 0; i < witness->class_count && classes != NULL; i++) {
        classes[i] = arena_copy(&wait->arena, witness->classes[i]);
        if (classes[i].data == NULL) {
            return false;
        }
    }
    witness->classes = classes;
    witness->positions = positions.data;
    return classes != NULL && positions.data != NULL;
}

void shard_suspect(struct shard *shard, const struct sched_witness *witness)
{
    /* The same doubt waits already; the next heartbeat brings it again if it lasts. */
    if (!shard_is_live(shard) || has_same_witness(shard, witness) ||
        !sched_is_concerned(shard->sched, witness)) {
        return;
    }
    struct shard_wait *wait = calloc(1, sizeof(*wait));

    if (wait == NULL) {
        abort();
    }
    arena_init(&wait->arena, shard->scheduler->allocator, 0);
    struct span running =
        arena_copy(&wait->arena, (struct span){witness->running,
                                               witness->running_count * sizeof(*witness->running)});

    wait->is_witness = true;
    wait->witness = *witness;
    wait->witness.worker = arena_copy(&wait->arena, witness->worker);
    wait->witness.running = running.data;
    if (wait->witness.worker.data == NULL || running.data == NULL || !classes_keep(wait)) {
        abort();
    }
    shard->scheduler->counts.witnesses++;
    shard_wait_add(shard, wait);
}

static struct sched_event wait_event(const struct shard_wait *wait)
{
    struct sched_event event = {.kind = SCHED_BARRIER, .asked_ns = wait->asked_ns};

    if (wait->is_witness) {
        event.kind = SCHED_WITNESS;
        event.witness = wait->witness;
    }
    return event;
}

/* True: it is not over, and stays. */
static bool wait_over(struct shard *shard, struct shard_wait *wait, enum caution_verdict verdict)
{
    struct sched_event event = wait_event(wait);

    if (verdict == CAUTION_QUARANTINE) {
        caution_fail(shard, &event);
        return !wait->is_witness; /* a barrier is for many executions: one of them is to blame */
    }
    shard->is_wait_halfway = shard_step(shard, &event) == SCHED_EMORE;
    return shard->is_wait_halfway;
}

void shard_applied(struct shard *shard)
{
    uint32_t generation = shard->generation;
    int64_t position = shard->inputs[INPUT_STATUS].cursor.offset;

    if (!shard_is_live(shard)) {
        return;
    }
    shard->is_wait_halfway = false;
    for (struct shard_wait **link = &shard->waits; *link != NULL;) {
        struct shard_wait *wait = *link;

        if (wait->end < 0 || position < wait->end) {
            link = &wait->next;
            continue;
        }
        struct sched_event event = wait_event(wait);
        enum caution_verdict verdict = caution_event(shard, &event);

        if (verdict == CAUTION_WAIT) {
            link = &wait->next;
            continue;
        }
        *link = wait->next;
        if (wait_over(shard, wait, verdict) && shard->generation == generation) {
            wait->next = shard->waits;
            shard->waits = wait;
            return;
        }
        arena_release(&wait->arena);
        free(wait);
        if (shard->generation != generation) {
            return;
        }
    }
    if (shard->state == SHARD_DRAINING && shard->drained_at >= 0 && position >= shard->drained_at) {
        shard->state = SHARD_RUNNING;
        if (sched_resend(shard->sched) != SCHED_OK) {
            shard_again(shard, EXO_SECOND);
        }
        scheduler_wake(shard->scheduler);
    }
}

/* ---- sealing and after ---- */

bool shard_wants_commit(struct shard *shard)
{
    if (!shard_is_live(shard) || shard->is_in_flight) {
        return false;
    }
    if (caution_holds(shard)) {
        return false;
    }
    if (!sched_is_empty(shard->sched) || keys_has_changes(shard) || schedules_has_changes(shard) ||
        gathers_has_changes(shard) || shard->letter_count > 0 || shard->is_extra_dirty ||
        shard->caution.mark == MARK_USED) {
        return true;
    }
    exo_time now_ns = loop_now_ns(shard->scheduler->loop);

    /* Stale input moves the cursors only: that may wait for company. */
    return shard->has_moved &&
           (now_ns - shard->idle_since_ns >= STATUS_IDLE_COMMIT_MS * EXO_MILLISECOND ||
            shard->inputs[INPUT_STATUS].is_paused ||
            (shard->inputs[INPUT_JOBS].is_paused && !shard->is_full));
}

static struct span extra_pack(struct shard *shard)
{
    struct sealed *sealed = &shard->sealed;
    uint32_t shard_count = shard->scheduler->shard_count;
    struct wire_outbox_message *outbox =
        sealed_alloc(sealed, shard->outbox_count * sizeof(*outbox));
    struct wire_peer_sequence *received = sealed_alloc(sealed, shard_count * sizeof(*received));
    struct wire_early_command *early = sealed_alloc(sealed, shard->early.count * sizeof(*early));
    struct wire_shard_extra extra = {
        .next_sequence = shard->next_sequence,
        .outbox = outbox,
        .received = received,
        .early = early,
        .early_count = shard->early.count,
        .newest_ms = shard->newest_ms,
    };
    struct buffer text;

    for (const struct outbox_entry *e = shard->outbox; e != NULL; e = e->next) {
        outbox[extra.outbox_count++] =
            (struct wire_outbox_message){e->target, e->record, e->is_job};
    }
    for (uint32_t i = 0; i < shard_count; i++) {
        if (shard->received[i] != 0) {
            received[extra.received_count++] = (struct wire_peer_sequence){i, shard->received[i]};
        }
    }
    for (uint32_t i = 0; i < shard->early.count; i++) {
        const struct early_command *from = &shard->early.list[i];

        early[i] = (struct wire_early_command){from->id, from->is_cancel, from->text, from->at_ns,
                                               from->offset};
    }
    buffer_init(&text, shard->scheduler->allocator, 0);
    wire_shard_extra_pack(&extra, &sealed->arena, &text);
    struct span copy = sealed_copy(sealed, buffer_span(&text));

    buffer_release(&text);
    return copy;
}

static void letters_seal(struct shard *shard)
{
    struct sealed *sealed = &shard->sealed;
    struct store_dead_letter *letters =
        sealed_alloc(sealed, shard->letter_count * sizeof(*letters));

    for (uint32_t i = 0; i < shard->letter_count; i++) {
        letters[i] = shard->letters[i];
        letters[i].reason = sealed_copy(sealed, span_of(letters[i].reason)).data;
        letters[i].key = sealed_copy(sealed, letters[i].key);
        letters[i].value = sealed_copy(sealed, letters[i].value);
    }
    sealed->batch.dead_letters = letters;
    sealed->batch.dead_letter_count = shard->letter_count;
    shard->letter_count = 0;
}

void shard_seal(struct shard *shard)
{
    struct seal_facts facts = {
        .shard = shard->number,
        .epoch = shard->epoch,
        .previous = shard->batch,
        .now_ns = shard_time(shard),
        .secret = shard->scheduler->secret,
        .fleet = shard->scheduler->fleet,
    };

    assert(!shard->is_in_flight);
    arena_reset(&shard->sealed.arena);
    keys_send(shard);
    ends_send(shard);
    gathers_send(shard);
    seal(&shard->sealed, shard->sched, &facts);
    keys_seal(shard);
    schedules_seal(shard);
    gathers_seal(shard);
    letters_seal(shard);
    for (int i = 0; i < INPUT_NR; i++) {
        shard->sealed.batch.inputs[i] = shard->inputs[i].cursor;
        shard->inputs[i].taken = 0;
    }
    shard->sealed.batch.clears_marker =
        shard->caution.mode == CAUTION_CRASHED && shard->caution.mark == MARK_USED;
    shard->sealed.batch.connection = shard->connection;
    shard->sealed.batch.event_batch = shard->event_batch;
    shard->event_sealed = shard->event_batch;
    shard->sealed.batch.extra = extra_pack(shard);
    shard->sealed.batch.imprint =
        sealed_copy(&shard->sealed, imprint_pack(shard->scheduler->imprints, &shard->sealed.batch));
    shard->sealed_sequence = shard->next_sequence;
    shard->is_extra_dirty = false;
    shard->has_moved = false;
    shard->is_in_flight = true;
    arena_reset(&shard->open_arena);
}

static void trimmed(void *argument, const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);

    for (int i = 0; i < INPUT_NR && shard != NULL && err != NULL; i++) {
        shard->inputs[i].trimmed = 0; /* what is left is deleted another time */
    }
}

static void trim_input(struct shard *shard, int input, int64_t below)
{
    static const char *const topics[INPUT_NR] = {TOPIC_JOBS, TOPIC_STATUS};

    shard->inputs[input].trimmed = below;
    log_trim(shard->scheduler->log, topics[input], shard->number, below, trimmed,
             shard_ticket_new(shard, NULL));
}

void shard_trim(struct shard *shard, const int64_t floors[INPUT_NR])
{
    for (int i = 0; i < INPUT_NR; i++) {
        int64_t below = retention_below(shard->inputs[i].committed, floors[i]);

        if (below > shard->inputs[i].trimmed) {
            trim_input(shard, i, below);
        }
    }
}

/* What has been consumed is deleted, so many records at once. */
static void trim_consumed(struct shard *shard)
{
    for (int i = 0; i < INPUT_NR; i++) {
        int64_t below = retention_below(shard->inputs[i].committed, INT64_MAX);

        if (below - shard->inputs[i].trimmed >= TRIM_RECORDS) {
            trim_input(shard, i, below);
        }
    }
}

void shard_committed(struct shard *shard, const struct store_result *result, exo_time asked_ns)
{
    shard->batch++;
    shard->committed_sequence = shard->sealed_sequence;
    shard_hear_time(shard, result->database_now_ns, asked_ns);
    relay_batch(shard);
    for (int i = 0; i < INPUT_NR; i++) {
        shard->inputs[i].committed = shard->sealed.batch.inputs[i].offset;
    }
    if (shard->scheduler->settings.trims_inputs) {
        trim_consumed(shard);
    }
    uint32_t generation = shard->generation;

    for (uint32_t i = 0; i < shard->sealed.need_count && shard->generation == generation; i++) {
        value_fetch(shard, &shard->sealed.needs[i]);
    }
    if (shard->generation != generation) {
        return;
    }
    arena_reset(&shard->sealed.arena); /* a shard that has nothing to do holds nothing */
    if (shard->sealed.wants_barrier) {
        struct shard_wait *wait = calloc(1, sizeof(*wait));

        if (wait == NULL) {
            abort();
        }
        arena_init(&wait->arena, shard->scheduler->allocator, 0);
        wait->asked_ns = shard->sealed.batch.now_ns;
        shard_wait_add(shard, wait);
    }
    caution_committed(shard);
    intake_resume(shard);
}

/* A refused batch is loaded again and its inputs go one a batch; one that is refused alone is
 * quarantined: to the dead letters, or nowhere when its execution is there already. */
void shard_refused(struct shard *shard, bool is_duplicate, const char *why)
{
    caution_refused(shard, is_duplicate, why);
    scheduler_say(shard->scheduler, "shard.refused", "shard %u: %s", shard->number, why);
    shard_again(shard, 0);
}
