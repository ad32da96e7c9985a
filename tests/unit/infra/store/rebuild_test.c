/* rebuild: rows from imprints, slices that are ahead, and every kind of difference. */
#include "infra/store/rebuild.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/infra/store/rows.h"

struct world {
    struct imprint_packer *packer;
    struct rebuild *rebuild;
    struct rows rows;
    struct rebuild_live live;
    bool is_listed[1];
    struct rebuild_comparison comparison;
    enum row_table table; /* of the last difference, with the next two */
    enum rebuild_verdict verdict;
    const char *column;
    uint32_t differences;
};

static void on_difference(void *argument, const struct rebuild_difference *difference)
{
    struct world *w = argument;

    w->table = difference->row->table;
    w->verdict = difference->verdict;
    w->column = difference->column == NULL ? "" : difference->column;
    w->differences++;
}

/* Batch 1 inserts a row of every kind; the tables hold the same. */
static void open_at(struct world *w, const struct rebuild_base *base)
{
    *w = (struct world){.packer = imprint_packer_new(), .rebuild = rebuild_new(base, NULL)};
    w->comparison.differs = on_difference;
    w->comparison.argument = w;
    rows_fill(&w->rows, base->batch + 1);
}

static void apply(struct world *w)
{
    struct exo_error err;

    assert_int_equal(rebuild_next(w->rebuild, imprint_pack(w->packer, &w->rows.batch), &err), 0);
}

/* Only what a test adds to it comes with the next batch. */
static void next_batch(struct world *w)
{
    struct store_batch *b = &w->rows.batch;

    *b = (struct store_batch){.shard = 3, .epoch = 7, .previous = b->next, .next = b->next + 1};
}

static void compare_live(struct world *w)
{
    struct rebuild_kept *kept = rebuild_keep(&w->live);

    assert_int_equal(rebuild_kept_batch(kept), w->live.rows.next);
    rebuild_compare(w->rebuild, kept, &w->comparison);
    rebuild_kept_free(kept);
}

static void compare(struct world *w)
{
    w->live.rows = w->rows.batch;
    w->live.has_shard = true;
    w->is_listed[0] = !w->rows.insert.is_terminal;
    w->live.is_listed = w->is_listed;
    compare_live(w);
}

static void end(struct world *w)
{
    rebuild_free(w->rebuild);
    imprint_packer_free(w->packer);
}

static void the_same_rows_are_equal(void **state)
{
    const struct rebuild_base base = {0};
    struct execution_id id;
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    assert_int_equal(rebuild_batch(w.rebuild), 1);
    assert_int_equal(rebuild_unseen(w.rebuild, &id, 1), 1);
    compare(&w);
    assert_int_equal(w.differences, 0);
    for (int table = ROW_SHARD; table < ROW_TABLE_NR; table++) {
        assert_int_equal(w.comparison.counts.rows[table][REBUILD_EQUAL], 1);
    }
    assert_int_equal(rebuild_unseen(w.rebuild, &id, 1), 0);
    rebuild_missing(w.rebuild, NULL, false, &w.comparison);
    assert_int_equal(w.differences, 0);
    end(&w);
}

/* One thing in the tables is changed after the batch; exactly that is told. */
static void assert_told(void (*change)(struct world *w), enum row_table table, const char *column)
{
    const struct rebuild_base base = {0};
    struct world w;

    open_at(&w, &base);
    apply(&w);
    change(&w);
    compare(&w);
    assert_int_equal(w.differences, 1);
    assert_int_equal(w.verdict, REBUILD_DIFFERENT);
    assert_int_equal(w.table, table);
    assert_string_equal(w.column, column);
    end(&w);
}

static void change_offset(struct world *w)
{
    w->rows.batch.inputs[1].offset++;
}

static void change_epoch(struct world *w)
{
    w->rows.batch.epoch--;
}

static void change_input(struct world *w)
{
    w->rows.insert.input = span_of("{\"n\":2}");
}

static void change_body(struct world *w)
{
    w->rows.insert.body = span_of("bodz");
}

static void change_key(struct world *w)
{
    w->rows.spanning.body = span_of("kez");
}

static void change_run(struct world *w)
{
    w->rows.run.is_ended = true;
}

static void change_page(struct world *w)
{
    w->rows.page.body = span_of("");
}

static void change_output(struct world *w)
{
    w->rows.segment.body = span_of("outpuT");
}

static void change_text(struct world *w)
{
    w->rows.definition.text = span_of("{\"cluster\": []}");
}

static void change_letter(struct world *w)
{
    w->rows.letter.value = span_of("w");
}

