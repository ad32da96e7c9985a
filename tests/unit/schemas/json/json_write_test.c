#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

static struct heap_budget budget;
static struct buffer buffer;

static int set_up(void **state)
{
    (void)state;
    buffer_init(&buffer, allocator_heap(&budget), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_release(&buffer);
    assert_int_equal(budget.used_bytes, 0);
    return 0;
}

static void assert_written(const char *text)
{
    if (!span_is(buffer_span(&buffer), text)) {
        fail_msg("wrote %.*s, not %s", SPAN_ARG(buffer_span(&buffer)), text);
    }
}

static void puts_commas_where_they_belong(void **state)
{
    struct json_writer writer = {.buffer = &buffer};
    struct value items[] = {value_int(1), value_double(2)};
    struct value list = {.kind = VALUE_LIST, .count = 2, .items = items};

    (void)state;
    json_begin_map(&writer);
    json_key(&writer, "a");
    json_begin_list(&writer);
    json_end_list(&writer);
    json_key_span(&writer, (struct span){"bc", 1});
    json_begin_list(&writer);
    json_put_null(&writer);
    json_put_bool(&writer, true);
    json_put_int(&writer, INT64_MIN);
    json_put_uint(&writer, UINT64_MAX);
    json_put_double(&writer, 0.5);
    json_put_text(&writer, NULL);
    json_put_text(&writer, "x");
    json_put_string(&writer, (struct span){NULL, 0});
    json_begin_map(&writer);
    json_end_map(&writer);
    json_put_value(&writer, &list);
    json_put_raw(&writer, span_of("[7]"));
    json_end_list(&writer);
    json_key(&writer, "z");
    json_put_bool(&writer, false);
    json_end_map(&writer);
    assert_written("{\"a\":[],\"b\":[null,true,-9223372036854775808,18446744073709551615,0.5,null,"
                   "\"x\",\"\",{},[1,2.0],[7]],\"z\":false}");
}

static void writes_pretty(void **state)
{
    struct arena arena;
    struct value value;
    struct json_error error;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_int_equal(json_read(span_of("{\"a\":[1,{}],\"b\":[]}"), NULL, &arena, &value, &error),
                     JSON_OK);
    json_write_pretty(&buffer, &value);
    assert_written("{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
    arena_release(&arena);
}

static void escapes_and_mends_strings(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *written; } table[] = {
        {"", "\"\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\x01\x08\x0c\x1f", "\"\\u0001\\b\\f\\u001f\""},
        {"\xc3\xa9", "\"\xc3\xa9\""},
        {"a\xffz", "\"a\xef\xbf\xbdz\""},
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        buffer_reset(&buffer);
        json_append_string(&buffer, span_of(table[i].text));
        assert_written(table[i].written);
    }
}

static void fails_once_for_all(void **state)
{
    struct json_writer writer = {.buffer = &buffer};

    (void)state;
    buffer.limit_bytes = 300;
    json_begin_list(&writer);
    for (int i = 0; i < 1000; i++) {
        json_put_int(&writer, i);
    }
    json_end_list(&writer);
    assert_true(buffer.is_failed);
    assert_true(buffer.bytes <= 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(puts_commas_where_they_belong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_pretty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(escapes_and_mends_strings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fails_once_for_all, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
