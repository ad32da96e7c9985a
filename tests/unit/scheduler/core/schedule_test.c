#include "tests/unit/scheduler/core/schedule_world.h"

static void check_trace(struct schedule_world *world, const char *expected)
{
    const char *trace = world_trace(world);

    if (strcmp(trace, expected) != 0) {
        fail_msg("the trace is\n%s", trace);
    }
    world_close(world);
}

/* --- golden traces -----------------------------------------------------------------------------
 */

/* Each night over the change of the clock forward, then an outage of three days and a half. */
static void nights_over_a_change_and_an_outage(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "30 2 * * *", "2026-03-27T12:00:00Z");
    world.definition.catch_up = CATCH_UP_LAST;
    world_begin(&world);
    world_run_until(&world, world_time("2026-03-30T12:00:00Z"));
    world_outage(&world, world_time("2026-04-02T23:00:00Z"));
    world_run_until(&world, world_time("2026-04-04T00:00:00Z"));
    check_trace(&world, "03-28 02:30+1 START due 03-28 02:30+1\n"
                        "03-29 03:00+2 START due 03-29 03:00+2\n"
                        "03-30 02:30+2 START due 03-30 02:30+2\n"
                        "03-30 14:00+2 -- nobody there until 04-03 01:00+2\n"
                        "04-03 01:00+2 SKIP missed 03-31 02:30+2\n"
                        "04-03 01:00+2   until 04-02 02:29+2\n"
                        "04-03 01:00+2 START caught up 04-02 02:30+2\n"
                        "04-03 02:30+2 START due 04-03 02:30+2\n");
}

/* Each half hour over the change back, in which an hour is there twice: the clock says +2, then
 * +1. Each run takes 40 minutes, so every second time finds one running. */
