/* postgres_spanning: what spans executions, read by those who do not own its shard. */
#include "infra/store/postgres_store.h"

struct spanning_op {
    struct pg_op op; /* rows: struct store_spanning */
    struct store_spanning_query query;
    store_spanning_done *done;
};

static const uint8_t READ_STATEMENTS[] = {SQL_SPANNING_READ};
static const uint8_t READ_ALL_STATEMENTS[] = {SQL_SPANNING_READ_ALL};

static void read_send(struct link_request *request, struct postgres_link *link)
{
    const struct spanning_op *op = (const struct spanning_op *)request;
    struct postgres_params *params = link_params(link);
    bool is_all = op->query.shard == STORE_ANY_SHARD;

    params_int4(params, (int32_t)op->query.kind);
    params_bytes(params, (struct span){op->query.from.bytes, DIGEST_BYTES});
    params_int8(params, op->query.limit);
    if (!is_all) {
        params_int4(params, (int32_t)op->query.shard);
    }
    link_send(link, is_all ? SQL_SPANNING_READ_ALL : SQL_SPANNING_READ, params);
}

static void read_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct spanning_op *op = (struct spanning_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_spanning *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        pg_read_spanning(result, i, row);
        row->body = pg_op_copy(&op->op, row->body);
    }
}

static void read_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct spanning_op *)base)
        ->done(base->argument, err == NULL ? base->rows : NULL, err == NULL ? base->row_count : 0,
               err);
}

void postgres_store_spanning_read(struct store *store, const struct store_spanning_query *query,
                                  store_spanning_done *done, void *argument)
{
    struct spanning_op *op = pg_op_new(store, sizeof(*op), argument);

    op->query = *query;
    op->done = done;
    op->op.request.send = read_send;
    op->op.request.result = read_result;
    op->op.done = read_done;
    pg_op_read(&op->op, query->shard == STORE_ANY_SHARD ? READ_ALL_STATEMENTS : READ_STATEMENTS, 1);
}
