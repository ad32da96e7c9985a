/* arena: memory for what lives and dies together, taken from a given allocator within a bound.
 *
 *   allocator  <- the one door to memory for cores; its bound is the core's bound
 *      ^
 *    arena     blocks chained; nothing is freed alone, everything at arena_release
 *
 * Pure: memory comes from the allocator only. */
#ifndef EXO_VOCAB_ARENA_H
#define EXO_VOCAB_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

/* Where memory comes from. resize(NULL, 0, n) allocates, resize(p, old, 0) frees and returns NULL,
 * resize(p, old, n) moves. Returns NULL when the bound is reached or the machine has none. */
struct allocator {
    void *(*resize)(void *context, void *block, size_t old_bytes, size_t new_bytes);
    void *context; /* kept by the user of the allocator, owned by its maker */
};

/* A counting allocator over malloc with a bound; context of allocator_heap. */
struct heap_budget {
    size_t used_bytes;
    size_t limit_bytes; /* 0: no limit */
};

/* allocator_heap makes an allocator over malloc that counts into *budget (kept) and refuses to
 * go above its limit. Defined in heap.c, apart from the pure parts. */
struct allocator allocator_heap(struct heap_budget *budget);

struct arena_block;

struct arena {
    struct allocator allocator;
    struct arena_block *blocks; /* newest first */
    size_t used_bytes;          /* taken from the allocator */
    size_t limit_bytes;         /* 0: only the allocator's bound */
};

/* arena_init makes an empty arena; allocates nothing. Keeps the allocator's context. */
void arena_init(struct arena *arena, struct allocator allocator, size_t limit_bytes);

/* arena_release frees everything at once; the arena may be used again. */
void arena_release(struct arena *arena);

/* arena_reset forgets everything but keeps the newest block for reuse, where it is of ordinary
 * size: what was large once is given back. */
void arena_reset(struct arena *arena);

/* arena_alloc gives zeroed memory aligned to 8 that lives until release or reset.
 * bytes  0 gives a valid pointer
 * Returns NULL when a bound is reached. */
EXO_CHECKED void *arena_alloc(struct arena *arena, size_t bytes);

/* arena_reserve is arena_alloc without zeroes: for what is large and written before it is read, so
 * that the machine gives pages only for what comes to be used. */
EXO_CHECKED void *arena_reserve(struct arena *arena, size_t bytes);

/* arena_copy copies a span into the arena with a NUL after it (not counted).
 * Returns a span with data NULL when a bound is reached. */
EXO_CHECKED struct span arena_copy(struct arena *arena, struct span source);

#endif /* EXO_VOCAB_ARENA_H */
