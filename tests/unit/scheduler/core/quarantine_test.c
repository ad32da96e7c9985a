/* quarantine: whom an input of our own concerns, one execution a TIMER, and an end that looks at
 * nothing of what was queued. */
#include "scheduler/core/sched.h"

#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

static const char cluster[] = "exosphere: v1\n"
                              "cluster:\n"
                              "  name: quarantine\n"
                              "  defaults: {image: \"oci:x\"}\n"
                              "  satellites:\n"
                              "    - {name: a, command: [x], retries: {limit: 2, base: 1s, jitter: "
                              "none}}\n"
                              "    - {name: b, command: [x]}\n";

static const struct sched_event timer = {.kind = SCHED_TIMER};

static enum sched_err bench_fail(struct sched_bench *bench)
{
    struct sched_event event = {.kind = SCHED_FAIL,
                                .failure = {bench->id, span_of("POISON: a test")}};

    return bench_step(bench, &event);
}

static void test_it_fails_with_its_reason(void **state)
{
    (void)state;
    struct sched_bench bench;

    bench_open(&bench, cluster);
    bench_submit(&bench, "{}");
    assert_int_equal(bench_fail(&bench), SCHED_OK);
    const struct execution *e = sched_find(bench.sched, &bench.id);

    assert_int_equal(e->state, EXECUTION_FAILED); /* nothing ran */
    assert_string_equal(e->error, "POISON: a test");
    assert_int_equal(bench_fail(&bench), SCHED_ESTALE);
    sched_sealed(bench.sched);
    assert_int_equal(bench_fail(&bench), SCHED_ESTALE);
    bench_close(&bench);
}

/* What runs is killed first; that it then ends well changes nothing. */
static void test_what_runs_is_killed(void **state)
{
    (void)state;
    struct sched_bench bench;

    bench_open(&bench, cluster);
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    sched_sealed(bench.sched);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_ACCEPTED, OUTCOME_NONE), SCHED_OK);
    assert_int_equal(bench_fail(&bench), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).kill_count, 1);
    assert_int_equal(sched_find(bench.sched, &bench.id)->state, EXECUTION_CANCELLING);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_FINISHED, OUTCOME_SUCCEEDED), SCHED_OK);
    const struct execution *e = sched_find(bench.sched, &bench.id);

    assert_int_equal(e->state, EXECUTION_FAILED);
    assert_string_equal(e->error, "POISON: a test");
    bench_close(&bench);
}

/* What was being ended already tells of the quarantine, not of why it was ended. */
static void test_what_ends_already_fails_with_its_reason(void **state)
{
    (void)state;
    struct sched_bench bench;

    bench_open(&bench, cluster);
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    sched_sealed(bench.sched);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_ACCEPTED, OUTCOME_NONE), SCHED_OK);
    bench_cancel(&bench);
    assert_int_equal(bench_fail(&bench), SCHED_OK);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_FINISHED, OUTCOME_CANCELLED), SCHED_OK);
    const struct execution *e = sched_find(bench.sched, &bench.id);

    assert_int_equal(e->state, EXECUTION_FAILED);
    assert_string_equal(e->error, "POISON: a test");
    bench_close(&bench);
}

/* A shard that changes hands while an execution is being ended knows why it is. */
static void test_the_reason_is_loaded(void **state)
{
    (void)state;
    struct sched_bench bench;

    bench_open(&bench, cluster);
    static const unsigned char cancelled = TASK_CANCELLED;
    struct wire_instance instance = {.state = TASK_CANCELLED,
                                     .task_count = 1,
                                     .counts = {[TASK_CANCELLED] = 1},
                                     .has_task = true,
                                     .task = {.states = {&cancelled, 1}}};
    struct wire_instance instances[2] = {instance, instance};
    struct sched_loaded loaded = {.id = {{7}},
                                  .definition = &bench.definition,
                                  .state = EXECUTION_CANCELLING,
                                  .input = span_of("{}"),
                                  .labels = span_of("{}"),
                                  .error = span_of("POISON: a test"),
                                  .body = {.instances = instances,
                                           .instance_count = 2,
                                           .next_number = 2,
                                           .task_total = 2,
                                           .ending = EXECUTION_FAILED}};

    assert_int_equal(sched_load_execution(bench.sched, &loaded), SCHED_OK);
    assert_int_equal(sched_load_done(bench.sched, bench.now_ns), SCHED_OK);
    bench_timer(&bench);
    const struct execution *e = sched_find(bench.sched, &loaded.id);

    assert_int_equal(e->state, EXECUTION_FAILED);
    assert_string_equal(e->error, "POISON: a test");
    bench_close(&bench);
}

static void test_a_timer_concerns_who_is_due_first(void **state)
{
    (void)state;
    struct sched_bench bench;
    struct execution_id id;

    bench_open(&bench, cluster);
    assert_false(sched_concerns(bench.sched, &timer, &id));
    bench_submit(&bench, "{}");
    assert_false(sched_concerns(bench.sched, &timer, &id)); /* nothing waits for time */
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_OK);
    assert_true(sched_concerns(bench.sched, &timer, &id));
    assert_true(execution_id_equal(&id, &bench.id));
    bench_close(&bench);
}

/* Two backoffs are due: a narrow TIMER goes about one, and the other is still told of. */
static void test_a_narrow_timer_goes_about_one(void **state)
{
    (void)state;
    struct sched_bench bench;
    struct execution_id first, second, id;

    bench_open(&bench, cluster);
    bench_submit(&bench, "{}");
    first = bench.id;
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_OK);
    bench.id.bytes[0] ^= 0x40;
    second = bench.id;
    struct sched_event submit = {.kind = SCHED_SUBMIT,
                                 .submit = {.id = second,
                                            .definition = &bench.definition,
                                            .input = span_of("{}"),
                                            .labels = span_of("{}"),
                                            .submitted_ns = bench.now_ns}};

    assert_int_equal(bench_step(&bench, &submit), SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_report(&bench, 0, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_OK);
    bench.now_ns += 10 * EXO_SECOND;
    sched_be_narrow(bench.sched, true);
    assert_true(sched_concerns(bench.sched, &timer, &id));
    assert_int_equal(bench_step(&bench, &timer), SCHED_OK);
    const struct execution *a = sched_find(bench.sched, &id);
    bool is_first = execution_id_equal(&id, &first);
    const struct execution *b = sched_find(bench.sched, is_first ? &second : &first);

    assert_int_equal(a->root.instances[0].task.state, TASK_READY);
    assert_int_equal(b->root.instances[0].task.state, TASK_BACKOFF);
    assert_true(sched_concerns(bench.sched, &timer, &id));
    assert_true(execution_id_equal(&id, &b->id));
    assert_int_equal(bench_step(&bench, &timer), SCHED_OK);
    assert_int_equal(b->root.instances[0].task.state, TASK_READY);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_fails_with_its_reason),
        cmocka_unit_test(test_what_runs_is_killed),
        cmocka_unit_test(test_what_ends_already_fails_with_its_reason),
        cmocka_unit_test(test_the_reason_is_loaded),
        cmocka_unit_test(test_a_timer_concerns_who_is_due_first),
        cmocka_unit_test(test_a_narrow_timer_goes_about_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
