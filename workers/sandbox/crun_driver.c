#include "workers/sandbox/crun_driver.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schemas/vocab/limits.h"
#include "workers/sandbox/bundle.h"
#include "workers/sandbox/progress_watch.h"

enum { CHUNK_BYTES = 65536, TMPFS_SLACK_BYTES = 2 << 20 };

static const uint64_t disk_bytes_default = (uint64_t)64 << 20;

enum run_state { RUN_STARTING, RUN_RUNNING, RUN_ENDING };

struct crun_run;

/* One of the two pipes from a container. */
struct run_stream {
    struct crun_run *run;
    enum sandbox_stream which;
    int fd; /* -1: at its end */
    struct loop_watch *watch;
};

struct crun_run {
    struct sandbox_run run; /* first */
    struct container container;
    enum run_state state;
    struct run_stream streams[2];
    struct loop_watch *pid_watch;
    struct progress_watch *progress; /* NULL: nobody listens, or not running */
    struct kept_log log;
    struct heap_budget heap;
    struct buffer captured;         /* stdout where that is the output */
    struct loop_timer *grace_timer; /* NULL: not asked to stop while running */
    exo_time kill_at_ns;            /* of the loop's clock; EXO_TIME_NEVER: nobody asked */
    char *command;                  /* first argument, for messages */

    enum sandbox_end end;
    int status;
    int signal;
    bool is_stopped;
    bool is_grace_over;
    bool is_killed_for_term; /* SIGKILL stands for the SIGTERM that process 1 would not get */
    exo_time ended_wall_ns;
    exo_time run_ns;
};

static struct crun_sandbox *site_of(const struct crun_run *run)
{
    return (struct crun_sandbox *)run->run.sandbox;
}

static void stream_close(struct run_stream *stream)
{
    loop_watch_free(stream->watch);
    stream->watch = NULL;
    if (stream->fd >= 0) {
        (void)close(stream->fd);
        stream->fd = -1;
    }
}

static void run_free(struct crun_run *run)
{
    for (size_t i = 0; i < 2; i++) {
        stream_close(&run->streams[i]);
    }
    loop_watch_free(run->pid_watch);
    progress_watch_free(run->progress);
    loop_timer_free(run->grace_timer);
    kept_log_close(&run->log, true);
    buffer_release(&run->captured);
    container_release(&run->container);
    free(run->command);
    free(run);
}

/* Takes one chunk from a pipe. Returns false when there is no more for now. */
static bool stream_read(struct run_stream *stream)
{
    struct crun_run *run = stream->run;
    unsigned char *chunk = site_of(run)->chunk;
    ssize_t bytes = stream->fd < 0 ? 0 : read(stream->fd, chunk, CHUNK_BYTES);

    if (bytes < 0 && errno == EINTR) {
        return true;
    }
    if (bytes < 0 && errno == EAGAIN) {
        return false;
    }
    if (bytes <= 0) {
        stream_close(stream);
        return false;
    }
    struct span got = {chunk, (size_t)bytes};

    if (stream->which == SANDBOX_STDOUT && run->container.output_mode == SANDBOX_OUTPUT_STDOUT) {
        buffer_append(&run->captured, got);
        return true;
    }
    kept_log_append(&run->log, got);
    if (run->run.events.on_log != NULL) {
        run->run.events.on_log(run->run.events.argument, stream->which, got);
    }
    return true;
}

/* One chunk a turn, so that a loud container does not keep the loop from the others. */
static void on_stream(void *argument, unsigned ready)
{
    (void)ready;
    (void)stream_read(argument);
}

static struct sandbox_file file_of(const struct attempt_file *file)
{
    return (struct sandbox_file){
        .state = file->state,
        .bytes = {file->bytes, file->count},
        .problem = file->problem,
    };
}

static struct sandbox_file captured_file(const struct buffer *captured)
{
    struct sandbox_file file = {.state = SANDBOX_FILE_MISSING, .problem = ""};

    if (captured->is_failed) {
        file.state = SANDBOX_FILE_REFUSED;
        file.problem = "stdout is larger than the output may be: write large results to "
                       "/exosphere/artefacts";
    } else if (captured->bytes > 0) {
        file.state = SANDBOX_FILE_READ;
        file.bytes = buffer_span(captured);
    }
    return file;
}

