/* cancels before their executions: kept an hour of shard time, and never more than there are
 * places. */
#include "scheduler/core/early_cancel.h"

#include "tests/support/test.h"

#include <string.h>

static struct execution_id id_of(uint32_t number)
{
    struct execution_id id = {{0}};

    memcpy(id.bytes, &number, sizeof(number));
    return id;
}

static const exo_time begin_ns = 1000 * EXO_HOUR;

static void test_is_given_once(void **state)
{
    static struct early_cancels cancels;
    struct execution_id id = id_of(1);
    struct execution_id other = id_of(2);
    struct early_cancel cancel;

    (void)state;
    assert_false(early_cancel_put(&cancels, &id, span_of("why"), begin_ns));
    assert_false(early_cancel_put(&cancels, &id, span_of("again"), begin_ns + 1));
    assert_int_equal(cancels.count, 1);
    assert_false(early_cancel_take(&cancels, &other, begin_ns, &cancel));
    assert_true(early_cancel_take(&cancels, &id, begin_ns, &cancel));
    assert_string_equal(cancel.reason, "why");
    assert_false(early_cancel_take(&cancels, &id, begin_ns, &cancel));
}

static void test_is_forgotten_after_an_hour(void **state)
{
    static struct early_cancels cancels;
    struct execution_id id = id_of(1);
    struct execution_id later = id_of(2);
    struct early_cancel cancel;

    (void)state;
    assert_false(early_cancel_put(&cancels, &id, span_of(""), begin_ns));
    assert_false(early_cancel_put(&cancels, &later, span_of(""), begin_ns + EXO_MINUTE));
    assert_false(early_cancel_take(&cancels, &id, begin_ns + EARLY_CANCEL_KEPT_NS, &cancel));
    assert_int_equal(cancels.count, 1);
    assert_true(early_cancel_take(&cancels, &later, begin_ns + EARLY_CANCEL_KEPT_NS, &cancel));
}

static void test_the_oldest_goes_when_full(void **state)
{
    static struct early_cancels cancels;
    struct early_cancel cancel;

    (void)state;
    for (uint32_t i = 0; i < EARLY_CANCELS_MAX; i++) {
        struct execution_id id = id_of(i);

        assert_false(early_cancel_put(&cancels, &id, span_of("r"), begin_ns + i));
    }
    struct execution_id one_more = id_of(EARLY_CANCELS_MAX);
    struct execution_id first = id_of(0);
    struct execution_id second = id_of(1);

    assert_true(early_cancel_put(&cancels, &one_more, span_of("r"), begin_ns + EXO_MINUTE));
    assert_int_equal(cancels.count, EARLY_CANCELS_MAX);
    assert_false(early_cancel_take(&cancels, &first, begin_ns + EXO_MINUTE, &cancel));
    assert_true(early_cancel_take(&cancels, &second, begin_ns + EXO_MINUTE, &cancel));
    /* Old ones make room without anything said. */
    assert_false(early_cancel_put(&cancels, &first, span_of("r"), begin_ns + 2 * EXO_HOUR));
    assert_int_equal(cancels.count, 1);
}

static void test_a_long_reason_is_cut(void **state)
{
    static struct early_cancels cancels;
    struct execution_id id = id_of(7);
    struct early_cancel cancel;
    char text[400];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_false(early_cancel_put(&cancels, &id, (struct span){text, sizeof(text)}, begin_ns));
    assert_true(early_cancel_take(&cancels, &id, begin_ns, &cancel));
    assert_int_equal(strlen(cancel.reason), EARLY_CANCEL_REASON_BYTES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_given_once),
        cmocka_unit_test(test_is_forgotten_after_an_hour),
        cmocka_unit_test(test_the_oldest_goes_when_full),
        cmocka_unit_test(test_a_long_reason_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
