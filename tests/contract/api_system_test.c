/* api: who may ask, what it waits for, workers, dead letters, the doors of attempts, the contract.
 */
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/attempt_token.h"
#include "infra/crypto/crypto.h"
#include "producer/http/handlers.h"
#include "tests/contract/api_trial.h"

#define SATELLITE(name, rest)                                                                      \
    "{\"name\":\"" name "\",\"image\":\"oci:x\",\"command\":[\"a\"]" rest "}"
#define ONE "{\"name\":\"p/one\",\"satellites\":[" SATELLITE("a", "") "]}"

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

static struct api_ask *ask_with(struct api_trial *t, const char *method, const char *path,
                                const char *bearer, struct span body)
{
    struct http_call_options options = {.bearer = bearer, .body = body};
    struct api_ask *ask = api_send(t, method, path, &options, false);

    api_end(t, ask);
    return ask;
}

static void expect_with(struct api_trial *t, const char *method, const char *path,
                        const char *bearer, int status)
{
    struct api_ask *ask = ask_with(t, method, path, bearer, (struct span){NULL, 0});

    if (ask->status != status) {
        fail_msg("%s %s: %d, wanted %d", method, path, ask->status, status);
    }
    if (status == 401) {
        assert_string_equal(ask->authenticate, "Bearer realm=\"exosphere\"");
    }
    api_free(t, ask);
}

/* ---- who may ask ---- */

static void test_token(void **state)
{
    struct api_settings settings = api_trial_settings();

    (void)state;
    settings.token = "open sesame";
    struct api_trial *t = api_trial_open(&settings, false);

    expect_with(t, "GET", "/v1/executions", NULL, 401);
    expect_with(t, "GET", "/v1/executions", "open sesam", 401);
    expect_with(t, "GET", "/v1/executions", "open sesamf", 401);
    expect_with(t, "GET", "/v1/executions", "open sesame", 200);
    expect_with(t, "POST", "/v1/executions", "", 401);
    expect_with(t, "GET", "/healthz", NULL, 200);
    expect_with(t, "GET", "/readyz", NULL, 200);
    expect_with(t, "GET", "/metrics", NULL, 200);
    expect_with(t, "GET", "/openapi.json", NULL, 200);
    /* The API's token is none of an attempt. */
    expect_with(t, "GET",
                "/internal/blobs/"
                "0000000000000000000000000000000000000000000000000000000000000000",
                "open sesame", 401);
    api_trial_close(t);
}

static void test_not_open_to_others(void **state)
{
    struct api_trial *t = *state;
    struct api_settings settings = api_trial_settings();
    struct exo_error err;

    settings.listen = "0.0.0.0:0";
    assert_null(
        api_open(t->stage.loop, t->stage.log, t->stage.store, t->stage.cache, &settings, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    assert_non_null(strstr(err.text, "api_token"));
    settings.token = "t";
    struct api *api =
        api_open(t->stage.loop, t->stage.log, t->stage.store, t->stage.cache, &settings, &err);

    assert_non_null(api);
    api_close(api);
    settings.listen = "nonsense";
    assert_null(
        api_open(t->stage.loop, t->stage.log, t->stage.store, t->stage.cache, &settings, &err));
}

static void test_pages_of_others(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        int status;
    } cases[] = {
        {"Origin", "https://evil.example", 403},
        {"Origin", "null", 403},
        {"Origin", "http://localhost.evil.example", 403},
        {"Host", "evil.example", 403},
        {"Host", "127.0.0.1.evil.example:8080", 403},
        {"Host", "", 403},
        {"Origin", "http://localhost:3000", 202},
        {"Origin", "http://127.0.0.1:8080", 202},
        {"Host", "localhost:8080", 202},
        {"Host", "LOCALHOST", 202},
        {"Host", "[::1]:8080", 202},
    };
    struct api_trial *t = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct http_header header = {cases[i].name, cases[i].value};
        struct http_call_options options = {
            .headers = &header, .header_count = 1, .body = span_of("{\"cluster\":" ONE "}")};
        struct api_ask *ask = api_send(t, "POST", "/v1/executions", &options, false);

        api_end(t, ask);
        if (ask->status != cases[i].status) {
            fail_msg("%s: %s: %d", cases[i].name, cases[i].value, ask->status);
        }
        api_free(t, ask);
    }
}

