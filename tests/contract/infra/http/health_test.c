/* health: the three paths as a client sees them. */
#include "infra/http/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "infra/http/client.h"
#include "tests/support/patience.h"

#define LIMIT TEST_WAIT

struct scene {
    struct loop *loop;
    struct health health;
    struct http_server *server;
    struct http_client *client;
    bool is_done;
    int status;
    char body[65536];
};

static int setup(void **state)
{
    static struct scene scene;
    struct exo_error err;

    scene = (struct scene){.loop = loop_new(&err)};
    health_init(&scene.health);
    scene.server = health_server_open(scene.loop, "127.0.0.1:0", &scene.health, &err);
    scene.client = http_client_open(scene.loop, 0, &err);
    *state = &scene;
    return scene.server == NULL || scene.client == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    http_client_close(scene->client);
    http_server_close(scene->server);
    loop_free(scene->loop);
    return 0;
}

static void on_done(void *argument, const struct http_result *result)
{
    struct scene *scene = argument;

    scene->status = result->status;
    (void)snprintf(scene->body, sizeof(scene->body), "%.*s", SPAN_ARG(result->body));
    scene->is_done = true;
}

static int ask(struct scene *scene, const char *method, const char *path)
{
    char url[64];
    struct exo_error err;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(scene->server),
                   path);
    struct http_call_options options = {
        .method = method, .url = url, .on_done = on_done, .argument = scene};

    scene->is_done = false;
    assert_non_null(http_call_start(scene->client, &options, &err));
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    return scene->status;
}

static void test_readiness(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(ask(scene, "GET", "/healthz"), 200);
    assert_int_equal(ask(scene, "GET", "/readyz"), 503);
    assert_non_null(strstr(scene->body, "\"detail\":\"starting\""));
    health_waiting(&scene->health, "waiting for %s", "Postgres");
    assert_int_equal(ask(scene, "GET", "/readyz"), 503);
    assert_non_null(strstr(scene->body, "\"detail\":\"waiting for Postgres\""));
    health_ready(&scene->health);
    assert_int_equal(ask(scene, "GET", "/readyz"), 200);
    assert_string_equal(scene->body, "ok\n");
    health_remark(&scene->health, "scheduler: %s", "full");
    assert_int_equal(ask(scene, "GET", "/readyz"), 200);
    assert_string_equal(scene->body, "ok\nscheduler: full\n");
    assert_int_equal(ask(scene, "GET", "/healthz"), 200);
}

static void test_metrics(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(ask(scene, "GET", "/healthz"), 200);
    assert_int_equal(ask(scene, "GET", "/metrics"), 200);
    assert_non_null(strstr(scene->body, "\nprocess_resident_memory_bytes "));
    assert_non_null(strstr(scene->body, "\nexosphere_http_requests_total{class=\"2xx\"} "));
    assert_non_null(strstr(scene->body, "\nexosphere_http_connections 1\n"));
}

static void test_others_are_refused(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(ask(scene, "GET", "/v1/executions"), 404);
    assert_int_equal(ask(scene, "POST", "/metrics"), 405);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readiness, setup, teardown),
        cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
        cmocka_unit_test_setup_teardown(test_others_are_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
