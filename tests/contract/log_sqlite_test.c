/* The stories about the log on SQLite, in a file and in memory, and what only a file can do. */
#include "tests/contract/log_stories.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static char directory[] = "/tmp/exo-log-XXXXXX";
static char path[sizeof(directory) + 16];

/* An emptied log must not start again at an offset that was used. */
static void test_offsets_survive(void **state)
{
    struct stage *stage = *state;
    struct log_topic topic = {.partitions = 1, .retention_ms = -1};
    struct exo_error err;

    stage_open(stage);
    stage_topic(stage, "survive", 1, false);
    topic.name = stage->topic;
    stage_append_all(stage, 0, 0, 50, 50);
    int64_t end = stage_end(stage, 0);

    log_trim(stage->log, stage->topic, 0, end, NULL, NULL);
    stage_append_all(stage, 0, 50, 1, 50); /* jobs run in order: so the trim is done too */
    log_trim(stage->log, stage->topic, 0, end + 1, NULL, NULL);
    stage_close(stage);
    stage_open(stage);
    assert_int_equal(stage_prepare(stage, &topic, 1, &err), EXO_OK);
    assert_int_equal(stage_end(stage, 0), end + 1);
    stage_append_all(stage, 0, 51, 1, 50);
    struct sink sink = {.wanted = 1, .next = 51};

    stage_read(stage, 0, end + 1, 0, &sink);
    stage_wait(stage, &sink.is_done, "the record after");
    assert_false(sink.is_failed);
    assert_int_equal(sink.wrong, 0);
    assert_true(sink.last_offset >= end + 1);
    log_reader_close(sink.reader);
    stage_close(stage);
}

static void test_records_survive(void **state)
{
    struct stage *stage = *state;
    struct log_topic topic = {.partitions = 2, .retention_ms = -1};
    struct sink sink = {.wanted = 2000};
    struct exo_error err;

    stage_open(stage);
    stage_topic(stage, "kept", 2, false);
    topic.name = stage->topic;
    stage_append_all(stage, 1, 0, 2000, 3000);
    stage_close(stage);
    stage_open(stage);
    assert_int_equal(stage_prepare(stage, &topic, 1, &err), EXO_OK);
    stage_read(stage, 1, 0, 0, &sink);
    stage_wait(stage, &sink.is_done, "what was written before");
    assert_int_equal(sink.taken, 2000);
    assert_int_equal(sink.wrong, 0);
    log_reader_close(sink.reader);
    stage_close(stage);
}

/* A file that may not grow is a disk that is full: records wait, and go in when there is room. */
static void test_disk_is_full(void **state)
{
    struct stage *stage = *state;
    struct receipts receipts = {.wanted = 300, .last_offset = -1};
    struct sink sink = {.wanted = 310};
    struct rlimit old;
    const struct rlimit full = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};

    stage_open(stage);
    stage_topic(stage, "full", 1, false);
    stage_append_all(stage, 0, 0, 10, 50);
    stage_read(stage, 0, 0, 0, &sink);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){full.rlim_cur, old.rlim_max}), 0);
    stage_append(stage, 0, 10, 300, 5000, &receipts);
    stage_turns(stage, 300 * EXO_MILLISECOND);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(receipts.done, 0);
    stage_wait(stage, &receipts.is_done, "acknowledgements");
    assert_int_equal(receipts.failed, 0);
    assert_false(receipts.is_disordered);
    stage_wait(stage, &sink.is_done, "records");
    assert_int_equal(sink.wrong, 0);
    log_reader_close(sink.reader);
    stage_close(stage);
}

static void test_second_open_is_refused(void **state)
{
    struct stage *stage = *state;
    struct exo_error err;

    stage_open(stage);
    assert_null(log_open(stage->loop, &stage->settings, &err));
    assert_int_equal(err.code, EXO_ECONFLICT);
    stage_close(stage);
}

static void test_bad_settings(void **state)
{
    struct stage *stage = *state;
    struct exo_error err;
    struct loop *loop = loop_new(&err);
    struct log_settings settings = stage->settings;

    settings.backend = "paper";
    assert_null(log_open(loop, &settings, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    settings.backend = "sqlite";
    settings.path = "/nowhere/at/all/log.db";
    assert_null(log_open(loop, &settings, &err));
    loop_free(loop);
}

int main(void)
{
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/log.db", directory);
    struct stage in_file = {
        .settings = {.backend = "sqlite", .path = path, .buffer_bytes_max = 8 << 20}};
    struct stage in_memory = {
        .settings = {.backend = "sqlite", .path = ":memory:", .buffer_bytes_max = 8 << 20}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_offsets_survive, &in_file),
        cmocka_unit_test_prestate(test_records_survive, &in_file),
        cmocka_unit_test_prestate(test_disk_is_full, &in_file),
        cmocka_unit_test_prestate(test_second_open_is_refused, &in_file),
        cmocka_unit_test_prestate(test_bad_settings, &in_file),
    };
    int failed = log_stories_run("log on a SQLite file", &in_file);

    failed += log_stories_run("log on SQLite in memory", &in_memory);
    failed += cmocka_run_group_tests_name("log on a SQLite file alone", tests, NULL, NULL);
    char command[sizeof(directory) + 16];

    (void)snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command) == 0 && failed == 0 ? 0 : 1;
}