static void test_no_such_path(void **state)
{
    struct api_trial *t = *state;

    api_expect(t, "GET", "/v1/execution", NULL, 404, "openapi.json");
    api_expect(t, "GET", "/v1/executions/", NULL, 404, NULL);
    api_expect(t, "DELETE", "/v1/executions", NULL, 405, "Allow");
    api_expect(t, "GET", "/v1/validate", NULL, 405, NULL);
    expect_with(t, "HEAD", "/healthz", NULL, 200);
}

/* ---- what it waits for ---- */

static void test_not_ready(void **state)
{
    struct api_trial *t = *state;
    struct api_settings settings = api_trial_settings();
    const struct store_settings empty = {.backend = "sqlite", .path = ":memory:", .readers = 1};
    struct exo_error err;
    struct store *store = store_open(t->stage.loop, &empty, &err);
    struct api *ready = t->api;

    assert_non_null(store);
    t->api = api_open(t->stage.loop, t->stage.log, store, t->stage.cache, &settings, &err);
    assert_non_null(t->api);
    exo_time begin_ns = clock_monotonic_ns();

    while (strstr(api_waits_for(t->api), "migrate") == NULL) {
        (void)stage_run(&t->stage, NULL, EXO_MILLISECOND);
        assert_true(clock_monotonic_ns() - begin_ns < 20 * EXO_SECOND);
    }
    api_expect(t, "GET", "/healthz", NULL, 200, "ok");
    struct api_ask *ask = api_get(t, "/readyz");

    assert_int_equal(ask->status, 503);
    assert_string_equal(ask->retry_after, "1");
    assert_non_null(strstr(api_body(ask), "exosphere migrate"));
    api_free(t, ask);
    api_expect(t, "POST", "/v1/executions", "{\"cluster\":" ONE "}", 503, "it waits for");
    api_close(t->api);
    t->api = ready;
    store_close(store);
    api_expect(t, "GET", "/readyz", NULL, 200, "ready");
}

static void test_metrics(void **state)
{
    struct api_trial *t = *state;

    (void)api_submit(t, "{\"cluster\":" ONE "}");
    api_expect(t, "POST", "/v1/executions", "{}", 422, NULL);
    struct api_ask *ask = api_get(t, "/metrics");

    assert_non_null(strstr(api_body(ask), "\nexosphere_api_submitted_total 1\n"));
    assert_non_null(strstr(api_body(ask), "\nexosphere_api_refused_total 1\n"));
    assert_non_null(strstr(api_body(ask), "\nexosphere_api_ready 1\n"));
    assert_non_null(strstr(api_body(ask), "exosphere_http_requests_total{class=\"2xx\"}"));
    api_free(t, ask);
}

/* ---- workers ---- */

struct drained {
    bool is_done;
    struct wire_task_record record;
    struct arena arena;
};

static size_t on_task_records(void *argument, const struct log_record *records, size_t count)
{
    struct drained *drained = argument;

    for (size_t i = 0; i < count && !drained->is_done; i++) {
        drained->is_done = wire_task_record_unpack(records[i].value, &drained->arena,
                                                   &drained->record) == WIRE_OK &&
                           drained->record.drain;
    }
    return count;
}

static void on_reader_failed(void *argument, const struct exo_error *err)
{
    (void)argument;
    fail_msg("%s", err->text);
}

static void until_heard(struct api_trial *t)
{
    exo_time begin_ns = clock_monotonic_ns();
    bool is_heard = false;

    while (!is_heard) {
        struct api_ask *ask = api_get(t, "/v1/workers");

        is_heard = strstr(api_body(ask), "\"name\":\"puppet\",\"state\":\"alive\"") != NULL;
        api_free(t, ask);
        assert_true(clock_monotonic_ns() - begin_ns < 20 * EXO_SECOND);
    }
}