static void half_hours_over_a_change_back(void **state)
{
    static const struct {
        enum schedule_overlap overlap;
        const char *trace;
    } cases[] = {
        {OVERLAP_SKIP, "10-25 02:00+2 START due 10-25 02:00+2\n"
                       "10-25 02:30+2 SKIP overlap 10-25 02:30+2\n"
                       "10-25 02:00+1 START due 10-25 02:00+1\n"
                       "10-25 02:30+1 SKIP overlap 10-25 02:30+1\n"
                       "10-25 03:00+1 START due 10-25 03:00+1\n"},
        {OVERLAP_ALLOW, "10-25 02:00+2 START due 10-25 02:00+2\n"
                        "10-25 02:30+2 START due 10-25 02:30+2\n"
                        "10-25 02:00+1 START due 10-25 02:00+1\n"
                        "10-25 02:30+1 START due 10-25 02:30+1\n"
                        "10-25 03:00+1 START due 10-25 03:00+1\n"},
        {OVERLAP_QUEUE, "10-25 02:00+2 START due 10-25 02:00+2\n"
                        "10-25 02:40+2 START waited 10-25 02:30+2\n"
                        "10-25 02:20+1 START waited 10-25 02:00+1\n"
                        "10-25 03:00+1 START waited 10-25 02:30+1\n"},
        {OVERLAP_REPLACE, "10-25 02:00+2 START due 10-25 02:00+2\n"
                          "10-25 02:30+2 CANCEL replaced 10-25 02:00+2\n"
                          "10-25 02:31+2 START waited 10-25 02:30+2\n"
                          "10-25 02:00+1 CANCEL replaced 10-25 02:30+2\n"
                          "10-25 02:01+1 START waited 10-25 02:00+1\n"
                          "10-25 02:30+1 CANCEL replaced 10-25 02:00+1\n"
                          "10-25 02:31+1 START waited 10-25 02:30+1\n"
                          "10-25 03:00+1 CANCEL replaced 10-25 02:30+1\n"
                          "10-25 03:01+1 START waited 10-25 03:00+1\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schedule_world world;

        world_open(&world, "*/30 * * * *", "2026-10-24T23:59:00Z");
        world.definition.overlap = cases[i].overlap;
        world.run_ns = 40 * EXO_MINUTE;
        world_begin(&world);
        world_run_until(&world, world_time("2026-10-25T02:10:00Z"));
        check_trace(&world, cases[i].trace);
    }
}

/* Each hour, and nobody there for five and a half of them. */
static void what_was_missed(void **state)
{
    static const struct {
        enum schedule_catch_up catch_up;
        enum schedule_overlap overlap;
        exo_time window_ns;
        const char *trace;
    } cases[] = {
        {CATCH_UP_NONE, OVERLAP_QUEUE, 24 * EXO_HOUR,
         "05-01 17:30+2 SKIP missed 05-01 13:00+2\n"
         "05-01 17:30+2   until 05-01 17:00+2\n"
         "05-01 18:00+2 START due 05-01 18:00+2\n"},
        {CATCH_UP_LAST, OVERLAP_SKIP, 24 * EXO_HOUR,
         "05-01 17:30+2 SKIP missed 05-01 13:00+2\n"
         "05-01 17:30+2   until 05-01 16:59+2\n"
         "05-01 17:30+2 START caught up 05-01 17:00+2\n"
         "05-01 18:00+2 START due 05-01 18:00+2\n"},
        {CATCH_UP_LAST, OVERLAP_SKIP, 10 * EXO_MINUTE,
         "05-01 17:30+2 SKIP missed 05-01 13:00+2\n"
         "05-01 17:30+2   until 05-01 17:00+2\n"
         "05-01 18:00+2 START due 05-01 18:00+2\n"},
        {CATCH_UP_ALL, OVERLAP_QUEUE, 3 * EXO_HOUR,
         "05-01 17:30+2 SKIP missed 05-01 13:00+2\n"
         "05-01 17:30+2   until 05-01 14:29+2\n"
         "05-01 17:30+2 START caught up 05-01 15:00+2\n"
         "05-01 17:40+2 START waited 05-01 16:00+2\n"
         "05-01 17:50+2 START waited 05-01 17:00+2\n"
         "05-01 18:00+2 START due 05-01 18:00+2\n"},
        {CATCH_UP_ALL, OVERLAP_ALLOW, 2 * EXO_HOUR,
         "05-01 17:30+2 SKIP missed 05-01 13:00+2\n"
         "05-01 17:30+2   until 05-01 15:29+2\n"
         "05-01 17:30+2 START caught up 05-01 16:00+2\n"
         "05-01 17:30+2 START caught up 05-01 17:00+2\n"
         "05-01 18:00+2 START due 05-01 18:00+2\n"},
        {CATCH_UP_ALL, OVERLAP_SKIP, 2 * EXO_HOUR,
         "05-01 17:30+2 SKIP missed 05-01 13:00+2\n"
         "05-01 17:30+2   until 05-01 15:29+2\n"
         "05-01 17:30+2 START caught up 05-01 16:00+2\n"
         "05-01 17:30+2 SKIP overlap 05-01 17:00+2\n"
         "05-01 18:00+2 START due 05-01 18:00+2\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct schedule_world world;

        world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
        world.definition.catch_up = cases[i].catch_up;
        world.definition.overlap = cases[i].overlap;
        world.definition.window_ns = cases[i].window_ns;
        world_begin(&world);
        world_run_until(&world, world_time("2026-05-01T10:31:00Z"));
        world.now_ns = world_time("2026-05-01T15:30:00Z");
        world_run_until(&world, world_time("2026-05-01T16:05:00Z"));
        check_trace(&world, cases[i].trace);
    }
}

/* A minute late is not missed. */
static void a_late_look_is_no_outage(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world_begin(&world);
    world.now_ns = world_time("2026-05-01T11:01:00Z");
    world_look(&world);
    world.now_ns = world_time("2026-05-01T12:01:00.001Z");
    world_run_until(&world, world.now_ns);
    check_trace(&world, "05-01 13:01+2 START due 05-01 13:00+2\n"
                        "05-01 14:01+2 SKIP missed 05-01 14:00+2\n");
}

/* What is due as the outage ends is on time, also when jitter makes it late by the clock. */
static void the_end_of_an_outage_is_on_time(void **state)
{
    struct schedule_world world;

    (void)state;
    for (int i = 0; i < 2; i++) {
        world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
        world.definition.jitter_ns = i * 30 * EXO_MINUTE;
        world_begin(&world);
        exo_time nominal_ns = world_time("2026-05-01T15:00:00Z");

        world.now_ns = 30 * EXO_SECOND + nominal_ns +
                       schedule_jitter(&world.id, nominal_ns, world.definition.jitter_ns);
        assert_true(i == 0 || world.now_ns - nominal_ns > 2 * EXO_MINUTE);
        world_look(&world);
        const struct schedule_action *last = &world.actions.items[world.actions.count - 1];

        assert_int_equal(world.actions.count, 2);
        assert_int_equal(last->kind, SCHEDULE_START);
        assert_int_equal(last->reason, REASON_DUE);
        assert_int_equal(last->nominal_ns, nominal_ns);
        world_close(&world);
    }
}

/* --- backfill ----------------------------------------------------------------------------------
 */

static struct schedule_event backfill_of(const char *from, const char *until, uint32_t parallel)
{
    return (struct schedule_event){.kind = SCHEDULE_BACKFILL,
                                   .from_ns = world_time(from),
                                   .until_ns = world_time(until),
                                   .parallel = parallel};
}

/* Over the change of the clock, one after another; what is due meanwhile goes first. */
static void a_backfill_takes_its_turn(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "30 2 * * *", "2026-03-31T00:20:00Z");
    world.definition.overlap = OVERLAP_QUEUE;
    world.run_ns = 20 * EXO_MINUTE;
    world_begin(&world);
    world_look(&world);
    assert_int_equal(
        world_step(&world, backfill_of("2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", 4)),
        SCHEDULE_TAKEN);
    world_run_until(&world, world_time("2026-03-31T12:00:00Z"));
    check_trace(&world, "03-31 02:20+2 START backfill 03-28 02:30+1\n"
                        "03-31 02:40+2 START waited 03-31 02:30+2\n"
                        "03-31 03:00+2 START backfill 03-29 03:00+2\n"
                        "03-31 03:20+2 START backfill 03-30 02:30+2\n");
}

static void a_backfill_side_by_side(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.overlap = OVERLAP_ALLOW;
    world_begin(&world);
    world_look(&world);
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T05:00:00Z", "2026-05-01T08:59:59Z", 3)),
        SCHEDULE_TAKEN);
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T05:00:00Z", "2026-05-01T08:59:59Z", 3)),
        SCHEDULE_ECONFLICT);
    world_run_until(&world, world_time("2026-05-01T10:59:00Z"));
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_BACKFILL_STOP}),
                     SCHEDULE_ESTALE);
    check_trace(&world, "05-01 12:30+2 START backfill 05-01 07:00+2\n"
                        "05-01 12:30+2 START backfill 05-01 08:00+2\n"
                        "05-01 12:30+2 START backfill 05-01 09:00+2\n"
                        "05-01 12:40+2 START backfill 05-01 10:00+2\n");
}

