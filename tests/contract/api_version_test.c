/* api: stored clusters and satellites: put, read, listed, hidden, started, used. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/api_trial.h"

#define STEP(name, image) "{\"name\":\"" name "\",\"image\":\"oci:" image "\"}"
#define CLUSTER(name, image) "{\"name\":\"" name "\",\"satellites\":[" STEP("a", image) "]}"
#define TOOL                                                                                       \
    "{\"name\":\"t/s\",\"inputs\":{\"n\":{\"type\":\"int\",\"required\":true}},\"image\":"         \
    "\"oci:tool\",\"command\":[\"run\",\"${{ input.n }}\"]}"
#define USER                                                                                       \
    "{\"name\":\"p/user\",\"satellites\":[{\"name\":\"a\",\"uses\":\"satellite/t/s\",\"input\":{"  \
    "\"n\":7}}]}"

static int setup(void **state)
{
    *state = api_trial_open(NULL, true);
    return 0;
}

static int teardown(void **state)
{
    api_trial_close(*state);
    return 0;
}

static void put(struct api_trial *t, const char *path, const char *body, int status,
                const char *detail)
{
    api_expect(t, "PUT", path, body, status, detail);
}

/* Asks with one header more. */
static void expect_with(struct api_trial *t, const char *method, const char *body,
                        const char *header, int status)
{
    struct http_header sent = {.value = strchr(header, ' ') + 1};
    const struct http_call_options options = {
        .body = span_of(body), .headers = &sent, .header_count = 1};
    char name[40];

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(header, ":"), header);
    sent.name = name;
    struct api_ask *ask = api_send(t, method, "/v1/clusters/p/one", &options, false);

    api_end(t, ask);
    if (ask->status != status) {
        fail_msg("%s %s: %d %s, wanted %d", method, header, ask->status, api_body(ask), status);
    }
    api_free(t, ask);
}

static void test_put_and_read(void **state)
{
    struct api_trial *t = *state;
    struct http_call_options options = {
        .body = span_of("{\"cluster\":" CLUSTER("p/one", "x") ",\"message\":\"first\",\"actor\":"
                                                              "\"ada\"}")};
    struct api_ask *ask = api_send(t, "PUT", "/v1/clusters/p/one", &options, false);

    api_end(t, ask);
    assert_int_equal(ask->status, 201);
    assert_string_equal(ask->location, "/v1/clusters/p/one/versions/1");
    assert_non_null(strstr(api_body(ask), "\"version\":1,\"newest_version\":1,\"is_deleted\":false,"
                                          "\"digest\":\"sha256:"));
    assert_non_null(strstr(api_body(ask), "\"actor\":\"ada\",\"message\":\"first\""));
    assert_non_null(strstr(api_body(ask),
                           "\"definition\":{\"exosphere\":\"v1\",\"cluster\":{\"name\":"
                           "\"p/one\",\"satellites\":[{\"name\":\"a\",\"needs\":[],\"image\":"
                           "\"oci:x\"}]}}"));
    api_free(t, ask);
    /* The same in other words: a file's text, the name left out. */
    put(t, "/v1/clusters/p/one",
        "{\"cluster\":\"exosphere: v1\\ncluster:\\n  satellites:\\n    - {image: 'oci:x', needs: "
        "[], "
        "name: a}\\n\"}",
        200, "\"version\":1,");
    put(t, "/v1/clusters/p/one", "{\"cluster\":" CLUSTER("p/one", "y") "}", 201, "\"version\":2,");
    api_expect(t, "GET", "/v1/clusters/p/one", NULL, 200, "\"version\":2,");
    api_expect(t, "GET", "/v1/clusters/p/one/versions/1", NULL, 200, "oci:x");
    api_expect(t, "GET", "/v1/clusters/p/one/versions/latest", NULL, 200, "oci:y");
    api_expect(t, "GET", "/v1/clusters/p/one/versions/3", NULL, 404, "has no version 3");
    api_expect(t, "GET", "/v1/clusters/p/one/versions/x", NULL, 404, "whole number");
    api_expect(t, "GET", "/v1/clusters/p/two", NULL, 404, "there is no cluster p/two");
    api_expect(t, "GET", "/v1/satellites/p/one", NULL, 404, "there is no satellite p/one");
}

