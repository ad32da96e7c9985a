/* crun_driver: the real driver of the sandbox: every attempt in an OCI container through crun.
 *
 *   loop's thread                              crew (threads with mounts of their own)
 *   -------------                              ---------------------------------------
 *   start: config.json, pipes --------------> container_start: tmpfs, overlay, crun run --detach
 *   STARTING                                       |
 *   on_start <-------------------------------------+
 *   RUNNING   pipes -> on_log, kept log; pid_fd -> process 1 ended
 *   ENDING    --------------------------------> container_finish: counters, output, remove
 *   on_exit <--------------------------------------+
 *
 * Machine. The crew's mount namespace (crew.h) differs from the machine's in two ways: the v2 tree
 * that a "hybrid" machine mounts beside v1 is not there, as crun 1.8 refuses such a machine; and
 * crun's own file is mounted read-only over itself, whereupon it need not copy itself before every
 * start to be safe from its containers (CVE-2019-5736), a third of its time. To look into it:
 * nsenter --mount=/proc/PID/task/TID/ns/mnt.
 *
 * Life and death. The worker is made reaper of its orphans (PR_SET_CHILD_SUBREAPER): containers are
 * its children once crun has left. After a kill -9 containers may go on; the next life waits for
 * the lock, which crun holds while it works, then sandbox_recover ends them. All mounts went with
 * the namespace.
 *
 * Directory: RUNTIME/lock, RUNTIME/attempts/ID (attempt_dir.h), RUNTIME/logs/ID.log (kept_log.h).
 *
 * Sole use of crun in the program. */
#ifndef EXO_WORKERS_CRUN_DRIVER_H
#define EXO_WORKERS_CRUN_DRIVER_H

#include "workers/sandbox/container.h"
#include "workers/sandbox/kept_log.h"
#include "workers/sandbox/sandbox_driver.h"

/* What open has found and made on the machine. */
struct crun_sandbox {
    struct sandbox sandbox; /* first */
    struct crew *crew;
    struct container_site site;
    char *crun_file;   /* absolute */
    char *runtime_dir; /* absolute, without links */
    char *attempts_dir;
    int logs_fd;          /* RUNTIME/logs */
    unsigned char *chunk; /* what one read takes from a pipe */
};

/* crun_machine_open looks over the machine, takes the runtime directory and starts the crew.
 * sandbox  zeroed but for its fds, which are -1; crun_machine_close also after a failure
 * Returns 0, or -1 with *err set; see sandbox_open. */
EXO_CHECKED int crun_machine_open(struct crun_sandbox *sandbox, struct loop *loop,
                                  const struct sandbox_settings *settings, struct exo_error *err);

/* crun_machine_close ends the crew and gives the directory back. Nothing may run any more. */
void crun_machine_close(struct crun_sandbox *sandbox);

/* crun_recover is sandbox_recover of this driver. */
EXO_CHECKED int crun_recover(struct sandbox *sandbox,
                             void (*on_leftover)(void *argument,
                                                 const struct sandbox_leftover *leftover),
                             void *argument, struct exo_error *err);

#endif /* EXO_WORKERS_CRUN_DRIVER_H */
