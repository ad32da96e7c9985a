#include "scheduler/core/schedule.h"

#include <assert.h>
#include <string.h>

#include "scheduler/core/table.h"

struct schedule_book {
    struct allocator allocator;
    struct execution_id id;
    const struct schedule *definition;
    const struct zone *zone;
    exo_time now_ns;
    exo_time deadline_ns;
    exo_time considered_ns; /* every nominal time up to it is decided */
    bool is_paused;
    bool is_over; /* none is left after it */
    bool has_backfill;
    exo_time backfill_after_ns;
    exo_time backfill_until_ns;
    uint32_t backfill_parallel;
    uint32_t live_count;
    uint32_t waiting_count;
    struct schedule_live live[SCHEDULE_LIVE_MAX];
    exo_time waiting[SCHEDULE_WAITING_MAX];
};

const char *schedule_action_name(enum schedule_action_kind kind)
{
    static const char *const names[SCHEDULE_ACTION_NR] = {"START", "CANCEL", "SKIP"};

    assert(kind < SCHEDULE_ACTION_NR);
    return names[kind];
}

const char *schedule_reason_name(enum schedule_reason reason)
{
    static const char *const names[REASON_NR] = {"due",      "caught up", "waited",
                                                 "backfill", "triggered", "missed",
                                                 "overlap",  "full",      "replaced"};

    assert(reason < REASON_NR);
    return names[reason];
}

exo_time schedule_jitter(const struct execution_id *id, exo_time nominal_ns, exo_time jitter_ns)
{
    struct {
        struct execution_id id;
        exo_time nominal_ns;
    } seed;

    memset(&seed, 0, sizeof(seed));
    seed.id = *id;
    seed.nominal_ns = nominal_ns;
    uint64_t hash = table_hash((struct span){&seed, sizeof(seed)});
    uint64_t steps = (uint64_t)(jitter_ns / EXO_MILLISECOND) + 1;

    return (exo_time)(hash % steps) * EXO_MILLISECOND;
}

/* A new schedule, or one with another rule, is due after now, and from its start on. */
static exo_time begin_at(const struct schedule *definition, exo_time now_ns)
{
    return now_ns > definition->start_ns ? now_ns : definition->start_ns - 1;
}

static void load(struct schedule_book *book, const struct schedule_saved *saved)
{
    assert(saved->live_count <= SCHEDULE_LIVE_MAX && saved->waiting_count <= SCHEDULE_WAITING_MAX);
    book->considered_ns = saved->considered_ns;
    book->is_paused = saved->is_paused;
    book->live_count = saved->live_count;
    book->waiting_count = saved->waiting_count;
    book->has_backfill = saved->has_backfill;
    book->backfill_after_ns = saved->backfill_after_ns;
    book->backfill_until_ns = saved->backfill_until_ns;
    book->backfill_parallel = saved->backfill_parallel;
    if (saved->live_count > 0) {
        memcpy(book->live, saved->live, saved->live_count * sizeof(*saved->live));
    }
    if (saved->waiting_count > 0) {
        memcpy(book->waiting, saved->waiting, saved->waiting_count * sizeof(*saved->waiting));
    }
}

struct schedule_book *schedule_book_new(struct allocator allocator, const struct execution_id *id,
                                        const struct schedule *definition, const struct zone *zone,
                                        const struct schedule_saved *saved, exo_time now_ns)
{
    struct schedule_book *book =
        allocator.resize(allocator.context, NULL, 0, sizeof(struct schedule_book));

    if (book == NULL) {
        return NULL;
    }
    memset(book, 0, sizeof(*book));
    book->allocator = allocator;
    book->id = *id;
    book->definition = definition;
    book->zone = zone;
    book->now_ns = now_ns;
    book->deadline_ns = now_ns;
    book->considered_ns = begin_at(definition, now_ns);
    book->is_paused = definition->is_paused;
    if (saved != NULL) {
        load(book, saved);
    }
    return book;
}

