/* gathers: what the news of an end says of a batch that runs, and what becomes of one whose news
 * was lost. What became of its execution (fate.h) is a puppet's to say. */
#include "tests/unit/scheduler/fate_puppets.h"

#include "tests/support/test.h"

#include "infra/crypto/batch_id.h"

enum { RUNNING = 20, AT_ONCE = 16 };

static struct shard *const shard = &puppets.shard;
static const struct execution_id batch = {{7}};

/* ---- puppets ---- */

void shard_again(struct shard *of, exo_time delay_ns)
{
    (void)of;
    (void)delay_ns;
    fail();
}

enum sched_err shard_step(struct shard *of, const struct sched_event *event)
{
    (void)of;
    (void)event;
    fail();
    return SCHED_OK;
}

void outbox_add(struct shard *of, uint32_t target, struct wire_peer peer)
{
    (void)of;
    (void)target;
    (void)peer;
    fail();
}

/* ---- batches that run, of one member each ---- */

static void load(uint64_t number)
{
    const struct wire_gather_member member = {
        .task = {.execution = {{(uint8_t)number}}, .instance = 1}, .attempt = 1};
    const struct wire_gather_row row = {
        .ask = {.batch = batch, .members = &member, .member_count = 1}, .number = number};

    assert_true(gather_book_load(shard->gathers.book, &row));
}

static bool runs(uint64_t number)
{
    return gather_book_size(shard->gathers.book, &batch, number) > 0;
}

static int set_up(void **state)
{
    (void)state;
    puppets_open();
    gathers_open(shard);
    for (uint64_t number = 1; number <= RUNNING; number++) {
        load(number);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gathers_close(shard);
    puppets_close();
    return 0;
}

/* The news of one's end comes, and that is what became of its execution. */
static void news(uint64_t number, bool has_begun, enum fate fate)
{
    const struct wire_gather_ended ended = {batch, number, has_begun};
    const struct execution_id id = batch_execution_of(&batch, number);

    gathers_ended(shard, &ended);
    assert_int_equal(puppets.asked_count, 1);
    assert_true(puppets_has_asked(&id));
    puppets_answer(fate, shard);
}

static void pass_a_minute(void)
{
    puppets.now_ns += EXO_MINUTE;
    (void)gathers_turn(shard);
}

/* ---- stories ---- */

/* Its Job was refused: there never was an execution. */
static void test_never_began(void **state)
{
    (void)state;
    news(1, false, FATE_ABSENT);
    assert_false(runs(1));
    assert_true(gathers_has_changes(shard));
}

/* It began and ended in a time that the database has forgotten, and runs once more. */
static void test_never_was(void **state)
{
    (void)state;
    news(1, true, FATE_ABSENT);
    assert_true(runs(1));
    assert_false(gathers_has_changes(shard));
}

static void test_deleted_has_ended(void **state)
{
    (void)state;
    news(1, true, FATE_DELETED);
    assert_false(runs(1));
}

/* The store did not answer: all are looked at. */
static void test_untold_is_not_forgotten(void **state)
{
    (void)state;
    shard->gathers.is_sweeping = false;
    news(1, false, FATE_UNTOLD);
    assert_true(runs(1));
    assert_true(shard->gathers.is_sweeping);
}

static void test_unknown_is_stale(void **state)
{
    const struct wire_gather_ended ended = {batch, RUNNING + 1, true};

    (void)state;
    gathers_ended(shard, &ended);
    assert_int_equal(puppets.asked_count, 0);
}

/* Without news what runs is looked at, each in its turn; what is not there may not have begun. */
static void test_looked_at_in_turn(void **state)
{
    bool has_been[RUNNING + 1] = {false};

    (void)state;
    for (uint32_t round = 0; round < 2; round++) {
        pass_a_minute();
        for (uint64_t number = 1; number <= RUNNING; number++) {
            const struct execution_id id = batch_execution_of(&batch, number);

            has_been[number] = has_been[number] || puppets_has_asked(&id);
        }
        puppets_answer(FATE_ABSENT, shard);
    }
    for (uint64_t number = 1; number <= RUNNING; number++) {
        assert_true(has_been[number]);
        assert_true(runs(number));
    }
    pass_a_minute();
    assert_int_equal(puppets.asked_count, AT_ONCE);
    puppets_answer(FATE_DELETED, shard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_never_began, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_never_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deleted_has_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_untold_is_not_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unknown_is_stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_looked_at_in_turn, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
