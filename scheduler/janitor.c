/* janitor: deletes what retention lets go, of the shards that run in this process.
 *
 *   every period: floors -> inputs of each shard -> snapshot and journal of each shard ->
 *   dead letters -> executions, project by project; both oldest first -> texts nothing names
 *
 * One bounded statement at a time, then a pause as long as it took: never more than half of one
 * connection. What fails is left for the next period. Asks the store and the log; what may go says
 * core/retention. */
#include <stdlib.h>
#include <string.h>

#include "infra/store/store_replay.h"
#include "scheduler/projects.h"
#include "scheduler/shard.h"
#include "scheduler/snapshot.h"
#include "schemas/vocab/limits.h"

enum {
    JOURNAL_ROWS = 2000,
    LETTER_ROWS = 500,
    SLICE_ROWS = 100,
    OLD_PROJECTS = 256,
    OLD_ROWS = 256,
    DROP_ROWS = 2000,
    DEFINITION_ROWS = 512,
};

enum janitor_phase {
    PHASE_FLOORS,
    PHASE_INPUTS,
    PHASE_SNAPSHOT,
    PHASE_SLICES,
    PHASE_JOURNAL,
    PHASE_LETTERS,
    PHASE_PROJECTS,
    PHASE_OLD,
    PHASE_DROP,
    PHASE_DEFINITIONS,
};

struct janitor {
    struct scheduler *scheduler;
    struct loop_timer *timer;
    struct store_place *floors; /* by shard */
    enum janitor_phase phase;
    uint32_t shard;            /* the next of INPUTS, SNAPSHOT, SLICES and JOURNAL */
    struct snapshot *snapshot; /* that is made; NULL: none */
    char old_projects[OLD_PROJECTS][LIMIT_NAME_BYTES + 1]; /* for OLD */
    uint32_t project_count, project_at;
    char last_project[LIMIT_NAME_BYTES + 1]; /* that PROJECTS has shown */
    bool is_last;                            /* there are no more of them */
    struct store_old_query query;
    struct execution_id ids[OLD_ROWS];
    uint32_t id_count;        /* for DROP */
    struct digest definition; /* where DEFINITIONS goes on, also in the next period */
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

static void executions_begin(struct janitor *j)
{
    if (retention_least(&j->scheduler->settings.retention) == EXO_TIME_NEVER) {
        round_end(j);
        return;
    }
    j->last_project[0] = '\0';
    phase_begin(j, PHASE_PROJECTS);
}

static void on_letters(void *argument, uint32_t dropped, const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    j->scheduler->counts.letters_dropped += dropped;
    if (dropped < LETTER_ROWS) {
        executions_begin(j);
    }
}

/* Those of all shards: by the owner of the first one. */
static void letters_step(struct janitor *j)
{
    exo_time kept_ns = j->scheduler->settings.letters_kept_ns;
    struct shard *first = j->scheduler->shards[0];

    if (kept_ns == 0 || first == NULL || first->state != SHARD_RUNNING) {
        executions_begin(j);
        return;
    }
    asking(j);
    store_letters_drop(j->scheduler->store, shard_time(first) - kept_ns, LETTER_ROWS, on_letters,
                       j);
}

/* ---- executions ---- */

/* What ended before it goes; INT64_MIN: nothing does. */
static exo_time old_before_ns(const struct janitor *j, const char *project, exo_time now_ns)
{
    exo_time kept_ns = retention_kept(&j->scheduler->settings.retention, project);

    return kept_ns == EXO_TIME_NEVER ? INT64_MIN : now_ns - kept_ns;
}

/* Any shard that runs: they follow one clock. */
static struct shard *clock_shard(struct janitor *j)
{
    j->shard = 0;
    return next_shard(j);
}

static void on_projects(void *argument, const struct store_old_project *projects, uint32_t count,
                        const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    struct shard *shard = clock_shard(j);

    j->project_count = j->project_at = 0;
    for (uint32_t i = 0; i < count && shard != NULL; i++) {
        size_t bytes = strlen(projects[i].project);

        if (bytes > LIMIT_NAME_BYTES) {
            continue; /* no door lets it in */
        }
        memcpy(j->last_project, projects[i].project, bytes + 1);
        if (projects[i].submitted_ns < old_before_ns(j, j->last_project, shard_time(shard))) {
            memcpy(j->old_projects[j->project_count++], j->last_project, bytes + 1);
        }
    }
    j->is_last = count < OLD_PROJECTS;
    j->query = (struct store_old_query){.limit = OLD_ROWS};
    j->phase = PHASE_OLD;
}

static void projects_step(struct janitor *j)
{
    if (clock_shard(j) == NULL || !projects_are_known(j->scheduler->projects)) {
        round_end(j);
        return;
    }
    asking(j);
    store_old_projects(j->scheduler->store, j->last_project, OLD_PROJECTS, on_projects, j);
}

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

        if (shard != NULL && shard->state == SHARD_RUNNING &&
            retention_is_due(&scheduler->settings.retention, j->old_projects[j->project_at],
                             &old[i].id, old[i].ended_ns, shard_time(shard))) {
            j->ids[j->id_count++] = old[i].id;
        }
        j->query.after_ns = old[i].submitted_ns;
        j->query.after_id = old[i].id;
    }
    if (count < OLD_ROWS) {
        j->project_at++;
        j->query = (struct store_old_query){.limit = OLD_ROWS};
    }
    j->phase = j->id_count > 0 ? PHASE_DROP : PHASE_OLD;
}

static void old_step(struct janitor *j)
{
    struct shard *shard = clock_shard(j);

    if (shard == NULL) {
        round_end(j);
        return;
    }
    if (j->project_at == j->project_count) {
        phase_begin(j, j->is_last ? PHASE_DEFINITIONS : PHASE_PROJECTS);
        return;
    }
    j->query.project = j->old_projects[j->project_at];
    j->query.before_ns = old_before_ns(j, j->query.project, shard_time(shard));
    asking(j);
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

/* ---- texts of clusters ---- */

static void on_definitions(void *argument, uint32_t dropped, const struct digest *last,
                           const struct exo_error *err)
{
    struct janitor *j = argument;

    if (!back(j, err)) {
        return;
    }
    j->scheduler->counts.definitions_dropped += dropped;
    j->definition = last == NULL ? (struct digest){{0}} : *last;
    if (dropped < DEFINITION_ROWS / 8) {
        round_end(j); /* digests are scattered: behind it there is no more to be found than here */
    }
}

/* Those of all shards: by the owner of the first one. */
static void definitions_step(struct janitor *j)
{
    const struct shard *first = j->scheduler->shards[0];

    if (first == NULL || first->state != SHARD_RUNNING) {
        round_end(j);
        return;
    }
    asking(j);
    store_definition_drop(j->scheduler->store, &j->definition, DEFINITION_ROWS, on_definitions, j);
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
    case PHASE_PROJECTS:
        projects_step(j);
        return;
    case PHASE_OLD:
        old_step(j);
        return;
    case PHASE_DROP:
        asking(j);
        store_execution_drop(j->scheduler->store, j->ids, j->id_count, DROP_ROWS, on_drop, j);
        return;
    case PHASE_DEFINITIONS:
        definitions_step(j);
        return;
    }
}
