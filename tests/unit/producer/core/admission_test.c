/* admission: bytes on their way, bounded. */
#include "producer/core/admission.h"

#include "tests/support/test.h"

static void test_bound(void **state)
{
    struct admission admission = {.bytes_max = 100};

    (void)state;
    assert_true(admission_take(&admission, 60));
    assert_false(admission_take(&admission, 41));
    assert_true(admission_take(&admission, 40));
    assert_false(admission_take(&admission, 0)); /* full is full */
    admission_give(&admission, 60);
    assert_true(admission_take(&admission, 60));
    admission_give(&admission, 100);
    assert_true(admission_take(&admission, 1000)); /* one larger than all may pass alone */
    assert_false(admission_take(&admission, 1));
    admission_give(&admission, 1000);
    assert_int_equal(admission.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bound)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
