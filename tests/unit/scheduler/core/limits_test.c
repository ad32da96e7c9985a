/* limits: what an execution may hold in a shard: 1,000,000 tasks of maps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/scheduler/core/sched_bench.h"

/* {"l":[0,0,...]} of so many; malloc. */
static char *input_of(uint32_t count)
{
    char *text = malloc(2 * (size_t)count + 16);

    assert_non_null(text);
    memcpy(text, "{\"l\":[0", 7);
    for (uint32_t i = 1; i < count; i++) {
        memcpy(text + 5 + 2 * (size_t)i, ",0", 2);
    }
    memcpy(text + 5 + 2 * (size_t)count, "]}", 3);
    return text;
}

/* Two maps that share a list: the second would have two tasks too many, and fails alone. */
static void an_execution_has_a_million_tasks_at_most(void **state)
{
    static const char cluster[] =
        "exosphere: v1\n"
        "cluster:\n"
        "  name: test/c\n"
        "  defaults: {image: \"oci:none\"}\n"
        "  satellites:\n"
        "    - {name: one, needs: [], command: [x]}\n"
        "    - {name: m, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n"
        "    - {name: n, needs: [], for_each: \"${{ input.l }}\", command: [x]}\n";
    struct sched_bench bench;
    char *input = input_of(500001);

    (void)state;
    bench_open(&bench, cluster);
    bench_submit(&bench, input);
    free(input);
    assert_int_equal(bench_task_state(&bench, "one"), TASK_READY);
    assert_int_equal(bench_task_state(&bench, "m.0"), TASK_READY);
    assert_int_equal(bench_task_state(&bench, "n"), TASK_FAILED);
    bench_cancel(&bench);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_execution_has_a_million_tasks_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