void schedule_book_free(struct schedule_book *book)
{
    if (book != NULL) {
        (void)book->allocator.resize(book->allocator.context, book, sizeof(*book), 0);
    }
}

/* --- executions and actions ------------------------------------------------------------------- */

static void act(struct schedule_actions *actions, enum schedule_action_kind kind,
                enum schedule_reason reason, exo_time nominal_ns, exo_time until_ns)
{
    assert(actions->count < SCHEDULE_STEP_MAX);
    actions->items[actions->count++] = (struct schedule_action){kind, reason, nominal_ns, until_ns};
}

static struct schedule_live *find_live(struct schedule_book *book, exo_time nominal_ns)
{
    for (uint32_t i = 0; i < book->live_count; i++) {
        if (book->live[i].nominal_ns == nominal_ns) {
            return &book->live[i];
        }
    }
    return NULL;
}

static bool is_known(struct schedule_book *book, exo_time nominal_ns)
{
    for (uint32_t i = 0; i < book->waiting_count; i++) {
        if (book->waiting[i] == nominal_ns) {
            return true;
        }
    }
    return find_live(book, nominal_ns) != NULL;
}

static void start(struct schedule_book *book, struct schedule_actions *actions,
                  enum schedule_reason reason, exo_time nominal_ns)
{
    assert(book->live_count < SCHEDULE_LIVE_MAX);
    book->live[book->live_count++] =
        (struct schedule_live){.nominal_ns = nominal_ns, .is_backfill = reason == REASON_BACKFILL};
    act(actions, SCHEDULE_START, reason, nominal_ns, nominal_ns);
}

static exo_time take_waiting(struct schedule_book *book)
{
    exo_time nominal_ns = book->waiting[0];

    book->waiting_count--;
    memmove(book->waiting, book->waiting + 1, book->waiting_count * sizeof(book->waiting[0]));
    return nominal_ns;
}

static bool has_room(const struct schedule_book *book)
{
    return book->definition->overlap == OVERLAP_ALLOW ? book->live_count < SCHEDULE_LIVE_MAX
                                                      : book->live_count == 0;
}

/* --- what to do next: each does at most one action, and says whether it did anything -----------
 */

/* Of those that wait to replace what runs only the newest is wanted. */
static bool trim_waiting(struct schedule_book *book, struct schedule_actions *actions)
{
    if (book->definition->overlap != OVERLAP_REPLACE || book->waiting_count < 2) {
        return false;
    }
    exo_time nominal_ns = take_waiting(book);

    act(actions, SCHEDULE_SKIP, REASON_REPLACED, nominal_ns, nominal_ns);
    return true;
}

static bool cancel_one(struct schedule_book *book, struct schedule_actions *actions)
{
    if (book->definition->overlap != OVERLAP_REPLACE || book->waiting_count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < book->live_count; i++) {
        struct schedule_live *live = &book->live[i];

        if (!live->is_cancelled && !live->is_backfill) {
            live->is_cancelled = true;
            act(actions, SCHEDULE_CANCEL, REASON_REPLACED, live->nominal_ns, live->nominal_ns);
            return true;
        }
    }
    return false;
}

static bool start_waiting(struct schedule_book *book, struct schedule_actions *actions)
{
    if (book->waiting_count == 0 || !has_room(book)) {
        return false;
    }
    start(book, actions, REASON_WAITED, take_waiting(book));
    return true;
}

/* One time has come: it starts, waits or is left out. */
static void decide(struct schedule_book *book, struct schedule_actions *actions,
                   enum schedule_reason reason, exo_time nominal_ns)
{
    enum schedule_overlap overlap = book->definition->overlap;