static void test_workers(void **state)
{
    static const struct log_reader_callbacks callbacks = {.records = on_task_records,
                                                          .failed = on_reader_failed};
    struct api_trial *t = *state;
    struct heap_budget budget = {0};
    struct drained drained = {.is_done = false};

    arena_init(&drained.arena, allocator_heap(&budget), 0);
    until_heard(t);
    struct log_reader *reader =
        log_reader_open(t->stage.log, "exo.tasks.default",
                        topic_class_partition(span_of("puppet"), TOPIC_TASKS_PARTITIONS), 0, 0,
                        &callbacks, &drained);

    api_expect(t, "POST", "/v1/workers/puppet/drain", "", 202, "draining");
    assert_true(stage_run(&t->stage, &drained.is_done, 20 * EXO_SECOND));
    assert_true(span_is(drained.record.worker, "puppet"));
    assert_int_equal(drained.record.incarnation, 1);
    assert_int_equal(drained.record.task_count, 0);
    api_expect(t, "POST", "/v1/workers/nobody/drain", "", 404, "nobody");
    log_reader_close(reader);
    arena_release(&drained.arena);
}

/* ---- dead letters ---- */

static void test_dead_letters(void **state)
{
    struct api_trial *t = *state;
    exo_time begin_ns = clock_monotonic_ns();

    api_expect(t, "GET", "/v1/dead-letters", NULL, 200, "\"dead_letters\":[]");
    stage_append(&t->stage, TOPIC_JOBS, 0, span_of("\xff\xfe poison"));
    stage_append(&t->stage, TOPIC_JOBS, 0, span_of("\xff\xfe again"));
    while (stage_letters(&t->stage) < 2) {
        (void)stage_run(&t->stage, NULL, EXO_MILLISECOND);
        assert_true(clock_monotonic_ns() - begin_ns < 20 * EXO_SECOND);
    }
    api_expect(t, "GET", "/v1/dead-letters?limit=1", NULL, 200, "\"next_cursor\":\"1\"");
    api_expect(t, "GET", "/v1/dead-letters?cursor=1", NULL, 200, "\"id\":2,\"topic\":\"exo.jobs\"");
    api_expect(t, "GET", "/v1/dead-letters?cursor=x", NULL, 400, "next_cursor");
    api_expect(t, "GET", "/v1/dead-letters/1", NULL, 200, "\"value_base64url\":\"__4gcG9pc29u\"");
    api_expect(t, "GET", "/v1/dead-letters/9", NULL, 404, "no dead letter 9");
    api_expect(t, "GET", "/v1/dead-letters/x", NULL, 404, "number");
    api_expect(t, "POST", "/v1/dead-letters/1/replay", "", 202, "\"is_replayed\":true");
    api_expect(t, "GET", "/v1/dead-letters/1", NULL, 200, "\"is_replayed\":true");
    api_expect(t, "GET", "/v1/dead-letters/1", NULL, 200, "\"outcome\":\"it was sent again");
    while (stage_letters(&t->stage) < 3) { /* it is as bad as it was */
        (void)stage_run(&t->stage, NULL, EXO_MILLISECOND);
        assert_true(clock_monotonic_ns() - begin_ns < 20 * EXO_SECOND);
    }
    api_expect(t, "POST", "/v1/dead-letters/1/replay", "", 409, "?again");
    api_expect(t, "POST", "/v1/dead-letters/1/replay?again", "", 202, NULL);
}

/* ---- the doors of attempts ---- */

static void blob_path(const char *text, char ret_path[128])
{
    struct digest digest = sha256_of(span_of(text));

    memcpy(ret_path, "/internal/blobs/", 17);
    digest_format(&digest, ret_path + 16);
}

static void test_blobs(void **state)
{
    struct api_trial *t = *state;
    struct task_id task = {.instance = 3};
    char token[ATTEMPT_TOKEN_TEXT_BYTES];
    char path[128];
    char other[128];

    attempt_token_make(t->secret, &task, 1, token);
    blob_path("hello", path);
    blob_path("other", other);
    expect_with(t, "GET", path, token, 404);
    expect_with(t, "HEAD", path, token, 404);
    expect_with(t, "PUT", path, NULL, 401);
    expect_with(t, "PUT", path, "nonsense", 401);
    struct api_ask *ask = ask_with(t, "PUT", other, token, span_of("hello"));

    assert_int_equal(ask->status, 400); /* another digest */
    api_free(t, ask);
    for (int i = 0; i < 2; i++) { /* also when it is there */
        ask = ask_with(t, "PUT", path, token, span_of("hello"));
        assert_int_equal(ask->status, 204);
        api_free(t, ask);
    }
    ask = ask_with(t, "GET", path, token, (struct span){NULL, 0});
    assert_int_equal(ask->status, 200);
    assert_string_equal(api_body(ask), "hello");
    api_free(t, ask);
    expect_with(t, "HEAD", path, token, 200);
    expect_with(t, "GET", "/internal/blobs/17", token, 404);
    token[3] = token[3] == 'A' ? 'B' : 'A';
    expect_with(t, "GET", path, token, 401);
}

