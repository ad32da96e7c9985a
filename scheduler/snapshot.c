#include "scheduler/snapshot.h"

#include <stdlib.h>

#include "infra/store/sweep.h"

struct snapshot {
    struct scheduler *scheduler;
    struct loop_timer *timer;
    struct sweep *sweep;
    struct imprint_packer *packer;
    struct store_slice slice; /* the last one; its body is the packer's */
    uint32_t shard;
    exo_time asked_ns;
    bool is_asking; /* a callback will come */
    bool is_closed;
    void (*done)(void *argument, bool is_whole);
    void *argument;
};

static void snapshot_free(struct snapshot *s)
{
    loop_timer_free(s->timer);
    imprint_packer_free(s->packer);
    free(s);
}

static void finish(struct snapshot *s, bool is_whole)
{
    if (s->sweep != NULL) {
        sweep_end(s->sweep);
    }
    s->done(s->argument, is_whole);
    snapshot_free(s);
}

/* The first call of each callback: false when it is over. */
static bool back(struct snapshot *s, const struct exo_error *err)
{
    s->is_asking = false;
    if (s->is_closed) {
        if (s->sweep != NULL) {
            sweep_end(s->sweep);
        }
        snapshot_free(s);
        return false;
    }
    if (err != NULL) {
        finish(s, false);
        return false;
    }
    return true;
}

static void asking(struct snapshot *s)
{
    s->is_asking = true;
}

/* The next slice after a pause as long as the last one took. */
static void pause_then_next(struct snapshot *s)
{
    exo_time now_ns = loop_now_ns(s->scheduler->loop);

    loop_timer_start(s->timer, now_ns - s->asked_ns, 0);
}

static void on_timer(void *argument)
{
    struct snapshot *s = argument;

    s->asked_ns = loop_now_ns(s->scheduler->loop);
    asking(s);
    sweep_next(s->sweep);
}

static void on_put(void *argument, const struct exo_error *err)
{
    struct snapshot *s = argument;

    if (back(s, err)) {
        s->slice.part++;
        pause_then_next(s);
    }
}

static bool is_empty(const struct store_batch *rows)
{
    return rows->insert_count + rows->run_count + rows->page_count + rows->segment_count +
               rows->reference_count + rows->spanning_count ==
           0;
}

static void on_slice(void *argument, const struct store_rows *rows)
{
    struct snapshot *s = argument;

    if (!back(s, NULL)) {
        return;
    }
    if (is_empty(&rows->live.rows)) {
        pause_then_next(s);
        return;
    }
    s->slice.epoch = rows->live.rows.epoch;
    s->slice.batch = rows->live.rows.next;
    s->slice.body = imprint_pack(s->packer, &rows->live.rows);
    asking(s);
    store_snapshot_put(s->scheduler->store, &s->slice, on_put, s);
}

static void on_end(void *argument, const struct exo_error *err)
{
    struct snapshot *s = argument;

    if (back(s, err)) {
        finish(s, true);
    }
}

static void on_swept(void *argument, const struct exo_error *err)
{
    struct snapshot *s = argument;

    s->sweep = NULL; /* it has freed itself */
    if (back(s, err)) {
        asking(s);
        store_snapshot_end(s->scheduler->store, s->slice.snapshot, on_end, s);
    }
}

static void on_begun(void *argument, const struct store_snapshots *snapshots,
                     const struct exo_error *err)
{
    struct snapshot *s = argument;

    if (!back(s, err)) {
        return;
    }
    if (snapshots->count != 1) {
        finish(s, false);
        return;
    }
    const struct sweep_settings settings = {
        .store = s->scheduler->store,
        .shard = s->shard,
        .is_live_only = true,
        .slice = on_slice,
        .done = on_swept,
        .argument = s,
    };

    s->slice.snapshot = snapshots->snapshots[0].id;
    asking(s);
    s->sweep = sweep_begin(&settings);
}

struct snapshot *snapshot_begin(struct scheduler *scheduler, uint32_t shard,
                                void (*done)(void *argument, bool is_whole), void *argument)
{
    struct snapshot *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        abort();
    }
    s->scheduler = scheduler;
    s->shard = shard;
    s->done = done;
    s->argument = argument;
    s->packer = imprint_packer_new();
    s->timer = loop_timer_new(scheduler->loop, on_timer, s);
    s->asked_ns = loop_now_ns(scheduler->loop);
    asking(s);
    store_snapshot_begin(scheduler->store, shard, on_begun, s);
    return s;
}

void snapshot_close(struct snapshot *s)
{
    if (s == NULL) {
        return;
    }
    s->is_closed = true;
    if (!s->is_asking) {
        if (s->sweep != NULL) {
            sweep_end(s->sweep);
        }
        snapshot_free(s);
    } else {
        loop_timer_free(
            s->timer); /* its callbacks may come after the loop's other users are gone */
        s->timer = NULL;
    }
}
