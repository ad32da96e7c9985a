#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/json/value_stack.h"

/* Deep enough to leave the local room, and back. */
static void nests_lists_and_maps(void **state)
{
    struct heap_budget budget = {0};
    struct value_stack stack;
    struct arena arena;
    const struct value *twice;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    value_stack_init(&stack, allocator_heap(&budget));
    for (int i = 0; i < 300; i++) {
        assert_true(value_stack_push(&stack, value_int(i)));
    }
    struct value holder = {.kind = VALUE_LIST, .line = 7, .column = 8};

    assert_true(value_stack_close(&stack, &arena, 100, holder, &twice));
    assert_int_equal(stack.count, 101);
    assert_int_equal(stack.values[100].count, 200);
    assert_int_equal(stack.values[100].line, 7);
    assert_int_equal(stack.values[100].column, 8);
    assert_int_equal(stack.values[100].items[199].integer, 299);
    assert_int_equal(stack.values[99].integer, 99);
    assert_true(value_stack_close(&stack, &arena, 101, (struct value){.kind = VALUE_MAP}, &twice));
    assert_int_equal(stack.values[101].kind, VALUE_MAP);
    assert_int_equal(stack.values[101].count, 0);
    value_stack_release(&stack);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void makes_members_of_keys_and_values(void **state)
{
    struct heap_budget budget = {0};
    struct value_stack stack;
    struct arena arena;
    const struct value *twice = NULL;
    static const char *const keys[] = {"a", "b", "a"};

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    value_stack_init(&stack, allocator_heap(&budget));
    for (int i = 0; i < 3; i++) {
        struct value key = value_string(span_of(keys[i]));

        key.line = (uint32_t)i;
        assert_true(value_stack_push(&stack, key));
        assert_true(value_stack_push(&stack, value_int(i)));
    }
    assert_true(value_stack_close(&stack, &arena, 0, (struct value){.kind = VALUE_MAP}, &twice));
    assert_int_equal(stack.values[0].count, 3);
    assert_int_equal(value_get(&stack.values[0], span_of("b"))->integer, 1);
    assert_non_null(twice);
    assert_int_equal(twice->line, 2);
    value_stack_release(&stack);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nests_lists_and_maps),
        cmocka_unit_test(makes_members_of_keys_and_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
