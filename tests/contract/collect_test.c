/* Collection of blobs over a real store, log and directory. */
#include "scheduler/collect.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/crypto/crypto.h"
#include "schemas/wire/topics.h"
#include "tests/contract/store_trial.h"
#include "tests/support/test.h"

enum { LARGE_BYTES = 9 << 20 };

struct world {
    struct trial *t;
    struct log *log;
    struct blobs *blobs;
    char dir[64];
    unsigned char *large;
    bool is_done;
    int code;
    int64_t offset;
    struct collect_result result;
};

static void on_done(void *argument, const struct exo_error *err)
{
    struct world *w = argument;

    w->code = err == NULL ? 0 : (int)err->code;
    w->is_done = true;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    const struct log_settings log_settings = {.backend = "sqlite", .path = ":memory:"};
    const struct log_topic topics[] = {{.name = TOPIC_STATUS, .partitions = TRIAL_SHARDS}};
    struct exo_error err;

    assert_non_null(w);
    w->t = trial_open("sqlite", true);
    w->log = log_open(w->t->loop, &log_settings, &err);
    assert_non_null(w->log);
    log_prepare(w->log, topics, 1, on_done, w);
    trial_wait(w->t, &w->is_done);
    assert_int_equal(w->code, 0);
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/exo_collect_XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    const struct blob_settings settings = {.directory = w->dir};

    w->blobs = blobs_open(w->t->loop, w->t->store, &settings, &err);
    assert_non_null(w->blobs);
    w->large = calloc(1, LARGE_BYTES);
    assert_non_null(w->large);
    *state = w;
    return 0;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    struct world *w = *state;

    blobs_close(w->blobs);
    log_close(w->log);
    trial_close(w->t);
    (void)nftw(w->dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    free(w->large);
    free(w);
    return 0;
}

static int file_count;

static int count_file(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)path;
    (void)facts;
    (void)walk;
    file_count += kind == FTW_F;
    return 0;
}

static int files(const struct world *w)
{
    file_count = 0;
    assert_int_equal(nftw(w->dir, count_file, 16, FTW_PHYS), 0);
    return file_count;
}

static struct digest put_small(struct world *w, const char *text)
{
    struct digest digest = sha256_of(span_of(text));

    assert_int_equal(trial_blob_put(w->t, w->t->store, &digest, span_of(text)), 0);
    return digest;
}

static struct digest put_large(struct world *w, unsigned char mark)
{
    struct span bytes = {w->large, LARGE_BYTES};
    const struct blob_put_events events = {.on_done = on_done, .argument = w};

    w->large[0] = mark;
    struct digest digest = sha256_of(bytes);
    struct blob_put *put = blob_put_begin(w->blobs, &digest, LARGE_BYTES, &events);

    w->is_done = false;
    (void)!blob_put_write(put, bytes); /* all at once: what waits is not bounded by the port */
    blob_put_end(put);
    trial_wait(w->t, &w->is_done);
    assert_int_equal(w->code, 0);
    return digest;
}

static void on_ignored(void *argument, struct span bytes)
{
    (void)argument;
    (void)bytes;
}

static bool is_there(struct world *w, const struct digest *digest)
{
    const struct blob_get_events events = {
        .on_data = on_ignored, .on_done = on_done, .argument = w};

    w->is_done = false;
    (void)blob_get_begin(w->blobs, digest, &events);
    trial_wait(w->t, &w->is_done);
    assert_true(w->code == 0 || w->code == EXO_ENOTFOUND);
    return w->code == 0;
}

static void refer(struct world *w, const struct digest *a, const struct digest *b)
{
    struct store_shard shard = trial_own(w->t, w->t->store, 1, "p");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution execution = trial_execution(&batch, 1);
    const struct store_reference references[] = {
        {execution.id, *a}, {execution.id, *b}, {execution.id, *a}};

    batch.inserts = &execution;
    batch.insert_count = 1;
    batch.references = references;
    batch.reference_count = 3;
    assert_int_equal(trial_commit(w->t, w->t->store, &batch, 1), STORE_DONE);
}

static void on_collected(void *argument, const struct collect_result *result)
{
    struct world *w = argument;

    w->result = *result;
    w->is_done = true;
}

static void collect(struct world *w, exo_time margin_ns, exo_time wait_ns, bool is_dry)
{
    const struct collect_settings settings = {.shard_count = TRIAL_SHARDS,
                                              .margin_ns = margin_ns,
                                              .wait_ns = wait_ns,
                                              .limit = 2,
                                              .is_dry = is_dry};

    w->is_done = false;
    (void)collect_begin(w->t->loop, w->log, w->t->store, w->blobs, &settings, on_collected, w);
    trial_wait(w->t, &w->is_done);
    if (w->result.err.code != EXO_OK) {
        fail_msg("%s", w->result.err.text);
    }
}

