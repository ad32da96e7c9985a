/* shard_load: a shard is taken and loaded: its row, its executions, then its inputs from where the
 * row says. */
#include <stdlib.h>

#include "scheduler/shard.h"

enum { SEQUENCE_BITS = 20 /* of messages to shards in one ownership */ };

static void tickets_spent(void *context, const struct holder *holder)
{
    struct shard *shard = context;

    for (const struct lease *lease = holder->leases; lease != NULL; lease = lease->holder_next) {
        if (strcmp(lease->process, shard->scheduler->process) == 0) {
            fleet_ticket_spent(shard->scheduler->fleet, span_of(holder->name), holder->incarnation,
                               lease->ticket, lease->lend);
        }
    }
}

static bool extra_read(struct shard *shard, struct span bytes, exo_time now_ns)
{
    struct wire_shard_extra extra;

    if (wire_shard_extra_unpack(bytes, &shard->open_arena, &extra) != WIRE_OK) {
        return false;
    }
    shard->next_sequence = extra.next_sequence;
    shard->committed_sequence = extra.next_sequence;
    shard->newest_ms = extra.newest_ms;
    memset(shard->received, 0, shard->scheduler->shard_count * sizeof(*shard->received));
    for (uint32_t i = 0; i < extra.received_count; i++) {
        if (extra.received[i].source < shard->scheduler->shard_count) {
            shard->received[extra.received[i].source] = extra.received[i].sequence;
        }
    }
    for (uint32_t i = 0; i < extra.outbox_count; i++) {
        struct outbox_entry *entry = malloc(sizeof(*entry) + extra.outbox[i].record.bytes);

        if (entry == NULL) {
            abort();
        }
        memcpy(entry->bytes, extra.outbox[i].record.data, extra.outbox[i].record.bytes);
        entry->next = NULL;
        entry->sequence = 0; /* committed long ago */
        entry->target = extra.outbox[i].shard;
        entry->is_sent = false;
        entry->is_job = extra.outbox[i].is_job;
        entry->record = (struct span){entry->bytes, extra.outbox[i].record.bytes};
        *shard->outbox_last = entry;
        shard->outbox_last = &entry->next;
        shard->outbox_count++;
    }
    for (uint32_t i = 0; i < extra.early_count; i++) {
        const struct wire_early_command *early = &extra.early[i];

        command_load(shard,
                     &(struct early_command){.id = early->execution,
                                             .at_ns = early->at_ns == 0 ? now_ns : early->at_ns,
                                             .offset = early->offset,
                                             .is_cancel = early->is_cancel,
                                             .text = early->text});
    }
    arena_reset(&shard->open_arena);
    return true;
}

/* A database that went back (docs/adr/0023-back-in-time.md) would count messages again whose
 * numbers are in the log already, and whoever heard those takes the new ones for repeats: each
 * ownership begins behind all that any earlier one can have sent. */
static void sequences_begin(struct shard *shard)
{
    uint64_t first = shard->epoch << SEQUENCE_BITS;

    shard->next_sequence = shard->next_sequence > first ? shard->next_sequence : first;
    shard->committed_sequence = shard->next_sequence;
}

static void bad_row(struct shard *shard, const char *what, enum sched_err result)
{
    if (result == SCHED_EMEMORY) {
        return; /* load_done sees it */
    }
    scheduler_say(shard->scheduler, "shard.bad_row",
                  "shard %u: a row of %s does not fit what this program knows; it is left alone",
                  shard->number, what);
}

static void load_spanning(void *argument, const struct store_spanning *row)
{
    struct shard_ticket *ticket = argument;
    struct shard *shard = ticket->shard;

    if (ticket->generation != shard->generation || shard->state != SHARD_LOADING) {
        return;
    }
    arena_reset(&shard->open_arena);
    bool is_good = row->kind == STORE_SPANNING_KEY        ? keys_load(shard, row)
                   : row->kind == STORE_SPANNING_SCHEDULE ? schedules_load(shard, row)
                   : row->kind == STORE_SPANNING_BATCH    ? gathers_load(shard, row)
                                                          : false;

    if (!is_good) {
        bad_row(shard, "spanning", SCHED_ESTALE);
    }
}

static void load_execution(void *argument, const struct store_execution *row, struct span text)
{
    struct shard_ticket *ticket = argument;
    struct shard *shard = ticket->shard;
    struct exo_error err;

    if (ticket->generation != shard->generation || shard->state != SHARD_LOADING) {
        return;
    }
    struct definition *definition =
        definitions_get(shard->scheduler->definitions, text, (struct span){NULL, 0}, true, &err);
    struct sched_loaded loaded = {
        .id = row->id,
        .definition = definition,
        .submitted_ns = row->submitted_ns,
        .started_ns = row->started_ns,
        .deadline_ns = row->deadline_ns,
        .input = row->input,
        .labels = row->labels,
        .error = row->error,
    };

    arena_reset(&shard->open_arena);
    if (definition == NULL || !execution_state_parse(span_of(row->state), &loaded.state) ||
        wire_body_unpack(row->body, &shard->open_arena, &loaded.body) != WIRE_OK) {
        bad_row(shard, "executions", SCHED_ESTALE);
        return;
    }
    enum sched_err result = sched_load_execution(shard->sched, &loaded);

    if (result != SCHED_OK) {
        bad_row(shard, "executions", result);
    }
}

