/* events: what a committed batch says to the outside: the broadcast in the cache, with a view where
 * somebody watches, and one record an execution on exo.events.
 *
 *   committed batch --publish--> gathered --GATHER_MS--> exo.events     in order, many at a time
 *        |  nobody waits for these records, and each request to the broker costs as much as many
 *        |  records: what several batches of a shard said goes as one
 *        |  progress of attempts goes to the broadcast alone (core/progress.c says why)
 *        |  an append failed, or too many wait
 *        +--> behind: rows of the journal from the cursor on, a chunk at a time, until there are
 *             none left
 *
 * The cursor (event_batch, part of the shard's row) moves only over batches acknowledged whole.
 * While the shard is behind, new batches are left to the journal, so that nothing overtakes. */
#include <assert.h>
#include <stdlib.h>

#include "scheduler/shard.h"
#include "schemas/wire/event.h"

enum {
    EVENT_TIMEOUT_S = 60,
    JOURNAL_ROWS = 64,
    COUNTS_MAX = 1024,
    AGAIN_S = 1,
    GATHER_MS = 20,
    GATHER_BYTES_MAX = 1 << 20,
};

/* One record, gathered or on its way. */
struct event_send {
    struct event_send *next; /* gathered */
    struct shard_ticket *ticket;
    uint64_t batch;
    uint64_t round; /* of the shard's event flow when it was published */
    struct execution_id execution;
    size_t bytes;
    unsigned char value[];
};

struct event_gathering {
    struct scheduler *scheduler;
    struct loop_timer *timer;
    struct event_send *first, **last;
    size_t bytes;
};

static void counts_free(struct shard *shard)
{
    while (shard->events != NULL) {
        struct event_count *next = shard->events->next;

        free(shard->events);
        shard->events = next;
    }
    shard->event_counts = 0;
}

void events_free(struct shard *shard)
{
    counts_free(shard);
    shard->is_behind = false;
    shard->is_catching_up = false;
    shard->event_round++;
}

/* From here on the journal is the source; what is still on its way counts no more. */
static void fall_behind(struct shard *shard)
{
    counts_free(shard);
    shard->is_behind = true;
    shard->is_catching_up = false;
    shard->event_round++;
    shard->catch_up_ns = loop_now_ns(shard->scheduler->loop) + AGAIN_S * EXO_SECOND;
}

static void catch_up(struct shard *shard);

static struct event_count *count_find(struct shard *shard, uint64_t batch)
{
    struct event_count *count = shard->events;

    while (count != NULL && count->batch != batch) {
        count = count->next;
    }
    return count;
}

/* The cursor moves over the oldest batches that are acknowledged whole. */
static void cursor_move(struct shard *shard)
{
    while (shard->events != NULL && shard->events->outstanding == 0) {
        struct event_count *first = shard->events;

        shard->event_batch = first->batch;
        shard->event_said = first->has_said ? first->batch : shard->event_said;
        shard->events = first->next;
        shard->event_counts--;
        free(first);
    }
    if (shard->is_catching_up && shard->events == NULL) {
        shard->is_catching_up = false;
        if (shard->event_batch >= shard->batch) {
            shard->is_behind = false; /* the next batch goes out by itself */
        } else {
            catch_up(shard);
        }
    }
}

static void event_sent(void *argument, int64_t offset, const struct exo_error *err)
{
    struct event_send *send = argument;
    struct shard *shard = shard_ticket_end(send->ticket);
    bool is_current = shard != NULL && send->round == shard->event_round;
    struct event_count *count = is_current ? count_find(shard, send->batch) : NULL;

    (void)offset;
    if (count != NULL && err != NULL) {
        fall_behind(shard);
    } else if (count != NULL) {
        count->outstanding--;
        cursor_move(shard);
    }
    free(send);
}

static struct event_count *count_add(struct shard *shard, uint64_t batch)
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
    /* Held until all are handed over: an early answer must not move the cursor over the rest. */
    count->outstanding = 1;
    *link = count;
    shard->event_counts++;
    return count;
}

/* ---- gathering ---- */

static void give(struct event_gathering *gathering, struct event_send *send)
{
    const struct shard *shard = send->ticket->shard;
    bool is_current = send->ticket->generation == shard->generation &&
                      shard->state != SHARD_CLOSING && send->round == shard->event_round;
    char key[EXECUTION_ID_TEXT_BYTES + 1];
    struct exo_error err = {.code = EXO_OK};

    execution_id_format(&send->execution, key);
    if (!is_current || log_append(gathering->scheduler->log, TOPIC_EVENTS, shard->number,
                                  span_of(key), (struct span){send->value, send->bytes},
                                  EVENT_TIMEOUT_S * EXO_SECOND, event_sent, send, &err) != 0) {
        event_sent(send, -1, &err);
    }
}

static void gathered_give(void *argument)
{
    struct event_gathering *gathering = argument;
    struct event_send *send = gathering->first;

    gathering->first = NULL;
    gathering->last = &gathering->first;
    gathering->bytes = 0;
    while (send != NULL) {
        struct event_send *next = send->next;

        give(gathering, send);
        send = next;
    }
}

struct event_gathering *event_gathering_open(struct scheduler *scheduler)
{
    struct event_gathering *gathering = calloc(1, sizeof(*gathering));

    if (gathering == NULL) {
        abort();
    }
    gathering->scheduler = scheduler;
    gathering->timer = loop_timer_new(scheduler->loop, gathered_give, gathering);
    gathering->last = &gathering->first;
    return gathering;
}

