/* containers_bench: containers a second through the sandbox against bare `crun run`, in one run.
 *
 *   containers_bench ROOTFS [COUNT]
 *
 * ROOTFS holds /bin/true. Both run /bin/true with the same number at once: one, then one a
 * processor. Prints one line a measurement: name, at once, microseconds a container, per second.
 * Needs root and crun. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void print_line(const char *name, unsigned at_once, unsigned count, exo_time took_ns)
{
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

/* crun's own example with the command changed, as a person would measure it. */
static int make_bundle(const char *dir, const char *rootfs)
{
    char line[1024];

    (void)snprintf(line, sizeof(line),
                   "mkdir -p %s/bundle && cd %s/bundle && rm -f config.json && crun spec && "
                   "sed -i -e 's/\"terminal\": true/\"terminal\": false/' "
                   "-e 's#\"sh\"#\"/bin/true\"#' -e 's#\"path\": \"rootfs\"#\"path\": \"%s\"#' "
                   "config.json",
                   dir, dir, rootfs);
    return system(line);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/exosphere-bench-XXXXXX", runtime_dir[64], line[128];
    unsigned count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100;
    unsigned processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    struct exo_error err;

    if (argc < 2 || count == 0 || mkdtemp(dir) == NULL || make_bundle(dir, argv[1]) != 0) {
        (void)fprintf(stderr, "usage: containers_bench ROOTFS [COUNT]\n");
        return 2;
    }
    (void)snprintf(runtime_dir, sizeof(runtime_dir), "%s/run", dir);
    struct bench bench = {.loop = loop_new(&err), .rootfs = argv[1]};

    bench.sandbox =
        sandbox_open(bench.loop,
                     &(struct sandbox_settings){
                         .driver = "crun", .runtime_dir = runtime_dir, .runs_max = AT_ONCE_MAX},
                     &err);
    if (bench.sandbox == NULL) {
        (void)fprintf(stderr, "containers_bench: %s\n", err.text);
        return 1;
    }
    const unsigned at_once[] = {1, processors, 4 * processors};

    for (size_t i = 0; i < 3; i++) {
        unsigned width = at_once[i] < AT_ONCE_MAX ? at_once[i] : AT_ONCE_MAX;

        bare(dir, width, count);
        through_sandbox(&bench, width, count);
    }
    sandbox_close(bench.sandbox);
    loop_free(bench.loop);
    (void)snprintf(line, sizeof(line), "rm -rf %s", dir);
    return system(line) != 0 || bench.failed != 0;
}
