#include "tests/sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "schemas/vocab/limits.h"
#include "tests/sim/almanac.h"
#include "tests/sim/broker.h"
#include "tests/sim/cache_sim.h"
#include "tests/sim/crash.h"
#include "tests/sim/database.h"
#include "tests/sim/operator.h"
#include "tests/sim/oracle.h"
#include "tests/sim/outside.h"
#include "tests/sim/plan.h"
#include "tests/sim/replay.h"
#include "tests/sim/replica.h"
#include "tests/sim/rules.h"
#include "tests/sim/rules_deletion.h"
#include "tests/sim/rules_ticket.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_scheduler.h"
#include "tests/sim/sim_worker.h"
#include "tests/sim/truncate.h"

enum {
    SCHEDULERS_MAX = 4,
    WORKERS_MAX = 6,
    END_WITHIN_S = 1200, /* after the last fault, and after the last end of a task */
    CALM_S = 5,          /* nothing may change any more */
    HOLDERS_S = 150,     /* in which a key learns that its holder has ended, whatever was lost */
    TURNS_MAX = 20000000,
};

struct world {
    struct plan plan;
    struct sim_scheduler schedulers[SCHEDULERS_MAX];
    struct sim_worker workers[WORKERS_MAX];
    uint32_t task_partitions; /* that workers spread over */
};

static struct world world;

/* ---- faults of processes and services ---- */

static void scheduler_start(void *argument)
{
    if (sim.now_ns >= world.plan.dark_ns && sim.now_ns < world.plan.light_ns) {
        sim_at(world.plan.light_ns, NULL, scheduler_start, argument);
        return;
    }
    sim_scheduler_start(argument);
}

/* No scheduler runs for minutes. */
static void darken(void *argument)
{
    (void)argument;
    sim_trace("no scheduler runs until %.3f", (double)world.plan.light_ns / 1e9);
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        sim_scheduler_crash(&world.schedulers[i]);
        scheduler_start(&world.schedulers[i]);
    }
}

static void scheduler_end(void *argument)
{
    sim_scheduler_crash(argument);
}

const char *world_process_died(struct loop *process)
{
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        struct sim_scheduler *s = &world.schedulers[i];
        const char *name = sim_scheduler_name(s, process);

        if (name != NULL) {
            process_end(process);
            sim_at(sim.now_ns, NULL, scheduler_end, s);
            sim_at(sim.now_ns + sim_draw(EXO_MILLISECOND, 5 * EXO_SECOND), NULL, scheduler_start,
                   s);
            return sim_copy((struct span){name, strlen(name) + 1}).data;
        }
    }
    sim_fail("a process dies that is no scheduler");
}

static void owner_dies(void *argument)
{
    const char *owner = database.shards[*(const uint32_t *)argument].owner;

    for (uint32_t i = 0; i < world.plan.scheduler_count && !sim.faults.is_over; i++) {
        struct sim_scheduler *s = &world.schedulers[i];

        if (!sim_scheduler_is(s, owner) || !sim_scheduler_is_up(s)) {
            continue;
        }
        if (dice_chance(&sim.luck, 500000)) {
            sim_scheduler_crash(s);
            sim_at(sim.now_ns + sim_draw_fault(0, 5 * EXO_SECOND), NULL, scheduler_start, s);
        } else {
            sim_scheduler_pause(s, sim.now_ns + sim_draw_fault(0, 8 * EXO_SECOND));
        }
    }
}

void world_owner_dies(uint32_t shard, int64_t at_ns)
{
    uint32_t *of = sim_alloc(sizeof(*of));

    *of = shard;
    sim_at(at_ns > sim.now_ns ? at_ns : sim.now_ns, NULL, owner_dies, of);
}

static void worker_start(void *argument)
{
    if (!sim_worker_is_up(argument)) {
        sim_worker_crash(argument); /* what has left ends */
        sim_worker_start(argument);
    }
}

static void scheduler_faults(struct sim_scheduler *s)
{
    if (!sim_scheduler_is_up(s)) {
        return;
    }
    if (fault_fires(&sim.faults, FAULT_SCHEDULER_CRASH)) {
        sim_scheduler_crash(s);
        sim_at(sim.now_ns + sim_draw_fault(0, 20 * EXO_SECOND), NULL, scheduler_start, s);
    } else if (fault_fires(&sim.faults, FAULT_SCHEDULER_LEAVE)) {
        sim_scheduler_leave(s);
        sim_at(sim.now_ns + sim_draw_fault(10 * EXO_SECOND, 20 * EXO_SECOND), NULL, scheduler_start,
               s);
    } else if (fault_fires(&sim.faults, FAULT_SCHEDULER_PAUSE)) {
        sim_scheduler_pause(s, sim.now_ns + sim_draw_fault(0, 30 * EXO_SECOND));
    }
}