void event_gathering_close(struct event_gathering *gathering)
{
    loop_timer_free(gathering->timer);
    while (gathering->first != NULL) {
        struct event_send *send = gathering->first;

        gathering->first = send->next;
        (void)shard_ticket_end(send->ticket); /* the next owner reads it from the journal */
        free(send);
    }
    free(gathering);
}

static void publish(struct shard *shard, struct event_count *count, const struct execution_id *id,
                    struct span value)
{
    struct event_gathering *gathering = shard->scheduler->gathering;
    struct event_send *send = malloc(sizeof(*send) + value.bytes);

    if (send == NULL) {
        abort();
    }
    *send = (struct event_send){
        .ticket = shard_ticket_new(shard, NULL),
        .batch = count->batch,
        .round = shard->event_round,
        .execution = *id,
        .bytes = value.bytes,
    };
    memcpy(send->value, value.data, value.bytes);
    *gathering->last = send;
    gathering->last = &send->next;
    gathering->bytes += value.bytes;
    count->outstanding++;
    count->has_said = true;
    if (gathering->bytes >= GATHER_BYTES_MAX) {
        loop_timer_start(gathering->timer, 0, 0);
    } else if (!loop_timer_is_active(gathering->timer)) {
        loop_timer_start(gathering->timer, GATHER_MS * EXO_MILLISECOND, 0);
    }
}

/* ---- a batch just committed ---- */

void events_committed(struct shard *shard)
{
    const struct sealed *sealed = &shard->sealed;
    struct cache_version version = {sealed->batch.epoch, sealed->batch.next};

    for (uint32_t i = 0; i < sealed->event_count; i++) {
        const struct sealed_event *event = &sealed->events[i];

        cache_tell(shard->scheduler->cache, &event->execution, version, event->value);
    }
    /* Behind the changes: a watcher that hears of progress knows that the attempt runs. */
    for (uint32_t i = 0; i < sealed->progress_count; i++) {
        const struct sealed_event *event = &sealed->progress[i];

        cache_put(shard->scheduler->cache, &event->execution, version, (struct span){NULL, 0},
                  event->value, NULL, NULL);
    }
    if (!shard->scheduler->settings.publishes_events) {
        shard->event_batch = sealed->batch.next;
        return;
    }
    if (shard->event_counts >= COUNTS_MAX && !shard->is_behind) {
        fall_behind(shard);
    }
    if (shard->is_behind) {
        return;
    }
    struct event_count *count = count_add(shard, sealed->batch.next);

    for (uint32_t i = 0; i < sealed->event_count; i++) {
        publish(shard, count, &sealed->events[i].execution, sealed->events[i].value);
    }
    count->outstanding--;
    cursor_move(shard);
}

/* ---- out of the journal ---- */

/* A row of the journal as it was: its changes, execution by execution. */
static void row_publish(struct shard *shard, const struct store_journal_row *row)
{
    struct arena arena;
    struct wire_change_batch batch;
    struct event_count *count = count_add(shard, row->batch);
    struct buffer text;

    arena_init(&arena, shard->scheduler->allocator, 0);
    buffer_init(&text, shard->scheduler->allocator, 0);
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
            publish(shard, count, &changes[first].execution, buffer_span(&text));
        }
    }
    count->outstanding--;
    buffer_release(&text);
    arena_release(&arena);
}

/* What was asked for: rows up to the last batch committed then. */
struct journal_ask {
    uint64_t last;
    uint64_t round;
};

static void rows_got(void *argument, const struct store_journal_row *rows, uint32_t count,
                     uint64_t oldest_batch, const struct exo_error *err)
{
    struct shard_ticket *ticket = argument;
    struct journal_ask ask = *(struct journal_ask *)ticket->more;

    (void)oldest_batch;
    free(ticket->more);
    struct shard *shard = shard_ticket_end(ticket);

    if (shard == NULL || ask.round != shard->event_round) {
        return;
    }
    if (err != NULL) {
        fall_behind(shard); /* a later turn tries again */
        return;
    }
    for (uint32_t i = 0; i < count && rows[i].batch <= ask.last; i++) {
        row_publish(shard, &rows[i]);
    }
    if (count < JOURNAL_ROWS && (count == 0 || rows[count - 1].batch < ask.last)) {
        count_add(shard, ask.last)->outstanding = 0; /* batches behind it said nothing */
    }
    cursor_move(shard);
}

static void catch_up(struct shard *shard)
{
    struct journal_ask *ask = malloc(sizeof(*ask));

    if (ask == NULL) {
        abort();
    }
    *ask = (struct journal_ask){shard->batch, shard->event_round};
    shard->is_catching_up = true;
    store_journal_get(shard->scheduler->store, shard->number, shard->event_batch, JOURNAL_ROWS,
                      rows_got, shard_ticket_new(shard, ask));
}

void events_turn(struct shard *shard)
{
    if (shard->is_behind && !shard->is_catching_up &&
        shard->catch_up_ns <= loop_now_ns(shard->scheduler->loop)) {
        catch_up(shard);
    }
}

void events_settle(struct shard *shard)
{
    if (shard->event_said > shard->event_sealed) {
        shard->is_extra_dirty = true;
        scheduler_wake(shard->scheduler);
    }
}

void events_loaded(struct shard *shard)
{
    shard->event_said = shard->event_batch;
    shard->event_sealed = shard->event_batch;
    if (shard->scheduler->settings.publishes_events && shard->event_batch < shard->batch) {
        fall_behind(shard);
        catch_up(shard);
    }
}
