#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/arena.h"

static void counts_and_refuses_above_the_limit(void **state)
{
    struct heap_budget budget = {.limit_bytes = 100};
    struct allocator heap = allocator_heap(&budget);

    (void)state;
    unsigned char *block = heap.resize(heap.context, NULL, 0, 60);

    assert_non_null(block);
    memset(block, 7, 60);
    assert_int_equal(budget.used_bytes, 60);
    assert_null(heap.resize(heap.context, NULL, 0, 41));
    assert_int_equal(budget.used_bytes, 60);
    block = heap.resize(heap.context, block, 60, 100);
    assert_non_null(block);
    assert_int_equal(block[59], 7);
    assert_int_equal(budget.used_bytes, 100);
    assert_null(heap.resize(heap.context, block, 100, 101));
    block = heap.resize(heap.context, block, 100, 10);
    assert_non_null(block);
    assert_int_equal(budget.used_bytes, 10);
    assert_null(heap.resize(heap.context, block, 10, 0));
    assert_int_equal(budget.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_refuses_above_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
