/* janitor: deletes what retention lets go, of the shards that run in this process.
 *
 *   every period: floors -> inputs of each shard -> snapshot and journal of each shard ->
 *   dead letters -> executions, both oldest first
 *
 * One bounded statement at a time, then a pause as long as it took: never more than half of one
 * connection. What fails is left for the next period. Asks the store and the log; what may go says
 * core/retention. */
#include <stdlib.h>

#include "infra/store/store_replay.h"
#include "scheduler/projects.h"
#include "scheduler/shard.h"
#include "scheduler/snapshot.h"

enum { JOURNAL_ROWS = 2000, LETTER_ROWS = 500, SLICE_ROWS = 100, OLD_ROWS = 256, DROP_ROWS = 2000 };

enum janitor_phase {
    PHASE_FLOORS,
    PHASE_INPUTS,
    PHASE_SNAPSHOT,
    PHASE_SLICES,
    PHASE_JOURNAL,
    PHASE_LETTERS,
    PHASE_OLD,
    PHASE_DROP,
};

struct janitor {
    struct scheduler *scheduler;
    struct loop_timer *timer;
    struct store_place *floors; /* by shard */
    enum janitor_phase phase;
    uint32_t shard;            /* the next of INPUTS, SNAPSHOT, SLICES and JOURNAL */
    struct snapshot *snapshot; /* that is made; NULL: none */
    struct store_old_query query;
    bool is_last; /* OLD has shown all there is */
    struct execution_id ids[OLD_ROWS];
    uint32_t id_count; /* for DROP */
    exo_time asked_ns;
    bool is_asking, is_closing;
};

static void step(void *argument);

struct janitor *janitor_open(struct scheduler *scheduler)
{
    struct janitor *j = calloc(1, sizeof(*j));

    if (j == NULL) {
        abort();
    }
    j->scheduler = scheduler;
    j->floors = calloc(scheduler->shard_count, sizeof(*j->floors));
    if (j->floors == NULL) {
        abort();
    }
    j->timer = loop_timer_new(scheduler->loop, step, j);
    loop_timer_start(j->timer, scheduler->settings.janitor_ns, 0);
    return j;
}

static void janitor_free(struct janitor *j)
{
    free(j->floors);
    free(j);
}

void janitor_close(struct janitor *j)
{
    if (j == NULL) {
        return;
    }
    loop_timer_free(j->timer);
    j->timer = NULL;
    j->is_closing = true;
    snapshot_close(j->snapshot);
    if (!j->is_asking) {
        janitor_free(j);
    }
}

/* The next shard from j->shard on that runs; NULL when there is none. */
static struct shard *next_shard(struct janitor *j)
{
    const struct scheduler *scheduler = j->scheduler;

    for (; j->shard < scheduler->shard_count; j->shard++) {
        struct shard *shard = scheduler->shards[j->shard];

        if (shard != NULL && shard->state == SHARD_RUNNING) {
            j->shard++;
            return shard;
        }
    }
    return NULL;
}

static void phase_begin(struct janitor *j, enum janitor_phase phase)
{
    j->phase = phase;
    j->shard = 0;
    loop_timer_start(j->timer, 0, 0);
}

static void round_end(struct janitor *j)
{
    j->phase = PHASE_FLOORS;
    loop_timer_start(j->timer, j->scheduler->settings.janitor_ns, 0);
}

static void asking(struct janitor *j)
{
    j->is_asking = true;
    j->asked_ns = loop_now_ns(j->scheduler->loop);
}

/* The first call of each callback: false when the round is over, or the janitor gone. */
static bool back(struct janitor *j, const struct exo_error *err)
{
    j->is_asking = false;
    if (j->is_closing) {
        janitor_free(j);
        return false;
    }
    if (err != NULL) {
        round_end(j);
        return false;
    }
    loop_timer_start(j->timer, loop_now_ns(j->scheduler->loop) - j->asked_ns, 0);
    return true;
}

/* ---- inputs ---- */

static void on_floors(void *argument, const struct store_place *places, uint32_t count,
                      const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    for (uint32_t i = 0; i < j->scheduler->shard_count; i++) {
        j->floors[i] = (struct store_place){.shard = i};
    }
    for (uint32_t i = 0; i < count; i++) {
        if (places[i].shard < j->scheduler->shard_count) {
            j->floors[places[i].shard] = places[i];
        }
    }
    j->phase = count > 0 ? PHASE_INPUTS : PHASE_SNAPSHOT;
    j->shard = 0;
}

static void inputs_step(struct janitor *j)
{
    struct shard *shard = next_shard(j);

    if (shard == NULL) {
        phase_begin(j, PHASE_SNAPSHOT);
        return;
    }
    /* Nobody waits for the log here: what fails is asked again in the next period. */
    shard_trim(shard, j->floors[shard->number].offsets);
    loop_timer_start(j->timer, EXO_MILLISECOND, 0);
}

/* ---- snapshots ---- */

static void snapshot_made(void *argument, bool is_whole)
{
    struct janitor *j = argument;

    j->snapshot = NULL;
    j->scheduler->counts.snapshots += is_whole;
    loop_timer_start(j->timer, EXO_MILLISECOND, 0); /* else again in the next period */
}

static void on_snapshots(void *argument, const struct store_snapshots *all,
                         const struct exo_error *err)
{
    struct janitor *j = argument;
    struct retention_snapshot newest = {0};

    if (!back(j, err)) {
        return;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        const struct store_snapshot *s = &all->snapshots[i];

        if (s->end_batch != 0) {
            newest = (struct retention_snapshot){s->base, s->end_batch, s->ended_ns};
        }
    }
    struct shard *shard = j->scheduler->shards[j->shard - 1];

    if (shard != NULL && shard->state == SHARD_RUNNING &&
        retention_wants_snapshot(j->scheduler->settings.journal_kept_ns, &newest, all->batch,
                                 all->bare_batch, shard_time(shard))) {
        loop_timer_stop(j->timer);
        j->snapshot = snapshot_begin(j->scheduler, shard->number, snapshot_made, j);
    }
}

