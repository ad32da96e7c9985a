/* api: submissions, one and many, good and bad. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/api_trial.h"

#define ONE                                                                                        \
    "{\"name\":\"p/"                                                                               \
    "one\",\"satellites\":[{\"name\":\"a\",\"image\":\"oci:x\",\"command\":[\"a\"]}]}"

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

static void test_accepted(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask = api_post(t, "/v1/executions", "{\"cluster\":" ONE "}");
    struct value answer = api_value(t, ask);
    const char *id = api_text(t, &answer, "id");
    char location[80];

    assert_int_equal(ask->status, 202);
    assert_string_equal(api_text(t, &answer, "state"), "QUEUED");
    (void)snprintf(location, sizeof(location), "/v1/executions/%s", id);
    assert_string_equal(ask->location, location);
    assert_string_equal(ask->content_type, "application/json");
    api_free(t, ask);
    /* Read at once: known, whatever the scheduler has done by now. */
    api_expect(t, "GET", location, NULL, 200, id);
}

static void test_other_name_and_file_form(void **state)
{
    struct api_trial *t = *state;

    api_expect(t, "POST", "/v1/clusters", "{\"exosphere\":\"v1\",\"cluster\":" ONE "}", 202,
               "QUEUED");
    api_expect(t, "POST", "/v1/clusters", "{\"exosphere\":\"v2\",\"cluster\":" ONE "}", 422,
               "only version v1");
}

static void test_wait(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask =
        api_post(t, "/v1/executions?wait=20s", "{\"cluster\":" ONE ",\"input\":{\"k\":[1,2]}}");

    assert_int_equal(ask->status, 200);
    assert_non_null(strstr(api_body(ask), "\"state\":\"SUCCEEDED\""));
    assert_non_null(strstr(api_body(ask), "\"output\":{\"a\":{\"n\":1}}"));
    assert_non_null(strstr(api_body(ask), "\"input\":{\"k\":[1,2]}"));
    api_free(t, ask);
    api_expect(t, "POST", "/v1/executions?wait=1h", "{\"cluster\":" ONE "}", 400, "up to 5m");
}

static bool act_hang(void *context, const struct wire_spec *spec, const struct wire_task *task,
                     struct wire_report *report)
{
    (void)context;
    (void)spec;
    (void)task;
    (void)report;
    return false;
}

static void test_wait_is_over(void **state)
{
    struct api_trial *t = *state;

    t->act = act_hang;
    struct api_ask *ask = api_post(t, "/v1/executions?wait=50ms", "{\"cluster\":" ONE "}");

    assert_int_equal(ask->status, 202);
    assert_non_null(strstr(api_body(ask), "\"id\":"));
    api_free(t, ask);
}

static void test_faults_all_at_once(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask = api_post(t, "/v1/executions",
                                   "{\"cluster\": {\"name\": \"p/x\",\n"
                                   " \"satelites\": [],\n"
                                   " \"satellites\": [{\"name\": \"a\", \"image\": \"oci:x\", "
                                   "\"timeout\": \"soon\"}]},\n"
                                   " \"inputs\": {},\n"
                                   " \"labels\": {\"a\": 1}}");
    struct value answer = api_value(t, ask);
    const struct value *errors = value_get(&answer, span_of("errors"));

    assert_int_equal(ask->status, 422);
    assert_int_equal(errors->count, 4);
    assert_non_null(strstr(api_body(ask), "did you mean"));
    for (uint32_t i = 0; i < errors->count; i++) {
        assert_true(value_get(&errors->items[i], span_of("line"))->integer >= 1);
        assert_true(strlen(api_text(t, &errors->items[i], "detail")) > 0);
    }
    assert_non_null(strstr(api_body(ask), "\"path\":\"cluster.satelites\",\"line\":2"));
    api_free(t, ask);
}

