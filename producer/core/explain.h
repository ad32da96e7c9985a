/* explain: in a sentence each, why the satellites of an execution have not ended.
 *
 *   row of the execution + view of the fleet --explain_put--> {"summary": ..., "satellites": [...]}
 *
 * Pure. */
#ifndef EXO_PRODUCER_EXPLAIN_H
#define EXO_PRODUCER_EXPLAIN_H

#include "producer/core/explain_batch.h"
#include "producer/core/explain_key.h"
#include "producer/core/fleet_view.h"
#include "producer/core/run_scope.h"
#include "producer/core/view.h"

enum {
    EXPLAIN_RUNS_MAX = 64,    /* runs of groups that are looked into */
    EXPLAIN_INSIDE_MAX = 100, /* satellites in them that are told of: first those that do not run */
};

/* What is known. All borrowed for the call. */
struct explain_facts {
    const struct view_execution *execution; /* with cluster and body */
    const struct wire_run *runs;            /* the first live ones by number */
    uint32_t run_count;                     /* at most EXPLAIN_RUNS_MAX (asserted) */
    bool has_more_runs;
    const struct explain_batch *batches; /* that are waited for, found by their instance */
    uint32_t batch_count;
    const struct wire_key_state *key; /* that it waits for; NULL: none, or not known */
    const struct fleet_view *fleet;
    exo_time loop_now_ns; /* of the fleet view */
    int64_t now_ms;       /* since 1970 */
};

/* explain_put puts the explanation as a map: execution, state, summary, satellites with their
 * facts: those of the top level, then of what stands in runs that which does not run; is_cut when
 * there is more of it than is told. */
void explain_put(struct json_writer *w, const struct explain_facts *facts);

/* One satellite or task. All borrowed for the call. */
struct explain_target {
    struct span path; /* as it was asked for: page.3.parse.7 */
    const struct satellite *satellite;
    const struct wire_instance *instances; /* of the satellite's scope */
    uint32_t instance_count;
    uint32_t first;               /* satellite of instances[0] */
    const struct view_task *task; /* of a map; NULL: the whole satellite */
};

/* explain_put_target puts the explanation of one satellite or task, in the same form. facts:
 * without runs. */
void explain_put_target(struct json_writer *w, const struct explain_facts *facts,
                        const struct explain_target *target);

#endif /* EXO_PRODUCER_EXPLAIN_H */
