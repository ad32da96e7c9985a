/* explain: in a sentence each, why the satellites of an execution have not ended.
 *
 *   row of the execution + view of the fleet --explain_put--> {"summary": ..., "satellites": [...]}
 *
 * Pure. */
#ifndef EXO_PRODUCER_EXPLAIN_H
#define EXO_PRODUCER_EXPLAIN_H

#include "producer/core/fleet_view.h"
#include "producer/core/view.h"

/* What is known. All borrowed for the call. */
struct explain_facts {
    const struct view_execution *execution; /* with cluster and body */
    const struct fleet_view *fleet;
    exo_time loop_now_ns; /* of the fleet view */
    int64_t now_ms;       /* since 1970 */
};

/* explain_put puts the explanation as a map: execution, state, summary, satellites with their
 * facts. */
void explain_put(struct json_writer *w, const struct explain_facts *facts);

#endif /* EXO_PRODUCER_EXPLAIN_H */
