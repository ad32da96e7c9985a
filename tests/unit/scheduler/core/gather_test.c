/* gather: a task that runs in a batch is refused for what its user wrote, never for want of memory.
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

#define CLUSTER                                                                                    \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n"                                                                              \
    "    - {name: first, command: [x]}\n"                                                          \
    "    - {name: one, command: [x], input: {text: \"${{ input.text }}\"},\n"                      \
    "       batch: {size: 2, interval: 1s, key: \"k ${{ input.go }}\"}}\n"

enum { FIRST, ONE, TEXT_BYTES = 70 << 10 };

/* The end of `first` lets `one` ask; gives what the core says. */
static enum sched_err ask(struct sched_bench *bench)
{
    struct sched_event event = {.kind = SCHED_REPORT,
                                .report = {.worker = span_of("w"),
                                           .incarnation = 7,
                                           .report = {.kind = REPORT_FINISHED,
                                                      .task = {bench->id, FIRST, 0},
                                                      .attempt = 1,
                                                      .outcome = OUTCOME_SUCCEEDED,
                                                      .output = span_of("1")}}};

    return sched_step(bench->sched, &event, bench->now_ns);
}

static void open(struct sched_bench *bench, const char *input)
{
    bench_open(bench, CLUSTER);
    bench_submit(bench, input);
    assert_int_equal(bench_grant(bench), 1);
    bench_seal(bench);
}

static void test_without_memory_nobody_is_refused(void **state)
{
    enum sched_err result = SCHED_EMEMORY;
    uint32_t broken = 0;

    (void)state;
    for (size_t more = 1; result != SCHED_OK; more += 16) {
        struct sched_bench bench;

        open(&bench, "{\"go\":true,\"text\":\"short\"}");
        bench.budget.limit_bytes = bench.budget.used_bytes + more;
        result = ask(&bench);
        broken += result == SCHED_EMEMORY;
        assert_true(result == SCHED_EMEMORY || bench_state(&bench, ONE) == TASK_DISPATCHED);
        bench_close(&bench);
    }
    assert_true(broken > 10);
}

static void test_what_is_too_long_is_refused(void **state)
{
    static char input[TEXT_BYTES + 64];
    struct sched_bench bench;
    int at = snprintf(input, sizeof(input), "{\"go\":true,\"text\":\"");

    (void)state;
    memset(input + at, 'x', TEXT_BYTES);
    (void)snprintf(input + at + TEXT_BYTES, 3, "\"}");
    open(&bench, input);
    assert_int_equal(ask(&bench), SCHED_OK);
    assert_int_equal(sched_find(bench.sched, &bench.id)->state, EXECUTION_FAILED);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_memory_nobody_is_refused),
        cmocka_unit_test(test_what_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
