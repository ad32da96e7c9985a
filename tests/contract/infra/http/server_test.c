/* http server against raw sockets: what a well-behaved client, a slow one and a rude one see. */
#include "infra/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "infra/http/listen.h"
#include "tests/support/patience.h"

#define LIMIT TEST_WAIT

enum { HELD_MAX = 8, BODY_MAX = 100000, TEXT_MAX = 4 << 20 };

struct scene {
    struct loop *loop;
    struct http_server *server;
    struct http_request *held[HELD_MAX]; /* by the handler of /later */
    int held_count;
    struct http_request *stream;
    bool is_gone;
    bool is_drained;
    int handled;
};

/* The other end of a connection. */
struct peer {
    struct scene *scene;
    int fd;
    struct loop_watch *watch;
    char *text; /* all that came, NUL-terminated */
    size_t bytes;
    const char *wanted;
    bool is_found;
    bool is_closed;
};

static void answer_text(struct http_request *request, int status, const char *text)
{
    static const struct http_header headers[] = {{"X-Word", "orbit"}};
    struct http_answer answer = {.status = status,
                                 .content_type = "text/plain",
                                 .body = span_of(text),
                                 .headers = headers,
                                 .header_count = 1};

    http_respond(request, &answer);
}

static void on_stream_gone(void *argument)
{
    struct scene *scene = argument;

    scene->is_gone = true;
    scene->stream = NULL;
}

static void on_stream_drained(void *argument)
{
    struct scene *scene = argument;

    scene->is_drained = true;
}

static void begin_stream(struct scene *scene, struct http_request *request)
{
    struct http_answer head = {.status = 200, .content_type = "text/event-stream"};
    struct http_stream_options options = {.buffer_bytes_max = 64 << 10,
                                          .on_gone = on_stream_gone,
                                          .on_drained = on_stream_drained,
                                          .argument = scene};

    scene->stream = request;
    http_stream_begin(request, &head, &options);
}

struct echo {
    char text[1024];
    size_t bytes;
};

static bool add_field(void *argument, const char *name, struct span value)
{
    struct echo *echo = argument;

    echo->bytes += (size_t)snprintf(echo->text + echo->bytes, sizeof(echo->text) - echo->bytes,
                                    "[%s=%.*s]", name, SPAN_ARG(value));
    return true;
}

static void answer_echo(struct http_request *request)
{
    struct echo echo = {.bytes = 0};
    char peer[HTTP_PEER_TEXT_BYTES];
    const char *header = http_request_header(request, "x-test");
    struct span a = http_query(request, "a");

    http_peer(request, peer);
    echo.bytes = (size_t)snprintf(echo.text, sizeof(echo.text), "%s %s a=%.*s x=%s %s body=%zu ",
                                  http_method(request), http_path(request), SPAN_ARG(a),
                                  header == NULL ? "none" : header, peer, http_body(request).bytes);
    http_query_each(request, add_field, &echo);
    answer_text(request, 200, echo.text);
}

static void handle(void *argument, struct http_request *request)
{
    struct scene *scene = argument;
    const char *path = http_path(request);

    scene->handled++;
    if (strcmp(path, "/later") == 0) {
        scene->held[scene->held_count++] = request;
    } else if (strcmp(path, "/stream") == 0) {
        begin_stream(scene, request);
    } else if (strcmp(path, "/stream-now") == 0) {
        begin_stream(scene, request);
        assert_int_equal(http_stream_write(request, span_of("one;")), 0);
        assert_int_equal(http_stream_write(request, span_of("two;")), 0);
        http_stream_end(request);
    } else {
        answer_echo(request);
    }
}

static void admit(void *argument, struct http_request *request)
{
    (void)argument;
    if (strcmp(http_path(request), "/denied") == 0) {
        answer_text(request, 401, "no token");
    } else if (strcmp(http_path(request), "/large") == 0) {
        http_body_bytes_max_set(request, (size_t)BODY_MAX * 10);
    }
}

