/* worker role: a whole worker with the null sandbox over a log in memory. */
#include "tests/contract/worker_trial.h"

#include <string.h>

static struct trial trial; /* large */

static int trial_begin(void **state)
{
    *state = &trial;
    trial_open(&trial);
    return 0;
}

static int trial_finish(void **state)
{
    trial_end(*state);
    return 0;
}

static const char plain[] = "{\"image\":\"oci:none\",\"command\":[\"null\"]}";

static void it_announces_and_runs(void **state)
{
    struct trial *t = *state;
    const char *reason = NULL;

    trial_start(t);
    assert_false(worker_role_is_ready(t->role, &reason));
    assert_true(strlen(reason) > 0);
    trial_wait(t, trial_has_tickets, 8192, "4,096 slots and as many tickets of prefetch");
    assert_true(worker_role_is_ready(t->role, &reason));
    trial_task(t, plain, 3, 1);
    trial_wait(t, trial_has_finished, 1, "FINISHED");
    const struct trial_report *done = trial_report(t, REPORT_FINISHED, 3);

    assert_int_equal(done->shard, 1);
    assert_int_equal(done->report.outcome, OUTCOME_SUCCEEDED);
    assert_int_equal(done->report.output.bytes, 0);
    assert_true(span_is(done->report.lend_process, "s1"));
    assert_int_equal(done->report.lend_next, done->report.lend + 1);
    assert_int_equal(t->report_count, 1); /* short: told once */
}

static void what_the_command_says(void **state)
{
    struct trial *t = *state;

    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    trial_task(t,
               "{\"image\":\"oci:none\",\"command\":[\"null\",\"--output\",\"{\\\"i\\\": ${{ index "
               "}}, \\\"top\\\":${{ input.top }}}\"]}",
               0, 1);
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--exit\",\"75\"]}", 1, 1);
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--oom\"]}", 2, 1);
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--output\",\"{\"]}", 3, 1);
    trial_task(
        t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--control\",\"{\\\"prune\\\":1}\"]}", 4,
        1);
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"${{ nobody }}\"]}", 5, 1);
    trial_task(t, "{\"image\":\"oci:none\",\"comand\":1}", 6, 1);
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--not-started\"]}", 7, 1);
    trial_wait(t, trial_has_finished, 8, "8 FINISHED");
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 0)->report;

    assert_int_equal(r->outcome, OUTCOME_SUCCEEDED);
    assert_true(span_is(r->output, "{\"i\":0,\"top\":20}"));
    r = &trial_report(t, REPORT_FINISHED, 1)->report;
    assert_int_equal(r->outcome, OUTCOME_LATER);
    assert_int_equal(r->exit_status, 75);
    static const struct {
        enum wire_outcome outcome;
        const char *code;
    } rest[] = {
        {OUTCOME_FAILED, "OUT_OF_MEMORY: "},   {OUTCOME_FAILED, "OUTPUT_INVALID: "},
        {OUTCOME_FAILED, "CONTROL_INVALID: "}, {OUTCOME_NEVER_AGAIN, "EXPRESSION: "},
        {OUTCOME_NEVER_AGAIN, "DEFINITION: "}, {OUTCOME_NEVER_AGAIN, "NOT_STARTED: "},
    };

    for (uint32_t i = 0; i < 6; i++) {
        r = &trial_report(t, REPORT_FINISHED, 2 + i)->report;
        if (r->outcome != rest[i].outcome || r->error.bytes < strlen(rest[i].code) ||
            memcmp(r->error.data, rest[i].code, strlen(rest[i].code)) != 0) {
            fail_msg("task %u: outcome %d, %.*s", 2 + i, (int)r->outcome, SPAN_ARG(r->error));
        }
    }
}

static void a_kill_and_a_stranger(void **state)
{
    struct trial *t = *state;

    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--sleep\",\"1h\"]}", 0, 1);
    trial_wait(t, trial_has_reports, 1, "the ACCEPTED of a long one, with a heartbeat");
    assert_int_equal(trial_count(t, REPORT_ACCEPTED, 0), 1);
    const struct wire_kill kill = {.task = {trial_execution, 0, 0}, .attempt = 1, .grace_ms = 10};
    struct wire_task_record record = {
        .worker = span_of("somebody else"), .kills = &kill, .kill_count = 1};

    trial_send(t, &record); /* not for us */
    record = (struct wire_task_record){.incarnation = 1, .kills = &kill, .kill_count = 1};
    trial_send(t, &record); /* for an earlier life */
    uint64_t beats = t->beats;

    trial_wait(t, trial_has_beats, (uint32_t)beats + 3, "heartbeats");
    assert_int_equal(trial_count(t, REPORT_FINISHED, 0), 0);
    record = (struct wire_task_record){.kills = &kill, .kill_count = 1};
    trial_send(t, &record);
    trial_wait(t, trial_has_finished, 1, "FINISHED");
    assert_int_equal(trial_report(t, REPORT_FINISHED, 0)->report.outcome, OUTCOME_CANCELLED);
    beats = t->beats;
    trial_wait(t, trial_has_beats, (uint32_t)beats + 2, "heartbeats");
    assert_int_equal(t->beat.running_count, 0);
}

