/* how many live executions a shard may hold. */
#include "scheduler/core/room.h"

#include "tests/support/test.h"

static void test_each_shard_has_its_share(void **state)
{
    bool is_full = false;

    (void)state;
    assert_int_equal(room_left(100, 4, 0, &is_full), 25);
    assert_int_equal(room_left(100, 4, 24, &is_full), 1);
    assert_false(is_full);
    assert_int_equal(room_left(100, 4, 25, &is_full), 0);
    assert_true(is_full);
    is_full = false;
    assert_int_equal(room_left(3, 64, 0, &is_full), 1); /* never none at all */
    assert_int_equal(room_left(100, 4, 1000, &is_full), 0);
}

static void test_full_is_left_with_some_room(void **state)
{
    bool is_full = true;

    (void)state;
    assert_int_equal(room_left(1600, 1, 1599, &is_full), 0);
    assert_true(is_full);
    assert_int_equal(room_left(1600, 1, 1501, &is_full), 0);
    assert_int_equal(room_left(1600, 1, 1500, &is_full), 100);
    assert_false(is_full);
    is_full = true;
    assert_int_equal(room_left(1, 1, 0, &is_full), 1);
    is_full = true;
    assert_int_equal(room_left(1600, 1, 1599, &is_full), 0);
    assert_int_equal(room_left(3200, 1, 1599, &is_full), 1601); /* shards have gone elsewhere */
}

static void test_no_bound(void **state)
{
    bool is_full = true;

    (void)state;
    assert_true(room_left(0, 4, 1000000, &is_full) == UINT64_MAX);
    assert_false(is_full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_shard_has_its_share),
        cmocka_unit_test(test_full_is_left_with_some_room),
        cmocka_unit_test(test_no_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