static void worker_faults(struct sim_worker *w)
{
    if (!sim_worker_is_up(w)) {
        worker_start(w);
    } else if (fault_fires(&sim.faults, FAULT_WORKER_CRASH)) {
        sim_worker_crash(w);
        sim_at(sim.now_ns + sim_draw_fault(0, 30 * EXO_SECOND), NULL, worker_start, w);
    } else if (fault_fires(&sim.faults, FAULT_WORKER_PAUSE)) {
        sim_worker_pause(w, sim.now_ns + sim_draw_fault(0, 40 * EXO_SECOND));
    } else if (fault_fires(&sim.faults, FAULT_WORKER_TWIN)) {
        sim_worker_start(w);
    } else if (fault_fires(&sim.faults, FAULT_WORKER_DRAIN)) {
        sim_worker_drain(w);
    } else if (fault_fires(&sim.faults, FAULT_WORKER_FULL)) {
        sim_worker_fill(w, sim.now_ns + sim_draw_fault(0, 20 * EXO_SECOND));
    } else if (fault_fires(&sim.faults, FAULT_WORKER_BROKEN)) {
        sim_worker_break(w, sim.now_ns + sim_draw_fault(0, 90 * EXO_SECOND));
    }
}

/* The connections break; it answers after a while, and is as it was seconds ago. */
static void replica_faults(void)
{
    if (!sim.faults.is_enabled[FAULT_STALE_REPLICA]) {
        return;
    }
    if (fault_fires(&sim.faults, FAULT_STALE_REPLICA)) {
        (void)replica_promote(sim_draw(EXO_SECOND, REPLICA_LAG_NS),
                              sim.now_ns + sim_draw(1500 * EXO_MILLISECOND, 5 * EXO_SECOND));
    }
    replica_note();
}

static void service_faults(void)
{
    replica_faults();
    if (fault_fires(&sim.faults, FAULT_STORE_OUTAGE)) {
        database_crash(sim.now_ns + sim_draw_fault(0, 15 * EXO_SECOND));
    }
    if (fault_fires(&sim.faults, FAULT_CLOCK_JUMP)) {
        database.clock_error_ns += dice_between(&sim.luck, -EXO_MINUTE, EXO_MINUTE);
        sim_trace("the database's clock jumps to %lld ms",
                  (long long)(database.clock_error_ns / EXO_MILLISECOND));
    }
    if (fault_fires(&sim.faults, FAULT_STORE_FULL)) {
        database.full_until_ns = sim.now_ns + sim_draw_fault(0, 15 * EXO_SECOND);
        sim_trace("the database's disk is full until %.3f", (double)database.full_until_ns / 1e9);
    }
    if (fault_fires(&sim.faults, FAULT_CACHE_HANG)) {
        cache_hang(sim.now_ns + sim_draw_fault(0, 20 * EXO_SECOND));
    }
    if (fault_fires(&sim.faults, FAULT_CACHE_OLD)) {
        cache_fail_over();
    }
    if (fault_fires(&sim.faults, FAULT_BROKER_OUTAGE)) {
        broker.down_until_ns = sim.now_ns + sim_draw_fault(0, 20 * EXO_SECOND);
        sim_trace("the broker is away until %.3f", (double)broker.down_until_ns / 1e9);
    }
    if (fault_fires(&sim.faults, FAULT_TAIL_LOST)) {
        truncate_inputs();
        sim_in(0, 5 * EXO_SECOND, NULL, outside_again, NULL);
    }
    if (fault_fires(&sim.faults, FAULT_PARTITION_OUTAGE)) {
        uint64_t which = dice_below(&sim.luck, 5);
        struct broker_topic *topic = broker.topics;

        while (which-- > 0 && topic->next != NULL) {
            topic = topic->next;
        }
        struct broker_partition *p = &topic->partitions[dice_below(&sim.luck, topic->count)];

        p->down_until_ns = sim.now_ns + sim_draw_fault(0, 90 * EXO_SECOND);
        sim_trace("%s/%u is away until %.3f", p->topic, p->number, (double)p->down_until_ns / 1e9);
    }
}

