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

/* Three processes over one table. */
struct fleet {
    struct ownership *o[PROCESSES];
    struct ownership_row rows[MANY_SHARDS];
    struct ownership_process processes[PROCESSES];
    uint32_t takes[MANY_SHARDS], releases[MANY_SHARDS];
    const char *dead; /* from whom alone may be taken what is not free; "": nobody */
};

static const char *const names[PROCESSES] = {"a", "b", "c"};

static void fleet_open(struct fleet *f, int of_the_first)
{
    f->dead = "";
    for (int i = 0; i < MANY_SHARDS; i++) {
        f->rows[i] = (struct ownership_row){i < of_the_first ? names[0] : "", 1};
    }
    for (int i = 0; i < PROCESSES; i++) {
        f->o[i] = ownership_new(allocator_heap(&budget), names[i], MANY_SHARDS, OWNERSHIP_LEASE_NS);
        f->processes[i] = (struct ownership_process){names[i], 1};
    }
}

static void fleet_close(struct fleet *f)
{
    for (int i = 0; i < PROCESSES; i++) {
        ownership_free(f->o[i]);
    }
}

/* One round of one of them: it renews and reads the table, and takes what it planned at once.
 * Gives how many shards changed hands. */
static uint32_t fleet_round(struct fleet *f, int who, exo_time asked_ns, exo_time answered_ns)
{
    struct ownership_plan plan = {.takes = f->takes, .releases = f->releases};
    struct ownership_read read = {.rows = f->rows,
                                  .processes = f->processes,
                                  .process_count = PROCESSES,
                                  .asked_ns = asked_ns,
                                  .answered_ns = answered_ns};

    f->processes[who].beat++;
    for (int i = 0; i < MANY_SHARDS; i++) {
        f->rows[i].beat += f->rows[i].owner == names[who];
    }
    ownership_step(f->o[who], &read, &plan);
    for (uint32_t i = 0; i < plan.take_count; i++) {
        const char **owner = &f->rows[f->takes[i]].owner;

        assert_true((*owner)[0] == '\0' || *owner == f->dead);
        *owner = names[who];
    }
    for (uint32_t i = 0; i < plan.release_count; i++) {
        f->rows[f->releases[i]].owner = "";
    }
    return plan.take_count + plan.release_count;
}

static uint32_t fleet_held(const struct fleet *f, int who)
{
    uint32_t held = 0;

    for (int i = 0; i < MANY_SHARDS; i++) {
        held += f->rows[i].owner == names[who];
    }
    return held;
}

/* Three processes, in turns, come to an even spread and stay there. */
static void test_shards_spread_evenly(void **state)
{
    struct fleet f;
    uint32_t all = 0;

    (void)state;
    fleet_open(&f, 40);
    for (int round = 0; round < 30; round++) {
        exo_time now_ns = round * EXO_SECOND / 10;

        uint32_t changes = fleet_round(&f, round % PROCESSES, now_ns, now_ns);

        assert_true(round < 20 || changes == 0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_in_range(fleet_held(&f, i), MANY_SHARDS / PROCESSES - 1,
                        MANY_SHARDS / PROCESSES + 1);
        all += fleet_held(&f, i);
    }
    assert_int_equal(all, MANY_SHARDS);
    fleet_close(&f);
}

/* What the settings promise: whenever in its round one dies, the others have its shards, evenly,
 * within 5 s, with reads that take up to 100 ms each. They are read so often and so long after the
 * death, that a longer lease or longer rounds would fail. */
static void test_the_shards_of_one_who_died_are_taken_within_5_s(void **state)
{
    static const exo_time reads_ns[PROCESSES] = {0, 20 * EXO_MILLISECOND, 100 * EXO_MILLISECOND};
    const exo_time step_ns = 10 * EXO_MILLISECOND;

    (void)state;
    for (exo_time phase_ns = 0; phase_ns < OWNERSHIP_ROUND_NS; phase_ns += step_ns) {
        exo_time next_ns[PROCESSES] = {0, phase_ns, 230 * EXO_MILLISECOND};
        exo_time died_ns = 20 * EXO_SECOND + phase_ns; /* the first; it renewed at 20 s */
        exo_time taken_ns = 0;
        struct fleet f;

        fleet_open(&f, 0);
        for (exo_time now_ns = 0; now_ns < 60 * EXO_SECOND && taken_ns == 0; now_ns += step_ns) {
            for (int i = 0; i < PROCESSES; i++) {
                if (now_ns >= next_ns[i] && (i > 0 || now_ns <= died_ns)) {
                    (void)fleet_round(&f, i, now_ns, now_ns + reads_ns[i]);
                    next_ns[i] = now_ns + reads_ns[i] + OWNERSHIP_ROUND_NS;
                }
            }
            if (now_ns == 20 * EXO_SECOND) {
                assert_in_range(fleet_held(&f, 0), 20, 22);
            }
            f.dead = now_ns >= died_ns ? names[0] : "";
            taken_ns = now_ns > died_ns && fleet_held(&f, 0) == 0 ? now_ns : 0;
        }
        assert_in_range(taken_ns, died_ns + OWNERSHIP_LEASE_NS - OWNERSHIP_ROUND_NS,
                        died_ns + 5 * EXO_SECOND);
        assert_int_equal(fleet_held(&f, 1), MANY_SHARDS / 2);
        assert_int_equal(fleet_held(&f, 2), MANY_SHARDS / 2);
        fleet_close(&f);
    }
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
        cmocka_unit_test(test_the_shards_of_one_who_died_are_taken_within_5_s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
