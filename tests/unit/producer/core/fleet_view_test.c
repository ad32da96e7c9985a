/* fleet_view: workers come, fall silent and are forgotten. */
#include "producer/core/fleet_view.h"

#include <stdio.h>

#include "tests/support/test.h"

static struct heap_budget budget;
static struct fleet_view view;

static int setup(void **state)
{
    (void)state;
    budget = (struct heap_budget){0};
    fleet_view_init(&view, allocator_heap(&budget));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fleet_view_release(&view);
    assert_int_equal(budget.used_bytes, 0);
    return 0;
}

static struct wire_heartbeat beat(const char *name, uint64_t incarnation, uint64_t number)
{
    static const struct span classes[] = {{"default", 7}, {"gpu", 3}};

    return (struct wire_heartbeat){.worker = span_of(name),
                                   .incarnation = incarnation,
                                   .number = number,
                                   .classes = classes,
                                   .class_count = 2,
                                   .slots = 4,
                                   .cpu_millis = 4000,
                                   .cpu_free_millis = 1000,
                                   .memory_bytes = 1000,
                                   .memory_free_bytes = 600};
}

static void hear(const char *name, uint64_t incarnation, uint64_t number, exo_time now_ns)
{
    struct wire_heartbeat h = beat(name, incarnation, number);

    fleet_view_heard(&view, &h, now_ns);
}

static void test_life(void **state)
{
    (void)state;
    hear("b", 1, 1, 0);
    hear("a", 1, 1, 0);
    hear("c", 1, 1, 50 * EXO_SECOND);
    assert_int_equal(view.count, 3);
    assert_string_equal(view.workers[0]->name, "a"); /* by name */
    const struct fleet_view_worker *b = fleet_view_find(&view, span_of("b"));

    assert_false(fleet_view_is_silent(b, 14 * EXO_SECOND));
    assert_true(fleet_view_is_silent(b, 15 * EXO_SECOND));
    hear("b", 1, 2, 20 * EXO_SECOND);
    assert_false(fleet_view_is_silent(b, 20 * EXO_SECOND));
    fleet_view_forget(&view, 59 * EXO_SECOND);
    assert_int_equal(view.count, 3);
    fleet_view_forget(&view, 60 * EXO_SECOND);
    assert_null(fleet_view_find(&view, span_of("a")));
    assert_int_equal(view.count, 2);
}

static void test_late_and_repeated(void **state)
{
    (void)state;
    hear("a", 2, 5, 100);
    hear("a", 2, 5, 200); /* a repeat does not keep it alive */
    hear("a", 1, 99, 300);
    const struct fleet_view_worker *a = fleet_view_find(&view, span_of("a"));

    assert_int_equal(a->heard_ns, 100);
    assert_int_equal(a->incarnation, 2);
    hear("a", 3, 1, 400);
    assert_int_equal(a->incarnation, 3);
    assert_int_equal(a->heard_ns, 400);
    hear("a", 2, 100, 399 + FLEET_VIEW_SILENT_NS);
    assert_int_equal(a->incarnation, 3);
    hear("a", 2, 101, 400 + FLEET_VIEW_SILENT_NS); /* a clock was set back */
    assert_int_equal(a->incarnation, 2);
}

static void test_leaving(void **state)
{
    struct wire_heartbeat h = beat("a", 1, 2);

    (void)state;
    hear("a", 1, 1, 0);
    h.is_leaving = true;
    fleet_view_heard(&view, &h, 1);
    assert_int_equal(view.count, 0);
    fleet_view_heard(&view, &h, 2); /* of one that is not known */
    assert_int_equal(view.count, 0);
}

static void test_bound(void **state)
{
    char name[80];

    (void)state;
    for (int i = 0; i < FLEET_VIEW_WORKERS_MAX + 10; i++) {
        (void)snprintf(name, sizeof(name), "w%d", i);
        hear(name, 1, 1, 0);
    }
    assert_int_equal(view.count, FLEET_VIEW_WORKERS_MAX);
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    fleet_view_forget(&view, FLEET_VIEW_FORGOTTEN_NS);
    hear(name, 1, 1, 0); /* no name of ours is that long */
    assert_int_equal(view.count, 0);
}

