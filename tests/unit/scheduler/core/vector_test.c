#include "scheduler/core/vector.h"

#include "tests/support/test.h"

static void test_keeps_order_and_zeroes(void **state)
{
    struct heap_budget budget = {0};
    struct vector vector;

    (void)state;
    vector_init(&vector, allocator_heap(&budget), sizeof(uint64_t));
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t *item = vector_add(&vector);

        assert_non_null(item);
        assert_int_equal(*item, 0);
        *item = i;
    }
    for (uint64_t i = 0; i < 1000; i++) {
        assert_int_equal(((uint64_t *)vector.items)[i], i);
    }
    vector.count = 0; /* emptied and used again */
    uint64_t *again = vector_add(&vector);

    assert_int_equal(*again, 0);
    vector_release(&vector);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_says_when_memory_is_out(void **state)
{
    struct heap_budget budget = {.limit_bytes = 1024};
    struct vector vector;
    uint32_t held = 0;

    (void)state;
    vector_init(&vector, allocator_heap(&budget), sizeof(uint64_t));
    while (held < 1000 && vector_add(&vector) != NULL) {
        held++;
    }
    assert_in_range(held, 16, 128);
    assert_int_equal(vector.count, held);
    vector_release(&vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_and_zeroes),
        cmocka_unit_test(test_says_when_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
