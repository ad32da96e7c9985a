/* difference: what is told of two definitions. */
#include "producer/core/difference.h"

#include <stdio.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "tests/support/test.h"

struct told {
    struct buffer text;
};

static void on_difference(void *context, const struct difference *d)
{
    struct told *told = context;
    const struct value *sides[] = {d->before, d->after};

    buffer_text(&told->text, difference_kind_name(d->kind));
    buffer_text(&told->text, " ");
    buffer_text(&told->text, d->path);
    for (int i = 0; i < 2; i++) {
        buffer_text(&told->text, " ");
        if (sides[i] != NULL) {
            json_write(&told->text, sides[i]);
        }
    }
    buffer_text(&told->text, "\n");
}

static struct value read(struct arena *arena, const char *text)
{
    struct json_error error;
    struct value value = value_null();

    if (json_read(span_of(text), NULL, arena, &value, &error) != JSON_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    return value;
}

static void test_told(void **state)
{
    static const struct {
        const char *before, *after, *told;
    } cases[] = {
        {"{}", "{}", ""},
        {"{\"a\":1,\"b\":[1,{\"c\":2}]}", "{\"b\":[1,{\"c\":2}],\"a\":1}", ""},
        {"1", "2", "changed  1 2\n"},
        {"{\"a\":1}", "{\"a\":\"1\"}", "changed a 1 \"1\"\n"},
        {"{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":3,\"d\":4}}",
         "removed a.b 1 \nchanged a.c 2 3\nadded a.d  4\n"},
        {"{\"a b\":{\"\":1}}", "{\"a b\":{\"\":2}}", "changed [\"a b\"][\"\"] 1 2\n"},
        {"{\"l\":[1,2,3]}", "{\"l\":[1,3]}", "changed l[1] 2 3\nremoved l[2] 3 \n"},
        {"{\"l\":[]}", "{\"l\":[{\"name\":\"a\"}]}", "added l[0]  {\"name\":\"a\"}\n"},
        {"{\"s\":[{\"name\":\"a\",\"x\":1},{\"name\":\"b\"}]}",
         "{\"s\":[{\"name\":\"new\"},{\"name\":\"b\",\"y\":[2]},{\"name\":\"a\",\"x\":2}]}",
         "changed s[a].x 1 2\nadded s[b].y  [2]\nadded s[new]  {\"name\":\"new\"}\n"},
        {"{\"s\":[{\"name\":\"a\"}]}", "{\"s\":[{\"name\":\"b\"}]}",
         "removed s[a] {\"name\":\"a\"} \nadded s[b]  {\"name\":\"b\"}\n"},
        {"{\"a\":[1]}", "{\"a\":{\"b\":1}}", "changed a [1] {\"b\":1}\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct heap_budget budget = {0};
        struct arena arena;
        struct buffer path;
        struct told told;
        uint32_t lines = 0;

        arena_init(&arena, allocator_heap(&budget), 0);
        buffer_init(&path, allocator_heap(&budget), 0);
        buffer_init(&told.text, allocator_heap(&budget), 0);
        struct value before = read(&arena, cases[i].before);
        struct value after = read(&arena, cases[i].after);
        uint32_t count = difference_walk(&before, &after, &path, on_difference, &told);

        buffer_append(&told.text, (struct span){"", 1});
        assert_string_equal(told.text.data, cases[i].told);
        for (const char *c = cases[i].told; *c != '\0'; c++) {
            lines += *c == '\n';
        }
        assert_int_equal(count, lines);
        assert_int_equal(path.bytes, 0);
        buffer_release(&told.text);
        buffer_release(&path);
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
