#include "infra/store/sqlite_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Rows as they are, with the shard's row, in one read transaction. */

enum { ROWS_BYTES_MAX = 8 << 20 };

struct rows_op {
    struct op op; /* rows: of what the table holds; EXECUTION: struct execution_row */
    struct store_rows_query query;
    struct execution_id ids[STORE_ROWS_MAX];
    struct store_rows rows;
    struct store_execution *executions;
    struct store_definition *definitions;
    bool *is_listed;
    struct execution_id *deleted;
    bool is_full; /* rows may be left */
    store_rows_done *done;
};

static int shard_read(struct rows_op *op, struct sqlite_connection *connection,
                      struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT epoch, batch, now_ns, jobs_offset, jobs_checksum, status_offset, "
                   "status_checksum, event_batch, extra FROM shard WHERE shard = ?1",
                   err);
    struct store_batch *to = &op->rows.live.rows;

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->query.shard);
    int stepped = sqlite_step(statement, err);

    if (stepped <= 0) {
        return stepped < 0
                   ? -1
                   : exo_error_set(err, EXO_ENOTFOUND, "there is no shard %u", op->query.shard);
    }
    to->shard = op->query.shard;
    to->epoch = (uint64_t)sqlite_column_int(statement, 0);
    to->next = (uint64_t)sqlite_column_int(statement, 1);
    to->now_ns = sqlite_column_int(statement, 2);
    for (int i = 0; i < STORE_INPUTS; i++) {
        to->inputs[i].offset = sqlite_column_int(statement, 3 + 2 * i);
        to->inputs[i].checksum = (uint32_t)sqlite_column_int(statement, 4 + 2 * i);
    }
    to->event_batch = (uint64_t)sqlite_column_int(statement, 7);
    int result = op_copy(&op->op, sqlite_column_bytes(statement, 8), &to->extra, err);

    sqlite_rewind(statement);
    op->rows.live.has_shard = true;
    return result;
}

static const char *rows_sql(const struct rows_op *op)
{
    switch (op->query.table) {
    case ROW_EXECUTION:
        if (op->query.id_count > 0) {
            return "SELECT " EXECUTION_ALL " FROM execution e "
                   "LEFT JOIN definition d ON d.digest = e.definition WHERE e.id = ?1";
        }
        return op->query.is_live_only
                   ? "SELECT " EXECUTION_ALL " FROM execution e INDEXED BY execution_live "
                     "LEFT JOIN definition d ON d.digest = e.definition "
                     "WHERE e.shard = ?1 AND e.is_terminal = 0 AND e.id > ?2 ORDER BY e.id"
                   : "SELECT " EXECUTION_ALL " FROM execution e "
                     "LEFT JOIN definition d ON d.digest = e.definition "
                     "WHERE e.id > ?2 AND e.shard = ?1 ORDER BY e.id";
    case ROW_SPANNING:
        return "SELECT kind, id, body FROM spanning "
               "WHERE shard = ?1 AND (kind, id) > (?2, ?3) ORDER BY kind, id";
    case ROW_RUN:
        return "SELECT execution, instance, \"index\", number, is_ended, body FROM group_run "
               "WHERE execution = ?1 AND (instance, \"index\") > (?2, ?3) "
               "ORDER BY instance, \"index\"";
    case ROW_PAGE:
        return "SELECT execution, instance, page, body FROM task_page "
               "WHERE execution = ?1 AND (instance, page) > (?2, ?3) ORDER BY instance, page";
    case ROW_OUTPUT:
        return "SELECT execution, instance, kind, page, part, body FROM task_output "
               "WHERE execution = ?1 AND (instance, kind, page, part) > (?2, ?3, ?4, ?5) "
               "ORDER BY instance, kind, page, part";
    case ROW_REFERENCE:
        return "SELECT execution, digest FROM blob_reference "
               "WHERE execution = ?1 AND digest > ?2 ORDER BY digest";
    case ROW_LETTER:
        return "SELECT id, topic, partition, position, at_ns, reason, key, value "
               "FROM dead_letter WHERE id > ?2 AND partition = ?1 ORDER BY id";
    case ROW_SHARD:
    case ROW_DEFINITION:
    case ROW_TABLE_NR:
        break;
    }
    assert(false); /* the caller asks for no such rows */
    return "";
}

static int read_letter(struct rows_op *op, struct sqlite_statement *statement,
                       struct exo_error *err)
{
    struct store_dead_letter *letter = op_row(&op->op, sizeof(*letter), err);

