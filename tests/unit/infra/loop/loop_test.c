/* loop against the real machine: pipes, children, signals and threads, waited for by condition. */
#include "infra/loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "schemas/vocab/span.h"

#define LIMIT (20 * EXO_SECOND)

struct scene {
    struct loop *loop;
    bool is_done;
    int calls;
    int calls_wanted;
    unsigned ready;
    int status;
    int signal;
    struct loop_timer *timer;
    struct loop_watch *watch;
    struct loop_wake *wake;
};

static int scene_setup(void **state)
{
    static struct scene scene;
    struct exo_error err;

    scene = (struct scene){.loop = loop_new(&err), .calls_wanted = 1};
    *state = &scene;
    return scene.loop == NULL ? -1 : 0;
}

static int scene_teardown(void **state)
{
    struct scene *scene = *state;

    loop_free(scene->loop);
    return 0;
}

static void count_call(void *argument)
{
    struct scene *scene = argument;

    scene->calls++;
    scene->is_done = scene->calls >= scene->calls_wanted;
}

static void test_timer_never_early(void **state)
{
    struct scene *scene = *state;
    struct loop_timer *timer = loop_timer_new(scene->loop, count_call, scene);
    exo_time delay_ns = 3 * EXO_MILLISECOND + 1;
    exo_time start_ns = clock_monotonic_ns();

    assert_false(loop_timer_is_active(timer));
    loop_timer_start(timer, delay_ns, 0);
    assert_true(loop_timer_is_active(timer));
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    assert_true(clock_monotonic_ns() - start_ns >= delay_ns);
    assert_true(loop_now_ns(scene->loop) - start_ns >= delay_ns);
    assert_false(loop_timer_is_active(timer));
    loop_timer_free(timer);
    loop_timer_free(NULL);
}

static void test_timer_repeats_until_stopped(void **state)
{
    struct scene *scene = *state;
    struct loop_timer *timer = loop_timer_new(scene->loop, count_call, scene);

    scene->calls_wanted = 3;
    loop_timer_start(timer, 0, EXO_MILLISECOND);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    loop_timer_stop(timer);
    scene->is_done = false;
    assert_false(loop_run_until(scene->loop, &scene->is_done, 5 * EXO_MILLISECOND));
    assert_int_equal(scene->calls, 3);
    loop_timer_free(timer);
}

static void free_own_timer(void *argument)
{
    struct scene *scene = argument;

    loop_timer_free(scene->timer);
    count_call(scene);
}

static void test_timer_frees_itself(void **state)
{
    struct scene *scene = *state;

    scene->timer = loop_timer_new(scene->loop, free_own_timer, scene);
    loop_timer_start(scene->timer, 0, EXO_MILLISECOND);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
}

static void defer_again(void *argument)
{
    struct scene *scene = argument;

    count_call(scene);
    if (!scene->is_done) {
        loop_defer(scene->loop, defer_again, scene);
    }
}

static void test_defer_runs_later_and_again(void **state)
{
    struct scene *scene = *state;

    scene->calls_wanted = 3;
    for (int i = 0; i < 100; i++) {
        loop_defer(scene->loop, count_call, scene);
    }
    loop_defer(scene->loop, defer_again, scene);
    assert_int_equal(scene->calls, 0);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
}

static void test_free_runs_the_deferred(void **state)
{
    (void)state;
    struct scene scene = {.loop = loop_new(NULL), .calls_wanted = 1};

    assert_non_null(scene.loop);
    loop_defer(scene.loop, count_call, &scene);
    loop_free(scene.loop);
    assert_int_equal(scene.calls, 1);
    loop_free(NULL);
}

static void stop_loop(void *argument)
{
    struct scene *scene = argument;

    count_call(scene);
    loop_stop(scene->loop);
}

/* A stop that no run has seen must not keep the end from closing what is open. */
static void test_free_after_a_stop_without_a_run(void **state)
{
    struct exo_error err;
    struct loop *loop = loop_new(&err);

    (void)state;
    assert_non_null(loop);
    loop_timer_free(loop_timer_new(loop, NULL, NULL));
    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
}

static void test_stop_ends_a_run(void **state)
{
    struct scene *scene = *state;

    loop_defer(scene->loop, stop_loop, scene);
    loop_run(scene->loop);
    assert_int_equal(scene->calls, 1);
    loop_stop(scene->loop);
    loop_run(scene->loop);
    loop_defer(scene->loop, stop_loop, scene);
    loop_run(scene->loop);
    assert_int_equal(scene->calls, 2);
}

static void on_ready(void *argument, unsigned ready)
{
    struct scene *scene = argument;

    scene->ready |= ready;
    scene->is_done = true;
    loop_watch_set(scene->watch, 0);
}

