#include "tests/sim/rules_rerun.h"

#include <string.h>

#include "schemas/wire/job.h"
#include "schemas/wire/state.h"
#include "schemas/wire/topics.h"
#include "tests/sim/database.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/sim.h"

/* Of one execution of the plan. */
static struct {
    int64_t asked_ms; /* its Job says that or later: what it runs again had ended; 0: not sent */
    bool is_refused;  /* such a Job was */
} known[PLAN_EXECUTIONS_MAX];

void rules_rerun_begin(void)
{
    memset(known, 0, sizeof(known));
}

const struct plan_execution *rules_rerun_plan(const struct execution_id *id)
{
    for (uint32_t i = 0; i < oracle.plan->execution_count; i++) {
        const struct plan_execution *plan = &oracle.plan->executions[i];

        if (plan->rerun != NULL && execution_id_equal(&plan->id, id)) {
            return plan;
        }
    }
    return NULL;
}

void rules_rerun_asked(const struct plan_execution *plan, int64_t submitted_ms)
{
    if (known[plan->number].asked_ms == 0) {
        known[plan->number].asked_ms = submitted_ms;
    }
}

/* ---- what is kept ---- */

static bool has_ended_well(const struct oracle_execution *of, uint32_t satellite)
{
    enum task_state state = (enum task_state)of->instances[satellite].state;

    return state == TASK_SUCCEEDED || state == TASK_SKIPPED;
}

/* A set: bit i is satellite i. Parents stand before their children; a final one comes after all. */
static uint32_t again_of(const struct plan_execution *plan, const struct oracle_execution *of)
{
    uint32_t again = 0;

    for (uint32_t i = 0; i < plan->satellite_count; i++) {
        const struct plan_satellite *s = &plan->satellites[i];
        bool is_after = s->is_final ? again != 0 : (s->parents & again) != 0;

        if (i == plan->rerun->from || !has_ended_well(of, i) || is_after) {
            again |= UINT32_C(1) << i;
        }
    }
    return again;
}

static bool is_kept(const struct plan_execution *plan, uint32_t satellite)
{
    return plan_ran(plan, satellite) != plan;
}

static void instance_keep(struct oracle_execution *e, uint32_t satellite,
                          const struct oracle_execution *of)
{
    struct oracle_instance *instance = &e->instances[satellite];

    *instance = of->instances[satellite];
    instance->tasks = sim_alloc(instance->task_count * sizeof(*instance->tasks));
    if (instance->task_count > 0) {
        memcpy(instance->tasks, of->instances[satellite].tasks,
               instance->task_count * sizeof(*instance->tasks));
    }
}

static void row_check(const struct oracle_execution *e, const struct wire_body *body)
{
    if (!body->is_rerun || !execution_id_equal(&body->rerun_of, &e->plan->rerun->of->id)) {
        sim_fail("plan %u runs plan %u again, and its row does not say so", e->plan->number,
                 e->plan->rerun->of->number);
    }
    for (uint32_t i = 0; i < body->instance_count; i++) {
        const struct wire_instance *instance = &body->instances[i];
        bool is_right = instance->has_origin == is_kept(e->plan, i) &&
                        (!instance->has_origin ||
                         (execution_id_equal(&instance->origin, &plan_ran(e->plan, i)->id) &&
                          instance->origin_number == i));

        if (!is_right) {
            sim_fail("plan %u: s%u is %s, and its row says another thing", e->plan->number, i,
                     is_kept(e->plan, i) ? "kept" : "run again");
        }
    }
}

static void row_look(const struct oracle_execution *e, const struct store_execution *row)
{
    const struct store_execution *of = database_end(&e->plan->rerun->of->id);
    struct heap_budget budget = {0};
    struct wire_body body;
    struct arena arena;

    arena_init(&arena, allocator_heap(&budget), 0);
    if (wire_body_unpack(row->body, &arena, &body) != WIRE_OK ||
        body.instance_count != e->plan->satellite_count) {
        sim_fail("plan %u: its body cannot be read", e->plan->number);
    }
    row_check(e, &body);
    arena_release(&arena);
    if (!e->plan->rerun->is_edited && of != NULL && !span_equal(of->input, row->input)) {
        sim_fail("plan %u: its input is not that of plan %u", e->plan->number,
                 e->plan->rerun->of->number);
    }
}

void rules_rerun_begins(struct oracle_execution *e, const struct store_execution *row)
{
    struct plan_rerun *rerun = e->plan->rerun;
    const struct oracle_execution *of = oracle_find(&rerun->of->id);

    if (of == NULL || !execution_state_is_terminal(of->state)) {
        sim_fail("plan %u runs plan %u again, which has not ended", e->plan->number,
                 rerun->of->number);
    }
    uint32_t again = again_of(e->plan, of);

    e->is_excused = e->is_excused || of->is_excused;
    for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
        rerun->ran[i] = (again >> i & 1) != 0 ? NULL : plan_ran(rerun->of, i);
        if (rerun->ran[i] != NULL) {
            const struct oracle_execution *ran = oracle_find(&rerun->ran[i]->id);

            instance_keep(e, i, of);
            /* It was on its way when the Job was read: what is kept may be gone (ADR 0018). */
            e->is_excused = e->is_excused || ran == NULL || ran->deleted_ns != 0;
        }
    }
    row_look(e, row);
}

