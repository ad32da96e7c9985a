/* api: what stands in groups: paths through runs, their tasks, outputs, logs, lists, reasons. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/attempt_token.h"
#include "schemas/wire/event.h"
#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
#define PAGES                                                                                       \
    "{\"name\":\"page\",\"for_each\":\"${{ input.pages "                                            \
    "}}\",\"as\":\"page_words\",\"satellites\":[" SATELLITE("parse", "") "," SATELLITE(             \
        "words",                                                                                    \
        ",\"for_each\":\"${{ page_words }}\",\"as\":\"word\"") "," SATELLITE("hang",                \
                                                                             "") "," SATELLITE("a"  \
                                                                                               "f"  \
                                                                                               "t"  \
                                                                                               "e"  \
                                                                                               "r", \
                                                                                               "") "],\"output\":\"${{ satellites.words.output }}\"}"
#define NESTED                                                                                     \
    "{\"name\":\"outer\",\"needs\":[],\"satellites\":[{\"name\":\"inner\",\"for_each\":\"${{ "     \
    "[1,2] "                                                                                       \
    "}}\",\"satellites\":[" SATELLITE("cell", "") "]}]}"
#define GROUPS                                                                                     \
    "{\"cluster\":{\"name\":\"p/g\",\"satellites\":[" PAGES "," NESTED "," SATELLITE(              \
        "merge", ",\"needs\":[\"page\"]") "]},\"input\":{\"pages\":[[\"a\",\"b\"],[\"c\"]]}}"
#define ONLY_PAGES                                                                                 \
    "{\"cluster\":{\"name\":\"p/o\",\"satellites\":[" PAGES                                        \
    "]},\"input\":{\"pages\":[[\"a\",\"b\"]]}}"

/* `hang` of run 0 stays where it is. */
static bool act_hang(void *context, const struct wire_spec *spec, const struct wire_task *task,
                     struct wire_report *report)
{
    (void)context;
    if (span_is(spec->satellite, "page.0.hang")) {
        return false;
    }
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = spec->is_map ? task->item : span_of("{\"n\":1}");
    return true;
}

static int setup(void **state)
{
    struct api_trial *t = api_trial_open(NULL, true);

    t->act = act_hang;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    api_trial_close(*state);
    return 0;
}

/* The tasks of a list by their paths, one after the other. */
static void expect_tasks(struct api_trial *t, const char *path, const char *wanted)
{
    struct api_ask *ask = api_get(t, path);
    struct value answer = api_value(t, ask);
    const struct value *tasks = value_get(&answer, span_of("tasks"));
    char got[1024] = "";
    size_t used = 0;

    assert_int_equal(ask->status, 200);
    for (uint32_t i = 0; i < tasks->count; i++) {
        used += (size_t)snprintf(got + used, sizeof(got) - used, "%s%s", i == 0 ? "" : " ",
                                 api_text(t, &tasks->items[i], "task"));
    }
    assert_string_equal(got, wanted);
    api_free(t, ask);
}

static const char *submit_running(struct api_trial *t, const char *body)
{
    const char *id = api_submit(t, body);

    api_until_says(t, api_path(t, id, "/tasks?satellite=page"), "\"task\":\"page.0\"");
    api_until_says(t, api_path(t, id, "/tasks?run=page.0&state=RUNNING"), "page.0.hang");
    return id;
}

