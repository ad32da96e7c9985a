/* How attempts end under real crun: success, failure, output, signals, limits. */
#include "workers/sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/contract/sandbox_trial.h"

static void succeeds_with_output(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome = trial_line(trial, "cat /exosphere/input.json > /exosphere/output.json;"
                                               "echo hello; echo again >&2;"
                                               "echo '{\"skip\":true}' > /exosphere/control.json");

    outcome_assert_status(&outcome, 0);
    assert_true(outcome.is_started);
    assert_string_equal(outcome.output, "{\"n\":1}");
    assert_string_equal(outcome.control, "{\"skip\":true}\n");
    assert_non_null(strstr(outcome.log, "hello\n"));
    assert_non_null(strstr(outcome.log, "again\n"));
    assert_int_equal(outcome.heard_bytes, 12);
    assert_int_equal(outcome.result.log_bytes, 12);
    assert_int_equal(outcome.result.log_bytes_lost, 0);
    assert_false(outcome.result.is_oom_killed);
    assert_false(outcome.result.is_stopped);
    assert_true(outcome.result.ended_ns >= outcome.result.started_ns);
    assert_true(outcome.result.run_ns > 0);
    assert_true(outcome.result.cpu_ns > 0);
    assert_true(outcome.result.memory_peak_bytes > 0);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void tells_the_exit_status(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome = trial_line(trial, "exit 75");

    outcome_assert_status(&outcome, 75);
    assert_int_equal(outcome.result.output.state, SANDBOX_FILE_MISSING);
    assert_int_equal(outcome.result.control.state, SANDBOX_FILE_MISSING);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

/* 128 + n is an exit status like any other; a real signal is told apart. */
static void tells_signals_from_statuses(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome = trial_line(trial, "exit 137");

    outcome_assert_status(&outcome, 137);
    outcome_free(&outcome);

    struct sandbox_spec spec = trial_spec(trial, "sleep 60");

    trial_start(trial, &spec, &outcome);
    trial_wait(trial, &outcome.is_started);
    assert_true(sandbox_signal(outcome.run, SIGKILL));
    trial_wait(trial, &outcome.is_done);
    assert_int_equal(outcome.result.end, SANDBOX_SIGNALLED);
    assert_int_equal(outcome.result.signal, SIGKILL);
    assert_false(outcome.result.is_stopped);
    outcome_free(&outcome);
}

static void refuses_odd_outputs(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } cases[] = {
        {"ln -s /etc/passwd /exosphere/output.json", "symbolic link"},
        {"mkfifo /exosphere/output.json", "no regular file"},
        {"mkdir /exosphere/output.json", "no regular file"},
        {"dd if=/dev/zero of=/exosphere/output.json bs=1024 count=1025", "larger than 1048576"},
    };
    struct trial *trial = trial_of(state);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sandbox_spec spec = trial_spec(trial, cases[i].line);

        spec.output_bytes_max = 1 << 20;
        struct outcome outcome = trial_run(trial, &spec);

        outcome_assert_status(&outcome, 0);
        assert_int_equal(outcome.result.output.state, SANDBOX_FILE_REFUSED);
        assert_null(outcome.output);
        assert_non_null(strstr(outcome.problem, cases[i].says));
        outcome_free(&outcome);
    }
    trial_assert_clean(trial);
}

static void output_of_the_very_limit_is_read(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec =
        trial_spec(trial, "head -c 1048576 /dev/zero > /exosphere/output.json");

    spec.output_bytes_max = 1 << 20;
    struct outcome outcome = trial_run(trial, &spec);

    assert_int_equal(outcome.result.output.state, SANDBOX_FILE_READ);
    assert_int_equal(outcome.result.output.bytes.bytes, 1 << 20);
    outcome_free(&outcome);
}

