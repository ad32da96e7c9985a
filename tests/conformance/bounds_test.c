/* bounds: what is old goes, what is full waits, and neither disturbs anything; over each set of
 * back-ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infra/crypto/crypto.h"
#include "tests/conformance/project_stories.h"
#include "tests/conformance/stage.h"
#include "tests/support/patience.h"
#include "tests/support/puppet_worker.h"
#include "tests/support/test.h"

static struct stage_settings settings;
static bool is_services;

struct play {
    struct stage stage;
    struct puppet_worker *worker;
    bool holds; /* the worker ends nothing for now */
};

static const char one_cluster[] =
    "{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"one\",\"satellites\":["
    "{\"name\":\"a\",\"image\":\"oci:none\",\"command\":[\"x\"]}]}}";

static bool act(void *context, const struct wire_spec *spec, const struct wire_task *task,
                struct wire_report *report)
{
    const struct play *play = context;

    (void)spec;
    (void)task;
    report->outcome = OUTCOME_SUCCEEDED;
    report->output = span_of("3");
    return !play->holds;
}

static int setup(void **state)
{
    struct play *play = calloc(1, sizeof(*play));

    stage_open(&play->stage, &settings);
    play->worker = puppet_worker_new(play->stage.loop, play->stage.log, "puppet",
                                     (uint64_t)clock_wall_ns(), 8, act, play);
    *state = play;
    return 0;
}

static int teardown(void **state)
{
    struct play *play = *state;

    assert_int_equal(stage_live(&play->stage), 0);
    puppet_worker_free(play->worker);
    stage_close(&play->stage);
    free(play);
    return 0;
}

/* Lets the loop turn until a condition holds; fails the test when it does not come to. */
static void run_until(struct play *play, bool (*is_so)(struct play *play, void *argument),
                      void *argument, const char *what)
{
    exo_time begin_ns = clock_monotonic_ns();

    while (!is_so(play, argument)) {
        if (clock_monotonic_ns() - begin_ns > TEST_WAIT) {
            fail_msg("in vain: %s", what);
        }
        (void)stage_run(&play->stage, NULL, 5 * EXO_MILLISECOND);
    }
}

static struct scheduler_counts counts(const struct play *play)
{
    return scheduler_counts(play->stage.schedulers[0]);
}

static void assert_succeeds(struct play *play, const struct execution_id *id)
{
    assert_string_equal(stage_await(&play->stage, id, NULL), "SUCCEEDED");
}

/* An id that a shard owns. */
static struct execution_id id_in(const struct play *play, uint32_t shard)
{
    struct execution_id id;

    do {
        id = execution_id_new(clock_wall_ns() / EXO_MILLISECOND);
    } while (execution_shard(&id, play->stage.shard_count) != shard);
    return id;
}

static struct execution_id submit_in(struct play *play, uint32_t shard)
{
    struct execution_id id = id_in(play, shard);

    stage_submit_as(&play->stage, &id, shard, one_cluster, "{}");
    return id;
}

/* ---- retention ---- */

/* What ended is kept until the test lets it go: however late the test looks, it is there. */
static struct retention_project held = {.name = "test"};

static void let_go(void)
{
    held.kept_ns = EXO_SECOND;
}

static void hold(void)
{
    held.kept_ns = 0; /* for ever */
}

static void keep_a_second(struct scheduler_settings *s)
{
    s->journal_kept_ns = EXO_SECOND;
    s->letters_kept_ns = EXO_SECOND;
    s->retention =
        (struct retention_rules){.kept_ns = EXO_SECOND, .projects = &held, .project_count = 1};
    s->janitor_ns = 50 * EXO_MILLISECOND;
}

struct find {
    const struct execution_id *id;
};

static bool is_gone(struct play *play, void *argument)
{
    const struct find *find = argument;

    return !stage_has(&play->stage, find->id);
}

