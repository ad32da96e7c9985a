/* api: every operation of schemas/openapi.yaml with wrong ids, bodies and queries: an error that
 * says what is wrong, and nothing has changed. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/contract/api_trial.h"

#define UNKNOWN "0193a5c1-7f4e-7b2a-9c3d-2e1f0a9b8c7d"
#define ONE                                                                                        \
    "{\"cluster\":{\"name\":\"p/one\",\"satellites\":[{\"name\":\"a\",\"image\":\"oci:x\","        \
    "\"command\":[\"a\"]}]}}"

enum { PATH_BYTES = 400, WAYS = 3 };

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

/* What stands for a parameter of the path: of a wrong form; of the right form, but unknown; of an
 * execution that is there and has ended. */
static const struct {
    const char *name;
    const char *values[WAYS];
} parameters[] = {
    {"id", {"no-id", UNKNOWN, NULL}},       {"task", {"..", "none", "none"}},
    {"name", {"No-Name!", "none", "none"}}, {"project", {"No%20Project", "none", "none"}},
    {"version", {"x", "9", "9"}},           {"n", {"x", "1", "1"}},
};

/* Values that a parameter of the query cannot have. */
static const struct {
    const char *name;
    const char *value;
} queries[] = {
    {"cursor", "%40%40"},
    {"limit", "x"},
    {"limit", "0"},
    {"limit", "1000000"},
    {"state", "NOPE"},
    {"label", "team"},
    {"submitted_after", "now"},
    {"submitted_before", "2026-13-01T00:00:00Z"},
    {"at", "yesterday"},
    {"wait", "never"},
    {"wait", "1000h"},
};

static const char *const bodies[] = {
    "",
    "{",
    "[]",
    "7",
    "\"text\"",
    "{\"nonsense\":true}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":\"\xff\"}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
};

/* ---- one request ---- */

/* The pattern with values in the place of its parameters. */
static void path_make(const char *pattern, int way, const char *ended, char path[PATH_BYTES])
{
    size_t used = 0;

    for (const char *at = pattern; *at != '\0';) {
        const char *value = NULL;

        if (*at != '{') {
            path[used++] = *at++;
            continue;
        }
        size_t bytes = strcspn(at + 1, "}");

        for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
            if (strlen(parameters[i].name) == bytes &&
                memcmp(parameters[i].name, at + 1, bytes) == 0) {
                value = parameters[i].values[way] == NULL ? ended : parameters[i].values[way];
            }
        }
        if (value == NULL) {
            fail_msg("%s: no wrong value is known for a parameter of it", pattern);
        }
        used += (size_t)snprintf(path + used, PATH_BYTES - used, "%s", value);
        at += bytes + 2;
    }
    path[used] = '\0';
}

/* 4xx, with words of its own. */
static void assert_refused(struct api_trial *t, const char *method, const char *path,
                           const char *body)
{
    struct http_call_options options = {.body = span_of(body == NULL ? "" : body)};
    struct api_ask *ask = api_send(t, method, path, &options, false);

    api_end(t, ask); /* its status is documented, its form that of a problem */
    if (ask->status < 400 || ask->status > 499) {
        fail_msg("%s %s with %s: %d, not refused: %s", method, path, body == NULL ? "-" : body,
                 ask->status, api_body(ask));
    }
    struct value problem = api_value(t, ask);
    const char *detail = api_text(t, &problem, "detail");
    const struct value *faults = value_get(&problem, span_of("faults"));

    if (strlen(detail) < 10 && (faults == NULL || faults->count == 0)) {
        fail_msg("%s %s with %s: %d says nothing: %s", method, path, body == NULL ? "-" : body,
                 ask->status, api_body(ask));
    }
    api_free(t, ask);
}

/* ---- one operation ---- */

static struct span parameter_name(const struct value *parameter)
{
    static char lower[64];
    const struct value *name = value_get(parameter, span_of("name"));
    const struct value *reference = value_get(parameter, span_of("$ref"));

    if (name != NULL) {
        return value_text(name);
    }
    (void)snprintf(lower, sizeof(lower), "%.*s", SPAN_ARG(value_text(reference)));
    char *last = strrchr(lower, '/') + 1;

    last[0] = (char)(last[0] | 0x20);
    return span_of(last);
}

