/* worker: every slot state meets every event, three golden traces, and a seeded random life. */
#include "workers/core/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { INCARNATION = 77, TRACE_BYTES = 16384 };

struct world {
    struct heap_budget budget;
    struct worker *worker;
    struct worker_actions actions;
    exo_time now_ns;
    struct slot_handle slot;        /* of the last PREPARE */
    struct worker_report_id report; /* last one */
    char trace[TRACE_BYTES];
    size_t trace_bytes;
};

static void trace(struct world *w, const char *format, ...) EXO_PRINTF(2, 3);
static void trace(struct world *w, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int bytes =
        vsnprintf(&w->trace[w->trace_bytes], TRACE_BYTES - w->trace_bytes, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0);
    assert_true(w->trace_bytes + (size_t)bytes < TRACE_BYTES);
    w->trace_bytes += (size_t)bytes;
}

static const char *report_name(enum worker_report_kind kind)
{
    switch (kind) {
    case WORKER_ACCEPTED:
        return "accepted";
    case WORKER_REJECTED:
        return "rejected";
    case WORKER_STARTED:
        return "started";
    case WORKER_FINISHED:
        return "finished";
    }
    return "?";
}

static void trace_report(struct world *w, const struct worker_report *r)
{
    trace(w, "%s %u/%u h%llu", report_name(r->kind), r->task.index, r->attempt,
          (unsigned long long)r->heartbeat);
    if (r->kind == WORKER_FINISHED) {
        trace(w, " %s", attempt_outcome_name(r->outcome));
    }
    if (r->lend != 0 && r->id.is_last) {
        trace(w, " ticket %u.%llu -> %.*s.%llu", r->ticket, (unsigned long long)r->lend,
              SPAN_ARG(r->next), (unsigned long long)r->next_lend);
    }
    if (r->incarnation != INCARNATION) {
        trace(w, " of %llu", (unsigned long long)r->incarnation);
    }
}

static void trace_loan(struct world *w, const struct worker_loan *loan)
{
    trace(w, " %.*s:", SPAN_ARG(loan->process));
    for (uint32_t i = 0; i < loan->count; i++) {
        trace(w, "%s%u.%llu", i == 0 ? "" : ",", loan->tickets[i],
              (unsigned long long)loan->lends[i]);
    }
}

static void trace_heartbeat(struct world *w, const struct worker_heartbeat *h)
{
    trace(w, " %llu%s%s at %lld runs", (unsigned long long)h->number,
          h->is_draining ? " draining" : "", h->is_leaving ? " leaving" : "",
          (long long)h->position);
    for (uint32_t i = 0; i < h->running_count; i++) {
        trace(w, " %u/%u", h->running[i].task.index, h->running[i].attempt);
    }
    trace(w, " lends");
    for (uint32_t i = 0; i < h->loan_count; i++) {
        trace_loan(w, &h->loans[i]);
    }
}

static void trace_action(struct world *w, const struct worker_action *action)
{
    trace(w, "  %s ", worker_action_name(action->kind));
    switch (action->kind) {
    case WORKER_DO_REPORT:
        trace_report(w, &action->report);
        w->report = action->report.id;
        break;
    case WORKER_DO_HEARTBEAT:
        trace_heartbeat(w, action->heartbeat);
        break;
    case WORKER_DO_LOAN:
        trace_loan(w, &action->loan);
        break;
    case WORKER_DO_STOP:
        trace(w, "%u grace %lld", action->slot.index, (long long)(action->grace_ns / EXO_SECOND));
        break;
    case WORKER_DO_PREPARE:
        w->slot = action->slot;
        trace(w, "%u", action->slot.index);
        break;
    case WORKER_DO_START:
    case WORKER_DO_COLLECT:
    case WORKER_DO_SPOOL_WRITE:
    case WORKER_DO_SPOOL_DELETE:
    case WORKER_DO_FORGET:
        trace(w, "%u", action->slot.index);
        break;
    case WORKER_DO_LEAVE:
    case WORKER_ACTION_NR:
        break;
    }
    trace(w, "\n");
}

static enum worker_err step(struct world *w, const struct worker_event *event)
{
    enum worker_err err = worker_step(w->worker, event, w->now_ns, &w->actions);

