/* what may be deleted, and what may not yet. */
#include "scheduler/core/retention.h"

#include "tests/support/test.h"

#include <stdio.h>

static const exo_time now_ns = 500000 * EXO_HOUR;
static const struct retention_project projects[] = {{"ever", 0}, {"short", EXO_HOUR}};
static const struct retention_rules rules = {
    .kept_ns = 24 * EXO_HOUR, .projects = projects, .project_count = 2};
static const struct retention_rules for_ever = {.kept_ns = 0};

/* As execution_id_new makes them. */
static struct execution_id id_at(exo_time at_ns)
{
    static const uint8_t random[10] = {1, 2, 3};

    return execution_id_from_time(at_ns / EXO_MILLISECOND, random);
}

static bool is_due(const struct retention_rules *r, const char *project, exo_time ended_ago_ns)
{
    struct execution_id id = id_at(now_ns - ended_ago_ns);

    return retention_is_due(r, project, &id, now_ns - ended_ago_ns, now_ns);
}

static void test_each_project_has_its_time(void **state)
{
    (void)state;
    assert_int_equal(retention_least(&rules), EXO_HOUR);
    assert_int_equal(retention_least(&for_ever), EXO_TIME_NEVER);
    assert_true(is_due(&rules, "short", EXO_HOUR));
    assert_false(is_due(&rules, "short", EXO_HOUR - EXO_MILLISECOND));
    assert_false(is_due(&rules, "other", EXO_HOUR));
    assert_true(is_due(&rules, "other", 24 * EXO_HOUR));
    assert_false(is_due(&rules, "ever", 24 * 365 * EXO_HOUR));
    assert_false(is_due(&for_ever, "other", 24 * 365 * EXO_HOUR));
    assert_false(is_due(&rules, "short", -EXO_HOUR)); /* a clock that went back */
}

static void test_projects_are_found_by_name(void **state)
{
    struct retention_project many[1000];
    char names[1000][16];
    struct retention_rules r = {
        .kept_ns = EXO_MINUTE, .projects = many, .project_count = sizeof(many) / sizeof(many[0])};

    (void)state;
    for (uint32_t i = 0; i < r.project_count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "p%03u", i);
        many[i] = (struct retention_project){names[i], EXO_HOUR * (1 + i)};
    }
    for (uint32_t i = 0; i < r.project_count; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "p%03u", i);
        assert_int_equal(retention_kept(&r, name), EXO_HOUR * (1 + i));
    }
    assert_int_equal(retention_kept(&r, "p0001"), EXO_MINUTE);
    assert_int_equal(retention_kept(&r, ""), EXO_MINUTE);
    assert_int_equal(retention_kept(&r, "q"), EXO_MINUTE);
    assert_int_equal(retention_kept(&rules, "ever"), EXO_TIME_NEVER);
    assert_int_equal(retention_kept(&for_ever, "ever"), EXO_TIME_NEVER);
}

static void test_an_id_of_the_future_is_kept(void **state)
{
    struct execution_id id = id_at(now_ns);
    struct execution_id v4 = id_at(now_ns);

    (void)state;
    assert_false(retention_is_due(&rules, "short", &id, now_ns - 2 * EXO_HOUR, now_ns));
    assert_true(retention_is_due(&rules, "short", &id, now_ns - 2 * EXO_HOUR, now_ns + EXO_HOUR));
    v4.bytes[6] = 0x40; /* carries no time */
    assert_true(retention_is_due(&rules, "short", &v4, now_ns - 2 * EXO_HOUR, now_ns));
}

static void test_the_record_before_stays(void **state)
{
    (void)state;
    assert_int_equal(retention_below(100, INT64_MAX), 99);
    assert_int_equal(retention_below(100, 40), 39);
    assert_int_equal(retention_below(40, 100), 39);
    assert_int_equal(retention_below(1, 1), 0);
    assert_int_equal(retention_below(0, 0), 0);
    assert_int_equal(retention_below(100, 0), 0);
}

static void test_snapshots_are_made_when_due(void **state)
{
    const struct retention_snapshot none = {0};
    const struct retention_snapshot old = {10, 12, now_ns - 6 * EXO_HOUR};
    const struct retention_snapshot day = {10, 12, now_ns - 24 * EXO_HOUR};

    (void)state;
    assert_false(retention_wants_snapshot(24 * EXO_HOUR, &none, 0, 0, now_ns));
    assert_true(retention_wants_snapshot(24 * EXO_HOUR, &none, 1, 0, now_ns));
    assert_true(retention_wants_snapshot(24 * EXO_HOUR, &old, 13, 0, now_ns)); /* a quarter */
    assert_false(retention_wants_snapshot(25 * EXO_HOUR, &old, 13, 0, now_ns));
    assert_false(retention_wants_snapshot(24 * EXO_HOUR, &old, 12, 0, now_ns)); /* nothing new */
    assert_false(retention_wants_snapshot(0, &old, 13, 0, now_ns));
    assert_true(retention_wants_snapshot(0, &day, 13, 0, now_ns)); /* a day at most */
    assert_true(retention_wants_snapshot(720 * EXO_HOUR, &day, 13, 0, now_ns));
    assert_true(retention_wants_snapshot(0, &old, 13, 11, now_ns)); /* an older program wrote */
    assert_false(retention_wants_snapshot(0, &old, 13, 10, now_ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_project_has_its_time),
        cmocka_unit_test(test_projects_are_found_by_name),
        cmocka_unit_test(test_an_id_of_the_future_is_kept),
        cmocka_unit_test(test_snapshots_are_made_when_due),
        cmocka_unit_test(test_the_record_before_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
