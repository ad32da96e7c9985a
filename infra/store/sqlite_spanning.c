/* sqlite_spanning: what spans executions, read by those who do not own its shard. */
#include "infra/store/sqlite_store.h"

struct spanning_op {
    struct op op; /* rows: struct store_spanning */
    struct store_spanning_query query;
    store_spanning_done *done;
};

static int read_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct spanning_op *op = argument;
    bool is_all = op->query.shard == STORE_ANY_SHARD;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   is_all ? "SELECT kind, id, body FROM spanning WHERE kind = ?1 AND id >= ?2 "
                            "ORDER BY id LIMIT ?3"
                          : "SELECT kind, id, body FROM spanning WHERE kind = ?1 AND id >= ?2 "
                            "AND shard = ?4 ORDER BY id LIMIT ?3",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->query.kind);
    sqlite_bind_bytes(statement, 2, (struct span){op->query.from.bytes, DIGEST_BYTES});
    sqlite_bind_int(statement, 3, op->query.limit);
    if (!is_all) {
        sqlite_bind_int(statement, 4, op->query.shard);
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_spanning *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_spanning(&op->op, statement, row, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static void read_done(void *argument, const struct exo_error *err)
{
    struct spanning_op *op = argument;

    op->done(op->op.argument, err == NULL ? op->op.rows : NULL, err == NULL ? op->op.row_count : 0,
             op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_spanning_read(struct store *store, const struct store_spanning_query *query,
                                store_spanning_done *done, void *argument)
{
    struct spanning_op *op = op_new(store, sizeof(*op), argument);

    op->query = *query;
    op->done = done;
    op_read(&op->op, read_job, read_done);
}
