/* Orders to a schedule that are applied long after they were given. */
#include "tests/unit/scheduler/core/schedule_world.h"

static enum schedule_result behind(struct schedule_world *world, struct schedule_event event)
{
    event.is_behind = true;
    return world_step(world, event);
}

/* Orders that came while nobody was there are all taken before anything starts by the clock. */
static void what_waits_to_be_applied_comes_first(void **state)
{
    struct schedule_world world;

    (void)state;
    world_open(&world, "0 * * * *", "2026-05-01T10:30:00Z");
    world.definition.catch_up = CATCH_UP_ALL;
    world_begin(&world);
    world_look(&world);
    world.now_ns = world_time("2026-05-01T13:30:00Z");
    const struct schedule_event change = {
        .kind = SCHEDULE_CHANGE, .definition = &world.definition, .zone = world.zone};

    assert_int_equal(behind(&world, change), SCHEDULE_TAKEN);
    assert_int_equal(schedule_book_deadline(world.book), world.now_ns);
    assert_int_equal(behind(&world, (struct schedule_event){.kind = SCHEDULE_PAUSE}),
                     SCHEDULE_TAKEN);
    assert_int_equal(schedule_book_deadline(world.book), EXO_TIME_NEVER);
    const struct schedule_event trigger = {.kind = SCHEDULE_TRIGGER, .nominal_ns = world.now_ns};

    assert_int_equal(behind(&world, trigger), SCHEDULE_TAKEN);
    assert_int_equal(behind(&world, (struct schedule_event){.kind = SCHEDULE_RESUME}),
                     SCHEDULE_TAKEN);
    schedule_book_check(world.book);
    world_run_until(&world, world_time("2026-05-01T14:30:00Z"));
    assert_string_equal(world_trace(&world), "05-01 15:30+2 START triggered 05-01 15:30+2\n"
                                             "05-01 16:00+2 START due 05-01 16:00+2\n");
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_to_be_applied_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
