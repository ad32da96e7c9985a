#include "schemas/json/key_set.h"

#include <stdint.h>
#include <string.h>

enum { FEW = 8 };

/* A key by its hash, which settles almost every comparison. */
struct entry {
    uint32_t hash;
    uint32_t index;
};

static uint32_t key_hash(const struct value *key)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (uint32_t i = 0; i < key->count; i++) {
        hash = (hash ^ (unsigned char)key->text[i]) * 16777619u;
    }
    return hash;
}

/* Orders by key, then by place. */
static bool is_before(const struct value_member *members, struct entry a, struct entry b)
{
    if (a.hash != b.hash) {
        return a.hash < b.hash;
    }
    const struct value *x = &members[a.index].key;
    const struct value *y = &members[b.index].key;

    if (x->count != y->count) {
        return x->count < y->count;
    }
    int order = x->count == 0 ? 0 : memcmp(x->text, y->text, x->count);

    return order != 0 ? order < 0 : a.index < b.index;
}

static void merge(const struct value_member *members, const struct entry *from, struct entry *to,
                  size_t begin, size_t middle, size_t end)
{
    size_t left = begin;
    size_t right = middle;

    for (size_t at = begin; at < end; at++) {
        bool is_left =
            left < middle && (right == end || !is_before(members, from[right], from[left]));

        to[at] = is_left ? from[left++] : from[right++];
    }
}

/* Sorts nr entries from the bottom up; other has room for as many. Returns where they lie. */
static const struct entry *sort(const struct value_member *members, struct entry *entries,
                                struct entry *other, size_t nr)
{
    for (size_t width = 1; width < nr; width *= 2) {
        for (size_t begin = 0; begin < nr; begin += 2 * width) {
            size_t middle = begin + width < nr ? begin + width : nr;
            size_t end = begin + 2 * width < nr ? begin + 2 * width : nr;

            merge(members, entries, other, begin, middle, end);
        }
        struct entry *swap = entries;

        entries = other;
        other = swap;
    }
    return entries;
}

static bool is_same_key(const struct value *a, const struct value *b)
{
    return span_equal(value_text(a), value_text(b));
}

static const struct value *check_few(const struct value *map)
{
    for (uint32_t i = 1; i < map->count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (is_same_key(&map->members[i].key, &map->members[j].key)) {
                return &map->members[i].key;
            }
        }
    }
    return NULL;
}

bool key_set_check(const struct value *map, struct allocator allocator,
                   const struct value **ret_twice)
{
    size_t nr = map->count;
    const struct value_member *members = map->members;
    uint32_t twice = UINT32_MAX;

    if (nr <= FEW) {
        *ret_twice = check_few(map);
        return true;
    }
    size_t bytes = 2 * nr * sizeof(struct entry);
    struct entry *entries = allocator.resize(allocator.context, NULL, 0, bytes);

    if (entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < nr; i++) {
        entries[i] = (struct entry){key_hash(&members[i].key), (uint32_t)i};
    }
    const struct entry *sorted = sort(members, entries, entries + nr, nr);

    for (size_t i = 1; i < nr; i++) {
        if (sorted[i].hash == sorted[i - 1].hash && sorted[i].index < twice &&
            is_same_key(&members[sorted[i].index].key, &members[sorted[i - 1].index].key)) {
            twice = sorted[i].index;
        }
    }
    (void)allocator.resize(allocator.context, entries, bytes, 0);
    *ret_twice = twice == UINT32_MAX ? NULL : &members[twice].key;
    return true;
}
