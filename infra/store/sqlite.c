#include "infra/store/sqlite_store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/sql/migrations.h"

/* ---- frames of requests ---- */

void *op_new(struct store *store, size_t bytes, void *argument)
{
    struct op *op = calloc(1, bytes);

    if (op == NULL) {
        abort();
    }
    op->store = (struct sqlite_store *)store;
    op->budget.limit_bytes = OP_BYTES_MAX;
    arena_init(&op->arena, allocator_heap(&op->budget), 0);
    op->argument = argument;
    return op;
}

void op_free(struct op *op)
{
    arena_release(&op->arena);
    free(op->rows);
    free(op);
}

void op_read(struct op *op, sqlite_job *job, void (*done)(void *op, const struct exo_error *err))
{
    sqlite_file_read(op->store->file, job, done, op);
}

void op_write(struct op *op, sqlite_job *job, void (*done)(void *op, const struct exo_error *err))
{
    sqlite_file_write(op->store->file, job, done, op);
}

static int refuse_size(struct exo_error *err)
{
    return exo_error_set(err, EXO_ELIMIT, "the answer is larger than %d MiB: ask for less",
                         OP_BYTES_MAX >> 20);
}

void *op_row(struct op *op, size_t row_bytes, struct exo_error *err)
{
    if (op->row_count == op->row_capacity) {
        uint32_t capacity = op->row_capacity == 0 ? 16 : op->row_capacity * 2;
        void *moved = realloc(op->rows, capacity * row_bytes);

        if (moved == NULL || capacity * row_bytes > OP_BYTES_MAX) {
            op->rows = moved == NULL ? op->rows : moved;
            (void)refuse_size(err);
            return NULL;
        }
        op->rows = moved;
        op->row_capacity = capacity;
    }
    void *row = (char *)op->rows + op->row_count++ * row_bytes;

    memset(row, 0, row_bytes);
    return row;
}

int op_copy(struct op *op, struct span bytes, struct span *ret_copy, struct exo_error *err)
{
    if (bytes.bytes == 0) {
        *ret_copy = (struct span){NULL, 0};
        return 0;
    }
    struct span copy = arena_copy(&op->arena, bytes);

    if (copy.data == NULL) {
        return refuse_size(err);
    }
    *ret_copy = copy;
    return 0;
}

int op_copy_text(struct op *op, const char *text, const char **ret_copy, struct exo_error *err)
{
    struct span copy = arena_copy(&op->arena, span_of(text));

    if (copy.data == NULL) {
        return refuse_size(err);
    }
    *ret_copy = copy.data;
    return 0;
}

const struct exo_error *op_error(struct op *op, const struct exo_error *err)
{
    struct exo_error *last = &op->store->last_error;

    if (err == NULL) {
        return NULL;
    }
    *last = *err;
    if (err->code == EXO_EINTERNAL && strstr(err->text, "no such table") != NULL) {
        (void)exo_error_set(last, EXO_EUNAVAILABLE,
                            "the store has no schema yet: run \"exosphere migrate\"");
    }
    return last;
}

void column_id(struct sqlite_statement *statement, int at, struct execution_id *ret_id)
{
    struct span bytes = sqlite_column_bytes(statement, at);

    memset(ret_id, 0, sizeof(*ret_id));
    if (bytes.bytes == sizeof(ret_id->bytes)) {
        memcpy(ret_id->bytes, bytes.data, bytes.bytes);
    }
}

void column_digest(struct sqlite_statement *statement, int at, struct digest *ret_digest)
{
    struct span bytes = sqlite_column_bytes(statement, at);

    memset(ret_digest, 0, sizeof(*ret_digest));
    if (bytes.bytes == sizeof(ret_digest->bytes)) {
        memcpy(ret_digest->bytes, bytes.data, bytes.bytes);
    }
}

/* ---- schema ---- */

struct migrate_op {
    struct op op;
    uint32_t shard_count;
    store_done *done;
};

static int read_int(struct sqlite_connection *connection, const char *sql, int64_t *ret_value,
                    struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);
    int stepped = statement == NULL ? -1 : sqlite_step(statement, err);

    if (stepped < 0) {
        return -1;
    }
    *ret_value = stepped == 0 ? 0 : sqlite_column_int(statement, 0);
    sqlite_rewind(statement);
    return 0;
}

static int read_version(struct sqlite_connection *connection, uint32_t *ret_version,
                        struct exo_error *err)
{
    int64_t count = 0, version = 0;

    if (read_int(connection, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'",
                 &count, err) < 0) {
        return -1;
    }
    if (count != 0 &&
        read_int(connection, "SELECT max(version) FROM schema_version", &version, err) < 0) {
        return -1;
    }
    *ret_version = (uint32_t)version;
    return 0;
}

/* The table that says what is installed stands before all migrations. A program before the column
 * oldest left it NULL: only those that know the whole schema fit. */
