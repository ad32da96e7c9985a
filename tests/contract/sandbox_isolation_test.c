/* What a container can see and touch, and what it can not. */
#include "workers/sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/contract/sandbox_trial.h"

static void log_must_hold(const struct outcome *outcome, const char *text)
{
    if (strstr(outcome->log, text) == NULL) {
        fail_msg("no \"%s\" in: %s", text, outcome->log);
    }
}

/* Runs a line that must succeed. */
static struct outcome run_well(struct trial *trial, const char *line)
{
    struct outcome outcome = trial_line(trial, line);

    outcome_assert_status(&outcome, 0);
    return outcome;
}

static void is_nobody_with_no_rights(void **state)
{
    static const char *const facts[] = {
        "Uid:\t65532\t65532\t65532\t65532\n",
        "Gid:\t65532\t65532\t65532\t65532\n",
        "Groups:\t \n",
        "CapInh:\t0000000000000000\n",
        "CapPrm:\t0000000000000000\n",
        "CapEff:\t0000000000000000\n",
        "CapBnd:\t0000000000000000\n",
        "CapAmb:\t0000000000000000\n",
        "NoNewPrivs:\t1\n",
        "NSpid:\t1\n",
    };
    struct trial *trial = trial_of(state);
    struct outcome outcome = run_well(trial, "exec cat /proc/self/status");

    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        log_must_hold(&outcome, facts[i]);
    }
    outcome_free(&outcome);
}

static void namespaces_are_its_own(void **state)
{
    static const char *const names[] = {"pid", "mnt", "ipc", "uts", "net", "cgroup"};
    struct trial *trial = trial_of(state);
    struct outcome outcome =
        run_well(trial, "for n in pid mnt ipc uts net cgroup; do readlink /proc/self/ns/$n; done;"
                        "cat /proc/sys/kernel/hostname; ls -d /proc/[0-9]* | wc -l");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], ours[64];

        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        ssize_t bytes = readlink(path, ours, sizeof(ours) - 1);

        assert_true(bytes > 0);
        ours[bytes] = '\0';
        if (strstr(outcome.log, ours) != NULL) {
            fail_msg("shares %s with the machine", ours);
        }
        (void)snprintf(path, sizeof(path), "%s:[", names[i]);
        log_must_hold(&outcome, path);
    }
    log_must_hold(&outcome, "satellite\n");
    outcome_free(&outcome);
}

static void network_is_off_unless_asked_for(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome = run_well(trial, "tail -n +3 /proc/net/dev | grep -v ' *lo:'; "
                                             "tail -n +2 /proc/net/route; true");

    assert_string_equal(outcome.log, "");
    outcome_free(&outcome);
    struct sandbox_spec spec = trial_spec(trial, "readlink /proc/self/ns/net; "
                                                 "cat /etc/resolv.conf > /dev/null");
    char ours[64];

    spec.network = SANDBOX_NETWORK_HOST;
    outcome = trial_run(trial, &spec);
    outcome_assert_status(&outcome, 0);
    ssize_t bytes = readlink("/proc/self/ns/net", ours, sizeof(ours) - 1);

    assert_true(bytes > 0);
    ours[bytes] = '\0';
    log_must_hold(&outcome, ours);
    outcome_free(&outcome);
}

