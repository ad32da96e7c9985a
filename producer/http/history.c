/* history: what an execution went through, out of the journal of its shard.
 *
 *   row --> where its shard's journal begins and ends --> by halves: the first batch it may be in
 *     without `at`: rows from there on, a chunk at a time --> changes, and where to go on
 *     with `at`:    replay of its rows up to that time    --> the execution and its tasks then
 *
 * A chunk of rows is read in a turn of the loop; a request looks at a bounded number of them, or
 * goes on up to its time. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/store/replay.h"
#include "producer/http/handlers.h"
#include "producer/http/history_past.h"
#include "schemas/vocab/timestamp.h"
#include "schemas/wire/event.h"

enum {
    CHUNK_ROWS = 16,
    ROWS_MAX = 20000,      /* looked at by one request for changes */
    CHANGES_ENOUGH = 1000, /* shown by one, and what is left of their batch */
};

/* Clocks of who submits and of the shard may differ by so much. */
static const exo_time clock_margin_ns = EXO_MINUTE;

struct history {
    const struct read_execution *execution;
    uint32_t shard;
    struct history_past past; /* at_ns 0: changes are asked for */
    uint64_t cursor;          /* batch to go on from; 0: none */
    uint64_t low, high;       /* the first batch it may be in lies between; then: next, last */
    uint64_t middle;          /* that is looked at */
    struct arena arena;       /* of one row */
    struct json_writer w;
    uint32_t changes, rows;
    struct replay *replay;
};

static void history_free(struct exchange *x)
{
    struct history *h = x->state;

    if (h != NULL) {
        arena_release(&h->arena);
    }
}

/* ---- changes ---- */

static void changes_ask(struct exchange *x);

static void changes_end(struct exchange *x, bool is_whole)
{
    struct history *h = x->state;
    char cursor[24];

    json_end_list(&h->w);
    json_key(&h->w, "next_cursor");
    if (is_whole) {
        json_put_null(&h->w);
    } else {
        (void)snprintf(cursor, sizeof(cursor), "%llu", (unsigned long long)h->low);
        json_put_text(&h->w, cursor);
    }
    json_end_map(&h->w);
    exchange_send(x, 200, NULL, NULL, 0);
}

/* Lives until the next. */
static bool row_read(struct history *h, struct span body, struct wire_change_batch *ret_batch)
{
    arena_reset(&h->arena);
    return body.bytes > 0 && wire_change_batch_unpack(body, &h->arena, ret_batch) == WIRE_OK;
}

static bool is_of(const struct history *h, const struct wire_change *change)
{
    return execution_id_equal(&change->execution, &h->execution->row.id);
}

static void row_show(struct history *h, struct span body)
{
    struct wire_change_batch batch;

    if (!row_read(h, body, &batch)) {
        return;
    }
    for (uint32_t i = 0; i < batch.change_count; i++) {
        if (is_of(h, &batch.changes[i])) {
            view_put_change(&h->w, &batch.changes[i]);
            h->changes++;
        }
    }
}

static void on_changes(void *argument, const struct store_imprint *rows, uint32_t count,
                       const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct history *h = x->state;

    for (uint32_t i = 0; i < count && h->low <= h->high && h->changes < CHANGES_ENOUGH; i++) {
        if (rows[i].batch <= h->high) {
            row_show(h, rows[i].body);
        }
        h->low = rows[i].batch + 1;
    }
    h->rows += count;
    if (count == 0 || h->low > h->high) {
        changes_end(x, true);
    } else if (h->changes >= CHANGES_ENOUGH || h->rows >= ROWS_MAX) {
        changes_end(x, false);
    } else {
        changes_ask(x);
    }
}

static void changes_ask(struct exchange *x)
{
    const struct history *h = x->state;

    store_imprint_get(x->api->store, h->shard, h->low - 1, CHUNK_ROWS, on_changes,
                      exchange_wait(x));
}

static void changes_begin(struct exchange *x)
{
    struct history *h = x->state;

    h->w = exchange_json(x);
    json_begin_map(&h->w);
    view_put_id(&h->w, "execution", &h->execution->row.id);
    json_key(&h->w, "changes");
    json_begin_list(&h->w);
    if (h->low > h->high) {
        changes_end(x, true);
    } else {
        changes_ask(x);
    }
}

/* ---- as it was ---- */

static void on_replayed(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;
    struct history *h = x->state;
    struct replay *replay = h->replay;

    if (exchange_back(x)) {
        if (err == NULL) {
            history_past_answer(x, &h->past, replay_rebuild(h->replay));
        } else if (err->code == EXO_ENOTFOUND) {
            exchange_problem(x, 404, "%s", err->text);
        } else if (err->code == EXO_ECONFLICT) {
            exchange_problem(x, 409, "%s", err->text);
        } else {
            exchange_error(x, "the store", err);
        }
    }
    replay_free(replay);
}

