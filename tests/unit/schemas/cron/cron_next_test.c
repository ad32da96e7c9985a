#include "schemas/cron/cron.h"
#include "schemas/vocab/calendar.h"
#include "schemas/vocab/timestamp.h"
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

static struct cron parse(const char *text)
{
    struct cron cron = {0};
    struct cron_error error = {0};

    if (cron_parse(span_of(text), &cron, &error) != 0) {
        fail_msg("%s: column %u: %s; %s", text, error.column, error.text, error.hint);
    }
    return cron;
}

static exo_time instant(const char *text)
{
    exo_time ns = 0;

    if (!timestamp_parse(span_of(text), &ns)) {
        fail_msg("%s is no instant", text);
    }
    return ns;
}

static const struct zone *rule(const char *footer)
{
    return tzif_zone(&arena, 0, NULL, 0, footer);
}

static const char *berlin = "CET-1CEST,M3.5.0,M10.5.0/3";
static const char *lord_howe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";
static const char *troll = "<+00>0<+02>-2,M3.5.0/1,M10.5.0/3";
static const char *havana = "CST5CDT,M3.2.0/0,M11.1.0/1";

/* The instants, one after another; "!" before one that is due at a change. */
struct story {
    const char *cron;
    const char *footer;
    const char *from;
    const char *fires[6];
};

static void check_story(const struct story *story)
{
    struct cron cron = parse(story->cron);
    const struct zone *zone = rule(story->footer);
    exo_time at = instant(story->from);

    for (int i = 0; i < 6 && story->fires[i] != NULL; i++) {
        const char *expected = story->fires[i];
        struct cron_fire fire;
        char text[TIMESTAMP_TEXT_BYTES];

        assert_true(cron_next(&cron, zone, at, &fire));
        timestamp_format(fire.at_ns / EXO_MILLISECOND, text);
        if (fire.at_ns != instant(expected + (*expected == '!')) ||
            fire.is_moved != (*expected == '!')) {
            fail_msg("%s in %s: %s%s, not %s", story->cron, story->footer, fire.is_moved ? "!" : "",
                     text, expected);
        }
        at = fire.at_ns;
    }
}

