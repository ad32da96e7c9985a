#include "workers/core/slot.h"

#include <assert.h>
#include <stddef.h>

/* clang-format off */
enum { NO = SLOT_STALE, FRE = SLOT_FREE, RDY = SLOT_READY, STA = SLOT_STARTING, RUN = SLOT_RUNNING,
       STO = SLOT_STOPPING, COL = SLOT_COLLECTING, SPO = SLOT_SPOOLING, FIN = SLOT_FINISHED };
static const struct {
    const char *name;
    int next[SLOT_INPUT_NR];
} table[SLOT_STATE_NR] = {
    /*                               PREPARED UNPREP PLACED STARTED PROGRESS EXITED COLLECTED SPOOLED STOP ACKED */
    [SLOT_FREE]       = {"free",       {NO,   NO,    NO,    NO,     NO,      NO,    NO,       NO,     NO,  NO }},
    [SLOT_REJECTED]   = {"rejected",   {NO,   NO,    NO,    NO,     NO,      NO,    NO,       NO,     NO,  FRE}},
    [SLOT_PREPARING]  = {"preparing",  {RDY,  FIN,   NO,    NO,     NO,      NO,    NO,       NO,     FIN, NO }},
    [SLOT_READY]      = {"ready",      {NO,   NO,    STA,   NO,     NO,      NO,    NO,       NO,     FIN, NO }},
    [SLOT_STARTING]   = {"starting",   {NO,   NO,    NO,    RUN,    NO,      COL,   NO,       NO,     STA, NO }},
    [SLOT_RUNNING]    = {"running",    {NO,   NO,    NO,    NO,     RUN,     COL,   NO,       NO,     STO, NO }},
    [SLOT_STOPPING]   = {"stopping",   {NO,   NO,    NO,    NO,     NO,      COL,   NO,       NO,     STO, NO }},
    [SLOT_COLLECTING] = {"collecting", {NO,   NO,    NO,    NO,     NO,      NO,    SPO,      NO,     NO,  NO }},
    [SLOT_SPOOLING]   = {"spooling",   {NO,   NO,    NO,    NO,     NO,      NO,    NO,       FIN,    NO,  NO }},
    [SLOT_FINISHED]   = {"finished",   {NO,   NO,    NO,    NO,     NO,      NO,    NO,       NO,     NO,  FRE}},
};
/* clang-format on */

static const char *const input_names[SLOT_INPUT_NR] = {
    [SLOT_PREPARED] = "prepared",   [SLOT_UNPREPARED] = "unprepared", [SLOT_PLACED] = "placed",
    [SLOT_STARTED] = "started",     [SLOT_PROGRESS] = "progress",     [SLOT_EXITED] = "exited",
    [SLOT_COLLECTED] = "collected", [SLOT_SPOOLED] = "spooled",       [SLOT_STOP] = "stop",
    [SLOT_ACKED] = "acked",
};

static const char *const outcome_names[ATTEMPT_OUTCOME_NR] = {
    [ATTEMPT_UNKNOWN] = "unknown",     [ATTEMPT_SUCCEEDED] = "succeeded",
    [ATTEMPT_FAILED] = "failed",       [ATTEMPT_NEVER_AGAIN] = "never_again",
    [ATTEMPT_LATER] = "later",         [ATTEMPT_TIMED_OUT] = "timed_out",
    [ATTEMPT_CANCELLED] = "cancelled", [ATTEMPT_LOST] = "lost",
};

int slot_next(enum slot_state state, enum slot_input input)
{
    assert(state < SLOT_STATE_NR);
    assert(input < SLOT_INPUT_NR);
    return table[state].next[input];
}

const char *slot_state_name(enum slot_state state)
{
    assert(state < SLOT_STATE_NR);
    return table[state].name;
}

const char *slot_input_name(enum slot_input input)
{
    assert(input < SLOT_INPUT_NR);
    return input_names[input];
}

bool slot_is_coming(enum slot_state state)
{
    return state == SLOT_PREPARING || state == SLOT_READY;
}

bool slot_holds_place(enum slot_state state)
{
    return state == SLOT_STARTING || state == SLOT_RUNNING || state == SLOT_STOPPING;
}

bool slot_is_listed(enum slot_state state)
{
    return state != SLOT_FREE && state != SLOT_REJECTED;
}

static enum attempt_outcome outcome_of_stop(enum stop_reason stop, const char **ret_error)
{
    switch (stop) {
    case STOP_KILLED:
        *ret_error = "CANCELLED: the attempt was ended because somebody asked for it";
        return ATTEMPT_CANCELLED;
    case STOP_TIMED_OUT:
        *ret_error = "TIMED_OUT: the attempt ran longer than its timeout; raise it or do less";
        return ATTEMPT_TIMED_OUT;
    case STOP_SILENT:
        *ret_error = "HEARTBEAT_TIMEOUT: the attempt gave no sign of progress for longer than "
                     "timeouts.heartbeat; write /exosphere/progress.json more often, or raise it";
        return ATTEMPT_FAILED;
    case STOP_DRAINED:
        *ret_error = "DRAINED: the worker goes away; another one takes the task";
        return ATTEMPT_LOST;
    case STOP_SUPERSEDED:
        *ret_error = "SUPERSEDED: a newer attempt of the task was handed to the same worker";
        return ATTEMPT_LOST;
    case STOP_NONE:
    case STOP_REASON_NR:
        break;
    }
    return ATTEMPT_UNKNOWN;
}

static enum attempt_outcome outcome_of_status(int exit_status, const char **ret_error)
{
    switch (exit_status) {
    case EXIT_STATUS_DONE:
        *ret_error = NULL;
        return ATTEMPT_SUCCEEDED;
    case EXIT_STATUS_NEVER_AGAIN:
        *ret_error = "EXIT_STATUS: the command ended with 65, which means: never try again";
        return ATTEMPT_NEVER_AGAIN;
    case EXIT_STATUS_LATER:
        *ret_error = "EXIT_STATUS: the command ended with 75, which means: try again later";
        return ATTEMPT_LATER;
    default:
        return ATTEMPT_FAILED;
    }
}

enum attempt_outcome attempt_outcome(enum stop_reason stop, enum attempt_end end, int exit_status,
                                     const char **ret_error)
{
    enum attempt_outcome outcome = outcome_of_stop(stop, ret_error);

    if (outcome != ATTEMPT_UNKNOWN) {
        return outcome;
    }
    *ret_error = NULL;
    switch (end) {
    case ATTEMPT_EXITED:
        return outcome_of_status(exit_status, ret_error);
    case ATTEMPT_SIGNALLED:
        *ret_error = "SIGNALLED: a signal ended the command; its log may say why";
        return ATTEMPT_FAILED;
    case ATTEMPT_OUT_OF_MEMORY:
        *ret_error = "OUT_OF_MEMORY: the container needed more than its memory limit; raise "
                     "resources.memory or use less";
        return ATTEMPT_FAILED;
    case ATTEMPT_FAULTY:
        return ATTEMPT_FAILED;
    case ATTEMPT_REFUSED:
        return ATTEMPT_NEVER_AGAIN;
    case ATTEMPT_BROKEN:
    case ATTEMPT_END_NR:
        break;
    }
    return ATTEMPT_LOST;
}

const char *attempt_outcome_name(enum attempt_outcome outcome)
{
    assert(outcome < ATTEMPT_OUTCOME_NR);
    return outcome_names[outcome];
}
