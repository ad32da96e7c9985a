#include "tests/contract/api_trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "infra/sqlite/statement.h"
#include "producer/core/path_pattern.h"
#include "producer/http/openapi.h"
#include "schemas/json/json_read.h"
#include "tests/support/patience.h"

#define LIMIT_NS TEST_WAIT

static bool act_default(const struct wire_spec *spec, const struct wire_task *task,
                        struct wire_report *report)
{
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = spec->is_map ? task->item : span_of("{\"n\":1}");
    return true;
}

static bool act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                struct wire_report *report)
{
    struct api_trial *t = context;

    return t->act == NULL ? act_default(spec, task, report) : t->act(t, spec, task, report);
}

static void contract_read(struct api_trial *t)
{
    struct json_limits limits = {.text_bytes_max = openapi_json_bytes + 1};
    struct json_error error;

    if (json_read((struct span){openapi_json, openapi_json_bytes}, &limits, &t->arena, &t->contract,
                  &error) != JSON_OK) {
        fail_msg("openapi.json: %s", error.text);
    }
}

struct api_settings api_trial_settings(void)
{
    static const uint8_t secret[32] = {1}; /* the stage's schedulers' */

    return (struct api_settings){.listen = "127.0.0.1:0", .secret = secret};
}

static void until_ready(struct api_trial *t)
{
    exo_time begin_ns = clock_monotonic_ns();

    while (!api_is_ready(t->api)) {
        (void)stage_run(&t->stage, NULL, 2 * EXO_MILLISECOND);
        if (clock_monotonic_ns() - begin_ns > LIMIT_NS) {
            fail_msg("the API waits for %s", api_waits_for(t->api));
        }
    }
}

static struct api_trial *open_at(const char *path, const struct api_settings *settings,
                                 bool with_worker)
{
    const struct stage_settings stage = {
        .log = {.backend = "sqlite", .path = ":memory:"},
        .store = {.backend = "sqlite", .path = path, .readers = 1},
        .cache = {.backend = "memory", .view_ttl_ns = 30 * EXO_SECOND},
        .shard_count = 4,
    };
    struct api_settings usual = api_trial_settings();
    struct api_trial *t = calloc(1, sizeof(*t));
    struct exo_error err;

    assert_non_null(t);
    arena_init(&t->arena, allocator_heap(&t->budget), 0);
    memcpy(t->secret, usual.secret, sizeof(t->secret));
    contract_read(t);
    stage_open(&t->stage, &stage);
    t->api = api_open(t->stage.loop, t->stage.log, t->stage.store, t->stage.cache,
                      settings == NULL ? &usual : settings, &err);
    t->client = http_client_open(t->stage.loop, 0, &err);
    if (t->api == NULL || t->client == NULL) {
        fail_msg("%s", err.text);
    }
    stage_scheduler_start(&t->stage, 0);
    if (with_worker) {
        t->worker = puppet_worker_new(t->stage.loop, t->stage.log, "puppet", 1, 8, act, t);
    }
    until_ready(t);
    return t;
}

struct api_trial *api_trial_open(const struct api_settings *settings, bool with_worker)
{
    return open_at(":memory:", settings, with_worker);
}

struct api_trial *api_trial_open_in_file(void)
{
    char directory[] = "/tmp/exo-api.XXXXXX";
    char place[sizeof(((struct api_trial *)NULL)->place)];

    assert_non_null(mkdtemp(directory));
    (void)snprintf(place, sizeof(place), "%s/store.db", directory);
    struct api_trial *t = open_at(place, NULL, true);

    memcpy(t->place, place, sizeof(place));
    return t;
}

static void file_delete(char *place)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    char name[80];

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", place, ends[i]);
        (void)unlink(name);
    }
    *strrchr(place, '/') = '\0';
    (void)rmdir(place);
}

void api_trial_script(const struct api_trial *t, const char *sql)
{
    struct exo_error err;
    struct sqlite_connection *connection = sqlite_connection_open(t->place, false, &err);

    if (connection == NULL || sqlite_script(connection, sql, &err) < 0) {
        fail_msg("%s", err.text);
    }
    sqlite_connection_close(connection);
}

void api_trial_close(struct api_trial *t)
{
    if (t->worker != NULL) {
        puppet_worker_free(t->worker);
    }
    http_client_close(t->client);
    api_close(t->api);
    stage_close(&t->stage);
    if (t->place[0] != '\0') {
        file_delete(t->place);
    }
    arena_release(&t->arena);
    free(t);
}

