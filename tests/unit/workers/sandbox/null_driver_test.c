#include "workers/sandbox/null_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "workers/sandbox/sandbox.h"

enum { MANY = 300 };

struct heard {
    unsigned starts, ends;
    struct sandbox_result last;
    char output[64], log[64];
    bool is_done;
    unsigned wanted; /* ends until is_done */
    struct sandbox_run *run;
    bool stops_at_start;
    unsigned signs;
    char progress[64];
};

static struct loop *loop;
static struct sandbox *sandbox;

static int open_null(void **state)
{
    struct exo_error err;

    (void)state;
    loop = loop_new(&err);
    sandbox =
        sandbox_open(loop, &(struct sandbox_settings){.driver = "null", .runs_max = MANY}, &err);
    return sandbox == NULL ? -1 : 0;
}

static int close_null(void **state)
{
    (void)state;
    sandbox_close(sandbox);
    loop_free(loop);
    return 0;
}

static void on_start(void *argument, exo_time started_ns)
{
    struct heard *heard = argument;

    assert_true(started_ns > 0);
    heard->starts++;
    if (heard->stops_at_start) {
        sandbox_stop(heard->run, EXO_HOUR);
    }
}

static void copy(char text[64], struct span bytes)
{
    (void)snprintf(text, 64, "%.*s", SPAN_ARG(bytes));
}

static void on_progress(void *argument, struct span bytes)
{
    struct heard *heard = argument;

    heard->signs++;
    copy(heard->progress, bytes);
}

static void on_end(void *argument, const struct sandbox_result *result)
{
    struct heard *heard = argument;

    heard->last = *result;
    copy(heard->output, result->output.bytes);
    copy(heard->log, result->log);
    heard->ends++;
    heard->is_done = heard->ends >= heard->wanted;
}

static struct sandbox_run *start(struct heard *heard, const char *id, const char *const *args,
                                 struct exo_error *err)
{
    struct sandbox_spec spec = {.id = id, .rootfs = "/", .args = args, .uid = 1};

    heard->wanted += heard->wanted == 0 ? 1 : 0;
    heard->run = sandbox_start(
        sandbox, &spec,
        &(struct sandbox_events){
            .on_start = on_start, .on_progress = on_progress, .on_exit = on_end, .argument = heard},
        err);
    return heard->run;
}

/* Runs one to its end. */
static struct heard run(const char *const *args)
{
    struct heard heard = {.starts = 0};
    struct exo_error err;

    assert_non_null(start(&heard, "a", args, &err));
    assert_int_equal(heard.ends, 0);
    assert_true(loop_run_until(loop, &heard.is_done, 20 * EXO_SECOND));
    assert_int_equal(heard.ends, 1);
    assert_int_equal(sandbox_count(sandbox), 0);
    return heard;
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void succeeds_by_itself(void **state)
{
    struct heard heard = run(ARGS("any", "--exit", "1"));

    (void)state;
    assert_int_equal(heard.starts, 1);
    assert_int_equal(heard.last.end, SANDBOX_EXITED);
    assert_int_equal(heard.last.status, 0);
    assert_int_equal(heard.last.output.state, SANDBOX_FILE_MISSING);
    assert_true(heard.last.ended_ns >= heard.last.started_ns);
}

static void ends_as_its_command_says(void **state)
{
    (void)state;
    struct heard heard = run(ARGS("null", "--exit", "75", "--output", "[1]", "--log", "hello"));

    assert_int_equal(heard.last.status, 75);
    assert_string_equal(heard.output, "[1]");
    assert_string_equal(heard.log, "hello");
    assert_int_equal(heard.last.log_bytes, 5);

    heard = run(ARGS("null", "--list", "12"));
    assert_string_equal(heard.output, "[0,1,2,3,4,5,6,7,8,9,10,11]");

    heard = run(ARGS("null", "--signal", "11"));
    assert_int_equal(heard.last.end, SANDBOX_SIGNALLED);
    assert_int_equal(heard.last.signal, 11);

    heard = run(ARGS("null", "--oom"));
    assert_true(heard.last.is_oom_killed);
    assert_int_equal(heard.last.signal, SIGKILL);

    heard = run(ARGS("null", "--not-started"));
    assert_int_equal(heard.last.end, SANDBOX_NOT_STARTED);
    assert_int_equal(heard.starts, 0);

    heard = run(ARGS("null", "--sleep", "5ms", "--control", "{}"));
    assert_int_equal(heard.last.end, SANDBOX_EXITED);
    assert_true(heard.last.run_ns >= 4 * EXO_MILLISECOND);
    assert_int_equal(heard.last.control.state, SANDBOX_FILE_READ);
}

static void progress_comes_once_or_again_and_again(void **state)
{
    struct heard heard = run(ARGS("null", "--progress", "{}"));

    (void)state;
    assert_int_equal(heard.signs, 1);
    assert_string_equal(heard.progress, "{}");
    heard = run(ARGS("null", "--sleep", "50ms", "--progress", "40", "--every", "1ms"));
    assert_true(heard.signs >= 2);
    assert_string_equal(heard.progress, "40");
}

static void odd_commands_are_refused(void **state)
{
    const char *const *const cases[] = {
        (const char *const[]){"null", "--exit", NULL},
        (const char *const[]){"null", "--exit", "256", NULL},
        (const char *const[]){"null", "--exit", "x", NULL},
        (const char *const[]){"null", "--sleep", "soon", NULL},
        (const char *const[]){"null", "--every", "often", NULL},
        (const char *const[]){"null", "--what", "1", NULL},
    };
    struct heard heard = {.starts = 0};
    struct exo_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(start(&heard, "a", cases[i], &err));
        assert_int_equal(err.code, EXO_EINVALID);
    }
}