    trace(w, "%s%s\n", worker_event_name(event->kind),
          err == WORKER_OK          ? ""
          : err == WORKER_ESTALE    ? " stale"
          : err == WORKER_EREJECTED ? " rejected"
                                    : " full");
    for (uint32_t i = 0; i < w->actions.count; i++) {
        trace_action(w, &w->actions.items[i]);
    }
    worker_check(w->worker);
    return err;
}

static void trace_reset(struct world *w)
{
    w->trace_bytes = 0;
    w->trace[0] = '\0';
}

static struct worker_settings settings_small(void)
{
    return (struct worker_settings){
        .incarnation = INCARNATION,
        .slots = 2,
        .prefetch = 1,
        .class_nr = 1,
        .shard_nr = 4,
        .memory_bytes = 1000,
        .cpu_millis = 2000,
        .spools = true,
    };
}

static void world_open(struct world *w, const struct worker_settings *settings)
{
    *w = (struct world){.now_ns = 100 * EXO_SECOND};
    w->worker = worker_new(settings, allocator_heap(&w->budget));
    assert_non_null(w->worker);
    worker_check(w->worker);
}

static void world_close(struct world *w)
{
    worker_free(w->worker);
    assert_int_equal(w->budget.used_bytes, 0);
}

static enum worker_err simple(struct world *w, enum worker_event_kind kind)
{
    return step(w, &(struct worker_event){.kind = kind});
}

static enum worker_err opened(struct world *w, uint32_t class_index, int64_t position)
{
    return step(
        w, &(struct worker_event){.kind = WORKER_ON_OPENED,
                                  .opened = {.class_index = class_index, .position = position}});
}

static enum worker_err tick(struct world *w, const char *process, uint64_t number, uint64_t demand)
{
    return step(w, &(struct worker_event){.kind = WORKER_ON_TICK,
                                          .tick = {span_of(process), number, demand, false}});
}

/* Takes a worker through JOINING, all tickets lent to "s1". */
static void serve(struct world *w)
{
    assert_int_equal(tick(w, "s1", 1, 0), WORKER_OK);
    assert_int_equal(simple(w, WORKER_ON_SPOOL_END), WORKER_OK);
    assert_int_equal(opened(w, 0, 50), WORKER_OK);
}

static struct task_id task_of(uint32_t index)
{
    return (struct task_id){.execution = {{1, 2, 3}}, .instance = 5, .index = index};
}

static struct worker_event task_event(uint32_t index, uint32_t attempt, uint32_t ticket,
                                      uint64_t lend)
{
    return (struct worker_event){.kind = WORKER_ON_TASK,
                                 .task = {.offset = 50 + index,
                                          .shard = 1,
                                          .process = span_of("s1"),
                                          .task = task_of(index),
                                          .attempt = attempt,
                                          .ticket = ticket,
                                          .lend = lend,
                                          .timeout_ns = 60 * EXO_SECOND,
                                          .grace_ns = 7 * EXO_SECOND,
                                          .memory_bytes = 100}};
}

static enum worker_err task(struct world *w, uint32_t index, uint32_t attempt, uint32_t ticket,
                            uint64_t lend)
{
    struct worker_event event = task_event(index, attempt, ticket, lend);

    return step(w, &event);
}

static enum worker_err record(struct world *w, int64_t offset, uint64_t epoch, uint64_t sequence)
{
    return step(w, &(struct worker_event){.kind = WORKER_ON_RECORD,
                                          .record = {.offset = offset,
                                                     .is_ours = true,
                                                     .shard = 1,
                                                     .epoch = epoch,
                                                     .sequence = sequence}});
}

static enum worker_err kill_task(struct world *w, uint32_t index, uint32_t attempt)
{
    return step(
        w, &(struct worker_event){.kind = WORKER_ON_KILL, .kill = {task_of(index), attempt, -1}});
}

static enum worker_err on_slot(struct world *w, enum worker_event_kind kind,
                               struct slot_handle slot, enum attempt_end end, int exit_status)
{
    return step(w, &(struct worker_event){.kind = kind, .slot = {slot, end, exit_status}});
}

static enum worker_err answer(struct world *w, enum worker_event_kind kind,
                              struct worker_report_id id)
{
    return step(w, &(struct worker_event){.kind = kind, .report = id});
}

