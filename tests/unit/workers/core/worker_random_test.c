/* worker: long random lives, checked after every step against a plain model of what must hold.
 *
 * The model sees actions only: each attempt is prepared and started at most once, everything it
 * admitted is finished with one outcome that never changes, a loan is never handed out twice under
 * one number, and after a drain nothing is left. Seeds: a fixed set, and a fresh one each run. */
#include "workers/core/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <cmocka.h>

enum { TASKS = 64, TICKETS_MAX = 16, SLOTS_MAX = 512, REPORTS_MAX = 8192, STEPS = 3000 };

/* One attempt, named by its place: task i % TASKS, attempt 1 + i / TASKS. */
struct attempt_seen {
    bool is_admitted, is_started, is_finished;
    exo_time told_ns; /* of its last PROGRESS; 0: none */
    enum attempt_outcome outcome;
    struct worker_on_task task; /* as first sent: a repeat names the same ticket and lend */
};

struct world {
    uint64_t random;
    struct heap_budget budget;
    struct worker *worker;
    struct worker_actions actions;
    exo_time now_ns;
    uint64_t sequence;
    uint64_t ticks;
    uint64_t lends[TICKETS_MAX]; /* highest seen */
    uint32_t lender[TICKETS_MAX];
    struct attempt_seen attempts[TASKS][256];
    uint32_t newest[TASKS];
    struct slot_handle slots[SLOTS_MAX]; /* alive, newest use of each index */
    struct worker_report_id reports[REPORTS_MAX];
    uint32_t report_nr;
    uint64_t heartbeat;
    bool has_left;
    bool is_broken;
    uint64_t unfit; /* steps after which it was so */
};

