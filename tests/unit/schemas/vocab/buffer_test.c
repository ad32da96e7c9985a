#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/buffer.h"

static void grows_at_its_end(void **state)
{
    struct heap_budget budget = {0};
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, allocator_heap(&budget), 0);
    assert_int_equal(buffer_span(&buffer).bytes, 0);
    buffer_append(&buffer, (struct span){NULL, 0});
    for (int i = 0; i < 1000; i++) {
        buffer_text(&buffer, "0123456789");
    }
    assert_false(buffer.is_failed);
    assert_int_equal(buffer_span(&buffer).bytes, 10000);
    assert_memory_equal(buffer.data + 9990, "0123456789", 10);
    buffer_reset(&buffer);
    assert_int_equal(buffer.bytes, 0);
    buffer_text(&buffer, "a");
    assert_true(span_is(buffer_span(&buffer), "a"));
    buffer_release(&buffer);
    assert_int_equal(budget.used_bytes, 0);
    buffer_text(&buffer, "again");
    assert_true(span_is(buffer_span(&buffer), "again"));
    buffer_release(&buffer);
}

static void stays_failed_until_reset(void **state)
{
    struct heap_budget budget = {0};
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, allocator_heap(&budget), 5);
    buffer_text(&buffer, "abc");
    buffer_text(&buffer, "def");
    assert_true(buffer.is_failed && buffer.is_too_long);
    buffer_text(&buffer, "x");
    assert_true(span_is(buffer_span(&buffer), "abc"));
    buffer_reset(&buffer);
    buffer_text(&buffer, "abcde");
    assert_false(buffer.is_failed || buffer.is_too_long);
    assert_true(span_is(buffer_span(&buffer), "abcde"));
    buffer_release(&buffer);
    budget.limit_bytes = 300;
    buffer_init(&buffer, allocator_heap(&budget), 1000000);
    for (int i = 0; i < 100; i++) {
        buffer_text(&buffer, "0123456789");
    }
    assert_true(buffer.is_failed && !buffer.is_too_long);
    assert_true(buffer.bytes <= 300);
    buffer_release(&buffer);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_at_its_end),
        cmocka_unit_test(stays_failed_until_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
