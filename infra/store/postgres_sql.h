/* postgres_sql: every statement that is sent to Postgres, in one table.
 *
 * Pure data. Parameters and results are binary; a parameter's type stands in its cast. */
#ifndef EXO_INFRA_STORE_POSTGRES_SQL_H
#define EXO_INFRA_STORE_POSTGRES_SQL_H

#include <stdbool.h>

enum postgres_statement {
    /* a commit */
    SQL_BEGIN,
    SQL_FENCE,
    SQL_DEFINITIONS,
    SQL_INSERTS,
    SQL_UPDATES,
    SQL_LIVE_PUT,
    SQL_LIVE_DROP,
    SQL_SPANNING_PUT,
    SQL_SPANNING_DROP,
    SQL_RUNS,
    SQL_PAGES,
    SQL_SEGMENTS,
    SQL_REFERENCES,
    SQL_JOURNAL,
    SQL_DEAD_LETTERS,
    SQL_GUARD_CLEAR,
    SQL_COMMIT,
    SQL_ROLLBACK,
    /* ownership */
    SQL_SHARD_TAKE,
    SQL_SHARD_GET,
    SQL_GUARD_OPEN,
    SQL_GUARD_MARK,
    SQL_GUARD_CLOSE,
    SQL_LEASE_ROUND,
    SQL_LEASES,
    SQL_PROCESSES,
    /* reads */
    SQL_LOAD_SPANNING,
    SQL_LOAD_EXECUTIONS,
    SQL_LOAD_RUNS,
    SQL_LOAD_PAGES,
    SQL_LOAD_SEGMENTS,
    SQL_EXECUTION_GET,
    SQL_EXECUTION_KNOWN,
    SQL_EXECUTION_LIST,
    SQL_PAGE_GET,
    SQL_RUN_GET,
    SQL_RUN_LIVE,
    SQL_SEGMENT_GET,
    SQL_JOURNAL_GET,
    SQL_JOURNAL_OLDEST,
    /* beside */
    SQL_KEY_PUT,
    SQL_KEY_GET,
    SQL_BLOB_PUT,
    SQL_BLOB_GET,
    SQL_OBJECT_BEGIN,
    SQL_OBJECT_PUT,
    SQL_OBJECT_TOUCH,
    SQL_OBJECT_GET,
    SQL_OBJECT_CLAIM,
    SQL_OBJECT_FORGET,
    SQL_RESULT_GET,
    SQL_RESULT_PUT,
    SQL_COLLECT_RESULTS,
    SQL_COLLECT_BLOBS,
    SQL_COLLECT_OBJECTS,
    SQL_COLLECT_COUNT,
    SQL_SPANNING_READ,
    SQL_SPANNING_READ_ALL,
    SQL_DEAD_LETTER_LIST,
    SQL_DEAD_LETTER_REPLAYED,
    /* retention */
    SQL_RESTORE_POINT_BEGIN,
    SQL_RESTORE_POINT_COMPLETE,
    SQL_RESTORE_POINT_LIST,
    SQL_RESTORE_FLOORS,
    SQL_PLACES,
    SQL_JOURNAL_DROP,
    SQL_LETTERS_DROP,
    SQL_OLD_PROJECTS,
    SQL_OLD_LIST,
    SQL_EXECUTION_DROP,
    SQL_DEFINITION_DROP,
    /* replay */
    SQL_IMPRINT_GET,
    SQL_SNAPSHOT_LIST,
    SQL_JOURNAL_PLACE,
    SQL_SNAPSHOT_BEGIN,
    SQL_SNAPSHOT_PUT,
    SQL_SNAPSHOT_END,
    SQL_SLICE_GET,
    SQL_SNAPSHOT_DROP,
    SQL_ROWS_SPANNING,
    SQL_ROWS_LETTERS,
    SQL_ROWS_EXECUTIONS,
    SQL_ROWS_EXECUTIONS_LIVE,
    SQL_ROWS_EXECUTIONS_OF,
    SQL_ROWS_DELETED,
    SQL_ROWS_RUNS_OF,
    SQL_ROWS_PAGES_OF,
    SQL_ROWS_OUTPUTS_OF,
    SQL_ROWS_REFERENCES_OF,
    /* versions */
    SQL_VERSION_PUT,
    SQL_VERSION_DELETE,
    SQL_VERSION_ONE,
    SQL_VERSION_LIST,
    SQL_VERSION_TEXTS,
    SQL_VERSION_HISTORY,
    SQL_VERSION_OF_TEXT,
    SQL_IS_INSTALLED,
    SQL_SCHEMA,
    SQL_STATEMENT_NR,
};

struct postgres_sql {
    const char *name; /* of the prepared statement; NULL: planned anew each time */
    const char *text;
};

extern const struct postgres_sql postgres_sql[SQL_STATEMENT_NR];

/* What a connection that commits, and the migrator's, is set to at its beginning. */
extern const char POSTGRES_SETUP_COMMITS[];
extern const char POSTGRES_SETUP_MIGRATOR[];

/* How many rows one chunk of a load has at most. */
enum { POSTGRES_CHUNK_ROWS = 128, POSTGRES_OUTPUTS_ROWS = 16 };
#define POSTGRES_CHUNK_LIMIT "128"
#define POSTGRES_OUTPUTS_LIMIT "16" /* of whole pages of outputs: up to 16 MiB each */

#endif /* EXO_INFRA_STORE_POSTGRES_SQL_H */
