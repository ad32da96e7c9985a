/* leases: keeps what this process owns in step with the table of leases.
 *
 *   every round: renew, release, take, read all --ownership core--> what to do in the next round
 */
#include <stdlib.h>

#include "scheduler/shard.h"

struct leases {
    struct scheduler *scheduler;
    struct ownership *ownership;
    struct loop_timer *timer;
    struct ownership_row *rows;
    struct ownership_process *processes;
    uint32_t *plan_takes, *plan_releases;
    struct store_lease *takes;
    uint32_t take_count;
    uint32_t *releases;
    uint32_t release_count;
    uint32_t looked;                 /* the shard that was looked at last */
    bool is_in_round, is_last_round; /* the one that releases everything */
    bool is_hurried;                 /* the next round follows at once */
    bool is_leaving, is_closing, has_left;
    exo_time asked_ns; /* when the round in flight was asked for */
    void (*left)(void *argument);
    void *left_argument;
};

static void round_begin(void *argument);

struct leases *leases_open(struct scheduler *scheduler)
{
    struct leases *l = calloc(1, sizeof(*l));
    uint32_t n = scheduler->shard_count;

    if (l == NULL) {
        abort();
    }
    l->scheduler = scheduler;
    l->ownership =
        ownership_new(scheduler->allocator, scheduler->process, n, scheduler->settings.lease_ns);
    l->rows = calloc(n, sizeof(*l->rows));
    l->processes = calloc(OWNERSHIP_PROCESSES_MAX, sizeof(*l->processes));
    l->plan_takes = calloc(n, sizeof(*l->plan_takes));
    l->plan_releases = calloc(n, sizeof(*l->plan_releases));
    l->takes = calloc(n, sizeof(*l->takes));
    l->releases = calloc(n, sizeof(*l->releases));
    if (l->ownership == NULL || l->rows == NULL || l->processes == NULL || l->plan_takes == NULL ||
        l->plan_releases == NULL || l->takes == NULL || l->releases == NULL) {
        abort();
    }
    l->timer = loop_timer_new(scheduler->loop, round_begin, l);
    loop_timer_start(l->timer, 0, 0);
    return l;
}

static void leases_free(struct leases *l)
{
    ownership_free(l->ownership);
    free(l->rows);
    free(l->processes);
    free(l->plan_takes);
    free(l->plan_releases);
    free(l->takes);
    free(l->releases);
    free(l);
}

void leases_close(struct leases *l)
{
    if (l == NULL) {
        return;
    }
    loop_timer_free(l->timer);
    l->timer = NULL;
    l->is_closing = true;
    if (!l->is_in_round) {
        leases_free(l);
    }
}

/* Opens what is ours now and closes what is another's. */
static void follow(struct leases *l, const struct store_leases *table)
{
    struct scheduler *scheduler = l->scheduler;

    for (uint32_t i = 0; i < table->count && i < scheduler->shard_count; i++) {
        bool is_ours = strcmp(table->leases[i].owner, scheduler->process) == 0;

        if (is_ours && scheduler->shards[i] == NULL && !l->is_leaving) {
            scheduler->shards[i] = shard_open(scheduler, i);
        } else if (!is_ours && scheduler->shards[i] != NULL) {
            scheduler_say(scheduler, "shard.lost", "shard %u belongs to %s now", i,
                          table->leases[i].owner[0] == '\0' ? "nobody" : table->leases[i].owner);
            shard_close(scheduler->shards[i]);
        }
    }
}

/* What has nothing to commit hears the database's clock here. */
static void tell_time(const struct leases *l, exo_time database_now_ns)
{
    for (uint32_t i = 0; i < l->scheduler->shard_count; i++) {
        if (l->scheduler->shards[i] != NULL) {
            shard_hear_time(l->scheduler->shards[i], database_now_ns, l->asked_ns);
        }
    }
}

/* One shard a round. */
static void look_back(struct leases *l)
{
    struct scheduler *scheduler = l->scheduler;

    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        l->looked = (l->looked + 1) % scheduler->shard_count;
        if (scheduler->shards[l->looked] != NULL) {
            shard_look_back(scheduler->shards[l->looked]);
            return;
        }
    }
}

