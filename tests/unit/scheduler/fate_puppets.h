/* fate_puppets: one shard without the rest of its scheduler, and what it asks about executions
 * (fate.h): the test says what became of them. Shard time is one hour, and goes on no more. */
#ifndef EXO_TESTS_FATE_PUPPETS_H
#define EXO_TESTS_FATE_PUPPETS_H

#include "scheduler/fate.h"
#include "scheduler/shard.h"

enum { PUPPETS_ASKED_MAX = 64 };

struct fate_puppets {
    struct heap_budget budget;
    struct scheduler scheduler; /* of four shards */
    struct shard shard;         /* RUNNING; its open arena is the tests' to use */
    exo_time now_ns;            /* of the loop */
    struct {
        struct execution_id id;
        fate_told *told;
        void *argument;
    } asked[PUPPETS_ASKED_MAX]; /* not answered yet */
    uint32_t asked_count;
};

extern struct fate_puppets puppets;

/* puppets_open begins anew; puppets_close gives back what the shard's open arena holds. */
void puppets_open(void);
void puppets_close(void);

/* puppets_answer says that this became of all that are asked for.
 * shard  the one that asked; NULL: its life is over */
void puppets_answer(enum fate fate, struct shard *shard);

/* puppets_has_asked is true while an execution's fate is asked for. */
bool puppets_has_asked(const struct execution_id *id);

#endif /* EXO_TESTS_FATE_PUPPETS_H */
