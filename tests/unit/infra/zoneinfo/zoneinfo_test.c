#include "infra/zoneinfo/zoneinfo.h"

#include "tests/support/test.h"

static struct heap_budget budget;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return budget.used_bytes == 0 ? 0 : -1;
}

static void zones_are_read(void **state)
{
    const struct zone *zone = NULL;
    struct exo_error err = {0};

    (void)state;
    if (zoneinfo_read(span_of("Europe/Berlin"), &arena, &zone, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(zone_period_at(zone, 1774746000).offset_s, 7200);
    assert_int_equal(zone_period_at(zone, 1774745999).offset_s, 3600);
    assert_int_equal(zoneinfo_read(span_of("UTC"), &arena, &zone, &err), 0);
    assert_ptr_equal(zone, zone_utc());
}

static void other_names_are_refused(void **state)
{
    static const struct {
        const char *name;
        const char *reason;
    } cases[] = {
        {"Europe/Berlni", "no time zone is called Europe/Berlni; names are"},
        {"Europe", "no time zone is called Europe"},
        {"Europe/Berlin/x", "no time zone is called Europe/Berlin/x"},
        {"../../../etc/passwd", "no time zone is called"},
        {"/etc/passwd", "no time zone is called"},
        {"", "no time zone is called"},
        {"localtime", "no time zone is called"},
        {"right/Europe/Berlin", "leap seconds"},
        {"tzdata", "no time zone is called"},
        {"leapseconds", "not a time zone file"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct zone *zone = NULL;
        struct exo_error err = {0};

        assert_int_equal(zoneinfo_read(span_of(cases[i].name), &arena, &zone, &err), -1);
        assert_int_equal(err.code, EXO_EINVALID);
        assert_null(zone);
        if (strstr(err.text, cases[i].reason) == NULL) {
            fail_msg("%s: %s", cases[i].name, err.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_read),
        cmocka_unit_test(other_names_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
