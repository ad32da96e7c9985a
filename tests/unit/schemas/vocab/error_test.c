#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/error.h"

static void says_what_failed(void **state)
{
    struct exo_error error = {0};

    (void)state;
    assert_int_equal(exo_error_set(&error, EXO_EIO, "cannot open %s: %d", "x", 7), -1);
    assert_int_equal(error.code, EXO_EIO);
    assert_false(error.is_retryable);
    assert_string_equal(error.text, "cannot open x: 7");
    assert_int_equal(exo_error_prefix(&error, "start of %s", "worker"), -1);
    assert_string_equal(error.text, "start of worker: cannot open x: 7");
    assert_int_equal(exo_error_set(NULL, EXO_EIO, "x"), -1);
    assert_int_equal(exo_error_prefix(NULL, "x"), -1);
}

static void knows_what_may_be_tried_again(void **state)
{
    (void)state;
    for (int code = EXO_OK; code <= EXO_EINTERNAL; code++) {
        struct exo_error error = {.library_code = 3};

        (void)exo_error_set(&error, (enum exo_error_code)code, "x");
        assert_int_equal(error.is_retryable, code == EXO_EUNAVAILABLE || code == EXO_EUNKNOWN);
        assert_int_equal(error.library_code, 0);
        assert_true(strlen(exo_error_code_name(error.code)) > 1);
    }
    assert_string_equal(exo_error_code_name(EXO_ELIMIT), "limit");
}

static void cuts_what_does_not_fit(void **state)
{
    struct exo_error error;
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)exo_error_set(&error, EXO_EIO, "%s", text);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
    (void)exo_error_prefix(&error, "p");
    assert_in_range(strlen(error.text), 300, sizeof(error.text) - 1);
    assert_memory_equal(error.text, "p: xxx", 6);
    (void)exo_error_prefix(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_failed),
        cmocka_unit_test(knows_what_may_be_tried_again),
        cmocka_unit_test(cuts_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
