#include "tests/sim/almanac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/crypto/fire_id.h"
#include "scheduler/core/schedule.h"
#include "schemas/wire/schedule_row.h"
#include "tests/sim/database.h"
#include "tests/sim/sim.h"

enum {
    FIRES_MAX = 1024,
    CALM_S = 5, /* so late may a start be where nothing goes wrong */
    ORDER_BYTES = 64,
};

/* One time that was started, once or again. */
struct fire {
    exo_time nominal_ns;
    struct execution_id id;
    bool is_live;      /* in the last row */
    bool is_cancelled; /* in any row */
    bool was_dropped;  /* live when its schedule was deleted */
};

/* A schedule as its last row has it. */
struct almanac {
    const struct plan_schedule *plan;
    struct execution_id id;
    uint32_t shard;
    bool is_there, was_there;
    /* What was put, started or cancelled in the batch that deleted it is in no row. */
    bool was_deleted;
    bool is_paused, has_backfill;
    exo_time considered_ns, backfill_after_ns, backfill_until_ns;
    exo_time waiting[SCHEDULE_WAITING_MAX];
    uint32_t waiting_count;
    char answered[WIRE_SCHEDULE_ANSWERS_MAX][ORDER_BYTES + 1];
    uint32_t answered_count;
    struct fire fires[FIRES_MAX];
    uint32_t fire_count;
};

static struct almanac almanacs[PLAN_SCHEDULES_MAX];

/* From one row of a schedule to the next. */
struct turn {
    struct almanac *a;
    const struct wire_schedule_row *row;
    exo_time from_ns, to_ns; /* shard time */
    bool is_new;
    bool has_heard[SCHEDULE_COMMAND_NR]; /* of an order that did something */
};

struct almanac_memory {
    struct almanac almanacs[PLAN_SCHEDULES_MAX];
};

struct almanac_memory *almanac_remember(void)
{
    struct almanac_memory *memory =
        oracle.plan->schedule_count == 0 ? NULL : sim_alloc(sizeof(*memory));

    if (memory != NULL) {
        memcpy(memory->almanacs, almanacs, sizeof(almanacs));
    }
    return memory;
}

void almanac_forget(const struct almanac_memory *memory)
{
    if (memory != NULL) {
        memcpy(almanacs, memory->almanacs, sizeof(almanacs));
    }
}

void almanac_begin(void)
{
    memset(almanacs, 0, sizeof(almanacs));
    for (uint32_t i = 0; i < oracle.plan->schedule_count; i++) {
        struct almanac *a = &almanacs[i];
        char project[16];
        char name[16];

        a->plan = &oracle.plan->schedules[i];
        (void)snprintf(project, sizeof(project), "p%u", a->plan->project);
        (void)snprintf(name, sizeof(name), "t%u", i);
        a->id = schedule_id_of(span_of(project), span_of(name));
        a->shard = execution_shard(&a->id, oracle.plan->shard_count);
    }
}

const struct plan_execution *almanac_plan(unsigned long number)
{
    return number < oracle.plan->schedule_count ? &oracle.plan->schedules[number].execution : NULL;
}

static struct almanac *almanac_of(const struct oracle_execution *e)
{
    for (uint32_t i = 0; i < oracle.plan->schedule_count; i++) {
        if (e->plan == &almanacs[i].plan->execution) {
            return &almanacs[i];
        }
    }
    return NULL;
}

bool almanac_is(const struct oracle_execution *e)
{
    return almanac_of(e) != NULL;
}

/* ---- the calendar ---- */

static exo_time step_ns(const struct almanac *a)
{
    return a->plan->every_min * EXO_MINUTE;
}

static bool is_due_at(const struct almanac *a, exo_time nominal_ns)
{
    return nominal_ns % step_ns(a) == 0;
}

/* The first time after another. */
static exo_time next_after(const struct almanac *a, exo_time after_ns)
{
    return (after_ns / step_ns(a) + 1) * step_ns(a);
}

/* The last time before its end. */
static exo_time last_of(const struct almanac *a)
{
    return (a->plan->end_ns - 1) / step_ns(a) * step_ns(a);
}

