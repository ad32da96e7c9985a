#include "schemas/cluster/output_schema.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
static const struct fault_case schemas[] = {
    {"{}", ""}, {"true", ""}, {"false", ""},
    {"{'$schema':'x','$id':'y','$comment':'','title':'','description':'','default':1,'examples':[],'deprecated':false}", ""},
    {"{'type':['string','null'],'enum':[1,'a'],'const':[],'minLength':0,'maxLength':5,'minItems':1,'maxItems':2.0,'minimum':-1,'maximum':2.5}", ""},
    {"{'type':'object','required':['a'],'additionalProperties':false,'properties':{'a':{'type':'array','items':{'type':'integer'}}}}", ""},
    {"5", "s 1:1 a schema must be a map, not an int | write such as {type: object}"},
    {"{'type':'int'}", "s.type 1:10 `type` names no type of JSON | write null, boolean, integer, number, string, array or object"},
    {"{'type':['string',7]}", "s.type[1] 1:19 `type` names no type of JSON | write null, boolean, integer, number, string, array or object"},
    {"{'propertys':{},'oneOf':[]}",
     "s.propertys 1:2 the keyword `propertys` of JSON Schema is not supported | did you mean `properties`?\n"
     "s.oneOf 1:17 the keyword `oneOf` of JSON Schema is not supported | supported: type, enum, const, required, properties, additionalProperties, "
     "items, minimum, maximum, minLength, maxLength, minItems, maxItems"},
    {"{'propertie':{}}", "s.propertie 1:2 the keyword `propertie` of JSON Schema is not supported | did you mean `properties`?"},
    {"{'enum':1,'required':'a','properties':[]}",
     "s.enum 1:9 `enum` must be a list, not an int | put it in brackets: [...]\n"
     "s.required 1:23 `required` must be a list, not a string | put it in brackets: [...]\n"
     "s.properties 1:39 `properties` must be a map, not a list"},
    {"{'required':[1]}", "s.required[0] 1:14 an item of `required` must be a string, not an int | put it in quotes"},
    {"{'additionalProperties':{}}", "s.additionalProperties 1:25 `additionalProperties` with a schema is not supported | write true or false"},
    {"{'minimum':'1','maxItems':-1,'minLength':1.5}",
     "s.minimum 1:13 `minimum` must be a number, not a string\n"
     "s.maxItems 1:27 `maxItems` must be a whole number from 0 up\n"
     "s.minLength 1:42 `minLength` must be a whole number from 0 up"},
    {"{'properties':{'a':{'items':{'type':'x'}}}}", "s.properties.a.items.type 1:38 `type` names no type of JSON | write null, boolean, integer, number, string, array or object"},
};

static const struct { const char *schema, *output, *faults; } applications[] = {
    {"{}", "[1]", ""}, {"true", "1", ""},
    {"false", "1", "output 1:1 nothing may stand here"},
    {"{'type':'string'}", "'x'", ""},
    {"{'type':'string'}", "1", "output 1:1 it must be `string`, not an int"},
    {"{'type':['string','null']}", "null", ""},
    {"{'type':['string','null']}", "true", "output 1:1 it must be `string` or `null`, not a bool"},
    {"{'type':'integer'}", "1.0", ""}, {"{'type':'number'}", "1", ""}, {"{'type':'boolean'}", "false", ""}, {"{'type':'array'}", "[]", ""}, {"{'type':'object'}", "{}", ""},
    {"{'type':'integer'}", "1.5", "output 1:1 it must be `integer`, not a double"},
    {"{'type':'integer'}", "1e300", "output 1:1 it must be `integer`, not a double"},
    {"{'enum':[1,[2]]}", "[2.0]", ""},
    {"{'enum':[1,[2]]}", "2", "output 1:1 it is none of the values that `enum` lists: 1, ..."},
    {"{'const':{'a':1}}", "{'a':1}", ""},
    {"{'const':{'a':1}}", "{'a':2}", "output 1:1 it is not the value that `const` gives"},
    {"{'required':['a','b']}", "{'b':1}", "output 1:1 the member `a` is missing"},
    {"{'required':['a']}", "[]", ""},
    {"{'properties':{'a':{'type':'string'}},'additionalProperties':false}", "{'a':1,'b':2}",
     "output.a 1:6 it must be `string`, not an int\noutput 1:8 the member `b` is not among the `properties`"},
    {"{'additionalProperties':false}", "{'b':2}", "output 1:2 the member `b` is not among the `properties`"},
    {"{'additionalProperties':true}", "{'b':2}", ""},
    {"{'items':{'items':{'maximum':3}}}", "[[1],[2,4]]", "output[1][1] 1:9 it is above its `maximum` of 3"},
    {"{'minimum':2}", "1.5", "output 1:1 it is below its `minimum` of 2"},
    {"{'minimum':2}", "'a'", ""},
    {"{'minLength':2}", "'\xc3\xa9'", "output 1:2 it has too few characters"},
    {"{'maxLength':2}", "'\xc3\xa9\xc3\xa9'", ""},
    {"{'maxLength':2}", "'abc'", "output 1:2 it has too many characters"},
    {"{'minItems':1}", "[]", "output 1:1 it has too few items"},
    {"{'maxItems':1}", "[1,2]", "output 1:1 it has too many items"},
};
/* clang-format on */

static void check_schema(struct cluster_fixture *f, const char *quoted)
{
    const struct value_place place = {.key = span_of("s")};
    struct value schema = fixture_json(f, quoted);
    int result = output_schema_check(&schema, &place, &f->faults);

    assert_int_equal(result == 0, f->faults.error_count == 0);
}

static void refuses_what_it_could_not_keep(void **state)
{
    (void)state;
    fixture_check_cases(schemas, COUNT(schemas), check_schema);
}

static void tells_what_does_not_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(applications); i++) {
        struct cluster_fixture f;

        fixture_begin(&f);
        check_schema(&f, applications[i].schema);
        assert_string_equal(fixture_faults(&f), "");
        struct value schema = fixture_json(&f, applications[i].schema);
        struct value output = fixture_json(&f, applications[i].output);
        int result = output_schema_apply(&schema, &output, &f.faults);

        assert_string_equal(fixture_faults(&f), applications[i].faults);
        assert_int_equal(result == 0, *applications[i].faults == '\0');
        fixture_end(&f);
    }
}

static void limits_the_depth(void **state)
{
    struct cluster_fixture f;
    char text[2000] = "";

    (void)state;
    fixture_begin(&f);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text + strlen(text), 16, "{'items':");
    }
    (void)snprintf(text + strlen(text), 16, "{}");
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text + strlen(text), 16, "}");
    }
    check_schema(&f, text);
    assert_string_equal(fixture_faults(&f), "");
    struct value schema = fixture_json(&f, text);
    struct value deeper[2];
    struct value_member members[2];
    const struct value_place place = {.key = span_of("s")};

    for (int i = 0; i < 2; i++) {
        members[i] =
            (struct value_member){value_string(span_of("items")), i == 0 ? schema : deeper[i - 1]};
        deeper[i] = (struct value){.kind = VALUE_MAP, .count = 1, .members = &members[i]};
    }
    assert_int_equal(output_schema_check(&deeper[1], &place, &f.faults), -1);
    assert_non_null(strstr(fixture_faults(&f), "the schema is nested deeper than 32"));
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_could_not_keep),
        cmocka_unit_test(tells_what_does_not_fit),
        cmocka_unit_test(limits_the_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
