/* What spans executions: what is written reads back first, replaced and deleted by the same commit;
 * an old schema gains it. */
#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_old.h"

enum { ROWS = 700 };

static const struct span NOTHING = {NULL, 0};

/* Ids that differ at their ends only, or at their beginnings only, with zeros and high bytes. */
static struct store_spanning spanning_of(uint32_t kind, uint32_t number, struct span body)
{
    struct store_spanning spanning = {.kind = kind, .body = body};

    memset(spanning.id.bytes, 0, sizeof(spanning.id.bytes));
    spanning.id.bytes[number % 2 == 0 ? 0 : DIGEST_BYTES - 2] = (uint8_t)(number >> 8);
    spanning.id.bytes[number % 2 == 0 ? 1 : DIGEST_BYTES - 1] = (uint8_t)number;
    return spanning;
}

/* A body that tells of its row and version. */
static struct span body_of(struct trial *t, uint32_t number, uint32_t version, size_t bytes)
{
    unsigned char *data = arena_alloc(&t->arena, bytes);

    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (unsigned char)(number * 7 + version * 31 + i);
    }
    return (struct span){data, bytes};
}

static void batch_next(struct store_batch *batch)
{
    *batch = (struct store_batch){
        .shard = batch->shard,
        .epoch = batch->epoch,
        .previous = batch->next,
        .next = batch->next + 1,
    };
}

static void commit_rows(struct trial *t, struct store_batch *batch,
                        const struct store_spanning *rows, uint32_t count)
{
    batch->spanning = rows;
    batch->spanning_count = count;
    assert_int_equal(trial_commit(t, t->store, batch, 1), STORE_DONE);
    batch_next(batch);
}

static int by_kind_and_id(const void *one, const void *other)
{
    const struct store_spanning *a = one, *b = other;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return memcmp(a->id.bytes, b->id.bytes, DIGEST_BYTES);
}

/* A load of the shard shows these rows (sorted here), each once, in order. */
static void assert_load(struct trial *t, uint32_t shard, struct store_spanning *rows,
                        uint32_t count)
{
    if (count > 0) {
        qsort(rows, count, sizeof(*rows), by_kind_and_id);
    }
    assert_int_equal(trial_load(t, t->store, shard), 0);
    assert_int_equal(t->spanning_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(t->spanning[i].kind, rows[i].kind);
        assert_memory_equal(t->spanning[i].id.bytes, rows[i].id.bytes, DIGEST_BYTES);
        assert_true(span_equal(t->spanning[i].body, rows[i].body));
    }
}

/* Several chunks of two kinds and a third's only row, on a shard with executions (the trial itself
 * looks that none is shown before them); the largest id of all there is. */
static void load_shows_spanning_first(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution executions[2] = {trial_execution(&batch, 1), trial_execution(&batch, 2)};
    struct store_spanning rows[ROWS];

    for (uint32_t i = 0; i < ROWS; i++) {
        rows[i] = spanning_of(i % 5 < 3 ? STORE_SPANNING_KEY : STORE_SPANNING_BATCH, i + 1,
                              body_of(t, i, 0, 1 + i % 90));
    }
    rows[0] = spanning_of(STORE_SPANNING_SCHEDULE, 0, span_of("an id of zeros"));
    rows[1].kind = STORE_SPANNING_KEY;
    memset(rows[1].id.bytes, 0xff, DIGEST_BYTES);
    rows[2].body = body_of(t, 2, 0, 300000);
    batch.inserts = executions;
    batch.insert_count = 2;
    assert_load(t, 2, rows, 0);
    commit_rows(t, &batch, rows, ROWS);
    assert_load(t, 2, rows, ROWS);
    assert_int_equal(t->execution_count, 2);
    assert_load(t, 1, rows, 0);
    assert_load(t, 3, rows, 0);
    assert_int_equal(t->execution_count, 0);
    trial_close(t);
}

/* In one commit: a row comes, one is replaced by a longer and one by a shorter one, two go, and
 * some that were never there (another kind, another id) go too. */
