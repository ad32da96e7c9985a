/* rules_start: what must hold of executions that wait for a time of their own. */
#ifndef EXO_TESTS_SIM_RULES_START_H
#define EXO_TESTS_SIM_RULES_START_H

#include "schemas/wire/event.h"
#include "schemas/wire/key.h"
#include "tests/sim/oracle.h"

/* rules_start_change: the journal says something of e. */
void rules_start_change(const struct oracle_execution *e, const struct wire_change *change);

/* rules_start_row: its row says until when it waits, 0: no more. */
void rules_start_row(struct oracle_execution *e, exo_time start_at_ns);

/* rules_start_committed: a batch was committed, and its rows have been looked at. */
void rules_start_committed(const struct store_batch *batch);

/* rules_start_asks: a process asks another for a key. */
void rules_start_asks(const struct wire_key_ask *ask);

#endif /* EXO_TESTS_SIM_RULES_START_H */