static bool is_there(struct play *play, void *argument)
{
    return !is_gone(play, argument);
}

static bool has_dropped_journal(struct play *play, void *argument)
{
    (void)argument;
    return counts(play).journal_dropped > 0;
}

static bool has_dropped_definitions(struct play *play, void *argument)
{
    return counts(play).definitions_dropped > *(uint64_t *)argument;
}

static bool has_refused_one(struct play *play, void *argument)
{
    return counts(play).duplicates > *(uint64_t *)argument;
}

static bool has_letter(struct play *play, void *argument)
{
    return stage_letters(&play->stage) > *(uint32_t *)argument;
}

static bool has_dropped_letters(struct play *play, void *argument)
{
    return stage_letters(&play->stage) <= *(uint32_t *)argument && counts(play).letters_dropped > 0;
}

/* A dead letter goes after its time. */
static void test_old_letters_go(void **state)
{
    struct play *play = *state;
    uint32_t before = stage_letters(&play->stage);

    stage_scheduler_start(&play->stage, 0);
    (void)stage_submit(&play->stage, "none", "{}");
    run_until(play, has_letter, &before, "it is refused");
    stage_scheduler_kill(&play->stage, 0);
    hold();
    play->stage.adjust = keep_a_second;
    stage_scheduler_start(&play->stage, 0);
    struct execution_id id = stage_submit(&play->stage, one_cluster, "{}");

    assert_succeeds(play, &id);
    run_until(play, has_dropped_letters, &before, "the letter is deleted");
}

static void test_projects_keep_as_they_say(void **state)
{
    struct play *play = *state;

    project_story(&play->stage, is_services ? 2 : 1001);
}

/* An execution that ended goes after its time; the same Job again is refused then, also by an owner
 * that never knew it. */
static void test_old_goes_and_stays_refused(void **state)
{
    struct play *play = *state;
    struct execution_id id = id_in(play, 1);
    struct find find = {.id = &id};

    hold();
    play->stage.adjust = keep_a_second;
    stage_scheduler_start(&play->stage, 0);
    stage_submit_as(&play->stage, &id, 1, one_cluster, "{}");
    assert_succeeds(play, &id);
    let_go();
    run_until(play, is_gone, &find, "the execution is deleted");
    run_until(play, has_dropped_journal, NULL, "the journal is deleted");
    assert_true(counts(play).executions_dropped >= 1);
    uint32_t taken = puppet_worker_taken(play->worker);
    uint64_t duplicates = counts(play).duplicates;

    stage_submit_as(&play->stage, &id, 1, one_cluster, "{}"); /* its id is in memory still */
    run_until(play, has_refused_one, &duplicates, "the Job is refused");
    stage_scheduler_kill(&play->stage, 0);
    stage_scheduler_start(&play->stage, 0);
    duplicates = 0;
    stage_submit_as(&play->stage, &id, 1, one_cluster, "{}");
    run_until(play, has_refused_one, &duplicates, "the Job is refused by a new owner");
    assert_true(is_gone(play, &find));
    assert_int_equal(puppet_worker_taken(play->worker), taken);
}

static void signal_go(struct play *play, const struct execution_id *id)
{
    stage_command(
        &play->stage,
        &(struct wire_command){.kind = COMMAND_SIGNAL, .execution = *id, .name = span_of("go")});
}

/* The text that only a deleted execution was run with goes; one that the program still knows, and
 * runs again, is there for who takes over. */
