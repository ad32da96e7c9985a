#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/arena.h"

static void gives_zeroed_aligned_memory(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    static const unsigned char zeros[10000];

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    for (size_t bytes = 0; bytes < 10000; bytes = bytes * 2 + 1) {
        unsigned char *memory = arena_alloc(&arena, bytes);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 8, 0);
        assert_memory_equal(memory, zeros, bytes);
        memset(memory, 0xff, bytes);
    }
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void reserves_room_of_its_own(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 100000);
    unsigned char *before = arena_alloc(&arena, 100);
    unsigned char *room = arena_reserve(&arena, 50000);
    unsigned char *after = arena_alloc(&arena, 100);

    assert_non_null(before);
    assert_non_null(room);
    assert_non_null(after);
    assert_int_equal((uintptr_t)room % 8, 0);
    memset(room, 0xff, 50000);
    assert_int_equal(before[99], 0);
    assert_int_equal(after[0], 0);
    assert_null(arena_reserve(&arena, 60000)); /* above the limit */
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void keeps_what_was_given_apart(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    unsigned char *parts[1000];

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    for (size_t i = 0; i < 1000; i++) {
        parts[i] = arena_alloc(&arena, i % 40 + 1);
        assert_non_null(parts[i]);
        memset(parts[i], (int)(i % 251), i % 40 + 1);
    }
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(parts[i][0], i % 251);
        assert_int_equal(parts[i][i % 40], i % 251);
    }
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void gives_back_what_was_large(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_non_null(arena_alloc(&arena, 100));
    arena_reset(&arena);
    assert_true(budget.used_bytes > 0); /* a block to go on with */
    assert_non_null(arena_alloc(&arena, 1 << 20));
    arena_reset(&arena);
    assert_int_equal(budget.used_bytes, 0);
    assert_non_null(arena_alloc(&arena, 100));
    arena_release(&arena);
}

static void holds_its_limit_and_the_allocators(void **state)
{
    struct heap_budget budget = {.limit_bytes = 20000};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 10000);
    assert_non_null(arena_alloc(&arena, 5000));
    assert_null(arena_alloc(&arena, 8000));
    assert_non_null(arena_alloc(&arena, 1000));
    assert_true(arena.used_bytes <= 10000);
    arena_release(&arena);
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_non_null(arena_alloc(&arena, 15000));
    assert_null(arena_alloc(&arena, 15000));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX / 2));
    assert_true(budget.used_bytes <= 20000);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void reset_keeps_one_block(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    arena_reset(&arena);
    assert_int_equal(budget.used_bytes, 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            unsigned char *memory = arena_alloc(&arena, 500);

            assert_non_null(memory);
            assert_int_equal(memory[499], 0);
            memory[499] = 1;
        }
        arena_reset(&arena);
        assert_in_range(budget.used_bytes, 1, 4096);
    }
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void copies_with_a_nul_behind(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct span copy;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    copy = arena_copy(&arena, (struct span){"abcdef", 3});
    assert_int_equal(copy.bytes, 3);
    assert_string_equal(copy.data, "abc");
    copy = arena_copy(&arena, (struct span){NULL, 0});
    assert_int_equal(copy.bytes, 0);
    assert_string_equal(copy.data, "");
    arena_release(&arena);
    arena_init(&arena, allocator_heap(&budget), 10);
    assert_null(arena_copy(&arena, span_of("abc")).data);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(reserves_room_of_its_own),
        cmocka_unit_test(keeps_what_was_given_apart),
        cmocka_unit_test(gives_back_what_was_large),
        cmocka_unit_test(holds_its_limit_and_the_allocators),
        cmocka_unit_test(reset_keeps_one_block),
        cmocka_unit_test(copies_with_a_nul_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
