#include "tests/unit/schemas/expression/expression_fixture.h"

/* Each reference as one word: root, steps, then ? tested, # sized, ~ cut. */
static void note(void *context, const struct expression_reference *reference)
{
    char *text = context;
    size_t used = strlen(text);
    int at =
        snprintf(text + used, 900 - used, "%s%.*s", used > 0 ? " " : "", SPAN_ARG(reference->root));

    for (uint32_t i = 0; i < reference->step_count; i++) {
        const struct expression_step *step = &reference->steps[i];

        used = strlen(text);
        if (step->name.data != NULL) {
            (void)snprintf(text + used, 900 - used, ".%.*s", SPAN_ARG(step->name));
        } else {
            (void)snprintf(text + used, 900 - used, "[%lld]", (long long)step->index);
        }
    }
    assert_true(at > 0);
    strcat(text, reference->is_tested ? "?" : "");
    strcat(text, reference->is_sized ? "#" : "");
    strcat(text, reference->is_cut ? "~" : "");
}

static const struct expression *compile(struct expression_fixture *f, const char *source)
{
    const struct expression *expression = NULL;

    if (expression_compile(span_of(source), (struct expression_position){.line = 3, .column = 10},
                           &f->arena, &expression, &f->error) != EXPRESSION_OK) {
        fail_msg("%s: %s", source, f->error.text);
    }
    return expression;
}

static void lists_what_an_expression_uses(void **state)
{
    /* clang-format off */
    static const struct { const char *source, *references; bool is_reference, is_constant; } table[] = {
        {"1 + 2", "", false, true},
        {"'a' in ['a', {'b': 1}.b]", "", false, true},
        {"a", "a", true, false},
        {"satellites.a.output.items[0].name", "satellites.a.output.items[0].name", true, false},
        {"a['k'].`b c`[-1]", "a.k.b c[-1]", true, false},
        {"(a.b)", "a.b", true, false},
        {"a.b + 1", "a.b", false, false},
        {"!a", "a", false, false},
        {"a[b.c].d", "a~ b.c", false, false},
        {"a.x[i + 1][0]", "a.x~ i", false, false},
        {"a[1.0]", "a~", false, false},
        {"has(a.b.c)", "a.b.c?", false, false},
        {"has(a[i].c)", "a~ i", false, false},
        {"size(a.b)", "a.b#", false, false},
        {"a.b.size()", "a.b#", false, false},
        {"size(a.b + c)", "a.b c", false, false},
        {"[a, {b: c}][d] ? e : f.g", "a b c d e f.g", false, false},
        {"[a][0].b", "a", false, false},
        {"(x ? a : b).c", "x a b", false, false},
        {"a && b || a == c.d", "a b a c.d", false, false},
    };
    /* clang-format on */
    struct expression_fixture f;

    (void)state;
    fixture_begin(&f, "{}");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct expression *expression = compile(&f, table[i].source);
        char text[1000] = "";

        expression_references(expression, note, text);
        if (strcmp(text, table[i].references) != 0 ||
            expression_is_reference(expression) != table[i].is_reference ||
            expression_is_constant(expression) != table[i].is_constant) {
            fail_msg("%s uses %s", table[i].source, text);
        }
    }
    fixture_end(&f);
}

static void count(void *context, const struct expression_reference *reference)
{
    uint32_t *steps = context;

    *steps = reference->step_count + (reference->is_cut ? 1000 : 0);
}

static void cuts_a_path_of_too_many_steps(void **state)
{
    struct expression_fixture f;
    char source[200] = "a";
    uint32_t steps = 0;

    (void)state;
    fixture_begin(&f, "{}");
    for (int i = 0; i < 64; i++) {
        strcat(source, ".b");
    }
    expression_references(compile(&f, source), count, &steps);
    assert_int_equal(steps, 64);
    strcat(source, ".b");
    expression_references(compile(&f, source), count, &steps);
    assert_int_equal(steps, 1064);
    fixture_end(&f);
}

static void place(void *context, const struct expression_reference *reference)
{
    uint32_t *columns = context;

    assert_int_equal(reference->line, 3);
    columns[0] = reference->column;
    columns[1] = reference->steps[0].column;
    columns[2] = reference->steps[1].column;
}

static void knows_where_each_step_stands(void **state)
{
    struct expression_fixture f;
    uint32_t columns[3];

    (void)state;
    fixture_begin(&f, "{}");
    expression_references(compile(&f, "1 + abc.de['f']"), place, columns);
    assert_int_equal(columns[0], 14);
    assert_int_equal(columns[1], 17);
    assert_int_equal(columns[2], 20);
    fixture_end(&f);
}

static void names_the_nearest_known_name(void **state)
{
    static const char *const names[] = {"input", "satellites", "execution"};
    struct expression_fixture f;

    (void)state;
    fixture_begin(&f, "{}");
    assert_int_equal(
        expression_check_names(compile(&f, "input.a + satellites.b"), names, 3, &f.error),
        EXPRESSION_OK);
    assert_int_equal(
        expression_check_names(compile(&f, "input.a + satelites.b + zzz"), names, 3, &f.error),
        EXPRESSION_ENAME);
    assert_string_equal(f.error.text, "unknown name: satelites; did you mean satellites");
    assert_int_equal(f.error.line, 3);
    assert_int_equal(f.error.column, 20);
    assert_int_equal(f.error.offset_column, 11);
    assert_int_equal(expression_check_names(compile(&f, "secrets.a"), names, 3, &f.error),
                     EXPRESSION_ENAME);
    assert_string_equal(f.error.text, "unknown name: secrets");
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_what_an_expression_uses),
        cmocka_unit_test(cuts_a_path_of_too_many_steps),
        cmocka_unit_test(knows_where_each_step_stands),
        cmocka_unit_test(names_the_nearest_known_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
