/* The stories about the cache on a real Redis server, started here, and what only a server can do:
 * be away, hang, come back, want a password. */
#include "tests/contract/cache_stories.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/free_port.h"

static char directory[] = "/tmp/exo-redis-XXXXXX";
static char url[128];
static char port[8];
static pid_t server;
/* The stories are not about speed, and the machine may be busy. */
static const exo_time patient_ns = 10 * EXO_SECOND;

static void server_start(void)
{
    server = fork();
    if (server == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        (void)execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
                     "--save", "", "--appendonly", "no", "--dir", directory, "--requirepass",
                     "se:cret/@1", (char *)NULL);
        _exit(127);
    }
    if (server < 0) {
        perror("fork");
        exit(1);
    }
}

static void server_stop(int number)
{
    (void)kill(server, SIGCONT);
    (void)kill(server, number);
    (void)waitpid(server, NULL, 0);
}

static void test_reconnect_is_a_gap(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct cache_seen seen;

    cache_stage_open(stage);
    cache_stage_wait_up(stage, true);
    struct cache_watch *watch = cache_stage_watch(stage, &id, &seen);

    assert_true(cache_stage_put(stage, &id, 1, 1, "before", ""));
    seen = (struct cache_seen){.wanted = 1};
    server_stop(SIGKILL);
    cache_stage_wait_up(stage, false);
    assert_false(cache_stage_put(stage, &id, 1, 2, "away", "away"));
    assert_string_equal(cache_stage_get(stage, &id).view, "");
    assert_int_equal(seen.gaps, 0);
    server_start();
    cache_stage_wait(stage, &seen.is_done, "the gap");
    assert_int_equal(seen.gaps, 1);
    assert_int_equal(seen.events, 0);
    cache_stage_wait_up(stage, true);
    seen = (struct cache_seen){.wanted = 1};
    assert_true(cache_stage_put(stage, &id, 1, 3, "after", "after"));
    cache_stage_wait(stage, &seen.is_done, "the event after");
    assert_string_equal(seen.last, "after");
    cache_watch_close(watch);
    cache_stage_close(stage);
}

static void test_down_at_start(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();

    server_stop(SIGTERM);
    cache_stage_open(stage);
    assert_false(cache_is_up(stage->cache));
    assert_false(cache_stage_put(stage, &id, 1, 1, "away", ""));
    server_start();
    cache_stage_wait_up(stage, true);
    assert_true(cache_stage_put(stage, &id, 1, 1, "there", ""));
    assert_string_equal(cache_stage_get(stage, &id).view, "there");
    cache_stage_close(stage);
}

struct turn_count {
    unsigned turns;
    bool is_done;
};

static void on_turn(void *argument)
{
    struct turn_count *count = argument;

    count->is_done = ++count->turns >= 5;
}

/* A server that is there and silent: each put ends, the loop goes on, and all is well after. */
static void test_hang(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    struct turn_count count = {0};
    bool is_taken = false;

    stage->settings.put_limit_ns = 0; /* as in service: 5 ms */
    cache_stage_open(stage);
    cache_stage_wait_up(stage, true);
    (void)kill(server, SIGSTOP);
    struct loop_timer *timer = loop_timer_new(stage->loop, on_turn, &count);

    loop_timer_start(timer, 0, EXO_MILLISECOND);
    for (uint64_t i = 0; i < 2000; i++) {
        assert_false(cache_stage_put(stage, &id, 1, 10 + i, "hanging", "hanging"));
    }
    assert_false(cache_is_up(stage->cache));
    assert_string_equal(cache_stage_get(stage, &id).view, "");
    count = (struct turn_count){0};
    cache_stage_wait(stage, &count.is_done, "turns of the loop");
    loop_timer_free(timer);
    (void)kill(server, SIGCONT);
    /* On a loaded machine one put or another may still be late. */
    for (int i = 0; i < 1000 && !is_taken; i++) {
        cache_stage_wait_up(stage, true);
        is_taken = cache_stage_put(stage, &id, 2, 1, "well", "");
    }
    assert_true(is_taken);
    assert_string_equal(cache_stage_get(stage, &id).view, "well");
    cache_stage_close(stage);
    stage->settings.put_limit_ns = patient_ns;
}