static void test_refused(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *detail;
    } cases[] = {
        {"{", 400, "line 1"},
        {"[]", 422, "must be a map"},
        {"{}", 422, "the body has no `cluster`"},
        {"{\"cluster\":3}", 422, "must be a map or a string"},
        {"{\"satellite\":" TOOL "}", 422, "`satellite` does not belong here"},
        {"{\"cluster\":" CLUSTER("q/one", "x") "}", 422, "names the project `q`"},
        {"{\"cluster\":" CLUSTER("p/two", "x") "}", 422, "named `two`, but the path says `one`"},
        {"{\"cluster\":" CLUSTER("p/one", "x") ",\"expected_version\":-1}", 422, "or 0"},
        {"{\"cluster\":" CLUSTER("p/one", "x") ",\"expected_version\":3}", 409, "there is no"},
        {"{\"cluster\":\"exosphere: v1\\ncluster: [\"}", 422, "\"line\":"},
        {"{\"cluster\":\"cluster: {}\"}", 422, "`exosphere` is missing"},
        {"{\"cluster\":{\"satellites\":[{\"name\":\"a\",\"uses\":\"satellite/t/none\"}]}}", 422,
         "satellite/t/none: the store has none of this name"},
        {"{\"cluster\":{\"satellites\":[{\"name\":\"a\",\"uses\":\"t/none\"}]}}", 422,
         "names no stored satellite"},
    };
    struct api_trial *t = *state;
    char body[1200];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put(t, "/v1/clusters/p/one", cases[i].body, cases[i].status, cases[i].detail);
    }
    put(t, "/v1/clusters/P/one", "{\"cluster\":" CLUSTER("p/one", "x") "}", 400, "a-z");
    (void)snprintf(body, sizeof(body), "{\"cluster\":%s,\"message\":\"%01001d\"}",
                   CLUSTER("p/one", "x"), 0);
    put(t, "/v1/clusters/p/one", body, 422, "more than the limit of 1000");
    api_expect(t, "GET", "/v1/clusters", NULL, 200, "\"clusters\":[]");
}

static void test_faults_all_at_once(void **state)
{
    struct api_trial *t = *state;
    const struct http_call_options options = {
        .body = span_of("{\"cluster\": {\"sla\": 1,\n \"satellites\": [{\"name\": \"a\", \"uses\": "
                        "\"satellite/t/none@3\"},\n {\"name\": \"b\", \"nedds\": []}]},\n "
                        "\"mesage\": \"x\"}")};
    struct api_ask *ask = api_send(t, "PUT", "/v1/clusters/p/one", &options, false);

    api_end(t, ask);
    assert_int_equal(ask->status, 422);
    assert_non_null(strstr(api_body(ask), "\"path\":\"mesage\""));
    assert_non_null(strstr(api_body(ask), "\"path\":\"cluster.sla\""));
    assert_non_null(strstr(api_body(ask), "\"path\":\"cluster.satellites[0].uses\",\"line\":2"));
    assert_non_null(strstr(api_body(ask), "\"path\":\"cluster.satellites[1].nedds\""));
    assert_non_null(strstr(api_body(ask), "\"path\":\"cluster.satellites[1].image\""));
    api_free(t, ask);
}