/* Seconds since the world began, for messages. */
static long long said(exo_time at_ns)
{
    return (long long)((at_ns - SIM_EPOCH_NS) / EXO_SECOND);
}

/* ---- what a row says ---- */

static const struct wire_schedule_live *live_of(const struct wire_schedule_row *row,
                                                exo_time nominal_ns)
{
    for (uint32_t i = 0; i < row->state.live_count; i++) {
        if (row->state.live[i].nominal_ns == nominal_ns) {
            return &row->state.live[i];
        }
    }
    return NULL;
}

static bool is_among(const exo_time *times, uint32_t count, exo_time nominal_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        if (times[i] == nominal_ns) {
            return true;
        }
    }
    return false;
}

static bool waits(const struct turn *t, exo_time nominal_ns)
{
    return is_among(t->row->state.waiting, t->row->state.waiting_count, nominal_ns);
}

static bool waited(const struct turn *t, exo_time nominal_ns)
{
    return is_among(t->a->waiting, t->a->waiting_count, nominal_ns);
}

static struct fire *fire_find(struct almanac *a, exo_time nominal_ns)
{
    for (uint32_t i = 0; i < a->fire_count; i++) {
        if (a->fires[i].nominal_ns == nominal_ns) {
            return &a->fires[i];
        }
    }
    return NULL;
}

static bool was_live(const struct turn *t, exo_time nominal_ns)
{
    const struct fire *fire = fire_find(t->a, nominal_ns);

    return fire != NULL && fire->is_live;
}

static uint32_t live_count(const struct almanac *a)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < a->fire_count; i++) {
        count += a->fires[i].is_live;
    }
    return count;
}

static bool is_started(const struct turn *t, exo_time nominal_ns)
{
    return live_of(t->row, nominal_ns) != NULL && !was_live(t, nominal_ns);
}

static bool is_any_started_after(const struct turn *t, exo_time nominal_ns)
{
    for (uint32_t i = 0; i < t->row->state.live_count; i++) {
        exo_time other_ns = t->row->state.live[i].nominal_ns;

        if (other_ns > nominal_ns && is_started(t, other_ns)) {
            return true;
        }
    }
    return false;
}

static bool is_any_waiting_after(const struct turn *t, exo_time nominal_ns)
{
    uint32_t count = t->row->state.waiting_count;

    return count > 0 && t->row->state.waiting[count - 1] > nominal_ns;
}

/* Nothing at all goes wrong in this world. */
static bool is_calm(void)
{
    for (int i = 0; i < FAULT_NR; i++) {
        if (sim.faults.is_enabled[i] && i != FAULT_SCHEDULE) {
            return false;
        }
    }
    return !sim.is_restarted;
}

/* Innocent records may have been put aside. */
static bool is_any_slandered(void)
{
    for (uint32_t i = 0; i < database.shard_count; i++) {
        if (database.shards[i].is_slandered) {
            return true;
        }
    }
    return false;
}

/* Records may be lost with the tail of a log, though they were acknowledged. */
static bool is_tail_lost(void)
{
    return sim.faults.is_enabled[FAULT_TAIL_LOST];
}

static _Noreturn void wrong(const struct turn *t, exo_time nominal_ns, const char *what)
{
    sim_fail(
        "schedule %u, %s, %s: its time %lld %s (row of %lld .. %lld, decided to %lld then %lld, "
        "%u live then %u, %u wait)",
        t->a->plan->number, schedule_overlap_name(t->a->plan->overlap),
        schedule_catch_up_name(t->a->plan->catch_up), said(nominal_ns), what, said(t->from_ns),
        said(t->to_ns), said(t->a->considered_ns), said(t->row->state.considered_ns),
        live_count(t->a), t->row->state.live_count, t->row->state.waiting_count);
}

/* ---- what is started ---- */

static exo_time jitter_ns(const struct almanac *a)
{
    return a->plan->jitter_s * EXO_SECOND;
}

static bool is_decided_now(const struct turn *t, exo_time nominal_ns)
{
    return is_due_at(t->a, nominal_ns) && nominal_ns > t->a->considered_ns &&
           nominal_ns <= t->row->state.considered_ns && nominal_ns < t->a->plan->end_ns;
}

