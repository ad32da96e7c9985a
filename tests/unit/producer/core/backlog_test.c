/* how many jobs wait for schedulers. */
#include "producer/core/backlog.h"

#include "tests/support/test.h"

static void test_counts_what_was_there_and_is_not_read(void **state)
{
    struct backlog backlog = {.most = 10};
    const int64_t ends[] = {100, 50, 0, 7};
    const int64_t consumed[] = {95, 80, 3, 7}; /* the second has read what came later */

    (void)state;
    assert_false(backlog_is_over(&backlog));
    backlog_measure(&backlog, ends, consumed, 4);
    assert_int_equal(backlog.now, 5);
    assert_false(backlog_is_over(&backlog));
    backlog.most = 5;
    assert_true(backlog_is_over(&backlog));
    backlog_measure(&backlog, ends, ends, 4);
    assert_int_equal(backlog.now, 0);
    assert_false(backlog_is_over(&backlog));
}

static void test_no_bound(void **state)
{
    struct backlog backlog = {.now = UINT64_MAX};

    (void)state;
    assert_false(backlog_is_over(&backlog));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_what_was_there_and_is_not_read),
        cmocka_unit_test(test_no_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
