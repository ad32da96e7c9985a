#include "infra/store/replay.h"

#include <stdlib.h>

enum { SLICES_CHUNK = 16 };

struct replay {
    struct replay_settings settings;
    struct execution_id only;
    struct rebuild *rebuild;
    int64_t snapshot; /* 0: from the installation on */
    uint32_t part;
    uint64_t target; /* batch */
    exo_time at_ns;
    bool is_asking, is_freed;
};

static void replay_release(struct replay *r)
{
    rebuild_free(r->rebuild);
    free(r);
}

void replay_free(struct replay *r)
{
    if (r == NULL) {
        return;
    }
    r->is_freed = true;
    if (!r->is_asking) {
        replay_release(r);
    }
}

struct rebuild *replay_rebuild(const struct replay *r)
{
    return r->rebuild;
}

exo_time replay_at_ns(const struct replay *r)
{
    return r->at_ns;
}

/* The first call of each callback: false when it is over. */
static bool back(struct replay *r, const struct exo_error *err)
{
    r->is_asking = false;
    if (r->is_freed) {
        replay_release(r);
        return false;
    }
    if (err != NULL) {
        r->settings.done(r->settings.argument, err);
        return false;
    }
    return true;
}

static void fail(struct replay *r, struct exo_error *err)
{
    (void)exo_error_prefix(err, "shard %u", r->settings.shard);
    r->settings.done(r->settings.argument, err);
}

/* ---- the journal ---- */

static void journal_ask(struct replay *r);

static bool is_after(const struct replay *r, const struct store_imprint *row)
{
    const struct replay_settings *settings = &r->settings;

    return settings->at_ns != 0 && row->at_ns > settings->at_ns &&
           (settings->is_due == NULL || !settings->is_due(settings->argument, row));
}

/* Returns 1 when it was taken, 0 when it is from after the time, or -1 with *err. */
static int take(struct replay *r, const struct store_imprint *row, struct exo_error *err)
{
    if (is_after(r, row)) {
        return 0;
    }
    if (row->imprint.bytes == 0 && row->batch == rebuild_batch(r->rebuild) + 1) {
        return exo_error_set(err, EXO_ECONFLICT,
                             "batch %llu was written by an older program: wait for the next "
                             "snapshot",
                             (unsigned long long)row->batch);
    }
    if (rebuild_next(r->rebuild, row->imprint, err) != 0) {
        return -1;
    }
    r->at_ns = row->at_ns;
    if (r->settings.row != NULL) {
        r->settings.row(r->settings.argument, row);
    }
    return 1;
}

static void on_imprints(void *argument, const struct store_imprint *rows, uint32_t count,
                        const struct exo_error *err)
{
    struct replay *r = argument;
    struct exo_error why;
    int taken = 1;

    if (!back(r, err)) {
        return;
    }
    for (uint32_t i = 0; i < count && taken == 1 && rebuild_batch(r->rebuild) < r->target; i++) {
        taken = take(r, &rows[i], &why);
    }
    if (taken < 0) {
        fail(r, &why);
    } else if (taken == 0 || rebuild_batch(r->rebuild) == r->target) {
        r->settings.done(r->settings.argument, NULL);
    } else if (count == 0) {
        (void)exo_error_set(
            &why, EXO_ECONFLICT, "the journal ends at batch %llu, the shard at %llu",
            (unsigned long long)rebuild_batch(r->rebuild), (unsigned long long)r->target);
        fail(r, &why);
    } else {
        journal_ask(r);
    }
}

static void journal_ask(struct replay *r)
{
    r->is_asking = true;
    store_imprint_get(r->settings.store, r->settings.shard, rebuild_batch(r->rebuild),
                      r->settings.chunk, on_imprints, r);
}

void replay_advance(struct replay *r, uint64_t batch)
{
    r->target = batch;
    if (rebuild_batch(r->rebuild) >= batch) {
        r->settings.done(r->settings.argument, NULL);
    } else {
        journal_ask(r);
    }
}

/* ---- the snapshot ---- */

static void slices_ask(struct replay *r);

static void on_slices(void *argument, const struct span *slices, uint32_t count,
                      const struct exo_error *err)
{
    struct replay *r = argument;
    struct exo_error why;

    if (!back(r, err)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (rebuild_slice(r->rebuild, slices[i], &why) != 0) {
            fail(r, &why);
            return;
        }
    }
    r->part += count;
    if (count == 0) {
        replay_advance(r, r->target);
    } else {
        slices_ask(r);
    }
}

static void slices_ask(struct replay *r)
{
    r->is_asking = true;
    store_slice_get(r->settings.store, r->snapshot, r->part, SLICES_CHUNK, on_slices, r);
}

static bool is_in_time(const struct replay *r, const struct store_snapshot *s)
{
    return (r->settings.at_ns == 0 || s->ended_ns <= r->settings.at_ns) &&
           (!r->settings.is_ended || s->end_batch < r->settings.to_batch);
}

/* The newest whole one from before the time and the end; NULL: none. */
static const struct store_snapshot *pick(const struct replay *r, const struct store_snapshots *all)
{
    const struct store_snapshot *best = NULL;

    for (uint32_t i = 0; i < all->count; i++) {
        const struct store_snapshot *s = &all->snapshots[i];

        if (s->end_batch != 0 && is_in_time(r, s)) {
            best = s;
        }
    }
    return best;
}

static void on_snapshots(void *argument, const struct store_snapshots *all,
                         const struct exo_error *err)
{
    struct replay *r = argument;
    struct rebuild_base base = {0};
    struct exo_error why;

    if (!back(r, err)) {
        return;
    }
    const struct store_snapshot *s = pick(r, all);
    uint64_t from = r->settings.from_batch;
    bool is_newer = from > all->oldest_batch && from > (s == NULL ? 0 : s->end_batch);

    if (is_newer) {
        s = NULL;
        base.batch = from - 1;
    } else if (s == NULL && all->oldest_batch != 1 && all->batch > 0) {
        (void)exo_error_set(&why, EXO_ENOTFOUND,
                            "the journal begins at batch %llu, and there is no whole snapshot%s",
                            (unsigned long long)all->oldest_batch,
                            r->settings.at_ns == 0 ? " yet" : " from before that time");
        fail(r, &why);
        return;
    }
    if (s != NULL) {
        base = (struct rebuild_base){s->base, s->end_batch, s->begun_ns};
        r->snapshot = s->id;
    }
    r->rebuild = rebuild_new(&base, r->settings.only);
    r->target = r->settings.to_batch != 0 && r->settings.to_batch < all->batch
                    ? r->settings.to_batch
                    : all->batch;
    if (s == NULL) {
        replay_advance(r, r->target);
    } else {
        slices_ask(r);
    }
}

struct replay *replay_begin(const struct replay_settings *settings)
{
    struct replay *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        abort();
    }
    r->settings = *settings;
    if (settings->only != NULL) {
        r->only = *settings->only;
        r->settings.only = &r->only;
    }
    r->is_asking = true;
    store_snapshot_list(settings->store, settings->shard, on_snapshots, r);
    return r;
}
