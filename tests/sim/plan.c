#include "tests/sim/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool percent(struct dice *dice, uint32_t chance)
{
    return dice_chance(dice, chance * 10000);
}

/* ---- making ---- */

static uint32_t few_or_many(struct dice *dice)
{
    static const uint32_t wide[] = {256, 257, 300, 512, 600};

    if (percent(dice, 15)) {
        return 0;
    }
    if (percent(dice, 4)) {
        return wide[dice_below(dice, sizeof(wide) / sizeof(wide[0]))];
    }
    return (uint32_t)dice_between(dice, 1, percent(dice, 20) ? 30 : PLAN_LIST_SHORT);
}

static bool waits_for_all(enum join_kind join)
{
    return join != WANT_ANY && join != WANT_TWO;
}

/* Everything upstream of one satellite that has certainly ended when it begins. */
static uint32_t ended_before(const struct plan_execution *e, const struct plan_satellite *s)
{
    uint32_t all = waits_for_all(s->join) ? s->parents : 0;

    for (uint32_t i = PLAN_SATELLITES_MAX; i-- > 0;) {
        if ((all >> i & 1) != 0 && waits_for_all(e->satellites[i].join)) {
            all |= e->satellites[i].parents;
        }
    }
    return all;
}

/* A random one of a set that is a map, or is none, and no group; UINT32_MAX: there is no such. */
static uint32_t pick(struct dice *dice, const struct plan_execution *e, uint32_t set, bool is_map)
{
    uint32_t found[PLAN_SATELLITES_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        if ((set >> i & 1) != 0 && (e->satellites[i].each != EACH_NONE) == is_map &&
            e->satellites[i].inner_count == 0) {
            found[count++] = i;
        }
    }
    return count == 0 ? UINT32_MAX : found[dice_below(dice, count)];
}

static void make_each(struct dice *dice, struct plan_execution *e, struct plan_satellite *s)
{
    uint32_t all = ended_before(e, s);
    uint32_t single = pick(dice, e, all, false);
    uint32_t map = pick(dice, e, all, true);

    if (!percent(dice, 40)) {
        return;
    }
    s->each = EACH_INPUT;
    if (single != UINT32_MAX && percent(dice, 50)) {
        s->each = EACH_OUTPUT;
        s->each_of = single;
    } else if (map != UINT32_MAX && percent(dice, 50)) {
        s->each = EACH_MAP;
        s->each_of = map;
    }
    s->max_parallel = percent(dice, 25) ? (uint32_t)dice_between(dice, 1, 4) : 0;
}

static void make_when(struct dice *dice, struct plan_execution *e, struct plan_satellite *s)
{
    uint32_t all = ended_before(e, s);
    uint32_t single = pick(dice, e, all, false);
    uint32_t map = pick(dice, e, all, true);

    if (!percent(dice, 30)) {
        return;
    }
    s->when = WHEN_INPUT;
    s->when_number = (uint32_t)dice_below(dice, 4);
    s->when_other = (uint32_t)dice_below(dice, 4);
    if (single != UINT32_MAX && percent(dice, 40)) {
        s->when = percent(dice, 50) ? WHEN_ABOVE : WHEN_STATE;
        s->when_of = single;
    } else if (map != UINT32_MAX && percent(dice, 70)) {
        s->when = percent(dice, 50) ? WHEN_SIZE : WHEN_ITEM;
        s->when_of = map;
    }
}

static enum style style_draw(struct dice *dice)
{
    static const enum style rare[] = {STYLE_FLAKY, STYLE_FLAKY, STYLE_FLAKY, STYLE_LATER,
                                      STYLE_SLOW,  STYLE_BAD,   STYLE_NEVER};

    return percent(dice, 55) ? STYLE_GOOD : rare[dice_below(dice, sizeof(rare) / sizeof(rare[0]))];
}

static void make_group(struct dice *dice, struct plan_satellite *s)
{
    static const enum inner_kind kinds[] = {INNER_ONE, INNER_ONE, INNER_MAP, INNER_GROUP};

    s->inner_count = (uint32_t)dice_between(dice, 1, PLAN_INNER_MAX);
    for (uint32_t i = 0; i < s->inner_count; i++) {
        struct plan_inner *inner = &s->inner[i];

        inner->kind = kinds[dice_below(dice, sizeof(kinds) / sizeof(kinds[0]))];
        inner->style = style_draw(dice);
        inner->has_timeout = inner->style == STYLE_SLOW;
        inner->retries = percent(dice, 60) ? (uint32_t)dice_between(dice, 1, 4) : 0;
        inner->is_big = percent(dice, 15);
    }
    s->gives_blob = false;
    s->has_timeout = false;
    s->is_big = false;
    s->is_strict = false;
    s->retries = 0;
    s->style = STYLE_GOOD;
}

