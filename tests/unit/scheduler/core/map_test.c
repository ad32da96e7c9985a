/* map: how long the list of a map may be, and what else may then run beside it. */
#include <stdlib.h>

#include "tests/support/test.h"
#include "tests/unit/scheduler/core/sched_bench.h"

/* pages is kept of another execution, so that its list comes as a value, of any size. */
#define CLUSTER(user)                                                                              \
    "exosphere: v1\n"                                                                              \
    "cluster:\n"                                                                                   \
    "  name: story\n"                                                                              \
    "  defaults: {image: \"oci:x\"}\n"                                                             \
    "  output: 1\n"                                                                                \
    "  satellites:\n"                                                                              \
    "    - {name: pages, for_each: \"${{ [1] }}\", command: [x]}\n"                                \
    "    - {name: first, needs: [], command: [x]}\n"                                               \
    "    - {name: user, needs: [pages, first], command: [x], " user "}\n"

static const struct execution_id old_id = {{9, 9, 9}};

static void submit(struct sched_bench *bench, uint32_t count)
{
    struct wire_instance pages = {
        .state = TASK_SUCCEEDED,
        .is_map = true,
        .task_count = count,
        .next_index = count,
        .cursor = count,
        .has_origin = true,
        .origin = old_id,
    };
    const struct wire_kept kept = {span_of("pages"), &pages};
    struct sched_event event = {.kind = SCHED_SUBMIT,
                                .submit = {.id = bench->id,
                                           .definition = &bench->definition,
                                           .input = span_of("{}"),
                                           .labels = span_of("{}"),
                                           .submitted_ns = bench->now_ns,
                                           .is_rerun = true,
                                           .rerun_of = old_id,
                                           .kept = &kept,
                                           .kept_count = 1}};

    pages.counts[TASK_SUCCEEDED] = count;
    assert_int_equal(bench_step(bench, &event), SCHED_OK);
    assert_int_equal(bench_grant(bench), 1);
    assert_int_equal(bench_finish(bench, "first", OUTCOME_SUCCEEDED, "1"), SCHED_OK);
}

/* Answers what the user of the list waits for: so many zeros. */
static void list_give(struct sched_bench *bench, uint32_t count)
{
    char *text = malloc(2 * (size_t)count + 1);

    assert_non_null(text);
    for (uint32_t i = 0; i < count; i++) {
        text[2 * i] = i == 0 ? '[' : ',';
        text[2 * i + 1] = '0';
    }
    text[2 * (size_t)count] = ']';
    bench_seal(bench);
    assert_int_equal(bench->need_count, 1);
    struct sched_need need = bench->needs[--bench->need_count];
    struct sched_event event = {.kind = SCHED_VALUE,
                                .value = {.id = need.id,
                                          .instance = need.instance,
                                          .index = need.index,
                                          .json = {text, 2 * (size_t)count + 1}}};

    assert_int_equal(bench_step(bench, &event), SCHED_OK);
    free(text);
}

static void a_million_items_beside_a_single_satellite(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CLUSTER("for_each: \"${{ satellites.pages.output }}\""));
    submit(&bench, 1000000);
    list_give(&bench, 1000000);
    assert_int_equal(bench_task_state(&bench, "user"), TASK_READY);
    assert_int_equal(bench_task_state(&bench, "user.999999"), TASK_READY);
    bench_close(&bench);
}

static void one_item_more_is_refused(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CLUSTER("for_each: \"${{ satellites.pages.output }}\""));
    submit(&bench, 1000000);
    list_give(&bench, 1000001);
    assert_int_equal(bench_task_state(&bench, "user"), TASK_FAILED);
    bench_close(&bench);
}

static void other_expressions_do_not_look_into_so_much(void **state)
{
    struct sched_bench bench;

    (void)state;
    bench_open(&bench, CLUSTER("when: \"${{ satellites.pages.output.exists(x, x == 1) }}\""));
    submit(&bench, 600000);
    list_give(&bench, 600000);
    assert_int_equal(bench_task_state(&bench, "user"), TASK_FAILED);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_items_beside_a_single_satellite),
        cmocka_unit_test(one_item_more_is_refused),
        cmocka_unit_test(other_expressions_do_not_look_into_so_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
