#include "workers/report_batch.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/wire/topics.h"

enum { ARENA_BYTES_MAX = 64 << 20, FIRST_ROOM = 16 };

/* One record in the making, then on its way. */
struct report_batch {
    struct report_batch *next, *previous; /* in open, sent or idle */
    struct report_batches *all;
    uint32_t shard;
    uint64_t incarnation;
    struct span worker;
    struct wire_report *reports;
    struct worker_report_id *ids;
    uint32_t count, room;
    size_t bytes;
    struct heap_budget budget;
    struct arena arena; /* the spans of the reports */
};

struct batch_list {
    struct report_batch *first, *last;
};

struct report_batches {
    struct loop *loop;
    struct log *log;
    struct loop_timer *timer;
    report_answered *answered;
    void *argument;
    struct batch_list open;   /* filled in this turn */
    struct batch_list sent;   /* in the hands of the log */
    struct batch_list failed; /* the log did not take them: answered on the next turn */
    struct batch_list idle;   /* kept for their memory */
    uint32_t pending;
    struct arena scratch;
    struct buffer buffer;
    struct heap_budget budget;
    char worker[256];
    size_t worker_bytes;
};

static void list_push(struct batch_list *list, struct report_batch *batch)
{
    batch->next = NULL;
    batch->previous = list->last;
    if (list->last != NULL) {
        list->last->next = batch;
    } else {
        list->first = batch;
    }
    list->last = batch;
}

static void list_remove(struct batch_list *list, struct report_batch *batch)
{
    if (batch->previous != NULL) {
        batch->previous->next = batch->next;
    } else {
        list->first = batch->next;
    }
    if (batch->next != NULL) {
        batch->next->previous = batch->previous;
    } else {
        list->last = batch->previous;
    }
}

static void turn_ended(void *argument);

struct report_batches *report_batches_new(struct loop *loop, struct log *log, struct span worker,
                                          report_answered *answered, void *argument)
{
    struct report_batches *all = calloc(1, sizeof(*all));

    assert(all != NULL);
    assert(worker.bytes < sizeof(all->worker));
    all->loop = loop;
    all->log = log;
    all->answered = answered;
    all->argument = argument;
    memcpy(all->worker, worker.data, worker.bytes);
    all->worker_bytes = worker.bytes;
    all->timer = loop_timer_new(loop, turn_ended, all);
    arena_init(&all->scratch, allocator_heap(&all->budget), ARENA_BYTES_MAX);
    buffer_init(&all->buffer, allocator_heap(&all->budget), LOG_RECORD_BYTES_MAX);
    return all;
}

static void list_free(struct batch_list *list)
{
    while (list->first != NULL) {
        struct report_batch *batch = list->first;

        assert(batch->previous == NULL);
        list_remove(list, batch);
        arena_release(&batch->arena);
        free(batch->reports);
        free(batch->ids);
        free(batch);
    }
}

void report_batches_free(struct report_batches *all)
{
    if (all == NULL) {
        return;
    }
    loop_timer_free(all->timer);
    list_free(&all->open);
    list_free(&all->sent);
    list_free(&all->failed);
    list_free(&all->idle);
    arena_release(&all->scratch);
    buffer_release(&all->buffer);
    free(all);
}

uint32_t report_batches_pending(const struct report_batches *all)
{
    return all->pending;
}

/* The batch of a shard and incarnation that still takes one more, or NULL. */
static struct report_batch *batch_find(struct report_batches *all, uint32_t shard,
                                       uint64_t incarnation, struct span worker, size_t bytes)
{
    for (struct report_batch *b = all->open.first; b != NULL; b = b->next) {
        if (b->shard == shard && b->incarnation == incarnation && span_equal(b->worker, worker) &&
            b->count < REPORT_BATCH_REPORTS_MAX && b->bytes + bytes <= REPORT_BATCH_BYTES_MAX) {
            return b;
        }
    }
    return NULL;
}