static void test_refused(void **state)
{
    static const struct {
        const char *body;
        int status;
        const char *detail;
    } cases[] = {
        {"{\"cluster\":", 400, "\"line\":1"},
        {"", 400, "JSON"},
        {"[1]", 422, "errors"},
        {"{}", 422, "the body has no cluster"},
        {"{\"cluster\":\"p/one@3\"}", 422, "the store has no such version"},
        {"{\"cluster\":" ONE ",\"cluster\":" ONE "}", 400, "cluster"},
        {"{\"cluster\":" ONE ",\"project\":\"q\"}", 422, "cluster.name"},
        {"{\"cluster\":" ONE ",\"project\":\"No\"}", 422, "project"},
        {"{\"cluster\":" ONE ",\"idempotency_key\":\"\"}", 422, "idempotency_key"},
        {"{\"cluster\":" ONE ",\"start_at\":\"tomorrow\"}", 422, "start_at"},
        {"{\"cluster\":" ONE ",\"start_at\":7}", 422, "start_at"},
        {"{\"cluster\":" ONE ",\"start_at\":\"2200-01-01T00:00:00Z\"}", 422, "from 1970 to 2199"},
        {"{\"cluster\":" ONE ",\"input\":[]}", 422, "input"},
        {"{\"cluster\":{\"name\":\"one\",\"satellites\":[{\"name\":\"a\",\"image\":\"oci:x\"}]}}",
         422, "cluster.name"},
        {"{\"cluster\":{\"name\":\"p/i\",\"inputs\":{\"top\":{\"type\":\"int\",\"required\":true}},"
         "\"satellites\":[{\"name\":\"a\",\"image\":\"oci:x\"}]}}",
         422, "input.top"},
    };
    struct api_trial *t = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* Twice: the second time the book may know the cluster. */
        api_expect(t, "POST", "/v1/executions", cases[i].body, cases[i].status, cases[i].detail);
        api_expect(t, "POST", "/v1/executions", cases[i].body, cases[i].status, cases[i].detail);
    }
}

static void test_limits(void **state)
{
    struct api_trial *t = *state;
    size_t bytes = 5 << 20;
    char *body = malloc(bytes + 1);

    assert_non_null(body);
    memset(body, ' ', bytes);
    body[bytes] = '\0';
    /* Asked before it is sent, so that the answer is not lost with the connection. */
    static const struct http_header expect[] = {{"Expect", "100-continue"}};
    struct http_call_options options = {
        .headers = expect, .header_count = 1, .body = span_of(body)};
    struct api_ask *ask = api_send(t, "POST", "/v1/executions", &options, false);

    api_end(t, ask);
    assert_int_equal(ask->status, 413);
    assert_non_null(strstr(api_body(ask), "4194304"));
    api_free(t, ask);
    /* An input above 64 KiB. */
    int used = snprintf(body, bytes, "{\"cluster\":" ONE ",\"input\":{\"k\":\"");

    memset(body + used, 'x', 70000);
    (void)snprintf(body + used + 70000, 8, "\"}}");
    api_expect(t, "POST", "/v1/executions", body, 422, "65536");
    /* A cluster above 1 MiB. */
    used = snprintf(body, bytes,
                    "{\"cluster\":{\"name\":\"p/big\",\"satellites\":[{\"name\":\"a\","
                    "\"image\":\"oci:x\",\"input\":{\"k\":\"");
    memset(body + used, 'x', 1100000);
    (void)snprintf(body + used + 1100000, 16, "\"}}]}}");
    api_expect(t, "POST", "/v1/executions", body, 422, "1048576");
    free(body);
    api_expect(
        t, "POST", "/v1/executions",
        "{\"cluster\":" ONE
        ",\"input\":{\"d\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}}",
        400, "32");
}

static void test_content_type(void **state)
{
    static const struct http_header xml[] = {{"Content-Type", "text/xml"}};
    struct api_trial *t = *state;
    struct http_call_options options = {
        .headers = xml, .header_count = 1, .body = span_of("<cluster/>")};
    struct api_ask *ask = api_send(t, "POST", "/v1/executions", &options, false);

    api_end(t, ask);
    assert_int_equal(ask->status, 415);
    api_free(t, ask);
}

static void test_idempotency(void **state)
{
    struct api_trial *t = *state;
    const char *first = api_submit(t, "{\"cluster\":" ONE ",\"idempotency_key\":\"k\"}");
    /* The same in other words: blanks and the order of members do not count. */
    const char *second = api_submit(t, "{\"idempotency_key\": \"k\", \"cluster\": " ONE " }");

    assert_string_equal(first, second);
    api_expect(t, "POST", "/v1/executions",
               "{\"cluster\":" ONE ",\"idempotency_key\":\"k\",\"labels\":{\"a\":\"b\"}}", 409,
               "another submission");
    assert_string_not_equal(first, api_submit(t, "{\"cluster\":" ONE "}"));
    api_ended(t, first);
}

static struct api_ask *post_under(struct api_trial *t, const char *key, const char *body,
                                  const char *type)
{
    const struct http_header headers[] = {{"Idempotency-Key", key}, {"Content-Type", type}};
    struct http_call_options options = {
        .headers = headers, .header_count = 2, .body = span_of(body)};
    struct api_ask *ask = api_send(t, "POST", "/v1/executions", &options, false);

    api_end(t, ask);
    return ask;
}

