/* table: a hash table of items that somebody else owns, open addressing, linear probing.
 *
 * Pure; grows through the given allocator. */
#ifndef EXO_SCHEDULER_TABLE_H
#define EXO_SCHEDULER_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"

struct table_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct table {
    struct allocator allocator;
    struct table_slot *slots;
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};

/* table_init makes an empty table; allocates nothing. */
void table_init(struct table *table, struct allocator allocator);

/* table_release frees the slots; the items stay their owners'. */
void table_release(struct table *table);

/* table_find gives the item for which is_key(item, key) holds, NULL when there is none.
 * hash  of the key, as at table_insert */
void *table_find(const struct table *table, uint64_t hash,
                 bool (*is_key)(const void *item, const void *key), const void *key);

/* table_insert adds an item (kept until removed) whose key is not there yet.
 * Returns false, changing nothing, when memory is out. */
EXO_CHECKED bool table_insert(struct table *table, uint64_t hash, void *item);

/* table_remove takes out that very item; harmless when it is not there. */
void table_remove(struct table *table, uint64_t hash, const void *item);

/* table_hash hashes bytes (FNV-1a, 64 bits, finished by a mix). */
uint64_t table_hash(struct span bytes);

#endif /* EXO_SCHEDULER_TABLE_H */
