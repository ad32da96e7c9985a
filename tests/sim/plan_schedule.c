/* plan_schedule: the schedules of a world, and what people ask of them. With them a world lasts for
 * minutes, since a schedule is due at whole ones. */
#include <stdio.h>
#include <stdlib.h>

#include "schemas/json/json_read.h"
#include "tests/sim/plan.h"
#include "tests/sim/sim.h"

/* What waits in turn must be over within a world. */
enum {
    RUN_MS_MAX = 90000,
    RUN_IN_BACKFILL_MS_MAX = 20000,
    RUN_AGAIN_MS_MAX = 2000,
    BACKFILL_MIN_MAX = 12
};

static exo_time minutes(int64_t count)
{
    return count * EXO_MINUTE;
}

static struct plan_order *order_add(struct plan_schedule *s, enum wire_schedule_command_kind kind,
                                    exo_time at_ns)
{
    struct plan_order *order = &s->orders[s->order_count++];

    *order = (struct plan_order){.kind = kind, .at_ns = at_ns};
    return order;
}

static void make_orders(struct dice *dice, struct plan_schedule *s, exo_time until_ns)
{
    exo_time at_ns = dice_between(dice, EXO_MILLISECOND, 20 * EXO_SECOND);
    bool is_paused = false;

    (void)order_add(s, SCHEDULE_COMMAND_PUT, at_ns);
    for (uint32_t i = 0; i + 2 < PLAN_ORDERS_MAX && dice_chance(dice, 600000); i++) {
        static const enum wire_schedule_command_kind kinds[] = {
            SCHEDULE_COMMAND_BACKFILL, SCHEDULE_COMMAND_BACKFILL, SCHEDULE_COMMAND_TRIGGER,
            SCHEDULE_COMMAND_TRIGGER,  SCHEDULE_COMMAND_PAUSE,    SCHEDULE_COMMAND_BACKFILL_STOP,
            SCHEDULE_COMMAND_PUT,      SCHEDULE_COMMAND_DELETE};
        enum wire_schedule_command_kind kind =
            is_paused ? SCHEDULE_COMMAND_RESUME
                      : kinds[dice_below(dice, sizeof(kinds) / sizeof(kinds[0]))];

        at_ns += dice_between(dice, EXO_SECOND, until_ns / 8);
        struct plan_order *order = order_add(s, kind, at_ns);

        is_paused = kind == SCHEDULE_COMMAND_PAUSE;
        /* Before the world began, or now and then what has been due already. */
        order->from_ns = SIM_EPOCH_NS - minutes(dice_between(dice, 1, BACKFILL_MIN_MAX));
        order->until_ns = order->from_ns + minutes(dice_between(dice, 0, BACKFILL_MIN_MAX));
        order->parallel = (uint32_t)dice_between(dice, 1, 4);
    }
    if (is_paused) {
        (void)order_add(s, SCHEDULE_COMMAND_RESUME, at_ns + 10 * EXO_SECOND);
    }
}

static void make_execution(struct dice *dice, struct plan_schedule *s)
{
    static const enum style styles[] = {STYLE_GOOD, STYLE_GOOD, STYLE_FLAKY, STYLE_BAD};

    s->execution = (struct plan_execution){
        .number = PLAN_EXECUTIONS_MAX + 1 + s->number,
        .seed = dice_roll(dice),
        .satellite_count = 1,
        .project = s->project,
    };
    s->execution.satellites[0] = (struct plan_satellite){
        .style = styles[dice_below(dice, sizeof(styles) / sizeof(styles[0]))], .retries = 3};
}

static void make_run(struct dice *dice, struct plan_schedule *s)
{
    uint32_t most = s->execution.satellites[0].style == STYLE_GOOD ? RUN_MS_MAX : RUN_AGAIN_MS_MAX;

    for (uint32_t i = 0; i < s->order_count && most > RUN_IN_BACKFILL_MS_MAX; i++) {
        most = s->orders[i].kind == SCHEDULE_COMMAND_BACKFILL ? RUN_IN_BACKFILL_MS_MAX : most;
    }
    s->execution.run_ms = (uint32_t)dice_between(dice, 0, most);
}

