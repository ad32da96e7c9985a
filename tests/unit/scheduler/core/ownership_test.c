#include "scheduler/core/ownership.h"

#include <stdio.h>

#include "tests/support/test.h"

enum { SHARDS = 4 };

static const exo_time lease_ns = 3 * EXO_SECOND;

static struct heap_budget budget;

struct bench {
    struct ownership *ownership;
    struct ownership_row rows[SHARDS];
    uint32_t takes[SHARDS], releases[SHARDS];
    struct ownership_plan plan;
};

static void bench_open(struct bench *bench, const char *owner)
{
    *bench =
        (struct bench){.ownership = ownership_new(allocator_heap(&budget), "us", SHARDS, lease_ns)};
    assert_non_null(bench->ownership);
    for (int i = 0; i < SHARDS; i++) {
        bench->rows[i].owner = owner;
    }
    bench->plan.takes = bench->takes;
    bench->plan.releases = bench->releases;
}

/* A read while the only other process of the table, if any, has this beat. */
static void look(struct bench *bench, const char *other, uint64_t beat, exo_time asked_ns,
                 exo_time answered_ns)
{
    struct ownership_process process = {other, beat};
    struct ownership_read read = {.rows = bench->rows,
                                  .processes = &process,
                                  .process_count = other == NULL ? 0 : 1,
                                  .asked_ns = asked_ns,
                                  .answered_ns = answered_ns};

    for (int i = 0; i < SHARDS; i++) {
        bench->rows[i].beat = beat;
    }
    ownership_step(bench->ownership, &read, &bench->plan);
}

static void test_free_shards_are_taken(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench, "");
    look(&bench, NULL, 0, 0, 0);
    assert_int_equal(bench.plan.take_count, SHARDS);
    look(&bench, "them", 1, 1, 1);
    assert_int_equal(bench.plan.take_count, SHARDS / 2);
    ownership_free(bench.ownership);
}

static void test_expired_shards_are_taken(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench, "them");
    look(&bench, "them", 1, 0, 0);
    look(&bench, "them", 1, lease_ns - 1, lease_ns - 1);
    assert_int_equal(bench.plan.take_count, 0);
    look(&bench, "them", 2, lease_ns, lease_ns);
    assert_int_equal(bench.plan.take_count, 0);
    look(&bench, "them", 2, 2 * lease_ns, 2 * lease_ns);
    assert_int_equal(bench.plan.take_count, SHARDS);
    ownership_free(bench.ownership);
}

/* The database stood still for longer than a lease: what was read then is new, however long ago it
 * was asked for, and the owner has had no time to renew. */
static void test_slow_read_proves_nothing(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench, "them");
    look(&bench, "them", 1, 0, 5 * lease_ns);
    look(&bench, "them", 1, 5 * lease_ns + 1, 5 * lease_ns + 2);
    assert_int_equal(bench.plan.take_count, 0);
    look(&bench, "them", 1, 6 * lease_ns, 6 * lease_ns + 2);
    assert_int_equal(bench.plan.take_count, SHARDS);
    ownership_free(bench.ownership);
}

/* More names over time than are remembered at once: the present one is still seen alive. */
static void test_many_restarts(void **state)
{
    struct bench bench;
    char name[OWNERSHIP_NAME_BYTES];

    (void)state;
    bench_open(&bench, "us");
    for (int i = 0; i < 3 * OWNERSHIP_PROCESSES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "them-%d", i);
        look(&bench, name, 1, i, i);
        assert_int_equal(ownership_live(bench.ownership), 2);
        assert_int_equal(bench.plan.release_count, SHARDS / 2);
    }
    ownership_free(bench.ownership);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_shards_are_taken),
        cmocka_unit_test(test_expired_shards_are_taken),
        cmocka_unit_test(test_slow_read_proves_nothing),
        cmocka_unit_test(test_many_restarts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
