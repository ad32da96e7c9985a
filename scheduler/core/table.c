#include "scheduler/core/table.h"

#include <assert.h>
#include <string.h>

enum { TABLE_BEGIN = 64 };

void table_init(struct table *table, struct allocator allocator)
{
    *table = (struct table){.allocator = allocator};
}

void table_release(struct table *table)
{
    if (table->slots != NULL) {
        (void)table->allocator.resize(table->allocator.context, table->slots,
                                      table->capacity * sizeof(struct table_slot), 0);
    }
    table->slots = NULL;
    table->count = 0;
    table->capacity = 0;
}

void *table_find(const struct table *table, uint64_t hash,
                 bool (*is_key)(const void *item, const void *key), const void *key)
{
    if (table->capacity == 0) {
        return NULL;
    }
    uint32_t mask = table->capacity - 1;

    for (uint32_t i = (uint32_t)hash & mask; table->slots[i].item != NULL; i = (i + 1) & mask) {
        if (table->slots[i].hash == hash && is_key(table->slots[i].item, key)) {
            return table->slots[i].item;
        }
    }
    return NULL;
}

static void slot_put(struct table *table, uint64_t hash, void *item)
{
    uint32_t mask = table->capacity - 1;
    uint32_t i = (uint32_t)hash & mask;

    while (table->slots[i].item != NULL) {
        i = (i + 1) & mask;
    }
    table->slots[i] = (struct table_slot){hash, item};
}

static bool table_grow(struct table *table)
{
    struct table old = *table;
    uint32_t capacity = old.capacity == 0 ? TABLE_BEGIN : old.capacity * 2;
    struct table_slot *slots = table->allocator.resize(table->allocator.context, NULL, 0,
                                                       capacity * sizeof(struct table_slot));

    if (slots == NULL) {
        return false;
    }
    memset(slots, 0, capacity * sizeof(struct table_slot));
    table->slots = slots;
    table->capacity = capacity;
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.slots[i].item != NULL) {
            slot_put(table, old.slots[i].hash, old.slots[i].item);
        }
    }
    if (old.slots != NULL) {
        (void)old.allocator.resize(old.allocator.context, old.slots,
                                   old.capacity * sizeof(struct table_slot), 0);
    }
    return true;
}

bool table_insert(struct table *table, uint64_t hash, void *item)
{
    assert(item != NULL);
    if ((table->count + 1) * 4 > table->capacity * 3 && !table_grow(table)) {
        return false;
    }
    slot_put(table, hash, item);
    table->count++;
    return true;
}

void table_remove(struct table *table, uint64_t hash, const void *item)
{
    if (table->capacity == 0) {
        return;
    }
    uint32_t mask = table->capacity - 1;
    uint32_t i = (uint32_t)hash & mask;

    while (table->slots[i].item != item) {
        if (table->slots[i].item == NULL) {
            return;
        }
        i = (i + 1) & mask;
    }
    table->count--;
    /* Close the gap: whoever stands behind it and may stand nearer to its own place moves up. */
    for (uint32_t j = (i + 1) & mask; table->slots[j].item != NULL; j = (j + 1) & mask) {
        uint32_t home = (uint32_t)table->slots[j].hash & mask;

        if (((j - home) & mask) >= ((j - i) & mask)) {
            table->slots[i] = table->slots[j];
            i = j;
        }
    }
    table->slots[i] = (struct table_slot){0, NULL};
}

uint64_t table_hash(struct span bytes)
{
    const unsigned char *at = bytes.data;
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < bytes.bytes; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3u;
    }
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93u;
    return hash ^ (hash >> 32);
}
