/* kept: a rerun takes over what ended well and runs the rest. */
#include "schemas/cluster/rerun.h"
#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

#define CHAIN                                                                                      \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  satellites:\n"                                                                              \
    "    - {name: a, command: [x]}\n"                                                              \
    "    - {name: pages, needs: [a], for_each: \"${{ input.pages }}\", command: [x]}\n"            \
    "    - {name: merge, needs: [pages], command: [x], when: \"${{ size(satellites.pages.output) " \
    "> 1 }}\"}\n"                                                                                  \
    "    - {name: aside, needs: [], command: [x]}\n"                                               \
    "  output: {a: \"${{ satellites.a.output }}\", second: \"${{ satellites.pages.output[1] "      \
    "}}\"}\n"

static const struct execution_id old_id = {{9, 9, 9}};

static const uint32_t one = 1;

/* How a and pages ended in the old execution. */
static struct wire_instance ended_single(const char *json)
{
    static const unsigned char succeeded = TASK_SUCCEEDED;
    struct wire_instance instance = {
        .state = TASK_SUCCEEDED,
        .task_count = 1,
        .has_task = true,
        .task = {.states = {&succeeded, 1}, .attempts = &one, .attempt_count = 1},
        .started_ms = 5,
        .ended_ms = 6,
        .has_result = true,
        .result = {.attempt = 1, .json = span_of(json), .outcome = OUTCOME_SUCCEEDED},
        .has_origin = true,
        .origin = old_id,
    };

    instance.counts[TASK_SUCCEEDED] = 1;
    return instance;
}

static struct wire_instance ended_map(uint32_t count)
{
    struct wire_instance instance = {
        .state = TASK_SUCCEEDED,
        .is_map = true,
        .task_count = count,
        .next_index = count,
        .cursor = count,
        .has_origin = true,
        .origin = old_id,
        .origin_number = 1,
    };

    instance.counts[TASK_SUCCEEDED] = count;
    return instance;
}

static void submit(struct sched_bench *bench, const struct wire_kept *kept, uint32_t count)
{
    struct sched_event event = {.kind = SCHED_SUBMIT,
                                .submit = {.id = bench->id,
                                           .definition = &bench->definition,
                                           .input = span_of("{\"pages\":[1,2]}"),
                                           .labels = span_of("{}"),
                                           .submitted_ns = bench->now_ns,
                                           .is_rerun = true,
                                           .rerun_of = old_id,
                                           .kept = kept,
                                           .kept_count = count}};

    assert_null(sched_kept_fit(&bench->definition, kept, count));
    assert_int_equal(bench_step(bench, &event), SCHED_OK);
}

static void value_give(struct sched_bench *bench, const char *json)
{
    bench_seal(bench);
    assert_int_equal(bench->need_count, 1);
    struct sched_need need = bench->needs[--bench->need_count];
    struct sched_event event = {
        .kind = SCHED_VALUE,
        .value = {
            .id = need.id, .instance = need.instance, .index = need.index, .json = span_of(json)}};

    assert_int_equal(need.instance, 1);
    assert_int_equal(bench_step(bench, &event), SCHED_OK);
}

static void kept_do_not_run(void **state)
{
    struct wire_instance instances[] = {ended_single("41"), ended_map(3)};
    const struct wire_kept kept[] = {{span_of("a"), &instances[0]},
                                     {span_of("pages"), &instances[1]}};
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CHAIN);
    submit(&bench, kept, 2);
    assert_int_equal(bench_state(&bench, 0), TASK_SUCCEEDED);
    assert_int_equal(bench_state(&bench, 1), TASK_SUCCEEDED);
    /* merge and aside alone. */
    assert_int_equal(bench_grant(&bench), 2);
    assert_int_equal(bench_finish(&bench, "merge", OUTCOME_SUCCEEDED, "1"), SCHED_OK);
    assert_int_equal(bench_finish(&bench, "aside", OUTCOME_SUCCEEDED, "1"), SCHED_OK);
    value_give(&bench, "\"two\"");
    bench_seal(&bench);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    assert_string_equal(bench.output, "{\"a\":41,\"second\":\"two\"}");
    bench_close(&bench);
}