static void test_tasks(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t, GROUPS);

    api_until_says(t, api_path(t, id, "/tasks/page.1"), "\"state\":\"SUCCEEDED\"");
    api_until_says(t, api_path(t, id, "/tasks/outer"), "\"state\":\"SUCCEEDED\"");
    expect_tasks(t, api_path(t, id, "/tasks"), "page.0 page.1 outer merge");
    expect_tasks(t, api_path(t, id, "/tasks?state=RUNNING"), "page.0");
    expect_tasks(t, api_path(t, id, "/tasks?satellite=page"), "page.0 page.1");
    expect_tasks(t, api_path(t, id, "/tasks?satellite=page.1"), "page.1");
    expect_tasks(t, api_path(t, id, "/tasks?run=page.0"),
                 "page.0.parse page.0.words.0 page.0.words.1 page.0.hang page.0.after");
    expect_tasks(t, api_path(t, id, "/tasks?run=page.0&state=SUCCEEDED"),
                 "page.0.parse page.0.words.0 page.0.words.1");
    expect_tasks(t, api_path(t, id, "/tasks?satellite=page.0.words"),
                 "page.0.words.0 page.0.words.1");
    expect_tasks(t, api_path(t, id, "/tasks?satellite=page.0.words.1"), "page.0.words.1");
    expect_tasks(t, api_path(t, id, "/tasks?run=outer"), "outer.inner.0 outer.inner.1");
    expect_tasks(t, api_path(t, id, "/tasks?run=outer.inner.1"), "outer.inner.1.cell");
    /* From page to page. */
    struct api_ask *ask = api_get(t, api_path(t, id, "/tasks?run=page.0&limit=2"));
    struct value answer = api_value(t, ask);
    char rest[128];

    (void)snprintf(rest, sizeof(rest), "/tasks?run=page.0&limit=2&cursor=%s",
                   api_text(t, &answer, "next_cursor"));
    expect_tasks(t, api_path(t, id, rest), "page.0.words.1 page.0.hang");
    api_free(t, ask);
    api_expect(t, "GET", api_path(t, id, "/tasks?run=page"), NULL, 404, "page.3");
    api_expect(t, "GET", api_path(t, id, "/tasks?run=page.7"), NULL, 404, "2 tasks so far");
    api_expect(t, "GET", api_path(t, id, "/tasks?run=merge"), NULL, 404, "no run of a group");
    api_expect(t, "GET", api_path(t, id, "/tasks?satellite=page.0.none"), NULL, 404, "none");
    api_expect(t, "GET", api_path(t, id, "/tasks?satellite=merge&run=page.0"), NULL, 400,
               "cannot both");
}

static void test_one_task(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t, GROUPS);

    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.words.1"), NULL, 200,
               "\"satellite\":\"page.0.words\",\"kind\":\"container\",\"index\":1");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.words.1"), NULL, 200, "\"output\":\"b\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.words.1"), NULL, 200,
               "/tasks/page.0.words.1/attempts/1/logs");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.parse"), NULL, 200,
               "\"attempts\":[{\"attempt\":1,\"outcome\":\"succeeded\"");
    api_until_says(t, api_path(t, id, "/tasks/page.1"), "\"output\":[\"c\"]");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0"), NULL, 200,
               "\"kind\":\"group\",\"index\":0,\"state\":\"RUNNING\"");
    api_until_says(t, api_path(t, id, "/tasks/outer"),
                   "\"output\":{\"inner\":[{\"cell\":{\"n\":1}},{\"cell\":{\"n\":1}}]}");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.words"), NULL, 404, "words.17");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.words.2"), NULL, 404, "2 tasks so far");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.2.parse"), NULL, 404, "2 tasks so far");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.parse"), NULL, 404, "names no");
    api_expect(t, "GET", api_path(t, id, ""), NULL, 200,
               "\"name\":\"page\",\"state\":\"RUNNING\",\"is_map\":true,\"tasks\":2");
}

static void test_not_begun(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(
        t, "{\"cluster\":{\"name\":\"p/n\",\"satellites\":[{\"name\":\"page\",\"for_each\":"
           "\"${{ [1,2] }}\",\"max_parallel\":1,\"satellites\":[" SATELLITE("hang", "") "]}]}}");

    api_until_says(t, api_path(t, id, "/tasks/page.0.hang"), "\"state\":\"RUNNING\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.1"), NULL, 200, "\"state\":\"READY\"");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.1.hang"), NULL, 404, "has not begun");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200, "max_parallel lets 1 run at once");
}