static void spanning_is_replaced_and_deleted(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_spanning rows[6];

    for (uint32_t i = 0; i < 5; i++) {
        rows[i] = spanning_of(STORE_SPANNING_KEY, i, body_of(t, i, 0, 40));
    }
    commit_rows(t, &batch, rows, 5);
    const struct store_spanning changes[] = {
        spanning_of(STORE_SPANNING_KEY, 4, NOTHING),
        spanning_of(STORE_SPANNING_KEY, 1, body_of(t, 1, 1, 5000)),
        spanning_of(STORE_SPANNING_BATCH, 1, NOTHING),
        spanning_of(STORE_SPANNING_KEY, 2, body_of(t, 2, 1, 1)),
        spanning_of(STORE_SPANNING_KEY, 77, NOTHING),
        spanning_of(STORE_SPANNING_SCHEDULE, 1, body_of(t, 9, 0, 9)),
        spanning_of(STORE_SPANNING_KEY, 0, NOTHING),
    };
    struct store_spanning left[] = {rows[3], changes[1], changes[3], changes[5]};

    commit_rows(t, &batch, changes, 7);
    assert_load(t, 2, left, 4);

    /* One that went comes again; a batch of deletions only; one without any leaves all. */
    commit_rows(t, &batch, rows, 1);
    struct store_spanning again[] = {left[0], left[1], left[2], left[3], rows[0]};

    assert_load(t, 2, again, 5);
    commit_rows(t, &batch, NULL, 0);
    assert_load(t, 2, again, 5);
    for (uint32_t i = 0; i < 5; i++) {
        again[i].body = NOTHING;
    }
    commit_rows(t, &batch, again, 5);
    assert_load(t, 2, again, 0);
    commit_rows(t, &batch, again, 5);
    assert_load(t, 2, again, 0);
    trial_close(t);
}

/* A commit that is fenced or refused puts nothing and deletes nothing. */
static void void_spanning_is_not_kept(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution execution = trial_execution(&batch, 1);
    struct store_spanning row = spanning_of(STORE_SPANNING_KEY, 1, span_of("first"));
    const struct store_spanning changes[] = {
        spanning_of(STORE_SPANNING_KEY, 1, NOTHING),
        spanning_of(STORE_SPANNING_KEY, 2, span_of("second")),
    };

    batch.inserts = &execution;
    batch.insert_count = 1;
    commit_rows(t, &batch, &row, 1);

    batch.spanning = changes;
    batch.spanning_count = 2;
    batch.epoch++;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_FENCED);
    assert_load(t, 2, &row, 1);
    batch.epoch--;
    batch.inserts = &execution;
    batch.insert_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_REFUSED);
    assert_true(t->result.is_duplicate);
    assert_load(t, 2, &row, 1);

    batch.insert_count = 0;
    commit_rows(t, &batch, changes, 2);
    row = changes[1];
    assert_load(t, 2, &row, 1);
    trial_close(t);
}

/* The same ids on several shards are rows apart; each batch of a commit changes its own. */
static void shards_keep_their_own_spanning(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_batch batches[3];
    struct store_spanning rows[3][2];

    for (uint32_t i = 0; i < 3; i++) {
        struct store_shard shard = trial_own(t, t->store, i * 2, "a");

        batches[i] = trial_batch(&shard);
        rows[i][0] = spanning_of(STORE_SPANNING_KEY, 1, body_of(t, i, 0, 30));
        rows[i][1] = spanning_of(STORE_SPANNING_KEY, 2, body_of(t, i, 1, 30));
        batches[i].spanning = rows[i];
        batches[i].spanning_count = 2;
    }
    assert_int_equal(trial_commit(t, t->store, batches, 3), STORE_DONE);
    for (uint32_t i = 0; i < 3; i++) {
        assert_load(t, i * 2, rows[i], 2);
        batch_next(&batches[i]);
    }

    /* The first deletes one, the second has nothing to say, the third replaces and deletes. */
    const struct store_spanning gone = spanning_of(STORE_SPANNING_KEY, 1, NOTHING);
    const struct store_spanning changed[] = {
        spanning_of(STORE_SPANNING_KEY, 1, span_of("changed")),
        spanning_of(STORE_SPANNING_KEY, 2, NOTHING),
    };
    struct store_spanning last = changed[0];

    batches[0].spanning = &gone;
    batches[0].spanning_count = 1;
    batches[2].spanning = changed;
    batches[2].spanning_count = 2;
    assert_int_equal(trial_commit(t, t->store, batches, 3), STORE_DONE);
    assert_load(t, 0, &rows[0][1], 1);
    assert_load(t, 2, rows[1], 2);
    assert_load(t, 4, &last, 1);
    trial_close(t);
}

