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
    return (uint32_t)dice_between(dice, 1, percent(dice, 20) ? 30 : 6);
}

/* Everything that lies upstream of one satellite. */
static uint32_t upstream(const struct plan_execution *e, uint32_t parents)
{
    uint32_t all = parents;

    for (uint32_t i = PLAN_SATELLITES_MAX; i-- > 0;) {
        if ((all >> i & 1) != 0) {
            all |= e->satellites[i].parents;
        }
    }
    return all;
}

/* A random one of a set that is a map, or is none; UINT32_MAX: there is no such. */
static uint32_t pick(struct dice *dice, const struct plan_execution *e, uint32_t set, bool is_map)
{
    uint32_t found[PLAN_SATELLITES_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        if ((set >> i & 1) != 0 && (e->satellites[i].each != EACH_NONE) == is_map) {
            found[count++] = i;
        }
    }
    return count == 0 ? UINT32_MAX : found[dice_below(dice, count)];
}

static void make_each(struct dice *dice, struct plan_execution *e, struct plan_satellite *s)
{
    uint32_t all = upstream(e, s->parents);
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
    uint32_t all = upstream(e, s->parents);
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

static void make_satellite(struct dice *dice, struct plan_execution *e, uint32_t number)
{
    struct plan_satellite *s = &e->satellites[number];

    for (uint32_t i = 0; i < number; i++) {
        if (percent(dice, i + 1 == number ? 60 : 25)) {
            s->parents |= UINT32_C(1) << i;
        }
    }
    s->is_all_done = percent(dice, 25);
    s->style = style_draw(dice);
    s->has_timeout = s->style == STYLE_SLOW || percent(dice, 10);
    s->retries = percent(dice, 60) ? (uint32_t)dice_between(dice, 1, 4) : 0;
    s->is_big = percent(dice, 15);
    make_each(dice, e, s);
    make_when(dice, e, s);
    s->list_count = few_or_many(dice);
    s->gives_blob = s->each == EACH_NONE && percent(dice, 10);
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
    e->input_items = few_or_many(dice);
    e->input_go = percent(dice, 70);
    e->project = (uint32_t)dice_below(dice, 3);
    e->priority = (uint32_t)dice_below(dice, 10);
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
    for (uint32_t i = 0; i < plan->execution_count; i++) {
        make_execution(&dice, plan, i, faults);
    }
}

/* ---- what tasks do ---- */

uint32_t plan_input_item(const struct plan_execution *e, uint32_t i)
{
    return (uint32_t)(mix(e->seed, 1, i) % 100);
}

uint32_t plan_list_item(const struct plan_execution *e, uint32_t satellite, uint32_t i)
{
    return (uint32_t)(mix(e->seed, 100 + satellite, i) % 1000);
}

uint32_t plan_map_output(const struct plan_execution *e, uint32_t satellite, uint32_t index)
{
    return (uint32_t)(mix(e->seed, 200 + satellite, index) % 5);
}

uint32_t plan_single_n(const struct plan_execution *e, uint32_t satellite)
{
    return (uint32_t)(mix(e->seed, 300, satellite) % 5);
}

enum task_end plan_task_end(const struct plan_execution *e, uint32_t satellite, uint32_t index,
                            uint32_t failures, uint32_t laters)
{
    const struct plan_satellite *s = &e->satellites[satellite];
    uint64_t draw = mix(e->seed, 400 + satellite, index);
    bool is_concerned = s->each == EACH_NONE || draw % 16 == 0;
    uint32_t times = (uint32_t)(draw / 16 % 4);

    if (e->crash == CRASH_REPORT && satellite == 0 && index == 0 && failures + laters == 0) {
        return END_FAILED; /* whatever it was: nobody can read it */
    }
    if (!is_concerned) {
        return END_SUCCEEDED;
    }
    switch (s->style) {
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

void plan_output(const struct plan_execution *e, uint32_t satellite, uint32_t index,
                 struct buffer *text)
{
    const struct plan_satellite *s = &e->satellites[satellite];

    if (s->each != EACH_NONE) {
        put(text, "%u", plan_map_output(e, satellite, index));
        return;
    }
    put(text, "{\"n\":%u,\"list\":[", plan_single_n(e, satellite));
    for (uint32_t i = 0; i < s->list_count; i++) {
        put(text, i == 0 ? "%u" : ",%u", plan_list_item(e, satellite, i));
    }
    buffer_text(text, "]}");
}

/* ---- as texts ---- */

void plan_input(const struct plan_execution *e, struct buffer *text)
{
    buffer_text(text, e->input_go ? "{\"go\":true,\"items\":[" : "{\"go\":false,\"items\":[");
    for (uint32_t i = 0; i < e->input_items; i++) {
        put(text, i == 0 ? "%u" : ",%u", plan_input_item(e, i));
    }
    buffer_text(text, "]}");
}

static void text_when(const struct plan_satellite *s, struct buffer *text)
{
    char piece[128] = "";

    switch (s->when) {
    case WHEN_NONE:
        return;
    case WHEN_INPUT:
        (void)snprintf(piece, sizeof(piece), "input.go");
        break;
    case WHEN_ABOVE:
        (void)snprintf(piece, sizeof(piece), "satellites.s%u.output.n > %u", s->when_of,
                       s->when_number);
        break;
    case WHEN_STATE:
        (void)snprintf(piece, sizeof(piece), "satellites.s%u.state == 'SUCCEEDED'", s->when_of);
        break;
    case WHEN_SIZE:
        (void)snprintf(piece, sizeof(piece), "size(satellites.s%u.output) > %u", s->when_of,
                       s->when_number);
        break;
    case WHEN_ITEM:
        (void)snprintf(piece, sizeof(piece), "satellites.s%u.output[%u] == %u", s->when_of,
                       s->when_number, s->when_other);
        break;
    }
    buffer_text(text, ", when: \"${{ ");
    buffer_text(text, piece);
    buffer_text(text, " }}\"");
}

static void text_each(const struct plan_satellite *s, struct buffer *text)
{
    if (s->each == EACH_NONE) {
        return;
    }
    buffer_text(text, ", for_each: \"${{ ");
    if (s->each == EACH_INPUT) {
        buffer_text(text, "input.items");
    } else {
        put(text, "satellites.s%u.output", s->each_of);
        buffer_text(text, s->each == EACH_OUTPUT ? ".list" : "");
    }
    buffer_text(text, " }}\"");
    if (s->max_parallel > 0) {
        put(text, ", max_parallel: %u", s->max_parallel);
    }
}

static void text_satellite(const struct plan_execution *e, uint32_t number, struct buffer *text)
{
    const struct plan_satellite *s = &e->satellites[number];
    const char *comma = "";

    put(text, "    - {name: s%u, command: [x], needs: [", number);
    for (uint32_t i = 0; i < number; i++) {
        if ((s->parents >> i & 1) != 0) {
            buffer_text(text, comma);
            put(text, "s%u", i);
            comma = ", ";
        }
    }
    buffer_text(text, "]");
    buffer_text(text, s->is_all_done ? ", join: all_done" : "");
    buffer_text(text, s->is_big ? ", class: big" : "");
    put(text, s->has_timeout ? ", timeout: %ums" : "", PLAN_TIMEOUT_MS);
    put(text, s->retries > 0 ? ", retries: {limit: %u, base: 100ms, cap: 2s}" : "", s->retries);
    text_when(s, text);
    text_each(s, text);
    buffer_text(text, "}\n");
}

static void text_output(const struct plan_execution *e, struct buffer *text)
{
    if (e->output == OUTPUT_ONE) {
        put(text, "  output: \"${{ satellites.s%u.output }}\"\n", e->output_of);
    } else if (e->output == OUTPUT_STATES) {
        buffer_text(text, "  output: {");
        for (uint32_t i = 0; i < e->satellite_count; i++) {
            put(text, i == 0 ? "s%u" : ", s%u", i);
            put(text, ": \"${{ satellites.s%u.state }}\"", i);
        }
        buffer_text(text, "}\n");
    }
}

void plan_text(const struct plan_execution *e, struct buffer *text)
{
    put(text, "exosphere: v1\ncluster:\n  name: p%u/", e->project);
    put(text,
        e->is_poison                ? "poison%u\n"
        : e->crash == CRASH_REFUSED ? "c%ux\n"
                                    : "c%u\n",
        e->number);
    put(text, "  priority: %u\n", e->priority);
    buffer_text(text, e->has_sla ? "  sla: 1m\n" : "");
    if (e->timeout_ms > 0) {
        put(text, "  timeout: %ums\n", e->timeout_ms);
    }
    buffer_text(text, "  defaults: {image: \"oci:x\", grace: 1s, resources: {cpu: 100m, memory: "
                      "16Mi}}\n  satellites:\n");
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        text_satellite(e, i, text);
    }
    text_output(e, text);
}
