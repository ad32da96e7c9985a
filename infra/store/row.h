/* row: what commits write, table by table and column by column, so that one piece of code packs,
 * rebuilds and compares all of them.
 *
 *   struct store_batch --row_each--> struct row { table, cells }
 *
 * Pure. A column is only ever added, at the end of its table (docs/adr/0021-replay.md). */
#ifndef EXO_INFRA_STORE_ROW_H
#define EXO_INFRA_STORE_ROW_H

#include "infra/store/store.h"
#include "schemas/vocab/buffer.h"

/* Numbers are kept in imprints: never another meaning for one. */
enum row_table {
    ROW_SHARD = 1,
    ROW_DEFINITION,
    ROW_EXECUTION,
    ROW_SPANNING,
    ROW_RUN,
    ROW_PAGE,
    ROW_OUTPUT,
    ROW_REFERENCE,
    ROW_LETTER,
    ROW_TABLE_NR,
};

enum row_act {
    ROW_PUT,    /* the whole row; replaces */
    ROW_UPDATE, /* the columns that are not fixed, of a row that is there */
    ROW_DELETE, /* the key alone */
};

enum { ROW_CELLS_MAX = 24, ROW_NAME_BYTES = 16 };

enum cell_kind {
    CELL_NUMBER,
    CELL_BYTES,
    CELL_NAME, /* of bytes that stand elsewhere: number of them, and the head of their SHA-256 */
};

struct row_cell {
    enum cell_kind kind;
    int64_t number;
    struct span bytes; /* borrowed */
};

struct row {
    enum row_table table;
    enum row_act act;
    uint32_t cell_count;
    struct row_cell cells[ROW_CELLS_MAX]; /* of UPDATE: those of fixed columns are empty */
};

/* When the bytes of a column are named in place of copied. */
enum row_naming {
    ROW_COPIED,
    ROW_NAMED_LARGE, /* above ROW_COPIED_BYTES_MAX */
    ROW_NAMED,       /* always: written once, and never changed */
};

enum { ROW_COPIED_BYTES_MAX = 4096 };

struct row_column {
    const char *name; /* as in the table */
    bool is_number;
    bool is_fixed; /* no UPDATE changes it */
    enum row_naming naming;
};

struct row_shape {
    const char *name;   /* of the table */
    uint32_t key_count; /* the first columns */
    uint32_t column_count;
    struct row_column columns[ROW_CELLS_MAX];
};

/* row_shape gives the columns of a table; static. */
const struct row_shape *row_shape(enum row_table table);

/* row_batch_set makes an array of a batch the rows of a table: spanning, runs, pages, segments,
 * references or dead letters. Of the other tables nothing is set.
 * rows  of the struct that the batch has for the table, borrowed as long as the batch */
void row_batch_set(struct store_batch *batch, enum row_table table, const void *rows,
                   uint32_t count);

/* row_each calls for every row that a batch writes, the shard's own first. The row is borrowed for
 * the call. */
void row_each(const struct store_batch *batch, void (*call)(void *argument, const struct row *row),
              void *argument);

/* row_name is the name of what it is given: the head of its SHA-256. */
void row_name(struct span named, unsigned char ret_name[ROW_NAME_BYTES]);

/* row_cell_equal compares two cells of a column; one that is named equals the bytes it names. */
bool row_cell_equal(const struct row_cell *a, const struct row_cell *b);

/* row_key_text appends how people call a row: its table and key. */
void row_key_text(const struct row *row, struct buffer *ret_text);

#endif /* EXO_INFRA_STORE_ROW_H */
