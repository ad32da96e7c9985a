/* rules_step: a step of a shard's core changes so many tasks at most; a timer alone takes nothing
 * away; an attempt is lost only when its worker has it no more and its end did not lie in the log
 * before there was a doubt. */
#include <stdlib.h>

#include "scheduler/core/execution.h"
#include "scheduler/shard.h"
#include "tests/sim/database.h"
#include "tests/sim/memory.h"
#include "tests/sim/oracle.h"
#include "tests/sim/rules.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/rules_ticket.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_worker.h"
#include "tests/sim/world.h"

enum { CHANGES_A_TASK = 6, CHANGES_MORE = 48 };

/* A doubt that waits for its end of exo.status. */
struct doubt {
    struct doubt *next;
    const struct sched *sched;
    enum fleet_suspicion_kind kind;
    uint64_t incarnation;
    struct span worker;
    exo_time since_ns;
};

static struct doubt *doubts;
static uint32_t step_tasks;

enum sched_err __real_sched_step(struct sched *sched, const struct sched_event *event,
                                 exo_time now_ns);
struct sched *__real_sched_new(struct allocator allocator, struct dispatch *dispatch,
                               struct fleet *fleet, uint32_t shard, uint32_t shard_count,
                               const struct sched_limits *limits);
struct sched *__wrap_sched_new(struct allocator allocator, struct dispatch *dispatch,
                               struct fleet *fleet, uint32_t shard, uint32_t shard_count,
                               const struct sched_limits *limits);
void __real_shard_suspect(struct shard *shard, const struct sched_witness *witness);
void __wrap_shard_suspect(struct shard *shard, const struct sched_witness *witness);

void rules_begin(uint32_t tasks)
{
    doubts = NULL;
    step_tasks = tasks;
    rules_fleet_begin();
    rules_order_begin();
    rules_signal_begin();
    rules_answer_begin();
    rules_rerun_begin();
    rules_ticket_begin();
}

enum { TOMBSTONES = 4 };

/* Smaller steps than in earnest, so that cursors have something to do; and what has ended is soon
 * forgotten, so that the store has to be asked. */
struct sched *__wrap_sched_new(struct allocator allocator, struct dispatch *dispatch,
                               struct fleet *fleet, uint32_t shard, uint32_t shard_count,
                               const struct sched_limits *limits)
{
    struct sched_limits smaller = *limits;

    smaller.step_tasks = step_tasks;
    smaller.tombstones = TOMBSTONES;
    return __real_sched_new(memory_scarce(allocator), dispatch, fleet, shard, shard_count,
                            &smaller);
}

/* ---- doubts ---- */

static struct doubt *doubt_find(const struct sched *sched, const struct sched_witness *witness)
{
    struct doubt *doubt = doubts;

    while (doubt != NULL && (doubt->sched != sched || doubt->kind != witness->kind ||
                             doubt->incarnation != witness->incarnation ||
                             !span_equal(doubt->worker, witness->worker))) {
        doubt = doubt->next;
    }
    return doubt;
}

void __wrap_shard_suspect(struct shard *shard, const struct sched_witness *witness)
{
    const struct shard_wait *before = shard->waits;

    __real_shard_suspect(shard, witness);
    if (shard->waits == before) {
        return; /* it concerns nobody, or waits already */
    }
    struct doubt *doubt = doubt_find(shard->sched, witness);

    if (doubt == NULL) {
        doubt = sim_alloc(sizeof(*doubt));
        *doubt = (struct doubt){
            doubts, shard->sched, witness->kind, witness->incarnation, sim_copy(witness->worker),
            0};
        doubts = doubt;
    }
    doubt->since_ns = sim.now_ns;
}

/* What one that stood still and owns its shard no more believes in is never committed: its attempts
 * may bear the numbers of others. */
static bool is_owner(const struct sched *sched)
{
    const struct shard *shard = world_shard(sched);

    return shard != NULL && shard->epoch == database.shards[shard->number].row.epoch;
}