static void test_texts_go_with_their_last_execution(void **state)
{
    struct play *play = *state;
    char cluster[200];
    uint64_t dropped = 0;

    (void)snprintf(cluster, sizeof(cluster),
                   "exosphere: v1\ncluster: {name: once%lld, satellites: [{name: a, wait: "
                   "{signal: go}}]}\n",
                   (long long)clock_wall_ns());
    hold();
    play->stage.adjust = keep_a_second;
    stage_scheduler_start(&play->stage, 0);
    struct execution_id first = stage_submit(&play->stage, cluster, "{}");
    struct find gone = {.id = &first};

    signal_go(play, &first);
    assert_succeeds(play, &first);
    let_go();
    run_until(play, is_gone, &gone, "the execution is deleted");
    run_until(play, has_dropped_definitions, &dropped, "the text is deleted");
    hold();
    struct execution_id second = stage_submit(&play->stage, cluster, "{}");

    signal_go(play, &second);
    assert_succeeds(play, &second);
    let_go();
    play->stage.adjust = NULL;
    struct execution_id third = stage_submit(&play->stage, cluster, "{}");
    struct find find = {.id = &third};

    run_until(play, is_there, &find, "the third one is stored");
    stage_scheduler_kill(&play->stage, 0);
    stage_scheduler_start(&play->stage, 0); /* reads it from the store */
    signal_go(play, &third);
    assert_succeeds(play, &third);
}

/* What a rerun keeps is not deleted before the rerun is, however old it gets. */
static void test_a_rerun_holds_what_it_keeps(void **state)
{
    struct play *play = *state;
    char *output;

    hold();
    play->stage.adjust = keep_a_second;
    stage_scheduler_start(&play->stage, 0);
    struct execution_id old =
        stage_submit(&play->stage,
                     "exosphere: v1\ncluster:\n  name: keeps\n  satellites:\n"
                     "    - {name: m, for_each: \"${{ [1, 2, 4] }}\", image: \"oci:x\"}\n"
                     "    - {name: w, wait: {signal: go}}\n"
                     "  output: \"${{ satellites.m.output }}\"\n",
                     "{}");

    signal_go(play, &old);
    assert_succeeds(play, &old);
    struct execution_id again = stage_rerun(&play->stage, &old, "w");
    struct execution_id other = submit_in(play, 1); /* younger, and held by nobody */
    struct find find = {.id = &again};

    run_until(play, is_there, &find, "the rerun is stored");
    find.id = &other;
    assert_succeeds(play, &other);
    let_go();
    run_until(play, is_gone, &find, "an execution of that age is deleted");
    hold();
    find.id = &old;
    assert_false(is_gone(play, &find));
    signal_go(play, &again);
    assert_string_equal(stage_await(&play->stage, &again, &output), "SUCCEEDED");
    assert_string_equal(output, "[3,3,3]"); /* read from the old one */
    free(output);
    let_go();
    run_until(play, is_gone, &find, "what was held is deleted");
    find.id = &again;
    run_until(play, is_gone, &find, "the rerun is deleted");
}

static void keep_for_backup(struct scheduler_settings *s)
{
    s->keeps_for_backup = true;
    s->janitor_ns = 50 * EXO_MILLISECOND;
}

struct point {
    bool is_done;
    struct store_restore_point point;
};

static void pointed(void *argument, const struct store_restore_point *points, uint32_t count,
                    const struct exo_error *err)
{
    struct point *point = argument;

    assert_null(err);
    assert_int_equal(count, 1);
    point->is_done = true;
    point->point = points[0];
}

static int64_t backup_begin(struct play *play)
{
    struct point point = {0};

    store_restore_point_begin(play->stage.store, pointed, &point);
    assert_true(stage_run(&play->stage, &point.is_done, TEST_WAIT));
    return point.point.id;
}

static void backup_complete(struct play *play, int64_t id)
{
    struct point point = {0};

    store_restore_point_complete(play->stage.store, id, pointed, &point);
    assert_true(stage_run(&play->stage, &point.is_done, TEST_WAIT));
}

/* What a reader from an offset on meets first: a record's offset, or that it is deleted. */
struct probe {
    int64_t from;
    bool is_done, is_deleted;
    int64_t offset;
};

static size_t probe_records(void *argument, const struct log_record *records, size_t count)
{
    struct probe *probe = argument;

    probe->is_done = true;
    probe->offset = records[0].offset;
    return count;
}

