#include "infra/store/postgres_store.h"

/* What tables are built again from: the journal whole, and snapshots. */

enum { PARAMS_MAX_HERE = 4 };

struct replay_op {
    struct pg_op op; /* rows: struct store_imprint, struct store_snapshot or struct span */
    enum postgres_statement statement;
    uint8_t statements[2];
    int64_t numbers[PARAMS_MAX_HERE];
    int number_count;
    struct span body; /* SNAPSHOT_PUT */
    struct store_snapshots list;
    int64_t count; /* of DROP; of PUT and END: whether it was kept */
    store_imprints_done *imprints_done;
    store_snapshots_done *snapshots_done;
    store_slices_done *slices_done;
    store_dropped_done *dropped_done;
    store_done *done;
};

/* All take numbers, and a slice its bytes behind them. */
static void replay_send(struct link_request *request, struct postgres_link *link)
{
    const struct replay_op *op = (const struct replay_op *)request;
    struct postgres_params *params = link_params(link);

    for (int i = 0; i < op->number_count; i++) {
        params_int8(params, op->numbers[i]);
    }
    if (op->statement == SQL_SNAPSHOT_PUT) {
        params_bytes(params, op->body);
    }
    link_send(link, op->statement, params);
    if (op->statement == SQL_SNAPSHOT_LIST) {
        params = link_params(link);
        params_int8(params, op->numbers[0]);
        link_send(link, SQL_JOURNAL_PLACE, params);
    }
}

static void ask(struct replay_op *op,
                void (*result)(struct link_request *request, uint32_t step, const PGresult *result),
                void (*done)(struct pg_op *op, const struct exo_error *err))
{
    op->statements[0] = (uint8_t)op->statement;
    op->statements[1] = SQL_JOURNAL_PLACE;
    op->op.request.send = replay_send;
    op->op.request.result = result;
    op->op.done = done;
    pg_op_read(&op->op, op->statements, op->statement == SQL_SNAPSHOT_LIST ? 2 : 1);
}

/* ---- the journal ---- */

static void imprints_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct replay_op *op = (struct replay_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_imprint *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        row->epoch = (uint64_t)pg_int(result, i, 0);
        row->batch = (uint64_t)pg_int(result, i, 1);
        row->at_ns = pg_int(result, i, 2);
        row->body = pg_op_copy(&op->op, pg_bytes(result, i, 3));
        row->imprint = pg_op_copy(&op->op, pg_bytes(result, i, 4));
    }
}

static void imprints_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct replay_op *)base)
        ->imprints_done(base->argument, err == NULL ? base->rows : NULL,
                        err == NULL ? base->row_count : 0, err);
}

void postgres_store_imprint_get(struct store *store, uint32_t shard, uint64_t after_batch,
                                uint32_t limit, store_imprints_done *done, void *argument)
{
    struct replay_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_IMPRINT_GET;
    op->numbers[0] = shard;
    op->numbers[1] = (int64_t)after_batch;
    op->numbers[2] = limit;
    op->number_count = 3;
    op->imprints_done = done;
    ask(op, imprints_result, imprints_done);
}

/* ---- snapshots ---- */

static void snapshots_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct replay_op *op = (struct replay_op *)request;

    if (step == 1) {
        if (PQntuples(result) == 0) {
            return; /* no such shard */
        }
        op->list.batch = (uint64_t)pg_int(result, 0, 0);
        op->list.oldest_batch = (uint64_t)pg_int(result, 0, 1);
        op->list.bare_batch = (uint64_t)pg_int(result, 0, 2);
        return;
    }
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_snapshot *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        row->id = pg_int(result, i, 0);
        row->shard = (uint32_t)pg_int(result, i, 1);
        row->epoch = (uint64_t)pg_int(result, i, 2);
        row->base = (uint64_t)pg_int(result, i, 3);
        row->end_batch = (uint64_t)pg_int(result, i, 4);
        row->begun_ns = pg_int(result, i, 5);
        row->ended_ns = pg_int(result, i, 6);
    }
}

static void snapshots_done(struct pg_op *base, const struct exo_error *err)
{
    struct replay_op *op = (struct replay_op *)base;

    op->list.snapshots = base->rows;
    op->list.count = base->row_count;
    op->snapshots_done(base->argument, err == NULL ? &op->list : NULL, err);
}

static void snapshots_ask(struct store *store, enum postgres_statement statement, uint32_t shard,
                          store_snapshots_done *done, void *argument)
{
    struct replay_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = statement;
    op->numbers[0] = shard;
    op->number_count = 1;
    op->snapshots_done = done;
    ask(op, snapshots_result, snapshots_done);
}

void postgres_store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                                  void *argument)
{
    snapshots_ask(store, SQL_SNAPSHOT_LIST, shard, done, argument);
}

void postgres_store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                                   void *argument)
{
    snapshots_ask(store, SQL_SNAPSHOT_BEGIN, shard, done, argument);
}

static void count_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    (void)step;
    ((struct replay_op *)request)->count = PQntuples(result) == 0 ? 0 : pg_int(result, 0, 0);
}

static void kept_done(struct pg_op *base, const struct exo_error *err)
{
    const struct replay_op *op = (const struct replay_op *)base;
    struct exo_error refused;

    if (err == NULL && op->count == 0) {
        (void)store_snapshot_refuse(&refused);
        err = pg_error(base->store, &refused);
    }
    op->done(base->argument, err);
}

void postgres_store_snapshot_put(struct store *store, const struct store_slice *slice,
                                 store_done *done, void *argument)
{
    struct replay_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_SNAPSHOT_PUT;
    op->numbers[0] = slice->snapshot;
    op->numbers[1] = slice->part;
    op->numbers[2] = (int64_t)slice->epoch;
    op->numbers[3] = (int64_t)slice->batch;
    op->number_count = 4;
    op->body = slice->body;
    op->done = done;
    ask(op, count_result, kept_done);
}

void postgres_store_snapshot_end(struct store *store, int64_t snapshot, store_done *done,
                                 void *argument)
{
    struct replay_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_SNAPSHOT_END;
    op->numbers[0] = snapshot;
    op->number_count = 1;
    op->done = done;
    ask(op, count_result, kept_done);
}

static void slices_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct replay_op *op = (struct replay_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct span *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        *row = pg_op_copy(&op->op, pg_bytes(result, i, 0));
    }
}

static void slices_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct replay_op *)base)
        ->slices_done(base->argument, err == NULL ? base->rows : NULL,
                      err == NULL ? base->row_count : 0, err);
}

void postgres_store_slice_get(struct store *store, int64_t snapshot, uint32_t from_part,
                              uint32_t limit, store_slices_done *done, void *argument)
{
    struct replay_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_SLICE_GET;
    op->numbers[0] = snapshot;
    op->numbers[1] = from_part;
    op->numbers[2] = limit;
    op->number_count = 3;
    op->slices_done = done;
    ask(op, slices_result, slices_done);
}

static void dropped_done(struct pg_op *base, const struct exo_error *err)
{
    const struct replay_op *op = (const struct replay_op *)base;

    op->dropped_done(base->argument, (uint32_t)op->count, err);
}

void postgres_store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns,
                                  uint32_t rows_max, store_dropped_done *done, void *argument)
{
    struct replay_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_SNAPSHOT_DROP;
    op->numbers[0] = shard;
    op->numbers[1] = before_ns;
    op->numbers[2] = rows_max;
    op->number_count = 3;
    op->dropped_done = done;
    ask(op, count_result, dropped_done);
}