static void due_check(const struct turn *t, const struct wire_schedule_fire *fire)
{
    exo_time late_ns = fire->at_ns - fire->nominal_ns;
    exo_time most_ns = is_calm() ? CALM_S * EXO_SECOND : SCHEDULE_LATE_NS;

    if (!is_decided_now(t, fire->nominal_ns)) {
        wrong(t, fire->nominal_ns, "is started, and was not to be decided");
    }
    if (late_ns < 0 || late_ns > jitter_ns(t->a) + most_ns) {
        wrong(t, fire->nominal_ns, "is started as due, and not when it is");
    }
}

static void caught_up_check(const struct turn *t, const struct wire_schedule_fire *fire)
{
    exo_time next_ns = next_after(t->a, fire->nominal_ns);
    exo_time window_ns = t->a->plan->window_min * EXO_MINUTE;

    if (!is_decided_now(t, fire->nominal_ns) || t->a->plan->catch_up == CATCH_UP_NONE ||
        fire->at_ns - fire->nominal_ns <= SCHEDULE_LATE_NS ||
        fire->at_ns - fire->nominal_ns > window_ns) {
        wrong(t, fire->nominal_ns, "is made up for, and must not be");
    }
    if (t->a->plan->catch_up == CATCH_UP_LAST && next_ns < t->a->plan->end_ns &&
        fire->at_ns - next_ns > SCHEDULE_LATE_NS + jitter_ns(t->a)) {
        wrong(t, fire->nominal_ns, "is made up for, and is not the last that was missed");
    }
}

static void waited_check(const struct turn *t, exo_time nominal_ns)
{
    if (!waited(t, nominal_ns) && !is_decided_now(t, nominal_ns)) {
        wrong(t, nominal_ns, "is started as one that waited, and did not");
    }
    if (t->a->plan->overlap == OVERLAP_QUEUE && t->row->state.waiting_count > 0 &&
        t->row->state.waiting[0] < nominal_ns) {
        wrong(t, nominal_ns, "is started before an older one that waits");
    }
}

static void backfill_check(const struct turn *t, exo_time nominal_ns)
{
    const struct wire_schedule_state *s = &t->row->state;
    exo_time after_ns = t->a->has_backfill && !t->has_heard[SCHEDULE_COMMAND_BACKFILL]
                            ? t->a->backfill_after_ns
                            : INT64_MIN;

    if (!is_due_at(t->a, nominal_ns) || nominal_ns <= after_ns ||
        (s->has_backfill && nominal_ns > s->backfill_until_ns) ||
        (!t->a->has_backfill && !t->has_heard[SCHEDULE_COMMAND_BACKFILL])) {
        wrong(t, nominal_ns, "is started by a backfill, and is not of it");
    }
}

/* The last time the row says it was started; NULL: it has forgotten. */
static const struct wire_schedule_fire *fire_of(const struct turn *t, exo_time nominal_ns)
{
    for (uint32_t i = t->row->fire_count; i-- > 0;) {
        if (t->row->fires[i].nominal_ns == nominal_ns) {
            return &t->row->fires[i];
        }
    }
    if (t->row->fire_count < WIRE_SCHEDULE_FIRES_MAX) {
        wrong(t, nominal_ns, "is live, and the row does not say that it was started");
    }
    return NULL;
}

static bool is_held(const struct turn *t)
{
    return t->a->is_paused && t->row->state.is_paused && !t->is_new &&
           !t->has_heard[SCHEDULE_COMMAND_RESUME] && !t->has_heard[SCHEDULE_COMMAND_PUT];
}