static void probe_failed(void *argument, const struct exo_error *err)
{
    struct probe *probe = argument;

    (void)err;
    probe->is_done = true;
    probe->is_deleted = true;
}

static bool is_deleted(struct play *play, void *argument)
{
    static const struct log_reader_callbacks callbacks = {probe_records, probe_failed};
    struct probe *probe = argument;

    probe->is_done = false;
    probe->is_deleted = false;
    struct log_reader *reader =
        log_reader_open(play->stage.log, TOPIC_JOBS, 2, probe->from, 0, &callbacks, probe);

    assert_true(stage_run(&play->stage, &probe->is_done, TEST_WAIT));
    log_reader_close(reader);
    return probe->is_deleted;
}

static void on_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct probe *probe = argument;

    assert_null(err);
    probe->is_done = true;
    probe->offset = end;
}

static int64_t jobs_end(struct play *play)
{
    struct probe probe = {0};

    log_end(play->stage.log, TOPIC_JOBS, 2, on_end, &probe);
    assert_true(stage_run(&play->stage, &probe.is_done, TEST_WAIT));
    return probe.offset;
}

struct committed {
    int64_t wanted;
    bool is_done;
    int64_t offset;
};

static void placed(void *argument, const struct store_place *places, uint32_t count,
                   const struct exo_error *err)
{
    struct committed *committed = argument;

    assert_null(err);
    assert_true(count > 2);
    committed->is_done = true;
    committed->offset = places[2].offsets[0];
}

static bool has_committed(struct play *play, void *argument)
{
    struct committed *committed = argument;

    committed->is_done = false;
    store_places(play->stage.store, placed, committed);
    assert_true(stage_run(&play->stage, &committed->is_done, TEST_WAIT));
    return committed->offset >= committed->wanted;
}

/* Input from before the newest complete backup goes, all but the record before; what came later
 * stays; a new owner finds what it looks for and goes on. */
static void test_input_goes_below_the_backup(void **state)
{
    struct play *play = *state;
    struct execution_id ids[5];

    play->stage.adjust = keep_for_backup;
    stage_scheduler_start(&play->stage, 0);
    struct probe probe = {.from = jobs_end(play)};

    for (int i = 0; i < 5; i++) {
        ids[i] = submit_in(play, 2);
    }
    for (int i = 0; i < 5; i++) {
        assert_succeeds(play, &ids[i]);
    }
    struct committed committed = {.wanted = jobs_end(play)};

    run_until(play, has_committed, &committed, "all is committed");
    int64_t point = backup_begin(play);
    struct execution_id later = submit_in(play, 2);

    assert_succeeds(play, &later);
    assert_false(is_deleted(play, &probe)); /* the backup is not complete */
    if (probe.from > 0) {
        assert_true(probe.offset >= probe.from);
    }
    backup_complete(play, point);
    run_until(play, is_deleted, &probe, "exo.jobs is deleted below the backup");
    /* The record that its checksum is of, and what came after, are there. */
    struct probe kept = {.from = committed.wanted - 1};

    assert_false(is_deleted(play, &kept));
    assert_int_equal(kept.offset, committed.wanted - 1);
    stage_scheduler_kill(&play->stage, 0);
    stage_scheduler_start(&play->stage, 0);
    struct execution_id next = submit_in(play, 2);

    assert_succeeds(play, &next);
    assert_int_equal(counts(play).shards_stopped, 0);
    /* Once more, with everything consumed: the floor is where the owner stands. */
    committed.wanted = jobs_end(play);
    run_until(play, has_committed, &committed, "all is committed");
    probe.from = committed.wanted - 2 > probe.from ? committed.wanted - 2 : probe.from;
    backup_complete(play, backup_begin(play));
    run_until(play, is_deleted, &probe, "exo.jobs is deleted up to its end");
    stage_scheduler_kill(&play->stage, 0);
    stage_scheduler_start(&play->stage, 0);
    next = submit_in(play, 2);
    assert_succeeds(play, &next);
    assert_int_equal(counts(play).shards_stopped, 0);
}