static void test_outputs(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t, GROUPS);

    api_expect(t, "GET", api_path(t, id, "/satellites/page.0.words/output"), NULL, 200,
               "[\"a\",\"b\"]");
    api_expect(t, "GET", api_path(t, id, "/satellites/page.0.parse/output"), NULL, 200,
               "{\"n\":1}");
    api_expect(t, "GET", api_path(t, id, "/satellites/page.0.hang/output"), NULL, 409,
               "page.0.hang` is RUNNING");
    api_expect(t, "GET", api_path(t, id, "/satellites/page/output"), NULL, 409, "RUNNING");
    api_expect(t, "GET", api_path(t, id, "/satellites/page.0/output"), NULL, 404, "/tasks/page.0");
    api_until_says(t, api_path(t, id, "/satellites/outer.inner/output"),
                   "[{\"cell\":{\"n\":1}},{\"cell\":{\"n\":1}}]");
    api_until_says(t, api_path(t, id, "/satellites/outer/output"), "{\"inner\":[{");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, "/satellites/page/output"), NULL, 200, "[null,[\"c\"]]");
}

static void test_lists(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t, ONLY_PAGES); /* 0 page; 1 parse, 2 words of run 0 */
    struct task_id task = {.instance = 3};
    char token[ATTEMPT_TOKEN_TEXT_BYTES];
    static const struct {
        const char *rest;
        int status;
        const char *body;
    } cases[] = {
        {"2", 200, "[\"a\",\"b\"]\n"},
        {"2?index=1", 200, "\"b\"\n"},
        {"2?index=2", 404, NULL},
        {"0", 200, "[null]\n"},
        {"1", 404, NULL},
        {"5", 404, NULL},
        {"4294967295", 404, NULL},
    };

    assert_true(execution_id_parse(span_of(id), &task.execution));
    attempt_token_make(t->secret, &task, 1, token);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct http_call_options options = {.bearer = token};
        char path[128];

        (void)snprintf(path, sizeof(path), "/internal/lists/%s/%s", id, cases[i].rest);
        struct api_ask *ask = api_send(t, "GET", path, &options, false);

        api_end(t, ask);
        assert_int_equal(ask->status, cases[i].status);
        if (cases[i].body != NULL) {
            assert_string_equal(api_body(ask), cases[i].body);
        }
        api_free(t, ask);
    }
}

static void test_explain(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t, GROUPS);

    api_until_says(
        t, api_path(t, id, "/explain"),
        "{\"satellite\":\"page.0.after\",\"state\":\"WAITING\",\"reason\":\"it waits for "
        "hang (RUNNING)\",\"uses\":null}],\"is_cut\":false}");
    api_until_says(t, api_path(t, id, "/explain"), "1 of its runs are under way");
    api_expect(t, "GET", api_path(t, id, "/explain"), NULL, 200, "it waits for page (RUNNING)");
    api_expect(t, "GET", api_path(t, id, "/explain?task=page.0.hang"), NULL, 200,
               "attempt 1 runs on the worker `puppet`");
    api_expect(t, "GET", api_path(t, id, "/explain?task=page.0.words.1"), NULL, 200,
               "it has ended: SUCCEEDED");
    api_expect(t, "GET", api_path(t, id, "/explain?task=page.0"), NULL, 200,
               "the run is under way");
    api_expect(t, "GET", api_path(t, id, "/explain?task=page.0.after"), NULL, 200,
               "\"satellites\":[{\"satellite\":\"page.0.after\",\"state\":\"WAITING\"");
    api_expect(t, "GET", api_path(t, id, "/explain?task=page.9"), NULL, 404, "2 tasks so far");
}

static void test_events_and_logs(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t, GROUPS);
    struct api_ask *log = api_send(
        t, "GET", api_path(t, id, "/tasks/page.0.hang/attempts/1/logs?follow"), NULL, true);
    struct api_ask *events = api_send(t, "GET", api_path(t, id, "/events"), NULL, true);

    api_until(t, events, "event: snapshot");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0/attempts/1/logs"), NULL, 404,
               "/tasks?run=page.0");
    api_expect(t, "GET", api_path(t, id, "/tasks/page.0.parse/attempts/1/logs"), NULL, 200, "");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_end(t, log); /* the attempt has ended */
    assert_int_equal(log->status, 200);
    api_free(t, log);
    api_until(t, events,
              "\"satellite\":\"page.0.hang\",\"task\":\"page.0.hang\",\"state\":\"CANCELLED\"");
    api_until(t, events, "\"satellite\":\"page\",\"task\":\"page.0\",\"index\":0,\"state\":");
    api_end(t, events);
    api_free(t, events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_task, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_begun, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outputs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_explain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_and_logs, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