static void every_second(void *argument)
{
    (void)argument;
    if (sim.now_ns >= sim.heal_ns) {
        return;
    }
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        scheduler_faults(&world.schedulers[i]);
    }
    for (uint32_t i = 0; i < world.plan.worker_count; i++) {
        worker_faults(&world.workers[i]);
    }
    service_faults();
    /* Not on the beat of anything else. */
    sim_in(700 * EXO_MILLISECOND, 1300 * EXO_MILLISECOND, NULL, every_second, NULL);
}

/* Nothing of what is deleted lives in anybody's memory. */
static void deleted_look(void)
{
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        for (uint32_t i = 0; i < world.plan.scheduler_count && e->deleted_ns != 0; i++) {
            if (sim_scheduler_knows(&world.schedulers[i], &e->id)) {
                sim_fail("plan %u is deleted, and lives in the memory of scheduler %u",
                         e->plan->number, i);
            }
        }
    }
}

static void look(void *argument)
{
    (void)argument;
    deleted_look();
    for (uint32_t i = 0; sim.faults.is_over && i < world.plan.worker_count; i++) {
        worker_start(&world.workers[i]); /* one that had been told to drain */
    }
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        if (sim.faults.is_over) {
            sim_scheduler_start(&world.schedulers[i]); /* one that was leaving */
        }
        sim_scheduler_check(&world.schedulers[i]);
        for (uint32_t k = 0; k < world.plan.shard_count; k++) {
            if (sim_scheduler_stands(&world.schedulers[i], k) && dice_chance(&sim.net, 100000)) {
                operator_resume(k);
            }
        }
    }
    for (uint32_t i = 0; i < world.plan.worker_count; i++) {
        sim_worker_check(&world.workers[i]);
    }
    sim_in(100 * EXO_MILLISECOND, 500 * EXO_MILLISECOND, NULL, look, NULL);
}

/* ---- beginning and end ---- */

static uint32_t faults_choose(const struct world_settings *settings, bool ret_enabled[FAULT_NR])
{
    static const uint32_t boosts[] = {1, 1, 1, 3, 10};
    struct dice dice = dice_new(settings->seed, 4);
    uint32_t boost = boosts[dice_below(&dice, sizeof(boosts) / sizeof(boosts[0]))];

    for (int i = 0; i < FAULT_NR; i++) {
        uint32_t chance = i < FAULT_WAIT_INNER ? 300000 : 150000; /* those that came last: less */

        ret_enabled[i] = settings->is_chosen ? settings->is_enabled[i] : dice_chance(&dice, chance);
    }
    /* Only where asked for: README.md says why. */
    static const enum sim_fault asked[] = {
        FAULT_TAIL_LOST, FAULT_STALE_REPLICA, FAULT_SCHEDULE, FAULT_DARK,    FAULT_BATCH_INNER,
        FAULT_PAUSED,    FAULT_PRIORITY,      FAULT_SKIPPED,  FAULT_RETRIED, FAULT_SIGNALLED,
        FAULT_APPROVED,  FAULT_WORKER_CLOCK,  FAULT_RERUN};

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        ret_enabled[asked[i]] = settings->is_chosen && ret_enabled[asked[i]];
    }
    if (!settings->is_chosen &&
        (ret_enabled[FAULT_CRASH_INTERNAL] || ret_enabled[FAULT_REFUSE_INTERNAL])) {
        ret_enabled[FAULT_WORKER_BROKEN] = false; /* a ticket a minute: README.md, too */
    }
    return boost;
}

void world_faults(const struct world_settings *settings, bool ret_enabled[FAULT_NR])
{
    (void)faults_choose(settings, ret_enabled);
}

void world_limit(void)
{
    const struct itimerval limit = {.it_value = {.tv_sec = WORLD_CPU_S}};

    (void)setitimer(ITIMER_PROF, &limit, NULL);
}

static void worker_begin(struct sim_worker *w, uint32_t number, struct dice *dice)
{
    *w = (struct sim_worker){.shard_count = world.plan.shard_count,
                             .task_partitions = world.task_partitions};
    (void)snprintf(w->name, sizeof(w->name), "w%u", number);
    w->merges_accepted = dice_chance(dice, 300000);
    w->spools = !w->merges_accepted;
    w->slots = (uint32_t)dice_between(dice, 1, 16);
    w->prefetch = w->merges_accepted ? 64 : (uint32_t)dice_between(dice, 1, 4);
    w->serves_big = number == 0 || dice_chance(dice, 500000);
    sim_worker_start(w);
}

