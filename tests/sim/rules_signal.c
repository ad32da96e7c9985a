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
    struct wait *next;
    struct plan_spot spot;
    enum wait_kind kind;
    uint32_t wait_ms;
    bool is_open;
    int64_t since_ms; /* shard time */
    uint32_t sure;    /* so many signals lay in the log when its timeout could not have been due */
    struct span got;  /* SUCCEEDED */
};

/* Of one execution of the plan. */
struct signals {
    struct signal all[SIGNALS_MAX];
    uint32_t count, taken;
    bool is_over;       /* more than are kept: nothing is sure any more */
    struct wait *waits; /* those that have begun */
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

static bool is_for_signal(enum wait_kind wait)
{
    return wait == WAIT_SIGNAL || wait == WAIT_RACE || wait == WAIT_NEVER;
}

/* Where the log, or the database, forgets, or a signal may be put aside in place of something else,
 * nobody can say which is the oldest. NULL: it is so, or nothing waits there, or it is kept. */
static struct signals *signals_of(const struct oracle_execution *e, const struct plan_spot *spot)
{
    bool is_planned = e->plan->number < oracle.plan->execution_count &&
                      e->plan == &oracle.plan->executions[e->plan->number];

    if (!is_planned || !is_for_signal(plan_spot_wait(e->plan, spot)) || oracle.promotions > 0 ||
        sim.faults.is_enabled[FAULT_TAIL_LOST] || database.shards[e->shard].is_slandered ||
        plan_ran(e->plan, spot->satellite) != e->plan || known[e->plan->number].is_over) {
        return NULL;
    }
    return &known[e->plan->number];
}

/* Made where it is new. */
static struct wait *wait_of(const struct oracle_execution *e, struct signals *of,
                            const struct plan_spot *spot)
{
    struct wait *wait = of->waits;

    while (wait != NULL && !plan_spot_equal(&wait->spot, spot)) {
        wait = wait->next;
    }
    if (wait == NULL) {
        wait = sim_alloc(sizeof(*wait));
        *wait = (struct wait){.next = of->waits,
                              .spot = *spot,
                              .kind = plan_spot_wait(e->plan, spot),
                              .wait_ms = plan_spot_wait_ms(e->plan, spot)};
        of->waits = wait;
    }
    return wait;
}

static const char *name_of(const struct oracle_execution *e, const struct wait *wait)
{
    static char names[2][PLAN_PATH_BYTES];
    static unsigned next;
    char *name = names[next++ % 2];

    plan_spot_path(e->plan, &wait->spot, name);
    return name;
}

static void succeeded(const struct oracle_execution *e, struct signals *of, struct wait *wait)
{
    if (wait->kind == WAIT_NEVER || of->taken == of->count) {
        sim_fail("plan %u: %s has waited for a signal and SUCCEEDED, and %u came, %u were taken",
                 e->plan->number, name_of(e, wait), of->count, of->taken);
    }
    for (const struct wait *other = of->waits; other != NULL; other = other->next) {
        if (other->is_open && other->kind != WAIT_NEVER && other->since_ms < wait->since_ms) {
            sim_fail("plan %u: %s takes a signal, and %s has waited longer", e->plan->number,
                     name_of(e, wait), name_of(e, other));
        }
    }
    wait->got = of->all[of->taken++].value;
}

static void timed_out(const struct oracle_execution *e, const struct signals *of,
                      const struct wait *wait, int64_t at_ms)
{
    if (wait->kind == WAIT_SIGNAL || at_ms - wait->since_ms < wait->wait_ms) {
        sim_fail("plan %u: %s waits no longer after %lld ms", e->plan->number, name_of(e, wait),
                 (long long)(at_ms - wait->since_ms));
    }
    if (wait->kind == WAIT_RACE && of->taken < wait->sure) {
        sim_fail("plan %u: %s waits no longer, and %u signals lay in the log in time, of which %u "
                 "were taken",
                 e->plan->number, name_of(e, wait), wait->sure, of->taken);
    }
}

void rules_signal_change(const struct oracle_execution *e, const struct plan_spot *spot,
                         enum task_state to, int64_t at_ms)
{
    struct signals *of = signals_of(e, spot);
    struct wait *wait = of == NULL ? NULL : wait_of(e, of, spot);

    if (wait == NULL) {
        return;
    }
    if (to == TASK_SUCCEEDED) {
        succeeded(e, of, wait);
    } else if (to == TASK_TIMED_OUT) {
        timed_out(e, of, wait, at_ms);
    }
    wait->is_open = to == TASK_RUNNING;
    if (to == TASK_RUNNING) {
        wait->since_ms = at_ms;
    }
}

/* A timeout takes effect behind all that lay in the log when the batch was committed that found it
 * due. */
void rules_signal_commit(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];

        for (struct wait *wait = known[i].waits; wait != NULL; wait = wait->next) {
            int64_t due_ms = wait->since_ms + wait->wait_ms;

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
    struct signals *of = signals_of(e, spot);
    const struct wait *wait = of == NULL ? NULL : wait_of(e, of, spot);

    if (wait != NULL && output->outcome == OUTCOME_SUCCEEDED &&
        !span_equal(output->json, wait->got)) {
        sim_fail("plan %u: %s gives back\n  %.*s\nand its signal was\n  %.*s", e->plan->number,
                 name_of(e, wait), SPAN_ARG(output->json), SPAN_ARG(wait->got));
    }
}

static bool waits_inside(const struct plan_satellite *group)
{
    for (uint32_t i = 0; i < group->inner_count; i++) {
        if (group->inner[i].wait != WAIT_NONE) {
            return true;
        }
    }
    return false;
}

bool rules_signal_any(const struct plan_execution *plan)
{
    for (uint32_t i = 0; i < plan->satellite_count; i++) {
        if (plan->satellites[i].wait != WAIT_NONE || waits_inside(&plan->satellites[i])) {
            return true;
        }
    }
    return false;
}
