/* control: a command to an execution or a part of it, as pause, approve or skip send it.
 *
 *   POST /v1/executions/ID[/tasks/TASK]/WORD, body --> what the API answers, printed
 *
 * For producer/cli only. */
#ifndef EXO_PRODUCER_CLI_CONTROL_H
#define EXO_PRODUCER_CLI_CONTROL_H

#include "producer/cli/rest.h"

struct control_request {
    const char *method;    /* NULL: POST */
    const char *execution; /* borrowed, as the others */
    const char *task;      /* NULL: the execution */
    const char *word;      /* behind it, such as "/pause"; "": nothing */
    const char *name;      /* part of the path behind the word; NULL: none */
    const char *key;       /* Idempotency-Key; NULL: none */
    struct span body;
};

/* control_send sends a command and prints the answer: the execution, the task and their state now.
 * Returns the exit status. */
int control_send(struct rest *rest, const struct control_request *request);

#endif /* EXO_PRODUCER_CLI_CONTROL_H */