/* The real bound, or one that makes cursors of small work. */
static uint32_t step_tasks_draw(struct dice *dice)
{
    static const uint32_t bounds[] = {LIMIT_STEP_TASKS, LIMIT_STEP_TASKS, 8, 32, 128};

    return bounds[dice_below(dice, sizeof(bounds) / sizeof(bounds[0]))];
}

const struct shard *world_shard(const struct sched *sched)
{
    const struct shard *found = NULL;

    for (uint32_t i = 0; i < world.plan.scheduler_count && found == NULL; i++) {
        found = sim_scheduler_shard(&world.schedulers[i], sched);
    }
    return found;
}

const char *world_process_name(const struct loop *process)
{
    const char *name = NULL;

    for (uint32_t i = 0; i < world.plan.scheduler_count && name == NULL; i++) {
        name = sim_scheduler_name(&world.schedulers[i], process);
    }
    return name;
}

const struct sim_worker *world_worker(struct span name)
{
    return &world.workers[rules_worker_number(name)];
}

/* Of one project said apart; 0: for ever. */
static struct retention_rules retention_of(const struct plan *plan)
{
    static struct retention_project projects[PLAN_PROJECTS];
    static const char *const names[PLAN_PROJECTS] = {"p0", "p1", "p2"};

    if (plan->kept_ns == 0) {
        return (struct retention_rules){0};
    }
    for (uint32_t i = 0; i < PLAN_PROJECTS; i++) {
        projects[i] = (struct retention_project){names[i], plan_kept_ns(plan, i)};
    }
    return (struct retention_rules){.kept_ns = plan_kept_ns(plan, 0),
                                    .projects = projects + 1,
                                    .project_count = PLAN_PROJECTS - 1};
}

static void world_begin(const struct world_settings *settings)
{
    struct dice dice = dice_new(settings->seed, 5);

    world = (struct world){0};
    sim_begin(settings->seed, settings->is_told);
    sim.is_restarted = settings->is_restarted;
    sim.faults.boost = faults_choose(settings, sim.faults.is_enabled);
    plan_make(&world.plan, settings->seed, &sim.faults);
    if (settings->is_bounded) {
        plan_bound(&world.plan);
    }
    for (uint32_t i = 0; i < world.plan.execution_count; i++) {
        world.plan.executions[i].is_left_out = (settings->left_out >> i & 1) != 0;
    }
    sim.heal_ns = world.plan.heal_ns;
    oracle_begin(&world.plan);
    rules_begin(step_tasks_draw(&dice));
    crash_begin();
    broker_begin(world.plan.shard_count);
    database_begin(world.plan.shard_count);
    cache_begin();
    replica_begin();
    uint32_t records = fault_fires(&sim.faults, FAULT_TRANSACTIONS_SMALL)
                           ? (uint32_t)dice_between(&dice, 1, 4)
                           : 0;

    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        world.schedulers[i] = (struct sim_scheduler){.number = i,
                                                     .shard_count = world.plan.shard_count,
                                                     .transaction_records = records,
                                                     .retention = retention_of(&world.plan)};
        sim_scheduler_start(&world.schedulers[i]);
    }
    world.task_partitions = fault_fires(&sim.faults, FAULT_FEW_PARTITIONS)
                                ? (uint32_t)dice_between(&dice, 1, 2)
                                : TOPIC_TASKS_PARTITIONS;
    for (uint32_t i = 0; i < world.plan.worker_count; i++) {
        worker_begin(&world.workers[i], i, &dice);
    }
    outside_begin(&world.plan);
    if (world.plan.light_ns > 0) {
        sim_at(world.plan.dark_ns, NULL, darken, NULL);
    }
    sim_in(0, EXO_SECOND, NULL, every_second, NULL);
    sim_in(0, EXO_SECOND, NULL, look, NULL);
    if (fault_fires(&sim.faults, FAULT_BACKLOG)) {
        sim_in(0, EXO_SECOND, NULL, outside_backlog, NULL);
    }
}

static void turns_until(exo_time until_ns)
{
    while (sim_turn(until_ns)) {
        if (sim.turns > TURNS_MAX) {
            sim_fail("the world does not come to rest");
        }
    }
}

