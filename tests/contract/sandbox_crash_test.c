/* What is left when the worker is killed, and that nothing of it stays. */
#include "workers/sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/contract/sandbox_trial.h"
#include "workers/sandbox/cgroup.h"

enum { ATTEMPTS = 3, LEFTOVERS_MAX = 16 };

static const char *const ids[ATTEMPTS] = {"stubborn.1", "silent.1", "many.2"};
static const char *const lines[ATTEMPTS] = {
    "trap '' TERM; echo 'was here'; while :; do sleep 0.01; echo x; done",
    "exec sleep 600",
    "sleep 600 & sleep 600 & (sleep 600 & sleep 600) & echo 'four of us'; wait",
};

/* A worker of its own: starts the three, says when all have begun to run, and runs on. Says so
 * before they have when is_hasty. Never returns. */
static void live(struct trial *trial, int told_fd, bool is_hasty)
{
    struct outcome outcomes[ATTEMPTS];

    trial_open_sandbox(trial);
    for (size_t i = 0; i < ATTEMPTS; i++) {
        struct sandbox_spec spec = trial_spec(trial, lines[i]);

        spec.id = ids[i];
        trial_start(trial, &spec, &outcomes[i]);
    }
    if (is_hasty) {
        (void)!write(told_fd, "x", 1);
    }
    while (!outcomes[1].is_started || outcomes[0].heard_bytes == 0 ||
           outcomes[2].heard_bytes == 0) {
        trial_turn(trial);
    }
    (void)!write(told_fd, "x", 1);
    loop_run(trial->loop);
    _exit(3);
}

/* Starts a worker and kills it wait_ms after it has said something. */
static void live_and_be_killed(struct trial *trial, bool is_hasty, int wait_ms)
{
    int fds[2], status = 0;
    char byte;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        live(trial, fds[1], is_hasty);
    }
    (void)close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    (void)close(fds[0]);
    (void)poll(NULL, 0, wait_ms);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

struct found {
    size_t count;
    char ids[LEFTOVERS_MAX][SANDBOX_ID_BYTES_MAX + 1];
    char logs[LEFTOVERS_MAX][256];
};

static void on_leftover(void *argument, const struct sandbox_leftover *leftover)
{
    struct found *found = argument;

    assert_true(found->count < LEFTOVERS_MAX);
    (void)snprintf(found->ids[found->count], sizeof(found->ids[0]), "%s", leftover->id);
    (void)snprintf(found->logs[found->count], sizeof(found->logs[0]), "%.*s",
                   SPAN_ARG(leftover->log));
    assert_int_equal(leftover->log_bytes_lost, 0);
    found->count++;
}

static const char *log_of(const struct found *found, const char *id)
{
    for (size_t i = 0; i < found->count; i++) {
        if (strcmp(found->ids[i], id) == 0) {
            return found->logs[i];
        }
    }
    fail_msg("%s was not found", id);
    return "";
}

/* Processes whose cgroup is below the worker's. */
static size_t count_processes(const struct trial *trial)
{
    DIR *directory = opendir("/proc");
    size_t count = 0;

    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char path[300], text[4096];

        (void)snprintf(path, sizeof(path), "/proc/%s/cgroup", entry->d_name);
        FILE *file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        size_t bytes = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

        text[bytes] = '\0';
        count += strstr(text, trial->tree) != NULL ? 1 : 0;
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    (void)closedir(directory);
    return count;
}

static void kill_leaves_nothing_after_recovery(void **state)
{
    struct trial *trial = trial_of(state);
    struct found found = {.count = 0};
    struct exo_error err = {.text = ""};

    live_and_be_killed(trial, false, 0);
    trial_open_sandbox(trial);
    assert_true(count_processes(trial) >= ATTEMPTS);
    int count = sandbox_recover(trial->sandbox, on_leftover, &found, &err);

    if (count != ATTEMPTS) {
        fail_msg("%d found: %s", count, err.text);
    }
    assert_int_equal(found.count, ATTEMPTS);
    assert_int_equal(strncmp(log_of(&found, ids[0]), "was here\n", 9), 0);
    assert_string_equal(log_of(&found, ids[1]), "");
    assert_string_equal(log_of(&found, ids[2]), "four of us\n");
    assert_int_equal(count_processes(trial), 0);
    trial_assert_clean(trial);
    assert_int_equal(sandbox_recover(trial->sandbox, on_leftover, &found, &err), 0);

    /* And the place is as good as new. */
    struct sandbox_spec spec = trial_spec(trial, "echo again");

    spec.id = ids[0];
    struct outcome outcome = trial_run(trial, &spec);

    outcome_assert_status(&outcome, 0);
    assert_string_equal(outcome.log, "again\n");
    outcome_free(&outcome);
    sandbox_close(trial->sandbox);
    trial->sandbox = NULL;
}

/* At any moment of a start: crun may be at work without us. */
static void kill_in_the_middle_of_a_start(void **state)
{
    struct trial *trial = trial_of(state);
    struct found found;
    struct exo_error err = {.text = ""};

    for (int wait_ms = 0; wait_ms < 24; wait_ms += 2) {
        found.count = 0;
        live_and_be_killed(trial, true, wait_ms);
        trial_open_sandbox(trial);
        if (sandbox_recover(trial->sandbox, on_leftover, &found, &err) < 0) {
            fail_msg("killed after %d ms: %s", wait_ms, err.text);
        }
        assert_int_equal(count_processes(trial), 0);
        trial_assert_clean(trial);
        sandbox_close(trial->sandbox);
        trial->sandbox = NULL;
    }
}

