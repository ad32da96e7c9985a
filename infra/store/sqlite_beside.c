#include "infra/store/sqlite_store.h"

/* What stands beside the executions: idempotency keys, blobs, dead letters. */

/* ---- idempotency keys ---- */

struct key_op {
    struct op op;
    const char *project, *key;
    struct execution_id id;
    struct digest body;
    store_key_done *done;
    bool is_copied;
};

static int key_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct key_op *op = argument;
    struct sqlite_statement *put = sqlite_use(
        connection,
        "INSERT INTO idempotency_key VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING", err);
    struct sqlite_statement *get = sqlite_use(connection,
                                              "SELECT execution, body_digest FROM idempotency_key "
                                              "WHERE project = ?1 AND key = ?2",
                                              err);

    if (put == NULL || get == NULL) {
        return -1;
    }
    if (!op->is_copied) {
        return exo_error_set(err, EXO_ELIMIT, "the idempotency key is too long");
    }
    sqlite_bind_text(put, 1, span_of(op->project));
    sqlite_bind_text(put, 2, span_of(op->key));
    bind_id(put, 3, &op->id);
    bind_digest(put, 4, &op->body);
    sqlite_bind_int(put, 5, clock_wall_ns());
    if (sqlite_run(put, err) < 0) {
        return -1;
    }
    sqlite_bind_text(get, 1, span_of(op->project));
    sqlite_bind_text(get, 2, span_of(op->key));
    int stepped = sqlite_step(get, err);

    if (stepped <= 0) {
        return stepped < 0 ? -1 : exo_error_set(err, EXO_EINTERNAL, "a key just put is not there");
    }
    column_id(get, 0, &op->id);
    column_digest(get, 1, &op->body);
    sqlite_rewind(get);
    return 0;
}

static void key_done(void *argument, const struct exo_error *err)
{
    struct key_op *op = argument;

    op->done(op->op.argument, err == NULL ? &op->id : NULL, err == NULL ? &op->body : NULL,
             op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_key_put(struct store *store, const char *project, const char *key,
                          const struct execution_id *id, const struct digest *body,
                          store_key_done *done, void *argument)
{
    struct key_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->is_copied = op_copy_text(&op->op, project, &op->project, &err) == 0 &&
                    op_copy_text(&op->op, key, &op->key, &err) == 0;
    op->id = *id;
    op->body = *body;
    op->done = done;
    op_write(&op->op, key_job, key_done);
}

/* ---- blobs ---- */

struct blob_op {
    struct op op;
    struct digest digest;
    struct span bytes;
    store_done *put_done;
    store_blob_done *get_done;
};

static int blob_put_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct blob_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "INSERT INTO blob VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
                   "SET touched_ns = excluded.touched_ns",
                   err);

    if (op->bytes.bytes > STORE_BLOB_BYTES_MAX) {
        return exo_error_set(err, EXO_ELIMIT, "a blob may have %d bytes, not %zu",
                             STORE_BLOB_BYTES_MAX, op->bytes.bytes);
    }
    if (statement == NULL) {
        return -1;
    }
    bind_digest(statement, 1, &op->digest);
    sqlite_bind_int(statement, 2, clock_wall_ns());
    sqlite_bind_bytes(statement, 3, op->bytes);
    return sqlite_run(statement, err);
}

static void blob_put_done(void *argument, const struct exo_error *err)
{
    struct blob_op *op = argument;

    op->put_done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_blob_put(struct store *store, const struct digest *digest, struct span bytes,
                           store_done *done, void *argument)
{
    struct blob_op *op = op_new(store, sizeof(*op), argument);

    op->digest = *digest;
    op->bytes = bytes;
    op->put_done = done;
    op_write(&op->op, blob_put_job, blob_put_done);
}

static int blob_get_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct blob_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "SELECT bytes FROM blob WHERE digest = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    bind_digest(statement, 1, &op->digest);
    int stepped = sqlite_step(statement, err);

    if (stepped <= 0) {
        return stepped < 0 ? -1 : exo_error_set(err, EXO_ENOTFOUND, "the store has no such blob");
    }
    int copied = op_copy(&op->op, sqlite_column_bytes(statement, 0), &op->bytes, err);

    sqlite_rewind(statement);
    return copied;
}

static void blob_get_done(void *argument, const struct exo_error *err)
{
    struct blob_op *op = argument;

    op->get_done(op->op.argument, op->bytes, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_blob_get(struct store *store, const struct digest *digest, store_blob_done *done,
                           void *argument)
{
    struct blob_op *op = op_new(store, sizeof(*op), argument);

    op->digest = *digest;
    op->get_done = done;
    op_read(&op->op, blob_get_job, blob_get_done);
}

/* ---- dead letters ---- */

struct letter_op {
    struct op op; /* rows: struct store_dead_letter_row */
    int64_t id;
    uint32_t limit;
    store_letters_done *list_done;
    store_done *replayed_done;
};

static int read_letter(struct op *op, struct sqlite_statement *statement, struct exo_error *err)
{
    struct store_dead_letter_row *row = op_row(op, sizeof(*row), err);

    if (row == NULL) {
        return -1;
    }
    struct store_dead_letter *letter = &row->letter;

    row->id = sqlite_column_int(statement, 0);
    row->is_replayed = sqlite_column_int(statement, 1) != 0;
    letter->partition = (uint32_t)sqlite_column_int(statement, 3);
    letter->offset = sqlite_column_int(statement, 4);
    letter->at_ns = sqlite_column_int(statement, 5);
    if (op_copy_text(op, sqlite_column_text(statement, 2), &letter->topic, err) < 0 ||
        op_copy_text(op, sqlite_column_text(statement, 6), &letter->reason, err) < 0 ||
        op_copy(op, sqlite_column_bytes(statement, 7), &letter->key, err) < 0) {
        return -1;
    }
    return op_copy(op, sqlite_column_bytes(statement, 8), &letter->value, err);
}

static int letter_list_job(void *argument, struct sqlite_connection *connection,
                           struct exo_error *err)
{
    struct letter_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT id, is_replayed, topic, partition, position, at_ns, reason, key, value "
                   "FROM dead_letter WHERE id > ?1 ORDER BY id LIMIT ?2",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->id);
    sqlite_bind_int(statement, 2, op->limit);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        if (read_letter(&op->op, statement, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static void letter_list_done(void *argument, const struct exo_error *err)
{
    struct letter_op *op = argument;

    op->list_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                  err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_dead_letter_list(struct store *store, int64_t after, uint32_t limit,
                                   store_letters_done *done, void *argument)
{
    struct letter_op *op = op_new(store, sizeof(*op), argument);

    op->id = after;
    op->limit = limit;
    op->list_done = done;
    op_read(&op->op, letter_list_job, letter_list_done);
}

static int replayed_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct letter_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "UPDATE dead_letter SET is_replayed = 1 WHERE id = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->id);
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    if (sqlite_changes(connection) != 1) {
        return exo_error_set(err, EXO_ENOTFOUND, "there is no dead letter %lld", (long long)op->id);
    }
    return 0;
}

static void replayed_done(void *argument, const struct exo_error *err)
{
    struct letter_op *op = argument;

    op->replayed_done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_dead_letter_replayed(struct store *store, int64_t id, store_done *done,
                                       void *argument)
{
    struct letter_op *op = op_new(store, sizeof(*op), argument);

    op->id = id;
    op->replayed_done = done;
    op_write(&op->op, replayed_job, replayed_done);
}
