/* http client against our own server, a socket of a file and sockets that misbehave. */
#include "infra/http/client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/patience.h"

#define LIMIT TEST_WAIT

struct scene {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct http_request *held;
    struct http_request *stream;
    struct http_call *call;
    bool is_gone;
    bool is_done;
    int done_count;
    int done_wanted;
    int status;
    struct exo_error err;
    char body[256];
    char word[32];
    char data[256]; /* what on_data took */
    size_t data_bytes;
    bool cancels; /* in on_data */
    char url[128];
};

static void on_stream_gone(void *argument)
{
    struct scene *scene = argument;

    scene->is_gone = true;
}

static void answer(struct http_request *request, int status, struct span body)
{
    static const struct http_header headers[] = {{"X-Word", "orbit"}};
    struct http_answer reply = {.status = status,
                                .content_type = "text/plain",
                                .body = body,
                                .headers = headers,
                                .header_count = 1};

    http_respond(request, &reply);
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

static void handle(void *argument, struct http_request *request)
{
    struct scene *scene = argument;
    const char *path = http_path(request);
    static char large[5000];
    char text[256];

    if (strcmp(path, "/hold") == 0) {
        scene->held = request;
    } else if (strcmp(path, "/stream") == 0) {
        struct http_answer head = {.status = 200, .content_type = "text/plain"};
        struct http_stream_options options = {.on_gone = on_stream_gone, .argument = scene};

        scene->stream = request;
        http_stream_begin(request, &head, &options);
        assert_int_equal(http_stream_write(request, span_of("begin;")), 0);
    } else if (strcmp(path, "/large") == 0) {
        memset(large, 'x', sizeof(large));
        answer(request, 200, (struct span){large, sizeof(large)});
    } else if (strcmp(path, "/bad") == 0) {
        answer(request, 422, span_of("not so"));
    } else {
        (void)snprintf(
            text, sizeof(text), "%s %s auth=%s type=%s x=%s body=%.*s", http_method(request), path,
            text_or(http_request_header(request, "Authorization"), "none"),
            text_or(http_request_header(request, "Content-Type"), "none"),
            text_or(http_request_header(request, "X-Test"), "none"), SPAN_ARG(http_body(request)));
        answer(request, 200, span_of(text));
    }
}

static int scene_setup(void **state)
{
    static struct scene scene;
    struct http_server_options options = {
        .listen = "127.0.0.1:0", .handle = handle, .argument = &scene};
    struct exo_error err;

    scene = (struct scene){.loop = loop_new(&err), .done_wanted = 1};
    scene.server = http_server_open(scene.loop, &options, &err);
    scene.client = http_client_open(scene.loop, 0, &err);
    *state = &scene;
    return scene.server == NULL || scene.client == NULL ? -1 : 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;

    http_client_close(scene->client);
    http_server_close(scene->server);
    loop_free(scene->loop);
    return 0;
}

static const char *url_of(struct scene *scene, const char *path)
{
    (void)snprintf(scene->url, sizeof(scene->url), "http://127.0.0.1:%u%s",
                   http_server_port(scene->server), path);
    return scene->url;
}

static void on_done(void *argument, const struct http_result *result)
{
    struct scene *scene = argument;

    scene->status = result->status;
    scene->err = result->err;
    (void)snprintf(scene->body, sizeof(scene->body), "%.*s", SPAN_ARG(result->body));
    (void)snprintf(scene->word, sizeof(scene->word), "%s",
                   text_or(http_result_header(result, "x-word"), ""));
    scene->done_count++;
    scene->is_done = scene->done_count >= scene->done_wanted;
}

static void on_data(void *argument, struct span bytes)
{
    struct scene *scene = argument;

    assert_true(scene->data_bytes + bytes.bytes < sizeof(scene->data));
    memcpy(scene->data + scene->data_bytes, bytes.data, bytes.bytes);
    scene->data_bytes += bytes.bytes;
    if (scene->cancels) {
        http_call_cancel(scene->call);
    }
    scene->is_done = true;
}

static void start(struct scene *scene, struct http_call_options options)
{
    struct exo_error err;

    options.on_done = on_done;
    options.argument = scene;
    scene->is_done = false;
    scene->call = http_call_start(scene->client, &options, &err);
    if (scene->call == NULL) {
        fail_msg("%s", err.text);
    }
}

static void run(struct scene *scene)
{
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
}

static void test_get_and_post(void **state)
{
    struct scene *scene = *state;
    struct http_header headers[] = {{"X-Test", "yes"}, {"Content-Type", "application/json"}};

    start(scene, (struct http_call_options){.url = url_of(scene, "/a?b=c")});
    run(scene);
    assert_int_equal(scene->status, 200);
    assert_int_equal(scene->err.code, EXO_OK);
    assert_string_equal(scene->body, "GET /a auth=none type=none x=none body=");
    assert_string_equal(scene->word, "orbit");
    start(scene, (struct http_call_options){.url = url_of(scene, "/p"),
                                            .method = "PUT",
                                            .headers = headers,
                                            .header_count = 2,
                                            .bearer = "s3cret",
                                            .body = span_of("hello")});
    run(scene);
    assert_string_equal(scene->body,
                        "PUT /p auth=Bearer s3cret type=application/json x=yes body=hello");
    start(scene, (struct http_call_options){.url = url_of(scene, "/p"), .method = "POST"});
    run(scene);
    assert_string_equal(scene->body, "POST /p auth=none type=none x=none body=");
    start(scene, (struct http_call_options){.url = url_of(scene, "/p"), .method = "DELETE"});
    run(scene);
    assert_string_equal(scene->body, "DELETE /p auth=none type=none x=none body=");
}

static void test_connections_are_used_again(void **state)
{
    struct scene *scene = *state;

    scene->done_wanted = 100;
    for (int i = 0; i < 100; i++) {
        start(scene, (struct http_call_options){.url = url_of(scene, "/a")});
    }
    run(scene);
    assert_int_equal(scene->done_count, 100);
    assert_true(http_server_stats(scene->server)->connections <= 64);
    for (int i = 0; i < 10; i++) {
        scene->done_wanted = scene->done_count + 1;
        start(scene, (struct http_call_options){.url = url_of(scene, "/a")});
        run(scene);
    }
    assert_true(http_server_stats(scene->server)->connections <= 64);
    assert_int_equal(http_server_stats(scene->server)->requests, 110);
}

static void test_status_is_no_error(void **state)
{
    struct scene *scene = *state;

    start(scene, (struct http_call_options){.url = url_of(scene, "/bad"), .on_data = on_data});
    run(scene);
    assert_int_equal(scene->status, 422);
    assert_int_equal(scene->err.code, EXO_OK);
    assert_string_equal(scene->body, "not so");
    assert_int_equal(scene->data_bytes, 0);
}

static void test_stream_is_read_as_it_comes(void **state)
{
    struct scene *scene = *state;

    start(scene, (struct http_call_options){.url = url_of(scene, "/stream"),
                                            .on_data = on_data,
                                            .timeout_ns = EXO_TIME_NEVER});
    run(scene);
    assert_string_equal(scene->data, "begin;");
    scene->is_done = false;
    assert_int_equal(http_stream_write(scene->stream, span_of("more;")), 0);
    run(scene);
    assert_string_equal(scene->data, "begin;more;");
    http_stream_end(scene->stream);
    scene->done_wanted = 1;
    while (scene->done_count == 0) {
        scene->is_done = false;
        run(scene);
    }
    assert_int_equal(scene->status, 200);
    assert_string_equal(scene->body, "");
}

static void test_cancel_inside_and_outside(void **state)
{
    struct scene *scene = *state;

    scene->cancels = true;
    start(scene, (struct http_call_options){.url = url_of(scene, "/stream"), .on_data = on_data});
    run(scene);
    assert_true(loop_run_until(scene->loop, &scene->is_gone, LIMIT));
    scene->is_gone = false;
    scene->cancels = false;
    start(scene, (struct http_call_options){.url = url_of(scene, "/stream"), .on_data = on_data});
    run(scene);
    http_call_cancel(scene->call);
    http_call_cancel(NULL);
    assert_true(loop_run_until(scene->loop, &scene->is_gone, LIMIT));
    start(scene, (struct http_call_options){.url = url_of(scene, "/a")});
    http_call_cancel(scene->call); /* before its first turn */
    assert_int_equal(scene->done_count, 0);
}

static void test_answer_above_the_bound(void **state)
{
    struct scene *scene = *state;

    start(scene,
          (struct http_call_options){.url = url_of(scene, "/large"), .response_bytes_max = 4999});
    run(scene);
    assert_int_equal(scene->status, 0);
    assert_int_equal(scene->err.code, EXO_ELIMIT);
    assert_non_null(strstr(scene->err.text, "4999"));
    start(scene,
          (struct http_call_options){.url = url_of(scene, "/large"), .response_bytes_max = 5000});
    run(scene);
    assert_int_equal(scene->status, 200);
}

static void test_timeout(void **state)
{
    struct scene *scene = *state;

    start(scene, (struct http_call_options){.url = url_of(scene, "/hold?key=s3cret"),
                                            .bearer = "s3cret",
                                            .timeout_ns = 20 * EXO_MILLISECOND});
    run(scene);
    assert_int_equal(scene->status, 0);
    assert_int_equal(scene->err.code, EXO_EUNKNOWN);
    assert_true(scene->err.is_retryable);
    assert_null(strstr(scene->err.text, "s3cret"));
    assert_non_null(strstr(scene->err.text, "127.0.0.1:"));
    while (scene->held == NULL) {
        (void)loop_run_until(scene->loop, &scene->is_gone, EXO_MILLISECOND);
    }
    answer(scene->held, 200, span_of("too late"));
}

static void test_nobody_listens(void **state)
{
    struct scene *scene = *state;
    char url[128];

    (void)snprintf(url, sizeof(url), "%s", url_of(scene, "/x?key=s3cret"));
    http_server_close(scene->server);
    scene->server = NULL;
    start(scene, (struct http_call_options){.url = url, .bearer = "s3cret"});
    run(scene);
    assert_int_equal(scene->err.code, EXO_EUNAVAILABLE);
    assert_null(strstr(scene->err.text, "s3cret"));
    assert_non_null(strstr(scene->err.text, "127.0.0.1:"));
}

static void test_refuses_what_cannot_be_sent(void **state)
{
    struct scene *scene = *state;
    struct http_header split = {"X-A", "b\r\nX-C: d"};
    struct http_call_options bad[] = {
        {.url = "nonsense://"},
        {.url = ""},
        {.url = "file:///etc/passwd"},
        {.url = "ftp://127.0.0.1/"},
        {.url = "http://h/", .bearer = "s3cret\r\nX: y"},
        {.url = "http://h/", .headers = &split, .header_count = 1},
    };
    struct exo_error err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bad[i].on_done = on_done;
        bad[i].argument = scene;
        assert_null(http_call_start(scene->client, &bad[i], &err));
        assert_int_equal(err.code, EXO_EINVALID);
        assert_null(strstr(err.text, "s3cret"));
    }
}

