/* containers_bench: containers a second through the sandbox against bare `crun run`, in one run.
 *
 *   containers_bench [--json] [COUNT]
 *
 * Both run /bin/true of a busybox, as many at once: one, one a processor, four a processor. Bare
 * crun runs its own example (`crun spec`), without limits, overlay and output; the sandbox does all
 * it does for a satellite. One line a measurement. Needs root, crun, busybox-static. */
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "infra/loop/loop.h"
#include "workers/sandbox/sandbox.h"

enum { AT_ONCE_MAX = 64 };

struct bench {
    struct loop *loop;
    struct sandbox *sandbox;
    const char *rootfs;
    unsigned left; /* to start */
    unsigned running;
    unsigned failed;
    unsigned serial;
};

static void start_one(struct bench *bench);

static void on_exit_of_run(void *argument, const struct sandbox_result *result)
{
    struct bench *bench = argument;

    if (result->end != SANDBOX_EXITED || result->status != 0) {
        bench->failed++;
        (void)fprintf(stderr, "failed: %s\n", result->error.text);
    }
    bench->running--;
    if (bench->left > 0) {
        start_one(bench);
    } else if (bench->running == 0) {
        loop_stop(bench->loop);
    }
}

static void start_one(struct bench *bench)
{
    char id[32];
    struct exo_error err;

    (void)snprintf(id, sizeof(id), "bench.%u", bench->serial++);
    struct sandbox_spec spec = {
        .id = id,
        .rootfs = bench->rootfs,
        .args = (const char *const[]){"/bin/true", NULL},
        .uid = 65532,
        .gid = 65532,
        .memory_bytes = 128 << 20,
        .cpu_millis = 1000,
        .pids_max = 256,
        .input = {"{}", 2},
    };

    bench->left--;
    bench->running++;
    if (sandbox_start(bench->sandbox, &spec,
                      &(struct sandbox_events){.on_exit = on_exit_of_run, .argument = bench},
                      &err) == NULL) {
        (void)fprintf(stderr, "containers_bench: %s\n", err.text);
        exit(1);
    }
}

static bool wants_json;

static void print_line(const char *name, unsigned at_once, unsigned count, exo_time took_ns)
{
    if (wants_json) {
        printf("{\"name\":\"%s\",\"at_once\":%u,\"us_per_container\":%.0f,"
               "\"containers_per_s\":%.1f}\n",
               name, at_once, (double)took_ns / 1e3 / count, count / ((double)took_ns / 1e9));
        return;
    }
    printf("%-8s at once %2u  %7.0f us a container  %6.1f a second\n", name, at_once,
           (double)took_ns / 1e3 / count, count / ((double)took_ns / 1e9));
}

static void through_sandbox(struct bench *bench, unsigned at_once, unsigned count)
{
    exo_time began_ns = clock_monotonic_ns();

    bench->left = count;
    while (bench->running < at_once && bench->left > 0) {
        start_one(bench);
    }
    loop_run(bench->loop);
    print_line("sandbox", at_once, count, clock_monotonic_ns() - began_ns);
}

/* Starts crun for the same command in a bundle of its own. Returns its pid. */
static pid_t spawn_crun(const char *dir, unsigned serial)
{
    char bundle[128], id[32];
    pid_t pid;
    char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};

    (void)snprintf(bundle, sizeof(bundle), "%s/bundle", dir);
    (void)snprintf(id, sizeof(id), "bare-%u-%d", serial, (int)getpid());
    char *arguments[] = {(char[]){"crun"}, (char[]){"run"}, (char[]){"--bundle"}, bundle, id, NULL};

    if (posix_spawnp(&pid, "crun", NULL, NULL, arguments, environment) != 0) {
        (void)fprintf(stderr, "containers_bench: no crun\n");
        exit(1);
    }
    return pid;
}

static void bare(const char *dir, unsigned at_once, unsigned count)
{
    exo_time began_ns = clock_monotonic_ns();
    unsigned started = 0, ended = 0, failed = 0;

    while (ended < count) {
        while (started - ended < at_once && started < count) {
            (void)spawn_crun(dir, started++);
        }
        int status = 0;

        if (wait(&status) > 0) {
            ended++;
            failed += status != 0 ? 1 : 0;
        }
    }
    print_line("crun run", at_once, count, clock_monotonic_ns() - began_ns);
    if (failed != 0) {
        (void)fprintf(stderr, "containers_bench: %u of bare crun failed\n", failed);
    }
}

/* crun 1.8 refuses a machine that has both versions of cgroups mounted, so neither we nor bare crun
 * see the second. */
static int leave_hybrid_out(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        return -1;
    }
    (void)umount2("/sys/fs/cgroup/unified", MNT_DETACH);
    return 0;
}

/* A root of busybox, and crun's own example over it with the command changed, as a person would
 * measure it. */
static int make_bundle(const char *dir)
{
    char line[1024];

    (void)snprintf(
        line, sizeof(line),
        "mkdir -p %s/bundle/rootfs/bin && cd %s/bundle && cp /bin/busybox rootfs/bin/ && "
        "ln -s busybox rootfs/bin/true && crun spec && "
        "sed -i -e 's/\"terminal\": true/\"terminal\": false/' "
        "-e 's#\"sh\"#\"/bin/true\"#' config.json",
        dir, dir);
    return system(line);
}

static int measure(const char *dir, unsigned count)
{
    char runtime_dir[64], rootfs[64];
    unsigned processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned at_once[] = {1, processors, 4 * processors};
    struct exo_error err;

    (void)snprintf(runtime_dir, sizeof(runtime_dir), "%s/run", dir);
    (void)snprintf(rootfs, sizeof(rootfs), "%s/bundle/rootfs", dir);
    struct bench bench = {.loop = loop_new(&err), .rootfs = rootfs};

    bench.sandbox =
        sandbox_open(bench.loop,
                     &(struct sandbox_settings){
                         .driver = "crun", .runtime_dir = runtime_dir, .runs_max = AT_ONCE_MAX},
                     &err);
    if (bench.sandbox == NULL) {
        (void)fprintf(stderr, "containers_bench: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++) {
        unsigned width = at_once[i] < AT_ONCE_MAX ? at_once[i] : AT_ONCE_MAX;

        bare(dir, width, count);
        through_sandbox(&bench, width, count);
    }
    sandbox_close(bench.sandbox);
    loop_free(bench.loop);
    return bench.failed != 0;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/exosphere-bench-XXXXXX", line[128];
    int at = 1;

    wants_json = argc > at && strcmp(argv[at], "--json") == 0;
    at += wants_json ? 1 : 0;
    unsigned count = argc > at ? (unsigned)strtoul(argv[at], NULL, 10) : 100;

    if (count == 0) {
        (void)fprintf(stderr, "usage: containers_bench [--json] [COUNT]\n");
        return 2;
    }
    if (leave_hybrid_out() != 0 || mkdtemp(dir) == NULL || make_bundle(dir) != 0) {
        (void)fprintf(stderr, "containers_bench needs root, crun and busybox-static\n");
        return 1;
    }
    int failed = measure(dir, count);

    (void)snprintf(line, sizeof(line), "rm -rf %s", dir);
    return system(line) != 0 || failed != 0;
}
