/* view: rows become JSON. */
#include "producer/core/view.h"

#include "tests/support/test.h"

static struct heap_budget budget;
static struct buffer out;

static int setup(void **state)
{
    (void)state;
    budget = (struct heap_budget){0};
    buffer_init(&out, allocator_heap(&budget), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buffer_release(&out);
    return 0;
}

static void says(const char *json)
{
    buffer_append(&out, (struct span){"", 1});
    assert_string_equal((char *)out.data, json);
    buffer_reset(&out);
}

static void test_change(void **state)
{
    struct json_writer w = {.buffer = &out};
    struct wire_change change = {.number = 3,
                                 .at_ms = 1000,
                                 .execution_state = span_of("FAILED"),
                                 .error = span_of("a \"b\"")};

    (void)state;
    view_put_change(&w, &change);
    says("{\"number\":3,\"at\":\"1970-01-01T00:00:01.000Z\",\"execution_state\":\"FAILED\","
         "\"error\":\"a \\\"b\\\"\"}");
    change = (struct wire_change){.number = 4,
                                  .satellite = span_of("count"),
                                  .has_index = true,
                                  .index = 17,
                                  .state = span_of("RUNNING"),
                                  .attempt = 2,
                                  .worker = span_of("w")};
    w = (struct json_writer){.buffer = &out};
    view_put_change(&w, &change);
    says("{\"number\":4,\"at\":null,\"satellite\":\"count\",\"task\":\"count.17\",\"index\":17,"
         "\"state\":\"RUNNING\",\"attempt\":2,\"worker\":\"w\",\"error\":null}");
}

static void test_progress(void **state)
{
    struct json_writer w = {.buffer = &out};
    const struct wire_change change = {.at_ms = 1000,
                                       .satellite = span_of("count"),
                                       .has_index = true,
                                       .index = 17,
                                       .state = span_of("RUNNING"),
                                       .attempt = 2,
                                       .worker = span_of("w"),
                                       .progress = span_of("{\"percent\":4}")};
    const struct wire_lease lease = {.worker = span_of("w"),
                                     .progress = span_of("{\"percent\":4}")};
    const struct satellite satellite = {.name = span_of("count")};
    struct view_task task = {.satellite = &satellite, .state = TASK_RUNNING, .lease = &lease};

    (void)state;
    view_put_progress(&w, &change);
    says("{\"at\":\"1970-01-01T00:00:01.000Z\",\"satellite\":\"count\",\"task\":\"count.17\","
         "\"index\":17,\"attempt\":2,\"worker\":\"w\",\"progress\":{\"percent\":4}}");
    for (int i = 0; i < 2; i++) {
        w = (struct json_writer){.buffer = &out};
        json_begin_map(&w);
        view_put_task_members(&w, &task);
        json_end_map(&w);
        buffer_append(&out, (struct span){"", 1});
        assert_non_null(strstr((char *)out.data, i == 0
                                                     ? "\"progress\":{\"percent\":4},\"retry_at\""
                                                     : "\"progress\":null,\"retry_at\""));
        buffer_reset(&out);
        task.state = TASK_BACKOFF; /* what an attempt said is gone with it */
    }
}

static void test_task_at(void **state)
{
    static const uint8_t states[] = {TASK_SUCCEEDED, TASK_RUNNING, TASK_READY};
    static const uint32_t attempts[] = {1, 4};
    static const struct wire_lease leases[] = {{.offset = 1, .worker = {"w", 1}}};
    const struct wire_columns columns = {.states = {states, 3},
                                         .attempts = attempts,
                                         .attempt_count = 2,
                                         .leases = leases,
                                         .lease_count = 1};
    struct wire_instance map = {
        .state = TASK_RUNNING, .is_map = true, .task_count = 9, .next_index = 2};
    struct view_task task = {.is_map = true, .index = 1};

    (void)state;
    map.counts[TASK_READY] = 7;
    view_task_at(&map, &columns, 1, &task);
    assert_true(task.state == TASK_RUNNING && task.attempt == 4 && task.lease == &leases[0]);
    task.index = 0;
    view_task_at(&map, &columns, 0, &task);
    assert_true(task.state == TASK_SUCCEEDED && task.attempt == 1 && task.lease == NULL);
    task.index = 2; /* in the page, never dispatched */
    view_task_at(&map, &columns, 2, &task);
    assert_true(task.state == TASK_READY && task.attempt == 0);
    task.index = 8; /* no page */
    view_task_at(&map, NULL, 8, &task);
    assert_int_equal(task.state, TASK_READY);
    map.counts[TASK_READY] = 0; /* the tail was cancelled as one */
    view_task_at(&map, NULL, 8, &task);
    assert_int_equal(task.state, TASK_CANCELLED);
    map.tail_state = TASK_TIMED_OUT; /* or something else */
    view_task_at(&map, NULL, 8, &task);
    assert_int_equal(task.state, TASK_TIMED_OUT);
    map = (struct wire_instance){.state = TASK_SUCCEEDED,
                                 .is_map = true,
                                 .task_count = 9,
                                 .next_index = 9,
                                 .has_origin = true};
    view_task_at(&map, NULL, 8, &task); /* kept, and its pages have been deleted */
    assert_int_equal(task.state, TASK_SUCCEEDED);
    assert_int_equal(task.error.bytes, 0);
    struct wire_instance single = {.state = TASK_SKIPPED};

    view_task_at(&single, NULL, 0, &task);
    assert_int_equal(task.state, TASK_SKIPPED);
    single.error = span_of("when: its value is no bool");
    single.state = TASK_FAILED;
    view_task_at(&single, NULL, 0, &task);
    assert_true(span_is(task.error, "when: its value is no bool"));
    single.state = TASK_BACKOFF; /* it may yet end well */
    view_task_at(&single, NULL, 0, &task);
    assert_int_equal(task.error.bytes, 0);
}

static void test_execution(void **state)
{
    struct json_writer w = {.buffer = &out};
    struct view_execution e = {.project = "p",
                               .cluster_name = "p/c",
                               .state = "QUEUED",
                               .priority = 5,
                               .submitted_ns = EXO_SECOND};

    (void)state;
    view_put_execution(&w, &e);
#define ID "00000000-0000-0000-0000-000000000000"
#define LINKS                                                                                      \
    "\"links\":{\"self\":\"/v1/executions/" ID "\",\"tasks\":\"/v1/executions/" ID                 \
    "/tasks\",\"events\":\"/v1/executions/" ID "/events\",\"explain\":\"/v1/executions/" ID        \
    "/explain\",\"cancel\":\"/v1/executions/" ID "/cancel\"}"
    says("{\"id\":\"" ID "\",\"project\":\"p\",\"cluster\":\"p/c\",\"state\":\"QUEUED\",\"error\":"
         "null,\"submitted_at\":\"1970-01-01T00:00:01.000Z\",\"started_at\":null,\"ended_at\":null,"
         "\"deadline_at\":null,\"priority\":5,\"labels\":{}," LINKS "}");
    w = (struct json_writer){.buffer = &out};
    view_put_accepted(&w, &e.id, "QUEUED");
    says("{\"id\":\"" ID "\",\"state\":\"QUEUED\"," LINKS "}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_task_at, setup, teardown),
        cmocka_unit_test_setup_teardown(test_execution, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
