#include "scheduler/caution.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/shard.h"
#include "schemas/vocab/limits.h"

enum {
    CRASHES_MIN = 2,      /* owners that died before anybody is careful */
    DEATHS_CONDEMN = 2,   /* on one marker before its input is quarantined */
    DEATHS_BLIND = 6,     /* ... without a look at it; some of them may have been chance */
    QUIET_S = 2,          /* a reader that offers nothing for so long has nothing more */
    FIRST_S = 3,          /* others wait so long for a suspect */
    STANDS_S = 1,         /* a marker nobody comes for */
    REFUSED_LENGTH_S = 1, /* first; doubles while refusals go on */
    CRASHED_LENGTH_S = 4,
    SUSPECT_LENGTH_S = 10,
    LENGTH_MAX_S = 60,
};

static const char LETTER_TOPIC[] = "internal"; /* of no topic: nothing to send again */
static const char NOTHING[] = "nothing";       /* a marker that blames nobody */

static exo_time now_of(const struct shard *shard)
{
    return loop_now_ns(shard->scheduler->loop);
}

static void careful_set(struct shard *shard, enum caution_mode mode)
{
    struct caution *c = &shard->caution;

    shard->scheduler->careful_count += mode != CAUTION_NONE ? 1 : 0;
    shard->scheduler->careful_count -= c->mode != CAUTION_NONE ? 1 : 0;
    c->mode = mode;
    if (shard->sched != NULL) {
        sched_be_narrow(shard->sched, mode != CAUTION_NONE);
    }
}

/* Whoever waited for the marker's end is offered again. */
static void mark_free(struct shard *shard)
{
    struct scheduler *scheduler = shard->scheduler;

    shard->caution.mark = MARK_NONE;
    if (scheduler->marked == shard) {
        scheduler->marked = NULL;
        for (uint32_t i = 0; i < scheduler->shard_count; i++) {
            if (scheduler->shards[i] != NULL && shard_is_live(scheduler->shards[i])) {
                intake_resume(scheduler->shards[i]);
            }
        }
    }
    scheduler_wake(scheduler);
}

/* ---- beginning ---- */

static void jobs_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);

    /* Without an answer the bound that is there already holds. */
    if (shard != NULL && err == NULL && end < shard->caution.until[INPUT_JOBS]) {
        shard->caution.until[INPUT_JOBS] = end;
    }
}

/* Nobody before us can have read further than two batches, or than the log reaches now. */
static void range_set(struct shard *shard)
{
    struct caution *c = &shard->caution;
    static const int64_t most[INPUT_NR] = {2 * (int64_t)JOBS_MAX, 2 * (int64_t)STATUS_MAX};

    for (int i = 0; i < INPUT_NR; i++) {
        c->until[i] = shard->inputs[i].cursor.offset + most[i];
        c->heard_ns[i] = now_of(shard);
    }
    log_end(shard->scheduler->log, TOPIC_JOBS, shard->number, jobs_end,
            shard_ticket_new(shard, NULL));
}

void caution_taken(struct shard *shard, const struct store_guard *guard)
{
    struct caution *c = &shard->caution;

    if (c->mark == MARK_LEFT) {
        mark_free(shard); /* who opens a shard wipes it */
    }
    if (guard->crashes < CRASHES_MIN && guard->deaths == 0) {
        return;
    }
    if (c->mode != CAUTION_CRASHED) {
        scheduler_say(shard->scheduler, "shard.careful",
                      "shard %u: %u schedulers in a row died with it, %u of them on \"%s\"; its "
                      "inputs go one at a time",
                      shard->number, guard->crashes, guard->deaths, guard->suspect);
    }
    careful_set(shard, CAUTION_CRASHED);
    c->length_ns = (guard->deaths == 0 ? CRASHED_LENGTH_S : SUSPECT_LENGTH_S) * EXO_SECOND;
    range_set(shard);
    memcpy(c->first, guard->suspect, sizeof(c->first));
    c->first_ns = 0;
    c->over_ns = 0;
    if (guard->deaths >= DEATHS_CONDEMN) {
        struct condemned *by_death = &c->condemned[BY_DEATH];

        memcpy(by_death->input, guard->suspect, sizeof(by_death->input));
        by_death->is_blind = guard->deaths >= DEATHS_BLIND;
        (void)snprintf(by_death->why, sizeof(by_death->why), "%u scheduler processes died on it",
                       guard->deaths);
    }
}

