/* events: an execution's changes as server-sent events.
 *
 *   watch --> read the row --> snapshot --> changes with higher numbers, without gap
 *                                             ^ from the cache's broadcast, or, where one was
 *                                             | missed, from the journal of the shard
 *   Last-Event-ID  NUMBER.BATCH: goes on behind it; no longer in the journal: `reset`, snapshot
 *
 * What attempts say of their progress comes between them as `progress`, without an id: it is told
 * to those who watch and cannot be read again.
 *
 * The id of an event is the change's number and the shard's batch that made it, which is where the
 * journal is read on. Every 5 s the row is compared: a cache that is away only makes it slower. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/http/sse.h"
#include "producer/http/handlers.h"
#include "producer/http/reading.h"
#include "schemas/wire/event.h"

enum {
    JOURNAL_ROWS = 64,
    JOURNAL_ROWS_MAX = 20000, /* read in a row to catch up; more: reset */
    EVENT_ROOM_BYTES = 64 << 10,
    ID_BYTES = 48,
};

static const exo_time compare_ns = 5 * EXO_SECOND;

struct events {
    struct exchange *x;
    struct execution_id id;
    uint32_t shard;
    struct cache_watch *watch;
    uint64_t number; /* of the last change sent */
    uint64_t batch;  /* that made it */
    bool is_begun;   /* the head is sent */
    bool is_busy;    /* a read of row or journal is on its way */
    bool is_behind;  /* read the journal when not busy and there is room */
    bool is_dirty;   /* something was told while a read was on its way */
    bool is_turn_due;
    bool is_ended; /* the last change was sent */
    bool has_skipped;
    uint32_t rows; /* of the journal, since it was behind */
    struct arena arena;
    struct buffer text;
};

static void catch_up(struct events *events);

static void cleanup(struct exchange *x)
{
    struct events *events = x->state;

    cache_watch_close(events->watch);
    arena_release(&events->arena);
    buffer_release(&events->text);
}

/* Sends one event; without an id where there is no batch. False when it did not fit: the stream is
 * behind then, or gone. */
static bool send_event(struct events *events, const char *event, uint64_t number, uint64_t batch,
                       struct span data)
{
    char id[ID_BYTES] = "";
    struct sse_event sse = {.id = id, .event = event, .data = data};
    struct buffer text;
    bool is_sent = false;

    if (batch > 0) {
        (void)snprintf(id, sizeof(id), "%llu.%llu", (unsigned long long)number,
                       (unsigned long long)batch);
    }
    buffer_init(&text, allocator_heap(&events->x->budget), 0);
    sse_append(&text, &sse);
    if (text.bytes <= http_stream_room(events->x->request)) {
        is_sent = http_stream_write(events->x->request, buffer_span(&text)) == 0;
    }
    buffer_release(&text);
    return is_sent;
}

/* One that does not fit is left out: a newer one follows. */
static void send_progress(struct events *events, const struct wire_change *change)
{
    struct json_writer w = {.buffer = &events->text};

    buffer_reset(&events->text);
    view_put_progress(&w, change);
    (void)send_event(events, "progress", 0, 0, buffer_span(&events->text));
}

/* Sends the changes of ours that are new. False when it must stop: no room, a gap, or the end. */
static bool send_changes(struct events *events, const struct wire_change_batch *batch)
{
    for (uint32_t i = 0; i < batch->change_count; i++) {
        const struct wire_change *change = &batch->changes[i];
        struct json_writer w = {.buffer = &events->text};
        enum execution_state state;

        if (!execution_id_equal(&change->execution, &events->id)) {
            continue;
        }
        if (change->progress.bytes > 0) {
            send_progress(events, change);
            continue;
        }
        if (change->number <= events->number) {
            continue;
        }
        if (change->number != events->number + 1) {
            events->has_skipped = true;
            return false;
        }
        buffer_reset(&events->text);
        view_put_change(&w, change);
        if (!send_event(events, "change", change->number, batch->batch,
                        buffer_span(&events->text))) {
            return false;
        }
        events->number = change->number;
        events->batch = batch->batch;
        if (execution_state_parse(change->execution_state, &state) &&
            execution_state_is_terminal(state)) {
            events->is_ended = true;
            return false;
        }
    }
    return true;
}

