#include "infra/crypto/fire_id.h"

#include "tests/support/test.h"

/* The ids as Python's uuid.uuid5 makes them: they are kept in stores and never change. */
static void ids_are_those_of_uuid5(void **state)
{
    struct execution_id schedule = schedule_id_of(span_of("research"), span_of("nightly"));
    struct execution_id fire = fire_id_of(&schedule, 1774746000 * EXO_SECOND);
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    (void)state;
    execution_id_format(&schedule, text);
    assert_string_equal(text, "4f1f9cbc-1381-5793-9ca7-ba37cacdee04");
    execution_id_format(&fire, text);
    assert_string_equal(text, "1e17bdd9-0387-5ab6-b754-38aa730ee7f8");
}

static void others_differ(void **state)
{
    struct execution_id a = schedule_id_of(span_of("research"), span_of("nightly"));
    struct execution_id b = schedule_id_of(span_of("research"), span_of("nightly2"));
    struct execution_id fires[] = {fire_id_of(&a, EXO_MINUTE), fire_id_of(&a, 2 * EXO_MINUTE),
                                   fire_id_of(&b, EXO_MINUTE)};

    (void)state;
    assert_false(execution_id_equal(&a, &b));
    assert_false(execution_id_equal(&fires[0], &fires[1]));
    assert_false(execution_id_equal(&fires[0], &fires[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_those_of_uuid5),
        cmocka_unit_test(others_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
