/* id_table: finds what belongs to an execution.
 *
 *   buckets --> [entry] -> [entry] -> NULL      an entry is the first member of what is found
 *
 * Owns its buckets only; entries are their makers'. Aborts without memory, as the loop's small
 * objects do. */
#ifndef EXO_INFRA_CACHE_ID_TABLE_H
#define EXO_INFRA_CACHE_ID_TABLE_H

#include <stddef.h>

#include "schemas/vocab/ids.h"

struct id_entry {
    struct id_entry *next;
    struct execution_id id;
};

struct id_table {
    struct id_entry **buckets;
    size_t bucket_nr; /* a power of two */
    size_t count;
};

/* id_table_init makes an empty table. */
void id_table_init(struct id_table *table);

/* id_table_release frees the buckets; entries still in it are left alone. */
void id_table_release(struct id_table *table);

/* id_table_find gives the entry of an execution, or NULL. */
struct id_entry *id_table_find(const struct id_table *table, const struct execution_id *id);

/* id_table_add puts in an entry whose id is set and not yet there; keeps it until removed. */
void id_table_add(struct id_table *table, struct id_entry *entry);

/* id_table_remove takes out an entry that is there. */
void id_table_remove(struct id_table *table, struct id_entry *entry);

/* id_table_next walks the table: the entry after `entry`, the first for NULL, NULL at the end. The
 * table must not change meanwhile, but for the removal of entries already passed. */
struct id_entry *id_table_next(const struct id_table *table, const struct id_entry *entry);

#endif /* EXO_INFRA_CACHE_ID_TABLE_H */
