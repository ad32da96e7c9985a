#include "scheduler/core/dispatch.h"

#include "tests/support/test.h"

enum { WINDOW = 64, MEBIBYTE = 1 << 20, TOO_LARGE_NR = 200, SMALL_NR = 20 };

static struct heap_budget budget;

struct bench {
    struct fleet *fleet;
    struct dispatch *dispatch;
    uint32_t class;
};

/* One worker with 1 GiB and all its tickets in our hand. */
static void bench_open(struct bench *bench)
{
    struct fleet_limits limits = {0};
    uint32_t tickets[WINDOW];
    uint64_t lends[WINDOW];
    struct span class = span_of("default");
    struct fleet_suspicion suspicion;
    struct wire_loan loan = {.worker = span_of("w"),
                             .incarnation = 1,
                             .process = span_of("us"),
                             .tickets = tickets,
                             .lends = lends,
                             .count = WINDOW};
    struct wire_heartbeat heartbeat = {.worker = span_of("w"),
                                       .incarnation = 1,
                                       .number = 1,
                                       .classes = &class,
                                       .class_count = 1,
                                       .window = WINDOW,
                                       .memory_bytes = 1024 * (uint64_t)MEBIBYTE,
                                       .memory_free_bytes = 1024 * (uint64_t)MEBIBYTE,
                                       .loans = &loan,
                                       .loan_count = 1};

    for (uint32_t i = 0; i < WINDOW; i++) {
        tickets[i] = i;
        lends[i] = 1;
    }
    bench->fleet = fleet_new(allocator_heap(&budget), span_of("us"), &limits);
    assert_non_null(bench->fleet);
    bench->dispatch = dispatch_new(allocator_heap(&budget), bench->fleet);
    assert_non_null(bench->dispatch);
    bench->class = fleet_class(bench->fleet, span_of("default"));
    assert_true(fleet_heartbeat(bench->fleet, &heartbeat, 0, &suspicion));
}

static void bench_close(struct bench *bench)
{
    dispatch_free(bench->dispatch);
    fleet_free(bench->fleet);
    assert_int_equal(budget.used_bytes, 0);
}

static void offer(struct bench *bench, struct dispatch_source *source, const char *project,
                  uint64_t memory_bytes, uint32_t ready)
{
    static uint64_t age;

    *source = (struct dispatch_source){
        .deadline_ns = EXO_TIME_NEVER,
        .age = age++,
        .needs = {.class = bench->class, .memory_bytes = memory_bytes},
    };
    assert_true(dispatch_set(bench->dispatch, source, span_of(project), ready));
}

static uint32_t grants(struct bench *bench, const struct dispatch_source *from,
                       const struct dispatch_source *below)
{
    struct dispatch_grant grant;
    uint32_t count = 0;

    while (dispatch_next(bench->dispatch, &grant)) {
        assert_true(grant.source >= from && grant.source < below);
        count += grant.count;
    }
    return count;
}

/* More tasks of one project than one search passes over fit no worker: another project's tasks
 * find theirs all the same, also after its first grant has put it behind. */
static void test_too_large_tasks_stop_nobody_else(void **state)
{
    static struct dispatch_source large[TOO_LARGE_NR];
    static struct dispatch_source small[SMALL_NR];
    struct bench bench;

    (void)state;
    bench_open(&bench);
    for (int i = 0; i < TOO_LARGE_NR; i++) {
        offer(&bench, &large[i], "greedy", (uint64_t)(2048 + i) * MEBIBYTE, 1);
    }
    for (int i = 0; i < SMALL_NR; i++) {
        offer(&bench, &small[i], "modest", MEBIBYTE, 1);
    }
    assert_int_equal(grants(&bench, small, small + SMALL_NR), SMALL_NR);
    assert_int_equal(dispatch_ready(bench.dispatch, bench.class), TOO_LARGE_NR);
    for (int i = 0; i < TOO_LARGE_NR; i++) {
        assert_true(dispatch_set(bench.dispatch, &large[i], (struct span){0}, 0));
    }
    assert_int_equal(dispatch_ready(bench.dispatch, bench.class), 0);
    bench_close(&bench);
}

/* A large task that fits nobody now does not hide a smaller one of its own project. */
static void test_smaller_task_of_the_same_project(void **state)
{
    static struct dispatch_source sources[3];
    struct bench bench;

    (void)state;
    bench_open(&bench);
    offer(&bench, &sources[0], "one", 2048 * (uint64_t)MEBIBYTE, 5);
    offer(&bench, &sources[1], "one", 1536 * (uint64_t)MEBIBYTE, 5);
    offer(&bench, &sources[2], "one", MEBIBYTE, 5);
    assert_int_equal(grants(&bench, &sources[2], &sources[3]), 5);
    for (int i = 0; i < 2; i++) {
        assert_true(dispatch_set(bench.dispatch, &sources[i], (struct span){0}, 0));
    }
    bench_close(&bench);
}

