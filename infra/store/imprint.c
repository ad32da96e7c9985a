#include "infra/store/imprint.h"

#include <stdlib.h>

enum {
    VERSION = 1,
    LEVEL = 1,
    ACT_BITS = 2,
    LENGTH_BYTES = 4,
    CELL_IS_NAME = 1,
};

struct imprint_packer {
    struct heap_budget budget;
    struct buffer rows, packed;
    struct zstd_packer *zstd;
};

struct imprint_packer *imprint_packer_new(void)
{
    struct imprint_packer *packer = calloc(1, sizeof(*packer));

    if (packer == NULL || (packer->zstd = zstd_packer_new(LEVEL)) == NULL) {
        abort();
    }
    buffer_init(&packer->rows, allocator_heap(&packer->budget), 0);
    buffer_init(&packer->packed, allocator_heap(&packer->budget), 0);
    return packer;
}

void imprint_packer_free(struct imprint_packer *packer)
{
    if (packer != NULL) {
        buffer_release(&packer->rows);
        buffer_release(&packer->packed);
        zstd_packer_free(packer->zstd);
        free(packer);
    }
}

/* ---- packing ---- */

static unsigned char *put_varint(unsigned char *to, uint64_t value)
{
    for (; value >= 128; value >>= 7) {
        *to++ = (unsigned char)(value | 128);
    }
    *to++ = (unsigned char)value;
    return to;
}

static void append_varint(struct buffer *to, uint64_t value)
{
    unsigned char bytes[10];

    buffer_append(to, (struct span){bytes, (size_t)(put_varint(bytes, value) - bytes)});
}