static void progress_is_told_and_silence_ends(void **state)
{
    struct trial *t = *state;

    t->heartbeat_ms = 500;
    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    trial_task(t,
               "{\"image\":\"oci:none\",\"command\":[\"null\",\"--sleep\",\"4s\","
               "\"--progress\",\"{\\\"percent\\\": 40}\",\"--every\",\"100ms\"]}",
               0, 1);
    trial_task(t,
               "{\"image\":\"oci:none\",\"command\":[\"null\",\"--sleep\",\"1h\","
               "\"--progress\",\"working on it\"]}",
               1, 1);
    trial_wait(t, trial_has_finished, 2, "2 FINISHED");
    assert_int_equal(trial_count(t, REPORT_PROGRESS, 0), 1); /* always the same is told once */
    assert_true(span_is(trial_report(t, REPORT_PROGRESS, 0)->report.progress, "{\"percent\":40}"));
    assert_int_equal(trial_report(t, REPORT_FINISHED, 0)->report.outcome, OUTCOME_SUCCEEDED);
    assert_int_equal(trial_count(t, REPORT_PROGRESS, 1), 0); /* no JSON: a sign without words */
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 1)->report;

    assert_int_equal(r->outcome, OUTCOME_FAILED);
    assert_int_equal(r->exit_status, 0);
    assert_memory_equal(r->error.data, "HEARTBEAT_TIMEOUT: ", 19);
}

static void a_wrong_ticket_is_rejected(void **state)
{
    struct trial *t = *state;

    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    t->lends[0] += 5;
    trial_task(t, plain, 2, 1);
    trial_wait(t, trial_has_reports, 1, "REJECTED");
    const struct wire_report *r = &trial_report(t, REPORT_REJECTED, 2)->report;

    assert_memory_equal(r->error.data, "TICKET: ", 8);
    assert_int_equal(r->lend, 0);
}

static void many_at_once(void **state)
{
    struct trial *t = *state;

    trial_start(t);
    trial_wait(t, trial_has_tickets, 512, "tickets");
    for (uint32_t round = 1; round <= 4; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            trial_task(t, plain, i, round);
        }
        trial_wait(t, trial_has_finished, 300 * round, "300 FINISHED");
        trial_wait(t, trial_has_tickets, 512, "all tickets back");
    }
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(trial_count(t, REPORT_FINISHED, i), 4);
    }
}

static void it_drains(void **state)
{
    struct trial *t = *state;

    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--sleep\",\"1h\"]}", 0, 1);
    trial_task(t, "{\"image\":\"oci:none\",\"command\":[\"null\",\"--sleep\",\"300ms\"]}", 1, 1);
    trial_wait(t, trial_has_reports, 2, "two ACCEPTED");
    worker_role_drain(t->role, EXO_TIME_NEVER);
    trial_wait(t, trial_has_finished, 1, "the short one");
    assert_int_equal(trial_report(t, REPORT_FINISHED, 1)->report.outcome, OUTCOME_SUCCEEDED);
    assert_false(t->has_ended);
    worker_role_drain(t->role, 0);
    trial_wait(t, trial_has_left, 0, "the end");
    assert_int_equal(t->ended.code, EXO_OK);
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 0)->report;

    assert_int_equal(r->outcome, OUTCOME_LOST);
    assert_memory_equal(r->error.data, "DRAINED: ", 9);
    assert_int_equal(r->lend_process.bytes, 0);
    assert_true(t->is_leaving);
}

static void a_drain_by_record(void **state)
{
    struct trial *t = *state;
    struct wire_task_record record = {.drain = true};

    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    trial_send(t, &record);
    trial_wait(t, trial_has_left, 0, "the end");
    assert_int_equal(t->ended.code, EXO_OK);
}

static void rubbish_is_skipped(void **state)
{
    struct trial *t = *state;
    struct exo_error err;

    trial_start(t);
    trial_wait(t, trial_has_tickets, 10, "tickets");
    int64_t before = t->beat.position;

    assert_int_equal(log_append(t->log, TOPIC_TASKS_PREFIX "default", t->partition,
                                (struct span){NULL, 0}, span_of("\xff rubbish"), 0, NULL, NULL,
                                &err),
                     0);
    trial_task(t, plain, 0, 1);
    trial_wait(t, trial_has_finished, 1, "FINISHED");
    trial_wait(t, trial_has_beats, (uint32_t)t->beats + 2, "heartbeats");
    assert_int_equal(t->beat.position, before + 2);
}

static void settings_are_refused(void **state)
{
    struct trial *t = *state;
    struct exo_error err = {.text = ""};
    static const char *const too_many[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", NULL};
    const struct worker_role_settings wrong[] = {
        {.name = "no spaces please", .sandbox = "null"},
        {.name = "w", .sandbox = "docker"},
        {.name = "w", .sandbox = "crun"}, /* no state directory */
        {.name = "w", .sandbox = "crun", .state_dir = "relative"},
        {.name = "w", .sandbox = "null", .shard_count = 1000000},
        {.name = "w", .sandbox = "null", .classes = too_many},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        err.code = EXO_OK;
        assert_null(worker_role_open(t->loop, &wrong[i], t->log, t->log, NULL, NULL, &err));
        assert_int_equal(err.code, EXO_EINVALID);
        assert_true(strlen(err.text) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_announces_and_runs, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(what_the_command_says, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(a_kill_and_a_stranger, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(progress_is_told_and_silence_ends, trial_begin,
                                        trial_finish),
        cmocka_unit_test_setup_teardown(a_wrong_ticket_is_rejected, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(many_at_once, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(it_drains, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(a_drain_by_record, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(rubbish_is_skipped, trial_begin, trial_finish),
        cmocka_unit_test_setup_teardown(settings_are_refused, trial_begin, trial_finish),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
