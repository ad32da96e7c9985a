/* closed: clusters used as satellites: their input, their scope, their end. */
#include "scheduler/core/sched.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

/* The live run of a group without for_each, or with it the one of that index. */
static const struct frame *run_of(struct sched_bench *bench, const char *group, uint32_t index)
{
    const struct execution *e = sched_find(bench->sched, &bench->id);

    for (uint32_t i = 0; i < e->frame_count; i++) {
        if (span_is(e->frames[i]->group->satellite->name, group) && e->frames[i]->index == index) {
            return e->frames[i];
        }
    }
    fail_msg("%s.%u does not run", group, index);
    return NULL;
}

static void check_input(const struct frame *frame, const char *expected)
{
    struct span input = frame_input(frame);

    if (!span_is(input, expected)) {
        fail_msg("%.*s is not %s", SPAN_ARG(input), expected);
    }
}

/* `input`, satellites and items are its own; what it gives is seen outside. */
static void its_scope_is_closed(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD
               "  satellites:\n"
               "    - {name: a, command: [x]}\n"
               "    - name: part\n"
               "      for_each: ${{ input.rows }}\n"
               "      as: row\n"
               "      uses: cluster/p/part@1\n"
               "      inputs: {n: {type: int, required: true}, m: {type: number, default: 4}, "
               "of: {}}\n"
               "      input: {n: \"${{ row + index }}\", of: \"${{ satellites.a.output }}\"}\n"
               "      satellites:\n"
               "        - {name: a, image: i, when: \"${{ input.n > 5 }}\"}\n"
               "        - name: row\n"
               "          image: i\n"
               "          join: all_done\n"
               "          for_each: ${{ [input.n, input.m] }}\n"
               "      output: [\"${{ satellites.a.state }}\", \"${{ input.of }}\"]\n"
               "  output: ${{ satellites.part.output }}\n");
    bench_submit(&bench, "{\"rows\":[2,7],\"n\":\"outer\"}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "a", "\"of a\"");
    check_input(run_of(&bench, "part", 0), "{\"n\":2,\"m\":4.0,\"of\":\"of a\"}");
    check_input(run_of(&bench, "part", 1), "{\"n\":8,\"m\":4.0,\"of\":\"of a\"}");
    assert_int_equal(bench_task_state(&bench, "part.0.a"), TASK_SKIPPED);
    assert_int_equal(bench_task_state(&bench, "part.1.a"), TASK_READY);
    assert_int_equal(bench_grant(&bench), 3);
    bench_succeed(&bench, "part.1.a", "1");
    assert_int_equal(bench_grant(&bench), 2);
    bench_succeed(&bench, "part.0.row.0", "1");
    bench_succeed(&bench, "part.0.row.1", "1");
    bench_succeed(&bench, "part.1.row.0", "1");
    bench_succeed(&bench, "part.1.row.1", "1");
    bench_values(&bench);
    assert_string_equal(bench.output, "[[\"SKIPPED\",\"of a\"],[\"SUCCEEDED\",\"of a\"]]");
    bench_close(&bench);
}

/* Inside of a used cluster another one is used; a plain group between them hides nothing. */
static void they_nest(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - name: one\n"
                          "      uses: cluster/p/one@1\n"
                          "      input: {v: \"${{ input.v + 1 }}\"}\n"
                          "      satellites:\n"
                          "        - name: g\n"
                          "          satellites:\n"
                          "            - name: two\n"
                          "              uses: cluster/p/two@1\n"
                          "              input: {v: \"${{ input.v * 10 }}\"}\n"
                          "              satellites:\n"
                          "                - {name: one, image: i}\n"
                          "              output: ${{ input.v }}\n"
                          "      output: [\"${{ satellites.g.output.two }}\", \"${{ input.v }}\"]\n"
                          "  output: [\"${{ satellites.one.output }}\", \"${{ input.v }}\"]\n");
    bench_submit(&bench, "{\"v\":1}");
    check_input(run_of(&bench, "one", 0), "{\"v\":2}");
    check_input(run_of(&bench, "g", 0), "{\"v\":2}");
    check_input(run_of(&bench, "two", 0), "{\"v\":20}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "one.g.two.one", "1");
    assert_string_equal(bench.output, "[[20,2],1]");
    bench_close(&bench);
}