    if (letter == NULL ||
        op_copy_text(&op->op, sqlite_column_text(statement, 1), &letter->topic, err) < 0 ||
        op_copy_text(&op->op, sqlite_column_text(statement, 5), &letter->reason, err) < 0 ||
        op_copy(&op->op, sqlite_column_bytes(statement, 6), &letter->key, err) < 0 ||
        op_copy(&op->op, sqlite_column_bytes(statement, 7), &letter->value, err) < 0) {
        return -1;
    }
    letter->partition = (uint32_t)sqlite_column_int(statement, 2);
    letter->offset = sqlite_column_int(statement, 3);
    letter->at_ns = sqlite_column_int(statement, 4);
    op->rows.behind.after_numbers[0] = sqlite_column_int(statement, 0);
    return 0;
}

/* One row of a part of an execution. */
static int read_part(struct rows_op *op, struct sqlite_statement *statement, struct exo_error *err)
{
    struct store_rows_query *behind = &op->rows.behind;

    if (op->query.table == ROW_RUN) {
        struct store_run *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_run(&op->op, statement, row, err) < 0) {
            return -1;
        }
        behind->after = row->execution;
        behind->after_numbers[0] = row->instance;
        behind->after_numbers[1] = row->index;
        return 0;
    }
    if (op->query.table == ROW_PAGE) {
        struct store_page *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_page(&op->op, statement, row, err) < 0) {
            return -1;
        }
        behind->after = row->execution;
        behind->after_numbers[0] = row->instance;
        behind->after_numbers[1] = row->page;
        return 0;
    }
    struct store_segment *row = op_row(&op->op, sizeof(*row), err);

    if (row == NULL || sqlite_read_segment(&op->op, statement, row, err) < 0) {
        return -1;
    }
    behind->after = row->execution;
    behind->after_numbers[0] = row->instance;
    behind->after_numbers[1] = row->kind;
    behind->after_numbers[2] = row->page;
    behind->after_numbers[3] = (int64_t)row->part;
    return 0;
}

/* One row, and where the next ones begin. */
static int read_row(struct rows_op *op, struct sqlite_statement *statement, struct exo_error *err)
{
    struct store_rows_query *behind = &op->rows.behind;

    switch (op->query.table) {
    case ROW_EXECUTION: {
        struct execution_row *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_all(&op->op, statement, row, err) < 0) {
            return -1;
        }
        behind->after = row->execution.id;
        return 0;
    }
    case ROW_SPANNING: {
        struct store_spanning *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_spanning(&op->op, statement, row, err) < 0) {
            return -1;
        }
        behind->after_numbers[0] = row->kind;
        behind->after_digest = row->id;
        return 0;
    }
    case ROW_RUN:
    case ROW_PAGE:
    case ROW_OUTPUT:
        return read_part(op, statement, err);
    case ROW_REFERENCE: {
        struct store_reference *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL) {
            return -1;
        }
        column_id(statement, 0, &row->execution);
        column_digest(statement, 1, &row->digest);
        behind->after = row->execution;
        behind->after_digest = row->digest;
        return 0;
    }
    case ROW_LETTER:
        return read_letter(op, statement, err);
    case ROW_SHARD:
    case ROW_DEFINITION:
    case ROW_TABLE_NR:
        break;
    }
    return 0;
}

/* Of the rows of one execution, or of the shard; id NULL. Those behind the key of from. */
static void rows_bind(const struct rows_op *op, struct sqlite_statement *statement,
                      const struct execution_id *id, const struct store_rows_query *from)
{
    bool is_behind = from->has_after && (id == NULL || execution_id_equal(id, &from->after));
    static const struct digest least;

    if (id == NULL) {
        sqlite_bind_int(statement, 1, op->query.shard);
    } else {
        bind_id(statement, 1, id);
    }
    switch (op->query.table) {
    case ROW_EXECUTION:
        if (id == NULL) {
            bind_id(statement, 2, &from->after);
        }
        break;
    case ROW_SPANNING:
        sqlite_bind_int(statement, 2, is_behind ? from->after_numbers[0] : -1);
        bind_digest(statement, 3, &from->after_digest);
        break;
    case ROW_REFERENCE:
        if (is_behind) {
            bind_digest(statement, 2, &from->after_digest);
        } else {
            sqlite_bind_bytes(statement, 2, (struct span){&least, 0});
        }
        break;
    case ROW_LETTER:
        sqlite_bind_int(statement, 2, is_behind ? from->after_numbers[0] : -1);
        break;
    case ROW_RUN:
    case ROW_PAGE:
    case ROW_OUTPUT:
        for (int i = 0; i < (op->query.table == ROW_OUTPUT ? 4 : 2); i++) {
            sqlite_bind_int(statement, 2 + i, is_behind ? from->after_numbers[i] : -1);
        }
        break;
    case ROW_SHARD:
    case ROW_DEFINITION:
    case ROW_TABLE_NR:
        break;
    }
}

