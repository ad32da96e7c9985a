/* api: events and logs, followed and read. */
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "infra/http/sse.h"
#include "infra/zstd/zstd_frame.h"
#include "schemas/json/json_read.h"
#include "schemas/wire/event.h"
#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
#define TWO "{\"name\":\"p/two\",\"satellites\":[" SATELLITE("a", "") "," SATELLITE("b", "") "]}"
#define HANG "{\"name\":\"p/hang\",\"satellites\":[" SATELLITE("hang", "") "]}"

static bool act_hang(void *context, const struct wire_spec *spec, const struct wire_task *task,
                     struct wire_report *report)
{
    (void)context;
    (void)task;
    if (span_is(spec->satellite, "hang")) {
        return false;
    }
    report->outcome = OUTCOME_SUCCEEDED;
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

/* ---- events ---- */

/* What the events of a stream say together. */
struct told {
    struct api_trial *t;
    int snapshots, resets, changes;
    int64_t number;     /* of the last */
    bool is_contiguous; /* each change follows the one before */
    char last_id[64];
    char end_state[32];
};

static void on_told(void *argument, const struct sse_event *event)
{
    struct told *told = argument;
    struct json_limits limits = {.text_bytes_max = event->data.bytes + 1};
    struct json_error error;
    struct value data;

    assert_int_equal(json_read(event->data, &limits, &told->t->arena, &data, &error), JSON_OK);
    (void)snprintf(told->last_id, sizeof(told->last_id), "%s", event->id);
    if (strcmp(event->event, "reset") == 0) {
        told->resets++;
    } else if (strcmp(event->event, "snapshot") == 0) {
        told->snapshots++;
        told->number = value_get(&data, span_of("change"))->integer;
    } else {
        int64_t number = value_get(&data, span_of("number"))->integer;

        assert_string_equal(event->event, "change");
        told->changes++;
        told->is_contiguous = told->is_contiguous && number == told->number + 1;
        told->number = number;
        (void)snprintf(told->end_state, sizeof(told->end_state), "%s",
                       api_text(told->t, &data, "execution_state"));
    }
}

static struct told told_by(struct api_trial *t, struct api_ask *ask, int64_t number)
{
    struct told told = {.t = t, .number = number, .is_contiguous = true};
    struct heap_budget budget = {0};
    struct sse_reader reader;

    sse_reader_init(&reader, allocator_heap(&budget), 1 << 20);
    assert_int_equal(sse_feed(&reader, buffer_span(&ask->body), on_told, &told), 0);
    sse_reader_release(&reader);
    return told;
}

static struct api_ask *follow(struct api_trial *t, const char *id, const char *last)
{
    const struct http_header headers[] = {{"Last-Event-ID", last}};
    struct http_call_options options = {.headers = headers, .header_count = last == NULL ? 0 : 1};

    return api_send(t, "GET", api_path(t, id, "/events"), &options, true);
}

static void test_events(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(t, "{\"cluster\":{\"name\":\"p/h\",\"satellites\":[" SATELLITE(
                                       "a", "") "," SATELLITE("hang", "") "]}}");
    struct api_ask *ask = follow(t, id, NULL);

    api_until(t, ask, "event: snapshot");
    api_until(t, ask, "\"RUNNING\"");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_end(t, ask); /* the stream ends with the execution */
    assert_string_equal(ask->content_type, "text/event-stream");
    struct told told = told_by(t, ask, 0);

    assert_int_equal(told.snapshots, 1);
    assert_int_equal(told.resets, 0);
    assert_true(told.changes > 0);
    assert_true(told.is_contiguous);
    assert_string_equal(told.end_state, "CANCELLED");
    api_free(t, ask);
}

static void test_events_go_on(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(t, "{\"cluster\":" TWO "}");

    api_ended(t, id);
    /* From the first change on: all of them, out of the journal. */
    struct api_ask *ask = follow(t, id, "1.1");

    api_end(t, ask);
    struct told told = told_by(t, ask, 1);

    assert_int_equal(told.snapshots, 0);
    assert_true(told.is_contiguous);
    assert_string_equal(told.end_state, "SUCCEEDED");
    api_free(t, ask);
    /* Behind the last one there is nothing, and a browser need not come back. */
    ask = follow(t, id, told.last_id);
    api_end(t, ask);
    assert_int_equal(ask->status, 204);
    api_free(t, ask);
    /* A number without its batch cannot be found in the journal. */
    ask = follow(t, id, "2");
    api_end(t, ask);
    told = told_by(t, ask, 0);
    assert_int_equal(told.resets, 1);
    assert_int_equal(told.snapshots, 1);
    assert_int_equal(told.changes, 0);
    api_free(t, ask);
}

static void test_events_of_an_ended_one(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(t, "{\"cluster\":" TWO "}");

    api_ended(t, id);
    struct api_ask *ask = follow(t, id, NULL);

    api_end(t, ask);
    struct told told = told_by(t, ask, 0);

    assert_int_equal(told.snapshots, 1);
    assert_int_equal(told.changes, 0);
    api_free(t, ask);
}

/* Many watchers of many executions, some of whom leave: each of the others is told all. */
static void test_many_watchers(void **state)
{
    enum { WATCHERS = 12 };
    struct api_trial *t = *state;
    struct api_ask *asks[WATCHERS];
    const char *ids[WATCHERS];

    for (int i = 0; i < WATCHERS; i++) {
        ids[i] = i % 2 == 0 ? api_submit(t, "{\"cluster\":" HANG "}") : ids[i - 1];
        asks[i] = follow(t, ids[i], NULL);
    }
    for (int i = 0; i < WATCHERS; i++) {
        api_until(t, asks[i], "event: snapshot");
    }
    for (int i = 0; i < WATCHERS; i += 3) {
        api_free(t, asks[i]);
        asks[i] = NULL;
    }
    for (int i = 0; i < WATCHERS; i += 2) {
        api_expect(t, "POST", api_path(t, ids[i], "/cancel"), "", 202, NULL);
    }
    for (int i = 0; i < WATCHERS; i++) {
        if (asks[i] != NULL) {
            api_end(t, asks[i]);
            struct told told = told_by(t, asks[i], 0);

            assert_true(told.is_contiguous);
            assert_string_equal(told.end_state, "CANCELLED");
            api_free(t, asks[i]);
        }
    }
}

/* ---- logs ---- */

static struct task_id task_of(const char *id)
{
    struct task_id task = {.instance = 0};