static void a_run_that_is_given_the_wrong_thing_fails(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: part\n"
                                  "      for_each: ${{ input.rows }}\n"
                                  "      uses: cluster/p/part@1\n"
                                  "      tolerate: 4\n"
                                  "      inputs: {n: {type: int, required: true, maximum: 9}}\n"
                                  "      input: ${{ item }}\n"
                                  "      satellites:\n"
                                  "        - {name: a, image: i}\n"
                                  "        - {name: b, image: i}\n"
                                  "        - {name: end, image: i, final: true}\n"
                                  "  output: [\"${{ satellites.part.state }}\", \"${{ "
                                  "satellites.part.error }}\"]\n");
    bench_submit(&bench, "{\"rows\":[{\"n\":10},{\"n\":\"x\"},{},3,{\"n\":1}]}");
    assert_int_equal(bench_task_state(&bench, "part.0"), TASK_FAILED);
    assert_int_equal(bench_task_state(&bench, "part.1"), TASK_FAILED);
    assert_int_equal(bench_task_state(&bench, "part.2"), TASK_FAILED);
    assert_int_equal(bench_task_state(&bench, "part.3"), TASK_FAILED);
    assert_int_equal(bench_task_state(&bench, "part.4"), TASK_RUNNING);
    assert_int_equal(bench_task_state(&bench, "part.0.end"), TASK_UPSTREAM_FAILED);
    assert_string_equal(run_of(&bench, "part", 0)->error,
                        "input.n: `n` is above its `maximum` of 9");
    assert_string_equal(run_of(&bench, "part", 1)->error,
                        "input.n: `n` must be an int, not a string");
    assert_string_equal(run_of(&bench, "part", 2)->error, "input.n: the input `n` is missing");
    assert_string_equal(run_of(&bench, "part", 3)->error,
                        "input: `input` must be a map, not an int");
    bench_seal(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "part.4.a", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "part.4.b", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "part.4.end", "1");
    bench_values(&bench);
    assert_string_equal(bench.output,
                        "[\"SUCCEEDED\",\"input.n: `n` is above its `maximum` of 9\"]");
    bench_close(&bench);
}

static void an_input_waits_for_a_value(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - {name: m, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n"
                          "    - {name: n, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n"
                          "    - name: part\n"
                          "      needs: [m, n]\n"
                          "      for_each: ${{ input.l }}\n"
                          "      uses: cluster/p/part@1\n"
                          "      input: {all: [\"${{ satellites.m.output }}\", \"${{ "
                          "satellites.n.output[index] }}\"], i: \"${{ item }}\"}\n"
                          "      satellites: [{name: a, image: i}]\n"
                          "  output: ${{ satellites.part.state }}\n");
    bench_submit(&bench, "{\"l\":[5,6]}");
    assert_int_equal(bench_grant(&bench), 4);
    bench_succeed(&bench, "m.0", "1");
    bench_succeed(&bench, "m.1", "2");
    bench_succeed(&bench, "n.0", "3");
    bench_succeed(&bench, "n.1", "4");
    assert_int_equal(bench_task_state(&bench, "part"), TASK_READY);
    bench_values(&bench);
    assert_int_equal(bench_task_state(&bench, "part"), TASK_RUNNING);
    check_input(run_of(&bench, "part", 0), "{\"all\":[[1,2],3],\"i\":5}");
    check_input(run_of(&bench, "part", 1), "{\"all\":[[1,2],4],\"i\":6}");
    assert_int_equal(bench_grant(&bench), 2);
    bench_succeed(&bench, "part.0.a", "1");
    bench_succeed(&bench, "part.1.a", "1");
    assert_string_equal(bench.output, "\"SUCCEEDED\"");
    bench_close(&bench);
}

static void a_cancel_while_it_waits(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: m, for_each: \"${{ input.l }}\", command: [x]}\n"
                                  "    - name: part\n"
                                  "      uses: cluster/p/part@1\n"
                                  "      input: {all: \"${{ satellites.m.output[0] }}\"}\n"
                                  "      satellites: [{name: a, image: i}]\n");
    bench_submit(&bench, "{\"l\":[5]}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "m.0", "1");
    assert_int_equal(bench_task_state(&bench, "part"), TASK_READY);
    bench_cancel(&bench);
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    bench_close(&bench);
}

/* Its timeout is that of each run, from when that began. */
static void a_run_is_timed_out(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: part\n"
                                  "      for_each: ${{ input.l }}\n"
                                  "      max_parallel: 1\n"
                                  "      tolerate: 1\n"
                                  "      timeout: 10s\n"
                                  "      uses: cluster/p/part@1\n"
                                  "      satellites:\n"
                                  "        - {name: a, image: i}\n"
                                  "        - {name: b, image: i}\n"
                                  "        - {name: end, image: i, final: true}\n"
                                  "  output: ${{ satellites.part.error }}\n");
    bench_submit(&bench, "{\"l\":[1,2]}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench.now_ns += 10 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_task_state(&bench, "part.0.b"), TASK_WAITING); /* the barrier first */
    bench_barrier(&bench);
    assert_int_equal(bench_task_state(&bench, "part.0.b"), TASK_CANCELLED);
    assert_int_equal(bench_task_state(&bench, "part.0.a"), TASK_DISPATCHED); /* killed */
    assert_int_equal(bench_finish(&bench, "part.0.a", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "part.0"), TASK_RUNNING);
    assert_int_equal(bench_grant(&bench), 1); /* what is final runs still */
    bench_succeed(&bench, "part.0.end", "1");
    assert_int_equal(bench_task_state(&bench, "part.0"), TASK_TIMED_OUT);
    bench_seal(&bench);
    bench.now_ns += 9 * EXO_SECOND;
    bench_timer(&bench);
    bench_barrier(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "part.1.a", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "part.1.b", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "part.1.end", "1");
    assert_string_equal(bench.output, "\"TIMEOUT: the run did not end within timeout\"");
    bench_close(&bench);
}

