/* retry: how long a task waits before its next try, after a failure of its own or of ours.
 *
 * Pure: jitter comes from a hash of the task and its try, so the same past gives the same wait. */
#ifndef EXO_SCHEDULER_RETRY_H
#define EXO_SCHEDULER_RETRY_H

#include "schemas/cluster/satellite.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"

/* Behind the error of a task that had tries left, but no time for them. */
#define RETRY_OVER_BUDGET "; retries.budget leaves no time for another try"

/* retry_wait_ns gives the wait before retry number n (from 1) of a task.
 * Between 0 and policy->cap_ns. */
exo_time retry_wait_ns(const struct satellite_retries *policy, const struct task_id *task,
                       uint32_t n);

/* retry_lost_wait_ns gives the wait before the next try of a task whose attempts were lost to us
 * `losses` times (from 1). 0 after the first, mostly the end of a worker; then about 2, 4, 8 s and
 * so on, a minute at most: ten losses take two to four minutes, so that a machine that loses
 * whatever it is given does not use them up before somebody else has room.
 * Source: docs/adr/0029-unfit-workers.md. */
exo_time retry_lost_wait_ns(const struct task_id *task, uint32_t losses);

#endif /* EXO_SCHEDULER_RETRY_H */
