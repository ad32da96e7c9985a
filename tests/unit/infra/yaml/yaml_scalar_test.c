#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "infra/yaml/yaml_scalar.h"

static void gives_every_kind(void **state)
{
    /* clang-format off */
    static const struct { const char *text; enum value_kind kind; } table[] = {
        {"", VALUE_NULL}, {"~", VALUE_NULL}, {"Null", VALUE_NULL}, {"nUll", VALUE_STRING}, {"True", VALUE_BOOL}, {"FALSE", VALUE_BOOL}, {"yes", VALUE_STRING},
        {"1", VALUE_INT}, {"-1", VALUE_INT}, {"+1", VALUE_INT}, {"007", VALUE_INT}, {"0o7", VALUE_INT}, {"0x7", VALUE_INT}, {"0o9", VALUE_STRING}, {"-0x1", VALUE_STRING}, {"0X1", VALUE_STRING},
        {"9223372036854775807", VALUE_INT}, {"9223372036854775808", VALUE_DOUBLE}, {"1.", VALUE_DOUBLE}, {".1", VALUE_DOUBLE}, {"-.1e+1", VALUE_DOUBLE}, {"1e1", VALUE_DOUBLE}, {"1e-999", VALUE_DOUBLE},
        {"+", VALUE_STRING}, {"-", VALUE_STRING}, {".", VALUE_STRING}, {"1.2.3", VALUE_STRING}, {"1 2", VALUE_STRING}, {"1e", VALUE_STRING}, {"1e+", VALUE_STRING}, {"e9", VALUE_STRING}, {".e1", VALUE_STRING}, {"inf", VALUE_STRING},
        {"1_000", VALUE_STRING}, {"1:30", VALUE_STRING}, {"abce5", VALUE_STRING}, {".info", VALUE_STRING},
    };
    static const char *const refused[] = {".inf", "-.inf", "+.Inf", ".INF", ".nan", ".NaN", ".NAN", "1e400", "-1.5e+400", "1.e400", "0x8000000000000000", "0o1000000000000000000000"};
    /* clang-format on */
    char digits[400];
    struct value value = value_int(77);

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *fault = yaml_scalar_resolve(span_of(table[i].text), &value);

        if (fault != NULL || value.kind != table[i].kind) {
            fail_msg("%s: %s", table[i].text, fault != NULL ? fault : value_kind_name(value.kind));
        }
    }
    value = value_int(77);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_non_null(yaml_scalar_resolve(span_of(refused[i]), &value));
        assert_int_equal(value.integer, 77);
    }
    memset(digits, '9', sizeof(digits));
    assert_non_null(yaml_scalar_resolve((struct span){digits, sizeof(digits)}, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_every_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
