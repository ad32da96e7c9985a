/* worker: golden traces, and single rules. */
#include "workers/core/worker.h"

#include <string.h>

#include "tests/unit/workers/core/worker_world.h"

/* Golden traces. */

static void the_life_of_one_attempt(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    world_open(&w, &settings);
    world_serve(&w);
    world_trace_is(&w, "tick\n"
                       "spool_end\n"
                       "opened\n"
                       "  heartbeat  1 at 50 runs lends s1:0.1,1.1,2.1\n");
    (void)world_record(&w, 50, 9, 1);
    (void)world_task(&w, 0, 1, 0, 1);
    struct worker_report_id accepted = w.report;

    (void)world_on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_beat(&w);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, accepted);
    (void)world_on_slot(&w, WORKER_ON_STARTED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_beat(&w);
    (void)world_answer(&w, WORKER_ON_REPORT_FAILED, w.report);
    (void)world_beat(&w);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    (void)world_beat(&w);
    world_trace_is(&w, "record\n"
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

/* The spool holds the end of an attempt of an earlier life. */
static void adopt_end(struct world *w)
{
    (void)world_step(w, &(struct worker_event){.kind = WORKER_ON_ADOPT,
                                               .adopt = {.incarnation = 66,
                                                         .shard = 3,
                                                         .task = world_task_of(8),
                                                         .attempt = 2,
                                                         .outcome = ATTEMPT_FAILED,
                                                         .exit_status = 3}});
}

static void an_earlier_life_is_told_before_the_first_heartbeat(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    world_open(&w, &settings);
    adopt_end(&w);
    world_serve(&w);
    (void)world_answer(&w, WORKER_ON_REPORT_FAILED, w.report);
    (void)world_beat(&w);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    world_trace_is(&w, "adopt\n"
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

static uint32_t beats_in(const struct world *w)
{
    uint32_t count = 0;

    for (const char *at = w->trace; (at = strstr(at, "  heartbeat ")) != NULL; at++) {
        count++;
    }
    return count;
}

/* What a scheduler finds missing after the first heartbeat is lost for good. */
static void nothing_is_announced_too_early(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    settings.class_nr = 2;
    world_open(&w, &settings);
    (void)world_opened(&w, 0, 5);
    (void)world_beat(&w);
    (void)world_opened(&w, 1, 9);
    (void)world_beat(&w); /* the spool is not read */
    assert_int_equal(beats_in(&w), 0);
    (void)world_simple(&w, WORKER_ON_SPOOL_END);
    assert_int_equal(beats_in(&w), 1);
    assert_non_null(strstr(w.trace, " at 5 ")); /* the least of both */
    world_close(&w);

    world_open(&w, &settings);
    (void)world_simple(&w, WORKER_ON_SPOOL_END);
    (void)world_opened(&w, 1, 9);
    (void)world_opened(&w, 1, 9);
    (void)world_beat(&w); /* one class has no reader yet */
    assert_int_equal(beats_in(&w), 0);
    world_close(&w);
}

static void a_drain_while_it_joins_announces_nothing_too_early(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    world_open(&w, &settings);
    adopt_end(&w);
    (void)world_simple(&w, WORKER_ON_SPOOL_END);
    (void)world_drain(&w, EXO_HOUR);
    (void)world_beat(&w);
    assert_int_equal(beats_in(&w), 0);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    assert_non_null(strstr(w.trace, "  heartbeat  1 draining leaving "));
    world_close(&w);

    world_open(&w, &settings); /* nobody knows it: it goes without a word, and its spool stays */
    (void)world_drain(&w, EXO_HOUR);
    (void)world_beat(&w);
    assert_int_equal(beats_in(&w), 0);
    assert_non_null(strstr(w.trace, "  leave"));
    world_close(&w);
}

static void a_drain_hands_back_what_waits_and_stops_the_rest_later(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();
    struct slot_handle slots[3];

    (void)state;
    world_open(&w, &settings);
    world_serve(&w);
    for (uint32_t i = 0; i < 3; i++) {
        (void)world_task(&w, i, 1, i, 1);
        slots[i] = w.slot;
        (void)world_on_slot(&w, WORKER_ON_PREPARED, slots[i], ATTEMPT_EXITED, 0);
    }
    (void)world_on_slot(&w, WORKER_ON_STARTED, slots[0], ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_STARTED, slots[1], ATTEMPT_EXITED, 0);
    world_trace_reset(&w);
    (void)world_drain(&w, 3 * EXO_SECOND);
    struct worker_report_id third = w.report;

    (void)world_task(&w, 3, 1, 2, 1);
    struct worker_report_id refused = w.report;

    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, third);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, refused);
    (void)world_on_slot(&w, WORKER_ON_EXITED, slots[0], ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, slots[0], ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, slots[0], ATTEMPT_EXITED, 0);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    w.now_ns += 3 * EXO_SECOND;
    (void)world_simple(&w, WORKER_ON_TIMER);
    (void)world_on_slot(&w, WORKER_ON_EXITED, slots[1], ATTEMPT_SIGNALLED, 0);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, slots[1], ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, slots[1], ATTEMPT_EXITED, 0);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    world_trace_is(&w, "drain\n"
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
    assert_int_equal(world_beat(&w), WORKER_ESTALE);
    assert_int_equal(w.actions.count, 0);
    world_close(&w);
}

static void room_set(struct world *w, bool is_full)
{
    const struct worker_event event = {.kind = WORKER_ON_ROOM, .room.is_full = is_full};

    (void)world_step(w, &event);
}

static void a_full_disk_takes_nothing_and_loses_nothing(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    world_open(&w, &settings);
    world_serve(&w);
    (void)world_task(&w, 0, 1, 0, 1);
    struct slot_handle slot = w.slot;

    (void)world_on_slot(&w, WORKER_ON_PREPARED, slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_STARTED, slot, ATTEMPT_EXITED, 0);
    world_trace_reset(&w);
    room_set(&w, true);
    room_set(&w, true);
    (void)world_task(&w, 1, 1, 1, 1);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    (void)world_tick(&w, "s1", 2, 9);
    (void)world_on_slot(&w, WORKER_ON_EXITED, slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, slot, ATTEMPT_EXITED, 0);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    (void)world_beat(&w);
    room_set(&w, false);
    world_trace_is(&w, "room\n"
                       "  heartbeat  2 at 50 runs 0/1 lends\n"
                       "room stale\n"
                       "task rejected\n"
                       "  report rejected 1/1 h2\n"
                       "report_acked\n"
                       "tick\n"
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
                       "  heartbeat  3 at 50 runs lends\n"
                       "room\n"
                       "  heartbeat  4 at 50 runs lends s1:0.2,1.2,2.2\n");
    world_close(&w);
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
    struct worker_settings settings = world_settings();

    (void)state;
    settings.class_nr = 2;
    world_open(&w, &settings);
    world_serve(&w);
    (void)world_opened(&w, 1, 70);
    assert_int_equal(world_record(&w, 50, 9, 5), WORKER_OK);
    assert_int_equal(world_record(&w, 51, 9, 5), WORKER_ESTALE); /* repeated */
    assert_int_equal(world_record(&w, 52, 9, 4), WORKER_ESTALE);
    assert_int_equal(world_record(&w, 53, 8, 6), WORKER_ESTALE); /* an owner of the past */
    assert_int_equal(world_record(&w, 54, 9, 6), WORKER_OK);
    assert_int_equal(world_record(&w, 55, 10, 1), WORKER_OK);
    struct worker_event other = {.kind = WORKER_ON_RECORD, .record = {1, 70, true, 1, 10, 1}};

    assert_int_equal(world_step(&w, &other), WORKER_OK); /* each partition has its own order */
    other.record = (struct worker_on_record){1, 71, true, 1, 9, 99};
    assert_int_equal(world_step(&w, &other), WORKER_ESTALE); /* but no partition an older epoch */
    other.record = (struct worker_on_record){1, 72, true, 4, 1, 1};
    assert_int_equal(world_step(&w, &other), WORKER_ESTALE); /* no such shard */
    world_close(&w);
}

static void the_position_waits_for_answers(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    world_open(&w, &settings);
    world_serve(&w);
    (void)world_record(&w, 50, 9, 1);
    (void)world_task(&w, 0, 1, 0, 1);
    struct worker_report_id first = w.report;

    (void)world_record(&w, 51, 9, 2);
    (void)world_task(&w, 1, 1, 7, 1); /* no such ticket */
    struct worker_report_id second = w.report;

    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, second);
    world_trace_reset(&w);
    (void)world_beat(&w);
    assert_non_null(strstr(w.trace, " at 50 "));
    (void)world_answer(&w, WORKER_ON_REPORT_FAILED, first);
    world_trace_reset(&w);
    (void)world_beat(&w);
    assert_non_null(strstr(w.trace, "report accepted 0/1"));
    assert_non_null(strstr(w.trace, " at 50 "));
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    world_trace_reset(&w);
    (void)world_beat(&w);
    assert_non_null(strstr(w.trace, " at 52 "));
    world_close(&w);
}

static void short_attempts_are_told_once(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    settings.merges_accepted = true;
    settings.spools = false;
    world_open(&w, &settings);
    world_serve(&w);
    world_trace_reset(&w);
    (void)world_task(&w, 0, 1, 0, 1);
    (void)world_on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_STARTED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 75);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    world_trace_is(&w, "task\n"
                       "  prepare 0\n"
                       "prepared\n"
                       "  start 0\n"
                       "started\n"
                       "exited\n"
                       "  collect 0\n"
                       "collected\n"
                       "  report finished 0/1 h1 later ticket 0.1 -> s1.2\n");
    (void)world_task(&w, 1, 1, 0, 2); /* this one takes longer than a beat */
    world_trace_reset(&w);
    (void)world_beat(&w);
    assert_non_null(strstr(w.trace, "report accepted 1/1"));
    world_close(&w);
}