/* After whatever may have ended it or left it behind; the exchange may be gone with it. */
static void go_on(struct events *events)
{
    if (events->is_ended) {
        exchange_stream_end(events->x);
        return;
    }
    if (events->is_behind && !events->is_busy &&
        http_stream_room(events->x->request) > EVENT_ROOM_BYTES) {
        catch_up(events);
    }
}

/* ---- snapshot ---- */

static void send_snapshot(struct events *events, const struct store_execution *row,
                          struct span definition, bool is_reset)
{
    struct exchange *x = events->x;
    const struct read_execution *execution;

    arena_reset(&events->arena);
    execution = reading_unpack_in(x, &events->arena, row, definition);
    if (execution == NULL) {
        exchange_stream_break(x);
        return;
    }
    struct json_writer w = {.buffer = &events->text};
    struct view_execution view = reading_view(execution);

    buffer_reset(&events->text);
    view_put_execution(&w, &view);
    if ((is_reset &&
         !send_event(events, "reset", execution->body.change, row->batch, span_of("{}"))) ||
        !send_event(events, "snapshot", execution->body.change, row->batch,
                    buffer_span(&events->text))) {
        exchange_stream_break(x); /* larger than the whole buffer: no stream for it */
        return;
    }
    events->number = execution->body.change;
    events->batch = row->batch;
    events->is_behind = events->is_dirty;
    events->is_dirty = false;
    events->is_ended = row->is_terminal;
}

static void on_reset_row(void *argument, const struct store_execution *row, struct span definition,
                         const struct exo_error *err)
{
    struct events *events = argument;

    if (!exchange_back(events->x)) {
        return;
    }
    events->is_busy = false;
    if (err != NULL || row == NULL) {
        events->is_behind = true; /* at the next comparison */
        return;
    }
    send_snapshot(events, row, definition, true);
    go_on(events);
}

static void reset(struct events *events)
{
    events->is_busy = true;
    events->rows = 0;
    (void)exchange_wait(events->x);
    store_execution_get(events->x->api->store, &events->id, on_reset_row, events);
}

/* ---- the journal ---- */

static void on_journal(void *argument, const struct store_journal_row *rows, uint32_t count,
                       uint64_t oldest_batch, const struct exo_error *err)
{
    struct events *events = argument;
    bool goes_on = true;

    if (!exchange_back(events->x)) {
        return;
    }
    events->is_busy = false;
    if (err != NULL) {
        return; /* still behind: tried again at the next comparison */
    }
    if (oldest_batch > events->batch && oldest_batch != 0) {
        reset(events);
        return;
    }
    events->has_skipped = false;
    for (uint32_t i = 0; i < count && goes_on; i++) {
        struct wire_change_batch batch;

        arena_reset(&events->arena);
        if (wire_change_batch_unpack(rows[i].body, &events->arena, &batch) == WIRE_OK) {
            batch.batch = rows[i].batch;
            goes_on = send_changes(events, &batch);
        }
        if (goes_on && rows[i].batch > events->batch) {
            events->batch = rows[i].batch; /* nothing of ours up to here is left */
        }
    }
    events->rows += count;
    if (events->has_skipped || events->rows > JOURNAL_ROWS_MAX) {
        reset(events);
        return;
    }
    if (goes_on && count < JOURNAL_ROWS) {
        events->is_behind = events->is_dirty;
        events->is_dirty = false;
        events->rows = 0;
    }
    go_on(events);
}

static void catch_up(struct events *events)
{
    events->is_busy = true;
    (void)exchange_wait(events->x);
    /* The batch of the last change again: it may hold more of ours. */
    store_journal_get(events->x->api->store, events->shard,
                      events->batch == 0 ? 0 : events->batch - 1, JOURNAL_ROWS, on_journal, events);
}

/* ---- what tells of changes ---- */

static void on_turn(void *argument)
{
    struct events *events = argument;

    if (exchange_back(events->x)) {
        events->is_turn_due = false;
        go_on(events);
    }
}

static void on_event(void *argument, struct span event, bool is_gap)
{
    struct events *events = argument;
    struct wire_change_batch batch;

    if (!events->is_begun || events->is_busy) {
        events->is_dirty = true;
        return;
    }
    if (events->is_ended) {
        return;
    }
    if (!events->is_behind && !is_gap) {
        arena_reset(&events->arena);
        events->is_behind = wire_change_batch_unpack(event, &events->arena, &batch) != WIRE_OK ||
                            (!send_changes(events, &batch) && !events->is_ended);
    } else {
        events->is_behind = true;
    }
    if ((events->is_ended || events->is_behind) && !events->is_turn_due) {
        /* Later: the end closes the watch whose callback this is. */
        events->is_turn_due = true;
        exchange_delay(events->x, 0, on_turn, events);
    }
}