/* A server of one connection, by hand: takes it, sends a text, hangs up. */
struct rude {
    int fd;
    struct loop_watch *watch;
    const char *text;
};

static void on_rude(void *argument, unsigned ready)
{
    struct rude *rude = argument;
    int fd = accept(rude->fd, NULL, NULL);

    (void)ready;
    assert_true(fd >= 0);
    assert_true(send(fd, rude->text, strlen(rude->text), MSG_NOSIGNAL) >= 0);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    (void)close(fd);
}

static void test_answers_cut_short(void **state)
{
    struct scene *scene = *state;
    static const char *const texts[] = {
        "", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", "HTTP/1.1 200 O",
        "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    struct rude rude = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    char url[64];

    assert_int_equal(bind(rude.fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(listen(rude.fd, 8), 0);
    assert_int_equal(getsockname(rude.fd, (struct sockaddr *)&address, &bytes), 0);
    rude.watch = loop_watch_new(scene->loop, rude.fd, LOOP_READABLE, on_rude, &rude);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        rude.text = texts[i];
        start(scene, (struct http_call_options){.url = url});
        run(scene);
        assert_int_equal(scene->status, 0);
        assert_int_not_equal(scene->err.code, EXO_OK);
        assert_true(scene->err.is_retryable);
    }
    loop_watch_free(rude.watch);
    (void)close(rude.fd);
}

static void test_unix_socket(void **state)
{
    struct scene *scene = *state;
    char directory[] = "/tmp/exo-client-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct rude rude = {.fd = socket(AF_UNIX, SOCK_STREAM, 0),
                        .text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"};

    assert_non_null(mkdtemp(directory));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", directory);
    assert_int_equal(bind(rude.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(rude.fd, 8), 0);
    rude.watch = loop_watch_new(scene->loop, rude.fd, LOOP_READABLE, on_rude, &rude);
    start(scene,
          (struct http_call_options){.url = "http://docker/", .unix_path = address.sun_path});
    run(scene);
    assert_int_equal(scene->status, 200);
    assert_string_equal(scene->body, "hello");
    loop_watch_free(rude.watch);
    (void)close(rude.fd);
    (void)unlink(address.sun_path);
    (void)rmdir(directory);
}

static void test_close_with_calls_open(void **state)
{
    struct scene *scene = *state;

    start(scene, (struct http_call_options){.url = url_of(scene, "/stream"), .on_data = on_data});
    run(scene);
    start(scene, (struct http_call_options){.url = url_of(scene, "/hold")});
    http_client_close(scene->client);
    scene->client = NULL;
    assert_true(loop_run_until(scene->loop, &scene->is_gone, LIMIT));
    assert_int_equal(scene->done_count, 0);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_get_and_post),
        SCENE_TEST(test_connections_are_used_again),
        SCENE_TEST(test_status_is_no_error),
        SCENE_TEST(test_stream_is_read_as_it_comes),
        SCENE_TEST(test_cancel_inside_and_outside),
        SCENE_TEST(test_answer_above_the_bound),
        SCENE_TEST(test_timeout),
        SCENE_TEST(test_nobody_listens),
        SCENE_TEST(test_refuses_what_cannot_be_sent),
        SCENE_TEST(test_answers_cut_short),
        SCENE_TEST(test_unix_socket),
        SCENE_TEST(test_close_with_calls_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
