#include "tests/contract/sandbox_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/patience.h"

static const exo_time wait_limit_ns = TEST_WAIT;
static const char *const shell[] = {"/bin/sh", "-c", NULL, NULL};

const char *trial_why_not(void)
{
    if (geteuid() != 0) {
        return "containers need root";
    }
    if (access("/usr/bin/crun", X_OK) != 0) {
        return "no /usr/bin/crun (apt-get install crun)";
    }
    if (access("/bin/busybox", X_OK) != 0) {
        return "no /bin/busybox (apt-get install busybox-static)";
    }
    return NULL;
}

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fail_msg("%s", what);
    }
}

/* busybox links its commands by itself. */
static void make_rootfs(const char *path)
{
    char line[1024];

    (void)snprintf(line, sizeof(line),
                   "mkdir -p %s/bin %s/etc %s/proc && cp /bin/busybox %s/bin/ && cd %s/bin && "
                   "for name in sh cat ls id mkdir ln mkfifo dd sleep echo touch rm env pwd yes "
                   "head wc stat kill true false chmod mount awk grep ip find test tail mv mknod "
                   "readlink sort tr cp ps; do "
                   "ln -s busybox $name; done && echo not a program > garbage && chmod 755 garbage",
                   path, path, path, path, path);
    must(system(line) == 0, "the root file system of the tests could not be made");
}

int trial_prepare(void **state)
{
    struct trial *trial = calloc(1, sizeof(*trial));
    struct exo_error err;

    *state = NULL;
    if (trial_why_not() != NULL || trial == NULL) {
        free(trial);
        return 0;
    }
    (void)snprintf(trial->dir, sizeof(trial->dir), "/tmp/exosphere-trial-XXXXXX");
    must(mkdtemp(trial->dir) != NULL, "no temporary directory");
    (void)snprintf(trial->runtime_dir, sizeof(trial->runtime_dir), "%s/run", trial->dir);
    (void)snprintf(trial->rootfs, sizeof(trial->rootfs), "%s/rootfs", trial->dir);
    make_rootfs(trial->rootfs);
    trial->loop = loop_new(&err);
    must(trial->loop != NULL, "no loop");
    *state = trial;
    return 0;
}

void trial_open_sandbox(struct trial *trial)
{
    struct exo_error err = {.text = ""};
    struct stat facts;

    trial->sandbox = sandbox_open(trial->loop,
                                  &(struct sandbox_settings){
                                      .driver = "crun",
                                      .runtime_dir = trial->runtime_dir,
                                      .runs_max = 8,
                                  },
                                  &err);
    must(trial->sandbox != NULL, err.text);
    must(stat(trial->runtime_dir, &facts) == 0, "no runtime directory");
    (void)snprintf(trial->tree, sizeof(trial->tree), "w-%" PRIx64 "-%" PRIx64,
                   (uint64_t)facts.st_dev, (uint64_t)facts.st_ino);
}

int trial_open(void **state)
{
    if (trial_prepare(state) == 0 && *state != NULL) {
        trial_open_sandbox(*state);
    }
    return 0;
}

int trial_close(void **state)
{
    struct trial *trial = *state;
    char line[128];

    if (trial == NULL) {
        return 0;
    }
    sandbox_close(trial->sandbox);
    loop_free(trial->loop);
    (void)snprintf(line, sizeof(line), "rm -rf %s", trial->dir);
    int failed = system(line);

    free(trial);
    return failed;
}

struct trial *trial_of(void **state)
{
    const char *ci = getenv("CI");

    if (*state == NULL) {
        if (ci != NULL && strcmp(ci, "true") == 0) {
            fail_msg("must not be skipped with CI=true: %s", trial_why_not());
        }
        print_message("skipped: %s\n", trial_why_not());
        skip();
    }
    return *state;
}

struct sandbox_spec trial_spec(const struct trial *trial, const char *line)
{
    static const char *args[4];

    memcpy(args, shell, sizeof(args));
    args[2] = line;
    return (struct sandbox_spec){
        .id = "attempt.1",
        .rootfs = trial->rootfs,
        .args = args,
        .uid = 65532,
        .gid = 65532,
        .memory_bytes = 64 << 20,
        .cpu_millis = 1000,
        .pids_max = 64,
        .tmp_bytes = 1 << 20,
        .disk_bytes = 1 << 20,
        .input = {"{\"n\":1}", 7},
    };
}

static void on_start(void *argument, exo_time started_ns)
{
    struct outcome *outcome = argument;

    assert_true(started_ns > 0);
    outcome->is_started = true;
}

static void on_log(void *argument, enum sandbox_stream stream, struct span bytes)
{
    struct outcome *outcome = argument;

    assert_true(stream == SANDBOX_STDOUT || stream == SANDBOX_STDERR);
    outcome->heard_bytes += bytes.bytes;
}

