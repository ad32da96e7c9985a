/* text_table: widths count characters, long words are cut between them, nothing moves the cursor.
 */
#include "producer/cli/text_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void print(struct text_table *table, char *text, size_t bytes)
{
    FILE *out = tmpfile();

    assert_non_null(out);
    text_table_print(table, out);
    rewind(out);
    text[fread(text, 1, bytes - 1, out)] = '\0';
    (void)fclose(out);
}

static void test_columns_are_as_wide_as_their_words(void **state)
{
    static const char *const headings[] = {"ID", "STATE", "ERROR", NULL};
    static const char *const first[] = {"a", "gr\xc3\xbcn", "one"};
    static const char *const second[] = {"long-id", "x", "line\nbreak\x1b[2J"};
    struct heap_budget budget = {0};
    struct arena arena;
    struct text_table table;
    char text[512];

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    text_table_init(&table, &arena, headings);
    text_table_add(&table, first);
    text_table_add(&table, second);
    print(&table, text, sizeof(text));
    assert_string_equal(text, "ID       STATE  ERROR\n"
                              "a        gr\xc3\xbcn   one\n"
                              "long-id  x      line break [2J\n");
    arena_release(&arena);
}

static void test_a_long_word_is_cut_between_characters(void **state)
{
    static const char *const headings[] = {"A", NULL};
    char word[256];
    const char *words[] = {word};
    struct heap_budget budget = {0};
    struct arena arena;
    struct text_table table;
    char text[512];

    (void)state;
    memset(word, 'x', sizeof(word));
    memcpy(word + TEXT_TABLE_CELL_BYTES - 1, "\xc3\xbc", 3);
    arena_init(&arena, allocator_heap(&budget), 0);
    text_table_init(&table, &arena, headings);
    text_table_add(&table, words);
    print(&table, text, sizeof(text));
    assert_int_equal(strlen(text), 2 + TEXT_TABLE_CELL_BYTES - 1 + 4);
    assert_non_null(strstr(text, "x...\n"));
    arena_release(&arena);
}

static void test_many_rows(void **state)
{
    static const char *const headings[] = {"A", "B", NULL};
    static const char *const words[] = {"1", "2"};
    struct heap_budget budget = {0};
    struct arena arena;
    struct text_table table;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    text_table_init(&table, &arena, headings);
    for (int i = 0; i < 1000; i++) {
        text_table_add(&table, words);
    }
    assert_int_equal(table.row_count, 1001);
    assert_string_equal(table.cells[0], "A");
    assert_string_equal(table.cells[2 * 1000 + 1], "2");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_as_wide_as_their_words),
        cmocka_unit_test(test_a_long_word_is_cut_between_characters),
        cmocka_unit_test(test_many_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
