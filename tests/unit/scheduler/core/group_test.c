/* group: runs of groups, joins, failures dealt with, timeouts and what people ask for. */
#include "scheduler/core/sched.h"
#include "scheduler/core/sched_state.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

/* Items flow through: b of an item begins when a of the same item has ended. */
static void items_need_no_barrier(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD
               "  satellites:\n"
               "    - name: page\n"
               "      for_each: ${{ input.pages }}\n"
               "      as: page_text\n"
               "      satellites:\n"
               "        - {name: a, command: [x]}\n"
               "        - {name: b, command: [x], when: \"${{ page_text != 'skip' }}\"}\n"
               "    - {name: merge, command: [x]}\n");
    bench_submit(&bench, "{\"pages\":[\"p\",\"skip\",\"q\"]}");
    assert_int_equal(bench_grant(&bench), 3);
    assert_int_equal(bench_task_state(&bench, "page"), TASK_RUNNING);
    assert_int_equal(bench_task_state(&bench, "page.0.a"), TASK_DISPATCHED);
    bench_succeed(&bench, "page.0.a", "1");
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_task_state(&bench, "page.0.b"), TASK_DISPATCHED);
    assert_int_equal(bench_task_state(&bench, "page.2.b"), TASK_WAITING);
    bench_succeed(&bench, "page.1.a", "1");
    assert_int_equal(bench_task_state(&bench, "page.1"), TASK_SUCCEEDED);
    bench_succeed(&bench, "page.0.b", "[1]");
    bench_seal(&bench);
    assert_int_equal(bench_task_state(&bench, "page.0"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "merge"), TASK_WAITING);
    bench_succeed(&bench, "page.2.a", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "page.2.b", "1");
    assert_int_equal(bench_task_state(&bench, "page"), TASK_SUCCEEDED);
    bench_seal(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "merge", "7");
    assert_string_equal(bench.output, "{\"merge\":7}");
    bench_close(&bench);
}

/* Groups nest; the output of a run is seen outside. */
static void groups_nest(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - name: outer\n"
                          "      satellites:\n"
                          "        - name: inner\n"
                          "          for_each: ${{ input.rows }}\n"
                          "          as: row\n"
                          "          satellites:\n"
                          "            - name: cell\n"
                          "              for_each: ${{ row }}\n"
                          "              command: [x]\n"
                          "              input: {row: \"${{ row }}\", cell: \"${{ item }}\"}\n"
                          "      output: {rows: \"${{ size(satellites.inner.output) }}\"}\n"
                          "  output: ${{ satellites.outer.output.rows }}\n");
    bench_submit(&bench, "{\"rows\":[[1,2],[],[3]]}");
    assert_int_equal(bench_grant(&bench), 3);
    assert_int_equal(bench_task_state(&bench, "outer.inner.1"), TASK_SUCCEEDED);
    bench_succeed(&bench, "outer.inner.0.cell.0", "1");
    bench_succeed(&bench, "outer.inner.0.cell.1", "1");
    bench_seal(&bench);
    assert_int_equal(bench_task_state(&bench, "outer.inner.0"),
                     TASK_RUNNING); /* waits for its list */
    bench_values(&bench);
    assert_int_equal(bench_task_state(&bench, "outer.inner.0"), TASK_SUCCEEDED);
    bench_succeed(&bench, "outer.inner.2.cell.0", "1");
    bench_values(&bench);
    bench_seal(&bench);
    assert_string_equal(bench.output, "3");
    bench_close(&bench);
}

static void only_so_many_runs_at_once(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: page\n"
                                  "      for_each: ${{ input.pages }}\n"
                                  "      max_parallel: 2\n"
                                  "      satellites:\n"
                                  "        - {name: a, command: [x]}\n");
    bench_submit(&bench, "{\"pages\":[1,2,3,4,5]}");
    assert_int_equal(bench_grant(&bench), 2);
    assert_int_equal(bench_task_state(&bench, "page.2"), TASK_READY);
    bench_succeed(&bench, "page.1.a", "1");
    bench_seal(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_task_state(&bench, "page.2.a"), TASK_DISPATCHED);
    bench_close(&bench);
}

