#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct fault_case cases[] = {
    {"{'name':'a','when':'yes'}", "cluster.satellites[0].when 2:21 `when` takes one expression and nothing around it | write ${{ CONDITION }}, true or false"},
    {"{'name':'a','when':'not ${{ input.x }}'}", "cluster.satellites[0].when 2:21 `when` takes one expression and nothing around it | write ${{ CONDITION }}, true or false"},
    {"{'name':'a','when':0}", "cluster.satellites[0].when 2:20 `when` takes one expression and nothing around it | write ${{ CONDITION }}, true or false"},
    {"{'name':'a','when':'${{ input.x > }}'}", "cluster.satellites[0].when 2:35 a value must stand here: a name, a literal, or an expression in brackets"},
    {"{'name':'a','when':'${{ item }}','for_each':'${{ [1] }}'}",
     "cluster.satellites[0].when 2:25 unknown name `item` in an expression | item and index are known only in input, env and command of a satellite with `for_each`, and inside a group with it"},
    {"{'name':'a','for_each':[1,2]}", "cluster.satellites[0].for_each 2:24 `for_each` takes one expression and nothing around it | write ${{ LIST }}"},
    {"{'name':'a','for_each':'a b'}", "cluster.satellites[0].for_each 2:25 `for_each` takes one expression and nothing around it | write ${{ LIST }}"},
    {"{'name':'a','for_each':'${{ satellites.b.output }}'},{'name':'b'}",
     "cluster.satellites[0].for_each 2:29 `b` does not run before `a` | add b to the needs of a"},
    {"{'name':'a','input':{'x':['${{ 1 + }}',\n'${{ 2 ','fine','${{ foo(1) }}']}}",
     "cluster.satellites[0].input.x[0] 2:36 a value must stand here: a name, a literal, or an expression in brackets\n"
     "cluster.satellites[0].input.x[1] 3:8 a ${{ has no }} that ends it\n"
     "cluster.satellites[0].input.x[3] 3:22 foo: no such function; did you mean bool"},
    {"{'name':'a','input':{'${{ input.k }}':1}}",
     "cluster.satellites[0].input 2:22 the key `${{ input.k }}` holds an expression, but keys are not evaluated | write the key plainly and put what varies into its value"},
    {"{'name':'a','env':{'A':'${{ secrets.x }}'},'command':['c','${{ lost }}']}",
     "cluster.satellites[0].env.A 2:29 unknown name `secrets` in an expression | list the secret under `secrets` and read /exosphere/secrets/NAME in the satellite\n"
     "cluster.satellites[0].command[1] 2:64 unknown name `lost` in an expression | known here: input, satellites, execution"},
    /* A refused name of the item is known nevertheless, so that one mistake gives one fault. */
    {"{'name':'a','for_each':'${{ [1] }}','as':'Big','input':'${{ Big }}'}",
     "cluster.satellites[0].as 2:43 `Big` cannot be a name here | use a-z, 0-9 and _, beginning with a letter: a dash would be a minus in expressions"},
};

static const char *const script_warning =
    "2:1 the value of ${{ }} becomes part of a shell script and may run as one | hand it over in `env` and write \"$NAME\" in the script";

/* command: of a satellite; at: the argument that is warned of, or NULL. */
static const struct { const char *command, *at; } scripts[] = {
    {"['sh','-c','echo ${{ input.x }}']", "[2]"},
    {"['/bin/bash','-euo','pipefail','-c','${{ input.x }}']", "[4]"},
    {"['busybox','sh','-ec','${{ input.x }}']", "[3]"},
    {"['env','dash','-c','a','${{ input.x }}']", NULL}, /* a parameter of the script, not a part */
    {"['sh','-c','echo $1','sh','${{ input.x }}']", NULL},
    {"['sh','-c','echo']", NULL},
    {"['sh','script','-c','${{ input.x }}']", NULL},
    {"['wc','-c','${{ input.x }}']", NULL},
    {"['busybox','wc','-c','${{ input.x }}']", NULL},
    {"['sh','-c']", NULL},
    {"['sh']", NULL},
    {"['busybox']", NULL},
    {"['sh','-c','$${{ plain }}']", NULL},
};
/* clang-format on */

static void tells_faults(void **state)
{
    (void)state;
    fixture_check_cases(cases, COUNT(cases), fixture_parse_satellites);
}

