#include "infra/store/postgres_store.h"

#include <stdlib.h>
#include <string.h>

/* Reads EXECUTION_HEAD. The spans and texts are borrowed from the result. */
static void read_head(const PGresult *result, int row, struct store_execution *ret_execution)
{
    struct store_execution *e = ret_execution;

    pg_id(result, row, 0, &e->id);
    e->shard = (uint32_t)pg_int(result, row, 1);
    e->is_terminal = pg_bool(result, row, 2);
    e->priority = (int32_t)pg_int(result, row, 3);
    e->epoch = (uint64_t)pg_int(result, row, 4);
    e->batch = (uint64_t)pg_int(result, row, 5);
    e->submitted_ns = pg_int(result, row, 6);
    e->started_ns = pg_int(result, row, 7);
    e->ended_ns = pg_int(result, row, 8);
    e->deadline_ns = pg_int(result, row, 9);
    e->project = pg_text(result, row, 10);
    e->cluster = pg_text(result, row, 11);
    e->state = pg_text(result, row, 12);
    pg_digest(result, row, PG_DEFINITION_COLUMN, &e->definition);
    e->labels = pg_bytes(result, row, 14);
    e->error = pg_bytes(result, row, 15);
}

void pg_read_spanning(const PGresult *result, int row, struct store_spanning *ret_spanning)
{
    ret_spanning->kind = (uint32_t)pg_int(result, row, 0);
    pg_digest(result, row, 1, &ret_spanning->id);
    ret_spanning->body = pg_bytes(result, row, 2);
}

struct span pg_read_all(const PGresult *result, int row, struct store_execution *ret_execution)
{
    *ret_execution = (struct store_execution){.shard = 0};
    read_head(result, row, ret_execution);
    ret_execution->input = pg_bytes(result, row, PG_HEAD_COLUMNS);
    ret_execution->output = pg_bytes(result, row, PG_HEAD_COLUMNS + 1);
    ret_execution->output_ref = pg_bytes(result, row, PG_HEAD_COLUMNS + 2);
    ret_execution->body = pg_bytes(result, row, PG_HEAD_COLUMNS + 3);
    return pg_bytes(result, row, PG_HEAD_COLUMNS + 4);
}

void pg_read_page(const PGresult *result, int row, struct store_page *ret_page)
{
    pg_id(result, row, 0, &ret_page->execution);
    ret_page->instance = (uint32_t)pg_int(result, row, 1);
    ret_page->page = (uint32_t)pg_int(result, row, 2);
    ret_page->body = pg_bytes(result, row, 3);
}

void pg_read_run(const PGresult *result, int row, struct store_run *ret_run)
{
    pg_id(result, row, 0, &ret_run->execution);
    ret_run->instance = (uint32_t)pg_int(result, row, 1);
    ret_run->index = (uint32_t)pg_int(result, row, 2);
    ret_run->number = (uint32_t)pg_int(result, row, 3);
    ret_run->is_ended = pg_bool(result, row, 4);
    ret_run->body = pg_bytes(result, row, 5);
}

void pg_read_segment(const PGresult *result, int row, struct store_segment *ret_segment)
{
    pg_id(result, row, 0, &ret_segment->execution);
    ret_segment->instance = (uint32_t)pg_int(result, row, 1);
    ret_segment->kind = (uint32_t)pg_int(result, row, 2);
    ret_segment->page = (uint32_t)pg_int(result, row, 3);
    ret_segment->part = (uint64_t)pg_int(result, row, 4);
    ret_segment->body = pg_bytes(result, row, 5);
}

/* ---- answers that are shown from the result itself ---- */

/* A read whose answer is one result: shown (with its callback) while the result stands. */
struct read_op {
    struct pg_op op;
    enum postgres_statement statement;
    void (*write)(const struct read_op *op, struct postgres_params *params);
    void (*show)(struct read_op *op, const PGresult *result); /* result NULL: failed, with err */
    const struct exo_error *err;
    bool is_shown;

