/* api: what people ask of an execution while it runs, and that what does not fit changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
#define CLUSTER(satellites) "{\"cluster\":{\"name\":\"p/c\",\"satellites\":[" satellites "]}}"
#define WAIT(name, what) "{\"name\":\"" name "\",\"wait\":{" what "}}"
#define UNKNOWN "00000000-0000-7000-8000-000000000000"

/* `hang` never ends by itself; `flaky` fails at its first try. */
static bool act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                struct wire_report *report)
{
    size_t bytes = spec->satellite.bytes;

    (void)context;
    if (bytes >= 4 && memcmp((const char *)spec->satellite.data + bytes - 4, "hang", 4) == 0) {
        return false;
    }
    if (span_is(spec->satellite, "flaky") && task->attempt == 1) {
        report->outcome = OUTCOME_FAILED;
        report->exit_status = 1;
        report->error = span_of("EXIT: exit status 1");
        return true;
    }
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = spec->is_map ? task->item : span_of("{\"n\":1}");
    return true;
}

static int setup(void **state)
{
    struct api_trial *t = api_trial_open(NULL, true);

    t->act = act;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    api_trial_close(*state);
    return 0;
}

/* Submits, and waits until a task is in a state. */
static const char *submit_until(struct api_trial *t, const char *body, const char *task,
                                const char *task_state)
{
    const char *id = api_submit(t, body);
    char path[64];
    char wanted[64];

    (void)snprintf(path, sizeof(path), "/tasks/%s", task);
    (void)snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", task_state);
    api_until_says(t, api_path(t, id, path), wanted);
    return id;
}

static void ask(struct api_trial *t, const char *id, const char *rest, const char *body, int status,
                const char *says)
{
    api_expect(t, "POST", api_path(t, id, rest), body, status, says);
}

static void test_pause(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_until(t, CLUSTER(SATELLITE("hang", "") "," SATELLITE("next", "")),
                                  "hang", "RUNNING");

    ask(t, id, "/resume", "", 200, "\"state\":\"RUNNING\"");
    ask(t, id, "/pause", "{\"reason\":\"lunch\"}", 202, "\"command\":\"");
    api_until_says(t, api_path(t, id, ""), "\"state\":\"PAUSED\"");
    ask(t, id, "/pause", "", 200, "\"state\":\"PAUSED\"");
    /* What runs goes on, nothing begins. */
    ask(t, id, "/tasks/hang/skip", "", 202, "\"task\":\"hang\"");
    api_until_says(t, api_path(t, id, "/tasks/next"), "\"state\":\"READY\"");
    api_until_says(t, api_path(t, id, "/explain"), "nothing begins until it is resumed");
    ask(t, id, "/resume", "", 202, id);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"SUCCEEDED\"");
    ask(t, id, "/pause", "", 409, "already ended: SUCCEEDED");
    ask(t, id, "/resume", "", 409, "already ended: SUCCEEDED");
}

static void test_wrong_requests(void **state)
{
    static const struct {
        const char *rest;
        const char *body;
        int status;
        const char *says;
    } cases[] = {
        {"/pause", "{", 400, "no JSON"},
        {"/pause", "{\"why\":1}", 422, "may hold reason"},
        {"/pause", "{\"w.y\":1}", 422, "\"path\":\"[\\\"w.y\\\"]\""},
        {"/resume", "[]", 422, "JSON object"},
        {"/signals/none", "1", 404, "no satellite of the cluster waits for a signal `none`"},
        {"/tasks/hang/cancel", "{\"reason\":7}", 422, "reason"},
        {"/tasks/none/cancel", "", 404, "names no satellite"},
        {"/tasks/none.1.x/skip", "", 404, "names no satellite"},
        {"/tasks/hang/approve", "", 409, "nobody is asked to approve it"},
        {"/tasks/hang/reject", "{\"reason\":\"x\"}", 422, "may hold comment, actor"},
        {"/tasks/hang/retry", "{\"output\":1}", 422, "may hold reason"},
        {"/tasks/next/retry", "", 409, "`next` is WAITING"},
        {"/tasks/next/skip", "{}", 409, "has not begun"},
        {"/tasks/hang/skip", "{\"output\":1e999}", 400, "no JSON"},
    };
    struct api_trial *t = *state;
    const char *id = submit_until(t, CLUSTER(SATELLITE("hang", "") "," SATELLITE("next", "")),
                                  "hang", "RUNNING");
    struct api_ask *before = api_get(t, api_path(t, id, ""));

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ask(t, id, cases[i].rest, cases[i].body, cases[i].status, cases[i].says);
        if (cases[i].status != 404) {
            ask(t, UNKNOWN, cases[i].rest, "{\"", 400, NULL); /* the body comes first */
        }
    }
    ask(t, UNKNOWN, "/pause", "", 404, "no execution");
    ask(t, UNKNOWN, "/tasks/a/cancel", "", 404, "no execution");
    ask(t, "nonsense", "/resume", "", 404, "36 characters");
    api_expect(t, "PATCH", api_path(t, id, ""), "{\"priority\":10}", 422, "0 to 9");
    api_expect(t, "PATCH", api_path(t, id, ""), "", 422, "does not say which");
    api_expect(t, "PATCH", api_path(t, UNKNOWN, ""), "{\"priority\":1}", 404, "no execution");
    const struct http_header header = {"Idempotency-Key", ""};
    struct http_call_options options = {.headers = &header, .header_count = 1};
    struct api_ask *empty = api_send(t, "POST", api_path(t, id, "/pause"), &options, false);

    api_end(t, empty);
    assert_int_equal(empty->status, 400);
    api_free(t, empty);
    /* Nothing of that changed anything. */
    struct api_ask *after = api_get(t, api_path(t, id, ""));

    assert_string_equal(api_body(before), api_body(after));
    api_free(t, before);
    api_free(t, after);
}

