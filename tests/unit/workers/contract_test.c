/* contract: what a satellite is given and what it gives back. */
#include "workers/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "workers/contract_cache.h"

static const struct wire_context contexts[] = {
    {.path = {"input", 5}, .kind = CONTEXT_JSON, .json = {"{\"top\":20,\"name\":\"n\"}", 21}},
    {.path = {"satellites.count.output", 23}, .kind = CONTEXT_LIST, .instance = 1, .count = 3},
    {.path = {"satellites.big.output", 21}, .kind = CONTEXT_BLOB, .bytes = 5 << 20},
    {.path = {"satellites.small.output", 23}, .kind = CONTEXT_BLOB, .bytes = 900},
    {.path = {"satellites.small.state", 22}, .kind = CONTEXT_JSON, .json = {"\"SUCCEEDED\"", 11}},
};
static const struct wire_pair labels[] = {{{"team", 4}, {"research", 8}}};

static struct wire_spec spec_of(const char *definition)
{
    struct wire_spec spec = {
        .instance = 2,
        .project = span_of("licences"),
        .cluster = span_of("words"),
        .satellite = span_of("merge"),
        .definition = span_of(definition),
        .contexts = contexts,
        .context_count = sizeof(contexts) / sizeof(contexts[0]),
        .traceparent = span_of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .execution_time_ms = 1700000000123,
        .labels = labels,
        .label_count = 1,
        .is_map = true,
        .item_name = span_of("file"),
    };

    assert_true(
        execution_id_parse(span_of("01890a5d-ac96-774b-bcce-b302099a8057"), &spec.execution));
    return spec;
}

static struct contract *contract_of(const char *definition)
{
    struct wire_spec spec = spec_of(definition);
    char error[CONTRACT_ERROR_BYTES] = "";
    struct contract *contract = contract_new(&spec, error);

    if (contract == NULL) {
        fail_msg("%s", error);
    }
    return contract;
}

struct trial {
    struct contract *contract;
    struct contract_plan *plan;
};

static void trial_open(struct trial *t, const char *definition)
{
    const struct contract_attempt attempt = {
        .index = 17, .attempt = 3, .item = span_of("{\"path\":\"/a b\",\"z\":\"a\\u0000b\"}")};

    t->contract = contract_of(definition);
    t->plan = calloc(1, sizeof(*t->plan));
    assert_non_null(t->plan);
    assert_int_equal(contract_plan_init(t->plan, t->contract, &attempt), 0);
}

static void trial_close(struct trial *t)
{
    contract_plan_release(t->plan);
    free(t->plan);
    contract_release(t->contract);
}

static void plan_is_made(struct trial *t, bool is_dry)
{
    if (contract_plan_make(t->plan, is_dry) != CONTRACT_OK) {
        fail_msg("%s", t->plan->error);
    }
}

static void texts_are(const char *const *texts, const char *const *expected)
{
    for (size_t i = 0; expected[i] != NULL || texts[i] != NULL; i++) {
        if (expected[i] == NULL || texts[i] == NULL) {
            fail_msg("text %zu is %s, not %s", i, texts[i], expected[i]);
        }
        assert_string_equal(texts[i], expected[i]);
    }
}