static void start_check(const struct turn *t, exo_time nominal_ns)
{
    const struct wire_schedule_fire *fire = fire_of(t, nominal_ns);

    if (fire == NULL) {
        return;
    }
    if (fire->at_ns < t->from_ns || fire->at_ns > t->to_ns) {
        wrong(t, nominal_ns, "is started at another time than now");
    }
    if (is_held(t) && fire->reason != REASON_TRIGGERED) {
        wrong(t, nominal_ns, "is started while it is paused");
    }
    switch ((enum schedule_reason)fire->reason) {
    case REASON_DUE:
        due_check(t, fire);
        return;
    case REASON_CAUGHT_UP:
        caught_up_check(t, fire);
        return;
    case REASON_WAITED:
        waited_check(t, nominal_ns);
        return;
    case REASON_BACKFILL:
        backfill_check(t, nominal_ns);
        return;
    case REASON_TRIGGERED:
        if (!t->has_heard[SCHEDULE_COMMAND_TRIGGER] || nominal_ns > fire->at_ns ||
            fire->at_ns - nominal_ns >= EXO_SECOND) {
            wrong(t, nominal_ns, "is started by hand, and nobody asked for it");
        }
        return;
    case REASON_MISSED:
    case REASON_OVERLAP:
    case REASON_FULL:
    case REASON_REPLACED:
    case REASON_NR:
        break;
    }
    wrong(t, nominal_ns, "is started for a reason that is none");
}

/* ---- what is live, what waits, what is left out ---- */

static void live_check(const struct turn *t)
{
    const struct wire_schedule_state *s = &t->row->state;
    uint32_t backfills = 0;
    bool has_begun = false; /* one of a backfill, in this turn */

    if (t->a->plan->overlap != OVERLAP_ALLOW && s->live_count > 1) {
        wrong(t, s->live[1].nominal_ns, "is live beside another");
    }
    for (uint32_t i = 0; i < s->live_count; i++) {
        const struct wire_schedule_live *live = &s->live[i];
        const struct fire *known = fire_find(t->a, live->nominal_ns);

        backfills += live->is_backfill;
        has_begun |= live->is_backfill && is_started(t, live->nominal_ns);
        if (is_started(t, live->nominal_ns)) {
            start_check(t, live->nominal_ns);
        }
        if (live->is_cancelled && (known == NULL || !known->is_cancelled) &&
            (t->a->plan->overlap != OVERLAP_REPLACE || live->is_backfill ||
             s->waiting_count == 0)) {
            wrong(t, live->nominal_ns, "is cancelled, and for no other");
        }
    }
    /* What an earlier, wider backfill began goes on beside a narrower one. */
    if (s->has_backfill && backfills > s->backfill_parallel && has_begun &&
        !t->has_heard[SCHEDULE_COMMAND_BACKFILL]) {
        wrong(t, s->backfill_after_ns, "is one too many of a backfill");
    }
    for (uint32_t i = 0; i < t->a->fire_count; i++) {
        const struct fire *fire = &t->a->fires[i];
        const struct oracle_execution *e = oracle_find(&fire->id);

        if (fire->is_live && live_of(t->row, fire->nominal_ns) == NULL &&
            (e == NULL || (!execution_state_is_terminal(e->state) && !e->has_ended)) &&
            !is_any_slandered() && !is_tail_lost()) {
            wrong(t, fire->nominal_ns, "is live no more, and its execution has not ended");
        }
    }
}

static void waiting_check(const struct turn *t)
{
    const struct wire_schedule_state *s = &t->row->state;
    bool may_wait = t->a->plan->overlap == OVERLAP_QUEUE || t->a->plan->overlap == OVERLAP_REPLACE;

    for (uint32_t i = 0; i < s->waiting_count; i++) {
        if (!may_wait ||
            (!waited(t, s->waiting[i]) && !is_decided_now(t, s->waiting[i]) && !t->is_new)) {
            wrong(t, s->waiting[i], "waits, and must not");
        }
    }
    for (uint32_t i = 0; i < t->a->waiting_count; i++) {
        exo_time nominal_ns = t->a->waiting[i];
        bool is_replaced =
            t->a->plan->overlap == OVERLAP_REPLACE &&
            (is_any_waiting_after(t, nominal_ns) || is_any_started_after(t, nominal_ns));

        if (!waits(t, nominal_ns) && !is_started(t, nominal_ns) && !is_replaced) {
            wrong(t, nominal_ns, "waits no more, and is not started");
        }
    }
}

/* A time that was missed by now may be left out: none is made up for, it is too long ago, or
 * another one came later. */
