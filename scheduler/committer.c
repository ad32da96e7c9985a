/* committer: the heartbeat of a scheduler process. One turn: what is due is stepped, grants are
 * made, and the open batches of shards go as one transaction.
 *
 *   wake --next turn of the loop--> timers, bulk work -> grants -> seal -> store_commit
 *                                                                  ^            |
 *                                                                  +--- done ---+
 *
 * What comes while a transaction is under way waits for its end and goes together. But where much
 * waits a second one goes, of other shards: while the store writes the one, what the other brought
 * is sealed, sent to workers and answered by them (docs/adr/0030-two-transactions.md). */
#include <assert.h>
#include <stdlib.h>

#include "scheduler/shard.h"

enum {
    TRANSACTIONS = 2,
    GRANTS_A_TURN = 4096,
    TIMER_MAX_S = 1,
    HELD_LOOK_MS = 10, /* what ends a wait of caution wakes us, or is seconds away */
};

/* Shards whose batches go together. */
struct transaction {
    struct committer *committer;
    bool is_under_way;
    exo_time asked_ns; /* when it was sent, by the loop's clock */
    bool is_alone;     /* the members go one by one: members[next] is under way */
    exo_time again_ns; /* how long those that are not committed wait before they are taken again */
    uint32_t next;
    struct shard **members;
    uint32_t *generations;
    struct store_batch *batches;
    uint32_t count;
};

struct committer {
    struct scheduler *scheduler;
    struct loop_timer *timer; /* what is due, and commits that wait for company */
    bool is_awake;            /* a turn is deferred */
    bool is_closing;
    uint32_t next; /* the shard that the next begins with, so that none waits for the others */
    struct transaction transactions[TRANSACTIONS];
};

static void turn(void *argument);

static void timer_due(void *argument)
{
    struct committer *c = argument;

    committer_wake(c);
}

static void transaction_init(struct transaction *t, struct committer *c)
{
    uint32_t most = c->scheduler->shard_count;

    t->committer = c;
    t->members = calloc(most, sizeof(*t->members));
    t->generations = calloc(most, sizeof(*t->generations));
    t->batches = calloc(most, sizeof(*t->batches));
    if (t->members == NULL || t->generations == NULL || t->batches == NULL) {
        abort();
    }
}

struct committer *committer_open(struct scheduler *scheduler)
{
    struct committer *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        abort();
    }
    c->scheduler = scheduler;
    c->timer = loop_timer_new(scheduler->loop, timer_due, c);
    for (int i = 0; i < TRANSACTIONS; i++) {
        transaction_init(&c->transactions[i], c);
    }
    return c;
}

static bool is_under_way(const struct committer *c)
{
    bool is_any = false;

    for (int i = 0; i < TRANSACTIONS; i++) {
        is_any = is_any || c->transactions[i].is_under_way;
    }
    return is_any;
}

static void committer_free(struct committer *c)
{
    for (int i = 0; i < TRANSACTIONS; i++) {
        free(c->transactions[i].members);
        free(c->transactions[i].generations);
        free(c->transactions[i].batches);
    }
    free(c);
}

void committer_close(struct committer *c)
{
    if (c == NULL) {
        return;
    }
    loop_timer_free(c->timer);
    c->timer = NULL;
    c->is_closing = true;
    if (!c->is_awake && !is_under_way(c)) {
        committer_free(c);
    }
}

void committer_wake(struct committer *c)
{
    if (!c->is_awake && !c->is_closing) {
        c->is_awake = true;
        loop_defer(c->scheduler->loop, turn, c);
    }
}

/* ---- a turn ---- */

/* Any step goes on with the work. False: caution lets it wait. */
static bool timer_step(struct shard *shard)
{
    const struct sched_event event = {.kind = SCHED_TIMER};

    switch (caution_event(shard, &event)) {
    case CAUTION_STEP:
        (void)shard_step(shard, &event); /* what it says is counted by the core */
        break;
    case CAUTION_QUARANTINE:
        caution_fail(shard, &event);
        break;
    case CAUTION_WAIT:
        return false;
    }
    return true;
}

