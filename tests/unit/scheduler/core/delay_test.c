/* an execution that starts later: nothing of it begins before, whatever happens meanwhile. */
#include "scheduler/core/sched.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

static const char one[] = BENCH_HEAD "  timeout: 10s\n"
                                     "  sla: 5s\n"
                                     "  satellites:\n"
                                     "    - {name: a, command: [x]}\n"
                                     "    - {name: last, final: true, command: [x]}\n";

static void submit(struct sched_bench *bench, exo_time start_ns)
{
    const struct sched_event event = {.kind = SCHED_SUBMIT,
                                      .submit = {.id = bench->id,
                                                 .definition = &bench->definition,
                                                 .input = span_of("{}"),
                                                 .labels = span_of("{}"),
                                                 .submitted_ns = bench->now_ns,
                                                 .start_ns = start_ns}};

    assert_int_equal(bench_step(bench, &event), SCHED_OK);
}

static void it_begins_at_its_time(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, one);
    submit(&bench, 100 * EXO_SECOND);
    const struct execution *e = sched_find(bench.sched, &bench.id);

    assert_int_equal(e->deadline_ns, 105 * EXO_SECOND);
    assert_int_equal(e->timeout_at_ns, 110 * EXO_SECOND);
    assert_int_equal(sched_deadline(bench.sched), 100 * EXO_SECOND);
    bench_seal(&bench);
    bench.now_ns = 100 * EXO_SECOND - 1;
    bench_timer(&bench);
    assert_int_equal(bench_grant(&bench), 0);
    assert_int_equal(e->state, EXECUTION_QUEUED);
    bench.now_ns++;
    bench_timer(&bench);
    assert_int_equal(e->start_ns, 0);
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(e->state, EXECUTION_RUNNING);
    bench_seal(&bench);
    bench_close(&bench);
}

static void a_time_that_has_passed_is_now(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, one);
    submit(&bench, 1);
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench_close(&bench);
}

/* It has run nothing: its final satellites do not run either. */
static void a_cancel_ends_it_at_once(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, one);
    submit(&bench, 100 * EXO_SECOND);
    bench_cancel(&bench);
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    assert_true(sched_deadline(bench.sched) == EXO_TIME_NEVER);
    bench_seal(&bench);
    bench.now_ns = 200 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_grant(&bench), 0);
    bench_close(&bench);
}

static void a_pause_outlasts_its_time(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, one);
    submit(&bench, 100 * EXO_SECOND);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_PAUSE}),
                     SCHED_OK);
    bench.now_ns = 101 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_grant(&bench), 0);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_RESUME}),
                     SCHED_OK);
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
    }
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench_close(&bench);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_at_its_time),
        cmocka_unit_test(a_time_that_has_passed_is_now),
        cmocka_unit_test(a_cancel_ends_it_at_once),
        cmocka_unit_test(a_pause_outlasts_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