static void test_watch_reads_and_sleeps(void **state)
{
    struct scene *scene = *state;
    int fds[2];
    bool never = false;

    assert_int_equal(pipe(fds), 0);
    scene->watch = loop_watch_new(scene->loop, fds[0], LOOP_READABLE, on_ready, scene);
    assert_int_equal(write(fds[1], "x", 1), 1);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    assert_int_equal(scene->ready, LOOP_READABLE);
    scene->ready = 0;
    assert_false(loop_run_until(scene->loop, &never, 2 * EXO_MILLISECOND));
    assert_int_equal(scene->ready, 0);
    loop_watch_free(scene->watch);
    loop_watch_free(NULL);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_watch_tells_of_a_hang_up(void **state)
{
    struct scene *scene = *state;
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    (void)close(fds[0]);
    scene->watch = loop_watch_new(scene->loop, fds[1], LOOP_WRITABLE, on_ready, scene);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    assert_int_equal(write(fds[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    loop_watch_free(scene->watch);
    (void)close(fds[1]);
}

static void send_wake(void *argument)
{
    struct scene *scene = argument;

    loop_wake_send(scene->wake);
}

static void test_wake_and_work_from_threads(void **state)
{
    struct scene *scene = *state;

    scene->calls_wanted = 2; /* the wake and the done */
    scene->wake = loop_wake_new(scene->loop, count_call, scene);
    loop_work(scene->loop, send_wake, count_call, scene);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    loop_wake_free(scene->wake);
    loop_wake_free(NULL);
}

static void test_signal_calls(void **state)
{
    struct scene *scene = *state;
    struct loop_signal *signal = loop_signal_new(scene->loop, SIGUSR1, count_call, scene);

    assert_int_equal(raise(SIGUSR1), 0);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    loop_signal_free(signal);
    loop_signal_free(NULL);
}

static void on_exit_of_child(void *argument, int status, int signal)
{
    struct scene *scene = argument;

    scene->status = status;
    scene->signal = signal;
    scene->is_done = true;
}

static void test_process_inherits_fds(void **state)
{
    struct scene *scene = *state;
    static const char *const arguments[] = {"sh", "-c", "cat; pwd; echo $WORD; exit 7", NULL};
    static const char *const environment[] = {"WORD=orbit", "PATH=/usr/bin:/bin", NULL};
    int in[2];
    int out[2];
    char text[64] = {0};

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(write(in[1], "hello\n", 6), 6);
    (void)close(in[1]);
    struct loop_process_options options = {.file = "sh",
                                           .arguments = arguments,
                                           .environment = environment,
                                           .directory = "/",
                                           .stdin_fd = in[0],
                                           .stdout_fd = out[1],
                                           .stderr_fd = -1};
    struct exo_error err;
    struct loop_process *process =
        loop_process_spawn(scene->loop, &options, on_exit_of_child, scene, &err);

    assert_non_null(process);
    assert_true(loop_process_pid(process) > 0);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    assert_int_equal(scene->status, 7);
    assert_int_equal(scene->signal, 0);
    assert_int_equal(read(out[0], text, sizeof(text) - 1), 14);
    assert_string_equal(text, "hello\n/\norbit\n");
    (void)close(in[0]);
    (void)close(out[0]);
    (void)close(out[1]);
}

static struct loop_process *spawn_cat(struct scene *scene, int stdin_fd)
{
    static const char *const arguments[] = {"cat", NULL};
    struct loop_process_options options = {.file = "cat",
                                           .arguments = arguments,
                                           .stdin_fd = stdin_fd,
                                           .stdout_fd = -1,
                                           .stderr_fd = -1};
    struct exo_error err;
    struct loop_process *process =
        loop_process_spawn(scene->loop, &options, on_exit_of_child, scene, &err);

    assert_non_null(process);
    return process;
}

static void test_process_killed(void **state)
{
    struct scene *scene = *state;
    int in[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    struct loop_process *process = spawn_cat(scene, in[0]);

    loop_process_kill(process, SIGKILL);
    assert_true(loop_run_until(scene->loop, &scene->is_done, LIMIT));
    assert_int_equal(scene->status, -1);
    assert_int_equal(scene->signal, SIGKILL);
    (void)close(in[0]);
    (void)close(in[1]);
}

static void test_process_forgotten(void **state)
{
    struct scene *scene = *state;
    int in[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    loop_process_forget(spawn_cat(scene, in[0])); /* still runs when the loop is freed */
    (void)close(in[0]);
    loop_process_forget(NULL);
    loop_process_forget(spawn_cat(scene, -1)); /* ends at once, waited for by the loop */
    (void)loop_run_until(scene->loop, &scene->is_done, 20 * EXO_MILLISECOND);
    assert_false(scene->is_done);
    (void)close(in[1]);
}

static void test_process_that_is_not_there(void **state)
{
    struct scene *scene = *state;
    static const char *const arguments[] = {"no-such-program", NULL};
    struct loop_process_options options = {.file = "no-such-program",
                                           .arguments = arguments,
                                           .stdin_fd = -1,
                                           .stdout_fd = -1,
                                           .stderr_fd = -1};
    struct exo_error err;

    assert_null(loop_process_spawn(scene->loop, &options, on_exit_of_child, scene, &err));
    assert_int_equal(err.code, EXO_ENOTFOUND);
    assert_non_null(strstr(err.text, "no-such-program"));
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_timer_never_early),
        SCENE_TEST(test_timer_repeats_until_stopped),
        SCENE_TEST(test_timer_frees_itself),
        SCENE_TEST(test_defer_runs_later_and_again),
        cmocka_unit_test(test_free_runs_the_deferred),
        cmocka_unit_test(test_free_after_a_stop_without_a_run),
        SCENE_TEST(test_stop_ends_a_run),
        SCENE_TEST(test_watch_reads_and_sleeps),
        SCENE_TEST(test_watch_tells_of_a_hang_up),
        SCENE_TEST(test_wake_and_work_from_threads),
        SCENE_TEST(test_signal_calls),
        SCENE_TEST(test_process_inherits_fds),
        SCENE_TEST(test_process_killed),
        SCENE_TEST(test_process_forgotten),
        SCENE_TEST(test_process_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