static enum worker_err drain(struct world *w, exo_time in_ns)
{
    return step(w, &(struct worker_event){.kind = WORKER_ON_DRAIN, .drain = {in_ns}});
}

static enum worker_err beat(struct world *w)
{
    w->now_ns += EXO_SECOND;
    return simple(w, WORKER_ON_TIMER);
}

/* Golden traces. */

static void trace_is(struct world *w, const char *expected)
{
    if (strcmp(w->trace, expected) != 0) {
        fail_msg("the trace is now:\n%s", w->trace);
    }
    trace_reset(w);
}

static void the_life_of_one_attempt(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();

    (void)state;
    world_open(&w, &settings);
    serve(&w);
    trace_is(&w, "tick\n"
                 "spool_end\n"
                 "opened\n"
                 "  heartbeat  1 at 50 runs lends s1:0.1,1.1,2.1\n");
    (void)record(&w, 50, 9, 1);
    (void)task(&w, 0, 1, 0, 1);
    struct worker_report_id accepted = w.report;

    (void)on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
    (void)beat(&w);
    (void)answer(&w, WORKER_ON_REPORT_ACKED, accepted);
    (void)on_slot(&w, WORKER_ON_STARTED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    (void)beat(&w);
    (void)answer(&w, WORKER_ON_REPORT_FAILED, w.report);
    (void)beat(&w);
    (void)answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    (void)beat(&w);
    trace_is(&w, "record\n"
                 "task\n"
                 "  report accepted 0/1 h1\n"
                 "  prepare 0\n"
                 "prepared\n"
                 "  start 0\n"
                 "timer\n"
                 "  heartbeat  2 at 50 runs 0/1 lends s1:1.1,2.1\n"
                 "report_acked\n"
                 "started\n"
                 "  report started 0/1 h2\n"
                 "exited\n"
                 "  collect 0\n"
                 "collected\n"
                 "  spool_write 0\n"
                 "spooled\n"
                 "  report finished 0/1 h2 succeeded ticket 0.1 -> s1.2\n"
                 "timer\n"
                 "  heartbeat  3 at 51 runs 0/1 lends s1:0.2,1.1,2.1\n"
                 "report_failed\n"
                 "timer\n"
                 "  report finished 0/1 h3 succeeded ticket 0.1 -> s1.2\n"
                 "  heartbeat  4 at 51 runs 0/1 lends s1:0.2,1.1,2.1\n"
                 "report_acked\n"
                 "  spool_delete 0\n"
                 "  forget 0\n"
                 "timer\n"
                 "  heartbeat  5 at 51 runs lends s1:0.2,1.1,2.1\n");
    world_close(&w);
}

static void an_earlier_life_is_told_before_the_first_heartbeat(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();

    (void)state;
    world_open(&w, &settings);
    (void)step(&w, &(struct worker_event){.kind = WORKER_ON_ADOPT,
                                          .adopt = {.incarnation = 66,
                                                    .shard = 3,
                                                    .task = task_of(8),
                                                    .attempt = 2,
                                                    .outcome = ATTEMPT_FAILED,
                                                    .exit_status = 3}});
    serve(&w);
    (void)answer(&w, WORKER_ON_REPORT_FAILED, w.report);
    (void)beat(&w);
    (void)answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    trace_is(&w, "adopt\n"
                 "  report finished 8/2 h0 failed of 66\n"
                 "tick\n"
                 "spool_end\n"
                 "opened\n"
                 "report_failed\n"
                 "timer\n"
                 "  report finished 8/2 h0 failed of 66\n"
                 "report_acked\n"
                 "  spool_delete 0\n"
                 "  forget 0\n"
                 "  heartbeat  1 at 50 runs lends s1:0.1,1.1,2.1\n");
    world_close(&w);
}

static void a_drain_hands_back_what_waits_and_stops_the_rest_later(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();
    struct slot_handle slots[3];

    (void)state;
    world_open(&w, &settings);
    serve(&w);
    for (uint32_t i = 0; i < 3; i++) {
        (void)task(&w, i, 1, i, 1);
        slots[i] = w.slot;
        (void)on_slot(&w, WORKER_ON_PREPARED, slots[i], ATTEMPT_EXITED, 0);
    }
    (void)on_slot(&w, WORKER_ON_STARTED, slots[0], ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_STARTED, slots[1], ATTEMPT_EXITED, 0);
    trace_reset(&w);
    (void)drain(&w, 3 * EXO_SECOND);
    struct worker_report_id third = w.report;

    (void)task(&w, 3, 1, 2, 1);
    struct worker_report_id refused = w.report;

    (void)answer(&w, WORKER_ON_REPORT_ACKED, third);
    (void)answer(&w, WORKER_ON_REPORT_ACKED, refused);
    (void)on_slot(&w, WORKER_ON_EXITED, slots[0], ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_COLLECTED, slots[0], ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, slots[0], ATTEMPT_EXITED, 0);
    (void)answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    w.now_ns += 3 * EXO_SECOND;
    (void)simple(&w, WORKER_ON_TIMER);
    (void)on_slot(&w, WORKER_ON_EXITED, slots[1], ATTEMPT_SIGNALLED, 0);
    (void)on_slot(&w, WORKER_ON_COLLECTED, slots[1], ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, slots[1], ATTEMPT_EXITED, 0);
    (void)answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    trace_is(&w, "drain\n"
                 "  report finished 2/1 h1 lost ticket 2.1 -> .0\n"
                 "  heartbeat  2 draining at 50 runs 0/1 1/1 2/1 lends\n"
                 "task rejected\n"
                 "  report rejected 3/1 h2\n"
                 "report_acked\n"
                 "  spool_delete 2\n"
                 "  forget 2\n"
                 "report_acked\n"
                 "exited\n"
                 "  collect 0\n"
                 "collected\n"
                 "  spool_write 0\n"
                 "spooled\n"
                 "  report finished 0/1 h2 succeeded ticket 0.1 -> .0\n"
                 "report_acked\n"
                 "  spool_delete 0\n"
                 "  forget 0\n"
                 "timer\n"
                 "  stop 1 grace 7\n"
                 "  heartbeat  3 draining at 50 runs 1/1 lends\n"
                 "exited\n"
                 "  collect 1\n"
                 "collected\n"
                 "  spool_write 1\n"
                 "spooled\n"
                 "  report finished 1/1 h3 lost ticket 1.1 -> .0\n"
                 "report_acked\n"
                 "  spool_delete 1\n"
                 "  forget 1\n"
                 "  heartbeat  4 draining leaving at 50 runs lends\n"
                 "  leave \n");
    assert_int_equal(worker_deadline(w.worker), EXO_TIME_NEVER);
    assert_int_equal(beat(&w), WORKER_ESTALE);
    assert_int_equal(w.actions.count, 0);
    world_close(&w);
}

/* The matrix. */

/* Brings task 0, attempt 5, on ticket 0, to a state. */
static void bring_to(struct world *w, enum slot_state to)
{
    struct worker_settings settings = settings_small();

    world_open(w, &settings);
    serve(w);
    if (to == SLOT_FREE) {
        w->slot = (struct slot_handle){0, 0};
        return;
    }
    if (to == SLOT_REJECTED) {
        assert_int_equal(task(w, 0, 5, 0, 99), WORKER_EREJECTED);
        w->slot = w->report.slot;
        return;
    }
    assert_int_equal(task(w, 0, 5, 0, 1), WORKER_OK);
    static const struct {
        enum slot_state state;
        enum worker_event_kind kind;
    } way[] = {
        {SLOT_PREPARING, WORKER_ON_PREPARED}, {SLOT_STARTING, WORKER_ON_STARTED},
        {SLOT_RUNNING, WORKER_ON_EXITED},     {SLOT_COLLECTING, WORKER_ON_COLLECTED},
        {SLOT_SPOOLING, WORKER_ON_SPOOLED},
    };

    if (to == SLOT_READY) {
        /* Two others hold the places. */
        for (uint32_t i = 1; i < 3; i++) {
            struct slot_handle first = w->slot;

            assert_int_equal(task(w, i, 1, i, 1), WORKER_OK);
            (void)on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
            w->slot = first;
        }
        (void)on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
        return;
    }
    for (size_t i = 0; i < sizeof(way) / sizeof(way[0]) && way[i].state != to; i++) {
        if (to == SLOT_STOPPING && way[i].state == SLOT_RUNNING) {
            assert_int_equal(kill_task(w, 0, 5), WORKER_OK);
            return;
        }
        assert_int_equal(on_slot(w, way[i].kind, w->slot, ATTEMPT_EXITED, 0), WORKER_OK);
    }
}

/* What is given to a slot: an event, and which of its shapes. */
enum given {
    GIVEN_TASK_AGAIN,
    GIVEN_TASK_NEWER,
    GIVEN_KILL,
    GIVEN_KILL_OLDER,
    GIVEN_DRAIN,
    GIVEN_PREPARED,
    GIVEN_UNPREPARED,
    GIVEN_STARTED,
    GIVEN_EXITED,
    GIVEN_COLLECTED,
    GIVEN_SPOOLED,
    GIVEN_ACKED,
    GIVEN_ACKED_LAST,
    GIVEN_FAILED_LAST,
    GIVEN_LATE, /* STARTED of the slot's life before this one */
    GIVEN_TIME, /* the slot's deadline passes */
    GIVEN_NR,
};

static void give(struct world *w, enum given given)
{
    struct worker_report_id id = {
        .slot = w->slot, .is_last = given == GIVEN_ACKED_LAST || given == GIVEN_FAILED_LAST};
    struct slot_handle late = {w->slot.index, w->slot.generation - 1};

    switch (given) {
    case GIVEN_TASK_AGAIN:
        (void)task(w, 0, 5, 0, 1);
        return;
    case GIVEN_TASK_NEWER:
        (void)task(w, 0, 6, 0, 1);
        return;
    case GIVEN_KILL:
        (void)kill_task(w, 0, 5);
        return;
    case GIVEN_KILL_OLDER:
        (void)kill_task(w, 0, 4);
        return;
    case GIVEN_DRAIN:
        (void)drain(w, EXO_TIME_NEVER);
        return;
    case GIVEN_PREPARED:
        (void)on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_UNPREPARED:
        (void)on_slot(w, WORKER_ON_UNPREPARED, w->slot, ATTEMPT_REFUSED, 0);
        return;
    case GIVEN_STARTED:
        (void)on_slot(w, WORKER_ON_STARTED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_EXITED:
        (void)on_slot(w, WORKER_ON_EXITED, w->slot, ATTEMPT_EXITED, 1);
        return;
    case GIVEN_COLLECTED:
        (void)on_slot(w, WORKER_ON_COLLECTED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_SPOOLED:
        (void)on_slot(w, WORKER_ON_SPOOLED, w->slot, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_ACKED:
    case GIVEN_ACKED_LAST:
        (void)answer(w, WORKER_ON_REPORT_ACKED, id);
        return;
    case GIVEN_FAILED_LAST:
        (void)answer(w, WORKER_ON_REPORT_FAILED, id);
        return;
    case GIVEN_LATE:
        (void)on_slot(w, WORKER_ON_STARTED, late, ATTEMPT_EXITED, 0);
        return;
    case GIVEN_TIME:
        w->now_ns += EXO_HOUR;
        (void)simple(w, WORKER_ON_TIMER);
        return;
    case GIVEN_NR:
        break;
    }
    fail();
}

/* clang-format off */
enum { FRE = SLOT_FREE, REJ = SLOT_REJECTED, PRE = SLOT_PREPARING, RDY = SLOT_READY,
       STA = SLOT_STARTING, RUN = SLOT_RUNNING, STO = SLOT_STOPPING, COL = SLOT_COLLECTING,
       SPO = SLOT_SPOOLING, FIN = SLOT_FINISHED };
/* State of the slot afterwards. PREPARED finds a place at once, hence STARTING. A Task on a free
 * slot takes it. What has no slot of its own (a newer attempt) gets another one. */
static const int matrix[SLOT_STATE_NR][GIVEN_NR] = {
    /*                   again newer kill older drain prep unpr star exit coll spoo ack  last fail late time */
    [SLOT_FREE]       = {PRE,  PRE,  FRE, FRE,  FRE,  FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE, FRE},
    [SLOT_REJECTED]   = {REJ,  REJ,  REJ, REJ,  REJ,  REJ, REJ, REJ, REJ, REJ, REJ, REJ, FRE, REJ, REJ, REJ},
    [SLOT_PREPARING]  = {PRE,  PRE,  FIN, PRE,  FIN,  STA, FIN, PRE, PRE, PRE, PRE, PRE, PRE, PRE, PRE, FIN},
    [SLOT_READY]      = {RDY,  RDY,  FIN, RDY,  FIN,  RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY, RDY},
    [SLOT_STARTING]   = {STA,  STA,  STA, STA,  STA,  STA, STA, RUN, COL, STA, STA, STA, STA, STA, STA, STA},
    [SLOT_RUNNING]    = {RUN,  RUN,  STO, RUN,  RUN,  RUN, RUN, RUN, COL, RUN, RUN, RUN, RUN, RUN, RUN, STO},
    [SLOT_STOPPING]   = {STO,  STO,  STO, STO,  STO,  STO, STO, STO, COL, STO, STO, STO, STO, STO, STO, STO},
    [SLOT_COLLECTING] = {COL,  COL,  COL, COL,  COL,  COL, COL, COL, COL, SPO, COL, COL, COL, COL, COL, COL},
    [SLOT_SPOOLING]   = {SPO,  SPO,  SPO, SPO,  SPO,  SPO, SPO, SPO, SPO, SPO, FIN, SPO, SPO, SPO, SPO, SPO},
    [SLOT_FINISHED]   = {FIN,  FIN,  FIN, FIN,  FIN,  FIN, FIN, FIN, FIN, FIN, FIN, FIN, FRE, FIN, FIN, FIN},
};
/* clang-format on */

static void every_state_meets_every_event(void **state)
{
    static struct world w; /* large */

    (void)state;
    for (int from = 0; from < SLOT_STATE_NR; from++) {
        for (int given = 0; given < GIVEN_NR; given++) {
            bring_to(&w, (enum slot_state)from);
            uint32_t index = w.slot.index;

            assert_int_equal(worker_slot(w.worker, index)->state, from);
            give(&w, (enum given)given);
            enum slot_state after = worker_slot(w.worker, index)->state;

            if ((int)after != matrix[from][given]) {
                fail_msg("%s given %d becomes %s:\n%s", slot_state_name((enum slot_state)from),
                         given, slot_state_name(after), w.trace);
            }
            world_close(&w);
        }
    }
}

/* Single rules. */

static uint32_t count_of(const struct world *w, enum worker_action_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->actions.count; i++) {
        count += w->actions.items[i].kind == kind;
    }
    return count;
}

static const struct worker_report *last_report(const struct world *w)
{
    for (uint32_t i = w->actions.count; i > 0; i--) {
        if (w->actions.items[i - 1].kind == WORKER_DO_REPORT) {
            return &w->actions.items[i - 1].report;
        }
    }
    fail_msg("no report:\n%s", w->trace);
    return NULL;
}

static void records_are_refused_by_epoch_and_sequence(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();

    (void)state;
    settings.class_nr = 2;
    world_open(&w, &settings);
    serve(&w);
    (void)opened(&w, 1, 70);
    assert_int_equal(record(&w, 50, 9, 5), WORKER_OK);
    assert_int_equal(record(&w, 51, 9, 5), WORKER_ESTALE); /* repeated */
    assert_int_equal(record(&w, 52, 9, 4), WORKER_ESTALE);
    assert_int_equal(record(&w, 53, 8, 6), WORKER_ESTALE); /* an owner of the past */
    assert_int_equal(record(&w, 54, 9, 6), WORKER_OK);
    assert_int_equal(record(&w, 55, 10, 1), WORKER_OK);
    struct worker_event other = {.kind = WORKER_ON_RECORD, .record = {1, 70, true, 1, 10, 1}};

    assert_int_equal(step(&w, &other), WORKER_OK); /* each partition has its own order */
    other.record = (struct worker_on_record){1, 71, true, 1, 9, 99};
    assert_int_equal(step(&w, &other), WORKER_ESTALE); /* but no partition an older epoch */
    other.record = (struct worker_on_record){1, 72, true, 4, 1, 1};
    assert_int_equal(step(&w, &other), WORKER_ESTALE); /* no such shard */
    world_close(&w);
}

static void the_position_waits_for_answers(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();

    (void)state;
    world_open(&w, &settings);
    serve(&w);
    (void)record(&w, 50, 9, 1);
    (void)task(&w, 0, 1, 0, 1);
    struct worker_report_id first = w.report;

    (void)record(&w, 51, 9, 2);
    (void)task(&w, 1, 1, 7, 1); /* no such ticket */
    struct worker_report_id second = w.report;

    (void)answer(&w, WORKER_ON_REPORT_ACKED, second);
    trace_reset(&w);
    (void)beat(&w);
    assert_non_null(strstr(w.trace, " at 50 "));
    (void)answer(&w, WORKER_ON_REPORT_FAILED, first);
    trace_reset(&w);
    (void)beat(&w);
    assert_non_null(strstr(w.trace, "report accepted 0/1"));
    assert_non_null(strstr(w.trace, " at 50 "));
    (void)answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    trace_reset(&w);
    (void)beat(&w);
    assert_non_null(strstr(w.trace, " at 52 "));
    world_close(&w);
}

static void short_attempts_are_told_once(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();

    (void)state;
    settings.merges_accepted = true;
    settings.spools = false;
    world_open(&w, &settings);
    serve(&w);
    trace_reset(&w);
    (void)task(&w, 0, 1, 0, 1);
    (void)on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_STARTED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 75);
    (void)on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    trace_is(&w, "task\n"
                 "  prepare 0\n"
                 "prepared\n"
                 "  start 0\n"
                 "started\n"
                 "exited\n"
                 "  collect 0\n"
                 "collected\n"
                 "  report finished 0/1 h1 later ticket 0.1 -> s1.2\n");
    (void)task(&w, 1, 1, 0, 2); /* this one takes longer than a beat */
    trace_reset(&w);
    (void)beat(&w);
    assert_non_null(strstr(w.trace, "report accepted 1/1"));
    world_close(&w);
}

static void timeouts_stop_and_insist(void **state)
{
    struct world w;

    (void)state;
    bring_to(&w, SLOT_RUNNING);
    w.now_ns += 60 * EXO_SECOND - 1;
    (void)simple(&w, WORKER_ON_TIMER);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 0);
    assert_true(worker_deadline(w.worker) <= w.now_ns + 1);
    w.now_ns += 1;
    trace_reset(&w);
    (void)simple(&w, WORKER_ON_TIMER);
    assert_non_null(strstr(w.trace, "stop 0 grace 7\n"));
    w.now_ns += 12 * EXO_SECOND;
    trace_reset(&w);
    (void)simple(&w, WORKER_ON_TIMER);
    assert_non_null(strstr(w.trace, "stop 0 grace 0\n"));
    (void)on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_TIMED_OUT);
    world_close(&w);
}

