#include "schemas/expression/template.h"
#include "tests/unit/schemas/expression/lazy_scope.h"

static const char *eval_template(struct expression_fixture *f, const char *source,
                                 const struct expression_limits *limits)
{
    const struct template *template;
    struct value value = value_null();
    enum expression_err err = template_compile(span_of(source), (struct expression_position){0},
                                               &f->arena, &template, &f->error);

    if (err == EXPRESSION_OK) {
        err = template_eval(template, &f->scope, limits, &f->arena, &value, &f->error);
    }
    return fixture_result(f, err, &value);
}

static void keeps_the_type_of_one_expression_alone(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *expected; } table[] = {
        {"", "\"\""}, {"plain", "\"plain\""}, {"$", "\"$\""}, {"${x}", "\"${x}\""}, {"$$", "\"$$\""}, {"a }} b", "\"a }} b\""},
        {"${{ x }}", "123"}, {"${{x}}", "123"}, {"${{ list }}", "[1,\"b\"]"}, {"${{ map }}", "{\"k\":null}"}, {"${{ null }}", "null"}, {"${{ 1.0 }}", "1.0"},
        {" ${{ x }}", "\" 123\""}, {"${{ x }} ", "\"123 \""}, {"${{ x }}${{ x }}", "\"123123\""},
        {"n=${{ x }} l=${{ list }} m=${{ map }} s=${{ s }} f=${{ 0.5 }} t=${{ true }} 0=${{ null }}",
         "\"n=123 l=[1,\\\"b\\\"] m={\\\"k\\\":null} s=t\\\"x f=0.5 t=true 0=null\""},
        {"$${{ x }}", "\"${{ x }}\""}, {"a $${{ ${{ x }}", "\"a ${{ 123\""}, {"$$${{ x }}", "\"$${{ x }}\""}, {"$ ${{ x }}", "\"$ 123\""},
        {"${{ '}}' }}", "\"}}\""}, {"a${{ \"}}\" + '}}' }}b", "\"a}}}}b\""}, {"${{ '''}}''' }}", "\"}}\""}, {"${{ r'\\' + '}}' }}", "\"\\\\}}\""}, {"${{ '\\'}}' }}", "\"'}}\""},
        {"${{ {'a': {'b': 1}} }}", "{\"a\":{\"b\":1}}"}, {"${{ {'a': {'b': 1}}}}", "{\"a\":{\"b\":1}}"}, {"${{{}}}", "{}"}, {"${{ {} }}}}", "\"{}}}\""},
        {"${{ x // a comment }}\n}}", "123"}, {"${{\n  x +\n  1\n}}", "124"}, {"\xc3\xa9${{ '\xc3\xa9' }}", "\"\xc3\xa9\xc3\xa9\""},
        {"${{ x", "syntax@6: a ${{ has no }} that ends it"}, {"${{ x }", "syntax@7: an operator or }} must stand here"}, {"${{ x } }", "syntax@7: an operator or }}*"},
        {"${{ }}", "syntax@5: a value must*"}, {"${{}}", "syntax@4: a value must*"}, {"${{", "syntax@4: the expression ends*"}, {"${{ 'a }}", "syntax@10: the string has no*"},
        {"ok ${{ x }} ${{ y + }}", "syntax@21: a value must*"}, {"${{ x y }}", "syntax@7: an operator or }}*"},
        {"a ${{ y }}", "name@7: unknown name: y"}, {"a ${{ 1.0 / 0.0 }}", "arithmetic@11: the result is infinite*"}, {"${{ 1.0 / 0.0 }}", "arithmetic@9: the result is infinite*"},
    };
    /* clang-format on */
    struct expression_fixture f;

    (void)state;
    fixture_begin(&f, "{\"x\":123,\"s\":\"t\\\"x\",\"list\":[1,\"b\"],\"map\":{\"k\":null}}");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *result = eval_template(&f, table[i].source, NULL);
        const char *star = table[i].expected[0] == '"' ? NULL : strchr(table[i].expected, '*');
        size_t bytes =
            star == NULL ? strlen(table[i].expected) + 1 : (size_t)(star - table[i].expected);

        if (strncmp(result, table[i].expected, bytes) != 0) {
            fail_msg("%s\n  gives    %s\n  expected %s", table[i].source, result,
                     table[i].expected);
        }
    }
    assert_string_equal(eval_template(&f, "a\xff", NULL), "syntax@1: the text is not valid UTF-8");
    fixture_end(&f);
}

