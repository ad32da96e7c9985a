#include "infra/sqlite/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char INSERT[] = "INSERT INTO t VALUES (?1, ?2, ?3)";
static const char SELECT[] = "SELECT a, b, c FROM t ORDER BY a";

static struct sqlite_connection *open_table(void)
{
    struct exo_error err;
    struct sqlite_connection *connection = sqlite_connection_open(":memory:", false, &err);

    assert_non_null(connection);
    assert_int_equal(sqlite_script(connection,
                                   "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB "
                                   "CHECK (length(c) < 9)) STRICT",
                                   &err),
                     0);
    return connection;
}

static int insert(struct sqlite_connection *connection, int64_t a, struct span b, struct span c,
                  struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, INSERT, err);

    assert_non_null(statement);
    sqlite_bind_int(statement, 1, a);
    sqlite_bind_text(statement, 2, b);
    sqlite_bind_bytes(statement, 3, c);
    return sqlite_run(statement, err);
}

static void values_come_back(void **state)
{
    struct sqlite_connection *connection = open_table();
    struct exo_error err;

    (void)state;
    assert_int_equal(insert(connection, INT64_MIN, span_of("text"), (struct span){"a\0b", 3}, &err),
                     0);
    assert_int_equal(sqlite_changes(connection), 1);
    assert_int_equal(insert(connection, 7, (struct span){NULL, 0}, (struct span){NULL, 0}, &err),
                     0);
    assert_int_equal(sqlite_last_id(connection), 7);
    struct sqlite_statement *statement = sqlite_use(connection, SELECT, &err);

    assert_int_equal(sqlite_step(statement, &err), 1);
    assert_true(sqlite_column_int(statement, 0) == INT64_MIN);
    assert_string_equal(sqlite_column_text(statement, 1), "text");
    assert_true(span_equal(sqlite_column_bytes(statement, 2), (struct span){"a\0b", 3}));
    assert_int_equal(sqlite_step(statement, &err), 1);
    assert_string_equal(sqlite_column_text(statement, 1), "");
    assert_int_equal(sqlite_column_bytes(statement, 2).bytes, 0);
    assert_int_equal(sqlite_step(statement, &err), 0);
    assert_ptr_equal(sqlite_use(connection, SELECT, &err), statement);
    sqlite_connection_close(connection);
}

static void unbound_is_null_again(void **state)
{
    struct sqlite_connection *connection = open_table();
    struct exo_error err;
    static const char is_null[] = "SELECT ?1 IS NULL";

    (void)state;
    struct sqlite_statement *statement = sqlite_use(connection, is_null, &err);

    sqlite_bind_int(statement, 1, 5);
    assert_int_equal(sqlite_step(statement, &err), 1);
    assert_int_equal(sqlite_column_int(statement, 0), 0);
    statement = sqlite_use(connection, is_null, &err);
    assert_int_equal(sqlite_step(statement, &err), 1);
    assert_int_equal(sqlite_column_int(statement, 0), 1);
    sqlite_rewind(statement);
    sqlite_connection_close(connection);
}

static void errors_say_what_they_are(void **state)
{
    struct sqlite_connection *connection = open_table();
    struct exo_error err;

    (void)state;
    assert_int_equal(insert(connection, 1, span_of("x"), span_of("y"), &err), 0);
    assert_int_equal(insert(connection, 1, span_of("x"), span_of("y"), &err), -1);
    assert_true(sqlite_is_duplicate(&err));
    assert_true(sqlite_is_refused(&err));
    assert_int_equal(insert(connection, 2, span_of("x"), span_of("too long a blob"), &err), -1);
    assert_false(sqlite_is_duplicate(&err));
    assert_true(sqlite_is_refused(&err));
    assert_null(sqlite_use(connection, "SELECT * FROM missing", &err));
    assert_int_equal(err.code, EXO_EINTERNAL);
    assert_false(sqlite_is_refused(&err));
    assert_non_null(strstr(err.text, "missing"));
    struct sqlite_statement *statement = sqlite_use(connection, SELECT, &err);

    sqlite_bind_int(statement, 9, 1); /* it has no parameters */
    assert_int_equal(sqlite_step(statement, &err), -1);
    assert_null(sqlite_connection_open("/nowhere/at/all", false, &err));
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    sqlite_connection_close(connection);
    sqlite_connection_close(NULL);
}

static void transactions_are_seen(void **state)
{
    struct sqlite_connection *connection = open_table();
    struct exo_error err;

    (void)state;
    assert_false(sqlite_is_in_transaction(connection));
    sqlite_rollback(connection);
    assert_int_equal(sqlite_script(connection, "BEGIN", &err), 0);
    assert_true(sqlite_is_in_transaction(connection));
    assert_int_equal(insert(connection, 1, span_of("x"), span_of("y"), &err), 0);
    sqlite_rollback(connection);
    assert_false(sqlite_is_in_transaction(connection));
    assert_int_equal(sqlite_step(sqlite_use(connection, SELECT, &err), &err), 0);
    sqlite_connection_close(connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(unbound_is_null_again),
        cmocka_unit_test(errors_say_what_they_are),
        cmocka_unit_test(transactions_are_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
