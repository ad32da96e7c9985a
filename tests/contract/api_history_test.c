/* api: what executions went through, and how they stood at a time. */
#include <stdio.h>

#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
#define ONE "{\"name\":\"p/one\",\"satellites\":[" SATELLITE("a", "") "]}"
#define MAP                                                                                        \
    "{\"name\":\"p/map\",\"satellites\":[" SATELLITE("list", "") "," SATELLITE(                    \
        "count", ",\"for_each\":\"${{ input.items }}\"") "," SATELLITE("merge", "") "]}"

static int setup(void **state)
{
    *state = api_trial_open(NULL, true);
    return 0;
}

static int setup_in_a_file(void **state)
{
    *state = api_trial_open_in_file();
    return 0;
}

static int teardown(void **state)
{
    api_trial_close(*state);
    return 0;
}

static void test_history(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(t, "{\"cluster\":" MAP ",\"input\":{\"items\":[1,2,3]}}");

    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, "/history"));
    struct value answer = api_value(t, ask);
    const struct value *changes = value_get(&answer, span_of("changes"));

    assert_int_equal(ask->status, 200);
    assert_non_null(changes);
    assert_true(changes->count > 10);
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct value *number = value_get(&changes->items[i], span_of("number"));

        assert_int_equal(number->integer, i + 1); /* all of them, in order */
    }
    assert_string_equal(api_text(t, &changes->items[changes->count - 1], "execution_state"),
                        "SUCCEEDED");
    assert_non_null(strstr(api_body(ask), "\"next_cursor\":null"));
    api_free(t, ask);
    ask = api_get(t, api_path(t, id, "/history?at=2200-01-01"));
    assert_int_equal(ask->status, 200);
    assert_non_null(strstr(api_body(ask), "\"execution\":{\"id\":"));
    assert_non_null(strstr(api_body(ask), "\"counts\":{\"SUCCEEDED\":3}"));
    assert_non_null(strstr(api_body(ask), "\"task\":\"count.2\",\"satellite\":\"count\","
                                          "\"kind\":\"container\",\"index\":2,"
                                          "\"state\":\"SUCCEEDED\""));
    assert_non_null(strstr(api_body(ask), "\"has_more_tasks\":false"));
    api_free(t, ask);
    api_expect(t, "GET", api_path(t, id, "/history?at=2001-01-01T00:00:00Z"), NULL, 404,
               "was not there yet");
    api_expect(t, "GET", api_path(t, id, "/history?at=yesterday"), NULL, 400,
               "\\\"yesterday\\\" is no time");
    api_expect(t, "GET", api_path(t, id, "/history?cursor=x"), NULL, 400, "next_cursor");
    api_expect(t, "GET", api_path(t, id, "/history?cursor=1&at=2200-01-01"), NULL, 400,
               "next_cursor of an earlier answer");
    api_expect(t, "GET", api_path(t, id, "/history?run=page.1"), NULL, 400, "goes with `at`");
    api_expect(t, "GET", api_path(t, id, "/history?run=count.1&at=2200-01-01"), NULL, 404,
               "names no run of a group");
}

/* All tasks, 1,000 an answer, each once. */
static void test_in_parts(void **state)
{
    enum { ITEMS = 1500 };
    static char body[16 << 10];
    struct api_trial *t = *state;
    size_t used =
        (size_t)snprintf(body, sizeof(body), "{\"cluster\":" MAP ",\"input\":{\"items\":[0");

    for (int i = 1; i < ITEMS; i++) {
        used += (size_t)snprintf(body + used, sizeof(body) - used, ",%d", i);
    }
    (void)snprintf(body + used, sizeof(body) - used, "]}}");
    const char *id = api_submit(t, body);

    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, "/history?at=2200-01-01"));
    struct value answer = api_value(t, ask);

    assert_int_equal(value_get(&answer, span_of("tasks"))->count, 1000);
    assert_non_null(strstr(api_body(ask), "\"has_more_tasks\":true,\"next_cursor\":\"1.999\""));
    api_free(t, ask);
    ask = api_get(t, api_path(t, id, "/history?at=2200-01-01&cursor=1.999"));
    answer = api_value(t, ask);
    const struct value *tasks = value_get(&answer, span_of("tasks"));

    assert_int_equal(tasks->count, 1 + ITEMS + 1 - 1000);
    assert_string_equal(api_text(t, &tasks->items[0], "task"), "count.999");
    assert_string_equal(api_text(t, &tasks->items[tasks->count - 1], "task"), "merge");
    assert_non_null(strstr(api_body(ask), "\"has_more_tasks\":false,\"next_cursor\":null"));
    api_free(t, ask);
}