static void every_change_is_told(void **state)
{
    (void)state;
    assert_told(change_offset, ROW_SHARD, "status_offset");
    assert_told(change_epoch, ROW_SHARD, "epoch");
    assert_told(change_input, ROW_EXECUTION, "input");
    assert_told(change_body, ROW_EXECUTION, "body");
    assert_told(change_key, ROW_SPANNING, "body");
    assert_told(change_run, ROW_RUN, "is_ended");
    assert_told(change_page, ROW_PAGE, "body");
    assert_told(change_output, ROW_OUTPUT, "body");
    assert_told(change_text, ROW_DEFINITION, "text");
    assert_told(change_letter, ROW_LETTER, "value");
}

static void another_owner_is_no_difference(void **state)
{
    const struct rebuild_base base = {0};
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    w.rows.batch.epoch += 100;
    compare(&w);
    assert_int_equal(w.differences, 0);
    end(&w);
}

static void a_live_one_must_be_listed(void **state)
{
    const struct rebuild_base base = {0};
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    w.live = (struct rebuild_live){.rows = w.rows.batch, .is_listed = w.is_listed};
    compare_live(&w);
    assert_int_equal(w.differences, 1);
    assert_string_equal(w.column, "live_execution");
    end(&w);
}

static void missing_and_extra_rows_are_told(void **state)
{
    const struct rebuild_base base = {0};
    struct execution_id ids[4];
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    w.rows.batch.page_count = 0; /* lost from the table */
    w.rows.segment.part = 99;    /* another one than was written */
    compare(&w);
    assert_int_equal(w.differences, 1);
    assert_int_equal(w.verdict, REBUILD_EXTRA);
    assert_int_equal(w.table, ROW_OUTPUT);
    assert_int_equal(rebuild_unseen(w.rebuild, ids, 4), 1);
    assert_true(execution_id_equal(&ids[0], &w.rows.insert.id));
    rebuild_missing(w.rebuild, &ids[0], false, &w.comparison);
    assert_int_equal(w.differences, 3);
    assert_int_equal(w.comparison.counts.rows[ROW_PAGE][REBUILD_MISSING], 1);
    assert_int_equal(w.comparison.counts.rows[ROW_OUTPUT][REBUILD_MISSING], 1);
    assert_int_equal(rebuild_unseen(w.rebuild, ids, 4), 0);
    end(&w);
}

/* What came while all rows were looked through may have come behind the look. */
static void a_row_of_later_need_not_be_seen(void **state)
{
    const struct rebuild_base base = {0};
    struct execution_id id;
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    rebuild_mark(w.rebuild);
    compare(&w);
    next_batch(&w);
    w.rows.page.page = 7;
    w.rows.batch.pages = &w.rows.page;
    w.rows.batch.page_count = 1;
    apply(&w);
    assert_int_equal(rebuild_unseen(w.rebuild, &id, 1), 0);
    rebuild_mark(w.rebuild);
    assert_int_equal(rebuild_unseen(w.rebuild, &id, 1), 1);
    end(&w);
}

static void what_retention_deleted_is_no_difference(void **state)
{
    const struct rebuild_base base = {0};
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    rebuild_missing(w.rebuild, &w.rows.insert.id, true, &w.comparison);
    assert_int_equal(w.differences, 0);
    assert_int_equal(w.comparison.counts.rows[ROW_EXECUTION][REBUILD_DELETED], 1);
    assert_int_equal(w.comparison.counts.rows[ROW_PAGE][REBUILD_DELETED], 1);
    end(&w);
}

static void an_update_keeps_what_is_fixed(void **state)
{
    const struct rebuild_base base = {0};
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    next_batch(&w);
    struct store_execution update = w.rows.insert;

    update.input = span_of("not written by an update");
    update.state = "SUCCEEDED";
    update.is_terminal = true;
    update.batch = 2;
    w.rows.batch.updates = &update;
    w.rows.batch.update_count = 1;
    apply(&w);
    w.rows.insert.state = "SUCCEEDED";
    w.rows.insert.is_terminal = true;
    w.rows.insert.batch = 2;
    w.rows.batch.update_count = 0;
    w.rows.batch.inserts = &w.rows.insert;
    w.rows.batch.insert_count = 1;
    compare(&w);
    assert_int_equal(w.differences, 0);
    end(&w);
}

