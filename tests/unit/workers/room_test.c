/* room: what is judged as full, and when no more. The rest needs a disk: tests/contract. */
#include "workers/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t mib = 1 << 20;

static void full_is_below_the_least_and_over_at_twice_that(void **state)
{
    (void)state;
    assert_false(room_is_full(false, 16 * mib, 64));
    assert_true(room_is_full(false, 16 * mib - 1, 64));
    assert_true(room_is_full(false, 16 * mib, 63));
    assert_true(room_is_full(true, 16 * mib, 64));
    assert_true(room_is_full(true, 32 * mib - 1, 128));
    assert_true(room_is_full(true, 32 * mib, 127));
    assert_false(room_is_full(true, 32 * mib, 128));
    assert_false(room_is_full(true, 32 * mib, UINT64_MAX)); /* not counted */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_is_below_the_least_and_over_at_twice_that),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