/* Where it stands already, a free place, or that of the oldest. */
static struct condemned *refusal_place(struct caution *c)
{
    for (int i = BY_REFUSAL; i < CONDEMNED_NR; i++) {
        if (strcmp(c->condemned[i].input, c->input) == 0) {
            return &c->condemned[i];
        }
    }
    for (int i = BY_REFUSAL; i < CONDEMNED_NR; i++) {
        if (c->condemned[i].input[0] == '\0') {
            return &c->condemned[i];
        }
    }
    return &c->condemned[BY_REFUSAL + c->refused_count++ % REFUSALS_KEPT];
}

/* The batch held one input, and that is to blame; or all it held goes one by one now. */
void caution_refused(struct shard *shard, bool is_duplicate, const char *why)
{
    struct caution *c = &shard->caution;

    if (c->mark == MARK_USED) {
        bool is_blind = c->found != NULL;
        struct condemned *by_refusal = refusal_place(c);

        memcpy(by_refusal->input, c->input, sizeof(by_refusal->input));
        (void)snprintf(by_refusal->why, sizeof(by_refusal->why),
                       "the database refuses what follows from it: %.190s", why);
        by_refusal->is_blind = is_blind;
        by_refusal->is_duplicate = is_duplicate;
        return;
    }
    bool is_again = now_of(shard) - c->ended_ns < LENGTH_MAX_S * EXO_SECOND;
    exo_time length_ns = is_again ? 2 * c->length_ns : 0;

    c->length_ns = length_ns < REFUSED_LENGTH_S * EXO_SECOND ? REFUSED_LENGTH_S * EXO_SECOND
                   : length_ns < LENGTH_MAX_S * EXO_SECOND   ? length_ns
                                                             : LENGTH_MAX_S * EXO_SECOND;
    if (c->mode == CAUTION_NONE) {
        careful_set(shard, CAUTION_REFUSED);
    }
    c->over_ns = 0;
    for (int i = 0; i < INPUT_NR; i++) {
        c->until[i] = shard->sealed.batch.inputs[i].offset;
        c->heard_ns[i] = now_of(shard);
    }
}

/* ---- one input ---- */

static void marked(void *argument, const struct exo_error *err)
{
    struct shard *shard = shard_ticket_end(argument);

    if (shard == NULL || shard->caution.mark != MARK_ASKED) {
        return;
    }
    if (err != NULL) {
        scheduler_say(shard->scheduler, "shard.waiting", "shard %u: a marker: %s", shard->number,
                      err->text);
        shard_again(shard, EXO_SECOND); /* closes it if it is another's by now */
        return;
    }
    shard->caution.mark = MARK_STANDS;
    shard->caution.stands_ns = now_of(shard);
    if (strcmp(shard->caution.input, NOTHING) == 0) {
        mark_free(shard);
        return;
    }
    intake_resume(shard);
    scheduler_wake(shard->scheduler);
}

static void mark_ask(struct shard *shard, const char *input)
{
    struct caution *c = &shard->caution;
    struct scheduler *scheduler = shard->scheduler;

    (void)snprintf(c->input, sizeof(c->input), "%s", input);
    c->mark = MARK_ASKED;
    scheduler->marked = shard;
    store_shard_mark(scheduler->store, shard->number, scheduler->process, input, marked,
                     shard_ticket_new(shard, NULL));
}

static enum caution_verdict use(struct shard *shard)
{
    struct caution *c = &shard->caution;

    c->mark = MARK_USED;
    if (strcmp(c->first, c->input) == 0) {
        c->first[0] = '\0';
    }
    c->found = NULL;
    for (int i = 0; i < CONDEMNED_NR; i++) {
        if (strcmp(c->condemned[i].input, c->input) == 0) {
            c->found = &c->condemned[i];
        }
    }
    scheduler_wake(shard->scheduler);
    return c->found != NULL ? CAUTION_QUARANTINE : CAUTION_STEP;
}

/* The one before it must be decided, and nothing else may lie in its batch. */
static bool is_clear(const struct shard *shard)
{
    return !shard->is_in_flight && shard->letter_count == 0 && sched_is_empty(shard->sched);
}

/* Records of the suspect's topic lie before it; work must be done before any record. */
static bool is_before_suspect(const struct shard *shard, const char *input)
{
    const char *first = shard->caution.first;
    const char *offset = strstr(first, " offset ");

    return first[0] == '\0' || strcmp(first, input) == 0 || sched_has_work(shard->sched) ||
           (offset != NULL && strncmp(first, input, (size_t)(offset - first) + 8) == 0);
}

static enum caution_verdict offered(struct shard *shard, const char *input)
{
    struct caution *c = &shard->caution;