static bool may_be_missed(const struct turn *t, exo_time nominal_ns)
{
    exo_time next_ns = next_after(t->a, nominal_ns);

    if (t->to_ns - nominal_ns <= SCHEDULE_LATE_NS || is_calm()) {
        return false;
    }
    switch (t->a->plan->catch_up) {
    case CATCH_UP_NONE:
        return true;
    case CATCH_UP_LAST:
        return (next_ns < t->a->plan->end_ns && t->to_ns - next_ns > SCHEDULE_LATE_NS) ||
               t->to_ns - nominal_ns > t->a->plan->window_min * EXO_MINUTE;
    case CATCH_UP_ALL:
        return t->to_ns - nominal_ns > t->a->plan->window_min * EXO_MINUTE;
    case CATCH_UP_NR:
        break;
    }
    return false;
}

static bool may_be_left_out(const struct turn *t, exo_time nominal_ns)
{
    if (may_be_missed(t, nominal_ns) || was_live(t, nominal_ns)) {
        return true; /* live: a backfill was faster */
    }
    switch (t->a->plan->overlap) {
    case OVERLAP_SKIP:
        return live_count(t->a) > 0 || t->row->state.live_count > 0;
    case OVERLAP_REPLACE:
        return is_any_waiting_after(t, nominal_ns) || is_any_started_after(t, nominal_ns);
    case OVERLAP_ALLOW: /* the bounds of 100 are not reached in a world */
    case OVERLAP_QUEUE:
    case OVERLAP_NR:
        break;
    }
    return false;
}

/* The row says of what is left out that it is; of what was long ago it may have forgotten. */
static bool is_told(const struct turn *t, exo_time nominal_ns)
{
    bool is_said = t->row->left_out_count == WIRE_SCHEDULE_LEFT_OUT_MAX;

    for (uint32_t i = 0; i < t->row->left_out_count; i++) {
        is_said = is_said || (t->row->left_out[i].nominal_ns <= nominal_ns &&
                              t->row->left_out[i].until_ns >= nominal_ns);
    }
    return is_said;
}

static void decided_check(const struct turn *t)
{
    exo_time until_ns = t->row->state.considered_ns;

    if (until_ns < t->a->considered_ns || until_ns > t->to_ns) {
        wrong(t, until_ns, "is decided, and it was further or is not yet there");
    }
    if (t->is_new || t->has_heard[SCHEDULE_COMMAND_RESUME] || t->has_heard[SCHEDULE_COMMAND_PUT]) {
        return; /* it goes on from now */
    }
    for (exo_time n = next_after(t->a, t->a->considered_ns);
         n <= until_ns && n < t->a->plan->end_ns; n += step_ns(t->a)) {
        if (live_of(t->row, n) != NULL || waits(t, n)) {
            continue;
        }
        if (!may_be_left_out(t, n)) {
            wrong(t, n, "is left out without a reason");
        }
        if (!was_live(t, n) && !is_told(t, n)) {
            wrong(t, n, "is left out, and its row does not say so");
        }
    }
}

/* A backfill that is over has started all of its range. */
static void backfill_end_check(const struct turn *t)
{
    if (!t->a->has_backfill || t->row->state.has_backfill ||
        t->has_heard[SCHEDULE_COMMAND_BACKFILL_STOP] || t->has_heard[SCHEDULE_COMMAND_BACKFILL]) {
        return;
    }
    for (exo_time n = next_after(t->a, t->a->backfill_after_ns); n <= t->a->backfill_until_ns;
         n += step_ns(t->a)) {
        if (live_of(t->row, n) == NULL && fire_find(t->a, n) == NULL && !waited(t, n)) {
            wrong(t, n, "is of a backfill that is over, and was not started");
        }
    }
}

/* ---- from row to row ---- */

static void deleted(struct almanac *a)
{
    a->was_deleted = true;
    for (uint32_t i = 0; i < a->fire_count; i++) {
        a->fires[i].was_dropped = a->fires[i].was_dropped || a->fires[i].is_live;
    }
}

