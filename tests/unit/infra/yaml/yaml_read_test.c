#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/json/json_write.h"

struct fixture {
    struct heap_budget budget;
    struct arena arena;
    struct buffer buffer;
    struct fault_list faults;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    arena_init(&fixture.arena, allocator_heap(&fixture.budget), 0);
    buffer_init(&fixture.buffer, allocator_heap(&fixture.budget), 0);
    fault_list_init(&fixture.faults, &fixture.arena, 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    arena_release(&f->arena);
    buffer_release(&f->buffer);
    assert_int_equal(f->budget.used_bytes, 0);
    return 0;
}

typedef int reader(struct span text, const struct yaml_limits *limits, struct arena *arena,
                   struct value *ret_value, struct fault_list *faults);

static const char *read_json(struct fixture *f, reader *read, const char *text)
{
    struct value value;

    fault_list_init(&f->faults, &f->arena, 0);
    if (read(span_of(text), NULL, &f->arena, &value, &f->faults) != 0) {
        assert_non_null(f->faults.first);
        return f->faults.first->text;
    }
    assert_null(f->faults.first);
    buffer_reset(&f->buffer);
    json_write(&f->buffer, &value);
    buffer_append(&f->buffer, (struct span){"", 1});
    return (const char *)f->buffer.data;
}

/* clang-format off */
static void reads_the_core_schema(void **state)
{
    static const struct { const char *text, *json; } table[] = {
        {"", "null"}, {"# only a comment\n", "null"}, {"---\n...\n", "null"}, {"~", "null"}, {"[null, Null, NULL, ~, nUll]", "[null,null,null,null,\"nUll\"]"},
        {"[true, True, TRUE, false, False, FALSE, tRue]", "[true,true,true,false,false,false,\"tRue\"]"},
        {"[no, on, yes, off, y, n, No, NO, On, Yes]", "[\"no\",\"on\",\"yes\",\"off\",\"y\",\"n\",\"No\",\"NO\",\"On\",\"Yes\"]"},
        {"[0, -0, +12, -19, 0o17, 0x1F, 0xfF, 017, 08, 1_000, 0b1, 0o8, 0x, 0xG]", "[0,0,12,-19,15,31,255,17,8,\"1_000\",\"0b1\",\"0o8\",\"0x\",\"0xG\"]"},
        {"[9223372036854775807, -9223372036854775808, 9223372036854775808]", "[9223372036854775807,-9223372036854775808,9.223372036854776e+18]"},
        {"[1.5, .5, 5., -2.5e3, 1e2, +1E-2, 0.0, 1.2.3, 1e, e1, ., +, '-']", "[1.5,0.5,5.0,-2500.0,100.0,0.01,0.0,\"1.2.3\",\"1e\",\"e1\",\".\",\"+\",\"-\"]"},
        {"[2001-01-01, 12:30:45, 1h30m, 500m, 128Mi]", "[\"2001-01-01\",\"12:30:45\",\"1h30m\",\"500m\",\"128Mi\"]"},
        {"['1', \"true\", 'null', \"\", '']", "[\"1\",\"true\",\"null\",\"\",\"\"]"},
        {"a: 1\nb:\n  - x\n  - y: [z, {k: v}]\nc:\n", "{\"a\":1,\"b\":[\"x\",{\"y\":[\"z\",{\"k\":\"v\"}]}],\"c\":null}"},
        {"a: |\n  one\n  two\nb: >-\n  three\n  four\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"three four\"}"},
        {"a: |\n  1\nb: >-\n  true\n", "{\"a\":\"1\\n\",\"b\":\"true\"}"},
        {"when: ${{ a.b == 'x' }}", "{\"when\":\"${{ a.b == 'x' }}\"}"},
        {"on: 1\nyes: 2\nno: 3\n", "{\"on\":1,\"yes\":2,\"no\":3}"},
        {"'1': a\n\"null\": b\n'<<': c\n", "{\"1\":\"a\",\"null\":\"b\",\"<<\":\"c\"}"},
        {"\"\\u00e9\\x41\\n\"", "\"\xc3\xa9" "A\\n\""},
        {"[!!str 12, !!int '12', !!float 1, !!bool \"true\", !!null '', ! 12]", "[\"12\",12,1.0,true,null,\"12\"]"},
        {"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
        {"%YAML 1.1\n---\nyes", "\"yes\""},
        {"a: &x [1, 2]\nb: *x\nc: [*x, *x]\n", "{\"a\":[1,2],\"b\":[1,2],\"c\":[[1,2],[1,2]]}"},
        {"a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"},
        {"&k key: &v value\n*v : *k\n", "{\"key\":\"value\",\"value\":\"key\"}"},
        {"{\"a\":[1,2.0,\"x\\\"y\",null,true],\"b\":{}}", "{\"a\":[1,2.0,\"x\\\"y\",null,true],\"b\":{}}"},
        {"\xef\xbb\xbfname: a", "{\"name\":\"a\"}"}, {"\xef\xbb\xbf" "a: b\r\nc:\r\n  d: e\r\n", "{\"a\":\"b\",\"c\":{\"d\":\"e\"}}"},
        {"\xef\xbb\xbf", "null"}, {"a: b\r\nc: d\r\n", "{\"a\":\"b\",\"c\":\"d\"}"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *json = read_json(f, yaml_read, table[i].text);
        const char *star = strchr(table[i].json, '*');
        size_t bytes = star == NULL ? strlen(table[i].json) + 1 : (size_t)(star - table[i].json);

        if (strncmp(json, table[i].json, bytes) != 0) {
            fail_msg("%s\n  gives    %s\n  expected %s", table[i].text, json, table[i].json);
        }
    }
}

static void refuses_the_rest_with_its_place(void **state)
{
    static const struct { const char *text; uint32_t line, column; const char *path, *says; } table[] = {
        {"a: 1\nb: 2\na: 3\n", 3, 1, "", "the key \"a\" stands twice"},
        {"x:\n - {a: 1}\n - {a: 1, 'a': 2}\n", 3, 11, "x[1]", "the key \"a\" stands twice"},
        {"a:\n  1: b\n", 2, 3, "a", "this is read as int"}, {"true: 1", 1, 1, "", "read as bool"}, {"? \n: 1", 1, 2, "", "read as null"}, {"1.5: 1", 1, 1, "", "read as double"},
        {"[a]: 1", 1, 1, "", "not a list or map"}, {"? {a: b}\n: 1", 1, 3, "", "not a list or map"}, {"a: &x 1\n*x : 2", 2, 1, "", "read as int"},
        {"a: &x {k: v}\nb:\n  <<: *x\n", 3, 3, "b", "merge keys (<<)"},
        {"a: .inf", 1, 4, "a", "no form for .inf"}, {"a: [-.INF]", 1, 5, "a[0]", "no form for .inf"}, {".NaN", 1, 1, "", "no form for .inf"},
        {"a: 1e400", 1, 4, "a", "too large for a double"}, {"-1e+400", 1, 1, "", "too large for a double"}, {"0xffffffffffffffff", 1, 1, "", "too large for an int"},
        {"a: !!binary aGk=", 1, 4, "a", "tag tag:yaml.org,2002:binary"}, {"!x {a: 1}", 1, 1, "", "the tag !x is not supported"}, {"!!timestamp 2001-01-01", 1, 1, "", "not supported"},
        {"!!int x", 1, 1, "", "does not fit its tag"}, {"!!seq {a: 1}", 1, 1, "", "does not fit its tag"}, {"!!bool 1", 1, 1, "", "does not fit its tag"},
        {"a: *x", 1, 4, "a", "stands for nothing"}, {"a: &x [*x]", 1, 8, "a[0]", "stands for nothing"}, {"a: *x\nb: &x 1", 1, 4, "a", "stands for nothing"},
        {"a: 1\n---\nb: 2\n", 2, 1, "", "a second document"}, {"---\n---\n", 2, 1, "", "a second document"},
        {"a: [1, 2", 1, 9, "a[2]", "did not find expected"}, {"a: b: c", 1, 5, "*", "mapping values are not allowed"}, {"a:\n\t- b", 2, 1, "*", "cannot start any token"},
        {"a: \"x", 1, 6, "a", "unexpected end of stream"}, {"{a: 1}}", 1, 7, "", "did not find expected"}, {"- a\nb: c", 2, 1, "*", "did not find expected"}, {"@x", 1, 1, "", "cannot start any token"},
        {"a: \"\\q\"", 1, 5, "a", "unknown escape"},
        {"a: b\nc: \xff", 2, 4, "", "UTF-8"}, {"a: \x01", 1, 4, "", "control characters are not allowed"},
        {"\xc3\xa9: \xc3\xa9 \xe2\x82\xac\nb: '\xf0\x9f\x98\x80' x", 2, 11, "*", "did not find expected"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *text = read_json(f, yaml_read, table[i].text);
        const struct fault *fault = f->faults.first;

        if (fault == NULL || strstr(text, table[i].says) == NULL || fault->line != table[i].line ||
            fault->column != table[i].column ||
            (table[i].path[0] != '*' && strcmp(fault->path, table[i].path) != 0)) {
            fail_msg("%s: %u:%u %s: %s", table[i].text, fault == NULL ? 0 : fault->line,
                     fault == NULL ? 0 : fault->column, fault == NULL ? "" : fault->path, text);
        }
    }
}
/* clang-format on */

static void lists_every_fault_at_once(void **state)
{
    struct fixture *f = *state;

    (void)read_json(f, yaml_read, "a: .inf\n1: x\nb: {c: 1, c: 2}\na: !t y\n");
    assert_int_equal(f->faults.error_count, 5);
    assert_string_equal(f->faults.last->text, "the key \"a\" stands twice in this map");
}

static void hints_at_tabs(void **state)
{
    struct fixture *f = *state;

    (void)read_json(f, yaml_read, "a:\n\t- b");
    assert_non_null(strstr(f->faults.first->hint, "no tabs"));
}

static void keeps_the_place_of_every_value_and_key(void **state)
{
    struct fixture *f = *state;
    struct value map;

    assert_int_equal(
        yaml_read(span_of("\xc3\xa9: 1\nlist:\n  - \xe2\x82\xac\n  - '\xc3\xa9': [b, c]\n"
                          "alias: &x {k: v}\nuse: *x\n"),
                  NULL, &f->arena, &map, &f->faults),
        0);
    assert_int_equal(map.line, 1);
    assert_int_equal(map.column, 1);
    assert_int_equal(map.members[0].value.column, 5);
    assert_int_equal(map.members[1].key.line, 2);
    const struct value *list = &map.members[1].value;

    assert_int_equal(list->line, 3);
    assert_int_equal(list->column, 3);
    assert_int_equal(list->items[0].column, 5);
    const struct value_member *inner = &list->items[1].members[0];

    assert_int_equal(inner->key.line, 4);
    assert_int_equal(inner->key.column, 5);
    assert_int_equal(inner->value.items[1].line, 4);
    assert_int_equal(inner->value.items[1].column, 15);
    assert_int_equal(map.members[3].value.line, 6);
    assert_int_equal(map.members[3].value.column, 6);
    assert_int_equal(map.members[3].value.members[0].key.line, 5);
}

/* Nine lists of nine aliases each would be 9^9 values. */
static void refuses_anchors_that_explode(void **state)
{
    struct fixture *f = *state;
    char text[2000] = "a: &a [x,x,x,x,x,x,x,x,x]\n";

    for (int c = 'b'; c <= 'i'; c++) {
        char line[100];
        size_t at = strlen(text);

        (void)memcpy(line, "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n", 36);
        line[0] = line[4] = (char)c;
        for (int i = 0; i < 9; i++) {
            line[8 + 3 * i] = (char)(c - 1);
        }
        strcpy(text + at, line);
    }
    (void)read_json(f, yaml_read, text);
    assert_int_equal(f->faults.error_count, 1);
    assert_non_null(strstr(f->faults.first->text, "more values than the limit"));
    assert_int_equal(f->faults.first->line, 6);
    assert_true(f->budget.used_bytes < 100000);
}

static void holds_each_limit(void **state)
{
    struct fixture *f = *state;
    struct yaml_limits limits = {.depth_max = 3, .text_bytes_max = 100, .nodes_max = 7};
    struct value value;
    char text[200];

    assert_int_equal(yaml_read(span_of("[[[1,2,3]],4]"), &limits, &f->arena, &value, &f->faults),
                     0);
    assert_int_equal(yaml_read(span_of("[[[1,2,3]],4,5]"), &limits, &f->arena, &value, &f->faults),
                     -1);
    assert_non_null(strstr(f->faults.last->text, "more values"));
    assert_int_equal(yaml_read(span_of("[[[[]]]]"), &limits, &f->arena, &value, &f->faults), -1);
    assert_non_null(strstr(f->faults.last->text, "deeper"));
    assert_int_equal(f->faults.last->column, 4);
    limits.nodes_max = 20;
    assert_int_equal(yaml_read(span_of("[&a [[1]], [*a]]"), &limits, &f->arena, &value, &f->faults),
                     -1);
    assert_non_null(strstr(f->faults.last->text, "deeper"));
    memset(text, ' ', sizeof(text));
    assert_int_equal(yaml_read((struct span){text, 100}, &limits, &f->arena, &value, &f->faults),
                     0);
    assert_int_equal(yaml_read((struct span){text, 101}, &limits, &f->arena, &value, &f->faults),
                     -1);
    assert_non_null(strstr(f->faults.last->text, "longer"));
}

static void says_so_when_there_is_no_memory(void **state)
{
    struct fixture *f = *state;
    int result = -1;

    for (size_t bound = 1; result != 0; bound += 500) {
        struct heap_budget budget = {.limit_bytes = bound};
        struct arena arena;
        struct value value;

        arena_init(&arena, allocator_heap(&budget), 0);
        fault_list_init(&f->faults, &arena, 0);
        result = yaml_read(span_of("a: &x [1, two, {k: v, l: m}]\nb: *x\n"), NULL, &arena, &value,
                           &f->faults);
        assert_true(result == 0 || f->faults.error_count > 0);
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
        assert_in_range(bound, 0, 1 << 18);
    }
}

static void text_read_tells_json_from_yaml(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(read_json(f, text_read, " \r\n\t{\"a\": \"\\ud83d\\ude00\"}"),
                        "{\"a\":\"\xf0\x9f\x98\x80\"}");
    assert_string_equal(read_json(f, text_read, "[1]"), "[1]");
    assert_string_equal(read_json(f, text_read, "a: {b: c}"), "{\"a\":{\"b\":\"c\"}}");
    assert_string_equal(read_json(f, text_read, "--- {b: c}"), "{\"b\":\"c\"}");
    assert_string_equal(read_json(f, text_read, ""), "null");
    assert_non_null(strstr(read_json(f, text_read, "\n{a: 1}"), "double quotes"));
    assert_int_equal(f->faults.first->line, 2);
    assert_int_equal(f->faults.first->column, 2);
    assert_non_null(strstr(f->faults.first->hint, "JSON"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_the_core_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_rest_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_every_fault_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hints_at_tabs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_place_of_every_value_and_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_anchors_that_explode, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_each_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_so_when_there_is_no_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text_read_tells_json_from_yaml, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
