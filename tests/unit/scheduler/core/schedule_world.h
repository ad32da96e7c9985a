/* schedule_world: one schedule under a virtual clock: its book, the executions it started, and a
 * trace of what it did, in the time of Berlin. */
#ifndef EXO_TEST_SCHEDULE_WORLD_H
#define EXO_TEST_SCHEDULE_WORLD_H

#include "scheduler/core/schedule.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/calendar.h"
#include "schemas/vocab/timestamp.h"
#include "tests/unit/schemas/zone/tzif_build.h"

enum { WORLD_RUNNING_MAX = SCHEDULE_LIVE_MAX };

struct schedule_world {
    struct heap_budget budget;
    struct arena arena;
    struct buffer trace;
    struct schedule definition;
    const struct zone *zone;
    struct execution_id id;
    struct schedule_book *book;
    struct schedule_actions actions; /* of the last step */
    exo_time now_ns;
    exo_time run_ns;             /* how long an execution runs */
    exo_time cancel_ns;          /* how long it still runs when it is cancelled */
    bool is_restarted_each_step; /* dropped and loaded again after each step */
    struct {
        exo_time nominal_ns;
        exo_time end_ns;
    } running[WORLD_RUNNING_MAX];
    uint32_t running_count;
    void (*watch)(struct schedule_world *world, const struct schedule_action *action);
    void *context;
};

static inline exo_time world_time(const char *text)
{
    exo_time ns = 0;

    if (!timestamp_parse(span_of(text), &ns)) {
        fail_msg("%s is no time", text);
    }
    return ns;
}

static inline void world_cron(struct schedule *definition, const char *text)
{
    struct cron_error error;

    definition->cron_text = span_of(text);
    if (cron_parse(span_of(text), &definition->cron, &error) != 0) {
        fail_msg("%s: %s", text, error.text);
    }
}

/* A schedule in Berlin, with the file's defaults; change world.definition, then world_begin. */
static inline void world_open(struct schedule_world *world, const char *cron, const char *now)
{
    *world = (struct schedule_world){.run_ns = 10 * EXO_MINUTE, .cancel_ns = EXO_MINUTE};
    arena_init(&world->arena, allocator_heap(&world->budget), 0);
    buffer_init(&world->trace, allocator_heap(&world->budget), 0);
    world->zone = tzif_zone(&world->arena, 0, NULL, 0, "CET-1CEST,M3.5.0,M10.5.0/3");
    world->now_ns = world_time(now);
    world->definition = (struct schedule){
        .tz = span_of("Europe/Berlin"), .window_ns = 24 * EXO_HOUR, .end_ns = EXO_TIME_NEVER};
    world_cron(&world->definition, cron);
}

static inline void world_begin(struct schedule_world *world)
{
    world->book = schedule_book_new(allocator_heap(&world->budget), &world->id, &world->definition,
                                    world->zone, NULL, world->now_ns);
    assert_non_null(world->book);
}

static inline void world_close(struct schedule_world *world)
{
    schedule_book_free(world->book);
    buffer_release(&world->trace);
    arena_release(&world->arena);
    assert_int_equal(world->budget.used_bytes, 0);
}

/* "03-29 03:00+2" */
static inline void world_local(const struct schedule_world *world, exo_time ns, char text[32])
{
    int64_t unix_s = floor_div(ns, EXO_SECOND);
    int32_t offset_s = zone_period_at(world->zone, unix_s).offset_s;
    int64_t day = floor_div(unix_s + offset_s, 86400);
    int minute = (int)((unix_s + offset_s - day * 86400) / 60);
    struct date date = date_of_day(day);

    (void)snprintf(text, 32, "%02d-%02d %02d:%02d+%d", date.month, date.day, minute / 60,
                   minute % 60, offset_s / 3600);
}

static inline void world_say(struct schedule_world *world, const char *what, exo_time ns)
{
    char now[32];
    char at[32] = "";
    char line[160];

    world_local(world, world->now_ns, now);
    if (ns != 0) {
        world_local(world, ns, at);
    }
    (void)snprintf(line, sizeof(line), "%s %s%s%s\n", now, what, ns != 0 ? " " : "", at);
    buffer_text(&world->trace, line);
}

static inline void world_end_execution(struct schedule_world *world, uint32_t i)
{
    world->running[i] = world->running[--world->running_count];
}