static int prepare_versions(struct sqlite_connection *connection, uint32_t version,
                            struct exo_error *err)
{
    int64_t count = 0;

    if (version == 0) {
        return sqlite_script(connection,
                             "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, "
                             "at_ns INTEGER NOT NULL, oldest INTEGER) STRICT",
                             err);
    }
    if (read_int(connection,
                 "SELECT count(*) FROM pragma_table_info('schema_version') WHERE name = 'oldest'",
                 &count, err) < 0) {
        return -1;
    }
    return count != 0 ? 0
                      : sqlite_script(connection,
                                      "ALTER TABLE schema_version ADD COLUMN oldest INTEGER", err);
}

static int check_oldest(struct sqlite_connection *connection, uint32_t version,
                        struct exo_error *err)
{
    int64_t oldest = 0;

    if (read_int(connection, "SELECT max(coalesce(oldest, version)) FROM schema_version", &oldest,
                 err) < 0) {
        return -1;
    }
    if (oldest > sql_sqlite_migration_count) {
        return store_schema_refuse(version, (uint32_t)oldest, sql_sqlite_migration_count, err);
    }
    return 0;
}

static int note_version(struct sqlite_connection *connection, const struct sql_migration *migration,
                        struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection, "INSERT INTO schema_version VALUES (?1, ?2, ?3)", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, migration->version);
    sqlite_bind_int(statement, 2, clock_wall_ns());
    sqlite_bind_int(statement, 3, migration->oldest);
    return sqlite_run(statement, err);
}

static int install_shards(struct sqlite_connection *connection, uint32_t shard_count,
                          struct exo_error *err)
{
    static const char *const steps[] = {
        "INSERT INTO install VALUES (1, ?1, ?2, randomblob(32))",
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1) "
        "INSERT INTO shard (shard) SELECT i FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1) "
        "INSERT INTO shard_lease (shard) SELECT i FROM n",
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct sqlite_statement *statement = sqlite_use(connection, steps[i], err);

        if (statement == NULL) {
            return -1;
        }
        sqlite_bind_int(statement, 1, shard_count);
        if (i == 0) {
            sqlite_bind_int(statement, 2, clock_wall_ns());
        }
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int migrate_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct migrate_op *op = argument;
    uint32_t version;
    int64_t installed = 0;

    if (op->shard_count > STORE_SHARDS_MAX) {
        return exo_error_set(err, EXO_EINVALID, "a store may have 1 to %d shards, not %u",
                             STORE_SHARDS_MAX, op->shard_count);
    }
    if (read_version(connection, &version, err) < 0) {
        return -1;
    }
    if (prepare_versions(connection, version, err) < 0 ||
        check_oldest(connection, version, err) < 0) {
        return -1;
    }
    for (; version < sql_sqlite_migration_count; version++) {
        if (sqlite_script(connection, sql_sqlite_migrations[version].text, err) < 0 ||
            note_version(connection, &sql_sqlite_migrations[version], err) < 0) {
            return exo_error_prefix(err, "migration %u", version + 1);
        }
    }
    if (read_int(connection, "SELECT shard_count FROM install", &installed, err) < 0) {
        return -1;
    }
    if (installed == 0) {
        return install_shards(connection,
                              op->shard_count == 0 ? STORE_SHARDS_DEFAULT : op->shard_count, err);
    }
    if (op->shard_count != 0 && op->shard_count != (uint32_t)installed) {
        return exo_error_set(err, EXO_ECONFLICT,
                             "the store was installed with %u shards and cannot have %u: set "
                             "shards to %u, or use another store",
                             (uint32_t)installed, op->shard_count, (uint32_t)installed);
    }
    return 0;
}

static void migrate_done(void *argument, const struct exo_error *err)
{
    struct migrate_op *op = argument;

    op->done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

static void sqlite_store_migrate(struct store *store, uint32_t shard_count, store_done *done,
                                 void *argument)
{
    struct migrate_op *op = op_new(store, sizeof(*op), argument);

    op->shard_count = shard_count;
    op->done = done;
    op_write(&op->op, migrate_job, migrate_done);
}

struct schema_op {
    struct op op;
    struct store_schema schema;
    store_schema_done *done;
};

static int read_secret(struct sqlite_connection *connection, uint8_t ret_secret[STORE_SECRET_BYTES],
                       struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, "SELECT secret FROM install", err);
    int stepped = statement == NULL ? -1 : sqlite_step(statement, err);

    if (stepped < 0) {
        return -1;
    }
    struct span secret = stepped == 0 ? (struct span){0} : sqlite_column_bytes(statement, 0);
    bool is_whole = secret.bytes == STORE_SECRET_BYTES;

    if (is_whole) {
        memcpy(ret_secret, secret.data, secret.bytes);
    }
    sqlite_rewind(statement);
    return is_whole ? 0 : exo_error_set(err, EXO_EINTERNAL, "the store holds no secret");
}