static enum schedule_result trigger(struct schedule_world *world, const char *at)
{
    return world_step(
        world, (struct schedule_event){.kind = SCHEDULE_TRIGGER, .nominal_ns = world_time(at)});
}

/* By hand it starts at once, paused or not, and never beside another where that is not allowed. */
static void a_trigger_starts_now(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world_begin(&world);
    world_look(&world);
    assert_int_equal(trigger(&world, "2026-05-01T10:30:01Z"), SCHEDULE_EINVALID);
    assert_int_equal(trigger(&world, "2026-05-01T10:30:00Z"), SCHEDULE_TAKEN);
    assert_int_equal(trigger(&world, "2026-05-01T10:30:00Z"), SCHEDULE_ESTALE);
    assert_int_equal(trigger(&world, "2026-05-01T10:29:59Z"), SCHEDULE_ECONFLICT);
    world_run_until(&world, world_time("2026-05-01T10:45:00Z"));
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_PAUSE}),
                     SCHEDULE_TAKEN);
    assert_int_equal(trigger(&world, "2026-05-01T10:45:00Z"), SCHEDULE_TAKEN);
    world_run_until(&world, world_time("2026-05-01T11:20:00Z"));
    check_trace(&world, "05-01 12:30+2 START triggered 05-01 12:30+2\n"
                        "05-01 12:45+2 START triggered 05-01 12:45+2\n");
}

