#include "infra/store/postgres_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rows as they are. One statement brings a chunk of them and, beside each, the shard's row of the
 * same snapshot of the database; with no rows it brings the shard's row alone. */

struct rows_op {
    struct pg_op op; /* rows: of what the table holds */
    struct store_rows_query query;
    struct execution_id ids[STORE_ROWS_MAX];
    uint8_t statements[2];
    struct store_rows rows;
    struct store_definition *definitions; /* of EXECUTION, with the next one */
    bool *is_listed;
    struct execution_id *deleted;
    store_rows_done *done;
};

/* How the rows of a table are asked for, and the column at which the shard's row begins. */
static const struct {
    enum postgres_statement statement; /* with ids, where it takes them */
    int shard_column;
    int limit;
} tables[ROW_TABLE_NR] = {
    [ROW_EXECUTION] = {SQL_ROWS_EXECUTIONS_OF, PG_HEAD_COLUMNS + 6, STORE_ROWS_MAX},
    [ROW_SPANNING] = {SQL_ROWS_SPANNING, 3, POSTGRES_CHUNK_ROWS},
    [ROW_RUN] = {SQL_ROWS_RUNS_OF, 6, POSTGRES_CHUNK_ROWS},
    [ROW_PAGE] = {SQL_ROWS_PAGES_OF, 4, POSTGRES_CHUNK_ROWS},
    [ROW_OUTPUT] = {SQL_ROWS_OUTPUTS_OF, 6, POSTGRES_OUTPUTS_ROWS},
    [ROW_REFERENCE] = {SQL_ROWS_REFERENCES_OF, 2, POSTGRES_CHUNK_ROWS},
    [ROW_LETTER] = {SQL_ROWS_LETTERS, 8, POSTGRES_CHUNK_ROWS},
};

static enum postgres_statement statement_of(const struct rows_op *op)
{
    if (op->query.table != ROW_EXECUTION || op->query.id_count > 0) {
        return tables[op->query.table].statement;
    }
    return op->query.is_live_only ? SQL_ROWS_EXECUTIONS_LIVE : SQL_ROWS_EXECUTIONS;
}

static void send_ids(const struct rows_op *op, struct postgres_params *params)
{
    params_array(params, TYPE_UUID, op->query.id_count);
    for (uint32_t i = 0; i < op->query.id_count; i++) {
        array_bytes(params, id_span(&op->ids[i]));
    }
    params_array_end(params);
}

/* Behind the last row; -1 and the empty digest stand before all. */
static int64_t after_number(const struct rows_op *op, int i)
{
    return op->query.has_after ? op->query.after_numbers[i] : -1;
}

static void send_key(const struct rows_op *op, struct postgres_params *params)
{
    switch (op->query.table) {
    case ROW_EXECUTION:
        if (op->query.id_count == 0) {
            params_bytes(params, id_span(&op->query.after));
        }
        break;
    case ROW_SPANNING:
        params_int4(params, (int32_t)after_number(op, 0));
        params_bytes(params, digest_span(&op->query.after_digest));
        break;
    case ROW_RUN:
    case ROW_PAGE:
    case ROW_OUTPUT:
        params_bytes(params, id_span(&op->query.after));
        for (int i = 0; i < (op->query.table == ROW_OUTPUT ? 4 : 2); i++) {
            params_int8(params, after_number(op, i));
        }
        break;
    case ROW_REFERENCE:
        params_bytes(params, id_span(&op->query.after));
        params_bytes(params, (struct span){op->query.after_digest.bytes,
                                           op->query.has_after ? DIGEST_BYTES : 0});
        break;
    case ROW_LETTER:
        params_int8(params, after_number(op, 0));
        break;
    case ROW_SHARD:
    case ROW_DEFINITION:
    case ROW_TABLE_NR:
        assert(false); /* the caller asks for no such rows */
    }
}

static void rows_send(struct link_request *request, struct postgres_link *link)
{
    const struct rows_op *op = (const struct rows_op *)request;
    struct postgres_params *params = link_params(link);

    params_int4(params, (int32_t)op->query.shard);
    if (op->query.id_count > 0) {
        send_ids(op, params);
    }
    send_key(op, params);
    link_send(link, (enum postgres_statement)op->statements[0], params);
    if (op->statements[1] != op->statements[0]) {
        params = link_params(link);
        send_ids(op, params);
        link_send(link, SQL_ROWS_DELETED, params);
    }
}