/* ---- requests ---- */

static void on_data(void *argument, struct span bytes)
{
    struct api_ask *ask = argument;

    buffer_append(&ask->body, bytes);
}

static void copy_header(char *to, size_t room, const struct http_result *result, const char *name)
{
    const char *value = result->status == 0 ? NULL : http_result_header(result, name);

    (void)snprintf(to, room, "%s", value == NULL ? "" : value);
}

static void on_done(void *argument, const struct http_result *result)
{
    struct api_ask *ask = argument;

    ask->call = NULL;
    ask->status = result->status;
    ask->err = result->err;
    buffer_append(&ask->body, result->body);
    (void)snprintf(ask->content_type, sizeof(ask->content_type), "%s", result->content_type);
    copy_header(ask->retry_after, sizeof(ask->retry_after), result, "Retry-After");
    copy_header(ask->location, sizeof(ask->location), result, "Location");
    copy_header(ask->authenticate, sizeof(ask->authenticate), result, "WWW-Authenticate");
    ask->is_done = true;
}

struct api_ask *api_send(struct api_trial *t, const char *method, const char *path,
                         const struct http_call_options *options, bool is_stream)
{
    struct api_ask *ask = calloc(1, sizeof(*ask));
    struct http_call_options all = options == NULL ? (struct http_call_options){0} : *options;
    char url[512];
    struct exo_error err;

    assert_non_null(ask);
    ask->method = method;
    ask->is_stream = is_stream;
    (void)snprintf(ask->path, sizeof(ask->path), "%.*s", (int)strcspn(path, "?"), path);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", api_port(t->api), path);
    buffer_init(&ask->body, allocator_heap(&t->budget), 0);
    all.method = method;
    all.url = url;
    all.on_data = is_stream ? on_data : NULL;
    all.on_done = on_done;
    all.argument = ask;
    all.response_bytes_max = API_TRIAL_BODY_BYTES;
    ask->call = http_call_start(t->client, &all, &err);
    if (ask->call == NULL) {
        fail_msg("%s", err.text);
    }
    return ask;
}

/* The statuses that the contract has for a method and path; NULL when it has none. */
static const struct value *responses_of(struct api_trial *t, const char *method, const char *path)
{
    const struct value *paths = value_get(&t->contract, span_of("paths"));
    struct path_parameters parameters;
    char lower[8];
    size_t bytes = strlen(method);

    assert_true(bytes < sizeof(lower));
    for (size_t i = 0; i <= bytes; i++) {
        lower[i] = (char)(method[i] >= 'A' && method[i] <= 'Z' ? method[i] + 32 : method[i]);
    }
    for (uint32_t i = 0; i < paths->count; i++) {
        char pattern[128];

        (void)snprintf(pattern, sizeof(pattern), "%.*s",
                       SPAN_ARG(value_text(&paths->members[i].key)));
        const struct value *operation = value_get(&paths->members[i].value, span_of(lower));

        if (operation != NULL && path_match(pattern, path, &parameters)) {
            return value_get(operation, span_of("responses"));
        }
    }
    return NULL;
}

static void check_documented(struct api_trial *t, const struct api_ask *ask)
{
    const struct value *responses = responses_of(t, ask->method, ask->path);
    char status[8];

    if (responses == NULL && strcmp(ask->method, "HEAD") == 0) {
        responses = responses_of(t, "GET", ask->path);
    }
    if (responses == NULL) {
        assert_true(ask->status == 404 || ask->status == 405);
        return;
    }
    (void)snprintf(status, sizeof(status), "%d", ask->status);
    if (value_get(responses, span_of(status)) == NULL) {
        fail_msg("%s %s answered %s, which openapi.yaml does not have: %s", ask->method, ask->path,
                 status, api_body((struct api_ask *)(uintptr_t)ask));
    }
}

void api_end(struct api_trial *t, struct api_ask *ask)
{
    if (!loop_run_until(t->stage.loop, &ask->is_done, LIMIT_NS)) {
        fail_msg("%s %s: no end of the answer; so far: %s", ask->method, ask->path, api_body(ask));
    }
    if (ask->err.code != EXO_OK) {
        fail_msg("%s %s: %s", ask->method, ask->path, ask->err.text);
    }
    check_documented(t, ask);
    if (ask->status >= 400 && strcmp(ask->method, "HEAD") != 0) {
        assert_string_equal(ask->content_type, "application/problem+json");
    }
}

