/* reruns: who asks for executions to be run again.
 *
 *   plan --at its time, whatever has become of the other--> a Job with rerun_of
 *   database --every second or so: has the other ended?--> the Job; once more, the same; a cancel
 */
#ifndef EXO_TESTS_SIM_RERUNS_H
#define EXO_TESTS_SIM_RERUNS_H

#include "tests/sim/plan.h"

/* reruns_begin sends what the plan says; keeps the plan as long as the world. cancel is an event
 * for an execution of it. */
void reruns_begin(struct plan *plan, void (*cancel)(void *execution));

#endif /* EXO_TESTS_SIM_RERUNS_H */
