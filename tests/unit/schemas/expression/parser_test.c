#include "tests/unit/schemas/expression/expression_fixture.h"

/* clang-format off */
static const struct { const char *source, *expected; } table[] = {
    {"", "syntax@1: the expression ends too early"}, {"  ", "syntax@3: the expression ends too early"},
    {"1 +", "syntax@4: the expression ends too early"}, {"1 2", "syntax@3: an operator or the end*"},
    {"a b", "syntax@3: an operator or the end*"}, {"(1", "syntax@3: a ) must*"}, {"(1]", "syntax@3: a ) must*"},
    {"[1 2]", "syntax@4: a comma or a closing bracket*"}, {"[1", "syntax@3: a comma or a closing*"}, {"[,]", "syntax@2: a value must*"},
    {"a[1", "syntax@4: a ] must*"}, {"a[]", "syntax@3: a value must*"}, {"{'a' 1}", "syntax@6: a colon*"}, {"{'a'}", "syntax@5: a colon*"},
    {"{'a':}", "syntax@6: a value must*"}, {"{'a':1", "syntax@7: a comma or }*"}, {"{,}", "syntax@2: a value must*"},
    {"a.", "syntax@3: the name of a member*"}, {"a.1", "syntax@2: *"}, {"a.'b'", "syntax@3: the name of a member*"},
    {"a.in", "syntax@3: the name of a member*"}, {"a.true", "syntax@3: the name of a member*"}, {"for", "syntax@1: this word is reserved*"},
    {"in", "syntax@1: this word is reserved*"}, {"a in", "syntax@5: the expression ends*"},
    {"true ? 1", "syntax@9: a : and the other value*"}, {"true ? true ? 1 : 2 : 3", "syntax@13: a : and*"}, {"? 1 : 2", "syntax@1: a value must*"},
    {"a = 1", "syntax@3: a single = is no operator*"}, {"a & b", "syntax@3: a single &*"}, {"a | b", "syntax@3: a single |*"},
    {"a # b", "syntax@3: this character*"}, {"a; b", "syntax@2: this character*"}, {"\xc3\xa9", "syntax@1: this character*"}, {"a @ b", "syntax@3: *"},
    {"!-1", "syntax@2: a value must*"}, {"-!a", "syntax@2: a value must*"}, {"1 + * 2", "syntax@5: a value must*"}, {"&& a", "syntax@1: a value*"},
    {"9223372036854775808", "syntax@1: the number is too large for an int"}, {"-9223372036854775809", "syntax@2: *too large*"},
    {"0xffffffffffffffff", "syntax@1: the number is too large for an int"}, {"0x1ffffffffffffffff", "syntax@1: the number is too large*"},
    {"99999999999999999999999", "syntax@1: the number is too large*"}, {"1e400", "syntax@1: the number is too large for a double"},
    {"1x", "syntax@2: a number must not run into a name"}, {"1e", "syntax@2: a number must not*"}, {"0x", "syntax@2: a number must not*"},
    {"'a", "syntax@3: the string has no closing quote"}, {"'a\nb'", "syntax@3: a string ends on its line*"}, {"'''a'", "syntax@6: the string has no*"},
    {"'\\q'", "syntax@2: no such escape*"}, {"'\\x4'", "syntax@2: the escape lacks digits*"}, {"'\\u12'", "syntax@2: the escape lacks digits*"},
    {"'\\400'", "syntax@2: no such escape*"}, {"'\\18'", "syntax@2: the escape lacks*"}, {"'\\ud800'", "syntax@2: the escape names no*"}, {"'\\U00110000'", "syntax@2: the escape names no*"},
    {"'\\", "syntax@2: no such escape*"}, {"r'a\\'b'", "unsupported@6: bytes*"}, {"rr'a'", "syntax@3: *"}, {"`a`", "syntax@1: backticks are for members*"}, {"a.``", "syntax@4: a name in backticks*"}, {"a.`b", "syntax@5: a name in backticks*"},
    {"1u", "unsupported@1: unsigned numbers*"}, {"0x1U", "unsupported@1: unsigned*"}, {"b'a'", "unsupported@1: bytes*"}, {"rb'a'", "syntax@3: an operator*"}, {"Br\"a\"", "unsupported@1: bytes*"},
    {"x.?a", "unsupported@3: optional values are left out*"}, {"items.map(i, i, i, i)", "syntax@18: a ) must stand here*"},
    {"{1: 2}", "unsupported@2: the keys of a map must be strings"}, {"{'a': 1, true: 2}", "unsupported@10: the keys*"}, {"T{a: 1}", "syntax@2: there are no message types*"},
    {"bytes('a')", "unsupported@1: bytes() is left out; docs/expressions.md lists*"}, {"'a'.format([1])", "unsupported@5: format() is left out*"}, {"items.existsOne(i, i > 1)", "unsupported@7: existsOne()*"},
    {"matches('a', '(')", "syntax@14: no pattern of RE2: missing ): (*"}, {"'a'.matches('a{2000}')", "syntax@13: no pattern of RE2: invalid repetition size*"}, {"'a'.matches(r'\\pL{900}')", "limit@13: matches(): the pattern needs more*"},
    {"items.all(i)", "syntax@12: a macro begins with*"}, {"items.all(a.b, true)", "syntax@12: a macro begins with*"}, {"items.map(i, i, i, i)", "syntax@18: a ) must stand here: the macro*"}, {"items.all(i, v, v > 1)", "unsupported@15: macros with two variables*"}, {"items.all(i, i, i)", "unsupported@15: macros*"}, {"items.all(for, true)", "syntax@11: a macro*"},
    {"'a'.contains()", "syntax@5: contains() takes 1 argument"}, {"'a'.replace('b')", "syntax@5: replace() takes 2 to 3 arguments"}, {"int()", "syntax@1: int() takes 1 argument"}, {"matches('a')", "syntax@1: matches() takes 2 arguments"}, {"'a'.matches()", "syntax@5: matches() takes 1 argument"},
    {"'a'.int()", "name@5: int() is no method: write it before its argument*"}, {"contains('a', 'b')", "name@1: contains() is a method: write it behind*"}, {"map(items, i, i)", "name@1: map() is a method*"},
    {"frobnicate(1)", "name@1: frobnicate: no such function"}, {"sizes(1)", "name@1: sizes: no such function; did you mean size"}, {"a.haz()", "name@3: haz: no such function; did you mean has"},
    {"size()", "syntax@1: size() takes one argument"}, {"size(1, 2)", "syntax@1: size() takes one*"}, {"[1].size(2)", "syntax@5: size() takes one*"}, {"size(1,)", "syntax@8: a value must*"},
    {"has()", "syntax@1: has() takes one argument*"}, {"has(a)", "syntax@5: has() takes a member*"}, {"has(a['b'])", "syntax@6: has() takes a member*"}, {"has(1)", "syntax@5: has() takes*"}, {"a.has(b)", "name@3: has() is no method*"},
    {"1.5.a", "type@4: double has no member a"}, {"1.a", "type@2: int has no member a"}, {".true", "syntax@2: a name must stand after the dot"}, {".for", "syntax@2: this word is reserved*"}, {".(a)", "syntax@2: a name must stand after the dot"},
};
/* clang-format on */

