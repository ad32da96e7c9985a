/* api: executions, tasks and outputs read, listed, explained and cancelled. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
#define ONE "{\"name\":\"p/one\",\"satellites\":[" SATELLITE("a", "") "]}"
#define MAP                                                                                        \
    "{\"name\":\"p/map\",\"satellites\":[" SATELLITE("list", "") "," SATELLITE(                    \
        "count", ",\"for_each\":\"${{ input.items }}\"") "," SATELLITE("merge", "") "]}"

static const char unknown[] = "0193a5c1-7f4e-7b2a-9c3d-2e1f0a9b8c7d";

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

static bool act_hang(void *context, const struct wire_spec *spec, const struct wire_task *task,
                     struct wire_report *report)
{
    (void)context;
    (void)task;
    if (span_is(spec->satellite, "merge")) {
        return false;
    }
    report->outcome = OUTCOME_SUCCEEDED;
    return true;
}

static void test_execution(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(t, "{\"cluster\":" MAP
                                   ",\"input\":{\"items\":[1,2,3]},\"labels\":{\"a\":\"b\"}}");

    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, ""));
    struct value answer = api_value(t, ask);
    const struct value *satellites = value_get(&answer, span_of("satellites"));

    assert_int_equal(ask->status, 200);
    assert_string_equal(api_text(t, &answer, "state"), "SUCCEEDED");
    assert_string_equal(api_text(t, &answer, "cluster"), "p/map");
    assert_int_equal(satellites->count, 3);
    assert_non_null(strstr(api_body(ask), "\"labels\":{\"a\":\"b\"}"));
    assert_non_null(strstr(api_body(ask), "\"output\":{\"merge\":{\"n\":1}}"));
    assert_non_null(strstr(api_body(ask),
                           "\"name\":\"count\",\"state\":\"SUCCEEDED\",\"is_map\":true,"
                           "\"tasks\":3,\"counts\":{\"SUCCEEDED\":3}"));
    api_free(t, ask);
}

static void test_unknown(void **state)
{
    static const char *const rests[] = {"",
                                        "/tasks",
                                        "/tasks/a",
                                        "/tasks/a/attempts/1/logs",
                                        "/events",
                                        "/explain",
                                        "/history",
                                        "/history?at=2026-11-28",
                                        "/satellites/a/output"};
    struct api_trial *t = *state;

    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        api_expect(t, "GET", api_path(t, unknown, rests[i]), NULL, 404,
                   "no execution with this id");
        api_expect(t, "GET", api_path(t, "17", rests[i]), NULL, 404, "36 characters");
    }
    api_expect(t, "POST", api_path(t, unknown, "/cancel"), "", 404, "no execution");
}

/* Nobody applies what is in exo.jobs: what is not there cannot be denied. */
static void test_barrier(void **state)
{
    (void)state;
    struct api_trial *t = api_trial_open(NULL, false);

    stage_scheduler_kill(&t->stage, 0);
    const char *id = api_submit(t, "{\"cluster\":" ONE "}");
    struct api_ask *ask = api_get(t, api_path(t, id, ""));

    assert_int_equal(ask->status, 503);
    assert_string_equal(ask->retry_after, "1");
    api_free(t, ask);
    /* It is applied while the read waits. */
    struct api_ask *waiting = api_send(t, "GET", api_path(t, id, ""), NULL, false);

    (void)stage_run(&t->stage, NULL, 20 * EXO_MILLISECOND);
    assert_false(waiting->is_done);
    stage_scheduler_start(&t->stage, 1);
    api_end(t, waiting);
    assert_true(waiting->status == 200 || waiting->status == 503); /* its lease takes its time */
    api_free(t, waiting);
    api_trial_close(t);
}

