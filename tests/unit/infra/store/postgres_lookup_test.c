#include "infra/store/postgres_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct told {
    bool is_done;
    char hosts[LOOKUP_LIST_BYTES], addresses[LOOKUP_LIST_BYTES], why[512];
};

static void on_told(void *argument, const char *hosts, const char *addresses, const char *why)
{
    struct told *told = argument;

    assert_false(told->is_done);
    told->is_done = true;
    if (hosts != NULL) {
        strncpy(told->hosts, hosts, sizeof(told->hosts) - 1);
        strncpy(told->addresses, addresses, sizeof(told->addresses) - 1);
    }
    strncpy(told->why, why, sizeof(told->why) - 1);
}

static void only_names_are_looked_up(void **state)
{
    (void)state;
    assert_true(lookup_is_needed("localhost"));
    assert_true(lookup_is_needed("db.example.org"));
    assert_false(lookup_is_needed(NULL));
    assert_false(lookup_is_needed(""));
    assert_false(lookup_is_needed("127.0.0.1"));
    assert_false(lookup_is_needed("::1"));
    assert_false(lookup_is_needed("/var/run/postgresql"));
    assert_false(lookup_is_needed("@abstract"));
    assert_false(lookup_is_needed("a,b"));
}

static uint32_t commas(const char *list)
{
    uint32_t count = 0;

    for (; *list != '\0'; list++) {
        count += *list == ',';
    }
    return count;
}

static void names_get_addresses(void **state)
{
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct told told = {.is_done = false};

    (void)state;
    assert_non_null(postgres_lookup_begin(loop, "localhost", on_told, &told));
    assert_false(told.is_done);
    assert_true(loop_run_until(loop, &told.is_done, 20 * EXO_SECOND));
    assert_int_equal(strncmp(told.hosts, "localhost", 9), 0);
    assert_true(strstr(told.addresses, "127.0.0.1") != NULL ||
                strstr(told.addresses, "::1") != NULL);
    assert_int_equal(commas(told.hosts), commas(told.addresses));
    loop_free(loop);
}

static void unknown_names_say_why(void **state)
{
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct told told = {.is_done = false};

    (void)state;
    assert_non_null(postgres_lookup_begin(loop, "no such name", on_told, &told));
    assert_true(loop_run_until(loop, &told.is_done, 20 * EXO_SECOND));
    assert_string_equal(told.hosts, "");
    assert_non_null(strstr(told.why, "no such name"));
    loop_free(loop);
}

static void forgotten_lookups_tell_nobody(void **state)
{
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct told forgotten = {.is_done = false};

    (void)state;
    postgres_lookup_forget(postgres_lookup_begin(loop, "localhost", on_told, &forgotten));
    postgres_lookup_forget(NULL);
    loop_free(loop); /* waits for it */
    assert_false(forgotten.is_done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_names_are_looked_up),
        cmocka_unit_test(names_get_addresses),
        cmocka_unit_test(unknown_names_say_why),
        cmocka_unit_test(forgotten_lookups_tell_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