static void explain_failure(const struct crun_run *run, struct sandbox_result *result)
{
    const struct container *container = &run->container;

    result->end = SANDBOX_NOT_STARTED;
    result->started_ns = 0;
    if (container->usage.is_oom_killed) {
        (void)exo_error_set(&result->error, EXO_EINVALID,
                            "the memory limit is too small to start anything: raise "
                            "resources.memory");
    } else if (container->crun_log[0] != '\0') {
        (void)container_explain(container->crun_log, run->command, &result->error);
    } else {
        result->error = container->error;
        result->error.is_retryable = true; /* nobody knows it for a fault of the satellite */
    }
}

static void fill_result(const struct crun_run *run, struct sandbox_result *result)
{
    const struct container *container = &run->container;

    *result = (struct sandbox_result){
        .end = run->end,
        .status = run->status,
        .signal = run->signal,
        .is_oom_killed = container->usage.is_oom_killed,
        .is_stopped = run->is_stopped,
        .is_grace_over = run->is_grace_over,
        .remove_error = container->remove_error,
        .started_ns = container->started_wall_ns,
        .ended_ns = run->ended_wall_ns,
        .run_ns = run->run_ns,
        .cpu_ns = container->usage.cpu_ns,
        .memory_peak_bytes = container->usage.memory_peak_bytes,
        .output = container->output_mode == SANDBOX_OUTPUT_STDOUT ? captured_file(&run->captured)
                                                                  : file_of(&container->output),
        .control = file_of(&container->control),
        .artefacts_fd = container->artefacts_fd,
        .artefacts_problem = container->artefacts_problem,
    };
    if (run->is_killed_for_term && run->end == SANDBOX_SIGNALLED && run->signal == SIGKILL &&
        !result->is_oom_killed) {
        result->signal = SIGTERM;
    }
    if (!container->is_started) {
        explain_failure(run, result);
    }
}

/* What crun finds wrong only when it executes the program, it says on the container's own stderr
 * and ends with 1, as anything might: the line must be the whole log. */
static void explain_exec_failure(const struct crun_run *run, struct sandbox_result *result)
{
    static const char said[] = "exec container process `";
    char line[256];

    if (result->end != SANDBOX_EXITED || result->status != 1 || result->log.bytes >= sizeof(line) ||
        result->log.bytes < sizeof(said) || memcmp(result->log.data, said, sizeof(said) - 1) != 0) {
        return;
    }
    memcpy(line, result->log.data, result->log.bytes);
    line[result->log.bytes] = '\0';
    char *end = strchr(line, '\n');

    if (end == line + result->log.bytes - 1) {
        *end = '\0';
        result->end = SANDBOX_NOT_STARTED;
        (void)container_explain(line, run->command, &result->error);
    }
}

static void on_finished(struct crew_job *job)
{
    struct container *container = (struct container *)job;
    struct crun_run *run =
        (struct crun_run *)((char *)container - offsetof(struct crun_run, container));
    struct kept_log_text text = {.text = NULL};
    struct sandbox_result result;
    struct exo_error err;

    fill_result(run, &result);
    if (kept_log_read(&run->log, &text, &err) != 0) {
        text.total_bytes = run->log.total_bytes;
        text.lost_bytes = text.total_bytes;
        result.remove_error = err;
    }
    result.log = (struct span){text.text, text.bytes};
    result.log_bytes = text.total_bytes;
    result.log_bytes_lost = text.lost_bytes;
    explain_exec_failure(run, &result);
    sandbox_run_end(&run->run, &result);
    kept_log_text_free(&text);
    run_free(run);
}

static void finish(struct crun_run *run)
{
    run->state = RUN_ENDING;
    loop_timer_free(run->grace_timer);
    run->grace_timer = NULL;
    loop_watch_free(run->pid_watch);
    run->pid_watch = NULL;
    progress_watch_free(run->progress);
    run->progress = NULL;
    run->container.job.work = container_finish;
    run->container.job.done = on_finished;
    crew_submit(site_of(run)->crew, &run->container.job);
}

