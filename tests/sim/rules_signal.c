#include "tests/sim/rules_signal.h"

#include "tests/sim/database.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/sim.h"

enum { SIGNALS_MAX = 64 /* of an execution, as many as are kept for waits to come */ };

struct signal {
    struct span key; /* or empty */
    struct span value;
};

struct wait {
    bool is_open;
    int64_t since_ms; /* shard time */
    uint32_t sure;    /* so many signals lay in the log when its timeout could not have been due */
    struct span got;  /* SUCCEEDED */
};

/* Of one execution of the plan. */
struct signals {
    struct signal all[SIGNALS_MAX];
    uint32_t count, taken;
    bool is_over; /* more than are kept: nothing is sure any more */
    struct wait waits[PLAN_SATELLITES_MAX];
};

static struct signals known[PLAN_EXECUTIONS_MAX];

void rules_signal_begin(void)
{
    memset(known, 0, sizeof(known));
}

static bool is_repeat(const struct signals *of, struct span key)
{
    for (uint32_t i = 0; i < of->count && key.bytes > 0; i++) {
        if (span_equal(of->all[i].key, key)) {
            return true;
        }
    }
    return false;
}

void rules_signal_stored(const struct wire_command *command)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count && command->kind == COMMAND_SIGNAL; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];
        struct signals *of = &known[i];

        if (!plan->has_id || !execution_id_equal(&plan->id, &command->execution) ||
            is_repeat(of, command->id)) {
            continue;
        }
        of->is_over = of->is_over || of->count == SIGNALS_MAX;
        if (!of->is_over) {
            of->all[of->count++] = (struct signal){sim_copy(command->id), sim_copy(command->value)};
        }
    }
}

static bool is_for_signal(const struct plan_execution *plan, const struct plan_spot *spot)
{
    enum wait_kind wait = plan->satellites[spot->satellite].wait;

    return !spot->is_inner && (wait == WAIT_SIGNAL || wait == WAIT_RACE || wait == WAIT_NEVER);
}

/* Where the log, or the database, forgets, or a signal may be put aside in place of something else,
 * nobody can say which is the oldest. NULL: it is so, or nothing waits there. */
static struct signals *signals_of(const struct oracle_execution *e, const struct plan_spot *spot)
{
    bool is_planned = e->plan->number < oracle.plan->execution_count &&
                      e->plan == &oracle.plan->executions[e->plan->number];

    if (!is_planned || !is_for_signal(e->plan, spot) || oracle.promotions > 0 ||
        sim.faults.is_enabled[FAULT_TAIL_LOST] || database.shards[e->shard].is_slandered ||
        known[e->plan->number].is_over) {
        return NULL;
    }
    return &known[e->plan->number];
}

static void succeeded(const struct oracle_execution *e, struct signals *of, uint32_t satellite)
{
    const struct plan_satellite *satellites = e->plan->satellites;

    if (satellites[satellite].wait == WAIT_NEVER || of->taken == of->count) {
        sim_fail("plan %u: s%u has waited for a signal and SUCCEEDED, and %u came, %u were taken",
                 e->plan->number, satellite, of->count, of->taken);
    }
    for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
        if (of->waits[i].is_open && satellites[i].wait != WAIT_NEVER &&
            of->waits[i].since_ms < of->waits[satellite].since_ms) {
            sim_fail("plan %u: s%u takes a signal, and s%u has waited longer", e->plan->number,
                     satellite, i);
        }
    }
    of->waits[satellite].got = of->all[of->taken++].value;
}

static void timed_out(const struct oracle_execution *e, const struct signals *of,
                      uint32_t satellite, int64_t at_ms)
{
    const struct plan_satellite *s = &e->plan->satellites[satellite];
    const struct wait *wait = &of->waits[satellite];

    if (s->wait == WAIT_SIGNAL || at_ms - wait->since_ms < s->wait_ms) {
        sim_fail("plan %u: s%u waits no longer after %lld ms", e->plan->number, satellite,
                 (long long)(at_ms - wait->since_ms));
    }
    if (s->wait == WAIT_RACE && of->taken < wait->sure) {
        sim_fail("plan %u: s%u waits no longer, and %u signals lay in the log in time, of which %u "
                 "were taken",
                 e->plan->number, satellite, wait->sure, of->taken);
    }
}

void rules_signal_change(const struct oracle_execution *e, const struct plan_spot *spot,
                         enum task_state to, int64_t at_ms)
{
    struct signals *of = signals_of(e, spot);

    if (of == NULL) {
        return;
    }
    if (to == TASK_SUCCEEDED) {
        succeeded(e, of, spot->satellite);
    } else if (to == TASK_TIMED_OUT) {
        timed_out(e, of, spot->satellite, at_ms);
    }
    of->waits[spot->satellite].is_open = to == TASK_RUNNING;
    if (to == TASK_RUNNING) {
        of->waits[spot->satellite].since_ms = at_ms;
    }
}

/* A timeout takes effect behind all that lay in the log when the batch was committed that found it
 * due. */
void rules_signal_commit(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];

        for (uint32_t k = 0; k < plan->satellite_count; k++) {
            struct wait *wait = &known[i].waits[k];
            int64_t due_ms = wait->since_ms + plan->satellites[k].wait_ms;

            if (wait->is_open && batch->now_ns / EXO_MILLISECOND < due_ms &&
                execution_shard(&plan->id, database.shard_count) == batch->shard) {
                wait->sure = known[i].count;
            }
        }
    }
}

void rules_signal_output(const struct oracle_execution *e, const struct plan_spot *spot,
                         const struct wire_output *output)
{
    const struct signals *of = signals_of(e, spot);

    if (of != NULL && output->outcome == OUTCOME_SUCCEEDED &&
        !span_equal(output->json, of->waits[spot->satellite].got)) {
        sim_fail("plan %u: s%u gives back\n  %.*s\nand its signal was\n  %.*s", e->plan->number,
                 spot->satellite, SPAN_ARG(output->json), SPAN_ARG(of->waits[spot->satellite].got));
    }
}

void rules_signal_raced(const struct oracle_execution *e, bool ret[PLAN_SATELLITES_MAX])
{
    for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
        ret[i] = e->instances[i].state == TASK_SUCCEEDED;
    }
}

bool rules_signal_any(const struct plan_execution *plan)
{
    for (uint32_t i = 0; i < plan->satellite_count; i++) {
        if (plan->satellites[i].wait != WAIT_NONE) {
            return true;
        }
    }
    return false;
}