    if (c->mark == MARK_USED || c->mark == MARK_ASKED || !is_clear(shard) ||
        !is_before_suspect(shard, input)) {
        return CAUTION_WAIT;
    }
    if (c->mark == MARK_STANDS) {
        return strcmp(c->input, input) == 0 ? use(shard) : CAUTION_WAIT;
    }
    if (c->mode == CAUTION_CRASHED) {
        mark_ask(shard, input);
        return CAUTION_WAIT;
    }
    (void)snprintf(c->input, sizeof(c->input), "%s", input);
    return use(shard);
}

bool caution_holds(const struct shard *shard)
{
    const struct shard *other = shard->scheduler->marked;

    return other != NULL && other != shard;
}

enum caution_verdict caution_record(struct shard *shard, uint32_t input, int64_t offset)
{
    static const char *const topics[INPUT_NR] = {TOPIC_JOBS, TOPIC_STATUS};
    struct caution *c = &shard->caution;
    char text[STORE_MARKER_BYTES];

    if (shard->scheduler->careful_count == 0) {
        return CAUTION_STEP;
    }
    if (caution_holds(shard)) {
        return CAUTION_WAIT;
    }
    if (c->mode == CAUTION_NONE) {
        return CAUTION_STEP;
    }
    c->heard_ns[input] = now_of(shard);
    /* What was queued before it is not its fault. */
    if (shard->scheduler->held_for == shard || sched_has_work(shard->sched)) {
        return CAUTION_WAIT;
    }
    (void)snprintf(text, sizeof(text), "%s/%u offset %lld", topics[input], shard->number,
                   (long long)offset);
    enum caution_verdict verdict = offered(shard, text);

    if (verdict != CAUTION_WAIT) {
        c->last = input;
    }
    return verdict;
}

static void event_text(const struct shard *shard, const struct sched_event *event,
                       char text[STORE_MARKER_BYTES])
{
    static const char *const names[SCHED_EVENT_NR] = {
        [SCHED_SUBMIT] = "submit",   [SCHED_REPORT] = "report",     [SCHED_GRANT] = "grant",
        [SCHED_WITNESS] = "witness", [SCHED_TIMER] = "timer",       [SCHED_BARRIER] = "barrier",
        [SCHED_VALUE] = "value",     [SCHED_ANSWER] = "answer",     [SCHED_COMMAND] = "command",
        [SCHED_FAIL] = "fail",       [SCHED_GATHERED] = "gathered",
    };
    struct execution_id id;
    char of[EXECUTION_ID_TEXT_BYTES + 1] = "";

    if (sched_concerns(shard->sched, event, &id)) {
        execution_id_format(&id, of);
    }
    (void)snprintf(text, STORE_MARKER_BYTES, "%s%s%s", names[event->kind],
                   of[0] == '\0' ? "" : " of ", of);
}

static enum caution_verdict event_verdict(struct shard *shard, const struct sched_event *event)
{
    char text[STORE_MARKER_BYTES];

    if (shard->scheduler->careful_count == 0) {
        return CAUTION_STEP;
    }
    if (caution_holds(shard)) {
        return CAUTION_WAIT;
    }
    if (shard->caution.mode == CAUTION_NONE) {
        return CAUTION_STEP;
    }
    bool is_grant = event->kind == SCHED_GRANT;

    if ((!is_grant && shard->scheduler->held_for == shard) ||
        (event->kind != SCHED_TIMER && !is_grant && sched_has_work(shard->sched))) {
        return CAUTION_WAIT;
    }
    event_text(shard, event, text);
    return offered(shard, text);
}

enum caution_verdict caution_event(struct shard *shard, const struct sched_event *event)
{
    enum caution_verdict verdict = event_verdict(shard, event);

    shard->is_held_back |= verdict == CAUTION_WAIT;
    return verdict;
}

void caution_unused(struct shard *shard)
{
    struct caution *c = &shard->caution;

    if (c->mark == MARK_USED) {
        c->mark = c->mode == CAUTION_CRASHED ? MARK_STANDS : MARK_NONE;
        c->stands_ns = now_of(shard);
    }
}

/* ---- quarantine ---- */

void caution_reason(const struct shard *shard, const char *became, char text[512])
{
    (void)snprintf(text, 512, "POISON: %s; %s", shard->caution.found->why, became);
}

static void stand_still(struct shard *shard)
{
    struct exo_error err;

    (void)exo_error_set(&err, EXO_EINTERNAL, "POISON: \"%.120s\" cannot be quarantined: %.240s",
                        shard->caution.found->input, shard->caution.found->why);
    shard_stop(shard, &err);
}