static void timeouts_stop_and_insist(void **state)
{
    struct world w;

    (void)state;
    world_bring_to(&w, SLOT_RUNNING);
    w.now_ns += 60 * EXO_SECOND - 1;
    (void)world_simple(&w, WORKER_ON_TIMER);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 0);
    assert_true(worker_deadline(w.worker) <= w.now_ns + 1);
    w.now_ns += 1;
    world_trace_reset(&w);
    (void)world_simple(&w, WORKER_ON_TIMER);
    assert_non_null(strstr(w.trace, "stop 0 grace 7\n"));
    w.now_ns += 12 * EXO_SECOND;
    world_trace_reset(&w);
    (void)world_simple(&w, WORKER_ON_TIMER);
    assert_non_null(strstr(w.trace, "stop 0 grace 0\n"));
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_TIMED_OUT);
    world_close(&w);
}

static void a_kill_while_starting_waits_for_the_start(void **state)
{
    struct world w;

    (void)state;
    world_bring_to(&w, SLOT_STARTING);
    assert_int_equal(world_kill(&w, 0, 5), WORKER_OK);
    assert_int_equal(w.actions.count, 0);
    assert_int_equal(world_kill(&w, 0, 5), WORKER_ESTALE);
    (void)world_on_slot(&w, WORKER_ON_STARTED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 1);
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_CANCELLED);
    world_close(&w);
}