static void lost_check(const struct sched_witness *witness, const struct sched_change *change,
                       exo_time since_ns)
{
    struct oracle_execution *e = oracle_find(&change->execution->id);
    struct oracle_instance *instance =
        e == NULL ? NULL : oracle_instance(e, instance_number(change->instance));

    if (instance == NULL || change->index >= instance->task_count) {
        return;
    }
    const struct oracle_task *task = &instance->tasks[change->index];
    const char *name = oracle_name(e, instance_number(change->instance), change->index);
    const struct task_id id = {e->id, instance_number(change->instance), change->index};

    /* Where a log lost its tail the end of it may lie behind us until the reader looks again. */
    if (task->end_attempt == change->attempt && task->end_ns < since_ns &&
        !sim.faults.is_enabled[FAULT_TAIL_LOST]) {
        sim_fail("plan %u: attempt %u of %s is lost, and its end lay in the log %lld ms before the "
                 "doubt",
                 e->plan->number, change->attempt, name,
                 (long long)((since_ns - task->end_ns) / EXO_MILLISECOND));
    }
    if (witness->kind == FLEET_ABSENT &&
        sim_worker_holds(world_worker(witness->worker), witness->incarnation, &id,
                         change->attempt)) {
        sim_fail("plan %u: attempt %u of %s is lost as absent, and its worker has it",
                 e->plan->number, change->attempt, name);
    }
    if (witness->kind == FLEET_REPLACED && !sim.faults.is_enabled[FAULT_WORKER_TWIN] &&
        sim_worker_spooled(world_worker(witness->worker), &id, change->attempt)) {
        sim_fail("plan %u: attempt %u of %s is lost, and the spool of its worker holds its end",
                 e->plan->number, change->attempt, name);
    }
}

/* What is there, or was, is remembered or asked for, whatever the clocks say: a batch with it would
 * be refused, and where it is deleted it would run once more. */
static void admit_check(const struct sched *sched, const struct sched_submit *submit)
{
    const struct oracle_execution *e = oracle_find(&submit->id);

    if (e != NULL && is_owner(sched) && oracle.promotions == 0) {
        sim_fail("plan %u is %s, and is admitted again", e->plan->number,
                 execution_state_name(e->state));
    }
}

/* ---- steps ---- */

static bool is_loss(const struct sched_change *change)
{
    static const char text[] = "the worker ";

    return !change->is_execution &&
           (change->state == TASK_READY || change->state == TASK_BACKOFF) &&
           change->error.bytes > sizeof(text) &&
           memcmp(change->error.data, text, sizeof(text) - 1) == 0;
}

static void timer_check(const struct sched_change *change)
{
    static const char text[] = "the execution ran longer";

    if (change->is_execution && change->state == EXECUTION_CANCELLING &&
        change->error.bytes > sizeof(text) &&
        memcmp(change->error.data, text, sizeof(text) - 1) == 0) {
        sim_fail("an execution runs out of time before all that was in the log was applied");
    }
}

/* All that lay in the log when the barrier was committed has been applied. */
static void barrier_check(const struct sched *sched, exo_time asked_ns)
{
    const struct shard *shard = world_shard(sched);
    int64_t end = shard == NULL ? 0 : rules_barrier_end(shard->number, asked_ns);

    if (shard != NULL && shard->inputs[INPUT_STATUS].cursor.offset < end &&
        !sim.faults.is_enabled[FAULT_TAIL_LOST]) {
        sim_fail(
            "shard %u: a barrier is passed at %lld of exo.status, which went on to %lld when it "
            "was asked for",
            shard->number, (long long)shard->inputs[INPUT_STATUS].cursor.offset, (long long)end);
    }
}

enum sched_err rules_step(struct sched *sched, const struct sched_event *event, exo_time now_ns)
{
    uint32_t before = sched_batch(sched).change_count;
    const struct doubt *doubt =
        event->kind == SCHED_WITNESS ? doubt_find(sched, &event->witness) : NULL;
    exo_time since_ns = doubt == NULL ? 0 : doubt->since_ns;

    if (event->kind == SCHED_BARRIER) {
        barrier_check(sched, event->asked_ns);
    } else if (event->kind == SCHED_GRANT) {
        rules_ticket_granted(&event->grant);
    }
    enum sched_err result = __real_sched_step(sched, event, now_ns);

    if (result == SCHED_EMEMORY) {
        return result;
    }
    if (event->kind == SCHED_SUBMIT && result == SCHED_OK) {
        admit_check(sched, &event->submit);
    }
    struct sched_batch batch = sched_batch(sched);

    if (batch.change_count - before > CHANGES_A_TASK * step_tasks + CHANGES_MORE) {
        sim_fail("one step makes %u changes, of %u tasks at most", batch.change_count - before,
                 step_tasks);
    }
    for (uint32_t i = before; i < batch.change_count; i++) {
        if (event->kind == SCHED_TIMER) {
            timer_check(&batch.changes[i]);
        } else if (event->kind == SCHED_WITNESS && is_loss(&batch.changes[i]) && is_owner(sched)) {
            lost_check(&event->witness, &batch.changes[i], since_ns);
        }
    }
    return result;
}
