/* spool: what is written comes back whole, what is broken is put aside. */
#include "workers/spool.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    char directory[64];
    struct spool *spool;
    struct heap_budget budget;
    struct arena arena;
    struct spool_entry *entries;
    uint32_t broken;
};

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct exo_error err;

    assert_non_null(w);
    (void)snprintf(w->directory, sizeof(w->directory), "/tmp/exo-spool-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->spool = spool_open(w->directory, &err);
    assert_non_null(w->spool);
    arena_init(&w->arena, allocator_heap(&w->budget), 0);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    char command[128];

    spool_close(w->spool);
    arena_release(&w->arena);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", w->directory);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static struct spool_entry entry_of(uint32_t index, enum wire_report_kind kind)
{
    struct spool_entry entry = {
        .shard = 9,
        .token = {"secret\0token", 12},
        .worker = span_of("w1"),
        .incarnation = 0xfedcba9876543210u,
        .report = {.kind = kind,
                   .task = {.execution = {{1, 2, 3}}, .instance = 4, .index = index},
                   .attempt = 5},
    };

    if (kind == REPORT_FINISHED) {
        entry.report.outcome = OUTCOME_FAILED;
        entry.report.exit_status = 3;
        entry.report.error = span_of("EXIT_STATUS: it said so");
        entry.report.has_log = true;
        entry.report.log_digest.bytes[31] = 7;
        entry.report.log_bytes = 100;
        entry.report.run_ms = 42;
    }
    return entry;
}

static void put(struct world *w, uint32_t index, enum wire_report_kind kind)
{
    struct spool_entry entry = entry_of(index, kind);
    struct exo_error err = {.text = ""};

    if (spool_write(w->spool, &entry, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static int load(struct world *w)
{
    struct exo_error err = {.text = ""};

    arena_reset(&w->arena);
    return spool_load(w->spool, &w->arena, &w->entries, &w->broken, &err);
}

static void file_of(const struct world *w, uint32_t index, const char *end, char *ret_path)
{
    char name[SPOOL_NAME_BYTES];
    struct spool_entry entry = entry_of(index, REPORT_ACCEPTED);

    spool_name(&entry.report.task, 5, name);
    (void)snprintf(ret_path, 256, "%s/%s%s", w->directory, name, end);
}

static void what_is_written_comes_back(void **state)
{
    struct world *w = *state;
    struct spool_entry expected = entry_of(1, REPORT_FINISHED);
    char path[256];
    struct stat facts;

    assert_int_equal(load(w), 0);
    put(w, 1, REPORT_ACCEPTED);
    file_of(w, 1, "", path);
    assert_int_equal(stat(path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600); /* it holds a token */
    assert_int_equal(load(w), 1);
    assert_int_equal(w->entries[0].report.kind, REPORT_ACCEPTED);
    put(w, 1, REPORT_FINISHED); /* takes its place */
    assert_int_equal(load(w), 1);
    assert_int_equal(w->broken, 0);
    assert_int_equal(w->entries[0].shard, 9);
    assert_true(w->entries[0].incarnation == expected.incarnation);
    assert_true(span_equal(w->entries[0].token, expected.token));
    assert_true(span_is(w->entries[0].worker, "w1"));
    assert_int_equal(w->entries[0].report.kind, REPORT_FINISHED);
    assert_int_equal(w->entries[0].report.outcome, OUTCOME_FAILED);
    assert_int_equal(w->entries[0].report.exit_status, 3);
    assert_true(span_equal(w->entries[0].report.error, expected.report.error));
    assert_true(w->entries[0].report.has_log);
    assert_int_equal(w->entries[0].report.log_digest.bytes[31], 7);
    assert_int_equal(w->entries[0].report.run_ms, 42);
    spool_delete(w->spool, &expected.report.task, 5);
    spool_delete(w->spool, &expected.report.task, 5); /* not there: nothing */
    assert_int_equal(load(w), 0);
}

static void broken_files_are_put_aside(void **state)
{
    struct world *w = *state;
    char path[256];
    char aside[256];
    struct stat facts;
    int fd;
    char byte;

    for (uint32_t i = 0; i < 4; i++) {
        put(w, i, REPORT_FINISHED);
    }
    file_of(w, 0, "", path);
    assert_int_equal(truncate(path, 60), 0);
    file_of(w, 1, "", path);
    assert_int_equal(truncate(path, 0), 0);
    file_of(w, 2, "", path);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, 50), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 50), 1);
    assert_int_equal(close(fd), 0);
    assert_int_equal(load(w), 1);
    assert_int_equal(w->broken, 3);
    assert_int_equal(w->entries[0].report.task.index, 3);
    file_of(w, 2, ".broken", aside);
    assert_int_equal(stat(aside, &facts), 0);
    assert_int_equal(load(w), 1);
    assert_int_equal(w->broken, 0); /* told once */
}

static void drafts_of_a_killed_worker_go(void **state)
{
    struct world *w = *state;
    char path[256];
    struct stat facts;

    file_of(w, 1, ".draft", path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(load(w), 0);
    assert_int_equal(stat(path, &facts), -1);
}

static void a_spool_that_cannot_be_written_says_so(void **state)
{
    struct world *w = *state;
    struct spool_entry entry = entry_of(1, REPORT_FINISHED);
    struct exo_error err = {.text = ""};
    char *large = malloc(2 << 20);
    char path[256];

    assert_non_null(large);
    memset(large, 'x', 2 << 20);
    entry.report.output = (struct span){large, 2 << 20};
    assert_int_equal(spool_write(w->spool, &entry, &err), -1);
    free(large);
    /* A directory stands where the file should be: root may write anywhere else. */
    file_of(w, 1, "", path);
    assert_int_equal(mkdir(path, 0700), 0);
    entry = entry_of(1, REPORT_FINISHED);
    assert_int_equal(spool_write(w->spool, &entry, &err), -1);
    assert_int_equal(err.code, EXO_EIO);
    assert_null(spool_open("/dev/null/x", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_comes_back, world_open, world_close),
        cmocka_unit_test_setup_teardown(broken_files_are_put_aside, world_open, world_close),
        cmocka_unit_test_setup_teardown(drafts_of_a_killed_worker_go, world_open, world_close),
        cmocka_unit_test_setup_teardown(a_spool_that_cannot_be_written_says_so, world_open,
                                        world_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