/* Projects take turns by tasks, whatever each has waiting. */
static void test_projects_take_turns(void **state)
{
    static struct dispatch_source many;
    static struct dispatch_source few;
    struct dispatch_grant grant;
    struct bench bench;
    uint32_t few_at = 0;
    uint32_t round = 0;

    (void)state;
    bench_open(&bench);
    offer(&bench, &many, "many", 512 * (uint64_t)MEBIBYTE, 1000);
    offer(&bench, &few, "few", 512 * (uint64_t)MEBIBYTE, 1);
    while (dispatch_next(bench.dispatch, &grant)) {
        round++;
        few_at = grant.source == &few ? round : few_at;
    }
    assert_true(few_at == 1 || few_at == 2);
    assert_true(dispatch_set(bench.dispatch, &many, (struct span){0}, 0));
    assert_true(dispatch_set(bench.dispatch, &few, (struct span){0}, 0));
    bench_close(&bench);
}

static struct dispatch_source *next_source(struct bench *bench, uint32_t *ret_count)
{
    struct dispatch_grant grant;

    if (!dispatch_next(bench->dispatch, &grant)) {
        return NULL;
    }
    *ret_count = grant.count;
    return grant.source;
}

/* Priority before all else, then the nearer deadline, then age. */
static void test_order_of_the_queue(void **state)
{
    static struct dispatch_source sources[4];
    struct bench bench;
    uint32_t count;

    (void)state;
    bench_open(&bench);
    offer(&bench, &sources[0], "one", MEBIBYTE, 0); /* old, no deadline */
    offer(&bench, &sources[1], "one", MEBIBYTE, 0);
    offer(&bench, &sources[2], "one", MEBIBYTE, 0);
    offer(&bench, &sources[3], "one", MEBIBYTE, 0);
    sources[1].deadline_ns = 200;
    sources[2].deadline_ns = 100;
    sources[3].priority = 9;
    for (int i = 0; i < 4; i++) {
        assert_true(dispatch_set(bench.dispatch, &sources[i], span_of("one"), 1));
    }
    assert_ptr_equal(next_source(&bench, &count), &sources[3]);
    assert_ptr_equal(next_source(&bench, &count), &sources[2]);
    assert_ptr_equal(next_source(&bench, &count), &sources[1]);
    assert_ptr_equal(next_source(&bench, &count), &sources[0]);
    assert_null(next_source(&bench, &count));
    bench_close(&bench);
}

/* A grant has a bound of its own, the tickets another, and what waits the third. */
static void test_grants_are_bounded(void **state)
{
    static struct dispatch_source source;
    struct bench bench;
    uint32_t sum = 0;
    uint32_t count;

    (void)state;
    bench_open(&bench);
    offer(&bench, &source, "one", 0, 100000);
    while (next_source(&bench, &count) != NULL) {
        assert_in_range(count, 1, DISPATCH_GRANT_MAX);
        sum += count;
    }
    assert_int_equal(sum, WINDOW);
    assert_int_equal(source.ready, 100000 - WINDOW);
    assert_true(dispatch_set(bench.dispatch, &source, (struct span){0}, 0));
    bench_close(&bench);
}

/* One task at a time, two projects get the same, whoever came first and however much waits. */
static void test_equal_shares(void **state)
{
    static struct dispatch_source sources[2];
    struct bench bench;
    uint32_t shares[2] = {0};
    uint32_t count;

    (void)state;
    bench_open(&bench);
    offer(&bench, &sources[0], "many", 0, 0);
    offer(&bench, &sources[1], "few", 0, 0);
    for (int i = 0; i < WINDOW; i++) {
        /* Both have one task ready whenever a ticket is free. */
        assert_true(dispatch_set(bench.dispatch, &sources[0], span_of("many"), 1));
        assert_true(dispatch_set(bench.dispatch, &sources[1], span_of("few"), 1));
        const struct dispatch_source *next = next_source(&bench, &count);

        assert_non_null(next);
        shares[next == &sources[1]] += count;
    }
    assert_int_equal(shares[0], WINDOW / 2);
    assert_int_equal(shares[1], WINDOW / 2);
    for (int i = 0; i < 2; i++) {
        assert_true(dispatch_set(bench.dispatch, &sources[i], (struct span){0}, 0));
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_large_tasks_stop_nobody_else),
        cmocka_unit_test(test_smaller_task_of_the_same_project),
        cmocka_unit_test(test_projects_take_turns),
        cmocka_unit_test(test_order_of_the_queue),
        cmocka_unit_test(test_grants_are_bounded),
        cmocka_unit_test(test_equal_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
