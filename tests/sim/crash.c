#include "tests/sim/crash.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/core/sched.h"
#include "tests/sim/oracle.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/world.h"

enum {
    DEAD_MAX = 512,
    DEATHS_MAX =
        6, /* of one plan, where nothing else goes wrong: 2 until somebody is careful ... */
    DEATHS_MAX_IN_TROUBLE = 60, /* ... and where records are doubled and markers lost */
};

static struct {
    char dead[DEAD_MAX][64];
    uint32_t dead_count;
    uint32_t deaths[PLAN_EXECUTIONS_MAX];
} crash;

enum sched_err __wrap_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns);

void crash_begin(void)
{
    memset(&crash, 0, sizeof(crash));
}

bool crash_killed(const char *process)
{
    for (uint32_t i = 0; i < crash.dead_count; i++) {
        if (strcmp(crash.dead[i], process) == 0) {
            return true;
        }
    }
    return false;
}

static const struct plan_execution *plan_of(const struct definition *definition)
{
    char name[32] = "";
    unsigned number = PLAN_EXECUTIONS_MAX;

    (void)snprintf(name, sizeof(name), "%.*s", SPAN_ARG(definition->cluster->name));
    if (sscanf(name, "c%u", &number) != 1 || number >= oracle.plan->execution_count) {
        return NULL;
    }
    return &oracle.plan->executions[number];
}

/* The first end of the first task. */
static bool is_first_end(const struct execution *e, const struct wire_report *report)
{
    struct task *task = report->task.instance == 0 && report->task.index == 0
                            ? execution_task(execution_instance(e, 0), 0)
                            : NULL;

    return task != NULL && report->kind == REPORT_FINISHED &&
           report->outcome != OUTCOME_CANCELLED && report->outcome != OUTCOME_LOST &&
           report->attempt == task->attempt && task->failures == 0 && task->laters == 0 &&
           (report->error.bytes < 6 || memcmp(report->error.data, "POISON", 6) != 0) &&
           task_state_is_active((enum task_state)task->state);
}

static const struct plan_execution *killer(const struct sched *sched,
                                           const struct sched_event *event)
{
    const struct execution *e = NULL;
    const struct plan_execution *plan = NULL;

    switch (event->kind) {
    case SCHED_SUBMIT:
        plan = plan_of(event->submit.definition);
        return plan != NULL && plan->crash == CRASH_JOB ? plan : NULL;
    case SCHED_REPORT:
        e = sched_find(sched, &event->report.report.task.execution);
        plan = e == NULL ? NULL : plan_of(e->definition);
        return plan != NULL && plan->crash == CRASH_REPORT && is_first_end(e, &event->report.report)
                   ? plan
                   : NULL;
    case SCHED_GRANT:
        e = ((const struct instance *)event->grant.source->owner)->execution;
        plan = plan_of(e->definition);
        return plan != NULL && plan->crash == CRASH_GRANT ? plan : NULL;
    case SCHED_ANSWER:
    case SCHED_GATHERED:
    case SCHED_COMMAND:
    case SCHED_WITNESS:
    case SCHED_TIMER:
    case SCHED_BARRIER:
    case SCHED_VALUE:
    case SCHED_FAIL:
    case SCHED_EVENT_NR:
        break;
    }
    return NULL;
}

static bool is_trouble(void)
{
    for (int i = 0; i < FAULT_NR; i++) {
        if (sim.faults.is_enabled[i] && i != FAULT_CRASH_RECORD && i != FAULT_CRASH_INTERNAL) {
            return true;
        }
    }
    return false;
}

static void die(const struct plan_execution *plan)
{
    const char *name = world_process_died(sim.current);

    sim_trace("plan %u kills %s", plan->number, name);
    if (crash.dead_count == DEAD_MAX ||
        ++crash.deaths[plan->number] > (is_trouble() ? DEATHS_MAX_IN_TROUBLE : DEATHS_MAX)) {
        sim_fail("plan %u kills one process after the other", plan->number);
    }
    (void)snprintf(crash.dead[crash.dead_count++], sizeof(crash.dead[0]), "%s", name);
}

enum sched_err __wrap_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns)
{
    if (sim.current != NULL && sim.current->is_dead) {
        return SCHED_ESTALE; /* it is not there any more */
    }
    const struct plan_execution *plan = sim.current == NULL ? NULL : killer(sched, event);

    if (plan != NULL) {
        die(plan);
        return SCHED_ESTALE;
    }
    return rules_step(sched, event, now_ns);
}
