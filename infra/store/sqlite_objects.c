#include "infra/store/sqlite_store.h"

#include <stdio.h>

/* Where blobs above 8 MiB are. */

struct object_op {
    struct op op; /* rows: char[STORE_KEY_BYTES] of a claim */
    struct store_object object;
    exo_time age_ns;
    uint32_t limit;
    store_done *plain_done;
    store_object_done *object_done;
    store_keys_done *keys_done;
};

static struct object_op *object_op_new(struct store *store, void *argument)
{
    return op_new(store, sizeof(struct object_op), argument);
}

static void column_key(struct sqlite_statement *statement, int at, char ret_key[STORE_KEY_BYTES])
{
    (void)snprintf(ret_key, STORE_KEY_BYTES, "%s", sqlite_column_text(statement, at));
}

/* ---- statements that answer nothing ---- */

static int begin_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct object_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "INSERT INTO blob_doomed VALUES (?1, ?2, 0)", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_text(statement, 1, span_of(op->object.key));
    sqlite_bind_int(statement, 2, clock_wall_ns());
    return sqlite_run(statement, err);
}

static int forget_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct object_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "DELETE FROM blob_doomed WHERE key = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_text(statement, 1, span_of(op->object.key));
    return sqlite_run(statement, err);
}

static void key_done(void *argument, const struct exo_error *err)
{
    struct object_op *op = argument;

    op->plain_done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

static void key_ask(struct store *store, const char *key, sqlite_job *job, store_done *done,
                    void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    (void)snprintf(op->object.key, sizeof(op->object.key), "%s", key);
    op->plain_done = done;
    op_write(&op->op, job, key_done);
}

void sqlite_store_object_begin(struct store *store, const char *key, store_done *done,
                               void *argument)
{
    key_ask(store, key, begin_job, done, argument);
}

void sqlite_store_object_forget(struct store *store, const char *key, store_done *done,
                                void *argument)
{
    key_ask(store, key, forget_job, done, argument);
}

/* ---- a whole upload ---- */

/* Takes the key out of the doomed; the rows that were, or -1. */
static int64_t undoom(const struct object_op *op, struct sqlite_connection *connection,
                      struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection, "DELETE FROM blob_doomed WHERE key = ?1 AND is_going = 0", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_text(statement, 1, span_of(op->object.key));
    return sqlite_run(statement, err) != 0 ? -1 : sqlite_changes(connection);
}

/* sql  has parameters 1 digest, 2 key, 3 bytes, 4 now */
static int put_run(const struct object_op *op, struct sqlite_connection *connection,
                   const char *sql, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    bind_digest(statement, 1, &op->object.digest);
    sqlite_bind_text(statement, 2, span_of(op->object.key));
    sqlite_bind_int(statement, 3, (int64_t)op->object.bytes);
    sqlite_bind_int(statement, 4, clock_wall_ns());
    return sqlite_run(statement, err);
}

static int put_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct object_op *op = argument;
    int64_t freed = undoom(op, connection, err);

    if (freed == 0) {
        return exo_error_set(err, EXO_EUNAVAILABLE,
                             "the upload took so long that it was collected; try again");
    }
    /* Where another object stands for the digest it is touched, and ours is doomed again. */
    if (freed < 0 ||
        put_run(op, connection,
                "INSERT INTO blob_object VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
                "SET touched_ns = excluded.touched_ns",
                err) != 0 ||
        put_run(op, connection,
                "INSERT INTO blob_doomed SELECT ?2, ?4, 0 WHERE NOT EXISTS "
                "(SELECT 1 FROM blob_object WHERE digest = ?1 AND key = ?2)",
                err) != 0) {
        return -1;
    }
    struct sqlite_statement *get =
        sqlite_use(connection, "SELECT key FROM blob_object WHERE digest = ?1", err);

    if (get == NULL) {
        return -1;
    }
    bind_digest(get, 1, &op->object.digest);
    int stepped = sqlite_step(get, err);

    if (stepped <= 0) {
        return stepped < 0 ? -1
                           : exo_error_set(err, EXO_EINTERNAL, "an object just put is not there");
    }
    column_key(get, 0, op->object.key);
    sqlite_rewind(get);
    return 0;
}

