#include "tests/sim/rules_command.h"

#include "tests/sim/sim.h"

/* How soon what is asked for is done where nothing goes wrong. */
#define DONE_NS (10 * EXO_SECOND)

void rules_command_stored(const struct wire_command *command)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];
        struct oracle_stored *stored = &oracle.stored[i];

        if (!plan->has_id || !execution_id_equal(&plan->id, &command->execution)) {
            continue;
        }
        stored->commands[command->kind]++;
        if (command->kind == COMMAND_PAUSE || command->kind == COMMAND_RESUME) {
            stored->pause_ns = command->kind == COMMAND_PAUSE ? sim.now_ns : 0;
        } else if (command->kind == COMMAND_PRIORITY) {
            stored->priorities |= UINT32_C(1) << command->priority;
            stored->priority = command->priority;
            stored->priority_ns = sim.now_ns;
        }
    }
}

static struct oracle_stored *stored_of(const struct oracle_execution *e)
{
    return e->plan->number < oracle.plan->execution_count ? &oracle.stored[e->plan->number] : NULL;
}

static bool is_asked(const struct oracle_execution *e, enum wire_command_kind kind)
{
    const struct oracle_stored *stored = stored_of(e);

    return stored != NULL && stored->commands[kind] > 0;
}

void rules_command_state(const struct oracle_execution *e, enum execution_state to)
{
    if (to == EXECUTION_PAUSED &&
        ((e->state != EXECUTION_QUEUED && e->state != EXECUTION_RUNNING) ||
         !is_asked(e, COMMAND_PAUSE))) {
        sim_fail("plan %u is PAUSED, was %s, and %s asked for it", e->plan->number,
                 execution_state_name(e->state),
                 is_asked(e, COMMAND_PAUSE) ? "somebody" : "nobody");
    }
    if (e->state == EXECUTION_PAUSED && (to == EXECUTION_QUEUED || to == EXECUTION_RUNNING) &&
        (!is_asked(e, COMMAND_RESUME) || e->has_run != (to == EXECUTION_RUNNING))) {
        sim_fail("plan %u goes from PAUSED to %s; %s, and %s asked for it", e->plan->number,
                 execution_state_name(to),
                 e->has_run ? "it has been RUNNING" : "it has not been RUNNING",
                 is_asked(e, COMMAND_RESUME) ? "somebody" : "nobody");
    }
}

/* A yes or no that nobody gave. */
static void wait_check(const struct oracle_execution *e, const struct plan_spot *spot,
                       enum task_state to)
{
    enum wait_kind wait = plan_spot_wait(e->plan, spot);
    char path[PLAN_PATH_BYTES];
    bool is_told = to == TASK_SUCCEEDED ? wait == WAIT_APPROVED && is_asked(e, COMMAND_APPROVE)
                                        : wait == WAIT_REJECTED && is_asked(e, COMMAND_REJECT);

    /* WAIT_ANSWERED: rules_answer.c */
    if ((wait == WAIT_APPROVED || wait == WAIT_REJECTED) && !is_told) {
        plan_spot_path(e->plan, spot, path);
        sim_fail("plan %u: %s is %s, and nobody said so", e->plan->number, path,
                 task_state_name(to));
    }
}

/* A result that no attempt has given. */
void rules_command_task(const struct oracle_execution *e, const struct plan_spot *spot,
                        enum task_state from, enum task_state to)
{
    bool is_given = to == TASK_SUCCEEDED && (from == TASK_READY || from == TASK_BACKOFF ||
                                             plan_task_end(e->plan, spot, 0, 0) == END_HANGS);

    if (is_given && !plan_spot_is_group(e->plan, spot) && !is_asked(e, COMMAND_SKIP)) {
        sim_fail("plan %u: s%u.%u has a result from nobody", e->plan->number, spot->satellite,
                 spot->index);
    }
    if (from == TASK_RUNNING &&
        (to == TASK_SUCCEEDED || to == TASK_FAILED || to == TASK_TIMED_OUT) &&
        plan_spot_is_wait(e->plan, spot)) {
        wait_check(e, spot, to);
    }
}

void rules_command_row(struct oracle_execution *e, const struct wire_body *body)
{
    const struct oracle_stored *stored = stored_of(e);

    e->priority = body->has_priority ? body->priority : e->plan->priority;
    if (e->priority != e->plan->priority &&
        (stored == NULL || (stored->priorities >> e->priority & 1) == 0)) {
        sim_fail("plan %u has priority %u, which nobody asked for", e->plan->number, e->priority);
    }
}

static bool is_peaceful(void)
{
    static const enum sim_fault harmless[] = {
        FAULT_PAUSED,     FAULT_PRIORITY, FAULT_START_LATER,       FAULT_CANCEL,    FAULT_BATCH,
        FAULT_CROWD,      FAULT_SKIPPED,  FAULT_RETRIED,           FAULT_SIGNALLED, FAULT_APPROVED,
        FAULT_WAIT_INNER, FAULT_RERUN,    FAULT_TRANSACTIONS_SMALL};
    bool is_enabled[FAULT_NR];

    memcpy(is_enabled, sim.faults.is_enabled, sizeof(is_enabled));
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        is_enabled[harmless[i]] = false;
    }
    return memchr(is_enabled, true, sizeof(is_enabled)) == NULL;
}

/* What was asked for before its Job came is done when that comes. */
static void look_at(uint32_t number)
{
    const struct oracle_execution *e = oracle_find(&oracle.plan->executions[number].id);
    struct oracle_stored *stored = &oracle.stored[number];
    bool is_open = e != NULL && (e->state == EXECUTION_QUEUED || e->state == EXECUTION_RUNNING ||
                                 e->state == EXECUTION_PAUSED);

    if (e == NULL) {
        stored->pause_ns = stored->pause_ns != 0 ? sim.now_ns : 0;
        stored->priority_ns = stored->priority_ns != 0 ? sim.now_ns : 0;
    }
    if (!is_open) {
        return;
    }
    stored->pause_ns = e->state == EXECUTION_PAUSED ? 0 : stored->pause_ns;
    stored->priority_ns = e->priority == stored->priority ? 0 : stored->priority_ns;
    if (stored->pause_ns != 0 && sim.now_ns - stored->pause_ns > DONE_NS) {
        sim_fail("plan %u was to be paused and is %s", number, execution_state_name(e->state));
    }
    if (stored->priority_ns != 0 && sim.now_ns - stored->priority_ns > DONE_NS) {
        sim_fail("plan %u was to have priority %u and has %u", number, stored->priority,
                 e->priority);
    }
}

void rules_command_look(void)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count && is_peaceful(); i++) {
        if (oracle.plan->executions[i].command_count > 0) {
            look_at(i);
        }
    }
}
