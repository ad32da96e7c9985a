/* The rows called "conformance" are facts of cel-spec's public conformance tests. */
#include "tests/unit/schemas/expression/expression_fixture.h"

struct row {
    const char *source;
    const char *expected;
};

static const char names[] =
    "{\"x\":123,\"a\":{\"b\":{\"c\":\"yeah\"},\"list\":[1,2,{\"n\":null}],\"key with blanks\":7},"
    "\"items\":[10,20,30],\"word\":\"\xcf\x80\xce\xad\xce\xbd\xcf\x84\xce\xb5\",\"d\":2.5,"
    "\"empty\":{},\"nothing\":null,\"yes\":true,\"big\":9223372036854775807}";

static void check_rows(const struct row *rows, size_t nr)
{
    struct expression_fixture f;

    fixture_begin(&f, names);
    for (size_t i = 0; i < nr; i++) {
        fixture_check(&f, rows[i].source, rows[i].expected);
    }
    fixture_end(&f);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* clang-format off */
static void literals(void **state)
{
    static const struct row rows[] = {
        {"0", "0"}, {"42", "42"}, {"0x55555555", "1431655765"}, {"-0x55555555", "-1431655765"},
        {"0XfF", "255"}, {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775807", "9223372036854775807"},
        {"0.0", "0.0"}, {"0e+0", "0.0"}, {"-2.3e+1", "-23.0"}, {".5", "0.5"}, {"1e3", "1000.0"},
        {"true", "true"}, {"false", "false"}, {"null", "null"},
        {"''", "\"\""}, {"\"\"", "\"\""}, {"r\"\"", "\"\""}, {"r''''''", "\"\""},
        {"'\\''", "\"'\""}, {"'''hello'''", "\"hello\""}, {"\"\"\"hello\"\"\"", "\"hello\""},
        {"''' ? \" ' ` '''", "\" ? \\\" ' ` \""}, {"''' \n '''", "\" \\n \""},
        {"' \\\\ \\? \\\" \\' \\` '", "\" \\\\ ? \\\" ' ` \""},
        {"'\\a\\b\\f\\n\\r\\t\\v'", "\"\\u0007\\b\\f\\n\\r\\t\\u000b\""},
        {"' \\000 \\012 \\177 '", "\" \\u0000 \\n \x7f \""}, {"'\\x41\\X42\\u0043\\U00000044'", "\"ABCD\""},
        {"'\\u00e9\\U0001f431\\351'", "\"\xc3\xa9\xf0\x9f\x90\xb1\xc3\xa9\""},
        {"r'\\n\\'", "\"\\\\n\\\\\""}, {"R\"a\\\\b\"", "\"a\\\\\\\\b\""},
        {"[]", "[]"}, {"[-1]", "[-1]"}, {"[1, 'a', [null],]", "[1,\"a\",[null]]"},
        {"{}", "{}"}, {"{\"k\":\"v\"}", "{\"k\":\"v\"}"},
        {"{'a': 1, 'b' + 'c': [2],}", "{\"a\":1,\"bc\":[2]}"},
        {"1 // a comment", "1"}, {" \t\n\r\f1 // one\n + // two\n 2", "3"},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void names_members_and_indexes(void **state)
{
    static const struct row rows[] = {
        {"x", "123"}, {".x", "123"}, {"a.b.c", "\"yeah\""}, {"a[\"b\"]['c']", "\"yeah\""},
        {"a.list[0]", "1"}, {"a.list[2].n", "null"}, {"a['key with blanks']", "7"},
        {"a.`key with blanks`", "7"}, {"items[items[0] - 9]", "20"},
        {"items[1.0]", "20"}, /* conformance: zero_based_double */
        {"items[0.1]", "type@6: double is no index*"},
        {"items[3]", "missing@6: index 3 is outside the list of 3"},
        {"items[-1]", "missing@6: index -1 is outside the list of 3"},
        {"items['a']", "type@6: list has no member a"}, {"items[true]", "type@6: bool is no index*"},
        {"items.a", "type@6: list has no member a"}, {"x.a", "type@2: int has no member a"},
        {"x[0]", "type@2: int has no items"}, {"nothing.a", "type@8: null has no member a"},
        {"a.z", "missing@2: no such key: z"}, {"a['z']", "missing@2: no such key: z"},
        {"a[0]", "missing@2: no such key: 0*"}, {"a.b.z.y", "missing@4: no such key: z"},
        {"unknown", "name@1: unknown name: unknown"}, {"1 + unknown", "name@5: unknown name: unknown"},
        {"{'/api/v1': true}.`/api/v1`", "true"}, {"[7, 8, 9][0]", "7"}, {"{'n':'x'}['n']", "\"x\""},
        {"a.as", "missing@2: no such key: as"}, /* reserved words may name members */
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void logic(void **state)
{
    static const struct row rows[] = {
        {"true ? 1 : 2", "1"}, {"false ? 'foo' : 'bar'", "\"bar\""}, {"true ? 'cows' : 17", "\"cows\""},
        {"2 / 0 > 4 ? 'baz' : 'quux'", "arithmetic@3: division by zero: /"},
        {"'cows' ? false : 17", "type@1: ?: does not take string"},
        {"true ? 1 : 1 / 0", "1"}, {"false ? 1 : true ? 2 : 3", "2"},
        {"true && true", "true"}, {"false && false", "false"}, {"false && true", "false"}, {"true && false", "false"},
        {"false && 32", "false"}, {"'horses' && false", "false"},
        {"false && (2 / 0 > 3 ? false : true)", "false"}, {"(2 / 0 > 3 ? false : true) && false", "false"},
        {"true && 1/0 != 0", "arithmetic@10: division by zero: /"},
        {"1/0 != 0 && true", "arithmetic@2: division by zero: /"},
        {"'less filling' && 'tastes great'", "type@1: && does not take string"},
        {"true || true", "true"}, {"false || false", "false"}, {"false || true", "true"}, {"true || false", "true"},
        {"true || 32", "true"}, {"'horses' || true", "true"},
        {"true || (2 / 0 > 3 ? false : true)", "true"}, {"(2 / 0 > 3 ? false : true) || true", "true"},
        {"false || 1/0 != 0", "arithmetic@11: division by zero: /"},
        {"1/0 != 0 || false", "arithmetic@2: division by zero: /"},
        {"'less filling' || 'tastes great'", "type@1: || does not take string"},
        {"true && 1", "type@9: && does not take int"}, {"1 || false", "type@1: || does not take int"},
        {"!true", "false"}, {"!false", "true"}, {"!!yes", "true"}, {"!0", "type@1: ! does not take int"},
        {"unknown || true", "true"}, {"unknown && false", "false"}, {"unknown || false", "name@1: *"},
        {"items[7] > 1 || true", "true"}, {"a.z == 1 && false", "false"},
        {"a.z || a.y", "missing@2: no such key: z"},
        {"true || false && false", "true"}, {"false && true || true", "true"},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void arithmetic(void **state)
{
    static const struct row rows[] = {
        {"40 + 2", "42"}, {"42 + (-7)", "35"}, {"-4 + (-2)", "-6"}, {"42 - 12", "30"}, {"42 - (-22)", "64"},
        {"42 * 2", "84"}, {"-30 * (-2)", "60"}, {"42 / 2", "21"}, {"-20 / 2", "-10"}, {"7 / 2", "3"}, {"-7 / 2", "-3"},
        {"47 % 5", "2"}, {"43 % (-5)", "3"}, {"-42 % (-5)", "-2"}, {"-3 % 5", "-3"},
        {"-(42)", "-42"}, {"-(-42)", "42"}, {"-(0)", "0"}, {"- x", "-123"}, {"--x", "123"}, {"3 - -3", "6"}, {"3--3", "6"}, {"3-3", "0"},
        {"-false", "type@1: - does not take bool"},
        {"34 % 0", "arithmetic@4: division by zero: %"}, {"15 / 0", "arithmetic@4: division by zero: /"},
        {"1 + 2 * 3", "7"}, {"(1 + 2) * 3", "9"}, {"2 * 3 % 4", "2"}, {"10 - 4 - 3", "3"}, {"100 / 5 / 2", "10"},
        {"9223372036854775807 + 1", "arithmetic@21: the result does not fit an int: +"},
        {"-9223372036854775808 - 1", "arithmetic*"}, {"-9223372036854775808 + (-1)", "arithmetic*"},
        {"1 - (-9223372036854775807)", "arithmetic*"}, {"-(-9223372036854775808)", "arithmetic*"},
        {"(-9223372036854775808) * -1", "arithmetic*"}, {"(-9223372036854775808)/-1", "arithmetic*"},
        {"(-9223372036854775808) % -1", "arithmetic*"},
        {"5000000000 * 5000000000", "arithmetic*"}, {"(-5000000000) * 5000000000", "arithmetic*"},
        {"4.25 + 15.25", "19.5"}, {"42.875 - (-22.0)", "64.875"}, {"42.5 * 0.2", "8.5"}, {"0.0625 / 0.002", "31.25"},
        {"-(4.5)", "-4.5"}, {"-(0.0)", "-0.0"}, {"d * 2.0", "5.0"}, {"1e-324 / 2.0", "0.0"},
        {"47.5 % 5.5", "type@6: % does not go with double and double"},
        {"15.75 / 0.0 > 1e308", "true"}, {"0.0 / 0.0 == 0.0 / 0.0", "false"}, {"0.0 / 0.0 < 1.0", "false"},
        {"15.75 / 0.0", "arithmetic@7: the result is infinite*"}, {"[2.0 * 8.988466e+307]", "arithmetic@1: the result is infinite*"},
        {"1 + 1.0", "type@3: + does not go with int and double: write a double as 1.0, not 1"},
        {"1.0 * 2", "type@5: * does not go with double and int*"}, {"1 + '1'", "type@3: + does not go with int and string"},
        {"'a' - 'b'", "type@5: - does not go with string and string"}, {"null + null", "type@6: + does not go with null and null"},
        {"'he' + 'llo'", "\"hello\""}, {"'' + ''", "\"\""}, {"'r' + '\\u00f4' + 'le'", "\"r\xc3\xb4le\""},
        {"[2] + [2]", "[2,2]"}, {"[] + []", "[]"}, {"[] + [3, 4]", "[3,4]"}, {"items + [x]", "[10,20,30,123]"},
        {"{} + {}", "type@4: + does not go with map and map"},
        {"3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3 - 3 + 3", "3"},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void comparisons(void **state)
{
    static const struct row rows[] = {
        {"1 == 1", "true"}, {"-1 == 1", "false"}, {"1 == 1.0", "true"}, {"2 == 1.0", "false"}, {"1.0 == 1.0e+0", "true"},
        {"'' == \"\"", "true"}, {"'a' == 'b'", "false"}, {"'abc' == r'abc'", "true"}, {"'abc' == 'ABC'", "false"},
        {"'Am\\u00E9lie' == 'Ame\\u0301lie'", "false"}, {"null == null", "true"}, {"true == true", "true"},
        {"[] == []", "true"}, {"[null] == [null]", "true"}, {"['1', '2', null] == ['1', '2', '3']", "false"},
        {"[1.0, 2.0, 3] == [1, 2, 3.0]", "true"}, {"[1.0, 2.1] == [1, 2]", "false"}, {"[1, 2, 3] == [1, 3, 2]", "false"},
        {"['one'] == [2, 3]", "false"}, {"{} == {}", "true"}, {"{'k': null} == {'k': null}", "true"},
        {"{'k': 1, 'j': 2} == {'k': 1, 'j': null}", "false"}, {"{'k':1.0} == {'k':1}", "true"},
        {"{'k':'v','k1':'v1'} == {'k':'v'}", "false"}, {"{'k1':'v1','k2':'v2'} == {'k2':'v2','k1':'v1'}", "true"},
        {"{'key':'value'} == {'Key':'value'}", "false"}, {"1 == '1'", "false"}, {"false == null", "false"}, {"[] == {}", "false"},
        {"1 != '1'", "true"}, {"1 != 1", "false"}, {"nothing == null", "true"}, {"a.list == [1, 2, {'n': null}]", "true"},
        {"42 > -42", "true"}, {"0 > 0", "false"}, {"0 <= 1", "true"}, {"999 >= 1000", "false"}, {"1 < 1.5", "true"}, {"2.0 >= 2", "true"},
        {"big < 9223372036854775808.0", "false"}, {"big < 9223372036854777857.0", "true"}, {"big >= 9223372036854775808.0", "true"},
        {"-9223372036854775808 > -9223372036854777857.0", "true"}, {"-9223372036854775808 <= -9223372036854775809.0", "true"},
        {"'abc' > 'aBc'", "true"}, {"'A' > ''", "true"}, {"'' > ''", "false"}, {"'\\u03b1' > 'omega'", "true"}, {"'abcd' >= 'abc'", "true"},
        {"'abc' >= 'abd'", "false"}, {"true > false", "true"}, {"true <= false", "false"},
        {"null > null", "type@6: > does not go with null and null"}, {"[1] > [0]", "type@5: *"}, {"{} < {}", "type@4: *"},
        {"'foo' > 1024", "type@7: > does not go with string and int"}, {"1 < 2 == true", "true"}, {"1 + 1 == 2 && 3 > 2", "true"},
        {"7 in []", "false"}, {"4 in [4]", "true"}, {"'alpha' in ['alpha', 'beta']", "true"}, {"3.0 in [5, 4, 3]", "true"},
        {"'hawaiian' in ['meat', 'veggie']", "false"}, {"7 in {}", "false"}, {"'n' in {'n': 1}", "true"}, {"'spider' in {'ant': 6}", "false"},
        {"1 in 1", "type@3: in does not go with int and int"}, {"'a' in 'abc'", "type@5: *"}, {"!('b' in a)", "false"},
    };
    (void)state;
    CHECK_ROWS(rows);
}

static void functions(void **state)
{
    static const struct row rows[] = {
        {"size('')", "0"}, {"size('A')", "1"}, {"size('\\u00ff')", "1"}, {"size(word)", "5"}, {"word.size()", "5"},
        {"size([])", "0"}, {"size([1, 2, 3])", "3"}, {"[1].size()", "1"}, {"size({})", "0"}, {"a.size()", "3"}, {"size(items) * 2", "6"},
        {"size(1)", "type@1: size() does not take int"}, {"size(nothing)", "type@1: size() does not take null"},
        {"has(a.b)", "true"}, {"has(a.z)", "false"}, {"has(empty.a)", "false"}, {"has({'a': 1, 'b': 2}.a)", "true"}, {"has({}.a)", "false"},
        {"has(a.list[2].n)", "true"}, {"has(a.z.y)", "missing@6: no such key: z"}, {"has(a.b) && a.b.c == 'yeah'", "true"},
        {"has(items.a)", "type@10: list has no member a"}, {"has(a.`key with blanks`)", "true"}, {"has(a.z) ? a.z : 'none'", "\"none\""},
        {"has(unknown.a)", "name@5: *"}, {"has(unknown.a) || true", "true"},
    };
    (void)state;
    CHECK_ROWS(rows);
}
/* clang-format on */

static void keys_of_maps(void **state)
{
    static const struct row rows[] = {
        {"{'a' + 'b': 1, 'ab': 2}", "type@16: a key stands twice in this map: ab"},
        {"{'a': 1, 'a': 2}", "type@10: a key stands twice in this map: a"},
        {"{x: 1}", "type@2: the keys of a map must be strings, not int"},
        {"{word: 1}.size()", "1"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void check_limited(struct expression_fixture *f, const char *source,
                          struct expression_limits limits, const char *says)
{
    const char *result = fixture_eval(f, source, &limits);

    if (strncmp(result, "limit@", 6) != 0 || strstr(result, says) == NULL) {
        fail_msg("%s\n  gives %s", source, result);
    }
}

static void each_limit_has_its_own_error(void **state)
{
    struct expression_fixture f;
    struct expression_limits enough = {
        .cost_max = 20, .output_bytes_max = 200, .value_depth_max = 3};

    (void)state;
    fixture_begin(&f, names);
    assert_string_equal(fixture_eval(&f, "[[['abc' + 'def']]]", &enough), "[[[\"abcdef\"]]]");
    check_limited(&f, "1 + 1 + 1", (struct expression_limits){.cost_max = 4},
                  "costs more than the limit of 4; let a satellite");
    check_limited(&f, "items == items", (struct expression_limits){.cost_max = 5}, "costs more");
    check_limited(&f, "40 in items || true", (struct expression_limits){.cost_max = 5},
                  "costs more");
    check_limited(&f, "'abc' + 'def'", (struct expression_limits){.output_bytes_max = 5},
                  "makes more output than the limit of 5 bytes; let a satellite");
    check_limited(&f, "items + items", (struct expression_limits){.output_bytes_max = 100},
                  "makes more output");
    check_limited(&f, "[word, word]", (struct expression_limits){.output_bytes_max = 50},
                  "larger than the limit of 50 bytes; let a satellite");
    check_limited(&f, "[[a.list]]", (struct expression_limits){.value_depth_max = 3},
                  "deeper than the limit of 3");
    /* A part that no operator made is the input's own business. */
    assert_string_equal(
        fixture_eval(&f, "a.list", &(struct expression_limits){.value_depth_max = 1}),
        "[1,2,{\"n\":null}]");
    fixture_end(&f);
}

/* A list that stands in itself many times costs little memory and much text. */
static void a_result_that_unfolds_is_refused(void **state)
{
    struct expression_fixture f;
    char source[600] = "1";
    char list[2600] = "{\"l\":[";

    (void)state;
    for (int i = 0; i < 500; i++) {
        strcat(list, i == 0 ? "7" : ",7");
    }
    strcat(list, "]}");
    fixture_begin(&f, list);
    strcpy(source, "[");
    for (int i = 0; i < 100; i++) {
        strcat(source, "l,");
    }
    strcat(source, "]");
    assert_memory_equal(fixture_eval(&f, source, NULL), "[[7,", 4);
    check_limited(&f, source, (struct expression_limits){.output_bytes_max = 1000000}, "larger");
    fixture_end(&f);
}

static void says_so_when_there_is_no_memory(void **state)
{
    struct expression_fixture f;
    const struct expression *expression;
    struct value value;
    enum expression_err err = EXPRESSION_EMEMORY;

    (void)state;
    fixture_begin(&f, names);
    assert_int_equal(expression_compile(span_of("[items + items, {'a': word + word}]"),
                                        (struct expression_position){0}, &f.arena, &expression,
                                        &f.error),
                     EXPRESSION_OK);
    for (size_t bound = 1; err == EXPRESSION_EMEMORY; bound += 1000) {
        struct heap_budget budget = {.limit_bytes = bound};
        struct arena arena;

        arena_init(&arena, allocator_heap(&budget), 0);
        err = expression_eval(expression, &f.scope, NULL, &arena, &value, &f.error);
        arena_release(&arena);
        assert_in_range(bound, 0, 1 << 20);
    }
    assert_int_equal(err, EXPRESSION_OK);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals),
        cmocka_unit_test(names_members_and_indexes),
        cmocka_unit_test(logic),
        cmocka_unit_test(arithmetic),
        cmocka_unit_test(comparisons),
        cmocka_unit_test(functions),
        cmocka_unit_test(keys_of_maps),
        cmocka_unit_test(each_limit_has_its_own_error),
        cmocka_unit_test(a_result_that_unfolds_is_refused),
        cmocka_unit_test(says_so_when_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