/* A change has its own time, and its batch the later one at which it was sealed. Whoever names the
 * time of a change is shown what it made, with all else of its batch. */
static bool is_due(void *argument, const struct store_imprint *row)
{
    const struct exchange *x = argument;
    struct history *h = x->state;
    struct wire_change_batch batch;

    if (x->request == NULL || !row_read(h, row->body, &batch)) {
        return false;
    }
    for (uint32_t i = 0; i < batch.change_count; i++) {
        if (is_of(h, &batch.changes[i]) &&
            batch.changes[i].at_ms <= h->past.at_ns / EXO_MILLISECOND) {
            return true;
        }
    }
    return false;
}

static void past_begin(struct exchange *x)
{
    struct history *h = x->state;
    const struct replay_settings settings = {
        .store = x->api->store,
        .shard = h->shard,
        .at_ns = h->past.at_ns,
        .is_due = is_due,
        .only = &h->execution->row.id,
        .from_batch = h->low,
        .to_batch = h->high,
        .is_ended = h->execution->row.is_terminal,
        .chunk = CHUNK_ROWS,
        .done = on_replayed,
        .argument = exchange_wait(x),
    };

    h->replay = replay_begin(&settings);
}

/* ---- where it begins ---- */

static void search(struct exchange *x);

static void found(struct exchange *x)
{
    const struct history *h = x->state;

    if (h->past.at_ns != 0) {
        past_begin(x);
    } else {
        changes_begin(x);
    }
}

static void on_middle(void *argument, const struct store_imprint *rows, uint32_t count,
                      const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct history *h = x->state;

    if (count == 0 || rows[0].at_ns >= h->execution->row.submitted_ns - clock_margin_ns) {
        h->high = h->middle;
    } else {
        h->low = rows[0].batch + 1;
    }
    search(x);
}

/* The time of batches only grows. */
static void search(struct exchange *x)
{
    struct history *h = x->state;

    if (h->low >= h->high) {
        h->high = h->execution->row.batch;
        found(x);
        return;
    }
    h->middle = h->low + (h->high - h->low) / 2;
    store_imprint_get(x->api->store, h->shard, h->middle - 1, 1, on_middle, exchange_wait(x));
}

static void on_place(void *argument, const struct store_snapshots *place,
                     const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct history *h = x->state;

    h->high = h->execution->row.batch;
    if (h->cursor != 0) {
        h->low = h->cursor;
        found(x);
        return;
    }
    h->low = place->oldest_batch == 0 ? h->high + 1 : place->oldest_batch;
    search(x);
}

static void on_execution(struct exchange *x, const struct read_execution *execution)
{
    struct history *h = x->state;

    h->execution = execution;
    h->past.execution = execution;
    h->shard = execution->row.shard;
    store_snapshot_list(x->api->store, h->shard, on_place, exchange_wait(x));
}

static bool cursor_read(struct span text, uint64_t *ret_batch)
{
    uint64_t batch = 0;

    for (size_t i = 0; i < text.bytes; i++) {
        char digit = ((const char *)text.data)[i];

        if (digit < '0' || digit > '9' || batch > UINT64_MAX / 100) {
            return false;
        }
        batch = 10 * batch + (uint64_t)(digit - '0');
    }
    *ret_batch = batch;
    return batch > 0;
}

void execution_history(struct exchange *x)
{
    struct span at = http_query(x->request, "at");
    struct span cursor = http_query(x->request, "cursor");
    struct span run = http_query(x->request, "run");
    struct history *h = exchange_alloc(x, sizeof(*h));

    if (at.data != NULL && (!timestamp_parse(at, &h->past.at_ns) || h->past.at_ns <= 0)) {
        exchange_problem(x, 400, "at: \"%.*s\" is no time such as 2026-11-28T09:00:00Z",
                         SPAN_ARG(at));
        return;
    }
    if (cursor.data != NULL && !(at.data != NULL ? history_past_cursor(cursor, &h->past)
                                                 : cursor_read(cursor, &h->cursor))) {
        exchange_problem(x, 400, "cursor: give next_cursor of an earlier answer");
        return;
    }
    if (run.data != NULL && at.data == NULL) {
        exchange_problem(x, 400, "run: goes with `at`; changes are of all runs");
        return;
    }
    h->past.run = exchange_copy(x, run);
    arena_init(&h->arena, allocator_heap(&x->budget), 0);
    x->state = h;
    x->cleanup = history_free;
    reading_begin(x, on_execution);
}
