#include "infra/sqlite/statement.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Far above the number of literals in all users together. */
enum { STATEMENTS_MAX = 256, BUSY_TIMEOUT_MS = 5000 };

struct sqlite_statement {
    struct sqlite_connection *connection;
    const char *sql; /* the literal's address is the key */
    sqlite3_stmt *handle;
    int bind_error; /* first failed bind since sqlite_use */
};

struct sqlite_connection {
    sqlite3 *handle;
    char *path;
    uint32_t statement_count;
    struct sqlite_statement statements[STATEMENTS_MAX];
};

static enum exo_error_code code_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        return EXO_ECONFLICT;
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
        return EXO_EINVALID;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
        return EXO_EUNAVAILABLE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return EXO_EDENIED;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return EXO_EINTERNAL;
    default:
        return EXO_EIO;
    }
}

static const char *advice_of(int result)
{
    switch (result & 0xff) {
    case SQLITE_FULL:
        return "; the disk is full: free space there, the work goes on by itself";
    case SQLITE_BUSY:
        return "; another program holds the file: close it";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return "; check that the file and its directory exist and may be written";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "; the file is damaged or no SQLite file: restore it from a backup";
    default:
        return "";
    }
}

static int fail(struct sqlite_connection *connection, int result, struct exo_error *err)
{
    int extended = sqlite3_extended_errcode(connection->handle);

    if ((extended & 0xff) != (result & 0xff)) {
        extended = result;
    }
    (void)exo_error_set(err, code_of(result), "SQLite file %s: %s%s", connection->path,
                        sqlite3_errmsg(connection->handle), advice_of(result));
    if (err != NULL) {
        err->library_code = extended;
    }
    return -1;
}

bool sqlite_is_duplicate(const struct exo_error *err)
{
    return err->code == EXO_ECONFLICT && (err->library_code == SQLITE_CONSTRAINT_PRIMARYKEY ||
                                          err->library_code == SQLITE_CONSTRAINT_UNIQUE);
}

bool sqlite_is_refused(const struct exo_error *err)
{
    int result = err->library_code & 0xff;

    return result == SQLITE_CONSTRAINT || result == SQLITE_MISMATCH || result == SQLITE_TOOBIG;
}

static const char PRAGMAS_WRITER[] = "PRAGMA journal_mode=WAL;"
                                     "PRAGMA synchronous=FULL;"
                                     "PRAGMA wal_autocheckpoint=4000;"
                                     "PRAGMA journal_size_limit=67108864;"
                                     "PRAGMA cache_size=-32768;"
                                     "PRAGMA temp_store=MEMORY;";
static const char PRAGMAS_READER[] = "PRAGMA query_only=1;"
                                     "PRAGMA cache_size=-8192;"
                                     "PRAGMA temp_store=MEMORY;";

struct sqlite_connection *sqlite_connection_open(const char *path, bool is_reader,
                                                 struct exo_error *err)
{
    struct sqlite_connection *connection = calloc(1, sizeof(*connection));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (is_reader ? 0 : SQLITE_OPEN_CREATE);

    if (connection == NULL || (connection->path = strdup(path)) == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory to open SQLite file %s", path);
        free(connection);
        return NULL;
    }
    int result = sqlite3_open_v2(path, &connection->handle, flags, NULL);

    if (result != SQLITE_OK) {
        (void)fail(connection, result, err);
        sqlite_connection_close(connection);
        return NULL;
    }
    (void)sqlite3_extended_result_codes(connection->handle, 1);
    (void)sqlite3_busy_timeout(connection->handle, BUSY_TIMEOUT_MS);
    if (sqlite_script(connection, is_reader ? PRAGMAS_READER : PRAGMAS_WRITER, err) < 0) {
        sqlite_connection_close(connection);
        return NULL;
    }
    return connection;
}

void sqlite_connection_close(struct sqlite_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    for (uint32_t i = 0; i < connection->statement_count; i++) {
        (void)sqlite3_finalize(connection->statements[i].handle); /* repeats an error told before */
    }
    (void)sqlite3_close_v2(connection->handle); /* cannot fail without open statements */
    free(connection->path);
    free(connection);
}

