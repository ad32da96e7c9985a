#include "infra/store/comparison.h"

#include <stdlib.h>

#include "infra/store/sweep.h"

enum { IMPRINTS_CHUNK = 64 };

struct comparison {
    struct comparison_settings settings;
    struct replay *replay;
    struct sweep *sweep;
    struct rebuild_kept *kept; /* waits until the journal has been read so far */
    struct rebuild_comparison rows;
    struct execution_id unseen[STORE_ROWS_MAX];
    uint32_t unseen_count;
    bool is_swept;
};

void comparison_free(struct comparison *c)
{
    if (c != NULL) {
        replay_free(c->replay);
        rebuild_kept_free(c->kept);
        free(c);
    }
}

const struct rebuild_counts *comparison_counts(const struct comparison *c)
{
    return &c->rows.counts;
}

uint64_t comparison_batch(const struct comparison *c)
{
    return replay_rebuild(c->replay) == NULL ? 0 : rebuild_batch(replay_rebuild(c->replay));
}

/* ---- what was not seen ---- */

static void unseen_ask(struct comparison *c);

static bool is_among(const struct store_rows *rows, const struct execution_id *id)
{
    for (uint32_t i = 0; i < rows->deleted_count; i++) {
        if (execution_id_equal(&rows->deleted[i], id)) {
            return true;
        }
    }
    return false;
}

static void on_deleted(void *argument, const struct store_rows *rows, const struct exo_error *err)
{
    struct comparison *c = argument;

    if (err != NULL) {
        c->settings.done(c->settings.argument, err);
        return;
    }
    for (uint32_t i = 0; i < c->unseen_count; i++) {
        rebuild_missing(replay_rebuild(c->replay), &c->unseen[i], is_among(rows, &c->unseen[i]),
                        &c->rows);
    }
    unseen_ask(c);
}

static void unseen_ask(struct comparison *c)
{
    struct store_rows_query query = {.shard = c->settings.shard, .table = ROW_EXECUTION};

    c->unseen_count = rebuild_unseen(replay_rebuild(c->replay), c->unseen, STORE_ROWS_MAX);
    if (c->unseen_count > 0) {
        query.ids = c->unseen;
        query.id_count = c->unseen_count;
        store_rows_read(c->settings.store, &query, on_deleted, c);
        return;
    }
    rebuild_missing(replay_rebuild(c->replay), NULL, false, &c->rows);
    c->is_swept = true;
    c->settings.done(c->settings.argument, NULL);
}

/* ---- slices ---- */

static void on_slice(void *argument, const struct store_rows *rows)
{
    struct comparison *c = argument;

    c->kept = rebuild_keep(&rows->live);
    replay_advance(c->replay, rebuild_kept_batch(c->kept));
}

static void on_swept(void *argument, const struct exo_error *err)
{
    struct comparison *c = argument;

    c->sweep = NULL;
    if (err != NULL) {
        c->settings.done(c->settings.argument, err);
    } else {
        unseen_ask(c);
    }
}

static void sweep_start(struct comparison *c)
{
    const struct sweep_settings settings = {
        .store = c->settings.store,
        .shard = c->settings.shard,
        .slice = on_slice,
        .done = on_swept,
        .argument = c,
    };

    rebuild_mark(replay_rebuild(c->replay));
    c->sweep = sweep_begin(&settings);
}

/* ---- the journal ---- */

/* The journal has been read as far as was asked: at first, for a slice, or at the end. */
static void on_replayed(void *argument, const struct exo_error *err)
{
    struct comparison *c = argument;

    if (err != NULL) {
        if (c->sweep != NULL) {
            sweep_end(c->sweep);
            c->sweep = NULL;
        }
        c->settings.done(c->settings.argument, err);
    } else if (c->is_swept) {
        c->settings.done(c->settings.argument, NULL);
    } else if (c->kept == NULL) {
        sweep_start(c);
    } else {
        rebuild_compare(replay_rebuild(c->replay), c->kept, &c->rows);
        rebuild_kept_free(c->kept);
        c->kept = NULL;
        sweep_next(c->sweep);
    }
}

static void on_row(void *argument, const struct store_imprint *row)
{
    struct comparison *c = argument;

    if (c->settings.row != NULL) {
        c->settings.row(c->settings.argument, row);
    }
}

static void on_difference(void *argument, const struct rebuild_difference *difference)
{
    struct comparison *c = argument;

    c->settings.differs(c->settings.argument, difference);
}

struct comparison *comparison_begin(const struct comparison_settings *settings)
{
    struct comparison *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        abort();
    }
    c->settings = *settings;
    c->rows.differs = on_difference;
    c->rows.argument = c;
    const struct replay_settings replay = {
        .store = settings->store,
        .shard = settings->shard,
        .chunk = IMPRINTS_CHUNK,
        .row = on_row,
        .done = on_replayed,
        .argument = c,
    };

    c->replay = replay_begin(&replay);
    return c;
}

static void on_place(void *argument, const struct store_snapshots *place,
                     const struct exo_error *err)
{
    struct comparison *c = argument;

    if (err != NULL) {
        c->settings.done(c->settings.argument, err);
    } else {
        replay_advance(c->replay, place->batch);
    }
}

void comparison_advance(struct comparison *c)
{
    store_snapshot_list(c->settings.store, c->settings.shard, on_place, c);
}
