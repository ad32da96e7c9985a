/* worker_health: when a worker takes no more, what it still takes, and when it goes on. */
#include "workers/core/worker.h"

#include <string.h>

#include "tests/unit/workers/core/worker_world.h"

static void broken(struct world *w, enum worker_event_kind kind, uint64_t cause)
{
    const struct worker_event event = {
        .kind = kind, .slot = {.slot = w->slot, .end = ATTEMPT_BROKEN, .cause = cause}};

    (void)world_step(w, &event);
}

static void finish(struct world *w)
{
    (void)world_on_slot(w, WORKER_ON_COLLECTED, w->slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(w, WORKER_ON_SPOOLED, w->slot, ATTEMPT_EXITED, 0);
    (void)world_answer(w, WORKER_ON_REPORT_ACKED, w->report);
}

/* Task INDEX on ticket 0 cannot be prepared. */
static void unprepared(struct world *w, uint32_t index, uint64_t lend, uint64_t cause)
{
    assert_int_equal(world_task(w, index, 1, 0, lend), WORKER_OK);
    broken(w, WORKER_ON_UNPREPARED, cause);
    (void)world_answer(w, WORKER_ON_REPORT_ACKED, w->report);
}

/* Task INDEX on ticket 0 is prepared and starts. */
static void started(struct world *w, uint32_t index, uint64_t lend)
{
    assert_int_equal(world_task(w, index, 1, 0, lend), WORKER_OK);
    (void)world_on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(w, WORKER_ON_STARTED, w->slot, ATTEMPT_EXITED, 0);
}

static void open_and_serve(struct world *w)
{
    struct worker_settings settings = world_settings();

    world_open(w, &settings);
    world_serve(w);
    world_trace_reset(w);
}

static void what_starts_nothing_takes_one_now_and_then(void **state)
{
    struct world w;

    (void)state;
    open_and_serve(&w);
    unprepared(&w, 0, 1, 0);
    unprepared(&w, 1, 2, 0);
    world_trace_reset(&w);
    assert_int_equal(world_task(&w, 2, 1, 1, 1), WORKER_OK);
    broken(&w, WORKER_ON_UNPREPARED, 0);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    assert_true(worker_is_unfit(w.worker));
    (void)world_task(&w, 3, 1, 2, 1);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    w.now_ns += 5 * EXO_SECOND - 1;
    (void)world_tick(&w, "s1", 2, 9);
    w.now_ns += 1;
    (void)world_tick(&w, "s1", 3, 9);
    (void)world_tick(&w, "s1", 4, 9);
    assert_int_equal(world_task(&w, 4, 1, 0, 4), WORKER_OK);
    broken(&w, WORKER_ON_UNPREPARED, 0);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    w.now_ns += 10 * EXO_SECOND - 1;
    (void)world_tick(&w, "s1", 5, 9);
    w.now_ns += 1;
    (void)world_tick(&w, "s1", 6, 9);
    started(&w, 5, 5);
    assert_false(worker_is_unfit(w.worker));
    world_trace_is(&w, "task\n"
                       "  report accepted 2/1 h1\n"
                       "  prepare 2\n"
                       "unprepared\n"
                       "  report finished 2/1 h1 lost ticket 1.1 -> .0\n"
                       "  heartbeat  2 at 50 runs 2/1 lends\n"
                       "report_acked\n"
                       "  spool_delete 2\n"
                       "  forget 2\n"
                       "task rejected\n"
                       "  report rejected 3/1 h2\n"
                       "report_acked\n"
                       "tick\n"
                       "tick\n"
                       "  loan  s1:0.4\n"
                       "tick\n"
                       "task\n"
                       "  report accepted 4/1 h2\n"
                       "  prepare 4\n"
                       "unprepared\n"
                       "  report finished 4/1 h2 lost ticket 0.4 -> .0\n"
                       "report_acked\n"
                       "  spool_delete 4\n"
                       "  forget 4\n"
                       "tick\n"
                       "tick\n"
                       "  loan  s1:0.5\n"
                       "task\n"
                       "  report accepted 5/1 h2\n"
                       "  prepare 5\n"
                       "prepared\n"
                       "  start 5\n"
                       "started\n"
                       "  report started 5/1 h2\n"
                       "  heartbeat  3 at 50 runs 5/1 lends s1:1.2,2.2\n");
    world_close(&w);
}

static uint64_t loans_in(const struct world *w)
{
    uint64_t count = 0;

    for (const char *at = w->trace; (at = strstr(at, "  loan ")) != NULL; at++) {
        count++;
    }
    return count;
}

/* Brings a new world to where nothing starts; the last loan of ticket 0 is 3. */
static void make_unfit(struct world *w)
{
    open_and_serve(w);
    for (uint32_t i = 0; i < WORKER_UNFIT_ROW; i++) {
        unprepared(w, i, i + 1, 0);
    }
    assert_true(worker_is_unfit(w->worker));
    world_trace_reset(w);
}

static void a_probe_waits_for_who_wants_it_and_moves_on(void **state)
{
    struct world w;

    (void)state;
    make_unfit(&w);
    for (uint64_t i = 2; i < 100; i++) {
        (void)world_beat(&w);
        (void)world_tick(&w, "s1", i, 0);
        (void)world_tick(&w, "s2", i, 0);
    }
    assert_int_equal(loans_in(&w), 0); /* nobody has work */
    (void)world_tick(&w, "s2", 100, 1);
    assert_non_null(strstr(w.trace, "  loan  s2:0.4\n"));
    world_trace_reset(&w);
    for (uint64_t i = 101; i < 111; i++) { /* it has not taken it: s1 has work as well */
        (void)world_beat(&w);
        (void)world_tick(&w, "s2", i, 1);
        (void)world_tick(&w, "s1", i, 1);
    }
    assert_null(strstr(w.trace, "s2:0.5"));
    assert_non_null(strstr(w.trace, "s1:0.5"));
    world_close(&w);
}

static void probes_come_once_a_minute_at_least(void **state)
{
    struct world w;
    uint64_t before = 0;

    (void)state;
    make_unfit(&w);
    for (uint64_t i = 0; i < 20 * 60; i++) {
        w.now_ns += EXO_SECOND;
        (void)world_tick(&w, "s1", 2 + i, 1);
        if (i == 10 * 60) {
            before = loans_in(&w);
        }
    }
    assert_in_range(before, 10, 14);
    assert_in_range(loans_in(&w) - before, 9, 10);
    world_close(&w);
}

static void one_image_that_nobody_has_is_no_trouble_of_the_machine(void **state)
{
    struct world w;

    (void)state;
    open_and_serve(&w);
    for (uint32_t i = 0; i < 10; i++) {
        unprepared(&w, i, i + 1, 7);
    }
    unprepared(&w, 10, 11, 8);
    for (uint32_t i = 11; i < 20; i++) {
        unprepared(&w, i, i + 1, 7 + i % 2);
    }
    assert_false(worker_is_unfit(w.worker));
    unprepared(&w, 20, 21, 9); /* the third that cannot be had */
    assert_true(worker_is_unfit(w.worker));
    world_close(&w);
}

static void a_start_begins_the_row_anew(void **state)
{
    struct world w;

    (void)state;
    open_and_serve(&w);
    unprepared(&w, 0, 1, 0);
    unprepared(&w, 1, 2, 0);
    started(&w, 2, 3);
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 1);
    finish(&w);
    unprepared(&w, 3, 4, 0);
    unprepared(&w, 4, 5, 0);
    assert_false(worker_is_unfit(w.worker));
    unprepared(&w, 5, 6, 0);
    assert_true(worker_is_unfit(w.worker));
    world_close(&w);
}

