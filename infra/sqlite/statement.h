/* statement: prepared statements of one SQLite connection, and what its errors mean.
 *
 *   sqlite_use(text) -> bind -> step, step ... -> columns       (again: sqlite_use resets)
 *
 * Sole folder that includes sqlite3.h. A connection belongs to the thread that runs the job it was
 * given to (sqlite.h); nothing here locks. Bound bytes are borrowed until the next sqlite_use of
 * the same text, columns until the next step. */
#ifndef EXO_INFRA_SQLITE_STATEMENT_H
#define EXO_INFRA_SQLITE_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/span.h"

struct sqlite_connection;
struct sqlite_statement;

/* sqlite_connection_open opens one connection with the pragmas every user relies on (WAL,
 * synchronous=FULL, foreign keys off, busy timeout 5 s). Jobs do not call it: sqlite.h does.
 * path      a file, or ":memory:"
 * is_reader opens for reading only; the file must exist
 * Gives the connection, or NULL with *err set. */
EXO_CHECKED struct sqlite_connection *sqlite_connection_open(const char *path, bool is_reader,
                                                             struct exo_error *err);

/* sqlite_connection_close frees the connection and its statements; NULL is allowed. */
void sqlite_connection_close(struct sqlite_connection *connection);

/* sqlite_script runs one or more statements without parameters. Returns 0, or -1 with *err. */
EXO_CHECKED int sqlite_script(struct sqlite_connection *connection, const char *sql,
                              struct exo_error *err);

/* sqlite_use gives the prepared statement of a text, reset and with nothing bound. It is prepared
 * once a connection and kept.
 * sql  a string that lives as long as the connection (a literal): kept, and known by its address
 * Returns NULL with *err set when SQLite refuses the text. */
EXO_CHECKED struct sqlite_statement *sqlite_use(struct sqlite_connection *connection,
                                                const char *sql, struct exo_error *err);

/* Parameters count from 1. An unbound parameter is NULL. A failed bind (out of memory, too big)
 * shows at the next step. */
void sqlite_bind_int(struct sqlite_statement *statement, int at, int64_t value);
void sqlite_bind_text(struct sqlite_statement *statement, int at, struct span text);
/* {NULL, 0} binds an empty blob, not NULL. */
void sqlite_bind_bytes(struct sqlite_statement *statement, int at, struct span bytes);

/* sqlite_step runs to the next row. Returns 1: a row stands in the columns; 0: done, statement is
 * reset; -1: failed with *err set, statement is reset. */
EXO_CHECKED int sqlite_step(struct sqlite_statement *statement, struct exo_error *err);

/* sqlite_run steps to the end, throwing rows away. Returns 0, or -1 with *err. */
EXO_CHECKED int sqlite_run(struct sqlite_statement *statement, struct exo_error *err);

/* sqlite_rewind ends a statement whose rows are not all wanted. */
void sqlite_rewind(struct sqlite_statement *statement);

/* Columns count from 0. NULL reads as 0 and as the empty span. */
int64_t sqlite_column_int(struct sqlite_statement *statement, int at);
struct span sqlite_column_bytes(struct sqlite_statement *statement, int at);
/* The pointer is NUL-terminated; "" for NULL. */
const char *sqlite_column_text(struct sqlite_statement *statement, int at);

/* sqlite_changes counts the rows the last insert, update or delete changed. */
int64_t sqlite_changes(struct sqlite_connection *connection);

/* sqlite_last_id is the rowid of the last insert. */
int64_t sqlite_last_id(struct sqlite_connection *connection);

/* sqlite_is_in_transaction is false also after an error that made SQLite roll all back itself. */
bool sqlite_is_in_transaction(struct sqlite_connection *connection);

/* sqlite_rollback ends the transaction, undone; harmless when SQLite has ended it already. */
void sqlite_rollback(struct sqlite_connection *connection);

/* What an error of this folder means (its library_code is SQLite's extended result code):
 * duplicate: a primary key or unique constraint; refused: the data breaks a rule of the schema
 * (constraint, type, too big), so the same data fails again. */
bool sqlite_is_duplicate(const struct exo_error *err);
bool sqlite_is_refused(const struct exo_error *err);

#endif /* EXO_INFRA_SQLITE_STATEMENT_H */