/* What had to wait is offered again. */
static void careful_turn(struct shard *shard)
{
    uint32_t generation = shard->generation;

    shard->is_held_back = false;
    caution_turn(shard);
    shard_applied(shard);
    if (shard->generation == generation) {
        values_turn(shard);
    }
}

static exo_time step_due(struct committer *c)
{
    struct scheduler *scheduler = c->scheduler;
    exo_time next_ns = EXO_TIME_NEVER;

    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        struct shard *shard = scheduler->shards[i];

        if (shard == NULL || !shard_is_live(shard)) {
            continue;
        }
        exo_time least_ns = INT64_MIN; /* that the next turn is away */

        sched_hold_asks(shard->sched, shard->outbox_count >= OUTBOX_MAX / 2);
        if (sched_has_work(shard->sched) || sched_deadline(shard->sched) <= shard_time(shard)) {
            least_ns = timer_step(shard) ? least_ns : HELD_LOOK_MS * EXO_MILLISECOND;
        }
        if ((scheduler->careful_count > 0 || shard->is_held_back) && shard_is_live(shard)) {
            careful_turn(shard);
        } else if (shard->is_wait_halfway) {
            shard_applied(shard);
        }
        if (!shard_is_live(shard)) {
            continue;
        }
        if (shard->is_resend_due && shard->resend_ns <= loop_now_ns(scheduler->loop) &&
            log_is_up(scheduler->log)) {
            shard->is_resend_due = false;
            relay_outbox(shard);
            if (shard->state == SHARD_RUNNING && sched_resend(shard->sched) != SCHED_OK) {
                shard_again(shard, EXO_SECOND);
                continue;
            }
        }
        events_turn(shard);
        exo_time keys_due_ns = keys_turn(shard);

        if (!shard_is_live(shard)) {
            continue;
        }
        exo_time schedules_due_ns = schedules_turn(shard);
        exo_time gathers_due_ns = gathers_turn(shard);
        exo_time early_due_ns = command_turn(shard);

        if (!shard_is_live(shard)) {
            continue;
        }
        exo_time due_ns = sched_deadline(shard->sched);

        due_ns = keys_due_ns < due_ns ? keys_due_ns : due_ns;
        due_ns = schedules_due_ns < due_ns ? schedules_due_ns : due_ns;
        due_ns = gathers_due_ns < due_ns ? gathers_due_ns : due_ns;
        due_ns = early_due_ns < due_ns ? early_due_ns : due_ns;
        exo_time left_ns = due_ns == EXO_TIME_NEVER ? EXO_TIME_NEVER : due_ns - shard_time(shard);

        left_ns = left_ns < least_ns ? least_ns : left_ns;
        next_ns = left_ns < next_ns ? left_ns : next_ns;
    }
    return next_ns;
}

static struct shard *shard_of(const struct scheduler *scheduler,
                              const struct dispatch_source *source)
{
    const struct instance *instance = source->owner;

    return scheduler->shards[execution_shard(&instance->execution->id, scheduler->shard_count)];
}

void grant_drop(struct shard *shard)
{
    struct scheduler *scheduler = shard->scheduler;

    if (scheduler->held_for == shard) {
        scheduler->held_for = NULL;
        held_grant_restore(&scheduler->held, scheduler->fleet);
    }
}

/* Steps the grant that is held, when its shard may; false: it goes on waiting. */
static bool grant_step(struct scheduler *scheduler)
{
    struct shard *shard = scheduler->held_for;
    struct sched_event event = {
        .kind = SCHED_GRANT,
        .grant = held_grant_spend(&scheduler->held, scheduler->fleet, span_of(scheduler->process))};

    switch (caution_event(shard, &event)) {
    case CAUTION_WAIT:
        return false;
    case CAUTION_QUARANTINE:
        caution_fail(shard, &event);
        grant_drop(shard);
        return true;
    case CAUTION_STEP:
        break;
    }
    scheduler->held_for = NULL;
    (void)shard_step(shard, &event); /* a ticket nobody used is back in the fleet's account */
    return true;
}

