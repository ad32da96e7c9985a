/* rules_answer: what must hold of a person's yes or no, also where it races with the end of its
 * time.
 *
 *   exo.status   ..... yes ... no .....          the first after it began to wait counts, once
 *   shard time   begins ......... due            unless it was due, and no answer lay in the log
 * then
 *
 * It ends by one of them: answered, or timed out. */
#ifndef EXO_TESTS_SIM_RULES_ANSWER_H
#define EXO_TESTS_SIM_RULES_ANSWER_H

#include "schemas/wire/status.h"
#include "tests/sim/oracle.h"

/* rules_answer_stored: the broker stores a command, of whatever kind, at the end of its shard's
 * partition. */
void rules_answer_stored(const struct wire_command *command);

/* rules_answer_change follows what becomes of a satellite, if it is one that waits for an answer;
 * people are asked when one of WAIT_ANSWERED begins to.
 * at_ms  in shard time, as the journal says */
void rules_answer_change(const struct oracle_execution *e, const struct plan_spot *spot,
                         enum task_state to, int64_t at_ms);

/* rules_answer_commit: a batch is being committed, and its journal has been followed. Fails where
 * one that waited has ended in it in another way than it must. */
void rules_answer_commit(const struct store_batch *batch);

#endif /* EXO_TESTS_SIM_RULES_ANSWER_H */
