/* rules_fleet: who was silent, for how many ticks, in whose eyes; and what shards were committed
 * under which epoch. */
#include <stdio.h>
#include <stdlib.h>

#include "scheduler/core/fleet.h"
#include "schemas/wire/fleet.h"
#include "schemas/wire/shard_extra.h"
#include "schemas/wire/state.h"
#include "schemas/wire/topics.h"
#include "tests/sim/broker.h"
#include "tests/sim/database.h"
#include "tests/sim/rules.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/rules_ticket.h"
#include "tests/sim/sim.h"

enum {
    PROCESSES_MAX = 512,
    WORKERS_MAX = 32,
    SEQUENCE_BITS = 20,
    COMMITS_KEPT = 64,
    SEALS_KEPT = 16,
    TIME_STEP_S = 11, /* the database clock is followed by 10 s at once */
};

/* One scheduler process as exo.fleet knows it. */
struct process {
    char name[STORE_PROCESS_BYTES];
    uint32_t ticks[TOPIC_FLEET_PARTITIONS];
    uint32_t missed[WORKERS_MAX]; /* ticks since the worker spoke, since the process began */
    uint32_t most[WORKERS_MAX];
};

/* The last batch of an epoch. */
struct reign {
    struct reign *next; /* an older one */
    uint64_t epoch, batch;
};

/* When a batch went to the database first, in true time. */
struct seal {
    uint64_t epoch, batch;
    exo_time at_ns;
    uint64_t jumps; /* of the database's clock, until then */
};

/* Where exo.status ended when a batch was committed. */
struct commit {
    exo_time now_ns;
    int64_t end;
};

static struct {
    struct process processes[PROCESSES_MAX];
    uint32_t process_count;
    struct {
        uint64_t incarnation, number;
    } heard[WORKERS_MAX]; /* the newest heartbeat */
    struct {
        struct reign *reigns;
        exo_time taken_ns;     /* true time */
        uint64_t sealed_jumps; /* as sealed_ns */
        exo_time sealed_ns;    /* when the last committed batch was sealed, true time ... */
        exo_time now_ns;       /* ... and the shard's */
        struct seal seals[SEALS_KEPT];
        uint32_t seal_count;
        struct commit commits[COMMITS_KEPT];
        uint32_t commit_count;
    } shards[DATABASE_SHARDS_MAX];
} state;

void rules_fleet_begin(void)
{
    memset(&state, 0, sizeof(state));
}

static struct process *process_get(struct span name)
{
    for (uint32_t i = 0; i < state.process_count; i++) {
        if (span_is(name, state.processes[i].name)) {
            return &state.processes[i];
        }
    }
    if (state.process_count == PROCESSES_MAX || name.bytes >= STORE_PROCESS_BYTES) {
        sim_fail("too many scheduler processes for one world");
    }
    struct process *process = &state.processes[state.process_count++];

    memcpy(process->name, name.data, name.bytes);
    return process;
}

uint32_t rules_worker_number(struct span worker)
{
    char text[32] = "";

    (void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(worker));
    unsigned long number = strtoul(text + 1, NULL, 10);

    if (number >= WORKERS_MAX) {
        sim_fail("worker %s has no place in the rules", text);
    }
    return (uint32_t)number;
}

static void tick_stored(uint32_t partition, const struct wire_tick *tick)
{
    struct process *process = process_get(tick->process);

    process->ticks[partition]++;
    for (uint32_t i = 0; i < WORKERS_MAX; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "w%u", i);
        if (topic_class_partition(span_of(name), TOPIC_FLEET_PARTITIONS) != partition) {
            continue;
        }
        process->missed[i]++;
        if (process->missed[i] > process->most[i]) {
            process->most[i] = process->missed[i];
        }
    }
}

/* One that is stored again, or later than its next, says nothing: nobody may hear it. */
static void heartbeat_stored(const struct wire_heartbeat *heartbeat, struct span value)
{
    uint32_t worker = rules_worker_number(heartbeat->worker);
    uint64_t incarnation = state.heard[worker].incarnation;

    if (heartbeat->incarnation < incarnation || (heartbeat->incarnation == incarnation &&
                                                 heartbeat->number <= state.heard[worker].number)) {
        return;
    }
    state.heard[worker].incarnation = heartbeat->incarnation;
    state.heard[worker].number = heartbeat->number;
    for (uint32_t i = 0; i < state.process_count; i++) {
        state.processes[i].missed[worker] = 0;
    }
    rules_ticket_beat(heartbeat, value);
}

void rules_fleet_stored(uint32_t partition, struct span value)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_fleet fleet;

    arena_init(&arena, allocator_heap(&budget), 0);
    if (wire_fleet_unpack(value, &arena, &fleet) == WIRE_OK) {
        if (fleet.kind == FLEET_TICK) {
            tick_stored(partition, &fleet.tick);
        } else if (fleet.kind == FLEET_HEARTBEAT) {
            heartbeat_stored(&fleet.heartbeat, value);
        }
    }
    arena_release(&arena);
}

void rules_silence(const char *process, uint32_t worker)
{
    uint32_t most = process_get(span_of(process))->most[worker];

    /* A second life speaks under the same name: then the silence of the first is not seen here. */
    if (most < FLEET_SILENT_TICKS && !sim.faults.is_enabled[FAULT_WORKER_TWIN]) {
        sim_fail("worker w%u is silent for %s, which never missed it for more than %u ticks",
                 worker, process, most);
    }
}

