/* reference: how an execution must end, computed from its plan by rules written down a second time
 * (docs/cluster-file.md), apart from the scheduler. No time, no faults, no tries in parallel. */
#ifndef EXO_TESTS_SIM_REFERENCE_H
#define EXO_TESTS_SIM_REFERENCE_H

#include "schemas/vocab/states.h"
#include "tests/sim/plan.h"

struct reference {
    /* in: how a wait of an execution ended that more than one end may come to */
    enum task_state (*raced)(const struct plan_execution *e, const struct plan_spot *spot);
    bool hangs; /* some task never ends: only a cancel or a timeout ends it */
    enum execution_state state;
    enum task_state satellites[PLAN_SATELLITES_MAX];
    char culprit[16];     /* FAILED: the satellite named in the error */
    struct buffer output; /* SUCCEEDED; JSON */
};

/* reference_run fills *ret (zeroed, but for what is given to it; its output is released by the
 * caller). */
void reference_run(const struct plan_execution *e, struct allocator allocator,
                   struct reference *ret);

#endif /* EXO_TESTS_SIM_REFERENCE_H */
