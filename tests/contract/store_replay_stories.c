#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "infra/store/comparison.h"
#include "infra/store/replay.h"
#include "infra/store/sweep.h"
#include "tests/contract/store_trial.h"

enum { SHARD = 2, PAGES = 300 };

/* What the calls answered. */
struct replay_answers {
    bool is_answered;
    enum exo_error_code code;
    char text[512];
    uint32_t count;
    uint64_t batches[8];
    char bodies[8][32];
    size_t imprint_bytes[8];
    struct store_snapshot snapshots[8];
    uint64_t oldest_batch, batch, bare_batch;
    uint32_t slices;
    uint32_t differences;
    char column[64];
};

static struct replay_answers *answer(void *argument, uint32_t count, const struct exo_error *err)
{
    struct replay_answers *a = argument;

    a->is_answered = true;
    a->code = err == NULL ? EXO_OK : err->code;
    if (err != NULL) {
        memcpy(a->text, err->text, sizeof(a->text));
    }
    a->count = count;
    return a;
}

static struct replay_answers *begin(struct replay_answers *a)
{
    memset(a, 0, sizeof(*a));
    return a;
}

static enum exo_error_code await(struct trial *t, struct replay_answers *a)
{
    trial_wait(t, &a->is_answered);
    return a->code;
}

static void on_imprints(void *argument, const struct store_imprint *rows, uint32_t count,
                        const struct exo_error *err)
{
    struct replay_answers *a = answer(argument, count, err);

    for (uint32_t i = 0; i < count && i < 8; i++) {
        a->batches[i] = rows[i].batch;
        memcpy(a->bodies[i], rows[i].body.data == NULL ? "" : rows[i].body.data,
               rows[i].body.bytes);
        a->imprint_bytes[i] = rows[i].imprint.bytes;
    }
}

static void on_snapshots(void *argument, const struct store_snapshots *all,
                         const struct exo_error *err)
{
    struct replay_answers *a = answer(argument, all == NULL ? 0 : all->count, err);

    for (uint32_t i = 0; i < a->count && i < 8; i++) {
        a->snapshots[i] = all->snapshots[i];
    }
    a->oldest_batch = all == NULL ? 0 : all->oldest_batch;
    a->batch = all == NULL ? 0 : all->batch;
    a->bare_batch = all == NULL ? 0 : all->bare_batch;
}

static void on_slices(void *argument, const struct span *slices, uint32_t count,
                      const struct exo_error *err)
{
    struct replay_answers *a = answer(argument, count, err);

    for (uint32_t i = 0; i < count && i < 8; i++) {
        memcpy(a->bodies[i], slices[i].data, slices[i].bytes);
    }
}

static void on_done(void *argument, const struct exo_error *err)
{
    (void)answer(argument, 0, err);
}

static void on_dropped(void *argument, uint32_t dropped, const struct exo_error *err)
{
    (void)answer(argument, dropped, err);
}

static void on_drop(void *argument, uint32_t dropped, bool is_more, const struct exo_error *err)
{
    (void)is_more;
    (void)answer(argument, dropped, err);
}

/* A batch with its imprint; the shard's row follows. */
static void commit(struct trial *t, struct store_shard *shard, struct store_batch *batch)
{
    struct imprint_packer *packer = imprint_packer_new();

    batch->imprint = imprint_pack(packer, batch);
    assert_int_equal(trial_commit(t, t->store, batch, 1), STORE_DONE);
    imprint_packer_free(packer);
    shard->batch++;
}

