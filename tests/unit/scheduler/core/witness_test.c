/* witness: the loss of a worker that holds more than one step may change. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_loss_goes_on_step_by_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
