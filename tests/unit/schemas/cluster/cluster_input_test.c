#include "schemas/cluster/cluster_input.h"
#include "schemas/json/json_write.h"
#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* clang-format off */
/* What stands in place of INPUTS in 'inputs':\nINPUTS, from line 2 column 1. */
static const struct fault_case declarations[] = {
    {"{'a':{},'b_2':{'type':'int','default':3,'minimum':1,'maximum':4,'enum':[1,3]},'C':{'required':true}}", ""},
    {"[]", "cluster.inputs 2:1 `inputs` must be a map, not a list"},
    {"{'a':'int'}", "cluster.inputs.a 2:7 `a` must be a map, not a string"},
    {"{'a-b':{},'in':{},'':{}}",
     "cluster.inputs[\"a-b\"] 2:2 `a-b` cannot be a name here | use letters, digits and _, not beginning with a digit: a dash would be a minus in expressions\n"
     "cluster.inputs.in 2:11 `in` is a reserved word of the expression language | choose another name\n"
     "cluster.inputs[\"\"] 2:19 `` cannot be a name here | use letters, digits and _, not beginning with a digit: a dash would be a minus in expressions"},
    {"{'a':{'typ':'int','type':'integer'}}",
     "cluster.inputs.a.typ 2:7 unknown field `typ` | did you mean `type`?\n"
     "cluster.inputs.a.type 2:27 `integer` is no value of `type` | write one of: any, int, number, string, bool, list, map"},
    {"{'a':{'type':'string','pattern':'^x+$','enum':['x','xx'],'default':'x'}}", ""},
    {"{'a':{'pattern':'x+'}}", "cluster.inputs.a.pattern 2:18 `pattern` is for strings only | write type: string, or remove it"},
    {"{'a':{'type':'string','pattern':'('}}", "cluster.inputs.a.pattern 2:34 no pattern of RE2: missing ): ( | `pattern` takes the syntax of RE2"},
    {"{'a':{'type':'string','pattern':''}}", "cluster.inputs.a.pattern 2:34 `pattern` must have 1 to 1024 bytes"},
    {"{'a':{'type':'string','pattern':3}}", "cluster.inputs.a.pattern 2:33 `pattern` must be a string, not an int | put it in quotes"},
    {"{'a':{'type':'string','pattern':'^x','default':'y'}}", "cluster.inputs.a.default 2:49 `default` does not match its `pattern` `^x`"},
    {"{'a':{'type':'string','pattern':'^x','enum':['x','y']}}", "cluster.inputs.a.enum[1] 2:51 `enum` does not match its `pattern` `^x`"},
    {"{'a':{'type':'int','default':'3'}}", "cluster.inputs.a.default 2:31 `default` must be an int, not a string | take it out of the quotes"},
    {"{'a':{'type':'string','default':3}}", "cluster.inputs.a.default 2:33 `default` must be a string, not an int | put it in quotes"},
    {"{'a':{'required':true,'default':3}}", "cluster.inputs.a 2:18 an input with a `default` is never missing, so `required` says nothing | remove one of the two"},
    {"{'a':{'enum':[]}}", "cluster.inputs.a.enum 2:14 `enum` is empty, so that no value would do | list the good values, or remove it"},
    {"{'a':{'enum':3}}", "cluster.inputs.a.enum 2:14 `enum` must be a list, not an int | put it in brackets: [...]"},
    {"{'a':{'type':'int','enum':[1,'2']}}", "cluster.inputs.a.enum[1] 2:31 `enum` must be an int, not a string | take it out of the quotes"},
    {"{'a':{'type':'int','enum':[1],'default':2}}", "cluster.inputs.a.default 2:41 `default` is not one of the values its `enum` lists: 1"},
    {"{'a':{'minimum':1}}", "cluster.inputs.a.minimum 2:17 `minimum` bounds only ints and numbers | write type: int or type: number, or remove it"},
    {"{'a':{'type':'int','minimum':'1'}}", "cluster.inputs.a.minimum 2:31 `minimum` must be a number, not a string"},
    {"{'a':{'type':'int','minimum':5,'maximum':4}}", "cluster.inputs.a 2:42 `maximum` is below `minimum` | swap them"},
    {"{'a':{'type':'int','minimum':1,'maximum':4,'default':5}}", "cluster.inputs.a.default 2:54 `default` is above its `maximum` of 4"},
    {"{'a':{'required':'yes'}}", "cluster.inputs.a.required 2:19 `required` must be a bool, not a string"},
};

