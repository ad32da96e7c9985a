/* retry: how long a task waits before its next try.
 *
 * Pure: jitter comes from a hash of the task and its try, so the same past gives the same wait. */
#ifndef EXO_SCHEDULER_RETRY_H
#define EXO_SCHEDULER_RETRY_H

#include "schemas/cluster/satellite.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/time.h"

/* retry_wait_ns gives the wait before retry number n (from 1) of a task.
 * Between 0 and policy->cap_ns. */
exo_time retry_wait_ns(const struct satellite_retries *policy, const struct task_id *task,
                       uint32_t n);

#endif /* EXO_SCHEDULER_RETRY_H */