    book->considered_ns = nominal_ns;
    if (is_known(book, nominal_ns)) {
        return; /* a backfill was faster */
    }
    if (has_room(book)) { /* none waits then: start_waiting goes first */
        start(book, actions, reason, nominal_ns);
    } else if (overlap == OVERLAP_SKIP) {
        act(actions, SCHEDULE_SKIP, REASON_OVERLAP, nominal_ns, nominal_ns);
    } else if (overlap == OVERLAP_ALLOW || book->waiting_count == SCHEDULE_WAITING_MAX) {
        act(actions, SCHEDULE_SKIP, REASON_FULL, nominal_ns, nominal_ns);
    } else {
        book->waiting[book->waiting_count++] = nominal_ns;
    }
}

/* The next time to decide; false when there is none before the end. */
static bool next_fire(const struct schedule_book *book, exo_time after_ns, struct cron_fire *fire)
{
    return cron_next(&book->definition->cron, book->zone, after_ns, fire) &&
           fire->at_ns < book->definition->end_ns;
}

static exo_time due_ns(const struct schedule_book *book, exo_time nominal_ns)
{
    return nominal_ns + schedule_jitter(&book->id, nominal_ns, book->definition->jitter_ns);
}

static bool is_missed(const struct schedule_book *book, exo_time nominal_ns)
{
    return book->now_ns - due_ns(book, nominal_ns) > SCHEDULE_LATE_NS;
}

/* The last of the missed times in a row after `considered`, of which `first` is the first. Those
 * that are missed whatever their jitter are passed over at once. */
static exo_time last_missed(const struct schedule_book *book, exo_time first)
{
    exo_time sure_ns = book->now_ns - SCHEDULE_LATE_NS - book->definition->jitter_ns - 1;
    struct cron_fire fire;
    exo_time last = first;

    if (sure_ns >= book->definition->end_ns) {
        sure_ns = book->definition->end_ns - 1;
    }
    if (sure_ns > first && cron_last(&book->definition->cron, book->zone, first, sure_ns, &fire)) {
        last = fire.at_ns;
    }
    while (next_fire(book, last, &fire) && is_missed(book, fire.at_ns)) {
        last = fire.at_ns;
    }
    return last;
}

static void skip_missed(struct schedule_book *book, struct schedule_actions *actions,
                        exo_time first_ns, exo_time until_ns)
{
    act(actions, SCHEDULE_SKIP, REASON_MISSED, first_ns, until_ns);
    book->considered_ns = until_ns;
}

static bool take_missed(struct schedule_book *book, struct schedule_actions *actions,
                        exo_time first_ns)
{
    const struct schedule *definition = book->definition;
    exo_time window_ns = book->now_ns - definition->window_ns; /* those before it are left out */

    if (definition->catch_up == CATCH_UP_ALL && first_ns >= window_ns) {
        if (definition->overlap == OVERLAP_QUEUE && book->waiting_count == SCHEDULE_WAITING_MAX) {
            return false; /* it stays to be considered when there is room */
        }
        decide(book, actions, REASON_CAUGHT_UP, first_ns);
        return true;
    }
    exo_time last_ns = last_missed(book, first_ns);

    if (definition->catch_up == CATCH_UP_NONE || last_ns < window_ns) {
        skip_missed(book, actions, first_ns, last_ns);
    } else if (definition->catch_up == CATCH_UP_ALL) {
        skip_missed(book, actions, first_ns, window_ns - 1);
    } else if (first_ns < last_ns) {
        skip_missed(book, actions, first_ns, last_ns - 1);
    } else {
        decide(book, actions, REASON_CAUGHT_UP, first_ns);
    }
    return true;
}

static bool fire_one(struct schedule_book *book, struct schedule_actions *actions)
{
    struct cron_fire fire;

    book->is_over = !next_fire(book, book->considered_ns, &fire);
    if (book->is_over) {
        return false;
    }
    exo_time due = due_ns(book, fire.at_ns);

    if (due > book->now_ns) {
        book->deadline_ns = due;
        return false;
    }
    if (is_missed(book, fire.at_ns)) {
        return take_missed(book, actions, fire.at_ns);
    }
    decide(book, actions, REASON_DUE, fire.at_ns);
    return true;
}

