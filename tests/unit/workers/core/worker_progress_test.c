/* worker: signs of progress: how often they are told, and what silence comes to. */
#include "workers/core/worker.h"

#include <string.h>

#include "tests/unit/workers/core/worker_world.h"

/* Task 0, attempt 5 runs, with a heartbeat of 30 s beside its timeout of 60 s. */
static void world_run(struct world *w, exo_time heartbeat_ns, bool merges_accepted)
{
    struct worker_settings settings = world_settings();
    struct worker_event task = world_task_event(0, 5, 0, 1);

    settings.merges_accepted = merges_accepted;
    task.task.heartbeat_ns = heartbeat_ns;
    world_open(w, &settings);
    world_serve(w);
    assert_int_equal(world_step(w, &task), WORKER_OK);
    (void)world_on_slot(w, WORKER_ON_PREPARED, w->slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(w, WORKER_ON_STARTED, w->slot, ATTEMPT_EXITED, 0);
    world_trace_reset(w);
}

static void beats(struct world *w, int count)
{
    for (int i = 0; i < count; i++) {
        (void)world_beat(w);
    }
}

static uint32_t told(struct world *w)
{
    uint32_t count = 0;

    for (const char *at = w->trace; (at = strstr(at, "report progress 0/5")) != NULL; at++) {
        count++;
    }
    world_trace_reset(w);
    return count;
}

static const struct slot *slot_of(const struct world *w)
{
    return worker_slot(w->worker, w->slot.index);
}

static void progress_is_told_once_a_second(void **state)
{
    struct world w;

    (void)state;
    world_run(&w, 0, false);
    (void)world_progress(&w, w.slot, true);
    assert_int_equal(told(&w), 1); /* the first at once */
    for (int i = 0; i < 5; i++) {
        w.now_ns += 100 * EXO_MILLISECOND;
        (void)world_progress(&w, w.slot, true);
    }
    assert_int_equal(told(&w), 0);
    (void)world_beat(&w);
    assert_int_equal(told(&w), 1); /* the newest, with the beat */
    beats(&w, 5);
    assert_int_equal(told(&w), 0); /* nothing new */
    (void)world_progress(&w, w.slot, false);
    beats(&w, 2);
    assert_int_equal(told(&w), 0); /* a sign of life without words */
    (void)world_progress(&w, w.slot, true);
    assert_int_equal(told(&w), 1);
    world_close(&w);
}

static void progress_that_was_lost_is_told_again_while_it_runs(void **state)
{
    struct world w;

    (void)state;
    world_run(&w, 0, false);
    (void)world_progress(&w, w.slot, true);
    (void)world_answer(&w, WORKER_ON_REPORT_FAILED, w.report);
    world_trace_reset(&w);
    (void)world_beat(&w);
    assert_int_equal(told(&w), 1);
    (void)world_answer(&w, WORKER_ON_REPORT_FAILED, w.report);
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 0);
    beats(&w, 3);
    assert_int_equal(told(&w), 0);
    world_close(&w);
}

/* Its position must not pass a Task whose ACCEPTED is not in the log. */
static void progress_is_no_answer_to_the_task(void **state)
{
    struct world w;

    (void)state;
    world_run(&w, 0, false);
    assert_false(slot_of(&w)->is_answered);
    (void)world_progress(&w, w.slot, true);
    (void)world_answer(&w, WORKER_ON_REPORT_ACKED, w.report);
    assert_false(slot_of(&w)->is_answered);
    world_close(&w);

    world_run(&w, 0, true); /* ACCEPTED was held back: it comes first */
    (void)world_progress(&w, w.slot, true);
    world_trace_is(&w, "progress\n"
                       "  report accepted 0/5 h1\n"
                       "  report progress 0/5 h1\n");
    world_close(&w);
}

static void silence_ends_an_attempt_as_failed(void **state)
{
    struct world w;

    (void)state;
    world_run(&w, 30 * EXO_SECOND, false);
    beats(&w, 30);
    assert_int_equal(slot_of(&w)->state, SLOT_RUNNING); /* a sign may be seen a look later */
    world_trace_reset(&w);
    w.now_ns += EXO_SECOND;
    assert_true(worker_deadline(w.worker) <= w.now_ns);
    (void)world_simple(&w, WORKER_ON_TIMER);
    assert_int_equal(slot_of(&w)->state, SLOT_STOPPING);
    assert_non_null(strstr(w.trace, "stop 0 grace 7\n"));
    beats(&w, 12); /* it does not end: SIGKILL at once */
    assert_non_null(strstr(w.trace, "stop 0 grace 0\n"));
    /* Its answer to our signal is no status that `retries.never` may read. */
    (void)world_on_slot(&w, WORKER_ON_EXITED, w.slot, ATTEMPT_EXITED, 65);
    (void)world_on_slot(&w, WORKER_ON_COLLECTED, w.slot, ATTEMPT_EXITED, 0);
    (void)world_on_slot(&w, WORKER_ON_SPOOLED, w.slot, ATTEMPT_EXITED, 0);
    const struct worker_report *report = &w.actions.items[w.actions.count - 1].report;

    assert_int_equal(report->kind, WORKER_FINISHED);
    assert_int_equal(report->outcome, ATTEMPT_FAILED);
    assert_int_equal(report->exit_status, 0);
    assert_memory_equal(report->error, "HEARTBEAT_TIMEOUT: ", 19);
    world_close(&w);
}

static void a_sign_of_life_keeps_it_running(void **state)
{
    struct world w;

    (void)state;
    world_run(&w, 20 * EXO_SECOND, false);
    for (int i = 0; i < 2; i++) {
        beats(&w, 20);
        assert_int_equal(slot_of(&w)->state, SLOT_RUNNING);
        (void)world_progress(&w, w.slot, false);
    }
    beats(&w, 19);
    assert_int_equal(slot_of(&w)->state, SLOT_RUNNING);
    (void)world_progress(&w, w.slot, true);
    beats(&w, 1);
    assert_int_equal(slot_of(&w)->stop, STOP_TIMED_OUT); /* 60 s: its timeout holds beside it */
    assert_int_equal(world_progress(&w, w.slot, true), WORKER_ESTALE);
    world_close(&w);
}

/* A worker that was stopped, or starved, saw no signs either. */
static void a_worker_that_slept_looks_before_it_stops_anything(void **state)
{
    struct world w;

    (void)state;
    world_run(&w, 20 * EXO_SECOND, false);
    beats(&w, 5);
    w.now_ns += 40 * EXO_SECOND;
    (void)world_simple(&w, WORKER_ON_TIMER);
    assert_int_equal(slot_of(&w)->state, SLOT_RUNNING);
    (void)world_progress(&w, w.slot, false);
    beats(&w, 10);
    assert_int_equal(slot_of(&w)->state, SLOT_RUNNING);
    world_close(&w);

    world_run(&w, 20 * EXO_SECOND, false);
    w.now_ns += 40 * EXO_SECOND;
    (void)world_simple(&w, WORKER_ON_TIMER);
    beats(&w, 1);
    assert_int_equal(slot_of(&w)->stop, STOP_SILENT); /* it looked, and there was none */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_is_told_once_a_second),
        cmocka_unit_test(progress_that_was_lost_is_told_again_while_it_runs),
        cmocka_unit_test(progress_is_no_answer_to_the_task),
        cmocka_unit_test(silence_ends_an_attempt_as_failed),
        cmocka_unit_test(a_sign_of_life_keeps_it_running),
        cmocka_unit_test(a_worker_that_slept_looks_before_it_stops_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