static void snapshot_step(struct janitor *j)
{
    const struct shard *shard = next_shard(j);

    if (shard == NULL) {
        phase_begin(j, PHASE_SLICES);
        return;
    }
    asking(j);
    store_snapshot_list(j->scheduler->store, shard->number, on_snapshots, j);
}

static void on_slices(void *argument, uint32_t dropped, const struct exo_error *err)
{
    struct janitor *j = argument;

    if (back(j, err)) {
        j->shard -= dropped == SLICE_ROWS; /* the same again */
    }
}

/* Snapshots that nothing needs. */
static void slices_step(struct janitor *j)
{
    exo_time kept_ns = j->scheduler->settings.journal_kept_ns;
    struct shard *shard = next_shard(j);

    if (shard == NULL) {
        phase_begin(j, PHASE_JOURNAL);
        return;
    }
    asking(j);
    store_snapshot_drop(j->scheduler->store, shard->number,
                        kept_ns == 0 ? INT64_MIN : shard_time(shard) - kept_ns, SLICE_ROWS,
                        on_slices, j);
}

/* ---- journal ---- */

static void on_journal(void *argument, uint32_t dropped, const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    j->scheduler->counts.journal_dropped += dropped;
    j->shard -= dropped == JOURNAL_ROWS; /* the same again */
}

static void journal_step(struct janitor *j)
{
    exo_time kept_ns = j->scheduler->settings.journal_kept_ns;
    struct shard *shard = kept_ns == 0 ? NULL : next_shard(j);

    if (shard == NULL) {
        phase_begin(j, PHASE_LETTERS);
        return;
    }
    events_settle(shard); /* what that lets go goes in the next period */
    asking(j);
    store_journal_drop(j->scheduler->store, shard->number, shard_time(shard) - kept_ns,
                       JOURNAL_ROWS, on_journal, j);
}

/* ---- dead letters ---- */

static void old_begin(struct janitor *j)
{
    j->query = (struct store_old_query){.limit = OLD_ROWS};
    j->is_last = retention_least(&j->scheduler->settings.retention) == EXO_TIME_NEVER;
    phase_begin(j, PHASE_OLD);
}

static void on_letters(void *argument, uint32_t dropped, const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    j->scheduler->counts.letters_dropped += dropped;
    if (dropped < LETTER_ROWS) {
        old_begin(j);
    }
}

/* Those of all shards: by the owner of the first one. */
static void letters_step(struct janitor *j)
{
    exo_time kept_ns = j->scheduler->settings.letters_kept_ns;
    struct shard *first = j->scheduler->shards[0];

    if (kept_ns == 0 || first == NULL || first->state != SHARD_RUNNING) {
        old_begin(j);
        return;
    }
    asking(j);
    store_letters_drop(j->scheduler->store, shard_time(first) - kept_ns, LETTER_ROWS, on_letters,
                       j);
}

/* ---- executions ---- */

static void on_old(void *argument, const struct store_old *old, uint32_t count,
                   const struct exo_error *err)
{
    struct janitor *j = argument;
    const struct scheduler *scheduler = j->scheduler;

    if (!back(j, err)) {
        return;
    }
    j->id_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct shard *shard =
            old[i].shard < scheduler->shard_count ? scheduler->shards[old[i].shard] : NULL;

        if (old[i].is_terminal && shard != NULL && shard->state == SHARD_RUNNING &&
            retention_is_due(&scheduler->settings.retention, old[i].project, &old[i].id,
                             old[i].ended_ns, shard_time(shard))) {
            j->ids[j->id_count++] = old[i].id;
        }
        j->query.after_ns = old[i].submitted_ns;
        j->query.after_id = old[i].id;
    }
    j->is_last = count < OLD_ROWS;
    j->phase = j->id_count > 0 ? PHASE_DROP : PHASE_OLD;
}

static void old_step(struct janitor *j)
{
    j->shard = 0;
    struct shard *shard = next_shard(j); /* any: they follow one clock */

    if (j->is_last || shard == NULL || !projects_are_known(j->scheduler->projects)) {
        round_end(j);
        return;
    }
    asking(j);
    j->query.before_ns = shard_time(shard) - retention_least(&j->scheduler->settings.retention);
    store_old_list(j->scheduler->store, &j->query, on_old, j);
}

static void on_drop(void *argument, uint32_t dropped, bool is_more, const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    j->scheduler->counts.executions_dropped += dropped;
    j->phase = is_more ? PHASE_DROP : PHASE_OLD;
}

static void step(void *argument)
{
    struct janitor *j = argument;

    switch (j->phase) {
    case PHASE_FLOORS:
        if (!j->scheduler->settings.keeps_for_backup) {
            phase_begin(j, PHASE_SNAPSHOT);
            return;
        }
        asking(j);
        store_restore_floors(j->scheduler->store, on_floors, j);
        return;
    case PHASE_INPUTS:
        inputs_step(j);
        return;
    case PHASE_SNAPSHOT:
        snapshot_step(j);
        return;
    case PHASE_SLICES:
        slices_step(j);
        return;
    case PHASE_JOURNAL:
        journal_step(j);
        return;
    case PHASE_LETTERS:
        letters_step(j);
        return;
    case PHASE_OLD:
        old_step(j);
        return;
    case PHASE_DROP:
        asking(j);
        store_execution_drop(j->scheduler->store, j->ids, j->id_count, DROP_ROWS, on_drop, j);
        return;
    }
}
