/* schedule_view: a schedule as JSON: what it started, what it left out, with the reasons' names. */
#include "producer/core/schedule_view.h"

#include "scheduler/core/schedule.h"
#include "schemas/vocab/states.h"
#include "tests/support/test.h"

static const exo_time noon_ns = 1700000000 * EXO_SECOND; /* 2023-11-14T22:13:20Z */

static void check(const struct schedule_view *view, const char *expected)
{
    struct heap_budget budget = {0};
    struct buffer text;

    buffer_init(&text, allocator_heap(&budget), 0);
    struct json_writer w = {.buffer = &text};

    schedule_view_put(&w, view);
    buffer_append(&text, (struct span){"", 1});
    assert_string_equal(text.data, expected);
    buffer_release(&text);
}

static void what_was_started_and_left_out(void **state)
{
    const struct wire_schedule_fire fires[] = {
        {noon_ns, noon_ns + EXO_SECOND, REASON_DUE, true, EXECUTION_FAILED},
        {noon_ns, noon_ns, REASON_DUE, true, 0}};
    const struct wire_schedule_left_out left_out[] = {
        {noon_ns, noon_ns + EXO_MINUTE, noon_ns + EXO_HOUR, REASON_MISSED},
        {noon_ns, noon_ns, noon_ns, REASON_REPLACED},
        {noon_ns, noon_ns, noon_ns, REASON_NR}, /* a newer program's */
    };
    const struct execution_id ids[] = {{{1}}, {{2}}};
    struct wire_schedule_row row = {
        .project = span_of("p"),
        .name = span_of("n"),
        .definition = span_of("{}"),
        .number = 2,
        .changed_ns = noon_ns,
        .state = {.is_paused = true},
        .fires = fires,
        .fire_count = 2,
        .left_out = left_out,
        .left_out_count = 3,
    };
    struct schedule_view view = {.row = &row, .fires = ids, .now_ns = noon_ns, .is_whole = true};

    (void)state;
    check(&view,
          "{\"project\":\"p\",\"name\":\"n\",\"version\":2,\"changed_at\":\"2023-11-14T22:13:20."
          "000Z\","
          "\"next\":[],\"state\":\"PAUSED\",\"running\":0,\"waiting\":0,\"backfill\":null,"
          "\"fires\":[{\"time\":\"2023-11-14T22:13:20.000Z\","
          "\"execution\":\"02000000-0000-0000-0000-000000000000\","
          "\"started_at\":\"2023-11-14T22:13:20.000Z\",\"reason\":\"due\",\"has_ended\":true,"
          "\"state\":null},"
          "{\"time\":\"2023-11-14T22:13:20.000Z\","
          "\"execution\":\"01000000-0000-0000-0000-000000000000\","
          "\"started_at\":\"2023-11-14T22:13:21.000Z\",\"reason\":\"due\",\"has_ended\":true,"
          "\"state\":\"FAILED\"}],"
          "\"left_out\":["
          "{\"time\":\"2023-11-14T22:13:20.000Z\",\"until\":\"2023-11-14T22:13:20.000Z\","
          "\"at\":\"2023-11-14T22:13:20.000Z\",\"reason\":\"other\"},"
          "{\"time\":\"2023-11-14T22:13:20.000Z\",\"until\":\"2023-11-14T22:13:20.000Z\","
          "\"at\":\"2023-11-14T22:13:20.000Z\",\"reason\":\"replaced\"},"
          "{\"time\":\"2023-11-14T22:13:20.000Z\",\"until\":\"2023-11-14T22:14:20.000Z\","
          "\"at\":\"2023-11-14T23:13:20.000Z\",\"reason\":\"missed\"}],"
          "\"definition\":{}}");
    view.is_whole = false;
    check(&view, "{\"project\":\"p\",\"name\":\"n\",\"version\":2,\"changed_at\":\"2023-11-14T22:"
                 "13:20.000Z\","
                 "\"next\":[],\"state\":\"PAUSED\",\"running\":0,\"waiting\":0,\"backfill\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_started_and_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