static void test_large_blob(void **state)
{
    struct api_trial *t = *state;
    struct task_id task = {.instance = 3};
    char token[ATTEMPT_TOKEN_TEXT_BYTES];
    size_t bytes = 8 << 20;
    char *blob = malloc(bytes);
    char path[128] = "/internal/blobs/";

    assert_non_null(blob);
    memset(blob, 'b', bytes);
    struct digest digest = sha256_of((struct span){blob, bytes});

    digest_format(&digest, path + strlen(path));
    attempt_token_make(t->secret, &task, 1, token);
    struct api_ask *ask = ask_with(t, "PUT", path, token, (struct span){blob, bytes});

    assert_int_equal(ask->status, 204);
    api_free(t, ask);
    ask = ask_with(t, "GET", path, token, (struct span){NULL, 0});
    assert_int_equal(ask->body.bytes, bytes);
    assert_memory_equal(ask->body.data, blob, bytes);
    api_free(t, ask);
    free(blob);
}

static void test_lists(void **state)
{
    struct api_trial *t = *state;
    const char *id = api_submit(
        t,
        "{\"cluster\":{\"name\":\"p/m\",\"satellites\":[" SATELLITE("first", "") "," SATELLITE(
            "count", ",\"for_each\":\"${{ input.items }}\"") "]},\"input\":{\"items\":[7,\"x\"]}}");
    struct task_id task = {.instance = 0};
    char token[ATTEMPT_TOKEN_TEXT_BYTES];
    char foreign[ATTEMPT_TOKEN_TEXT_BYTES];
    char path[128];

    api_ended(t, id);
    attempt_token_make(t->secret, &task, 1, foreign);
    assert_true(execution_id_parse(span_of(id), &task.execution));
    attempt_token_make(t->secret, &task, 1, token);
    (void)snprintf(path, sizeof(path), "/internal/lists/%s/1", id);
    struct api_ask *ask = ask_with(t, "GET", path, token, (struct span){NULL, 0});

    assert_int_equal(ask->status, 200);
    assert_string_equal(api_body(ask), "[7,\"x\"]\n");
    api_free(t, ask);
    expect_with(t, "GET", path, foreign, 403);
    expect_with(t, "GET", path, NULL, 401);
    (void)snprintf(path, sizeof(path), "/internal/lists/%s/1?index=1", id);
    ask = ask_with(t, "GET", path, token, (struct span){NULL, 0});
    assert_string_equal(api_body(ask), "\"x\"\n");
    api_free(t, ask);
    (void)snprintf(path, sizeof(path), "/internal/lists/%s/1?index=2", id);
    expect_with(t, "GET", path, token, 404);
    (void)snprintf(path, sizeof(path), "/internal/lists/%s/0", id);
    expect_with(t, "GET", path, token, 404); /* no map */
}

/* ---- routes and contract agree ---- */

static const struct value *operation_of(struct api_trial *t, const char *pattern,
                                        const char *method)
{
    const struct value *paths = value_get(&t->contract, span_of("paths"));
    const struct value *path = value_get(paths, span_of(pattern));
    char lower[8] = {0};

    for (size_t i = 0; method[i] != '\0'; i++) {
        lower[i] = (char)(method[i] + 32);
    }
    return path == NULL ? NULL : value_get(path, span_of(lower));
}

struct routes_walk {
    struct api_trial *t;
    const char *pattern; /* wanted */
    const char *method;
    bool is_found;
};

