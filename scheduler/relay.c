/* relay: what a committed batch lets out of the process: tasks at once, events to the cache and to
 * exo.events, messages to other shards, dead letters.
 *
 * Tasks have no cursor: what the log did not take is sent again by sched_resend. Events have one:
 * it moves only over batches acknowledged whole. Messages to shards stay in the outbox, which is
 * part of the shard's row, until they are acknowledged. */
#include <assert.h>
#include <stdlib.h>

#include "scheduler/shard.h"
#include "schemas/wire/event.h"

enum { EVENT_TIMEOUT_S = 60, JOURNAL_ROWS = 64 };

/* ---- tasks ---- */

/* One record on its way, with what it carries. */
struct task_send {
    struct shard_ticket *ticket;
    uint32_t count;
    struct task_id *tasks;
    uint32_t *attempts;
};

static void resend_later(struct shard *shard)
{
    shard->is_resend_due = true;
}

static void task_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct task_send *send = argument;
    struct shard *shard = shard_ticket_end(send->ticket);

    if (shard != NULL && shard->sched != NULL) {
        for (uint32_t i = 0; i < send->count && err == NULL; i++) {
            sched_task_sent(shard->sched, &send->tasks[i], send->attempts[i], offset);
        }
        if (err != NULL) {
            resend_later(shard);
        }
    }
    free(send->tasks);
    free(send->attempts);
    free(send);
}

static void *copy_of(const void *source, size_t bytes)
{
    void *copy = malloc(bytes == 0 ? 1 : bytes);

    if (copy == NULL) {
        abort();
    }
    if (bytes > 0) {
        memcpy(copy, source, bytes);
    }
    return copy;
}

static void task_send(struct shard *shard, const struct sealed_task *task)
{
    struct task_send *send = calloc(1, sizeof(*send));
    struct exo_error err;

    if (send == NULL) {
        abort();
    }
    send->ticket = shard_ticket_new(shard, NULL);
    send->count = task->task_count;
    send->tasks = copy_of(task->tasks, task->task_count * sizeof(*task->tasks));
    send->attempts = copy_of(task->attempts, task->task_count * sizeof(*task->attempts));
    if (log_append(shard->scheduler->log, task->topic, task->partition, task->key, task->value, 0,
                   task_sent, send, &err) != 0) {
        scheduler_say(shard->scheduler, "task.not_sent", "shard %u: %s", shard->number, err.text);
        task_sent(send, -1, &err);
    }
}

/* ---- events ---- */

struct event_send {
    struct shard_ticket *ticket;
    uint64_t batch;
};

/* The cursor moves over the oldest batches that are acknowledged whole. */
static void event_cursor(struct shard *shard)
{
    while (shard->events != NULL && shard->events->outstanding == 0 && !shard->events->has_failed) {
        struct event_count *first = shard->events;

        shard->event_batch = first->batch;
        shard->events = first->next;
        free(first);
    }
}

static struct event_count *event_count(struct shard *shard, uint64_t batch)
{
    struct event_count *count = shard->events;

    while (count != NULL && count->batch != batch) {
        count = count->next;
    }
    return count;
}

static void event_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct event_send *send = argument;
    struct shard *shard = shard_ticket_end(send->ticket);
    struct event_count *count = shard == NULL ? NULL : event_count(shard, send->batch);

    (void)offset;
    if (count != NULL) {
        count->outstanding--;
        count->has_failed = count->has_failed || err != NULL;
        event_cursor(shard);
    }
    free(send);
}

static struct event_count *event_count_add(struct shard *shard, uint64_t batch)
{
    struct event_count **link = &shard->events;
    struct event_count *count = calloc(1, sizeof(*count));

    if (count == NULL) {
        abort();
    }
    while (*link != NULL) {
        link = &(*link)->next;
    }
    count->batch = batch;
    *link = count;
    return count;
}

static void event_publish(struct shard *shard, struct event_count *count,
                          const struct execution_id *id, struct span value)
{
    struct event_send *send = calloc(1, sizeof(*send));
    char key[EXECUTION_ID_TEXT_BYTES + 1];
    struct exo_error err;

    if (send == NULL) {
        abort();
    }
    execution_id_format(id, key);
    send->ticket = shard_ticket_new(shard, NULL);
    send->batch = count->batch;
    count->outstanding++;
    if (log_append(shard->scheduler->log, TOPIC_EVENTS, shard->number, span_of(key), value,
                   EVENT_TIMEOUT_S * EXO_SECOND, event_sent, send, &err) != 0) {
        event_sent(send, -1, &err);
    }
}