void api_free(struct api_trial *t, struct api_ask *ask)
{
    (void)t;
    http_call_cancel(ask->call);
    buffer_release(&ask->body);
    free(ask);
}

const char *api_body(struct api_ask *ask)
{
    size_t bytes = ask->body.bytes;

    buffer_append(&ask->body, (struct span){"", 1});
    assert_false(ask->body.is_failed);
    ask->body.bytes = bytes;
    return (const char *)ask->body.data;
}

void api_until(struct api_trial *t, struct api_ask *ask, const char *text)
{
    exo_time begin_ns = clock_monotonic_ns();

    while (strstr(api_body(ask), text) == NULL) {
        if (ask->is_done || clock_monotonic_ns() - begin_ns > LIMIT_NS) {
            fail_msg("%s %s: no %s in %s", ask->method, ask->path, text, api_body(ask));
        }
        (void)stage_run(&t->stage, &ask->is_done, 2 * EXO_MILLISECOND);
    }
}

static struct api_ask *ask_whole(struct api_trial *t, const char *method, const char *path,
                                 const char *body)
{
    struct http_call_options options = {.body = span_of(body)};
    struct api_ask *ask = api_send(t, method, path, &options, false);

    api_end(t, ask);
    return ask;
}

struct api_ask *api_get(struct api_trial *t, const char *path)
{
    return ask_whole(t, "GET", path, NULL);
}

struct api_ask *api_post(struct api_trial *t, const char *path, const char *body)
{
    return ask_whole(t, "POST", path, body);
}

struct value api_value(struct api_trial *t, struct api_ask *ask)
{
    struct json_limits limits = {.text_bytes_max = ask->body.bytes + 1};
    struct json_error error;
    struct value value;

    if (json_read(buffer_span(&ask->body), &limits, &t->arena, &value, &error) != JSON_OK) {
        fail_msg("no JSON: %s: %s", error.text, api_body(ask));
    }
    return value;
}

const char *api_text(struct api_trial *t, const struct value *map, const char *key)
{
    const struct value *member = value_get(map, span_of(key));

    if (member == NULL || member->kind != VALUE_STRING) {
        return "";
    }
    return arena_copy(&t->arena, value_text(member)).data;
}

void api_expect(struct api_trial *t, const char *method, const char *path, const char *body,
                int status, const char *detail)
{
    struct api_ask *ask = ask_whole(t, method, path, body);

    if (ask->status != status || (detail != NULL && strstr(api_body(ask), detail) == NULL)) {
        fail_msg("%s %s: %d %s, wanted %d %s", method, path, ask->status, api_body(ask), status,
                 detail == NULL ? "" : detail);
    }
    api_free(t, ask);
}

void api_until_says(struct api_trial *t, const char *path, const char *text)
{
    exo_time begin_ns = clock_monotonic_ns();
    bool is_said = false;

    while (!is_said) {
        struct api_ask *ask = api_get(t, path);

        is_said = strstr(api_body(ask), text) != NULL;
        if (!is_said && clock_monotonic_ns() - begin_ns > LIMIT_NS) {
            fail_msg("%s: no %s in %s", path, text, api_body(ask));
        }
        api_free(t, ask);
    }
}

const char *api_submit(struct api_trial *t, const char *body)
{
    struct api_ask *ask = api_post(t, "/v1/executions", body);

    if (ask->status != 202) {
        fail_msg("%d %s", ask->status, api_body(ask));
    }
    struct value answer = api_value(t, ask);
    const char *id = api_text(t, &answer, "id");

    api_free(t, ask);
    return id;
}

void api_ended(struct api_trial *t, const char *id)
{
    struct execution_id parsed;

    assert_true(execution_id_parse(span_of(id), &parsed));
    (void)stage_await(&t->stage, &parsed, NULL);
}

const char *api_path(struct api_trial *t, const char *id, const char *rest)
{
    char path[256];
    int bytes = snprintf(path, sizeof(path), "/v1/executions/%s%s", id, rest);

    return arena_copy(&t->arena, (struct span){path, (size_t)bytes}).data;
}
