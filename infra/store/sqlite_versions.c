#include "infra/store/sqlite_store.h"

/* Stored clusters and satellites, and their versions. */

#define VERSION_COLUMNS                                                                            \
    "v.project, v.name, v.number, v.digest, v.created_ns, v.actor, v.message, n.is_deleted, "      \
    "n.newest"
#define VERSION_TABLES                                                                             \
    " FROM stored_name n JOIN stored_version v ON v.kind = n.kind AND v.project = n.project "      \
    "AND v.name = n.name "
#define VERSION_OF_NAME "WHERE n.kind = ?1 AND n.project = ?2 AND n.name = ?3 "
#define VERSION_PAGE                                                                               \
    "WHERE n.kind = ?1 AND (?2 = '' OR n.project = ?2) AND n.is_deleted = 0 "                      \
    "AND v.number = n.newest AND (n.project, n.name) > (?4, ?3) "                                  \
    "ORDER BY n.project, n.name LIMIT ?5"

/* ---- put and delete ---- */

struct put_op {
    struct op op;
    struct store_version_put put;
    uint32_t number;
    bool is_new;
    bool is_copied;
    store_version_put_done *put_done;
    store_done *delete_done;
};

/* What stands under a name. */
struct standing {
    int64_t newest; /* 0: nothing ever */
    bool is_deleted;
    struct digest digest;
};

static struct sqlite_statement *use_name(const struct put_op *op,
                                         struct sqlite_connection *connection, const char *sql,
                                         struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement != NULL) {
        sqlite_bind_int(statement, 1, op->put.kind);
        sqlite_bind_text(statement, 2, span_of(op->put.project));
        sqlite_bind_text(statement, 3, span_of(op->put.name));
    }
    return statement;
}

static int read_standing(const struct put_op *op, struct sqlite_connection *connection,
                         struct standing *ret, struct exo_error *err)
{
    struct sqlite_statement *statement =
        use_name(op, connection,
                 "SELECT n.newest, n.is_deleted, v.digest" VERSION_TABLES VERSION_OF_NAME
                 "AND v.number = n.newest",
                 err);
    int stepped = statement == NULL ? -1 : sqlite_step(statement, err);

    *ret = (struct standing){0};
    if (stepped > 0) {
        ret->newest = sqlite_column_int(statement, 0);
        ret->is_deleted = sqlite_column_int(statement, 1) != 0;
        column_digest(statement, 2, &ret->digest);
        sqlite_rewind(statement);
    }
    return stepped < 0 ? -1 : 0;
}

static int check_expected(const struct put_op *op, const struct standing *was,
                          struct exo_error *err)
{
    int64_t shown = was->is_deleted ? 0 : was->newest;

    return op->put.expected < 0 || op->put.expected == shown
               ? 0
               : store_version_conflict(&op->put, shown, err);
}

static int insert_version(struct put_op *op, struct sqlite_connection *connection,
                          struct exo_error *err)
{
    struct sqlite_statement *text = sqlite_use(
        connection, "INSERT INTO definition VALUES (?1, ?2) ON CONFLICT DO NOTHING", err);

    if (text == NULL) {
        return -1;
    }
    bind_digest(text, 1, &op->put.digest);
    sqlite_bind_bytes(text, 2, op->put.text);
    if (sqlite_run(text, err) < 0) {
        return -1;
    }
    struct sqlite_statement *version = use_name(
        op, connection, "INSERT INTO stored_version VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", err);

    if (version == NULL) {
        return -1;
    }
    sqlite_bind_int(version, 4, op->number);
    bind_digest(version, 5, &op->put.digest);
    sqlite_bind_int(version, 6, clock_wall_ns());
    sqlite_bind_text(version, 7, span_of(op->put.actor));
    sqlite_bind_text(version, 8, span_of(op->put.message));
    return sqlite_run(version, err);
}