static void what_nothing_names_goes(void **state)
{
    struct world *w = *state;
    struct digest kept = put_small(w, "kept"), kept_large = put_large(w, 1);
    struct digest loose[5], loose_large = put_large(w, 2);

    for (unsigned i = 0; i < 5; i++) {
        char text[8];

        (void)snprintf(text, sizeof(text), "loose%u", i);
        loose[i] = put_small(w, text);
    }
    refer(w, &kept, &kept_large);

    collect(w, EXO_HOUR, EXO_HOUR, false); /* all younger than the margin */
    assert_int_equal(w->result.collected.blobs + w->result.collected.objects, 0);

    collect(w, 1, EXO_HOUR, true);
    assert_int_equal(w->result.collected.blobs, 5);
    assert_int_equal(w->result.collected.blob_bytes, 5 * 6);
    assert_int_equal(w->result.collected.objects, 1);
    assert_int_equal(w->result.collected.object_bytes, LARGE_BYTES);
    assert_true(is_there(w, &loose[0]));

    collect(w, 1, EXO_HOUR, false); /* in rounds of two */
    assert_int_equal(w->result.collected.blobs, 5);
    assert_int_equal(w->result.collected.objects, 1);
    assert_int_equal(w->result.deleted, 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_false(is_there(w, &loose[i]));
    }
    assert_false(is_there(w, &loose_large));
    assert_true(is_there(w, &kept));
    assert_true(is_there(w, &kept_large));
    assert_int_equal(files(w), 2); /* doomed, not yet deleted: a reader may be at it */

    /* A put of what is doomed uses a new key, and the old one goes all the same. */
    (void)put_large(w, 2);
    assert_int_equal(files(w), 3);
    collect(w, EXO_HOUR, 1, false);
    assert_int_equal(w->result.deleted, 1);
    assert_int_equal(files(w), 2);
    assert_true(is_there(w, &loose_large));
    assert_true(is_there(w, &kept_large));
}

static void on_appended(void *argument, int64_t offset, const struct exo_error *err)
{
    ((struct world *)argument)->offset = offset;
    on_done(argument, err);
}

static void what_a_message_may_name_stays(void **state)
{
    struct world *w = *state;
    struct exo_error err;

    /* A message of before the put, which no shard has consumed yet. */
    w->is_done = false;
    assert_int_equal(
        log_append(w->log, TOPIC_STATUS, 5, span_of("k"), span_of("v"), 0, on_appended, w, &err),
        0);
    trial_wait(w->t, &w->is_done);
    struct digest loose = put_small(w, "loose");

    collect(w, 1, EXO_HOUR, false);
    assert_int_equal(w->result.collected.blobs, 0);
    assert_true(is_there(w, &loose));

    /* Consumed: now nothing can name it any more. */
    struct store_shard shard = trial_own(w->t, w->t->store, 5, "p");
    struct store_batch batch = trial_batch(&shard);

    batch.inputs[1] = (struct store_cursor){.offset = w->offset + 1};
    assert_int_equal(trial_commit(w->t, w->t->store, &batch, 1), STORE_DONE);
    collect(w, 1, EXO_HOUR, false);
    assert_int_equal(w->result.collected.blobs, 1);
    assert_false(is_there(w, &loose));
}

static void a_put_again_is_as_new(void **state)
{
    struct world *w = *state;
    struct digest loose = put_small(w, "loose"), old = put_small(w, "old");

    trial_sql(w->t, "UPDATE blob SET touched_ns = touched_ns - 7200000000000"); /* two hours */
    (void)put_small(w, "loose");
    collect(w, EXO_HOUR, EXO_HOUR, false);
    assert_int_equal(w->result.collected.blobs, 1);
    assert_true(is_there(w, &loose));
    assert_false(is_there(w, &old));
}

static void it_can_be_stopped_anywhere(void **state)
{
    struct world *w = *state;
    const struct collect_settings settings = {
        .shard_count = TRIAL_SHARDS, .margin_ns = 1, .wait_ns = 1};
    bool never = false;
    struct exo_error err;

    (void)put_large(w, 3);
    assert_int_equal(
        log_append(w->log, TOPIC_STATUS, 2, span_of("k"), span_of("v"), 0, on_appended, w, &err),
        0);
    for (int turns = 0; turns < 40; turns++) {
        struct collect *c =
            collect_begin(w->t->loop, w->log, w->t->store, w->blobs, &settings, on_collected, w);

        w->is_done = false;
        (void)loop_run_until(w->t->loop, &w->is_done, turns * EXO_MILLISECOND / 4);
        if (!w->is_done) {
            collect_stop(c);
        }
    }
    assert_false(loop_run_until(w->t->loop, &never, 20 * EXO_MILLISECOND));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nothing_names_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_message_may_name_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_put_again_is_as_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_can_be_stopped_anywhere, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