static void scene_open(struct scene *scene, struct http_server_options options)
{
    struct exo_error err;

    *scene = (struct scene){.loop = loop_new(&err)};
    options.listen = options.listen == NULL ? "127.0.0.1:0" : options.listen;
    options.body_bytes_max = BODY_MAX;
    options.admit = admit;
    options.handle = handle;
    options.argument = scene;
    assert_non_null(scene->loop);
    scene->server = http_server_open(scene->loop, &options, &err);
    if (scene->server == NULL) {
        fail_msg("%s", err.text);
    }
}

static void scene_close(struct scene *scene)
{
    http_server_close(scene->server);
    loop_free(scene->loop);
}

static void on_peer(void *argument, unsigned ready)
{
    struct peer *peer = argument;
    ssize_t got = recv(peer->fd, peer->text + peer->bytes, TEXT_MAX - 1 - peer->bytes, 0);

    (void)ready;
    if (got <= 0) {
        peer->is_closed = true;
        peer->is_found = true;
        loop_watch_set(peer->watch, 0);
        return;
    }
    peer->bytes += (size_t)got;
    peer->text[peer->bytes] = '\0';
    peer->is_found = peer->wanted != NULL && strstr(peer->text, peer->wanted) != NULL;
}

static struct peer *peer_open(struct scene *scene)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(scene->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    assert_non_null(peer);
    peer->scene = scene;
    peer->text = calloc(1, TEXT_MAX);
    assert_non_null(peer->text);
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(peer->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    peer->watch = loop_watch_new(scene->loop, peer->fd, LOOP_READABLE, on_peer, peer);
    return peer;
}

static void peer_close(struct peer *peer)
{
    loop_watch_free(peer->watch);
    (void)close(peer->fd);
    free(peer->text);
    free(peer);
}

static void peer_send(struct peer *peer, const char *text)
{
    assert_int_equal(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop until the text has come; what came before it is forgotten. */
static void peer_expect(struct peer *peer, const char *text)
{
    peer->wanted = text;
    peer->is_found = strstr(peer->text, text) != NULL;
    (void)loop_run_until(peer->scene->loop, &peer->is_found, LIMIT);
    char *found = strstr(peer->text, text);

    if (found == NULL) {
        fail_msg("wanted \"%s\", got \"%s\"", text, peer->text);
    } else {
        found += strlen(text);
        peer->bytes -= (size_t)(found - peer->text);
        memmove(peer->text, found, peer->bytes + 1);
    }
    peer->wanted = NULL;
}

static void peer_expect_closed(struct peer *peer)
{
    assert_true(peer->is_closed || loop_run_until(peer->scene->loop, &peer->is_closed, LIMIT));
}

static void run_until_count(struct scene *scene, const int *count, int wanted)
{
    bool is_done = false;
    exo_time limit_ns = clock_monotonic_ns() + LIMIT;

    while (*count < wanted) {
        assert_true(clock_monotonic_ns() < limit_ns);
        (void)loop_run_until(scene->loop, &is_done, EXO_MILLISECOND);
    }
}

static void test_answers_what_was_asked(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /v1/a%20b?a=1%2B1&follow&a=2 HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\n\r\n");
    peer_expect(peer, "HTTP/1.1 200 OK\r\n");
    peer_expect(peer, "X-Word: orbit\r\n");
    peer_expect(peer, "GET /v1/a b a=1+1 x=yes 127.0.0.1 body=0 [a=1+1][follow=][a=2]");
    peer_send(peer, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    peer_expect(peer, "POST /p a= x=none 127.0.0.1 body=5 ");
    peer_send(peer, "HEAD /p HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "\r\n\r\n");
    assert_int_equal(peer->bytes, 0);
    assert_int_equal(http_server_stats(scene.server)->responses[2], 3);
    peer_close(peer);
    scene_close(&scene);
}

static void test_answers_pipelined_in_order(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"
                    "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
                    "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /d HTTP/1.1\r\nHost: x\r\n\r\n");
    run_until_count(&scene, &scene.held_count, 1);
    assert_int_equal(scene.handled, 1);
    assert_int_equal(http_server_pending(scene.server), 1);
    answer_text(scene.held[0], 202, "first");
    peer_expect(peer, "first");
    peer_expect(peer, "POST /b a= x=none 127.0.0.1 body=2");
    run_until_count(&scene, &scene.held_count, 2);
    answer_text(scene.held[1], 202, "third");
    peer_expect(peer, "third");
    peer_expect(peer, "GET /d ");
    peer_close(peer);
    scene_close(&scene);
}

static void test_many_wait_at_once(void **state)
{
    (void)state;
    struct scene scene;
    struct peer *peers[HELD_MAX];

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    for (int i = 0; i < HELD_MAX; i++) {
        peers[i] = peer_open(&scene);
        peer_send(peers[i], "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        run_until_count(&scene, &scene.held_count, i + 1);
    }
    for (int i = HELD_MAX - 1; i >= 0; i--) {
        char text[32];

        (void)snprintf(text, sizeof(text), "answer-%d", i);
        answer_text(scene.held[i], 200, text);
        peer_expect(peers[i], text);
        peer_close(peers[i]);
    }
    scene_close(&scene);
}

static void test_half_closed_client_is_answered(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
    run_until_count(&scene, &scene.held_count, 1);
    answer_text(scene.held[0], 200, "still here");
    peer_expect(peer, "still here");
    peer_expect_closed(peer);
    peer_close(peer);
    scene_close(&scene);
}

static void test_client_gone_before_the_answer(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    run_until_count(&scene, &scene.held_count, 1);
    struct linger linger = {.l_onoff = 1, .l_linger = 0}; /* a reset */

    assert_int_equal(setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
    peer_close(peer);
    answer_text(scene.held[0], 200, "nobody hears this");
    peer = peer_open(&scene);
    peer_send(peer, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "GET /next");
    peer_close(peer);
    scene_close(&scene);
}

static void test_body_above_the_limit_is_not_read(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc");
    peer_expect(peer, "413 ");
    peer_expect(peer, "application/problem+json");
    peer_expect(peer, "\"status\":413,\"detail\":\"the body of 99999999999 bytes is above the "
                      "limit of 100000\"");
    peer_expect_closed(peer);
    peer_close(peer);
    assert_int_equal(scene.handled, 0);
    scene_close(&scene);
}

static void test_chunked_body_above_the_limit(void **state)
{
    (void)state;
    struct scene scene;
    static char chunk[0x8000 + 16];

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    memset(chunk, 'x', sizeof(chunk));
    memcpy(chunk, "8000\r\n", 6);
    memcpy(chunk + 6 + 0x8000, "\r\n", 3);
    peer_send(peer, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        peer_send(peer, chunk);
    }
    peer_expect(peer, "HTTP/1.1 413 ");
    peer_expect(peer, "above the limit of 100000 bytes");
    peer_expect_closed(peer);
    peer_close(peer);
    assert_int_equal(scene.handled, 0);
    scene_close(&scene);
}

static void test_admit_raises_the_limit(void **state)
{
    (void)state;
    struct scene scene;
    static char body[BODY_MAX + 2];

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    memset(body, 'x', BODY_MAX + 1);
    peer_send(peer, "POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n");
    peer_send(peer, body);
    peer_expect(peer, "body=100001");
    peer_close(peer);
    scene_close(&scene);
}

static void test_admit_refuses_before_the_body(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /denied HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "no token");
    /* A small body is read and dropped, so that the connection serves on. */
    peer_send(peer, "POST /denied HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    peer_expect(peer, "no token");
    peer_send(peer, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "GET /next");
    peer_send(peer, "POST /denied HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\nhello");
    peer_expect(peer, "no token");
    peer_expect_closed(peer);
    peer_close(peer);
    assert_int_equal(scene.handled, 1);
    assert_int_equal(http_server_stats(scene.server)->responses[4], 3);
    scene_close(&scene);
}

static void test_slow_body_is_timed_out(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.body_ns = EXO_MILLISECOND});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello");
    peer_expect(peer, "HTTP/1.1 408 ");
    peer_expect_closed(peer);
    peer_close(peer);
    assert_int_equal(scene.handled, 0);
    scene_close(&scene);
}

static void test_body_shorter_than_announced(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.body_ns = EXO_MILLISECOND});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello");
    assert_int_equal(shutdown(peer->fd, SHUT_WR), 0);
    peer_expect_closed(peer);
    peer_close(peer);
    assert_int_equal(scene.handled, 0);
    scene_close(&scene);
}

static void test_slow_headers_are_cut_off(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.idle_ns = EXO_MILLISECOND});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "POST /p HTTP/1.1\r\nHos");
    peer_expect_closed(peer);
    peer_close(peer);
    scene_close(&scene);
}

