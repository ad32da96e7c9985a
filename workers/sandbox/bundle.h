/* bundle: the OCI runtime configuration of one attempt, as crun reads it.
 *
 *   struct sandbox_spec + where things lie on this machine --> config.json
 *
 * What every attempt gets: namespaces of its own (pid, mount, ipc, uts, cgroup, and network unless
 * it asks for the machine's), a read-only root, no capability, no new privileges, a small /dev,
 * and the paths of /proc and /sys hidden that runc hides. A system-call filter is not written yet:
 * its place is marked in bundle.c.
 *
 * Pure. Source: the OCI runtime specification 1.0. */
#ifndef EXO_WORKERS_BUNDLE_H
#define EXO_WORKERS_BUNDLE_H

#include "schemas/vocab/buffer.h"
#include "workers/sandbox/sandbox.h"

/* Where things lie; all borrowed for bundle_write. */
struct bundle_places {
    const char *rootfs;      /* the attempt's root file system */
    const char *exosphere;   /* the directory that is /exosphere inside */
    const char *cgroup;      /* its cgroup, from the root of the trees */
    bool limits_swap;        /* the machine can limit memory and swap together */
    uint64_t open_files_max; /* the worker's own hard limit: not even root may always go above */
};

/* bundle_write appends config.json.
 *
 * buffer  the caller checks is_failed
 * spec    has passed spec_check */
void bundle_write(struct buffer *buffer, const struct sandbox_spec *spec,
                  const struct bundle_places *places);

#endif /* EXO_WORKERS_BUNDLE_H */