static void arguments_and_environment(void **state)
{
    static const char *const args[] = {"count", "/a b", "n=20",
                                       "{\"path\":\"/a b\",\"z\":\"a\\u0000b\"}", NULL};
    static const char *const env[] = {
        "A=17",
        "B=01890a5d-ac96-774b-bcce-b302099a8057 2023-11-14T22:13:20.123Z research",
        "EXOSPHERE_EXECUTION=01890a5d-ac96-774b-bcce-b302099a8057",
        "EXOSPHERE_TASK=merge.17",
        "EXOSPHERE_ATTEMPT=3",
        "EXOSPHERE_IDEMPOTENCY_KEY=01890a5d-ac96-774b-bcce-b302099a8057/merge.17",
        "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        NULL};
    struct trial t;

    (void)state;
    trial_open(&t, "{\"image\":\"oci:b\",\"workdir\":\"/w\",\"command\":[\"count\",\"${{ file.path "
                   "}}\",\"n=${{ input.top }}\",\"${{ file }}\"],\"env\":{\"A\":\"${{ index }}\","
                   "\"B\":\"${{ execution.id }} ${{ execution.time }} ${{ "
                   "execution.labels.team }}\"}}");
    plan_is_made(&t, false);
    texts_are(t.plan->args, args);
    texts_are(t.plan->env, env);
    assert_string_equal(t.plan->cwd, "/w");
    assert_false(t.plan->has_holes);
    assert_true(span_is(buffer_span(&t.plan->json), "{}"));
    trial_close(&t);
}

static void a_plain_satellite_has_no_index_in_its_path(void **state)
{
    char path[96];
    struct wire_spec spec = spec_of("{}");

    (void)state;
    spec.is_map = false;
    contract_task_path(&spec, 0, path);
    assert_string_equal(path, "merge");
}

static void whole_values_by_reference_are_holes(void **state)
{
    struct trial t;

    (void)state;
    trial_open(&t, "{\"image\":\"oci:b\",\"input\":{\"parts\":\"${{ satellites.count.output }}\","
                   "\"n\":\"${{ size(satellites.count.output) }}\",\"list\":[1,\"${{ "
                   "satellites.big.output }}\",\"hole\"],\"state\":\"${{ "
                   "satellites.small.state }}\"}}");
    plan_is_made(&t, false);
    assert_true(t.plan->has_holes);
    assert_int_equal(t.plan->part_count, 3);
    assert_true(span_is(buffer_span(&t.plan->json),
                        "{\"parts\":,\"n\":3,\"list\":[1,,\"hole\"],\"state\":\"SUCCEEDED\"}"));
    assert_int_equal(t.plan->parts[0].text_end, strlen("{\"parts\":"));
    assert_int_equal(t.plan->parts[0].hole->kind, CONTEXT_LIST);
    assert_int_equal(t.plan->parts[1].text_end, strlen("{\"parts\":,\"n\":3,\"list\":[1,"));
    assert_int_equal(t.plan->parts[1].hole->kind, CONTEXT_BLOB);
    assert_null(t.plan->parts[2].hole);
    assert_int_equal(t.plan->parts[2].text_end, t.plan->json.bytes);
    trial_close(&t);
}

static void values_looked_into_are_wanted_first(void **state)
{
    static const char *const args[] = {"x", "7", "deep", NULL};
    struct trial t;

    (void)state;
    trial_open(&t, "{\"image\":\"oci:b\",\"command\":[\"x\",\"${{ satellites.count.output[1].n "
                   "}}\",\"${{ satellites.small.output.a.b }}\"],\"input\":{\"again\":\"${{ "
                   "satellites.small.output.a }}\"}}");
    assert_int_equal(contract_plan_make(t.plan, false), CONTRACT_PENDING);
    /* The command stops at its first; the others are found in further rounds. */
    for (int round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < t.plan->scope.want_count; i++) {
            struct contract_want *want = &t.plan->scope.wants[i];

            if (!want->is_fetched) {
                bool is_list = want->context->kind == CONTEXT_LIST;

                assert_int_equal(want->index, is_list ? 1 : CONTRACT_WHOLE);
                contract_scope_fetched(&t.plan->scope, want,
                                       span_of(is_list ? "{\"n\":7}" : "{\"a\":{\"b\":\"deep\"}}"));
            }
        }
        if (contract_plan_make(t.plan, false) == CONTRACT_OK) {
            break;
        }
    }
    assert_int_equal(t.plan->scope.want_count, 2);
    texts_are(t.plan->args, args);
    assert_true(span_is(buffer_span(&t.plan->json), "{\"again\":{\"b\":\"deep\"}}"));
    trial_close(&t);
}

static void refused(const char *definition, const char *expected)
{
    struct trial t;

    trial_open(&t, definition);
    assert_int_equal(contract_plan_make(t.plan, false), CONTRACT_REFUSED);
    if (strstr(t.plan->error, expected) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", t.plan->error, expected);
    }
    trial_close(&t);
}

static void plans_are_refused(void **state)
{
    (void)state;
    refused("{\"image\":\"oci:b\",\"command\":[\"${{ nobody }}\"]}", "EXPRESSION: ");
    refused("{\"image\":\"oci:b\",\"command\":[\"${{ input.none }}\"]}", "EXPRESSION: ");
    refused("{\"image\":\"oci:b\",\"command\":[\"${{ file.z }}\"]}", "NUL");
    refused("{\"image\":\"oci:b\",\"env\":{\"A\":\"${{ file.z }}\"}}", "NUL");
    refused("{\"image\":\"oci:b\",\"input\":{\"a\":\"${{ satellites.big.output.x }}\"}}",
            "above 1 MiB");
    refused("{\"image\":\"oci:b\",\"input\":{\"a\":\"${{ satellites.count }}\"}}", "name a part");
    refused("{\"image\":\"oci:b\",\"input\":{\"a\":\"${{ satellites.count.output[3] }}\"}}",
            "no such index");
    refused("{\"image\":\"oci:b\",\"resources\":{\"gpu\":1}}", "GPU: ");
}