static void load_run(void *argument, const struct store_run *row)
{
    struct shard_ticket *ticket = argument;
    struct shard *shard = ticket->shard;
    struct wire_run run;

    if (ticket->generation != shard->generation || shard->state != SHARD_LOADING) {
        return;
    }
    arena_reset(&shard->open_arena);
    enum sched_err result = SCHED_ESTALE;

    if (wire_run_unpack(row->body, &shard->open_arena, &run) == WIRE_OK) {
        result = sched_load_frame(shard->sched, &row->execution, &run);
    }
    if (result != SCHED_OK) {
        bad_row(shard, "runs", result);
    }
}

static void load_page(void *argument, const struct store_page *page)
{
    struct shard_ticket *ticket = argument;
    struct shard *shard = ticket->shard;
    struct wire_columns columns;

    if (ticket->generation != shard->generation || shard->state != SHARD_LOADING) {
        return;
    }
    arena_reset(&shard->open_arena);
    enum sched_err result = SCHED_ESTALE;

    if (wire_columns_unpack(page->body, &shard->open_arena, &columns) == WIRE_OK) {
        result =
            sched_load_page(shard->sched, &page->execution, page->instance, page->page, &columns);
    }
    if (result != SCHED_OK) {
        bad_row(shard, "pages", result);
    }
}

static void load_segment(void *argument, const struct store_segment *segment)
{
    struct shard_ticket *ticket = argument;
    struct shard *shard = ticket->shard;
    const struct wire_output *outputs;
    uint32_t count;

    if (ticket->generation != shard->generation || shard->state != SHARD_LOADING) {
        return;
    }
    arena_reset(&shard->open_arena);
    if (wire_outputs_unpack(segment->body, &shard->open_arena, &outputs, &count) != WIRE_OK) {
        bad_row(shard, "outputs", SCHED_ESTALE);
        return;
    }
    enum sched_err result = SCHED_OK;

    if (segment->kind == 1) {
        result = sched_load_items(shard->sched, &segment->execution, segment->instance,
                                  count == 0 ? 0 : outputs[0].index, outputs, count);
    }
    for (uint32_t i = 0; segment->kind == 0 && i < count && result == SCHED_OK; i++) {
        result =
            sched_load_output(shard->sched, &segment->execution, segment->instance, &outputs[i]);
    }
    if (result != SCHED_OK) {
        bad_row(shard, "outputs", result);
    }
}

static void drain_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);

    if (shard == NULL) {
        return;
    }
    if (err != NULL) {
        scheduler_say(shard->scheduler, "shard.waiting", "shard %u: %s", shard->number, err->text);
        loop_timer_start(shard->retry, EXO_SECOND, 0); /* asks again */
        return;
    }
    shard->drained_at = end;
    shard_applied(shard);
}

void shard_ask_end(struct shard *shard)
{
    log_end(shard->scheduler->log, TOPIC_STATUS, shard->number, drain_end,
            shard_ticket_new(shard, NULL));
}

/* Attempts held by workers that may never speak again are watched from now on. */
static void holder_expect(void *context, const struct holder *holder)
{
    struct shard *shard = context;
    uint32_t partition = topic_class_partition(span_of(holder->name), TOPIC_FLEET_PARTITIONS);

    if (!fleet_expect(shard->scheduler->fleet, span_of(holder->name), holder->incarnation,
                      partition)) {
        const struct fleet_worker *w =
            fleet_worker_find(shard->scheduler->fleet, span_of(holder->name));
        struct sched_witness witness = {
            .kind = FLEET_REPLACED,
            .worker = span_of(holder->name),
            .incarnation = holder->incarnation,
            .new_incarnation = w->life.incarnation,
            .heartbeat = w->life.heartbeat,
        };

        shard_suspect(shard, &witness);
    }
}

void shard_expect_holders(struct shard *shard)
{
    sched_holders(shard->sched, holder_expect, shard);
}

