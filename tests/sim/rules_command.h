/* rules_command: what must hold of commands: nothing happens that nobody asked for, and what was
 * asked for happens. */
#ifndef EXO_TESTS_SIM_RULES_COMMAND_H
#define EXO_TESTS_SIM_RULES_COMMAND_H

#include "schemas/wire/state.h"
#include "schemas/wire/status.h"
#include "tests/sim/oracle.h"

/* rules_command_stored: the broker stores one. */
void rules_command_stored(const struct wire_command *command);

/* rules_command_state fails where the execution's state may not become that by a command. */
void rules_command_state(const struct oracle_execution *e, enum execution_state to);

/* rules_command_task fails where a task of that spot may not become that by a command. */
void rules_command_task(const struct oracle_execution *e, const struct plan_spot *spot,
                        enum task_state from, enum task_state to);

/* rules_command_row: its row says which priority it has. */
void rules_command_row(struct oracle_execution *e, const struct wire_body *body);

/* rules_command_look fails where something was asked for long ago, nothing else goes wrong in this
 * world, and it was not done. */
void rules_command_look(void);

#endif /* EXO_TESTS_SIM_RULES_COMMAND_H */
