/* crash: inputs that bring the scheduler process down that steps them (the linker puts the door of
 * the core here), and who died of one.
 *
 *   sched_step --of such a plan--> the process is dead to the world: nothing it asks for from here
 *                                  on leaves it; another starts soon after */
#ifndef EXO_TESTS_SIM_CRASH_H
#define EXO_TESTS_SIM_CRASH_H

#include <stdbool.h>

/* crash_begin forgets the world before. */
void crash_begin(void);

/* crash_killed is true for a process, by its scheduler's name, that an input of a plan killed. */
bool crash_killed(const char *process);

#endif /* EXO_TESTS_SIM_CRASH_H */