static void test_lies_about_length(void **state)
{
    (void)state;
    struct scene scene;
    static const char *const lies[] = {
        "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
        "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\nhello",
        "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\nhello",
        "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        "NONSENSE\r\n\r\n",
    };

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct peer *peer = peer_open(&scene);

        peer_send(peer, lies[i]);
        peer_expect_closed(peer);
        assert_null(strstr(peer->text, "200 OK"));
        peer_close(peer);
    }
    assert_int_equal(scene.handled, 0);
    scene_close(&scene);
}

static void test_nul_in_the_target_is_refused(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "HTTP/1.1 400 ");
    peer_send(peer, "GET /a?b=%00 HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "HTTP/1.1 400 ");
    peer_send(peer, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "GET /ok");
    peer_close(peer);
    assert_int_equal(scene.handled, 1);
    scene_close(&scene);
}

static void test_stream_in_one_go(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /stream-now HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "Transfer-Encoding: chunked");
    peer_expect(peer, "one;two;\r\n0\r\n\r\n");
    peer_send(peer, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "GET /next");
    assert_false(scene.is_gone);
    peer_close(peer);
    scene_close(&scene);
}

static void test_stream_step_by_step(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "data: event-%d\n\n", i);
        scene.is_drained = false;
        assert_int_equal(http_stream_write(scene.stream, span_of(text)), 0);
        peer_expect(peer, text);
        assert_true(scene.is_drained);
        assert_int_equal(http_stream_room(scene.stream), 64 << 10);
    }
    assert_int_equal(http_server_stats(scene.server)->streams, 1);
    http_stream_end(scene.stream);
    peer_expect(peer, "0\r\n\r\n");
    assert_int_equal(http_server_stats(scene.server)->streams, 0);
    assert_int_equal(http_server_pending(scene.server), 0);
    assert_false(scene.is_gone);
    peer_close(peer);
    scene_close(&scene);
}

