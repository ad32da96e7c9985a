/* heap: a binary min-heap of nodes that their owners embed.
 *
 * Pure; grows through the given allocator. */
#ifndef EXO_SCHEDULER_HEAP_H
#define EXO_SCHEDULER_HEAP_H

#include <stdbool.h>

#include "schemas/vocab/arena.h"

/* Place 0: in no heap. Zero it before first use. */
struct heap_node {
    uint32_t place;
};

struct heap {
    struct allocator allocator;
    struct heap_node **nodes; /* [0] unused */
    uint32_t count;
    uint32_t capacity;
    bool (*is_before)(const struct heap_node *a, const struct heap_node *b);
};

/* heap_init makes an empty heap; allocates nothing. */
void heap_init(struct heap *heap, struct allocator allocator,
               bool (*is_before)(const struct heap_node *a, const struct heap_node *b));

/* heap_release frees the array; the nodes stay their owners'. */
void heap_release(struct heap *heap);

/* heap_insert adds a node (keeps it until removed). O(log n).
 * Returns false, changing nothing, when memory is out. */
EXO_CHECKED bool heap_insert(struct heap *heap, struct heap_node *node);

/* heap_remove takes a node out; harmless for one that is in no heap. O(log n). */
void heap_remove(struct heap *heap, struct heap_node *node);

/* heap_changed restores the order after the owner changed a node's key. O(log n). */
void heap_changed(struct heap *heap, struct heap_node *node);

/* heap_first gives the least node, NULL when empty. */
struct heap_node *heap_first(const struct heap *heap);

#endif /* EXO_SCHEDULER_HEAP_H */
