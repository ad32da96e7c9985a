#include "infra/loop/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

struct loop_deferred {
    void (*call)(void *argument);
    void *argument;
};

/* Calls that wait for the next turn; two of them, so that a call may defer again. */
struct loop_queue {
    struct loop_deferred *calls;
    size_t count;
    size_t capacity;
};

/* The clock as first read in a turn; apart from the loop, as reading it changes no loop. */
struct loop_clock {
    uint64_t turn_ms;
    exo_time now_ns;
};

struct loop {
    uv_loop_t uv;
    uv_async_t keep; /* never sent: keeps uv_run waiting where nothing else is open */
    uv_idle_t idle;  /* runs while calls are deferred */
    uv_timer_t limit;
    uv_prepare_t before_wait; /* runs inside loop_run_until */
    const bool *until;        /* of loop_run_until */
    struct loop_queue waiting;
    struct loop_queue running;
    struct loop_clock *clock;
    size_t object_count; /* made and not yet freed */
    bool is_stopped;
    bool is_limit_reached;
};

struct loop_timer {
    uv_timer_t uv;
    struct loop *loop;
    void (*call)(void *argument);
    void *argument;
};

struct loop_watch {
    uv_poll_t uv;
    struct loop *loop;
    unsigned ready; /* what is asked for now; 0 sleeps */
    void (*call)(void *argument, unsigned ready);
    void *argument;
};

struct loop_wake {
    uv_async_t uv;
    struct loop *loop;
    void (*call)(void *argument);
    void *argument;
};

struct loop_signal {
    uv_signal_t uv;
    struct loop *loop;
    void (*call)(void *argument);
    void *argument;
};

struct loop_process {
    uv_process_t uv;
    struct loop *loop;
    void (*on_exit)(void *argument, int status, int signal);
    void *argument;
};

struct loop_work {
    uv_work_t uv;
    struct loop *loop;
    void (*work)(void *argument);
    void (*done)(void *argument);
    void *argument;
};

/* A refusal of libuv here means no memory or a call that breaks loop.h: nothing to go on with. */
static void must(int result, const char *what)
{
    if (result != 0) {
        (void)fprintf(stderr, "exosphere: loop: %s: %s\n", what, uv_strerror(result));
        abort();
    }
}