static void test_idempotency_by_header(void **state)
{
    static const struct {
        const char *key, *type, *body;
        int status;
    } rows[] = {
        {"h", "application/json", "{\"cluster\":" ONE "}", 202},
        {"h", "application/json", "{\"cluster\":" ONE ",\"idempotency_key\":\"h\"}", 202},
        {"h", "application/json", "{\"cluster\":" ONE ",\"labels\":{\"a\":\"b\"}}", 409},
        {"h", "application/json", "{\"cluster\":" ONE ",\"idempotency_key\":\"i\"}", 400},
        {"", "application/json", "{\"cluster\":" ONE "}", 400},
        {"\xff", "application/json", "{\"cluster\":" ONE "}", 400},
        {"h", "application/x-ndjson", "{\"cluster\":" ONE "}", 400},
    };
    struct api_trial *t = *state;
    const char *first = api_submit(t, "{\"cluster\":" ONE ",\"idempotency_key\":\"h\"}");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct api_ask *ask = post_under(t, rows[i].key, rows[i].body, rows[i].type);

        if (ask->status != rows[i].status) {
            fail_msg("row %zu: %d %s", i, ask->status, api_body(ask));
        }
        assert_true(ask->status != 202 || strstr(api_body(ask), first) != NULL);
        api_free(t, ask);
    }
    api_ended(t, first);
}

/* ---- many ---- */

static struct api_ask *post_lines(struct api_trial *t, const char *body)
{
    static const struct http_header lines[] = {{"Content-Type", "application/x-ndjson"}};
    struct http_call_options options = {.headers = lines, .header_count = 1, .body = span_of(body)};
    struct api_ask *ask = api_send(t, "POST", "/v1/executions", &options, false);

    api_end(t, ask);
    return ask;
}

static void test_lines(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask = post_lines(t, "{\"cluster\":" ONE "}\n"
                                        "\n"
                                        "{\"cluster\":}\n"
                                        "{\"cluster\":" ONE ",\"idempotency_key\":\"l\"}\r\n"
                                        "{\"cluster\":" ONE ",\"labels\":7}\n"
                                        "{\"cluster\":" ONE ",\"idempotency_key\":\"l\"}");

    assert_int_equal(ask->status, 200);
    assert_string_equal(ask->content_type, "application/x-ndjson");
    const char *at = api_body(ask);
    static const char *const begins[] = {
        "{\"line\":1,\"status\":202,\"id\":\"", "{\"line\":3,\"status\":400,\"problem\":{",
        "{\"line\":4,\"status\":202,\"id\":\"", "{\"line\":5,\"status\":422,\"problem\":{",
        "{\"line\":6,\"status\":202,\"id\":\"",
    };
    const char *ids[5] = {NULL};

    for (int i = 0; i < 5; i++) {
        assert_int_equal(strncmp(at, begins[i], strlen(begins[i])), 0);
        ids[i] = at + strlen(begins[i]);
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(*at, '\0');
    assert_int_equal(strncmp(ids[2], ids[4], 36), 0);
    assert_int_not_equal(strncmp(ids[0], ids[2], 36), 0);
    api_free(t, ask);
}

static void test_thousand_lines(void **state)
{
    struct api_trial *t = *state;
    size_t line_bytes = strlen("{\"cluster\":" ONE "}\n");
    char *body = calloc(1, 1001 * line_bytes + 1);

    assert_non_null(body);
    for (size_t i = 0; i < 1000; i++) {
        memcpy(body + i * line_bytes, "{\"cluster\":" ONE "}\n", line_bytes);
    }
    struct api_ask *ask = post_lines(t, body);
    size_t accepted = 0;

    for (const char *at = api_body(ask); (at = strstr(at, "\"status\":202")) != NULL; at++) {
        accepted++;
    }
    assert_int_equal(accepted, 1000);
    api_free(t, ask);
    memcpy(body + 1000 * line_bytes, "{\"cluster\":" ONE "}\n", line_bytes);
    ask = post_lines(t, body);
    assert_int_equal(ask->status, 413);
    assert_non_null(strstr(api_body(ask), "1000 lines"));
    api_free(t, ask);
    free(body);
}

static void test_no_lines(void **state)
{
    struct api_trial *t = *state;
    struct api_ask *ask = post_lines(t, " \n\n");

    assert_int_equal(ask->status, 400);
    api_free(t, ask);
}

/* ---- back-pressure ---- */

static void test_back_pressure(void **state)
{
    struct api_settings settings = api_trial_settings();
    struct http_call_options options = {.body = span_of("{\"cluster\":" ONE "}")};
    struct api_ask *asks[50];
    int accepted = 0;
    int refused = 0;

    (void)state;
    settings.flight_bytes_max = 1;
    struct api_trial *t = api_trial_open(&settings, false);

    for (int i = 0; i < 50; i++) {
        asks[i] = api_send(t, "POST", "/v1/executions", &options, false);
    }
    for (int i = 0; i < 50; i++) {
        api_end(t, asks[i]);
        accepted += asks[i]->status == 202;
        if (asks[i]->status == 429) {
            assert_string_equal(asks[i]->retry_after, "1");
            refused++;
        }
        api_free(t, asks[i]);
    }
    assert_int_equal(accepted + refused, 50);
    assert_true(accepted >= 1);
    assert_true(refused >= 1);
    /* Afterwards there is room again. */
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":" ONE "}", 202, NULL);
    api_trial_close(t);
}