static void a_newer_attempt_supersedes(void **state)
{
    struct world w;

    (void)state;
    world_bring_to(&w, SLOT_RUNNING);
    struct slot_handle old = w.slot;

    assert_int_equal(world_task(&w, 0, 6, 1, 1), WORKER_OK);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 1);
    assert_int_equal(worker_slot(w.worker, old.index)->state, SLOT_STOPPING);
    assert_int_not_equal(w.slot.index, old.index);
    world_close(&w);
}

/* The database of the schedulers went back: what runs here under that number may be another task
 * (ADR 0023). */
static void another_grant_of_a_number_is_no_repeat(void **state)
{
    struct world w;

    (void)state;
    world_bring_to(&w, SLOT_RUNNING);
    uint64_t lend = worker_slot(w.worker, w.slot.index)->lend;

    assert_int_equal(world_task(&w, 0, 5, 0, lend), WORKER_ESTALE); /* a repeat */
    assert_int_equal(last_report(&w)->kind, WORKER_ACCEPTED);
    assert_int_equal(world_task(&w, 0, 5, 2, 9), WORKER_EREJECTED); /* of no loan: not our word */
    assert_int_equal(worker_slot(w.worker, w.slot.index)->state, SLOT_RUNNING);
    assert_int_equal(world_task(&w, 0, 5, 1, 1), WORKER_EREJECTED);
    assert_int_equal(count_of(&w, WORKER_DO_STOP), 1);
    assert_int_equal(worker_slot(w.worker, w.slot.index)->state, SLOT_STOPPING);
    assert_int_equal(last_report(&w)->kind, WORKER_REJECTED);
    assert_int_equal(last_report(&w)->ticket, 1);
    assert_int_equal(last_report(&w)->lend, 1);
    assert_int_equal(last_report(&w)->next_lend, 2); /* the ticket goes on */
    world_close(&w);
}

