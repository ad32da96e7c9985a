/* migrations: the SQL of every schema version, as text within the program.
 *
 * Made at build time from sqlite/NNNN_*.sql and postgres/NNNN_*.sql; forward-only: a file that was
 * released is never changed, the next one is added. Which programs may go on beside a schema says
 * its first line (docs/adr/0022-upgrades.md). Pure. */
#ifndef EXO_SQL_MIGRATIONS_H
#define EXO_SQL_MIGRATIONS_H

#include <stdint.h>

/* The text brings a database from version - 1 to version. */
struct sql_migration {
    uint32_t version;
    uint32_t oldest;    /* the schema that a program must know at least to work with this one */
    const char *text;   /* statements, NUL-terminated, static; may run again where beside failed */
    const char *beside; /* one statement for after it, outside a transaction; NULL: none */
};

extern const struct sql_migration sql_sqlite_migrations[];
extern const uint32_t sql_sqlite_migration_count;
extern const struct sql_migration sql_postgres_migrations[];
extern const uint32_t sql_postgres_migration_count;

#endif /* EXO_SQL_MIGRATIONS_H */