static void root_is_read_only(void **state)
{
    static const char *const lines[] = {
        "touch /x",
        "touch /bin/x",
        "echo x > /etc/x",
        "mkdir /exosphere2",
        "echo x > /exosphere/input.json",
        "rm -f /exosphere/input.json",
        "mv /exosphere/input.json /exosphere/moved",
        "chmod 777 /exosphere/input.json",
        "echo x > /proc/sys/kernel/hostname",
        "echo 1 > /proc/sys/vm/drop_caches",
        "echo b > /proc/sysrq-trigger",
        "mount -t tmpfs x /tmp",
        "mount -o remount,rw /",
        "touch /dev/x",
        "mknod /tmp/disk b 8 0",
        "mkdir /sys/fs/cgroup/x",
    };
    struct trial *trial = trial_of(state);

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct outcome outcome = trial_line(trial, lines[i]);

        if (outcome.result.end != SANDBOX_EXITED || outcome.result.status == 0) {
            fail_msg("\"%s\" is allowed", lines[i]);
        }
        outcome_free(&outcome);
    }
    struct outcome outcome = run_well(trial, "echo x > /tmp/x && echo x > /dev/shm/x && "
                                             "echo x > /exosphere/artefacts/x && "
                                             "cat /exosphere/input.json");

    assert_string_equal(outcome.log, "{\"n\":1}");
    outcome_free(&outcome);
}

/* An image may hold anything, also nodes of the machine's devices, open to all. */
static void image_gives_no_rights(void **state)
{
    struct trial *trial = trial_of(state);
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/disk", trial->rootfs);
    assert_int_equal(mknod(path, S_IFCHR | 0666, makedev(1, 11)), 0); /* /dev/kmsg */
    assert_int_equal(chmod(path, 0666), 0);
    struct outcome outcome = trial_line(trial, "head -c 1 /disk");
    assert_int_equal(outcome.result.end, SANDBOX_EXITED);
    assert_int_not_equal(outcome.result.status, 0);
    outcome_free(&outcome);
    assert_int_equal(unlink(path), 0);
}

static void devices_are_few(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome =
        run_well(trial, "ls /dev | sort | tr '\\n' ' ' 2>/dev/null || ls /dev");

    assert_null(strstr(outcome.log, "vda"));
    assert_null(strstr(outcome.log, "kmsg"));
    assert_null(strstr(outcome.log, "mem"));
    outcome_free(&outcome);
    outcome = run_well(trial, "head -c 4 /dev/zero | wc -c; echo x > /dev/null; "
                              "head -c 4 /dev/urandom | wc -c");
    assert_string_equal(outcome.log, "4\n4\n");
    outcome_free(&outcome);
}

static void secrets_are_readable_once(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec =
        trial_spec(trial, "stat -c '%a %u %F' /exosphere/secrets /exosphere/secrets/key; "
                          "cat /exosphere/secrets/key; grep ' /exosphere ' /proc/mounts; "
                          "echo x >> /exosphere/secrets/key; env");
    const struct sandbox_secret secrets[] = {{"key", {"hush-hush", 9}}, {"other", {"", 0}}};

    spec.secrets = secrets;
    spec.secret_count = 2;
    struct outcome outcome = trial_run(trial, &spec);

    log_must_hold(&outcome, "500 65532 directory\n400 65532 regular file\nhush-hush");
    log_must_hold(&outcome, " /exosphere tmpfs ");
    log_must_hold(&outcome, "Permission denied");
    outcome_free(&outcome);
    trial_assert_clean(trial);

    /* The next one, of the same id, has none. */
    outcome = trial_line(trial, "ls /exosphere");
    assert_string_equal(outcome.log, "artefacts\ninput.json\n");
    outcome_free(&outcome);
}