/* Reads how process 1 ended. Returns false when it has not. */
static bool reap(struct crun_run *run, int options)
{
    siginfo_t facts = {.si_pid = 0};
    int failed;

    /* By pid, which is the child's until we have waited: by pid_fd, which the loop has made
     * non-blocking, this could never block. */
    do {
        failed = waitid(P_PID, (id_t)run->container.pid, &facts, WEXITED | options);
    } while (failed != 0 && errno == EINTR);
    assert(failed == 0);
    if (facts.si_pid == 0) {
        return false;
    }
    bool is_exit = facts.si_code == CLD_EXITED;

    run->end = is_exit ? SANDBOX_EXITED : SANDBOX_SIGNALLED;
    run->status = is_exit ? facts.si_status : 0;
    run->signal = is_exit ? 0 : facts.si_status;
    run->ended_wall_ns = clock_wall_ns();
    run->run_ns = clock_monotonic_ns() - run->container.started_ns;
    return true;
}

static void on_ended(void *argument, unsigned ready)
{
    struct crun_run *run = argument;

    (void)ready;
    if (!reap(run, WNOHANG)) {
        return;
    }
    /* With process 1 all others of its namespace are dead: what they wrote is in the pipes. */
    for (size_t i = 0; i < 2; i++) {
        while (stream_read(&run->streams[i])) {
        }
        stream_close(&run->streams[i]);
    }
    finish(run);
}

static void send_signal(const struct crun_run *run, int signal)
{
    /* ESRCH: it has ended and we shall hear of it. */
    (void)pidfd_send_signal(run->container.pid_fd, signal, NULL, 0);
}

/* Process 1 of a namespace gets no signal that it does not handle: SIGTERM would be lost on a plain
 * `sleep`, which outside ends at once. */
static bool handles_term(int pid)
{
    static const char *const sets[] = {"SigBlk:", "SigIgn:", "SigCgt:"};
    char path[64], line[256];
    bool handles = false;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *status = fopen(path, "re");

    if (status == NULL) {
        return true;
    }
    while (fgets(line, sizeof(line), status) != NULL) {
        for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
            if (strncmp(line, sets[i], strlen(sets[i])) == 0 &&
                (strtoull(line + strlen(sets[i]), NULL, 16) >> (SIGTERM - 1) & 1) != 0) {
                handles = true;
            }
        }
    }
    (void)fclose(status);
    return handles;
}

static void on_grace_over(void *argument)
{
    struct crun_run *run = argument;

    run->is_grace_over = true;
    send_signal(run, SIGKILL);
}

/* Puts kill_at_ns into effect on a running container. */
static void stop_running(struct crun_run *run, bool is_first)
{
    exo_time grace_ns = run->kill_at_ns - loop_now_ns(run->run.sandbox->loop);

    if (grace_ns <= 0) {
        on_grace_over(run);
        return;
    }
    if (is_first && !handles_term(run->container.pid)) {
        run->is_killed_for_term = true;
        send_signal(run, SIGKILL);
        return;
    }
    if (is_first) {
        send_signal(run, SIGTERM);
    }
    if (run->grace_timer == NULL) {
        run->grace_timer = loop_timer_new(run->run.sandbox->loop, on_grace_over, run);
    }
    loop_timer_start(run->grace_timer, grace_ns, 0);
}

static void on_progress(void *argument, struct span bytes)
{
    struct crun_run *run = argument;

    run->run.events.on_progress(run->run.events.argument, bytes);
}

static void on_started(struct crew_job *job)
{
    struct container *container = (struct container *)job;
    struct crun_run *run =
        (struct crun_run *)((char *)container - offsetof(struct crun_run, container));
    const struct sandbox_events *events = &run->run.events;
    struct loop *loop = run->run.sandbox->loop;

    if (!container->is_started) {
        finish(run);
        return;
    }
    run->state = RUN_RUNNING;
    run->pid_watch = loop_watch_new(loop, container->pid_fd, LOOP_READABLE, on_ended, run);
    for (size_t i = 0; i < 2; i++) {
        struct run_stream *stream = &run->streams[i];

        stream->watch = loop_watch_new(loop, stream->fd, LOOP_READABLE, on_stream, stream);
    }
    if (events->on_progress != NULL && container->files_fd >= 0) {
        run->progress = progress_watch_new(loop, container->files_fd, on_progress, run);
        container->files_fd = -1;
    }
    if (run->is_stopped) {
        stop_running(run, true);
    }
    if (events->on_start != NULL) {
        events->on_start(events->argument, container->started_wall_ns);
    }
}