static void test_list(void **state)
{
    struct api_trial *t = *state;
    const char *ids[5];
    char query[256];

    for (int i = 0; i < 5; i++) {
        ids[i] = api_submit(t, i == 2 ? "{\"cluster\":" ONE ",\"labels\":{\"team\":\"r d\"}}"
                                      : "{\"cluster\":" ONE "}");
        api_ended(t, ids[i]);
    }
    struct api_ask *ask = api_get(t, "/v1/executions?limit=2&state=SUCCEEDED&project=p");
    struct value answer = api_value(t, ask);
    const struct value *list = value_get(&answer, span_of("executions"));

    assert_int_equal(list->count, 2);
    assert_string_equal(api_text(t, &list->items[0], "id"), ids[4]);
    assert_null(value_get(&list->items[0], span_of("output")));
    (void)snprintf(query, sizeof(query), "/v1/executions?limit=10&cursor=%s",
                   api_text(t, &answer, "next_cursor"));
    api_free(t, ask);
    ask = api_get(t, query);
    answer = api_value(t, ask);
    list = value_get(&answer, span_of("executions"));
    assert_int_equal(list->count, 3);
    assert_string_equal(api_text(t, &list->items[2], "id"), ids[0]);
    assert_string_equal(api_text(t, &answer, "next_cursor"), "");
    api_free(t, ask);
    ask = api_get(t, "/v1/executions?label=team%3Dr%20d&cluster=p/one");
    answer = api_value(t, ask);
    list = value_get(&answer, span_of("executions"));
    assert_int_equal(list->count, 1);
    assert_string_equal(api_text(t, &list->items[0], "id"), ids[2]);
    api_free(t, ask);
    api_expect(t, "GET", "/v1/executions?submitted_before=2020-01-01", NULL, 200,
               "\"executions\":[]");
    api_expect(t, "GET", "/v1/executions?submitted_after=2020-01-01T00:00:00Z", NULL, 200, ids[0]);
    api_expect(t, "GET", "/v1/executions?stat=x&limit=0&state=y&label=k&cursor=z", NULL, 400,
               "did you mean state?");
}

static void test_tasks(void **state)
{
    struct api_trial *t = *state;
    char body[8192] = "{\"cluster\":" MAP ",\"input\":{\"items\":[0";
    size_t used = strlen(body);

    for (int i = 1; i < 600; i++) {
        used += (size_t)snprintf(body + used, sizeof(body) - used, ",%d", i);
    }
    (void)snprintf(body + used, sizeof(body) - used, "]}}");
    const char *id = api_submit(t, body);

    api_ended(t, id);
    /* Page by page: every task once, in order. */
    char rest[128] = "/tasks?limit=250";
    uint32_t seen = 0;

    while (rest[0] != '\0') {
        struct api_ask *ask = api_get(t, api_path(t, id, rest));
        struct value answer = api_value(t, ask);
        const struct value *tasks = value_get(&answer, span_of("tasks"));

        for (uint32_t i = 0; i < tasks->count; i++, seen++) {
            char name[32];

            (void)snprintf(name, sizeof(name), "count.%u", seen - 1);
            assert_string_equal(api_text(t, &tasks->items[i], "task"), seen == 0     ? "list"
                                                                       : seen == 601 ? "merge"
                                                                                     : name);
            assert_string_equal(api_text(t, &tasks->items[i], "state"), "SUCCEEDED");
        }
        const char *cursor = api_text(t, &answer, "next_cursor");

        rest[0] = '\0';
        if (cursor[0] != '\0') {
            (void)snprintf(rest, sizeof(rest), "/tasks?limit=250&cursor=%s", cursor);
        }
        api_free(t, ask);
    }
    assert_int_equal(seen, 602);
    api_expect(t, "GET", api_path(t, id, "/tasks?satellite=merge"), NULL, 200,
               "\"task\":\"merge\"");
    api_expect(t, "GET", api_path(t, id, "/tasks?state=FAILED"), NULL, 200, "\"tasks\":[]");
    api_expect(t, "GET", api_path(t, id, "/tasks?satellite=nobody"), NULL, 404, "nobody");
    api_expect(t, "GET", api_path(t, id, "/tasks/count.599"), NULL, 200, "\"output\":599");
    api_expect(t, "GET", api_path(t, id, "/tasks/count.600"), NULL, 404, "600 tasks");
    api_expect(t, "GET", api_path(t, id, "/tasks/count"), NULL, 404, "count.17");
    api_expect(t, "GET", api_path(t, id, "/tasks/merge"), NULL, 200,
               "\"attempts\":[{\"attempt\":1,\"outcome\":\"succeeded\"");
}

