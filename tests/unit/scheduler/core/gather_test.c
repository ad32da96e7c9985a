/* gather: what tasks ask with, how many of them at a time, and what they make of the answers; a
 * task that runs in a batch is refused for what its user wrote, never for want of memory. */
#include <stdio.h>
#include <string.h>

#include "schemas/vocab/limits.h"
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

/* The input is long, so that memory that is too little for it is enough to refuse it. */
static void test_without_memory_nobody_is_refused(void **state)
{
    enum sched_err result = SCHED_EMEMORY;
    uint32_t broken = 0;
    char input[(16 << 10) + 64];

    (void)state;
    (void)snprintf(input, sizeof(input), "{\"go\":true,\"text\":\"%0*d\"}", 16 << 10, 0);
    for (size_t more = 1; result != SCHED_OK; more += 128) {
        struct sched_bench bench;

        open(&bench, input);
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

#define HEAD                                                                                       \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\", retries: {limit: 1, base: 1s, cap: 1s, jitter: none}}\n"       \
    "  satellites:\n"

/* The asks of the open batch, as "INDEX:ATTEMPT:KEY" or "-INDEX" for one that leaves. */
static void assert_asks(struct sched_bench *bench, const char *wanted)
{
    struct sched_batch batch = sched_batch(bench->sched);
    char text[256] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < batch.ask_count; i++) {
        const struct sched_ask *ask = &batch.asks[i];

        used += (size_t)(ask->is_leave
                             ? snprintf(text + used, sizeof(text) - used, "-%u ", ask->task.index)
                             : snprintf(text + used, sizeof(text) - used, "%u:%u:%.*s ",
                                        ask->task.index, ask->attempt, SPAN_ARG(ask->key)));
        assert_true(used < sizeof(text));
        assert_true(ask->is_leave == (ask->item.bytes == 0));
    }
    assert_string_equal(text, wanted);
}

static enum sched_err answer(struct sched_bench *bench, uint32_t index, uint32_t attempt,
                             enum wire_outcome outcome, const char *text)
{
    const struct sched_event event = {
        .kind = SCHED_GATHERED,
        .gathered = {.task = {bench->id, 0, index},
                     .attempt = attempt,
                     .has_execution = true,
                     .execution = {{7}},
                     .outcome = outcome,
                     .output = span_of(outcome == OUTCOME_SUCCEEDED ? text : ""),
                     .error = span_of(outcome == OUTCOME_SUCCEEDED ? "" : text)}};

    return bench_step(bench, &event);
}

/* A time that never was asked under the same number, for another task. */
static void an_answer_is_to_the_ask_that_stands(void **state)
{
    struct sched_bench bench;
    struct sched_event event = {
        .kind = SCHED_GATHERED,
        .gathered = {
            .attempt = 1, .asked = 8, .outcome = OUTCOME_SUCCEEDED, .output = span_of("1")}};

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, command: [x], batch: {size: 2, interval: 5s}}\n");
    sched_own(bench.sched, 9);
    bench_submit(&bench, "{}");
    assert_int_equal(sched_batch(bench.sched).asks[0].asked, 9);
    event.gathered.task.execution = bench.id;
    assert_int_equal(bench_step(&bench, &event), SCHED_ESTALE);
    event.gathered.asked = 9;
    assert_int_equal(bench_step(&bench, &event), SCHED_OK);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    bench_close(&bench);
}

