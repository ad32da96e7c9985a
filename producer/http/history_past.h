/* history_past: an execution as it was at a time, out of rows that were built again.
 *
 *   rebuilt rows of one execution --history_past_answer--> state, satellites, tasks of one scope
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_HISTORY_PAST_H
#define EXO_PRODUCER_HISTORY_PAST_H

#include "infra/store/rebuild.h"
#include "producer/http/reading.h"

/* What is asked for. All borrowed. */
struct history_past {
    const struct read_execution *execution; /* as it is now */
    exo_time at_ns;
    struct span run;       /* such as page.3, whose tasks are shown; bytes 0: of the top level */
    uint32_t place, index; /* of the first task that is shown: satellite in its scope, task */
};

/* history_past_answer answers the exchange: at most 1,000 tasks, and where to go on. */
void history_past_answer(struct exchange *x, const struct history_past *of,
                         const struct rebuild *rows);

/* history_past_cursor reads next_cursor of an earlier answer into place and index. False: it is
 * none. */
EXO_CHECKED bool history_past_cursor(struct span text, struct history_past *of);

#endif /* EXO_PRODUCER_HISTORY_PAST_H */