static void imprints_are_kept(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct store_batch batch = trial_batch(&shard);
    struct replay_answers a;

    batch.journal = span_of("changes");
    commit(t, &shard, &batch);
    batch = trial_batch(&shard); /* nobody is told, but there is an imprint */
    commit(t, &shard, &batch);
    batch = trial_batch(&shard); /* as an older program does it */
    batch.journal = span_of("older");
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    store_imprint_get(t->store, SHARD, 0, 10, on_imprints, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 3);
    assert_string_equal(a.bodies[0], "changes");
    assert_true(a.imprint_bytes[0] > 0);
    assert_string_equal(a.bodies[1], "");
    assert_true(a.imprint_bytes[1] > 0);
    assert_int_equal(a.imprint_bytes[2], 0);
    store_imprint_get(t->store, SHARD, 1, 1, on_imprints, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.batches[0], 2);
    t->is_answered = false; /* who reads public changes does not see the second */
    store_journal_get(t->store, SHARD, 0, 10, trial_on_journal, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->journal_count, 2);
    store_snapshot_list(t->store, SHARD, on_snapshots, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.oldest_batch, 1);
    assert_int_equal(a.batch, 3);
    assert_int_equal(a.bare_batch, 3);
    trial_close(t);
}

static enum exo_error_code put(struct trial *t, struct replay_answers *a, struct store_slice slice)
{
    store_snapshot_put(t->store, &slice, on_done, begin(a));
    return await(t, a);
}

static int64_t snapshot_new(struct trial *t, struct replay_answers *a)
{
    store_snapshot_begin(t->store, SHARD, on_snapshots, begin(a));
    assert_int_equal(await(t, a), EXO_OK);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->snapshots[0].end_batch, 0);
    return a->snapshots[0].id;
}