static const char *const declared =
    "{'i':{'type':'int','minimum':1,'maximum':10},'n':{'type':'number','maximum':9007199254740993},'s':{'type':'string','enum':['a','b']},"
    "'b':{'type':'bool','default':true},'l':{'type':'list'},'m':{'type':'map','default':{'x':1}},'q':{'required':true},'r':{'type':'string','required':true},'p':{'type':'string','pattern':'^[a-z]+$'}}";

static const struct fault_case inputs[] = {
    {"{'q':1,'r':'x'}", ""},
    {"[]", "input 1:1 `input` must be a map, not a list"},
    {"{}", "input.q 1:1 the input `q` is missing | give it with --input q=VALUE or in `input` of the request\n"
           "input.r 1:1 the input `r` is missing | give it with --input r=VALUE or in `input` of the request"},
    {"{'q':null,'r':null}", "input.q 1:6 `q` is required and must not be null | give it a value\n"
                            "input.r 1:15 `r` must be a string, not null"},
    {"{'q':1,'r':'x','i':null,'b':null}", "input.b 1:29 `b` must be a bool, not null"},
    {"{'q':1,'r':'x','i':0}", "input.i 1:20 `i` is below its `minimum` of 1"},
    {"{'q':1,'r':'x','i':11}", "input.i 1:20 `i` is above its `maximum` of 10"},
    {"{'q':1,'r':'x','i':1.0}", "input.i 1:20 `i` must be an int, not a double"},
    {"{'q':1,'r':'x','i':'1'}", "input.i 1:21 `i` must be an int, not a string | take it out of the quotes"},
    {"{'q':1,'r':'x','n':9007199254740994}", "input.n 1:20 `n` is above its `maximum` of 9007199254740993"},
    {"{'q':1,'r':'x','n':'1.5'}", "input.n 1:21 `n` must be a number, not a string | take it out of the quotes"},
    {"{'q':1,'r':'x','s':'c'}", "input.s 1:21 `s` is not one of the values its `enum` lists: `a`, `b`"},
    {"{'q':1,'r':2}", "input.r 1:12 `r` must be a string, not an int | put it in quotes"},
    {"{'q':1,'r':'x','p':'aB'}", "input.p 1:21 `p` does not match its `pattern` `^[a-z]+$`"},
    {"{'q':1,'r':'x','p':1}", "input.p 1:20 `p` must be a string, not an int | put it in quotes"},
    {"{'q':1,'r':'x','l':{}}", "input.l 1:20 `l` must be a list, not a map"},
    {"{'q':1,'r':'x','m':[]}", "input.m 1:20 `m` must be a map, not a list"},
    {"{'q':1,'r':'x','colour':1,'nn':2}",
     "input.colour 1:16 the cluster declares no input `colour` | remove it, or declare it under `inputs` of the cluster\n"
     "input.nn 1:27 the cluster declares no input `nn` | did you mean `n`?"},
};

static const struct { const char *input, *resolved; } resolutions[] = {
    {"{'r':'x','q':[1]}", "{\"i\":null,\"n\":null,\"s\":null,\"b\":true,\"l\":null,\"m\":{\"x\":1},\"q\":[1],\"r\":\"x\",\"p\":null}"},
    {"{'r':'x','q':{},'p':'ab','i':10,'n':2,'s':'b','b':false,'l':[],'m':{}}", "{\"i\":10,\"n\":2.0,\"s\":\"b\",\"b\":false,\"l\":[],\"m\":{},\"q\":{},\"r\":\"x\",\"p\":\"ab\"}"},
    {"{'r':'x','q':0,'i':null,'n':0.5}", "{\"i\":null,\"n\":0.5,\"s\":null,\"b\":true,\"l\":null,\"m\":{\"x\":1},\"q\":0,\"r\":\"x\",\"p\":null}"},
};
/* clang-format on */

