/* plan_start: which executions of a plan begin at a time of their own. */
#include "tests/sim/plan.h"
#include "tests/sim/sim.h"

/* Now and then it has passed when the Job comes. */
void plan_start_make(struct plan_execution *e, struct faults *faults)
{
    if (e->crash == CRASH_JOB || !fault_fires(faults, FAULT_START_LATER)) {
        return;
    }
    exo_time at_ns = e->submit_ns + dice_between(faults->dice, -5 * EXO_SECOND, 45 * EXO_SECOND);

    e->start_at_ms = (SIM_EPOCH_NS + at_ns) / EXO_MILLISECOND;
}