static void test_expectations(void **state)
{
    static const char x[] = "{\"cluster\":" CLUSTER("p/one", "x") "}";
    static const char y[] = "{\"cluster\":" CLUSTER("p/one", "y") "}";
    struct api_trial *t = *state;

    expect_with(t, "PUT", x, "If-Match: *x", 400);
    expect_with(t, "PUT", x, "If-Match: \"1\"", 412);
    expect_with(t, "PUT", x, "If-None-Match: *", 201);
    expect_with(t, "PUT", y, "If-None-Match: *", 412);
    expect_with(t, "PUT", y, "If-Match: \"2\"", 412);
    expect_with(t, "PUT", y, "If-Match: \"1\"", 201);
    expect_with(t, "PUT", "{\"cluster\":" CLUSTER("p/one", "z") ",\"expected_version\":1}",
                "If-Match: \"2\"", 400);
    put(t, "/v1/clusters/p/one", "{\"cluster\":" CLUSTER("p/one", "z") ",\"expected_version\":1}",
        409, "the newest version of the cluster p/one is 2, not 1");
    expect_with(t, "DELETE", NULL, "If-Match: \"1\"", 412);
    expect_with(t, "DELETE", NULL, "If-Match: \"2\"", 204);
}

/* They are stored as versions are, which nobody needs to know. */
static void test_expected_project(void **state)
{
    struct api_trial *t = *state;
    const struct http_header match = {"If-Match", "\"7\""};
    const struct http_call_options options = {
        .body = span_of("{}"), .headers = &match, .header_count = 1};
    struct api_ask *ask = api_send(t, "PUT", "/v1/projects/p", &options, false);

    api_end(t, ask);
    assert_int_equal(ask->status, 412);
    assert_non_null(
        strstr(api_body(ask), "there is no setting of the project p, version 7 was expected"));
    api_free(t, ask);
}

static void test_lists(void **state)
{
    struct api_trial *t = *state;

    put(t, "/v1/clusters/p/b", "{\"cluster\":" CLUSTER("b", "x") "}", 201, NULL);
    put(t, "/v1/clusters/p/a", "{\"cluster\":" CLUSTER("a", "x") "}", 201, NULL);
    put(t, "/v1/clusters/q/c", "{\"cluster\":" CLUSTER("c", "x") "}", 201, NULL);
    put(t, "/v1/clusters/q/c", "{\"cluster\":" CLUSTER("c", "y") "}", 201, NULL);
    api_expect(t, "GET", "/v1/clusters?limit=2", NULL, 200, "\"next_cursor\":\"p/b\"");
    api_expect(t, "GET", "/v1/clusters?limit=2&cursor=p/b", NULL, 200,
               "\"name\":\"c\",\"version\":2");
    api_expect(t, "GET", "/v1/clusters?limit=2&cursor=p/b", NULL, 200, "\"next_cursor\":null");
    api_expect(t, "GET", "/v1/clusters?project=q", NULL, 200,
               "{\"clusters\":[{\"kind\":\"cluster\","
               "\"project\":\"q\"");
    api_expect(t, "GET", "/v1/clusters/q/c/versions?limit=1", NULL, 200, "\"next_cursor\":\"2\"");
    api_expect(t, "GET", "/v1/clusters/q/c/versions?limit=1&cursor=2", NULL, 200, "\"version\":1,");
    api_expect(t, "GET", "/v1/clusters/q/d/versions", NULL, 404, "there is no cluster q/d");
    api_expect(t, "GET", "/v1/clusters?limit=0", NULL, 400, "limit");
    api_expect(t, "GET", "/v1/clusters?cursor=c", NULL, 400, "cursor");
    api_expect(t, "GET", "/v1/clusters?name=c", NULL, 400, "only");
    api_expect(t, "GET", "/v1/clusters/q/c/versions?project=q", NULL, 400, "only");
    api_expect(t, "GET", "/v1/satellites", NULL, 200, "{\"satellites\":[],\"next_cursor\":null}");
}