/* Twice the size of a batch at a time; the next ones when some have started. */
static void asks_are_bounded(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, for_each: \"${{ input.l }}\", as: x, command: [x],\n"
                            "       batch: {size: 2, interval: 5s, key: \"k${{ x }}\"},\n"
                            "       input: {n: \"${{ x }}\"}}\n");
    bench_submit(&bench, "{\"l\":[10,11,12,13,14,15]}");
    assert_asks(&bench, "0:1:k10 1:1:k11 2:1:k12 3:1:k13 ");
    struct sched_batch batch = sched_batch(bench.sched);
    char item[160];

    (void)snprintf(item, sizeof(item), "%.*s", SPAN_ARG(batch.asks[3].item));
    assert_string_equal(item, "{\"execution\":\"01020300-0000-0000-0000-000000000000\",\"task\":"
                              "\"m.3\",\"input\":{\"n\":13}}");
    assert_int_equal(bench_grant(&bench), 0); /* no worker gets one */
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_DISPATCHED);
    assert_int_equal(bench_task_state(&bench, "m.4"), TASK_READY);
    bench_seal(&bench);
    assert_asks(&bench, "");
    assert_int_equal(answer(&bench, 0, 1, OUTCOME_NONE, ""), SCHED_OK);
    assert_int_equal(answer(&bench, 0, 1, OUTCOME_NONE, ""), SCHED_ESTALE);
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_RUNNING);
    assert_asks(&bench, "4:1:k14 ");
    bench_cancel(&bench);
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
    }
    bench_seal(&bench);
    bench_close(&bench);
}

/* A result, an error of one item, one of a batch, and answers nobody waits for. */
static void results_end_attempts(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, for_each: \"${{ input.l }}\", command: [x],\n"
                            "       continue_on_error: true, batch: {size: 2, interval: 5s}}\n"
                            "  output: ${{ satellites.m.output }}\n");
    bench_submit(&bench, "{\"l\":[1,2,3]}");
    assert_asks(&bench, "0:1: 1:1: 2:1: ");
    bench_seal(&bench);
    assert_int_equal(answer(&bench, 0, 1, OUTCOME_SUCCEEDED, "11"), SCHED_OK);
    assert_int_equal(answer(&bench, 0, 1, OUTCOME_SUCCEEDED, "12"), SCHED_ESTALE);
    assert_int_equal(answer(&bench, 1, 1, OUTCOME_FAILED, "no such word"), SCHED_OK);
    assert_int_equal(answer(&bench, 2, 1, OUTCOME_NEVER_AGAIN, "BATCH: exit 65"), SCHED_OK);
    assert_int_equal(answer(&bench, 9, 1, OUTCOME_SUCCEEDED, "1"), SCHED_ESTALE);
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "m.1"), TASK_BACKOFF);
    assert_int_equal(bench_task_state(&bench, "m.2"), TASK_FAILED);
    bench_seal(&bench);
    bench.now_ns += EXO_SECOND;
    bench_timer(&bench);
    assert_asks(&bench, "1:2: "); /* another attempt, another name in the books */
    bench_seal(&bench);
    assert_int_equal(answer(&bench, 1, 1, OUTCOME_SUCCEEDED, "21"), SCHED_ESTALE);
    assert_int_equal(answer(&bench, 1, 2, OUTCOME_SUCCEEDED, "22"), SCHED_OK);
    bench_values(&bench);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    assert_string_equal(bench.output, "[11,22,null]");
    bench_close(&bench);
}

/* What would not fit a batch fails its task, and asks nobody. */
static void items_are_bounded(void **state)
{
    static char large[LIMIT_INLINE_BYTES + 64];
    struct sched_bench bench;
    size_t used = 0;

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, for_each: \"${{ input.l }}\", command: [x],\n"
                            "       batch: {size: 2, interval: 5s, key: \"${{ item.k }}\"},\n"
                            "       input: \"${{ item.i }}\"}\n");
    used += (size_t)snprintf(large, sizeof(large), "{\"l\":[{\"k\":\"a\",\"i\":");
    for (int i = 0; i < 28; i++) {
        used += (size_t)snprintf(large + used, sizeof(large) - used, "[");
    }
    for (int i = 0; i < 28; i++) {
        used += (size_t)snprintf(large + used, sizeof(large) - used, "]");
    }
    (void)snprintf(large + used, sizeof(large) - used, "},{\"k\":\"a\",\"i\":[1]},{\"i\":1}]}");
    bench_submit(&bench, large);
    assert_asks(&bench, "0:1:a 1:1:a ");
    assert_int_equal(bench_task_state(&bench, "m.2"), TASK_FAILED); /* has no key */
    bench_seal(&bench);
    bench_close(&bench);

    bench_open(&bench, HEAD "    - {name: m, for_each: \"${{ input.l }}\", command: [x],\n"
                            "       batch: {size: 2, interval: 5s}, input: [\"${{ item }}\"]}\n");
    used = (size_t)snprintf(large, sizeof(large), "{\"l\":[");
    for (int i = 0; i < 28; i++) {
        used += (size_t)snprintf(large + used, sizeof(large) - used, "[");
    }
    for (int i = 0; i < 28; i++) {
        used += (size_t)snprintf(large + used, sizeof(large) - used, "]");
    }
    (void)snprintf(large + used, sizeof(large) - used, "]}");
    bench_submit(&bench, large);
    assert_asks(&bench, "");
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_seal(&bench);
    bench_close(&bench);
}

