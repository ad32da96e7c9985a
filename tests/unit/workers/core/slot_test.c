/* slot: the table of states as it is drawn, and what an attempt comes to. */
#include "workers/core/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The edges of the picture in slot.h, written apart from the table. Everything else is stale. */
static const struct {
    enum slot_state from;
    enum slot_input input;
    enum slot_state to;
} edges[] = {
    {SLOT_REJECTED, SLOT_ACKED, SLOT_FREE},           {SLOT_PREPARING, SLOT_PREPARED, SLOT_READY},
    {SLOT_PREPARING, SLOT_UNPREPARED, SLOT_FINISHED}, {SLOT_PREPARING, SLOT_STOP, SLOT_FINISHED},
    {SLOT_READY, SLOT_PLACED, SLOT_STARTING},         {SLOT_READY, SLOT_STOP, SLOT_FINISHED},
    {SLOT_STARTING, SLOT_STARTED, SLOT_RUNNING},      {SLOT_STARTING, SLOT_EXITED, SLOT_COLLECTING},
    {SLOT_STARTING, SLOT_STOP, SLOT_STARTING},        {SLOT_RUNNING, SLOT_PROGRESS, SLOT_RUNNING},
    {SLOT_RUNNING, SLOT_EXITED, SLOT_COLLECTING},     {SLOT_RUNNING, SLOT_STOP, SLOT_STOPPING},
    {SLOT_STOPPING, SLOT_EXITED, SLOT_COLLECTING},    {SLOT_STOPPING, SLOT_STOP, SLOT_STOPPING},
    {SLOT_COLLECTING, SLOT_COLLECTED, SLOT_SPOOLING}, {SLOT_SPOOLING, SLOT_SPOOLED, SLOT_FINISHED},
    {SLOT_FINISHED, SLOT_ACKED, SLOT_FREE},
};

static void every_state_meets_every_input(void **state)
{
    (void)state;
    for (int from = 0; from < SLOT_STATE_NR; from++) {
        for (int input = 0; input < SLOT_INPUT_NR; input++) {
            int expected = SLOT_STALE;

            for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
                if ((int)edges[i].from == from && (int)edges[i].input == input) {
                    expected = (int)edges[i].to;
                }
            }
            if (slot_next((enum slot_state)from, (enum slot_input)input) != expected) {
                fail_msg("%s meets %s", slot_state_name((enum slot_state)from),
                         slot_input_name((enum slot_input)input));
            }
        }
    }
}

static void places_and_listing(void **state)
{
    (void)state;
    assert_false(slot_holds_place(SLOT_READY));
    assert_true(slot_holds_place(SLOT_STARTING));
    assert_true(slot_holds_place(SLOT_RUNNING));
    assert_true(slot_holds_place(SLOT_STOPPING));
    assert_false(slot_holds_place(SLOT_COLLECTING));
    assert_false(slot_is_listed(SLOT_FREE));
    assert_false(slot_is_listed(SLOT_REJECTED));
    assert_true(slot_is_listed(SLOT_PREPARING));
    assert_true(slot_is_listed(SLOT_FINISHED));
}

static void outcome_is(enum stop_reason stop, enum attempt_end end, int status,
                       enum attempt_outcome expected, const char *code)
{
    const char *error = "untouched";

    assert_string_equal(attempt_outcome_name(attempt_outcome(stop, end, status, &error)),
                        attempt_outcome_name(expected));
    if (code == NULL) {
        assert_null(error);
    } else {
        assert_non_null(error);
        assert_memory_equal(error, code, strlen(code));
        assert_int_equal(error[strlen(code)], ':');
    }
}

static void outcomes(void **state)
{
    (void)state;
    outcome_is(STOP_NONE, ATTEMPT_EXITED, 0, ATTEMPT_SUCCEEDED, NULL);
    outcome_is(STOP_NONE, ATTEMPT_EXITED, 1, ATTEMPT_FAILED, NULL);
    outcome_is(STOP_NONE, ATTEMPT_EXITED, 65, ATTEMPT_NEVER_AGAIN, "EXIT_STATUS");
    outcome_is(STOP_NONE, ATTEMPT_EXITED, 75, ATTEMPT_LATER, "EXIT_STATUS");
    outcome_is(STOP_NONE, ATTEMPT_EXITED, 255, ATTEMPT_FAILED, NULL);
    outcome_is(STOP_NONE, ATTEMPT_SIGNALLED, 0, ATTEMPT_FAILED, "SIGNALLED");
    outcome_is(STOP_NONE, ATTEMPT_OUT_OF_MEMORY, 0, ATTEMPT_FAILED, "OUT_OF_MEMORY");
    outcome_is(STOP_NONE, ATTEMPT_FAULTY, 0, ATTEMPT_FAILED, NULL);
    outcome_is(STOP_NONE, ATTEMPT_REFUSED, 0, ATTEMPT_NEVER_AGAIN, NULL);
    outcome_is(STOP_NONE, ATTEMPT_BROKEN, 0, ATTEMPT_LOST, NULL);
    /* What we did to it first wins over how it ended. */
    outcome_is(STOP_KILLED, ATTEMPT_EXITED, 0, ATTEMPT_CANCELLED, "CANCELLED");
    outcome_is(STOP_TIMED_OUT, ATTEMPT_SIGNALLED, 0, ATTEMPT_TIMED_OUT, "TIMED_OUT");
    outcome_is(STOP_SILENT, ATTEMPT_SIGNALLED, 0, ATTEMPT_FAILED, "HEARTBEAT_TIMEOUT");
    outcome_is(STOP_SILENT, ATTEMPT_EXITED, 65, ATTEMPT_FAILED, "HEARTBEAT_TIMEOUT");
    outcome_is(STOP_DRAINED, ATTEMPT_EXITED, 1, ATTEMPT_LOST, "DRAINED");
    outcome_is(STOP_SUPERSEDED, ATTEMPT_EXITED, 0, ATTEMPT_LOST, "SUPERSEDED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_meets_every_input),
        cmocka_unit_test(places_and_listing),
        cmocka_unit_test(outcomes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
