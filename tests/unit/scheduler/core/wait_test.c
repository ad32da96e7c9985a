/* wait: what satellites wait for that run nothing: time, signals, a person. */
#include "scheduler/core/sched.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

static void waits(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: nap, wait: {for: 10s}}\n"
                                  "    - {name: sign, wait: {signal: go}}\n"
                                  "    - {name: yes, wait: {approval: \"Deploy?\", timeout: 1h}}\n"
                                  "    - {name: early, wait: {signal: soon}}\n"
                                  "  output: [\"${{ satellites.sign.output }}\", \"${{ "
                                  "satellites.yes.output.approved_by }}\"]\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_task_state(&bench, "nap"), TASK_RUNNING);
    bench.now_ns += 9 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_task_state(&bench, "nap"), TASK_RUNNING);
    bench.now_ns += EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_task_state(&bench, "sign"), TASK_RUNNING);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_SIGNAL,
                                                                   .name = span_of("soon"),
                                                                   .value = span_of("2")}),
                     SCHED_OK);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_SIGNAL,
                                                                   .name = span_of("go"),
                                                                   .value = span_of("1")}),
                     SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "yes"), TASK_RUNNING);
    struct sched_command approve = {
        .kind = COMMAND_APPROVE, .task = span_of("sign"), .actor = span_of("ann")};

    assert_int_equal(bench_command(&bench, &approve), SCHED_ESTALE);
    approve.task = span_of("yes");
    assert_int_equal(bench_command(&bench, &approve), SCHED_OK);
    assert_string_equal(bench.output, "[1,\"ann\"]");
    bench_close(&bench);
}

/* The same signal sent again is one signal, however often. */
static void signals_are_taken_once(void **state)
{
    struct sched_bench bench;
    struct sched_command go = {.kind = COMMAND_SIGNAL,
                               .name = span_of("go"),
                               .value = span_of("1"),
                               .key = span_of("first")};

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: page\n"
                                  "      for_each: ${{ input.pages }}\n"
                                  "      satellites: [{name: sign, wait: {signal: go}}]\n");
    bench_submit(&bench, "{\"pages\":[1,2,3]}");
    assert_int_equal(bench_command(&bench, &go), SCHED_OK);
    assert_int_equal(bench_command(&bench, &go), SCHED_ESTALE);
    assert_int_equal(bench_task_state(&bench, "page.1.sign"), TASK_RUNNING);
    go.key = span_of("second");
    assert_int_equal(bench_command(&bench, &go), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "page.2.sign"), TASK_RUNNING);
    go.key = span_of("first");
    assert_int_equal(bench_command(&bench, &go), SCHED_ESTALE);
    go.name = span_of("stop"); /* another signal, kept for who will wait for it */
    assert_int_equal(bench_command(&bench, &go), SCHED_OK);
    assert_int_equal(bench_command(&bench, &go), SCHED_ESTALE);
    go.name = span_of("go");
    for (int i = 0; i < 64; i++) { /* older keys are forgotten in the end */
        char key[8] = {'k', (char)('0' + i / 10), (char)('0' + i % 10)};

        go.name = span_of("many");
        go.key = span_of(key);
        (void)bench_command(&bench, &go);
    }
    go = (struct sched_command){
        .kind = COMMAND_SIGNAL, .name = span_of("go"), .value = span_of("3")};
    assert_int_equal(bench_command(&bench, &go), SCHED_OK); /* without a key it is no repeat */
    assert_int_equal(bench_task_state(&bench, "page"), TASK_SUCCEEDED);
    bench_close(&bench);
}

/* Not the one that stands first in the file. */
static void a_signal_ends_the_oldest_wait(void **state)
{
    struct sched_bench bench;
    const struct sched_command go = {
        .kind = COMMAND_SIGNAL, .name = span_of("go"), .value = span_of("1")};

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: nap, needs: [], wait: {for: 10s}}\n"
                                  "    - {name: late, needs: [nap], wait: {signal: go}}\n"
                                  "    - name: page\n"
                                  "      needs: [nap]\n"
                                  "      satellites: [{name: inner, wait: {signal: go}}]\n"
                                  "    - {name: early, needs: [], wait: {signal: go}}\n");
    bench_submit(&bench, "{}");
    bench.now_ns += 10 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_task_state(&bench, "late"), TASK_RUNNING);
    assert_int_equal(bench_task_state(&bench, "page.inner"), TASK_RUNNING);
    assert_int_equal(bench_command(&bench, &go), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "early"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "late"), TASK_RUNNING);
    assert_int_equal(bench_command(&bench, &go),
                     SCHED_OK); /* as old as page.inner, and before it */
    assert_int_equal(bench_task_state(&bench, "late"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "page.inner"), TASK_RUNNING);
    bench_close(&bench);
}

static void a_wait_ends_by_its_timeout(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: sign, wait: {signal: go, timeout: 10s}}\n");
    bench_submit(&bench, "{}");
    bench.now_ns += 10 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_task_state(&bench, "sign"), TASK_RUNNING); /* the barrier first */
    bench_barrier(&bench);
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits),
        cmocka_unit_test(signals_are_taken_once),
        cmocka_unit_test(a_signal_ends_the_oldest_wait),
        cmocka_unit_test(a_wait_ends_by_its_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
