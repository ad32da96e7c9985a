#include "workers/sandbox/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workers/sandbox/orphans.h"

static const exo_time remove_limit_ns = 5 * EXO_SECOND;

static exo_time clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (exo_time)now.tv_sec * EXO_SECOND + now.tv_nsec;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* Secrets leave our memory as soon as they lie in the attempt's tmpfs. */
static void forget_inputs(struct container *container)
{
    if (container->secrets != NULL) {
        explicit_bzero(container->secrets, container->secrets_bytes);
        free(container->secrets);
        container->secrets = NULL;
    }
    container->files.secret_count = 0;
    free(container->input);
    container->input = NULL;
    buffer_release(&container->config);
}

/* The container's stdio is crun's; descriptor 3 is the lock of the worker's life. */
static int spawn(const struct container *container, pid_t *ret_pid)
{
    const struct container_site *site = container->site;
    char root[ATTEMPT_PATH_BYTES + 16], log[ATTEMPT_PATH_BYTES + 16], pid[ATTEMPT_PATH_BYTES + 16];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    /* posix_spawn writes to neither; its type is older than const. */
    char *environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};

    (void)snprintf(root, sizeof(root), "%s/own/crun", container->path);
    (void)snprintf(log, sizeof(log), "%s/own/log", container->path);
    (void)snprintf(pid, sizeof(pid), "%s/own/pid", container->path);
    const char *const arguments[] = {
        "crun",     "--root",        root,         "--log", log,           "run", "--detach",
        "--bundle", container->path, "--pid-file", pid,     container->id, NULL,
    };

    sigemptyset(&none);
    sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, container->stdout_fd, 1);
    (void)posix_spawn_file_actions_adddup2(&actions, container->stderr_fd, 2);
    (void)posix_spawn_file_actions_adddup2(&actions, site->lock_fd, 3);
    union {
        const char *const *constant;
        char *const *plain;
    } argv = {.constant = arguments};
    int failure =
        posix_spawn(ret_pid, site->crun_file, &actions, &attributes, argv.plain, environment);

    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failure;
}

/* Waits for crun itself, which only sets up and leaves. Returns its exit status, or -1. */
static int wait_for_crun(pid_t pid, exo_time limit_ns)
{
    int fd = pidfd_open(pid, 0);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int status = 0;

    if (fd >= 0 && poll(&ready, 1, (int)(limit_ns / EXO_MILLISECOND)) == 0) {
        (void)kill(pid, SIGKILL);
    }
    close_fd(&fd);
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int container_explain(const char *crun_log, const char *command, struct exo_error *err)
{
    if (strstr(crun_log, "executable file") != NULL && strstr(crun_log, "not found") != NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "command \"%s\" is not in the image: give its path in the image or "
                             "another image",
                             command);
    }
    if (strstr(crun_log, "Exec format error") != NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "command \"%s\" is no program for this machine: a script needs a "
                             "first line such as #!/bin/sh, a binary the machine's architecture",
                             command);
    }
    if (strstr(crun_log, "open executable") != NULL ||
        (strstr(crun_log, "exec container process") != NULL &&
         strstr(crun_log, "Permission denied") != NULL)) {
        return exo_error_set(err, EXO_EINVALID,
                             "command \"%s\" may not be run by the attempt's user: make it "
                             "readable and executable for all in the image (%s)",
                             command, crun_log);
    }
    if (strstr(crun_log, "chdir") != NULL) {
        return exo_error_set(err, EXO_EINVALID, "workdir is not in the image (%s)", crun_log);
    }
    (void)exo_error_set(err, EXO_EIO, "crun could not start the container: %s",
                        *crun_log != '\0' ? crun_log : "it said nothing");
    if (err != NULL) {
        err->is_retryable = true;
    }
    return -1;
}

/* One line, without the newline at its end. */
static void read_crun_log(struct container *container)
{
    attempt_dir_read_text(container->path, "own/log", container->crun_log,
                          sizeof(container->crun_log));
    for (char *at = container->crun_log; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ') {
            *at = ' ';
        }
    }
    for (size_t bytes = strlen(container->crun_log);
         bytes > 0 && container->crun_log[bytes - 1] == ' '; bytes--) {
        container->crun_log[bytes - 1] = '\0';
    }
}