static void takes_stdout_as_output(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec = trial_spec(trial, "echo '[1]'; echo note >&2");

    spec.output = SANDBOX_OUTPUT_STDOUT;
    struct outcome outcome = trial_run(trial, &spec);

    assert_string_equal(outcome.output, "[1]\n");
    assert_string_equal(outcome.log, "note\n");
    outcome_free(&outcome);

    spec = trial_spec(trial, "yes | head -c 300000");
    spec.output = SANDBOX_OUTPUT_STDOUT;
    spec.output_bytes_max = 1000;
    outcome = trial_run(trial, &spec);
    outcome_assert_status(&outcome, 0);
    assert_int_equal(outcome.result.output.state, SANDBOX_FILE_REFUSED);
    assert_non_null(strstr(outcome.problem, "larger"));
    outcome_free(&outcome);
}

static void out_of_memory_is_told(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec =
        trial_spec(trial, "awk 'BEGIN { s = \"x\"; while (1) s = s s }'; exit $?");

    spec.memory_bytes = 24 << 20;
    struct outcome outcome = trial_run(trial, &spec);

    assert_true(outcome.result.is_oom_killed);
    assert_true(outcome.result.end == SANDBOX_SIGNALLED || outcome.result.status != 0);
    assert_true(outcome.result.memory_peak_bytes <= 24 << 20);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void fork_bomb_stays_in_its_limit(void **state)
{
    struct trial *trial = trial_of(state);
    /* In the background: the first shell forks before there is anything in its way. */
    struct sandbox_spec spec = trial_spec(trial, "f() { f | f & }; f & exec sleep 60");
    struct outcome outcome;

    spec.pids_max = 20;
    trial_start(trial, &spec, &outcome);
    trial_wait(trial, &outcome.is_started);
    for (int i = 0; outcome.heard_bytes == 0; i++) {
        assert_true(i < 4000);
        assert_false(outcome.is_done);
        trial_turn(trial);
    }
    sandbox_stop(outcome.run, 0);
    trial_wait(trial, &outcome.is_done);
    assert_int_equal(outcome.result.signal, SIGKILL);
    assert_non_null(strstr(outcome.log, "fork"));
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void full_disk_is_the_attempts_own(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec =
        trial_spec(trial, "dd if=/dev/zero of=/exosphere/artefacts/big bs=65536 count=1000 "
                          "|| exit 9");

    spec.output_bytes_max = 1 << 20;
    struct outcome outcome = trial_run(trial, &spec);

    outcome_assert_status(&outcome, 9);
    assert_non_null(strstr(outcome.log, "No space left"));
    outcome_free(&outcome);

    outcome = trial_line(trial, "dd if=/dev/zero of=/tmp/big bs=65536 count=1000 || exit 9");
    outcome_assert_status(&outcome, 9);
    outcome_free(&outcome);

    outcome = trial_line(trial, "i=0; while true > /exosphere/artefacts/$i; do i=$((i+1)); done;"
                                "exit 9");
    outcome_assert_status(&outcome, 9);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void much_log_is_cut_in_the_middle(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec =
        trial_spec(trial, "echo first; yes 0123456789012345678901234567890 | head -c 104857600; "
                          "echo; echo last");

    spec.log_bytes_max = 1 << 20;
    struct outcome outcome = trial_run(trial, &spec);

    outcome_assert_status(&outcome, 0);
    assert_int_equal(outcome.heard_bytes, 6 + 104857600 + 6);
    assert_int_equal(outcome.result.log_bytes, outcome.heard_bytes);
    assert_true(outcome.result.log.bytes < (1 << 20) + 100);
    assert_int_equal(outcome.result.log_bytes_lost, outcome.result.log_bytes - (1 << 20));
    assert_int_equal(strncmp(outcome.log, "first\n", 6), 0);
    assert_non_null(strstr(outcome.log, "bytes of the log cut here]"));
    assert_string_equal(outcome.log + strlen(outcome.log) - 6, "\nlast\n");
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

/* What cannot be started says what to do about it. */
static void missing_things_are_named(void **state)
{
    static const struct {
        const char *args[3];
        const char *cwd;
        const char *says;
    } cases[] = {
        {{"nothing-like-it", NULL}, NULL, "\"nothing-like-it\" is not in the image"},
        {{"/bin/nothing-like-it", NULL}, NULL, "\"/bin/nothing-like-it\" is not in the image"},
        {{"garbage", NULL}, NULL, "no program for this machine"},
        {{"/etc", NULL}, NULL, "\"/etc\""},
    };
    struct trial *trial = trial_of(state);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sandbox_spec spec = trial_spec(trial, "");

        spec.args = cases[i].args;
        struct outcome outcome = trial_run(trial, &spec);

        if (outcome.result.end != SANDBOX_NOT_STARTED) {
            fail_msg("\"%s\" ends %d %d with log %s", cases[i].args[0], (int)outcome.result.end,
                     outcome.result.status, outcome.log);
        }
        if (strstr(outcome.result.error.text, cases[i].says) == NULL) {
            fail_msg("\"%s\" says: %s", cases[i].args[0], outcome.result.error.text);
        }
        assert_int_equal(outcome.result.error.code, EXO_EINVALID);
        assert_false(outcome.result.error.is_retryable);
        outcome_free(&outcome);
    }
    struct sandbox_spec spec = trial_spec(trial, "true");

    spec.rootfs = "/nowhere/at/all";
    struct outcome outcome = trial_run(trial, &spec);

    assert_int_equal(outcome.result.end, SANDBOX_NOT_STARTED);
    assert_non_null(strstr(outcome.result.error.text, "unpacked image is gone"));
    assert_true(outcome.result.error.is_retryable);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void too_little_memory_to_start_is_told(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec = trial_spec(trial, "true");

    spec.memory_bytes = 64 << 10;
    struct outcome outcome = trial_run(trial, &spec);

    assert_int_equal(outcome.result.end, SANDBOX_NOT_STARTED);
    assert_non_null(strstr(outcome.result.error.text, "memory"));
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

/* Begins a line and waits until it has written something. */
static void start_and_hear(struct trial *trial, const char *line, struct outcome *outcome)
{
    struct sandbox_spec spec = trial_spec(trial, line);

    trial_start(trial, &spec, outcome);
    for (int i = 0; outcome->heard_bytes == 0; i++) {
        assert_true(i < 4000);
        assert_false(outcome->is_done);
        trial_turn(trial);
    }
}

static void term_is_handled(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome;

    start_and_hear(trial,
                   "trap 'echo {} > /exosphere/output.json; exit 3' TERM; echo up;"
                   "while :; do sleep 0.01; done",
                   &outcome);
    sandbox_stop(outcome.run, 50 * EXO_SECOND);
    trial_wait(trial, &outcome.is_done);
    outcome_assert_status(&outcome, 3);
    assert_true(outcome.result.is_stopped);
    assert_false(outcome.result.is_grace_over);
    assert_string_equal(outcome.output, "{}\n");
    outcome_free(&outcome);
}

static void ignored_term_is_followed_by_kill(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome;

    start_and_hear(trial, "trap '' TERM; (trap '' TERM; sleep 60) & echo up; sleep 60", &outcome);
    sandbox_stop(outcome.run, 100 * EXO_MILLISECOND);
    /* A later stop may not lengthen the grace. */
    sandbox_stop(outcome.run, 50 * EXO_SECOND);
    trial_wait(trial, &outcome.is_done);
    assert_int_equal(outcome.result.end, SANDBOX_SIGNALLED);
    assert_int_equal(outcome.result.signal, SIGKILL);
    assert_true(outcome.result.is_grace_over);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void unhandled_term_ends_at_once(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome;

    start_and_hear(trial, "echo up; exec sleep 60", &outcome);
    sandbox_stop(outcome.run, 3600 * EXO_SECOND);
    trial_wait(trial, &outcome.is_done);
    assert_int_equal(outcome.result.end, SANDBOX_SIGNALLED);
    assert_int_equal(outcome.result.signal, SIGTERM);
    assert_true(outcome.result.is_stopped);
    assert_false(outcome.result.is_grace_over);
    outcome_free(&outcome);
}

static void stop_before_the_start_holds(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec = trial_spec(trial, "trap '' TERM; while :; do sleep 1; done");
    struct outcome outcome;

    trial_start(trial, &spec, &outcome);
    sandbox_stop(outcome.run, 0);
    trial_wait(trial, &outcome.is_done);
    assert_true(outcome.result.is_stopped);
    assert_int_equal(outcome.result.end, SANDBOX_SIGNALLED);
    outcome_free(&outcome);
    trial_assert_clean(trial);
}

static void bad_specs_are_refused(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_events events = {.on_exit = NULL};
    struct sandbox_spec spec = trial_spec(trial, "sleep 60");
    struct outcome outcome;
    struct exo_error err;

    trial_start(trial, &spec, &outcome);
    events.on_exit = (void (*)(void *, const struct sandbox_result *))abort;
    assert_null(sandbox_start(trial->sandbox, &spec, &events, &err));
    assert_int_equal(err.code, EXO_ECONFLICT);
    spec.id = "../x";
    assert_null(sandbox_start(trial->sandbox, &spec, &events, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    assert_int_equal(sandbox_count(trial->sandbox), 1);
    sandbox_stop(outcome.run, 0);
    trial_wait(trial, &outcome.is_done);
    outcome_free(&outcome);
}

static void several_run_at_once(void **state)
{
    static const char *const ids[] = {"a.1", "b.1", "c.1", "d.1", "e.1", "f.1", "g.1", "h.1"};
    struct trial *trial = trial_of(state);
    struct outcome outcomes[8];
    struct exo_error err;

    for (size_t i = 0; i < 8; i++) {
        struct sandbox_spec spec =
            trial_spec(trial, "cat /proc/self/cgroup > /exosphere/output.json; echo $HOSTNAME");

        spec.id = ids[i];
        trial_start(trial, &spec, &outcomes[i]);
    }
    struct sandbox_spec ninth = trial_spec(trial, "true");

    assert_null(sandbox_start(
        trial->sandbox, &ninth,
        &(struct sandbox_events){.on_exit = (void (*)(void *, const struct sandbox_result *))abort},
        &err));
    assert_int_equal(err.code, EXO_ELIMIT);
    for (size_t i = 0; i < 8; i++) {
        trial_wait(trial, &outcomes[i].is_done);
        outcome_assert_status(&outcomes[i], 0);
        assert_non_null(outcomes[i].output);
        outcome_free(&outcomes[i]);
    }
    trial_assert_clean(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(succeeds_with_output),
        cmocka_unit_test(tells_the_exit_status),
        cmocka_unit_test(tells_signals_from_statuses),
        cmocka_unit_test(refuses_odd_outputs),
        cmocka_unit_test(output_of_the_very_limit_is_read),
        cmocka_unit_test(takes_stdout_as_output),
        cmocka_unit_test(out_of_memory_is_told),
        cmocka_unit_test(fork_bomb_stays_in_its_limit),
        cmocka_unit_test(full_disk_is_the_attempts_own),
        cmocka_unit_test(much_log_is_cut_in_the_middle),
        cmocka_unit_test(missing_things_are_named),
        cmocka_unit_test(too_little_memory_to_start_is_told),
        cmocka_unit_test(term_is_handled),
        cmocka_unit_test(ignored_term_is_followed_by_kill),
        cmocka_unit_test(unhandled_term_ends_at_once),
        cmocka_unit_test(stop_before_the_start_holds),
        cmocka_unit_test(bad_specs_are_refused),
        cmocka_unit_test(several_run_at_once),
    };
    return cmocka_run_group_tests(tests, trial_open, trial_close);
}