/* Finals of the used cluster run also when the execution or the satellite is cancelled. */
static void finals_run_after_a_cancel(void **state)
{
    static const char text[] = BENCH_HEAD "  satellites:\n"
                                          "    - name: part\n"
                                          "      needs: []\n"
                                          "      uses: cluster/p/part@1\n"
                                          "      satellites:\n"
                                          "        - {name: a, image: i}\n"
                                          "        - name: end\n"
                                          "          image: i\n"
                                          "          final: true\n"
                                          "    - {name: other, needs: [], command: [x]}\n";
    struct sched_command cancel = {.kind = COMMAND_CANCEL, .task = span_of("part")};
    struct sched_bench bench;

    (void)state;
    for (int of_execution = 0; of_execution < 2; of_execution++) {
        bench_open(&bench, text);
        bench_submit(&bench, "{}");
        assert_int_equal(bench_grant(&bench), 2);
        bench_seal(&bench);
        if (of_execution) {
            bench_cancel(&bench);
            assert_int_equal(bench_finish(&bench, "other", OUTCOME_CANCELLED, ""), SCHED_OK);
        } else {
            assert_int_equal(bench_command(&bench, &cancel), SCHED_OK);
            bench_succeed(&bench, "other", "1");
        }
        assert_int_equal(bench_finish(&bench, "part.a", OUTCOME_CANCELLED, ""), SCHED_OK);
        assert_int_equal(bench_task_state(&bench, "part"), TASK_RUNNING);
        assert_int_equal(bench_grant(&bench), 1);
        assert_int_equal(bench_task_state(&bench, "part.end"), TASK_DISPATCHED);
        bench_succeed(&bench, "part.end", "1");
        assert_int_equal(bench.ended, of_execution ? EXECUTION_CANCELLED : EXECUTION_FAILED);
        bench_close(&bench);
    }
}

/* One run by its path; the others go on. */
static void a_run_is_cancelled_by_its_path(void **state)
{
    struct sched_command cancel = {
        .kind = COMMAND_CANCEL, .task = span_of("part.1"), .reason = span_of("not that one")};
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: part\n"
                                  "      for_each: ${{ input.l }}\n"
                                  "      max_parallel: 2\n"
                                  "      uses: cluster/p/part@1\n"
                                  "      satellites: [{name: a, image: i}, {name: b, image: i}]\n");
    bench_submit(&bench, "{\"l\":[1,2,3,4]}");
    assert_int_equal(bench_grant(&bench), 2);
    bench_seal(&bench);
    assert_int_equal(bench_command(&bench, &cancel), SCHED_OK);
    assert_int_equal(bench_command(&bench, &cancel), SCHED_ESTALE);
    cancel.task = span_of("part.3"); /* has not begun */
    assert_int_equal(bench_command(&bench, &cancel), SCHED_OK);
    assert_int_equal(bench_command(&bench, &cancel), SCHED_ESTALE);
    assert_int_equal(bench_task_state(&bench, "part.3"), TASK_CANCELLED);
    assert_int_equal(bench_task_state(&bench, "part.1.b"), TASK_CANCELLED);
    assert_int_equal(bench_finish(&bench, "part.1.a", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "part.1"), TASK_CANCELLED);
    assert_int_equal(bench_task_state(&bench, "part.0.b"), TASK_WAITING);
    assert_int_equal(bench_task_state(&bench, "part.2"), TASK_RUNNING);
    bench_close(&bench);
}

static void too_large_an_input_is_refused(void **state)
{
    static char input[70000];
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: part\n"
                                  "      continue_on_error: true\n"
                                  "      uses: cluster/p/part@1\n"
                                  "      input: {a: \"${{ input.a }}\", b: \"${{ input.a }}\"}\n"
                                  "      satellites: [{name: a, image: i}]\n"
                                  "  output: ${{ satellites.part.error }}\n");
    memset(input, 'x', 40000);
    memcpy(input, "{\"a\":\"", 6);
    memcpy(input + 40000, "\"}", 3);
    bench_submit(&bench, input);
    assert_string_equal(bench.output,
                        "\"input: it is above 64 KiB; hand larger data over by where it lies\"");
    bench_close(&bench);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_scope_is_closed),
        cmocka_unit_test(they_nest),
        cmocka_unit_test(a_run_that_is_given_the_wrong_thing_fails),
        cmocka_unit_test(an_input_waits_for_a_value),
        cmocka_unit_test(a_cancel_while_it_waits),
        cmocka_unit_test(a_run_is_timed_out),
        cmocka_unit_test(finals_run_after_a_cancel),
        cmocka_unit_test(a_run_is_cancelled_by_its_path),
        cmocka_unit_test(too_large_an_input_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