static int put_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct put_op *op = argument;
    struct standing was;

    if (!op->is_copied) {
        return exo_error_set(err, EXO_ELIMIT, "the definition is too large for the store");
    }
    if (read_standing(op, connection, &was, err) < 0) {
        return -1;
    }
    bool is_same = was.newest > 0 &&
                   memcmp(was.digest.bytes, op->put.digest.bytes, sizeof(was.digest.bytes)) == 0;

    op->is_new = !is_same || (was.is_deleted && op->put.expected > 0);
    op->number = (uint32_t)(was.newest + (op->is_new ? 1 : 0));
    if (op->is_new &&
        (check_expected(op, &was, err) < 0 || insert_version(op, connection, err) < 0)) {
        return -1;
    }
    struct sqlite_statement *name =
        use_name(op, connection,
                 "INSERT INTO stored_name VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT DO UPDATE "
                 "SET newest = excluded.newest, is_deleted = 0",
                 err);

    if (name == NULL) {
        return -1;
    }
    sqlite_bind_int(name, 4, op->number);
    return sqlite_run(name, err);
}

static void put_done(void *argument, const struct exo_error *err)
{
    struct put_op *op = argument;

    op->put_done(op->op.argument, err == NULL ? op->number : 0, err == NULL && op->is_new,
                 op_error(&op->op, err));
    op_free(&op->op);
}

static struct put_op *put_op_new(struct store *store, const struct store_version_put *put,
                                 void *argument)
{
    struct put_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->put = *put;
    op->is_copied =
        op_copy_text(&op->op, put->project, &op->put.project, &err) == 0 &&
        op_copy_text(&op->op, put->name, &op->put.name, &err) == 0 &&
        op_copy_text(&op->op, put->actor == NULL ? "" : put->actor, &op->put.actor, &err) == 0 &&
        op_copy_text(&op->op, put->message == NULL ? "" : put->message, &op->put.message, &err) ==
            0 &&
        op_copy(&op->op, put->text, &op->put.text, &err) == 0;
    return op;
}

void sqlite_store_version_put(struct store *store, const struct store_version_put *put,
                              store_version_put_done *done, void *argument)
{
    struct put_op *op = put_op_new(store, put, argument);

    op->put_done = done;
    op_write(&op->op, put_job, put_done);
}

static int delete_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct put_op *op = argument;
    struct standing was;

    if (!op->is_copied) {
        return exo_error_set(err, EXO_ELIMIT, "the name is too long for the store");
    }
    if (read_standing(op, connection, &was, err) < 0) {
        return -1;
    }
    if (was.newest == 0 || was.is_deleted) {
        return store_version_missing(&op->put, err);
    }
    struct sqlite_statement *name =
        use_name(op, connection,
                 "UPDATE stored_name SET is_deleted = 1 WHERE kind = ?1 AND project = ?2 "
                 "AND name = ?3",
                 err);

    return name == NULL || check_expected(op, &was, err) < 0 ? -1 : sqlite_run(name, err);
}

