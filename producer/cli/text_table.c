#include "producer/cli/text_table.h"

#include <assert.h>
#include <string.h>

static size_t width_of(const char *word)
{
    size_t width = 0;

    for (const char *at = word; *at != '\0'; at++) {
        width += ((unsigned char)*at & 0xc0) != 0x80; /* characters, not bytes of UTF-8 */
    }
    return width;
}

static const char *cell_copy(struct text_table *table, const char *word)
{
    size_t bytes = strlen(word);
    bool is_cut = bytes > table->cell_bytes;

    bytes = is_cut ? table->cell_bytes : bytes;
    while (is_cut && bytes > 0 && ((unsigned char)word[bytes] & 0xc0) == 0x80) {
        bytes--; /* not inside a character */
    }
    char *cell = arena_alloc(table->arena, bytes + 4);

    assert(cell != NULL); /* no bound but memory */
    memcpy(cell, word, bytes);
    memcpy(cell + bytes, is_cut ? "..." : "", is_cut ? 4 : 1);
    for (char *at = cell; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) { /* nothing that moves the cursor */
            *at = ' ';
        }
    }
    return cell;
}

void text_table_init(struct text_table *table, struct arena *arena, const char *const *headings)
{
    *table = (struct text_table){.arena = arena, .cell_bytes = TEXT_TABLE_CELL_BYTES};
    while (headings[table->column_count] != NULL) {
        table->column_count++;
    }
    assert(table->column_count <= TEXT_TABLE_COLUMNS_MAX);
    text_table_add(table, headings);
}

void text_table_add(struct text_table *table, const char *const *words)
{
    if (table->row_count == table->row_capacity) {
        size_t capacity = table->row_capacity == 0 ? 16 : 2 * table->row_capacity;
        const char **cells =
            arena_alloc(table->arena, capacity * table->column_count * sizeof(*cells));

        assert(cells != NULL); /* no bound but memory */
        if (table->row_count > 0) {
            memcpy(cells, table->cells, table->row_count * table->column_count * sizeof(*cells));
        }
        table->cells = cells;
        table->row_capacity = capacity;
    }
    for (unsigned i = 0; i < table->column_count; i++) {
        table->cells[table->row_count * table->column_count + i] = cell_copy(table, words[i]);
    }
    table->row_count++;
}

void text_table_print(const struct text_table *table, FILE *out)
{
    size_t widths[TEXT_TABLE_COLUMNS_MAX] = {0};

    for (size_t i = 0; i < table->row_count * table->column_count; i++) {
        size_t width = width_of(table->cells[i]);
        size_t *widest = &widths[i % table->column_count];

        *widest = width > *widest ? width : *widest;
    }
    for (size_t row = 0; row < table->row_count; row++) {
        for (unsigned i = 0; i < table->column_count; i++) {
            const char *word = table->cells[row * table->column_count + i];
            bool is_last = i + 1 == table->column_count;
            size_t blanks = is_last ? 0 : widths[i] - width_of(word) + 2;

            (void)fprintf(out, "%s%*s", word, (int)blanks, "");
        }
        (void)fputc('\n', out);
    }
}
