#include "schemas/vocab/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

enum { BLOCK_BYTES = 4096, KEPT_BYTES_MAX = 64 << 10, ALIGNMENT = 8 };

struct arena_block {
    struct arena_block *next;
    size_t size_bytes; /* of data */
    size_t used_bytes;
    alignas(ALIGNMENT) unsigned char data[];
};

static struct arena_block *block_new(struct arena *arena, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES - sizeof(struct arena_block)
                      ? bytes
                      : BLOCK_BYTES - sizeof(struct arena_block);
    size_t total = sizeof(struct arena_block) + size;

    if (arena->limit_bytes != 0 && total > arena->limit_bytes - arena->used_bytes) {
        return NULL;
    }
    struct arena_block *block = arena->allocator.resize(arena->allocator.context, NULL, 0, total);

    if (block == NULL) {
        return NULL;
    }
    block->next = arena->blocks;
    block->size_bytes = size;
    block->used_bytes = 0;
    arena->blocks = block;
    arena->used_bytes += total;
    return block;
}

static void block_free(struct arena *arena, struct arena_block *block)
{
    size_t total = sizeof(struct arena_block) + block->size_bytes;

    arena->used_bytes -= total;
    (void)arena->allocator.resize(arena->allocator.context, block, total, 0);
}

void arena_init(struct arena *arena, struct allocator allocator, size_t limit_bytes)
{
    *arena = (struct arena){.allocator = allocator, .limit_bytes = limit_bytes};
}

void arena_release(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;

        block_free(arena, arena->blocks);
        arena->blocks = next;
    }
    assert(arena->used_bytes == 0);
}

void arena_reset(struct arena *arena)
{
    if (arena->blocks == NULL) {
        return;
    }
    while (arena->blocks->next != NULL) {
        struct arena_block *next = arena->blocks->next;

        arena->blocks->next = next->next;
        block_free(arena, next);
    }
    if (arena->blocks->size_bytes > KEPT_BYTES_MAX) {
        arena_release(arena);
        return;
    }
    arena->blocks->used_bytes = 0;
}

void *arena_reserve(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t rounded = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_block *block = arena->blocks;

    if (block == NULL || rounded > block->size_bytes - block->used_bytes) {
        block = block_new(arena, rounded);
        if (block == NULL) {
            return NULL;
        }
    }
    void *result = block->data + block->used_bytes;

    block->used_bytes += rounded;
    return result;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    void *result = arena_reserve(arena, bytes);

    if (result != NULL) {
        memset(result, 0, bytes);
    }
    return result;
}

struct span arena_copy(struct arena *arena, struct span source)
{
    char *copy = arena_alloc(arena, source.bytes + 1);

    if (copy == NULL) {
        return (struct span){NULL, 0};
    }
    if (source.bytes > 0) {
        memcpy(copy, source.data, source.bytes);
    }
    return (struct span){copy, source.bytes};
}