static void test_stream_tells_when_the_client_leaves(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "\r\n\r\n");
    peer_close(peer);
    assert_true(loop_run_until(scene.loop, &scene.is_gone, LIMIT));
    assert_int_equal(http_server_pending(scene.server), 0);
    scene_close(&scene);
}

static void test_stream_drops_a_slow_client(void **state)
{
    (void)state;
    struct scene scene;
    static char block[16 << 10];
    bool never = false;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(peer, "\r\n\r\n");
    loop_watch_set(peer->watch, 0); /* reads no more */
    memset(block, 'x', sizeof(block));
    int result = 0;

    for (int i = 0; i < 4096 && result == 0; i++) {
        result = http_stream_write(scene.stream, (struct span){block, sizeof(block)});
        if (result == 0) {
            (void)loop_run_until(scene.loop, &never, 0);
        }
    }
    assert_int_equal(result, -1);
    assert_false(scene.is_gone);
    assert_int_equal(http_stream_room(scene.stream), 0);
    assert_true(loop_run_until(scene.loop, &scene.is_gone, LIMIT));
    assert_int_equal(http_server_stats(scene.server)->streams_too_slow, 1);
    peer_close(peer);
    scene_close(&scene);
}

static void test_close_with_all_kinds_open(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *later = peer_open(&scene);
    struct peer *stream = peer_open(&scene);
    struct peer *half = peer_open(&scene);
    struct peer *idle = peer_open(&scene);

    peer_send(later, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_send(stream, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_send(half, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello");
    peer_expect(stream, "\r\n\r\n");
    run_until_count(&scene, &scene.held_count, 1);
    peer_close(later);
    peer_close(stream);
    peer_close(half);
    peer_close(idle);
    http_server_close(scene.server);
    assert_true(scene.is_gone);
    http_server_close(NULL);
    loop_free(scene.loop);
}

static void test_quiesce_lets_requests_end(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.listen = NULL});
    struct peer *peer = peer_open(&scene);

    peer_send(peer, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    run_until_count(&scene, &scene.held_count, 1);
    http_server_quiesce(scene.server);
    answer_text(scene.held[0], 200, "the last");
    peer_expect(peer, "Connection: close");
    peer_expect(peer, "the last");
    peer_expect_closed(peer);
    peer_close(peer);
    scene_close(&scene);
}

static void test_connections_above_the_limit_wait(void **state)
{
    (void)state;
    struct scene scene;

    scene_open(&scene, (struct http_server_options){.connections_max = 1});
    struct peer *first = peer_open(&scene);

    peer_send(first, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    run_until_count(&scene, &scene.held_count, 1);
    struct peer *second = peer_open(&scene);

    peer_send(second, "GET /second HTTP/1.1\r\nHost: x\r\n\r\n");
    answer_text(scene.held[0], 200, "first");
    peer_expect(first, "first");
    assert_int_equal(scene.handled, 1);
    peer_close(first);
    peer_expect(second, "GET /second");
    peer_close(second);
    scene_close(&scene);
}

static void test_refuses_bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "8080",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "[::1:80",
                                      "::1:80",
                                      "host.example:80",
                                      "1.2.3.4:99999",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:8x"};
    struct exo_error err;
    struct loop *loop = loop_new(&err);

    assert_non_null(loop);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct http_server_options options = {.listen = bad[i], .handle = handle};

        assert_null(http_server_open(loop, &options, &err));
        assert_int_equal(err.code, EXO_EINVALID);
        assert_false(http_listen_is_loopback(bad[i]));
    }
    assert_true(http_listen_is_loopback("127.0.0.1:80"));
    assert_true(http_listen_is_loopback("localhost:80"));
    assert_true(http_listen_is_loopback("[::1]:80"));
    assert_false(http_listen_is_loopback("0.0.0.0:80"));
    assert_false(http_listen_is_loopback("[::]:80"));
    loop_free(loop);
}

static void test_names_a_port_that_is_taken(void **state)
{
    (void)state;
    struct scene scene;
    struct exo_error err;
    char listen[64];

    scene_open(&scene, (struct http_server_options){.listen = "[::1]:0"});
    (void)snprintf(listen, sizeof(listen), "[::1]:%u", http_server_port(scene.server));
    struct http_server_options options = {.listen = listen, .handle = handle};

    assert_null(http_server_open(scene.loop, &options, &err));
    assert_int_equal(err.code, EXO_ECONFLICT);
    assert_non_null(strstr(err.text, listen));
    assert_non_null(strstr(err.text, "--listen"));
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_what_was_asked),
        cmocka_unit_test(test_answers_pipelined_in_order),
        cmocka_unit_test(test_many_wait_at_once),
        cmocka_unit_test(test_half_closed_client_is_answered),
        cmocka_unit_test(test_client_gone_before_the_answer),
        cmocka_unit_test(test_body_above_the_limit_is_not_read),
        cmocka_unit_test(test_chunked_body_above_the_limit),
        cmocka_unit_test(test_admit_raises_the_limit),
        cmocka_unit_test(test_admit_refuses_before_the_body),
        cmocka_unit_test(test_slow_body_is_timed_out),
        cmocka_unit_test(test_body_shorter_than_announced),
        cmocka_unit_test(test_slow_headers_are_cut_off),
        cmocka_unit_test(test_lies_about_length),
        cmocka_unit_test(test_nul_in_the_target_is_refused),
        cmocka_unit_test(test_stream_in_one_go),
        cmocka_unit_test(test_stream_step_by_step),
        cmocka_unit_test(test_stream_tells_when_the_client_leaves),
        cmocka_unit_test(test_stream_drops_a_slow_client),
        cmocka_unit_test(test_close_with_all_kinds_open),
        cmocka_unit_test(test_quiesce_lets_requests_end),
        cmocka_unit_test(test_connections_above_the_limit_wait),
        cmocka_unit_test(test_refuses_bad_addresses),
        cmocka_unit_test(test_names_a_port_that_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
