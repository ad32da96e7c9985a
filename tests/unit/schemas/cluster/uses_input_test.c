#include "schemas/cluster/uses_input.h"

#include "schemas/json/json_write.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* What a stored satellite with these inputs gets of `own`, as JSON with ' for ", or the faults. */
static const char *given(struct cluster_fixture *f, const char *declared, const char *own)
{
    const struct value_place place = {.key = span_of("step")};
    struct field_reader r = {.arena = &f->arena, .faults = &f->faults};
    struct value step = {.kind = VALUE_MAP, .line = 9, .column = 9};
    struct value map;
    struct value own_value;
    char text[400];

    (void)snprintf(text, sizeof(text),
                   "{'exosphere':'v1','cluster':{'name':'p/c',%s'satellites':[{'name':'a','image':"
                   "'i'}]}}",
                   declared);
    fixture_parse(f, text);
    assert_non_null(f->cluster);
    own_value = own == NULL ? value_null() : fixture_json(f, own);
    const struct uses_target target = {cluster_inputs(f->cluster), "stored satellite"};

    if (!uses_arguments(&r, &target, own == NULL ? NULL : &own_value, &step, &place, &map)) {
        return fixture_faults(f);
    }
    buffer_reset(&f->text);
    json_write(&f->text, &map);
    buffer_append(&f->text, (struct span){"", 1});
    for (size_t i = 0; i < f->text.bytes; i++) {
        f->text.data[i] = f->text.data[i] == '"' ? '\'' : f->text.data[i];
    }
    return (const char *)f->text.data;
}

static void declared_inputs_are_filled_in(void **state)
{
    static const char declared[] = "'inputs':{'a':{'type':'int','required':true},'b':{'default':"
                                   "[1]},'c':{'type':'number'}},";
    static const struct {
        const char *declared, *own, *expected;
    } cases[] = {
        {"", NULL, "{}"},
        {"", "{'x':1}", "{'x':1}"},
        {"", "[1]", "{}"},
        {"'inputs':{},", NULL, "{}"},
        {declared, "{'a':1}", "{'a':1,'b':[1],'c':null}"},
        {declared, "{'c':2,'a':'${{ item }}'}", "{'a':'${{ item }}','b':[1],'c':2.0}"},
        {declared, "{'c':['${{ 1 }}'],'a':0}", "{'a':0,'b':[1],'c':['${{ 1 }}']}"},
        {declared, NULL,
         "step.input.a 9:9 the input `a` is missing | see the `inputs` of the "
         "stored satellite"},
        {declared, "{'a':'x'}",
         "step.input.a 1:7 `a` must be an int, not a string | see the "
         "`inputs` of the stored satellite"},
        {declared, "{'a':1,'d':'${{ 1 }}'}",
         "step.input.d 1:8 the stored satellite has no input `d` | it has: a, b, c"},
        {"'inputs':{},", "{'d':1}",
         "step.input.d 1:2 the stored satellite has no input `d` | it has none"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        assert_string_equal(given(&f, cases[i].declared, cases[i].own), cases[i].expected);
        fixture_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_inputs_are_filled_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