static void bad_backfills_are_refused(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world_begin(&world);
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T08:00:00Z", "2026-05-01T07:00:00Z", 1)),
        SCHEDULE_EINVALID);
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T08:00:00Z", "2026-05-01T10:30:01Z", 1)),
        SCHEDULE_EINVALID);
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T08:00:00Z", "2026-05-01T09:00:00Z", 0)),
        SCHEDULE_EINVALID);
    check_trace(&world, "");
}

/* A time that already runs, or is still to be decided, starts once. */
static void a_backfill_repeats_nothing_that_runs(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T09:30:00Z");
    world.definition.overlap = OVERLAP_ALLOW;
    world.run_ns = EXO_HOUR;
    world_begin(&world);
    world_run_until(&world, world_time("2026-05-01T10:30:00Z"));
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T09:00:00Z", "2026-05-01T10:30:00Z", 9)),
        SCHEDULE_TAKEN);
    struct schedule jittered = world.definition;

    jittered.jitter_ns = 24 * EXO_HOUR; /* the next one is due later */
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_CHANGE,
                                                                .definition = &jittered,
                                                                .zone = world.zone}),
                     SCHEDULE_TAKEN);
    exo_time due_ns = schedule_book_deadline(world.book);

    assert_true(due_ns > world_time("2026-05-01T12:00:00Z"));
    world.now_ns = world_time("2026-05-01T11:10:00Z");
    world.running_count = 0;
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T11:00:00Z", "2026-05-01T11:10:00Z", 9)),
        SCHEDULE_TAKEN);
    world.now_ns = due_ns;
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_LOOK}),
                     SCHEDULE_TAKEN);
    for (uint32_t i = 0; i < world.actions.count; i++) {
        assert_true(world.actions.items[i].nominal_ns != world_time("2026-05-01T11:00:00Z"));
    }
    assert_non_null(strstr(world_trace(&world), "05-01 12:00+2 START due 05-01 12:00+2\n"
                                                "05-01 12:30+2 START backfill 05-01 11:00+2\n"
                                                "05-01 13:10+2 START backfill 05-01 13:00+2\n"));
    world_close(&world);
}

/* Only what is due by the clock is replaced by what is due by the clock. */
static void a_backfill_is_not_replaced(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T09:30:00Z");
    world.definition.overlap = OVERLAP_REPLACE;
    world.run_ns = 100 * EXO_MINUTE;
    world_begin(&world);
    world_look(&world);
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T08:00:00Z", "2026-05-01T08:00:00Z", 1)),
        SCHEDULE_TAKEN);
    world_run_until(&world, world_time("2026-05-01T11:30:00Z"));
    check_trace(&world, "05-01 11:30+2 START backfill 05-01 10:00+2\n"
                        "05-01 13:00+2 SKIP replaced 05-01 12:00+2\n"
                        "05-01 13:10+2 START waited 05-01 13:00+2\n");
}

/* --- every phase meets every event -------------------------------------------------------------
 */

static void enter(struct schedule_world *world, enum schedule_phase phase, struct schedule *ended)
{
    world_open(world, "0 * * * *", "2026-05-01T10:30:00Z");
    world->definition.overlap = OVERLAP_QUEUE;
    world->run_ns = 90 * EXO_MINUTE;
    world_begin(world);
    world_run_until(world, world_time("2026-05-01T12:10:00Z")); /* 11:00 runs, 12:00 waits */
    *ended = world->definition;
    ended->end_ns = world->now_ns;
    if (phase == SCHEDULE_PAUSED) {
        (void)!world_step(world, (struct schedule_event){.kind = SCHEDULE_PAUSE});
    } else if (phase == SCHEDULE_OVER) {
        (void)!world_step(world, (struct schedule_event){.kind = SCHEDULE_CHANGE,
                                                         .definition = ended,
                                                         .zone = world->zone});
    }
    assert_int_equal(schedule_book_phase(world->book), phase);
}