static void on_progress(void *argument, struct span bytes)
{
    struct outcome *outcome = argument;

    (void)snprintf(outcome->progress, sizeof(outcome->progress), "%.*s", SPAN_ARG(bytes));
    outcome->has_signs = ++outcome->signs >= outcome->signs_wanted;
}

static char *copy(struct span bytes)
{
    char *text = malloc(bytes.bytes + 1);

    assert_non_null(text);
    if (bytes.bytes > 0) {
        memcpy(text, bytes.data, bytes.bytes);
    }
    text[bytes.bytes] = '\0';
    return text;
}

static void on_exit_of_run(void *argument, const struct sandbox_result *result)
{
    struct outcome *outcome = argument;

    assert_false(outcome->is_done);
    outcome->result = *result;
    outcome->log = copy(result->log);
    outcome->result.log.data = outcome->log;
    outcome->output = result->output.state == SANDBOX_FILE_READ ? copy(result->output.bytes) : NULL;
    outcome->control =
        result->control.state == SANDBOX_FILE_READ ? copy(result->control.bytes) : NULL;
    (void)snprintf(outcome->problem, sizeof(outcome->problem), "%s", result->output.problem);
    outcome->is_done = true;
    if (result->remove_error.code != EXO_OK) {
        fail_msg("something stayed: %s", result->remove_error.text);
    }
}

void trial_start(struct trial *trial, const struct sandbox_spec *spec, struct outcome *outcome)
{
    struct exo_error err;

    *outcome = (struct outcome){.run = NULL};
    outcome->run = sandbox_start(trial->sandbox, spec,
                                 &(struct sandbox_events){
                                     .on_start = on_start,
                                     .on_log = on_log,
                                     .on_progress = on_progress,
                                     .on_exit = on_exit_of_run,
                                     .argument = outcome,
                                 },
                                 &err);
    if (outcome->run == NULL) {
        fail_msg("not begun: %s", err.text);
    }
}

void trial_wait(struct trial *trial, const bool *is_done)
{
    if (!loop_run_until(trial->loop, is_done, wait_limit_ns)) {
        fail_msg("nothing happened for %d s", TEST_WAIT_SECONDS);
    }
}

struct outcome trial_run(struct trial *trial, const struct sandbox_spec *spec)
{
    struct outcome outcome;

    trial_start(trial, spec, &outcome);
    trial_wait(trial, &outcome.is_done);
    return outcome;
}

struct outcome trial_line(struct trial *trial, const char *line)
{
    struct sandbox_spec spec = trial_spec(trial, line);

    return trial_run(trial, &spec);
}

void trial_turn(struct trial *trial)
{
    bool is_never = false;

    (void)loop_run_until(trial->loop, &is_never, 5 * EXO_MILLISECOND);
}

void outcome_assert_status(const struct outcome *outcome, int status)
{
    const struct sandbox_result *result = &outcome->result;

    if (result->end != SANDBOX_EXITED || result->status != status) {
        fail_msg("end %d status %d signal %d error \"%s\" log \"%s\"", (int)result->end,
                 result->status, result->signal, result->error.text, outcome->log);
    }
}

void outcome_free(struct outcome *outcome)
{
    free(outcome->log);
    free(outcome->output);
    free(outcome->control);
}

/* Nothing but "." and ".." in it. */
static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    if (directory == NULL) {
        return true;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(directory);
    return count == 0;
}

static void assert_no_cgroups(const struct trial *trial)
{
    DIR *trees = opendir("/sys/fs/cgroup");
    size_t seen = 0;

    assert_non_null(trees);
    for (struct dirent *entry; (entry = readdir(trees)) != NULL;) {
        char path[512];

        (void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/exosphere/%s", entry->d_name,
                       trial->tree);
        DIR *tree = opendir(path);

        for (struct dirent *one; tree != NULL && (one = readdir(tree)) != NULL;) {
            if (one->d_type == DT_DIR && one->d_name[0] != '.') {
                fail_msg("cgroup %s/%s is left", path, one->d_name);
            }
        }
        seen += tree != NULL ? 1 : 0;
        if (tree != NULL) {
            (void)closedir(tree);
        }
    }
    (void)closedir(trees);
    assert_true(seen > 0);
}

void trial_assert_clean(const struct trial *trial)
{
    char path[160], line[4096];

    (void)snprintf(path, sizeof(path), "%s/attempts", trial->runtime_dir);
    assert_true(is_empty(path));
    (void)snprintf(path, sizeof(path), "%s/logs", trial->runtime_dir);
    assert_true(is_empty(path));
    FILE *mounts = fopen("/proc/mounts", "re");

    assert_non_null(mounts);
    while (fgets(line, sizeof(line), mounts) != NULL) {
        if (strstr(line, trial->dir) != NULL) {
            fail_msg("mount is left: %s", line);
        }
    }
    (void)fclose(mounts);
    assert_no_cgroups(trial);
}
