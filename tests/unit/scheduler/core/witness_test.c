/* witness: the loss of a worker that holds more than one step may change, and who holds what. */
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

#define CLUSTER                                                                                    \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n"                                                                              \
    "    - {name: many, for_each: \"${{ [1, 2, 3, 4, 5, 6, 7] }}\", command: [x]}\n"

enum { MANY = 7, STEP_TASKS = 2 };

static void test_a_loss_goes_on_step_by_step(void **state)
{
    struct sched_bench bench;
    struct sched_event event = {
        .kind = SCHED_WITNESS,
        .witness = {.kind = FLEET_LEFT, .worker = span_of("w"), .incarnation = 7}};
    enum sched_err result = SCHED_EMORE;
    uint32_t steps = 0;

    (void)state;
    bench_open_small(&bench, CLUSTER, STEP_TASKS);
    bench_submit(&bench, "{}");
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
    }
    assert_int_equal(bench_grant(&bench), MANY);
    const struct instance *many = execution_instance(sched_find(bench.sched, &bench.id), 0);

    for (; result == SCHED_EMORE; steps++) {
        uint32_t before = sched_batch(bench.sched).change_count;

        result = bench_step(&bench, &event);
        assert_true(sched_batch(bench.sched).change_count - before <= STEP_TASKS);
        bench_seal(&bench);
    }
    assert_int_equal(result, SCHED_OK);
    assert_int_equal(steps, (MANY + STEP_TASKS - 1) / STEP_TASKS);
    assert_int_equal(many->counts[TASK_READY], MANY);
    bench_close(&bench);
}

#define ONE BENCH_HEAD "  satellites: [{name: a, command: [x], retries: {limit: 3}}]\n"

static enum sched_err report_of(struct sched_bench *bench, const char *worker,
                                enum wire_report_kind kind, enum wire_outcome outcome)
{
    const struct sched_event event = {.kind = SCHED_REPORT,
                                      .report = {.worker = span_of(worker),
                                                 .incarnation = 7,
                                                 .report = {.kind = kind,
                                                            .task = {bench->id, 0, 0},
                                                            .attempt = 1,
                                                            .outcome = outcome,
                                                            .output = span_of("1"),
                                                            .heartbeat = 900}}};

    return bench_step(bench, &event);
}

/* What v runs under this number was granted to it in a time that never was (ADR 0023). */
static void test_only_the_holder_speaks_of_an_attempt(void **state)
{
    struct sched_bench bench;
    struct wire_running running = {.attempt = 1};
    struct sched_event beat = {
        .kind = SCHED_WITNESS,
        .witness = {.kind = FLEET_ABSENT, .incarnation = 7, .heartbeat = 901, .running_count = 1}};

    (void)state;
    bench_open(&bench, ONE);
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    assert_int_equal(report_of(&bench, "v", REPORT_ACCEPTED, OUTCOME_NONE), SCHED_ESTALE);
    assert_int_equal(report_of(&bench, "v", REPORT_REJECTED, OUTCOME_NONE), SCHED_ESTALE);
    assert_int_equal(report_of(&bench, "v", REPORT_FINISHED, OUTCOME_SUCCEEDED), SCHED_ESTALE);
    assert_int_equal(bench_state(&bench, 0), TASK_DISPATCHED);

    running.task = (struct task_id){bench.id, 0, 0};
    beat.witness.running = &running;
    beat.witness.worker = span_of("w");
    assert_int_equal(bench_step(&bench, &beat), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).kill_count, 0);
    beat.witness.worker = span_of("v");
    assert_true(sched_is_concerned(bench.sched, &beat.witness));
    assert_int_equal(bench_step(&bench, &beat), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).kill_count, 1);

    assert_int_equal(report_of(&bench, "w", REPORT_FINISHED, OUTCOME_SUCCEEDED), SCHED_OK);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loss_goes_on_step_by_step),
        cmocka_unit_test(test_only_the_holder_speaks_of_an_attempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
