#include "infra/crypto/batch_id.h"

#include "tests/support/test.h"

static struct batch_identity identity(void)
{
    return (struct batch_identity){.project = span_of("shop"),
                                   .satellite = span_of("{\"name\":\"batch\"}"),
                                   .size = 32,
                                   .interval_ns = 5 * EXO_SECOND,
                                   .key = span_of("small")};
}

/* They are kept in stores and in logs, and never change. The execution's is Python's
 * uuid.uuid5(UUID("..."), "7"). */
static void ids_are_what_they_were(void **state)
{
    struct batch_identity one = identity();
    struct execution_id batch = batch_id_of(&one);
    struct execution_id named;
    struct execution_id execution;
    char text[EXECUTION_ID_TEXT_BYTES + 1];

    (void)state;
    execution_id_format(&batch, text);
    assert_string_equal(text, "b0ed0313-fe16-5270-8415-1895c97269de");
    assert_true(execution_id_parse(span_of("4f1f9cbc-1381-5793-9ca7-ba37cacdee04"), &named));
    execution = batch_execution_of(&named, 7);
    execution_id_format(&execution, text);
    assert_string_equal(text, "f4d2a2d2-2deb-5a5c-a330-eaf6b72c45c6");
}

static void others_differ(void **state)
{
    struct batch_identity all[6];
    struct execution_id ids[6];

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        all[i] = identity();
    }
    all[1].project = span_of("shop2");
    all[2].satellite = span_of("{\"name\":\"batch\",\"image\":\"i\"}");
    all[3].size = 33;
    all[4].interval_ns = EXO_SECOND;
    all[5].key = span_of("large");
    for (size_t i = 0; i < 6; i++) {
        ids[i] = batch_id_of(&all[i]);
        for (size_t k = 0; k < i; k++) {
            assert_false(execution_id_equal(&ids[i], &ids[k]));
        }
    }
    struct execution_id first = batch_execution_of(&ids[0], 1);
    struct execution_id second = batch_execution_of(&ids[0], 2);

    assert_false(execution_id_equal(&first, &second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_what_they_were),
        cmocka_unit_test(others_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
