/* imprint: there and back, of other versions, and broken ones. */
#include "infra/store/imprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "infra/zstd/zstd_frame.h"
#include "tests/unit/infra/store/rows.h"

static int open_one(struct imprint *imprint, struct span packed, size_t bytes_max,
                    struct exo_error *err)
{
    struct zstd_unpacker *unpacker = zstd_unpacker_new();

    assert_non_null(unpacker);
    int result = imprint_open(imprint, unpacker, packed, bytes_max, err);

    zstd_unpacker_free(unpacker);
    return result;
}

/* Reads all rows; gives how many, or minus the error's code. */
static int read_all(struct span packed, struct exo_error *err)
{
    struct imprint imprint;
    struct row row;
    int count = 0, got;

    if (open_one(&imprint, packed, 1 << 20, err) != 0) {
        return -(int)err->code;
    }
    while ((got = imprint_next(&imprint, &row, err)) > 0) {
        count++;
    }
    imprint_close(&imprint);
    return got < 0 ? -(int)err->code : count;
}

struct compared {
    struct imprint *imprint;
    uint32_t rows;
};

static void same_row(void *argument, const struct row *wanted)
{
    struct compared *c = argument;
    struct exo_error err;
    struct row row;

    assert_int_equal(imprint_next(c->imprint, &row, &err), 1);
    assert_int_equal(row.table, wanted->table);
    assert_int_equal(row.act, wanted->act);
    assert_int_equal(row.cell_count, wanted->cell_count);
    for (uint32_t i = 0; i < row.cell_count; i++) {
        const struct row_column *column = &row_shape(row.table)->columns[i];

        if (row.act == ROW_PUT || i < row_shape(row.table)->key_count ||
            (row.act == ROW_UPDATE && !column->is_fixed)) {
            assert_true(row_cell_equal(&row.cells[i], &wanted->cells[i]));
        }
        if (column->naming == ROW_NAMED && row.act == ROW_PUT) {
            assert_int_equal(row.cells[i].kind, CELL_NAME);
        }
    }
    c->rows++;
}

static void there_and_back(void **state)
{
    struct imprint_packer *packer = imprint_packer_new();
    char *large = calloc(1, ROW_COPIED_BYTES_MAX + 1);
    struct compared c = {0};
    struct imprint imprint;
    struct exo_error err;
    struct rows rows;

    (void)state;
    rows_fill(&rows, 5);
    struct store_execution update = rows.insert;

    update.id.bytes[0] = 77;
    update.state = "SUCCEEDED";
    update.is_terminal = true;
    update.ended_ns = INT64_MAX;
    update.output = (struct span){large, ROW_COPIED_BYTES_MAX + 1};
    rows.batch.updates = &update;
    rows.batch.update_count = 1;
    struct span packed = imprint_pack(packer, &rows.batch);

    assert_true(packed.bytes < 1000); /* what is large, and written once, is named */
    assert_int_equal(open_one(&imprint, packed, 1 << 20, &err), 0);
    assert_int_equal(imprint.epoch, 7);
    assert_int_equal(imprint.batch, 5);
    c.imprint = &imprint;
    row_each(&rows.batch, same_row, &c);
    assert_int_equal(c.rows, ROW_TABLE_NR);
    struct row row;

    assert_int_equal(imprint_next(&imprint, &row, &err), 0);
    imprint_close(&imprint);
    imprint_packer_free(packer);
    free(large);
}

/* Version, and a frame of what is given. */
static void frame_of(const unsigned char *bytes, size_t count, struct buffer *ret_packed)
{
    buffer_reset(ret_packed);
    buffer_append(ret_packed, (struct span){"\1", 1});
    assert_int_equal(zstd_compress((struct span){bytes, count}, ret_packed, NULL), 0);
}

static void of_a_program_that_knows_more_or_less(void **state)
{
    /* epoch 1, batch 2; an unknown table; a page whose key alone is known; one with a column more.
     */
    static const unsigned char bytes[] = {
        1,
        2,
        60 << 2,
        1,
        2,
        0,
        0,
        0,
        'x',
        'y', /* varint 240 */
        ROW_PAGE << 2,
        4,
        0,
        0,
        0,
        2,
        'a',
        4,
        6, /* body missing */
        ROW_PAGE << 2,
        8,
        0,
        0,
        0,
        2,
        'b',
        4,
        6,
        4,
        'q',
        'r',
        9, /* one number behind */
    };
    struct heap_budget budget = {0};
    struct buffer packed;
    struct imprint imprint;
    struct exo_error err;
    struct row row;

    (void)state;
    buffer_init(&packed, allocator_heap(&budget), 0);
    frame_of(bytes, sizeof(bytes), &packed);
    assert_int_equal(open_one(&imprint, buffer_span(&packed), 100, &err), 0);
    assert_int_equal(imprint_next(&imprint, &row, &err), 1);
    assert_int_equal(row.table, ROW_PAGE);
    assert_int_equal(row.cells[1].number, 2);
    assert_int_equal(row.cells[3].bytes.bytes, 0);
    assert_int_equal(imprint_next(&imprint, &row, &err), 1);
    assert_true(span_is(row.cells[0].bytes, "b"));
    assert_true(span_is(row.cells[3].bytes, "qr"));
    assert_int_equal(imprint_next(&imprint, &row, &err), 0);
    imprint_close(&imprint);
    buffer_release(&packed);
}

static void broken_ones_are_refused(void **state)
{
    static const unsigned char long_row[] = {1, 2, ROW_PAGE << 2, 200, 0, 0, 0, 1};
    static const unsigned char no_key[] = {1, 2, ROW_PAGE << 2, 2, 0, 0, 0, 2, 'a'};
    static const unsigned char cut_cell[] = {1, 2, ROW_PAGE << 2, 2, 0, 0, 0, 40, 'a'};
    static const unsigned char bad_act[] = {1, 2, ROW_PAGE << 2 | 3, 0, 0, 0, 0};
    static const unsigned char no_end[] = {1, 2, 255, 255};
    struct heap_budget budget = {0};
    struct buffer packed;
    struct exo_error err;

    (void)state;
    buffer_init(&packed, allocator_heap(&budget), 0);
    assert_int_equal(read_all((struct span){NULL, 0}, &err), -EXO_EINVALID);
    assert_int_equal(read_all(span_of("\2x"), &err), -EXO_EINVALID);
    assert_non_null(strstr(err.text, "version 2"));
    assert_int_equal(read_all(span_of("\1garbage"), &err), -EXO_EINVALID);
    frame_of((const unsigned char *)"", 0, &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_EINVALID);
    frame_of(long_row, sizeof(long_row), &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_EINVALID);
    frame_of(no_key, sizeof(no_key), &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_EINVALID);
    frame_of(cut_cell, sizeof(cut_cell), &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_EINVALID);
    frame_of(bad_act, sizeof(bad_act), &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_EINVALID);
    frame_of(no_end, sizeof(no_end), &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_EINVALID);
    buffer_release(&packed);
}

static void one_that_holds_too_much_is_refused(void **state)
{
    struct heap_budget budget = {0};
    unsigned char *zeros = calloc(1, 2 << 20);
    struct buffer packed;
    struct exo_error err;

    (void)state;
    buffer_init(&packed, allocator_heap(&budget), 0);
    frame_of(zeros, 2 << 20, &packed);
    assert_int_equal(read_all(buffer_span(&packed), &err), -EXO_ELIMIT);
    buffer_release(&packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(of_a_program_that_knows_more_or_less),
        cmocka_unit_test(broken_ones_are_refused),
        cmocka_unit_test(one_that_holds_too_much_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
