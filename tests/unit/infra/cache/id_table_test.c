#include "infra/cache/id_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { COUNT = 1000 };

static struct id_entry entries[COUNT];

static void fill(struct id_table *table)
{
    id_table_init(table);
    for (uint32_t i = 0; i < COUNT; i++) {
        entries[i] = (struct id_entry){.next = NULL};
        memcpy(entries[i].id.bytes, &i, sizeof(i));
        assert_null(id_table_find(table, &entries[i].id));
        id_table_add(table, &entries[i]);
    }
}

static void test_finds_what_is_there(void **state)
{
    struct id_table table;

    (void)state;
    fill(&table);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(id_table_find(&table, &entries[i].id), &entries[i]);
    }
    for (int i = 0; i < COUNT; i += 2) {
        id_table_remove(&table, &entries[i]);
    }
    assert_int_equal(table.count, COUNT / 2);
    for (int i = 0; i < COUNT; i++) {
        assert_ptr_equal(id_table_find(&table, &entries[i].id), i % 2 == 0 ? NULL : &entries[i]);
    }
    id_table_release(&table);
}

static void test_walks_each_once(void **state)
{
    struct id_table table;
    struct id_entry *entry = NULL;
    size_t seen = 0;

    (void)state;
    fill(&table);
    while ((entry = id_table_next(&table, entry)) != NULL) {
        seen++;
    }
    assert_int_equal(seen, COUNT);
    /* Removing what was passed, as the cache does. */
    entry = id_table_next(&table, NULL);
    while (entry != NULL) {
        struct id_entry *next = id_table_next(&table, entry);

        id_table_remove(&table, entry);
        entry = next;
        seen--;
    }
    assert_int_equal(seen, 0);
    assert_int_equal(table.count, 0);
    assert_null(id_table_next(&table, NULL));
    id_table_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_is_there),
        cmocka_unit_test(test_walks_each_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
