/* stop: what a cancel does to Tasks that have not left, when it is more than one step may change.
 */
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

#define CLUSTER                                                                                    \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n"                                                                              \
    "    - {name: many, for_each: \"${{ [1, 2, 3, 4, 5, 6] }}\", command: [x]}\n"

enum { MANY = 6, STEP_TASKS = 2 };

/* All are granted, and not one of them has left. */
static void open(struct sched_bench *bench)
{
    bench_open_small(bench, CLUSTER, STEP_TASKS);
    bench_submit(bench, "{}");
    while (sched_has_work(bench->sched)) {
        bench_timer(bench);
    }
    assert_int_equal(bench_grant(bench), MANY);
}

static uint32_t count_dispatched(struct sched_bench *bench)
{
    const struct execution *e = sched_find(bench->sched, &bench->id);

    return e == NULL ? 0 : execution_instance(e, 0)->counts[TASK_DISPATCHED];
}

/* The journal says CANCELLING: what its batch granted stays here, also what the step did not reach,
 * and needs no kill. */
static void test_what_is_granted_with_a_cancel_stays_here(void **state)
{
    struct sched_bench bench;

    (void)state;
    open(&bench);
    bench_cancel(&bench);
    assert_true(count_dispatched(&bench) > 0);
    struct sched_batch batch = sched_batch(bench.sched);

    assert_int_equal(batch.dispatch_count, MANY);
    for (uint32_t i = 0; i < batch.dispatch_count; i++) {
        assert_false(sched_leaves(&batch.dispatches[i]));
    }
    bench_seal(&bench);
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
        assert_int_equal(sched_batch(bench.sched).kill_count, 0);
    }
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    assert_int_equal(fleet_available(bench.fleet, fleet_class(bench.fleet, span_of("default"))),
                     16);
    bench_close(&bench);
}

static bool is_killed(const struct sched_batch *batch, const struct sched_dispatch *dispatch)
{
    for (uint32_t i = 0; i < batch->kill_count; i++) {
        if (batch->kills[i].task.index == dispatch->index &&
            batch->kills[i].attempt == dispatch->attempt) {
            return true;
        }
    }
    return false;
}

/* Nobody knows whether they have left: they are sent again, none without its kill. */
static void test_what_is_sent_again_after_a_cancel_takes_its_kill_along(void **state)
{
    struct sched_bench bench;

    (void)state;
    open(&bench);
    bench_seal(&bench);
    for (uint32_t i = 0; i < MANY; i++) {
        sched_task_sent(bench.sched, &(struct task_id){bench.id, 0, i}, 1, TASK_UNSENT);
    }
    bench_cancel(&bench);
    assert_true(sched_has_work(bench.sched));
    bench_seal(&bench);
    assert_int_equal(sched_resend(bench.sched), SCHED_OK);
    struct sched_batch batch = sched_batch(bench.sched);

    assert_int_equal(batch.dispatch_count, MANY);
    for (uint32_t i = 0; i < batch.dispatch_count; i++) {
        assert_true(sched_leaves(&batch.dispatches[i]));
        assert_true(is_killed(&batch, &batch.dispatches[i]));
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_granted_with_a_cancel_stays_here),
        cmocka_unit_test(test_what_is_sent_again_after_a_cancel_takes_its_kill_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