int sqlite_script(struct sqlite_connection *connection, const char *sql, struct exo_error *err)
{
    int result = sqlite3_exec(connection->handle, sql, NULL, NULL, NULL);

    return result == SQLITE_OK ? 0 : fail(connection, result, err);
}

struct sqlite_statement *sqlite_use(struct sqlite_connection *connection, const char *sql,
                                    struct exo_error *err)
{
    struct sqlite_statement *statement;

    for (uint32_t i = 0; i < connection->statement_count; i++) {
        statement = &connection->statements[i];
        if (statement->sql == sql) {
            (void)sqlite3_reset(statement->handle); /* repeats an error told before */
            (void)sqlite3_clear_bindings(statement->handle);
            statement->bind_error = SQLITE_OK;
            return statement;
        }
    }
    assert(connection->statement_count < STATEMENTS_MAX);
    statement = &connection->statements[connection->statement_count];
    *statement = (struct sqlite_statement){.connection = connection, .sql = sql};
    int result = sqlite3_prepare_v3(connection->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &statement->handle, NULL);

    if (result != SQLITE_OK) {
        (void)fail(connection, result, err);
        return NULL;
    }
    connection->statement_count++;
    return statement;
}

static void bound(struct sqlite_statement *statement, int result)
{
    if (statement->bind_error == SQLITE_OK) {
        statement->bind_error = result;
    }
}

void sqlite_bind_int(struct sqlite_statement *statement, int at, int64_t value)
{
    bound(statement, sqlite3_bind_int64(statement->handle, at, value));
}

void sqlite_bind_text(struct sqlite_statement *statement, int at, struct span text)
{
    bound(statement, sqlite3_bind_text64(statement->handle, at, text.bytes == 0 ? "" : text.data,
                                         text.bytes, SQLITE_STATIC, SQLITE_UTF8));
}

void sqlite_bind_bytes(struct sqlite_statement *statement, int at, struct span bytes)
{
    bound(statement, sqlite3_bind_blob64(statement->handle, at, bytes.bytes == 0 ? "" : bytes.data,
                                         bytes.bytes, SQLITE_STATIC));
}

int sqlite_step(struct sqlite_statement *statement, struct exo_error *err)
{
    if (statement->bind_error != SQLITE_OK) {
        return fail(statement->connection, statement->bind_error, err);
    }
    int result = sqlite3_step(statement->handle);

    if (result == SQLITE_ROW) {
        return 1;
    }
    if (result == SQLITE_DONE) {
        (void)sqlite3_reset(statement->handle); /* after DONE it cannot fail */
        return 0;
    }
    (void)fail(statement->connection, result, err);
    (void)sqlite3_reset(statement->handle); /* repeats the error just told */
    return -1;
}

int sqlite_run(struct sqlite_statement *statement, struct exo_error *err)
{
    int stepped;

    do {
        stepped = sqlite_step(statement, err);
    } while (stepped > 0);
    return stepped;
}

void sqlite_rewind(struct sqlite_statement *statement)
{
    (void)sqlite3_reset(statement->handle); /* repeats an error told before */
}

int64_t sqlite_column_int(struct sqlite_statement *statement, int at)
{
    return sqlite3_column_int64(statement->handle, at);
}

struct span sqlite_column_bytes(struct sqlite_statement *statement, int at)
{
    const void *data = sqlite3_column_blob(statement->handle, at);

    return (struct span){data,
                         data == NULL ? 0 : (size_t)sqlite3_column_bytes(statement->handle, at)};
}

const char *sqlite_column_text(struct sqlite_statement *statement, int at)
{
    const unsigned char *text = sqlite3_column_text(statement->handle, at);

    return text == NULL ? "" : (const char *)text;
}

int64_t sqlite_changes(struct sqlite_connection *connection)
{
    return sqlite3_changes64(connection->handle);
}

int64_t sqlite_last_id(struct sqlite_connection *connection)
{
    return sqlite3_last_insert_rowid(connection->handle);
}

bool sqlite_is_in_transaction(struct sqlite_connection *connection)
{
    return sqlite3_get_autocommit(connection->handle) == 0;
}

void sqlite_rollback(struct sqlite_connection *connection)
{
    if (sqlite_is_in_transaction(connection)) {
        /* It fails only where SQLite itself rolls back, which ends the transaction as well. */
        (void)sqlite3_exec(connection->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}