/* What stood in a run, and in a run of that. */
static void test_in_groups(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(
        t, "{\"cluster\":{\"name\":\"p/groups\",\"satellites\":[{\"name\":\"page\",\"for_each\":"
           "\"${{ [1, 2] }}\",\"satellites\":[" SATELLITE(
               "parse", "") ",{\"name\":\"part\","
                            "\"satellites\":[" SATELLITE(
                                "word", ",\"as\":\"w\",\"for_each\":\"${{ [3, 4] }}\"") "]}]}]}}");

    api_ended(t, id);
    api_expect(t, "GET", api_path(t, id, "/history?at=2200-01-01&run=page.1"), NULL, 200,
               "\"tasks\":[{\"task\":\"page.1.parse\",\"satellite\":\"page.1.parse\"");
    api_expect(t, "GET", api_path(t, id, "/history?at=2200-01-01&run=page.1.part"), NULL, 200,
               "{\"task\":\"page.1.part.word.1\"");
    api_expect(t, "GET", api_path(t, id, "/history?at=2200-01-01&run=page.1.part&cursor=0.1"), NULL,
               200, "\"tasks\":[{\"task\":\"page.1.part.word.1\"");
    api_expect(t, "GET", api_path(t, id, "/history?at=2200-01-01&run=page.7"), NULL, 404,
               "had not begun at that time");
    api_expect(t, "GET", api_path(t, id, "/history?at=2200-01-01&run=page.1.parse"), NULL, 404,
               "names no run");
}

/* One without a map has no pages. */
static void test_without_pages(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(t, "{\"cluster\":" ONE "}");

    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, "/history?at=2200-01-01"));

    assert_int_equal(ask->status, 200);
    assert_non_null(strstr(api_body(ask), "\"tasks\":[{\"task\":\"a\""));
    api_free(t, ask);
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

static void was(struct api_trial *t, const char *id, const char *at, const char *state)
{
    char rest[64];
    char detail[64];

    (void)snprintf(rest, sizeof(rest), "/history?at=%s", at);
    (void)snprintf(detail, sizeof(detail), "\"cluster\":\"p/one\",\"state\":\"%s\"", state);
    api_expect(t, "GET", api_path(t, id, rest), NULL, 200, detail);
}

/* The times that an execution shows are those of its changes; their batches were sealed later,
 * here by hours, as it is with a store that is away. */
static void test_times_that_were_shown(void **state)
{
    struct api_trial *t = *state;

    t->act = act_hang;
    const char *id = api_submit(t, "{\"cluster\":" ONE "}");

    api_until_says(t, api_path(t, id, "/tasks/a"), "\"state\":\"RUNNING\"");
    (void)stage_run(&t->stage, NULL, 20 * EXO_MILLISECOND); /* the cancel has a later time */
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, id);
    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, ""));
    struct value answer = api_value(t, ask);
    const char *started = api_text(t, &answer, "started_at");
    const char *ended = api_text(t, &answer, "ended_at");

    api_free(t, ask);
    was(t, id, started, "RUNNING");
    was(t, id, ended, "CANCELLED");
    api_trial_script(t, "UPDATE journal SET at_ns = at_ns + 7200000000000");
    was(t, id, started, "RUNNING");
    was(t, id, ended, "CANCELLED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_history, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_in_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times_that_were_shown, setup_in_a_file, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
