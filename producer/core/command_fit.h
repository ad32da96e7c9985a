/* command_fit: does a command fit what is known of an execution.
 *
 *   facts of the view --command_fit--> send it | it is so already | conflict, and what to do
 *
 * The view may be old: the scheduler judges again, and what does not fit then changes nothing.
 * Pure. */
#ifndef EXO_PRODUCER_COMMAND_FIT_H
#define EXO_PRODUCER_COMMAND_FIT_H

#include "producer/core/task_path.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/states.h"
#include "schemas/wire/state.h"

enum command_fit {
    FIT_SEND,
    FIT_DONE,     /* the state is as asked */
    FIT_CONFLICT, /* the state forbids it */
    FIT_UNKNOWN,  /* it names something that the cluster does not have */
};

/* What the command is for. All borrowed for the call. */
struct command_facts {
    enum wire_command_kind kind;
    enum execution_state execution;
    const struct cluster *cluster;
    /* Of a command to a satellite or task. */
    const struct task_path *path;         /* NULL: the execution */
    const struct wire_instance *instance; /* of the satellite */
    enum task_state state;                /* of the task, or of the whole satellite */
    bool is_stopped;                      /* it, or a group around it, is being ended by itself */
    bool is_same_output;                  /* SKIP: its output is the one that is asked for */
    /* PRIORITY */
    uint32_t priority, wanted_priority;
    /* SIGNAL */
    struct span signal;
    uint32_t signals_kept; /* for satellites that do not wait yet */
};

/* command_fit judges.
 * text  out; says why in a sentence, and what to do, for CONFLICT and UNKNOWN */
enum command_fit command_fit(const struct command_facts *facts, struct fault_text *text);

#endif /* EXO_PRODUCER_COMMAND_FIT_H */