static void events_send(struct shard *shard)
{
    struct sealed *sealed = &shard->sealed;
    struct cache_version version = {sealed->batch.epoch, sealed->batch.next};
    struct event_count *count = shard->scheduler->settings.publishes_events
                                    ? event_count_add(shard, sealed->batch.next)
                                    : NULL;

    /* Held until all are handed over: an early answer must not move the cursor over the rest. */
    if (count != NULL) {
        count->outstanding++;
    }
    for (uint32_t i = 0; i < sealed->event_count; i++) {
        const struct sealed_event *event = &sealed->events[i];

        cache_put(shard->scheduler->cache, &event->execution, version, event->value, event->value,
                  NULL, NULL);
        if (count != NULL) {
            event_publish(shard, count, &event->execution, event->value);
        }
    }
    if (count != NULL) {
        count->outstanding--;
        event_cursor(shard);
    } else {
        shard->event_batch = sealed->batch.next;
    }
}

void relay_events_free(struct shard *shard)
{
    while (shard->events != NULL) {
        struct event_count *next = shard->events->next;

        free(shard->events);
        shard->events = next;
    }
}

/* A row of the journal as it was: its changes, execution by execution. */
static void missed_row(struct shard *shard, const struct store_journal_row *row)
{
    struct arena arena;
    struct wire_change_batch batch;
    struct event_count *count = event_count_add(shard, row->batch);
    struct buffer text;

    arena_init(&arena, shard->scheduler->allocator, 0);
    buffer_init(&text, shard->scheduler->allocator, 0);
    count->outstanding++;
    if (wire_change_batch_unpack(row->body, &arena, &batch) == WIRE_OK) {
        const struct wire_change *changes = batch.changes;
        uint32_t total = batch.change_count;

        for (uint32_t i = 0; i < total;) {
            uint32_t first = i;

            while (i < total &&
                   execution_id_equal(&changes[i].execution, &changes[first].execution)) {
                i++;
            }
            batch.changes = changes + first;
            batch.change_count = i - first;
            buffer_reset(&text);
            wire_change_batch_pack(&batch, &arena, &text);
            event_publish(shard, count, &changes[first].execution, buffer_span(&text));
        }
    }
    count->outstanding--;
    buffer_release(&text);
    arena_release(&arena);
}

static void missed_rows(void *argument, const struct store_journal_row *rows, uint32_t count,
                        uint64_t oldest_batch, const struct exo_error *err)
{
    struct shard_ticket *ticket = argument;
    uint64_t last = *(uint64_t *)ticket->more;

    free(ticket->more);
    struct shard *shard = shard_ticket_end(ticket);
    uint64_t after = 0;

    (void)oldest_batch;
    if (shard == NULL || err != NULL) {
        return; /* the next owner tries again */
    }
    for (uint32_t i = 0; i < count && rows[i].batch <= last; i++) {
        missed_row(shard, &rows[i]);
        after = rows[i].batch;
    }
    event_cursor(shard);
    if (count == JOURNAL_ROWS && after < last) {
        store_journal_get(shard->scheduler->store, shard->number, after, JOURNAL_ROWS, missed_rows,
                          shard_ticket_new(shard, copy_of(&last, sizeof(last))));
    }
}

void relay_missed_events(struct shard *shard)
{
    if (!shard->scheduler->settings.publishes_events || shard->event_batch >= shard->batch) {
        return;
    }
    store_journal_get(shard->scheduler->store, shard->number, shard->event_batch, JOURNAL_ROWS,
                      missed_rows,
                      shard_ticket_new(shard, copy_of(&shard->batch, sizeof(shard->batch))));
}

/* ---- the outbox ---- */

void outbox_free(struct shard *shard)
{
    while (shard->outbox != NULL) {
        struct outbox_entry *next = shard->outbox->next;

        free(shard->outbox);
        shard->outbox = next;
    }
    shard->outbox_last = &shard->outbox;
    shard->outbox_count = 0;
}