void caution_fail(struct shard *shard, const struct sched_event *event)
{
    struct caution *c = &shard->caution;
    struct execution_id id;
    bool is_about_one = sched_concerns(shard->sched, event, &id);
    char of[EXECUTION_ID_TEXT_BYTES + 1] = "";
    char reason[512];

    if (c->found->is_blind) {
        stand_still(shard);
        return;
    }
    caution_reason(shard, is_about_one ? "its execution was failed" : "it was left out", reason);
    if (is_about_one) {
        struct sched_event fail = {
            .kind = SCHED_FAIL, .failure = {id, arena_copy(&shard->open_arena, span_of(reason))}};
        uint32_t generation = shard->generation;
        enum sched_err result = shard_step(shard, &fail);

        if (shard->generation != generation) {
            return;
        }
        if (result == SCHED_ESTALE && event->kind == SCHED_TIMER) {
            stand_still(shard); /* it ends already, and that is what goes wrong */
            return;
        }
        execution_id_format(&id, of);
    }
    struct log_record record = {
        .offset = (int64_t)shard->batch + 1, .key = span_of(of), .value = span_of(c->input)};

    letter_add(shard, LETTER_TOPIC, &record, reason);
    scheduler_say(shard->scheduler, "shard.quarantine", "shard %u: %s: %s", shard->number, c->input,
                  reason);
}

/* ---- the end ---- */

void caution_committed(struct shard *shard)
{
    struct caution *c = &shard->caution;

    if (c->mark != MARK_USED) {
        return;
    }
    if (c->found != NULL) {
        c->found->input[0] = '\0';
        c->found = NULL;
    }
    mark_free(shard);
}

static bool is_past(const struct shard *shard, int input)
{
    const struct caution *c = &shard->caution;
    int64_t until = c->until[input];

    if (c->mode == CAUTION_CRASHED && input == INPUT_STATUS && shard->drained_at < until) {
        until = shard->drained_at; /* where the log ended when we took it */
    }
    return shard->inputs[input].cursor.offset >= until ||
           now_of(shard) - c->heard_ns[input] >= QUIET_S * EXO_SECOND;
}

static void forgotten(void *argument, const struct exo_error *err)
{
    (void)err; /* then the next owner is careful once more */
    (void)shard_ticket_end(argument);
}

static void caution_end(struct shard *shard)
{
    struct caution *c = &shard->caution;

    scheduler_say(shard->scheduler, "shard.careful", "shard %u goes on as usual", shard->number);
    if (c->mode == CAUTION_CRASHED) {
        store_shard_mark(shard->scheduler->store, shard->number, shard->scheduler->process, "",
                         forgotten, shard_ticket_new(shard, NULL));
    }
    memset(c->condemned, 0, sizeof(c->condemned));
    c->ended_ns = now_of(shard);
    careful_set(shard, CAUTION_NONE);
    mark_free(shard);
    intake_resume(shard);
}

void caution_turn(struct shard *shard)
{
    struct caution *c = &shard->caution;

    if (c->mode == CAUTION_NONE) {
        return;
    }
    if (c->mark == MARK_STANDS && now_of(shard) - c->stands_ns >= STANDS_S * EXO_SECOND) {
        mark_ask(shard, NOTHING); /* a death after it has nothing to do with that input */
        return;
    }
    c->first_ns = c->first_ns == 0 ? now_of(shard) + FIRST_S * EXO_SECOND : c->first_ns;
    if (c->first[0] != '\0' && now_of(shard) >= c->first_ns) {
        c->first[0] = '\0'; /* it does not come */
        intake_resume(shard);
    }
    if (shard->state != SHARD_RUNNING) {
        return;
    }
    c->over_ns = c->over_ns == 0 ? now_of(shard) + c->length_ns : c->over_ns;
    bool is_awaited = false;

    for (int i = 0; i < CONDEMNED_NR; i++) {
        is_awaited = is_awaited || c->condemned[i].input[0] != '\0';
    }
    exo_time over_ns = c->over_ns + (is_awaited ? LENGTH_MAX_S * EXO_SECOND : 0);

    if (c->mark == MARK_NONE && is_clear(shard) && now_of(shard) >= over_ns &&
        c->first[0] == '\0' && shard->scheduler->held_for != shard && is_past(shard, INPUT_JOBS) &&
        is_past(shard, INPUT_STATUS)) {
        caution_end(shard);
    }
}

void caution_life_end(struct shard *shard)
{
    struct caution *c = &shard->caution;

    c->found = NULL;
    if (shard->scheduler->marked == shard) {
        c->mark = MARK_LEFT;
    } else {
        mark_free(shard);
    }
    grant_drop(shard);
}

void caution_stopped(struct shard *shard)
{
    if (shard->caution.mark == MARK_LEFT) {
        mark_ask(shard, NOTHING); /* it may stand still for long, and the others must not */
    }
}

void caution_close(struct shard *shard)
{
    mark_free(shard);
    careful_set(shard, CAUTION_NONE);
    shard->caution = (struct caution){0};
}