static void heard(struct turn *t)
{
    for (uint32_t i = 0; i < t->row->answer_count; i++) {
        const struct wire_schedule_answer *answer = &t->row->answers[i];
        char text[ORDER_BYTES + 1];
        unsigned schedule = 0;
        unsigned order = 0;
        bool is_old = false;

        (void)snprintf(text, sizeof(text), "%.*s", SPAN_ARG(answer->id));
        for (uint32_t k = 0; k < t->a->answered_count; k++) {
            is_old = is_old || strcmp(t->a->answered[k], text) == 0;
        }
        if (sscanf(text, "t%u-%u", &schedule, &order) != 2 || schedule != t->a->plan->number ||
            order >= t->a->plan->order_count) {
            sim_fail("schedule %u answers an order that nobody gave: %s", t->a->plan->number, text);
        }
        if (!is_old && answer->verdict <= SCHEDULE_VERDICT_CREATED) {
            t->has_heard[t->a->plan->orders[order].kind] = true;
        }
        if (!is_old && answer->verdict == SCHEDULE_VERDICT_CREATED &&
            (t->a->is_there || order > 0)) {
            t->is_new = true; /* deleted and put again, it may be in one batch */
            deleted(t->a);
        }
    }
}

static void fire_note(struct almanac *a, const struct wire_schedule_live *live)
{
    struct fire *fire = fire_find(a, live->nominal_ns);

    if (fire == NULL) {
        if (a->fire_count == FIRES_MAX) {
            sim_fail("schedule %u starts more than a world has room for", a->plan->number);
        }
        fire = &a->fires[a->fire_count++];
        *fire = (struct fire){.nominal_ns = live->nominal_ns,
                              .id = fire_id_of(&a->id, live->nominal_ns)};
    }
    fire->is_live = true;
    fire->is_cancelled = fire->is_cancelled || live->is_cancelled;
}

static void lives_forget(struct almanac *a)
{
    for (uint32_t i = 0; i < a->fire_count; i++) {
        a->fires[i].is_live = false;
    }
}

static void keep(struct almanac *a, const struct wire_schedule_row *row)
{
    const struct wire_schedule_state *s = &row->state;

    a->is_there = true;
    a->was_there = true;
    a->is_paused = s->is_paused;
    a->considered_ns = s->considered_ns;
    a->has_backfill = s->has_backfill;
    a->backfill_after_ns = s->backfill_after_ns;
    a->backfill_until_ns = s->backfill_until_ns;
    a->waiting_count = s->waiting_count;
    if (s->waiting_count > 0) {
        memcpy(a->waiting, s->waiting, s->waiting_count * sizeof(*s->waiting));
    }
    a->answered_count = row->answer_count;
    for (uint32_t i = 0; i < row->answer_count; i++) {
        (void)snprintf(a->answered[i], sizeof(a->answered[i]), "%.*s",
                       SPAN_ARG(row->answers[i].id));
    }
    lives_forget(a);
    for (uint32_t i = 0; i < s->live_count; i++) {
        fire_note(a, &s->live[i]);
    }
}

static void row_follow(struct almanac *a, const struct wire_schedule_row *row, exo_time from_ns,
                       exo_time to_ns)
{
    struct turn t = {
        .a = a, .row = row, .from_ns = from_ns, .to_ns = to_ns, .is_new = !a->is_there};

    heard(&t);
    if (t.is_new) {
        lives_forget(a); /* what ran when it was deleted goes on */
        a->waiting_count = 0;
        a->has_backfill = false;
        a->considered_ns = from_ns;
    }
    live_check(&t);
    waiting_check(&t);
    decided_check(&t);
    backfill_end_check(&t);
    keep(a, row);
}

static void spanning_follow(struct almanac *a, const struct store_spanning *spanning,
                            exo_time from_ns, exo_time to_ns)
{
    struct heap_budget budget = {0};
    struct wire_schedule_row row;
    struct arena arena;

    if (spanning->body.bytes == 0) {
        a->is_there = false;
        a->answered_count = 0;
        a->was_there = true;
        deleted(a);
        return;
    }
    arena_init(&arena, allocator_heap(&budget), 0);
    if (wire_schedule_row_unpack(spanning->body, &arena, &row) != WIRE_OK) {
        sim_fail("the row of schedule %u cannot be read", a->plan->number);
    }
    row_follow(a, &row, from_ns, to_ns);
    arena_release(&arena);
}