static void *must_allocate(size_t bytes)
{
    void *block = calloc(1, bytes);

    must(block == NULL ? UV_ENOMEM : 0, "allocate");
    return block;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Handles die in two steps: libuv may still look at them until its close callback. */
static void close_object(struct loop *loop, uv_handle_t *handle)
{
    assert(loop->object_count > 0);
    loop->object_count--;
    uv_close(handle, on_closed);
}

static void on_keep(uv_async_t *handle)
{
    (void)handle;
}

struct loop *loop_new(struct exo_error *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for an event loop");
        return NULL;
    }
    int result = uv_loop_init(&loop->uv);

    if (result != 0) {
        (void)exo_error_set(err, EXO_EIO, "cannot make an event loop: %s%s", uv_strerror(result),
                            result == UV_EMFILE ? "; raise the limit on open files (ulimit -n)"
                                                : "");
        free(loop);
        return NULL;
    }
    loop->uv.data = loop;
    loop->clock = must_allocate(sizeof(*loop->clock));
    must(uv_async_init(&loop->uv, &loop->keep, on_keep), "async");
    must(uv_idle_init(&loop->uv, &loop->idle), "idle");
    must(uv_timer_init(&loop->uv, &loop->limit), "timer");
    must(uv_prepare_init(&loop->uv, &loop->before_wait), "prepare");
    /* A peer that hangs up must be an error of one write, never the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    return loop;
}

/* Only children that were forgotten and still run are left open at the end. */
static void close_forgotten(uv_handle_t *handle, void *argument)
{
    (void)argument;
    if (uv_is_closing(handle) == 0) {
        assert(handle->type == UV_PROCESS);
        uv_close(handle, on_closed);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    assert(loop->object_count == 0);
    uv_close((uv_handle_t *)&loop->keep, NULL);
    uv_close((uv_handle_t *)&loop->limit, NULL);
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    loop->is_stopped = false;
    while (loop->waiting.count > 0) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_walk(&loop->uv, close_forgotten, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
        /* A stop that no run has used up ends the first at once. */
    }
    must(uv_loop_close(&loop->uv), "close");
    free(loop->waiting.calls);
    free(loop->running.calls);
    free(loop->clock);
    free(loop);
}

void loop_run(struct loop *loop)
{
    while (!loop->is_stopped) {
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    loop->is_stopped = false;
}

static void on_limit(uv_timer_t *handle)
{
    struct loop *loop = handle->loop->data;

    loop->is_limit_reached = true;
}

/* The delay from libuv's idea of now, so that the callback never comes before the deadline. */
static uint64_t delay_ms(struct loop *loop, exo_time delay_ns)
{
    uv_update_time(&loop->uv);
    uint64_t now_ns = (uint64_t)clock_monotonic_ns();
    uint64_t wait_ns = delay_ns < 0 ? 0 : (uint64_t)delay_ns;
    uint64_t due_ms = (now_ns + wait_ns + (uint64_t)EXO_MILLISECOND - 1) / EXO_MILLISECOND;
    uint64_t now_ms = uv_now(&loop->uv);

    return wait_ns == 0 || due_ms < now_ms ? 0 : due_ms - now_ms;
}

/* Timers run before the wait of a turn: what one of them has done must not be waited for. */
static void on_before_wait(uv_prepare_t *handle)
{
    const struct loop *loop = handle->loop->data;

    if (*loop->until) {
        uv_stop(handle->loop);
    }
}

bool loop_run_until(struct loop *loop, const bool *is_done, exo_time limit_ns)
{
    loop->is_limit_reached = false;
    loop->until = is_done;
    must(uv_prepare_start(&loop->before_wait, on_before_wait), "prepare");
    must(uv_timer_start(&loop->limit, on_limit, delay_ms(loop, limit_ns), 0), "timer");
    while (!*is_done && !loop->is_limit_reached && !loop->is_stopped) {
        (void)uv_run(&loop->uv, UV_RUN_ONCE);
    }
    (void)uv_timer_stop(&loop->limit);         /* cannot fail */
    (void)uv_prepare_stop(&loop->before_wait); /* nor this */
    loop->is_stopped = false;
    return *is_done;
}

void loop_stop(struct loop *loop)
{
    loop->is_stopped = true;
    uv_stop(&loop->uv);
}

exo_time loop_now_ns(const struct loop *loop)
{
    struct loop_clock *clock = loop->clock;
    uint64_t turn_ms = uv_now(&loop->uv);

    if (turn_ms != clock->turn_ms || clock->now_ns == 0) {
        clock->turn_ms = turn_ms;
        clock->now_ns = clock_monotonic_ns();
    }
    return clock->now_ns;
}

static exo_time read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now); /* cannot fail for these clocks */
    return now.tv_sec * EXO_SECOND + now.tv_nsec;
}

exo_time clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

exo_time clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

static void on_idle(uv_idle_t *handle)
{
    struct loop *loop = handle->loop->data;
    struct loop_queue turn = loop->waiting;

    /* What these calls defer waits for the next turn, so I/O is never starved. */
    loop->waiting = loop->running;
    loop->running = turn;
    for (size_t i = 0; i < loop->running.count; i++) {
        loop->running.calls[i].call(loop->running.calls[i].argument);
    }
    loop->running.count = 0;
    if (loop->waiting.count == 0) {
        (void)uv_idle_stop(handle); /* cannot fail */
    }
}

void loop_defer(struct loop *loop, void (*call)(void *argument), void *argument)
{
    struct loop_queue *queue = &loop->waiting;

    if (queue->count == queue->capacity) {
        size_t capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
        struct loop_deferred *calls = realloc(queue->calls, capacity * sizeof(*calls));

        must(calls == NULL ? UV_ENOMEM : 0, "defer");
        queue->calls = calls;
        queue->capacity = capacity;
    }
    queue->calls[queue->count++] = (struct loop_deferred){call, argument};
    must(uv_idle_start(&loop->idle, on_idle), "idle");
}

static void on_timer(uv_timer_t *handle)
{
    struct loop_timer *timer = handle->data;

    timer->call(timer->argument);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*call)(void *argument), void *argument)
{
    struct loop_timer *timer = must_allocate(sizeof(*timer));

    timer->loop = loop;
    timer->call = call;
    timer->argument = argument;
    must(uv_timer_init(&loop->uv, &timer->uv), "timer");
    timer->uv.data = timer;
    loop->object_count++;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, exo_time delay_ns, exo_time repeat_ns)
{
    uint64_t repeat_ms = ((uint64_t)repeat_ns + (uint64_t)EXO_MILLISECOND - 1) / EXO_MILLISECOND;

    assert(repeat_ns >= 0);
    must(uv_timer_start(&timer->uv, on_timer, delay_ms(timer->loop, delay_ns), repeat_ms), "timer");
}