static void make_grants(struct committer *c)
{
    struct scheduler *scheduler = c->scheduler;
    struct held_grant *held = &scheduler->held;

    if (scheduler->held_for != NULL && !grant_step(scheduler)) {
        return;
    }
    for (uint32_t made = 0;
         scheduler->marked == NULL && dispatch_next(scheduler->dispatch, &held->grant);) {
        scheduler->held_for = shard_of(scheduler, held->grant.source);
        held_grant_keep(held);
        if (!grant_step(scheduler)) {
            return;
        }
        made += held->grant.count;
        if (made >= GRANTS_A_TURN) {
            committer_wake(c);
            return;
        }
    }
}

static void commit_done(void *argument, const struct store_result *result);

static void transaction_send(struct transaction *t)
{
    const struct scheduler *scheduler = t->committer->scheduler;

    t->is_under_way = true;
    t->asked_ns = loop_now_ns(scheduler->loop);
    if (t->is_alone) {
        store_commit(scheduler->store, &t->batches[t->next], 1, commit_done, t);
    } else {
        store_commit(scheduler->store, t->batches, t->count, commit_done, t);
    }
}

/* An ownership ends with the connection that it began on: what the store says now may be older than
 * what another owner did meanwhile. False: the shard is taken again. */
static bool is_at_home(struct shard *shard)
{
    if (shard->connection == store_connection(shard->scheduler->store)) {
        return true;
    }
    scheduler_say(shard->scheduler, "shard.connection",
                  "shard %u: it was taken on a connection to the store that has ended; taking it "
                  "again",
                  shard->number);
    shard_again(shard, 0);
    return false;
}

/* Records of the inputs that the open batch has taken. */
static uint32_t records(const struct shard *shard)
{
    return shard->inputs[INPUT_JOBS].taken + shard->inputs[INPUT_STATUS].taken;
}

static uint32_t waiting_records(const struct scheduler *scheduler)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < scheduler->shard_count; i++) {
        struct shard *shard = scheduler->shards[i];

        if (shard != NULL && records(shard) > 0 && shard_wants_commit(shard)) {
            sum += records(shard);
        }
    }
    return sum;
}

/* Takes shards that want to, until they bring enough records. */
static void transaction_begin(struct transaction *t, uint32_t enough)
{
    struct committer *c = t->committer;
    const struct scheduler *scheduler = c->scheduler;
    uint32_t sum = 0;

    t->count = 0;
    for (uint32_t i = 0; i < scheduler->shard_count && sum < enough; i++) {
        struct shard *shard = scheduler->shards[c->next];

        c->next = (c->next + 1) % scheduler->shard_count;
        if (shard != NULL && shard_wants_commit(shard) && is_at_home(shard)) {
            sum += records(shard);
            shard_seal(shard);
            t->members[t->count] = shard;
            t->generations[t->count] = shard->generation;
            t->batches[t->count++] = shard->sealed.batch;
        }
    }
    if (t->count > 0) {
        transaction_send(t);
    }
}

/* One while anything waits; beside it another one only when that is worth it. */
static void commit_some(struct committer *c)
{
    uint32_t enough = c->scheduler->settings.transaction_records;

    for (int i = 0; i < TRANSACTIONS; i++) {
        struct transaction *t = &c->transactions[i];

        if (!t->is_under_way && (!is_under_way(c) || waiting_records(c->scheduler) >= enough)) {
            transaction_begin(t, enough);
        }
    }
}

static void turn(void *argument)
{
    struct committer *c = argument;

    c->is_awake = false;
    if (c->is_closing) {
        if (!is_under_way(c)) {
            committer_free(c);
        }
        return;
    }
    exo_time next_ns = step_due(c);

    make_grants(c);
    commit_some(c);
    next_ns = next_ns < 0 ? 0 : next_ns;
    loop_timer_start(c->timer,
                     next_ns < TIMER_MAX_S * EXO_SECOND ? next_ns : TIMER_MAX_S * EXO_SECOND, 0);
}

