/* stories: what a cluster does, told to a scheduler over each set of back-ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/crypto/crypto.h"
#include "scheduler/resume.h"
#include "tests/conformance/batch_stories.h"
#include "tests/conformance/command_stories.h"
#include "tests/conformance/schedule_stories.h"
#include "tests/conformance/stage.h"
#include "tests/conformance/version_stories.h"
#include "tests/support/patience.h"
#include "tests/support/test.h"

static struct stage_settings settings;

/* Succeeds with the item or a fixed output; "flaky" fails twice, "bad" always, "hang" never ends.
 */
static bool act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                struct wire_report *report)
{
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = spec->is_map ? task->item : span_of("{\"files\":[\"a\",\"b\",\"c\"],\"n\":3}");
    if (batch_act(spec, report)) {
        return true;
    }
    if (span_is(spec->satellite, "hang") && context == NULL) {
        return false;
    }
    if (span_is(spec->satellite, "bad") ||
        (span_is(spec->satellite, "flaky") && task->attempt < 3)) {
        report->outcome = OUTCOME_FAILED;
        report->exit_status = 1;
        report->error = span_of("EXIT: exit status 1");
        report->output = (struct span){NULL, 0};
    }
    return true;
}

/* Later lives have larger numbers, also those of an earlier story. */
static uint64_t incarnation(void)
{
    return (uint64_t)clock_wall_ns();
}

struct play {
    struct stage stage;
    struct puppet_worker *worker;
};

static int setup(void **state)
{
    struct play *play = calloc(1, sizeof(*play));

    stage_open(&play->stage, &settings);
    stage_scheduler_start(&play->stage, 0);
    play->worker =
        puppet_worker_new(play->stage.loop, play->stage.log, "puppet", incarnation(), 8, act, NULL);
    *state = play;
    return 0;
}

static int teardown(void **state)
{
    struct play *play = *state;

    /* What one story leaves running would take the next one's tickets. */
    assert_int_equal(stage_live(&play->stage), 0);
    puppet_worker_free(play->worker);
    stage_close(&play->stage);
    free(play);
    return 0;
}

static void run(struct play *play, const char *cluster, const char *input, const char *state,
                const char *output)
{
    char *text;
    struct execution_id id = stage_submit(&play->stage, cluster, input);
    const char *ended = stage_await(&play->stage, &id, &text);

    if (strcmp(ended, state) != 0 || (output != NULL && strcmp(text, output) != 0)) {
        fail_msg("ended %s with %s, wanted %s with %s", ended, text, state, output);
    }
    free(text);
}

static void test_one_satellite(void **state)
{
    run(*state,
        "exosphere: v1\ncluster:\n  name: one\n  satellites:\n"
        "    - {name: a, image: \"oci:x\", command: [a]}\n",
        "{}", "SUCCEEDED", "{\"a\":{\"files\":[\"a\",\"b\",\"c\"],\"n\":3}}");
}

static void test_map_and_join(void **state)
{
    run(*state,
        "exosphere: v1\n"
        "cluster:\n"
        "  name: map\n"
        "  defaults: {image: \"oci:x\"}\n"
        "  satellites:\n"
        "    - {name: list, command: [a]}\n"
        "    - {name: count, for_each: \"${{ satellites.list.output.files }}\", command: [b]}\n"
        "    - {name: merge, when: \"${{ size(satellites.count.output) == 3 }}\", command: [c]}\n"
        "  output: \"${{ satellites.count.output }}\"\n",
        "{}", "SUCCEEDED", "[\"a\",\"b\",\"c\"]");
}

static void test_flaky_is_tried_again(void **state)
{
    run(*state,
        "exosphere: v1\n"
        "cluster:\n"
        "  name: diamond\n"
        "  defaults: {image: \"oci:x\", retries: {limit: 2, base: 10ms}}\n"
        "  satellites:\n"
        "    - {name: a, command: [a]}\n"
        "    - {name: flaky, needs: [a], command: [b]}\n"
        "    - {name: c, needs: [a], command: [c]}\n"
        "    - {name: d, needs: [flaky, c], command: [d]}\n"
        "  output: \"${{ satellites.d.output.n }}\"\n",
        "{}", "SUCCEEDED", "3");
}