static void says_what_is_wrong_and_where(void **state)
{
    struct expression_fixture f;

    (void)state;
    fixture_begin(&f, "{\"a\":{},\"items\":[]}");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *star = strchr(table[i].expected, '*');
        const char *result = fixture_eval(&f, table[i].source, NULL);
        size_t bytes =
            star == NULL ? strlen(table[i].expected) + 1 : (size_t)(star - table[i].expected);

        if (strncmp(result, table[i].expected, bytes) != 0) {
            fail_msg("%s\n  gives    %s\n  expected %s", table[i].source, result,
                     table[i].expected);
        }
    }
    fixture_end(&f);
}

static void knows_the_reserved_words(void **state)
{
    static const char *const reserved[] = {"in", "true", "null", "for", "as", "while", "namespace"};
    static const char *const free_names[] = {"input", "In", "size", "has", "fore", "", "string"};

    (void)state;
    for (size_t i = 0; i < 7; i++) {
        assert_true(expression_is_reserved(span_of(reserved[i])));
        assert_false(expression_is_reserved(span_of(free_names[i])));
    }
}

/* What cel-spec wants every implementation to take at least, and our limits above it. */
static void nests_as_deep_as_it_must_and_no_deeper(void **state)
{
    /* clang-format off */
    static const struct { const char *before, *middle, *after; int enough, too_much; } shapes[] = {
        {"(", "7", ")", 150, 250}, {"[", "7", "]", 31, 250}, {"!", "true", "", 150, 250}, {"-", "x", "", 150, 250},
        {"", "x", " + 1", 150, 250}, {"", "true", " && true", 150, 250}, {"true ? true : ", "true", "", 150, 250},
        {"", "deep", "[0]", 12, 250}, {"{'a':", "7", "}", 31, 250}, {"size([", "7", "])", 12, 250},
        {"", "x", ".y", 0, 250}, {"1 == 1 ? ", "1", " : 2", 0, 250},
    };
    /* clang-format on */
    struct expression_fixture f;

    (void)state;
    fixture_begin(&f, "{\"x\":1,\"deep\":[[[[[[[[[[[[1]]]]]]]]]]]]}");
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        for (int is_too_much = 0; is_too_much < 2; is_too_much++) {
            int nr = is_too_much ? shapes[i].too_much : shapes[i].enough;
            char source[8192] = "";

            for (int j = 0; j < nr; j++) {
                strcat(source, shapes[i].before);
            }
            strcat(source, shapes[i].middle);
            for (int j = 0; j < nr; j++) {
                strcat(source, shapes[i].after);
            }
            const char *result = fixture_eval(&f, source, NULL);
            bool is_refused = strstr(result, "@") != NULL;

            if (is_refused != (is_too_much == 1) ||
                (is_too_much && strncmp(result, "limit", 5) != 0 &&
                 strncmp(result, "syntax", 6) != 0)) {
                fail_msg("%d times %s%s%s: %s", nr, shapes[i].before, shapes[i].middle,
                         shapes[i].after, result);
            }
        }
    }
    fixture_end(&f);
}

