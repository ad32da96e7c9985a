/* row: every row of a batch once, and how cells compare. */
#include "infra/store/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/infra/store/rows.h"

static void count_row(void *argument, const struct row *row)
{
    uint32_t *counts = argument;

    counts[row->table]++;
    assert_int_equal(row->cell_count, row_shape(row->table)->column_count);
    for (uint32_t i = 0; i < row->cell_count; i++) {
        assert_int_equal(row->cells[i].kind == CELL_NUMBER,
                         row_shape(row->table)->columns[i].is_number);
    }
}

static void every_row_is_shown_once(void **state)
{
    uint32_t counts[ROW_TABLE_NR] = {0};
    struct rows rows;

    (void)state;
    rows_fill(&rows, 1);
    row_each(&rows.batch, count_row, counts);
    for (int table = ROW_SHARD; table < ROW_TABLE_NR; table++) {
        assert_int_equal(counts[table], 1);
    }
}

static void note_act(void *argument, const struct row *row)
{
    enum row_act *acts = argument;

    acts[row->table] = row->act;
}

static void an_update_and_a_deletion_are_told(void **state)
{
    enum row_act acts[ROW_TABLE_NR] = {0};
    struct rows rows;

    (void)state;
    rows_fill(&rows, 2);
    rows.batch.updates = &rows.insert;
    rows.batch.update_count = 1;
    rows.batch.insert_count = 0;
    rows.spanning.body.bytes = 0;
    row_each(&rows.batch, note_act, acts);
    assert_int_equal(acts[ROW_EXECUTION], ROW_UPDATE);
    assert_int_equal(acts[ROW_SPANNING], ROW_DELETE);
    assert_int_equal(acts[ROW_PAGE], ROW_PUT);
}

static void a_name_equals_what_it_names(void **state)
{
    unsigned char name[ROW_NAME_BYTES];
    struct row_cell bytes = {CELL_BYTES, 0, span_of("output")};
    struct row_cell other = {CELL_BYTES, 0, span_of("Output")};
    struct row_cell number = {CELL_NUMBER, 6, {NULL, 0}};

    (void)state;
    row_name(bytes.bytes, name);
    struct row_cell named = {CELL_NAME, 6, {name, sizeof(name)}};

    assert_true(row_cell_equal(&named, &bytes));
    assert_true(row_cell_equal(&bytes, &named));
    assert_true(row_cell_equal(&named, &named));
    assert_false(row_cell_equal(&named, &other));
    assert_false(row_cell_equal(&bytes, &other));
    assert_false(row_cell_equal(&number, &bytes));
    named.number = 7; /* of another length */
    assert_false(row_cell_equal(&named, &bytes));
}

static void text_of(void *argument, const struct row *row)
{
    if (row->table == ROW_PAGE) {
        row_key_text(row, argument);
    }
}

static void a_key_is_written_for_people(void **state)
{
    struct heap_budget budget = {0};
    struct buffer text;
    struct rows rows;

    (void)state;
    rows_fill(&rows, 1);
    buffer_init(&text, allocator_heap(&budget), 0);
    row_each(&rows.batch, text_of, &text);
    assert_true(
        span_is(buffer_span(&text),
                "task_page execution=01020300-0000-0000-0000-000000000000 instance=2 page=0"));
    buffer_release(&text);
}

/* One table's rows out of a batch and into another: what row_each shows stays the same. */
static void a_batch_is_made_of_the_rows_of_a_table(void **state)
{
    struct rows rows;

    (void)state;
    rows_fill(&rows, 1);
    const struct store_batch *from = &rows.batch;
    const struct {
        enum row_table table;
        const void *rows;
        uint32_t count;
    } cases[] = {
        {ROW_SPANNING, from->spanning, from->spanning_count},
        {ROW_RUN, from->runs, from->run_count},
        {ROW_PAGE, from->pages, from->page_count},
        {ROW_OUTPUT, from->segments, from->segment_count},
        {ROW_REFERENCE, from->references, from->reference_count},
        {ROW_LETTER, from->dead_letters, from->dead_letter_count},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_batch batch = {.shard = from->shard};
        uint32_t counts[ROW_TABLE_NR] = {0};

        row_batch_set(&batch, cases[i].table, cases[i].rows, cases[i].count);
        row_each(&batch, count_row, counts);
        for (int table = ROW_DEFINITION; table < ROW_TABLE_NR; table++) {
            assert_int_equal(counts[table], table == (int)cases[i].table);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_shown_once),
        cmocka_unit_test(an_update_and_a_deletion_are_told),
        cmocka_unit_test(a_name_equals_what_it_names),
        cmocka_unit_test(a_key_is_written_for_people),
        cmocka_unit_test(a_batch_is_made_of_the_rows_of_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
