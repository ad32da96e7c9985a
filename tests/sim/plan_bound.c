/* plan_bound: smaller groups, for worlds in which every commit loads all rows of its shard again. A
 * run of a group is a row, and its satellites are loaded one by one; the tasks of a map are not. */
#include "tests/sim/plan.h"

enum { INSTANCES_MAX = 200 /* in runs of one satellite of an execution */ };

static uint32_t instances_of_run(const struct plan_execution *e, const struct plan_satellite *s)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < s->inner_count; i++) {
        count += 1 + (s->inner[i].kind == INNER_GROUP ? e->input_few : 0);
    }
    return count;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void bound(struct plan_execution *e)
{
    uint32_t items = PLAN_ITEMS_MAX;

    for (uint32_t i = 0; i < e->satellite_count; i++) {
        const struct plan_satellite *s = &e->satellites[i];

        if (s->inner_count > 0 && s->each != EACH_NONE) {
            items = smaller(items, INSTANCES_MAX / instances_of_run(e, s));
        }
    }
    e->input_items = smaller(e->input_items, items);
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        e->satellites[i].list_count = smaller(e->satellites[i].list_count, items);
    }
}

void plan_bound(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        bound(&plan->executions[i]);
    }
}