static void a_failed_fetch_is_told(void **state)
{
    struct trial t;

    (void)state;
    trial_open(&t, "{\"image\":\"oci:b\",\"command\":[\"${{ satellites.small.output.a }}\"]}");
    assert_int_equal(contract_plan_make(t.plan, false), CONTRACT_PENDING);
    contract_scope_failed(&t.plan->scope, &t.plan->scope.wants[0], "the API answered 404");
    assert_int_equal(contract_plan_make(t.plan, false), CONTRACT_REFUSED);
    assert_non_null(strstr(t.plan->error, "404"));
    trial_close(&t);
}

static void a_dry_plan_has_arguments_only(void **state)
{
    static const char *const args[] = {"null", "17", NULL};
    struct trial t;

    (void)state;
    trial_open(&t, "{\"command\":[\"null\",\"${{ index }}\"],\"image\":\"oci:b\",\"input\":{\"a\":"
                   "\"${{ satellites.big.output }}\"}}");
    plan_is_made(&t, true);
    texts_are(t.plan->args, args);
    assert_false(t.plan->has_holes);
    trial_close(&t);
}

static void definitions_are_refused(void **state)
{
    char error[CONTRACT_ERROR_BYTES];
    struct wire_spec spec = spec_of("{\"image\":");

    (void)state;
    assert_null(contract_new(&spec, error));
    assert_non_null(strstr(error, "DEFINITION: "));
    spec = spec_of("{\"image\":\"oci:b\",\"comand\":[]}");
    assert_null(contract_new(&spec, error));
    assert_non_null(strstr(error, "comand"));
}

/* Output. */

static void take_text(struct buffer *buffer, char *ret_text)
{
    assert_true(buffer->bytes < 200);
    if (buffer->bytes > 0) {
        memcpy(ret_text, buffer->data, buffer->bytes);
    }
    ret_text[buffer->bytes] = '\0';
    buffer_release(buffer);
}

static enum contract_result judge_all(const char *definition,
                                      const struct contract_result_files *files, char *ret_json,
                                      char *ret_control, char *ret_error)
{
    struct contract *contract = contract_of(definition);
    struct heap_budget budget = {0};
    struct buffer json;
    struct buffer control;

    buffer_init(&json, allocator_heap(&budget), 0);
    buffer_init(&control, allocator_heap(&budget), 0);
    enum contract_result result = contract_judge(contract, files, &json, &control, ret_error);

    take_text(&json, ret_json);
    take_text(&control, ret_control);
    contract_release(contract);
    return result;
}

static enum contract_result judge(const char *definition, const struct contract_result_files *files,
                                  char *ret_json, char *ret_error)
{
    char control[200];

    return judge_all(definition, files, ret_json, control, ret_error);
}

static struct contract_result_files files_of(const char *output)
{
    return (struct contract_result_files){.has_output = output != NULL, .output = span_of(output)};
}

