#include "infra/cache/id_table.h"

#include <assert.h>
#include <stdlib.h>

enum { BUCKETS_FIRST = 64 };

static struct id_entry **new_buckets(size_t bucket_nr)
{
    struct id_entry **buckets = calloc(bucket_nr, sizeof(*buckets));

    if (buckets == NULL) {
        abort();
    }
    return buckets;
}

static size_t bucket_of(const struct id_table *table, const struct execution_id *id)
{
    return murmur2_32((struct span){id->bytes, sizeof(id->bytes)}) & (table->bucket_nr - 1);
}

void id_table_init(struct id_table *table)
{
    *table = (struct id_table){new_buckets(BUCKETS_FIRST), BUCKETS_FIRST, 0};
}

void id_table_release(struct id_table *table)
{
    free(table->buckets);
    *table = (struct id_table){0};
}

struct id_entry *id_table_find(const struct id_table *table, const struct execution_id *id)
{
    struct id_entry *entry = table->buckets[bucket_of(table, id)];

    while (entry != NULL && !execution_id_equal(&entry->id, id)) {
        entry = entry->next;
    }
    return entry;
}

static void grow(struct id_table *table)
{
    struct id_table old = *table;

    table->bucket_nr = old.bucket_nr * 2;
    table->buckets = new_buckets(table->bucket_nr);
    for (size_t i = 0; i < old.bucket_nr; i++) {
        struct id_entry *entry = old.buckets[i];

        while (entry != NULL) {
            struct id_entry *next = entry->next;
            size_t bucket = bucket_of(table, &entry->id);

            entry->next = table->buckets[bucket];
            table->buckets[bucket] = entry;
            entry = next;
        }
    }
    free(old.buckets);
}

void id_table_add(struct id_table *table, struct id_entry *entry)
{
    if (table->count == table->bucket_nr) {
        grow(table);
    }
    size_t bucket = bucket_of(table, &entry->id);

    entry->next = table->buckets[bucket];
    table->buckets[bucket] = entry;
    table->count++;
}

void id_table_remove(struct id_table *table, struct id_entry *entry)
{
    struct id_entry **link = &table->buckets[bucket_of(table, &entry->id)];

    while (*link != entry) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = entry->next;
    table->count--;
}

struct id_entry *id_table_next(const struct id_table *table, const struct id_entry *entry)
{
    size_t bucket = 0;

    if (entry != NULL) {
        if (entry->next != NULL) {
            return entry->next;
        }
        bucket = bucket_of(table, &entry->id) + 1;
    }
    while (bucket < table->bucket_nr && table->buckets[bucket] == NULL) {
        bucket++;
    }
    return bucket < table->bucket_nr ? table->buckets[bucket] : NULL;
}