static void only_what_was_not_started_counts(void **state)
{
    struct world w;

    (void)state;
    open_and_serve(&w);
    for (uint32_t i = 0; i < 10; i++) { /* the task's own fault */
        assert_int_equal(world_task(&w, i, 1, 0, i + 1), WORKER_OK);
        (void)world_on_slot(&w, WORKER_ON_UNPREPARED, w.slot, ATTEMPT_REFUSED, 0);
        (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    }
    for (uint32_t i = 10; i < 20; i++) { /* it ran */
        started(&w, i, i + 1);
        broken(&w, WORKER_ON_EXITED, 0);
        finish(&w);
    }
    assert_false(worker_is_unfit(w.worker));
    for (uint32_t i = 20; i < 20 + WORKER_UNFIT_ROW; i++) { /* the sandbox could not */
        assert_int_equal(world_task(&w, i, 1, 0, i + 1), WORKER_OK);
        (void)world_on_slot(&w, WORKER_ON_PREPARED, w.slot, ATTEMPT_EXITED, 0);
        broken(&w, WORKER_ON_EXITED, 0);
        finish(&w);
    }
    assert_true(worker_is_unfit(w.worker));
    world_close(&w);
}

/* Without room, or on its way out, it does not even try one. */
static void no_probe_where_nothing_is_taken(void **state)
{
    struct world w;

    (void)state;
    make_unfit(&w);
    (void)world_step(&w, &(struct worker_event){.kind = WORKER_ON_ROOM, .room.is_full = true});
    w.now_ns += EXO_MINUTE;
    (void)world_tick(&w, "s1", 2, 9);
    assert_int_equal(loans_in(&w), 0);
    (void)world_step(&w, &(struct worker_event){.kind = WORKER_ON_ROOM, .room.is_full = false});
    assert_non_null(strstr(w.trace, "lends s1:0.4\n"));
    (void)world_drain(&w, EXO_HOUR);
    assert_null(strstr(w.trace, "  loan "));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_starts_nothing_takes_one_now_and_then),
        cmocka_unit_test(a_probe_waits_for_who_wants_it_and_moves_on),
        cmocka_unit_test(probes_come_once_a_minute_at_least),
        cmocka_unit_test(one_image_that_nobody_has_is_no_trouble_of_the_machine),
        cmocka_unit_test(a_start_begins_the_row_anew),
        cmocka_unit_test(only_what_was_not_started_counts),
        cmocka_unit_test(no_probe_where_nothing_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