static void memory_holds_the_next_one_back(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();

    (void)state;
    world_open(&w, &settings);
    world_serve(&w);
    struct worker_event event = world_task_event(0, 1, 0, 1);

    event.task.memory_bytes = 1001;
    assert_int_equal(world_step(&w, &event), WORKER_EREJECTED);
    assert_int_equal(last_report(&w)->next_lend, 2); /* the ticket goes on */
    event.task.memory_bytes = 800;
    event.task.lend = 2;
    assert_int_equal(world_step(&w, &event), WORKER_OK);
    struct slot_handle first = w.slot;

    (void)world_on_slot(&w, WORKER_ON_PREPARED, first, ATTEMPT_EXITED, 0);
    assert_int_equal(count_of(&w, WORKER_DO_START), 1);
    event = world_task_event(1, 1, 1, 1);
    event.task.memory_bytes = 300;
    assert_int_equal(world_step(&w, &event), WORKER_OK);
    (void)world_on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(count_of(&w, WORKER_DO_START), 0);
    (void)world_on_slot(&w, WORKER_ON_EXITED, first, ATTEMPT_OUT_OF_MEMORY, 0);
    assert_int_equal(count_of(&w, WORKER_DO_START), 1);
    world_close(&w);
}

static void faults_after_the_exit_decide_a_success_only(void **state)
{
    struct world w;

    (void)state;
    world_bring_to(&w, SLOT_COLLECTING);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_FAULTY, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_FAILED);
    assert_null(last_report(&w)->error);
    world_close(&w);

    world_bring_to(&w, SLOT_RUNNING);
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 65);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_BROKEN, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    assert_int_equal(last_report(&w)->outcome, ATTEMPT_NEVER_AGAIN);
    world_close(&w);
}

static void refusals_are_bounded(void **state)
{
    struct world w;
    struct worker_settings settings = world_settings();
    struct worker_facts facts;

    (void)state;
    world_open(&w, &settings);
    world_serve(&w);
    for (uint32_t i = 0; i < WORKER_REJECTED_SLOTS; i++) {
        world_trace_reset(&w);
        assert_int_equal(world_task(&w, 100 + i, 1, 0, 9), WORKER_EREJECTED);
    }
    world_trace_reset(&w);
    assert_int_equal(world_task(&w, 99, 1, 0, 9), WORKER_EFULL);
    assert_int_equal(world_task(&w, 0, 1, 0, 1), WORKER_OK); /* a good ticket has its room */
    worker_facts(w.worker, &facts);
    assert_int_equal(facts.counts.dropped, 1);
    assert_int_equal(facts.phase, WORKER_SERVING);
    world_close(&w);
}

/* A status partition that is away while tasks keep coming must not make memory grow. */
static void unacknowledged_finishes_stop_the_lending(void **state)
{
    static struct world w;
    struct worker_settings settings = world_settings();
    uint64_t lends[3] = {1, 1, 1};
    uint32_t admitted = 0;

    (void)state;
    settings.spools = false;
    world_open(&w, &settings);
    world_serve(&w);
    for (uint32_t i = 0; i < 10000; i++) {
        world_trace_reset(&w);
        if (world_task(&w, i, 1, i % 3, lends[i % 3]) != WORKER_OK) {
            break;
        }
        admitted++;
        (void)world_kill(&w, i, 1);
        lends[i % 3] = last_report(&w)->next_lend;
    }
    assert_true(admitted <= worker_slot_nr(w.worker));
    assert_true(admitted > worker_window(w.worker));
    world_close(&w);
}

static void without_memory_there_is_no_worker(void **state)
{
    struct worker_settings settings = world_settings();

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
        cmocka_unit_test(nothing_is_announced_too_early),
        cmocka_unit_test(a_drain_while_it_joins_announces_nothing_too_early),
        cmocka_unit_test(a_drain_hands_back_what_waits_and_stops_the_rest_later),
        cmocka_unit_test(a_full_disk_takes_nothing_and_loses_nothing),
        cmocka_unit_test(records_are_refused_by_epoch_and_sequence),
        cmocka_unit_test(the_position_waits_for_answers),
        cmocka_unit_test(short_attempts_are_told_once),
        cmocka_unit_test(timeouts_stop_and_insist),
        cmocka_unit_test(a_kill_while_starting_waits_for_the_start),
        cmocka_unit_test(a_newer_attempt_supersedes),
        cmocka_unit_test(another_grant_of_a_number_is_no_repeat),
        cmocka_unit_test(memory_holds_the_next_one_back),
        cmocka_unit_test(faults_after_the_exit_decide_a_success_only),
        cmocka_unit_test(refusals_are_bounded),
        cmocka_unit_test(unacknowledged_finishes_stop_the_lending),
        cmocka_unit_test(without_memory_there_is_no_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