static uint32_t below(struct world *w, uint32_t limit)
{
    /* xorshift64*, Vigna 2016 */
    w->random ^= w->random >> 12;
    w->random ^= w->random << 25;
    w->random ^= w->random >> 27;
    return (uint32_t)((w->random * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}

static void loan_seen(struct world *w, struct span process, uint32_t ticket, uint64_t lend,
                      bool is_new)
{
    assert_true(ticket < worker_window(w->worker));
    if (is_new) {
        assert_true(lend > w->lends[ticket]);
    } else {
        assert_true(lend >= w->lends[ticket]);
    }
    w->lends[ticket] = lend;
    w->lender[ticket] = (uint32_t)((const char *)process.data)[0];
}

static struct attempt_seen *attempt_of(struct world *w, const struct task_id *task,
                                       uint32_t attempt)
{
    assert_true(task->index < TASKS);
    assert_true(attempt < 256);
    return &w->attempts[task->index][attempt];
}

static void report_seen(struct world *w, const struct worker_report *report, bool is_resend)
{
    struct attempt_seen *seen = attempt_of(w, &report->task, report->attempt);

    assert_true(report->heartbeat == w->heartbeat);
    if (report->kind == WORKER_FINISHED) {
        assert_true(seen->is_admitted);
        assert_int_not_equal(report->outcome, ATTEMPT_UNKNOWN);
        assert_true(!seen->is_finished || seen->outcome == report->outcome);
        is_resend = is_resend || seen->is_finished;
        seen->is_finished = true;
        seen->outcome = report->outcome;
    }
    if (report->kind == WORKER_PROGRESS) {
        assert_true(seen->is_started);
        assert_false(seen->is_finished);
        assert_true(seen->told_ns == 0 || w->now_ns - seen->told_ns >= EXO_SECOND);
        seen->told_ns = w->now_ns;
    }
    if (report->next.bytes > 0) {
        loan_seen(w, report->next, report->ticket, report->next_lend, !is_resend);
    }
    assert_true(w->report_nr < REPORTS_MAX);
    w->reports[w->report_nr++] = report->id;
}

static void heartbeat_seen(struct world *w, const struct worker_heartbeat *heartbeat)
{
    assert_true(heartbeat->number == w->heartbeat + 1);
    w->heartbeat = heartbeat->number;
    for (uint32_t i = 0; i < heartbeat->loan_count; i++) {
        for (uint32_t k = 0; k < heartbeat->loans[i].count; k++) {
            loan_seen(w, heartbeat->loans[i].process, heartbeat->loans[i].tickets[k],
                      heartbeat->loans[i].lends[k], false);
        }
    }
    for (uint32_t i = 0; i < heartbeat->running_count; i++) {
        assert_true(
            attempt_of(w, &heartbeat->running[i].task, heartbeat->running[i].attempt)->is_admitted);
    }
}

static void action_seen(struct world *w, const struct worker_action *action, bool is_timer)
{
    switch (action->kind) {
    case WORKER_DO_REPORT:
        report_seen(w, &action->report, is_timer);
        break;
    case WORKER_DO_PREPARE: {
        const struct slot *slot = worker_slot(w->worker, action->slot.index);
        struct attempt_seen *seen = attempt_of(w, &slot->task, slot->attempt);

        assert_false(seen->is_admitted);
        seen->is_admitted = true;
        w->slots[action->slot.index] = action->slot;
        break;
    }
    case WORKER_DO_START: {
        const struct slot *slot = worker_slot(w->worker, action->slot.index);
        struct attempt_seen *seen = attempt_of(w, &slot->task, slot->attempt);

        assert_true(seen->is_admitted);
        assert_false(seen->is_started);
        assert_false(seen->is_finished);
        seen->is_started = true;
        break;
    }
    case WORKER_DO_HEARTBEAT:
        heartbeat_seen(w, action->heartbeat);
        break;
    case WORKER_DO_LOAN:
        for (uint32_t k = 0; k < action->loan.count; k++) {
            loan_seen(w, action->loan.process, action->loan.tickets[k], action->loan.lends[k],
                      true);
        }
        break;
    case WORKER_DO_LEAVE:
        w->has_left = true;
        break;
    case WORKER_DO_STOP:
    case WORKER_DO_COLLECT:
    case WORKER_DO_SPOOL_WRITE:
    case WORKER_DO_SPOOL_DELETE:
    case WORKER_DO_FORGET:
        break;
    case WORKER_ACTION_NR:
        fail();
    }
}

static enum worker_err step(struct world *w, const struct worker_event *event)
{
    /* PREPARE must be known before the reports of the same step are judged. */
    enum worker_err err = worker_step(w->worker, event, w->now_ns, &w->actions);

    for (uint32_t i = 0; i < w->actions.count; i++) {
        if (w->actions.items[i].kind == WORKER_DO_PREPARE) {
            action_seen(w, &w->actions.items[i], false);
        }
    }
    for (uint32_t i = 0; i < w->actions.count; i++) {
        if (w->actions.items[i].kind != WORKER_DO_PREPARE) {
            action_seen(w, &w->actions.items[i], event->kind == WORKER_ON_TIMER);
        }
    }
    worker_check(w->worker);
    w->unfit += worker_is_unfit(w->worker);
    return err;
}

static void give_task(struct world *w)
{
    uint32_t index = below(w, TASKS);
    uint32_t ticket = below(w, worker_window(w->worker));
    bool is_again = below(w, 8) == 0;
    char process[2] = {(char)(w->lender[ticket] == 0 ? 'a' : w->lender[ticket]), '\0'};

    if (!is_again && w->newest[index] < 255) {
        w->newest[index]++;
    }
    struct worker_event event = {
        .kind = WORKER_ON_TASK,
        .task = {.shard = below(w, 4),
                 .process = span_of(below(w, 16) == 0 ? "stranger" : process),
                 .task = {.execution = {{7}}, .index = index},
                 .attempt = w->newest[index],
                 .ticket = below(w, 16) == 0 ? below(w, 40) : ticket,
                 .lend = w->lends[ticket] + (below(w, 16) == 0),
                 .timeout_ns = below(w, 4) * EXO_SECOND,
                 .heartbeat_ns = below(w, 3) * EXO_SECOND,
                 .grace_ns = below(w, 3) * EXO_SECOND,
                 .memory_bytes = below(w, 700)}};
    struct attempt_seen *seen = attempt_of(w, &event.task.task, event.task.attempt);

    if (seen->task.lend == 0) {
        seen->task = event.task;
    }
    event.task.ticket = seen->task.ticket;
    event.task.lend = seen->task.lend;
    event.task.offset = (int64_t)w->sequence;
    (void)step(w, &(struct worker_event){.kind = WORKER_ON_RECORD,
                                         .record = {0, (int64_t)w->sequence, true, event.task.shard,
                                                    1 + w->sequence / 500, w->sequence + 1}});
    w->sequence++;
    (void)step(w, &event); /* any answer is allowed: the model looks at the actions */
}

/* Some lives are of machines on which hardly anything starts. */
static enum attempt_end end_of(struct world *w)
{
    return w->is_broken && below(w, 4) > 0 ? ATTEMPT_BROKEN
           : below(w, 3) == 0              ? (enum attempt_end)below(w, ATTEMPT_END_NR)
                                           : ATTEMPT_EXITED;
}

static void give_slot(struct world *w)
{
    static const enum worker_event_kind kinds[] = {
        WORKER_ON_PREPARED,  WORKER_ON_PREPARED, WORKER_ON_STARTED,    WORKER_ON_EXITED,
        WORKER_ON_COLLECTED, WORKER_ON_SPOOLED,  WORKER_ON_UNPREPARED, WORKER_ON_PROGRESS};
    static const enum worker_event_kind broken[] = {WORKER_ON_UNPREPARED, WORKER_ON_PREPARED,
                                                    WORKER_ON_EXITED, WORKER_ON_COLLECTED,
                                                    WORKER_ON_SPOOLED};
    static const int statuses[] = {0, 0, 0, 1, 65, 75};
    uint32_t index = below(w, worker_slot_nr(w->worker));

    /* Mostly one that lives. */
    for (int tries = 0; tries < 20; tries++) {
        enum slot_state state = worker_slot(w->worker, index)->state;

        if (state != SLOT_FREE && state != SLOT_FINISHED && state != SLOT_REJECTED) {
            break;
        }
        index = below(w, worker_slot_nr(w->worker));
    }
    enum worker_event_kind kind = w->is_broken && below(w, 20) > 0
                                      ? broken[below(w, sizeof(broken) / sizeof(broken[0]))]
                                      : kinds[below(w, sizeof(kinds) / sizeof(kinds[0]))];

    (void)step(w, &(struct worker_event){.kind = kind,
                                         .slot = {.slot = w->slots[index],
                                                  .end = end_of(w),
                                                  .cause = below(w, 3),
                                                  .exit_status = statuses[below(w, 6)],
                                                  .has_news = below(w, 2) == 0}});
}

static void give_answer(struct world *w)
{
    if (w->report_nr == 0) {
        return;
    }
    uint32_t which = below(w, w->report_nr);
    struct worker_report_id id = w->reports[which];

    w->reports[which] = w->reports[--w->report_nr];
    (void)step(w, &(struct worker_event){.kind = below(w, 5) == 0 ? WORKER_ON_REPORT_FAILED
                                                                  : WORKER_ON_REPORT_ACKED,
                                         .report = id});
}

static void give_tick(struct world *w)
{
    static const char *const names[] = {"a", "b", "c", "d"};

    (void)step(w, &(struct worker_event){.kind = WORKER_ON_TICK,
                                         .tick = {span_of(names[below(w, 4)]), ++w->ticks,
                                                  below(w, 3) * below(w, 10), below(w, 50) == 0}});
}

static void give_time(struct world *w)
{
    w->now_ns += below(w, 700) * EXO_MILLISECOND;
    if (w->now_ns >= worker_deadline(w->worker)) {
        (void)step(w, &(struct worker_event){.kind = WORKER_ON_TIMER});
        assert_true(worker_deadline(w->worker) > w->now_ns);
    }
}

static void give_any(struct world *w)
{
    switch (below(w, 13)) {
    case 0:
    case 1:
        give_task(w);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
        give_slot(w);
        break;
    case 6:
    case 7:
        give_answer(w);
        break;
    case 8:
        give_tick(w);
        break;
    case 9:
        (void)step(w, &(struct worker_event){.kind = WORKER_ON_HEARTBEAT_SEEN});
        break;
    case 10: {
        uint32_t index = below(w, TASKS);

        (void)step(w, &(struct worker_event){
                          .kind = WORKER_ON_KILL,
                          .kill = {{.execution = {{7}}, .index = index}, w->newest[index], -1}});
        break;
    }
    case 11:
        (void)step(
            w, &(struct worker_event){.kind = WORKER_ON_ROOM, .room.is_full = below(w, 4) == 0});
        break;
    default:
        give_time(w);
    }
}

/* After the drain everything is helped along until the worker has left. */
static void leave(struct world *w)
{
    (void)step(
        w, &(struct worker_event){.kind = WORKER_ON_DRAIN, .drain = {below(w, 3) * EXO_SECOND}});
    for (uint32_t i = 0; i < 20000 && !w->has_left; i++) {
        if (below(w, 2) == 0) {
            give_slot(w);
        } else {
            give_answer(w);
        }
        if (below(w, 40) == 0) {
            give_time(w);
        }
    }
    assert_true(w->has_left);
}

/* Returns after how many steps it was unfit. */
static uint64_t live(uint64_t seed)
{
    static struct world w; /* large */
    struct worker_settings settings = {.incarnation = 1, .class_nr = 1, .shard_nr = 4};

    w = (struct world){.random = seed * 0x9E3779B97F4A7C15ull + 1, .now_ns = 0};
    settings.slots = 1 + below(&w, 4);
    settings.prefetch = below(&w, 5);
    settings.memory_bytes = below(&w, 2) * 1000;
    settings.merges_accepted = below(&w, 2);
    settings.spools = below(&w, 2);
    w.is_broken = below(&w, 4) == 0;
    w.worker = worker_new(&settings, allocator_heap(&w.budget));
    assert_non_null(w.worker);
    (void)step(&w, &(struct worker_event){.kind = WORKER_ON_SPOOL_END});
    (void)step(&w, &(struct worker_event){.kind = WORKER_ON_OPENED});
    for (uint32_t i = 0; i < STEPS; i++) {
        give_any(&w);
    }
    leave(&w);
    worker_free(w.worker);
    assert_int_equal(w.budget.used_bytes, 0);
    return w.unfit;
}

static void random_lives(void **state)
{
    uint64_t fresh = 0;

    (void)state;
    assert_int_equal(getrandom(&fresh, sizeof(fresh), 0), (ssize_t)sizeof(fresh));
    const char *asked = getenv("EXO_SEED");

    if (asked != NULL) {
        (void)live(strtoull(asked, NULL, 10));
        return;
    }
    uint64_t unfit = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        unfit += live(seed);
    }
    assert_true(unfit > 0);
    for (uint64_t i = 0; i < 10; i++) {
        unsigned long long seed = fresh + i;

        print_message("seed %llu (again: EXO_SEED=...)\n", seed);
        (void)live(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
