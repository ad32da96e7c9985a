#include "schemas/expression/template_inset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/buffer.h"

/* Arguments are JSON; what comes out is shown as JSON, or as "code: text". */
static const char arguments_text[] =
    "{\"n\": 3, \"neg\": -3, \"half\": 0.5, \"yes\": true, \"none\": null,"
    " \"word\": \"a \\\"b\\\"\", \"price\": \"$${{ x }}\", \"empty\": \"\","
    " \"ref\": \"${{ satellites.a.output }}\", \"note\": \"${{ 1 // one\\n}}\","
    " \"mixed\": \"part-${{ index }}\", \"list\": [1, \"${{ file }}\"],"
    " \"map\": {\"k-1\": [\"v\"]}, \"max-age\": 7}";

struct inset_case {
    const char *text;
    const char *expected;
};

static void check(const struct inset_case *c)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer shown;
    struct value arguments;
    struct value made = value_null();
    struct json_error json_error;
    struct expression_error error;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&shown, allocator_heap(&budget), 0);
    assert_int_equal(json_read(span_of(arguments_text), NULL, &arena, &arguments, &json_error),
                     JSON_OK);
    if (template_inset(span_of(c->text), &arguments, &arena, &made, &error) == EXPRESSION_OK) {
        json_write(&shown, &made);
    } else {
        buffer_text(&shown, expression_err_name(error.code));
        buffer_text(&shown, ": ");
        buffer_text(&shown, error.text);
    }
    buffer_append(&shown, (struct span){"", 1});
    assert_string_equal(shown.data, c->expected);
    buffer_release(&shown);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void check_all(const struct inset_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&cases[i]);
    }
}

static void leaves_what_does_not_use_it(void **state)
{
    static const struct inset_case cases[] = {
        {"", "\"\""},
        {"input.n", "\"input.n\""},
        {"$${{ input.n }}", "\"$${{ input.n }}\""},
        {"${{ execution.id }}", "\"${{ execution.id }}\""},
        {"${{ execution.input.n + 'input.n' }}", "\"${{ execution.input.n + 'input.n' }}\""},
        {"${{ {'input': 1}.input }}", "\"${{ {'input': 1}.input }}\""},
        {"${{ inputs.n }}", "\"${{ inputs.n }}\""},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void a_use_alone_gives_the_argument(void **state)
{
    static const struct inset_case cases[] = {
        {"${{ input.n }}", "3"},
        {"${{input[\"n\"]}}", "3"},
        {"${{ input.`max-age` }}", "7"},
        {"${{ input.none }}", "null"},
        {"${{ input.ref }}", "\"${{ satellites.a.output }}\""},
        {"${{ input.list }}", "[1,\"${{ file }}\"]"},
        {"${{ input.price }}", "\"$${{ x }}\""},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void a_text_stays_a_text(void **state)
{
    static const char *const texts[] = {"${{ input.n }}", "${{ input.ref }}", "${{ input.word }}",
                                        "plain"};
    static const char *const expected[] = {"${{ (3) }}", "${{ satellites.a.output }}", "a \"b\"",
                                           "plain"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct heap_budget budget = {0};
        struct arena arena;
        struct value arguments;
        struct value made = value_null();
        struct json_error json_error;
        struct expression_error error;

        arena_init(&arena, allocator_heap(&budget), 0);
        assert_int_equal(json_read(span_of(arguments_text), NULL, &arena, &arguments, &json_error),
                         JSON_OK);
        assert_int_equal(template_inset_text(span_of(texts[i]), &arguments, &arena, &made, &error),
                         EXPRESSION_OK);
        assert_int_equal(made.kind, VALUE_STRING);
        assert_true(span_is(value_text(&made), expected[i]));
        arena_release(&arena);
    }
}

static void within_a_text_a_string_is_spliced(void **state)
{
    static const struct inset_case cases[] = {
        {"--top=${{ input.word }}", "\"--top=a \\\"b\\\"\""},
        {"${{ input.mixed }}.txt", "\"part-${{ index }}.txt\""},
        {"a${{ input.price }}", "\"a$${{ x }}\""},
        {"n ${{ input.n }}, ${{ input.ref }}", "\"n ${{ (3) }}, ${{ satellites.a.output }}\""},
        {"$${{ ${{ input.n }}", "\"$${{ ${{ (3) }}\""},
        {"${{ input.empty }}${{ input.empty }}", "\"\""},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void within_an_expression_it_becomes_one(void **state)
{
    static const struct inset_case cases[] = {
        {"${{ input.n + 1 }}", "\"${{ (3) + 1 }}\""},
        {"${{ 2 * input.neg }}", "\"${{ 2 * (-3) }}\""},
        {"${{ [input.half, input.yes, input.none] }}", "\"${{ [(0.5), (true), (null)] }}\""},
        {"${{ input.word + '!' }}", "\"${{ \\\"a \\\\\\\"b\\\\\\\"\\\" + '!' }}\""},
        {"${{ input.price + '!' }}", "\"${{ \\\"${{ x }}\\\" + '!' }}\""},
        {"${{ size(input.ref) }}", "\"${{ size(( satellites.a.output )) }}\""},
        {"${{ input.note + 1 }}", "\"${{ ( 1 // one\\n) + 1 }}\""},
        {"${{ input.list[0] }}", "\"${{ [(1), ( file )][0] }}\""},
        {"${{ size(input.map) }}", "\"${{ size({\\\"k-1\\\": [\\\"v\\\"]}) }}\""},
        {"${{ has(input.n) && !has(input.m) }}", "\"${{ true && !false }}\""},
        {"${{ {'a': input.n}['a'] }}", "\"${{ {'a': (3)}['a'] }}\""},
        {"${{ input.n }}${{ input.n + 1 }}", "\"${{ (3) }}${{ (3) + 1 }}\""},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void says_what_cannot_be(void **state)
{
    static const struct inset_case cases[] = {
        {"${{ input.m }}", "name: the input is not given: m"},
        {"a ${{ input.m }}", "name: the input is not given: m"},
        {"${{ input.m + 1 }}", "name: the input is not given: m"},
        {"${{ input.mixed + 'x' }}",
         "unsupported: an input that mixes text and expressions cannot stand inside a larger "
         "expression: hand it over as one expression"},
        {"${{ input.n + 1", "syntax: ${{ without }}"},
        {"${{ input.n + # }}", "syntax: this character has no meaning in an expression"},
    };

    (void)state;
    check_all(cases, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_what_does_not_use_it),
        cmocka_unit_test(a_use_alone_gives_the_argument),
        cmocka_unit_test(a_text_stays_a_text),
        cmocka_unit_test(within_a_text_a_string_is_spliced),
        cmocka_unit_test(within_an_expression_it_becomes_one),
        cmocka_unit_test(says_what_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