static void test_started_by_name(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask;

    put(t, "/v1/clusters/p/one", "{\"cluster\":" CLUSTER("one", "x") "}", 201, NULL);
    put(t, "/v1/clusters/p/one", "{\"cluster\":" CLUSTER("one", "y") "}", 201, NULL);
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":\"p/one@1\"}");
    assert_int_equal(ask->status, 200);
    assert_non_null(strstr(api_body(ask), "\"cluster\":\"p/one\",\"cluster_version\":1,"));
    api_free(t, ask);
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":\"one\",\"project\":\"p\"}");
    assert_non_null(strstr(api_body(ask), "\"cluster_version\":2,"));
    api_free(t, ask);
    /* One that was sent whole has a version when its text has one. */
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":" CLUSTER("p/one", "y") "}");
    assert_non_null(strstr(api_body(ask), "\"cluster_version\":2,"));
    api_free(t, ask);
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":" CLUSTER("p/one", "z") "}");
    assert_non_null(strstr(api_body(ask), "\"cluster_version\":null,"));
    api_free(t, ask);
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":\"p/one@3\"}", 422, "no such version");
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":\"p/two\"}", 422, "none of this name");
    api_expect(t, "DELETE", "/v1/clusters/p/one", NULL, 204, NULL);
    api_expect(t, "DELETE", "/v1/clusters/p/one", NULL, 404, "there is no cluster p/one");
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":\"p/one@1\"}", 422, "it was deleted");
    api_expect(t, "GET", "/v1/clusters/p/one", NULL, 404, "/v1/clusters/p/one/versions");
    api_expect(t, "GET", "/v1/clusters/p/one/versions", NULL, 200, "\"is_deleted\":true");
    api_expect(t, "GET", "/v1/clusters/p/one/versions/2", NULL, 200, "oci:y");
}

static bool act_tell_spec(void *context, const struct wire_spec *spec, const struct wire_task *task,
                          struct wire_report *report)
{
    struct api_trial *t = context;

    (void)task;
    (void)snprintf(t->reply, sizeof(t->reply), "%.*s", SPAN_ARG(spec->definition));
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = span_of(t->reply);
    return true;
}

static void test_uses(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask;

    t->act = act_tell_spec;
    t->act_context = t;
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":" USER "}", 422, "none of this name");
    put(t, "/v1/satellites/t/s", "{\"satellite\":" TOOL "}", 201, "\"kind\":\"satellite\"");
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":" USER "}");
    assert_int_equal(ask->status, 200);
    assert_non_null(strstr(api_body(ask), "\"uses\":\"satellite/t/s@1\""));
    /* What the worker was given. */
    assert_non_null(
        strstr(api_body(ask), "\"image\":\"oci:tool\",\"command\":[\"run\",\"${{ (7) }}\"]"));
    assert_non_null(strstr(api_body(ask), "\"input\":{\"n\":7}"));
    api_free(t, ask);
    api_expect(t, "POST", "/v1/validate", "{\"cluster\":" USER "}", 200,
               "\"uses\":\"satellite/t/s@1\"");
    api_expect(
        t, "POST", "/v1/validate",
        "{\"cluster\":{\"name\":\"p/u\",\"satellites\":[{\"name\":\"a\",\"uses\":\"satellite/"
        "t/s\",\"input\":{\"n\":\"x\"}}]}}",
        200, "must be an int");
    api_expect(
        t, "POST", "/v1/validate",
        "{\"cluster\":\"exosphere: v1\\ncluster:\\n  name: p/u\\n  satellites:\\n    - {name: "
        "a, uses: satellite/t/s@2}\\n\"}",
        200, "\"path\":\"cluster.satellites[0].uses\",\"line\":5");
    /* A stored cluster keeps the version it was put with. */
    put(t, "/v1/clusters/p/user", "{\"cluster\":" USER "}", 201, "satellite/t/s@1");
    put(t, "/v1/satellites/t/s",
        "{\"satellite\":{\"name\":\"t/s\",\"image\":\"oci:newer\",\"command\":[\"x\"]}}", 201,
        "\"version\":2,");
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":\"p/user\"}");
    assert_non_null(strstr(api_body(ask), "oci:tool"));
    api_free(t, ask);
    put(t, "/v1/clusters/p/user", "{\"cluster\":" USER "}", 201, "satellite/t/s@2");
    ask = api_post(t, "/v1/executions?wait=20s", "{\"cluster\":\"p/user@latest\"}");
    assert_non_null(strstr(api_body(ask), "oci:newer"));
    api_free(t, ask);
}

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Tells with which digest a task was to start; the first start finds A, a later one of the same
 * image would find B. */
