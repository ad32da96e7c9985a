/* text_versions: what was found stays found for a second, and never over a change. */
#include "producer/core/text_versions.h"

#include "tests/support/test.h"

static struct text_versions versions;
static const struct digest a = {{7, 1}};
static const struct digest b = {{7, 2}}; /* of the same place */

static int reset(void **state)
{
    (void)state;
    memset(&versions, 0, sizeof(versions));
    return 0;
}

static bool finds(const char *project, const char *cluster, const struct digest *digest,
                  exo_time now_ns, uint32_t expected)
{
    uint32_t version = UINT32_MAX;
    bool is_found = text_versions_find(&versions, project, cluster, digest, now_ns, &version);

    assert_int_equal(version, is_found ? expected : UINT32_MAX);
    return is_found;
}

static void test_good_for_a_second(void **state)
{
    (void)state;
    assert_false(finds("p", "c", &a, 0, 0));
    text_versions_keep(&versions, "p", "c", &a, 3, 10);
    assert_true(finds("p", "c", &a, 10, 3));
    assert_true(finds("p", "c", &a, 9 + EXO_SECOND, 3));
    assert_false(finds("p", "c", &a, 10 + EXO_SECOND, 3));
    text_versions_keep(&versions, "p", "c", &a, 0, 10 + EXO_SECOND); /* of no version: known too */
    assert_true(finds("p", "c", &a, 10 + EXO_SECOND, 0));
}

static void test_of_one_name_and_text(void **state)
{
    (void)state;
    text_versions_keep(&versions, "p", "c", &a, 3, 10);
    assert_false(finds("p", "d", &a, 10, 3));
    assert_false(finds("q", "c", &a, 10, 3));
    assert_false(finds("p", "c", &b, 10, 3));
    text_versions_keep(&versions, "p", "c", &b, 4, 11); /* drives the other out */
    assert_true(finds("p", "c", &b, 11, 4));
    assert_false(finds("p", "c", &a, 11, 3));
}

static void test_forgotten_with_a_change(void **state)
{
    (void)state;
    text_versions_keep(&versions, "p", "c", &a, 3, 10);
    text_versions_forget(&versions, 20);
    assert_false(finds("p", "c", &a, 20, 3));
    text_versions_keep(&versions, "p", "c", &a, 3, 20); /* asked before the change was done */
    assert_false(finds("p", "c", &a, 20, 3));
    text_versions_keep(&versions, "p", "c", &a, 5, 21);
    assert_true(finds("p", "c", &a, 21, 5));
}

static void test_a_name_too_long_is_asked_each_time(void **state)
{
    char name[TEXT_VERSIONS_NAME_BYTES + 1];

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    text_versions_keep(&versions, "p", name, &a, 3, 10);
    assert_false(finds("p", name, &a, 10, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good_for_a_second, reset),
        cmocka_unit_test_setup(test_of_one_name_and_text, reset),
        cmocka_unit_test_setup(test_forgotten_with_a_change, reset),
        cmocka_unit_test_setup(test_a_name_too_long_is_asked_each_time, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
