/* run_scope: which satellites of a cluster the rows of live runs belong to.
 *
 *   runs by number, outer ones first --run_scopes--> scopes, each with its group and path
 *
 * A run's row names its group by the number of the group's instance, which stands in the top level
 * or in a run with a lower number. Pure. */
#ifndef EXO_PRODUCER_RUN_SCOPE_H
#define EXO_PRODUCER_RUN_SCOPE_H

#include "producer/core/task_path.h"
#include "schemas/wire/state.h"

/* The satellites of the top level, or of one run. Borrows. */
struct run_scope {
    const struct wire_instance *instances;
    uint32_t instance_count;
    uint32_t first;                 /* satellite of instances[0] */
    uint32_t number;                /* of instances[0] in the execution */
    const struct run_scope *around; /* NULL: the top level */
    const struct satellite *group;  /* NULL: the top level */
    uint32_t index;                 /* of the run among the group's tasks */
};

/* run_scopes fills in the top level and the runs behind it.
 * runs        borrowed; ordered by number. One whose group is not found is left out
 * ret_scopes  out; run_count + 1 of them; they point into each other
 * Returns how many, at least 1. Cost O(runs ^ 2). */
uint32_t run_scopes(const struct cluster *cluster, const struct wire_body *body,
                    const struct wire_run *runs, uint32_t run_count, struct run_scope *ret_scopes);

/* run_scope_path writes the path of a satellite of the scope and a NUL, such as page.3.parse. */
void run_scope_path(const struct run_scope *scope, const struct satellite *satellite,
                    char ret_text[TASK_PATH_BYTES]);

#endif /* EXO_PRODUCER_RUN_SCOPE_H */
