#include "tests/contract/store_old.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/sql/migrations.h"

/* What each back-end's program of that time made around the first migration, and rows of it. */
static const char FIRST_POSTGRES[] =
    "CREATE TABLE schema_version (version bigint PRIMARY KEY, at_ns bigint NOT NULL);"
    "CREATE TABLE install (is_only boolean PRIMARY KEY DEFAULT true, shard_count integer NOT NULL, "
    "installed_at timestamptz NOT NULL DEFAULT now(), secret bytea NOT NULL);"
    "INSERT INTO install (shard_count, secret) VALUES (8, sha256('secret'));"
    "INSERT INTO shard (shard, batch) SELECT i, 40 FROM generate_series(0, 7) i;"
    "INSERT INTO shard_lease (shard) SELECT generate_series(0, 7);"
    "INSERT INTO execution VALUES ('65786563-7574-696f-6e00-000000000001', 2, 0, 9, 40, 100, 0, 0, "
    "0, false, 'RUNNING', 'p', 'p/c', sha256('text'), NULL, NULL, NULL, NULL, NULL, 'body');"
    "INSERT INTO live_execution VALUES (2, '65786563-7574-696f-6e00-000000000001');"
    "INSERT INTO task_page VALUES ('65786563-7574-696f-6e00-000000000001', 1, 0, 'page');";
static const char FIRST_SQLITE[] =
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL) STRICT;"
    "INSERT INTO install VALUES (1, 8, 1, randomblob(32));"
    "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 7) "
    "INSERT INTO shard (shard, batch) SELECT i, 40 FROM n;"
    "INSERT INTO shard_lease (shard) SELECT shard FROM shard;"
    "INSERT INTO execution VALUES (x'657865637574696f6e00000000000001', 2, 0, 0, 9, 40, 100, 0, 0, "
    "0, 'p', 'p/c', 'RUNNING', zeroblob(32), '', x'', x'', x'', '', CAST('body' AS BLOB));"
    "INSERT INTO task_page VALUES (x'657865637574696f6e00000000000001', 1, 0, "
    "CAST('page' AS BLOB));";

/* Rows of the second. */
static const char RUN_POSTGRES[] =
    "INSERT INTO group_run VALUES ('65786563-7574-696f-6e00-000000000001', 3, 0, 5, false, 'run');";
static const char RUN_SQLITE[] =
    "INSERT INTO group_run VALUES (x'657865637574696f6e00000000000001', 3, 0, 5, 0, "
    "CAST('run' AS BLOB));";

void store_old_install(struct trial *t, uint32_t version)
{
    bool is_postgres = strcmp(t->backend, "postgres") == 0;
    const char *const rows[] = {is_postgres ? FIRST_POSTGRES : FIRST_SQLITE,
                                is_postgres ? RUN_POSTGRES : RUN_SQLITE};
    char line[64];

    for (uint32_t i = 0; i < version; i++) {
        trial_sql(t, is_postgres ? sql_postgres_migrations[i].text : sql_sqlite_migrations[i].text);
        if (is_postgres && sql_postgres_migrations[i].beside != NULL) {
            trial_sql(t, sql_postgres_migrations[i].beside);
        }
        if (i < sizeof(rows) / sizeof(rows[0])) {
            trial_sql(t, rows[i]);
        }
        (void)snprintf(line, sizeof(line), "INSERT INTO schema_version VALUES (%u, 1)", i + 1);
        trial_sql(t, line);
    }
}
