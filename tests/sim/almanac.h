/* almanac: what schedules of a world must have started, worked out by rules written down a second
 * time (docs/schedules.md), apart from the scheduler:
 *
 *   each row of a schedule against the one before it and the time that passed between
 *     - a time it was due at is decided once: it starts, waits, or is left out for a reason that
 *       its overlap, its catch-up and the clock give
 *     - what is started was due, or asked for, and waited in turn; paused it starts nothing
 *     - what is live has not ended; without overlap: allow there is one at most
 *   each execution that begins: a row had started its time; it overlaps with none where none may
 *   at the end: all times up to its end are decided, all that was started has run once */
#ifndef EXO_TESTS_SIM_ALMANAC_H
#define EXO_TESTS_SIM_ALMANAC_H

#include "tests/sim/oracle.h"

void almanac_begin(void);

/* almanac_is is true for an execution that a schedule started. */
bool almanac_is(const struct oracle_execution *e);

/* almanac_plan gives the plan of what p/tN starts; NULL: there is no such schedule. */
const struct plan_execution *almanac_plan(unsigned long number);

/* almanac_begins checks one that is inserted. */
void almanac_begins(const struct oracle_execution *e);

/* almanac_commit checks the rows of schedules in a batch that is about to be applied to row. */
void almanac_commit(const struct store_shard *row, const struct store_batch *batch);

/* almanac_remember and almanac_forget: like those of the oracle. */
struct almanac_memory;
struct almanac_memory *almanac_remember(void);
void almanac_forget(const struct almanac_memory *memory);

/* almanac_may_be_cancelled is true when its schedule cancelled it for a later one. */
bool almanac_may_be_cancelled(const struct oracle_execution *e);

/* almanac_is_over is true when nothing is left to start. */
bool almanac_is_over(void);

/* almanac_say tells stderr what is left. */
void almanac_say(void);

/* almanac_check_end looks whether all that was started has run. */
void almanac_check_end(void);

#endif /* EXO_TESTS_SIM_ALMANAC_H */