static void every_phase_meets_every_event(void **state)
{
    /* result, phase after, starts of the step */
    static const struct {
        enum schedule_result result;
        enum schedule_phase phase;
        uint32_t starts;
    } expected[SCHEDULE_PHASE_NR][SCHEDULE_EVENT_NR] = {
        [SCHEDULE_OPEN] =
            {
                [SCHEDULE_LOOK] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 0},
                [SCHEDULE_ENDED] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 1},
                [SCHEDULE_PAUSE] = {SCHEDULE_TAKEN, SCHEDULE_PAUSED, 0},
                [SCHEDULE_RESUME] = {SCHEDULE_ESTALE, SCHEDULE_OPEN, 0},
                [SCHEDULE_CHANGE] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 1},
                [SCHEDULE_BACKFILL] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 0},
                [SCHEDULE_BACKFILL_STOP] = {SCHEDULE_ESTALE, SCHEDULE_OPEN, 0},
                [SCHEDULE_TRIGGER] = {SCHEDULE_ESTALE, SCHEDULE_OPEN, 0},
            },
        [SCHEDULE_PAUSED] =
            {
                [SCHEDULE_LOOK] = {SCHEDULE_TAKEN, SCHEDULE_PAUSED, 0},
                [SCHEDULE_ENDED] = {SCHEDULE_TAKEN, SCHEDULE_PAUSED, 0},
                [SCHEDULE_PAUSE] = {SCHEDULE_ESTALE, SCHEDULE_PAUSED, 0},
                [SCHEDULE_RESUME] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 0},
                [SCHEDULE_CHANGE] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 1},
                [SCHEDULE_BACKFILL] = {SCHEDULE_TAKEN, SCHEDULE_PAUSED, 0},
                [SCHEDULE_BACKFILL_STOP] = {SCHEDULE_ESTALE, SCHEDULE_PAUSED, 0},
                [SCHEDULE_TRIGGER] = {SCHEDULE_ESTALE, SCHEDULE_PAUSED, 0},
            },
        [SCHEDULE_OVER] =
            {
                [SCHEDULE_LOOK] = {SCHEDULE_TAKEN, SCHEDULE_OVER, 0},
                [SCHEDULE_ENDED] = {SCHEDULE_TAKEN, SCHEDULE_OVER, 1},
                [SCHEDULE_PAUSE] = {SCHEDULE_TAKEN, SCHEDULE_PAUSED, 0},
                [SCHEDULE_RESUME] = {SCHEDULE_ESTALE, SCHEDULE_OVER, 0},
                [SCHEDULE_CHANGE] = {SCHEDULE_TAKEN, SCHEDULE_OPEN, 1},
                [SCHEDULE_BACKFILL] = {SCHEDULE_TAKEN, SCHEDULE_OVER, 0},
                [SCHEDULE_BACKFILL_STOP] = {SCHEDULE_ESTALE, SCHEDULE_OVER, 0},
                [SCHEDULE_TRIGGER] = {SCHEDULE_ESTALE, SCHEDULE_OVER, 0},
            },
    };

    (void)state;
    for (int phase = 0; phase < SCHEDULE_PHASE_NR; phase++) {
        for (int kind = 0; kind < SCHEDULE_EVENT_NR; kind++) {
            struct schedule_world world;
            struct schedule ended;

            enter(&world, (enum schedule_phase)phase, &ended);
            struct schedule changed = world.definition;
            struct schedule_event event =
                backfill_of("2026-04-01T00:00:00Z", "2026-04-02T00:00:00Z", 1);

            changed.overlap = OVERLAP_ALLOW; /* what waits may start */
            event.kind = (enum schedule_event_kind)kind;
            event.nominal_ns = world_time("2026-05-01T11:00:00Z");
            event.definition = &changed;
            event.zone = world.zone;
            enum schedule_result result = world_step(&world, event);
            uint32_t starts = 0;

            for (uint32_t i = 0; i < world.actions.count; i++) {
                starts += world.actions.items[i].kind == SCHEDULE_START;
            }
            if (result != expected[phase][kind].result ||
                schedule_book_phase(world.book) != expected[phase][kind].phase ||
                starts != expected[phase][kind].starts) {
                fail_msg("phase %d, event %d: result %d, phase %d, %u starts", phase, kind, result,
                         schedule_book_phase(world.book), starts);
            }
            assert_int_equal(schedule_book_deadline(world.book) == EXO_TIME_NEVER,
                             expected[phase][kind].phase != SCHEDULE_OPEN);
            if (kind == SCHEDULE_ENDED) {
                assert_int_equal(world_step(&world, event), SCHEDULE_ESTALE);
            }
            world_close(&world);
        }
    }
}

/* --- single rules ------------------------------------------------------------------------------
 */