static void a_kill_while_starting_waits_for_the_start(void **state)
{
    struct world w;

    (void)state;
    bring_to(&w, SLOT_STARTING);
    assert_int_equal(kill_task(&w, 0, 5), WORKER_OK);
    assert_int_equal(w.actions.count, 0);
    assert_int_equal(kill_task(&w, 0, 5), WORKER_ESTALE);
    (void)on_slot(&w, WORKER_ON_STARTED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 1);
    (void)on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_CANCELLED);
    world_close(&w);
}

static void a_newer_attempt_supersedes(void **state)
{
    struct world w;

    (void)state;
    bring_to(&w, SLOT_RUNNING);
    struct slot_handle old = w.slot;

    assert_int_equal(task(&w, 0, 6, 1, 1), WORKER_OK);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 1);
    assert_int_equal(worker_slot(w.worker, old.index)->state, SLOT_STOPPING);
    assert_int_not_equal(w.slot.index, old.index);
    world_close(&w);
}

static void memory_holds_the_next_one_back(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();

    (void)state;
    world_open(&w, &settings);
    serve(&w);
    struct worker_event event = task_event(0, 1, 0, 1);

    event.task.memory_bytes = 1001;
    assert_int_equal(step(&w, &event), WORKER_EREJECTED);
    assert_int_equal(last_report(&w)->next_lend, 2); /* the ticket goes on */
    event.task.memory_bytes = 800;
    event.task.lend = 2;
    assert_int_equal(step(&w, &event), WORKER_OK);
    struct slot_handle first = w.slot;

    (void)on_slot(&w, WORKER_ON_PREPARED, first, ATTEMPT_EXITED, 0);
    assert_int_equal(count_of(&w, WORKER_DO_START), 1);
    event = task_event(1, 1, 1, 1);
    event.task.memory_bytes = 300;
    assert_int_equal(step(&w, &event), WORKER_OK);
    (void)on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(count_of(&w, WORKER_DO_START), 0);
    (void)on_slot(&w, WORKER_ON_EXITED, first, ATTEMPT_OUT_OF_MEMORY, 0);
    assert_int_equal(count_of(&w, WORKER_DO_START), 1);
    world_close(&w);
}