static void on_route(void *argument, const struct route *route)
{
    struct routes_walk *walk = argument;
    const struct value *operation = operation_of(walk->t, route->pattern, route->method);

    if (operation == NULL) {
        fail_msg("openapi.yaml has no %s %s", route->method, route->pattern);
    }
    const struct value *security = value_get(operation, span_of("security"));
    bool is_open = security != NULL && security->count == 0;
    bool is_internal = security != NULL && security->count == 1;

    assert_true(is_open == (route->guard == GUARD_NONE));
    assert_true(is_internal == (route->guard == GUARD_ATTEMPT));
    const struct value *responses = value_get(operation, span_of("responses"));

    assert_true((value_get(responses, span_of("401")) != NULL) == (route->guard != GUARD_NONE));
    assert_true(value_get(operation, span_of("summary")) != NULL && route->summary[0] != '\0');
}

static void on_route_look(void *argument, const struct route *route)
{
    struct routes_walk *walk = argument;

    walk->is_found = walk->is_found || (strcmp(route->pattern, walk->pattern) == 0 &&
                                        strcmp(route->method, walk->method) == 0);
}

static void test_routes_and_contract_agree(void **state)
{
    struct api_trial *t = *state;
    const struct value *paths = value_get(&t->contract, span_of("paths"));
    struct routes_walk walk = {.t = t};

    routes_each(on_route, &walk);
    for (uint32_t i = 0; i < paths->count; i++) {
        const struct value *path = &paths->members[i].value;

        for (uint32_t k = 0; k < path->count; k++) {
            char pattern[128];
            char method[16] = {0};
            struct span key = value_text(&path->members[k].key);

            if (span_is(key, "parameters")) {
                continue;
            }
            (void)snprintf(pattern, sizeof(pattern), "%.*s",
                           SPAN_ARG(value_text(&paths->members[i].key)));
            for (size_t c = 0; c < key.bytes; c++) {
                method[c] = (char)(((const char *)key.data)[c] - 32);
            }
            walk = (struct routes_walk){.t = t, .pattern = pattern, .method = method};
            routes_each(on_route_look, &walk);
            if (!walk.is_found) {
                fail_msg("no route for %s %s of openapi.yaml", method, pattern);
            }
        }
    }
}

/* Each {name} of a path is a parameter, and each $ref leads somewhere. */
static const struct value *resolve(struct api_trial *t, const struct value *v)
{
    const struct value *ref = value_get(v, span_of("$ref"));
    const struct value *at = &t->contract;

    if (ref == NULL) {
        return v;
    }
    char path[256];
    char *rest = NULL;

    (void)snprintf(path, sizeof(path), "%.*s", SPAN_ARG(value_text(ref)));
    for (char *part = strtok_r(path + 2, "/", &rest); part != NULL;
         part = strtok_r(NULL, "/", &rest)) {
        at = value_get(at, span_of(part));
        if (at == NULL) {
            fail_msg("openapi.yaml: %.*s leads nowhere", SPAN_ARG(value_text(ref)));
        }
    }
    return at;
}

static void walk_refs(struct api_trial *t, const struct value *v)
{
    (void)resolve(t, v);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        walk_refs(t, &v->items[i]);
    }
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        walk_refs(t, &v->members[i].value);
    }
}

static void test_contract_is_whole(void **state)
{
    struct api_trial *t = *state;
    const struct value *paths = value_get(&t->contract, span_of("paths"));

    walk_refs(t, &t->contract);
    for (uint32_t i = 0; i < paths->count; i++) {
        const struct value *parameters = value_get(&paths->members[i].value, span_of("parameters"));
        struct span path = value_text(&paths->members[i].key);
        uint32_t names = 0;

        for (size_t c = 0; c < path.bytes; c++) {
            names += ((const char *)path.data)[c] == '{';
        }
        assert_int_equal(parameters == NULL ? 0 : parameters->count, names);
        for (uint32_t k = 0; k < names; k++) {
            const struct value *name =
                value_get(resolve(t, &parameters->items[k]), span_of("name"));
            char written[80];

            (void)snprintf(written, sizeof(written), "{%.*s}", SPAN_ARG(value_text(name)));
            assert_non_null(memmem(path.data, path.bytes, written, strlen(written)));
        }
    }
    struct api_ask *ask = api_get(t, "/openapi.json");
    struct value served = api_value(t, ask);

    assert_string_equal(ask->content_type, "application/json");
    assert_true(value_equal(&served, &t->contract));
    api_free(t, ask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),
        cmocka_unit_test_setup_teardown(test_not_open_to_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pages_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_such_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_ready, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_workers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blobs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_blob, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_routes_and_contract_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_contract_is_whole, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
