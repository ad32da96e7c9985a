/* plan_people: what people ask of the executions of a plan while they run. Each may come at any
 * time, also before its Job. */
#include <assert.h>

#include "tests/sim/plan.h"

static void command_add(struct plan_execution *e, struct plan_command command)
{
    assert(e->command_count < PLAN_COMMANDS_MAX);
    command.at_ns = command.at_ns < 1 ? 1 : command.at_ns;
    e->commands[e->command_count++] = command;
}

static exo_time draw_time(const struct plan_execution *e, struct dice *dice)
{
    return e->submit_ns + dice_between(dice, -EXO_SECOND, 10 * EXO_SECOND);
}

/* A pause always comes to an end: people.c sees to it. */
static void make_pauses(struct plan_execution *e, struct faults *faults)
{
    if (!fault_fires(faults, FAULT_PAUSED)) {
        return;
    }
    for (uint32_t i = (uint32_t)dice_between(faults->dice, 1, 2); i > 0; i--) {
        exo_time at_ns = draw_time(e, faults->dice);

        command_add(e, (struct plan_command){.kind = COMMAND_PAUSE, .at_ns = at_ns});
        command_add(e, (struct plan_command){
                           .kind = COMMAND_RESUME,
                           .at_ns = at_ns + dice_between(faults->dice, 0, 15 * EXO_SECOND)});
    }
}

static void make_priorities(struct plan_execution *e, struct faults *faults)
{
    if (!fault_fires(faults, FAULT_PRIORITY)) {
        return;
    }
    for (uint32_t i = (uint32_t)dice_between(faults->dice, 1, 2); i > 0; i--) {
        command_add(e, (struct plan_command){.kind = COMMAND_PRIORITY,
                                             .at_ns = draw_time(e, faults->dice),
                                             .priority = (uint32_t)dice_below(faults->dice, 10)});
    }
}

static bool is_free(const struct plan_satellite *s)
{
    return s->inner_count == 0 && !s->is_final && !s->is_by_hand && s->wait == WAIT_NONE &&
           s->style != STYLE_HANG;
}

/* One that is no group and whose end is its tasks' alone; NULL: the one drawn is not such. */
static struct plan_satellite *draw_satellite(struct plan_execution *e, struct faults *faults,
                                             enum sim_fault fault)
{
    if (e->crash != CRASH_NONE || e->is_poison || !fault_fires(faults, fault)) {
        return NULL;
    }
    struct plan_satellite *s = &e->satellites[dice_below(faults->dice, e->satellite_count)];

    if (!is_free(s)) {
        faults->fired[fault]--;
        return NULL;
    }
    return s;
}

static void by_hand_make(struct plan_satellite *s, enum style style)
{
    s->is_by_hand = true;
    s->style = style;
    s->has_timeout = false;
    s->batch = BATCH_NONE;
}

/* Some come at any time, also for tasks that were never begun; people.c does what is left. */
static void make_skips(struct plan_execution *e, struct faults *faults)
{
    struct plan_satellite *s = draw_satellite(e, faults, FAULT_SKIPPED);

    if (s == NULL) {
        return;
    }
    by_hand_make(s, STYLE_HANG);
    s->gives_blob = false; /* nobody writes one by hand */
    for (uint32_t i = 0; i < 2; i++) {
        command_add(
            e, (struct plan_command){.kind = COMMAND_SKIP,
                                     .at_ns = draw_time(e, faults->dice),
                                     .satellite = (uint32_t)(s - e->satellites),
                                     .index = (uint32_t)dice_below(faults->dice, PLAN_LIST_SHORT)});
    }
}

static void make_retries(struct plan_execution *e, struct faults *faults)
{
    struct plan_satellite *s = draw_satellite(e, faults, FAULT_RETRIED);

    if (s == NULL) {
        return;
    }
    by_hand_make(s, STYLE_FLAKY);
    s->retries = s->retries < 1 ? 1 : s->retries;
    command_add(e, (struct plan_command){.kind = COMMAND_RETRY,
                                         .at_ns = draw_time(e, faults->dice),
                                         .satellite = (uint32_t)(s - e->satellites)});
}

/* A signal does not know which of them takes it, so they give the same. */
static void wait_make(struct plan_satellite *s, enum wait_kind wait)
{
    s->wait = wait;
    s->style = STYLE_GOOD;
    s->has_timeout = false;
    s->batch = BATCH_NONE;
    s->retries = 0;
    s->gives_blob = false;
    s->list_count = PLAN_LIST_SHORT;
}