static void faults_after_the_exit_decide_a_success_only(void **state)
{
    struct world w;

    (void)state;
    bring_to(&w, SLOT_COLLECTING);
    (void)on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_FAULTY, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_FAILED);
    assert_null(last_report(&w)->error);
    world_close(&w);

    bring_to(&w, SLOT_RUNNING);
    (void)on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 65);
    (void)on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_BROKEN, 0);
    (void)on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_NEVER_AGAIN);
    world_close(&w);
}

static void refusals_are_bounded(void **state)
{
    struct world w;
    struct worker_settings settings = settings_small();
    struct worker_facts facts;

    (void)state;
    world_open(&w, &settings);
    serve(&w);
    for (uint32_t i = 0; i < WORKER_REJECTED_SLOTS; i++) {
        trace_reset(&w);
        assert_int_equal(task(&w, 100 + i, 1, 0, 9), WORKER_EREJECTED);
    }
    trace_reset(&w);
    assert_int_equal(task(&w, 99, 1, 0, 9), WORKER_EFULL);
    assert_int_equal(task(&w, 0, 1, 0, 1), WORKER_OK); /* a good ticket has its room */
    worker_facts(w.worker, &facts);
    assert_int_equal(facts.counts.dropped, 1);
    assert_int_equal(facts.phase, WORKER_SERVING);
    world_close(&w);
}