static int rows_of(struct rows_op *op, struct sqlite_connection *connection,
                   const struct execution_id *id, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, rows_sql(op), err);
    /* The key moves while the statement still borrows the old one. */
    const struct store_rows_query from = op->query;
    int stepped = 0;

    if (statement == NULL) {
        return -1;
    }
    rows_bind(op, statement, id, &from);
    while (!op->is_full && (stepped = sqlite_step(statement, err)) > 0) {
        if (read_row(op, statement, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
        op->is_full =
            op->op.row_count == STORE_ROWS_MAX || op->op.arena.used_bytes > ROWS_BYTES_MAX;
    }
    if (stepped > 0) {
        sqlite_rewind(statement);
    }
    return stepped < 0 ? -1 : 0;
}

static int deleted_read(struct rows_op *op, struct sqlite_connection *connection,
                        const struct execution_id *id, struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection, "SELECT 1 FROM tombstone WHERE id = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, id);
    int stepped = sqlite_step(statement, err);

    if (stepped > 0) {
        sqlite_rewind(statement);
        op->deleted[op->rows.deleted_count++] = *id;
    }
    return stepped < 0 ? -1 : 0;
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, EXECUTION_ID_BYTES);
}

static int rows_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct rows_op *op = argument;

    op->deleted = arena_alloc(&op->op.arena, sizeof(op->ids));
    if (op->deleted == NULL) {
        return exo_error_set(err, EXO_ELIMIT, "no room for rows");
    }
    if (shard_read(op, connection, err) < 0) {
        return -1;
    }
    if (op->query.id_count == 0) {
        return rows_of(op, connection, NULL, err);
    }
    for (uint32_t i = 0; i < op->query.id_count; i++) {
        const struct execution_id *id = &op->ids[i];

        if (op->query.table == ROW_EXECUTION && deleted_read(op, connection, id, err) < 0) {
            return -1;
        }
        if (!op->is_full && (!op->query.has_after || by_id(id, &op->query.after) >= 0) &&
            rows_of(op, connection, id, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* An execution that stands is a live one here: the index follows by itself. */
static bool executions_show(struct rows_op *op)
{
    const struct execution_row *rows = op->op.rows;
    struct store_batch *to = &op->rows.live.rows;
    uint32_t count = op->op.row_count;

    op->executions = arena_alloc(&op->op.arena, count * sizeof(*op->executions));
    op->definitions = arena_alloc(&op->op.arena, count * sizeof(*op->definitions));
    if (op->executions == NULL || op->definitions == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;

        op->executions[i] = rows[i].execution;
        while (k < to->definition_count &&
               memcmp(op->definitions[k].digest.bytes, rows[i].execution.definition.bytes,
                      DIGEST_BYTES) != 0) {
            k++;
        }
        if (k == to->definition_count && rows[i].definition_text.bytes > 0) {
            op->definitions[to->definition_count++] =
                (struct store_definition){rows[i].execution.definition, rows[i].definition_text};
        }
    }
    to->inserts = op->executions;
    to->insert_count = count;
    to->definitions = op->definitions;
    return true;
}

static bool rows_show(struct rows_op *op)
{
    if (op->query.table == ROW_EXECUTION) {
        return executions_show(op);
    }
    row_batch_set(&op->rows.live.rows, op->query.table, op->op.rows, op->op.row_count);
    return true;
}

static void rows_end(void *argument, const struct exo_error *err)
{
    struct rows_op *op = argument;
    struct exo_error full;

    /* Named executions are never more than one answer holds. */
    op->rows.is_last = !op->is_full || (op->query.table == ROW_EXECUTION && op->query.id_count > 0);
    op->rows.behind.has_after = true;
    op->rows.deleted = op->deleted;
    if (err == NULL && !rows_show(op)) {
        (void)exo_error_set(&full, EXO_ELIMIT, "no room for rows");
        err = &full;
    }
    op->done(op->op.argument, err == NULL ? &op->rows : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_rows_read(struct store *store, const struct store_rows_query *query,
                            store_rows_done *done, void *argument)
{
    struct rows_op *op = op_new(store, sizeof(*op), argument);

    op->query = *query;
    op->query.ids = NULL;
    for (uint32_t i = 0; i < query->id_count; i++) {
        op->ids[i] = query->ids[i];
    }
    qsort(op->ids, query->id_count, sizeof(op->ids[0]), by_id);
    op->rows.behind = op->query;
    op->done = done;
    op_read(&op->op, rows_job, rows_end);
}