static bool act_pin(void *context, const struct wire_spec *spec, const struct wire_task *task,
                    struct wire_report *report)
{
    struct api_trial *t = context;
    size_t used = strlen(t->reply);

    (void)snprintf(t->reply + used, sizeof(t->reply) - used, "%.*s.%u=%.*s;",
                   SPAN_ARG(spec->satellite), task->attempt, SPAN_ARG(spec->image_digest));
    bool is_first = span_is(spec->satellite, "a") && task->attempt == 1;

    report->image_digest = span_of(is_first ? DIGEST_A : DIGEST_B);
    report->outcome = is_first ? OUTCOME_FAILED : OUTCOME_SUCCEEDED;
    report->exit_status = is_first;
    return true;
}

static void test_images_stay_at_their_first_digest(void **state)
{
    struct api_trial *t = *state;
    const char *id;

    t->act = act_pin;
    t->act_context = t;
    t->reply[0] = '\0';
    id =
        api_submit(t, "{\"cluster\":{\"name\":\"p/pin\",\"satellites\":[{\"name\":\"a\",\"image\":"
                      "\"oci:x\",\"retries\":{\"limit\":1,\"base\":\"1ms\",\"cap\":\"1ms\"}}," STEP(
                          "b", "x") "," STEP("c", "y") "]}}");
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"SUCCEEDED\"");
    assert_string_equal(t->reply, "a.1=;a.2=" DIGEST_A ";b.1=" DIGEST_A ";c.1=;");
}

static void test_lines_and_keys(void **state)
{
    struct api_trial *t = *state;
    static const struct http_header type = {"Content-Type", "application/x-ndjson"};
    const struct http_call_options options = {
        .body = span_of("{\"cluster\":\"p/one\"}\n{\"cluster\":" CLUSTER(
            "p/x", "x") "}\n"
                        "{\"cluster\":\"p/none\"}\n"),
        .headers = &type,
        .header_count = 1};

    put(t, "/v1/clusters/p/one", "{\"cluster\":" CLUSTER("one", "x") "}", 201, NULL);
    struct api_ask *ask = api_send(t, "POST", "/v1/executions", &options, false);

    api_end(t, ask);
    assert_int_equal(ask->status, 200);
    assert_non_null(strstr(api_body(ask), "{\"line\":1,\"status\":202"));
    assert_non_null(strstr(api_body(ask), "{\"line\":2,\"status\":202"));
    assert_non_null(strstr(api_body(ask), "{\"line\":3,\"status\":422"));
    api_free(t, ask);
    /* A repeat is the same submission, though there is a newer version by then. */
    const char *first = api_submit(t, "{\"cluster\":\"p/one\",\"idempotency_key\":\"k\"}");

    put(t, "/v1/clusters/p/one", "{\"cluster\":" CLUSTER("one", "y") "}", 201, NULL);
    assert_string_equal(api_submit(t, "{\"cluster\":\"p/one\",\"idempotency_key\":\"k\"}"), first);
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":\"p/one@2\",\"idempotency_key\":\"k\"}",
               409, "another submission");
    api_ended(t, first);
    api_expect(t, "GET", api_path(t, first, ""), NULL, 200, "\"cluster_version\":1,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_all_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expectations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_expected_project, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_started_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_images_stay_at_their_first_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_and_keys, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