static bool backfill_has_room(const struct schedule_book *book)
{
    uint32_t running = 0;

    for (uint32_t i = 0; i < book->live_count; i++) {
        running += book->live[i].is_backfill;
    }
    return has_room(book) && running < book->backfill_parallel;
}

static bool backfill_one(struct schedule_book *book, struct schedule_actions *actions)
{
    struct cron_fire fire;

    if (!book->has_backfill || !backfill_has_room(book)) {
        return false;
    }
    if (!cron_next(&book->definition->cron, book->zone, book->backfill_after_ns, &fire) ||
        fire.at_ns > book->backfill_until_ns) {
        book->has_backfill = false;
        return true;
    }
    book->backfill_after_ns = fire.at_ns;
    if (!is_known(book, fire.at_ns)) {
        start(book, actions, REASON_BACKFILL, fire.at_ns);
    }
    return true;
}

static void go_on(struct schedule_book *book, struct schedule_actions *actions)
{
    book->deadline_ns = EXO_TIME_NEVER;
    for (uint32_t i = actions->count; !book->is_paused; i++) {
        if (i == SCHEDULE_STEP_MAX) {
            book->deadline_ns = book->now_ns; /* more is left */
            return;
        }
        if (!trim_waiting(book, actions) && !cancel_one(book, actions) &&
            !start_waiting(book, actions) && !fire_one(book, actions) &&
            !backfill_one(book, actions)) {
            return;
        }
    }
}

/* --- events ------------------------------------------------------------------------------------
 */

static enum schedule_result ended(struct schedule_book *book, exo_time nominal_ns)
{
    struct schedule_live *live = find_live(book, nominal_ns);

    if (live == NULL) {
        return SCHEDULE_ESTALE;
    }
    *live = book->live[--book->live_count];
    return SCHEDULE_TAKEN;
}

static enum schedule_result set_paused(struct schedule_book *book, bool is_paused)
{
    if (book->is_paused == is_paused) {
        return SCHEDULE_ESTALE;
    }
    book->is_paused = is_paused;
    if (!is_paused && book->considered_ns < book->now_ns) {
        book->considered_ns = book->now_ns;
    }
    return SCHEDULE_TAKEN;
}

static bool is_same_rule(const struct schedule *a, const struct schedule *b)
{
    return span_equal(a->cron_text, b->cron_text) && span_equal(a->tz, b->tz) &&
           a->start_ns == b->start_ns;
}

static enum schedule_result change(struct schedule_book *book, const struct schedule_event *event)
{
    if (!is_same_rule(book->definition, event->definition)) {
        book->considered_ns = begin_at(event->definition, book->now_ns);
    }
    book->definition = event->definition;
    book->zone = event->zone;
    (void)set_paused(book, event->definition->is_paused); /* may be so already */
    return SCHEDULE_TAKEN;
}

static enum schedule_result backfill(struct schedule_book *book, const struct schedule_event *event)
{
    if (event->from_ns < 0 || event->until_ns < event->from_ns || event->until_ns > book->now_ns ||
        event->parallel == 0) {
        return SCHEDULE_EINVALID;
    }
    if (book->has_backfill) {
        return SCHEDULE_ECONFLICT;
    }
    book->has_backfill = true;
    book->backfill_after_ns = event->from_ns - 1;
    book->backfill_until_ns = event->until_ns;
    book->backfill_parallel = event->parallel;
    return SCHEDULE_TAKEN;
}

static enum schedule_result backfill_stop(struct schedule_book *book)
{
    bool had_one = book->has_backfill;

    book->has_backfill = false;
    return had_one ? SCHEDULE_TAKEN : SCHEDULE_ESTALE;
}