/* Nothing goes wrong from now on. */
static void heal(void)
{
    sim_trace("healed");
    sim.faults.is_over = true;
    for (uint32_t i = 0; i < world.plan.worker_count; i++) {
        sim_worker_retire(&world.workers[i]);
        worker_start(&world.workers[i]);
    }
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        if (!sim_scheduler_is_up(&world.schedulers[i])) {
            sim_scheduler_start(&world.schedulers[i]);
        }
    }
}

static bool is_over(void)
{
    uint64_t live = 0;
    uint64_t running = 0;
    uint64_t share =
        (world.plan.shard_count + world.plan.scheduler_count - 1) / world.plan.scheduler_count;
    bool is_idle = true;
    bool is_even = true;

    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        uint64_t before = running;

        sim_scheduler_count(&world.schedulers[i], &live, &running);
        is_even = is_even && running - before <= share;
    }
    for (uint32_t i = 0; i < world.plan.worker_count; i++) {
        is_idle = is_idle && sim_worker_is_idle(&world.workers[i]);
    }
    return oracle_is_over() && is_even && live == 0 && running == world.plan.shard_count &&
           is_idle &&
           (database.letter_count >= outside_letters_sure() ||
            sim.faults.fired[FAULT_TAIL_LOST] > 0);
}

static void say_instance(uint32_t number, const struct oracle_instance *instance)
{
    (void)fprintf(stderr, "  s%u %s", number, task_state_name((enum task_state)instance->state));
    for (uint32_t k = 0; k < instance->task_count; k++) {
        const struct oracle_task *task = &instance->tasks[k];

        if (!task_state_is_terminal((enum task_state)task->state) && task->attempt > 0) {
            (void)fprintf(stderr, " %u:%s/%u", k, task_state_name((enum task_state)task->state),
                          task->attempt);
        }
    }
    (void)fprintf(stderr, "\n");
}

static void say_open(void)
{
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        if (execution_state_is_terminal(e->state) && e->published >= e->change) {
            continue;
        }
        (void)fprintf(stderr, "plan %u on shard %u is %s, change %llu, published %llu\n",
                      e->plan->number, e->shard, execution_state_name(e->state),
                      (unsigned long long)e->change, (unsigned long long)e->published);
        for (uint32_t i = 0; i < e->plan->satellite_count; i++) {
            say_instance(i, &e->instances[i]);
        }
    }
    for (uint32_t i = 0; i < world.plan.execution_count; i++) {
        const struct plan_execution *plan = &world.plan.executions[i];

        if (plan->has_id && !plan->is_left_out && !plan->is_poison && plan->crash != CRASH_JOB &&
            oracle_find(&plan->id) == NULL) {
            (void)fprintf(stderr, "plan %u was never admitted; partition %u, shard %u\n", i,
                          plan->partition, execution_shard(&plan->id, world.plan.shard_count));
        }
    }
    for (uint32_t i = 0; i < world.plan.execution_count; i++) {
        if (!world.plan.executions[i].has_id && oracle.stored[i].unnamed > 0) {
            (void)fprintf(stderr, "plan %u: %u Jobs without an id were stored\n", i,
                          oracle.stored[i].unnamed);
        }
    }
    almanac_say();
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        sim_scheduler_say(&world.schedulers[i]);
    }
    (void)fprintf(stderr, "%u dead letters, %u must be\n", database.letter_count,
                  outside_letters_sure());
}

static void world_end(struct world_counts *counts)
{
    counts->worlds++;
    counts->turns += sim.turns;
    counts->containers += oracle.containers;
    counts->commits += database.commits;
    counts->finishes += oracle.finishes;
    counts->losses += oracle.losses;
    counts->rejections += oracle.rejections;
    counts->letters += database.letter_count;
    counts->virtual_ms += (uint64_t)(sim.now_ns / EXO_MILLISECOND);
    counts->trace = sim.trace;
    counts->outcome = oracle_outcome();
    counts->restarts += sim.restarts;
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        counts->executions++;
        counts->excused += e->is_excused;
    }
    for (int i = 0; i < FAULT_NR; i++) {
        counts->fired[i] += sim.faults.fired[i];
    }
    for (int i = 0; i < TASK_STATE_NR; i++) {
        for (int k = 0; k < TASK_STATE_NR; k++) {
            counts->transitions[i][k] += oracle.transitions[i][k];
        }
    }
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        sim_scheduler_crash(&world.schedulers[i]);
    }
    for (uint32_t i = 0; i < world.plan.worker_count; i++) {
        sim_worker_retire(&world.workers[i]);
        sim_worker_crash(&world.workers[i]);
    }
    broker_end();
    sim_end();
}