static void a_text_above_the_limit_is_refused(void **state)
{
    struct expression_fixture f;
    char source[5000];

    (void)state;
    fixture_begin(&f, "{}");
    memset(source, ' ', sizeof(source));
    source[0] = '1';
    source[4096] = '\0';
    assert_string_equal(fixture_eval(&f, source, NULL), "1");
    source[4096] = ' ';
    source[4097] = '\0';
    assert_string_equal(fixture_eval(&f, source, NULL),
                        "limit@1: the expression is longer than the limit of 4096 bytes");
    assert_string_equal(fixture_eval(&f, "'\xff'", NULL),
                        "syntax@1: the expression is not valid UTF-8");
    fixture_end(&f);
}

static void errors_point_into_the_file(void **state)
{
    struct expression_fixture f;
    const struct expression *expression;
    struct expression_position position = {.line = 7, .column = 20};

    (void)state;
    fixture_begin(&f, "{}");
    assert_int_equal(
        expression_compile(span_of("1 + )"), position, &f.arena, &expression, &f.error),
        EXPRESSION_ESYNTAX);
    assert_int_equal(f.error.line, 7);
    assert_int_equal(f.error.column, 24);
    assert_int_equal(f.error.offset_column, 5);
    assert_int_equal(expression_compile(span_of("'''a\nb''' +\n\n  )"), position, &f.arena,
                                        &expression, &f.error),
                     EXPRESSION_ESYNTAX);
    assert_int_equal(f.error.line, 10);
    assert_int_equal(f.error.column, 3);
    assert_int_equal(f.error.offset_column, 16);
    fixture_end(&f);
}

/* The source may go: nothing compiled may point into it. */
static void keeps_nothing_of_the_text(void **state)
{
    struct expression_fixture f;
    char source[] = "{'k': a['b'].`c d` + \"e\"}";
    const struct expression *expression;
    struct value value;

    (void)state;
    fixture_begin(&f, "{\"a\":{\"b\":{\"c d\":\"x\"}}}");
    assert_int_equal(expression_compile(span_of(source), (struct expression_position){0}, &f.arena,
                                        &expression, &f.error),
                     EXPRESSION_OK);
    memset(source, '#', sizeof(source));
    enum expression_err err =
        expression_eval(expression, &f.scope, NULL, &f.arena, &value, &f.error);

    assert_string_equal(fixture_result(&f, err, &value), "{\"k\":\"xe\"}");
    fixture_end(&f);
}

static void says_so_when_there_is_no_memory(void **state)
{
    struct expression_fixture f;
    const struct expression *expression;
    enum expression_err err = EXPRESSION_EMEMORY;

    (void)state;
    fixture_begin(&f, "{}");
    for (size_t bound = 0; err == EXPRESSION_EMEMORY; bound += 16) {
        struct arena arena;

        arena_init(&arena, allocator_heap(&f.budget), bound + 1);
        err = expression_compile(
            span_of("a.b['c'] + [1, 2, {'x': size(y) > 3 ? has(z.w) : !true}][0]"),
            (struct expression_position){0}, &arena, &expression, &f.error);
        arena_release(&arena);
        assert_in_range(bound, 0, 1 << 16);
    }
    assert_int_equal(err, EXPRESSION_OK);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(knows_the_reserved_words),
        cmocka_unit_test(nests_as_deep_as_it_must_and_no_deeper),
        cmocka_unit_test(a_text_above_the_limit_is_refused),
        cmocka_unit_test(errors_point_into_the_file),
        cmocka_unit_test(keeps_nothing_of_the_text),
        cmocka_unit_test(says_so_when_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