/* Dice of its own, so that other plans stay what they were. */
static void make_closed(struct plan_execution *e, struct plan_satellite *s, uint32_t number)
{
    struct dice dice = dice_new(e->seed + number, 19);
    uint32_t all = ended_before(e, s);
    uint32_t single = pick(&dice, e, all, false);
    uint32_t map = pick(&dice, e, all, true);
    struct plan_inner *last = &s->inner[s->inner_count - 1];

    if (s->inner_count == 0 || !percent(&dice, 50)) {
        return;
    }
    s->is_closed = true;
    if (s->each != EACH_NONE && percent(&dice, 40)) {
        s->given = GIVEN_INDEX;
    } else if (single != UINT32_MAX && percent(&dice, 60)) {
        s->given = GIVEN_OUTPUT;
        s->given_of = single;
    } else if (map != UINT32_MAX && percent(&dice, 80)) {
        s->given = GIVEN_LIST;
        s->given_of = map;
    }
    if (s->inner_count > 1 && percent(&dice, 40)) {
        s->has_inner_final = true;
        last->kind = last->kind == INNER_GROUP ? INNER_ONE : last->kind;
    }
}

static uint32_t bits(uint32_t set)
{
    uint32_t count = 0;

    for (; set != 0; set &= set - 1) {
        count++;
    }
    return count;
}

static void make_join(struct dice *dice, struct plan_satellite *s)
{
    static const enum join_kind rare[] = {WANT_DONE, WANT_DONE, WANT_ANY, WANT_TWO, WANT_FAILED};

    s->join = percent(dice, 60) ? WANT_ALL : rare[dice_below(dice, sizeof(rare) / sizeof(rare[0]))];
    if (s->parents == 0 || (s->join == WANT_TWO && bits(s->parents) < 2)) {
        s->join = WANT_ALL;
    }
    s->is_continued = percent(dice, 10);
}

static void make_satellite(struct dice *dice, struct plan_execution *e, uint32_t number)
{
    struct plan_satellite *s = &e->satellites[number];

    for (uint32_t i = 0; i < number; i++) {
        if (percent(dice, i + 1 == number ? 60 : 25)) {
            s->parents |= UINT32_C(1) << i;
        }
    }
    make_join(dice, s);
    s->style = style_draw(dice);
    s->has_timeout = s->style == STYLE_SLOW || percent(dice, 10);
    s->retries = percent(dice, 60) ? (uint32_t)dice_between(dice, 1, 4) : 0;
    s->is_big = percent(dice, 15);
    make_each(dice, e, s);
    make_when(dice, e, s);
    s->list_count = few_or_many(dice);
    s->is_strict = percent(dice, 10);
    s->gives_blob = s->each == EACH_NONE && percent(dice, 10);
    s->tolerate =
        s->each != EACH_NONE && percent(dice, 25) ? (uint32_t)dice_between(dice, 1, 3) : 0;
    if (percent(dice, 20)) {
        make_group(dice, s);
        make_closed(e, s, number);
    }
}

/* The last may be one that runs at the end. */
static void make_final(struct dice *dice, struct plan_execution *e)
{
    struct plan_satellite *s = &e->satellites[e->satellite_count - 1];

    if (e->satellite_count < 2 || s->inner_count > 0 || !percent(dice, 15)) {
        return;
    }
    s->is_final = true;
    s->parents = 0;
    s->join = WANT_ALL;
    s->when = WHEN_NONE;
    s->each = s->each == EACH_NONE ? EACH_NONE : EACH_INPUT;
}

static void make_id(struct dice *dice, struct plan_execution *e, uint32_t shard_count)
{
    uint8_t random[10];

    for (size_t i = 0; i < sizeof(random); i++) {
        random[i] = (uint8_t)dice_roll(dice);
    }
    e->id = execution_id_from_time(1767225600000 + e->submit_ns / EXO_MILLISECOND, random);
    e->has_id = true;
    e->partition = execution_shard(&e->id, shard_count);
}