static void close_takes_all_along(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcomes[ATTEMPTS];

    trial_open_sandbox(trial);
    for (size_t i = 0; i < ATTEMPTS; i++) {
        struct sandbox_spec spec = trial_spec(trial, lines[i]);

        spec.id = ids[i];
        trial_start(trial, &spec, &outcomes[i]);
    }
    /* One runs, the others are in the middle of their start. */
    while (!outcomes[0].is_started && !outcomes[1].is_started && !outcomes[2].is_started) {
        trial_turn(trial);
    }
    sandbox_close(trial->sandbox);
    trial->sandbox = NULL;
    assert_int_equal(count_processes(trial), 0);
    trial_open_sandbox(trial);
    trial_assert_clean(trial);
    sandbox_close(trial->sandbox);
    trial->sandbox = NULL;
}

/* Runs a check in a process of its own; it ends with 0 when all is well. */
static void in_a_child(struct trial *trial, int (*check)(struct trial *trial))
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(check(trial));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct sandbox *try_open(struct trial *trial, struct exo_error *err)
{
    return sandbox_open(trial->loop,
                        &(struct sandbox_settings){
                            .driver = "crun", .runtime_dir = trial->runtime_dir, .runs_max = 1},
                        err);
}

static int second_worker(struct trial *trial)
{
    struct exo_error err;

    return try_open(trial, &err) == NULL && err.code == EXO_ECONFLICT &&
                   strstr(err.text, trial->runtime_dir) != NULL
               ? 0
               : 1;
}

static int not_root(struct trial *trial)
{
    struct exo_error err;

    return setuid(65534) == 0 && try_open(trial, &err) == NULL && err.code == EXO_EDENIED &&
                   strstr(err.text, "type: sudo ") != NULL
               ? 0
               : 1;
}

static void directory_is_one_workers(void **state)
{
    struct trial *trial = trial_of(state);

    trial_open_sandbox(trial);
    in_a_child(trial, second_worker);
    sandbox_close(trial->sandbox);
    trial->sandbox = NULL;
    in_a_child(trial, not_root);
}

enum { CANNOT = 77 };

/* A machine of cgroups v2, made here without its controllers: another tree in a namespace. */
static int on_v2(struct trial *trial)
{
    struct outcome outcome;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) != 0) {
        return CANNOT;
    }
    trial_open_sandbox(trial);
    struct sandbox_spec spec = trial_spec(trial, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done;"
                                                 "sleep 600 & echo up; exec sleep 600");

    spec.memory_bytes = 0;
    spec.cpu_millis = 0;
    spec.pids_max = 0;
    trial_start(trial, &spec, &outcome);
    while (outcome.heard_bytes == 0 && !outcome.is_done) {
        trial_turn(trial);
    }
    if (outcome.is_done) {
        (void)fprintf(stderr, "on v2: %s\n", outcome.result.error.text);
        sandbox_close(trial->sandbox);
        /* crun loads a device filter there, for which it wants to lock more memory. */
        return strstr(outcome.result.error.text, "RLIM_MEMLOCK") != NULL ? CANNOT : 4;
    }
    sandbox_stop(outcome.run, 0);
    trial_wait(trial, &outcome.is_done);
    int failed = outcome.result.end != SANDBOX_SIGNALLED || outcome.result.cpu_ns == 0 ? 3 : 0;

    outcome_free(&outcome);
    sandbox_close(trial->sandbox);
    return failed;
}

static void containers_on_cgroups_v2(void **state)
{
    struct trial *trial = trial_of(state);
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(on_v2(trial));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(count_processes(trial), 0);
    if (WEXITSTATUS(status) == CANNOT) {
        /* Also with CI=true: it is the machine's kind, not a service that somebody forgot. */
        print_message("skipped: this machine runs no containers on cgroups v2\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Without crun: the v2 tree that a hybrid machine has beside v1. */
static void cgroups_v2_are_emptied_and_removed(void **state)
{
    static const char *const root = "/sys/fs/cgroup/unified";
    struct trial *trial = trial_of(state);
    struct cgroup cgroup;
    struct cgroup_usage usage;
    struct exo_error err = {.text = ""};
    char line[1024];

    if (access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) != 0) {
        print_message("skipped: this machine has no v2 tree beside v1\n");
        skip();
    }
    int failed = cgroup_open(&cgroup, root, 1, (uint64_t)getpid(), &err);

    if (failed != 0) {
        fail_msg("%s", err.text);
    }
    assert_true(cgroup.is_v2);
    (void)snprintf(line, sizeof(line),
                   "mkdir %s%s/a.1 && { sh -c 'echo $$ > %s%s/a.1/cgroup.procs; sleep 600 & "
                   "sleep 600' & } ; while [ $(wc -l < %s%s/a.1/cgroup.procs) -lt 3 ]; do :; done",
                   root, cgroup.base, root, cgroup.base, root, cgroup.base);
    assert_int_equal(system(line), 0);
    cgroup_usage_read(&cgroup, "a.1", &usage);
    assert_true(usage.cpu_ns > 0);
    assert_false(usage.is_oom_killed);
    failed = cgroup_remove(&cgroup, "a.1", 10 * EXO_SECOND, &err);
    if (failed != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(cgroup_remove(&cgroup, "a.1", 0, &err), 0);
    cgroup_release(&cgroup);
    (void)snprintf(line, sizeof(line), "%s%s", root, cgroup.base);
    assert_int_not_equal(access(line, F_OK), 0);
    (void)trial;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_leaves_nothing_after_recovery),
        cmocka_unit_test(kill_in_the_middle_of_a_start),
        cmocka_unit_test(close_takes_all_along),
        cmocka_unit_test(directory_is_one_workers),
        cmocka_unit_test(containers_on_cgroups_v2),
        cmocka_unit_test(cgroups_v2_are_emptied_and_removed),
    };
    return cmocka_run_group_tests(tests, trial_prepare, trial_close);
}