static void delete_done(void *argument, const struct exo_error *err)
{
    struct put_op *op = argument;

    op->delete_done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_version_delete(struct store *store, const struct store_version_put *name,
                                 store_done *done, void *argument)
{
    struct put_op *op = put_op_new(store, name, argument);

    op->delete_done = done;
    op_write(&op->op, delete_job, delete_done);
}

/* ---- reads ---- */

struct read_op {
    struct op op; /* rows: struct store_version */
    struct store_version_query query;
    bool is_copied;
    store_versions_done *done;
};

static const char *const READINGS[] = {
    [STORE_VERSION_ONE] = "SELECT " VERSION_COLUMNS ", d.text" VERSION_TABLES
                          "JOIN definition d ON d.digest = v.digest " VERSION_OF_NAME
                          "AND v.number = CASE ?4 WHEN 0 THEN n.newest ELSE ?4 END",
    [STORE_VERSION_LIST] = "SELECT " VERSION_COLUMNS ", x''" VERSION_TABLES VERSION_PAGE,
    [STORE_VERSION_TEXTS] = "SELECT " VERSION_COLUMNS ", d.text" VERSION_TABLES
                            "JOIN definition d ON d.digest = v.digest " VERSION_PAGE,
    [STORE_VERSION_HISTORY] = "SELECT " VERSION_COLUMNS ", x''" VERSION_TABLES VERSION_OF_NAME
                              "AND v.number < ?4 ORDER BY v.number DESC LIMIT ?5",
    [STORE_VERSION_OF_TEXT] = "SELECT " VERSION_COLUMNS ", x''" VERSION_TABLES VERSION_OF_NAME
                              "AND v.digest = ?4 ORDER BY v.number DESC LIMIT 1",
};

static void bind_query(struct sqlite_statement *statement, const struct store_version_query *query)
{
    sqlite_bind_int(statement, 1, query->kind);
    sqlite_bind_text(statement, 2, span_of(query->project));
    sqlite_bind_text(statement, 3, span_of(query->name));
    switch (query->reading) {
    case STORE_VERSION_ONE:
        sqlite_bind_int(statement, 4, query->number);
        break;
    case STORE_VERSION_LIST:
    case STORE_VERSION_TEXTS:
        sqlite_bind_text(statement, 4, span_of(query->after_project));
        sqlite_bind_int(statement, 5, query->limit);
        break;
    case STORE_VERSION_HISTORY:
        sqlite_bind_int(statement, 4, query->number);
        sqlite_bind_int(statement, 5, query->limit);
        break;
    case STORE_VERSION_OF_TEXT:
        bind_digest(statement, 4, &query->digest);
        break;
    }
}

static int read_row(struct op *op, struct sqlite_statement *statement, struct exo_error *err)
{
    struct store_version *row = op_row(op, sizeof(*row), err);

    if (row == NULL) {
        return -1;
    }
    row->number = (uint32_t)sqlite_column_int(statement, 2);
    column_digest(statement, 3, &row->digest);
    row->created_ns = sqlite_column_int(statement, 4);
    row->is_deleted = sqlite_column_int(statement, 7) != 0;
    row->newest = (uint32_t)sqlite_column_int(statement, 8);
    if (op_copy_text(op, sqlite_column_text(statement, 0), &row->project, err) < 0 ||
        op_copy_text(op, sqlite_column_text(statement, 1), &row->name, err) < 0 ||
        op_copy_text(op, sqlite_column_text(statement, 5), &row->actor, err) < 0 ||
        op_copy_text(op, sqlite_column_text(statement, 6), &row->message, err) < 0) {
        return -1;
    }
    return op_copy(op, sqlite_column_bytes(statement, 9), &row->text, err);
}

static int read_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct read_op *op = argument;
    struct sqlite_statement *statement = sqlite_use(connection, READINGS[op->query.reading], err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    if (!op->is_copied) {
        return exo_error_set(err, EXO_ELIMIT, "the name is too long for the store");
    }
    bind_query(statement, &op->query);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        if (read_row(&op->op, statement, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static void read_done(void *argument, const struct exo_error *err)
{
    struct read_op *op = argument;

    op->done(op->op.argument, err == NULL ? op->op.rows : NULL, err == NULL ? op->op.row_count : 0,
             op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_version_read(struct store *store, const struct store_version_query *query,
                               store_versions_done *done, void *argument)
{
    struct read_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->query = *query;
    op->is_copied = op_copy_text(&op->op, query->project, &op->query.project, &err) == 0 &&
                    op_copy_text(&op->op, query->name, &op->query.name, &err) == 0 &&
                    op_copy_text(&op->op, query->after_project == NULL ? "" : query->after_project,
                                 &op->query.after_project, &err) == 0;
    op->done = done;
    op_read(&op->op, read_job, read_done);
}
