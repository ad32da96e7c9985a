/* early_cancel: cancels that came before their executions.
 *
 *   cancel of an unknown id --put--> kept --take--> its Job arrives: the execution is cancelled
 *                                      |
 *                                      +--> an hour later: forgotten; full: the oldest goes
 *
 * A cancel overtakes its Job when both are sent at once, or while exo.jobs has a backlog. One whose
 * Job never comes (a wrong id, an execution long ended) must not keep its place for ever.
 * Pure. */
#ifndef EXO_SCHEDULER_EARLY_CANCEL_H
#define EXO_SCHEDULER_EARLY_CANCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

enum { EARLY_CANCELS_MAX = 256, EARLY_CANCEL_REASON_BYTES = 128 };

/* How long one is kept, in shard time. */
#define EARLY_CANCEL_KEPT_NS EXO_HOUR

struct early_cancel {
    struct execution_id id;
    exo_time at_ns; /* shard time at which it came */
    char reason[EARLY_CANCEL_REASON_BYTES];
};

/* Oldest first. Zero it to begin with; read-only to others. */
struct early_cancels {
    uint32_t count;
    struct early_cancel list[EARLY_CANCELS_MAX];
};

/* early_cancel_put keeps a cancel; again for the same id it changes nothing. Forgets those that are
 * too old first.
 * reason  borrowed; cut to fit
 * now_ns  shard time; of one that is loaded: when it came
 * Returns true when the oldest had to go for it before its time. */
bool early_cancel_put(struct early_cancels *cancels, const struct execution_id *id,
                      struct span reason, exo_time now_ns);

/* early_cancel_take gives the cancel of an id and forgets it; false when there is none that is not
 * too old. */
bool early_cancel_take(struct early_cancels *cancels, const struct execution_id *id,
                       exo_time now_ns, struct early_cancel *ret_cancel);

#endif /* EXO_SCHEDULER_EARLY_CANCEL_H */
