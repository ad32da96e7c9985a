/* fragile: the program with a flaw, for tests only; the linker puts this in front of the core's
 * door. A cluster's name says what of it kills the process that steps it, as a bug would:
 * kills_reader (its Job), kills_taker (the first end of its first task), kills_granter (its
 * grants).
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/core/sched.h"

enum sched_err __real_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns);
enum sched_err __wrap_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns);

static bool is_named(const struct definition *definition, const char *name)
{
    return span_equal(definition->cluster->name, span_of(name));
}

static bool is_first_end(const struct sched *sched, const struct wire_report *report)
{
    const struct execution *e = sched_find(sched, &report->task.execution);

    if (e == NULL || report->task.instance != 0 || !is_named(e->definition, "kills_taker")) {
        return false;
    }
    const struct task *task = execution_task(execution_instance(e, 0), 0);

    return report->kind == REPORT_FINISHED && report->outcome == OUTCOME_SUCCEEDED &&
           task->failures == 0 && report->attempt == task->attempt;
}

static bool is_deadly(const struct sched *sched, const struct sched_event *event)
{
    if (event->kind == SCHED_SUBMIT) {
        return is_named(event->submit.definition, "kills_reader");
    }
    if (event->kind == SCHED_GRANT) {
        const struct instance *instance = event->grant.source->owner;

        return is_named(instance->execution->definition, "kills_granter");
    }
    return event->kind == SCHED_REPORT && is_first_end(sched, &event->report.report);
}

enum sched_err __wrap_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns)
{
    if (is_deadly(sched, event)) {
        (void)kill(getpid(), SIGKILL);
    }
    return __real_sched_step(sched, event, now_ns);
}