/* ---- room ---- */

static unsigned said_full, said_room;

static void listen(void *context, const char *event, const char *text)
{
    (void)context;
    (void)text;
    said_full += strcmp(event, "scheduler.full") == 0;
    said_room += strcmp(event, "scheduler.room") == 0;
}

static void keep_two_a_shard(struct scheduler_settings *s)
{
    s->executions_max = 2 * (uint64_t)settings.shard_count;
    s->say = listen;
}

static bool has_live(struct play *play, void *argument)
{
    return counts(play).executions_live == *(uint64_t *)argument;
}

static bool has_admitted(struct play *play, void *argument)
{
    return counts(play).admitted == *(uint64_t *)argument;
}

static bool has_full_shard(struct play *play, void *argument)
{
    (void)argument;
    return counts(play).shards_full == 1;
}

static bool has_room(struct play *play, void *argument)
{
    (void)argument;
    return !scheduler_is_full(play->stage.schedulers[0]) && said_room >= 1;
}

static bool owns_all(struct play *play, void *argument)
{
    (void)argument;
    return counts(play).shards_running == play->stage.shard_count;
}

/* A shard that holds its share leaves exo.jobs alone, and nothing else: others take theirs, cancels
 * and answers are applied, and with each end it goes on. */
static void test_a_full_shard_waits(void **state)
{
    struct play *play = *state;
    struct execution_id ids[10];
    uint64_t live = 2;

    play->holds = true;
    play->stage.adjust = keep_two_a_shard;
    said_full = said_room = 0;
    stage_scheduler_start(&play->stage, 0);
    run_until(play, owns_all, NULL, "all shards are loaded");
    for (int i = 0; i < 10; i++) {
        ids[i] = submit_in(play, 1);
    }
    run_until(play, has_live, &live, "two are admitted");
    struct execution_id other = submit_in(play, 2);

    live = 3;
    run_until(play, has_live, &live, "another shard takes its own");
    assert_int_equal(counts(play).admitted, 3);
    run_until(play, has_full_shard, NULL, "the shard is full"); /* seen at the next look */
    assert_true(scheduler_is_full(play->stage.schedulers[0]));
    assert_int_equal(counts(play).admitted, 3);
    stage_cancel(&play->stage, &ids[9]); /* of one that waits in exo.jobs */
    stage_cancel(&play->stage, &ids[0]);
    assert_string_equal(stage_await(&play->stage, &ids[0], NULL), "CANCELLED");
    uint64_t admitted = 4;

    run_until(play, has_admitted, &admitted, "the next is admitted");
    assert_true(said_full >= 1); /* a share of two is left with the first end */
    stage_cancel(&play->stage, &other);
    for (int i = 1; i < 9; i++) {
        stage_cancel(&play->stage, &ids[i]);
    }
    for (int i = 1; i < 10; i++) {
        assert_string_equal(stage_await(&play->stage, &ids[i], NULL), "CANCELLED");
    }
    assert_string_equal(stage_await(&play->stage, &other, NULL), "CANCELLED");
    live = 0;
    run_until(play, has_live, &live, "nothing is live");
    assert_int_equal(counts(play).admitted, 11);
    run_until(play, has_room, NULL, "there is room again"); /* seen at the next look, too */
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_old_goes_and_stays_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_texts_go_with_their_last_execution, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_letters_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_projects_keep_as_they_say, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_rerun_holds_what_it_keeps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_goes_below_the_backup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_shard_waits, setup, teardown),
    };
    const char *name = argc > 1 ? argv[1] : "sqlite";
    int status = stage_settings_of(name, &settings);

    is_services = strcmp(name, "services") == 0;

    return status != 0 ? status : cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