/* ---- how a commit ended ---- */

static void member_end(struct transaction *t, uint32_t place, const struct store_result *result)
{
    struct shard *shard = t->members[place];
    bool is_current = shard->generation == t->generations[place] && shard_is_live(shard);

    shard->is_in_flight = false;
    if (!is_current) {
        if (shard->state == SHARD_CLOSING && shard->outstanding == 0) {
            (void)shard_ticket_end(shard_ticket_new(shard, NULL)); /* frees it */
        }
        return;
    }
    switch (result->verdict) {
    case STORE_DONE:
        shard_committed(shard, result, t->asked_ns);
        break;
    case STORE_FENCED:
        shard_close(shard);
        break;
    case STORE_REFUSED:
        shard_refused(shard, result->is_duplicate, result->err.text);
        break;
    case STORE_FAILED:
    case STORE_UNKNOWN:
        shard_again(shard, t->again_ns);
        break;
    }
}

/* Those whose fence held go on; what they sealed is still good. Returns false when the fenced one
 * is none of them. */
static bool drop_fenced(struct transaction *t, const struct store_result *result)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        if (t->members[i]->number == result->fenced_shard) {
            scheduler_say(t->committer->scheduler, "shard.fenced",
                          "shard %u belongs to another process now", t->members[i]->number);
            member_end(t, i, result);
            continue;
        }
        t->members[kept] = t->members[i];
        t->generations[kept] = t->generations[i];
        t->batches[kept++] = t->batches[i];
    }
    bool is_dropped = kept < t->count;

    t->count = kept;
    return is_dropped;
}

/* Every member that waits for this answer hears it. Returns true when that ends the transaction. */
static bool members_end(struct transaction *t, const struct store_result *result)
{
    uint32_t end = t->is_alone && !t->committer->is_closing ? t->next + 1 : t->count;

    while (t->next < end) {
        member_end(t, t->next++, result);
    }
    return t->next == t->count;
}

/* Whether what is left of the transaction is worth sending again. */
static bool is_sent_again(struct transaction *t, const struct store_result *result)
{
    if (t->is_alone || t->committer->is_closing || t->count == 0) {
        return false;
    }
    if (result->verdict == STORE_FENCED) {
        return drop_fenced(t, result) && t->count > 0;
    }
    /* A refusal does not say whose data it was, and nobody else may pay for it: each goes alone. */
    t->is_alone = result->verdict == STORE_REFUSED && t->count > 1;
    return t->is_alone;
}

static void commit_done(void *argument, const struct store_result *result)
{
    struct transaction *t = argument;
    struct committer *c = t->committer;
    struct scheduler *scheduler = c->scheduler;

    if (!c->is_closing) {
        scheduler->counts.commits += result->verdict == STORE_DONE;
        scheduler->counts.commits_failed += result->verdict != STORE_DONE;
    }
    if (!c->is_closing && result->verdict != STORE_DONE) {
        scheduler_say(scheduler, "commit.failed", "%s", result->err.text);
    }
    bool is_troubled = result->verdict == STORE_FAILED || result->verdict == STORE_UNKNOWN;

    if (is_troubled) {
        scheduler_troubled(scheduler, &result->err);
    } else {
        scheduler->trouble.code = EXO_OK;
    }
    bool goes_on = is_sent_again(t, result) || !members_end(t, result);

    /* Once is chance. More often (a full disk) each try would load every shard again. */
    t->again_ns = is_troubled ? EXO_SECOND : 0;
    if (goes_on) {
        transaction_send(t);
        return;
    }
    t->is_under_way = false;
    t->is_alone = false;
    t->next = 0;
    t->count = 0;
    if (!c->is_closing) {
        committer_wake(c);
    } else if (!c->is_awake && !is_under_way(c)) {
        committer_free(c);
    }
}