static void a_pause_is_not_made_up_for(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.catch_up = CATCH_UP_ALL;
    world_begin(&world);
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_PAUSE}),
                     SCHEDULE_TAKEN);
    world_run_until(&world, world_time("2026-05-01T15:30:00Z"));
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_RESUME}),
                     SCHEDULE_TAKEN);
    world_run_until(&world, world_time("2026-05-01T16:30:00Z"));
    check_trace(&world, "05-01 18:00+2 START due 05-01 18:00+2\n");
}

static void start_and_end_bound_it(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.start_ns = world_time("2026-05-01T12:00:00Z");
    world.definition.end_ns = world_time("2026-05-01T14:00:00Z");
    world_begin(&world);
    world_run_until(&world, world_time("2026-05-02T10:30:00Z"));
    assert_int_equal(schedule_book_phase(world.book), SCHEDULE_OVER);
    check_trace(&world, "05-01 14:00+2 START due 05-01 14:00+2\n"
                        "05-01 15:00+2 START due 05-01 15:00+2\n");
}

/* Nobody was there when it ended: nothing is made up for that was due after the end. */
static void an_end_within_an_outage(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.end_ns = world_time("2026-05-01T14:00:00Z");
    world.definition.catch_up = CATCH_UP_LAST;
    world_begin(&world);
    world.now_ns = world_time("2026-05-01T20:00:00Z");
    world_run_until(&world, world_time("2026-05-02T10:30:00Z"));
    check_trace(&world, "05-01 22:00+2 SKIP missed 05-01 13:00+2\n"
                        "05-01 22:00+2   until 05-01 14:59+2\n"
                        "05-01 22:00+2 START caught up 05-01 15:00+2\n");
}

/* What is cancelled takes its time; meanwhile only the newest waits. */
static void the_newest_takes_the_place(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.overlap = OVERLAP_REPLACE;
    world.run_ns = 5 * EXO_HOUR;
    world.cancel_ns = 150 * EXO_MINUTE;
    world_begin(&world);
    world_run_until(&world, world_time("2026-05-01T14:45:00Z"));
    check_trace(&world, "05-01 13:00+2 START due 05-01 13:00+2\n"
                        "05-01 14:00+2 CANCEL replaced 05-01 13:00+2\n"
                        "05-01 15:00+2 SKIP replaced 05-01 14:00+2\n"
                        "05-01 16:00+2 SKIP replaced 05-01 15:00+2\n"
                        "05-01 16:30+2 START waited 05-01 16:00+2\n");
}

static void a_clock_that_goes_back_stands_still(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world_begin(&world);
    world_look(&world);
    world.now_ns -= EXO_HOUR;
    assert_int_equal(
        world_step(&world, backfill_of("2026-05-01T09:00:00Z", "2026-05-01T10:30:00Z", 1)),
        SCHEDULE_TAKEN);
    assert_int_equal(world.actions.count, 1);
    assert_int_equal(schedule_book_deadline(world.book), world_time("2026-05-01T11:00:00Z"));
    world_close(&world);
}

static void another_rule_begins_now(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.catch_up = CATCH_UP_ALL;
    world_begin(&world);
    world_look(&world);
    struct schedule changed = world.definition;

    world_cron(&changed, "*/20 * * * *");
    world.now_ns = world_time("2026-05-01T15:30:00Z");
    assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_CHANGE,
                                                                .definition = &changed,
                                                                .zone = world.zone}),
                     SCHEDULE_TAKEN);
    world_run_until(&world, world_time("2026-05-01T15:50:00Z"));
    check_trace(&world, "05-01 17:40+2 START due 05-01 17:40+2\n");
}

/* Starts are spread, always alike, and every nominal time is started once. */
static void jitter_is_the_same_again(void **state)
{
    struct execution_id id = {{1, 2, 3}};
    struct execution_id other = {{1, 2, 4}};
    exo_time most = 0;
    bool is_different = false;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        exo_time nominal = i * EXO_MINUTE;
        exo_time jitter = schedule_jitter(&id, nominal, 10 * EXO_MINUTE);

        assert_true(jitter >= 0 && jitter <= 10 * EXO_MINUTE && jitter % EXO_MILLISECOND == 0);
        assert_int_equal(jitter, schedule_jitter(&id, nominal, 10 * EXO_MINUTE));
        assert_int_equal(schedule_jitter(&id, nominal, 0), 0);
        is_different |= jitter != schedule_jitter(&other, nominal, 10 * EXO_MINUTE);
        most = jitter > most ? jitter : most;
    }
    assert_true(is_different && most > 9 * EXO_MINUTE);
    /* Schedules of other versions of the program run at the same times. */
    assert_int_equal(schedule_jitter(&id, EXO_HOUR, EXO_HOUR), 237632 * EXO_MILLISECOND);
}

