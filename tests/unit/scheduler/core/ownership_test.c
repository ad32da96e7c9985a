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

/* What is above our share is given up, and nothing is taken in the same step. */
static void test_what_is_above_the_share_is_released(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench, "us");
    look(&bench, "them", 1, 0, 0);
    assert_int_equal(ownership_live(bench.ownership), 2);
    assert_int_equal(bench.plan.release_count, SHARDS / 2);
    assert_int_equal(bench.plan.take_count, 0);
    look(&bench, "them", 1, lease_ns, lease_ns); /* they are dead by now */
    assert_int_equal(ownership_live(bench.ownership), 1);
    assert_int_equal(bench.plan.release_count, 0);
    ownership_free(bench.ownership);
}

enum { MANY_SHARDS = 64, PROCESSES = 3 };

/* Three processes over one table, in turns, come to an even spread and stay there. */
static void test_shards_spread_evenly(void **state)
{
    static const char *const names[PROCESSES] = {"a", "b", "c"};
    struct ownership *o[PROCESSES];
    struct ownership_row rows[MANY_SHARDS];
    struct ownership_process processes[PROCESSES];
    uint32_t takes[MANY_SHARDS], releases[MANY_SHARDS];
    uint32_t held[PROCESSES] = {0};

    (void)state;
    for (int i = 0; i < MANY_SHARDS; i++) {
        rows[i] = (struct ownership_row){i < 40 ? "a" : "", 1};
    }
    for (int i = 0; i < PROCESSES; i++) {
        o[i] = ownership_new(allocator_heap(&budget), names[i], MANY_SHARDS, lease_ns);
        processes[i] = (struct ownership_process){names[i], 1};
    }
    for (int round = 0; round < 30; round++) {
        int who = round % PROCESSES;
        struct ownership_plan plan = {.takes = takes, .releases = releases};
        struct ownership_read read = {.rows = rows,
                                      .processes = processes,
                                      .process_count = PROCESSES,
                                      .asked_ns = round * EXO_SECOND / 10,
                                      .answered_ns = round * EXO_SECOND / 10};

        processes[who].beat++;
        ownership_step(o[who], &read, &plan);
        assert_true(round < 20 || plan.take_count + plan.release_count == 0);
        for (uint32_t i = 0; i < plan.take_count; i++) {
            assert_string_equal(rows[takes[i]].owner, "");
            rows[takes[i]].owner = names[who];
        }
        for (uint32_t i = 0; i < plan.release_count; i++) {
            rows[releases[i]].owner = "";
        }
    }
    for (int i = 0; i < MANY_SHARDS; i++) {
        for (int k = 0; k < PROCESSES; k++) {
            held[k] += rows[i].owner == names[k];
        }
    }
    for (int k = 0; k < PROCESSES; k++) {
        assert_in_range(held[k], MANY_SHARDS / PROCESSES - 1, MANY_SHARDS / PROCESSES + 1);
        ownership_free(o[k]);
    }
    assert_int_equal(held[0] + held[1] + held[2], MANY_SHARDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_free_shards_are_taken),
        cmocka_unit_test(test_expired_shards_are_taken),
        cmocka_unit_test(test_slow_read_proves_nothing),
        cmocka_unit_test(test_many_restarts),
        cmocka_unit_test(test_what_is_above_the_share_is_released),
        cmocka_unit_test(test_shards_spread_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
