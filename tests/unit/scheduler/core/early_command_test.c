/* commands before their executions: kept an hour of shard time in the order in which they came, and
 * never more than there are places and bytes. */
#include "scheduler/core/early_command.h"

#include "tests/support/test.h"

#include <string.h>

static struct heap_budget budget;
static struct early_commands commands;
static const exo_time begin_ns = 1000 * EXO_HOUR;

static int setup(void **state)
{
    (void)state;
    budget = (struct heap_budget){0};
    early_commands_init(&commands, allocator_heap(&budget));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    early_commands_clear(&commands);
    assert_int_equal(commands.bytes, 0);
    assert_int_equal(budget.used_bytes, 0);
    return 0;
}

static struct execution_id id_of(uint32_t number)
{
    struct execution_id id = {{0}};

    memcpy(id.bytes, &number, sizeof(number));
    return id;
}

static void put(uint32_t number, const char *text, exo_time at_ns, bool is_cancel)
{
    const struct early_command command = {.id = id_of(number),
                                          .at_ns = at_ns,
                                          .offset = 7,
                                          .is_cancel = is_cancel,
                                          .text = span_of(text)};

    assert_true(early_command_put(&commands, &command));
}

/* The next one for an execution, which is taken out; "" for none. */
static void assert_next(uint32_t number, const char *text)
{
    struct execution_id id = id_of(number);
    const struct early_command *command = early_command_find(&commands, &id);

    if (text[0] == '\0') {
        assert_null(command);
        return;
    }
    assert_non_null(command);
    assert_true(span_is(command->text, text));
    assert_int_equal(command->offset, 7);
    early_command_remove(&commands, command);
}

static void test_each_is_given_once_in_order(void **state)
{
    (void)state;
    put(1, "pause", begin_ns, false);
    put(2, "other", begin_ns + 1, false);
    put(1, "signal", begin_ns + 2, false);
    put(1, "signal", begin_ns + 3, false); /* two signals are two */
    assert_next(3, "");
    assert_next(1, "pause");
    assert_next(1, "signal");
    assert_next(1, "signal");
    assert_next(1, "");
    assert_int_equal(commands.count, 1);
}

static void test_a_second_cancel_changes_nothing(void **state)
{
    (void)state;
    put(1, "why", begin_ns, true);
    put(1, "again", begin_ns + 1, true);
    put(2, "", begin_ns + 1, true);
    assert_int_equal(commands.count, 2);
    assert_next(1, "why");
    assert_next(1, "");
}

/* They are loaded in two parts. */
static void test_order_is_that_of_time(void **state)
{
    (void)state;
    put(1, "second", begin_ns + 2, true);
    put(1, "first", begin_ns + 1, false);
    put(1, "third", begin_ns + 3, false);
    assert_next(1, "first");
    assert_next(1, "second");
    assert_next(1, "third");
}

static void test_goes_after_an_hour(void **state)
{
    (void)state;
    assert_true(early_command_deadline(&commands) == EXO_TIME_NEVER);
    put(1, "a", begin_ns, false);
    put(2, "b", begin_ns + EXO_MINUTE, false);
    assert_true(early_command_deadline(&commands) == begin_ns + EXO_HOUR);
    assert_null(early_command_to_go(&commands, 0, begin_ns + EXO_HOUR - 1));
    const struct early_command *gone = early_command_to_go(&commands, 0, begin_ns + EXO_HOUR);

    assert_non_null(gone);
    assert_true(span_is(gone->text, "a"));
    assert_true(early_command_is_old(gone, begin_ns + EXO_HOUR));
    early_command_forget(&commands);
    assert_null(early_command_to_go(&commands, 0, begin_ns + EXO_HOUR));
    assert_next(2, "b");
}

static void test_the_oldest_goes_when_full(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < EARLY_COMMANDS_MAX; i++) {
        assert_null(early_command_to_go(&commands, 1, begin_ns + i));
        put(i, "r", begin_ns + i, false);
    }
    const struct early_command *gone = early_command_to_go(&commands, 1, begin_ns + EXO_MINUTE);

    assert_non_null(gone);
    assert_false(early_command_is_old(gone, begin_ns + EXO_MINUTE));
    early_command_forget(&commands);
    put(1000, "r", begin_ns + EXO_MINUTE, false);
    assert_int_equal(commands.count, EARLY_COMMANDS_MAX);
    assert_next(0, "");
    assert_next(1, "r");
}

static void test_bytes_are_bounded(void **state)
{
    static char large[EARLY_COMMANDS_BYTES_MAX / 2 + 1];

    (void)state;
    memset(large, 'x', sizeof(large) - 1);
    put(1, large, begin_ns, false);
    assert_null(early_command_to_go(&commands, sizeof(large) - 1, begin_ns));
    put(2, large, begin_ns, false);
    assert_non_null(early_command_to_go(&commands, 1, begin_ns));
    assert_null(early_command_to_go(&commands, 0, begin_ns));
}

static void test_without_memory_nothing_is_kept(void **state)
{
    const struct early_command command = {.id = id_of(1), .text = span_of("x")};

    (void)state;
    budget.limit_bytes = 1;
    assert_false(early_command_put(&commands, &command));
    assert_int_equal(commands.count, 0);
    budget.limit_bytes = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_is_given_once_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_second_cancel_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_is_that_of_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_goes_after_an_hour, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes_when_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bytes_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_memory_nothing_is_kept, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
