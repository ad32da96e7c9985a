#include "infra/store/sqlite_store.h"

/* Texts of clusters that nothing names any more. One job is one transaction of the only writer: no
 * commit comes in between. */

struct definitions_op {
    struct op op;
    struct digest after, last;
    bool has_last;
    uint32_t rows_max, dropped;
    store_definitions_done *done;
};

static struct sqlite_statement *use(const struct definitions_op *op,
                                    struct sqlite_connection *connection, const char *sql,
                                    struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement != NULL) {
        bind_digest(statement, 1, &op->after);
        sqlite_bind_int(statement, 2, op->rows_max);
    }
    return statement;
}

static int drop_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct definitions_op *op = argument;
    struct sqlite_statement *last =
        use(op, connection,
            "SELECT digest FROM definition WHERE digest > ?1 ORDER BY digest LIMIT 1 OFFSET ?2 - 1",
            err);
    int stepped = last == NULL ? -1 : sqlite_step(last, err);

    if (stepped < 0) {
        return -1;
    }
    op->has_last = stepped > 0;
    if (op->has_last) {
        column_digest(last, 0, &op->last);
        sqlite_rewind(last);
    }
    struct sqlite_statement *drop =
        use(op, connection,
            "DELETE FROM definition WHERE digest IN (SELECT d.digest FROM (SELECT digest FROM "
            "definition WHERE digest > ?1 ORDER BY digest LIMIT ?2) d WHERE "
            "NOT EXISTS (SELECT 1 FROM execution e WHERE e.definition = d.digest) AND "
            "NOT EXISTS (SELECT 1 FROM stored_version v WHERE v.digest = d.digest))",
            err);

    if (drop == NULL || sqlite_run(drop, err) < 0) {
        return -1;
    }
    op->dropped = (uint32_t)sqlite_changes(connection);
    return 0;
}

static void drop_done(void *argument, const struct exo_error *err)
{
    struct definitions_op *op = argument;

    op->done(op->op.argument, err == NULL ? op->dropped : 0,
             err == NULL && op->has_last ? &op->last : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_definition_drop(struct store *store, const struct digest *after,
                                  uint32_t rows_max, store_definitions_done *done, void *argument)
{
    struct definitions_op *op = op_new(store, sizeof(*op), argument);

    op->after = *after;
    op->rows_max = rows_max;
    op->done = done;
    op_write(&op->op, drop_job, drop_done);
}