static void plan(struct leases *l, const struct store_leases *table)
{
    struct scheduler *scheduler = l->scheduler;
    struct ownership_plan plan = {.takes = l->plan_takes, .releases = l->plan_releases};
    uint32_t process_count = 0;

    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        l->rows[i] = (struct ownership_row){table->leases[i].owner, table->leases[i].beat};
    }
    for (uint32_t i = 0; i < table->process_count && i < OWNERSHIP_PROCESSES_MAX; i++) {
        l->processes[process_count++] =
            (struct ownership_process){table->processes[i], table->process_beats[i]};
    }
    struct ownership_read read = {.rows = l->rows,
                                  .processes = l->processes,
                                  .process_count = process_count,
                                  .asked_ns = l->asked_ns,
                                  .answered_ns = loop_now_ns(scheduler->loop)};

    ownership_step(l->ownership, &read, &plan);
    l->take_count = 0;
    for (uint32_t i = 0; i < plan.take_count; i++) {
        l->takes[l->take_count++] = table->leases[plan.takes[i]];
    }
    l->release_count = 0;
    for (uint32_t i = 0; i < plan.release_count; i++) {
        uint32_t number = plan.releases[i];

        if (scheduler->shards[number] != NULL) {
            shard_close(scheduler->shards[number]);
        }
        l->releases[l->release_count++] = number;
    }
}

static void round_end(void *argument, const struct store_leases *table, const struct exo_error *err)
{
    struct leases *l = argument;

    l->is_in_round = false;
    if (l->is_closing) {
        leases_free(l);
        return;
    }
    if (l->is_leaving && !l->is_last_round) {
        loop_timer_start(l->timer, 0, 0); /* it was asked for before we were to leave */
        return;
    }
    l->scheduler->is_lease_failing = err != NULL;
    if (err != NULL) {
        scheduler_say(l->scheduler, "leases.waiting", "%s", err->text);
        scheduler_troubled(l->scheduler, err);
        l->take_count = 0;
        if (l->is_leaving && l->left != NULL) {
            l->has_left = true;
            l->left(l->left_argument); /* the leases run out by themselves */
            return;
        }
        loop_timer_start(l->timer, l->scheduler->settings.round_ns, 0);
        return;
    }
    if (l->is_leaving) {
        l->has_left = true;
        if (l->left != NULL) {
            l->left(l->left_argument);
        }
        return;
    }
    l->take_count = 0;
    l->release_count = 0;
    if (table->count == l->scheduler->shard_count) {
        follow(l, table);
        tell_time(l, table->database_now_ns);
        look_back(l);
        if (fleet_link_is_warm(l->scheduler->fleet_link)) {
            plan(l, table);
        }
    }
    bool is_hurried = l->take_count + l->release_count > 0 || l->is_hurried;

    l->is_hurried = false;
    loop_timer_start(l->timer, is_hurried ? 10 * EXO_MILLISECOND : l->scheduler->settings.round_ns,
                     0);
}

static void round_begin(void *argument)
{
    struct leases *l = argument;
    struct store_lease_round round = {
        .process = l->scheduler->process,
        .releases = l->releases,
        .release_count = l->release_count,
        .takes = l->takes,
        .take_count = l->take_count,
        .is_leaving = l->is_leaving,
    };

    if (l->is_in_round) {
        loop_timer_start(l->timer, 10 * EXO_MILLISECOND, 0);
        return;
    }
    l->is_in_round = true;
    l->is_last_round = l->is_leaving;
    l->asked_ns = loop_now_ns(l->scheduler->loop);
    store_lease_round(l->scheduler->store, &round, round_end, l);
}

void leases_hurry(struct leases *l)
{
    if (l->is_in_round) {
        l->is_hurried = true; /* the round in flight may have begun too early */
    } else if (!l->is_leaving) {
        loop_timer_start(l->timer, 0, 0);
    }
}

void leases_leave(struct leases *l, void (*done)(void *argument), void *argument)
{
    struct scheduler *scheduler = l->scheduler;

    l->is_leaving = true;
    l->left = done;
    l->left_argument = argument;
    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        if (scheduler->shards[i] != NULL) {
            shard_close(scheduler->shards[i]);
        }
    }
    l->take_count = 0;
    l->release_count = 0;
    loop_timer_start(l->timer, 0, 0);
}