    /* What the kinds ask and whom they tell. */
    struct execution_id id;
    int64_t numbers[4];
    struct store_query query;
    struct execution_id *ids;
    uint32_t id_count;
    store_execution_done *execution_done;
    store_known_done *known_done;
    store_list_done *list_done;
    store_pages_done *pages_done;
    store_runs_done *runs_done;
    store_segments_done *segments_done;
};

static void read_send(struct link_request *request, struct postgres_link *link)
{
    const struct read_op *op = (const struct read_op *)request;
    struct postgres_params *params = link_params(link);

    op->write(op, params);
    link_send(link, op->statement, params);
}

static void read_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct read_op *op = (struct read_op *)request;

    (void)step;
    if (!op->op.is_full) {
        op->is_shown = true;
        op->show(op, result);
    }
}

static void read_done(struct pg_op *base, const struct exo_error *err)
{
    struct read_op *op = (struct read_op *)base;

    if (!op->is_shown) {
        op->err = err;
        op->show(op, NULL);
    }
}

static const uint8_t *one_statement(enum postgres_statement statement)
{
    static uint8_t each[SQL_STATEMENT_NR];

    each[statement] = (uint8_t)statement;
    return &each[statement];
}

static void read_ask(struct read_op *op)
{
    op->op.request.send = read_send;
    op->op.request.result = read_result;
    op->op.done = read_done;
    pg_op_read(&op->op, one_statement(op->statement), 1);
}

static void write_id(const struct read_op *op, struct postgres_params *params)
{
    params_bytes(params, id_span(&op->id));
}

static void show_execution(struct read_op *op, const PGresult *result)
{
    struct store_execution execution;
    struct span text = {NULL, 0};
    bool is_there = result != NULL && PQntuples(result) == 1;

    if (is_there) {
        text = pg_read_all(result, 0, &execution);
    }
    op->execution_done(op->op.argument, is_there ? &execution : NULL, text, op->err);
}

void postgres_store_execution_get(struct store *store, const struct execution_id *id,
                                  store_execution_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_EXECUTION_GET;
    op->write = write_id;
    op->show = show_execution;
    op->id = *id;
    op->execution_done = done;
    read_ask(op);
}

static void write_known(const struct read_op *op, struct postgres_params *params)
{
    params_array(params, TYPE_UUID, op->id_count);
    for (uint32_t i = 0; i < op->id_count; i++) {
        array_bytes(params, id_span(&op->ids[i]));
    }
    params_array_end(params);
}

static void show_known(struct read_op *op, const PGresult *result)
{
    bool is_known[STORE_KNOWN_IDS_MAX] = {false};

    for (int row = 0; result != NULL && row < PQntuples(result); row++) {
        is_known[pg_int(result, row, 0) - 1] = true;
    }
    op->known_done(op->op.argument, result == NULL ? NULL : is_known, op->err);
}

void postgres_store_execution_known(struct store *store, const struct execution_id *ids,
                                    uint32_t count, store_known_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_EXECUTION_KNOWN;
    op->write = write_known;
    op->show = show_known;
    op->known_done = done;
    op->ids = arena_alloc(&op->op.arena, count * sizeof(*ids));
    op->op.is_full = op->ids == NULL;
    if (op->ids != NULL && count > 0) {
        op->id_count = count;
        memcpy(op->ids, ids, count * sizeof(*ids));
    }
    read_ask(op);
}

static void write_query(const struct read_op *op, struct postgres_params *params)
{
    const struct store_query *q = &op->query;

    params_text(params, q->project);
    params_text(params, q->state);
    params_text(params, q->cluster);
    if (q->label_key.bytes == 0) {
        params_null(params);
        params_null(params);
    } else {
        params_bytes(params, q->label_key);
        params_bytes(params, q->label_value);
    }
    params_int8(params, q->after_ns);
    params_int8(params, q->before_ns == 0 ? INT64_MAX : q->before_ns);
    params_int8(params, q->cursor_ns == 0 ? INT64_MAX : q->cursor_ns);
    params_bytes(params, id_span(&q->cursor));
    params_int8(params, q->limit);
}