/* What cannot end by itself is cancelled or runs out of time. */
static void make_hang(struct dice *dice, struct plan_execution *e)
{
    if (!percent(dice, 15)) {
        return;
    }
    struct plan_satellite *s = &e->satellites[dice_below(dice, e->satellite_count)];

    if (s->inner_count > 0 || s->is_final) {
        return;
    }
    s->style = STYLE_HANG;
    s->has_timeout = false;
    if (percent(dice, 50)) {
        e->timeout_ms = (uint32_t)dice_between(dice, 100, 20000);
    } else {
        e->cancel_ns = e->submit_ns + dice_between(dice, 1, 20 * EXO_SECOND);
    }
}

static void make_crash(struct plan_execution *e, struct faults *faults)
{
    if (e->is_poison) {
        return;
    }
    if (fault_fires(faults, FAULT_CRASH_RECORD)) {
        e->crash = dice_chance(faults->dice, 500000) ? CRASH_JOB : CRASH_REPORT;
    } else if (fault_fires(faults, FAULT_CRASH_INTERNAL)) {
        e->crash = CRASH_GRANT;
    } else if (fault_fires(faults, FAULT_REFUSE_INTERNAL)) {
        e->crash = CRASH_REFUSED;
    }
    if (e->crash == CRASH_REPORT && e->satellites[0].inner_count > 0) {
        e->crash = CRASH_JOB; /* a group is of nobody's report */
    }
}

static void make_execution(struct dice *dice, struct plan *plan, uint32_t number,
                           struct faults *faults)
{
    struct plan_execution *e = &plan->executions[number];

    e->number = number;
    e->seed = dice_roll(dice);
    e->submit_ns = dice_between(dice, EXO_MILLISECOND, plan->heal_ns);
    e->satellite_count = (uint32_t)dice_between(dice, 1, percent(dice, 30) ? 8 : 4);
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        make_satellite(dice, e, i);
    }
    make_final(dice, e);
    e->input_items = few_or_many(dice);
    e->input_few = (uint32_t)dice_below(dice, PLAN_FEW_MAX + 1);
    e->input_go = percent(dice, 70);
    e->project = (uint32_t)dice_below(dice, 3);
    e->priority = (uint32_t)dice_below(dice, 10);
    e->key = percent(dice, 30) ? (uint32_t)dice_between(dice, 1, 2) : 0;
    e->has_rate = percent(dice, plan->is_crowd ? 70 : 15);
    if (plan->is_crowd && percent(dice, 80)) {
        e->submit_ns = plan->heal_ns / 4;
    }
    e->has_sla = percent(dice, 30);
    e->timeout_ms = percent(dice, 10) ? (uint32_t)dice_between(dice, 1, 30000) : 0;
    e->output = (enum output_kind)dice_below(dice, 3);
    e->output_of = (uint32_t)dice_below(dice, e->satellite_count);
    make_id(dice, e, plan->shard_count);
    make_hang(dice, e);
    if (fault_fires(faults, FAULT_CANCEL)) {
        /* Now and then before its job. */
        e->cancel_ns = e->submit_ns + dice_between(faults->dice, -EXO_SECOND, 15 * EXO_SECOND);
        e->cancel_ns = e->cancel_ns < 1 ? 1 : e->cancel_ns;
    }
    if (fault_fires(faults, FAULT_FOREIGN_PARTITION)) {
        e->partition = (uint32_t)dice_below(faults->dice, plan->shard_count);
        /* Many at once: messages to one shard then overtake each other if they can. */
        if (e->cancel_ns == 0 && dice_chance(faults->dice, 700000)) {
            e->submit_ns = plan->heal_ns / 2;
            e->partition %= 2;
        }
    }
    if (e->cancel_ns == 0 && fault_fires(faults, FAULT_NO_ID)) {
        e->has_id = false;
        e->partition = (uint32_t)dice_below(faults->dice, plan->shard_count);
    } else if (fault_fires(faults, FAULT_REPEATED_JOB)) {
        e->repeat_ns = e->submit_ns + dice_between(faults->dice, 0, 30 * EXO_SECOND);
    }
    e->is_poison = fault_fires(faults, FAULT_POISON);
    make_crash(e, faults);
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        plan_batch_make(e, &e->satellites[i], faults);
    }
    plan_start_make(e, faults);
    plan_people_make(e, faults);
    plan->garbage_jobs += fault_fires(faults, FAULT_GARBAGE);
    plan->garbage_status += fault_fires(faults, FAULT_GARBAGE);
}