static void on_compare_row(void *argument, const struct store_execution *row,
                           struct span definition, const struct exo_error *err)
{
    struct events *events = argument;
    struct wire_body body;

    (void)definition;
    if (!exchange_back(events->x)) {
        return;
    }
    events->is_busy = false;
    arena_reset(&events->arena);
    if (err == NULL && row != NULL && reading_body(&events->arena, row, &body) &&
        body.change > events->number) {
        events->is_behind = true;
    }
    go_on(events);
}

static void on_compare(void *argument)
{
    struct events *events = argument;
    struct exchange *x = events->x;

    if (!exchange_back(x)) {
        return;
    }
    exchange_delay(x, compare_ns, on_compare, events);
    if (http_stream_room(x->request) > sizeof(SSE_KEEPALIVE) &&
        http_stream_write(x->request, span_of(SSE_KEEPALIVE)) != 0) {
        return; /* the client is gone */
    }
    if (!events->is_busy) {
        events->is_busy = true;
        (void)exchange_wait(x);
        store_execution_get(x->api->store, &events->id, on_compare_row, events);
    }
}

static void on_drained(struct exchange *x)
{
    struct events *events = x->state;

    if (events->is_behind && !events->is_busy && !events->is_ended) {
        catch_up(events);
    }
}

/* ---- the beginning ---- */

/* NUMBER.BATCH, or NUMBER alone. False when there is none, or it is none of ours. */
static bool last_event_id(const struct exchange *x, uint64_t *ret_number, uint64_t *ret_batch)
{
    const char *header = http_request_header(x->request, "Last-Event-ID");
    char *rest;

    if (header == NULL || header[0] < '0' || header[0] > '9') {
        return false;
    }
    *ret_number = strtoull(header, &rest, 10);
    *ret_batch = rest[0] == '.' ? strtoull(rest + 1, &rest, 10) : 0;
    return rest[0] == '\0';
}

static void on_first_row(void *argument, const struct store_execution *row, struct span definition,
                         const struct exo_error *err)
{
    struct events *events = argument;
    struct exchange *x = events->x;
    uint64_t number;
    uint64_t batch;
    struct wire_body body;

    if (!exchange_back(x)) {
        return;
    }
    events->is_busy = false;
    if (err != NULL || row == NULL) {
        exchange_later(x, 503, 1, err == NULL ? "the execution cannot be read" : err->text);
        return;
    }
    arena_reset(&events->arena);
    if (!reading_body(&events->arena, row, &body)) {
        exchange_problem(x, 500, "the execution cannot be read by this version");
        return;
    }
    bool has_last = last_event_id(x, &number, &batch);

    if (has_last && number == body.change && row->is_terminal) {
        buffer_reset(&x->text);
        exchange_send(x, 204, "", NULL, 0); /* tells a browser not to come back */
        return;
    }
    exchange_stream(x, SSE_CONTENT_TYPE, on_drained);
    events->is_begun = true;
    exchange_delay(x, compare_ns, on_compare, events);
    if (has_last && number == body.change) {
        events->number = number;
        events->batch = row->batch;
        events->is_behind = events->is_dirty;
    } else if (has_last && number < body.change && batch > 0) {
        events->number = number;
        events->batch = batch;
        events->is_behind = true;
    } else {
        send_snapshot(events, row, definition, has_last);
    }
    go_on(events);
}

static void on_known(struct exchange *x, const struct read_execution *execution)
{
    struct events *events = exchange_alloc(x, sizeof(*events));

    events->x = x;
    events->id = execution->row.id;
    events->shard = execution->row.shard;
    arena_init(&events->arena, allocator_heap(&x->budget), 0);
    buffer_init(&events->text, allocator_heap(&x->budget), 0);
    x->state = events;
    x->cleanup = cleanup;
    events->watch = cache_watch_open(x->api->cache, &events->id, on_event, events);
    /* Read again now that the watch stands: what happened between is in this row. */
    events->is_busy = true;
    (void)exchange_wait(x);
    store_execution_get(x->api->store, &events->id, on_first_row, events);
}

void events_get(struct exchange *x)
{
    reading_begin(x, on_known);
}