/* count.1 gives a blob, count.2 fails, count.3 tries twice. */
static bool act_mixed(void *context, const struct wire_spec *spec, const struct wire_task *task,
                      struct wire_report *report)
{
    const struct api_trial *t = context;

    report->outcome = OUTCOME_SUCCEEDED;
    report->output = task->item;
    if (!spec->is_map) {
        return true;
    }
    if (task->index == 1) {
        report->output = (struct span){NULL, 0};
        report->has_output_digest = true;
        report->output_digest = t->digest;
        report->output_bytes = sizeof(t->reply);
    } else if (task->index == 2 || (task->index == 3 && task->attempt == 1)) {
        report->outcome = OUTCOME_FAILED;
        report->exit_status = 3;
        report->error = span_of("EXIT: exit status 3");
        report->output = (struct span){NULL, 0};
    }
    return true;
}

struct put {
    bool is_done;
    bool is_good;
};

static void on_put(void *argument, const struct exo_error *err)
{
    struct put *put = argument;

    put->is_good = err == NULL;
    put->is_done = true;
}

static void blob_keep(struct api_trial *t)
{
    struct span bytes = {t->reply, sizeof(t->reply)};
    struct put put = {.is_done = false};

    memset(t->reply, 'x', sizeof(t->reply));
    t->reply[0] = '"';
    t->reply[sizeof(t->reply) - 1] = '"';
    t->digest = sha256_of(bytes);
    store_blob_put(t->stage.store, &t->digest, bytes, on_put, &put);
    assert_true(stage_run(&t->stage, &put.is_done, 20 * EXO_SECOND));
    assert_true(put.is_good);
}

static void test_outputs(void **state)
{
    struct api_trial *t = *state;

    blob_keep(t);
    t->act = act_mixed;
    const char *id = api_submit(
        t, "{\"cluster\":{\"name\":\"p/m\",\"satellites\":[" SATELLITE(
               "count",
               ",\"for_each\":\"${{ input.items }}\",\"retries\":{\"limit\":1,\"base\":"
               "\"1ms\"}") "," SATELLITE("after",
                                         ",\"join\":\"all_done\"") "]},\"input\":{\"items\":[{"
                                                                   "\"a\":1},1,2,\"three\"]}}");

    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, "/satellites/count/output"));
    struct value list = api_value(t, ask);

    assert_int_equal(ask->status, 200);
    assert_int_equal(list.count, 4);
    assert_int_equal(list.items[0].kind, VALUE_MAP);
    assert_int_equal(list.items[1].kind, VALUE_STRING);
    assert_int_equal(list.items[1].count, sizeof(t->reply) - 2);
    assert_int_equal(list.items[2].kind, VALUE_NULL);
    assert_int_equal(list.items[3].kind, VALUE_STRING);
    api_free(t, ask);
    api_expect(
        t, "GET", api_path(t, id, "/tasks/count.3"), NULL, 200,
        "\"attempt\":1,\"outcome\":\"failed\",\"exit_status\":3,\"error\":\"EXIT: exit status 3\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/count.2"), NULL, 200, "\"state\":\"FAILED\"");
    api_expect(t, "GET", api_path(t, id, "/satellites/after/output"), NULL, 200, "null");
    api_expect(t, "GET", api_path(t, id, "/satellites/none/output"), NULL, 404, "none");
}

/* More outputs than one chunk of pages and one buffer of the stream hold. */
static void test_long_list(void **state)
{
    struct api_trial *t = *state;
    size_t room = 1 << 20;
    char *body = malloc(room);
    size_t used;

    assert_non_null(body);
    used = (size_t)snprintf(body, room, "{\"cluster\":" MAP ",\"input\":{\"items\":[0");
    for (int i = 1; i < 5000; i++) {
        used += (size_t)snprintf(body + used, room - used, ",%d", i);
    }
    (void)snprintf(body + used, room - used, "]}}");
    const char *id = api_submit(t, body);

    free(body);
    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, "/satellites/count/output"));
    struct value list = api_value(t, ask);

    assert_int_equal(list.count, 5000);
    for (uint32_t i = 0; i < list.count; i++) {
        assert_int_equal(list.items[i].integer, i);
    }
    api_free(t, ask);
}

