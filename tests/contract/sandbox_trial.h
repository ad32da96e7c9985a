/* sandbox_trial: a sandbox over real crun and a root file system of busybox, for contract tests.
 *
 *   trial_open --> struct trial --trial_run(spec)--> struct outcome
 *
 * Skips, saying why, where containers cannot run; with CI=true that is a failure. */
#ifndef EXO_TESTS_SANDBOX_TRIAL_H
#define EXO_TESTS_SANDBOX_TRIAL_H

#include <stdbool.h>

#include "infra/loop/loop.h"
#include "workers/sandbox/sandbox.h"

struct trial {
    struct loop *loop;
    struct sandbox *sandbox;
    char dir[64]; /* temporary; removed by trial_close */
    char runtime_dir[80];
    char rootfs[80];
    char tree[48]; /* name of the worker's cgroups */
};

/* A result that outlives its callback. */
struct outcome {
    struct sandbox_result result; /* its spans point to the copies below */
    char *log, *output, *control; /* NUL-terminated; NULL when there is none */
    char problem[256];            /* of the output */
    bool is_started;
    bool is_done;
    uint64_t heard_bytes; /* through on_log */
    uint32_t signs;       /* through on_progress ... */
    uint32_t signs_wanted;
    bool has_signs;     /* ... so many as wanted */
    char progress[256]; /* the last */
    struct sandbox_run *run;
};

/* trial_why_not tells why containers cannot run here, or NULL. */
const char *trial_why_not(void);

/* trial_open makes a trial with a sandbox; trial_prepare one without. Group set-ups of cmocka;
 * where containers cannot run they leave NULL. */
int trial_open(void **state);
int trial_prepare(void **state);
int trial_close(void **state);

/* trial_open_sandbox opens the sandbox over the runtime directory, failing the test on an error. */
void trial_open_sandbox(struct trial *trial);

/* trial_of gives the trial of a test; skips it where containers cannot run. */
struct trial *trial_of(void **state);

/* trial_spec is a spec that runs a line of shell, with small limits. The line is borrowed. */
struct sandbox_spec trial_spec(const struct trial *trial, const char *line);

/* trial_start begins; *outcome is filled as things happen. Fails the test on an error. */
void trial_start(struct trial *trial, const struct sandbox_spec *spec, struct outcome *outcome);

/* trial_wait turns the loop until *is_done; fails the test after 30 s. */
void trial_wait(struct trial *trial, const bool *is_done);

/* trial_turn turns the loop for a moment. */
void trial_turn(struct trial *trial);

/* trial_run begins and waits for the end. */
struct outcome trial_run(struct trial *trial, const struct sandbox_spec *spec);

/* trial_line runs a line of shell under trial_spec. */
struct outcome trial_line(struct trial *trial, const char *line);

/* outcome_assert_status fails the test, saying all it knows, unless the command exited so. */
void outcome_assert_status(const struct outcome *outcome, int status);

/* outcome_free frees the copies. */
void outcome_free(struct outcome *outcome);

/* trial_assert_clean fails the test when anything of any attempt is left: cgroups, directories,
 * mounts, logs. */
void trial_assert_clean(const struct trial *trial);

#endif /* EXO_TESTS_SANDBOX_TRIAL_H */