    assert_true(execution_id_parse(span_of(id), &task.execution));
    return task;
}

static void chunk_append(struct api_trial *t, const char *id, uint32_t attempt, uint64_t offset,
                         const char *text, bool is_compressed, bool is_last)
{
    struct heap_budget budget = {0};
    struct buffer frame;
    struct buffer record;
    struct wire_log_chunk chunk = {.task = task_of(id),
                                   .attempt = attempt,
                                   .offset = offset,
                                   .stream = 1,
                                   .data = span_of(text),
                                   .is_compressed = is_compressed,
                                   .is_last = is_last};

    buffer_init(&frame, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    if (is_compressed) {
        assert_int_equal(zstd_compress(chunk.data, &frame, NULL), 0);
        chunk.data = buffer_span(&frame);
    }
    wire_log_chunk_pack(&chunk, &record);
    stage_append(&t->stage, TOPIC_LOGS,
                 topic_logs_partition(&chunk.task, attempt, TOPIC_LOGS_PARTITIONS),
                 buffer_span(&record));
    buffer_release(&frame);
    buffer_release(&record);
}

static const char *submit_running(struct api_trial *t)
{
    const char *id = api_submit(t, "{\"cluster\":" HANG "}");
    exo_time begin_ns = clock_monotonic_ns();
    bool is_running = false;

    while (!is_running) {
        struct api_ask *ask = api_get(t, api_path(t, id, "/tasks/hang"));

        is_running = strstr(api_body(ask), "\"state\":\"RUNNING\"") != NULL;
        api_free(t, ask);
        assert_true(clock_monotonic_ns() - begin_ns < 20 * EXO_SECOND);
    }
    return id;
}

static void test_log_followed(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t);

    chunk_append(t, id, 1, 0, "before;", false, false); /* shown too: a little look back */
    struct api_ask *ask =
        api_send(t, "GET", api_path(t, id, "/tasks/hang/attempts/1/logs?follow"), NULL, true);

    api_until(t, ask, "before;");
    chunk_append(t, id, 1, 7, "one;", true, false);
    chunk_append(t, id, 2, 0, "of another attempt;", false, false);
    chunk_append(t, id, 1, 7, "one;", true, false); /* a repeat */
    chunk_append(t, id, 1, 9, "e;two;", false, false);
    chunk_append(t, id, 1, 100, "behind a gap;", false, false);
    chunk_append(t, id, 1, 113, "", false, true);
    api_end(t, ask);
    assert_string_equal(api_body(ask),
                        "before;one;two;[... 85 bytes are missing here; the whole log can be read "
                        "when the attempt has ended]\nbehind a gap;");
    assert_string_equal(ask->content_type, "text/plain; charset=utf-8");
    api_free(t, ask);
}

static void test_log_of_a_running_attempt(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t);

    chunk_append(t, id, 1, 0, "so far;", false, false);
    struct api_ask *ask = api_get(t, api_path(t, id, "/tasks/hang/attempts/1/logs"));

