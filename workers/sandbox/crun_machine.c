#include "workers/sandbox/crun_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include "infra/directory/directory.h"
#include "workers/sandbox/orphans.h"

static const char *const cgroup_root = "/sys/fs/cgroup";
static const char *const hybrid_tree = "/sys/fs/cgroup/unified";
static const char *const advice = "name another --runtime-dir";
static const exo_time start_limit_default_ns = 30 * EXO_SECOND;

enum { LOCK_WAIT_MS = 10000, LOCK_PAUSE_MS = 20, THREADS_DEFAULT_MAX = 16, CHUNK_BYTES = 65536 };

/* The line to type is the line that was typed, with sudo. */
static int refuse_user(struct exo_error *err)
{
    char line[256] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);

    if (fd >= 0) {
        (void)close(fd);
    }
    for (ssize_t i = 0; i + 1 < bytes; i++) {
        if (line[i] == '\0') {
            line[i] = ' ';
        }
    }
    return exo_error_set(err, EXO_EDENIED, "containers need root; type: sudo %s",
                         *line != '\0' ? line : "exosphere worker");
}

static bool is_program(const char *path)
{
    struct stat facts;

    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode) && access(path, X_OK) == 0;
}

/* Gives the absolute path of crun, or NULL. */
static char *find_crun(const char *name)
{
    const char *directories = getenv("PATH");
    char path[ATTEMPT_PATH_BYTES];

    if (strchr(name, '/') != NULL) {
        return is_program(name) ? realpath(name, NULL) : NULL;
    }
    if (directories == NULL || *directories == '\0') {
        directories = "/usr/sbin:/usr/bin:/sbin:/bin";
    }
    for (const char *at = directories; *at != '\0';) {
        int bytes = (int)strcspn(at, ":");

        (void)snprintf(path, sizeof(path), "%.*s/%s", bytes, at, name);
        if (bytes > 0 && is_program(path)) {
            return realpath(path, NULL);
        }
        at += bytes + (at[bytes] == ':' ? 1 : 0);
    }
    return NULL;
}

static int open_runtime_dir(struct crun_sandbox *sandbox, const char *runtime_dir,
                            struct exo_error *err)
{
    /* Room for attempts/ID and the names below it; the rest would break the overlay's options. */
    if (runtime_dir[0] != '/' ||
        strlen(runtime_dir) + SANDBOX_ID_BYTES_MAX + 64 > ATTEMPT_PATH_BYTES ||
        strpbrk(runtime_dir, ":,\\") != NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "runtime directory \"%s\" must be an absolute path of at most %d "
                             "bytes without \":\", \",\" and \"\\\"",
                             runtime_dir, ATTEMPT_PATH_BYTES - SANDBOX_ID_BYTES_MAX - 64);
    }
    if (directory_make(runtime_dir, 0700, advice, err) != 0) {
        return -1;
    }
    sandbox->runtime_dir = realpath(runtime_dir, NULL);
    if (sandbox->runtime_dir == NULL) {
        return exo_error_set(err, EXO_EIO, "%s: %s", runtime_dir, strerror(errno));
    }
    if (asprintf(&sandbox->attempts_dir, "%s/attempts", sandbox->runtime_dir) < 0) {
        sandbox->attempts_dir = NULL;
        return exo_error_set(err, EXO_EIO, "no memory for the sandbox");
    }
    return 0;
}

/* Takes the lock, or says who has it. A lock whose owner is dead is held by a crun that the owner
 * started: it ends by itself within a moment. */
static int take_lock(int fd, const char *runtime_dir, struct exo_error *err)
{
    char text[32];

    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += LOCK_PAUSE_MS) {
        ssize_t bytes = pread(fd, text, sizeof(text) - 1, 0);

        text[bytes > 0 ? bytes : 0] = '\0';
        pid_t owner = (pid_t)strtol(text, NULL, 10);
        bool is_alive = owner > 1 && (kill(owner, 0) == 0 || errno == EPERM);

        if (errno == EINTR) {
            continue;
        }
        if ((is_alive && owner != getpid()) || waited_ms >= LOCK_WAIT_MS) {
            return exo_error_set(err, EXO_ECONFLICT,
                                 "another worker (process %d) uses %s: give each worker a runtime "
                                 "directory of its own",
                                 (int)owner, runtime_dir);
        }
        struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * EXO_MILLISECOND};

        (void)nanosleep(&pause, NULL);
    }
    int bytes = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)bytes, 0) != bytes) {
        return exo_error_set(err, EXO_EIO, "cannot write %s/lock: %s", runtime_dir,
                             strerror(errno));
    }
    return 0;
}