static void a_failed_run_fails_its_group(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: page\n"
                                  "      for_each: ${{ input.pages }}\n"
                                  "      tolerate: 1\n"
                                  "      satellites:\n"
                                  "        - {name: a, command: [x]}\n"
                                  "        - {name: b, command: [x]}\n"
                                  "  output: ${{ satellites.page.state }}\n");
    bench_submit(&bench, "{\"pages\":[1,2]}");
    assert_int_equal(bench_grant(&bench), 2);
    bench_fail_at(&bench, "page.1.a");
    assert_int_equal(bench_task_state(&bench, "page.1"), TASK_FAILED);
    bench_succeed(&bench, "page.0.a", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "page.0.b", "1");
    bench_seal(&bench);
    assert_string_equal(bench.output, "\"SUCCEEDED\"");
    bench_close(&bench);
}

/* One that a person ended counts as one that failed; a map that is ended as a whole is not good. */
static void a_map_tolerates_cancelled_tasks(void **state)
{
    static const struct {
        const char *first, *second; /* what is cancelled */
        enum task_state end;
    } rows[] = {
        {"m.0", "m.0", TASK_SUCCEEDED}, {"m.0", "m.1", TASK_CANCELLED}, {"m", "m", TASK_CANCELLED}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sched_bench bench;

        bench_open(&bench,
                   BENCH_HEAD "  satellites:\n"
                              "    - {name: m, for_each: \"${{ [1, 2, 3] }}\", command: [x], "
                              "tolerate: 1, class: nobody}\n"
                              "    - {name: z, join: all_done, command: [x], class: nobody}\n");
        bench_submit(&bench, "{}");
        const char *parts[] = {rows[i].first, rows[i].second};

        for (size_t k = 0; k < 2; k++) {
            (void)bench_command(
                &bench, &(struct sched_command){.kind = COMMAND_CANCEL, .task = span_of(parts[k])});
        }
        for (const char *const *at = (const char *const[]){"m.1", "m.2", NULL}; *at != NULL; at++) {
            (void)bench_command(&bench, &(struct sched_command){.kind = COMMAND_SKIP,
                                                                .task = span_of(*at),
                                                                .value = span_of("1")});
        }
        assert_int_equal(bench_task_state(&bench, "m"), rows[i].end);
        bench_close(&bench);
    }
}

static void joins(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD
               "  satellites:\n"
               "    - {name: a, needs: [], command: [x]}\n"
               "    - {name: b, needs: [], command: [x]}\n"
               "    - {name: c, needs: [], command: [x]}\n"
               "    - {name: any, needs: [a, b, c], join: any_succeeded, command: [x]}\n"
               "    - {name: two, needs: [a, b, c], join: {at_least: 2}, command: [x]}\n"
               "    - {name: mend, needs: [a, b], join: any_failed, command: [x]}\n"
               "    - {name: done, needs: [any, two, mend], join: all_done, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 3);
    bench_succeed(&bench, "a", "1");
    assert_int_equal(bench_task_state(&bench, "any"), TASK_READY);
    assert_int_equal(bench_task_state(&bench, "two"), TASK_WAITING);
    bench_fail_at(&bench, "b");
    assert_int_equal(bench_task_state(&bench, "two"), TASK_WAITING);
    assert_int_equal(bench_task_state(&bench, "mend"), TASK_READY);
    bench_fail_at(&bench, "c");
    assert_int_equal(bench_task_state(&bench, "two"), TASK_SKIPPED);
    assert_int_equal(bench_grant(&bench), 2);
    bench_succeed(&bench, "any", "1");
    bench_succeed(&bench, "mend", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "done", "1");
    /* b was caught by mend, c by nobody. */
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

static void a_caught_failure_fails_nothing(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n"
                                  "    - {name: b, command: [x]}\n"
                                  "    - {name: mend, join: any_failed, command: [x]}\n"
                                  "  output: ${{ satellites.mend.output }}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_fail_at(&bench, "a");
    assert_int_equal(bench_task_state(&bench, "b"), TASK_UPSTREAM_FAILED);
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "mend", "\"mended\"");
    assert_string_equal(bench.output, "\"mended\"");
    bench_close(&bench);
}

static void continue_on_error_counts_as_success(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x], continue_on_error: true}\n"
                                  "    - {name: b, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_fail_at(&bench, "a");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "b", "1");
    assert_string_equal(bench.output, "{\"b\":1}");
    bench_close(&bench);
}

