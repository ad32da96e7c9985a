#include "infra/cache/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        unsigned port;
        unsigned db;
        const char *user;
        const char *password;
    } table[] = {
        {"redis://localhost", "localhost", 6379, 0, "", ""},
        {"redis://localhost/", "localhost", 6379, 0, "", ""},
        {"redis://10.0.0.1:1/15", "10.0.0.1", 1, 15, "", ""},
        {"redis://:secret@h:65535/2", "h", 65535, 2, "", "secret"},
        {"redis://me:p%40ss%2fword%3A@h", "h", 6379, 0, "me", "p@ss/word:"},
        {"redis://me:p@ss@h", "h", 6379, 0, "me", "p@ss"},
        {"redis://me@h", "h", 6379, 0, "me", ""},
        {"redis://[::1]:6380/1", "::1", 6380, 1, "", ""},
        {"redis://u:p@[fe80::1]", "fe80::1", 6379, 0, "u", "p"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct redis_url url;
        struct exo_error err = {.text = ""};

        if (redis_url_parse(table[i].text, &url, &err) != 0) {
            fail_msg("%s: %s", table[i].text, err.text);
        }
        assert_string_equal(url.host, table[i].host);
        assert_int_equal(url.port, table[i].port);
        assert_int_equal(url.db, table[i].db);
        assert_string_equal(url.user, table[i].user);
        assert_string_equal(url.password, table[i].password);
    }
}

static void test_bad(void **state)
{
    static const char *const table[] = {
        "",
        "localhost:6379",
        "http://hunter2@h",
        "rediss://u:hunter2@h/0",
        "redis://",
        "redis://u:hunter2@",
        "redis://u:hunter2@:6379",
        "redis://u:hunter2@h:0",
        "redis://u:hunter2@h:65536",
        "redis://u:hunter2@h:6x",
        "redis://u:hunter2@h:",
        "redis://u:hunter2@h/db",
        "redis://u:hunter2@h/70000",
        "redis://u:hunter2%@h",
        "redis://u:hunter2%4@h",
        "redis://u:hunter2%zz@h",
        "redis://u:hunter2%00@h",
        "redis://u:hunter2@[::1",
        "redis://u:hunter2@[::1]x",
        "redis://u:hunter2@[]",
    };
    char longer[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct redis_url url = {.port = 77};
        struct exo_error err = {.text = ""};

        if (redis_url_parse(table[i], &url, &err) != -1) {
            fail_msg("%s was taken", table[i]);
        }
        assert_int_equal(err.code, EXO_EINVALID);
        assert_int_equal(url.port, 77);
        assert_null(strstr(err.text, "hunter2"));
    }
    struct redis_url url;
    struct exo_error err;

    assert_int_equal(redis_url_parse(NULL, &url, &err), -1);
    (void)snprintf(longer, sizeof(longer), "redis://:%0600d@h", 1);
    assert_int_equal(redis_url_parse(longer, &url, &err), -1);
    (void)snprintf(longer, sizeof(longer), "redis://%0300d", 1);
    assert_int_equal(redis_url_parse(longer, &url, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