static void test_failure_and_skips(void **state)
{
    run(*state,
        "exosphere: v1\n"
        "cluster:\n"
        "  name: fails\n"
        "  defaults: {image: \"oci:x\"}\n"
        "  satellites:\n"
        "    - {name: bad, command: [a]}\n"
        "    - {name: after, command: [b]}\n"
        "    - {name: always, needs: [after], join: all_done, command: [c]}\n",
        "{}", "FAILED", "bad: EXIT: exit status 1");
    run(*state,
        "exosphere: v1\n"
        "cluster:\n"
        "  name: skips\n"
        "  defaults: {image: \"oci:x\"}\n"
        "  satellites:\n"
        "    - {name: a, when: \"${{ input.go }}\", command: [a]}\n"
        "    - {name: b, command: [b]}\n"
        "    - {name: c, needs: [b], join: all_done, command: [c]}\n"
        "  output: {b: \"${{ satellites.b.state }}\", c: \"${{ satellites.c.state }}\"}\n",
        "{\"go\":false}", "SUCCEEDED", "{\"b\":\"SKIPPED\",\"c\":\"SUCCEEDED\"}");
}

static void test_cancel(void **state)
{
    struct play *play = *state;
    char *text;
    struct execution_id id = stage_submit(&play->stage,
                                          "exosphere: v1\ncluster:\n  name: hangs\n  satellites:\n"
                                          "    - {name: hang, image: \"oci:x\", command: [a]}\n"
                                          "    - {name: after, image: \"oci:x\", command: [a]}\n",
                                          "{}");
    uint32_t before = puppet_worker_taken(play->worker);

    while (puppet_worker_taken(play->worker) == before) {
        (void)stage_run(&play->stage, NULL, EXO_MILLISECOND);
    }
    stage_cancel(&play->stage, &id);
    assert_string_equal(stage_await(&play->stage, &id, &text), "CANCELLED");
    assert_string_equal(text, "asked to");
    assert_int_equal(puppet_worker_kills(play->worker), 1);
    free(text);
}

static void test_execution_timeout(void **state)
{
    run(*state,
        "exosphere: v1\ncluster:\n  name: late\n  timeout: 100ms\n  satellites:\n"
        "    - {name: hang, image: \"oci:x\", command: [a]}\n",
        "{}", "TIMED_OUT", "TIMEOUT: the execution did not end within timeout");
}

static void test_wide_map(void **state)
{
    char *input = malloc(20000);
    size_t at = (size_t)sprintf(input, "{\"items\":[0");

    for (int i = 1; i < 3000; i++) {
        at += (size_t)sprintf(input + at, ",%d", i);
    }
    (void)sprintf(input + at, "]}");
    run(*state,
        "exosphere: v1\n"
        "cluster:\n"
        "  name: wide\n"
        "  satellites:\n"
        "    - {name: m, image: \"oci:x\", for_each: \"${{ input.items }}\", command: [b]}\n"
        "    - {name: j, image: \"oci:x\", command: [c]}\n"
        "  output: {n: \"${{ size(satellites.m.output) }}\", last: \"${{ "
        "satellites.m.output[2999] }}\"}\n",
        input, "SUCCEEDED", "{\"n\":3000,\"last\":2999}");
    free(input);
}

/* ---- owners and workers that die ---- */

static const char hang_cluster[] = "exosphere: v1\ncluster:\n  name: hangs\n  satellites:\n"
                                   "    - {name: hang, image: \"oci:x\", command: [a]}\n"
                                   "    - {name: after, image: \"oci:x\", command: [a]}\n"
                                   "  output: \"${{ satellites.after.output.n }}\"\n";

static void await_taken(struct play *play, uint32_t count)
{
    exo_time begin_ns = clock_monotonic_ns();

    while (puppet_worker_taken(play->worker) < count) {
        assert_true(clock_monotonic_ns() - begin_ns < TEST_WAIT);
        (void)stage_run(&play->stage, NULL, EXO_MILLISECOND);
    }
}