static int open_below(struct crun_sandbox *sandbox, struct exo_error *err)
{
    char path[ATTEMPT_PATH_BYTES + 16];

    (void)snprintf(path, sizeof(path), "%s/lock", sandbox->runtime_dir);
    sandbox->site.lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (sandbox->site.lock_fd < 0) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    if (take_lock(sandbox->site.lock_fd, sandbox->runtime_dir, err) != 0 ||
        directory_make(sandbox->attempts_dir, 0700, advice, err) != 0) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/logs", sandbox->runtime_dir);
    if (directory_make(path, 0700, advice, err) != 0) {
        return -1;
    }
    sandbox->logs_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->logs_fd < 0) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    return 0;
}

/* On the crew's first thread, in the new namespace. */
static int prepare_mounts(void *argument, struct exo_error *err)
{
    const struct crun_sandbox *sandbox = argument;
    struct statfs facts;

    if (statfs(hybrid_tree, &facts) == 0 && (long)facts.f_type == CGROUP2_SUPER_MAGIC &&
        umount2(hybrid_tree, MNT_DETACH) != 0) {
        return exo_error_set(err, EXO_EIO,
                             "%s cannot be left out of the worker's mounts: %s; crun refuses a "
                             "machine with both versions of cgroups",
                             hybrid_tree, strerror(errno));
    }
    /* Only speed depends on these two: where they fail crun copies itself as ever. */
    if (mount(sandbox->crun_file, sandbox->crun_file, NULL, MS_BIND, NULL) == 0) {
        (void)mount(NULL, sandbox->crun_file, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
    }
    return 0;
}

/* Two a processor: half of the time a start waits for the kernel's grace periods. */
static uint32_t thread_count(uint32_t wanted)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long threads = processors < 1 ? 2 : 2 * processors;

    if (wanted != 0) {
        return wanted;
    }
    return (uint32_t)(threads > THREADS_DEFAULT_MAX ? THREADS_DEFAULT_MAX : threads);
}

int crun_machine_open(struct crun_sandbox *sandbox, struct loop *loop,
                      const struct sandbox_settings *settings, struct exo_error *err)
{
    const char *crun_name = settings->crun_file != NULL ? settings->crun_file : "crun";
    struct rlimit files;
    struct stat facts;

    if (geteuid() != 0) {
        return refuse_user(err);
    }
    sandbox->crun_file = find_crun(crun_name);
    if (sandbox->crun_file == NULL) {
        return exo_error_set(err, EXO_ENOTFOUND, "no program \"%s\"; type: apt-get install crun",
                             crun_name);
    }
    if (open_runtime_dir(sandbox, settings->runtime_dir, err) != 0 ||
        open_below(sandbox, err) != 0) {
        return -1;
    }
    if (orphans_open(err) != 0) {
        return -1;
    }
    if (stat(sandbox->runtime_dir, &facts) != 0) {
        return exo_error_set(err, EXO_EIO, "%s: %s", sandbox->runtime_dir, strerror(errno));
    }
    if (cgroup_open(&sandbox->site.cgroup, cgroup_root, facts.st_dev, facts.st_ino, err) != 0) {
        return -1;
    }
    sandbox->chunk = malloc(CHUNK_BYTES);
    if (sandbox->chunk == NULL) {
        return exo_error_set(err, EXO_EIO, "no memory for the sandbox");
    }
    sandbox->site.crun_file = sandbox->crun_file;
    sandbox->site.attempts_dir = sandbox->attempts_dir;
    sandbox->site.start_limit_ns =
        settings->start_limit_ns != 0 ? settings->start_limit_ns : start_limit_default_ns;
    sandbox->site.open_files_max =
        getrlimit(RLIMIT_NOFILE, &files) == 0 ? (uint64_t)files.rlim_max : 1024;
    sandbox->crew = crew_new(loop, thread_count(settings->threads), prepare_mounts, sandbox, err);
    return sandbox->crew != NULL ? 0 : -1;
}

void crun_machine_close(struct crun_sandbox *sandbox)
{
    crew_free(sandbox->crew);
    cgroup_release(&sandbox->site.cgroup);
    if (sandbox->logs_fd >= 0) {
        (void)close(sandbox->logs_fd);
    }
    if (sandbox->site.lock_fd >= 0) {
        (void)close(sandbox->site.lock_fd);
    }
    free(sandbox->chunk);
    free(sandbox->attempts_dir);
    free(sandbox->runtime_dir);
    free(sandbox->crun_file);
}
