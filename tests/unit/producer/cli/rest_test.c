/* rest: paths, and a real HTTP server's answers as exit statuses and words. */
#include "producer/cli/rest.h"

#include "infra/http/problem.h"
#include "tests/unit/producer/cli/cli_call.h"

static void test_paths(void **state)
{
    struct rest_path path;
    char word[REST_PATH_BYTES];

    (void)state;
    rest_path_begin(&path, "/v1/executions/");
    rest_path_word(&path, "a/b?c d\xc3\xbc");
    rest_path_query(&path, "label", "k=v&x");
    rest_path_query(&path, "none", NULL);
    rest_path_query(&path, "empty", "");
    rest_path_query(&path, "limit", "5");
    assert_string_equal(path.text, "/v1/executions/a%2Fb%3Fc%20d%C3%BC?label=k%3Dv%26x&limit=5");
    assert_false(path.is_cut);
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    rest_path_word(&path, word);
    assert_true(path.is_cut);
}

/* Answers each path with what it says: /STATUS. Shares the client's loop. */
static void answer(void *argument, struct http_request *request)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    int status = atoi(http_path(request) + 1);

    (void)argument;
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    fault_add(&faults, &(struct fault){.path = "input.x", .text = "bad", .hint = "mend it"});
    if (status >= 400) {
        const struct problem problem = {.status = status, .detail = "no way", .faults = &faults};

        problem_respond(request, &problem, NULL, 0);
    } else {
        const char *authorization = http_request_header(request, "Authorization");
        const struct http_answer plain = {
            .status = status,
            .content_type = "application/json",
            .body = span_of(status == 204   ? ""
                            : status == 299 ? "no json"
                            : authorization != NULL && strcmp(authorization, "Bearer t") == 0
                                ? "{\"id\":\"1\",\"n\":2}"
                                : "{}")};

        http_respond(request, &plain);
    }
    arena_release(&arena);
}

struct scene {
    struct cli_call c;
    struct rest rest;
    struct http_server *server;
    char text[4096];
};

static void open_scene(struct scene *scene)
{
    static const char *const variables[] = {"EXOSPHERE_TOKEN=t",
                                            "EXOSPHERE_SERVER=http://127.0.0.1:1///", NULL};
    const struct http_server_options options = {.listen = "127.0.0.1:0", .handle = answer};
    struct exo_error err;

    cli_call_begin(&scene->c, NULL, 0, variables);
    assert_int_equal(rest_open(&scene->rest, &scene->c.cli), 0);
    assert_string_equal(scene->rest.base, "http://127.0.0.1:1");
    scene->server = http_server_open(scene->rest.loop, &options, &err);
    assert_non_null(scene->server);
    (void)snprintf(scene->rest.base, sizeof(scene->rest.base), "http://127.0.0.1:%u",
                   http_server_port(scene->server));
}

static void close_scene(struct scene *scene)
{
    http_server_close(scene->server);
    rest_close(&scene->rest);
    cli_call_end(&scene->c);
}

static int ask(struct scene *scene, const char *path, struct value *value)
{
    cli_call_capture(&scene->c, stderr);
    int status = rest_ask(&scene->rest, &(struct rest_request){.path = path}, value);

    cli_call_seen(&scene->c, stderr, scene->text, sizeof(scene->text));
    return status;
}

static void test_answers(void **state)
{
    static const struct {
        const char *path;
        int status;
    } rows[] = {
        {"/400", CLI_EXIT_DATA},      {"/401", CLI_EXIT_DENIED},   {"/403", CLI_EXIT_DENIED},
        {"/404", CLI_EXIT_NOT_FOUND}, {"/409", CLI_EXIT_CONFLICT}, {"/422", CLI_EXIT_DATA},
        {"/429", CLI_EXIT_LATER},     {"/500", CLI_EXIT_INTERNAL}, {"/503", CLI_EXIT_UNAVAILABLE},
        {"/299", CLI_EXIT_INTERNAL},
    };
    struct scene scene;
    struct value value = {0};

    (void)state;
    open_scene(&scene);
    assert_int_equal(ask(&scene, "/200", &value), 0);
    assert_string_equal(rest_text(&value, "id"), "1"); /* the token was sent */
    assert_int_equal(rest_number(&value, "n"), 2);
    assert_string_equal(rest_text(&value, "n"), "");
    assert_int_equal(rest_number(&value, "id"), 0);
    assert_string_equal(scene.text, "");
    assert_int_equal(ask(&scene, "/204", &value), 0);
    assert_int_equal(value.kind, VALUE_NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (ask(&scene, rows[i].path, &value) != rows[i].status) {
            fail_msg("%s", rows[i].path);
        }
    }
    assert_int_equal(ask(&scene, "/422", &value), CLI_EXIT_DATA);
    assert_string_equal(scene.text, "exosphere: no way (HTTP 422)\n  input.x: bad; mend it\n");
    assert_int_equal(ask(&scene, "/401", &value), CLI_EXIT_DENIED);
    assert_non_null(strstr(scene.text, "EXOSPHERE_TOKEN"));
    close_scene(&scene);
}

static void test_nobody_there(void **state)
{
    struct scene scene;
    struct value value = {0};

    (void)state;
    open_scene(&scene);
    http_server_close(scene.server);
    scene.server = NULL;
    assert_int_equal(ask(&scene, "/200", &value), CLI_EXIT_UNAVAILABLE);
    assert_non_null(strstr(scene.text, "EXOSPHERE_SERVER"));
    close_scene(&scene);
}

static void test_addresses_that_are_none(void **state)
{
    static const char *const servers[] = {"EXOSPHERE_SERVER=127.0.0.1:8080",
                                          "EXOSPHERE_SERVER=ftp://x", "EXOSPHERE_SERVER=/"};

    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        const char *const variables[] = {servers[i], NULL};
        struct cli_call c;
        struct rest rest;
        char text[512];

        cli_call_begin(&c, NULL, 0, variables);
        cli_call_capture(&c, stderr);
        int status = rest_open(&rest, &c.cli);

        cli_call_seen(&c, stderr, text, sizeof(text));
        assert_int_equal(status, EXIT_STATUS_CONFIG);
        assert_non_null(strstr(text, "server"));
        cli_call_end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_addresses_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
