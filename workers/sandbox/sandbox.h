/* sandbox: the port through which the worker runs one attempt in a container.
 *
 *                   sandbox_start                  on_start, on_log, on_progress ..., on_exit
 *   workers/role.c ---------------> sandbox --> driver ----------------------------------> role
 *                   sandbox_stop              crun | null
 *
 * Two drivers behind one table of functions (sandbox_driver.h): `crun` runs a real OCI container
 * (crun_driver.h has its picture), `null` ends at once, for tests and benches (null_driver.h).
 *
 * One thread, one loop: every call and every callback on the loop's thread. Nothing here decides
 * when an attempt has run too long: the worker core calls sandbox_stop. */
#ifndef EXO_WORKERS_SANDBOX_H
#define EXO_WORKERS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

struct sandbox;
struct sandbox_run;

enum {
    SANDBOX_ID_BYTES_MAX = 120,       /* of an attempt's id */
    SANDBOX_ARGS_MAX = 4096,          /* arguments of the command */
    SANDBOX_MOUNTS_MAX = 64,          /* read-only mounts of an attempt */
    SANDBOX_SECRETS_MAX = 64,         /* secrets of an attempt */
    SANDBOX_ARTEFACTS_MAX = 64,       /* satellites whose artefacts an attempt sees */
    SANDBOX_CONTROL_BYTES = 64 << 10, /* control.json at most */
    SANDBOX_PROGRESS_BYTES = 4 << 10, /* progress.json at most */
};

/* What a sandbox needs to know of its machine; all borrowed for sandbox_open. */
struct sandbox_settings {
    const char *driver;      /* "crun" or "null" */
    const char *runtime_dir; /* absolute; crun: made when missing, this worker's alone */
    const char *crun_file;   /* NULL: "crun", found through PATH */
    uint32_t runs_max;       /* attempts at once, at least 1 */
    uint32_t threads;        /* that start and remove containers; 0: two a processor, at most 16 */
    exo_time start_limit_ns; /* crun itself may take as long; 0: 30 s */
};

enum sandbox_network {
    SANDBOX_NETWORK_NONE, /* a namespace of its own with nothing but loopback */
    SANDBOX_NETWORK_HOST, /* the machine's */
};

enum sandbox_output {
    SANDBOX_OUTPUT_FILE,   /* /exosphere/output.json */
    SANDBOX_OUTPUT_STDOUT, /* what it writes to stdout, which is then no log */
    SANDBOX_OUTPUT_NONE,   /* not looked at */
};

enum sandbox_stream { SANDBOX_STDOUT, SANDBOX_STDERR };

/* A directory or file of the machine that the attempt sees read-only. */
struct sandbox_mount {
    const char *source;      /* absolute path on this machine */
    const char *destination; /* absolute path in the container; not /, /exosphere, /proc, /sys, /dev
                              * or below them */
};

/* A directory that the attempt sees read-only as /exosphere/artefacts-of/NAME. */
struct sandbox_artefacts {
    const char *name;   /* letters, digits, "_", "-", "."; not "." or ".." */
    const char *source; /* absolute path on this machine */
};

/* A file /exosphere/secrets/NAME of mode 0400. Its bytes are wiped when it is not needed any more.
 */
struct sandbox_secret {
    const char *name; /* letters, digits, "_", "-", "."; not "." or ".." */
    struct span bytes;
};

/* One attempt. Everything is borrowed for sandbox_start. */
struct sandbox_spec {
    const char *id;     /* unique among what runs; letters, digits, "_", "-", "." */
    const char *rootfs; /* absolute; the unpacked image, which is never written to */

    const char *const *args;      /* NULL-terminated, at least one */
    const char *const *image_env; /* NULL-terminated "NAME=value", of the image; NULL: none */
    const char *const *env; /* NULL-terminated "NAME=value"; wins over image_env; NULL: none */
    const char *cwd;        /* absolute; NULL: "/" */
    uint32_t uid, gid;      /* uid never 0 */

    int64_t memory_bytes; /* 0: no limit; swap is never given */
    uint32_t cpu_millis;  /* 1000: one processor; 0: no limit; else at least 10 */
    uint32_t pids_max;    /* processes and threads; 0: no limit */
    uint64_t tmp_bytes;   /* of /tmp, a tmpfs; 0: 64 MiB */
    uint64_t disk_bytes;  /* of /exosphere/artefacts and anything else it writes below /exosphere
                           * beside output.json and control.json; 0: 64 MiB */

    enum sandbox_network network;
    const struct sandbox_mount *mounts;
    size_t mount_count;
    const struct sandbox_secret *secrets;
    size_t secret_count;
    const struct sandbox_artefacts *artefacts;
    size_t artefacts_count;

    struct span input; /* of /exosphere/input.json */
    enum sandbox_output output;
    uint64_t output_bytes_max; /* 0: LIMIT_OUTPUT_BYTES */
    uint64_t log_bytes_max;    /* 0: LIMIT_LOG_BYTES; the first and the last half are kept */
};

enum sandbox_end {
    SANDBOX_EXITED,      /* the command ended; status holds */
    SANDBOX_SIGNALLED,   /* a signal ended it; signal holds */
    SANDBOX_NOT_STARTED, /* the command never ran (though on_start may have come: the program
                          * was found but could not be executed); error holds */
    SANDBOX_END_NR,
};

/* A file the attempt left, or did not. */
enum sandbox_file_state {
    SANDBOX_FILE_MISSING, /* there was none: no fault */
    SANDBOX_FILE_READ,
    SANDBOX_FILE_REFUSED, /* too large, or no regular file: problem says it */
};

