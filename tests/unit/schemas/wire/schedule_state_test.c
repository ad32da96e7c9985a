#include "schemas/wire/schedule_row.h"
#include "schemas/wire/status.h"

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

static void a_row_comes_back(void **state)
{
    static const struct wire_schedule_fire fires[] = {{1, 2, 3, false, 0}, {4, 5, 0, true, 7}};
    static const struct wire_schedule_left_out left_out[WIRE_SCHEDULE_LEFT_OUT_MAX + 1] = {
        {6, 7, 8, 5}, {9, 9, 10, 6}};
    const struct wire_schedule_answer answers[] = {
        {span_of("first"), SCHEDULE_VERDICT_CREATED, 0},
        {span_of("second"), SCHEDULE_VERDICT_UNREADABLE, 77}};
    struct wire_schedule_row row = {.project = span_of("p"),
                                    .name = span_of("n"),
                                    .definition = span_of("{}"),
                                    .number = 5,
                                    .changed_ns = 6,
                                    .state = {.considered_ns = 9, .is_paused = true},
                                    .fires = fires,
                                    .fire_count = 2,
                                    .left_out = left_out,
                                    .left_out_count = 2,
                                    .answers = answers,
                                    .answer_count = 2};
    struct wire_schedule_row back = {0};
    struct arena arena;
    struct buffer text;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, arena.allocator, 0);
    wire_schedule_row_pack(&row, &arena, &text);
    assert_int_equal(wire_schedule_row_unpack(buffer_span(&text), &arena, &back), WIRE_OK);
    assert_true(span_equal(back.project, row.project) && span_equal(back.name, row.name) &&
                span_equal(back.definition, row.definition));
    assert_true(back.number == 5 && back.changed_ns == 6 && back.state.considered_ns == 9 &&
                back.state.is_paused);
    assert_int_equal(back.fire_count, 2);
    assert_true(back.fires[0].nominal_ns == 1 && back.fires[0].at_ns == 2 &&
                back.fires[0].reason == 3 && !back.fires[0].is_ended && back.fires[1].is_ended &&
                back.fires[0].state == 0 && back.fires[1].state == 7);
    assert_int_equal(back.left_out_count, 2);
    assert_true(back.left_out[0].nominal_ns == 6 && back.left_out[0].until_ns == 7 &&
                back.left_out[0].at_ns == 8 && back.left_out[0].reason == 5 &&
                back.left_out[1].nominal_ns == 9 && back.left_out[1].reason == 6);
    assert_int_equal(back.answer_count, 2);
    assert_true(span_equal(back.answers[1].id, span_of("second")));
    assert_int_equal(back.answers[1].verdict, SCHEDULE_VERDICT_UNREADABLE);
    assert_int_equal(back.answers[1].nominal_ns, 77);

    const struct wire_schedule_answer bad = {span_of("x"), SCHEDULE_VERDICT_NR, 0};

    row.left_out_count = WIRE_SCHEDULE_LEFT_OUT_MAX + 1;
    buffer_reset(&text);
    wire_schedule_row_pack(&row, &arena, &text);
    assert_int_equal(wire_schedule_row_unpack(buffer_span(&text), &arena, &back), WIRE_EMALFORMED);
    row.left_out_count = 0;
    row.answers = &bad;
    row.answer_count = 1;
    buffer_reset(&text);
    wire_schedule_row_pack(&row, &arena, &text);
    assert_int_equal(wire_schedule_row_unpack(buffer_span(&text), &arena, &back), WIRE_EMALFORMED);
    buffer_release(&text);
    arena_release(&arena);
}

static enum wire_result command_there_and_back(const struct wire_schedule_command *command,
                                               struct arena *arena, struct wire_status *ret)
{
    const struct wire_peer peer = {.source = 3,
                                   .sequence = 4,
                                   .kind = PEER_SCHEDULE_ENDED,
                                   .schedule_ended = {{{1, 2, 3}}, 99, 5}};
    const struct wire_status status = {
        .schedules = command, .schedule_count = 1, .peers = &peer, .peer_count = 1};
    struct buffer text;

    buffer_init(&text, arena->allocator, 0);
    wire_status_pack(&status, arena, &text);
    enum wire_result result = wire_status_unpack(buffer_span(&text), arena, ret);

    buffer_release(&text);
    return result;
}

static void a_command_comes_back(void **state)
{
    struct wire_schedule_command command = {.kind = SCHEDULE_COMMAND_BACKFILL,
                                            .id = span_of("id"),
                                            .project = span_of("p"),
                                            .name = span_of("n"),
                                            .definition = span_of("{}"),
                                            .expected = SCHEDULE_EXPECTED_ANY,
                                            .from_ns = 5,
                                            .until_ns = 6,
                                            .parallel = 7};
    struct wire_status back = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena, allocator_heap(&budget), 0);
    assert_int_equal(command_there_and_back(&command, &arena, &back), WIRE_OK);
    assert_int_equal(back.schedule_count, 1);
    const struct wire_schedule_command *got = back.schedules;

    assert_int_equal(got->kind, SCHEDULE_COMMAND_BACKFILL);
    assert_true(span_equal(got->id, command.id) && span_equal(got->project, command.project) &&
                span_equal(got->name, command.name) &&
                span_equal(got->definition, command.definition));
    assert_true(got->expected == -1 && got->from_ns == 5 && got->until_ns == 6 &&
                got->parallel == 7);
    assert_int_equal(back.peers[0].kind, PEER_SCHEDULE_ENDED);
    assert_int_equal(back.peers[0].schedule_ended.schedule.bytes[2], 3);
    assert_int_equal(back.peers[0].schedule_ended.nominal_ns, 99);
    assert_int_equal(back.peers[0].schedule_ended.state, 5);

    const struct wire_schedule_command whole = command;

    command.id = span_of("");
    assert_int_equal(command_there_and_back(&command, &arena, &back), WIRE_EMALFORMED);
    command = whole;
    command.kind = SCHEDULE_COMMAND_NR;
    assert_int_equal(command_there_and_back(&command, &arena, &back), WIRE_EMALFORMED);
    command = whole;
    command.name = span_of("");
    assert_int_equal(command_there_and_back(&command, &arena, &back), WIRE_EMALFORMED);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_comes_back),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(a_row_comes_back),
        cmocka_unit_test(a_command_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