static void signal_wait_make(struct plan_satellite *s, struct dice *dice)
{
    wait_make(s, (enum wait_kind)dice_between(dice, WAIT_SIGNAL, WAIT_NEVER));
    s->wait_ms = s->wait == WAIT_SIGNAL ? 0 : (uint32_t)dice_between(dice, 1, 12000);
}

/* Another that can wait; NULL: there is none. */
static struct plan_satellite *draw_second(struct plan_execution *e, struct dice *dice)
{
    uint32_t first = (uint32_t)dice_below(dice, e->satellite_count);

    for (uint32_t i = 0; i < e->satellite_count; i++) {
        struct plan_satellite *s = &e->satellites[(first + i) % e->satellite_count];

        if (s->each == EACH_NONE && is_free(s)) {
            return s;
        }
    }
    return NULL;
}

/* Before, while and after it is waited for; with a key once more, and with another payload. */
static void make_signals(struct plan_execution *e, struct faults *faults)
{
    struct plan_satellite *s = draw_satellite(e, faults, FAULT_SIGNALLED);

    if (s == NULL || s->each != EACH_NONE) {
        faults->fired[FAULT_SIGNALLED] -= s != NULL;
        return;
    }
    signal_wait_make(s, faults->dice);
    s = draw_second(e, faults->dice);
    if (s != NULL) {
        signal_wait_make(s, faults->dice);
    }
    for (uint32_t i = (uint32_t)dice_between(faults->dice, 1, 4); i > 0; i--) {
        command_add(e, (struct plan_command){.kind = COMMAND_SIGNAL,
                                             .at_ns = draw_time(e, faults->dice),
                                             .index = i,
                                             .key = (uint32_t)dice_below(faults->dice, 2)});
    }
}

/* Some expression takes its output for that of a task. */
static bool is_read(const struct plan_execution *e, const struct plan_satellite *of)
{
    uint32_t number = (uint32_t)(of - e->satellites);

    for (uint32_t i = 0; i < e->satellite_count; i++) {
        const struct plan_satellite *s = &e->satellites[i];

        if ((s->when == WHEN_ABOVE && s->when_of == number) ||
            (s->each == EACH_OUTPUT && s->each_of == number) ||
            (s->given == GIVEN_OUTPUT && s->given_of == number)) {
            return true;
        }
    }
    return false;
}

/* What comes before anybody is asked changes nothing; people.c says it again. */
static void make_approvals(struct plan_execution *e, struct faults *faults)
{
    struct plan_satellite *s = draw_satellite(e, faults, FAULT_APPROVED);

    if (s == NULL || s->each != EACH_NONE || is_read(e, s)) {
        faults->fired[FAULT_APPROVED] -= s != NULL;
        return;
    }
    wait_make(s, dice_chance(faults->dice, 500000) ? WAIT_APPROVED : WAIT_REJECTED);
    command_add(e, (struct plan_command){.kind = s->wait == WAIT_APPROVED ? COMMAND_APPROVE
                                                                          : COMMAND_REJECT,
                                         .at_ns = draw_time(e, faults->dice),
                                         .satellite = (uint32_t)(s - e->satellites)});
}

/* The answer is given when it has begun to wait: people.c. */
static void make_races(struct plan_execution *e, struct faults *faults)
{
    struct plan_satellite *s = draw_satellite(e, faults, FAULT_ANSWER_RACED);

    if (s == NULL || s->each != EACH_NONE || is_read(e, s)) {
        faults->fired[FAULT_ANSWER_RACED] -= s != NULL;
        return;
    }
    wait_make(s, WAIT_ANSWERED);
    s->wait_ms = (uint32_t)dice_between(faults->dice, 1, 8000);
}

/* They are told more as they wait: people.c. */
static void make_inner_waits(struct plan_execution *e, struct faults *faults)
{
    bool is_any = false;

    for (uint32_t i = 0; i < e->satellite_count; i++) {
        is_any = plan_wait_inner_make(e, &e->satellites[i], faults) || is_any;
    }
    for (uint32_t i = is_any ? (uint32_t)dice_between(faults->dice, 1, 3) : 0; i > 0; i--) {
        command_add(e, (struct plan_command){.kind = COMMAND_SIGNAL,
                                             .at_ns = draw_time(e, faults->dice),
                                             .index = PLAN_SIGNALS - i,
                                             .key = (uint32_t)dice_below(faults->dice, 2)});
    }
}

void plan_people_make(struct plan_execution *e, struct faults *faults)
{
    if (!e->has_id) {
        return; /* nobody knows what to call it */
    }
    make_pauses(e, faults);
    make_priorities(e, faults);
    make_skips(e, faults);
    make_retries(e, faults);
    make_signals(e, faults);
    make_approvals(e, faults);
    make_races(e, faults);
    make_inner_waits(e, faults);
}
