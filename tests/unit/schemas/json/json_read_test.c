#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"

struct fixture {
    struct heap_budget budget;
    struct arena arena;
    struct buffer buffer;
    struct json_error error;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof(fixture));
    arena_init(&fixture.arena, allocator_heap(&fixture.budget), 0);
    buffer_init(&fixture.buffer, allocator_heap(&fixture.budget), 0);
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

static struct value read_ok(struct fixture *f, struct span text)
{
    struct value value = value_null();
    enum json_err err = json_read(text, NULL, &f->arena, &value, &f->error);

    if (err != JSON_OK) {
        fail_msg("%.*s: %s", SPAN_ARG(text), f->error.text);
    }
    return value;
}

static void reads_what_rfc_8259_allows(void **state)
{
    /* clang-format off */
    static const struct { const char *text, *written; } table[] = {
        {"null", "null"},
        {" \t\r\n true \n", "true"},
        {"false", "false"},
        {"0", "0"},
        {"-0", "0"},
        {"12", "12"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", "9.223372036854776e+18"},
        {"-9223372036854775809", "-9.223372036854776e+18"},
        {"1.5", "1.5"},
        {"4.0", "4.0"},
        {"1e2", "100.0"},
        {"1E+2", "100.0"},
        {"-0.0", "-0.0"},
        {"1e-400", "0.0"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"\"\"", "\"\""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "\"a\\\"\\\\/\\b\\f\\n\\r\\tA\""},
        {"\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\"\\u0000x\"", "\"\\u0000x\""},
        {"\"\x7f\"", "\"\x7f\""},
        {"[]", "[]"},
        {"{}", "{}"},
        {"[ 1 , [ ] , {} ]", "[1,[],{}]"},
        {"{\"b\":1,\"a\":{\"c\":[null]}}", "{\"b\":1,\"a\":{\"c\":[null]}}"},
        {"{\"\":\"\"}", "{\"\":\"\"}"},
    };
    /* clang-format on */
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct value value = read_ok(f, span_of(table[i].text));

        buffer_reset(&f->buffer);
        json_write(&f->buffer, &value);
        buffer_append(&f->buffer, (struct span){"", 1});
        assert_string_equal((const char *)f->buffer.data, table[i].written);
    }
}

/* clang-format off */
static const struct { const char *text; uint32_t line, column; const char *says; } refused[] = {
    {"", 1, 1, "ends too early"},
    {"  ", 1, 3, "ends too early"},
    {"nul", 1, 1, "no value begins so"},
    {"True", 1, 1, "no value begins so"},
    {"'a'", 1, 1, "no value begins so"},
    {"NaN", 1, 1, "no value begins so"},
    {"-", 1, 2, "ends too early"},
    {"-x", 1, 2, "digit"},
    {"+1", 1, 1, "no value begins so"},
    {"01", 1, 1, "begin with a zero"},
    {"-012", 1, 2, "begin with a zero"},
    {"1.", 1, 3, "ends too early"},
    {"1.x", 1, 3, "digit"},
    {".5", 1, 1, "no value begins so"},
    {"1e", 1, 3, "ends too early"},
    {"1e+ ", 1, 4, "digit"},
    {"[1e400]", 1, 2, "too large"},
    {"1 2", 1, 3, "nothing may follow"},
    {"null,", 1, 5, "nothing may follow"},
    {"[1,]", 1, 4, "no value begins so"},
    {"[1 2]", 1, 4, "comma or ]"},
    {"[1", 1, 3, "ends too early"},
    {"[1}", 1, 3, "comma or ]"},
    {"{\"a\":1]", 1, 7, "comma or }"},
    {"{\"a\" 1}", 1, 6, "colon"},
    {"{a:1}", 1, 2, "key in double quotes"},
    {"{1:1}", 1, 2, "key in double quotes"},
    {"{\"a\":1,}", 1, 8, "key in double quotes"},
    {"{\"a\":}", 1, 6, "no value begins so"},
    {"{\n  \"a\": 1,\n  \"a\": 2\n}", 3, 3, "the key \"a\" stands twice"},
    {"{\"a\":1,\"\\u0061\":2}", 1, 8, "the key \"a\" stands twice"},
    {"\"a", 1, 3, "ends too early"},
    {"\"a\nb\"", 1, 3, "control character"},
    {"\"\\x\"", 1, 2, "no such escape"},
    {"\"\\", 1, 3, "ends too early"},
    {"\"\\u12\"", 1, 2, "hexadecimal"},
    {"\"\\u12g4\"", 1, 2, "hexadecimal"},
    {"\"\\ud800\"", 1, 2, "surrogate"},
    {"\"\\ud800\\u0041\"", 1, 2, "surrogate"},
    {"\"\\udc00\"", 1, 2, "surrogate"},
    {"\"\\ud83dx\\ude00\"", 1, 2, "surrogate"},
    {"\"\x80\"", 1, 2, "UTF-8"},
    {"\"\xc0\xaf\"", 1, 2, "UTF-8"},
    {"\"\xe0\x80\xaf\"", 1, 2, "UTF-8"},
    {"\"\xed\xa0\x80\"", 1, 2, "UTF-8"},
    {"\"\xf4\x90\x80\x80\"", 1, 2, "UTF-8"},
    {"\"\xc3\"", 1, 2, "UTF-8"},
    {"\xef\xbb\xbf{}", 1, 1, "byte order mark"},
    {"[1] // no", 1, 5, "nothing may follow"},
};
/* clang-format on */