/* The final one runs when all else has ended, also after a cancel. */
static void final_runs_always(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n"
                                  "    - {name: b, command: [x]}\n"
                                  "    - {name: sweep, final: true, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench_cancel(&bench);
    assert_int_equal(bench_finish(&bench, "a", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "b"), TASK_CANCELLED);
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_task_state(&bench, "sweep"), TASK_DISPATCHED);
    bench_succeed(&bench, "sweep", "1");
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    bench_close(&bench);
}

static void queue_and_total_timeouts(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - {name: q, needs: [], for_each: \"${{ input.l }}\", class: "
                          "nobody, command: [x], timeouts: {queue: 5s}}\n"
                          "    - {name: t, needs: [], command: [x], timeouts: {total: 7s}}\n");
    bench_submit(&bench, "{\"l\":[1,2,3]}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench.now_ns += 5 * EXO_SECOND;
    bench_timer(&bench);
    bench_barrier(&bench);
    assert_int_equal(bench_task_state(&bench, "q"), TASK_TIMED_OUT);
    assert_int_equal(bench_task_state(&bench, "t"), TASK_DISPATCHED);
    bench.now_ns += 2 * EXO_SECOND;
    bench_timer(&bench);
    bench_barrier(&bench);
    assert_int_equal(bench_task_state(&bench, "t"), TASK_DISPATCHED); /* killed */
    assert_int_equal(bench_finish(&bench, "t", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

static void pause_and_resume(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n"
                                  "    - {name: b, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_PAUSE}),
                     SCHED_OK);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_PAUSE}),
                     SCHED_ESTALE);
    bench_succeed(&bench, "a", "1");
    assert_int_equal(bench_task_state(&bench, "b"), TASK_READY);
    assert_int_equal(bench_grant(&bench), 0);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_RESUME}),
                     SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    bench_close(&bench);
}

static void one_satellite_is_cancelled(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - {name: m, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n"
                          "    - {name: o, needs: [], command: [x]}\n"
                          "    - {name: after, needs: [m, o], join: all_done, command: [x]}\n");
    bench_submit(&bench, "{\"l\":[1,2,3]}");
    assert_int_equal(bench_grant(&bench), 4);
    bench_seal(&bench);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_CANCEL,
                                                                   .task = span_of("m.1")}),
                     SCHED_OK);
    assert_int_equal(bench_finish(&bench, "m.1", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "m.1"), TASK_CANCELLED);
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_DISPATCHED);
    assert_int_equal(bench_command(&bench, &(struct sched_command){.kind = COMMAND_CANCEL,
                                                                   .task = span_of("m")}),
                     SCHED_OK);
    assert_int_equal(bench_finish(&bench, "m.0", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench_finish(&bench, "m.2", OUTCOME_SUCCEEDED, "1"), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "m"), TASK_CANCELLED);
    bench_succeed(&bench, "o", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "after", "1");
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

static void a_task_is_skipped_by_hand(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n"
                                  "    - {name: b, command: [x]}\n"
                                  "  output: [\"${{ satellites.a.output }}\", \"${{ "
                                  "satellites.b.output }}\"]\n");
    bench_submit(&bench, "{}");
    struct sched_command skip = {
        .kind = COMMAND_SKIP, .task = span_of("a"), .value = span_of("41")};

    assert_int_equal(bench_command(&bench, &skip), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "a"), TASK_SUCCEEDED);
    assert_int_equal(bench_command(&bench, &skip), SCHED_ESTALE);
    assert_int_equal(bench_grant(&bench), 1);
    skip =
        (struct sched_command){.kind = COMMAND_SKIP, .task = span_of("b"), .value = span_of("42")};
    assert_int_equal(bench_command(&bench, &skip), SCHED_OK);
    assert_string_equal(bench.output, "[41,42]");
    bench_close(&bench);
}