/* Process 1 of the container becomes our child when crun has left: its pid stays its own until we
 * wait for it. */
static int adopt(struct container *container)
{
    char text[32];

    attempt_dir_read_text(container->path, "own/pid", text, sizeof(text));
    container->pid = (int)strtol(text, NULL, 10);
    if (container->pid <= 1) {
        return exo_error_set(&container->error, EXO_EINTERNAL, "crun left no pid");
    }
    if (orphans_adopt(container->pid, container->site->start_limit_ns, &container->error) != 0) {
        return -1;
    }
    container->pid_fd = pidfd_open(container->pid, 0);
    if (container->pid_fd < 0) {
        (void)exo_error_set(&container->error, EXO_EIO, "no descriptor for process %d: %s",
                            container->pid, strerror(errno));
        container->error.is_retryable = true;
        (void)kill(container->pid, SIGKILL);
        (void)waitpid(container->pid, NULL, 0);
        return -1;
    }
    return 0;
}

/* The loop's thread does not see the crew's mounts: through this it looks at what the attempt
 * writes. Without it nobody looks. */
static void files_open(struct container *container)
{
    char path[ATTEMPT_PATH_BYTES + 16];

    (void)snprintf(path, sizeof(path), "%s/exosphere", container->path);
    container->files_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int start(struct container *container)
{
    pid_t crun = 0;

    if (attempt_dir_make(container->path, &container->files, &container->error) != 0) {
        container->error.is_retryable = true;
        return -1;
    }
    forget_inputs(container);
    files_open(container);
    int failure = spawn(container, &crun);

    if (failure != 0) {
        container->error.is_retryable = true;
        return exo_error_set(&container->error, EXO_EIO, "cannot run %s: %s",
                             container->site->crun_file, strerror(failure));
    }
    if (wait_for_crun(crun, container->site->start_limit_ns) != 0) {
        read_crun_log(container);
        /* The caller, who knows the command, says it in the user's words. */
        return container_explain("", "", &container->error);
    }
    return adopt(container);
}

void container_start(struct crew_job *job)
{
    struct container *container = (struct container *)job;

    container->pid_fd = -1;
    container->files_fd = -1;
    container->is_started = start(container) == 0;
    container->started_wall_ns = clock_ns(CLOCK_REALTIME);
    container->started_ns = clock_ns(CLOCK_MONOTONIC);
    forget_inputs(container);
    close_fd(&container->stdout_fd);
    close_fd(&container->stderr_fd);
}

void container_finish(struct crew_job *job)
{
    struct container *container = (struct container *)job;
    const struct container_site *site = container->site;

    close_fd(&container->pid_fd);
    cgroup_usage_read(&site->cgroup, container->id, &container->usage);
    container->remove_error = (struct exo_error){.code = EXO_OK};
    /* Its processes first: what is read below must not change any more. */
    int failed =
        cgroup_remove(&site->cgroup, container->id, remove_limit_ns, &container->remove_error);

    if (container->is_started) {
        if (container->output_mode == SANDBOX_OUTPUT_FILE) {
            attempt_dir_read(container->path, "output.json", container->output_bytes_max,
                             &container->output);
        }
        attempt_dir_read(container->path, "control.json", SANDBOX_CONTROL_BYTES,
                         &container->control);
        container->artefacts_fd =
            attempt_dir_artefacts(container->path, container->artefacts_problem);
    }
    struct exo_error err;

    if (attempt_dir_remove(container->path, &err) != 0 && failed == 0) {
        container->remove_error = err;
    }
}

void container_release(struct container *container)
{
    forget_inputs(container);
    free(container->rootfs);
    container->rootfs = NULL;
    close_fd(&container->stdout_fd);
    close_fd(&container->stderr_fd);
    close_fd(&container->pid_fd);
    close_fd(&container->files_fd);
    close_fd(&container->artefacts_fd);
    attempt_file_free(&container->output);
    attempt_file_free(&container->control);
}
