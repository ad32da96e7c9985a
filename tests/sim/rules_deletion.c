#include "tests/sim/rules_deletion.h"

#include <stdlib.h>

#include "tests/sim/database.h"
#include "tests/sim/rules_rerun.h"
#include "tests/sim/sim.h"

/* Who stood still, or whose request was slow, may put a view so much later. */
#define VIEW_LATE_NS (60 * EXO_SECOND)

/* So far shard time may be off. */
#define CLOCK_NS EXO_SECOND

static bool are_clocks_right(void)
{
    return !sim.faults.is_enabled[FAULT_CLOCK_RATE] && sim.faults.fired[FAULT_CLOCK_JUMP] == 0 &&
           oracle.promotions == 0;
}

static uint32_t project_of(const struct store_execution *row)
{
    return (uint32_t)strtoul(row->project + 1, NULL, 10);
}

static void begins(const struct oracle_execution *e, const struct store_execution *row)
{
    exo_time kept_ns = plan_kept_ns(oracle.plan, project_of(row));
    exo_time age_ns = SIM_EPOCH_NS + sim.now_ns - row->ended_ns;

    if (!execution_state_is_terminal(e->state)) {
        sim_fail("plan %u is %s, and is being deleted", e->plan->number,
                 execution_state_name(e->state));
    }
    if (kept_ns == 0 || (are_clocks_right() && age_ns < kept_ns - CLOCK_NS)) {
        sim_fail("plan %u of project %s is deleted %lld ms after its end, and is to be kept %lld",
                 e->plan->number, row->project, (long long)(age_ns / EXO_MILLISECOND),
                 (long long)(kept_ns / EXO_MILLISECOND));
    }
}

void oracle_deletes(const struct store_execution *row)
{
    struct oracle_execution *e = oracle_find(&row->id);

    if (e == NULL) {
        sim_fail("an execution of %s is deleted, and was never inserted", row->cluster);
    }
    begins(e, row);
    rules_rerun_deletes(e);
    e->deleted_ns = sim.now_ns;
}

/* What is live again after a promotion was not when it was listed. */
void oracle_delete_asked(const struct store_execution *row)
{
    if (!row->is_terminal && oracle.promotions == 0) {
        sim_fail("an execution of %s is %s, and somebody wants it deleted", row->cluster,
                 row->state);
    }
}

static void look_at(const struct execution_id *id, const char *what)
{
    const struct oracle_execution *e = oracle_find(id);

    if (e != NULL && e->deleted_ns != 0) {
        sim_fail("plan %u was deleted %lld ms ago, and a batch writes %s of it", e->plan->number,
                 (long long)((sim.now_ns - e->deleted_ns) / EXO_MILLISECOND), what);
    }
}

void rules_deletion_commit(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->insert_count; i++) {
        look_at(&batch->inserts[i].id, "a new row");
    }
    for (uint32_t i = 0; i < batch->update_count; i++) {
        look_at(&batch->updates[i].id, "the row");
    }
    for (uint32_t i = 0; i < batch->run_count; i++) {
        look_at(&batch->runs[i].execution, "a run");
    }
    for (uint32_t i = 0; i < batch->page_count; i++) {
        look_at(&batch->pages[i].execution, "a page");
    }
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        look_at(&batch->segments[i].execution, "an output");
    }
    for (uint32_t i = 0; i < batch->reference_count; i++) {
        look_at(&batch->references[i].execution, "a reference");
    }
}

void rules_deletion_cached(const struct oracle_execution *e)
{
    if (e->deleted_ns != 0 && sim.now_ns - e->deleted_ns > VIEW_LATE_NS) {
        sim_fail("plan %u was deleted %lld ms ago, and a view of it is put", e->plan->number,
                 (long long)((sim.now_ns - e->deleted_ns) / EXO_MILLISECOND));
    }
}

bool rules_deletion_is_over(void)
{
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (plan_kept_ns(oracle.plan, project_of(&e->row)) > 0) {
            return false;
        }
    }
    return true;
}

void rules_deletion_check_end(void)
{
    for (const struct database_execution *e = database.executions; e != NULL; e = e->next) {
        if (plan_kept_ns(oracle.plan, project_of(&e->row)) > 0) {
            sim_fail("an execution of %s is %s and stays", e->row.cluster, e->row.state);
        }
    }
}
