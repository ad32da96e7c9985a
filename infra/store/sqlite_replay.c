#include "infra/store/sqlite_store.h"

#include <string.h>

/* What tables are built again from, and rows as they are, each read in one transaction with the
 * shard's. */

enum { ROWS_BYTES_MAX = 8 << 20 };

static int run_numbers(struct sqlite_connection *connection, const char *sql,
                       const int64_t *numbers, int count, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        sqlite_bind_int(statement, i + 1, numbers[i]);
    }
    return sqlite_run(statement, err);
}

/* ---- the journal ---- */

struct imprint_op {
    struct op op; /* rows: struct store_imprint */
    int64_t numbers[3];
    store_imprints_done *done;
};

static int imprint_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct imprint_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT epoch, batch, at_ns, body, imprint FROM journal "
                   "WHERE shard = ?1 AND batch > ?2 ORDER BY batch LIMIT ?3",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        sqlite_bind_int(statement, i + 1, op->numbers[i]);
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_imprint *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL ||
            op_copy(&op->op, sqlite_column_bytes(statement, 3), &row->body, err) < 0 ||
            op_copy(&op->op, sqlite_column_bytes(statement, 4), &row->imprint, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
        row->epoch = (uint64_t)sqlite_column_int(statement, 0);
        row->batch = (uint64_t)sqlite_column_int(statement, 1);
        row->at_ns = sqlite_column_int(statement, 2);
        if (op->op.arena.used_bytes > ROWS_BYTES_MAX) {
            sqlite_rewind(statement);
            return 0;
        }
    }
    return stepped;
}

static void imprint_done(void *argument, const struct exo_error *err)
{
    struct imprint_op *op = argument;

    op->done(op->op.argument, err == NULL ? op->op.rows : NULL, err == NULL ? op->op.row_count : 0,
             op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_imprint_get(struct store *store, uint32_t shard, uint64_t after_batch,
                              uint32_t limit, store_imprints_done *done, void *argument)
{
    struct imprint_op *op = op_new(store, sizeof(*op), argument);

    op->numbers[0] = shard;
    op->numbers[1] = (int64_t)after_batch;
    op->numbers[2] = limit;
    op->done = done;
    op_read(&op->op, imprint_job, imprint_done);
}

/* ---- snapshots ---- */

struct snapshot_op {
    struct op op; /* rows: struct store_snapshot, or struct span */
    struct store_snapshots list;
    struct store_slice slice;
    int64_t id, from, rows_max;
    uint32_t shard, limit, dropped;
    exo_time before_ns;
    store_snapshots_done *snapshots_done;
    store_slices_done *slices_done;
    store_dropped_done *dropped_done;
    store_done *done;
};

#define SNAPSHOT_COLUMNS "SELECT id, shard, epoch, base, end_batch, begun_ns, ended_ns "

static int snapshots_read(struct snapshot_op *op, struct sqlite_statement *statement,
                          struct exo_error *err)
{
    int stepped;

    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_snapshot *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL) {
            sqlite_rewind(statement);
            return -1;
        }
        row->id = sqlite_column_int(statement, 0);
        row->shard = (uint32_t)sqlite_column_int(statement, 1);
        row->epoch = (uint64_t)sqlite_column_int(statement, 2);
        row->base = (uint64_t)sqlite_column_int(statement, 3);
        row->end_batch = (uint64_t)sqlite_column_int(statement, 4); /* NULL reads as 0 */
        row->begun_ns = sqlite_column_int(statement, 5);
        row->ended_ns = sqlite_column_int(statement, 6);
    }
    return stepped;
}

static int list_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct snapshot_op *op = argument;
    struct sqlite_statement *statement = sqlite_use(
        connection, SNAPSHOT_COLUMNS "FROM journal_snapshot WHERE shard = ?1 ORDER BY id", err);
    struct sqlite_statement *place =
        sqlite_use(connection,
                   "SELECT s.batch, (SELECT min(j.batch) FROM journal j WHERE j.shard = s.shard), "
                   "(SELECT max(j.batch) FROM journal j WHERE j.shard = s.shard "
                   "AND j.imprint IS NULL) FROM shard s WHERE s.shard = ?1",
                   err);

    if (statement == NULL || place == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->shard);
    sqlite_bind_int(place, 1, op->shard);
    if (snapshots_read(op, statement, err) < 0) {
        return -1;
    }
    int stepped = sqlite_step(place, err);

    if (stepped > 0) {
        op->list.batch = (uint64_t)sqlite_column_int(place, 0);
        op->list.oldest_batch = (uint64_t)sqlite_column_int(place, 1);
        op->list.bare_batch = (uint64_t)sqlite_column_int(place, 2);
        sqlite_rewind(place);
    }
    return stepped < 0 ? -1 : 0;
}

static int snapshot_begin_job(void *argument, struct sqlite_connection *connection,
                              struct exo_error *err)
{
    struct snapshot_op *op = argument;
    const int64_t shard = op->shard;

