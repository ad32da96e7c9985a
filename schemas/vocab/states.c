#include "schemas/vocab/states.h"

#include <assert.h>
#include <stddef.h>

static const char *const execution_names[EXECUTION_STATE_NR] = {
    "QUEUED", "RUNNING", "PAUSED", "CANCELLING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT",
};

static const char *const task_names[TASK_STATE_NR] = {
    "WAITING", "READY",           "DISPATCHED", "RUNNING",   "BACKOFF",   "SUCCEEDED",
    "FAILED",  "UPSTREAM_FAILED", "SKIPPED",    "CANCELLED", "TIMED_OUT",
};

const char *execution_state_name(enum execution_state state)
{
    assert(state < EXECUTION_STATE_NR);
    return execution_names[state];
}

const char *task_state_name(enum task_state state)
{
    assert(state < TASK_STATE_NR);
    return task_names[state];
}

bool execution_state_parse(struct span name, enum execution_state *ret_state)
{
    for (size_t i = 0; i < EXECUTION_STATE_NR; i++) {
        if (span_is(name, execution_names[i])) {
            *ret_state = (enum execution_state)i;
            return true;
        }
    }
    return false;
}

bool task_state_parse(struct span name, enum task_state *ret_state)
{
    for (size_t i = 0; i < TASK_STATE_NR; i++) {
        if (span_is(name, task_names[i])) {
            *ret_state = (enum task_state)i;
            return true;
        }
    }
    return false;
}

bool execution_state_is_terminal(enum execution_state state)
{
    return state >= EXECUTION_SUCCEEDED;
}

bool task_state_is_terminal(enum task_state state)
{
    return state >= TASK_SUCCEEDED;
}

bool task_state_is_active(enum task_state state)
{
    return state == TASK_DISPATCHED || state == TASK_RUNNING;
}