/* Small numbers of either sign are short. */
static uint64_t folded(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unfolded(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static bool is_named(const struct row_column *column, const struct row_cell *cell)
{
    return column->naming == ROW_NAMED ||
           (column->naming == ROW_NAMED_LARGE && cell->bytes.bytes > ROW_COPIED_BYTES_MAX);
}

static void append_cell(struct buffer *to, const struct row_column *column,
                        const struct row_cell *cell)
{
    unsigned char name[ROW_NAME_BYTES];

    if (column->is_number) {
        append_varint(to, folded(cell->number));
    } else if (is_named(column, cell)) {
        append_varint(to, (uint64_t)cell->bytes.bytes << 1 | CELL_IS_NAME);
        row_name(cell->bytes, name);
        buffer_append(to, (struct span){name, sizeof(name)});
    } else {
        append_varint(to, (uint64_t)cell->bytes.bytes << 1);
        buffer_append(to, cell->bytes);
    }
}

/* Whether the cell of a column stands in a row of that kind. */
static bool is_written(const struct row_shape *shape, uint32_t column, enum row_act act)
{
    return act == ROW_PUT || column < shape->key_count ||
           (act == ROW_UPDATE && !shape->columns[column].is_fixed);
}

static void append_row(void *argument, const struct row *row)
{
    struct buffer *to = argument;
    const struct row_shape *shape = row_shape(row->table);
    static const unsigned char room[LENGTH_BYTES];

    append_varint(to, (uint64_t)row->table << ACT_BITS | row->act);
    buffer_append(to, (struct span){room, sizeof(room)});
    size_t begin = to->bytes;

    for (uint32_t i = 0; i < row->cell_count; i++) {
        if (is_written(shape, i, row->act)) {
            append_cell(to, &shape->columns[i], &row->cells[i]);
        }
    }
    if (to->is_failed) {
        return;
    }
    for (uint32_t i = 0; i < LENGTH_BYTES; i++) {
        to->data[begin - LENGTH_BYTES + i] = (unsigned char)((to->bytes - begin) >> (8 * i));
    }
}

struct span imprint_pack(struct imprint_packer *packer, const struct store_batch *batch)
{
    static const unsigned char version = VERSION;

    buffer_reset(&packer->rows);
    buffer_reset(&packer->packed);
    append_varint(&packer->rows, batch->epoch);
    append_varint(&packer->rows, batch->next);
    row_each(batch, append_row, &packer->rows);
    buffer_append(&packer->packed, (struct span){&version, 1});
    if (packer->rows.is_failed ||
        zstd_pack(packer->zstd, buffer_span(&packer->rows), &packer->packed, NULL) != 0) {
        abort();
    }
    return buffer_span(&packer->packed);
}

/* ---- reading ---- */

static int broken(struct exo_error *err)
{
    return exo_error_set(err, EXO_EINVALID, "an imprint of the journal is broken");
}

static bool get_varint(const unsigned char **at, const unsigned char *end, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        unsigned char byte = *(*at)++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

int imprint_open(struct imprint *imprint, struct zstd_unpacker *unpacker, struct span packed,
                 size_t bytes_max, struct exo_error *err)
{
    const unsigned char *from = packed.data;

    if (packed.bytes == 0) {
        return broken(err);
    }
    if (from[0] != VERSION) {
        return exo_error_set(err, EXO_EINVALID,
                             "an imprint of the journal is of version %u, this program reads %u",
                             from[0], VERSION);
    }
    imprint->budget = (struct heap_budget){0};
    buffer_init(&imprint->expanded, allocator_heap(&imprint->budget), 0);
    if (zstd_unpack(unpacker, (struct span){from + 1, packed.bytes - 1}, bytes_max,
                    &imprint->expanded, err) != 0) {
        imprint_close(imprint);
        return -1;
    }
    if (imprint->expanded.bytes == 0) {
        imprint_close(imprint);
        return broken(err);
    }
    imprint->at = imprint->expanded.data;
    imprint->end = imprint->at + imprint->expanded.bytes;
    if (!get_varint(&imprint->at, imprint->end, &imprint->epoch) ||
        !get_varint(&imprint->at, imprint->end, &imprint->batch)) {
        imprint_close(imprint);
        return broken(err);
    }
    return 0;
}

void imprint_close(struct imprint *imprint)
{
    buffer_release(&imprint->expanded);
}

static bool get_cell(const unsigned char **at, const unsigned char *end,
                     const struct row_column *column, struct row_cell *cell)
{
    uint64_t value;

    if (!get_varint(at, end, &value)) {
        return false;
    }
    if (column->is_number) {
        *cell = (struct row_cell){CELL_NUMBER, unfolded(value), {NULL, 0}};
        return true;
    }
    bool is_name = (value & CELL_IS_NAME) != 0;
    uint64_t bytes = is_name ? ROW_NAME_BYTES : value >> 1;

    if (bytes > (uint64_t)(end - *at)) {
        return false;
    }
    *cell = (struct row_cell){is_name ? CELL_NAME : CELL_BYTES,
                              is_name ? (int64_t)(value >> 1) : 0,
                              {*at, (size_t)bytes}};
    *at += bytes;
    return true;
}

/* Columns that whoever wrote it did not know are empty; what we do not know stands behind. */
static bool get_cells(const unsigned char *at, const unsigned char *end, struct row *row)
{
    const struct row_shape *shape = row_shape(row->table);

    row->cell_count = shape->column_count;
    for (uint32_t i = 0; i < shape->column_count; i++) {
        const struct row_column *column = &shape->columns[i];

        row->cells[i] =
            (struct row_cell){column->is_number ? CELL_NUMBER : CELL_BYTES, 0, {NULL, 0}};
        if (!is_written(shape, i, row->act)) {
            continue;
        }
        if (at == end && i >= shape->key_count) {
            continue;
        }
        if (!get_cell(&at, end, column, &row->cells[i])) {
            return false;
        }
    }
    return true;
}

int imprint_next(struct imprint *imprint, struct row *ret_row, struct exo_error *err)
{
    while (imprint->at < imprint->end) {
        uint64_t kind, length = 0;

        if (!get_varint(&imprint->at, imprint->end, &kind) ||
            imprint->end - imprint->at < LENGTH_BYTES) {
            return broken(err);
        }
        for (uint32_t i = 0; i < LENGTH_BYTES; i++) {
            length |= (uint64_t)*imprint->at++ << (8 * i);
        }
        if (length > (uint64_t)(imprint->end - imprint->at)) {
            return broken(err);
        }
        const unsigned char *cells = imprint->at;

        imprint->at += length;
        if (kind >> ACT_BITS == 0 || kind >> ACT_BITS >= ROW_TABLE_NR) {
            continue; /* of a table that a later program writes */
        }
        ret_row->table = (enum row_table)(kind >> ACT_BITS);
        ret_row->act = (enum row_act)(kind & ((1 << ACT_BITS) - 1));
        return ret_row->act <= ROW_DELETE && get_cells(cells, imprint->at, ret_row) ? 1
                                                                                    : broken(err);
    }
    return 0;
}