static void assert_read(struct trial *t, uint32_t shard, uint32_t from, uint32_t limit,
                        const struct store_spanning *rows, uint32_t count)
{
    const struct store_spanning_query query = {
        .shard = shard,
        .kind = STORE_SPANNING_SCHEDULE,
        .from = spanning_of(STORE_SPANNING_SCHEDULE, from, NOTHING).id,
        .limit = limit,
    };

    assert_int_equal(trial_spanning(t, t->store, &query), 0);
    assert_int_equal(t->spanning_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(t->spanning[i].kind, STORE_SPANNING_SCHEDULE);
        assert_memory_equal(t->spanning[i].id.bytes, rows[i].id.bytes, DIGEST_BYTES);
        assert_true(span_equal(t->spanning[i].body, rows[i].body));
    }
}

/* Whoever does not own the shard reads one row, a shard's or all of a kind, from an id on. */
static void spanning_is_read_by_others(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_batch batches[2];
    struct store_spanning rows[2][3];

    for (uint32_t i = 0; i < 2; i++) {
        struct store_shard shard = trial_own(t, t->store, i + 1, "a");

        batches[i] = trial_batch(&shard);
        /* ids 2, 6 and 4, 8: odd numbers stand at an id's end */
        rows[i][0] = spanning_of(STORE_SPANNING_SCHEDULE, 2 + i * 2, body_of(t, i, 0, 30));
        rows[i][1] = spanning_of(STORE_SPANNING_SCHEDULE, 6 + i * 2, body_of(t, i, 1, 3000));
        rows[i][2] = spanning_of(STORE_SPANNING_KEY, 4, span_of("of another kind"));
        batches[i].spanning = rows[i];
        batches[i].spanning_count = 3;
    }
    assert_int_equal(trial_commit(t, t->store, batches, 2), STORE_DONE);

    const struct store_spanning all[] = {rows[0][0], rows[1][0], rows[0][1], rows[1][1]};

    assert_read(t, STORE_ANY_SHARD, 0, 1000, all, 4);
    assert_read(t, STORE_ANY_SHARD, 4, 2, all + 1, 2);
    assert_read(t, STORE_ANY_SHARD, 10, 1000, all, 0);
    assert_read(t, 1, 0, 1000, rows[0], 2);
    assert_read(t, 2, 8, 1, rows[1] + 1, 1);
    assert_read(t, 3, 0, 1000, all, 0);
    trial_close(t);
}

static void an_old_store_gains_spanning(void **state)
{
    struct trial *t = trial_open(*state, false);

    store_old_install(t, 2);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, 2);
    assert_true(t->schema.wanted >= 3);
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, t->schema.wanted);
    assert_int_equal(t->schema.shard_count, TRIAL_SHARDS);

    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_spanning row = spanning_of(STORE_SPANNING_KEY, 1, span_of("key"));

    assert_int_equal(shard.batch, 40);
    assert_load(t, 2, &row, 0);
    commit_rows(t, &batch, &row, 1);
    assert_load(t, 2, &row, 1);
    assert_int_equal(t->execution_count, 1);
    assert_true(span_equal(t->executions[0].body, span_of("body")));
    assert_int_equal(t->run_count, 1);
    assert_int_equal(t->runs[0].number, 5);
    assert_true(span_equal(t->runs[0].body, span_of("run")));
    assert_int_equal(t->page_count, 1);
    assert_true(span_equal(t->pages[0].body, span_of("page")));
    trial_close(t);
}

const struct store_story store_spanning_stories[] = {
    {"load_shows_spanning_first", load_shows_spanning_first},
    {"spanning_is_replaced_and_deleted", spanning_is_replaced_and_deleted},
    {"void_spanning_is_not_kept", void_spanning_is_not_kept},
    {"shards_keep_their_own_spanning", shards_keep_their_own_spanning},
    {"spanning_is_read_by_others", spanning_is_read_by_others},
    {"an_old_store_gains_spanning", an_old_store_gains_spanning},
};
const size_t store_spanning_story_count =
    sizeof(store_spanning_stories) / sizeof(store_spanning_stories[0]);