static void environment_and_workdir_arrive(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec = trial_spec(trial, "pwd; echo \"$A|$B|$C|$PATH\"; env | grep -c ^B=");
    const char *const image_env[] = {"A=image", "B=image", "PATH=/bin", NULL};
    const char *const env[] = {"B=task \"quoted\"", "C=\xc3\xa9 ${x}", NULL};

    spec.image_env = image_env;
    spec.env = env;
    spec.cwd = "/etc";
    struct outcome outcome = trial_run(trial, &spec);

    assert_string_equal(outcome.log, "/etc\nimage|task \"quoted\"|\xc3\xa9 ${x}|/bin\n1\n");
    outcome_free(&outcome);

    outcome = trial_line(trial, "echo $PATH; pwd");
    assert_string_equal(outcome.log,
                        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/\n");
    outcome_free(&outcome);
}

static void mounts_are_read_only_and_leave_no_trace(void **state)
{
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec = trial_spec(trial, "cat /data/deep/in; touch /data/deep/x || exit 7");
    char source[128], line[512], trace[128];

    (void)snprintf(source, sizeof(source), "%s/volume", trial->dir);
    (void)snprintf(line, sizeof(line), "mkdir %s && chmod 777 %s && echo inside > %s/in", source,
                   source, source);
    assert_int_equal(system(line), 0);
    const struct sandbox_mount mounts[] = {{source, "/data/deep"}};

    spec.mounts = mounts;
    spec.mount_count = 1;
    struct outcome outcome = trial_run(trial, &spec);

    outcome_assert_status(&outcome, 7);
    log_must_hold(&outcome, "inside\n");
    log_must_hold(&outcome, "Read-only file system");
    outcome_free(&outcome);
    (void)snprintf(trace, sizeof(trace), "%s/data", trial->rootfs);
    assert_int_not_equal(access(trace, F_OK), 0);
}

static void read_limit(const struct trial *trial, const char *tree, const char *file,
                       char ret_text[64])
{
    char path[256];

    (void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/exosphere/%s/attempt.1/%s", tree,
                   trial->tree, file);
    FILE *opened = fopen(path, "re");

    ret_text[0] = '\0';
    if (opened == NULL || fgets(ret_text, 64, opened) == NULL) {
        fail_msg("%s cannot be read", path);
    }
    (void)fclose(opened);
}

static void limits_reach_the_kernel(void **state)
{
    static const struct {
        const char *tree, *v1, *v1_value, *v2, *v2_value;
    } limits[] = {
        {"memory", "memory.limit_in_bytes", "67108864\n", "memory.max", "67108864\n"},
        {"memory", "memory.memsw.limit_in_bytes", "67108864\n", "memory.swap.max", "0\n"},
        {"pids", "pids.max", "64\n", "pids.max", "64\n"},
        {"cpu", "cpu.cfs_quota_us", "100000\n", "cpu.max", "100000 100000\n"},
    };
    struct trial *trial = trial_of(state);
    struct sandbox_spec spec = trial_spec(trial, "exec sleep 60");
    bool is_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    struct outcome outcome;

    trial_start(trial, &spec, &outcome);
    trial_wait(trial, &outcome.is_started);
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        char text[64];

        read_limit(trial, is_v2 ? "" : limits[i].tree, is_v2 ? limits[i].v2 : limits[i].v1, text);
        assert_string_equal(text, is_v2 ? limits[i].v2_value : limits[i].v1_value);
    }
    sandbox_stop(outcome.run, 0);
    trial_wait(trial, &outcome.is_done);
    outcome_free(&outcome);
}

/* Nothing of ours is open in the container: not the lock, not another attempt's pipe. */
static void no_descriptor_leaks_in(void **state)
{
    struct trial *trial = trial_of(state);
    struct outcome outcome = run_well(trial, "exec ls /proc/self/fd");

    /* 3 is the directory that ls reads. */
    assert_string_equal(outcome.log, "0\n1\n2\n3\n");
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_nobody_with_no_rights),
        cmocka_unit_test(namespaces_are_its_own),
        cmocka_unit_test(network_is_off_unless_asked_for),
        cmocka_unit_test(root_is_read_only),
        cmocka_unit_test(image_gives_no_rights),
        cmocka_unit_test(devices_are_few),
        cmocka_unit_test(secrets_are_readable_once),
        cmocka_unit_test(environment_and_workdir_arrive),
        cmocka_unit_test(mounts_are_read_only_and_leave_no_trace),
        cmocka_unit_test(limits_reach_the_kernel),
        cmocka_unit_test(no_descriptor_leaks_in),
    };
    return cmocka_run_group_tests(tests, trial_open, trial_close);
}