static void object_done(void *argument, const struct exo_error *err)
{
    struct object_op *op = argument;

    op->object_done(op->op.argument, err == NULL ? &op->object : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_object_put(struct store *store, const struct store_object *object,
                             store_object_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    op->object = *object;
    op->object_done = done;
    op_write(&op->op, put_job, object_done);
}

/* ---- one row, touched or not ---- */

static int get_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct object_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "SELECT key, bytes FROM blob_object WHERE digest = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    bind_digest(statement, 1, &op->object.digest);
    int stepped = sqlite_step(statement, err);

    if (stepped <= 0) {
        return stepped < 0 ? -1 : exo_error_set(err, EXO_ENOTFOUND, "the store has no such blob");
    }
    column_key(statement, 0, op->object.key);
    op->object.bytes = (uint64_t)sqlite_column_int(statement, 1);
    sqlite_rewind(statement);
    return 0;
}

static int touch_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct object_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection, "UPDATE blob_object SET touched_ns = ?2 WHERE digest = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    bind_digest(statement, 1, &op->object.digest);
    sqlite_bind_int(statement, 2, clock_wall_ns());
    return sqlite_run(statement, err) != 0 ? -1 : get_job(argument, connection, err);
}

void sqlite_store_object_touch(struct store *store, const struct digest *digest,
                               store_object_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    op->object.digest = *digest;
    op->object_done = done;
    op_write(&op->op, touch_job, object_done);
}

void sqlite_store_object_get(struct store *store, const struct digest *digest,
                             store_object_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    op->object.digest = *digest;
    op->object_done = done;
    op_read(&op->op, get_job, object_done);
}

/* ---- claims ---- */

static int claim_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct object_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE blob_doomed SET is_going = 1 WHERE key IN (SELECT key FROM blob_doomed "
                   "WHERE doomed_ns <= ?1 ORDER BY doomed_ns LIMIT ?2) RETURNING key",
                   err);
    int stepped = 0;

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, clock_wall_ns() - op->age_ns);
    sqlite_bind_int(statement, 2, op->limit);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        char *key = op_row(&op->op, STORE_KEY_BYTES, err);

        if (key == NULL) {
            sqlite_rewind(statement);
            return -1;
        }
        column_key(statement, 0, key);
    }
    return stepped;
}

static void claim_done(void *argument, const struct exo_error *err)
{
    struct object_op *op = argument;

    op->keys_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                  err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_object_claim(struct store *store, exo_time age_ns, uint32_t limit,
                               store_keys_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    op->age_ns = age_ns;
    op->limit = limit;
    op->keys_done = done;
    op_write(&op->op, claim_job, claim_done);
}

/* ---- collection ---- */

/* A blob b that nothing names and nobody put again since ?1. */
#define UNUSED                                                                                     \
    "b.touched_ns < ?1 AND NOT EXISTS (SELECT 1 FROM blob_reference r WHERE r.digest = b.digest)"

struct collect_op {
    struct op op;
    exo_time before_ns;
    uint32_t limit;
    bool is_dry;
    struct store_collected collected;
    store_collected_done *done;
};

/* Adds up the bytes that a statement answers, one row a blob. */
static int collect_run(const struct collect_op *op, struct sqlite_connection *connection,
                       const char *sql, uint64_t *count, uint64_t *bytes, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);
    int stepped = 0;

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->before_ns);
    sqlite_bind_int(statement, 2, op->is_dry ? INT64_MAX : op->limit);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        (*count)++;
        *bytes += (uint64_t)sqlite_column_int(statement, 0);
    }
    return stepped;
}

static int doom(const struct collect_op *op, struct sqlite_connection *connection,
                struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "INSERT INTO blob_doomed SELECT key, ?3, 0 FROM blob_object b WHERE " UNUSED
                   " ORDER BY digest LIMIT ?2",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->before_ns);
    sqlite_bind_int(statement, 2, op->limit);
    sqlite_bind_int(statement, 3, clock_wall_ns());
    return sqlite_run(statement, err);
}

static int results_expire(const struct collect_op *op, struct sqlite_connection *connection,
                          struct exo_error *err)
{
    static const char *const texts[] = {
        "DELETE FROM blob_reference WHERE execution IN (SELECT substr(key, 1, 16) FROM "
        "cached_result WHERE expires_ns < ?1 ORDER BY expires_ns, key LIMIT ?2)",
        "DELETE FROM cached_result WHERE key IN (SELECT key FROM cached_result "
        "WHERE expires_ns < ?1 ORDER BY expires_ns, key LIMIT ?2)",
    };
    int64_t now_ns = clock_wall_ns();

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sqlite_statement *statement = sqlite_use(connection, texts[i], err);