/* Also a shared one: none of those stands in a header but IdempotencyKey. */
static bool is_query(const struct value *parameter)
{
    const struct value *in = value_get(parameter, span_of("in"));

    return in == NULL ? !span_is(parameter_name(parameter), "idempotencyKey")
                      : span_is(value_text(in), "query");
}

static void try_queries(struct api_trial *t, const char *method, const char *path,
                        const struct value *operation, const char *body)
{
    const struct value *list = value_get(operation, span_of("parameters"));
    bool has_query = false;

    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct span name = parameter_name(&list->items[i]);

        has_query = has_query || is_query(&list->items[i]);
        for (size_t k = 0; k < sizeof(queries) / sizeof(queries[0]); k++) {
            char full[PATH_BYTES + 80];

            if (span_is(name, queries[k].name)) {
                (void)snprintf(full, sizeof(full), "%s?%s=%s", path, queries[k].name,
                               queries[k].value);
                assert_refused(t, method, full, body);
            }
        }
    }
    if (has_query) {
        char misspelt[PATH_BYTES + 80];

        (void)snprintf(misspelt, sizeof(misspelt), "%s?nonsense=1", path);
        assert_refused(t, method, misspelt, body);
    }
}

/* What an ended execution is asked that can be answered: nothing wrong with it. */
static bool is_answered(const char *method, const char *pattern, int way)
{
    return way == 2 && strcmp(method, "GET") == 0 && strstr(pattern, "{task}") == NULL &&
           strstr(pattern, "{name}") == NULL;
}

static void try_operation(struct api_trial *t, const char *pattern, const char *method,
                          const struct value *operation, const char *ended)
{
    bool has_parameters = strchr(pattern, '{') != NULL;
    bool has_body = value_get(operation, span_of("requestBody")) != NULL;
    char path[PATH_BYTES];

    for (int way = 0; way < WAYS; way++) {
        bool is_of_ended = strstr(pattern, "{id}") != NULL && strstr(pattern, "dead-l") == NULL;

        if (way == 2 && !is_of_ended) {
            continue;
        }
        path_make(pattern, way, ended, path);
        if (has_parameters && !has_body && !is_answered(method, pattern, way)) {
            assert_refused(t, method, path, NULL);
        }
        for (size_t i = 0; has_body && i < sizeof(bodies) / sizeof(bodies[0]); i++) {
            assert_refused(t, method, path, bodies[i]);
        }
        if (way == 2 || !has_parameters) {
            try_queries(t, method, path, operation, has_body ? ONE : NULL);
        }
        if (!has_parameters) {
            break;
        }
    }
}

/* ---- all of them ---- */

static const char *const kept[] = {"/v1/executions", "/v1/clusters",  "/v1/satellites",
                                   "/v1/projects",   "/v1/schedules", "/v1/dead-letters"};

enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

static void look(struct api_trial *t, struct buffer *all)
{
    for (int i = 0; i < KEPT; i++) {
        struct api_ask *ask = api_get(t, kept[i]);

        assert_int_equal(ask->status, 200);
        buffer_append(all, buffer_span(&ask->body));
        api_free(t, ask);
    }
}

static void test_every_operation(void **state)
{
    static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
    static const char *const names[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct api_trial *t = *state;
    const struct value *paths = value_get(&t->contract, span_of("paths"));
    const char *ended = api_submit(t, ONE);
    struct buffer before, after;
    uint32_t tried = 0;

    api_ended(t, ended);
    api_expect(t, "PUT", "/v1/clusters/p/stored", ONE, 422, "name"); /* another name */
    buffer_init(&before, allocator_heap(&t->budget), 0);
    buffer_init(&after, allocator_heap(&t->budget), 0);
    look(t, &before);
    for (uint32_t i = 0; i < paths->count; i++) {
        char pattern[128];

        (void)snprintf(pattern, sizeof(pattern), "%.*s",
                       SPAN_ARG(value_text(&paths->members[i].key)));
        for (size_t k = 0; k < 5 && strncmp(pattern, "/v1/", 4) == 0; k++) {
            const struct value *operation =
                value_get(&paths->members[i].value, span_of(methods[k]));

            if (operation != NULL) {
                try_operation(t, pattern, names[k], operation, ended);
                tried++;
            }
        }
    }
    assert_true(tried > 50);
    look(t, &after);
    if (!span_equal(buffer_span(&before), buffer_span(&after))) {
        fail_msg("something has changed: %.*s", SPAN_ARG(buffer_span(&after)));
    }
    buffer_release(&before);
    buffer_release(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_operation, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
