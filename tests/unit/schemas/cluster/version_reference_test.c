#include "schemas/cluster/version_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void reads_and_writes_again(void **state)
{
    static const struct {
        enum version_kind kind;
        const char *text, *project, *again;
        uint32_t number;
    } cases[] = {
        {VERSION_CLUSTER, "p/c", "", "p/c", 0},
        {VERSION_CLUSTER, "p/c@1", "", "p/c@1", 1},
        {VERSION_CLUSTER, "p/c@latest", "q", "p/c", 0},
        {VERSION_CLUSTER, "c@1000000000", "q", "q/c@1000000000", 1000000000},
        {VERSION_SATELLITE, "satellite/p-1/c_2@30", "", "satellite/p-1/c_2@30", 30},
        {VERSION_SATELLITE, "satellite/p/c", "", "satellite/p/c", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct version_reference reference;
        char text[VERSION_REFERENCE_BYTES];

        assert_null(version_reference_parse(cases[i].kind, span_of(cases[i].text),
                                            span_of(cases[i].project), &reference));
        assert_int_equal(reference.number, cases[i].number);
        assert_int_equal(reference.kind, cases[i].kind);
        version_reference_format(&reference, text);
        assert_string_equal(text, cases[i].again);
    }
}

static void refuses_other_texts(void **state)
{
    static const struct {
        enum version_kind kind;
        const char *text, *reason;
    } cases[] = {
        {VERSION_CLUSTER, "", "the project is missing"},
        {VERSION_CLUSTER, "c", "the project is missing"},
        {VERSION_CLUSTER, "p/c@", "after @ stands a version"},
        {VERSION_CLUSTER, "p/c@0", "after @ stands a version"},
        {VERSION_CLUSTER, "p/c@01", "after @ stands a version"},
        {VERSION_CLUSTER, "p/c@-1", "after @ stands a version"},
        {VERSION_CLUSTER, "p/c@1.0", "after @ stands a version"},
        {VERSION_CLUSTER, "p/c@1000000001", "after @ stands a version"},
        {VERSION_CLUSTER, "p/c@99999999999999999999", "after @ stands a version"},
        {VERSION_CLUSTER, "p/", "project and name have"},
        {VERSION_CLUSTER, "P/c", "project and name have"},
        {VERSION_CLUSTER, "p/c/d", "project and name have"},
        {VERSION_CLUSTER, "p/9", "project and name have"},
        {VERSION_CLUSTER, "p/a2345678901234567890123456789012345678901234567890123456789012345",
         "project and name have"},
        {VERSION_SATELLITE, "p/c", "write satellite/PROJECT/NAME"},
        {VERSION_SATELLITE, "cluster/p/c", "write satellite/PROJECT/NAME"},
        {VERSION_SATELLITE, "satellite/c", "the project is missing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct version_reference reference = {.number = 77};
        const char *reason = version_reference_parse(cases[i].kind, span_of(cases[i].text),
                                                     (struct span){NULL, 0}, &reference);

        assert_non_null(reason);
        if (strstr(reason, cases[i].reason) != reason) {
            fail_msg("%s: %s", cases[i].text, reason);
        }
        assert_int_equal(reference.number, 77);
    }
}

static void longest_names_fit(void **state)
{
    char text[10 + 63 + 1 + 63 + 11 + 1];
    char again[VERSION_REFERENCE_BYTES];
    struct version_reference reference;

    (void)state;
    (void)snprintf(text, sizeof(text), "satellite/%.63s/%.63s@1000000000",
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    assert_null(version_reference_parse(VERSION_SATELLITE, span_of(text), (struct span){NULL, 0},
                                        &reference));
    version_reference_format(&reference, again);
    assert_string_equal(again, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_again),
        cmocka_unit_test(refuses_other_texts),
        cmocka_unit_test(longest_names_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
