/* states: the one set of states of executions and tasks (interfaces.md 4), as REST, SQL and the
 * command line show them.
 *
 *   execution: QUEUED -> RUNNING -> SUCCEEDED | FAILED
 *                 \________|-> CANCELLING -> CANCELLED | TIMED_OUT
 *
 *   task: WAITING -> READY -> DISPATCHED -> RUNNING -> SUCCEEDED | FAILED | TIMED_OUT | CANCELLED
 *            |         ^                      |
 *            |         +------- BACKOFF <-----+
 *            +-> UPSTREAM_FAILED | SKIPPED | FAILED | CANCELLED
 *
 * Numbers are kept in stores: append only. Pure. */
#ifndef EXO_VOCAB_STATES_H
#define EXO_VOCAB_STATES_H

#include <stdbool.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

enum execution_state {
    EXECUTION_QUEUED,
    EXECUTION_RUNNING,
    EXECUTION_PAUSED,
    EXECUTION_CANCELLING,
    EXECUTION_SUCCEEDED,
    EXECUTION_FAILED,
    EXECUTION_CANCELLED,
    EXECUTION_TIMED_OUT,
    EXECUTION_STATE_NR,
};

/* A satellite's instance as a whole has one of these states too. */
enum task_state {
    TASK_WAITING,
    TASK_READY,
    TASK_DISPATCHED,
    TASK_RUNNING,
    TASK_BACKOFF,
    TASK_SUCCEEDED,
    TASK_FAILED,
    TASK_UPSTREAM_FAILED,
    TASK_SKIPPED,
    TASK_CANCELLED,
    TASK_TIMED_OUT,
    TASK_STATE_NR,
};

/* The names return a static word such as "RUNNING", never NULL. */
const char *execution_state_name(enum execution_state state);
const char *task_state_name(enum task_state state);

/* The parsers return false, leaving the output as it was, for a word that is none. */
EXO_CHECKED bool execution_state_parse(struct span name, enum execution_state *ret_state);
EXO_CHECKED bool task_state_parse(struct span name, enum task_state *ret_state);

/* A terminal state is absorbing. */
bool execution_state_is_terminal(enum execution_state state);
bool task_state_is_terminal(enum task_state state);

/* task_state_is_active is true while a worker holds or may hold an attempt. */
bool task_state_is_active(enum task_state state);

#endif /* EXO_VOCAB_STATES_H */