/* Of what waits there is a bound; the rest is told. */
static void a_full_queue_says_so(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "* * * * *", "2026-05-01T10:00:30Z");
    world.definition.overlap = OVERLAP_QUEUE;
    world.run_ns = 365 * 24 * EXO_HOUR;
    world_begin(&world);
    world_run_until(&world, world.now_ns + (SCHEDULE_WAITING_MAX + 2) * EXO_MINUTE);
    check_trace(&world, "05-01 12:01+2 START due 05-01 12:01+2\n"
                        "05-01 13:42+2 SKIP full 05-01 13:42+2\n");
}

/* An hour of minutes is made up for in more than one step, each bounded. */
static void a_step_is_bounded(void **state)
{
    struct schedule_world world;
    uint32_t starts = 0;
    uint32_t steps = 0;

    (void)state;
    world_open(&world, "* * * * *", "2026-05-01T10:00:30Z");
    world.definition.catch_up = CATCH_UP_ALL;
    world.definition.overlap = OVERLAP_ALLOW;
    world_begin(&world);
    world.now_ns += 90 * EXO_MINUTE;
    do {
        assert_int_equal(world_step(&world, (struct schedule_event){.kind = SCHEDULE_LOOK}),
                         SCHEDULE_TAKEN);
        starts += world.actions.count;
        steps++;
    } while (schedule_book_deadline(world.book) == world.now_ns);
    assert_int_equal(starts, 90);
    assert_int_equal(steps, 2);
    world_close(&world);
}

/* --- random lives ------------------------------------------------------------------------------
 */

enum { FIRES_MAX = 3000 };

/* How often each nominal time was decided. */
struct ledger {
    exo_time nominal[FIRES_MAX];
    uint32_t decided[FIRES_MAX];
    uint32_t count;
};

static void note(struct schedule_world *world, const struct schedule_action *action)
{
    struct ledger *ledger = world->context;

    if (action->kind == SCHEDULE_CANCEL || action->reason == REASON_BACKFILL) {
        return;
    }
    for (uint32_t i = 0; i < ledger->count; i++) {
        if (ledger->nominal[i] >= action->nominal_ns && ledger->nominal[i] <= action->until_ns) {
            ledger->decided[i]++;
        }
    }
    if (world->definition.overlap != OVERLAP_ALLOW && action->kind == SCHEDULE_START) {
        assert_int_equal(world->running_count, 1);
    }
}

static uint32_t dice_state = 99;

static uint32_t dice(uint32_t sides)
{
    dice_state = dice_state * 1664525 + 1013904223;
    return (dice_state >> 8) % sides;
}

static void live(struct schedule_world *world, struct ledger *ledger, uint32_t seed,
                 bool is_restarted)
{
    static const char *const crons[] = {"30 2 * * *", "*/20 * * * *", "0 0-6 * * *", "5 * * * *"};

    dice_state = seed;
    world_open(world, crons[dice(4)],
               dice(2) == 0 ? "2026-03-27T11:00:00Z" : "2026-10-23T11:00:00Z");
    world->definition.overlap = (enum schedule_overlap)dice(OVERLAP_NR);
    world->definition.catch_up = (enum schedule_catch_up)dice(CATCH_UP_NR);
    world->definition.window_ns = (1 + dice(20)) * EXO_HOUR;
    world->definition.jitter_ns = dice(3) * 7 * EXO_MINUTE;
    world->run_ns = (1 + dice(40)) * EXO_MINUTE;
    world->is_restarted_each_step = is_restarted;
    world->watch = note;
    world->context = ledger;
    *ledger = (struct ledger){.count = 0};
    exo_time end_ns = world->now_ns + 72 * EXO_HOUR;
    struct cron_fire fire = {.at_ns = world->now_ns};

    while (cron_next(&world->definition.cron, world->zone, fire.at_ns, &fire) &&
           fire.at_ns <= end_ns) {
        assert_true(ledger->count < FIRES_MAX);
        ledger->nominal[ledger->count++] = fire.at_ns;
    }
    world_begin(world);
    while (world->now_ns < end_ns - 8 * EXO_HOUR) {
        world_run_until(world, world->now_ns + (1 + dice(300)) * EXO_MINUTE);
        if (dice(2) == 0) {
            world_outage(world, world->now_ns + (1 + dice(300)) * EXO_MINUTE);
        }
    }
    world_run_until(world, end_ns);
}