void rules_rerun_change(const struct oracle_execution *e, const struct plan_spot *spot)
{
    if (is_kept(e->plan, spot->satellite)) {
        sim_fail("plan %u keeps s%u of plan %u, and runs it", e->plan->number, spot->satellite,
                 plan_ran(e->plan, spot->satellite)->number);
    }
}

void rules_rerun_deletes(const struct oracle_execution *e)
{
    for (const struct oracle_execution *r = oracle.executions; r != NULL; r = r->next) {
        for (uint32_t i = 0; i < r->plan->satellite_count && r->plan->rerun != NULL; i++) {
            if (r->plan->rerun->ran[i] == e->plan && r->deleted_ns == 0 && oracle.promotions == 0) {
                sim_fail("plan %u is deleted, and plan %u keeps s%u of it", e->plan->number,
                         r->plan->number, i);
            }
        }
    }
}

/* ---- what is refused ---- */

static bool says(const char *reason, const char *begin)
{
    return strncmp(reason, begin, strlen(begin)) == 0;
}

static bool is_anything_deleted(const struct plan_execution *plan)
{
    const struct plan_execution *of = plan->rerun->of;

    for (uint32_t i = 0; i < of->satellite_count; i++) {
        const struct oracle_execution *ran = oracle_find(&plan_ran(of, i)->id);

        if (ran != NULL && ran->deleted_ns != 0) {
            return true;
        }
    }
    return false;
}

/* is_sure: it was sent after what it runs again had ended. */
static bool is_true(const struct plan_execution *plan, const char *reason, bool is_sure)
{
    const struct oracle_execution *of = oracle_find(&plan->rerun->of->id);
    bool is_there = of != NULL && of->deleted_ns == 0;

    if (says(reason, "rerun_of: there is no such execution")) {
        return !is_sure || !is_there;
    }
    if (says(reason, "rerun_of: the execution has not ended yet")) {
        return !is_sure;
    }
    if (says(reason, "rerun_of: what is to be kept of it has been deleted")) {
        return !is_there || is_anything_deleted(plan);
    }
    if (says(reason, "rerun_from: nothing of it failed")) {
        return of != NULL && of->state == EXECUTION_SUCCEEDED &&
               plan->rerun->from == PLAN_SATELLITES_MAX && again_of(plan, of) == 0;
    }
    return false;
}

static void refused(const struct store_dead_letter *letter, const struct wire_job *job)
{
    struct execution_id id;
    const struct plan_execution *plan =
        execution_id_parse(job->execution_id, &id) ? rules_rerun_plan(&id) : NULL;

    if (plan == NULL) {
        return;
    }
    int64_t asked_ms = known[plan->number].asked_ms;
    bool is_sure = asked_ms != 0 && job->submitted_ms >= asked_ms;

    sim_trace("the Job of plan %u is refused: %s", plan->number, letter->reason);
    if (oracle.promotions == 0 && !is_true(plan, letter->reason, is_sure) &&
        !database.shards[letter->partition].is_slandered) {
        sim_fail("plan %u is to run plan %u again and is refused: %s", plan->number,
                 plan->rerun->of->number, letter->reason);
    }
    known[plan->number].is_refused = known[plan->number].is_refused || is_sure;
}

void rules_rerun_commit(const struct store_batch *batch)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_job job;

    arena_init(&arena, allocator_heap(&budget), 0);
    for (uint32_t i = 0; i < batch->dead_letter_count; i++) {
        const struct store_dead_letter *letter = &batch->dead_letters[i];

        if (strcmp(letter->topic, TOPIC_JOBS) == 0 &&
            wire_job_unpack(letter->value, &arena, &job) == WIRE_OK) {
            refused(letter, &job);
        }
        arena_reset(&arena);
    }
    arena_release(&arena);
}

bool rules_rerun_is_refused(const struct plan_execution *plan)
{
    return known[plan->number].is_refused;
}

bool rules_rerun_is_settled(const struct plan_execution *plan, bool is_of_there)
{
    const struct oracle_execution *of = oracle_find(&plan->rerun->of->id);
    bool is_asked = known[plan->number].asked_ms != 0;

    if (of == NULL) {
        return is_of_there;
    }
    /* Where a log forgets, nobody asks again for what is deleted. */
    return rules_rerun_is_refused(plan) ||
           (of->deleted_ns != 0 && (!is_asked || sim.faults.fired[FAULT_TAIL_LOST] > 0));
}
