/* people: who asks for something while executions run, and sees to it that it is done.
 *
 *   plan --at its time--> a command on exo.status
 *   oracle --every few seconds: is it PAUSED, and should go on by now?--> a RESUME again
 *                               does a task wait that only somebody ends? --> SKIP, RETRY,
 *                                                                             SIGNAL, APPROVE,
 * REJECT */
#ifndef EXO_TESTS_SIM_PEOPLE_H
#define EXO_TESTS_SIM_PEOPLE_H

#include "tests/sim/plan.h"

/* people_begin sends what the plan says, each at its time; keeps the plan as long as the world. */
void people_begin(const struct plan *of);

#endif /* EXO_TESTS_SIM_PEOPLE_H */
