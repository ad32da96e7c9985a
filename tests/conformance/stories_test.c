/* stories: what a cluster does, told to a scheduler over each set of back-ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/conformance/stage.h"
#include "tests/support/test.h"

static struct stage_settings settings;

/* Succeeds with the item or a fixed output; "flaky" fails twice, "bad" always, "hang" never ends.
 */
static bool act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                struct wire_report *report)
{
    (void)context;
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = spec->is_map ? task->item : span_of("{\"files\":[\"a\",\"b\",\"c\"],\"n\":3}");
    if (span_is(spec->satellite, "hang")) {
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

struct play {
    struct stage stage;
    struct puppet_worker *worker;
};

static int setup(void **state)
{
    struct play *play = calloc(1, sizeof(*play));

    stage_open(&play->stage, &settings);
    stage_scheduler_start(&play->stage, 0);
    play->worker = puppet_worker_new(play->stage.loop, play->stage.log, "puppet", 1, 8, act, NULL);
    *state = play;
    return 0;
}

static int teardown(void **state)
{
    struct play *play = *state;

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
        "{}", "TIMED_OUT", "the execution ran longer than its timeout");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_satellite, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map_and_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flaky_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failure_and_skips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
        cmocka_unit_test_setup_teardown(test_execution_timeout, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wide_map, setup, teardown),
    };
    char directory[] = "/tmp/exo-stories.XXXXXX";
    char path[64];

    if (mkdtemp(directory) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/exosphere.db", directory);
    settings.log = (struct log_settings){.backend = "sqlite", .path = path};
    settings.store = (struct store_settings){.backend = "sqlite", .path = path};
    settings.cache =
        (struct cache_settings){.backend = "memory", .view_ttl_ns = 30 * EXO_SECOND};
    return cmocka_run_group_tests_name("stories on sqlite", tests, NULL, NULL);
}