/* Many small tasks and few slots may take longer: each ends once, so there is an end of it. */
static void await_end(int within_s)
{
    exo_time limit_ns = sim.now_ns + within_s * EXO_SECOND;
    uint64_t finishes = oracle.finishes;

    while (!is_over() && sim.now_ns < limit_ns) {
        turns_until(sim.now_ns + EXO_SECOND);
        if (oracle.finishes > finishes) {
            finishes = oracle.finishes;
            limit_ns = sim.now_ns + within_s * EXO_SECOND;
        }
    }
    if (!is_over()) {
        say_open();
        sim_fail("not over after %d s without a fault, or an end of a task", within_s);
    }
}

/* All that is kept for a time has gone, and what comes for it later has come. */
static void await_deletions(void)
{
    exo_time limit_ns = sim.now_ns + END_WITHIN_S * EXO_SECOND;

    for (uint32_t i = 0; i < world.plan.execution_count && world.plan.kept_ns > 0; i++) {
        exo_time last_ns = world.plan.executions[i].repeat_ns + CALM_S * EXO_SECOND;

        turns_until(last_ns > sim.now_ns ? last_ns : sim.now_ns);
    }
    while (!rules_deletion_is_over() && sim.now_ns < limit_ns) {
        turns_until(sim.now_ns + EXO_SECOND);
    }
    rules_deletion_check_end();
}

/* Where nothing went wrong, nothing is lost or done again. */
static void check_peace(void)
{
    for (int i = 0; i < FAULT_NR; i++) {
        if (sim.faults.is_enabled[i]) {
            return;
        }
    }
    if (oracle.unlent * 10 > oracle.last_words + 10) {
        sim_fail("%llu of %llu tickets were not lent again with the FINISHED that gave them back",
                 (unsigned long long)oracle.unlent, (unsigned long long)oracle.last_words);
    }
    /* Who is loaded again sends what is undecided again, and such a Task may be refused. */
    if (!sim.is_restarted && oracle.rejections * 20 > oracle.containers + 20) {
        sim_fail("%llu Tasks were rejected, %llu containers ran",
                 (unsigned long long)oracle.rejections, (unsigned long long)oracle.containers);
    }
    if (oracle.losses > 0) {
        sim_fail("%llu attempts were lost though nothing went wrong",
                 (unsigned long long)oracle.losses);
    }
}

/* Nothing runs, so every ticket lies idle where its worker says, and can be spent there. What was
 * lost with a Task, or in a time that never was, nobody says. */
static void check_tickets(void)
{
    if (broker.tasks_unsure > 0 || sim.faults.fired[FAULT_TAIL_LOST] > 0 || oracle.promotions > 0) {
        return;
    }
    for (uint32_t i = 0; i < world.plan.scheduler_count; i++) {
        const struct scheduler *scheduler = sim_scheduler_role(&world.schedulers[i]);

        if (scheduler != NULL) {
            rules_ticket_check(scheduler);
        }
    }
}

void world_run(const struct world_settings *settings, struct world_counts *ret_counts)
{
    world_begin(settings);
    turns_until(sim.heal_ns);
    heal();
    if (sim.faults.fired[FAULT_TAIL_LOST] > 0) {
        outside_again(NULL);
    }
    turns_until(sim.now_ns + CALM_S * EXO_SECOND); /* who stood still takes up what is over */
    await_end(END_WITHIN_S);
    uint64_t containers = oracle.containers;

    turns_until(sim.now_ns + CALM_S * EXO_SECOND);
    /* A shard may have been on its way to another process, or a late report of what kills its
     * reader has to kill twice before it is put aside. */
    await_end(sim.faults.fired[FAULT_CRASH_INTERNAL] + sim.faults.fired[FAULT_CRASH_RECORD] > 0
                  ? END_WITHIN_S
                  : CALM_S);
    if (oracle.containers != containers) {
        sim_fail("what was over goes on");
    }
    if (sim.faults.fired[FAULT_TAIL_LOST] > 0 || oracle.promotions > 0) {
        turns_until(sim.now_ns + HOLDERS_S * EXO_SECOND);
    }
    if (world.plan.kept_ns > 0) {
        await_deletions();
    }
    oracle_check_end();
    replay_check();
    check_peace();
    check_tickets();
    world_end(ret_counts);
}
