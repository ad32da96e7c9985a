#include "scheduler/core/shard_clock.h"

#include "tests/support/test.h"

/* Where the two clocks begin. */
#define WALL (1000 * EXO_HOUR)
#define LOOP (7 * EXO_SECOND)
#define MS EXO_MILLISECOND

static struct shard_clock taken(void)
{
    struct shard_clock clock;

    shard_clock_take(&clock, 0, WALL, LOOP);
    return clock;
}

static void test_runs_with_the_loop(void **state)
{
    struct shard_clock clock = taken();

    (void)state;
    assert_int_equal(shard_clock_read(&clock, LOOP), WALL);
    assert_int_equal(shard_clock_read(&clock, LOOP + 5 * MS), WALL + 5 * MS);
}

static void test_does_not_begin_before_what_is_stored(void **state)
{
    struct shard_clock clock;

    (void)state;
    shard_clock_take(&clock, WALL + EXO_SECOND, WALL, LOOP);
    assert_int_equal(shard_clock_read(&clock, LOOP), WALL + EXO_SECOND);
    assert_int_equal(shard_clock_read(&clock, LOOP + EXO_SECOND + MS), WALL + EXO_SECOND + MS);
}

static void test_follows_a_clock_that_runs_faster(void **state)
{
    struct shard_clock clock = taken();

    (void)state;
    assert_int_equal(shard_clock_hear(&clock, WALL + 1050 * MS, LOOP + 995 * MS, LOOP + 1000 * MS),
                     50 * MS);
    assert_int_equal(shard_clock_read(&clock, LOOP + 1000 * MS), WALL + 1050 * MS);
    assert_int_equal(shard_clock_read(&clock, LOOP + 1010 * MS), WALL + 1060 * MS);
}

static void test_stands_until_a_slower_one_comes_up(void **state)
{
    struct shard_clock clock = taken();

    (void)state;
    assert_int_equal(shard_clock_hear(&clock, WALL + 950 * MS, LOOP + 1000 * MS, LOOP + 1000 * MS),
                     -50 * MS);
    assert_int_equal(shard_clock_read(&clock, LOOP + 1000 * MS), WALL + 1000 * MS);
    assert_int_equal(shard_clock_read(&clock, LOOP + 1050 * MS), WALL + 1000 * MS);
    assert_int_equal(shard_clock_read(&clock, LOOP + 1060 * MS), WALL + 1010 * MS);
}

/* What was said two seconds ago is no sign that the clock is wrong. */
static void test_an_answer_that_took_long_holds_nothing_up(void **state)
{
    struct shard_clock clock = taken();

    (void)state;
    assert_int_equal(shard_clock_hear(&clock, WALL + MS, LOOP, LOOP + 2000 * MS), 0);
    assert_int_equal(shard_clock_read(&clock, LOOP + 2010 * MS), WALL + 2010 * MS);
    assert_int_equal(shard_clock_hear(&clock, WALL, LOOP + 2020 * MS, LOOP + 2030 * MS),
                     -2020 * MS);
}

static void test_does_not_follow_a_jump(void **state)
{
    static const exo_time jumps[] = {-EXO_HOUR, -11 * EXO_SECOND, 11 * EXO_SECOND, EXO_HOUR};

    (void)state;
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct shard_clock clock = taken();
        exo_time step_ns = shard_clock_hear(&clock, WALL + jumps[i], LOOP, LOOP);

        assert_int_equal(step_ns, jumps[i]);
        assert_true(shard_clock_is_jump(step_ns));
        assert_int_equal(shard_clock_read(&clock, LOOP + MS), WALL + MS);
    }
    assert_false(shard_clock_is_jump(SHARD_CLOCK_STEP_MAX_NS));
    assert_false(shard_clock_is_jump(-SHARD_CLOCK_STEP_MAX_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_with_the_loop),
        cmocka_unit_test(test_does_not_begin_before_what_is_stored),
        cmocka_unit_test(test_follows_a_clock_that_runs_faster),
        cmocka_unit_test(test_stands_until_a_slower_one_comes_up),
        cmocka_unit_test(test_an_answer_that_took_long_holds_nothing_up),
        cmocka_unit_test(test_does_not_follow_a_jump),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