static void all_may_be_kept(void **state)
{
    struct wire_instance instances[] = {ended_single("41"), ended_map(3), ended_single("1"),
                                        ended_single("1")};
    const struct wire_kept kept[] = {{span_of("a"), &instances[0]},
                                     {span_of("pages"), &instances[1]},
                                     {span_of("merge"), &instances[2]},
                                     {span_of("aside"), &instances[3]}};
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CHAIN);
    submit(&bench, kept, 4);
    assert_int_equal(bench_grant(&bench), 0);
    value_give(&bench, "\"two\"");
    bench_seal(&bench);
    assert_int_equal(bench.ended, EXECUTION_SUCCEEDED);
    bench_close(&bench);
}

/* What it left stays visible to what runs after it, and is named by the rerun: it outlives the old
 * execution. */
static void artefacts_are_kept(void **state)
{
    struct wire_instance instances[] = {ended_single("1"), ended_map(2)};
    const struct wire_kept kept[] = {{span_of("a"), &instances[0]},
                                     {span_of("pages"), &instances[1]}};
    struct sched_bench bench;
    bool is_named = false;

    (void)state;
    instances[0].result.has_artefacts = true;
    instances[0].result.artefacts_digest = (struct digest){{7, 7}};
    instances[0].result.artefacts_bytes = 99;
    instances[1].has_artefacts = true;
    bench_open(&bench, CHAIN);
    submit(&bench, kept, 2);
    const struct execution *e = sched_find(bench.sched, &bench.id);
    const struct instance *a = execution_instance(e, 0);

    assert_true(a->output.has_artefacts);
    assert_int_equal(a->output.artefacts.bytes[1], 7);
    assert_int_equal(a->output.artefacts_bytes, 99);
    assert_true(execution_instance(e, 1)->has_artefacts);
    struct sched_batch batch = sched_batch(bench.sched);

    for (uint32_t i = 0; i < batch.blob_count; i++) {
        is_named =
            is_named || (batch.blobs[i].execution == e && batch.blobs[i].digest.bytes[0] == 7);
    }
    assert_true(is_named);
    bench_close(&bench);
}

/* What the rows say is enough to go on after a crash; a large result has a row of its own. */
static void kept_survive_a_load(void **state)
{
    char large[2000];
    struct wire_instance rows[4] = {{0}};
    struct sched_bench bench;
    struct sched_limits limits = {0};

    (void)state;
    memset(large, 'x', sizeof(large));
    large[0] = '"';
    large[sizeof(large) - 2] = '"';
    large[sizeof(large) - 1] = '\0';
    struct wire_instance instances[] = {ended_single(large), ended_map(3)};
    const struct wire_kept kept[] = {{span_of("a"), &instances[0]},
                                     {span_of("pages"), &instances[1]}};

    bench_open(&bench, CHAIN);
    submit(&bench, kept, 2);
    bench_seal(&bench);
    assert_int_equal(bench.output_count, 1);
    assert_int_equal(bench.outputs[0].number, 0);
    struct wire_output result = bench.outputs[0].output;

    assert_int_equal(result.json.bytes, sizeof(large) - 1);
    /* The next owner. */
    sched_free(bench.sched);
    bench.sched =
        sched_new(allocator_heap(&bench.budget), bench.dispatch, bench.fleet, 0, 1, &limits);
    rows[0] = instances[0];
    rows[0].has_result = false;
    rows[1] = instances[1];
    struct sched_loaded loaded = {
        .id = bench.id,
        .definition = &bench.definition,
        .state = EXECUTION_QUEUED,
        .submitted_ns = bench.now_ns,
        .input = span_of("{\"pages\":[1,2]}"),
        .labels = span_of("{}"),
        .body = {.instances = rows, .instance_count = 4, .is_rerun = true, .rerun_of = old_id}};

    assert_int_equal(sched_load_execution(bench.sched, &loaded), SCHED_OK);
    result.worker = result.error = (struct span){NULL, 0};
    assert_int_equal(sched_load_output(bench.sched, &bench.id, 0, &result), SCHED_OK);
    assert_int_equal(sched_load_done(bench.sched, bench.now_ns), SCHED_OK);
    const struct execution *e = sched_find(bench.sched, &bench.id);

    assert_true(e->is_rerun);
    assert_int_equal(execution_instance(e, 0)->output.bytes, sizeof(large) - 1);
    assert_true(execution_id_equal(&execution_instance(e, 1)->origin, &old_id));
    bench_timer(&bench);
    assert_int_equal(bench_grant(&bench), 2);
    bench_close(&bench);
}

