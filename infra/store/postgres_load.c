#include "infra/store/postgres_store.h"

#include <string.h>

enum load_phase {
    LOAD_SPANNING,
    LOAD_EXECUTIONS,
    LOAD_RUNS,
    LOAD_PAGES,
    LOAD_SEGMENTS,
    LOAD_END,
};

/* One chunk is one op; the next chunk is another that begins behind it. */
struct load_op {
    struct pg_op op;
    struct store_load_callbacks callbacks;
    uint32_t shard;
    enum load_phase phase;
    struct execution_id after; /* key of the last row shown, as with the next six */
    struct digest after_id;    /* of what spans executions */
    int64_t number, instance, page, kind, part;
    int got; /* rows of this chunk */
};

static const uint8_t LOAD_STATEMENTS[] = {SQL_LOAD_SPANNING, SQL_LOAD_EXECUTIONS, SQL_LOAD_RUNS,
                                          SQL_LOAD_PAGES, SQL_LOAD_SEGMENTS};

static void load_send(struct link_request *request, struct postgres_link *link)
{
    const struct load_op *op = (const struct load_op *)request;
    struct postgres_params *params = link_params(link);

    params_int4(params, (int32_t)op->shard);
    if (op->phase == LOAD_SPANNING) {
        params_int4(params, (int32_t)op->kind);
        params_bytes(params, digest_span(&op->after_id));
    } else {
        params_bytes(params, id_span(&op->after));
    }
    if (op->phase == LOAD_RUNS) {
        params_int8(params, op->number);
    }
    if (op->phase == LOAD_PAGES || op->phase == LOAD_SEGMENTS) {
        params_int8(params, op->instance);
        params_int8(params, op->page);
    }
    if (op->phase == LOAD_SEGMENTS) {
        params_int8(params, op->kind);
        params_int8(params, op->part);
    }
    link_send(link, (enum postgres_statement)LOAD_STATEMENTS[op->phase], params);
}

/* The text of a row's definition: in the row, or in the first of this chunk that has the same. */
static struct span load_text(const PGresult *result, int row)
{
    for (int i = 0; i < row; i++) {
        if (span_equal(pg_bytes(result, i, PG_DEFINITION_COLUMN),
                       pg_bytes(result, row, PG_DEFINITION_COLUMN))) {
            return pg_bytes(result, i, PG_HEAD_COLUMNS + 4);
        }
    }
    return pg_bytes(result, row, PG_HEAD_COLUMNS + 4);
}

static void load_one(struct load_op *op, const PGresult *result, int row)
{
    void *argument = op->op.argument;

    if (op->phase == LOAD_SPANNING) {
        struct store_spanning spanning;

        pg_read_spanning(result, row, &spanning);
        op->kind = spanning.kind;
        op->after_id = spanning.id;
        op->callbacks.spanning(argument, &spanning);
    } else if (op->phase == LOAD_EXECUTIONS) {
        struct store_execution execution;

        (void)pg_read_all(result, row, &execution); /* its text may stand in an earlier row */
        op->after = execution.id;
        op->callbacks.execution(argument, &execution, load_text(result, row));
    } else if (op->phase == LOAD_RUNS) {
        struct store_run run;

        pg_read_run(result, row, &run);
        op->after = run.execution;
        op->number = run.number;
        op->callbacks.run(argument, &run);
    } else if (op->phase == LOAD_PAGES) {
        struct store_page page;

        pg_read_page(result, row, &page);
        op->after = page.execution;
        op->instance = page.instance;
        op->page = page.page;
        op->callbacks.page(argument, &page);
    } else {
        struct store_segment segment;

        pg_read_segment(result, row, &segment);
        op->after = segment.execution;
        op->instance = segment.instance;
        op->kind = segment.kind;
        op->page = segment.page;
        op->part = (int64_t)segment.part;
        op->callbacks.segment(argument, &segment);
    }
}

static void load_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct load_op *op = (struct load_op *)request;

    (void)step;
    op->got = PQntuples(result);
    for (int row = 0; row < op->got; row++) {
        load_one(op, result, row);
    }
}

static void load_begin_phase(struct load_op *op, enum load_phase phase)
{
    op->phase = phase;
    memset(&op->after, 0, sizeof(op->after));
    memset(&op->after_id, 0, sizeof(op->after_id));
    op->number = op->instance = op->page = op->kind = -1;
    op->part = INT64_MIN;
}

static void load_chunk(struct load_op *op);

static void load_done(struct pg_op *base, const struct exo_error *err)
{
    struct load_op *op = (struct load_op *)base;

    if (err != NULL) {
        op->callbacks.done(base->argument, err);
        return;
    }
    struct load_op *next = pg_op_new(&base->store->store, sizeof(*next), base->argument);

    next->callbacks = op->callbacks;
    next->shard = op->shard;
    next->phase = op->phase;
    next->after = op->after;
    next->after_id = op->after_id;
    next->number = op->number;
    next->instance = op->instance;
    next->page = op->page;
    next->kind = op->kind;
    next->part = op->part;
    if (op->got < POSTGRES_CHUNK_ROWS) {
        load_begin_phase(next, op->phase + 1);
    }
    load_chunk(next);
}

static void load_chunk(struct load_op *op)
{
    struct exo_error closed;

    if (op->phase == LOAD_END) {
        op->callbacks.done(op->op.argument, NULL);
        pg_op_free(&op->op);
        return;
    }
    if (op->op.store->is_closing) {
        (void)exo_error_set(&closed, EXO_EUNKNOWN, "the store is being closed");
        op->callbacks.done(op->op.argument, &closed);
        pg_op_free(&op->op);
        return;
    }
    op->op.request.send = load_send;
    op->op.request.result = load_result;
    op->op.done = load_done;
    pg_op_read(&op->op, LOAD_STATEMENTS, sizeof(LOAD_STATEMENTS));
}

void postgres_store_shard_load(struct store *store, uint32_t shard,
                               const struct store_load_callbacks *callbacks, void *argument)
{
    struct load_op *op = pg_op_new(store, sizeof(*op), argument);

    op->callbacks = *callbacks;
    op->shard = shard;
    load_begin_phase(op, LOAD_SPANNING);
    load_chunk(op);
}