void plan_make(struct plan *plan, uint64_t seed, struct faults *faults)
{
    struct dice dice = dice_new(seed, 3);

    *plan = (struct plan){
        .shard_count = (uint32_t)dice_between(&dice, 4, 8),
        .scheduler_count = (uint32_t)dice_between(&dice, 1, 4),
        .worker_count = (uint32_t)dice_between(&dice, 1, 6),
        .heal_ns = dice_between(&dice, 10 * EXO_SECOND, 60 * EXO_SECOND),
    };
    plan->execution_count = (uint32_t)dice_between(&dice, 5, 40);
    plan->is_crowd = fault_fires(faults, FAULT_CROWD);
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        make_execution(&dice, plan, i, faults);
    }
    plan_schedules_make(plan, seed, faults);
    plan_deletion_make(plan, seed, faults);
    plan_reruns_make(plan, seed, faults);
}

/* ---- what tasks do ---- */

uint32_t plan_input_item(const struct plan_execution *e, uint32_t i)
{
    return (uint32_t)(mix(e->seed, 1, i) % 100);
}

/* Whose output it is: a signal does not know which wait takes it. */
static uint32_t source_of(const struct plan_execution *e, uint32_t satellite)
{
    return e->satellites[satellite].wait == WAIT_NONE ? satellite : PLAN_SATELLITES_MAX;
}

/* A signal says the same to all that wait for it, in whichever rerun. */
static uint64_t seed_of(const struct plan_execution *e, uint32_t satellite)
{
    if (e->satellites[satellite].wait == WAIT_NONE) {
        return plan_ran(e, satellite)->seed;
    }
    while (e->rerun != NULL) {
        e = e->rerun->of;
    }
    return e->seed;
}

uint32_t plan_list_item(const struct plan_execution *e, uint32_t satellite, uint32_t i)
{
    return (uint32_t)(mix(seed_of(e, satellite), 100 + source_of(e, satellite), i) % 1000);
}

uint32_t plan_map_output(const struct plan_execution *e, uint32_t satellite, uint32_t index)
{
    return (uint32_t)(mix(seed_of(e, satellite), 200 + satellite, index) % 5);
}

uint32_t plan_single_n(const struct plan_execution *e, uint32_t satellite)
{
    return (uint32_t)(mix(seed_of(e, satellite), 300, source_of(e, satellite)) % 5);
}

/* ---- spots ---- */

/* Cuts "." and a number off the front; false: there is none. */
static bool take_number(const char **at, uint32_t *ret)
{
    char *end;

    if ((*at)[0] != '.' || (*at)[1] < '0' || (*at)[1] > '9') {
        return false;
    }
    *ret = (uint32_t)strtoul(*at + 1, &end, 10);
    *at = end;
    return true;
}

static bool take_inner(const struct plan_satellite *group, const char *at, struct plan_spot *spot)
{
    if (group->each != EACH_NONE && !take_number(&at, &spot->run)) {
        return false;
    }
    if (at[0] != '.' || at[1] != 'i' || at[2] < '0' || at[2] > '9') {
        return false;
    }
    spot->is_inner = true;
    spot->inner = (uint32_t)(at[2] - '0');
    at += 3;
    if (spot->inner >= group->inner_count || *at == '\0') {
        return spot->inner < group->inner_count;
    }
    spot->is_deep = true;
    return group->inner[spot->inner].kind == INNER_GROUP && take_number(&at, &spot->deeper) &&
           strcmp(at, ".d") == 0;
}