/* Who is cancelled leaves, whether its batch has started or not; its answer is late. */
static void a_cancelled_task_leaves(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, for_each: \"${{ input.l }}\", command: [x],\n"
                            "       continue_on_error: true, batch: {size: 2, interval: 5s}}\n"
                            "    - {name: last, needs: [], command: [x]}\n");
    bench_submit(&bench, "{\"l\":[1,2]}");
    bench_seal(&bench);
    assert_int_equal(answer(&bench, 1, 1, OUTCOME_NONE, ""), SCHED_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(
            bench_command(&bench, &(struct sched_command){.kind = COMMAND_CANCEL,
                                                          .task = span_of(i == 0 ? "m.0" : "m.1")}),
            SCHED_OK);
    }
    assert_asks(&bench, "-0 -1 ");
    assert_int_equal(bench_task_state(&bench, "m"), TASK_CANCELLED);
    assert_int_equal(answer(&bench, 1, 1, OUTCOME_SUCCEEDED, "1"), SCHED_ESTALE);
    bench_seal(&bench);
    bench_close(&bench);
}

/* While messages to other shards do not leave, nobody asks; and nobody is forgotten. */
static void asks_are_held(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, command: [x], batch: {size: 2, interval: 5s}}\n");
    sched_hold_asks(bench.sched, true);
    bench_submit(&bench, "{}");
    assert_asks(&bench, "");
    assert_int_equal(bench_task_state(&bench, "m"), TASK_READY);
    bench_seal(&bench);
    assert_asks(&bench, "");
    sched_hold_asks(bench.sched, false);
    bench_timer(&bench);
    assert_asks(&bench, "0:1: ");
    bench_seal(&bench);
    assert_int_equal(answer(&bench, 0, 1, OUTCOME_SUCCEEDED, "5"), SCHED_OK);
    bench_seal(&bench);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    bench_close(&bench);
}

/* What is paused asks for nothing more. */
static void a_pause_holds_what_has_not_asked(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, HEAD "    - {name: m, for_each: \"${{ input.l }}\", command: [x],\n"
                            "       max_parallel: 1, batch: {size: 2, interval: 5s}}\n");
    bench_submit(&bench, "{\"l\":[1,2]}");
    assert_asks(&bench, "0:1: "); /* max_parallel counts who waits */
    bench_seal(&bench);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_PAUSE}),
                     SCHED_OK);
    assert_int_equal(answer(&bench, 0, 1, OUTCOME_SUCCEEDED, "1"), SCHED_OK);
    assert_asks(&bench, "");
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_RESUME}),
                     SCHED_OK);
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
    }
    assert_asks(&bench, "1:1: ");
    bench_seal(&bench);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_memory_nobody_is_refused),
        cmocka_unit_test(test_what_is_too_long_is_refused),
        cmocka_unit_test(asks_are_bounded),
        cmocka_unit_test(an_answer_is_to_the_ask_that_stands),
        cmocka_unit_test(results_end_attempts),
        cmocka_unit_test(items_are_bounded),
        cmocka_unit_test(a_cancelled_task_leaves),
        cmocka_unit_test(asks_are_held),
        cmocka_unit_test(a_pause_holds_what_has_not_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