/* While schedulers are far behind nothing more is let in; when they have read on, it is. */
static void test_backlog_is_bounded(void **state)
{
    struct api_settings settings = api_trial_settings();
    struct api_ask *ask;
    int tries = 0;

    (void)state;
    settings.backlog_max = 3;
    settings.backlog_look_ns = 10 * EXO_MILLISECOND;
    struct api_trial *t = api_trial_open(&settings, true);

    stage_scheduler_kill(&t->stage, 0);
    for (int i = 0; i < 4; i++) {
        api_expect(t, "POST", "/v1/executions", "{\"cluster\":" ONE "}", 202, NULL);
    }
    do {
        ask = api_post(t, "/v1/executions", "{\"cluster\":" ONE "}");
        if (ask->status == 429) {
            assert_string_equal(ask->retry_after, "5");
            assert_non_null(strstr(api_body(ask), "backlog_max"));
        }
        int status = ask->status;

        api_free(t, ask);
        (void)stage_run(&t->stage, NULL, 5 * EXO_MILLISECOND);
        if (status == 429) {
            break;
        }
        assert_int_equal(status, 202);
    } while (++tries < 2000);
    assert_in_range(tries, 0, 1999);
    ask = api_get(t, "/metrics");
    assert_non_null(strstr(api_body(ask), "exosphere_api_backlog_jobs"));
    api_free(t, ask);
    stage_scheduler_start(&t->stage, 1);
    for (tries = 0; tries < 2000; tries++) { /* nobody need submit for it to look again */
        (void)stage_run(&t->stage, NULL, 10 * EXO_MILLISECOND);
        if (scheduler_counts(t->stage.schedulers[1]).executions_finished >= 4) {
            break;
        }
    }
    (void)stage_run(&t->stage, NULL, 100 * EXO_MILLISECOND);
    for (tries = 0; tries < 2000; tries++) {
        ask = api_post(t, "/v1/executions", "{\"cluster\":" ONE "}");
        int status = ask->status;

        api_free(t, ask);
        if (status == 202) {
            break;
        }
        assert_int_equal(status, 429);
        (void)stage_run(&t->stage, NULL, 10 * EXO_MILLISECOND);
    }
    assert_in_range(tries, 0, 1999);
    api_trial_close(t);
}

static void test_closed_in_the_middle(void **state)
{
    struct http_call_options options = {.body = span_of("{\"cluster\":" ONE "}")};

    (void)state;
    struct api_trial *t = api_trial_open(NULL, false);
    struct api_ask *one = api_send(t, "POST", "/v1/executions?wait=20s", &options, false);
    struct api_ask *two = api_send(t, "POST", "/v1/executions", &options, false);

    (void)stage_run(&t->stage, NULL, 3 * EXO_MILLISECOND);
    api_free(t, one);
    api_free(t, two);
    api_trial_close(t); /* whatever was under way: nothing leaks, nothing is called any more */
}

/* It waits for its time, and tells so; another owner waits on. */
static void test_later(void **state)
{
    struct api_trial *t = *state;
    const char *id =
        api_submit(t, "{\"cluster\":" ONE ",\"start_at\":\"2100-01-01T00:00:00+01:00\"}");

    api_until_says(t, api_path(t, id, ""), "\"start_at\":\"2099-12-31T23:00:00.000Z\"");
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"QUEUED\"");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200,
               "\"summary\":\"it starts at 2099-12-31T23:00:00.000Z, in ");
    stage_scheduler_kill(&t->stage, 0);
    stage_scheduler_start(&t->stage, 1);
    api_expect(t, "POST", api_path(t, id, "/pause"), "", 202, NULL);
    api_until_says(t, api_path(t, id, ""), "\"state\":\"PAUSED\"");
    api_expect(t, "POST", api_path(t, id, "/resume"), "", 202, NULL);
    api_until_says(t, api_path(t, id, ""), "\"state\":\"QUEUED\"");
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"tasks\":0");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"CANCELLED\"");
    id = api_submit(t, "{\"cluster\":" ONE ",\"start_at\":\"2001-01-01T00:00:00Z\"}");
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"start_at\":null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_name_and_file_form, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wait_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults_all_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_content_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idempotency, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idempotency_by_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_thousand_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_lines, setup, teardown),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_backlog_is_bounded),
        cmocka_unit_test(test_closed_in_the_middle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