/* A status partition that is away while tasks keep coming must not make memory grow. */
static void unacknowledged_finishes_stop_the_lending(void **state)
{
    static struct world w;
    struct worker_settings settings = settings_small();
    uint64_t lends[3] = {1, 1, 1};
    uint32_t admitted = 0;

    (void)state;
    settings.spools = false;
    world_open(&w, &settings);
    serve(&w);
    for (uint32_t i = 0; i < 10000; i++) {
        trace_reset(&w);
        if (task(&w, i, 1, i % 3, lends[i % 3]) != WORKER_OK) {
            break;
        }
        admitted++;
        (void)kill_task(&w, i, 1);
        lends[i % 3] = last_report(&w)->next_lend;
    }
    assert_true(admitted <= worker_slot_nr(w.worker));
    assert_true(admitted > worker_window(w.worker));
    world_close(&w);
}

static void without_memory_there_is_no_worker(void **state)
{
    struct worker_settings settings = settings_small();

    (void)state;
    for (size_t limit = 1000; limit < 200000; limit += 7000) {
        struct heap_budget budget = {.limit_bytes = limit};
        struct worker *worker = worker_new(&settings, allocator_heap(&budget));

        assert_true(budget.used_bytes <= limit);
        worker_free(worker);
        assert_int_equal(budget.used_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_life_of_one_attempt),
        cmocka_unit_test(an_earlier_life_is_told_before_the_first_heartbeat),
        cmocka_unit_test(a_drain_hands_back_what_waits_and_stops_the_rest_later),
        cmocka_unit_test(every_state_meets_every_event),
        cmocka_unit_test(records_are_refused_by_epoch_and_sequence),
        cmocka_unit_test(the_position_waits_for_answers),
        cmocka_unit_test(short_attempts_are_told_once),
        cmocka_unit_test(timeouts_stop_and_insist),
        cmocka_unit_test(a_kill_while_starting_waits_for_the_start),
        cmocka_unit_test(a_newer_attempt_supersedes),
        cmocka_unit_test(memory_holds_the_next_one_back),
        cmocka_unit_test(faults_after_the_exit_decide_a_success_only),
        cmocka_unit_test(refusals_are_bounded),
        cmocka_unit_test(unacknowledged_finishes_stop_the_lending),
        cmocka_unit_test(without_memory_there_is_no_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
