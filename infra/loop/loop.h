/* loop: one event loop, one thread; timers, fds, child processes, signals, work on other threads.
 *
 *   adapters --watch fds, timers--> loop --callbacks on the loop's thread--> adapters
 *
 * Sole user of libuv. Every callback runs on the thread that runs the loop, never inside the call
 * that asked for it. */
#ifndef EXO_INFRA_LOOP_H
#define EXO_INFRA_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/time.h"

struct loop;
struct loop_timer;
struct loop_watch;
struct loop_wake;
struct loop_signal;
struct loop_process;

/* loop_new makes a loop; gives it, or NULL with *err set. Makes the process ignore SIGPIPE. */
EXO_CHECKED struct loop *loop_new(struct exo_error *err);

/* loop_free ends a loop that is not running; NULL is allowed. Everything made on it must have been
 * freed (asserted). Runs what is still deferred, and waits for work that is under way. */
void loop_free(struct loop *loop);

/* loop_run runs callbacks until loop_stop. */
void loop_run(struct loop *loop);

/* loop_run_until runs callbacks until *is_done becomes true or limit_ns has passed; for starts,
 * clients and tests. Returns *is_done. */
bool loop_run_until(struct loop *loop, const bool *is_done, exo_time limit_ns);

/* loop_stop makes loop_run (or loop_run_until) return after the present callback; before a run it
 * ends the next one at once. */
void loop_stop(struct loop *loop);

/* loop_now_ns reads the monotonic clock as of the present turn of the loop: cheap, at most a
 * millisecond older than clock_monotonic_ns at the start of the turn. */
exo_time loop_now_ns(const struct loop *loop);

/* clock_monotonic_ns and clock_wall_ns read the machine's clocks now. */
exo_time clock_monotonic_ns(void);
exo_time clock_wall_ns(void);

/* loop_defer calls back once, on the next turn. Keeps argument. */
void loop_defer(struct loop *loop, void (*call)(void *argument), void *argument);

/* loop_timer_new makes a stopped timer; keeps argument. Never NULL (aborts without memory, as all
 * of these small objects do: they are made at start or bounded by slots). */
struct loop_timer *loop_timer_new(struct loop *loop, void (*call)(void *argument), void *argument);

/* loop_timer_start calls back after delay_ns, then every repeat_ns (0: once). Restarts. Rounded up
 * to milliseconds, never early. */
void loop_timer_start(struct loop_timer *timer, exo_time delay_ns, exo_time repeat_ns);

/* loop_timer_stop takes the next call back; harmless when stopped. */
void loop_timer_stop(struct loop_timer *timer);

/* loop_timer_is_active is true between a start and its last call. */
bool loop_timer_is_active(const struct loop_timer *timer);

/* loop_timer_free stops and frees; NULL is allowed. */
void loop_timer_free(struct loop_timer *timer);

enum loop_ready {
    LOOP_READABLE = 1,
    LOOP_WRITABLE = 2,
    LOOP_HANGUP = 4, /* the peer has ended its side; unread bytes may still stand before that */
};

/* loop_watch_new calls back while fd is ready (level-triggered). The fd stays the caller's and must
 * outlive the watch; it is made non-blocking. One watch an fd; no regular files (they are always
 * ready: use loop_work). An error on the fd counts as all of them, again and again until the owner
 * has found it out by a read or write.
 * ready  or of enum loop_ready; change with loop_watch_set (0: sleep) */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, unsigned ready,
                                  void (*call)(void *argument, unsigned ready), void *argument);

/* loop_watch_set changes what is waited for: an or of enum loop_ready, 0 sleeps. */
void loop_watch_set(struct loop_watch *watch, unsigned ready);

/* loop_watch_free forgets the fd at once (the caller may close it next); NULL is allowed. */
void loop_watch_free(struct loop_watch *watch);

/* loop_wake_new makes a door for other threads: each loop_wake_send is followed by at least one
 * call on the loop's thread. loop_wake_send is the only function here that any thread may call. */
struct loop_wake *loop_wake_new(struct loop *loop, void (*call)(void *argument), void *argument);
void loop_wake_send(struct loop_wake *wake);

/* loop_wake_free frees the door; no thread may send any more. NULL is allowed. */
void loop_wake_free(struct loop_wake *wake);

/* loop_signal_new calls back at each signal of that number. */
struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*call)(void *argument),
                                    void *argument);

/* loop_signal_free gives the signal its old action back; NULL is allowed. */
void loop_signal_free(struct loop_signal *signal);

/* loop_work runs work on another thread, then done on the loop's thread. Keeps argument until done
 * has run. Cannot be taken back. */
void loop_work(struct loop *loop, void (*work)(void *argument), void (*done)(void *argument),
               void *argument);

/* How a child begins. All borrowed for the call. */
struct loop_process_options {
    const char *file;                   /* found through PATH */
    const char *const *arguments;       /* NULL-terminated, first is the name */
    const char *const *environment;     /* NULL-terminated; NULL: ours */
    const char *directory;              /* NULL: ours */
    int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null; stay the caller's */
    bool is_detached;                   /* in a session of its own */
};

/* loop_process_spawn starts a child; on_exit is called once, and with it the process object is
 * gone. Signals have their default actions in the child.
 * status  exit status, or -1 when a signal ended it
 * Gives the process, or NULL with *err set (no such file, no right, no memory). */
EXO_CHECKED struct loop_process *
loop_process_spawn(struct loop *loop, const struct loop_process_options *options,
                   void (*on_exit)(void *argument, int status, int signal), void *argument,
                   struct exo_error *err);

/* loop_process_kill sends a signal; harmless when the child is gone. */
void loop_process_kill(struct loop_process *process, int signal);

/* loop_process_pid returns the child's process id. */
int loop_process_pid(const struct loop_process *process);

/* loop_process_forget lets a running child go on without us: on_exit is not called and the process
 * object is gone. NULL is allowed; not after on_exit has begun. */
void loop_process_forget(struct loop_process *process);

#endif /* EXO_INFRA_LOOP_H */
