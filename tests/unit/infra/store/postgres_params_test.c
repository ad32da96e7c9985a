#include "infra/store/postgres_params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const struct postgres_params *params, int at, const void *bytes, int length)
{
    assert_int_equal(params->lengths[at], length);
    assert_memory_equal(params->bytes.data + params->starts[at], bytes, (size_t)length);
}

/* The forms are those of Postgres's *_send functions (src/backend/utils/adt). */
static void writes_values(void **state)
{
    struct heap_budget budget = {0};
    struct postgres_params params = {.count = 7};

    (void)state;
    buffer_init(&params.bytes, allocator_heap(&budget), 0);
    params_begin(&params);
    params_int4(&params, -2);
    params_int8(&params, 0x0102030405060708);
    params_text(&params, "ab");
    params_text(&params, NULL);
    params_bool(&params, true);
    params_bytes(&params, (struct span){NULL, 0});
    assert_int_equal(params.count, 6);
    expect(&params, 0, "\xff\xff\xff\xfe", 4);
    expect(&params, 1, "\1\2\3\4\5\6\7\10", 8);
    expect(&params, 2, "ab", 2);
    assert_int_equal(params.lengths[3], -1);
    expect(&params, 4, "\1", 1);
    assert_int_equal(params.lengths[5], 0);
    params_begin(&params);
    assert_int_equal(params.count, 0);
    buffer_release(&params.bytes);
    assert_int_equal(budget.used_bytes, 0);
}

static void writes_arrays(void **state)
{
    struct heap_budget budget = {0};
    struct postgres_params params;

    (void)state;
    buffer_init(&params.bytes, allocator_heap(&budget), 0);
    params_begin(&params);
    params_array(&params, TYPE_INT8, 1);
    array_int8(&params, -1);
    params_array_end(&params);
    params_array(&params, TYPE_BYTEA, 2);
    array_optional(&params, (struct span){"x", 1});
    array_optional(&params, (struct span){NULL, 0});
    params_array_end(&params);
    params_array(&params, TYPE_INT4, 0);
    params_array_end(&params);
    params_array(&params, TYPE_BOOL, 1);
    array_bool(&params, true);
    params_array_end(&params);
    params_array(&params, TYPE_INT4, 1);
    array_int4(&params, 258);
    params_array_end(&params);
    params_array(&params, TYPE_TEXT, 1);
    array_bytes(&params, (struct span){NULL, 0});
    params_array_end(&params);
    expect(&params, 0,
           "\0\0\0\1\0\0\0\1\0\0\0\24\0\0\0\1\0\0\0\1"
           "\0\0\0\10\xff\xff\xff\xff\xff\xff\xff\xff",
           32);
    expect(&params, 1,
           "\0\0\0\1\0\0\0\1\0\0\0\21\0\0\0\2\0\0\0\1"
           "\0\0\0\1x\xff\xff\xff\xff",
           29);
    expect(&params, 2, "\0\0\0\0\0\0\0\1\0\0\0\27", 12);
    expect(&params, 3, "\0\0\0\1\0\0\0\1\0\0\0\20\0\0\0\1\0\0\0\1\0\0\0\1\1", 25);
    expect(&params, 4, "\0\0\0\1\0\0\0\1\0\0\0\27\0\0\0\1\0\0\0\1\0\0\0\4\0\0\1\2", 28);
    expect(&params, 5, "\0\0\0\1\0\0\0\1\0\0\0\31\0\0\0\1\0\0\0\1\0\0\0\0", 24);
    buffer_release(&params.bytes);
}

static void reads_numbers(void **state)
{
    (void)state;
    assert_int_equal(postgres_int4("\xff\xff\xff\xfe"), -2);
    assert_int_equal(postgres_int4("\1\2\3\4"), 0x01020304);
    assert_true(postgres_int8("\x80\0\0\0\0\0\0\0") == INT64_MIN);
    assert_true(postgres_int8("\0\0\0\1\xff\xff\xff\xff") == 0x1ffffffff);
}

static void tells_that_memory_ran_out(void **state)
{
    struct heap_budget budget = {.limit_bytes = 300};
    struct postgres_params params;
    unsigned char big[500] = {0};

    (void)state;
    buffer_init(&params.bytes, allocator_heap(&budget), 0);
    params_begin(&params);
    params_bytes(&params, (struct span){big, sizeof(big)});
    assert_true(params.bytes.is_failed);
    params_begin(&params);
    assert_false(params.bytes.is_failed);
    buffer_release(&params.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_values),
        cmocka_unit_test(writes_arrays),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(tells_that_memory_ran_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