static void crun_stop(struct sandbox_run *base, exo_time grace_ns)
{
    struct crun_run *run = (struct crun_run *)base;
    exo_time kill_at_ns = loop_now_ns(base->sandbox->loop) + grace_ns;
    bool is_first = !run->is_stopped;

    if (run->state == RUN_ENDING || kill_at_ns >= run->kill_at_ns) {
        return;
    }
    run->is_stopped = true;
    run->kill_at_ns = kill_at_ns;
    if (run->state == RUN_RUNNING) {
        stop_running(run, is_first);
    }
}

static bool crun_signal(struct sandbox_run *base, int signal)
{
    struct crun_run *run = (struct crun_run *)base;

    return run->state == RUN_RUNNING &&
           pidfd_send_signal(run->container.pid_fd, signal, NULL, 0) == 0;
}

static int open_pipe(struct run_stream *stream, int *ret_write_fd)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) != 0) {
        return -1;
    }
    stream->fd = fds[0];
    *ret_write_fd = fds[1];
    return fcntl(fds[0], F_SETFL, O_NONBLOCK);
}

/* Copies names and bytes of the secrets into one block. */
static int keep_secrets(struct container *container, const struct sandbox_spec *spec)
{
    size_t bytes = spec->secret_count * sizeof(struct sandbox_secret);

    for (size_t i = 0; i < spec->secret_count; i++) {
        bytes += strlen(spec->secrets[i].name) + 1 + spec->secrets[i].bytes.bytes;
    }
    if (spec->secret_count == 0) {
        return 0;
    }
    container->secrets = malloc(bytes);
    if (container->secrets == NULL) {
        return -1;
    }
    container->secrets_bytes = bytes;
    char *at = (char *)&container->secrets[spec->secret_count];

    for (size_t i = 0; i < spec->secret_count; i++) {
        const struct sandbox_secret *from = &spec->secrets[i];
        size_t name_bytes = strlen(from->name) + 1;

        memcpy(at, from->name, name_bytes);
        container->secrets[i].name = at;
        at += name_bytes;
        if (from->bytes.bytes > 0) {
            memcpy(at, from->bytes.data, from->bytes.bytes);
        }
        container->secrets[i].bytes = (struct span){at, from->bytes.bytes};
        at += from->bytes.bytes;
    }
    return 0;
}

/* Everything the crew needs of the spec, which the caller takes back. */
static int fill_container(struct crun_run *run, const struct sandbox_spec *spec)
{
    struct container *container = &run->container;
    char rootfs[ATTEMPT_PATH_BYTES + 16], exosphere[ATTEMPT_PATH_BYTES + 16];
    char cgroup[CGROUP_PATH_BYTES + SANDBOX_ID_BYTES_MAX + 2];

    (void)snprintf(container->id, sizeof(container->id), "%s", spec->id);
    (void)snprintf(container->path, sizeof(container->path), "%s/%s", container->site->attempts_dir,
                   spec->id);
    (void)snprintf(rootfs, sizeof(rootfs), "%s/rootfs", container->path);
    (void)snprintf(exosphere, sizeof(exosphere), "%s/exosphere", container->path);
    (void)snprintf(cgroup, sizeof(cgroup), "%s/%s", container->site->cgroup.base, spec->id);
    bundle_write(&container->config, spec,
                 &(struct bundle_places){rootfs, exosphere, cgroup,
                                         container->site->cgroup.limits_swap,
                                         container->site->open_files_max});
    run->command = strdup(spec->args[0]);
    container->input = malloc(spec->input.bytes + 1);
    container->rootfs = strdup(spec->rootfs);
    if (container->config.is_failed || run->command == NULL || container->input == NULL ||
        container->rootfs == NULL || keep_secrets(container, spec) != 0) {
        return -1;
    }
    if (spec->input.bytes > 0) {
        memcpy(container->input, spec->input.data, spec->input.bytes);
    }
    uint64_t disk_bytes = spec->disk_bytes != 0 ? spec->disk_bytes : disk_bytes_default;

    container->files.rootfs = container->rootfs;
    container->files.uid = spec->uid;
    container->files.gid = spec->gid;
    container->files.config = buffer_span(&container->config);
    container->files.input = (struct span){container->input, spec->input.bytes};
    container->files.secrets = container->secrets;
    container->files.secret_count = spec->secret_count;
    container->files.tmpfs_bytes = disk_bytes + container->output_bytes_max + spec->input.bytes +
                                   container->config.bytes + container->secrets_bytes +
                                   SANDBOX_CONTROL_BYTES + TMPFS_SLACK_BYTES;
    return 0;
}