static void assert_ends(struct play *play, const struct execution_id *id, const char *state,
                        const char *output)
{
    char *text;

    assert_string_equal(stage_await(&play->stage, id, &text), state);
    assert_string_equal(text, output);
    free(text);
}

static void test_scheduler_dies(void **state)
{
    struct play *play = *state;
    struct execution_id ids[20];

    for (int i = 0; i < 20; i++) {
        ids[i] = stage_submit(&play->stage,
                              "exosphere: v1\ncluster:\n  name: chain\n  defaults: {image: "
                              "\"oci:x\"}\n  satellites:\n    - {name: a, command: [a]}\n    - "
                              "{name: b, command: [b]}\n    - {name: c, for_each: \"${{ "
                              "satellites.a.output.files }}\", command: [c]}\n  output: \"${{ "
                              "satellites.c.output }}\"\n",
                              "{}");
    }
    await_taken(play, 5);
    stage_scheduler_kill(&play->stage, 0);
    stage_scheduler_start(&play->stage, 1);
    for (int i = 0; i < 20; i++) {
        assert_ends(play, &ids[i], "SUCCEEDED", "[\"a\",\"b\",\"c\"]");
    }
}

static uint64_t owned(const struct play *play, int number)
{
    return scheduler_counts(play->stage.schedulers[number]).shards_owned;
}

static bool await_shares(struct play *play, const int *schedulers, int count, uint64_t most)
{
    exo_time begin_ns = clock_monotonic_ns();

    while (clock_monotonic_ns() - begin_ns < TEST_WAIT) {
        uint64_t sum = 0;
        uint64_t largest = 0;

        for (int i = 0; i < count; i++) {
            sum += owned(play, schedulers[i]);
            largest = owned(play, schedulers[i]) > largest ? owned(play, schedulers[i]) : largest;
        }
        if (sum == play->stage.shard_count && largest <= most) {
            return true;
        }
        (void)stage_run(&play->stage, NULL, 5 * EXO_MILLISECOND);
    }
    return false;
}

static void test_three_schedulers_share(void **state)
{
    struct play *play = *state;
    uint64_t n = play->stage.shard_count;

    stage_scheduler_start(&play->stage, 1);
    stage_scheduler_start(&play->stage, 2);
    assert_true(await_shares(play, (const int[]){0, 1, 2}, 3, (n + 2) / 3));
    struct execution_id before = stage_submit(&play->stage, hang_cluster, "{}");

    await_taken(play, 1);
    stage_scheduler_kill(&play->stage, 1);
    assert_true(await_shares(play, (const int[]){0, 2}, 2, (n + 1) / 2));
    stage_cancel(&play->stage, &before);
    assert_ends(play, &before, "CANCELLED", "asked to");
}

static void test_worker_falls_silent(void **state)
{
    struct play *play = *state;
    struct execution_id id = stage_submit(&play->stage, hang_cluster, "{}");
    static int ends_all;

    await_taken(play, 1);
    puppet_worker_free(play->worker);
    play->worker = puppet_worker_new(play->stage.loop, play->stage.log, "other", incarnation(), 8,
                                     act, &ends_all);
    assert_ends(play, &id, "SUCCEEDED", "3");
}

static void test_worker_is_replaced(void **state)
{
    struct play *play = *state;
    struct execution_id id = stage_submit(&play->stage, hang_cluster, "{}");
    static int ends_all;

    await_taken(play, 1);
    puppet_worker_free(play->worker);
    play->worker = puppet_worker_new(play->stage.loop, play->stage.log, "puppet", incarnation(), 8,
                                     act, &ends_all);
    assert_ends(play, &id, "SUCCEEDED", "3");
}

/* ---- strange input ---- */

static const char one_cluster[] = "exosphere: v1\ncluster:\n  name: one\n  satellites:\n"
                                  "    - {name: a, image: \"oci:x\", command: [a]}\n"
                                  "  output: \"${{ satellites.a.output.n }}\"\n";