static void read_shard(struct rows_op *op, const PGresult *result)
{
    struct store_batch *to = &op->rows.live.rows;
    int column = tables[op->query.table].shard_column;

    to->shard = op->query.shard;
    to->epoch = (uint64_t)pg_int(result, 0, column);
    to->next = (uint64_t)pg_int(result, 0, column + 1);
    to->now_ns = pg_int(result, 0, column + 2);
    for (int i = 0; i < STORE_INPUTS; i++) {
        to->inputs[i].offset = pg_int(result, 0, column + 3 + 2 * i);
        to->inputs[i].checksum = (uint32_t)pg_int(result, 0, column + 4 + 2 * i);
    }
    to->event_batch = (uint64_t)pg_int(result, 0, column + 7);
    to->extra = pg_op_copy(&op->op, pg_bytes(result, 0, column + 8));
    op->rows.live.has_shard = true;
}

static void copy_execution(struct rows_op *op, struct store_execution *e)
{
    e->project = pg_op_text(&op->op, e->project);
    e->cluster = pg_op_text(&op->op, e->cluster);
    e->state = pg_op_text(&op->op, e->state);
    e->labels = pg_op_copy(&op->op, e->labels);
    e->error = pg_op_copy(&op->op, e->error);
    e->input = pg_op_copy(&op->op, e->input);
    e->output = pg_op_copy(&op->op, e->output);
    e->output_ref = pg_op_copy(&op->op, e->output_ref);
    e->body = pg_op_copy(&op->op, e->body);
}

static void read_execution(struct rows_op *op, const PGresult *result, int row)
{
    struct store_execution *e = pg_op_row(&op->op, sizeof(*e));
    struct store_batch *to = &op->rows.live.rows;

    if (e == NULL) {
        return;
    }
    struct span text = pg_read_all(result, row, e);

    if (text.bytes > 0) { /* comes once a chunk */
        op->definitions[to->definition_count++] =
            (struct store_definition){e->definition, pg_op_copy(&op->op, text)};
    }
    op->is_listed[row] = pg_bool(result, row, PG_HEAD_COLUMNS + 5);
    copy_execution(op, e);
    op->rows.behind.after = e->id;
}

static void read_part(struct rows_op *op, const PGresult *result, int row)
{
    struct store_rows_query *behind = &op->rows.behind;

    if (op->query.table == ROW_RUN) {
        struct store_run *run = pg_op_row(&op->op, sizeof(*run));

        if (run != NULL) {
            pg_read_run(result, row, run);
            run->body = pg_op_copy(&op->op, run->body);
            behind->after = run->execution;
            behind->after_numbers[0] = run->instance;
            behind->after_numbers[1] = run->index;
        }
    } else if (op->query.table == ROW_PAGE) {
        struct store_page *page = pg_op_row(&op->op, sizeof(*page));

        if (page != NULL) {
            pg_read_page(result, row, page);
            page->body = pg_op_copy(&op->op, page->body);
            behind->after = page->execution;
            behind->after_numbers[0] = page->instance;
            behind->after_numbers[1] = page->page;
        }
    } else {
        struct store_segment *segment = pg_op_row(&op->op, sizeof(*segment));

        if (segment != NULL) {
            pg_read_segment(result, row, segment);
            segment->body = pg_op_copy(&op->op, segment->body);
            behind->after = segment->execution;
            behind->after_numbers[0] = segment->instance;
            behind->after_numbers[1] = segment->kind;
            behind->after_numbers[2] = segment->page;
            behind->after_numbers[3] = (int64_t)segment->part;
        }
    }
}

static void read_spanning(struct rows_op *op, const PGresult *result, int row)
{
    struct store_spanning *spanning = pg_op_row(&op->op, sizeof(*spanning));

    if (spanning != NULL) {
        pg_read_spanning(result, row, spanning);
        spanning->body = pg_op_copy(&op->op, spanning->body);
        op->rows.behind.after_numbers[0] = spanning->kind;
        op->rows.behind.after_digest = spanning->id;
    }
}

static void read_reference(struct rows_op *op, const PGresult *result, int row)
{
    struct store_reference *reference = pg_op_row(&op->op, sizeof(*reference));

    if (reference != NULL) {
        pg_id(result, row, 0, &reference->execution);
        pg_digest(result, row, 1, &reference->digest);
        op->rows.behind.after = reference->execution;
        op->rows.behind.after_digest = reference->digest;
    }
}

