/* heap: the allocator over malloc that adapters and roles hand to cores. */
#include <stdlib.h>

#include "schemas/vocab/arena.h"

static void *heap_resize(void *context, void *block, size_t old_bytes, size_t new_bytes)
{
    struct heap_budget *budget = context;

    if (new_bytes > old_bytes && budget->limit_bytes != 0 &&
        new_bytes - old_bytes > budget->limit_bytes - budget->used_bytes) {
        return NULL;
    }
    if (new_bytes == 0) {
        free(block);
        budget->used_bytes -= old_bytes;
        return NULL;
    }
    void *moved = realloc(block, new_bytes);

    if (moved != NULL) {
        budget->used_bytes += new_bytes - old_bytes;
    }
    return moved;
}

struct allocator allocator_heap(struct heap_budget *budget)
{
    return (struct allocator){.resize = heap_resize, .context = budget};
}