static void a_cancel_ends_runs_and_waits(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - name: page\n"
                                  "      needs: []\n"
                                  "      for_each: ${{ input.pages }}\n"
                                  "      max_parallel: 1\n"
                                  "      satellites:\n"
                                  "        - {name: a, command: [x]}\n"
                                  "        - {name: b, command: [x]}\n"
                                  "    - {name: nap, needs: [], wait: {for: 1h}}\n");
    bench_submit(&bench, "{\"pages\":[1,2,3]}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench_cancel(&bench);
    assert_int_equal(bench_task_state(&bench, "nap"), TASK_CANCELLED);
    assert_int_equal(bench_task_state(&bench, "page"), TASK_RUNNING);
    assert_int_equal(bench_finish(&bench, "page.0.a", OUTCOME_CANCELLED, ""), SCHED_OK);
    assert_int_equal(bench.ended, EXECUTION_CANCELLED);
    bench_close(&bench);
}

static void exit_statuses_mean_what_the_policy_says(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench,
               BENCH_HEAD "  satellites:\n"
                          "    - {name: a, command: [x], retries: {limit: 3, base: 1s, jitter: "
                          "none, never: [3], later: [4], budget: 10s}}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench.exit_status = 4;
    bench_fail_at(&bench, "a");
    assert_int_equal(bench_task_state(&bench, "a"), TASK_BACKOFF);
    assert_int_equal(
        bench_command(&bench, &(struct sched_command){.kind = COMMAND_RETRY, .task = span_of("a")}),
        SCHED_OK);
    assert_int_equal(bench_grant(&bench), 1);
    bench.exit_status = 1;
    bench.now_ns += 9 * EXO_SECOND + EXO_MILLISECOND;
    bench_fail_at(&bench, "a"); /* the next try would begin after the budget */
    assert_int_equal(bench.ended, EXECUTION_FAILED);
    bench_close(&bench);
}

static void the_budget_ends_what_had_tries_left(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(
        &bench, BENCH_HEAD
        "  satellites:\n"
        "    - {name: a, needs: [], command: [x], retries: {base: 1s, jitter: none, budget: 10s}}\n"
        "    - {name: b, needs: [], command: [x], retries: {base: 1s, jitter: none, budget: "
        "10s}}\n"
        "    - {name: c, needs: [], command: [x], retries: {limit: 5, base: 1s, jitter: none, "
        "budget: "
        "10s}}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 3);
    bench.now_ns += 9 * EXO_SECOND + EXO_MILLISECOND;
    assert_int_equal(bench_finish(&bench, "a", OUTCOME_LATER, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "a"), TASK_FAILED);
    bench_fail_at(&bench, "c"); /* it had tries left */
    assert_int_equal(bench_task_state(&bench, "c"), TASK_FAILED);
    for (uint32_t i = 0; i < 3; i += 2) {
        const struct instance *ended = execution_instance(sched_find(bench.sched, &bench.id), i);

        assert_non_null(ended->error);
        assert_non_null(strstr(ended->error, "retries.budget leaves no time for another try"));
    }
    bench.control = "{\"again_after\":\"1h\"}"; /* it says itself when */
    assert_int_equal(bench_finish(&bench, "b", OUTCOME_SUCCEEDED, ""), SCHED_OK);
    assert_int_equal(bench_task_state(&bench, "b"), TASK_BACKOFF);
    bench_close(&bench);
}

static void an_attempt_prunes_its_branch(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, needs: [], command: [x]}\n"
                                  "    - {name: b, needs: [a], command: [x]}\n"
                                  "    - {name: c, needs: [], command: [x]}\n"
                                  "    - {name: d, needs: [b, c], join: all_done, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 2);
    bench.control = "{\"prune\":true}";
    bench_succeed(&bench, "a", "1");
    bench.control = NULL;
    assert_int_equal(bench_task_state(&bench, "a"), TASK_SUCCEEDED);
    assert_int_equal(bench_task_state(&bench, "b"), TASK_SKIPPED);
    bench_succeed(&bench, "c", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "d", "1");
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    bench_close(&bench);
}