static void snapshots_are_made_slice_by_slice(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct store_batch batch = trial_batch(&shard);
    struct replay_answers a;

    batch.now_ns = 5000;
    commit(t, &shard, &batch);
    int64_t id = snapshot_new(t, &a);

    assert_int_equal(a.snapshots[0].base, 1);
    assert_int_equal(a.snapshots[0].begun_ns, 5000);
    struct store_slice slice = {id, 0, shard.epoch, 1, span_of("one")};

    assert_int_equal(put(t, &a, slice), EXO_OK);
    slice = (struct store_slice){id, 1, shard.epoch, 2, span_of("two")};
    assert_int_equal(put(t, &a, slice), EXO_EFENCED); /* the shard does not stand there yet */
    slice.batch = 1;
    slice.epoch++;
    assert_int_equal(put(t, &a, slice), EXO_EFENCED);
    slice.epoch--;
    assert_int_equal(put(t, &a, slice), EXO_OK);
    batch = trial_batch(&shard);
    batch.now_ns = 6000;
    commit(t, &shard, &batch);
    store_snapshot_end(t->store, id, on_done, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    store_snapshot_end(t->store, id, on_done, begin(&a));
    assert_int_equal(await(t, &a), EXO_EFENCED); /* once */
    assert_int_equal(put(t, &a, slice), EXO_EFENCED);
    store_slice_get(t->store, id, 0, 10, on_slices, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 2);
    assert_string_equal(a.bodies[0], "one");
    store_slice_get(t->store, id, 1, 10, on_slices, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 1);
    assert_string_equal(a.bodies[0], "two");
    store_snapshot_list(t->store, SHARD, on_snapshots, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.snapshots[0].end_batch, 2);
    assert_int_equal(a.snapshots[0].ended_ns, 6000);
    trial_close(t);
}

static uint32_t snapshots_left(struct trial *t, struct replay_answers *a)
{
    store_snapshot_list(t->store, SHARD, on_snapshots, begin(a));
    assert_int_equal(await(t, a), EXO_OK);
    return a->count;
}

static uint32_t drop(struct trial *t, struct replay_answers *a, exo_time before_ns)
{
    store_snapshot_drop(t->store, SHARD, before_ns, 2, on_dropped, begin(a));
    assert_int_equal(await(t, a), EXO_OK);
    return a->count;
}

/* A whole one stays while it is the newest from before the time; one given up goes at once. */
static void snapshots_go_when_nothing_needs_them(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct replay_answers a;
    int64_t ids[4];

    for (int i = 0; i < 4; i++) {
        struct store_batch batch = trial_batch(&shard);

        batch.now_ns = 1000 * (i + 1);
        commit(t, &shard, &batch);
        ids[i] = snapshot_new(t, &a);
        for (uint32_t part = 0; part < 3; part++) {
            assert_int_equal(
                put(t, &a,
                    (struct store_slice){ids[i], part, shard.epoch, shard.batch, span_of("slice")}),
                EXO_OK);
        }
        if (i != 1) { /* the second is given up */
            store_snapshot_end(t->store, ids[i], on_done, begin(&a));
            assert_int_equal(await(t, &a), EXO_OK);
        }
    }
    assert_int_equal(drop(t, &a, INT64_MIN), 2);
    assert_int_equal(drop(t, &a, INT64_MIN), 1);
    (void)drop(t, &a, INT64_MIN);
    assert_int_equal(snapshots_left(t, &a), 3);
    assert_int_equal(a.snapshots[1].id, ids[2]);
    (void)drop(t, &a, 2500); /* the first is the newest from before it */
    assert_int_equal(snapshots_left(t, &a), 3);
    while (drop(t, &a, 3500) > 0) {
    }
    assert_int_equal(snapshots_left(t, &a), 2);
    assert_int_equal(a.snapshots[0].id, ids[2]);
    while (drop(t, &a, INT64_MAX) > 0) {
    }
    assert_int_equal(snapshots_left(t, &a), 1);
    assert_int_equal(a.snapshots[0].id, ids[3]);
    store_slice_get(t->store, ids[3], 0, 10, on_slices, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 3);
    trial_close(t);
}

/* ---- rows ---- */

/* Three executions, the middle one ended, with parts of every kind. */
struct filled {
    struct store_execution executions[3];
    struct store_definition definition;
    struct store_spanning spanning;
    struct store_run run;
    struct store_page pages[PAGES];
    struct store_segment segment;
    struct store_reference reference;
    struct store_dead_letter letter;
};

static void fill(struct trial *t, struct store_shard *shard, struct filled *f)
{
    struct store_batch batch = trial_batch(shard);

    *f = (struct filled){
        .spanning = {STORE_SPANNING_KEY, {.bytes = {1}}, span_of("key")},
        .letter = {"exo.jobs", SHARD, 17, 100, "broken", span_of(""), span_of("value")}};
    for (uint32_t i = 0; i < 3; i++) {
        f->executions[i] = trial_execution(&batch, i);
        f->executions[i].is_terminal = i == 1;
        f->executions[i].state = i == 1 ? "SUCCEEDED" : "RUNNING";
    }
    f->definition = (struct store_definition){f->executions[0].definition, span_of("text")};
    f->run = (struct store_run){f->executions[0].id, 1, 0, 7, false, span_of("run")};
    for (uint32_t i = 0; i < PAGES; i++) {
        f->pages[i] = (struct store_page){f->executions[2].id, i % 2, i / 2, span_of("page")};
    }
    f->segment = (struct store_segment){f->executions[1].id, 0, 0, 0, batch.next, span_of("out")};
    f->reference = (struct store_reference){f->executions[1].id, {.bytes = {8}}};
    batch.now_ns = 1000;
    batch.extra = span_of("extra");
    batch.definitions = &f->definition;
    batch.definition_count = 1;
    batch.inserts = f->executions;
    batch.insert_count = 3;
    batch.spanning = &f->spanning;
    batch.spanning_count = 1;
    batch.runs = &f->run;
    batch.run_count = 1;
    batch.pages = f->pages;
    batch.page_count = PAGES;
    batch.segments = &f->segment;
    batch.segment_count = 1;
    batch.references = &f->reference;
    batch.reference_count = 1;
    batch.dead_letters = &f->letter;
    batch.dead_letter_count = 1;
    commit(t, shard, &batch);
}

/* What a sweep showed. */
struct swept {
    struct sweep *sweep;
    bool is_over;
    enum exo_error_code code;
    uint32_t executions, listed, definitions, spanning, runs, pages, segments, references, letters;
    uint64_t batch;
    bool has_extra;
};

static void on_slice(void *argument, const struct store_rows *rows)
{
    struct swept *s = argument;
    const struct store_batch *r = &rows->live.rows;

    for (uint32_t i = 0; i < r->insert_count; i++) {
        s->listed +=
            rows->live.is_listed == NULL ? !r->inserts[i].is_terminal : rows->live.is_listed[i];
    }
    s->executions += r->insert_count;
    s->definitions += r->definition_count;
    s->spanning += r->spanning_count;
    s->runs += r->run_count;
    s->pages += r->page_count;
    s->segments += r->segment_count;
    s->references += r->reference_count;
    s->letters += r->dead_letter_count;
    s->batch = r->next;
    s->has_extra = span_is(r->extra, "extra");
    sweep_next(s->sweep);
}

static void on_swept(void *argument, const struct exo_error *err)
{
    struct swept *s = argument;

    s->is_over = true;
    s->code = err == NULL ? EXO_OK : err->code;
}

static void sweep(struct trial *t, uint32_t shard, bool is_live_only, struct swept *s)
{
    const struct sweep_settings settings = {.store = t->store,
                                            .shard = shard,
                                            .is_live_only = is_live_only,
                                            .slice = on_slice,
                                            .done = on_swept,
                                            .argument = s};

    *s = (struct swept){0};
    s->sweep = sweep_begin(&settings);
    trial_wait(t, &s->is_over);
}

static void all_rows_of_a_shard_are_shown(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct filled *f = malloc(sizeof(*f));
    struct swept s;

    assert_non_null(f);
    fill(t, &shard, f);
    sweep(t, SHARD, false, &s);
    assert_int_equal(s.code, EXO_OK);
    assert_int_equal(s.batch, 1);
    assert_true(s.has_extra);
    assert_int_equal(s.executions, 3);
    assert_int_equal(s.listed, 2);
    assert_int_equal(s.definitions, 1);
    assert_int_equal(s.spanning, 1);
    assert_int_equal(s.runs, 1);
    assert_int_equal(s.pages, PAGES);
    assert_int_equal(s.segments, 1);
    assert_int_equal(s.references, 1);
    assert_int_equal(s.letters, 1);
    sweep(t, SHARD, true, &s); /* what is live */
    assert_int_equal(s.executions, 2);
    assert_int_equal(s.runs, 1);
    assert_int_equal(s.pages, PAGES);
    assert_int_equal(s.segments + s.references + s.letters, 0);
    sweep(t, SHARD + 1, false, &s); /* of another shard: nothing */
    assert_int_equal(s.executions + s.spanning + s.pages + s.letters, 0);
    assert_int_equal(s.code, EXO_OK);
    sweep(t, 10000, false, &s);
    assert_int_equal(s.code, EXO_ENOTFOUND);
    free(f);
    trial_close(t);
}

/* ---- replay and comparison ---- */

static void on_difference(void *argument, const struct rebuild_difference *difference)
{
    struct replay_answers *a = argument;

    a->differences++;
    (void)strncpy(a->column, difference->column == NULL ? "" : difference->column,
                  sizeof(a->column) - 1);
}

static void compare(struct trial *t, struct replay_answers *a, struct rebuild_counts *ret_counts)
{
    const struct comparison_settings settings = {.store = t->store,
                                                 .shard = SHARD,
                                                 .differs = on_difference,
                                                 .done = on_done,
                                                 .argument = begin(a)};
    struct comparison *c = comparison_begin(&settings);

    trial_wait(t, &a->is_answered);
    *ret_counts = *comparison_counts(c);
    comparison_free(c);
}

static void tables_are_compared_with_the_journal(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct filled *f = malloc(sizeof(*f));
    struct rebuild_counts counts;
    struct replay_answers a;

    assert_non_null(f);
    compare(t, &a, &counts); /* nothing was ever committed */
    assert_int_equal(a.code, EXO_OK);
    assert_int_equal(a.differences, 0);
    fill(t, &shard, f);
    compare(t, &a, &counts);
    assert_int_equal(a.code, EXO_OK);
    assert_int_equal(a.differences, 0);
    assert_int_equal(counts.rows[ROW_EXECUTION][REBUILD_EQUAL], 3);
    assert_int_equal(counts.rows[ROW_PAGE][REBUILD_EQUAL], PAGES);
    for (int table = ROW_SHARD; table < ROW_TABLE_NR; table++) {
        assert_true(counts.rows[table][REBUILD_EQUAL] > 0);
    }
    trial_sql(t, "UPDATE execution SET state = 'FAILED' WHERE state = 'SUCCEEDED'");
    compare(t, &a, &counts);
    assert_int_equal(a.differences, 1);
    assert_string_equal(a.column, "state");
    trial_sql(t, "UPDATE execution SET state = 'SUCCEEDED' WHERE state = 'FAILED'");
    trial_sql(t, "DELETE FROM task_page WHERE page < 3");
    compare(t, &a, &counts);
    assert_int_equal(a.differences, 6);
    assert_int_equal(counts.rows[ROW_PAGE][REBUILD_MISSING], 6);
    free(f);
    trial_close(t);
}

/* Retention has taken a part of an ended execution: no difference. */
static void what_is_being_deleted_is_outside(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct filled *f = malloc(sizeof(*f));
    struct rebuild_counts counts;
    struct replay_answers a;

    assert_non_null(f);
    fill(t, &shard, f);
    store_execution_drop(t->store, &f->executions[1].id, 1, 2, on_drop, begin(&a)); /* its parts */
    assert_int_equal(await(t, &a), EXO_OK);
    compare(t, &a, &counts);
    assert_int_equal(a.differences, 0);
    assert_int_equal(counts.rows[ROW_OUTPUT][REBUILD_DELETED], 1);
    assert_int_equal(counts.rows[ROW_EXECUTION][REBUILD_EQUAL], 3);
    store_execution_drop(t->store, &f->executions[1].id, 1, 2, on_drop, begin(&a)); /* itself */
    assert_int_equal(await(t, &a), EXO_OK);
    compare(t, &a, &counts);
    assert_int_equal(a.differences, 0);
    assert_int_equal(counts.rows[ROW_EXECUTION][REBUILD_DELETED], 1);
    free(f);
    trial_close(t);
}

/* The journal before a snapshot is gone: what is live, and what came since, is compared. */
static void a_replay_begins_with_the_snapshot(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct filled *f = malloc(sizeof(*f));
    struct imprint_packer *packer = imprint_packer_new();
    struct rebuild_counts counts;
    struct replay_answers a;

    assert_non_null(f);
    fill(t, &shard, f);
    int64_t id = snapshot_new(t, &a);
    struct store_batch live = {.shard = SHARD,
                               .epoch = shard.epoch,
                               .next = shard.batch,
                               .definitions = &f->definition,
                               .definition_count = 1,
                               .inserts = f->executions,
                               .insert_count = 1,
                               .spanning = &f->spanning,
                               .spanning_count = 1,
                               .runs = &f->run,
                               .run_count = 1};

    assert_int_equal(
        put(t, &a,
            (struct store_slice){id, 0, shard.epoch, shard.batch, imprint_pack(packer, &live)}),
        EXO_OK);
    live = (struct store_batch){.shard = SHARD,
                                .epoch = shard.epoch,
                                .next = shard.batch,
                                .inserts = &f->executions[2],
                                .insert_count = 1,
                                .pages = f->pages,
                                .page_count = PAGES};
    assert_int_equal(
        put(t, &a,
            (struct store_slice){id, 1, shard.epoch, shard.batch, imprint_pack(packer, &live)}),
        EXO_OK);
    store_snapshot_end(t->store, id, on_done, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    struct store_batch batch = trial_batch(&shard);

    batch.now_ns = 2000;
    batch.event_batch = 1;
    batch.extra = span_of("extra");
    f->pages[0].body = span_of("later");
    batch.pages = f->pages;
    batch.page_count = 1;
    commit(t, &shard, &batch);
    store_journal_drop(t->store, SHARD, 5000, 100, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 1); /* what the snapshot stands for, not what came after */
    compare(t, &a, &counts);
    assert_int_equal(a.code, EXO_OK);
    assert_int_equal(a.differences, 0);
    assert_int_equal(counts.rows[ROW_EXECUTION][REBUILD_EQUAL], 2);
    assert_int_equal(counts.rows[ROW_EXECUTION][REBUILD_OLDER], 1);
    assert_int_equal(counts.rows[ROW_PAGE][REBUILD_EQUAL], PAGES);
    trial_sql(t, "DELETE FROM journal_slice");
    trial_sql(t, "DELETE FROM journal_snapshot");
    compare(t, &a, &counts);
    assert_int_equal(a.code, EXO_ENOTFOUND);
    assert_non_null(strstr(a.text, "shard 2: the journal begins at batch 2"));
    imprint_packer_free(packer);
    free(f);
    trial_close(t);
}

/* What was sought among the rows of a replay. */
struct sought {
    char state[16];
};

static void on_row(void *argument, const struct row *row)
{
    struct sought *sought = argument;
    const struct row_cell *state = &row->cells[10];

    (void)snprintf(sought->state, sizeof(sought->state), "%.*s", SPAN_ARG(state->bytes));
}

/* The state that the journal says an execution has; "": it is not there. */
static struct sought replayed(struct trial *t, const struct execution_id *id, uint64_t to_batch,
                              bool is_ended)
{
    struct replay_answers a;
    struct sought sought = {.state = ""};
    const struct replay_settings settings = {.store = t->store,
                                             .shard = SHARD,
                                             .only = id,
                                             .from_batch = 1,
                                             .to_batch = to_batch,
                                             .is_ended = is_ended,
                                             .chunk = 16,
                                             .done = on_done,
                                             .argument = begin(&a)};
    struct replay *replay = replay_begin(&settings);

    assert_int_equal(await(t, &a), EXO_OK);
    rebuild_each(replay_rebuild(replay), ROW_EXECUTION, on_row, &sought);
    replay_free(replay);
    return sought;
}

/* A snapshot of the very batch in which an execution ended does not hold it; what lives on is in
 * any, also in one from after its last change. */
static void what_ended_is_found_before_the_snapshot(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, SHARD, "a");
    struct filled *f = malloc(sizeof(*f));
    struct imprint_packer *packer = imprint_packer_new();
    struct replay_answers a;

    assert_non_null(f);
    fill(t, &shard, f);
    struct store_batch batch = trial_batch(&shard);

    f->executions[0].is_terminal = true;
    f->executions[0].state = "FAILED";
    f->executions[0].batch = batch.next;
    batch.now_ns = 2000;
    batch.updates = f->executions;
    batch.update_count = 1;
    commit(t, &shard, &batch);
    int64_t id = snapshot_new(t, &a);
    const struct store_batch live = {.shard = SHARD,
                                     .epoch = shard.epoch,
                                     .next = shard.batch,
                                     .inserts = &f->executions[2],
                                     .insert_count = 1};

    assert_int_equal(
        put(t, &a,
            (struct store_slice){id, 0, shard.epoch, shard.batch, imprint_pack(packer, &live)}),
        EXO_OK);
    store_snapshot_end(t->store, id, on_done, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_string_equal(replayed(t, &f->executions[0].id, 2, true).state, "FAILED");
    trial_sql(t, "DELETE FROM journal WHERE batch = 1");
    assert_string_equal(replayed(t, &f->executions[2].id, 1, false).state, "RUNNING");
    imprint_packer_free(packer);
    free(f);
    trial_close(t);
}

const struct store_story store_replay_stories[] = {
    {"imprints_are_kept", imprints_are_kept},
    {"snapshots_are_made_slice_by_slice", snapshots_are_made_slice_by_slice},
    {"snapshots_go_when_nothing_needs_them", snapshots_go_when_nothing_needs_them},
    {"all_rows_of_a_shard_are_shown", all_rows_of_a_shard_are_shown},
    {"tables_are_compared_with_the_journal", tables_are_compared_with_the_journal},
    {"what_is_being_deleted_is_outside", what_is_being_deleted_is_outside},
    {"a_replay_begins_with_the_snapshot", a_replay_begins_with_the_snapshot},
    {"what_ended_is_found_before_the_snapshot", what_ended_is_found_before_the_snapshot},
};
const size_t store_replay_story_count =
    sizeof(store_replay_stories) / sizeof(store_replay_stories[0]);