    assert_int_equal(ask->status, 200);
    assert_string_equal(api_body(ask), "so far;");
    api_free(t, ask);
    api_expect(t, "GET", api_path(t, id, "/tasks/hang/attempts/2/logs"), NULL, 404, "1 attempts");
    api_expect(t, "GET", api_path(t, id, "/tasks/hang/attempts/0/logs"), NULL, 404, "from 1");
    api_expect(t, "GET", api_path(t, id, "/tasks/gone/attempts/1/logs"), NULL, 404, "gone");
}

/* The worker dies without a last chunk: the end is seen in the store. */
static void test_log_ends_with_the_attempt(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t);
    struct api_ask *ask =
        api_send(t, "GET", api_path(t, id, "/tasks/hang/attempts/1/logs?follow"), NULL, true);

    chunk_append(t, id, 1, 0, "last words;", false, false);
    api_until(t, ask, "last words;");
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_end(t, ask);
    assert_string_equal(api_body(ask), "last words;");
    api_free(t, ask);
}

static bool act_log(void *context, const struct wire_spec *spec, const struct wire_task *task,
                    struct wire_report *report)
{
    const struct api_trial *t = context;

    (void)spec;
    (void)task;
    report->outcome = OUTCOME_SUCCEEDED;
    report->has_log = true;
    report->log_digest = t->digest;
    report->log_bytes = 3 << 20;
    return true;
}

static void on_put(void *argument, const struct exo_error *err)
{
    assert_null(err);
    *(bool *)argument = true;
}

static void test_log_of_an_ended_attempt(void **state)
{
    enum { LOG_BYTES = 3 << 20 };
    struct api_trial *t = *state;
    struct heap_budget budget = {0};
    struct buffer frame;
    char *log = malloc(LOG_BYTES);
    bool is_put = false;

    assert_non_null(log);
    for (int i = 0; i < LOG_BYTES; i++) {
        log[i] = (char)('a' + i % 23 + i / 100000 % 3);
    }
    buffer_init(&frame, allocator_heap(&budget), 0);
    assert_int_equal(zstd_compress((struct span){log, LOG_BYTES}, &frame, NULL), 0);
    t->digest = sha256_of(buffer_span(&frame));
    store_blob_put(t->stage.store, &t->digest, buffer_span(&frame), on_put, &is_put);
    assert_true(stage_run(&t->stage, &is_put, 20 * EXO_SECOND));
    buffer_release(&frame);
    t->act = act_log;
    const char *id = api_submit(t, "{\"cluster\":" HANG "}");

    api_ended(t, id);
    struct api_ask *ask = api_get(t, api_path(t, id, "/tasks/hang/attempts/1/logs?follow"));

    assert_int_equal(ask->status, 200);
    assert_int_equal(ask->body.bytes, LOG_BYTES);
    assert_memory_equal(ask->body.data, log, LOG_BYTES);
    api_free(t, ask);
    free(log);
}

/* ---- leaving ---- */

static void on_left(void *argument)
{
    *(bool *)argument = true;
}

static void test_leave_ends_streams(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t);
    struct api_ask *events = follow(t, id, NULL);
    struct api_ask *log =
        api_send(t, "GET", api_path(t, id, "/tasks/hang/attempts/1/logs?follow"), NULL, true);
    bool is_left = false;

    struct http_call_options options = {.body = span_of("{\"cluster\":" HANG "}")};
    struct api_ask *wait = api_send(t, "POST", "/v1/executions?wait=5m", &options, false);

    api_until(t, events, "event: snapshot");
    chunk_append(t, id, 1, 0, "x", false, false);
    api_until(t, log, "x");
    api_leave(t->api, 20 * EXO_SECOND, on_left, &is_left);
    assert_true(stage_run(&t->stage, &is_left, 20 * EXO_SECOND));
    api_end(t, events);
    api_end(t, log);
    api_end(t, wait);
    assert_int_equal(wait->status, 202);
    assert_false(api_is_ready(t->api));
    api_free(t, wait);
    api_free(t, events);
    api_free(t, log);
}

static void test_clients_that_leave(void **state)
{
    struct api_trial *t = *state;
    const char *id = submit_running(t);
    struct api_ask *events = follow(t, id, NULL);
    struct api_ask *log =
        api_send(t, "GET", api_path(t, id, "/tasks/hang/attempts/1/logs?follow"), NULL, true);

    api_until(t, events, "event: snapshot");
    api_free(t, events);
    api_free(t, log);
    chunk_append(t, id, 1, 0, "x", false, true);
    api_expect(t, "POST", api_path(t, id, "/cancel"), "", 202, NULL);
    api_ended(t, id);
    /* Streams that stay to the end of the API itself. */
    id = submit_running(t);
    events = follow(t, id, NULL);
    api_until(t, events, "event: snapshot");
    api_free(t, events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_of_an_ended_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_watchers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_of_a_running_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_ends_with_the_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log_of_an_ended_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leave_ends_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_clients_that_leave, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