void loop_timer_stop(struct loop_timer *timer)
{
    (void)uv_timer_stop(&timer->uv); /* cannot fail */
}

bool loop_timer_is_active(const struct loop_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL) {
        close_object(timer->loop, (uv_handle_t *)&timer->uv);
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct loop_watch *watch = handle->data;
    unsigned ready = 0;

    if (status < 0) {
        /* libuv has stopped the handle, but bytes may stand before the error, and only a read or
         * write by the owner tells what it is. */
        unsigned asked = watch->ready;

        watch->ready = 0;
        loop_watch_set(watch, asked);
        ready = LOOP_READABLE | LOOP_WRITABLE | LOOP_HANGUP;
    } else {
        ready |= (events & UV_READABLE) != 0 ? LOOP_READABLE : 0;
        ready |= (events & UV_WRITABLE) != 0 ? LOOP_WRITABLE : 0;
        ready |= (events & UV_DISCONNECT) != 0 ? LOOP_HANGUP : 0;
    }
    watch->call(watch->argument, ready);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, unsigned ready,
                                  void (*call)(void *argument, unsigned ready), void *argument)
{
    struct loop_watch *watch = must_allocate(sizeof(*watch));

    watch->loop = loop;
    watch->call = call;
    watch->argument = argument;
    must(uv_poll_init(&loop->uv, &watch->uv, fd), "watch");
    watch->uv.data = watch;
    loop->object_count++;
    loop_watch_set(watch, ready);
    return watch;
}

void loop_watch_set(struct loop_watch *watch, unsigned ready)
{
    if (ready == watch->ready) {
        return;
    }
    int events = ((ready & LOOP_READABLE) != 0 ? UV_READABLE : 0) |
                 ((ready & LOOP_WRITABLE) != 0 ? UV_WRITABLE : 0) |
                 ((ready & LOOP_HANGUP) != 0 ? UV_DISCONNECT : 0);

    watch->ready = ready;
    must(events == 0 ? uv_poll_stop(&watch->uv) : uv_poll_start(&watch->uv, events, on_poll),
         "watch");
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch != NULL) {
        close_object(watch->loop, (uv_handle_t *)&watch->uv);
    }
}

static void on_wake(uv_async_t *handle)
{
    struct loop_wake *wake = handle->data;

    wake->call(wake->argument);
}

struct loop_wake *loop_wake_new(struct loop *loop, void (*call)(void *argument), void *argument)
{
    struct loop_wake *wake = must_allocate(sizeof(*wake));

    wake->loop = loop;
    wake->call = call;
    wake->argument = argument;
    must(uv_async_init(&loop->uv, &wake->uv, on_wake), "wake");
    wake->uv.data = wake;
    loop->object_count++;
    return wake;
}

void loop_wake_send(struct loop_wake *wake)
{
    must(uv_async_send(&wake->uv), "wake");
}

