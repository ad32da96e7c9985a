/* rules_rerun: what runs again and what is kept of another execution, worked out by rules written
 * down a second time (docs/cli.md, ADR 0018), apart from the scheduler.
 *
 *   its row begins --> what had ended well, and stands on nothing that runs again, is kept as it
 *                      ended there; nothing of it is begun here; the rest runs
 *   a Job is refused --> the reason that is given is true
 *   what it keeps something of stays for as long as it does */
#ifndef EXO_TESTS_SIM_RULES_RERUN_H
#define EXO_TESTS_SIM_RULES_RERUN_H

#include "tests/sim/oracle.h"

/* rules_rerun_plan gives the plan of a rerun of that id; NULL: it is none. */
const struct plan_execution *rules_rerun_plan(const struct execution_id *id);

/* rules_rerun_begins notes what one keeps that is inserted; its row is looked at. */
void rules_rerun_begins(struct oracle_execution *e, const struct store_execution *row);

/* rules_rerun_change fails where something begins that is kept. */
void rules_rerun_change(const struct oracle_execution *e, const struct plan_spot *spot);

/* rules_rerun_commit looks at the Jobs that a batch refuses. */
void rules_rerun_commit(const struct store_batch *batch);

/* rules_rerun_deletes fails where an execution is deleted of which another one keeps something. */
void rules_rerun_deletes(const struct oracle_execution *e);

/* rules_rerun_asked: what it runs again has ended; its Job will be sent, and one that brings
 * submitted_ms or a later time was sent after that. */
void rules_rerun_asked(const struct plan_execution *plan, int64_t submitted_ms);

/* rules_rerun_is_refused is true when a Job of it was refused that was sent after that. */
bool rules_rerun_is_refused(const struct plan_execution *plan);

/* rules_rerun_is_settled is true of one that is not there, and need not be. is_of_there: what it
 * runs again is there, or need not be. */
bool rules_rerun_is_settled(const struct plan_execution *plan, bool is_of_there);

#endif /* EXO_TESTS_SIM_RULES_RERUN_H */
