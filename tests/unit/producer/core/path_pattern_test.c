/* path_pattern: parts between slashes. */
#include "producer/core/path_pattern.h"

#include "tests/support/test.h"

static void test_match(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        const char *first; /* NULL: no match */
        const char *second;
    } cases[] = {
        {"/v1/a", "/v1/a", "", ""},
        {"/v1/a", "/v1/a/", NULL, NULL},
        {"/v1/a", "/v1/ab", NULL, NULL},
        {"/v1/a", "/v1", NULL, NULL},
        {"/v1/{id}", "/v1/17", "17", ""},
        {"/v1/{id}", "/v1/", NULL, NULL},
        {"/v1/{id}", "/v1/17/x", NULL, NULL},
        {"/v1/{id}/x/{n}", "/v1/a.1/x/b-2", "a.1", "b-2"},
        {"/v1/{id}/x/{n}", "/v1/a//b", NULL, NULL},
        {"/v1/{id}/x", "/v1/{id}/x", "{id}", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct path_parameters found = {.count = 9};
        bool is_match = path_match(cases[i].pattern, cases[i].path, &found);

        assert_int_equal(is_match, cases[i].first != NULL);
        if (!is_match) {
            assert_int_equal(found.count, 9); /* untouched */
            continue;
        }
        uint32_t wanted =
            (cases[i].first[0] != '\0' ? 1u : 0u) + (cases[i].second[0] != '\0' ? 1u : 0u);

        assert_int_equal(found.count, wanted);
        assert_true(wanted < 1 || span_is(found.values[0], cases[i].first));
        assert_true(wanted < 2 || span_is(found.values[1], cases[i].second));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_match)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