void loop_wake_free(struct loop_wake *wake)
{
    if (wake != NULL) {
        close_object(wake->loop, (uv_handle_t *)&wake->uv);
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop_signal *signal = handle->data;

    (void)number; /* one handle, one number */
    signal->call(signal->argument);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*call)(void *argument),
                                    void *argument)
{
    struct loop_signal *signal = must_allocate(sizeof(*signal));

    signal->loop = loop;
    signal->call = call;
    signal->argument = argument;
    must(uv_signal_init(&loop->uv, &signal->uv), "signal");
    signal->uv.data = signal;
    loop->object_count++;
    must(uv_signal_start(&signal->uv, on_signal, number), "signal");
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (signal != NULL) {
        close_object(signal->loop, (uv_handle_t *)&signal->uv);
    }
}

static void on_work(uv_work_t *request)
{
    struct loop_work *work = request->data;

    work->work(work->argument);
}

static void on_work_done(uv_work_t *request, int status)
{
    struct loop_work *work = request->data;

    (void)status; /* never cancelled */
    work->done(work->argument);
    free(work);
}

void loop_work(struct loop *loop, void (*work)(void *argument), void (*done)(void *argument),
               void *argument)
{
    struct loop_work *request = must_allocate(sizeof(*request));

    request->loop = loop;
    request->work = work;
    request->done = done;
    request->argument = argument;
    request->uv.data = request;
    must(uv_queue_work(&loop->uv, &request->uv, on_work, on_work_done), "work");
}

static void on_exit_of_child(uv_process_t *handle, int64_t status, int signal)
{
    struct loop_process *process = handle->data;

    if (process->on_exit == NULL) {
        uv_close((uv_handle_t *)handle, on_closed); /* was forgotten, so is counted no more */
        return;
    }
    close_object(process->loop, (uv_handle_t *)handle);
    process->on_exit(process->argument, signal != 0 ? -1 : (int)status, signal);
}

static uv_stdio_container_t stdio_of(int fd)
{
    uv_stdio_container_t stdio = {.flags = UV_IGNORE};

    if (fd >= 0) {
        stdio.flags = UV_INHERIT_FD;
        stdio.data.fd = fd;
    }
    return stdio;
}

/* libuv's options want char **, but it only reads them. */
static char **unconst(const char *const *strings)
{
    char **same;

    memcpy(&same, &strings, sizeof(same));
    return same;
}

struct loop_process *loop_process_spawn(struct loop *loop,
                                        const struct loop_process_options *options,
                                        void (*on_exit)(void *argument, int status, int signal),
                                        void *argument, struct exo_error *err)
{
    struct loop_process *process = must_allocate(sizeof(*process));
    uv_stdio_container_t stdio[3] = {stdio_of(options->stdin_fd), stdio_of(options->stdout_fd),
                                     stdio_of(options->stderr_fd)};
    uv_process_options_t uv_options = {
        .exit_cb = on_exit_of_child,
        .file = options->file,
        .args = unconst(options->arguments),
        .env = unconst(options->environment),
        .cwd = options->directory,
        .flags = options->is_detached ? UV_PROCESS_DETACHED : 0,
        .stdio_count = 3,
        .stdio = stdio,
    };

    process->loop = loop;
    process->on_exit = on_exit;
    process->argument = argument;
    loop->object_count++;
    int result = uv_spawn(&loop->uv, &process->uv, &uv_options);

    process->uv.data = process;
    if (result != 0) {
        (void)exo_error_set(err, result == UV_ENOENT ? EXO_ENOTFOUND : EXO_EIO,
                            "cannot start %s: %s", options->file, uv_strerror(result));
        if (err != NULL) {
            err->library_code = -result;
        }
        close_object(loop, (uv_handle_t *)&process->uv);
        return NULL;
    }
    return process;
}

void loop_process_kill(struct loop_process *process, int signal)
{
    /* A child that has just ended is what the caller wanted; on_exit tells the rest. */
    (void)uv_process_kill(&process->uv, signal);
}

int loop_process_pid(const struct loop_process *process)
{
    return process->uv.pid;
}

void loop_process_forget(struct loop_process *process)
{
    if (process == NULL) {
        return;
    }
    /* The handle stays open, so that the child is waited for and leaves no zombie. */
    process->on_exit = NULL;
    assert(process->loop->object_count > 0);
    process->loop->object_count--;
    uv_unref((uv_handle_t *)&process->uv);
}
