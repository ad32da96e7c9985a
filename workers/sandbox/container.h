/* container: one container of crun's, from nothing to nothing, in two blocking steps.
 *
 *   container_start   files, mounts, `crun run --detach` ----> pid_fd of its process 1
 *   (the loop watches the pid_fd and the pipes; the process is our child, as crun has left it to
 * us) container_finish  counters, output, kill what is left, unmount, remove ----> nothing is left
 *
 * crun is asked to detach, which leaves one process less a container, gives the true exit status
 * (a signal or an exit, not 128 + n), and lets us read the counters before the cgroup goes.
 *
 * To be called on a thread of the crew. Touches processes, mounts, cgroups; blocks. */
#ifndef EXO_WORKERS_CONTAINER_H
#define EXO_WORKERS_CONTAINER_H

#include "schemas/vocab/buffer.h"
#include "workers/sandbox/attempt_dir.h"
#include "workers/sandbox/cgroup.h"
#include "workers/sandbox/crew.h"
#include "workers/sandbox/sandbox.h"

/* What all containers of a worker have in common; does not change after open. */
struct container_site {
    const char *crun_file;    /* absolute */
    const char *attempts_dir; /* absolute; holds a directory an attempt */
    int lock_fd;              /* crun holds it while it works, so that a next life waits for it */
    exo_time start_limit_ns;
    uint64_t open_files_max;
    struct cgroup cgroup;
};

/* One container. The crew has it between submit and done, else the loop's thread. */
struct container {
    struct crew_job job; /* first: a container is found from its job */
    const struct container_site *site;
    char id[SANDBOX_ID_BYTES_MAX + 1];
    char path[ATTEMPT_PATH_BYTES]; /* of its attempt_dir */

    /* For container_start. */
    struct attempt_files files; /* points into what stands below */
    char *rootfs;
    struct buffer config;
    unsigned char *input;
    struct sandbox_secret *secrets; /* one block with names and bytes; wiped after use */
    size_t secrets_bytes;           /* of the block */
    int stdout_fd, stderr_fd;       /* the container's ends; closed by container_start */
    enum sandbox_output output_mode;
    uint64_t output_bytes_max;

    /* From container_start. */
    bool is_started;
    struct exo_error error;
    int pid;
    int pid_fd;   /* -1 when it was not started */
    int files_fd; /* of its /exosphere; -1 when there is none, or when it was taken */
    exo_time started_wall_ns;
    exo_time started_ns;

    /* From container_finish. */
    struct cgroup_usage usage;
    struct attempt_file output;
    struct attempt_file control;
    int artefacts_fd; /* -1: none */
    char artefacts_problem[160];
    char crun_log[512];            /* what crun had to say */
    struct exo_error remove_error; /* code EXO_OK: everything is gone */
};

/* container_start is the job that makes the files and runs crun. Afterwards either is_started and
 * pid_fd stand, or error tells why not. container_finish follows in both cases.
 * job  of a container */
void container_start(struct crew_job *job);

/* container_finish is the job that takes what is left out of the machine, once process 1 has been
 * waited for (or never was): is never skipped, may run again after a failure.
 * job  of a container */
void container_finish(struct crew_job *job);

/* container_explain turns what crun said into what a user can do.
 * crun_log  NUL-terminated, borrowed
 * command   the first argument, borrowed
 * Pure. Returns -1 with *err set: EXO_EINVALID where another attempt would fail the same way. */
int container_explain(const char *crun_log, const char *command, struct exo_error *err);

/* container_release frees what a container holds, not the container. */
void container_release(struct container *container);

#endif /* EXO_WORKERS_CONTAINER_H */