void outbox_add(struct shard *shard, uint32_t target, const struct wire_job *job)
{
    struct wire_peer peer = {.source = shard->number,
                             .sequence = ++shard->next_sequence,
                             .has_job = true,
                             .forwarded_job = *job};
    struct wire_status status = {.peers = &peer, .peer_count = 1};
    struct buffer text;

    buffer_init(&text, shard->scheduler->allocator, 0);
    wire_status_pack(&status, &shard->open_arena, &text);
    struct outbox_entry *entry = malloc(sizeof(*entry) + text.bytes);

    if (entry == NULL || text.is_failed) {
        abort();
    }
    memcpy(entry->bytes, text.data, text.bytes);
    entry->next = NULL;
    entry->target = target;
    entry->is_sent = false;
    entry->record = (struct span){entry->bytes, text.bytes};
    *shard->outbox_last = entry;
    shard->outbox_last = &entry->next;
    shard->outbox_count++;
    shard->is_extra_dirty = true;
    buffer_release(&text);
}

static void outbox_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct shard_ticket *ticket = argument;
    struct outbox_entry *entry = ticket->more;
    struct shard *shard = shard_ticket_end(ticket);

    (void)offset;
    if (shard == NULL) {
        return; /* the entry went with its life; the row still has it */
    }
    if (err != NULL) {
        entry->is_sent = false;
        resend_later(shard);
        return;
    }
    for (struct outbox_entry **link = &shard->outbox; *link != NULL; link = &(*link)->next) {
        if (*link == entry) {
            *link = entry->next;
            if (shard->outbox_last == &entry->next) {
                shard->outbox_last = link;
            }
            break;
        }
    }
    free(entry);
    shard->outbox_count--;
    shard->is_extra_dirty = true;
    scheduler_wake(shard->scheduler);
}

void relay_outbox(struct shard *shard)
{
    for (struct outbox_entry *entry = shard->outbox; entry != NULL; entry = entry->next) {
        struct exo_error err;

        if (entry->is_sent) {
            continue;
        }
        struct shard_ticket *ticket = shard_ticket_new(shard, entry);

        entry->is_sent = true;
        if (log_append(shard->scheduler->log, TOPIC_STATUS, entry->target, (struct span){NULL, 0},
                       entry->record, 0, outbox_sent, ticket, &err) != 0) {
            entry->is_sent = false;
            (void)shard_ticket_end(ticket);
            resend_later(shard);
            return;
        }
    }
}

/* ---- dead letters ---- */

static void letters_send(struct shard *shard)
{
    const struct store_batch *batch = &shard->sealed.batch;
    struct buffer text;
    struct arena arena;

    if (batch->dead_letter_count == 0) {
        return;
    }
    arena_init(&arena, shard->scheduler->allocator, 0);
    buffer_init(&text, shard->scheduler->allocator, 0);
    for (uint32_t i = 0; i < batch->dead_letter_count; i++) {
        const struct store_dead_letter *from = &batch->dead_letters[i];
        struct wire_dead_letter letter = {
            .topic = span_of(from->topic),
            .partition = from->partition,
            .offset = from->offset,
            .reason = span_of(from->reason),
            .key = from->key,
            .value = from->value,
            .at_ms = from->at_ns / EXO_MILLISECOND,
        };
        struct exo_error err;

        buffer_reset(&text);
        wire_dead_letter_pack(&letter, &arena, &text);
        /* The row is the letter; the record is for who listens. */
        if (log_append(shard->scheduler->log, TOPIC_DLQ, shard->number % TOPIC_DLQ_PARTITIONS,
                       from->key, buffer_span(&text), 0, NULL, NULL, &err) != 0) {
            scheduler_say(shard->scheduler, "dlq.not_sent", "shard %u: %s", shard->number,
                          err.text);
        }
    }
    buffer_release(&text);
    arena_release(&arena);
}

void relay_batch(struct shard *shard)
{
    for (uint32_t i = 0; i < shard->sealed.task_count; i++) {
        task_send(shard, &shard->sealed.tasks[i]);
    }
    events_send(shard);
    relay_outbox(shard);
    letters_send(shard);
}