static void test_fit(void **state)
{
    (void)state;
    struct wire_heartbeat draining = beat("d", 1, 1);
    struct wire_heartbeat busy = beat("e", 1, 1);
    struct wire_heartbeat uncounted = beat("f", 1, 1);

    draining.is_draining = true;
    busy.running_count = 4;
    static const struct wire_running running[4];

    busy.running = running;
    hear("a", 1, 1, 0); /* silent by then */
    hear("b", 1, 1, 10 * EXO_SECOND);
    fleet_view_heard(&view, &draining, 10 * EXO_SECOND);
    fleet_view_heard(&view, &busy, 10 * EXO_SECOND);
    struct fleet_fit fit = fleet_view_fit(&view, span_of("gpu"), 1000, 600, 20 * EXO_SECOND);

    assert_int_equal(fit.alive, 3);
    assert_int_equal(fit.of_class, 3);
    assert_int_equal(fit.draining, 1);
    assert_int_equal(fit.large_enough, 2);
    assert_int_equal(fit.free, 1);
    assert_int_equal(fit.memory_bytes_max, 1000);
    fit = fleet_view_fit(&view, span_of("gpu"), 1000, 601, 20 * EXO_SECOND);
    assert_int_equal(fit.large_enough, 2);
    assert_int_equal(fit.free, 0);
    fit = fleet_view_fit(&view, span_of("gpu"), 4001, 1, 20 * EXO_SECOND);
    assert_int_equal(fit.large_enough, 0);
    fit = fleet_view_fit(&view, span_of("other"), 1, 1, 20 * EXO_SECOND);
    assert_int_equal(fit.of_class, 0);
    uncounted.memory_bytes = uncounted.cpu_millis = 0;
    fleet_view_heard(&view, &uncounted, 20 * EXO_SECOND);
    fit = fleet_view_fit(&view, span_of("gpu"), 4001, 1 << 20, 20 * EXO_SECOND);
    assert_int_equal(fit.free, 1);
}

static void test_shown(void **state)
{
    struct buffer text;
    struct json_writer w = {.buffer = &text};

    (void)state;
    buffer_init(&text, allocator_heap(&budget), 0);
    hear("a", 1, 1, 0);
    fleet_view_put_worker(&w, fleet_view_find(&view, span_of("a")), 2 * EXO_SECOND);
    buffer_append(&text, (struct span){"", 1});
    assert_non_null(strstr((char *)text.data, "\"name\":\"a\",\"state\":\"alive\",\"trouble\":null,"
                                              "\"classes\":[\"default\",\"gpu\"],\"slots\":4"));
    assert_non_null(strstr((char *)text.data, "\"silent_ms\":2000"));
    buffer_release(&text);
}

static void test_troubled(void **state)
{
    struct buffer text;
    struct json_writer w = {.buffer = &text};
    struct wire_heartbeat h = beat("a", 1, 1);

    (void)state;
    buffer_init(&text, allocator_heap(&budget), 0);
    h.trouble = span_of("no crun; mend it");
    fleet_view_heard(&view, &h, 0);
    fleet_view_put_worker(&w, fleet_view_find(&view, span_of("a")), 0);
    buffer_append(&text, (struct span){"", 1});
    assert_non_null(strstr((char *)text.data, "\"state\":\"troubled\",\"trouble\":\"no crun; "
                                              "mend it\""));
    buffer_release(&text);
    struct fleet_fit fit = fleet_view_fit(&view, span_of("gpu"), 1000, 600, 0);

    assert_int_equal(fit.large_enough, 1);
    assert_int_equal(fit.troubled, 1);
    assert_int_equal(fit.free, 0);
    hear("a", 1, 2, 1);
    fit = fleet_view_fit(&view, span_of("gpu"), 1000, 600, 1);
    assert_int_equal(fit.troubled, 0);
    assert_int_equal(fit.free, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_and_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leaving, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_troubled, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