static void show_list(struct read_op *op, const PGresult *result)
{
    uint32_t count = result == NULL ? 0 : (uint32_t)PQntuples(result);

    for (uint32_t i = 0; i < count; i++) {
        struct store_execution *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            abort(); /* the limit of 1,000 rows lies far below that of an answer */
        }
        read_head(result, (int)i, row);
    }
    op->list_done(op->op.argument, op->op.rows, count, op->err);
}

void postgres_store_execution_list(struct store *store, const struct store_query *query,
                                   store_list_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);
    struct store_query *q = &op->query;

    *q = *query;
    q->project = q->project == NULL ? NULL : pg_op_text(&op->op, q->project);
    q->state = q->state == NULL ? NULL : pg_op_text(&op->op, q->state);
    q->cluster = q->cluster == NULL ? NULL : pg_op_text(&op->op, q->cluster);
    q->label_key = pg_op_copy(&op->op, q->label_key);
    q->label_value = pg_op_copy(&op->op, q->label_value);
    op->statement = SQL_EXECUTION_LIST;
    op->write = write_query;
    op->show = show_list;
    op->list_done = done;
    read_ask(op);
}

/* ---- pages, runs and segments ---- */

static int64_t last_of(uint32_t first, uint32_t count)
{
    return (int64_t)first + (int64_t)count - 1;
}

/* An instance, and the first and last of what is asked for of it. */
static void write_range(const struct read_op *op, struct postgres_params *params)
{
    write_id(op, params);
    for (int i = 0; i < 3; i++) {
        params_int8(params, op->numbers[i]);
    }
}

typedef void row_reader(const PGresult *result, int at, void *row);

static void read_page(const PGresult *result, int at, void *row)
{
    pg_read_page(result, at, row);
}

static void read_run(const PGresult *result, int at, void *row)
{
    pg_read_run(result, at, row);
}

static void read_segment(const PGresult *result, int at, void *row)
{
    pg_read_segment(result, at, row);
}

/* The rows of an answer, row_bytes each, into op->op.rows.
 * Returns op->err, or *err when there are too many: then none is to be told. */
static const struct exo_error *rows_take(struct read_op *op, const PGresult *result,
                                         row_reader *read, size_t row_bytes, struct exo_error *err)
{
    int count = result == NULL ? 0 : PQntuples(result);

    for (int i = 0; i < count; i++) {
        void *row = pg_op_row(&op->op, row_bytes);

        if (row == NULL) {
            (void)exo_error_set(err, EXO_ELIMIT, "too many rows in one answer: ask for less");
            op->op.row_count = 0;
            return err;
        }
        read(result, i, row);
    }
    return op->err;
}

static void show_pages(struct read_op *op, const PGresult *result)
{
    struct exo_error full;
    const struct exo_error *err =
        rows_take(op, result, read_page, sizeof(struct store_page), &full);

    op->pages_done(op->op.argument, err == NULL ? op->op.rows : NULL, op->op.row_count, err);
}

/* Asks for what of an instance stands at first .. first + count - 1. */
static void range_ask(struct read_op *op, const struct execution_id *id, uint32_t instance,
                      uint32_t first, uint32_t count)
{
    op->write = write_range;
    op->id = *id;
    op->numbers[0] = instance;
    op->numbers[1] = first;
    op->numbers[2] = last_of(first, count);
    read_ask(op);
}

void postgres_store_page_get(struct store *store, const struct execution_id *id, uint32_t instance,
                             uint32_t first, uint32_t count, store_pages_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_PAGE_GET;
    op->show = show_pages;
    op->pages_done = done;
    range_ask(op, id, instance, first, count);
}

static void show_runs(struct read_op *op, const PGresult *result)
{
    struct exo_error full;
    const struct exo_error *err = rows_take(op, result, read_run, sizeof(struct store_run), &full);

    op->runs_done(op->op.argument, err == NULL ? op->op.rows : NULL, op->op.row_count, err);
}

