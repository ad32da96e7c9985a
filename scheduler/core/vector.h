/* vector: items in a row that grows at the end.
 *
 * Pure; grows through the given allocator. */
#ifndef EXO_SCHEDULER_VECTOR_H
#define EXO_SCHEDULER_VECTOR_H

#include "schemas/vocab/arena.h"

struct vector {
    struct allocator allocator;
    void *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t item_bytes;
};

/* vector_init makes an empty vector; allocates nothing. */
void vector_init(struct vector *vector, struct allocator allocator, uint32_t item_bytes);

/* vector_release frees the items. */
void vector_release(struct vector *vector);

/* vector_add gives a zeroed new last item, valid until the next add; NULL without memory. */
void *vector_add(struct vector *vector);

#endif /* EXO_SCHEDULER_VECTOR_H */
