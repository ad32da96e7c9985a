#include "scheduler/fate.h"

#include <stdlib.h>

#include "scheduler/shard.h"

struct question {
    struct shard_ticket *ticket;
    struct execution_id id;
    bool is_known; /* the store has it, or had it */
    fate_told *told;
    void *argument;
};

static void answered(void *argument, const struct store_execution *execution,
                     struct span definition_text, const struct exo_error *err);

static void row_ask(struct shard *shard, struct question *question)
{
    question->ticket = shard_ticket_new(shard, NULL);
    store_execution_get(shard->scheduler->store, &question->id, answered, question);
}

static void tell(struct shard *shard, struct question *question, enum fate fate,
                 const struct store_execution *execution)
{
    question->told(shard, question->argument, fate, execution);
    free(question);
}

/* It was not there: not yet, or no more. What is known and still is not there is gone; it may have
 * come between the two questions. */
static void known(void *argument, const bool *is_known, const struct exo_error *err)
{
    struct question *question = argument;
    struct shard *shard = shard_ticket_end(question->ticket);

    if (shard == NULL || err != NULL || !is_known[0]) {
        tell(shard, question, err != NULL ? FATE_UNTOLD : FATE_ABSENT, NULL);
        return;
    }
    question->is_known = true;
    row_ask(shard, question);
}

static void answered(void *argument, const struct store_execution *execution,
                     struct span definition_text, const struct exo_error *err)
{
    struct question *question = argument;
    struct shard *shard = shard_ticket_end(question->ticket);

    (void)definition_text;
    if (shard == NULL || err != NULL) {
        tell(shard, question, FATE_UNTOLD, NULL);
    } else if (execution != NULL) {
        tell(shard, question, execution->is_terminal ? FATE_ENDED : FATE_LIVE, execution);
    } else if (question->is_known) {
        tell(shard, question, FATE_DELETED, NULL);
    } else {
        question->ticket = shard_ticket_new(shard, NULL);
        store_execution_known(shard->scheduler->store, &question->id, 1, known, question);
    }
}

void fate_ask(struct shard *shard, const struct execution_id *id, fate_told *told, void *argument)
{
    struct question *question = calloc(1, sizeof(*question));

    if (question == NULL) {
        abort();
    }
    question->id = *id;
    question->told = told;
    question->argument = argument;
    row_ask(shard, question);
}
