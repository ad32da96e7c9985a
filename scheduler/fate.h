/* fate: what became of an execution, for what spans executions and waits for the end of one whose
 * news may be lost.
 *
 *   id --the store--> its row; where there is none: was there ever one? --> live, ended, deleted,
 *                                                                           absent
 *
 * For this folder's sources only. */
#ifndef EXO_SCHEDULER_FATE_H
#define EXO_SCHEDULER_FATE_H

#include "infra/store/store.h"
#include "schemas/vocab/ids.h"

struct shard;

enum fate {
    FATE_UNTOLD,  /* the store does not answer */
    FATE_ABSENT,  /* nothing of it was ever there: it has not begun, or could not */
    FATE_LIVE,    /* it has not ended */
    FATE_ENDED,   /* it has */
    FATE_DELETED, /* it has, and is gone */
};

/* fate_told is called once, on the loop's thread.
 * shard      NULL: the life of the shard that asked is over; only argument is to be freed
 * execution  of LIVE and ENDED, borrowed; else NULL */
typedef void fate_told(struct shard *shard, void *argument, enum fate fate,
                       const struct store_execution *execution);

/* fate_ask asks the store what became of an execution, of whatever shard. */
void fate_ask(struct shard *shard, const struct execution_id *id, fate_told *told, void *argument);

#endif /* EXO_SCHEDULER_FATE_H */