static void test_signal(void **state)
{
    struct api_trial *t = *state;
    const char *body = CLUSTER(SATELLITE("hang", "") "," WAIT("go", "\"signal\":\"start\""));
    const char *id = submit_until(t, body, "hang", "RUNNING");

    /* It is kept until somebody waits for it. */
    ask(t, id, "/signals/start", "{\"by\": [1, 2]}", 202, "\"state\":\"RUNNING\"");
    ask(t, id, "/tasks/hang/skip", "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"output\":{\"go\":{\"by\":[1,2]}}");
    ask(t, id, "/signals/start", "", 409, "already ended");
    /* It ends the wait that is there. */
    id = submit_until(t, CLUSTER(WAIT("go", "\"signal\":\"start\"")), "go", "RUNNING");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200, "waits for the signal `start`");
    ask(t, id, "/signals/start", "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"output\":{\"go\":null}");
}

static void signal_with_key(struct api_trial *t, const char *id, const char *key)
{
    const struct http_header header = {"Idempotency-Key", key};
    struct http_call_options options = {.headers = &header, .header_count = 1};
    struct api_ask *one = api_send(t, "POST", api_path(t, id, "/signals/start"), &options, false);

    api_end(t, one);
    assert_int_equal(one->status, 202);
    api_free(t, one);
}

/* Two runs wait for the same signal; one that is sent three times ends one of them. */
static void test_signal_sent_again(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_until(
        t,
        CLUSTER("{\"name\":\"page\",\"for_each\":\"${{ [1,2] }}\",\"satellites\":[" WAIT(
            "go", "\"signal\":\"start\"") "]}"),
        "page.1.go", "RUNNING");

    for (int i = 0; i < 3; i++) {
        signal_with_key(t, id, "one");
    }
    api_until_says(t, api_path(t, id, "/tasks/page.0.go"), "\"state\":\"SUCCEEDED\"");
    ask(t, id, "/pause", "", 202, NULL); /* behind them in the log */
    api_until_says(t, api_path(t, id, ""), "\"state\":\"PAUSED\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.1.go"), NULL, 200, "\"state\":\"RUNNING\"");
    signal_with_key(t, id, "two");
    api_until_says(t, api_path(t, id, "/tasks/page.1.go"), "\"state\":\"SUCCEEDED\"");
}

static void test_large_signal(void **state)
{
    static char body[80 << 10];
    struct api_trial *t = *state;
    const char *id = submit_until(t, CLUSTER(WAIT("go", "\"signal\":\"start\"")), "go", "RUNNING");

    memset(body, 'x', sizeof(body) - 1);
    body[0] = body[sizeof(body) - 2] = '"';
    ask(t, id, "/signals/start", body, 422, "64 KiB");
    api_expect(t, "GET", api_path(t, id, "/tasks/go"), NULL, 200, "\"state\":\"RUNNING\"");
    ask(t, id, "/cancel", "", 202, NULL);
    api_ended(t, id);
}

