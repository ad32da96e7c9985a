#include "schemas/expression/value_template.h"
#include "tests/unit/schemas/expression/lazy_scope.h"

static const struct value_template *compile(struct expression_fixture *f, const char *json)
{
    const struct value_template *template = NULL;
    struct fault_list faults;
    struct value *source = arena_alloc(&f->arena, sizeof(*source));

    assert_non_null(source);
    *source = fixture_json(f, json);
    fault_list_init(&faults, &f->arena, 0);
    if (value_template_compile(source, "input", &f->arena, &template, &faults) != EXPRESSION_OK) {
        fail_msg("%s: %s", json, faults.first->text);
    }
    return template;
}

static const char *eval_holes(struct expression_fixture *f, const char *json,
                              const struct value_template_holes *holes)
{
    struct value value = value_null();
    enum expression_err err =
        value_template_eval(compile(f, json), &f->scope, NULL, holes, &f->arena, &value, &f->error);

    return fixture_result(f, err, &value);
}

struct filled {
    const char *source, *expected;
};

static void assert_filled(const struct filled *rows, size_t count)
{
    struct expression_fixture f;
    struct lazy_scope scope;

    lazy_begin(&scope, &f);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(eval_holes(&f, rows[i].source, NULL), rows[i].expected);
    }
    fixture_end(&f);
}

static void evaluates_strings_at_any_depth(void **state)
{
    /* clang-format off */
    static const struct filled table[] = {
        {"null", "null"}, {"[]", "[]"}, {"{}", "{}"}, {"\"\"", "\"\""}, {"\"a\"", "\"a\""}, {"[1,{\"a\":2.5}]", "[1,{\"a\":2.5}]"},
        {"\"${{ input.n }}\"", "3"},
        {"{\"a\":[\"${{ input.n }}\",\"n=${{ input.n }}\"],\"b\":{\"c\":\"$${{ x\"},\"d\":true}", "{\"a\":[3,\"n=3\"],\"b\":{\"c\":\"${{ x\"},\"d\":true}"},
        {"[\"${{ [input.n] }}\"]", "[[3]]"}, {"{\"l\":\"${{ satellites.small.output }}\"}", "{\"l\":{\"a\":[1,2]}}"},
    };
    /* clang-format on */

    (void)state;
    assert_filled(table, sizeof(table) / sizeof(table[0]));
}

static void lists_every_fault_with_its_place(void **state)
{
    struct expression_fixture f;
    const struct value_template *template = NULL;
    struct fault_list faults;
    struct value source;

    (void)state;
    fixture_begin(&f, "{}");
    source = fixture_json(&f, "{\"a\": [1, \"${{ ) }}\"],\n \"b.c\": {\"d\": \"${{ foo(1) }}\"},\n"
                              "\"${{ k }}\": \"fine ${{ x }}\"}");
    fault_list_init(&faults, &f.arena, 0);
    assert_int_equal(value_template_compile(&source, "cluster.input", &f.arena, &template, &faults),
                     EXPRESSION_ESYNTAX);
    assert_null(template);
    assert_int_equal(faults.error_count, 3);
    const struct fault *fault = faults.first;

    assert_string_equal(fault->path, "cluster.input.a[1]");
    assert_int_equal(fault->line, 1);
    assert_int_equal(fault->column, 16);
    fault = fault->next;
    assert_string_equal(fault->path, "cluster.input.b.c.d");
    assert_string_equal(fault->text, "foo: no such function; did you mean bool");
    assert_int_equal(fault->line, 2);
    fault = fault->next;
    assert_string_equal(fault->path, "cluster.input.${{ k }}");
    assert_non_null(strstr(fault->text, "keys are not evaluated"));
    assert_int_equal(fault->line, 3);
    fixture_end(&f);
}

struct hole_log {
    char text[200];
};

/* Writes the place and puts a marker there. */
static enum expression_err note_hole(void *context, const struct value_place *place,
                                     const struct expression_object *object, struct value *ret,
                                     struct expression_error *error)
{
    struct hole_log *log = context;

    if (object->b == LAZY_BROKEN) {
        return expression_error_set(error, EXPRESSION_EFAILED, "no hole", "");
    }
    for (; place->up != NULL; place = place->up) {
        size_t used = strlen(log->text);

        if (place->key.data != NULL) {
            (void)snprintf(log->text + used, 200 - used, "<%.*s", SPAN_ARG(place->key));
        } else {
            (void)snprintf(log->text + used, 200 - used, "<%u", place->index);
        }
    }
    *ret = value_string(span_of("HOLE"));
    return EXPRESSION_OK;
}