void rules_taken(uint32_t shard, const char *process)
{
    const struct process *known = process_get(span_of(process));

    state.shards[shard].taken_ns = sim.now_ns;
    for (uint32_t i = 0; i < TOPIC_FLEET_PARTITIONS; i++) {
        if (known->ticks[i] == 0) {
            sim_fail("%s takes shard %u and knows nothing of exo.fleet/%u", process, shard, i);
        }
    }
}

exo_time rules_taken_ns(uint32_t shard)
{
    return state.shards[shard].taken_ns;
}

/* Of what shards have said to this one only more may be known later. */
static void peers_compare(const struct store_shard *row, const struct store_batch *batch)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_shard_extra before, after;

    if (span_equal(row->extra, batch->extra)) {
        return;
    }
    arena_init(&arena, allocator_heap(&budget), 0);
    if (wire_shard_extra_unpack(row->extra, &arena, &before) == WIRE_OK &&
        wire_shard_extra_unpack(batch->extra, &arena, &after) == WIRE_OK) {
        uint64_t heard[DATABASE_SHARDS_MAX] = {0};

        for (uint32_t i = 0; i < after.received_count; i++) {
            heard[after.received[i].source] = after.received[i].sequence;
        }
        for (uint32_t i = 0; i < before.received_count; i++) {
            if (heard[before.received[i].source] < before.received[i].sequence) {
                sim_fail("shard %u has heard message %llu of shard %u and then %llu", batch->shard,
                         (unsigned long long)before.received[i].sequence, before.received[i].source,
                         (unsigned long long)heard[before.received[i].source]);
            }
        }
    }
    arena_release(&arena);
}

/* All zero: not sealed yet, or long ago. */
static struct seal seal_of(const struct store_batch *batch)
{
    for (uint32_t i = 0; i < SEALS_KEPT; i++) {
        const struct seal *seal = &state.shards[batch->shard].seals[i];

        if (seal->epoch == batch->epoch && seal->batch == batch->next) {
            return *seal;
        }
    }
    return (struct seal){0};
}

void rules_sealed(const struct store_batch *batch)
{
    uint32_t place = state.shards[batch->shard].seal_count % SEALS_KEPT;

    if (seal_of(batch).at_ns == 0) {
        state.shards[batch->shard].seals[place] = (struct seal){
            batch->epoch, batch->next, sim.now_ns, sim.faults.fired[FAULT_CLOCK_JUMP]};
        state.shards[batch->shard].seal_count++;
    }
}

/* Under one owner shard time runs as the owner's clock does, and follows the database's, which it
 * hears more than once between two seals: a step for each time that clock jumped, and one for what
 * was not followed before. */
static void time_check(const struct store_batch *batch)
{
    const struct seal seal = seal_of(batch);
    exo_time true_ns = seal.at_ns - state.shards[batch->shard].sealed_ns;
    exo_time shard_ns = batch->now_ns - state.shards[batch->shard].now_ns;
    exo_time steps = 1 + (exo_time)(seal.jumps - state.shards[batch->shard].sealed_jumps);

    if (shard_ns > true_ns + true_ns / 10 + steps * TIME_STEP_S * EXO_SECOND) {
        sim_fail("shard %u: %lld ms of its time pass in %lld ms", batch->shard,
                 (long long)(shard_ns / EXO_MILLISECOND), (long long)(true_ns / EXO_MILLISECOND));
    }
}

int64_t rules_barrier_end(uint32_t shard, exo_time now_ns)
{
    const struct commit *asked = NULL;

    for (uint32_t i = 0; i < COMMITS_KEPT; i++) {
        const struct commit *commit = &state.shards[shard].commits[i];

        if (commit->now_ns == now_ns && asked != NULL) {
            return 0; /* shard time stands still while the database's clock is behind: any may be it
                       */
        }
        asked = commit->now_ns == now_ns ? commit : asked;
    }
    return asked == NULL ? 0 : asked->end;
}

void rules_commit(const struct store_shard *row, const struct store_batch *batch)
{
    struct reign *reign = state.shards[batch->shard].reigns;

    if (reign == NULL || reign->epoch != batch->epoch) {
        struct reign *added = sim_alloc(sizeof(*added));

        *added = (struct reign){reign, batch->epoch, 0};
        state.shards[batch->shard].reigns = added;
        reign = added;
    } else {
        time_check(batch);
    }
    state.shards[batch->shard].commits[state.shards[batch->shard].commit_count++ % COMMITS_KEPT] =
        (struct commit){batch->now_ns, broker_partition(TOPIC_STATUS, batch->shard)->end};
    reign->batch = batch->next;
    state.shards[batch->shard].sealed_ns = seal_of(batch).at_ns;
    state.shards[batch->shard].sealed_jumps = seal_of(batch).jumps;
    state.shards[batch->shard].now_ns = batch->now_ns;
    peers_compare(row, batch);
}

void rules_committed(uint32_t shard, uint64_t epoch, uint64_t batch, const char *what)
{
    const struct reign *reign = state.shards[shard].reigns;

    while (reign != NULL && reign->epoch != epoch) {
        reign = reign->next;
    }
    if (reign == NULL || batch > reign->batch) {
        sim_fail("shard %u lets out %s of batch %llu of epoch %llu, which was never committed",
                 shard, what, (unsigned long long)batch, (unsigned long long)epoch);
    }
}

void rules_sent(uint32_t shard, uint64_t epoch, uint64_t sequence)
{
    rules_committed(shard, epoch, sequence >> SEQUENCE_BITS, "Tasks");
}
