#include "tests/sim/sim_scheduler.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "scheduler/role.h"
#include "scheduler/shard.h"
#include "tests/sim/broker.h"
#include "tests/sim/cache_sim.h"
#include "tests/sim/database.h"
#include "tests/sim/sim.h"
#include "tests/sim/store_sim.h"

struct scheduler_life {
    struct sim_scheduler *of;
    struct loop *loop;
    struct log *log;
    struct store *store;
    struct cache *cache;
    struct scheduler *scheduler;
    bool is_leaving;
};

static void said(void *context, const char *event, const char *text)
{
    (void)context;
    sim_trace("%s: %s", event, text);
}

void sim_scheduler_start(struct sim_scheduler *s)
{
    static const uint8_t secret[32] = {7};
    struct scheduler_life *life;
    struct exo_error err;
    char name[32];

    if (s->life != NULL) {
        return;
    }
    life = sim_alloc(sizeof(*life));
    (void)snprintf(name, sizeof(name), "scheduler%u", s->number);
    life->of = s;
    life->loop = process_new(name);
    life->log = log_new(life->loop);
    life->store = store_new(life->loop);
    life->cache = cache_new(life->loop);
    struct scheduler_settings settings = {.shard_count = s->shard_count,
                                          .secret = secret,
                                          .publishes_events = true,
                                          .keeps_for_backup = true,
                                          .journal_kept_ns = 20 * EXO_SECOND,
                                          .janitor_ns = 2 * EXO_SECOND,
                                          .executions_max =
                                              s->executions_max == 0 ? 8 : s->executions_max,
                                          .transaction_records = s->transaction_records,
                                          .retention = s->retention,
                                          .say = said};

    life->scheduler =
        scheduler_open(life->loop, life->log, life->store, life->cache, &settings, &err);
    if (life->scheduler == NULL) {
        sim_fail("a scheduler does not start: %s", err.text);
    }
    s->life = life;
}

void sim_scheduler_crash(struct sim_scheduler *s)
{
    struct scheduler_life *life = s->life;

    if (life == NULL) {
        return;
    }
    s->life = NULL;
    sim_trace("scheduler %u ends", s->number);
    process_end(life->loop);
    scheduler_close(life->scheduler);
    store_close(life->store);
    log_close(life->log);
    cache_close(life->cache);
    scheduler_free(life->scheduler);
}

static void ended(void *argument)
{
    struct scheduler_life *life = argument;

    if (life->of->life == life) {
        sim_scheduler_crash(life->of);
    }
}

static void left(void *argument)
{
    struct scheduler_life *life = argument;
    const char *process = life->scheduler->process;

    bool may_fail =
        sim.faults.is_enabled[FAULT_STORE_ERROR] || sim.faults.is_enabled[FAULT_STORE_OUTAGE];

    for (uint32_t i = 0; i < database.shard_count && !may_fail; i++) {
        if (strcmp(database.shards[i].owner, process) == 0) {
            sim_fail("scheduler %u has left and still holds shard %u", life->of->number, i);
        }
    }
    sim_at(sim.now_ns, NULL, ended, life);
}

/* A process that is told to end has so long. */
static void killed(void *argument)
{
    ended(argument);
}

void sim_scheduler_leave(struct sim_scheduler *s)
{
    sim_trace("scheduler %u leaves", s->number);
    s->life->is_leaving = true;
    scheduler_leave(s->life->scheduler, left, s->life);
    sim_at(sim.now_ns + 8 * EXO_SECOND, NULL, killed, s->life);
}

void sim_scheduler_pause(struct sim_scheduler *s, exo_time until_ns)
{
    sim_trace("scheduler %u stands still until %.3f", s->number, (double)until_ns / 1e9);
    s->life->loop->paused_until_ns = until_ns;
}

bool sim_scheduler_is_up(const struct sim_scheduler *s)
{
    return s->life != NULL && !s->life->is_leaving && s->life->loop->paused_until_ns <= sim.now_ns;
}

bool sim_scheduler_is(const struct sim_scheduler *s, const char *process)
{
    return s->life != NULL && strcmp(s->life->scheduler->process, process) == 0;
}

const char *sim_scheduler_name(const struct sim_scheduler *s, const struct loop *process)
{
    return s->life != NULL && s->life->loop == process ? s->life->scheduler->process : NULL;
}

/* What the fleet counts by class is what its workers hold. */
static void fleet_check(const struct scheduler *scheduler)
{
    for (uint32_t c = 0; c < fleet_class_count(scheduler->fleet); c++) {
        uint32_t sum = 0;

        for (uint32_t i = 0; i < fleet_worker_count(scheduler->fleet); i++) {
            const struct fleet_worker *w = fleet_worker_at(scheduler->fleet, i);

            for (uint32_t k = 0; k < w->class_count; k++) {
                if (w->classes[k] == c && !w->is_gone && !w->is_draining) {
                    sum += w->life.available;
                }
            }
        }
        if (sum != fleet_available(scheduler->fleet, c)) {
            sim_fail("class %u: %u tickets are counted and %u held", c,
                     fleet_available(scheduler->fleet, c), sum);
        }
    }
}

