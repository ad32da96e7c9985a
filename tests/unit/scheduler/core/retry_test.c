#include "scheduler/core/retry.h"

#include "schemas/vocab/limits.h"
#include "tests/support/test.h"

static const struct task_id task = {{{1, 2, 3}}, 4, 5};

static exo_time wait_of(enum retry_backoff backoff, enum retry_jitter jitter, uint32_t n)
{
    struct satellite_retries policy = {.limit = 1000,
                                       .backoff = backoff,
                                       .jitter = jitter,
                                       .base_ns = EXO_SECOND,
                                       .cap_ns = 10 * EXO_SECOND};

    return retry_wait_ns(&policy, &task, n);
}

static void test_waits_without_jitter(void **state)
{
    (void)state;
    assert_int_equal(wait_of(BACKOFF_EXPONENTIAL, JITTER_NONE, 1), EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_EXPONENTIAL, JITTER_NONE, 2), 2 * EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_EXPONENTIAL, JITTER_NONE, 4), 8 * EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_EXPONENTIAL, JITTER_NONE, 5), 10 * EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_LINEAR, JITTER_NONE, 1), EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_LINEAR, JITTER_NONE, 7), 7 * EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_LINEAR, JITTER_NONE, 11), 10 * EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_FIXED, JITTER_NONE, 1), EXO_SECOND);
    assert_int_equal(wait_of(BACKOFF_FIXED, JITTER_NONE, 999), EXO_SECOND);
}

static void test_never_overflows(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 1000; n++) {
        for (enum retry_backoff backoff = 0; backoff < BACKOFF_NR; backoff++) {
            for (enum retry_jitter jitter = 0; jitter < JITTER_NR; jitter++) {
                assert_in_range(wait_of(backoff, jitter, n), 0, 10 * EXO_SECOND);
            }
        }
    }
    struct satellite_retries at_once = {.limit = 1, .cap_ns = EXO_SECOND};

    assert_int_equal(retry_wait_ns(&at_once, &task, 50), 0);
}

static void test_jitter_spreads_and_is_the_same_again(void **state)
{
    exo_time least = INT64_MAX;
    exo_time most = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct satellite_retries policy = {
            .limit = 1, .jitter = JITTER_FULL, .base_ns = EXO_SECOND, .cap_ns = EXO_SECOND};
        struct task_id one = {{{9}}, 0, i};
        exo_time wait_ns = retry_wait_ns(&policy, &one, 1);

        assert_int_equal(wait_ns, retry_wait_ns(&policy, &one, 1));
        least = wait_ns < least ? wait_ns : least;
        most = wait_ns > most ? wait_ns : most;
        policy.jitter = JITTER_EQUAL;
        assert_in_range(retry_wait_ns(&policy, &one, 1), EXO_SECOND / 2, EXO_SECOND);
    }
    assert_true(least < EXO_SECOND / 10);
    assert_true(most > EXO_SECOND * 9 / 10);
}

static void test_losses_wait_longer_and_longer(void **state)
{
    exo_time most_ns = EXO_SECOND;
    exo_time all_ns = 0;

    (void)state;
    assert_int_equal(retry_lost_wait_ns(&task, 1), 0);
    for (uint32_t losses = 2; losses < LIMIT_LOSSES; losses++) {
        exo_time wait_ns = retry_lost_wait_ns(&task, losses);

        most_ns = 2 * most_ns < EXO_MINUTE ? 2 * most_ns : EXO_MINUTE;
        assert_in_range(wait_ns, most_ns / 2, most_ns);
        all_ns += wait_ns;
    }
    assert_in_range(all_ns, 2 * EXO_MINUTE, 5 * EXO_MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_without_jitter),
        cmocka_unit_test(test_never_overflows),
        cmocka_unit_test(test_jitter_spreads_and_is_the_same_again),
        cmocka_unit_test(test_losses_wait_longer_and_longer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