void postgres_store_run_get(struct store *store, const struct execution_id *id, uint32_t instance,
                            uint32_t first, uint32_t count, store_runs_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_RUN_GET;
    op->show = show_runs;
    op->runs_done = done;
    range_ask(op, id, instance, first, count);
}

static void write_live(const struct read_op *op, struct postgres_params *params)
{
    write_id(op, params);
    params_int8(params, op->numbers[0]);
    params_int8(params, op->numbers[1]);
}

void postgres_store_run_live(struct store *store, const struct execution_id *id, uint32_t number,
                             uint32_t count, store_runs_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_RUN_LIVE;
    op->write = write_live;
    op->show = show_runs;
    op->id = *id;
    op->numbers[0] = number;
    op->numbers[1] = count;
    op->runs_done = done;
    read_ask(op);
}

static void write_segments(const struct read_op *op, struct postgres_params *params)
{
    write_id(op, params);
    for (int i = 0; i < 4; i++) {
        params_int8(params, op->numbers[i]);
    }
}

static void show_segments(struct read_op *op, const PGresult *result)
{
    struct exo_error full;
    const struct exo_error *err =
        rows_take(op, result, read_segment, sizeof(struct store_segment), &full);

    op->segments_done(op->op.argument, err == NULL ? op->op.rows : NULL, op->op.row_count, err);
}

void postgres_store_segment_get(struct store *store, const struct execution_id *id,
                                uint32_t instance, uint32_t kind, uint32_t first, uint32_t count,
                                store_segments_done *done, void *argument)
{
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_SEGMENT_GET;
    op->write = write_segments;
    op->show = show_segments;
    op->id = *id;
    op->numbers[0] = instance;
    op->numbers[1] = kind;
    op->numbers[2] = first;
    op->numbers[3] = last_of(first, count);
    op->segments_done = done;
    read_ask(op);
}

/* ---- journal ---- */

struct journal_op {
    struct pg_op op; /* rows: struct store_journal_row */
    int64_t shard, after_batch, limit;
    uint64_t oldest_batch;
    store_journal_done *done;
};

static const uint8_t JOURNAL_STATEMENTS[] = {SQL_JOURNAL_GET, SQL_JOURNAL_OLDEST};

static void journal_send(struct link_request *request, struct postgres_link *link)
{
    const struct journal_op *op = (const struct journal_op *)request;
    struct postgres_params *params = link_params(link);

    params_int4(params, (int32_t)op->shard);
    params_int8(params, op->after_batch);
    params_int8(params, op->limit);
    link_send(link, SQL_JOURNAL_GET, params);
    params = link_params(link);
    params_int4(params, (int32_t)op->shard);
    link_send(link, SQL_JOURNAL_OLDEST, params);
}

static void journal_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct journal_op *op = (struct journal_op *)request;

    if (step == 1) {
        op->oldest_batch = (uint64_t)pg_int(result, 0, 0);
        return;
    }
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_journal_row *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        row->epoch = (uint64_t)pg_int(result, i, 0);
        row->batch = (uint64_t)pg_int(result, i, 1);
        row->body = pg_op_copy(&op->op, pg_bytes(result, i, 2));
    }
}

static void journal_done(struct pg_op *base, const struct exo_error *err)
{
    struct journal_op *op = (struct journal_op *)base;

    op->done(base->argument, err == NULL ? base->rows : NULL, err == NULL ? base->row_count : 0,
             op->oldest_batch, err);
}

void postgres_store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch,
                                uint32_t limit, store_journal_done *done, void *argument)
{
    struct journal_op *op = pg_op_new(store, sizeof(*op), argument);

    op->shard = shard;
    op->after_batch = (int64_t)after_batch;
    op->limit = limit;
    op->done = done;
    op->op.request.send = journal_send;
    op->op.request.result = journal_result;
    op->op.done = journal_done;
    pg_op_read(&op->op, JOURNAL_STATEMENTS, sizeof(JOURNAL_STATEMENTS));
}
