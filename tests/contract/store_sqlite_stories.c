#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/contract/store_trial.h"

/* Starts this program again as another process; gives its pid, and its standard output. */
static pid_t start_self(const char *mode, const char *path, int *ret_output)
{
    int ends[2];
    const char *const arguments[] = {"store_test", mode, path, NULL};

    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execv("/proc/self/exe", (char *const *)(uintptr_t)arguments); /* it changes nothing */
        _exit(127);
    }
    close(ends[1]);
    *ret_output = ends[0];
    return pid;
}

int store_story_try_open(const char *path)
{
    struct exo_error err = {.code = EXO_OK};
    struct loop *loop = loop_new(&err);
    const struct store_settings settings = {.backend = "sqlite", .path = path};

    if (loop == NULL || store_open(loop, &settings, &err) != NULL) {
        return 1;
    }
    loop_free(loop);
    return printf("%d %s", err.code, err.text) < 0;
}

static void admits_one_process(void **state)
{
    struct trial *t = trial_open(*state, true);
    char text[600] = "", wanted[64];
    int output, status = -1;
    pid_t child = start_self("try-open", t->place, &output);

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(read(output, text, sizeof(text) - 1) > 0);
    close(output);
    assert_int_equal(strtol(text, NULL, 10), EXO_ECONFLICT);
    (void)snprintf(wanted, sizeof(wanted), "in use by process %ld:", (long)getpid());
    assert_non_null(strstr(text, wanted));
    trial_close(t);
}

struct writer {
    struct loop *loop;
    struct store *store;
    struct store_batch batch;
};

static void writer_next(void *argument, const struct store_result *result)
{
    struct writer *writer = argument;

    if (result->verdict != STORE_DONE) {
        loop_stop(writer->loop);
        return;
    }
    (void)printf("%llu\n", (unsigned long long)writer->batch.next);
    (void)fflush(stdout);
    writer->batch.previous++;
    writer->batch.next++;
    store_commit(writer->store, &writer->batch, 1, writer_next, writer);
}

static void writer_begin(void *argument, const struct store_shard *shard, exo_time now_ns,
                         const struct exo_error *err)
{
    struct writer *writer = argument;

    (void)now_ns;
    if (err != NULL) {
        loop_stop(writer->loop);
        return;
    }
    writer->batch = trial_batch(shard);
    store_commit(writer->store, &writer->batch, 1, writer_next, writer);
}

static void writer_leased(void *argument, const struct store_leases *leases,
                          const struct exo_error *err)
{
    struct writer *writer = argument;

    (void)leases;
    if (err != NULL) {
        loop_stop(writer->loop);
        return;
    }
    store_shard_take(writer->store, 2, "dead", writer_begin, writer);
}

int store_story_commit_forever(const char *path)
{
    struct exo_error err;
    struct writer writer = {.loop = loop_new(&err)};
    const struct store_settings settings = {.backend = "sqlite", .path = path};
    const struct store_lease seen = {.shard = 2};
    const struct store_lease_round round = {.process = "dead", .takes = &seen, .take_count = 1};

    writer.store = store_open(writer.loop, &settings, &err);
    if (writer.store == NULL) {
        return 1;
    }
    store_lease_round(writer.store, &round, writer_leased, &writer);
    loop_run(writer.loop);
    return 1; /* only a signal ends it well */
}

/* A process that commits without end is killed; what it was told done is there. */
static void survives_kill(void **state)
{
    struct trial *t = trial_open(*state, true);
    const struct store_lease_round round = {.process = "b"};
    char line[32];
    unsigned long long told = 0;
    int output;

    store_close(t->store);
    pid_t child = start_self("commit-forever", t->place, &output);
    FILE *lines = fdopen(output, "r");

    assert_non_null(lines);
    while (told < 50 && fgets(line, sizeof(line), lines) != NULL) {
        told = strtoull(line, NULL, 10);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    while (fgets(line, sizeof(line), lines) != NULL && strchr(line, '\n') != NULL) {
        told = strtoull(line, NULL, 10);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(told >= 50);
    (void)fclose(lines);

    /* The next life of the file finds the lease of the dead free at once. */
    t->store = trial_store_open(t);
    assert_int_equal(trial_round(t, t->store, &round), 0);
    assert_string_equal(t->leases[2].owner, "");
    assert_int_equal(t->process_count, 1);
    assert_string_equal(t->process[0], "b");
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_true(t->shard.batch >= told);
    assert_true(t->shard.batch <= told + 1);
    trial_close(t);
}

static void lives_in_memory(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *kept = t->store;
    char place[sizeof(t->place)];

    memcpy(place, t->place, sizeof(place));
    (void)snprintf(t->place, sizeof(t->place), ":memory:");
    t->store = trial_store_open(t);
    assert_int_equal(trial_migrate(t, t->store, TRIAL_SHARDS), 0);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);

    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, 1);
    store_close(t->store);
    t->store = kept;
    memcpy(t->place, place, sizeof(place));
    trial_close(t);
}

static void refuses_a_path_without_directory(void **state)
{
    struct trial *t = trial_open(*state, false);
    const struct store_settings settings = {.backend = "sqlite", .path = "/nowhere/at/all/store"};
    struct exo_error err;

    assert_null(store_open(t->loop, &settings, &err));
    assert_int_equal(err.code, EXO_EIO);
    assert_non_null(strstr(err.text, "/nowhere/at/all/store"));
    trial_close(t);
}

/* Needs root: a file system of its own that can be filled. */
static void full_disk_fails_and_heals(void **state)
{
    char dir[] = "/tmp/exo_full_XXXXXX";

    assert_non_null(mkdtemp(dir));
    if (mount("tmpfs", dir, "tmpfs", 0, "size=1m") < 0) {
        assert_int_equal(rmdir(dir), 0);
        print_message("SKIP full_disk_fails_and_heals: cannot mount a small tmpfs here\n");
        skip();
    }
    struct trial *t = trial_open(*state, true);
    struct store *kept = t->store;
    char place[sizeof(t->place)];

    memcpy(place, t->place, sizeof(place));
    (void)snprintf(t->place, sizeof(t->place), "%s/store.db", dir);
    t->store = trial_store_open(t);
    assert_int_equal(trial_migrate(t, t->store, TRIAL_SHARDS), 0);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    unsigned char *journal = calloc(1, 2 << 20);

    batch.journal = (struct span){journal, 2 << 20};
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_FAILED);
    assert_non_null(strstr(t->result.err.text, "disk is full"));
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, 0);
    batch.journal.bytes = 100;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    free(journal);
    store_close(t->store);
    t->store = kept;
    memcpy(t->place, place, sizeof(place));
    trial_close(t);
    assert_int_equal(umount(dir), 0);
    assert_int_equal(rmdir(dir), 0);
}

const struct store_story store_sqlite_stories[] = {
    {"admits_one_process", admits_one_process},
    {"survives_kill", survives_kill},
    {"lives_in_memory", lives_in_memory},
    {"refuses_a_path_without_directory", refuses_a_path_without_directory},
    {"full_disk_fails_and_heals", full_disk_fails_and_heals},
};
const size_t store_sqlite_story_count =
    sizeof(store_sqlite_stories) / sizeof(store_sqlite_stories[0]);
