#include "scheduler/core/heap.h"

#include "tests/support/test.h"

enum { NODES = 300 };

struct item {
    struct heap_node node; /* first */
    uint32_t key;
};

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
    return ((const struct item *)(const void *)a)->key <
           ((const struct item *)(const void *)b)->key;
}

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

static uint32_t first_key(const struct heap *heap)
{
    return ((const struct item *)(const void *)heap_first(heap))->key;
}

static void test_gives_the_least_first(void **state)
{
    static struct item items[NODES];
    struct heap_budget budget = {0};
    struct heap heap;
    uint32_t seed = 1;
    uint32_t last = 0;

    (void)state;
    heap_init(&heap, allocator_heap(&budget), is_before);
    assert_null(heap_first(&heap));
    for (int i = 0; i < NODES; i++) {
        items[i].key = draw(&seed) % 100;
        assert_true(heap_insert(&heap, &items[i].node));
    }
    for (int i = 0; i < NODES; i++) {
        struct heap_node *first = heap_first(&heap);

        assert_true(first_key(&heap) >= last);
        last = first_key(&heap);
        heap_remove(&heap, first);
        assert_int_equal(first->place, 0);
    }
    assert_null(heap_first(&heap));
    heap_release(&heap);
    assert_int_equal(budget.used_bytes, 0);
}

static uint32_t least_of(const struct item *items)
{
    uint32_t least = UINT32_MAX;

    for (int i = 0; i < NODES; i++) {
        least = items[i].node.place != 0 && items[i].key < least ? items[i].key : least;
    }
    return least;
}

static void test_follows_changes_and_removals_anywhere(void **state)
{
    static struct item items[NODES];
    struct heap_budget budget = {0};
    struct heap heap;
    uint32_t seed = 2;

    (void)state;
    heap_init(&heap, allocator_heap(&budget), is_before);
    for (int i = 0; i < NODES; i++) {
        items[i].key = draw(&seed) % 1000;
        assert_true(heap_insert(&heap, &items[i].node));
    }
    for (int step = 0; step < 3000; step++) {
        struct item *item = &items[draw(&seed) % NODES];

        if (item->node.place == 0) {
            assert_true(heap_insert(&heap, &item->node));
        } else if (draw(&seed) % 3 == 0) {
            heap_remove(&heap, &item->node);
            heap_remove(&heap, &item->node); /* harmless */
        } else {
            item->key = draw(&seed) % 1000;
            heap_changed(&heap, &item->node);
        }
        if (heap.count > 0) {
            assert_int_equal(first_key(&heap), least_of(items));
        }
    }
    heap_release(&heap);
}

static void test_says_when_memory_is_out(void **state)
{
    static struct item items[64];
    struct heap_budget budget = {.limit_bytes = 20 * sizeof(void *)};
    struct heap heap;
    uint32_t held = 0;

    (void)state;
    heap_init(&heap, allocator_heap(&budget), is_before);
    while (held < 64 && heap_insert(&heap, &items[held].node)) {
        held++;
    }
    assert_in_range(held, 1, 20);
    assert_int_equal(items[held].node.place, 0);
    assert_int_equal(heap.count, held);
    heap_release(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_the_least_first),
        cmocka_unit_test(test_follows_changes_and_removals_anywhere),
        cmocka_unit_test(test_says_when_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
