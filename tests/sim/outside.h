/* outside: what comes to a world from outside, as the API and other services send it: Jobs,
 * commands, orders to schedules, and garbage. */
#ifndef EXO_TESTS_SIM_OUTSIDE_H
#define EXO_TESTS_SIM_OUTSIDE_H

#include <stdint.h>

#include "tests/sim/plan.h"

/* outside_begin sends what the plan says, each at its time; keeps the plan as long as the world. */
void outside_begin(struct plan *plan);

/* outside_send sends a record, again until the broker has answered that it is stored; is_once: only
 * once. The bytes of value are copied, topic lives as long as the world. */
void outside_send(const char *topic, uint32_t partition, struct span value, bool is_once);

/* outside_letters_sure counts records that must become dead letters, once each at least. */
uint32_t outside_letters_sure(void);

/* outside_again (an event): somebody misses what a log has lost, and asks for it again: Jobs that
 * never came to be, cancels that had no effect. */
void outside_again(void *argument);

/* outside_backlog (an event, which comes again): reports about what nobody knows, faster than they
 * are read, also when all else has healed: what waits for an end of exo.status waits for one that
 * was, not for the end. */
void outside_backlog(void *argument);

#endif /* EXO_TESTS_SIM_OUTSIDE_H */
