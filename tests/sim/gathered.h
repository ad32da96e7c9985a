/* gathered: batches of tasks in a world: what the containers that run them do, and what must hold
 * of them whatever goes wrong:
 *
 *   an attempt is in one batch at most; those of one batch have the same project, size and key; no
 *   batch holds more than its size; each gets its own result (by the reference, at the end) */
#ifndef EXO_TESTS_SIM_GATHERED_H
#define EXO_TESTS_SIM_GATHERED_H

#include "tests/sim/oracle.h"

/* The plan of every execution that runs a batch. */
extern const struct plan_execution gathered_plan;

/* gathered_is is true for such an execution. */
bool gathered_is(const struct oracle_execution *e);

/* gathered_begins checks the items of one that is inserted. */
void gathered_begins(const struct oracle_execution *e);

/* gathered_ended excuses the members of one that ended without results. */
void gathered_ended(const struct oracle_execution *e);

/* gathered_output writes what its container gives back; false: it fails as a whole. */
bool gathered_output(struct oracle_execution *e, struct buffer *text);

/* gathered_any is true when some satellite of a plan is gathered. */
bool gathered_any(const struct plan_execution *plan);

/* gathered_is_lost is true of an error that says that what ran a task's batch was deleted before
 * its results were taken: so it may be where things are kept for seconds, and fails where nothing
 * was deleted. */
bool gathered_is_lost(struct span error);

#endif /* EXO_TESTS_SIM_GATHERED_H */