static enum schedule_result trigger(struct schedule_book *book, exo_time nominal_ns,
                                    struct schedule_actions *actions)
{
    if (nominal_ns > book->now_ns) {
        return SCHEDULE_EINVALID;
    }
    if (is_known(book, nominal_ns)) {
        return SCHEDULE_ESTALE;
    }
    if (!has_room(book) || book->waiting_count > 0) {
        return SCHEDULE_ECONFLICT;
    }
    start(book, actions, REASON_TRIGGERED, nominal_ns);
    return SCHEDULE_TAKEN;
}

static enum schedule_result take(struct schedule_book *book, const struct schedule_event *event,
                                 struct schedule_actions *actions)
{
    switch (event->kind) {
    case SCHEDULE_LOOK:
        return SCHEDULE_TAKEN;
    case SCHEDULE_ENDED:
        return ended(book, event->nominal_ns);
    case SCHEDULE_PAUSE:
        return set_paused(book, true);
    case SCHEDULE_RESUME:
        return set_paused(book, false);
    case SCHEDULE_CHANGE:
        return change(book, event);
    case SCHEDULE_BACKFILL:
        return backfill(book, event);
    case SCHEDULE_BACKFILL_STOP:
        return backfill_stop(book);
    case SCHEDULE_TRIGGER:
        return trigger(book, event->nominal_ns, actions);
    case SCHEDULE_EVENT_NR:
        break;
    }
    assert(false);
    return SCHEDULE_ESTALE;
}

enum schedule_result schedule_book_step(struct schedule_book *book,
                                        const struct schedule_event *event, exo_time now_ns,
                                        struct schedule_actions *ret_actions)
{
    book->now_ns = now_ns > book->now_ns ? now_ns : book->now_ns;
    ret_actions->count = 0;
    enum schedule_result result = take(book, event, ret_actions);

    if (event->is_behind) {
        book->deadline_ns = book->is_paused ? EXO_TIME_NEVER : book->now_ns;
    } else {
        go_on(book, ret_actions);
    }
    return result;
}

exo_time schedule_book_deadline(const struct schedule_book *book)
{
    return book->deadline_ns;
}

enum schedule_phase schedule_book_phase(const struct schedule_book *book)
{
    return book->is_paused ? SCHEDULE_PAUSED : book->is_over ? SCHEDULE_OVER : SCHEDULE_OPEN;
}

void schedule_book_save(const struct schedule_book *book, struct schedule_saved *ret_saved)
{
    *ret_saved = (struct schedule_saved){
        .considered_ns = book->considered_ns,
        .is_paused = book->is_paused,
        .live = book->live,
        .live_count = book->live_count,
        .waiting = book->waiting,
        .waiting_count = book->waiting_count,
        .has_backfill = book->has_backfill,
        .backfill_after_ns = book->backfill_after_ns,
        .backfill_until_ns = book->backfill_until_ns,
        .backfill_parallel = book->backfill_parallel,
    };
}

void schedule_book_check(const struct schedule_book *book)
{
    assert(book->live_count <= SCHEDULE_LIVE_MAX);
    assert(book->waiting_count <= SCHEDULE_WAITING_MAX);
    assert(!book->is_paused || book->deadline_ns == EXO_TIME_NEVER);
    for (uint32_t i = 0; i < book->waiting_count; i++) {
        assert(book->waiting[i] <= book->considered_ns);
        assert(i == 0 || book->waiting[i - 1] < book->waiting[i]);
        for (uint32_t j = 0; j < book->live_count; j++) {
            assert(book->live[j].nominal_ns != book->waiting[i]);
        }
    }
    for (uint32_t i = 0; i < book->live_count; i++) {
        assert(book->live[i].nominal_ns <= book->now_ns);
        for (uint32_t j = 0; j < i; j++) {
            assert(book->live[i].nominal_ns != book->live[j].nominal_ns);
        }
    }
    if (book->has_backfill) {
        assert(book->backfill_parallel > 0 && book->backfill_until_ns <= book->now_ns);
    }
}
