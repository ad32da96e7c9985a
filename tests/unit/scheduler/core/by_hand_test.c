/* what people end by hand: tasks of a map before their turn, runs of groups. */
#include "scheduler/core/sched.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

static enum sched_err by_hand(struct sched_bench *bench, enum wire_command_kind kind,
                              const char *path, const char *value)
{
    return bench_command(bench, &(struct sched_command){
                                    .kind = kind, .task = span_of(path), .value = span_of(value)});
}

/* Tasks of a map whose turn has not come. */
static void a_task_is_ended_before_its_turn(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - {name: m, for_each: \"${{ input.l }}\", max_parallel: 1, command: "
                          "[x], continue_on_error: true}\n"
                          "  output: ${{ satellites.m.output }}\n");
    bench_submit(&bench, "{\"l\":[1,2,3,4,5,6]}");
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "m.3", "33"), SCHED_OK);
    assert_int_equal(by_hand(&bench, COMMAND_CANCEL, "m.1", ""), SCHED_OK);
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "m.2", "22"), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "m.1"), TASK_CANCELLED);
    assert_int_equal(bench_task_state(&bench, "m.2"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "m.3"), TASK_SUCCEEDED);
    assert_int_equal(by_hand(&bench, COMMAND_CANCEL, "m.1", ""), SCHED_ESTALE);
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "m.3", "34"), SCHED_ESTALE);
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "m.5", "55"), SCHED_OK);
    bench_seal(&bench);
    bench_succeed(&bench, "m.0", "11");
    assert_int_equal(bench_grant(&bench), 1); /* the next is the one behind them */
    assert_int_equal(bench_task_state(&bench, "m.4"), TASK_DISPATCHED);
    bench_succeed(&bench, "m.4", "44");
    assert_int_equal(bench_grant(&bench), 0);
    assert_int_equal(bench_task_state(&bench, "m"), TASK_CANCELLED);
    bench_seal(&bench);
    bench_values(&bench);
    bench_seal(&bench);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    bench_close(&bench);
}

/* It was ready all the while, and runs at the end whatever that is. */
static void a_final_one_runs_after_a_cancel_in_a_pause(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n"
                                  "    - {name: end, final: true, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(by_hand(&bench, COMMAND_PAUSE, "", ""), SCHED_OK);
    bench_succeed(&bench, "a", "1");
    assert_int_equal(bench_task_state(&bench, "end"), TASK_READY);
    assert_int_equal(bench_grant(&bench), 0);
    bench_seal(&bench);
    bench_cancel(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "end", "1");
    bench_seal(&bench);
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    bench_close(&bench);
}

/* All of a map by hand, and what a cancel of the whole finds then. */
static void a_map_is_ended_task_by_task(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD
               "  satellites:\n"
               "    - {name: m, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n"
               "    - {name: n, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n");
    bench_submit(&bench, "{\"l\":[1,2,3]}");
    for (int i = 2; i >= 0; i--) {
        const char path[] = {'m', '.', (char)('0' + i), '\0'};

        assert_int_equal(by_hand(&bench, COMMAND_SKIP, path, "1"), SCHED_OK);
    }
    assert_int_equal(bench_task_state(&bench, "m"), TASK_SUCCEEDED);
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "n.1", "1"), SCHED_OK);
    bench_seal(&bench);
    bench_cancel(&bench);
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    bench_close(&bench);
}

static void runs_are_ended_by_hand(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: page\n"
                                  "      for_each: ${{ input.pages }}\n"
                                  "      max_parallel: 2\n"
                                  "      continue_on_error: true\n"
                                  "      satellites:\n"
                                  "        - {name: a, command: [x]}\n"
                                  "        - {name: b, command: [x]}\n"
                                  "    - {name: last, command: [x]}\n");
    bench_submit(&bench, "{\"pages\":[1,2,3,4,5]}");
    assert_int_equal(bench_grant(&bench), 2);
    bench_seal(&bench);
    /* Before their turn. */
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "page.2", "7"), SCHED_OK);
    assert_int_equal(by_hand(&bench, COMMAND_CANCEL, "page.4", ""), SCHED_OK);
    assert_int_equal(by_hand(&bench, COMMAND_CANCEL, "page.4", ""), SCHED_ESTALE);
    assert_int_equal(bench_task_state(&bench, "page.2"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "page.4"), TASK_CANCELLED);
    /* Under way: what runs of it is ended first. */
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "page.0", "{\"given\":1}"), SCHED_OK);
    assert_int_equal(by_hand(&bench, COMMAND_SKIP, "page.0", "2"), SCHED_ESTALE);
    assert_int_equal(bench_task_state(&bench, "page.0"), TASK_RUNNING);
    assert_int_equal(bench_finish(&bench, "page.0.a", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "page.0"), TASK_SUCCEEDED);
    assert_int_equal(by_hand(&bench, COMMAND_CANCEL, "page.1", ""), SCHED_OK);
    bench_succeed(&bench, "page.1.a", "1"); /* was quicker; b does not begin */
    assert_int_equal(bench_task_state(&bench, "page.1"), TASK_CANCELLED);
    bench_seal(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_task_state(&bench, "page.3.a"), TASK_DISPATCHED);
    bench_succeed(&bench, "page.3.a", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "page.3.b", "1");
    assert_int_equal(bench_task_state(&bench, "page"), TASK_CANCELLED);
    bench_seal(&bench);
    bool is_seen = false;

    for (uint32_t i = 0; i < bench.output_count; i++) {
        const struct wire_output *output = &bench.outputs[i].output;

        is_seen = is_seen ||
                  (bench.outputs[i].number == 0 && output->index == 0 &&
                   output->outcome == OUTCOME_SUCCEEDED && span_is(output->json, "{\"given\":1}"));
    }
    assert_true(is_seen);
    bench_close(&bench);
}

/* What is in no queue has another priority, too: waits, groups, and what has not begun. */
static void priority_is_of_all_that_waits(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: w, needs: [], wait: {signal: go}}\n"
                                  "    - name: g\n"
                                  "      needs: []\n"
                                  "      satellites:\n"
                                  "        - {name: a, command: [x]}\n"
                                  "        - {name: b, command: [x]}\n"
                                  "    - {name: last, command: [x]}\n");
    bench_submit(&bench, "{}");
    const struct sched_command higher = {.kind = COMMAND_PRIORITY, .priority = 9};

    assert_int_equal(bench_command(&bench, &higher), SCHED_OK);
    while (sched_has_work(bench.sched)) {
        bench_timer(&bench);
    }
    assert_int_equal(bench_command(&bench, &higher), SCHED_ESTALE);
    const struct execution *e = sched_find(bench.sched, &bench.id);

    for (uint32_t i = 0; i < e->next_number; i++) {
        assert_int_equal(execution_instance(e, i)->source.priority, 9);
    }
    assert_int_equal(bench_grant(&bench), 1);
    bench_close(&bench);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_ended_before_its_turn),
        cmocka_unit_test(a_final_one_runs_after_a_cancel_in_a_pause),
        cmocka_unit_test(a_map_is_ended_task_by_task),
        cmocka_unit_test(runs_are_ended_by_hand),
        cmocka_unit_test(priority_is_of_all_that_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