static void read_letter(struct rows_op *op, const PGresult *result, int row)
{
    struct store_dead_letter *letter = pg_op_row(&op->op, sizeof(*letter));

    if (letter != NULL) {
        letter->topic = pg_op_text(&op->op, pg_text(result, row, 1));
        letter->partition = (uint32_t)pg_int(result, row, 2);
        letter->offset = pg_int(result, row, 3);
        letter->at_ns = pg_int(result, row, 4);
        letter->reason = pg_op_text(&op->op, pg_text(result, row, 5));
        letter->key = pg_op_copy(&op->op, pg_bytes(result, row, 6));
        letter->value = pg_op_copy(&op->op, pg_bytes(result, row, 7));
        op->rows.behind.after_numbers[0] = pg_int(result, row, 0);
    }
}

static void read_row(struct rows_op *op, const PGresult *result, int row)
{
    switch (op->query.table) {
    case ROW_EXECUTION:
        read_execution(op, result, row);
        break;
    case ROW_SPANNING:
        read_spanning(op, result, row);
        break;
    case ROW_RUN:
    case ROW_PAGE:
    case ROW_OUTPUT:
        read_part(op, result, row);
        break;
    case ROW_REFERENCE:
        read_reference(op, result, row);
        break;
    case ROW_LETTER:
        read_letter(op, result, row);
        break;
    case ROW_SHARD:
    case ROW_DEFINITION:
    case ROW_TABLE_NR:
        break;
    }
}

static void rows_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct rows_op *op = (struct rows_op *)request;
    int count = PQntuples(result);

    if (step == 1) {
        for (int i = 0; i < count; i++) {
            pg_id(result, i, 0, &op->deleted[op->rows.deleted_count++]);
        }
        return;
    }
    if (count == 0) {
        return; /* no such shard */
    }
    read_shard(op, result);
    count = PQgetisnull(result, 0, 0) ? 0 : count;
    for (int i = 0; i < count && !op->op.is_full; i++) {
        read_row(op, result, i);
    }
    /* Named executions are never more than one answer holds. */
    op->rows.is_last = count < tables[op->query.table].limit ||
                       (op->query.table == ROW_EXECUTION && op->query.id_count > 0);
}

static void rows_show(struct rows_op *op)
{
    struct store_batch *to = &op->rows.live.rows;

    if (op->query.table != ROW_EXECUTION) {
        row_batch_set(to, op->query.table, op->op.rows, op->op.row_count);
        return;
    }
    to->inserts = op->op.rows;
    to->insert_count = op->op.row_count;
    to->definitions = op->definitions;
    op->rows.live.is_listed = op->is_listed;
}

static void rows_done(struct pg_op *base, const struct exo_error *err)
{
    struct rows_op *op = (struct rows_op *)base;
    struct exo_error missing;

    if (err == NULL && !op->rows.live.has_shard) {
        (void)exo_error_set(&missing, EXO_ENOTFOUND, "there is no shard %u", op->query.shard);
        err = pg_error(base->store, &missing);
    }
    op->rows.behind.has_after = true;
    op->rows.deleted = op->deleted;
    rows_show(op);
    op->done(base->argument, err == NULL ? &op->rows : NULL, err);
}

void postgres_store_rows_read(struct store *store, const struct store_rows_query *query,
                              store_rows_done *done, void *argument)
{
    struct rows_op *op = pg_op_new(store, sizeof(*op), argument);

    op->query = *query;
    op->query.ids = NULL;
    for (uint32_t i = 0; i < query->id_count; i++) {
        op->ids[i] = query->ids[i];
    }
    op->rows.behind = op->query;
    op->definitions = arena_alloc(&op->op.arena, STORE_ROWS_MAX * sizeof(*op->definitions));
    op->is_listed = arena_alloc(&op->op.arena, STORE_ROWS_MAX * sizeof(*op->is_listed));
    op->deleted = arena_alloc(&op->op.arena, sizeof(op->ids));
    if (op->definitions == NULL || op->is_listed == NULL || op->deleted == NULL) {
        abort();
    }
    op->statements[0] = (uint8_t)statement_of(op);
    op->statements[1] = query->table == ROW_EXECUTION && query->id_count > 0
                            ? (uint8_t)SQL_ROWS_DELETED
                            : op->statements[0];
    op->done = done;
    op->op.request.send = rows_send;
    op->op.request.result = rows_result;
    op->op.done = rows_done;
    pg_op_read(&op->op, op->statements, op->statements[1] == op->statements[0] ? 1 : 2);
}