static void outputs_are_judged(void **state)
{
    static const char plain[] = "{\"image\":\"oci:b\"}";
    static const char typed[] =
        "{\"image\":\"oci:b\",\"output_schema\":{\"type\":\"object\",\"required\":[\"n\"]}}";
    static const char out[] = "{\"image\":\"oci:b\",\"output\":\"stdout\"}";
    static const char none[] = "{\"image\":\"oci:b\",\"output\":\"none\"}";
    static const struct {
        const char *definition;
        const char *output; /* NULL: no file */
        enum contract_result result;
        const char *json; /* or what the error begins with */
    } cases[] = {
        {plain, NULL, CONTRACT_OK, ""},
        {plain, " {\"a\" : [1, 2.50]}\n", CONTRACT_OK, "{\"a\":[1,2.5]}"},
        {plain, "null", CONTRACT_OK, ""},
        {plain, "", CONTRACT_FAULTY, "OUTPUT_INVALID: "},
        {plain, "{\"a\":1,\"a\":2}", CONTRACT_FAULTY, "OUTPUT_INVALID: "},
        {plain, "{} x", CONTRACT_FAULTY, "OUTPUT_INVALID: "},
        {typed, "{\"n\":1}", CONTRACT_OK, "{\"n\":1}"},
        {typed, "{\"m\":1}", CONTRACT_FAULTY, "OUTPUT_SCHEMA: "},
        {typed, NULL, CONTRACT_FAULTY, "OUTPUT_MISSING: "},
        {out, " \n", CONTRACT_OK, ""},
        {out, "5\n", CONTRACT_OK, "5"},
        {none, "not looked at", CONTRACT_OK, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[200];
        char error[CONTRACT_ERROR_BYTES] = "";
        struct contract_result_files files = files_of(cases[i].output);
        enum contract_result result = judge(cases[i].definition, &files, json, error);

        assert_int_equal(result, cases[i].result);
        if (result == CONTRACT_OK) {
            assert_string_equal(json, cases[i].json);
        } else {
            assert_memory_equal(error, cases[i].json, strlen(cases[i].json));
        }
    }
}

static void deep_and_large_outputs_are_faulty(void **state)
{
    char json[200];
    char error[CONTRACT_ERROR_BYTES];
    char deep[100];
    size_t large_bytes = (8 << 20) + 1;
    char *large = malloc(large_bytes);
    struct contract_result_files files;

    (void)state;
    assert_non_null(large);
    memset(deep, '[', 50);
    memset(deep + 50, ']', 49);
    deep[99] = '\0';
    files = files_of(deep);
    assert_int_equal(judge("{\"image\":\"oci:b\"}", &files, json, error), CONTRACT_FAULTY);
    memset(large, ' ', large_bytes);
    files = (struct contract_result_files){.has_output = true, .output = {large, large_bytes}};
    assert_int_equal(judge("{\"image\":\"oci:b\"}", &files, json, error), CONTRACT_FAULTY);
    assert_memory_equal(error, "OUTPUT_TOO_LARGE: ", 18);
    free(large);
    files = (struct contract_result_files){.output_problem = "it is a directory"};
    assert_int_equal(judge("{\"image\":\"oci:b\"}", &files, json, error), CONTRACT_FAULTY);
    assert_string_equal(error, "OUTPUT_INVALID: it is a directory");
}

static void control_files_are_judged(void **state)
{
    static const struct {
        const char *text;
        enum contract_result result;
        const char *control; /* or what stands in the error */
    } cases[] = {
        {"{}", CONTRACT_OK, "{}"},
        {" {\"prune\" : true}", CONTRACT_OK, "{\"prune\":true}"},
        {"{\"more_items\":[1, {\"a\":2}],\"skip\":false}", CONTRACT_OK,
         "{\"more_items\":[1,{\"a\":2}],\"skip\":false}"},
        {"{\"again_after\":\"30s\"}", CONTRACT_OK, "{\"again_after\":\"30s\"}"},
        {"{\"again_after\":\"soon\"}", CONTRACT_FAULTY, "control.again_after"},
        {"{\"again_after\":\"1s\",\"prune\":true}", CONTRACT_FAULTY, "stands alone"},
        {"{\"more_items\":3}", CONTRACT_FAULTY, "control.more_items"},
        {"{\"prun\":true}", CONTRACT_FAULTY, "prune"},
        {"[]", CONTRACT_FAULTY, "CONTROL_INVALID: "},
        {"{", CONTRACT_FAULTY, "CONTROL_INVALID: control.json is no JSON"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[200];
        char control[200];
        char error[CONTRACT_ERROR_BYTES] = "";
        struct contract_result_files files = {.has_control = true,
                                              .control = span_of(cases[i].text)};

        assert_int_equal(judge_all("{\"image\":\"oci:b\"}", &files, json, control, error),
                         cases[i].result);
        if (cases[i].result == CONTRACT_OK) {
            assert_string_equal(control, cases[i].control);
        } else {
            assert_non_null(strstr(error, cases[i].control));
        }
    }
}

static void the_cache_gives_what_was_asked(void **state)
{
    struct contract_cache cache = {0};
    char error[CONTRACT_ERROR_BYTES];
    struct wire_spec spec = spec_of("{\"image\":\"oci:b\",\"command\":[\"a\"]}");
    struct contract *first = contract_cache_get(&cache, &spec, error);

    (void)state;
    assert_non_null(first);
    assert_string_equal(first->args[0], "a"); /* made once: it uses no names */
    assert_ptr_equal(contract_cache_get(&cache, &spec, error), first);
    contract_use(first); /* an attempt keeps it while the cache moves on */
    spec.definition = span_of("{\"image\":\"oci:b\",\"command\":[\"b\"]}");
    struct contract *second = contract_cache_get(&cache, &spec, error);

    assert_non_null(second);
    assert_string_equal(second->args[0], "b");
    assert_string_equal(first->args[0], "a");
    contract_release(first);
    spec.definition = span_of("{");
    assert_null(contract_cache_get(&cache, &spec, error));
    contract_cache_release(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_and_environment),
        cmocka_unit_test(a_plain_satellite_has_no_index_in_its_path),
        cmocka_unit_test(whole_values_by_reference_are_holes),
        cmocka_unit_test(values_looked_into_are_wanted_first),
        cmocka_unit_test(plans_are_refused),
        cmocka_unit_test(a_failed_fetch_is_told),
        cmocka_unit_test(a_dry_plan_has_arguments_only),
        cmocka_unit_test(definitions_are_refused),
        cmocka_unit_test(outputs_are_judged),
        cmocka_unit_test(deep_and_large_outputs_are_faulty),
        cmocka_unit_test(control_files_are_judged),
        cmocka_unit_test(the_cache_gives_what_was_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