struct sandbox_file {
    enum sandbox_file_state state;
    struct span bytes;   /* borrowed until on_exit returns; unread and unjudged */
    const char *problem; /* one sentence for the user; "" unless refused */
};

/* How an attempt ended. Everything is borrowed until on_exit returns. */
struct sandbox_result {
    enum sandbox_end end;
    int status;         /* 0 .. 255 */
    int signal;         /* of SANDBOX_SIGNALLED */
    bool is_oom_killed; /* the kernel killed a process of it for want of memory */
    bool is_stopped;    /* sandbox_stop was called before it ended */
    bool is_grace_over; /* and it had to be killed after the grace */
    struct exo_error error;
    struct exo_error remove_error; /* not EXO_OK: something stays on the machine until the next
                                    * sandbox_recover; to be logged */

    exo_time started_ns, ended_ns; /* of the wall clock; 0 when it never ran */
    exo_time run_ns;               /* of the monotonic clock */
    uint64_t cpu_ns;               /* all its processes; 0: the machine does not tell */
    uint64_t memory_peak_bytes;    /* 0: the machine does not tell */

    struct sandbox_file output;
    struct sandbox_file control;
    int artefacts_fd; /* of /exosphere/artefacts, when something is in it; else -1. Stays readable
                       * as long as somebody holds it: dup it */
    const char *artefacts_problem; /* one sentence for the user when it is no directory any more;
                                    * "" unless so */
    struct span log;               /* stdout and stderr as they came; a cut is marked in the text */
    uint64_t log_bytes;            /* written in all */
    uint64_t log_bytes_lost;       /* of them not in log */
};

/* Who is told. The functions may be NULL except on_exit. */
struct sandbox_events {
    /* The command runs since started_ns of the wall clock. */
    void (*on_start)(void *argument, exo_time started_ns);
    /* bytes as they appear, all of them: the receiver limits what it sends on. Borrowed. */
    void (*on_log)(void *argument, enum sandbox_stream stream, struct span bytes);
    /* The attempt has written /exosphere/progress.json since it was looked at last, which is once a
     * second. bytes: what it holds, unjudged and perhaps half written; empty where it is too
     * large. Borrowed. */
    void (*on_progress)(void *argument, struct span bytes);
    /* Called once, last; the run is gone when it returns and its id may be used again. */
    void (*on_exit)(void *argument, const struct sandbox_result *result);
    void *argument; /* kept until on_exit has returned */
};

/* sandbox_open makes the sandbox of a worker. With the crun driver it looks over the machine (root,
 * crun, cgroups), takes the runtime directory for itself alone and makes its own mount namespace.
 *
 * loop      kept until sandbox_close
 * settings  borrowed
 * Gives the sandbox, or NULL with *err set: EXO_EINVALID (a setting), EXO_EDENIED (not root; the
 * text has the line to type), EXO_ENOTFOUND (no crun), EXO_ECONFLICT (another worker uses the
 * directory), EXO_EIO. */
EXO_CHECKED struct sandbox *sandbox_open(struct loop *loop, const struct sandbox_settings *settings,
                                         struct exo_error *err);

/* sandbox_close frees a sandbox. What still runs is killed and removed before it returns, without
 * on_exit: a worker that drains waits for its runs first. NULL is allowed. */
void sandbox_close(struct sandbox *sandbox);

/* One attempt that a former life of this worker left. Borrowed for the callback. */
struct sandbox_leftover {
    const char *id;
    struct span log; /* kept so far, a cut marked; empty when it wrote nothing */
    uint64_t log_bytes;
    uint64_t log_bytes_lost;
};

/* sandbox_recover kills and removes everything that a former life of this worker left: containers,
 * cgroups, mounts, directories. To be called once, after sandbox_open, before any sandbox_start;
 * blocks, 10 s at most.
 *
 * on_leftover  called for each attempt found, once it is gone from the machine; may be NULL. The
 *              kept log is deleted when it returns
 * Returns the number found, or -1 with *err set (EXO_EIO: something could not be removed; the text
 * names it). The null driver finds none. */
EXO_CHECKED int sandbox_recover(struct sandbox *sandbox,
                                void (*on_leftover)(void *argument,
                                                    const struct sandbox_leftover *leftover),
                                void *argument, struct exo_error *err);

/* sandbox_start begins one attempt; what happens to it is told through events.
 *
 * spec    borrowed
 * events  borrowed; its argument is kept until on_exit has returned
 * Gives the run, valid until its on_exit returns, or NULL with *err set and no callback to come:
 * EXO_EINVALID (the spec; the text names the field), EXO_ECONFLICT (the id runs already),
 * EXO_ELIMIT (runs_max run), EXO_EIO (no file descriptors or memory).
 *
 * A command that cannot be found, an image without it, crun that fails: on_exit with
 * SANDBOX_NOT_STARTED. There error.is_retryable tells whether another attempt may fare better. */
EXO_CHECKED struct sandbox_run *sandbox_start(struct sandbox *sandbox,
                                              const struct sandbox_spec *spec,
                                              const struct sandbox_events *events,
                                              struct exo_error *err);

/* sandbox_stop ends a run: SIGTERM now, SIGKILL for all of it after the grace. A later call may
 * only shorten the grace. A command that neither handles nor blocks SIGTERM ends at once, as it
 * would outside a container, where it is not process 1.
 *
 * grace_ns  0: SIGKILL now */
void sandbox_stop(struct sandbox_run *run, exo_time grace_ns);

/* sandbox_signal sends any signal to the command; false when it does not run (yet, or any more). */
bool sandbox_signal(struct sandbox_run *run, int signal);

/* sandbox_count tells how many runs have not had their on_exit. */
uint32_t sandbox_count(const struct sandbox *sandbox);

#endif /* EXO_WORKERS_SANDBOX_H */