static void what_does_not_fit_is_told(void **state)
{
    struct wire_instance good = ended_single("1");
    struct wire_instance map = ended_map(3);
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CHAIN);
    const struct wire_kept unknown = {span_of("nobody"), &good};
    const struct wire_kept of_map = {span_of("pages"), &good};
    const struct wire_kept twice[] = {{span_of("a"), &good}, {span_of("a"), &good}};
    const struct wire_kept a = {span_of("a"), &good};
    const struct wire_kept pages = {span_of("pages"), &map};

    assert_non_null(sched_kept_fit(&bench.definition, &unknown, 1));
    assert_non_null(sched_kept_fit(&bench.definition, &of_map, 1));
    assert_non_null(sched_kept_fit(&bench.definition, twice, 2));
    good.state = TASK_FAILED;
    assert_non_null(sched_kept_fit(&bench.definition, &a, 1));
    good.state = TASK_SUCCEEDED;
    good.has_origin = false;
    assert_non_null(sched_kept_fit(&bench.definition, &a, 1));
    map.next_index = 4;
    assert_non_null(sched_kept_fit(&bench.definition, &pages, 1));
    map.next_index = 3;
    map.counts[TASK_READY] = 1;
    assert_non_null(sched_kept_fit(&bench.definition, &pages, 1));
    bench_close(&bench);
}

/* ---- the plan ---- */

static void plan_is(struct sched_bench *bench, const enum task_state states[4], uint32_t from,
                    const char *again)
{
    bool got[4];
    uint32_t count = rerun_plan(bench->definition.cluster, states, from, got);

    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(got[i], again[i] == 'R');
        count -= got[i];
    }
    assert_int_equal(count, 0);
}

static void plan_follows_the_graph(void **state)
{
    static const enum task_state well[] = {TASK_SUCCEEDED, TASK_SUCCEEDED, TASK_SKIPPED,
                                           TASK_SUCCEEDED};
    static const enum task_state pages_failed[] = {TASK_SUCCEEDED, TASK_FAILED,
                                                   TASK_UPSTREAM_FAILED, TASK_SUCCEEDED};
    static const enum task_state a_failed[] = {TASK_FAILED, TASK_SUCCEEDED, TASK_SUCCEEDED,
                                               TASK_CANCELLED};
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CHAIN);
    plan_is(&bench, well, SATELLITE_NONE, "----");
    plan_is(&bench, well, 1, "-RR-");
    plan_is(&bench, well, 3, "---R");
    plan_is(&bench, pages_failed, SATELLITE_NONE, "-RR-");
    plan_is(&bench, pages_failed, 3, "-RRR");
    plan_is(&bench, a_failed, SATELLITE_NONE, "RRRR");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_do_not_run),           cmocka_unit_test(all_may_be_kept),
        cmocka_unit_test(artefacts_are_kept),        cmocka_unit_test(kept_survive_a_load),
        cmocka_unit_test(what_does_not_fit_is_told), cmocka_unit_test(plan_follows_the_graph),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
