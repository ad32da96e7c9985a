#include "tests/unit/schemas/zone/tzif_build.h"

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

static const struct tzif_change changes[] = {{-1000, 1800}, {500, -3600}, {1000, 3600}};

static void check(const struct zone *zone, int64_t unix_s, struct zone_period expected)
{
    struct zone_period period = zone_period_at(zone, unix_s);

    assert_int_equal(period.begin_s, expected.begin_s);
    assert_int_equal(period.end_s, expected.end_s);
    assert_int_equal(period.offset_s, expected.offset_s);
    assert_int_equal(period.is_saving, expected.is_saving);
    assert_string_equal(period.name, expected.name);
}

static void periods_of_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const char version = "\0"
                             "234"[i];
        const struct zone *zone = NULL;
        struct exo_error err;
        struct tzif t;

        tzif_build(&t, version, 17, changes, 3, "");
        assert_int_equal(zone_parse((struct span){t.bytes, t.used}, &arena, &zone, &err), 0);
        check(zone, INT64_MIN, (struct zone_period){ZONE_BEGIN_S, -1000, 17, false, "LMT"});
        check(zone, -1001, (struct zone_period){ZONE_BEGIN_S, -1000, 17, false, "LMT"});
        check(zone, -1000, (struct zone_period){-1000, 500, 1800, true, "DST"});
        check(zone, 499, (struct zone_period){-1000, 500, 1800, true, "DST"});
        check(zone, 500, (struct zone_period){500, 1000, -3600, false, "LMT"});
        check(zone, INT64_MAX, (struct zone_period){1000, ZONE_END_S, 3600, true, "DST"});
    }
}

static void the_footer_goes_on(void **state)
{
    const struct zone *zone = tzif_zone(&arena, 17, changes, 3, "CET-1CEST,M3.5.0,M10.5.0/3");

    (void)state;
    /* 1970: the rule's first change after the table is on 29 March. */
    check(zone, 1000, (struct zone_period){1000, 7520400, 3600, false, "CET"});
    check(zone, 7520400, (struct zone_period){7520400, 25664400, 7200, true, "CEST"});
    check(zone, 4102444800, /* 2100 */
          (struct zone_period){4096573200, 4109878800, 3600, false, "CET"});
    check(zone, 499, (struct zone_period){-1000, 500, 1800, true, "DST"});
}

static void a_rule_without_changes(void **state)
{
    const struct zone *zone = tzif_zone(&arena, 17, NULL, 0, "<+0545>-5:45");

    (void)state;
    check(zone, 0, (struct zone_period){ZONE_BEGIN_S, ZONE_END_S, 20700, false, "+0545"});
    check(zone_utc(), 5, (struct zone_period){ZONE_BEGIN_S, ZONE_END_S, 0, false, "UTC"});
}

/* Saving time all the year: its end and its begin fall together. */
static void permanent_saving(void **state)
{
    const struct zone *zone = tzif_zone(&arena, 0, NULL, 0, "EST5EDT,0/0,J365/25");

    (void)state;
    for (int64_t s = 1767225600 - 86400; s < 1767225600 + 86400; s += 600) {
        assert_true(zone_period_at(zone, s).is_saving);
        assert_int_equal(zone_period_at(zone, s).offset_s, -4 * 3600);
    }
}

/* Periods join without gap or overlap, whatever the rule. */
static void periods_join(void **state)
{
    static const char *const footers[] = {
        "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,0/0,J365/25", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "AAA0BBB,J1/-167,J365/167", "AEST-10AEDT,M10.1.0,M4.1.0/3"};

    (void)state;
    for (size_t i = 0; i < sizeof(footers) / sizeof(footers[0]); i++) {
        const struct zone *zone = tzif_zone(&arena, 17, changes, 3, footers[i]);
        int64_t at = -2000;

        for (int j = 0; j < 500; j++) {
            struct zone_period period = zone_period_at(zone, at);

            assert_true(period.begin_s <= at && at < period.end_s);
            if (period.begin_s > ZONE_BEGIN_S) {
                assert_int_equal(zone_period_at(zone, period.begin_s - 1).end_s, period.begin_s);
            }
            at = period.end_s;
        }
        assert_true(at > 4102444800);
    }
}

static void expect_refused(struct span file, const char *reason)
{
    const struct zone *zone = NULL;
    struct exo_error err = {0};

    assert_int_equal(zone_parse(file, &arena, &zone, &err), -1);
    assert_null(zone);
    if (strstr(err.text, reason) == NULL) {
        fail_msg("expected \"%s\": %s", reason, err.text);
    }
}

static void every_cut_is_refused(void **state)
{
    struct tzif t;

    (void)state;
    tzif_build(&t, '2', 17, changes, 3, "CET-1");
    for (size_t bytes = 0; bytes < t.used; bytes++) {
        expect_refused((struct span){t.bytes, bytes}, "not a time zone file");
    }
}

static void bad_files_are_refused(void **state)
{
    static const struct tzif_change unordered[] = {{5, 0}, {5, 0}};
    static const struct tzif_change far[] = {{5, 27 * 3600}};
    struct tzif t;
    size_t second = 44 + 6 + 8; /* the second header */

    (void)state;
    tzif_build(&t, '2', 0, unordered, 2, "");
    expect_refused((struct span){t.bytes, t.used}, "not in order");
    tzif_build(&t, '2', 0, far, 1, "");
    expect_refused((struct span){t.bytes, t.used}, "26 hours");
    tzif_build(&t, '2', 0, changes, 3, "CET");
    expect_refused((struct span){t.bytes, t.used}, "footer");
    tzif_build(&t, '1', 0, changes, 3, "");
    expect_refused((struct span){t.bytes, t.used}, "version");
    tzif_build(&t, '2', 0, changes, 3, "");
    t.bytes[second + 44 + 24] = 4; /* the first change leads to the fifth type */
    expect_refused((struct span){t.bytes, t.used}, "kind of local time");
    tzif_build(&t, '2', 0, changes, 3, "");
    t.bytes[second + 44 + 27 + 5] = 8; /* the first type's name */
    expect_refused((struct span){t.bytes, t.used}, "no name");
    tzif_build(&t, '2', 0, changes, 3, "");
    t.bytes[second + 31] = 1; /* a leap second; the block grows by 12 */
    t.used += 12;
    expect_refused((struct span){t.bytes, t.used}, "leap seconds");
    tzif_build(&t, '2', 0, changes, 3, "");
    memset(t.bytes + second + 32, 0xff, 4);
    expect_refused((struct span){t.bytes, t.used}, "ends within a block");
}

static void names_stay_in_their_directory(void **state)
{
    static const char *const good[] = {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                                       "Etc/GMT+5", "America/Port-au-Prince"};
    static const char *const bad[] = {
        "",
        "/etc/passwd",
        "../passwd",
        "Europe/../../passwd",
        "Europe//Berlin",
        "Europe/",
        "a.b",
        "a b",
        "localtime",
        "Europe/Berl\xc3\xadn",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(zone_path_is_clean(span_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(zone_path_is_clean(span_of(bad[i])));
    }
    assert_false(zone_path_is_clean((struct span){"UTC\0", 4}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_of_the_table),   cmocka_unit_test(the_footer_goes_on),
        cmocka_unit_test(a_rule_without_changes), cmocka_unit_test(permanent_saving),
        cmocka_unit_test(periods_join),           cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(bad_files_are_refused),  cmocka_unit_test(names_stay_in_their_directory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