static void test_many_puts(void **state)
{
    struct cache_stage *stage = *state;
    enum { TURNS = 50, PUTS = 100 };

    cache_stage_open(stage);
    cache_stage_wait_up(stage, true);
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        struct execution_id ids[PUTS];

        for (int i = 0; i < PUTS; i++) {
            ids[i] = cache_stage_id();
            cache_put(stage->cache, &ids[i], (struct cache_version){1, turn}, span_of("view"),
                      span_of("event"), NULL, NULL);
        }
        (void)cache_stage_get(stage, &ids[PUTS - 1]); /* waits until they are there */
    }
    struct execution_id id = cache_stage_id();

    assert_true(cache_stage_put(stage, &id, 1, 1, "view", ""));
    cache_stage_close(stage);
}

/* Scripts may be flushed under us: the next put after the first refused one is taken. */
static void test_script_flush(void **state)
{
    struct cache_stage *stage = *state;
    struct execution_id id = cache_stage_id();
    char command[160];

    cache_stage_open(stage);
    cache_stage_wait_up(stage, true);
    (void)snprintf(command, sizeof(command),
                   "redis-cli -p %s --no-auth-warning -a 'se:cret/@1' SCRIPT FLUSH >/dev/null",
                   port);
    assert_int_equal(system(command), 0);
    assert_false(cache_stage_put(stage, &id, 1, 1, "lost", ""));
    cache_stage_wait_up(stage, true);
    assert_true(cache_stage_put(stage, &id, 1, 2, "kept", ""));
    cache_stage_close(stage);
}

static void on_look_at_notices(void *argument)
{
    struct cache_stage *stage = argument;

    stage->settings.notice_argument =
        strstr(stage->notices, "WRONGPASS") != NULL ? NULL : stage->settings.notice_argument;
}

/* A refused login is said, without the password. */
static void test_wrong_password(void **state)
{
    struct cache_stage *stage = *state;
    const char *right = stage->settings.url;
    char wrong[128];
    bool never = false;

    (void)snprintf(wrong, sizeof(wrong), "redis://:hunter2@127.0.0.1:%s/0", port);
    stage->settings.url = wrong;
    cache_stage_open(stage);
    struct loop_timer *timer = loop_timer_new(stage->loop, on_look_at_notices, stage);

    loop_timer_start(timer, 0, EXO_MILLISECOND);
    for (int i = 0; i < 2000 && stage->settings.notice_argument != NULL; i++) {
        (void)loop_run_until(stage->loop, &never, 5 * EXO_MILLISECOND);
    }
    loop_timer_free(timer);
    assert_non_null(strstr(stage->notices, "WRONGPASS"));
    assert_null(strstr(stage->notices, "hunter2"));
    assert_false(cache_is_up(stage->cache));
    cache_stage_close(stage);
    stage->settings.url = right;
}

int main(void)
{
    if (system("command -v redis-server >/dev/null") != 0) {
        const char *ci = getenv("CI");

        (void)fprintf(stderr, "skipped: redis-server is not installed "
                              "(apt-get install redis-server)\n");
        return ci != NULL && strcmp(ci, "true") == 0 ? 1 : 77;
    }
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    (void)snprintf(port, sizeof(port), "%d", free_port());
    server_start();
    (void)snprintf(url, sizeof(url), "redis://:se%%3acret%%2F%%401@localhost:%s/1", port);
    struct cache_stage stage = {.settings = {.backend = "redis",
                                             .url = url,
                                             .view_ttl_ns = 30 * EXO_SECOND,
                                             .put_limit_ns = patient_ns}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_many_puts, &stage),
        cmocka_unit_test_prestate(test_script_flush, &stage),
        cmocka_unit_test_prestate(test_hang, &stage),
        cmocka_unit_test_prestate(test_reconnect_is_a_gap, &stage),
        cmocka_unit_test_prestate(test_down_at_start, &stage),
        cmocka_unit_test_prestate(test_wrong_password, &stage),
    };
    int failed = cache_stories_run("cache on Redis", &stage);

    failed += cmocka_run_group_tests_name("cache on Redis alone", tests, NULL, NULL);
    server_stop(SIGTERM);
    (void)rmdir(directory); /* nothing was saved */
    return failed == 0 ? 0 : 1;
}