static void test_job_on_another_partition(void **state)
{
    struct play *play = *state;
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t right = execution_shard(&id, play->stage.shard_count);

    stage_submit_as(&play->stage, &id, (right + 1) % play->stage.shard_count, one_cluster, "{}");
    assert_ends(play, &id, "SUCCEEDED", "3");
}

static void test_repeated_job_runs_once(void **state)
{
    struct play *play = *state;
    struct execution_id id = stage_submit(&play->stage, one_cluster, "{}");
    uint32_t partition = execution_shard(&id, play->stage.shard_count);

    stage_submit_as(&play->stage, &id, partition, one_cluster, "{}");
    assert_ends(play, &id, "SUCCEEDED", "3");
    stage_submit_as(&play->stage, &id, partition, one_cluster, "{}");
    stage_scheduler_kill(&play->stage, 0);
    stage_scheduler_start(&play->stage, 1);
    stage_submit_as(&play->stage, &id, partition, one_cluster, "{}");
    struct execution_id last = stage_submit(&play->stage, one_cluster, "{}");

    assert_ends(play, &last, "SUCCEEDED", "3");
    assert_int_equal(puppet_worker_taken(play->worker), 2);
}

static void await_letters(struct play *play, uint32_t count)
{
    exo_time begin_ns = clock_monotonic_ns();

    while (stage_letters(&play->stage) < count) {
        assert_true(clock_monotonic_ns() - begin_ns < TEST_WAIT);
        (void)stage_run(&play->stage, NULL, 2 * EXO_MILLISECOND);
    }
}

static void test_poison_goes_to_the_dead_letters(void **state)
{
    struct play *play = *state;
    uint32_t before = stage_letters(&play->stage);
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    uint32_t shard = execution_shard(&id, play->stage.shard_count);

    stage_append(&play->stage, "exo.jobs", shard, span_of("\xff\xff no message"));
    stage_append(&play->stage, "exo.status", shard, span_of("\xff\xff no message"));
    stage_submit_as(&play->stage, NULL, shard, "exosphere: v1\ncluster: {nam: x}\n", "{}");
    stage_submit_as(&play->stage, &id, shard, one_cluster, "{}");
    assert_ends(play, &id, "SUCCEEDED", "3");
    await_letters(play, before + 3);
}

static void test_cancel_before_its_job(void **state)
{
    struct play *play = *state;
    struct execution_id id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    struct execution_id other = stage_submit(&play->stage, one_cluster, "{}");

    stage_cancel(&play->stage, &id);
    assert_ends(play, &other, "SUCCEEDED", "3");
    (void)stage_run(&play->stage, NULL, 100 * EXO_MILLISECOND);
    stage_submit_as(&play->stage, &id, execution_shard(&id, play->stage.shard_count), hang_cluster,
                    "{}");
    assert_ends(play, &id, "CANCELLED", "asked to");
}

/* ---- a log that lost its tail ---- */

struct breaking {
    bool is_done;
    struct store *store;
    struct store_batch batch;
    bool is_committed;
};

static void broken(void *argument, const struct store_result *result)
{
    struct breaking *breaking = argument;

    breaking->is_done = true;
    breaking->is_committed = result->verdict == STORE_DONE;
}

/* The row now says that another record was consumed last than the log has there. */
static void break_row(void *argument, const struct store_shard *row, const struct exo_error *err)
{
    struct breaking *breaking = argument;

    assert_null(err);
    breaking->batch = (struct store_batch){.shard = row->shard,
                                           .epoch = row->epoch,
                                           .previous = row->batch,
                                           .next = row->batch + 1,
                                           .now_ns = row->now_ns,
                                           .inputs = {row->inputs[0], row->inputs[1]},
                                           .event_batch = row->event_batch};
    breaking->batch.inputs[0].checksum ^= 0x5a5a5a;
    store_commit(breaking->store, &breaking->batch, 1, broken, breaking);
}

struct resuming {
    bool is_done;
    bool is_resumed;
};

static void resumed(void *argument, const struct resume_result *result)
{
    struct resuming *resuming = argument;

    resuming->is_done = true;
    resuming->is_resumed = result->err.code == EXO_OK;
}

