/* orphans: the processes that crun leaves to the worker, who is made their reaper.
 *
 *   worker -- crun -- (leaves) -- go-between -- process 1 of the container
 *     `---------------------------------------------'  once both have left
 *
 * `crun run --detach` forks twice. The first process is waited for by crun, the go-between ends by
 * itself a moment after crun and becomes our child together with process 1, whose exit status we
 * want. The go-between's pid is told by nobody; it is known by its session, which is neither its
 * own nor ours: no child of ours that somebody waits for is like that.
 *
 * Touches processes. Any thread. */
#ifndef EXO_WORKERS_ORPHANS_H
#define EXO_WORKERS_ORPHANS_H

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/time.h"

/* orphans_open makes this process the reaper of its orphans.
 * Returns 0, or -1 with *err set: EXO_EIO, the kernel lacks what it takes. */
EXO_CHECKED int orphans_open(struct exo_error *err);

/* orphans_adopt blocks until a process that crun started is our child, and reaps the go-between.
 * limit_ns  how long to wait at most
 * Returns 0, or -1 with *err set. */
EXO_CHECKED int orphans_adopt(int pid, exo_time limit_ns, struct exo_error *err);

/* orphans_reap waits for go-betweens that have ended. Cost O(children). */
void orphans_reap(void);

#endif /* EXO_WORKERS_ORPHANS_H */
