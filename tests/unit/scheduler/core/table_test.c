#include "scheduler/core/table.h"

#include "tests/support/test.h"

enum { ITEMS = 500 };

static bool is_number(const void *item, const void *key)
{
    return *(const uint32_t *)item == *(const uint32_t *)key;
}

/* Few different hashes: everything collides. */
static uint64_t poor_hash(uint32_t number)
{
    return number % 7 + 60;
}

static void test_finds_what_is_there_among_collisions(void **state)
{
    static uint32_t items[ITEMS];
    static bool is_in[ITEMS];
    struct heap_budget budget = {0};
    struct table table;
    uint32_t seed = 1;

    (void)state;
    table_init(&table, allocator_heap(&budget));
    for (uint32_t i = 0; i < ITEMS; i++) {
        items[i] = i;
    }
    for (int step = 0; step < 5000; step++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t i = (seed >> 16) % ITEMS;

        if (is_in[i]) {
            table_remove(&table, poor_hash(i), &items[i]);
            table_remove(&table, poor_hash(i), &items[i]); /* harmless */
        } else {
            assert_true(table_insert(&table, poor_hash(i), &items[i]));
        }
        is_in[i] = !is_in[i];
        if (step % 100 == 0) {
            for (uint32_t k = 0; k < ITEMS; k++) {
                assert_ptr_equal(table_find(&table, poor_hash(k), is_number, &k),
                                 is_in[k] ? &items[k] : NULL);
            }
        }
    }
    table_release(&table);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_says_when_memory_is_out(void **state)
{
    static uint32_t items[ITEMS];
    struct heap_budget budget = {.limit_bytes = 4096};
    struct table table;
    uint32_t held = 0;

    (void)state;
    table_init(&table, allocator_heap(&budget));
    while (held < ITEMS && table_insert(&table, held, &items[held])) {
        items[held] = held;
        held++;
    }
    assert_in_range(held, 1, ITEMS - 1);
    assert_int_equal(table.count, held);
    uint32_t last = held - 1;

    assert_ptr_equal(table_find(&table, last, is_number, &last), &items[last]);
    table_release(&table);
}

static void test_hash_is_of_all_bytes(void **state)
{
    (void)state;
    assert_true(table_hash(span_of("ab")) != table_hash(span_of("ba")));
    assert_true(table_hash(span_of("a")) != table_hash((struct span){"a", 2}));
    assert_true(table_hash(span_of("a")) == table_hash(span_of("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_is_there_among_collisions),
        cmocka_unit_test(test_says_when_memory_is_out),
        cmocka_unit_test(test_hash_is_of_all_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