void almanac_commit(const struct store_shard *row, const struct store_batch *batch)
{
    for (uint32_t i = 0; i < batch->spanning_count; i++) {
        const struct store_spanning *spanning = &batch->spanning[i];

        for (uint32_t k = 0;
             spanning->kind == STORE_SPANNING_SCHEDULE && k < oracle.plan->schedule_count; k++) {
            struct digest id = wire_schedule_row_id(&almanacs[k].id);

            if (memcmp(id.bytes, spanning->id.bytes, DIGEST_BYTES) == 0) {
                spanning_follow(&almanacs[k], spanning, row->now_ns, batch->now_ns);
            }
        }
    }
}

/* ---- executions ---- */

void almanac_begins(const struct oracle_execution *e)
{
    struct almanac *a = almanac_of(e);
    const struct fire *found = NULL;

    if (oracle.promotions > 0) {
        return; /* what a time that never was had started is still in the log */
    }
    for (uint32_t i = 0; i < a->fire_count; i++) {
        const struct fire *fire = &a->fires[i];

        if (execution_id_equal(&fire->id, &e->id)) {
            found = fire;
            continue;
        }
        const struct oracle_execution *other = oracle_find(&fire->id);

        if (a->plan->overlap != OVERLAP_ALLOW && fire->is_live && other != NULL &&
            !execution_state_is_terminal(other->state)) {
            sim_fail("schedule %u, %s: an execution of it begins while that of %lld runs",
                     a->plan->number, schedule_overlap_name(a->plan->overlap),
                     said(fire->nominal_ns));
        }
    }
    if (found == NULL && !a->was_deleted) {
        sim_fail("an execution of schedule %u begins, and no row had started it", a->plan->number);
    }
}

bool almanac_may_be_cancelled(const struct oracle_execution *e)
{
    const struct almanac *a = almanac_of(e);

    for (uint32_t i = 0; a != NULL && i < a->fire_count; i++) {
        const struct fire *fire = &a->fires[i];

        if (execution_id_equal(&fire->id, &e->id)) {
            return fire->is_cancelled || (fire->was_dropped && a->plan->overlap == OVERLAP_REPLACE);
        }
    }
    return a != NULL && a->was_deleted && a->plan->overlap == OVERLAP_REPLACE;
}

/* ---- the end ---- */

/* What a person asked for and the log has lost nobody asks for again; what a schedule started and
 * the log has lost, it starts again. */
static bool is_over(const struct almanac *a)
{
    if (!a->was_there && is_tail_lost()) {
        return true;
    }
    if (!a->was_there || !a->is_there || a->is_paused) {
        return a->was_there && (!a->is_there || live_count(a) == 0);
    }
    return a->considered_ns >= last_of(a) && a->waiting_count == 0 && live_count(a) == 0 &&
           !a->has_backfill;
}

bool almanac_is_over(void)
{
    for (uint32_t i = 0; i < oracle.plan->schedule_count; i++) {
        if (!is_over(&almanacs[i]) && !is_any_slandered()) {
            return false;
        }
    }
    return true;
}

void almanac_say(void)
{
    for (uint32_t i = 0; i < oracle.plan->schedule_count; i++) {
        const struct almanac *a = &almanacs[i];

        (void)fprintf(
            stderr, "schedule %u on shard %u: %s%s%s, decided to %lld of %lld, %u live, %u wait\n",
            i, a->shard, a->is_there ? "there" : "not there", a->is_paused ? ", paused" : "",
            a->has_backfill ? ", with a backfill" : "", said(a->considered_ns), said(last_of(a)),
            live_count(a), a->waiting_count);
    }
}

void almanac_check_end(void)
{
    for (uint32_t i = 0; i < oracle.plan->schedule_count && !is_any_slandered(); i++) {
        const struct almanac *a = &almanacs[i];

        for (uint32_t k = 0; k < a->fire_count; k++) {
            const struct oracle_execution *e = oracle_find(&a->fires[k].id);
            bool is_lost = a->fires[k].was_dropped && is_tail_lost(); /* nobody waited for it */

            if (!is_lost && (e == NULL || !execution_state_is_terminal(e->state))) {
                sim_fail("schedule %u: its time %lld was started and has not run", i,
                         said(a->fires[k].nominal_ns));
            }
        }
    }
}