static struct report_batch *batch_open(struct report_batches *all, uint32_t shard,
                                       uint64_t incarnation, struct span worker)
{
    struct report_batch *batch = all->idle.first;

    if (batch != NULL) {
        list_remove(&all->idle, batch);
    } else {
        batch = calloc(1, sizeof(*batch));
        assert(batch != NULL);
        batch->all = all;
        arena_init(&batch->arena, allocator_heap(&batch->budget), ARENA_BYTES_MAX);
    }
    batch->shard = shard;
    batch->incarnation = incarnation;
    batch->worker = arena_copy(&batch->arena, worker);
    batch->count = 0;
    batch->bytes = 0;
    list_push(&all->open, batch);
    return batch;
}

static void batch_grow(struct report_batch *batch)
{
    uint32_t room = batch->room == 0 ? FIRST_ROOM : 2 * batch->room;

    batch->reports = realloc(batch->reports, room * sizeof(*batch->reports));
    batch->ids = realloc(batch->ids, room * sizeof(*batch->ids));
    assert(batch->reports != NULL);
    assert(batch->ids != NULL);
    batch->room = room;
}

static struct span keep(struct report_batch *batch, struct span source)
{
    if (source.bytes == 0) {
        return (struct span){NULL, 0};
    }
    struct span copy = arena_copy(&batch->arena, source);

    assert(copy.data != NULL); /* bounded by REPORT_BATCH_BYTES_MAX */
    return copy;
}

void report_batches_add(struct report_batches *all, uint32_t shard, uint64_t incarnation,
                        struct span worker, const struct worker_report_id *id,
                        const struct wire_report *report)
{
    size_t bytes = report->output.bytes + report->control.bytes + report->error.bytes +
                   report->progress.bytes + 160;
    struct span who = worker.bytes > 0 ? worker : (struct span){all->worker, all->worker_bytes};
    struct report_batch *batch = batch_find(all, shard, incarnation, who, bytes);

    if (batch == NULL) {
        batch = batch_open(all, shard, incarnation, who);
    }
    if (batch->count == batch->room) {
        batch_grow(batch);
    }
    struct wire_report *kept = &batch->reports[batch->count];

    *kept = *report;
    kept->lend_process = keep(batch, report->lend_process);
    kept->error = keep(batch, report->error);
    kept->output = keep(batch, report->output);
    kept->control = keep(batch, report->control);
    kept->progress = keep(batch, report->progress);
    kept->image_digest = keep(batch, report->image_digest);
    batch->ids[batch->count++] = *id;
    batch->bytes += bytes;
    all->pending++;
    if (!loop_timer_is_active(all->timer)) {
        loop_timer_start(all->timer, 0, 0);
    }
}

static void batch_answer(struct report_batch *batch, struct batch_list *list, bool is_acked)
{
    struct report_batches *all = batch->all;

    list_remove(list, batch);
    for (uint32_t i = 0; i < batch->count; i++) {
        all->pending--;
        all->answered(all->argument, &batch->ids[i], is_acked);
    }
    arena_reset(&batch->arena);
    list_push(&all->idle, batch);
}

static void appended(void *argument, int64_t offset, const struct exo_error *err)
{
    struct report_batch *batch = argument;

    (void)offset; /* reports are named by their attempt, not by where they stand */
    batch_answer(batch, &batch->all->sent, err == NULL);
}

static void batch_send(struct report_batches *all, struct report_batch *batch)
{
    struct wire_status status = {
        .worker = batch->worker,
        .incarnation = batch->incarnation,
        .reports = batch->reports,
        .report_count = batch->count,
    };
    struct exo_error err = {.code = EXO_OK};

    list_remove(&all->open, batch);
    arena_reset(&all->scratch);
    buffer_reset(&all->buffer);
    wire_status_pack(&status, &all->scratch, &all->buffer);
    if (!all->buffer.is_failed &&
        log_append(all->log, TOPIC_STATUS, batch->shard, (struct span){NULL, 0},
                   buffer_span(&all->buffer), 0, appended, batch, &err) == 0) {
        list_push(&all->sent, batch);
        return;
    }
    list_push(&all->failed, batch); /* the core sends again with its next beat */
}

static void turn_ended(void *argument)
{
    struct report_batches *all = argument;

    while (all->failed.first != NULL) {
        batch_answer(all->failed.first, &all->failed, false);
    }
    while (all->open.first != NULL) {
        batch_send(all, all->open.first);
    }
    if (all->failed.first != NULL) {
        loop_timer_start(all->timer, EXO_MILLISECOND, 0);
    }
}