static void leaves_holes_where_a_reference_stands_alone(void **state)
{
    struct expression_fixture f;
    struct lazy_scope scope;
    struct hole_log log = {""};
    const struct value_template_holes holes = {.hole = note_hole, .context = &log};

    (void)state;
    lazy_begin(&scope, &f);
    assert_string_equal(eval_holes(&f,
                                   "{\"a\":[0,\"${{ satellites.count.output }}\"],"
                                   "\"b\":\"${{ input.n > 1 ? satellites.away.output : 1 }}\","
                                   "\"c\":\"${{ satellites.count.output[2] }}\","
                                   "\"d\":\"x ${{ satellites.small.output.a }}\"}",
                                   &holes),
                        "{\"a\":[0,\"HOLE\"],\"b\":\"HOLE\",\"c\":4,\"d\":\"x [1,2]\"}");
    assert_string_equal(log.text, "<1<a<b");
    assert_string_equal(eval_holes(&f, "[\"${{ satellites.broken.output }}\"]", &holes),
                        "failed@1: no hole, in [0]");
    fixture_end(&f);
}

/* One round is enough to learn of everything that must be fetched. */
static void asks_for_all_that_is_pending_at_once(void **state)
{
    struct expression_fixture f;
    struct lazy_scope scope;

    (void)state;
    lazy_begin(&scope, &f);
    assert_string_equal(eval_holes(&f,
                                   "[\"${{ satellites.away.output }}\",3,"
                                   "\"${{ size(satellites.away.output) }}\"]",
                                   NULL),
                        "pending@20: not fetched yet");
    assert_int_equal(scope.pending_count, 2);
    fixture_end(&f);
}

static void checks_the_value_as_a_whole(void **state)
{
    struct expression_fixture f;
    struct lazy_scope scope;
    char source[200] = "";

    (void)state;
    lazy_begin(&scope, &f);
    assert_string_equal(
        eval_holes(&f, "{\"a\":\"${{ 1.0 / 0.0 }}\"}", NULL),
        "arithmetic@1: the result is infinite or no number, which JSON cannot hold");
    for (int i = 0; i < 31; i++) {
        strcat(source, "[");
    }
    strcat(source, "\"${{ [[1]] }}\"");
    for (int i = 0; i < 31; i++) {
        strcat(source, "]");
    }
    assert_string_equal(eval_holes(&f, source, NULL),
                        "limit@1: the result is nested deeper than the limit of 32");
    fixture_end(&f);
}

static void says_which_string_failed(void **state)
{
    /* clang-format off */
    static const struct filled table[] = {
        {"\"${{ input.a }}\"", "missing@10: no such key: a"},
        {"[1,\"x ${{ input.a }}\"]", "missing@12: no such key: a, in [1]"},
        {"{\"p\":{\"q\":[\"${{ input.n }}\",\"${{ input.a }}\"]}}", "missing@10: no such key: a, in p.q[1]"},
        {"[[{\"p\":\"${{ 1 / 0 }}\"}]]", "arithmetic@7: division by zero: /, in [0][0].p"},
    };
    /* clang-format on */

    (void)state;
    assert_filled(table, sizeof(table) / sizeof(table[0]));
}

static void count(void *context, const struct expression_reference *reference)
{
    uint32_t *counter = context;

    assert_true(span_is(reference->root, "a") || span_is(reference->root, "b"));
    ++*counter;
}

static void tells_what_it_uses(void **state)
{
    struct expression_fixture f;
    uint32_t counter = 0;

    (void)state;
    fixture_begin(&f, "{}");
    const struct value_template *template =
        compile(&f, "{\"x\":[\"${{ a.c }}\",1],\"y\":\"${{ b + a }} $${{ z\"}");

    value_template_references(template, count, &counter);
    assert_int_equal(counter, 3);
    assert_false(value_template_is_constant(template));
    assert_true(value_template_is_constant(compile(&f, "[1,\"x\",\"$${{ a\",\"${{ 1 }}\"]")));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluates_strings_at_any_depth),
        cmocka_unit_test(lists_every_fault_with_its_place),
        cmocka_unit_test(leaves_holes_where_a_reference_stands_alone),
        cmocka_unit_test(asks_for_all_that_is_pending_at_once),
        cmocka_unit_test(checks_the_value_as_a_whole),
        cmocka_unit_test(says_which_string_failed),
        cmocka_unit_test(tells_what_it_uses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
