#include "scheduler/core/heap.h"

#include <assert.h>

enum { HEAP_BEGIN = 16 };

void heap_init(struct heap *heap, struct allocator allocator,
               bool (*is_before)(const struct heap_node *a, const struct heap_node *b))
{
    *heap = (struct heap){.allocator = allocator, .is_before = is_before};
}

void heap_release(struct heap *heap)
{
    if (heap->nodes != NULL) {
        (void)heap->allocator.resize(heap->allocator.context, heap->nodes,
                                     heap->capacity * sizeof(struct heap_node *), 0);
    }
    heap->nodes = NULL;
    heap->count = 0;
    heap->capacity = 0;
}

static void place_at(struct heap *heap, struct heap_node *node, uint32_t place)
{
    heap->nodes[place] = node;
    node->place = place;
}

static void sift_up(struct heap *heap, struct heap_node *node)
{
    uint32_t place = node->place;

    while (place > 1 && heap->is_before(node, heap->nodes[place / 2])) {
        place_at(heap, heap->nodes[place / 2], place);
        place /= 2;
    }
    place_at(heap, node, place);
}

static void sift_down(struct heap *heap, struct heap_node *node)
{
    uint32_t place = node->place;

    for (;;) {
        uint32_t child = place * 2;

        if (child > heap->count) {
            break;
        }
        if (child < heap->count && heap->is_before(heap->nodes[child + 1], heap->nodes[child])) {
            child++;
        }
        if (!heap->is_before(heap->nodes[child], node)) {
            break;
        }
        place_at(heap, heap->nodes[child], place);
        place = child;
    }
    place_at(heap, node, place);
}

static bool heap_grow(struct heap *heap)
{
    uint32_t capacity = heap->capacity == 0 ? HEAP_BEGIN : heap->capacity * 2;
    void *moved = heap->allocator.resize(heap->allocator.context, heap->nodes,
                                         heap->capacity * sizeof(struct heap_node *),
                                         capacity * sizeof(struct heap_node *));

    if (moved == NULL) {
        return false;
    }
    heap->nodes = moved;
    heap->capacity = capacity;
    return true;
}

bool heap_insert(struct heap *heap, struct heap_node *node)
{
    assert(node->place == 0);
    if (heap->count + 1 >= heap->capacity && !heap_grow(heap)) {
        return false;
    }
    heap->count++;
    place_at(heap, node, heap->count);
    sift_up(heap, node);
    return true;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->place == 0) {
        return;
    }
    assert(heap->nodes[node->place] == node);
    struct heap_node *last = heap->nodes[heap->count];
    uint32_t place = node->place;

    node->place = 0;
    heap->count--;
    if (last != node) {
        place_at(heap, last, place);
        heap_changed(heap, last);
    }
}

void heap_changed(struct heap *heap, struct heap_node *node)
{
    assert(node->place != 0);
    sift_up(heap, node);
    sift_down(heap, node);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->nodes[1];
}
