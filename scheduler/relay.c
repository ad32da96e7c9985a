/* relay: what a committed batch lets out of the process: tasks at once, messages to other shards,
 * dead letters; events.c has the rest.
 *
 * Tasks have no cursor: what the log did not take is sent again by sched_resend. Messages to shards
 * stay in the outbox, which is part of the shard's row, until they are acknowledged; one shard
 * hears them one after the other, because it takes a lower number than its last for a repeat. */
#include <assert.h>
#include <stdlib.h>

#include "scheduler/shard.h"
#include "schemas/wire/event.h"

enum { RESEND_WAIT_S = 1 };

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
    /* What is on its way is sent again too: not faster than a log in trouble can bear. */
    if (!shard->is_resend_due) {
        shard->resend_ns = loop_now_ns(shard->scheduler->loop) + RESEND_WAIT_S * EXO_SECOND;
    }
    shard->is_resend_due = true;
}

static void task_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct task_send *send = argument;
    struct shard *shard = shard_ticket_end(send->ticket);

    if (shard != NULL && shard->sched != NULL) {
        for (uint32_t i = 0; i < send->count; i++) {
            sched_task_sent(shard->sched, &send->tasks[i], send->attempts[i],
                            err == NULL ? offset : TASK_UNSENT);
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
    memset(shard->is_outbox_busy, 0, shard->scheduler->shard_count * sizeof(bool));
}

static void outbox_put(struct shard *shard, uint32_t target, struct span record, bool is_job)
{
    struct outbox_entry *entry = malloc(sizeof(*entry) + record.bytes);

    if (entry == NULL) {
        abort();
    }
    memcpy(entry->bytes, record.data, record.bytes);
    entry->next = NULL;
    entry->sequence = shard->next_sequence;
    entry->target = target;
    entry->is_sent = false;
    entry->is_job = is_job;
    entry->record = (struct span){entry->bytes, record.bytes};
    *shard->outbox_last = entry;
    shard->outbox_last = &entry->next;
    shard->outbox_count++;
    shard->is_extra_dirty = true;
}

static void outbox_put_status(struct shard *shard, uint32_t target,
                              const struct wire_status *status)
{
    struct buffer text;

    buffer_init(&text, shard->scheduler->allocator, 0);
    wire_status_pack(status, &shard->open_arena, &text);
    if (text.is_failed) {
        abort();
    }
    outbox_put(shard, target, buffer_span(&text), false);
    buffer_release(&text);
}

void outbox_add(struct shard *shard, uint32_t target, struct wire_peer peer)
{
    peer.source = shard->number;
    peer.sequence = ++shard->next_sequence;
    outbox_put_status(shard, target, &(struct wire_status){.peers = &peer, .peer_count = 1});
}

void outbox_add_job(struct shard *shard, uint32_t target, struct span record)
{
    shard->next_sequence++;
    outbox_put(shard, target, record, true);
}

void outbox_add_command(struct shard *shard, const struct wire_command *command)
{
    shard->next_sequence++;
    outbox_put_status(shard, execution_shard(&command->execution, shard->scheduler->shard_count),
                      &(struct wire_status){.commands = command, .command_count = 1});
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
    shard->is_outbox_busy[entry->target] = false;
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
    relay_outbox(shard);
    scheduler_wake(shard->scheduler);
}

void relay_outbox(struct shard *shard)
{
    for (struct outbox_entry *entry = shard->outbox; entry != NULL; entry = entry->next) {
        struct exo_error err;

        if (entry->is_sent || shard->is_outbox_busy[entry->target]) {
            continue;
        }
        if (entry->sequence > shard->committed_sequence) {
            return; /* of the open batch, as all behind it */
        }
        struct shard_ticket *ticket = shard_ticket_new(shard, entry);

        entry->is_sent = true;
        shard->is_outbox_busy[entry->target] = true;
        if (log_append(shard->scheduler->log, entry->is_job ? TOPIC_JOBS : TOPIC_STATUS,
                       entry->target, (struct span){NULL, 0}, entry->record, 0, outbox_sent, ticket,
                       &err) != 0) {
            entry->is_sent = false;
            shard->is_outbox_busy[entry->target] = false;
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
    events_committed(shard);
    relay_outbox(shard);
    letters_send(shard);
}
