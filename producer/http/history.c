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
#include "producer/http/reading.h"
#include "schemas/vocab/timestamp.h"
#include "schemas/wire/event.h"

enum {
    CHUNK_ROWS = 16,
    ROWS_MAX = 20000,      /* looked at by one request for changes */
    CHANGES_ENOUGH = 1000, /* shown by one, and what is left of their batch */
    TASKS_MAX = 1000,      /* shown of an execution at a time */
};

/* Clocks of who submits and of the shard may differ by so much. */
static const exo_time clock_margin_ns = EXO_MINUTE;

struct history {
    const struct read_execution *execution;
    uint32_t shard;
    exo_time at_ns;     /* 0: changes are asked for */
    uint64_t cursor;    /* batch to go on from; 0: none */
    uint64_t low, high; /* the first batch it may be in lies between; then: next, last */
    uint64_t middle;    /* that is looked at */
    struct arena arena; /* of one row */
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

static void row_show(struct history *h, struct span body)
{
    struct wire_change_batch batch;

    arena_reset(&h->arena);
    if (body.bytes == 0 || wire_change_batch_unpack(body, &h->arena, &batch) != WIRE_OK) {
        return;
    }
    for (uint32_t i = 0; i < batch.change_count; i++) {
        if (execution_id_equal(&batch.changes[i].execution, &h->execution->row.id)) {
            view_put_change(&h->w, &batch.changes[i]);
            h->changes++;
        }
    }
}

static void on_changes(void *argument, const struct store_imprint *rows, uint32_t count,
                       const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    struct history *h = x->state;

    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
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

/* The rows of the execution, borrowed from the replay. */
struct past {
    struct history *h;
    bool is_there;
    struct store_execution row;
    struct store_page *pages;
    uint32_t page_count, page_capacity;
};

static struct span cell_bytes(const struct row *row, uint32_t column)
{
    return row->cells[column].kind == CELL_BYTES ? row->cells[column].bytes
                                                 : (struct span){NULL, 0};
}

/* What is named stands in the row as it is now, where it is still the same. */
static struct span output_of(const struct row_cell *cell, struct span now)
{
    const struct row_cell live = {CELL_BYTES, 0, now};

    return cell->kind == CELL_BYTES      ? cell->bytes
           : row_cell_equal(cell, &live) ? now
                                         : (struct span){NULL, 0};
}

/* The columns that change, in their order (row.c); the others are as in the row now. */
static void execution_take(void *argument, const struct row *row)
{
    enum {
        COLUMN_EPOCH = 3,
        COLUMN_BATCH = 4,
        COLUMN_STARTED = 6,
        COLUMN_ENDED = 7,
        COLUMN_DEADLINE = 8,
        COLUMN_IS_TERMINAL = 9,
        COLUMN_STATE = 10,
        COLUMN_OUTPUT = 16,
        COLUMN_OUTPUT_REF = 17,
        COLUMN_ERROR = 18,
        COLUMN_BODY = 19,
    };
    struct past *past = argument;
    const struct store_execution *now = &past->h->execution->row;
    struct store_execution *e = &past->row;

    *e = *now;
    e->epoch = (uint64_t)row->cells[COLUMN_EPOCH].number;
    e->batch = (uint64_t)row->cells[COLUMN_BATCH].number;
    e->started_ns = row->cells[COLUMN_STARTED].number;
    e->ended_ns = row->cells[COLUMN_ENDED].number;
    e->deadline_ns = row->cells[COLUMN_DEADLINE].number;
    e->is_terminal = row->cells[COLUMN_IS_TERMINAL].number != 0;
    e->state = arena_copy(&past->h->arena, cell_bytes(row, COLUMN_STATE)).data;
    e->output = output_of(&row->cells[COLUMN_OUTPUT], now->output);
    e->output_ref = cell_bytes(row, COLUMN_OUTPUT_REF);
    e->error = cell_bytes(row, COLUMN_ERROR);
    e->body = cell_bytes(row, COLUMN_BODY);
    past->is_there = e->state != NULL;
}

static void page_take(void *argument, const struct row *row)
{
    struct past *past = argument;

    if (past->page_count == past->page_capacity) {
        past->page_capacity = past->page_capacity == 0 ? 64 : 2 * past->page_capacity;
        past->pages = realloc(past->pages, past->page_capacity * sizeof(*past->pages));
        if (past->pages == NULL) {
            abort();
        }
    }
    past->pages[past->page_count++] =
        (struct store_page){.instance = (uint32_t)row->cells[1].number,
                            .page = (uint32_t)row->cells[2].number,
                            .body = cell_bytes(row, 3)};
}

static int by_place(const void *a, const void *b)
{
    const struct store_page *x = a;
    const struct store_page *y = b;

    if (x->instance != y->instance) {
        return x->instance < y->instance ? -1 : 1;
    }
    return x->page < y->page ? -1 : x->page > y->page;
}

/* Returns false when enough have been shown. */
static bool task_put(struct history *h, const struct view_task *task, uint32_t *shown)
{
    if (task->state == TASK_WAITING) {
        return true;
    }
    if (*shown == TASKS_MAX) {
        return false;
    }
    (*shown)++;
    json_begin_map(&h->w);
    view_put_task_members(&h->w, task);
    json_end_map(&h->w);
    return true;
}

/* The tasks of a map's page. */
static bool page_put(struct history *h, const struct wire_instance *instance,
                     const struct store_page *page, struct view_task *task, uint32_t *shown)
{
    struct wire_columns columns;

    if (wire_columns_unpack(page->body, &h->arena, &columns) != WIRE_OK) {
        return true;
    }
    for (uint32_t i = 0; i < columns.states.bytes; i++) {
        task->index = page->page * 256 + i;
        view_task_at(instance, &columns, i, task);
        if (!task_put(h, task, shown)) {
            return false;
        }
    }
    return true;
}

/* Those of the top level, the runs of a group being its tasks. */
static bool tasks_put(const struct past *past, const struct wire_body *body)
{
    const struct cluster *cluster = past->h->execution->cluster;
    uint32_t shown = 0, page = 0;

    for (uint32_t i = 0; i < cluster->satellite_count && i < body->instance_count; i++) {
        const struct wire_instance *instance = &body->instances[i];
        struct view_task task = {.satellite = &cluster->satellites[i], .is_map = instance->is_map};

        if (!instance->is_map) {
            view_task_at(instance, instance->has_task ? &instance->task : NULL, 0, &task);
            if (!task_put(past->h, &task, &shown)) {
                return false;
            }
            continue;
        }
        while (page < past->page_count && past->pages[page].instance < i) {
            page++;
        }
        for (; page < past->page_count && past->pages[page].instance == i; page++) {
            if (!page_put(past->h, instance, &past->pages[page], &task, &shown)) {
                return false;
            }
        }
    }
    return true;
}

static void past_send(struct exchange *x, struct past *past)
{
    struct history *h = x->state;
    struct read_execution execution = *h->execution;

    execution.row = past->row;
    if (!reading_body(&h->arena, &past->row, &execution.body)) {
        exchange_problem(x, 500, "the journal holds what this program cannot read");
        return;
    }
    struct view_execution view = reading_view(&execution);

    h->w = exchange_json(x);
    json_begin_map(&h->w);
    view_put_time(&h->w, "at", h->at_ns / EXO_MILLISECOND);
    json_key(&h->w, "execution");
    view_put_execution(&h->w, &view);
    json_key(&h->w, "tasks");
    json_begin_list(&h->w);
    if (past->page_count > 0) {
        qsort(past->pages, past->page_count, sizeof(*past->pages), by_place);
    }
    bool is_whole = tasks_put(past, &execution.body);

    json_end_list(&h->w);
    json_key(&h->w, "has_more_tasks");
    json_put_bool(&h->w, !is_whole);
    json_end_map(&h->w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void past_answer(struct exchange *x)
{
    struct history *h = x->state;
    const struct rebuild *rows = replay_rebuild(h->replay);
    struct past past = {.h = h};

    arena_reset(&h->arena);
    rebuild_each(rows, ROW_EXECUTION, execution_take, &past);
    rebuild_each(rows, ROW_PAGE, page_take, &past);
    if (past.is_there) {
        past_send(x, &past);
    } else {
        exchange_problem(x, 404, "the execution was not there yet at that time");
    }
    free(past.pages);
}

static void on_replayed(void *argument, const struct exo_error *err)
{
    struct exchange *x = argument;
    struct history *h = x->state;
    struct replay *replay = h->replay;

    if (exchange_back(x)) {
        if (err == NULL) {
            past_answer(x);
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

static void past_begin(struct exchange *x)
{
    struct history *h = x->state;
    const struct replay_settings settings = {
        .store = x->api->store,
        .shard = h->shard,
        .at_ns = h->at_ns,
        .only = &h->execution->row.id,
        .from_batch = h->low,
        .to_batch = h->high,
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

    if (h->at_ns != 0) {
        past_begin(x);
    } else {
        changes_begin(x);
    }
}

static void on_middle(void *argument, const struct store_imprint *rows, uint32_t count,
                      const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    struct history *h = x->state;

    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
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

    if (!exchange_back(x)) {
        return;
    }
    struct history *h = x->state;

    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
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
    struct history *h = exchange_alloc(x, sizeof(*h));

    if (at.data != NULL && (!timestamp_parse(at, &h->at_ns) || h->at_ns <= 0)) {
        exchange_problem(x, 400, "at: \"%.*s\" is no time such as 2026-11-28T09:00:00Z",
                         SPAN_ARG(at));
        return;
    }
    if (cursor.data != NULL && !cursor_read(cursor, &h->cursor)) {
        exchange_problem(x, 400, "cursor: give next_cursor of an earlier answer");
        return;
    }
    if (at.data != NULL && cursor.data != NULL) {
        exchange_problem(x, 400, "cursor: goes with changes, not with `at`");
        return;
    }
    arena_init(&h->arena, allocator_heap(&x->budget), 0);
    x->state = h;
    x->cleanup = history_free;
    reading_begin(x, on_execution);
}