/* Every time is decided exactly once, or still waits, whatever the outages. */
static void every_time_is_decided_once(void **state)
{
    static struct ledger ledger;

    (void)state;
    for (uint32_t seed = 1; seed <= 300; seed++) {
        struct schedule_world world;
        struct schedule_saved saved;

        live(&world, &ledger, seed, false);
        schedule_book_save(world.book, &saved);
        for (uint32_t i = 0; i < ledger.count; i++) {
            bool is_open = ledger.nominal[i] > saved.considered_ns;

            for (uint32_t j = 0; j < saved.waiting_count; j++) {
                is_open |= saved.waiting[j] == ledger.nominal[i];
            }
            if (ledger.decided[i] != !is_open) {
                fail_msg("seed %u: time %u of %u was decided %u times:\n%s", seed, i, ledger.count,
                         ledger.decided[i], world_trace(&world));
            }
        }
        world_close(&world);
    }
}

/* A process that is replaced after every step does the same as one that lives. */
static void a_restart_after_each_step_changes_nothing(void **state)
{
    static struct ledger ledger;

    (void)state;
    for (uint32_t seed = 1; seed <= 100; seed++) {
        struct schedule_world lives;
        struct schedule_world dies;

        live(&lives, &ledger, seed, false);
        live(&dies, &ledger, seed, true);
        if (strcmp(world_trace(&lives), world_trace(&dies)) != 0) {
            fail_msg("seed %u: one that lives does\n%s\none that is replaced\n%s", seed,
                     (const char *)lives.trace.data, (const char *)dies.trace.data);
        }
        world_close(&lives);
        world_close(&dies);
    }
}

static void without_memory_there_is_no_book(void **state)
{
    struct heap_budget budget = {.limit_bytes = 16};
    struct schedule definition = {.end_ns = EXO_TIME_NEVER};
    struct execution_id id = {{0}};

    (void)state;
    assert_null(schedule_book_new(allocator_heap(&budget), &id, &definition, zone_utc(), NULL, 0));
    schedule_book_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nights_over_a_change_and_an_outage),
        cmocka_unit_test(half_hours_over_a_change_back),
        cmocka_unit_test(what_was_missed),
        cmocka_unit_test(a_late_look_is_no_outage),
        cmocka_unit_test(the_end_of_an_outage_is_on_time),
        cmocka_unit_test(a_backfill_takes_its_turn),
        cmocka_unit_test(a_backfill_side_by_side),
        cmocka_unit_test(a_trigger_starts_now),
        cmocka_unit_test(bad_backfills_are_refused),
        cmocka_unit_test(a_backfill_repeats_nothing_that_runs),
        cmocka_unit_test(a_backfill_is_not_replaced),
        cmocka_unit_test(every_phase_meets_every_event),
        cmocka_unit_test(a_pause_is_not_made_up_for),
        cmocka_unit_test(start_and_end_bound_it),
        cmocka_unit_test(an_end_within_an_outage),
        cmocka_unit_test(the_newest_takes_the_place),
        cmocka_unit_test(a_clock_that_goes_back_stands_still),
        cmocka_unit_test(another_rule_begins_now),
        cmocka_unit_test(jitter_is_the_same_again),
        cmocka_unit_test(a_full_queue_says_so),
        cmocka_unit_test(a_step_is_bounded),
        cmocka_unit_test(every_time_is_decided_once),
        cmocka_unit_test(a_restart_after_each_step_changes_nothing),
        cmocka_unit_test(without_memory_there_is_no_book),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