    if (run_numbers(connection,
                    "INSERT INTO journal_snapshot (shard, epoch, base, begun_ns) "
                    "SELECT shard, epoch, batch, now_ns FROM shard WHERE shard = ?1",
                    &shard, 1, err) < 0) {
        return -1;
    }
    struct sqlite_statement *statement =
        sqlite_use(connection, SNAPSHOT_COLUMNS "FROM journal_snapshot WHERE id = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, sqlite_last_id(connection));
    return snapshots_read(op, statement, err);
}

static void snapshots_end(void *argument, const struct exo_error *err)
{
    struct snapshot_op *op = argument;

    op->list.snapshots = op->op.rows;
    op->list.count = op->op.row_count;
    op->snapshots_done(op->op.argument, err == NULL ? &op->list : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                                void *argument)
{
    struct snapshot_op *op = op_new(store, sizeof(*op), argument);

    op->shard = shard;
    op->snapshots_done = done;
    op_read(&op->op, list_job, snapshots_end);
}

void sqlite_store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                                 void *argument)
{
    struct snapshot_op *op = op_new(store, sizeof(*op), argument);

    op->shard = shard;
    op->snapshots_done = done;
    op_write(&op->op, snapshot_begin_job, snapshots_end);
}

static int slice_put_job(void *argument, struct sqlite_connection *connection,
                         struct exo_error *err)
{
    struct snapshot_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "INSERT INTO journal_slice SELECT s.id, ?2, ?5 FROM journal_snapshot s "
                   "JOIN shard h ON h.shard = s.shard WHERE s.id = ?1 AND s.end_batch IS NULL "
                   "AND s.epoch = ?3 AND h.epoch = ?3 AND h.batch >= ?4",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->slice.snapshot);
    sqlite_bind_int(statement, 2, op->slice.part);
    sqlite_bind_int(statement, 3, (int64_t)op->slice.epoch);
    sqlite_bind_int(statement, 4, (int64_t)op->slice.batch);
    sqlite_bind_bytes(statement, 5, op->slice.body);
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    return sqlite_changes(connection) == 1 ? 0 : store_snapshot_refuse(err);
}

static void plain_end(void *argument, const struct exo_error *err)
{
    struct snapshot_op *op = argument;

    op->done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_snapshot_put(struct store *store, const struct store_slice *slice,
                               store_done *done, void *argument)
{
    struct snapshot_op *op = op_new(store, sizeof(*op), argument);

    op->slice = *slice;
    op->done = done;
    op_write(&op->op, slice_put_job, plain_end);
}

static int snapshot_end_job(void *argument, struct sqlite_connection *connection,
                            struct exo_error *err)
{
    struct snapshot_op *op = argument;

    if (run_numbers(connection,
                    "UPDATE journal_snapshot AS s SET end_batch = h.batch, ended_ns = h.now_ns "
                    "FROM shard h WHERE s.id = ?1 AND h.shard = s.shard AND h.epoch = s.epoch "
                    "AND s.end_batch IS NULL",
                    &op->id, 1, err) < 0) {
        return -1;
    }
    return sqlite_changes(connection) == 1 ? 0 : store_snapshot_refuse(err);
}

void sqlite_store_snapshot_end(struct store *store, int64_t snapshot, store_done *done,
                               void *argument)
{
    struct snapshot_op *op = op_new(store, sizeof(*op), argument);

    op->id = snapshot;
    op->done = done;
    op_write(&op->op, snapshot_end_job, plain_end);
}

static int slices_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct snapshot_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT body FROM journal_slice WHERE snapshot = ?1 AND part >= ?2 "
                   "ORDER BY part LIMIT ?3",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->id);
    sqlite_bind_int(statement, 2, op->from);
    sqlite_bind_int(statement, 3, op->limit);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct span *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || op_copy(&op->op, sqlite_column_bytes(statement, 0), row, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
        if (op->op.arena.used_bytes > ROWS_BYTES_MAX) {
            sqlite_rewind(statement);
            return 0;
        }
    }
    return stepped;
}

static void slices_end(void *argument, const struct exo_error *err)
{
    struct snapshot_op *op = argument;

    op->slices_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                    err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_slice_get(struct store *store, int64_t snapshot, uint32_t from_part,
                            uint32_t limit, store_slices_done *done, void *argument)
{
    struct snapshot_op *op = op_new(store, sizeof(*op), argument);

    op->id = snapshot;
    op->from = from_part;
    op->limit = limit;
    op->slices_done = done;
    op_read(&op->op, slices_job, slices_end);
}

/* Of a shard (?1) those nothing needs: given up, or older than the newest whole one from before ?2.
 */
#define UNNEEDED                                                                                   \
    "SELECT id FROM journal_snapshot WHERE shard = ?1 AND ((end_batch IS NULL AND id < (SELECT "   \
    "max(id) FROM journal_snapshot WHERE shard = ?1)) OR id < (SELECT max(id) FROM "               \
    "journal_snapshot WHERE shard = ?1 AND ended_ns < ?2))"

static int snapshot_drop_job(void *argument, struct sqlite_connection *connection,
                             struct exo_error *err)
{
    struct snapshot_op *op = argument;
    const int64_t numbers[] = {op->shard, op->before_ns, op->rows_max};

    if (run_numbers(connection,
                    "DELETE FROM journal_slice WHERE rowid IN (SELECT rowid FROM journal_slice "
                    "WHERE snapshot IN (" UNNEEDED ") LIMIT ?3)",
                    numbers, 3, err) < 0) {
        return -1;
    }
    op->dropped = (uint32_t)sqlite_changes(connection);
    if (op->dropped == op->rows_max) {
        return 0;
    }
    return run_numbers(connection, "DELETE FROM journal_snapshot WHERE id IN (" UNNEEDED ")",
                       numbers, 2, err);
}

static void dropped_end(void *argument, const struct exo_error *err)
{
    struct snapshot_op *op = argument;

    op->dropped_done(op->op.argument, err == NULL ? op->dropped : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns,
                                uint32_t rows_max, store_dropped_done *done, void *argument)
{
    struct snapshot_op *op = op_new(store, sizeof(*op), argument);

    op->shard = shard;
    op->before_ns = before_ns;
    op->rows_max = rows_max;
    op->dropped_done = done;
    op_write(&op->op, snapshot_drop_job, dropped_end);
}