static void test_explain(void **state)
{
    struct api_trial *t = *state;

    t->act = act_hang;
    const char *id = api_submit(
        t, "{\"cluster\":{\"name\":\"p/e\",\"satellites\":[" SATELLITE("merge", "") "," SATELLITE(
               "next", "") "," SATELLITE("gpu", ",\"needs\":[],\"class\":\"gpu\"") "]}}");
    struct api_ask *ask = NULL;
    exo_time begin_ns = clock_monotonic_ns();

    do { /* until the worker has accepted it */
        if (ask != NULL) {
            api_free(t, ask);
        }
        ask = api_get(t, api_path(t, id, "/explain"));
        assert_int_equal(ask->status, 200);
        if (clock_monotonic_ns() - begin_ns > 20 * EXO_SECOND) {
            fail_msg("%s", api_body(ask));
        }
    } while (strstr(api_body(ask), "attempt 1 runs on the worker `puppet`") == NULL);
    assert_non_null(strstr(api_body(ask), "it waits for merge (RUNNING)"));
    assert_non_null(strstr(api_body(ask), "no worker serves the class `gpu`"));
    api_free(t, ask);
    api_expect(t, "GET", api_path(t, id, "/satellites/next/output"), NULL, 409, "WAITING");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "{\"reason\":\"enough\"}", 202, "CANCELLING");
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200, "CANCELLED (`enough`)");
}

static void test_cancel(void **state)
{
    struct api_trial *t = *state;

    t->act = act_hang;
    const char *id = api_submit(
        t, "{\"cluster\":{\"name\":\"p/c\",\"satellites\":[" SATELLITE("merge", "") "]}}");

    api_expect(t, "POST", api_path(t, id, "/cancel"), "{\"why\":1}", 422, "reason");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "{", 400, "JSON");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, id);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200, "\"state\":\"CANCELLED\"");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 200, "CANCELLED"); /* as was asked */
    t->act = NULL;
    const char *done = api_submit(t, "{\"cluster\":" ONE "}");

    api_ended(t, done);
    api_expect(t, "POST", api_path(t, done, "/cancel"), "", 409, "already ended: SUCCEEDED");
}

static void test_validate(void **state)
{
    struct api_trial *t = *state;

    api_expect(t, "POST", "/v1/validate", "{\"cluster\":" MAP "}", 200, "\"is_valid\":true");
    api_expect(t, "POST", "/v1/validate",
               "{\"cluster\":\"exosphere: v1\\ncluster:\\n  name: one\\n  satellites:\\n"
               "    - {name: b, image: x, nedds: []}\\n\",\"project\":\"p\"}",
               200, "\"line\":5,\"column\":27");
    api_expect(
        t, "POST", "/v1/validate",
        "{\"cluster\":\"exosphere: v1\\ncluster:\\n  name: one\\n  satellites:\\n"
        "    - {name: b, image: x}\\n    - {name: c, image: x}\\n\",\"project\":\"p\"}",
        200, "\"name\":\"c\",\"group\":null,\"kind\":\"container\",\"needs\":[\"b\"],\"depth\":1");
    api_expect(t, "POST", "/v1/validate", "{\"cluster\":\"a: [\"}", 200, "\"is_valid\":false");
    api_expect(t, "POST", "/v1/validate", "{\"cluster\":7}", 422, "one string");
    api_expect(t, "POST", "/v1/validate", "nope", 400, "line 1");
    api_expect(t, "POST", "/v1/validate", "{\"exosphere\":\"v1\",\"cluster\":" MAP "}", 200,
               "\"is_valid\":true");
    api_expect(t, "POST", "/v1/validate", "{\"cluster\":" MAP ",\"porject\":\"p\"}", 422,
               "unknown field `porject`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_execution, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_long_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_explain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_validate, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
