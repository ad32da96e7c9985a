#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/vocab/fault.h"

/* Longer than the 64 bytes that are compared. */
#define LONG_NAME "a_name_that_is_longer_than_any_word_that_somebody_would_ever_mistype"

static void keeps_copies_in_order(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list list;
    char path[] = "cluster.name";

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&list, &arena, 0);
    fault_add(&list, &(struct fault){.line = 3, .column = 4, .path = path, .text = "one"});
    fault_add(&list, &(struct fault){.is_warning = true, .path = "", .text = "two", .hint = "do"});
    memset(path, 'x', sizeof(path) - 1);
    assert_int_equal(list.error_count, 1);
    assert_int_equal(list.kept_count, 2);
    assert_string_equal(list.first->path, "cluster.name");
    assert_string_equal(list.first->hint, "");
    assert_int_equal(list.first->line, 3);
    assert_int_equal(list.first->column, 4);
    assert_ptr_equal(list.first->next, list.last);
    assert_string_equal(list.last->text, "two");
    assert_string_equal(list.last->hint, "do");
    assert_null(list.last->next);
    arena_release(&arena);
}

static void counts_what_it_cannot_keep(void **state)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list list;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&list, &arena, 2);
    for (int i = 0; i < 5; i++) {
        fault_add(&list, &(struct fault){.path = "", .text = "x"});
    }
    assert_int_equal(list.error_count, 5);
    assert_int_equal(list.kept_count, 2);
    arena_release(&arena);
    arena_init(&arena, allocator_heap(&budget), 1);
    fault_list_init(&list, &arena, 0);
    fault_add(&list, &(struct fault){.path = "", .text = "x"});
    assert_int_equal(list.error_count, 1);
    assert_null(list.first);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void finds_the_nearest_name(void **state)
{
    static const char *const names[] = {"name",    "needs", "image",  "for_each",
                                        "timeout", "as",    LONG_NAME};
    /* clang-format off */
    static const struct { const char *word, *nearest; } table[] = {
        {"nmae", "name"}, {"nam", "name"}, {"names", "name"}, {"namess", "name"}, {"name", "name"}, {"imge", "image"},
        {"foreach", "for_each"}, {"forech", "for_each"}, {"timeuot", "timeout"}, {"timeouttt", "timeout"}, {"timeoutttt", NULL},
        {"xyz", NULL}, {"", NULL}, {"s", NULL}, {"a", NULL}, {"at", "as"}, {"need", "needs"},
    };
    /* clang-format on */
    char longest[100];

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *nearest = nearest_name(span_of(table[i].word), names, 7);

        if (nearest != table[i].nearest && (nearest == NULL || table[i].nearest == NULL ||
                                            strcmp(nearest, table[i].nearest) != 0)) {
            fail_msg("%s: %s", table[i].word, nearest == NULL ? "none" : nearest);
        }
    }
    memset(longest, 'a', sizeof(longest));
    assert_null(nearest_name((struct span){longest, sizeof(longest)}, names, 7));
    assert_null(nearest_name(span_of("name"), NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_copies_in_order),
        cmocka_unit_test(counts_what_it_cannot_keep),
        cmocka_unit_test(finds_the_nearest_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