        if (statement == NULL) {
            return -1;
        }
        sqlite_bind_int(statement, 1, now_ns);
        sqlite_bind_int(statement, 2, op->limit);
        if (sqlite_run(statement, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int collect_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct collect_op *op = argument;
    struct store_collected *c = &op->collected;

    *c = (struct store_collected){0};
    if (op->is_dry) {
        return collect_run(op, connection,
                           "SELECT length(bytes) FROM blob b WHERE " UNUSED " LIMIT ?2", &c->blobs,
                           &c->blob_bytes, err) != 0 ||
                       collect_run(op, connection,
                                   "SELECT bytes FROM blob_object b WHERE " UNUSED " LIMIT ?2",
                                   &c->objects, &c->object_bytes, err) != 0
                   ? -1
                   : 0;
    }
    return results_expire(op, connection, err) != 0 ||
                   collect_run(
                       op, connection,
                       "DELETE FROM blob WHERE digest IN (SELECT digest FROM blob b WHERE " UNUSED
                       " LIMIT ?2) RETURNING length(bytes)",
                       &c->blobs, &c->blob_bytes, err) != 0 ||
                   doom(op, connection, err) != 0 ||
                   collect_run(op, connection,
                               "DELETE FROM blob_object WHERE digest IN (SELECT digest FROM "
                               "blob_object b WHERE " UNUSED
                               " ORDER BY digest LIMIT ?2) RETURNING bytes",
                               &c->objects, &c->object_bytes, err) != 0
               ? -1
               : 0;
}

static void collect_done(void *argument, const struct exo_error *err)
{
    struct collect_op *op = argument;

    op->done(op->op.argument, err == NULL ? &op->collected : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_blob_collect(struct store *store, exo_time before_ns, uint32_t limit, bool is_dry,
                               store_collected_done *done, void *argument)
{
    struct collect_op *op = op_new(store, sizeof(*op), argument);

    op->before_ns = before_ns;
    op->limit = limit;
    op->is_dry = is_dry;
    op->done = done;
    op_write(&op->op, collect_job, collect_done);
}

/* ---- results ---- */

struct result_op {
    struct op op;
    struct store_result_row row;
    struct span body;
    store_blob_done *get_done;
    store_done *put_done;
};

static int result_get_job(void *argument, struct sqlite_connection *connection,
                          struct exo_error *err)
{
    struct result_op *op = argument;
    struct sqlite_statement *statement = sqlite_use(
        connection, "SELECT body FROM cached_result WHERE key = ?1 AND expires_ns > ?2", err);

    if (statement == NULL) {
        return -1;
    }
    bind_digest(statement, 1, &op->row.key);
    sqlite_bind_int(statement, 2, clock_wall_ns());
    int stepped = sqlite_step(statement, err);

    if (stepped <= 0) {
        return stepped < 0 ? -1 : exo_error_set(err, EXO_ENOTFOUND, "there is no such result");
    }
    int copied = op_copy(&op->op, sqlite_column_bytes(statement, 0), &op->body, err);

    sqlite_rewind(statement);
    return copied;
}

static void result_get_done(void *argument, const struct exo_error *err)
{
    struct result_op *op = argument;

    op->get_done(op->op.argument, op->body, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_result_get(struct store *store, const struct digest *key, store_blob_done *done,
                             void *argument)
{
    struct result_op *op = op_new(store, sizeof(*op), argument);

    op->row.key = *key;
    op->get_done = done;
    op_read(&op->op, result_get_job, result_get_done);
}

static int result_put_job(void *argument, struct sqlite_connection *connection,
                          struct exo_error *err)
{
    struct result_op *op = argument;
    struct sqlite_statement *put =
        sqlite_use(connection,
                   "INSERT INTO cached_result VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET "
                   "expires_ns = excluded.expires_ns, body = excluded.body",
                   err);

    if (put == NULL) {
        return -1;
    }
    bind_digest(put, 1, &op->row.key);
    sqlite_bind_int(put, 2, clock_wall_ns() + op->row.ttl_ns);
    sqlite_bind_bytes(put, 3, op->row.body);
    if (sqlite_run(put, err) != 0) {
        return -1;
    }
    for (uint32_t i = 0; i < op->row.blob_count; i++) {
        struct sqlite_statement *refer = sqlite_use(
            connection, "INSERT INTO blob_reference VALUES (?1, ?2) ON CONFLICT DO NOTHING", err);

        if (refer == NULL) {
            return -1;
        }
        sqlite_bind_bytes(refer, 1, (struct span){op->row.key.bytes, EXECUTION_ID_BYTES});
        bind_digest(refer, 2, &op->row.blobs[i]);
        if (sqlite_run(refer, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static void result_put_done(void *argument, const struct exo_error *err)
{
    struct result_op *op = argument;

    op->put_done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_result_put(struct store *store, const struct store_result_row *row,
                             store_done *done, void *argument)
{
    struct result_op *op = op_new(store, sizeof(*op), argument);

    op->row = *row;
    op->put_done = done;
    op_write(&op->op, result_put_job, result_put_done);
}
