/* listing: what lists ask for. */
#include "producer/core/listing.h"

#include "tests/support/test.h"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
};

static int setup(void **state)
{
    static struct scene scene;

    scene = (struct scene){.budget = {0}};
    arena_init(&scene.arena, allocator_heap(&scene.budget), 0);
    fault_list_init(&scene.faults, &scene.arena, 0);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    arena_release(&scene->arena);
    return 0;
}

static void test_executions(void **state)
{
    struct scene *scene = *state;
    struct listing listing;

    listing_init(&listing);
    assert_int_equal(listing.limit, 50);
    listing_set(&listing, "project", span_of("p"), &scene->faults);
    listing_set(&listing, "cluster", span_of("p/c"), &scene->faults);
    listing_set(&listing, "state", span_of("RUNNING"), &scene->faults);
    listing_set(&listing, "label", span_of("a=b=c"), &scene->faults);
    listing_set(&listing, "submitted_after", span_of("2026-01-31"), &scene->faults);
    listing_set(&listing, "limit", span_of("1000"), &scene->faults);
    assert_int_equal(scene->faults.error_count, 0);
    assert_true(span_is(listing.label_key, "a") && span_is(listing.label_value, "b=c"));
    assert_int_equal(listing.limit, 1000);
    assert_true(listing.after_ns > 0 && listing.before_ns == 0);
}

static void test_refused(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        const char *hint;
    } cases[] = {
        {"stat", "RUNNING", "did you mean state?"},
        {"nonsense", "", "leave it out"},
        {"state", "running", "QUEUED"},
        {"cluster", "c", "PROJECT/NAME"},
        {"label", "a", "KEY%3DVALUE"},
        {"label", "=b", "KEY%3DVALUE"},
        {"limit", "0", ""},
        {"limit", "1001", ""},
        {"submitted_before", "yesterday", "2026-01-31"},
        {"cursor", "abc", "next_cursor"},
        {"cursor", "000000000000000000000000000000000000000000000000", "next_cursor"},
    };
    struct scene *scene = *state;
    struct listing listing;

    listing_init(&listing);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        listing_set(&listing, cases[i].name, span_of(cases[i].value), &scene->faults);
        assert_int_equal(scene->faults.error_count, i + 1);
        assert_string_equal(scene->faults.last->path, cases[i].name);
        assert_non_null(strstr(scene->faults.last->hint, cases[i].hint));
    }
    listing_set(&listing, "label", span_of("a=b"), &scene->faults);
    listing_set(&listing, "label", span_of("c=d"), &scene->faults);
    assert_non_null(strstr(scene->faults.last->text, "one label"));
}

static void test_cursor(void **state)
{
    struct scene *scene = *state;
    struct execution_id id;
    struct listing listing;
    char cursor[LISTING_CURSOR_BYTES];

    for (int i = 0; i < EXECUTION_ID_BYTES; i++) {
        id.bytes[i] = (uint8_t)(17 * i + 3);
    }
    listing_cursor(&id, 1769860800123456789, cursor);
    listing_init(&listing);
    listing_set(&listing, "cursor", span_of(cursor), &scene->faults);
    assert_int_equal(scene->faults.error_count, 0);
    assert_true(execution_id_equal(&listing.cursor, &id));
    assert_int_equal(listing.cursor_ns, 1769860800123456789);
}

static void test_tasks(void **state)
{
    struct scene *scene = *state;
    struct task_listing listing;
    char cursor[TASK_CURSOR_BYTES];

    task_listing_init(&listing);
    task_listing_cursor(UINT32_MAX, 17, cursor);
    assert_string_equal(cursor, "4294967295.17");
    task_listing_set(&listing, "cursor", span_of(cursor), &scene->faults);
    task_listing_set(&listing, "satellite", span_of("count"), &scene->faults);
    task_listing_set(&listing, "state", span_of("BACKOFF"), &scene->faults);
    task_listing_set(&listing, "limit", span_of("1"), &scene->faults);
    assert_int_equal(scene->faults.error_count, 0);
    assert_true(listing.has_state && listing.state == TASK_BACKOFF);
    assert_true(listing.instance == UINT32_MAX && listing.index == 17 && listing.limit == 1);
    task_listing_set(&listing, "state", span_of("QUEUED"), &scene->faults);
    task_listing_set(&listing, "cursor", span_of("1"), &scene->faults);
    task_listing_set(&listing, "cursor", span_of("1.x"), &scene->faults);
    task_listing_set(&listing, "satelite", span_of("x"), &scene->faults);
    assert_int_equal(scene->faults.error_count, 4);
    assert_string_equal(scene->faults.last->hint, "did you mean satellite?");
    task_listing_set(&listing, "run", span_of("page.3"), &scene->faults);
    assert_int_equal(scene->faults.error_count, 5);
    assert_non_null(strstr(scene->faults.last->text, "cannot both"));
    task_listing_init(&listing);
    task_listing_set(&listing, "run", span_of("page.3"), &scene->faults);
    assert_int_equal(scene->faults.error_count, 5);
    assert_true(span_is(listing.run, "page.3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_executions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tasks, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
