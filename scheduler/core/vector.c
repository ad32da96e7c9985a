#include "scheduler/core/vector.h"

#include <string.h>

enum { VECTOR_BEGIN = 16 };

void vector_init(struct vector *vector, struct allocator allocator, uint32_t item_bytes)
{
    *vector = (struct vector){.allocator = allocator, .item_bytes = item_bytes};
}

void vector_release(struct vector *vector)
{
    if (vector->items != NULL) {
        (void)vector->allocator.resize(vector->allocator.context, vector->items,
                                       (size_t)vector->capacity * vector->item_bytes, 0);
    }
    vector->items = NULL;
    vector->count = 0;
    vector->capacity = 0;
}

void *vector_add(struct vector *vector)
{
    if (vector->count == vector->capacity) {
        uint32_t capacity = vector->capacity == 0 ? VECTOR_BEGIN : vector->capacity * 2;
        void *moved = vector->allocator.resize(vector->allocator.context, vector->items,
                                               (size_t)vector->capacity * vector->item_bytes,
                                               (size_t)capacity * vector->item_bytes);

        if (moved == NULL) {
            return NULL;
        }
        vector->items = moved;
        vector->capacity = capacity;
    }
    unsigned char *item =
        (unsigned char *)vector->items + (size_t)vector->count * vector->item_bytes;

    vector->count++;
    memset(item, 0, vector->item_bytes);
    return item;
}
