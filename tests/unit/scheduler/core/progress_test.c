/* progress: what a running attempt says is kept, told, and written, at its pace. */
#include "scheduler/core/sched.h"

#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

static const char cluster[] =
    "exosphere: v1\n"
    "cluster:\n"
    "  name: c\n"
    "  defaults: {image: \"oci:x\"}\n"
    "  satellites:\n"
    "    - {name: one, needs: [], command: [x], retries: {limit: 3, base: 1s, jitter: none}}\n"
    "    - {name: each, needs: [], command: [x], for_each: \"${{ [1, 2] }}\"}\n";

enum { ONE, EACH };

static enum sched_err say(struct sched_bench *bench, uint32_t instance, uint32_t index,
                          uint32_t attempt, const char *json)
{
    const struct sched_event event = {.kind = SCHED_REPORT,
                                      .report = {.worker = span_of("w"),
                                                 .incarnation = 7,
                                                 .report = {.kind = REPORT_PROGRESS,
                                                            .task = {bench->id, instance, index},
                                                            .attempt = attempt,
                                                            .progress = span_of(json)}}};

    return bench_step(bench, &event);
}

static const struct lease *lease_of(struct sched_bench *bench, uint32_t instance, uint32_t index)
{
    const struct execution *e = sched_find(bench->sched, &bench->id);

    return execution_task(&e->root.instances[instance], index)->lease;
}

static bool is_said(struct sched_bench *bench, uint32_t instance, uint32_t index, const char *json)
{
    const struct lease *lease = lease_of(bench, instance, index);

    return span_is((struct span){lease->progress, lease->progress_bytes}, json);
}

static void begin(struct sched_bench *bench)
{
    bench_open(bench, cluster);
    bench_submit(bench, "{}");
    assert_int_equal(bench_grant(bench), 3);
    bench_seal(bench);
    assert_true(sched_is_empty(bench->sched));
}

static void it_is_told_without_a_change(void **state)
{
    struct sched_bench bench;

    (void)state;
    begin(&bench);
    assert_int_equal(bench_report(&bench, ONE, 0, REPORT_ACCEPTED, OUTCOME_NONE), SCHED_OK);
    bench_seal(&bench);
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":1}"), SCHED_OK);
    struct sched_batch batch = sched_batch(bench.sched);

    assert_int_equal(batch.progress_count, 1);
    assert_int_equal(batch.progress[0].attempt, 1);
    assert_int_equal(batch.change_count, 0); /* nothing for the journal */
    assert_non_null(batch.dirty);            /* its row shows it */
    assert_true(is_said(&bench, ONE, 0, "{\"percent\":1}"));
    bench_seal(&bench);
    assert_int_equal(sched_batch(bench.sched).progress_count, 0);
    bench_close(&bench);
}

/* Since when an attempt runs is seen while it runs. */
static void the_start_is_written(void **state)
{
    struct sched_bench bench;

    (void)state;
    begin(&bench);
    bench.now_ns += 60 * EXO_SECOND; /* nothing was written just now */
    for (uint32_t instance = ONE; instance <= EACH; instance++) {
        assert_int_equal(bench_report(&bench, instance, 0, REPORT_ACCEPTED, OUTCOME_NONE),
                         SCHED_OK);
        bench_seal(&bench);
        assert_null(sched_batch(bench.sched).dirty);
        assert_int_equal(bench_report(&bench, instance, 0, REPORT_STARTED, OUTCOME_NONE), SCHED_OK);
        assert_non_null(sched_batch(bench.sched).dirty);
        assert_int_equal(sched_batch(bench.sched).change_count, 0);
        assert_int_equal(sched_batch(bench.sched).progress_count, 0);
        bench_seal(&bench);
    }
    bench_close(&bench);
}

static void it_implies_that_the_attempt_runs(void **state)
{
    struct sched_bench bench;

    (void)state;
    begin(&bench);
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":1}"), SCHED_OK);
    assert_int_equal(bench_state(&bench, ONE), TASK_RUNNING);
    bench_close(&bench);
}

static void haste_is_kept_for_the_next(void **state)
{
    struct sched_bench bench;

    (void)state;
    begin(&bench);
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":1}"), SCHED_OK);
    bench_seal(&bench);
    bench.now_ns += 100 * EXO_MILLISECOND;
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":2}"), SCHED_OK);
    assert_true(sched_is_empty(bench.sched));
    assert_true(is_said(&bench, ONE, 0, "{\"percent\":2}"));
    bench.now_ns += EXO_SECOND;
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":3}"), SCHED_OK);
    assert_int_equal(sched_batch(bench.sched).progress_count, 1);
    bench_close(&bench);
}

/* A page is not written for every second of each of its tasks; watchers hear of all. */
static void a_page_is_written_now_and_then(void **state)
{
    struct sched_bench bench;
    uint32_t written = 0;
    uint32_t told = 0;

    (void)state;
    begin(&bench);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(bench_report(&bench, EACH, i, REPORT_ACCEPTED, OUTCOME_NONE), SCHED_OK);
    }
    bench_seal(&bench);
    bench.now_ns += 10 * EXO_SECOND;
    for (uint32_t i = 0; i < 20; i++) {
        assert_int_equal(say(&bench, EACH, i % 2, 1, "{\"percent\":1}"), SCHED_OK);
        struct sched_batch batch = sched_batch(bench.sched);

        told += batch.progress_count;
        written += batch.page_count;
        bench_seal(&bench);
        bench.now_ns += 500 * EXO_MILLISECOND;
    }
    assert_int_equal(told, 20);
    assert_int_equal(written, 2); /* in 10 s */
    bench_close(&bench);
}

static void it_is_gone_with_the_attempt(void **state)
{
    struct sched_bench bench;

    (void)state;
    begin(&bench);
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":99}"), SCHED_OK);
    assert_int_equal(bench_report(&bench, ONE, 0, REPORT_FINISHED, OUTCOME_FAILED), SCHED_OK);
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":100}"), SCHED_ESTALE);
    bench_seal(&bench);
    bench.now_ns += EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(lease_of(&bench, ONE, 0)->progress_bytes, 0);
    assert_int_equal(say(&bench, ONE, 0, 1, "{\"percent\":100}"), SCHED_ESTALE);
    assert_int_equal(say(&bench, ONE, 0, 2, "{\"percent\":5}"), SCHED_OK);
    assert_true(is_said(&bench, ONE, 0, "{\"percent\":5}"));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_told_without_a_change),
        cmocka_unit_test(the_start_is_written),
        cmocka_unit_test(it_implies_that_the_attempt_runs),
        cmocka_unit_test(haste_is_kept_for_the_next),
        cmocka_unit_test(a_page_is_written_now_and_then),
        cmocka_unit_test(it_is_gone_with_the_attempt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