static void warns_of_values_in_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct cluster_fixture f;
        char text[400];

        fixture_begin(&f);
        (void)snprintf(text, sizeof(text), "{'name':'a','command':%s}", scripts[i].command);
        (void)fixture_cluster(&f, text);
        if (scripts[i].at == NULL) {
            assert_string_equal(fixture_faults(&f), "");
        } else {
            assert_int_equal(f.faults.kept_count, 1);
            assert_true(f.faults.first->is_warning);
            (void)snprintf(text, sizeof(text), "cluster.satellites[0].command%s", scripts[i].at);
            assert_string_equal(f.faults.first->path, text);
            f.faults.first->column = 1;
            (void)snprintf(text, sizeof(text), "warning: %s %s", f.faults.first->path,
                           script_warning);
            assert_string_equal(fixture_faults(&f), text);
        }
        fixture_end(&f);
    }
}

static enum expression_err lookup(void *context, struct span name,
                                  struct expression_object *ret_object,
                                  struct expression_error *ret_error)
{
    (void)ret_error;
    if (!span_is(name, "input")) {
        return EXPRESSION_ENAME;
    }
    *ret_object = expression_object_value(*(const struct value *)context);
    return EXPRESSION_OK;
}

static void compiles_what_can_be_evaluated(void **state)
{
    struct cluster_fixture f;
    struct expression_error error;
    struct value result = value_null();

    (void)state;
    fixture_begin(&f);
    const struct satellite *s =
        fixture_cluster(&f, "{'name':'a','when':'${{ input.n > 2 }}','for_each':'${{ [input.n] }}',"
                            "'command':['x','n=${{ input.n }}'],'env':{'N':'${{ input.n }}'},"
                            "'input':{'n':'${{ input.n }}','$':'$${{'}},"
                            "{'name':'b','when':false}")
            ->satellites;
    struct value input = fixture_json(&f, "{'n':3}");
    struct expression_scope scope = {.lookup = lookup, .context = &input};

    assert_int_equal(expression_eval(s->when, &scope, NULL, &f.arena, &result, &error), 0);
    assert_true(result.boolean);
    assert_int_equal(expression_eval(s->for_each, &scope, NULL, &f.arena, &result, &error), 0);
    assert_int_equal(result.count, 1);
    assert_int_equal(value_template_eval(s->work.command_template, &scope, NULL, NULL, &f.arena,
                                         &result, &error),
                     0);
    struct value expected = fixture_json(&f, "['x','n=3']");

    assert_true(value_equal(&result, &expected));
    assert_int_equal(
        value_template_eval(s->work.input_template, &scope, NULL, NULL, &f.arena, &result, &error),
        0);
    expected = fixture_json(&f, "{'n':3,'$':'${{'}");
    assert_true(value_equal(&result, &expected));
    assert_int_equal(
        value_template_eval(s->work.env_template, &scope, NULL, NULL, &f.arena, &result, &error),
        0);
    expected = fixture_json(&f, "{'N':3}");
    assert_true(value_equal(&result, &expected));
    assert_int_equal(expression_eval(s[1].when, &scope, NULL, &f.arena, &result, &error), 0);
    assert_false(result.boolean);
    fixture_end(&f);
}

static void gives_back_the_leaves_by_default(void **state)
{
    /* clang-format off */
    static const struct { const char *satellites, *output; } table[] = {
        {"{'name':'a'}", "satellites.a.output"},
        {"{'name':'a'},{'name':'b'}", "satellites.b.output"},
        {"{'name':'a'},{'name':'b','needs':['a']},{'name':'c','needs':['a']}", "satellites.b.output satellites.c.output"},
    };
    /* clang-format on */

    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        const struct cluster *cluster = fixture_cluster(&f, table[i].satellites);

        assert_null(cluster->output_source);
        assert_non_null(cluster->output);
        buffer_reset(&f.text);
        for (uint32_t j = 0; j < cluster->output_reference_count; j++) {
            buffer_text(&f.text, j == 0 ? "" : " ");
            buffer_append(&f.text, cluster->output_references[j].path);
        }
        buffer_append(&f.text, (struct span){"", 1});
        assert_string_equal(f.text.data, table[i].output);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults),
        cmocka_unit_test(warns_of_values_in_scripts),
        cmocka_unit_test(compiles_what_can_be_evaluated),
        cmocka_unit_test(gives_back_the_leaves_by_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