static void stop_ends_a_sleeper(void **state)
{
    struct heard heard = {.stops_at_start = true};
    struct exo_error err;

    (void)state;
    assert_non_null(start(&heard, "a", ARGS("null", "--sleep", "1h"), &err));
    assert_true(loop_run_until(loop, &heard.is_done, 20 * EXO_SECOND));
    assert_int_equal(heard.last.end, SANDBOX_SIGNALLED);
    assert_int_equal(heard.last.signal, SIGTERM);
    assert_true(heard.last.is_stopped);
    assert_false(heard.last.is_grace_over);
}

static void stop_waits_for_the_stubborn(void **state)
{
    struct heard heard = {.starts = 0};
    struct exo_error err;
    bool is_never = false;

    (void)state;
    assert_non_null(start(&heard, "a", ARGS("null", "--sleep", "1h", "--ignore-term"), &err));
    while (heard.starts == 0) {
        (void)loop_run_until(loop, &is_never, EXO_MILLISECOND);
    }
    sandbox_stop(heard.run, 5 * EXO_MILLISECOND);
    assert_true(loop_run_until(loop, &heard.is_done, 20 * EXO_SECOND));
    assert_int_equal(heard.last.signal, SIGKILL);
    assert_true(heard.last.is_grace_over);
}

static void stop_before_the_start_starts_nothing(void **state)
{
    struct heard heard = {.starts = 0};
    struct exo_error err;

    (void)state;
    assert_non_null(start(&heard, "a", ARGS("null"), &err));
    sandbox_stop(heard.run, 0);
    assert_true(loop_run_until(loop, &heard.is_done, 20 * EXO_SECOND));
    assert_int_equal(heard.starts, 0);
    assert_int_equal(heard.last.end, SANDBOX_NOT_STARTED);
    assert_true(heard.last.is_stopped);
}

static void window_is_bounded_and_ids_are_unique(void **state)
{
    struct heard heard = {.wanted = MANY};
    struct exo_error err;
    char id[16];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(id, sizeof(id), "a.%d", i);
        assert_non_null(start(&heard, id, ARGS("null"), &err));
        if (i == 0) {
            assert_null(start(&heard, "a.0", ARGS("null"), &err));
            assert_int_equal(err.code, EXO_ECONFLICT);
        }
    }
    assert_null(start(&heard, "b", ARGS("null"), &err));
    assert_int_equal(err.code, EXO_ELIMIT);
    assert_true(loop_run_until(loop, &heard.is_done, 20 * EXO_SECOND));
    assert_int_equal(heard.starts, MANY);
    assert_int_equal(sandbox_count(sandbox), 0);
}

static void close_forgets_what_runs(void **state)
{
    struct heard heard = {.starts = 0};
    struct exo_error err;

    (void)state;
    assert_non_null(start(&heard, "a", ARGS("null", "--sleep", "1h", "--log", "x"), &err));
    assert_non_null(start(&heard, "b", ARGS("null"), &err));
    sandbox_close(sandbox);
    assert_int_equal(heard.ends, 0);
    sandbox =
        sandbox_open(loop, &(struct sandbox_settings){.driver = "null", .runs_max = MANY}, &err);
    assert_non_null(sandbox);
    assert_int_equal(sandbox_recover(sandbox, NULL, NULL, &err), 0);
}

static void unknown_driver_is_refused(void **state)
{
    struct exo_error err;

    (void)state;
    assert_null(sandbox_open(loop, &(struct sandbox_settings){.driver = "x", .runs_max = 1}, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    assert_non_null(strstr(err.text, "crun or null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(succeeds_by_itself),
        cmocka_unit_test(ends_as_its_command_says),
        cmocka_unit_test(progress_comes_once_or_again_and_again),
        cmocka_unit_test(odd_commands_are_refused),
        cmocka_unit_test(stop_ends_a_sleeper),
        cmocka_unit_test(stop_waits_for_the_stubborn),
        cmocka_unit_test(stop_before_the_start_starts_nothing),
        cmocka_unit_test(window_is_bounded_and_ids_are_unique),
        cmocka_unit_test(close_forgets_what_runs),
        cmocka_unit_test(unknown_driver_is_refused),
    };
    return cmocka_run_group_tests(tests, open_null, close_null);
}
