/* cluster_book: one compilation a text, bounded, held entries stay. */
#include "producer/core/cluster_book.h"

#include <stdio.h>

#include "tests/support/test.h"

struct scene {
    struct heap_budget budget;
    struct arena arena;
    struct fault_list faults;
    struct book book;
};

static int setup(void **state)
{
    static struct scene scene;

    scene = (struct scene){.budget = {0}};
    arena_init(&scene.arena, allocator_heap(&scene.budget), 0);
    fault_list_init(&scene.faults, &scene.arena, 0);
    book_init(&scene.book, allocator_heap(&scene.budget), 4, 1 << 20);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    book_release(&scene->book);
    arena_release(&scene->arena);
    assert_int_equal(scene->budget.used_bytes, 0);
    return 0;
}

static struct book_entry *get(struct scene *scene, const char *name, const char *project)
{
    char text[200];

    (void)snprintf(text, sizeof(text),
                   "{\"name\":\"%s\",\"satellites\":[{\"name\":\"a\",\"image\":\"x\"}]}", name);
    const struct book_text wanted = {.text = span_of(text), .project = project};

    return book_get(&scene->book, &wanted, &scene->faults);
}

static void test_same_text_same_entry(void **state)
{
    struct scene *scene = *state;
    struct book_entry *one = get(scene, "one", "p");

    assert_non_null(one);
    assert_true(span_is(one->cluster->project, "p"));
    assert_ptr_equal(get(scene, "one", "p"), one);
    assert_ptr_not_equal(get(scene, "one", "q"), one); /* another project: another cluster */
    assert_ptr_not_equal(get(scene, "two", "p"), one);
    assert_int_equal(scene->book.count, 3);
}

static void test_canonical_text_is_its_own(void **state)
{
    struct scene *scene = *state;
    struct book_entry *one = get(scene, "p/one", NULL);
    const struct book_text stored = {.text = one->canonical, .is_stored = true};
    struct book_entry *again = book_get(&scene->book, &stored, &scene->faults);

    assert_non_null(again);
    assert_ptr_not_equal(again, one);
    assert_true(span_equal(again->canonical, one->canonical));
    assert_true(span_is(again->cluster->name, "one"));
}

static void test_faults(void **state)
{
    struct scene *scene = *state;

    assert_null(get(scene, "No Name", "p"));
    assert_true(scene->faults.error_count > 0);
    assert_null(get(scene, "one", NULL)); /* no project */
    const struct book_text broken = {.text = span_of("{\"name\":")};

    assert_null(book_get(&scene->book, &broken, &scene->faults));
    assert_int_equal(scene->book.count, 0); /* what is bad is not kept */
}

static void test_bound(void **state)
{
    struct scene *scene = *state;
    struct book_entry *held = get(scene, "p/held", NULL);
    char name[32];

    book_hold(held);
    for (int i = 0; i < 50; i++) {
        (void)snprintf(name, sizeof(name), "p/c%d", i);
        assert_non_null(get(scene, name, NULL));
        assert_true(scene->book.count <= 4 + 1);
    }
    assert_ptr_equal(get(scene, "p/held", NULL), held);
    assert_true(span_is(held->cluster->name, "held"));
    book_drop(held);
    /* The least lately used goes first. */
    struct book_entry *newest = get(scene, "p/c49", NULL);

    assert_non_null(get(scene, "p/d", NULL));
    assert_ptr_equal(get(scene, "p/c49", NULL), newest);
}

static void test_no_memory(void **state)
{
    struct scene *scene = *state;

    for (size_t limit = 0; limit < 100000; limit += 997) {
        struct heap_budget budget = {.limit_bytes = limit == 0 ? 1 : limit};
        struct book book;
        const struct book_text wanted = {
            .text =
                span_of("{\"name\":\"p/a\",\"satellites\":[{\"name\":\"a\",\"image\":\"x\"}]}")};

        book_init(&book, allocator_heap(&budget), 4, 1 << 20);
        struct book_entry *entry = book_get(&book, &wanted, &scene->faults);

        assert_true(entry != NULL || scene->faults.error_count > 0);
        book_release(&book);
        assert_int_equal(budget.used_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_same_text_same_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_canonical_text_is_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
