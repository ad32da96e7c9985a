/* schedules: whether what they hold as live has ended, when the news of that was lost. What became
 * of an execution (fate.h) is a puppet's to say. */
#include "tests/unit/scheduler/fate_puppets.h"

#include "tests/support/test.h"

#include "infra/crypto/fire_id.h"

enum { LIVE = 20, AT_ONCE = 16 };

static struct shard *const shard = &puppets.shard;

/* ---- puppets ---- */

/* Jobs. */
static struct execution_id sent[PUPPETS_ASKED_MAX];
static uint32_t sent_count;

void scheduler_say(const struct scheduler *of, const char *event, const char *format, ...)
{
    (void)of;
    (void)format;
    fail_msg("%s", event);
}

void outbox_add_job(struct shard *of, uint32_t target, struct span record)
{
    struct execution_id id;
    struct wire_job job;

    assert_ptr_equal(of, shard);
    assert_true(sent_count < PUPPETS_ASKED_MAX);
    assert_int_equal(wire_job_unpack(record, &shard->open_arena, &job), WIRE_OK);
    assert_true(execution_id_parse(job.execution_id, &id));
    assert_int_equal(target, execution_shard(&id, puppets.scheduler.shard_count));
    sent[sent_count++] = id;
}

void outbox_add_command(struct shard *of, const struct wire_command *command)
{
    (void)of;
    (void)command;
    fail();
}

/* ---- a schedule that runs much ---- */

static struct execution_id schedule;

/* Once a year, not yet due. */
static const char definition[] =
    "{\"exosphere\":\"v1\",\"schedule\":{\"name\":\"p/t\",\"cron\":\"0 0 1 1 *\",\"cluster\":{"
    "\"name\":\"t\",\"satellites\":[{\"name\":\"s\",\"image\":\"oci:x\",\"command\":[\"x\"]}]},"
    "\"overlap\":\"allow\"}}";

static exo_time nominal(uint32_t i)
{
    return (exo_time)(i + 1) * EXO_MINUTE;
}

static void load(void)
{
    struct wire_schedule_live live[LIVE] = {{0}};
    const struct wire_schedule_row row = {
        .project = span_of("p"),
        .name = span_of("t"),
        .definition = span_of(definition),
        .number = 1,
        .state = {.considered_ns = EXO_HOUR, .live = live, .live_count = LIVE}};
    struct store_spanning stored = {.kind = STORE_SPANNING_SCHEDULE};
    struct buffer body;

    for (uint32_t i = 0; i < LIVE; i++) {
        live[i].nominal_ns = nominal(i);
    }
    buffer_init(&body, puppets.scheduler.allocator, 0);
    wire_schedule_row_pack(&row, &shard->open_arena, &body);
    stored.body = buffer_span(&body);
    assert_true(schedules_load(shard, &stored));
    buffer_release(&body);
}

static int set_up(void **state)
{
    (void)state;
    puppets_open();
    sent_count = 0;
    schedule = schedule_id_of(span_of("p"), span_of("t"));
    schedules_open(shard);
    load();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    schedules_close(shard);
    puppets_close();
    return 0;
}

static void pass_a_minute(void)
{
    puppets.now_ns += EXO_MINUTE;
    (void)schedules_turn(shard);
}

static uint32_t live_count(void)
{
    struct schedule_saved saved;

    schedule_book_save(shard->schedules.list->book, &saved);
    return saved.live_count;
}

/* ---- stories ---- */

static void test_deleted_has_ended(void **state)
{
    (void)state;
    assert_int_equal(live_count(), LIVE);
    pass_a_minute();
    assert_int_equal(puppets.asked_count, AT_ONCE);
    puppets_answer(FATE_DELETED, shard);
    assert_int_equal(live_count(), LIVE - AT_ONCE);
    assert_true(schedules_has_changes(shard));
}

static void test_ended(void **state)
{
    (void)state;
    pass_a_minute();
    puppets_answer(FATE_ENDED, shard);
    assert_int_equal(live_count(), LIVE - AT_ONCE);
}

/* What runs, has not begun, or is not told of stays live. What has not begun may be lost. */
static void test_stays_live(void **state)
{
    static const enum fate fates[] = {FATE_LIVE, FATE_ABSENT, FATE_UNTOLD};

    (void)state;
    for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
        pass_a_minute();
        assert_true(puppets.asked_count > 0);
        puppets_answer(fates[i], shard);
        assert_int_equal(live_count(), LIVE);
    }
    assert_false(schedules_has_changes(shard));
    assert_int_equal(sent_count, LIVE - AT_ONCE); /* those that were absent */
}

/* Started minutes ago its Job may be lost: it is sent again. Not sooner, and not by one who does
 * not yet know all that was asked of the schedule. */
static void test_starts_again(void **state)
{
    const struct execution_id young = fire_id_of(&schedule, nominal(1));
    struct schedule_entry *entry = shard->schedules.list;

    (void)state;
    entry->fires[0] =
        (struct wire_schedule_fire){nominal(0), EXO_HOUR - 6 * EXO_MINUTE, 0, false, 0};
    entry->fires[1] =
        (struct wire_schedule_fire){nominal(1), EXO_HOUR - 4 * EXO_MINUTE, 0, false, 0};
    entry->fire_count = 2;
    pass_a_minute();
    puppets_answer(FATE_ABSENT, shard);
    assert_int_equal(sent_count, AT_ONCE - 1);
    for (uint32_t i = 0; i < sent_count; i++) {
        assert_false(execution_id_equal(&sent[i], &young));
    }
    pass_a_minute();
    shard->state = SHARD_DRAINING;
    sent_count = 0;
    puppets_answer(FATE_ABSENT, shard);
    assert_int_equal(sent_count, 0);
}

/* What has ended meanwhile is not started again. */
static void test_ended_meanwhile(void **state)
{
    (void)state;
    pass_a_minute();
    schedules_ended(shard, &(struct wire_schedule_ended){schedule, nominal(0), 0});
    puppets_answer(FATE_ABSENT, shard);
    assert_int_equal(sent_count, AT_ONCE - 1);
}

/* Those that run for long do not hide the others. */
static void test_each_in_its_turn(void **state)
{
    bool has_been[LIVE] = {false};

    (void)state;
    for (uint32_t round = 0; round < 2; round++) {
        pass_a_minute();
        for (uint32_t i = 0; i < LIVE; i++) {
            const struct execution_id id = fire_id_of(&schedule, nominal(i));

            has_been[i] = has_been[i] || puppets_has_asked(&id);
        }
        puppets_answer(FATE_LIVE, shard);
    }
    for (uint32_t i = 0; i < LIVE; i++) {
        assert_true(has_been[i]);
    }
    pass_a_minute();
    assert_int_equal(puppets.asked_count, AT_ONCE); /* from the first again */
    puppets_answer(FATE_LIVE, shard);
}

/* None is asked for while answers are on their way, nor before all that was asked is applied. */
static void test_not_twice_at_once(void **state)
{
    (void)state;
    shard->state = SHARD_DRAINING;
    pass_a_minute();
    assert_int_equal(puppets.asked_count, 0);
    shard->state = SHARD_RUNNING;
    pass_a_minute();
    pass_a_minute();
    assert_int_equal(puppets.asked_count, AT_ONCE);
    puppets_answer(FATE_LIVE, shard);
}

static void test_life_is_over(void **state)
{
    (void)state;
    pass_a_minute();
    puppets_answer(FATE_ENDED, NULL);
    assert_int_equal(live_count(), LIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_deleted_has_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stays_live, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_starts_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ended_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_in_its_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_twice_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_life_is_over, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
