/* people: who asks for something while executions run, and sees to it that it is done.
 *
 *   plan --at its time--> a command on exo.status
 *   oracle --every few seconds: is it PAUSED, and should go on by now?--> a RESUME again
 *                               does a task wait that only somebody ends? --> SKIP, RETRY,
 *                                                                             SIGNAL, APPROVE,
 * REJECT */
#ifndef EXO_TESTS_SIM_PEOPLE_H
#define EXO_TESTS_SIM_PEOPLE_H

#include "tests/sim/oracle.h"
#include "tests/sim/plan.h"

/* people_begin sends what the plan says, each at its time; keeps the plan as long as the world. */
void people_begin(const struct plan *of);

/* people_asked: one has begun to wait for an answer (WAIT_ANSWERED). Some say yes or no, or both,
 * or nobody says anything, about when its timeout is due; now and then its shard's owner dies then.
 */
void people_asked(const struct oracle_execution *e, const struct plan_spot *spot);

#endif /* EXO_TESTS_SIM_PEOPLE_H */