static void batches_have_no_holes(void **state)
{
    const struct rebuild_base base = {0};
    struct exo_error err;
    struct world w;

    (void)state;
    open_at(&w, &base);
    apply(&w);
    assert_int_equal(rebuild_next(w.rebuild, imprint_pack(w.packer, &w.rows.batch), &err), -1);
    assert_int_equal(err.code, EXO_ECONFLICT); /* again */
    w.rows.batch.next = 3;
    assert_int_equal(rebuild_next(w.rebuild, imprint_pack(w.packer, &w.rows.batch), &err), -1);
    assert_int_equal(err.code, EXO_ECONFLICT);
    assert_int_equal(rebuild_batch(w.rebuild), 1);
    assert_int_equal(rebuild_next(w.rebuild, span_of("\1x"), &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    end(&w);
}

/* The slice was read at batch 12, the snapshot began at 10: what 11 and 12 say of its rows is old.
 */
static void a_slice_may_be_ahead(void **state)
{
    const struct rebuild_base base = {10, 12, 1500};
    struct exo_error err;
    struct world w;

    (void)state;
    open_at(&w, &base);
    w.rows.batch.next = 12;
    w.rows.page.body = span_of("as of 12");
    assert_int_equal(rebuild_slice(w.rebuild, imprint_pack(w.packer, &w.rows.batch), &err), 0);
    w.rows.batch.next = 11;
    w.rows.page.body = span_of("as of 11");
    apply(&w);
    w.rows.batch.next = 12;
    w.rows.page.body = span_of("as of 12");
    apply(&w);
    compare(&w);
    assert_int_equal(w.differences, 0);
    end(&w);
}

/* It ended between the begin of the snapshot and the slice it would have been in. */
static void of_one_that_ended_meanwhile_the_end_is_known(void **state)
{
    const struct rebuild_base base = {10, 12, 1500};
    struct world w;

    (void)state;
    open_at(&w, &base);
    next_batch(&w);
    w.rows.batch.next = 11;
    w.rows.insert.is_terminal = true;
    w.rows.insert.batch = 11;
    w.rows.batch.updates = &w.rows.insert;
    w.rows.batch.update_count = 1;
    apply(&w);
    w.rows.batch.update_count = 0;
    w.rows.batch.inserts = &w.rows.insert;
    w.rows.batch.insert_count = 1;
    w.rows.batch.pages = &w.rows.page; /* as it was before */
    w.rows.batch.page_count = 1;
    compare(&w);
    assert_int_equal(w.differences, 0);
    assert_int_equal(w.comparison.counts.rows[ROW_PAGE][REBUILD_OLDER], 1);
    w.rows.insert.state = "FAILED"; /* but its end must agree */
    compare(&w);
    assert_int_equal(w.differences, 1);
    assert_string_equal(w.column, "state");
    end(&w);
}

static void what_ended_before_the_snapshot_is_older(void **state)
{
    const struct rebuild_base base = {10, 12, 1500};
    struct world w;

    (void)state;
    open_at(&w, &base);
    w.rows.insert.is_terminal = true;
    w.rows.insert.batch = 10;
    w.rows.batch.spanning_count = 0;
    w.rows.batch.next = 10;
    compare(&w);
    assert_int_equal(w.differences, 0);
    assert_int_equal(w.comparison.counts.rows[ROW_EXECUTION][REBUILD_OLDER], 1);
    w.rows.insert.batch = 11; /* the journal should know it */
    compare(&w);
    assert_int_equal(w.differences, 1);
    assert_int_equal(w.verdict, REBUILD_EXTRA);
    w.rows.insert.batch = 10;
    w.rows.insert.is_terminal = false; /* and a live one in any case */
    compare(&w);
    assert_int_equal(w.differences, 2);
    end(&w);
}

static void count_one(void *argument, const struct row *row)
{
    (void)row;
    (*(uint32_t *)argument)++;
}

static void one_execution_may_be_picked(void **state)
{
    const struct rebuild_base base = {0};
    const struct execution_id other = {.bytes = {5}};
    struct exo_error err;
    struct world w;

    (void)state;
    open_at(&w, &base);
    struct rebuild *mine = rebuild_new(&base, &w.rows.insert.id);
    struct rebuild *none = rebuild_new(&base, &other);
    struct span packed = imprint_pack(w.packer, &w.rows.batch);
    uint32_t counts[4] = {0};

    assert_int_equal(rebuild_next(mine, packed, &err), 0);
    assert_int_equal(rebuild_next(none, packed, &err), 0);
    rebuild_each(mine, ROW_EXECUTION, count_one, &counts[0]);
    rebuild_each(mine, ROW_PAGE, count_one, &counts[1]);
    rebuild_each(mine, ROW_SPANNING, count_one, &counts[2]);
    rebuild_each(none, ROW_EXECUTION, count_one, &counts[3]);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 0);
    assert_int_equal(counts[3], 0);
    rebuild_free(mine);
    rebuild_free(none);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_rows_are_equal),
        cmocka_unit_test(every_change_is_told),
        cmocka_unit_test(another_owner_is_no_difference),
        cmocka_unit_test(a_live_one_must_be_listed),
        cmocka_unit_test(missing_and_extra_rows_are_told),
        cmocka_unit_test(a_row_of_later_need_not_be_seen),
        cmocka_unit_test(what_retention_deleted_is_no_difference),
        cmocka_unit_test(an_update_keeps_what_is_fixed),
        cmocka_unit_test(batches_have_no_holes),
        cmocka_unit_test(a_slice_may_be_ahead),
        cmocka_unit_test(of_one_that_ended_meanwhile_the_end_is_known),
        cmocka_unit_test(what_ended_before_the_snapshot_is_older),
        cmocka_unit_test(one_execution_may_be_picked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
