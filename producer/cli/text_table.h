/* text table: lines of words under headings, each column as wide as its widest word.
 *
 *   ID     STATE      CLUSTER
 *   0192.. SUCCEEDED  licences/word-frequency
 *
 * Touches stdout. */
#ifndef EXO_PRODUCER_CLI_TEXT_TABLE_H
#define EXO_PRODUCER_CLI_TEXT_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "schemas/vocab/arena.h"

enum { TEXT_TABLE_COLUMNS_MAX = 10, TEXT_TABLE_CELL_BYTES = 120 /* of a cell, unless changed */ };

struct text_table {
    struct arena *arena; /* kept */
    unsigned column_count;
    size_t cell_bytes;  /* longer words are cut; may be changed after text_table_init */
    const char **cells; /* row by row, the headings first */
    size_t row_count;
    size_t row_capacity;
};

/* text_table_init begins with the headings, NULL-terminated, at most TEXT_TABLE_COLUMNS_MAX. */
void text_table_init(struct text_table *table, struct arena *arena, const char *const *headings);

/* text_table_add appends a row of as many words as there are headings (copied; cut at
 * cell_bytes, line breaks as blanks). */
void text_table_add(struct text_table *table, const char *const *words);

/* text_table_print writes it; only the headings where there is no row. */
void text_table_print(const struct text_table *table, FILE *out);

#endif /* EXO_PRODUCER_CLI_TEXT_TABLE_H */
