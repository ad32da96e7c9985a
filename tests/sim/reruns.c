#include "tests/sim/reruns.h"

#include <stdio.h>
#include <string.h>

#include "schemas/wire/job.h"
#include "schemas/wire/topics.h"
#include "tests/sim/database.h"
#include "tests/sim/oracle.h"
#include "tests/sim/outside.h"
#include "tests/sim/rules_rerun.h"
#include "tests/sim/sim.h"

/* So long after it was sent nobody waits any more for what a log may have lost. */
#define LOST_NS (20 * EXO_SECOND)

static struct {
    struct plan *plan;
    void (*cancel)(void *execution);
    bool is_asked[PLAN_EXECUTIONS_MAX];    /* after the end of the other */
    exo_time sent_ns[PLAN_EXECUTIONS_MAX]; /* the last time */
} reruns;

static void job_send(const struct plan_execution *e, int64_t submitted_ms)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    char of[EXECUTION_ID_TEXT_BYTES + 1];
    char from[16] = "";
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer input, record;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&input, allocator_heap(&budget), 0);
    buffer_init(&record, allocator_heap(&budget), 0);
    execution_id_format(&e->id, id);
    execution_id_format(&e->rerun->of->id, of);
    if (e->rerun->from < PLAN_SATELLITES_MAX) {
        (void)snprintf(from, sizeof(from), "s%u", e->rerun->from);
    }
    if (e->rerun->is_edited) {
        plan_input(e, &input);
    }
    const struct wire_job job = {.execution_id = span_of(id),
                                 .input = buffer_span(&input),
                                 .submitted_ms = submitted_ms,
                                 .rerun_of = span_of(of),
                                 .rerun_from = span_of(from)};

    wire_job_pack(&job, &arena, &record);
    sim_trace("plan %u is asked for, which runs plan %u again from %s", e->number,
              e->rerun->of->number, from[0] == '\0' ? "what failed" : from);
    outside_send(TOPIC_JOBS, e->partition, buffer_span(&record), false);
    buffer_release(&input);
    buffer_release(&record);
    arena_release(&arena);
}

static int64_t now_ms(void)
{
    return (SIM_EPOCH_NS + sim.now_ns) / EXO_MILLISECOND;
}

static void early(void *argument)
{
    job_send(argument, now_ms());
}

/* By its time it is told from one that may have come too early. */
static void again(void *argument)
{
    job_send(argument, now_ms() + 1);
}

static void ask(void *argument)
{
    struct plan_execution *e = argument;
    const struct plan_rerun *rerun = e->rerun;

    reruns.sent_ns[e->number] = sim.now_ns;
    again(e);
    if (rerun->again_ns > 0) {
        e->repeat_ns = sim.now_ns + rerun->again_ns;
        sim_at(e->repeat_ns, NULL, again, e);
    }
    if (rerun->cancel_ns > 0) {
        e->cancel_ns = sim.now_ns + rerun->cancel_ns;
        sim_at(e->cancel_ns, NULL, reruns.cancel, e);
    }
}

/* What its Job was answered with may be no more. */
static bool is_lost(const struct plan_execution *e)
{
    return reruns.sent_ns[e->number] != 0 && sim.now_ns - reruns.sent_ns[e->number] > LOST_NS &&
           ((sim.faults.fired[FAULT_TAIL_LOST] > 0 && !rules_rerun_is_refused(e)) ||
            oracle.promotions > 0) &&
           database_find(&e->id) == NULL && database_tombstone(&e->id) == NULL;
}

static void look_at(struct plan_execution *e)
{
    const struct database_execution *of = database_find(&e->rerun->of->id);

    if (of == NULL || !of->row.is_terminal) {
        return;
    }
    if (!reruns.is_asked[e->number]) {
        reruns.is_asked[e->number] = true;
        rules_rerun_asked(e, now_ms() + 1);
        sim_at(sim.now_ns + e->rerun->late_ns, NULL, ask, e);
    } else if (is_lost(e)) {
        reruns.sent_ns[e->number] = sim.now_ns;
        again(e);
    }
}

static void look(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < reruns.plan->execution_count; i++) {
        struct plan_execution *e = &reruns.plan->executions[i];

        if (e->rerun != NULL && !e->is_left_out) {
            look_at(e);
        }
    }
    sim_in(200 * EXO_MILLISECOND, 2 * EXO_SECOND, NULL, look, NULL);
}

void reruns_begin(struct plan *plan, void (*cancel)(void *execution))
{
    bool is_any = false;

    memset(&reruns, 0, sizeof(reruns));
    reruns.plan = plan;
    reruns.cancel = cancel;
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        struct plan_execution *e = &plan->executions[i];

        if (e->rerun == NULL || e->is_left_out) {
            continue;
        }
        is_any = true;
        if (e->rerun->early_ns > 0) {
            sim_at(e->rerun->early_ns, NULL, early, e);
        }
    }
    if (is_any) {
        sim_in(EXO_SECOND, 3 * EXO_SECOND, NULL, look, NULL);
    }
}