static struct sandbox_run *crun_start(struct sandbox *base, const struct sandbox_spec *spec,
                                      struct exo_error *err)
{
    struct crun_sandbox *sandbox = (struct crun_sandbox *)base;
    struct crun_run *run = calloc(1, sizeof(*run));

    if (run == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for an attempt");
        return NULL;
    }
    struct container *container = &run->container;

    container->site = &sandbox->site;
    container->stdout_fd = container->stderr_fd = container->pid_fd = -1;
    container->files_fd = container->artefacts_fd = -1;
    container->output_mode = spec->output;
    container->output_bytes_max =
        spec->output_bytes_max != 0 ? spec->output_bytes_max : LIMIT_OUTPUT_BYTES;
    buffer_init(&container->config, allocator_heap(&run->heap), 0);
    buffer_init(&run->captured, allocator_heap(&run->heap), (size_t)container->output_bytes_max);
    kept_log_init(&run->log, sandbox->logs_fd, spec->id,
                  spec->log_bytes_max >= 2 ? spec->log_bytes_max : LIMIT_LOG_BYTES);
    run->kill_at_ns = EXO_TIME_NEVER;
    run->streams[0] = (struct run_stream){.run = run, .which = SANDBOX_STDOUT, .fd = -1};
    run->streams[1] = (struct run_stream){.run = run, .which = SANDBOX_STDERR, .fd = -1};
    if (open_pipe(&run->streams[0], &container->stdout_fd) != 0 ||
        open_pipe(&run->streams[1], &container->stderr_fd) != 0 || fill_container(run, spec) != 0) {
        (void)exo_error_set(err, EXO_EIO, "no memory or file descriptors for an attempt: %s",
                            strerror(errno));
        run_free(run);
        return NULL;
    }
    container->job.work = container_start;
    container->job.done = on_started;
    crew_submit(sandbox->crew, &container->job);
    return &run->run;
}

static struct sandbox *crun_open(struct loop *loop, const struct sandbox_settings *settings,
                                 struct exo_error *err)
{
    struct crun_sandbox *sandbox = calloc(1, sizeof(*sandbox));

    if (sandbox == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for the sandbox");
        return NULL;
    }
    sandbox->logs_fd = -1;
    sandbox->site.lock_fd = -1;
    if (crun_machine_open(sandbox, loop, settings, err) != 0) {
        crun_machine_close(sandbox);
        free(sandbox);
        return NULL;
    }
    return &sandbox->sandbox;
}

/* Kills all first, so that they die together, then waits for each. */
static void crun_close(struct sandbox *base)
{
    struct crun_sandbox *sandbox = (struct crun_sandbox *)base;

    crew_drain(sandbox->crew);
    for (struct sandbox_run *run = base->runs; run != NULL; run = run->next) {
        if (((struct crun_run *)run)->container.pid_fd >= 0) {
            send_signal((struct crun_run *)run, SIGKILL);
        }
    }
    for (struct sandbox_run *at = base->runs; at != NULL; at = at->next) {
        struct crun_run *run = (struct crun_run *)at;

        if (run->container.pid_fd >= 0 && run->state != RUN_ENDING) {
            (void)reap(run, 0);
        }
        run->container.job.work = container_finish;
        run->container.job.done = NULL;
        crew_submit(sandbox->crew, &run->container.job);
    }
    crew_drain(sandbox->crew);
    while (base->runs != NULL) {
        struct sandbox_run *next = base->runs->next;

        run_free((struct crun_run *)base->runs);
        base->runs = next;
    }
    crun_machine_close(sandbox);
    free(sandbox);
}

const struct sandbox_driver sandbox_crun_driver = {
    .name = "crun",
    .open = crun_open,
    .close = crun_close,
    .recover = crun_recover,
    .start = crun_start,
    .stop = crun_stop,
    .signal = crun_signal,
};