static void test_shard_stands_still_and_is_resumed(void **state)
{
    struct play *play = *state;
    struct execution_id id = stage_submit(&play->stage, one_cluster, "{}");
    uint32_t shard = execution_shard(&id, play->stage.shard_count);
    struct breaking breaking = {.store = play->stage.store};
    struct resuming resuming = {0};
    exo_time begin_ns;

    assert_ends(play, &id, "SUCCEEDED", "3");
    stage_scheduler_kill(&play->stage, 0);
    store_shard_get(play->stage.store, shard, break_row, &breaking);
    assert_true(stage_run(&play->stage, &breaking.is_done, TEST_WAIT));
    assert_true(breaking.is_committed);
    stage_scheduler_start(&play->stage, 1);
    begin_ns = clock_monotonic_ns();
    while (scheduler_counts(play->stage.schedulers[1]).shards_stopped == 0) {
        assert_true(clock_monotonic_ns() - begin_ns < TEST_WAIT);
        (void)stage_run(&play->stage, NULL, EXO_MILLISECOND);
    }
    /* Its owner takes the shard again at each look: one may come between reading and writing. */
    while (!resuming.is_resumed) {
        resuming.is_done = false;
        resume_shard(play->stage.log, play->stage.store, shard, 100, resumed, &resuming);
        assert_true(stage_run(&play->stage, &resuming.is_done, TEST_WAIT));
    }
    id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    while (execution_shard(&id, play->stage.shard_count) != shard) {
        id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    }
    stage_submit_as(&play->stage, &id, shard, one_cluster, "{}");
    assert_ends(play, &id, "SUCCEEDED", "3");
}

/* An id that was made with a clock ahead is taken for a new one by the next owner, and the database
 * refuses the batch: only the repeated job may be left out, not those of other shards or beside it.
 */
static void test_refused_job_costs_no_other(void **state)
{
    struct play *play = *state;
    struct execution_id ids[60];
    struct execution_id ahead = execution_id_new(clock_wall_ns() / EXO_MILLISECOND + 60000);
    uint32_t shard = execution_shard(&ahead, play->stage.shard_count);
    uint32_t letters = stage_letters(&play->stage);

    stage_submit_as(&play->stage, &ahead, shard, one_cluster, "{}");
    assert_ends(play, &ahead, "SUCCEEDED", "3");
    stage_scheduler_kill(&play->stage, 0);
    for (int i = 0; i < 60; i++) {
        ids[i] = stage_submit(&play->stage, one_cluster, "{}");
        if (i == 30) {
            stage_submit_as(&play->stage, &ahead, shard, one_cluster, "{}");
        }
    }
    stage_scheduler_start(&play->stage, 1);
    for (int i = 0; i < 60; i++) {
        assert_ends(play, &ids[i], "SUCCEEDED", "3");
    }
    assert_int_equal(stage_letters(&play->stage), letters);
}

static void test_jobs_name_what_is_stored(void **state)
{
    version_story(&((struct play *)*state)->stage);
}

static void test_a_schedule_runs_past_times(void **state)
{
    schedule_story(&((struct play *)*state)->stage);
}

static void test_batches_of_many_executions(void **state)
{
    batch_story(&((struct play *)*state)->stage);
}

static void test_commands_before_their_job(void **state)
{
    command_story(&((struct play *)*state)->stage);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_satellite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map_and_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flaky_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_and_skips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_execution_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wide_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scheduler_dies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_schedulers_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_worker_falls_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_worker_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_job_on_another_partition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeated_job_runs_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_poison_goes_to_the_dead_letters, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_before_its_job, setup, teardown),
        cmocka_unit_test_setup_teardown(test_commands_before_their_job, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batches_of_many_executions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_job_costs_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_schedule_runs_past_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_name_what_is_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shard_stands_still_and_is_resumed, setup, teardown),
    };
    const char *name = argc > 1 ? argv[1] : "sqlite";

    int status = stage_settings_of(name, &settings);

    if (status != 0) {
        return status;
    }
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
