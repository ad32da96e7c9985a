/* rules_signal: what must hold of signals and of what waits for them.
 *
 *   in the log, in order:  a b a' c        a' has the key of a: it is none
 *   in the journal:        waits begin and end; each that SUCCEEDS takes the oldest that none has
 *                          taken, of two that wait that which began to first */
#ifndef EXO_TESTS_SIM_RULES_SIGNAL_H
#define EXO_TESTS_SIM_RULES_SIGNAL_H

#include "schemas/wire/state.h"
#include "schemas/wire/status.h"
#include "tests/sim/oracle.h"

/* rules_signal_stored: the broker stores a command, of whatever kind. */
void rules_signal_stored(const struct wire_command *command);

/* rules_signal_change fails where a satellite, if it waits, may not become that.
 * at_ms  in shard time, as the journal says */
void rules_signal_change(const struct oracle_execution *e, const struct plan_spot *spot,
                         enum task_state to, int64_t at_ms);

/* rules_signal_commit: a batch is being committed, and its journal has been followed. */
void rules_signal_commit(const struct store_batch *batch);

/* rules_signal_output fails where what a wait gives back is not what its signal held. */
void rules_signal_output(const struct oracle_execution *e, const struct plan_spot *spot,
                         const struct wire_output *output);

/* rules_signal_any: how it ends may hang on when a signal, or an answer, comes. */
bool rules_signal_any(const struct plan_execution *plan);

#endif /* EXO_TESTS_SIM_RULES_SIGNAL_H */
