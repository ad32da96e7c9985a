/* due text: an instant to come, and one that has passed. */
#include "producer/core/due_text.h"

#include "tests/support/test.h"

static void test_to_come(void **state)
{
    struct fault_text text = {.used = 0};

    (void)state;
    fault_text_add(&text, "at ");
    due_text_add(&text, 1005 * EXO_SECOND, 1000000);
    assert_string_equal(text.bytes, "at 1970-01-01T00:16:45.000Z, in 5s");
}

static void test_has_passed(void **state)
{
    struct fault_text text = {.used = 0};

    (void)state;
    due_text_add(&text, 5 * EXO_SECOND, 1000000);
    assert_string_equal(text.bytes, "1970-01-01T00:00:05.000Z, in 0s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_come),
        cmocka_unit_test(test_has_passed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