static void clocks_are_changed(void **state)
{
    const struct story stories[] = {
        /* Forward: 02:00 becomes 03:00. */
        {"30 2 * * *",
         berlin,
         "2026-03-28T02:00:00Z",
         {"!2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
        {"0,30 2 * * *",
         berlin,
         "2026-03-29T00:00:00Z",
         {"!2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"}},
        {"0 2,3 * * *",
         berlin,
         "2026-03-29T00:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
        {"0 2 29 3 *", berlin, "2026-01-01T00:00:00Z", {"!2026-03-29T01:00:00Z"}},
        {"*/30 2 * * *",
         berlin,
         "2026-03-29T00:00:00Z",
         {"2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"}},
        {"30 * * * *",
         berlin,
         "2026-03-29T00:00:00Z",
         {"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}},
        {"@hourly",
         berlin,
         "2026-03-29T00:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
        {"@daily",
         havana,
         "2026-03-08T04:00:00Z",
         {"!2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"}},
        /* Back: 03:00 becomes 02:00. */
        {"30 2 * * *",
         berlin,
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
        {"0 3 * * *",
         berlin,
         "2026-10-25T00:00:00Z",
         {"2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"}},
        {"30 * * * *",
         berlin,
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}},
        {"*/30 2 * * *",
         berlin,
         "2026-10-24T23:59:00Z",
         {"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z",
          "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"}},
        {"@daily",
         havana,
         "2026-11-01T03:00:00Z",
         {"2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"}},
        /* Half an hour, and two. */
        {"15 2 * * *",
         lord_howe,
         "2026-10-03T00:00:00Z",
         {"!2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
        {"45 1 * * *",
         lord_howe,
         "2026-04-04T00:00:00Z",
         {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
        {"30 1,2 * * *",
         troll,
         "2026-03-29T00:45:00Z",
         {"!2026-03-29T01:00:00Z", "2026-03-29T23:30:00Z"}},
        {"30 1,2 * * *",
         troll,
         "2026-10-24T22:00:00Z",
         {"2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        check_story(&stories[i]);
    }
}

static void days_and_months(void **state)
{
    const char *utc = "UTC0";
    const struct story stories[] = {
        {"0 0 29 2 *",
         utc,
         "2096-03-01T00:00:00Z",
         {"2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"}},
        {"0 0 29 2 */7",
         utc,
         "2024-01-01T00:00:00Z",
         {"2032-02-29T00:00:00Z", "2060-02-29T00:00:00Z", "2088-02-29T00:00:00Z",
          "2128-02-29T00:00:00Z"}},
        {"0 12 13 * fri",
         utc,
         "2026-02-01T00:00:00Z",
         {"2026-02-06T12:00:00Z", "2026-02-13T12:00:00Z", "2026-02-20T12:00:00Z",
          "2026-02-27T12:00:00Z", "2026-03-06T12:00:00Z", "2026-03-13T12:00:00Z"}},
        {"0 12 13 * *",
         utc,
         "2026-12-13T11:59:59.999Z",
         {"2026-12-13T12:00:00Z", "2027-01-13T12:00:00Z"}},
        {"0 12 13 * *", utc, "2026-12-13T12:00:00Z", {"2027-01-13T12:00:00Z"}},
        {"59 23 31 12 *", utc, "1970-01-01T00:00:00Z", {"1970-12-31T23:59:00Z"}},
        {"0 0 * * mon-fri", utc, "2026-11-27T00:00:00Z", {"2026-11-30T00:00:00Z"}},
        {"0 9 * * *", "<+0545>-5:45", "2026-11-27T03:15:00Z", {"2026-11-28T03:15:00Z"}},
    };
    struct cron_fire fire = {.at_ns = 7};
    struct cron cron = parse("0 0 1 1 *");

    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
        check_story(&stories[i]);
    }
    assert_true(cron_next(&cron, zone_utc(), instant("2260-01-02T00:00:00Z"), &fire));
    assert_int_equal(fire.at_ns, instant("2261-01-01T00:00:00Z"));
    assert_false(cron_next(&cron, zone_utc(), fire.at_ns, &fire));
    assert_false(cron_next(&cron, zone_utc(), EXO_TIME_NEVER, &fire));
    assert_int_equal(fire.at_ns, instant("2261-01-01T00:00:00Z"));
}

/* Apia went from 29 to 31 December 2011; Casey Station back by 3 hours, forward by 3. */
static void large_changes_are_corrections(void **state)
{
    const struct tzif_change apia[] = {{1325239200, 14 * 3600}};
    const struct tzif_change casey[] = {{1267714800, 8 * 3600}, {1319738400, 11 * 3600}};
    const struct zone *zone = tzif_zone(&arena, -10 * 3600, apia, 1, "");
    struct cron cron = parse("0 12 * * *");
    struct cron_fire fire;

    (void)state;
    assert_true(cron_next(&cron, zone, instant("2011-12-29T12:00:00Z"), &fire));
    assert_int_equal(fire.at_ns, instant("2011-12-29T22:00:00Z"));
    assert_true(cron_next(&cron, zone, fire.at_ns, &fire));
    assert_int_equal(fire.at_ns, instant("2011-12-30T22:00:00Z")); /* 31 December, 12:00 */
    assert_false(fire.is_moved);
    zone = tzif_zone(&arena, 11 * 3600, casey, 2, "");
    cron = parse("0 0 * * *"); /* back, from 02:00 to 23:00: not again */
    assert_true(cron_next(&cron, zone, instant("2010-03-04T12:00:00Z"), &fire));
    assert_int_equal(fire.at_ns, instant("2010-03-04T13:00:00Z"));
    assert_true(cron_next(&cron, zone, fire.at_ns, &fire));
    assert_int_equal(fire.at_ns, instant("2010-03-05T16:00:00Z"));
    cron = parse("0 3 28 10 *"); /* forward, from 02:00 to 05:00: a correction */
    assert_true(cron_next(&cron, zone, instant("2011-01-01T00:00:00Z"), &fire));
    assert_int_equal(fire.at_ns, instant("2012-10-27T16:00:00Z"));
}

/* --- the daemon, minute by minute, as a second opinion --------------------------------------- */

static uint32_t dice_state = 12345;

static uint32_t dice(uint32_t sides)
{
    dice_state = dice_state * 1664525 + 1013904223;
    return (dice_state >> 8) % sides;
}

static bool is_match(const struct cron *cron, int64_t minute)
{
    int64_t day = floor_div(minute, 1440);
    int64_t rest = minute - day * 1440;
    struct date date = date_of_day(day);
    bool is_month_day = (cron->days >> date.day & 1) != 0;
    bool is_weekday = (cron->weekdays >> weekday_of_day(day) & 1) != 0;

    return (cron->minutes >> (rest % 60) & 1) != 0 && (cron->hours >> (rest / 60) & 1) != 0 &&
           (cron->months >> date.month & 1) != 0 &&
           (cron->is_either_day ? is_month_day || is_weekday : is_month_day && is_weekday);
}

/* What a daemon that wakes up each minute does; *passed is its virtual time. */
static bool daemon_wakes(const struct cron *cron, const struct zone *zone, int64_t now_s,
                         int64_t *passed)
{
    int64_t clock = floor_div(now_s + zone_period_at(zone, now_s).offset_s, 60);
    int64_t difference = clock - *passed;
    bool is_due = false;

    if (difference > 180 || difference < -180) {
        *passed = clock;
        return is_match(cron, clock);
    }
    if (!cron->is_fixed) {
        *passed = difference > 0 ? clock : *passed;
        return is_match(cron, clock);
    }
    while (*passed < clock) {
        (*passed)++;
        is_due |= is_match(cron, *passed);
    }
    return is_due;
}

static void random_cron(char text[100])
{
    static const char *const minutes[] = {"*", "*/7", "0", "30", "15,45", "0-59/20", "59"};
    static const char *const hours[] = {"*", "*/2", "2", "1,2,3", "0", "0-4", "23"};
    static const char *const days[] = {"*", "*", "*/2", "1-7", "25-31"};
    static const char *const weekdays[] = {"*", "*", "0", "mon-sat", "*/7"};

    (void)snprintf(text, 100, "%s %s %s * %s", minutes[dice(7)], hours[dice(7)], days[dice(5)],
                   weekdays[dice(5)]);
}

static void against_the_daemon(const struct zone *zone, int64_t begin_s, int64_t end_s)
{
    char text[100];

    random_cron(text);
    struct cron cron = parse(text);
    int64_t passed = floor_div(begin_s + zone_period_at(zone, begin_s).offset_s, 60);
    exo_time at = begin_s * EXO_SECOND;
    struct cron_fire fire = {.at_ns = INT64_MAX};
    struct cron_fire last = {0};

    for (int64_t now_s = begin_s + 60; now_s <= end_s; now_s += 60) {
        if (fire.at_ns == INT64_MAX && !cron_next(&cron, zone, at, &fire)) {
            fire.at_ns = INT64_MAX - 1;
        }
        if (daemon_wakes(&cron, zone, now_s, &passed) != (fire.at_ns == now_s * EXO_SECOND)) {
            fail_msg("%s: at %lld the daemon thinks otherwise", text, (long long)now_s);
        }
        if (fire.at_ns == now_s * EXO_SECOND) {
            last = fire;
            at = fire.at_ns;
            fire.at_ns = INT64_MAX;
        }
    }
    if (last.at_ns != 0) {
        assert_true(cron_last(&cron, zone, begin_s * EXO_SECOND, end_s * EXO_SECOND, &fire));
        assert_int_equal(fire.at_ns, last.at_ns);
    } else {
        assert_false(cron_last(&cron, zone, begin_s * EXO_SECOND, end_s * EXO_SECOND, &fire));
    }
}

static void the_daemon_agrees(void **state)
{
    const char *const footers[] = {berlin, lord_howe, troll, havana};
    const int64_t march = instant("2026-03-01T12:00:00Z") / EXO_SECOND;

    (void)state;
    for (int i = 0; i < 120; i++) {
        const struct zone *zone = rule(footers[i % 4]);
        int64_t change = zone_period_at(zone, march).end_s;

        change = i % 8 < 4 ? change : zone_period_at(zone, change).end_s;
        against_the_daemon(zone, change - 2 * 86400 - 3600 * dice(24), change + 2 * 86400);
    }
}

/* Changes by any number of quarters of an hour, a few hours apart. */
static void the_daemon_agrees_on_wild_zones(void **state)
{
    const int64_t midnight = instant("2026-05-01T00:00:00Z") / EXO_SECOND;

    (void)state;
    for (int i = 0; i < 400; i++) {
        struct tzif_change changes[8];
        int64_t origin = midnight + 3600 * dice(24);
        int64_t at = origin;
        int32_t offset = 0;

        for (int j = 0; j < 8; j++) {
            at += 1800 * (1 + (int64_t)dice(i % 4 == 0 ? 100 : 4));
            offset += 900 * (i % 4 == 1 ? (int32_t)dice(49) - 24 : (int32_t)dice(21) - 10);
            offset = offset > 14 * 3600 || offset < -14 * 3600 ? 0 : offset;
            changes[j] = (struct tzif_change){at, offset};
        }
        against_the_daemon(tzif_zone(&arena, 0, changes, 8, ""), origin - 3600, at + 43200);
    }
}

/* Where one begins to look has no say in what is found. */
static void looking_again_finds_the_same(void **state)
{
    struct cron cron = parse("30 1,2 * * *");
    const struct zone *zone = rule(berlin);
    exo_time begin = instant("2026-10-24T00:00:00Z");
    struct cron_fire expected;

    (void)state;
    for (int minute = 3 * 1440; minute >= 0; minute--) {
        exo_time at = begin + minute * EXO_MINUTE;
        struct cron_fire fire;

        assert_true(cron_next(&cron, zone, at, &fire));
        assert_true(fire.at_ns > at);
        if (minute < 3 * 1440 && fire.at_ns != at + EXO_MINUTE) {
            assert_int_equal(fire.at_ns, expected.at_ns);
        }
        expected = fire;
    }
}

static void the_last_of_many(void **state)
{
    struct cron cron = parse("* * * * *");
    struct cron_fire fire;
    exo_time until = instant("2100-06-01T12:34:56.789Z");

    (void)state;
    assert_true(cron_last(&cron, rule(berlin), 0, until, &fire));
    assert_int_equal(fire.at_ns, instant("2100-06-01T12:34:00Z"));
    assert_true(cron_last(&cron, rule(berlin), fire.at_ns - 1, fire.at_ns, &fire));
    assert_int_equal(fire.at_ns, instant("2100-06-01T12:34:00Z"));
    assert_false(cron_last(&cron, rule(berlin), fire.at_ns, fire.at_ns + 59 * EXO_SECOND, &fire));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_are_changed),
        cmocka_unit_test(days_and_months),
        cmocka_unit_test(large_changes_are_corrections),
        cmocka_unit_test(the_daemon_agrees),
        cmocka_unit_test(the_daemon_agrees_on_wild_zones),
        cmocka_unit_test(looking_again_finds_the_same),
        cmocka_unit_test(the_last_of_many),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