/* What runs goes on; what has not begun is skipped. */
static void an_attempt_skips_the_rest(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD
               "  satellites:\n"
               "    - {name: a, needs: [], command: [x]}\n"
               "    - {name: m, needs: [], for_each: \"${{ input.l }}\", max_parallel: 1, "
               "command: [x]}\n"
               "    - {name: b, needs: [a], command: [x]}\n"
               "    - {name: end, final: true, command: [x]}\n");
    bench_submit(&bench, "{\"l\":[1,2,3]}");
    assert_int_equal(bench_grant(&bench), 2);
    bench_seal(&bench);
    bench.control = "{\"skip\":true}";
    bench_succeed(&bench, "a", "1");
    bench.control = NULL;
    assert_int_equal(bench_task_state(&bench, "b"), TASK_SKIPPED);
    assert_int_equal(bench_task_state(&bench, "m.1"), TASK_SKIPPED);
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_DISPATCHED);
    bench_succeed(&bench, "m.0", "1");
    assert_int_equal(bench_grant(&bench), 1);
    bench_succeed(&bench, "end", "1");
    bench_values(&bench);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    bench_close(&bench);
}

static void an_attempt_asks_for_another_time(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: a, command: [x]}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 1);
    bench.control = "{\"again_after\":\"30s\"}";
    bench_succeed(&bench, "a", "1");
    assert_int_equal(bench_task_state(&bench, "a"), TASK_BACKOFF);
    bench.now_ns += 29 * EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_task_state(&bench, "a"), TASK_BACKOFF);
    bench.now_ns += EXO_SECOND;
    bench_timer(&bench);
    assert_int_equal(bench_grant(&bench), 1);
    bench.control = NULL;
    bench_succeed(&bench, "a", "2");
    assert_string_equal(bench.output, "{\"a\":2}");
    bench_close(&bench);
}

static void a_map_grows_while_it_runs(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: m, for_each: \"${{ input.l }}\", command: [x]}\n");
    bench_submit(&bench, "{\"l\":[1]}");
    assert_int_equal(bench_grant(&bench), 1);
    bench_seal(&bench);
    bench.control = "{\"more_items\":[2,3]}";
    bench_succeed(&bench, "m.0", "1");
    bench.control = NULL;
    assert_int_equal(bench_task_state(&bench, "m"), TASK_RUNNING);
    assert_int_equal(bench_grant(&bench), 2);
    bench_seal(&bench);
    bench.control = "{\"more_items\":[]}";
    bench_succeed(&bench, "m.1", "2");
    bench.control = NULL;
    bench_succeed(&bench, "m.2", "3");
    bench_values(&bench);
    assert_string_equal(bench.output, "{\"m\":[1,2,3]}");
    bench_close(&bench);
}

/* A task that pruned is SKIPPED, so its place in the list is null, whole or item by item. */
static void a_pruned_task_gives_null(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, BENCH_HEAD "  satellites:\n"
                                  "    - {name: m, for_each: \"${{ [1, 2] }}\", command: [x]}\n"
                                  "  output: {all: \"${{ satellites.m.output }}\"}\n");
    bench_submit(&bench, "{}");
    assert_int_equal(bench_grant(&bench), 2);
    bench_seal(&bench);
    bench.control = "{\"prune\":true}";
    bench_succeed(&bench, "m.0", "1");
    bench.control = NULL;
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_SKIPPED);
    bench_succeed(&bench, "m.1", "2");
    bench_values(&bench);
    assert_string_equal(bench.output, "{\"all\":[null,2]}");
    bench_close(&bench);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_need_no_barrier),
        cmocka_unit_test(groups_nest),
        cmocka_unit_test(only_so_many_runs_at_once),
        cmocka_unit_test(a_failed_run_fails_its_group),
        cmocka_unit_test(a_map_tolerates_cancelled_tasks),
        cmocka_unit_test(joins),
        cmocka_unit_test(a_caught_failure_fails_nothing),
        cmocka_unit_test(continue_on_error_counts_as_success),
        cmocka_unit_test(final_runs_always),
        cmocka_unit_test(queue_and_total_timeouts),
        cmocka_unit_test(pause_and_resume),
        cmocka_unit_test(one_satellite_is_cancelled),
        cmocka_unit_test(a_task_is_skipped_by_hand),
        cmocka_unit_test(a_cancel_ends_runs_and_waits),
        cmocka_unit_test(exit_statuses_mean_what_the_policy_says),
        cmocka_unit_test(the_budget_ends_what_had_tries_left),
        cmocka_unit_test(an_attempt_prunes_its_branch),
        cmocka_unit_test(an_attempt_skips_the_rest),
        cmocka_unit_test(an_attempt_asks_for_another_time),
        cmocka_unit_test(a_map_grows_while_it_runs),
        cmocka_unit_test(a_pruned_task_gives_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
