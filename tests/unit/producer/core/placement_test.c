/* placement: what comes together goes to one shard, and all shards have their share. */
#include "producer/core/placement.h"

#include "tests/support/test.h"

static void test_company_stays_together(void **state)
{
    struct placement p = {.shard = 7};

    (void)state;
    for (int i = 0; i < PLACEMENT_WEIGHT_MAX; i++) {
        assert_int_equal(placement_next(&p, 64, 1, 1000), 7);
    }
    assert_int_equal(placement_next(&p, 64, 1, 1000), 8);
}

static void test_heavy_ones_are_spread(void **state)
{
    struct placement p = {.shard = 0};

    (void)state;
    assert_int_equal(placement_next(&p, 64, UINT32_MAX, 0), 0);
    assert_int_equal(placement_next(&p, 64, PLACEMENT_WEIGHT_MAX, 0), 1);
    assert_int_equal(placement_next(&p, 64, 1, 0), 2);
    assert_int_equal(placement_next(&p, 64, PLACEMENT_WEIGHT_MAX - 1, 0), 2); /* just fits */
    assert_int_equal(placement_next(&p, 64, 1, 0), 3);
    assert_int_equal(placement_next(&p, 64, UINT32_MAX, 0), 4);
    assert_int_equal(placement_next(&p, 64, 1, 0), 5);
}

static void test_one_at_a_time_takes_turns(void **state)
{
    struct placement p = {.shard = 2};
    exo_time now_ns = 0;

    (void)state;
    for (uint32_t i = 0; i < 9; i++) {
        assert_int_equal(placement_next(&p, 3, 10, now_ns), (2 + i) % 3);
        now_ns += PLACEMENT_SPAN_NS + 1;
    }
    /* Time is counted from the first of a company, so that a steady stream moves on. */
    uint32_t first = placement_next(&p, 3, 10, now_ns);

    assert_int_equal(placement_next(&p, 3, 10, now_ns + PLACEMENT_SPAN_NS), first);
    assert_int_equal(placement_next(&p, 3, 10, now_ns + PLACEMENT_SPAN_NS + 1), (first + 1) % 3);
}

static void test_any_beginning_and_one_shard(void **state)
{
    struct placement p = {.shard = UINT32_MAX};

    (void)state;
    assert_int_equal(placement_next(&p, 1, PLACEMENT_WEIGHT_MAX, 0), 0);
    assert_int_equal(placement_next(&p, 1, PLACEMENT_WEIGHT_MAX, 0), 0);
    p = (struct placement){.shard = 1000};
    assert_int_equal(placement_next(&p, 64, 1, 0), 1000 % 64);
}

static void test_a_map_weighs_more(void **state)
{
    struct satellite satellites[3] = {{.for_each = NULL}};
    struct cluster cluster = {.satellites = satellites, .satellite_count = 3};

    (void)state;
    assert_int_equal(placement_weight(&cluster), 3);
    satellites[1].for_each = (const struct expression *)&cluster; /* looked at for NULL only */
    assert_int_equal(placement_weight(&cluster), 3 + PLACEMENT_MAP_WEIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_company_stays_together),
        cmocka_unit_test(test_heavy_ones_are_spread),
        cmocka_unit_test(test_one_at_a_time_takes_turns),
        cmocka_unit_test(test_any_beginning_and_one_shard),
        cmocka_unit_test(test_a_map_weighs_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