static inline void world_act(struct schedule_world *world, const struct schedule_action *action)
{
    char what[64];

    (void)snprintf(what, sizeof(what), "%s %s", schedule_action_name(action->kind),
                   schedule_reason_name(action->reason));
    world_say(world, what, action->nominal_ns);
    if (action->kind == SCHEDULE_SKIP && action->until_ns != action->nominal_ns) {
        world_say(world, "  until", action->until_ns);
    }
    if (action->kind == SCHEDULE_START) {
        assert_true(world->running_count < WORLD_RUNNING_MAX);
        world->running[world->running_count].nominal_ns = action->nominal_ns;
        world->running[world->running_count++].end_ns = world->now_ns + world->run_ns;
    }
    for (uint32_t i = 0; action->kind == SCHEDULE_CANCEL && i < world->running_count; i++) {
        if (world->running[i].nominal_ns == action->nominal_ns) {
            world->running[i].end_ns = world->now_ns + world->cancel_ns;
        }
    }
    if (world->watch != NULL) {
        world->watch(world, action);
    }
}

/* The process is gone; another one loads what was saved. */
static inline void world_restart(struct schedule_world *world)
{
    struct schedule_saved saved;
    struct schedule_book *old = world->book;

    schedule_book_save(old, &saved);
    world->book = schedule_book_new(allocator_heap(&world->budget), &world->id, &world->definition,
                                    world->zone, &saved, world->now_ns);
    assert_non_null(world->book);
    schedule_book_free(old);
}

/* One step of the book, and what it says is done. */
static inline enum schedule_result world_do(struct schedule_world *world,
                                            const struct schedule_event *event)
{
    enum schedule_result result =
        schedule_book_step(world->book, event, world->now_ns, &world->actions);

    schedule_book_check(world->book);
    for (uint32_t i = 0; i < world->actions.count; i++) {
        world_act(world, &world->actions.items[i]);
    }
    return result;
}

/* With is_restarted_each_step another process looks after it, and finds nothing that is not left.
 */
static inline enum schedule_result world_step(struct schedule_world *world,
                                              struct schedule_event event)
{
    enum schedule_result result = world_do(world, &event);

    while (world->is_restarted_each_step) {
        exo_time deadline_ns = schedule_book_deadline(world->book);

        world_restart(world);
        (void)world_do(world, &(struct schedule_event){.kind = SCHEDULE_LOOK}); /* always taken */
        if (deadline_ns > world->now_ns) {
            assert_int_equal(world->actions.count, 0);
            assert_int_equal(schedule_book_deadline(world->book), deadline_ns);
            break;
        }
    }
    return result;
}

static inline void world_look(struct schedule_world *world)
{
    do {
        assert_int_equal(world_step(world, (struct schedule_event){.kind = SCHEDULE_LOOK}),
                         SCHEDULE_TAKEN);
    } while (schedule_book_deadline(world->book) == world->now_ns);
}

/* Goes from one thing that happens to the next: a deadline, or the end of an execution. */
static inline void world_run_until(struct schedule_world *world, exo_time until_ns)
{
    world_look(world);
    for (;;) {
        exo_time next_ns = schedule_book_deadline(world->book);
        uint32_t ends = world->running_count;

        for (uint32_t i = 0; i < world->running_count; i++) {
            if (world->running[i].end_ns <= next_ns) {
                next_ns = world->running[i].end_ns;
                ends = i;
            }
        }
        if (next_ns > until_ns) {
            world->now_ns = until_ns;
            return;
        }
        world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns;
        if (ends == world->running_count) {
            world_look(world);
        } else {
            exo_time nominal_ns = world->running[ends].nominal_ns;

            world_end_execution(world, ends);
            assert_int_equal(world_step(world, (struct schedule_event){.kind = SCHEDULE_ENDED,
                                                                       .nominal_ns = nominal_ns}),
                             SCHEDULE_TAKEN);
        }
    }
}

/* Nobody looks for a while; what runs ends unheard, and is heard of afterwards. */
static inline void world_outage(struct schedule_world *world, exo_time until_ns)
{
    world_say(world, "-- nobody there until", until_ns);
    world->now_ns = until_ns;
    world_restart(world);
}

static inline const char *world_trace(struct schedule_world *world)
{
    buffer_append(&world->trace, (struct span){"", 1});
    assert_false(world->trace.is_failed);
    return (const char *)world->trace.data;
}

#endif /* EXO_TEST_SCHEDULE_WORLD_H */
