/* progress.json under real crun: what counts as a sign of life, and what does not. */
#include "workers/sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/contract/sandbox_trial.h"

/* For lines: `told N` waits until the test has said so many times that it goes on. */
#define TOLD "n=0; trap 'n=$((n+1))' USR1; told() { while [ $n -lt $1 ]; do sleep 0.05; done; }; "

/* Starts a line and waits for its first sign. */
static void start(struct trial *trial, const char *line, struct outcome *outcome)
{
    struct sandbox_spec spec = trial_spec(trial, line);

    trial_start(trial, &spec, outcome);
    outcome->signs_wanted = 1;
    trial_wait(trial, &outcome->has_signs);
}

/* What has been seen cannot be missed for what comes next: only now the line goes on, to one more
 * sign. */
static void go_on(struct trial *trial, struct outcome *outcome)
{
    outcome->signs_wanted = outcome->signs + 1;
    outcome->has_signs = false;
    assert_true(sandbox_signal(outcome->run, SIGUSR1));
    trial_wait(trial, &outcome->has_signs);
}

static void stop(struct trial *trial, struct outcome *outcome)
{
    sandbox_stop(outcome->run, 0);
    trial_wait(trial, &outcome->is_done);
    outcome_free(outcome);
    trial_assert_clean(trial);
}

static void what_is_written_is_seen_while_it_runs(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome;

    start(trial, "cd /exosphere; echo '{\"percent\":40}' > new; mv new progress.json; sleep 600",
          &outcome);
    assert_string_equal(outcome.progress, "{\"percent\":40}\n");
    assert_false(outcome.is_done);
    stop(trial, &outcome);
}

/* Written over, replaced by a rename, touched: the same bytes each time. */
static void every_change_is_a_sign_of_life(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome;

    start(trial,
          TOLD "cd /exosphere; echo x > new; mv new progress.json; told 1; "
               "echo x | dd conv=notrunc of=progress.json; told 2; "
               "echo x > new; mv new progress.json; told 3; touch progress.json; sleep 600",
          &outcome);
    for (int i = 0; i < 3; i++) {
        go_on(trial, &outcome);
        assert_string_equal(outcome.progress, "x\n");
    }
    stop(trial, &outcome);
}

static void a_file_that_is_too_large_is_a_sign_without_text(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome;

    start(trial,
          TOLD "cd /exosphere; head -c 4096 /dev/zero | tr '\\000' a > new; mv new progress.json; "
               "told 1; echo a >> progress.json; sleep 600",
          &outcome);
    go_on(trial, &outcome);
    assert_string_equal(outcome.progress, "");
    stop(trial, &outcome);
}

/* An enemy's file neither blocks the loop nor shows what is not the attempt's. */
static void odd_files_are_no_sign(void **state)
{
    static const char *const lines[] = {
        "mkfifo /exosphere/progress.json",
        "ln -s /exosphere/input.json /exosphere/progress.json",
        "mkdir /exosphere/progress.json",
    };
    struct trial *trial = trial_of(state);

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char line[160];

        /* Long enough for two looks. */
        (void)snprintf(line, sizeof(line), "%s; exec sleep 2.5", lines[i]);
        struct outcome outcome = trial_line(trial, line);

        outcome_assert_status(&outcome, 0);
        assert_int_equal(outcome.signs, 0);
        outcome_free(&outcome);
    }
    trial_assert_clean(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_seen_while_it_runs),
        cmocka_unit_test(every_change_is_a_sign_of_life),
        cmocka_unit_test(a_file_that_is_too_large_is_a_sign_without_text),
        cmocka_unit_test(odd_files_are_no_sign),
    };
    return cmocka_run_group_tests(tests, trial_open, trial_close);
}
