#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/expression/expression_error.h"

static void puts_texts_one_after_the_other(void **state)
{
    struct expression_error error;

    (void)state;
    assert_int_equal(expression_error_set(&error, EXPRESSION_EMISSING, "index ", ""),
                     EXPRESSION_EMISSING);
    expression_error_add_int(&error, -42);
    expression_error_add(&error, (struct span){" of list and more", 8});
    expression_error_add_int(&error, INT64_MIN);
    expression_error_add_int(&error, 0);
    expression_error_add(&error, (struct span){NULL, 0});
    assert_int_equal(error.code, EXPRESSION_EMISSING);
    assert_string_equal(error.text, "index -42 of list-92233720368547758080");
    assert_int_equal(expression_error_set(NULL, EXPRESSION_ETYPE, "x", "y"), EXPRESSION_ETYPE);
    expression_error_add(NULL, span_of("x"));
    expression_error_add_int(NULL, 1);
}

static void cuts_what_does_not_fit(void **state)
{
    struct expression_error error;

    (void)state;
    (void)expression_error_set(&error, EXPRESSION_ETYPE, "", "");
    for (int i = 0; i < 100; i++) {
        expression_error_add(&error, span_of("0123456789"));
    }
    assert_int_equal(strlen(error.text), EXPRESSION_ERROR_TEXT_BYTES - 1);
}

static void names_every_code_apart(void **state)
{
    (void)state;
    for (int i = EXPRESSION_EMEMORY; i <= EXPRESSION_OK; i++) {
        for (int j = EXPRESSION_EMEMORY; j <= EXPRESSION_OK; j++) {
            assert_int_equal(strcmp(expression_err_name((enum expression_err)i),
                                    expression_err_name((enum expression_err)j)) == 0,
                             i == j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_texts_one_after_the_other),
        cmocka_unit_test(cuts_what_does_not_fit),
        cmocka_unit_test(names_every_code_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