static void test_approval(void **state)
{
    struct api_trial *t = *state;
    const char *body = CLUSTER(WAIT("ok", "\"approval\":\"Good?\"") "," SATELLITE("hang", ""));
    const char *id = submit_until(t, body, "ok", "RUNNING");

    ask(t, id, "/tasks/ok/approve", "{\"comment\":\"fine\",\"actor\":\"ada\"}", 202,
        "\"task\":\"ok\"");
    api_until_says(t, api_path(t, id, "/tasks/ok"),
                   "\"output\":{\"approved_by\":\"ada\",\"comment\":\"fine\"}");
    ask(t, id, "/tasks/ok/approve", "", 200, "\"state\":\"SUCCEEDED\"");
    ask(t, id, "/tasks/ok/reject", "", 409, "decided already");
    id = submit_until(t, body, "ok", "RUNNING");
    ask(t, id, "/tasks/ok/reject", "{\"comment\":\"not today\"}", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200,
               "\"error\":\"ok: REJECTED: by anonymous: not today\"");
    ask(t, id, "/tasks/ok/reject", "", 200, "\"state\":\"FAILED\"");
    ask(t, id, "/tasks/ok/approve", "", 409, "decided already");
    id = submit_until(t, body, "ok", "RUNNING");
    ask(t, id, "/tasks/ok/approve", "", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/ok"), "\"approved_by\":\"anonymous\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/ok"), NULL, 200, "\"kind\":\"wait\"");
}

static void test_retry(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_until(
        t, CLUSTER(SATELLITE("flaky", ",\"retries\":{\"limit\":2,\"base\":\"1h\",\"cap\":\"2h\"}")),
        "flaky", "BACKOFF");

    ask(t, id, "/tasks/flaky/retry", "{\"reason\":\"mended\"}", 202, "\"task\":\"flaky\"");
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, "/tasks/flaky"), NULL, 200,
               "\"state\":\"SUCCEEDED\",\"attempt\":2,\"failures\":1");
    ask(t, id, "/tasks/flaky/retry", "", 409, "only a task in BACKOFF");
    id = submit_until(t, CLUSTER(SATELLITE("hang", "")), "hang", "RUNNING");
    ask(t, id, "/tasks/hang/retry", "", 200, "\"state\":\"RUNNING\""); /* it is being tried */
}

static void test_skip(void **state)
{
    struct api_trial *t = *state;
    const char *body = CLUSTER(SATELLITE("hang", "") "," SATELLITE(
        "last_hang", ",\"needs\":[],\"class\":"
                     "\"nobody\"") "," SATELLITE("end_hang", ",\"output_schema\":{\"required\":["
                                                             "\"n\"],\"type\":\"object\"}"));
    const char *id = submit_until(t, body, "hang", "RUNNING");

    ask(t, id, "/tasks/hang/skip", "{\"output\":{\"n\": 7},\"reason\":\"known\"}", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/hang"), "\"state\":\"SUCCEEDED\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/hang"), NULL, 200, "\"output\":{\"n\":7}");
    ask(t, id, "/tasks/hang/skip", "{\"output\":{\"n\":7}}", 200, "\"state\":\"SUCCEEDED\"");
    ask(t, id, "/tasks/hang/skip", "{\"output\":{\"n\":8}}", 409, "another result");
    ask(t, id, "/tasks/hang/skip", "", 409, "another result");
    /* One that no worker can run. */
    ask(t, id, "/tasks/last_hang/skip", "{\"output\":\"by hand\"}", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/last_hang"), "\"output\":\"by hand\"");
    api_until_says(t, api_path(t, id, "/tasks/end_hang"), "\"state\":\"RUNNING\"");
    /* What is given by hand must be what was promised. */
    ask(t, id, "/tasks/end_hang/skip", "", 422, "output_schema");
    ask(t, id, "/tasks/end_hang/skip", "{\"output\":{\"m\":1}}", 422, "output");
    api_expect(t, "GET", api_path(t, id, "/tasks/end_hang"), NULL, 200, "\"state\":\"RUNNING\"");
    ask(t, id, "/tasks/end_hang/skip", "{\"output\":{\"n\":1}}", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"SUCCEEDED\"");
}

/* What is final outlives a cancel of its execution, and is then ended by itself. */
static void test_finals(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_until(
        t, CLUSTER(SATELLITE("hang", "") "," SATELLITE("tidy_hang", ",\"final\":true")), "hang",
        "RUNNING");

    ask(t, id, "/cancel", "{\"reason\":\"enough\"}", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/tidy_hang"), "\"state\":\"RUNNING\"");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200,
               "\"summary\":\"the execution is being ended (`enough`); tidy_hang: attempt 1 runs");
    ask(t, id, "/pause", "", 409, "being ended");
    ask(t, id, "/tasks/hang/cancel", "", 200, "\"state\":\"CANCELLED\"");
    ask(t, id, "/tasks/tidy_hang/cancel", "", 202, "\"task\":\"tidy_hang\"");
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"CANCELLED\"");
}