static void counts_the_whole_text_against_the_limits(void **state)
{
    struct expression_fixture f;
    char source[5000] = "${{ '";

    (void)state;
    fixture_begin(&f, "{\"s\":\"0123456789\"}");
    assert_string_equal(
        eval_template(&f, "${{ s }}${{ s }}", &(struct expression_limits){.output_bytes_max = 20}),
        "\"01234567890123456789\"");
    assert_memory_equal(
        eval_template(&f, "${{ s }}${{ s }}.", &(struct expression_limits){.output_bytes_max = 20}),
        "limit@", 6);
    assert_memory_equal(
        eval_template(&f, "${{ s }}${{ s }}", &(struct expression_limits){.cost_max = 1}), "limit@",
        6);
    memset(source + 5, 'a', 4200);
    strcpy(source + 4205, "' }}");
    assert_string_equal(eval_template(&f, source, NULL),
                        "limit@5: the expression is longer than the limit of 4096 bytes");
    fixture_end(&f);
}

static void tells_what_it_holds(void **state)
{
    struct expression_fixture f;
    const struct template *template;

    (void)state;
    assert_false(template_has_expressions(span_of("")));
    assert_false(template_has_expressions(span_of("$${{ x }} $ ${")));
    assert_true(template_has_expressions(span_of("$${{ x }} ${{")));
    fixture_begin(&f, "{}");
    assert_int_equal(template_compile(span_of("${{ a.b }}"), (struct expression_position){0},
                                      &f.arena, &template, &f.error),
                     EXPRESSION_OK);
    assert_true(expression_is_reference(template_expression(template)));
    assert_false(template_is_constant(template));
    assert_int_equal(template_compile(span_of("x${{ 1 }}"), (struct expression_position){0},
                                      &f.arena, &template, &f.error),
                     EXPRESSION_OK);
    assert_null(template_expression(template));
    assert_true(template_is_constant(template));
    fixture_end(&f);
}

static void loads_only_what_it_writes(void **state)
{
    struct expression_fixture f;
    struct lazy_scope scope;

    (void)state;
    lazy_begin(&scope, &f);
    assert_string_equal(eval_template(&f, "${{ size(satellites.count.output) }} items", NULL),
                        "\"1000000 items\"");
    assert_string_equal(eval_template(&f, "x ${{ satellites.small.output }}", NULL),
                        "\"x {\\\"a\\\":[1,2]}\"");
    assert_int_equal(scope.load_count, 1);
    assert_memory_equal(eval_template(&f, "x ${{ satellites.count.output }}", NULL),
                        "limit@23: larger", 16);
    assert_memory_equal(eval_template(&f, "${{ satellites.away.output }}", NULL), "pending@20", 10);
    fixture_end(&f);
}

static void errors_point_into_the_file(void **state)
{
    struct expression_fixture f;
    const struct template *template;

    (void)state;
    fixture_begin(&f, "{}");
    assert_int_equal(template_compile(span_of("one\ntwo ${{ )"),
                                      (struct expression_position){.line = 5, .column = 9},
                                      &f.arena, &template, &f.error),
                     EXPRESSION_ESYNTAX);
    assert_int_equal(f.error.line, 6);
    assert_int_equal(f.error.column, 9);
    assert_int_equal(f.error.offset_column, 13);
    fixture_end(&f);
}

static void says_so_when_there_is_no_memory(void **state)
{
    struct expression_fixture f;
    enum expression_err err = EXPRESSION_EMEMORY;

    (void)state;
    fixture_begin(&f, "{\"s\":\"0123456789\"}");
    for (size_t bound = 1; err == EXPRESSION_EMEMORY; bound += 100) {
        struct heap_budget budget = {.limit_bytes = bound};
        struct arena arena;
        const struct template *template;
        struct value value;

        arena_init(&arena, allocator_heap(&budget), 0);
        err = template_compile(span_of("a ${{ s }} $${{ b"), (struct expression_position){0},
                               &arena, &template, &f.error);
        if (err == EXPRESSION_OK) {
            err = template_eval(template, &f.scope, NULL, &arena, &value, &f.error);
        }
        arena_release(&arena);
        assert_int_equal(budget.used_bytes, 0);
        assert_in_range(bound, 0, 1 << 16);
    }
    assert_int_equal(err, EXPRESSION_OK);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_type_of_one_expression_alone),
        cmocka_unit_test(counts_the_whole_text_against_the_limits),
        cmocka_unit_test(tells_what_it_holds),
        cmocka_unit_test(loads_only_what_it_writes),
        cmocka_unit_test(errors_point_into_the_file),
        cmocka_unit_test(says_so_when_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