static void refuses_the_rest_with_its_place(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct value value = value_int(77);

        assert_int_equal(json_read(span_of(refused[i].text), NULL, &f->arena, &value, &f->error),
                         JSON_ESYNTAX);
        assert_int_equal(value.integer, 77);
        if (strstr(f->error.text, refused[i].says) == NULL || f->error.line != refused[i].line ||
            f->error.column != refused[i].column) {
            fail_msg("%s: %u:%u: %s", refused[i].text, f->error.line, f->error.column,
                     f->error.text);
        }
    }
}

static void keeps_the_place_of_every_value(void **state)
{
    struct fixture *f = *state;
    struct value map = read_ok(f, span_of("{\n \"a\" : [1,\n\"\xc3\xa9\", 2.5],\"b\":{ }}"));
    const struct value *list = &map.members[0].value;

    assert_int_equal(map.line, 1);
    assert_int_equal(map.column, 1);
    assert_int_equal(map.members[0].key.line, 2);
    assert_int_equal(map.members[0].key.column, 2);
    assert_int_equal(list->line, 2);
    assert_int_equal(list->column, 8);
    assert_int_equal(list->items[0].column, 9);
    assert_int_equal(list->items[1].line, 3);
    assert_int_equal(list->items[1].column, 2);
    assert_int_equal(list->items[2].column, 7);
    assert_int_equal(map.members[1].value.column, 16);
}

static void refuses_what_is_too_deep_or_too_long(void **state)
{
    struct fixture *f = *state;
    struct json_limits limits = {.depth_max = 3, .text_bytes_max = 20};
    struct value value;

    assert_int_equal(json_read(span_of("[{\"a\":[1]}]"), &limits, &f->arena, &value, &f->error),
                     JSON_OK);
    assert_int_equal(json_read(span_of("[{\"a\":[[]]}]"), &limits, &f->arena, &value, &f->error),
                     JSON_ELIMIT);
    assert_int_equal(f->error.column, 8);
    assert_int_equal(
        json_read(span_of("[                   ]"), &limits, &f->arena, &value, &f->error),
        JSON_ELIMIT);
    assert_non_null(strstr(f->error.text, "longer"));
}

/* Maps of many members take another way to find a key that stands twice. */
static void finds_a_key_twice_among_many(void **state)
{
    struct fixture *f = *state;
    struct json_writer writer = {.buffer = &f->buffer};
    struct value value;

    for (int twice = 0; twice < 2; twice++) {
        buffer_reset(&f->buffer);
        writer.needs_comma = false;
        json_begin_map(&writer);
        for (int i = 0; i < 1000; i++) {
            unsigned char key[4] = {(unsigned char)('a' + i % 26), (unsigned char)('0' + i / 26),
                                    'x', 'x'};

            json_key_span(&writer, (struct span){key, sizeof(key)});
            json_put_int(&writer, i);
        }
        if (twice == 1) {
            json_key(&writer, "q5xx");
            json_put_null(&writer);
            json_key(&writer, "a1xx");
            json_put_null(&writer);
        }
        json_end_map(&writer);
        assert_int_equal(json_read(buffer_span(&f->buffer), NULL, &f->arena, &value, &f->error),
                         twice == 1 ? JSON_ESYNTAX : JSON_OK);
    }
    assert_non_null(strstr(f->error.text, "q5xx"));
}

static void borrows_strings_only_when_asked(void **state)
{
    struct fixture *f = *state;
    const char text[] = "[\"plain\",\"es\\u0063aped\"]";
    struct json_limits limits = {.borrows_text = true};
    struct value value;

    assert_int_equal(json_read(span_of(text), &limits, &f->arena, &value, &f->error), JSON_OK);
    assert_ptr_equal(value.items[0].text, text + 2);
    assert_true(span_is(value_text(&value.items[0]), "plain"));
    assert_true(span_is(value_text(&value.items[1]), "escaped"));
    value = read_ok(f, span_of(text));
    assert_ptr_not_equal(value.items[0].text, text + 2);
    assert_string_equal(value.items[0].text, "plain");
}

/* Every bound from none to enough: an error without a leak, never a wrong value. */
static void says_so_when_there_is_no_memory(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    size_t at = 0;
    enum json_err err = JSON_EMEMORY;

    text[at++] = '[';
    for (int i = 0; i < 200; i++) {
        memcpy(text + at, "{\"k\\n\":\"vv\"},", 13);
        at += 13;
    }
    memcpy(text + at, "0]", 2);
    for (size_t bound = 0; err == JSON_EMEMORY; bound += 512) {
        struct heap_budget budget = {.limit_bytes = bound + 1};
        struct arena arena;
        struct value value;

        arena_init(&arena, allocator_heap(&budget), 0);
        err = json_read((struct span){text, at + 2}, NULL, &arena, &value, &f->error);
        assert_true(err == JSON_EMEMORY || (err == JSON_OK && value.count == 201));
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
        assert_in_range(bound, 0, 1 << 20);
    }
    assert_int_equal(err, JSON_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_what_rfc_8259_allows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_the_rest_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_place_of_every_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_too_deep_or_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_a_key_twice_among_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(borrows_strings_only_when_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_so_when_there_is_no_memory, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
