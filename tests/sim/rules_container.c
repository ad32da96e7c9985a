/* rules_container: a container's result is that of the task whose input it was given, whatever
 * number both had. */
#include "tests/sim/oracle.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"

void rules_container(const struct oracle_execution *e, uint32_t number, uint32_t index,
                     const struct plan_spot *of, const struct wire_output *output)
{
    struct heap_budget budget = {0};
    struct buffer must;
    struct plan_spot spot = *of;

    spot.index = index;
    buffer_init(&must, allocator_heap(&budget), 0);
    if (output->is_gathered && output->outcome == OUTCOME_SUCCEEDED) {
        plan_output(e->plan, &spot, &must);
    }
    if ((output->memory_bytes_max != 0 &&
         output->memory_bytes_max != plan_spot_mark(e->plan, &spot)) ||
        (must.bytes > 0 && !span_equal(output->json, buffer_span(&must)))) {
        sim_fail("plan %u: %s attempt %u takes what a container gave back for another task",
                 e->plan->number, oracle_name(e, number, index), output->attempt);
    }
    buffer_release(&must);
}