bool plan_spot_of(const struct plan_execution *e, struct span path, struct plan_spot *ret_spot)
{
    char text[64];
    struct plan_spot spot = {0};

    if (path.bytes < 2 || path.bytes >= sizeof(text)) {
        return false;
    }
    memcpy(text, path.data, path.bytes);
    text[path.bytes] = '\0';
    if (strcmp(text, "batch") == 0) {
        *ret_spot = spot;
        return true;
    }
    if (text[0] != 's' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    spot.satellite = (uint32_t)(text[1] - '0');
    if (spot.satellite >= e->satellite_count ||
        (text[2] != '\0' && !take_inner(&e->satellites[spot.satellite], text + 2, &spot))) {
        return false;
    }
    *ret_spot = spot;
    return true;
}

static const struct plan_inner *inner_of(const struct plan_execution *e,
                                         const struct plan_spot *spot)
{
    return &e->satellites[spot->satellite].inner[spot->inner];
}

bool plan_spot_is_map(const struct plan_execution *e, const struct plan_spot *spot)
{
    if (spot->is_inner) {
        return !spot->is_deep && inner_of(e, spot)->kind != INNER_ONE;
    }
    return e->satellites[spot->satellite].each != EACH_NONE;
}

bool plan_spot_is_group(const struct plan_execution *e, const struct plan_spot *spot)
{
    if (spot->is_inner) {
        return !spot->is_deep && inner_of(e, spot)->kind == INNER_GROUP;
    }
    return e->satellites[spot->satellite].inner_count > 0;
}

bool plan_spot_is_final(const struct plan_execution *e, const struct plan_spot *spot)
{
    const struct plan_satellite *s = &e->satellites[spot->satellite];

    return spot->is_inner ? s->has_inner_final && spot->inner == s->inner_count - 1 : s->is_final;
}

uint32_t plan_spot_retries(const struct plan_execution *e, const struct plan_spot *spot)
{
    return spot->is_inner ? inner_of(e, spot)->retries : e->satellites[spot->satellite].retries;
}

/* A number that depends on the spot alone. */
static uint64_t spot_draw(const struct plan_execution *e, const struct plan_spot *spot,
                          uint32_t what)
{
    uint64_t seed = plan_ran(e, spot->satellite)->seed;

    if (!spot->is_inner) {
        return mix(seed, what + spot->satellite, spot->index);
    }
    return mix(mix(seed, what + 1000 + spot->satellite * 10 + spot->inner, spot->run), spot->index,
               spot->deeper);
}

static bool is_concerned(const struct plan_execution *e, const struct plan_spot *spot,
                         uint64_t draw)
{
    if (spot->is_inner) {
        return draw % 4 == 0;
    }
    return e->satellites[spot->satellite].each == EACH_NONE || draw % 16 == 0;
}

enum task_end plan_task_end(const struct plan_execution *e, const struct plan_spot *spot,
                            uint32_t failures, uint32_t laters)
{
    uint64_t draw = spot_draw(e, spot, 400);
    uint32_t times = (uint32_t)(draw / 16 % 4);

    if (e->crash == CRASH_REPORT && !spot->is_inner && spot->satellite == 0 && spot->index == 0 &&
        failures + laters == 0) {
        return END_FAILED; /* whatever it was: nobody can read it */
    }
    if (!is_concerned(e, spot, draw)) {
        return END_SUCCEEDED;
    }
    switch (spot->is_inner ? inner_of(e, spot)->style : e->satellites[spot->satellite].style) {
    case STYLE_FLAKY:
        return failures < times ? END_FAILED : END_SUCCEEDED;
    case STYLE_BAD:
        return END_FAILED;
    case STYLE_NEVER:
        return END_NEVER;
    case STYLE_LATER:
        return laters < times ? END_LATER : END_SUCCEEDED;
    case STYLE_SLOW:
        return failures < times ? END_TIMED_OUT : END_SUCCEEDED;
    case STYLE_HANG:
        return END_HANGS;
    case STYLE_GOOD:
    case STYLE_NR:
        break;
    }
    return END_SUCCEEDED;
}

static void put(struct buffer *text, const char *format, uint32_t number)
{
    char piece[128];

    (void)snprintf(piece, sizeof(piece), format, number);
    buffer_text(text, piece);
}

void plan_output(const struct plan_execution *e, const struct plan_spot *spot, struct buffer *text)
{
    uint32_t satellite = spot->satellite;
    const struct plan_execution *ran = plan_ran(e, satellite);
    const struct plan_satellite *s = &ran->satellites[satellite];

    if (plan_spot_is_wait(e, spot)) {
        plan_wait_output(ran, plan_spot_wait(e, spot), text);
        return;
    }
    if (spot->is_inner) {
        put(text, "%u", (uint32_t)(spot_draw(e, spot, 500) % 5));
        return;
    }
    if (s->each != EACH_NONE) {
        put(text, "%u", plan_map_output(e, satellite, spot->index));
        return;
    }
    put(text, "{\"n\":%u,\"list\":[", plan_single_n(e, satellite));
    for (uint32_t i = 0; i < s->list_count; i++) {
        put(text, i == 0 ? "%u" : ",%u", plan_list_item(e, satellite, i));
    }
    buffer_text(text, "]}");
}

uint64_t plan_spot_mark(const struct plan_execution *e, const struct plan_spot *spot)
{
    return spot_draw(e, spot, 600) | 1;
}
