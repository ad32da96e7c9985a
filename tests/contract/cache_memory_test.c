/* The stories about the cache in memory, and bad settings. */
#include "tests/contract/cache_stories.h"

static void test_bad_settings(void **state)
{
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct cache_settings settings = {.backend = "paper", .view_ttl_ns = EXO_SECOND};

    (void)state;
    assert_null(cache_open(loop, &settings, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    settings.backend = "memory";
    settings.view_ttl_ns = 31 * EXO_SECOND;
    assert_null(cache_open(loop, &settings, &err));
    settings.view_ttl_ns = EXO_SECOND;
    settings.backend = "redis";
    settings.url = "rediss://user:hunter2@localhost/0";
    assert_null(cache_open(loop, &settings, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    assert_non_null(strstr(err.text, "TLS"));
    assert_null(strstr(err.text, "hunter2"));
    loop_free(loop);
}

int main(void)
{
    struct cache_stage stage = {.settings = {.backend = "memory", .view_ttl_ns = 30 * EXO_SECOND}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bad_settings)};
    int failed = cache_stories_run("cache in memory", &stage);

    failed += cmocka_run_group_tests_name("cache settings", tests, NULL, NULL);
    return failed == 0 ? 0 : 1;
}
