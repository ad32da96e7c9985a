/* rules_ticket: a loan that has left its process with a Task is not spent again there, whatever the
 * database has forgotten (docs/adr/0023-back-in-time.md): what a worker knows a grant by comes
 * once. And none gets lost where no Task was: when nothing runs, what workers count as idle with a
 * process can be spent by it. A worker would lend it again after a while, so that nothing stands
 * still for it. */
#include "tests/sim/rules_ticket.h"

#include "scheduler/core/fleet.h"
#include "scheduler/scheduler.h"
#include "tests/sim/database.h"
#include "tests/sim/rules.h"
#include "tests/sim/rules_state.h"
#include "tests/sim/sim.h"
#include "tests/sim/world.h"

enum {
    WORKERS_MAX = 32,
    BEATS_KEPT = 2, /* the last may not have been read yet */
    BUCKETS = 1024,
    SILENT_S = 3, /* who beats every second and has not for so long has ended */
};

/* A loan on which a Task has left. */
struct left {
    struct left *next;
    struct span process;
    uint64_t incarnation, lend, epoch;
    uint32_t worker, ticket, shard;
};

/* A heartbeat as it was stored. */
struct beat {
    uint64_t incarnation, number;
    exo_time at_ns;
    unsigned char *bytes;
    size_t size, room;
};

static struct {
    struct left *left[BUCKETS];
    struct beat beats[WORKERS_MAX][BEATS_KEPT]; /* the newest first */
    uint64_t epochs[DATABASE_SHARDS_MAX];       /* the highest that Tasks came in */
} state;

void rules_ticket_begin(void)
{
    memset(&state, 0, sizeof(state));
}

static struct left **bucket_of(uint32_t worker, uint32_t ticket, uint64_t lend)
{
    return &state.left[(worker * 7 + ticket * 31 + lend) % BUCKETS];
}

static const struct left *left_find(struct span process, uint32_t worker, uint64_t incarnation,
                                    uint32_t ticket, uint64_t lend)
{
    const struct left *left = *bucket_of(worker, ticket, lend);

    while (left != NULL &&
           (left->worker != worker || left->ticket != ticket || left->lend != lend ||
            left->incarnation != incarnation || !span_equal(left->process, process))) {
        left = left->next;
    }
    return left;
}

void rules_ticket_left(const struct wire_task_record *record, const struct wire_task *task)
{
    const char *process = world_process_name(sim.current);
    uint32_t worker = rules_worker_number(record->worker);

    if (record->epoch > state.epochs[record->shard]) {
        state.epochs[record->shard] = record->epoch;
    }
    if (process == NULL || !span_is(record->process, process) ||
        left_find(record->process, worker, record->incarnation, task->ticket, task->lend) != NULL) {
        return; /* sent for another, who may not know of it */
    }
    struct left **bucket = bucket_of(worker, task->ticket, task->lend);
    struct left *left = sim_alloc(sizeof(*left));

    *left = (struct left){.next = *bucket,
                          .process = sim_copy(record->process),
                          .incarnation = record->incarnation,
                          .lend = task->lend,
                          .epoch = record->epoch,
                          .worker = worker,
                          .ticket = task->ticket,
                          .shard = record->shard};
    *bucket = left;
}

void rules_ticket_granted(const struct sched_grant *grant)
{
    uint32_t worker = rules_worker_number(grant->worker);

    for (uint32_t i = 0; i < grant->count; i++) {
        if (left_find(grant->process, worker, grant->incarnation, grant->tickets[i],
                      grant->lends[i]) != NULL) {
            sim_fail(
                "%.*s spends loan %llu of ticket %u of worker %.*s, which has left with a Task",
                SPAN_ARG(grant->process), (unsigned long long)grant->lends[i], grant->tickets[i],
                SPAN_ARG(grant->worker));
        }
    }
}

void rules_ticket_beat(const struct wire_heartbeat *heartbeat, struct span value)
{
    struct beat *beats = state.beats[rules_worker_number(heartbeat->worker)];
    struct beat beat = beats[BEATS_KEPT - 1];

    memmove(&beats[1], &beats[0], (BEATS_KEPT - 1) * sizeof(beats[0]));
    if (beat.room < value.bytes) {
        beat.room = 2 * value.bytes;
        beat.bytes = sim_alloc(beat.room);
    }
    memcpy(beat.bytes, value.data, value.bytes);
    beat.size = value.bytes;
    beat.incarnation = heartbeat->incarnation;
    beat.number = heartbeat->number;
    beat.at_ns = sim.now_ns;
    beats[0] = beat;
}

/* A Task that stayed in its producer's buffer until its shard had another owner spends nothing. */
static bool has_come_late(const struct scheduler *scheduler, const struct fleet_worker *w,
                          uint32_t ticket, uint64_t lend)
{
    const struct left *left =
        left_find(span_of(scheduler->process), rules_worker_number(span_of(w->name)),
                  w->life.incarnation, ticket, lend);

    return left != NULL && left->epoch < state.epochs[left->shard];
}

static void loan_check(const struct scheduler *scheduler, const struct fleet_worker *w,
                       const struct wire_loan *loan)
{
    for (uint32_t i = 0; i < loan->count; i++) {
        const struct fleet_ticket *ticket = &w->life.tickets[loan->tickets[i]];

        if (ticket->lend <= loan->lends[i] && !ticket->is_available &&
            !has_come_late(scheduler, w, loan->tickets[i], loan->lends[i])) {
            sim_fail("worker %s counts ticket %u (loan %llu) as idle with %s, where it is lost",
                     w->name, loan->tickets[i], (unsigned long long)loan->lends[i],
                     scheduler->process);
        }
    }
}

static void worker_check(const struct scheduler *scheduler, const struct fleet_worker *w)
{
    const struct beat *beats = state.beats[rules_worker_number(span_of(w->name))];
    struct heap_budget budget = {0};
    struct arena arena;
    struct wire_fleet fleet;

    arena_init(&arena, allocator_heap(&budget), 0);
    for (uint32_t k = 0; k < BEATS_KEPT; k++) {
        /* One that has ended has not said what came after its last heartbeat. */
        if (beats[k].incarnation != w->life.incarnation || beats[k].number != w->life.heartbeat ||
            sim.now_ns - beats[k].at_ns > SILENT_S * EXO_SECOND ||
            wire_fleet_unpack((struct span){beats[k].bytes, beats[k].size}, &arena, &fleet) !=
                WIRE_OK) {
            continue;
        }
        for (uint32_t i = 0; i < fleet.heartbeat.loan_count; i++) {
            if (span_is(fleet.heartbeat.loans[i].process, scheduler->process)) {
                loan_check(scheduler, w, &fleet.heartbeat.loans[i]);
            }
        }
    }
    arena_release(&arena);
}

void rules_ticket_check(const struct scheduler *scheduler)
{
    for (uint32_t i = 0; i < fleet_worker_count(scheduler->fleet); i++) {
        const struct fleet_worker *w = fleet_worker_at(scheduler->fleet, i);

        if (!w->is_gone) {
            worker_check(scheduler, w);
        }
    }
}
