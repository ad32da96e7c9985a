/* yaml_write: the look of it, and that yaml_read gives the same value back. */
#include "infra/yaml/yaml_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/json/json_read.h"

static struct heap_budget budget;
static struct arena arena;
static struct buffer text;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, allocator_heap(&budget), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    buffer_release(&text);
    return budget.used_bytes == 0 ? 0 : -1;
}

static void write_json(const char *json)
{
    struct value value = {0};
    struct value again = {0};
    struct json_error error = {0};
    struct fault_list faults;

    fault_list_init(&faults, &arena, 0);
    buffer_reset(&text);
    assert_int_equal(json_read(span_of(json), NULL, &arena, &value, &error), JSON_OK);
    yaml_write(&text, &value);
    assert_int_equal(yaml_read(buffer_span(&text), NULL, &arena, &again, &faults), 0);
    assert_true(value_equal(&value, &again));
}

static void expect(const char *json, const char *yaml)
{
    write_json(json);
    buffer_append(&text, (struct span){"", 1});
    assert_string_equal((const char *)text.data, yaml);
}

static void test_maps_and_lists_are_blocks(void **state)
{
    (void)state;
    expect("{\"a\":[1,{\"b\":\"x y\",\"c\":[]},[2,3]],\"d\":{\"e\":null},\"f\":{}}",
           "a:\n  - 1\n  - b: x y\n    c: []\n  - - 2\n    - 3\nd:\n  e: null\nf: {}\n");
    expect("[]", "[]\n");
    expect("\"SUCCEEDED\"", "SUCCEEDED\n");
    expect("1.5", "1.5\n");
}

/* What would be read as something else stands in quotes. */
static void test_a_string_stays_a_string(void **state)
{
    static const char *const strings[] = {
        "\"\"",           "\"true\"",       "\"null\"",  "\"~\"",    "\"12\"",   "\"1e3\"",
        "\"0x1f\"",       "\"- a\"",        "\"a: b\"",  "\"a #b\"", "\" a\"",   "\"a \"",
        "\"a\\nb\"",      "\"\\u0007\"",    "\"---\"",   "\"...\"",  "\"'\"",    "\"\\\"\"",
        "\"{a}\"",        "\"[a]\"",        "\"*a\"",    "\"&a\"",   "\"!a\"",   "\"%a\"",
        "\"@a\"",         "\"`a\"",         "\"a,b\"",   "\"?\"",    "\".inf\"", "\"=\"",
        "\"gr\\u00fcn\"", "\"2026-11-23\"", "\"a\\tb\"", "\"-\"",    "\"no\"",   "\"1_000\"",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        char map[64];

        write_json(strings[i]);
        (void)snprintf(map, sizeof(map), "{%s:[%s]}", strings[i], strings[i]);
        write_json(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_maps_and_lists_are_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_string_stays_a_string, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