static int schema_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct schema_op *op = argument;
    int64_t shard_count = 0;

    op->schema.wanted = sql_sqlite_migration_count;
    if (read_version(connection, &op->schema.version, err) < 0) {
        return -1;
    }
    if (op->schema.version != 0 &&
        (read_int(connection, "SELECT shard_count FROM install", &shard_count, err) < 0 ||
         read_secret(connection, op->schema.secret, err) < 0)) {
        return -1;
    }
    op->schema.shard_count = (uint32_t)shard_count;
    return 0;
}

static void schema_done(void *argument, const struct exo_error *err)
{
    struct schema_op *op = argument;

    op->done(op->op.argument, err == NULL ? &op->schema : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

static void sqlite_store_schema(struct store *store, store_schema_done *done, void *argument)
{
    struct schema_op *op = op_new(store, sizeof(*op), argument);

    op->done = done;
    op_read(&op->op, schema_job, schema_done);
}

/* ---- life ---- */

static void sqlite_store_close(struct store *store)
{
    struct sqlite_store *s = (struct sqlite_store *)store;

    s->is_closing = true;
    sqlite_file_close(s->file);
    assert(s->commits.first == NULL);
    free(s);
}

static bool sqlite_store_is_up(const struct store *store)
{
    (void)store; /* a file that is open is there */
    return true;
}

static const char *sqlite_store_last_error(const struct store *store)
{
    return ((const struct sqlite_store *)store)->last_error.text;
}

static const struct store_backend sqlite_backend = {
    .close = sqlite_store_close,
    .is_up = sqlite_store_is_up,
    .last_error = sqlite_store_last_error,
    .migrate = sqlite_store_migrate,
    .schema = sqlite_store_schema,
    .lease_round = sqlite_store_lease_round,
    .commit = sqlite_store_commit,
    .shard_take = sqlite_store_shard_take,
    .shard_mark = sqlite_store_shard_mark,
    .shard_load = sqlite_store_shard_load,
    .execution_get = sqlite_store_execution_get,
    .execution_known = sqlite_store_execution_known,
    .shard_get = sqlite_store_shard_get,
    .execution_list = sqlite_store_execution_list,
    .page_get = sqlite_store_page_get,
    .run_get = sqlite_store_run_get,
    .run_live = sqlite_store_run_live,
    .segment_get = sqlite_store_segment_get,
    .journal_get = sqlite_store_journal_get,
    .key_put = sqlite_store_key_put,
    .blob_put = sqlite_store_blob_put,
    .blob_get = sqlite_store_blob_get,
    .object_begin = sqlite_store_object_begin,
    .object_put = sqlite_store_object_put,
    .object_touch = sqlite_store_object_touch,
    .object_get = sqlite_store_object_get,
    .object_claim = sqlite_store_object_claim,
    .object_forget = sqlite_store_object_forget,
    .blob_collect = sqlite_store_blob_collect,
    .result_get = sqlite_store_result_get,
    .result_put = sqlite_store_result_put,
    .spanning_read = sqlite_store_spanning_read,
    .dead_letter_list = sqlite_store_dead_letter_list,
    .dead_letter_replayed = sqlite_store_dead_letter_replayed,
    .restore_point_begin = sqlite_store_restore_point_begin,
    .restore_point_complete = sqlite_store_restore_point_complete,
    .restore_point_list = sqlite_store_restore_point_list,
    .restore_floors = sqlite_store_restore_floors,
    .places = sqlite_store_places,
    .journal_drop = sqlite_store_journal_drop,
    .old_projects = sqlite_store_old_projects,
    .old_list = sqlite_store_old_list,
    .definition_drop = sqlite_store_definition_drop,
    .execution_drop = sqlite_store_execution_drop,
    .imprint_get = sqlite_store_imprint_get,
    .snapshot_list = sqlite_store_snapshot_list,
    .snapshot_begin = sqlite_store_snapshot_begin,
    .snapshot_put = sqlite_store_snapshot_put,
    .snapshot_end = sqlite_store_snapshot_end,
    .slice_get = sqlite_store_slice_get,
    .snapshot_drop = sqlite_store_snapshot_drop,
    .letters_drop = sqlite_store_letters_drop,
    .rows_read = sqlite_store_rows_read,
    .version_put = sqlite_store_version_put,
    .version_delete = sqlite_store_version_delete,
    .version_read = sqlite_store_version_read,
};

struct store *sqlite_store_open(struct loop *loop, const struct store_settings *settings,
                                struct exo_error *err)
{
    if (settings->path == NULL || settings->path[0] == '\0') {
        (void)exo_error_set(err, EXO_EINVALID, "the SQLite store needs a file: set store.path");
        return NULL;
    }
    struct sqlite_store *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory to open the store %s", settings->path);
        return NULL;
    }
    s->store.backend = &sqlite_backend;
    s->loop = loop;
    s->file = sqlite_file_open(loop, settings->path, err);
    if (s->file == NULL) {
        free(s);
        return NULL;
    }
    return &s->store;
}
