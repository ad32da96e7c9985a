#include "schemas/wire/schedule_state.h"

#include "tests/support/test.h"

static struct heap_budget budget;

static enum wire_result there_and_back(const struct wire_schedule_state *state, struct arena *arena,
                                       struct wire_schedule_state *ret_state)
{
    struct buffer buffer;

    buffer_init(&buffer, arena->allocator, 0);
    wire_schedule_state_pack(state, arena, &buffer);
    assert_false(buffer.is_failed);
    struct span bytes = arena_copy(arena, buffer_span(&buffer));

    buffer_release(&buffer);
    assert_non_null(bytes.data);
    return wire_schedule_state_unpack(bytes, arena, ret_state);
}

static void a_state_comes_back(void **state)
{
    static const struct wire_schedule_live live[] = {{5, false, true}, {-6, true, false}};
    static const exo_time waiting[] = {7, 8, INT64_MAX};
    const struct wire_schedule_state whole = {.considered_ns = 9,
                                              .is_paused = true,
                                              .live = live,
                                              .live_count = 2,
                                              .waiting = waiting,
                                              .waiting_count = 3,
                                              .has_backfill = true,
                                              .backfill_after_ns = -1,
                                              .backfill_until_ns = 11,
                                              .backfill_parallel = 12};
    struct wire_schedule_state back = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_int_equal(there_and_back(&whole, &arena, &back), WIRE_OK);
    assert_int_equal(back.considered_ns, 9);
    assert_true(back.is_paused && back.has_backfill);
    assert_int_equal(back.live_count, 2);
    assert_int_equal(back.live[0].nominal_ns, 5);
    assert_true(back.live[0].is_cancelled && !back.live[0].is_backfill);
    assert_int_equal(back.live[1].nominal_ns, -6);
    assert_true(back.live[1].is_backfill && !back.live[1].is_cancelled);
    assert_int_equal(back.waiting_count, 3);
    assert_memory_equal(back.waiting, waiting, sizeof(waiting));
    assert_int_equal(back.backfill_after_ns, -1);
    assert_int_equal(back.backfill_until_ns, 11);
    assert_int_equal(back.backfill_parallel, 12);
    assert_int_equal(there_and_back(&(struct wire_schedule_state){0}, &arena, &back), WIRE_OK);
    assert_int_equal(back.live_count + back.waiting_count, 0);
    arena_release(&arena);
    assert_int_equal(budget.used_bytes, 0);
}

static void others_are_refused(void **state)
{
    static const exo_time descending[] = {8, 7};
    static exo_time many[WIRE_SCHEDULE_WAITING_MAX + 1];
    static const struct wire_schedule_live live[WIRE_SCHEDULE_LIVE_MAX + 1];
    struct wire_schedule_state back = {.considered_ns = 3};
    struct arena arena;

    (void)state;
    for (int i = 0; i <= WIRE_SCHEDULE_WAITING_MAX; i++) {
        many[i] = i;
    }
    const struct wire_schedule_state bad[] = {
        {.waiting = descending, .waiting_count = 2},
        {.waiting = many, .waiting_count = WIRE_SCHEDULE_WAITING_MAX + 1},
        {.live = live, .live_count = WIRE_SCHEDULE_LIVE_MAX + 1},
        {.has_backfill = true},
    };

    arena_init(&arena, allocator_heap(&budget), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(there_and_back(&bad[i], &arena, &back), WIRE_EMALFORMED);
    }
    assert_int_equal(wire_schedule_state_unpack((struct span){"\x08\x02", 2}, &arena, &back),
                     WIRE_EVERSION);
    assert_int_equal(wire_schedule_state_unpack((struct span){"\xff", 1}, &arena, &back),
                     WIRE_EMALFORMED);
    assert_int_equal(back.considered_ns, 3);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back),
        cmocka_unit_test(others_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
