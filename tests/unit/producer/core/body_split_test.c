/* body_split: members found without being read; what is unusual is left to the reader. */
#include "producer/core/body_split.h"

#include "tests/support/test.h"

static void test_member(void **state)
{
    static const struct {
        const char *text;
        const char *value; /* NULL: not split */
    } cases[] = {
        {"{\"c\":{}}", "{}"},
        {" {\n\"a\" : 1 , \"c\"\t: {\"x\":[1,{\"y\":\"}\"}]} , \"b\":\"c\"}",
         "{\"x\":[1,{\"y\":\"}\"}]}"},
        {"{\"a\":{\"c\":1},\"c\":[2]}", "[2]"},
        {"{\"c\":{\"q\":\"\\\"}\"}}", "{\"q\":\"\\\"}\"}"},
        {"{\"c\":7}", NULL},
        {"{\"c\":\"{}\"}", NULL},
        {"{\"c\":{},\"c\":{}}", NULL},
        {"{\"\\u0063\":{}}", NULL},
        {"{\"a\":{}}", NULL},
        {"[{\"c\":{}}]", NULL},
        {"{\"c\":{", NULL},
        {"{\"c\":\"", NULL},
        {"{\"c\"", NULL},
        {"{\"c\" {}}", NULL},
        {"{", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span value = {"-", 1};
        bool is_found = body_member(span_of(cases[i].text), "c", &value);

        assert_int_equal(is_found, cases[i].value != NULL);
        assert_true(span_is(value, is_found ? cases[i].value : "-"));
    }
}

static void test_without(void **state)
{
    struct heap_budget budget = {0};
    struct buffer rest;
    struct span text = span_of("{\"a\":1,\"c\":{\"x\":2},\"b\":3}");
    struct span value;

    (void)state;
    buffer_init(&rest, allocator_heap(&budget), 0);
    assert_true(body_member(text, "c", &value));
    body_without(text, value, &rest);
    assert_true(span_is(buffer_span(&rest), "{\"a\":1,\"c\":null,\"b\":3}"));
    buffer_release(&rest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_member),
                                       cmocka_unit_test(test_without)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