static void parse_inputs(struct cluster_fixture *f, const char *quoted)
{
    char text[2000];

    (void)snprintf(text, sizeof(text),
                   "{'exosphere':'v1','cluster':{'name':'p/c','satellites':[{'name':'a','image':"
                   "'i'}],'inputs':\n%s}}",
                   quoted);
    fixture_parse(f, text);
}

static void tells_faults_of_declarations(void **state)
{
    (void)state;
    fixture_check_cases(declarations, COUNT(declarations), parse_inputs);
}

static int check_input(struct cluster_fixture *f, const char *quoted, struct value *ret)
{
    parse_inputs(f, declared);
    assert_string_equal(fixture_faults(f), "");
    f->root = fixture_json(f, quoted);
    return cluster_input_check(f->cluster, &f->root, &f->arena, ret, &f->faults);
}

static void check_faults(struct cluster_fixture *f, const char *quoted)
{
    struct value resolved;
    int result = check_input(f, quoted, &resolved);

    assert_int_equal(result == 0, f->faults.error_count == 0);
}

static void tells_faults_of_inputs(void **state)
{
    (void)state;
    fixture_check_cases(inputs, COUNT(inputs), check_faults);
}

static void fills_in_what_is_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(resolutions); i++) {
        struct cluster_fixture f;
        struct value resolved = value_null();

        fixture_begin(&f);
        assert_int_equal(check_input(&f, resolutions[i].input, &resolved), 0);
        buffer_reset(&f.text);
        json_write(&f.text, &resolved);
        buffer_append(&f.text, (struct span){"", 1});
        assert_string_equal(f.text.data, resolutions[i].resolved);
        fixture_end(&f);
    }
}

static void takes_anything_where_nothing_is_declared(void **state)
{
    struct cluster_fixture f;
    struct value resolved = value_null();

    (void)state;
    fixture_begin(&f);
    (void)fixture_cluster(&f, "{'name':'a'}");
    struct value input = fixture_json(&f, "{'x':[1,2]}");

    assert_int_equal(cluster_input_check(f.cluster, &input, &f.arena, &resolved, &f.faults), 0);
    assert_true(value_equal(&input, &resolved));
    assert_int_equal(cluster_input_check(f.cluster, NULL, &f.arena, &resolved, &f.faults), 0);
    assert_int_equal(resolved.kind, VALUE_MAP);
    assert_int_equal(resolved.count, 0);
    fixture_end(&f);
}

static void an_empty_declaration_takes_nothing(void **state)
{
    struct cluster_fixture f;
    struct value resolved = value_null();

    (void)state;
    fixture_begin(&f);
    parse_inputs(&f, "{}");
    struct value input = fixture_json(&f, "{'x':1}");

    assert_int_equal(cluster_input_check(f.cluster, &input, &f.arena, &resolved, &f.faults), -1);
    assert_string_equal(fixture_faults(&f),
                        "input.x 1:2 the cluster declares no input `x` | remove it, or declare it "
                        "under `inputs` of the cluster");
    fixture_end(&f);
}

static void limits_the_declarations(void **state)
{
    struct cluster_fixture f;
    struct buffer text;

    (void)state;
    fixture_begin(&f);
    buffer_init(&text, allocator_heap(&f.budget), 0);
    buffer_text(&text, "{'exosphere':'v1','cluster':{'name':'p/c','satellites':[{'name':'a',"
                       "'image':'i'}],'inputs':\n{");
    for (int i = 0; i < 1001; i++) {
        char item[32];

        (void)snprintf(item, sizeof(item), "%s'x%d':{}", i == 0 ? "" : ",", i);
        buffer_text(&text, item);
    }
    buffer_text(&text, "}}}");
    buffer_append(&text, (struct span){"", 1});
    fixture_parse(&f, (const char *)text.data);
    assert_string_equal(fixture_faults(&f),
                        "cluster.inputs 2:1 1001 inputs are declared, more than the limit of 1000 "
                        "| gather them in one input of type map");
    buffer_release(&text);
    fixture_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_faults_of_declarations),
        cmocka_unit_test(tells_faults_of_inputs),
        cmocka_unit_test(fills_in_what_is_missing),
        cmocka_unit_test(takes_anything_where_nothing_is_declared),
        cmocka_unit_test(an_empty_declaration_takes_nothing),
        cmocka_unit_test(limits_the_declarations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
