/* What is wrong before anything is evaluated, over these names: i int, s string, b bool, d double,
 * l list of ints, m map, t timestamp, u duration, o int or null, x anything. */
#include "tests/unit/schemas/expression/expression_fixture.h"

#include "schemas/expression/types.h"

static struct expression_type type(void *context, const struct expression_reference *reference,
                                   uint32_t *ret_steps)
{
    static const char letters[] = "isbdmtu";
    static const enum value_kind kinds[] = {VALUE_INT, VALUE_STRING,    VALUE_BOOL,    VALUE_DOUBLE,
                                            VALUE_MAP, VALUE_TIMESTAMP, VALUE_DURATION};
    const char *name = reference->root.data;
    const char *found = strchr(letters, name[0]);

    (void)context;
    *ret_steps = 0;
    if (reference->root.bytes == 1 && found != NULL) {
        return expression_type_of(kinds[found - letters]);
    }
    if (span_is(reference->root, "l")) {
        return (struct expression_type){1u << VALUE_LIST, 1u << VALUE_INT};
    }
    if (span_is(reference->root, "o")) {
        return (struct expression_type){1u << VALUE_INT | 1u << VALUE_NULL, 1u << VALUE_INT};
    }
    *ret_steps = reference->step_count; /* as a scope whose members are all unknown */
    return expression_type_any();
}

/* "int or null", or "code@column: text". */
static const char *check(struct expression_fixture *f, const char *source)
{
    static char text[96];
    const struct expression_typing typing = {.type = type};
    const struct expression *expression = NULL;
    struct expression_type result;
    enum expression_err err = expression_compile(span_of(source), (struct expression_position){0},
                                                 &f->arena, &expression, &f->error);

    if (err == EXPRESSION_OK) {
        err = expression_check_types(expression, &typing, &result, &f->error);
    }
    if (err != EXPRESSION_OK) {
        return fixture_result(f, err, NULL);
    }
    expression_type_text(result, text, sizeof(text));
    return text;
}

static void finds_what_can_never_work_and_nothing_else(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *expected; } table[] = {
        {"1", "int"}, {"i + 1", "int"}, {"i + d", "type@3: + does not go with int and double"}, {"i + s", "type@3: + does not go with int and string"}, {"s + s", "string"}, {"l + l", "list"}, {"m + m", "type@3: + does not*"},
        {"d % d", "type@3: % does not go with double and double"}, {"i * i - i / i % i", "int"}, {"t + u", "timestamp"}, {"u + t", "timestamp"}, {"t - t", "duration"}, {"t + t", "type@3: *"}, {"u * i", "type@3: *"}, {"u - t", "type@3: *"},
        {"x + 1", "int"}, {"x + 'a'", "string"}, {"x + x", "int or double or string or list or timestamp or duration"}, {"x * u", "type@3: * does not go with any value and duration"},
        {"o + 1", "int"}, {"o + s", "type@3: + does not go with null or int and string"}, {"o == null ? 0 : o", "null or int"}, {"b ? 1 : 's'", "int or string"}, {"(b ? 1 : 's') + 1", "int"}, {"i ? 1 : 2", "type@1: ?: does not take int"},
        {"i == s", "bool"}, {"i < d", "bool"}, {"i < s", "type@3: < does not go with int and string"}, {"b < b", "bool"}, {"l < l", "type@3: *"}, {"t < t && u < u", "bool"}, {"i in l", "bool"}, {"i in m", "bool"}, {"i in s", "type@3: in does not go with int and string"},
        {"!b", "bool"}, {"!i", "type@2: ! does not take int"}, {"-i", "int"}, {"-o", "int"}, {"-x", "int or double"}, {"-i + d", "type@4: + does not go with int and double"}, {"-s", "type@2: - does not take string"}, {"b && x", "bool"}, {"b && i", "type@6: && does not take int"}, {"s || b", "type@1: || does not take string"}, {"true || i + s == 1", "type@11: *"},
        {"l[0] + 1", "int"}, {"l[0] + s", "type@6: + does not go with int and string"}, {"l.a", "type@2: list has no member a"}, {"i.a", "type@2: int has no member a"}, {"i['a']", "type@2: int has no member"}, {"m.a.b.c", "any value"}, {"m['a']", "any value"}, {"s[0]", "type@2: string has no items"}, {"l[b]", "type@2: an index does not take bool"}, {"l[i + s]", "type@5: *"},
        {"x.a.b + 1", "int"}, {"x[i].a", "any value"}, {"[1, 'a'][0]", "int or string"}, {"[1, 2][0] + 'a'", "type@11: *"}, {"{'a': 1}.a + 'a'", "type@12: *"}, {"{i: 1}", "type@2: the key of a map does not take int"}, {"[i + s]", "type@4: *"},
        {"size(l)", "int"}, {"size(i)", "type@6: size() does not take int"}, {"has(m.a)", "bool"}, {"has(i.a)", "type@5: has() does not take int"}, {"s.contains(s)", "bool"}, {"s.contains(i)", "type@12: contains() does not take int"}, {"i.contains(s)", "type@1: contains() does not take int"},
        {"int(s) + 1", "int"}, {"int(b)", "type@5: int() does not take bool"}, {"string(i) + s", "string"}, {"timestamp(s) - t", "duration"}, {"t.getHours() + 1", "int"}, {"i.getHours()", "type@1: *"}, {"type(i) == int", "bool"}, {"dyn(i) + s", "string"}, {"s.split(',')[0] + 1", "type@17: *"}, {"[s].join(',') + s", "string"},
        {"l.map(e, e + 1)", "list"}, {"l.map(e, e + 1)[0] + s", "type@20: *"}, {"l.map(e, e + s)", "type@12: + does not go with int and string"}, {"l.filter(e, e > 1)[0] + s", "type@23: *"}, {"l.filter(e, e)", "type@13: filter() does not take int"}, {"l.all(e, e > 0)", "bool"}, {"m.all(k, k + 1 == 2)", "type@12: + does not go with string and int"},
        {"i.all(e, true)", "type@3: all() does not take int"}, {"x.all(e, e.a + 1 > 2)", "bool"}, {"l.map(e, l.map(f, e + f))", "list"}, {"l.map(e, l.map(f, e + s))", "type@21: *"}, {"l.map(e, e > 1, e + s)", "type@19: *"}, {"l.exists_one(e, e == 1) + 1", "type@25: *"}, {"l.map(i, i)", "list"}, {"l.map(s, s + 1)", "list"},
        {"int", "any value"}, {"google.protobuf.Duration == type(u)", "bool"},
    };
    /* clang-format on */
    struct expression_fixture f;

    (void)state;
    fixture_begin(&f, "{}");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *result = check(&f, table[i].source);
        const char *star = strstr(table[i].expected, ": *");
        size_t bytes =
            star == NULL ? strlen(table[i].expected) + 1 : (size_t)(star - table[i].expected) + 2;

        if (strchr(table[i].expected, '*') != NULL && star == NULL && bytes > 1 &&
            table[i].expected[bytes - 2] == '*') {
            bytes -= 2;
        }
        if (strncmp(result, table[i].expected, bytes) != 0) {
            fail_msg("%s\n  is       %s\n  expected %s", table[i].source, result,
                     table[i].expected);
        }
    }
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_can_never_work_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