static void test_cancel_parts(void **state)
{
    struct api_trial *t = *state;
    const char *body = CLUSTER(SATELLITE(
        "many_hang",
        ",\"for_each\":\"${{ [1,2] "
        "}}\",\"continue_on_error\":true") "," SATELLITE("hang",
                                                         ",\"needs\":[],\"continue_on_error\":"
                                                         "true") "," SATELLITE("end",
                                                                               ",\"needs\":["
                                                                               "\"many_hang\","
                                                                               "\"hang\"]"));
    const char *id = submit_until(t, body, "many_hang.1", "RUNNING");

    ask(t, id, "/tasks/many_hang.1/cancel", "{\"reason\":\"slow\"}", 202,
        "\"task\":\"many_hang.1\"");
    api_until_says(t, api_path(t, id, "/tasks/many_hang.1"), "\"state\":\"CANCELLED\"");
    /* Of the task, not of the map, which goes on. */
    ask(t, id, "/tasks/many_hang.1/cancel", "", 200, "\"state\":\"CANCELLED\"");
    ask(t, id, "/tasks/many_hang.1/skip", "", 409, "`many_hang.1` is CANCELLED");
    ask(t, id, "/tasks/many_hang.7/cancel", "", 404, "2 tasks so far");
    ask(t, id, "/tasks/many_hang/skip", "", 409, "name one of its tasks");
    ask(t, id, "/tasks/many_hang/cancel", "", 202, "\"task\":\"many_hang\"");
    api_until_says(t, api_path(t, id, "/tasks/many_hang.0"), "\"state\":\"CANCELLED\"");
    ask(t, id, "/tasks/hang/cancel", "", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/hang"), "\"state\":\"CANCELLED\"");
    api_ended(t, id);
}

static void test_inside_groups(void **state)
{
    struct api_trial *t = *state;
    const char *body =
        CLUSTER("{\"name\":\"page\",\"for_each\":\"${{ [1,2] }}\",\"satellites\":[" SATELLITE(
            "hang", "") "," WAIT("ok", "\"approval\":true") "," WAIT("go",
                                                                     "\"signal\":\"start\"") "]}");
    const char *id = submit_until(t, body, "page.0", "RUNNING");

    api_until_says(t, api_path(t, id, "/tasks/page.1.hang"), "\"state\":\"RUNNING\"");
    ask(t, id, "/tasks/page/skip", "", 409, "name one of its tasks");
    ask(t, id, "/tasks/page.1.hang/skip", "{\"output\":1}", 202, "\"task\":\"page.1.hang\"");
    api_until_says(t, api_path(t, id, "/tasks/page.1.ok"), "\"state\":\"RUNNING\"");
    api_until_says(t, api_path(t, id, "/explain"), "\"satellite\":\"page.1.ok\"");
    ask(t, id, "/tasks/page.0.ok/approve", "", 409, "nobody is asked yet");
    ask(t, id, "/tasks/page.1.ok/approve", "", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/page.1.go"), "\"state\":\"RUNNING\"");
    ask(t, id, "/signals/start", "7", 202, NULL);
    api_until_says(t, api_path(t, id, "/tasks/page.1"), "\"output\":{\"go\":7}");
    ask(t, id, "/tasks/page.0/cancel", "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.hang"), NULL, 200,
               "\"state\":\"CANCELLED\"");
}

static void test_priority(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_until(t, CLUSTER(SATELLITE("hang", "")), "hang", "RUNNING");

    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"priority\":5");
    api_expect(t, "PATCH", api_path(t, id, ""), "{\"priority\":9}", 202, id);
    api_until_says(t, api_path(t, id, ""), "\"priority\":9");
    api_expect(t, "PATCH", api_path(t, id, ""), "{\"priority\":9}", 200, "\"priority\":9");
    ask(t, id, "/cancel", "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "PATCH", api_path(t, id, ""), "{\"priority\":1}", 409, "already ended");
}

static void test_answer(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_until(t, CLUSTER(SATELLITE("hang", "")), "hang", "RUNNING");
    const struct http_header header = {"Idempotency-Key", "my-own-key"};
    struct http_call_options options = {.headers = &header, .header_count = 1};
    struct api_ask *one =
        api_send(t, "POST", api_path(t, id, "/tasks/hang/cancel"), &options, false);

    api_end(t, one);
    struct value answer = api_value(t, one);

    assert_int_equal(one->status, 202);
    assert_string_equal(one->location, api_path(t, id, "/tasks/hang"));
    assert_string_equal(api_text(t, &answer, "command"), "my-own-key");
    assert_string_equal(api_text(t, &answer, "id"), id);
    assert_string_equal(api_text(t, &answer, "state"), "RUNNING");
    api_free(t, one);
    api_ended(t, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signal_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_approval, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_skip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_finals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_inside_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_priority, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