static void make_one(struct dice *dice, struct plan *plan, uint32_t number)
{
    static const uint32_t jitters_s[] = {0, 0, 10, 45};
    struct plan_schedule *s = &plan->schedules[number];

    *s = (struct plan_schedule){
        .number = number,
        .project = (uint32_t)dice_below(dice, 3),
        .every_min = (uint32_t)dice_between(dice, 1, 3),
        .jitter_s = jitters_s[dice_below(dice, sizeof(jitters_s) / sizeof(jitters_s[0]))],
        .overlap = (enum schedule_overlap)dice_below(dice, OVERLAP_NR),
        .catch_up = (enum schedule_catch_up)dice_below(dice, CATCH_UP_NR),
        .window_min = dice_chance(dice, 300000) ? 2 : 60,
        .end_ns = SIM_EPOCH_NS + plan->heal_ns / EXO_MINUTE * EXO_MINUTE +
                  minutes(dice_between(dice, -1, 2)),
    };
    make_execution(dice, s);
    make_orders(dice, s, plan->heal_ns);
    make_run(dice, s);
}

/* Dice of its own, so that worlds without schedules stay what they were. */
void plan_schedules_make(struct plan *plan, uint64_t seed, struct faults *faults)
{
    struct dice dice = dice_new(seed, 31);

    if (!faults->is_enabled[FAULT_SCHEDULE] || !dice_chance(&dice, 400000)) {
        return;
    }
    faults->fired[FAULT_SCHEDULE]++;
    plan->heal_ns += minutes(dice_between(&dice, 1, 4));
    plan->schedule_count = (uint32_t)dice_between(&dice, 1, PLAN_SCHEDULES_MAX);
    for (uint32_t i = 0; i < plan->schedule_count; i++) {
        make_one(&dice, plan, i);
    }
    if (faults->is_enabled[FAULT_DARK] && dice_chance(&dice, 500000)) {
        faults->fired[FAULT_DARK]++;
        plan->dark_ns = dice_between(&dice, EXO_SECOND, plan->heal_ns);
        plan->light_ns = plan->dark_ns + dice_between(&dice, EXO_MINUTE, minutes(4));
        plan->light_ns = plan->light_ns < plan->heal_ns ? plan->light_ns : plan->heal_ns;
    }
}

static void put(struct buffer *text, const char *format, uint32_t a, uint32_t b)
{
    char piece[256];

    (void)snprintf(piece, sizeof(piece), format, a, b);
    buffer_text(text, piece);
}

static void put_end(struct buffer *text, exo_time end_ns)
{
    uint32_t minute = (uint32_t)((end_ns - SIM_EPOCH_NS) / EXO_MINUTE);

    put(text, ",\"end\":\"2026-01-01T%02u:%02u:00Z\"}}", minute / 60, minute % 60);
}

static void text_file(const struct plan_schedule *s, struct buffer *text)
{
    put(text, "{\"exosphere\":\"v1\",\"schedule\":{\"name\":\"p%u/t%u\",", s->project, s->number);
    put(text, "\"cron\":\"*/%u * * * *\",\"cluster\":{\"name\":\"t%u\",", s->every_min, s->number);
    put(text,
        "\"satellites\":[{\"name\":\"s0\",\"image\":\"oci:x\",\"command\":[\"x\"],\"grace\":\"1s\","
        "\"resources\":{\"cpu\":\"100m\",\"memory\":\"16Mi\"},\"retries\":{\"limit\":%u,\"base\":"
        "\"100ms\",\"cap\":\"2s\"}}]},\"jitter\":\"%us\",",
        s->execution.satellites[0].retries, s->jitter_s);
    buffer_text(text, "\"overlap\":\"");
    buffer_text(text, schedule_overlap_name(s->overlap));
    buffer_text(text, "\",\"catch_up\":\"");
    buffer_text(text, schedule_catch_up_name(s->catch_up));
    buffer_text(text, "\"");
    if (s->catch_up != CATCH_UP_NONE) {
        put(text, ",\"catch_up_window\":\"%um\"", s->window_min, 0);
    }
    put_end(text, s->end_ns);
}

void plan_schedule_text(const struct plan_schedule *s, struct buffer *text)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct buffer file;
    struct value root;
    struct json_error error;
    struct fault_list faults;
    const struct schedule *schedule;

    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&file, allocator_heap(&budget), 0);
    text_file(s, &file);
    fault_list_init(&faults, &arena, 4);
    if (json_read(buffer_span(&file), NULL, &arena, &root, &error) != JSON_OK ||
        schedule_parse(&(struct schedule_source){.root = &root}, &arena, &schedule, &faults) != 0) {
        sim_fail("schedule %u is none: %s", s->number,
                 faults.first == NULL ? error.text : faults.first->text);
    }
    schedule_canonical(schedule, text);
    buffer_release(&file);
    arena_release(&arena);
}