void sim_scheduler_check(const struct sim_scheduler *s)
{
    if (s->life == NULL) {
        return;
    }
    for (uint32_t i = 0; i < s->shard_count; i++) {
        const struct shard *shard = s->life->scheduler->shards[i];

        if (shard != NULL && shard_is_live(shard)) {
            sched_check(shard->sched);
        }
    }
    fleet_check(s->life->scheduler);
}

const struct shard *sim_scheduler_shard(const struct sim_scheduler *s, const struct sched *sched)
{
    for (uint32_t i = 0; s->life != NULL && i < s->shard_count; i++) {
        const struct shard *shard = s->life->scheduler->shards[i];

        if (shard != NULL && shard->sched == sched) {
            return shard;
        }
    }
    return NULL;
}

const struct scheduler *sim_scheduler_role(const struct sim_scheduler *s)
{
    return s->life == NULL ? NULL : s->life->scheduler;
}

bool sim_scheduler_stands(const struct sim_scheduler *s, uint32_t shard)
{
    const struct shard *of = s->life == NULL ? NULL : s->life->scheduler->shards[shard];

    return of != NULL && of->state == SHARD_STOPPED;
}

void sim_scheduler_count(const struct sim_scheduler *s, uint64_t *live, uint64_t *running)
{
    if (s->life != NULL) {
        struct scheduler_counts counts = scheduler_counts(s->life->scheduler);

        *live += counts.executions_live + counts.leases_live + counts.ready;
        *running += counts.shards_running;
        for (uint32_t i = 0; i < s->shard_count; i++) {
            const struct shard *shard = s->life->scheduler->shards[i];

            *live += shard == NULL ? 0 : shard->outbox_count + (shard->waits != NULL);
        }
    }
}

bool sim_scheduler_knows(const struct sim_scheduler *s, const struct execution_id *id)
{
    uint32_t number = execution_shard(id, s->shard_count);
    const struct shard *shard = s->life == NULL ? NULL : s->life->scheduler->shards[number];

    return shard != NULL && shard_is_live(shard) &&
           shard->epoch == database.shards[number].row.epoch &&
           sched_find(shard->sched, id) != NULL;
}

static void holder_say(void *context, const struct holder *holder)
{
    (void)context;
    for (const struct lease *l = holder->leases; l != NULL; l = l->holder_next) {
        (void)fprintf(
            stderr,
            "  attempt of s%u.%u at %s/%llu, ticket %u lend %llu of %s, accepted at %llu, "
            "Task at %lld%s\n",
            instance_number(l->instance), l->index, holder->name,
            (unsigned long long)holder->incarnation, l->ticket, (unsigned long long)l->lend,
            l->process, (unsigned long long)l->heartbeat, (long long)l->offset,
            l->is_killed ? ", killed" : "");
    }
}

static void fleet_say(const struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet_worker_count(fleet); i++) {
        const struct fleet_worker *w = fleet_worker_at(fleet, i);

        (void)fprintf(stderr, "  worker %s/%llu heartbeat %llu position %lld available %u%s%s\n",
                      w->name, (unsigned long long)w->life.incarnation,
                      (unsigned long long)w->life.heartbeat, (long long)w->position,
                      w->life.available, w->is_gone ? " gone" : "",
                      w->is_draining ? " draining" : "");
    }
}

void sim_scheduler_say(const struct sim_scheduler *s)
{
    static const char *const names[] = {"TAKING",  "LOADING", "DRAINING",
                                        "RUNNING", "STOPPED", "CLOSING"};

    for (uint32_t i = 0; s->life != NULL && i < s->shard_count; i++) {
        const struct shard *shard = s->life->scheduler->shards[i];

        if (shard != NULL) {
            (void)fprintf(stderr,
                          "scheduler %u shard %u %s epoch %llu batch %llu jobs %lld/%lld status "
                          "%lld/%lld outbox %u waits %d\n",
                          s->number, i, names[shard->state], (unsigned long long)shard->epoch,
                          (unsigned long long)shard->batch,
                          (long long)shard->inputs[0].cursor.offset,
                          (long long)broker_partition("exo.jobs", i)->end,
                          (long long)shard->inputs[1].cursor.offset,
                          (long long)broker_partition("exo.status", i)->end, shard->outbox_count,
                          shard->waits != NULL);
            if (shard->sched != NULL) {
                sched_holders(shard->sched, holder_say, NULL);
            }
        }
    }
    if (s->life != NULL) {
        fleet_say(s->life->scheduler->fleet);
    }
}