static void load_done(void *argument, const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);

    if (shard == NULL) {
        return;
    }
    arena_reset(&shard->open_arena);
    if (err != NULL) {
        scheduler_troubled(shard->scheduler, err);
    }
    if (err != NULL || sched_load_done(shard->sched, shard_time(shard)) != SCHED_OK) {
        scheduler_say(shard->scheduler, "shard.waiting", "shard %u: loading: %s", shard->number,
                      err != NULL ? err->text : "out of memory");
        shard_again(shard, EXO_SECOND);
        return;
    }
    shard->state = SHARD_DRAINING;
    shard->drained_at = -1;
    static const char *const topics[INPUT_NR] = {TOPIC_JOBS, TOPIC_STATUS};

    for (int i = 0; i < INPUT_NR; i++) {
        shard->inputs[i].reader = log_reader_open(
            shard->scheduler->log, topics[i], shard->number, shard->inputs[i].cursor.offset,
            shard->inputs[i].cursor.checksum, &shard_input_callbacks, &shard->inputs[i]);
    }
    shard_ask_end(shard);
    sched_holders(shard->sched, tickets_spent, shard);
    shard_expect_holders(shard);
    relay_outbox(shard);
    events_loaded(shard);
    scheduler_wake(shard->scheduler);
}

static void taken(void *argument, const struct store_shard *row, exo_time database_now_ns,
                  const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);
    struct scheduler *scheduler = shard == NULL ? NULL : shard->scheduler;

    if (shard == NULL) {
        return;
    }
    if (err != NULL && err->code == EXO_EFENCED) {
        shard_close(shard);
        return;
    }
    if (err != NULL) {
        scheduler_troubled(scheduler, err);
    }
    if (err != NULL || !extra_read(shard, row->extra, row->now_ns)) {
        scheduler_say(scheduler, "shard.waiting", "shard %u: %s", shard->number,
                      err != NULL ? err->text : "its row does not fit what this program knows");
        shard_again(shard, EXO_SECOND);
        return;
    }
    shard->connection = row->connection;
    shard->epoch = row->epoch;
    shard->batch = row->batch;
    shard->loaded_batch = row->batch;
    sequences_begin(shard);
    shard->event_batch = row->event_batch;
    shard_clock_take(&shard->clock, row->now_ns, database_now_ns, loop_now_ns(scheduler->loop));
    known_taken(shard);
    for (int i = 0; i < INPUT_NR; i++) {
        shard->inputs[i].cursor = row->inputs[i];
        shard->inputs[i].committed = row->inputs[i].offset;
    }
    caution_taken(shard, &row->guard);
    struct sched_limits limits = {0};

    shard->sched = sched_new(scheduler->allocator, scheduler->dispatch, scheduler->fleet,
                             shard->number, scheduler->shard_count, &limits);
    if (shard->sched == NULL) {
        shard_again(shard, EXO_SECOND);
        return;
    }
    sched_own(shard->sched, shard->epoch);
    sched_be_narrow(shard->sched, shard->caution.mode != CAUTION_NONE);
    keys_open(shard);
    schedules_open(shard);
    gathers_open(shard);
    shard->state = SHARD_LOADING;
    scheduler->counts.takeovers++;
    static const struct store_load_callbacks callbacks = {.spanning = load_spanning,
                                                          .execution = load_execution,
                                                          .run = load_run,
                                                          .page = load_page,
                                                          .segment = load_segment,
                                                          .done = load_done};

    store_shard_load(scheduler->store, shard->number, &callbacks, shard_ticket_new(shard, NULL));
}

void shard_take(struct shard *shard)
{
    shard->state = SHARD_TAKING;
    store_shard_take(shard->scheduler->store, shard->number, shard->scheduler->process, taken,
                     shard_ticket_new(shard, NULL));
}

static void looked_back(void *argument, const struct store_shard *row, const struct exo_error *err)
{
    struct shard_ticket *ticket = argument;
    uint64_t *batch = ticket->more;
    uint64_t committed = *batch;
    struct shard *shard = shard_ticket_end(ticket);

    free(batch);
    if (shard == NULL || err != NULL || row->epoch > shard->epoch ||
        (row->epoch == shard->epoch && row->batch >= committed)) {
        return; /* no news, or another owner's, which the fence tells */
    }
    scheduler_say(
        shard->scheduler, "shard.went_back",
        "shard %u: batch %llu of epoch %llu was committed, and the store is at batch %llu "
        "of epoch %llu: it went back in time; loading the shard again",
        shard->number, (unsigned long long)committed, (unsigned long long)shard->epoch,
        (unsigned long long)row->batch, (unsigned long long)row->epoch);
    shard_again(shard, 0);
}

void shard_look_back(struct shard *shard)
{
    uint64_t *batch = malloc(sizeof(*batch));

    if (batch == NULL) {
        abort();
    }
    if (!shard_is_live(shard)) {
        free(batch);
        return;
    }
    *batch = shard->batch;
    store_shard_get(shard->scheduler->store, shard->number, looked_back,
                    shard_ticket_new(shard, batch));
}
