#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_trial.h"

/* ---- schema ---- */

static void migrates_twice(void **state)
{
    struct trial *t = trial_open(*state, false);

    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, 0);
    assert_int_equal(trial_shard(t, t->store, 0), EXO_EUNAVAILABLE);
    assert_non_null(strstr(t->err.text, "exosphere migrate"));
    assert_int_equal(trial_migrate(t, t->store, TRIAL_SHARDS), 0);
    assert_int_equal(trial_migrate(t, t->store, TRIAL_SHARDS), 0);
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, t->schema.wanted);
    assert_true(t->schema.version > 0);
    assert_int_equal(t->schema.shard_count, TRIAL_SHARDS);
    assert_int_equal(trial_shard(t, t->store, TRIAL_SHARDS - 1), 0);
    assert_int_equal(trial_shard(t, t->store, TRIAL_SHARDS), EXO_ENOTFOUND);
    trial_close(t);
}

static void refuses_newer_schema(void **state)
{
    struct trial *t = trial_open(*state, true);

    trial_sql(t, "INSERT INTO schema_version (version, at_ns) VALUES (9000, 0)");
    assert_int_equal(trial_migrate(t, t->store, 0), EXO_ECONFLICT);
    assert_non_null(strstr(t->err.text, "9000"));
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, 9000);
    assert_true(t->schema.wanted < 9000);
    trial_close(t);
}

/* A newer schema says which programs may go on beside it. */
static void works_with_newer_schema_that_says_so(void **state)
{
    struct trial *t = trial_open(*state, true);
    char line[128];

    assert_int_equal(trial_schema(t, t->store), 0);
    (void)snprintf(line, sizeof(line),
                   "INSERT INTO schema_version (version, at_ns, oldest) VALUES (9000, 0, %u)",
                   t->schema.wanted);
    trial_sql(t, line);
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, 9000);
    assert_int_equal(trial_shard(t, t->store, 0), 0);

    /* The one after it does not. */
    (void)snprintf(line, sizeof(line),
                   "INSERT INTO schema_version (version, at_ns, oldest) VALUES (9001, 0, %u)",
                   t->schema.wanted + 1);
    trial_sql(t, line);
    assert_int_equal(trial_migrate(t, t->store, 0), EXO_ECONFLICT);
    (void)snprintf(line, sizeof(line), "programs that know %u or newer", t->schema.wanted + 1);
    assert_non_null(strstr(t->err.text, line));
    trial_close(t);
}

static void refuses_other_shard_count(void **state)
{
    struct trial *t = trial_open(*state, true);

    assert_int_equal(trial_migrate(t, t->store, TRIAL_SHARDS * 2), EXO_ECONFLICT);
    assert_non_null(strstr(t->err.text, "8"));
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.shard_count, TRIAL_SHARDS);
    trial_close(t);
}

static void installs_default_shards(void **state)
{
    struct trial *t = trial_open(*state, false);

    assert_int_equal(trial_migrate(t, t->store, 65537), EXO_EINVALID);
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.shard_count, 64);
    trial_close(t);
}

static void keeps_the_secret_of_the_first_install(void **state)
{
    struct trial *t = trial_open(*state, true);
    static const uint8_t none[STORE_SECRET_BYTES];
    uint8_t secret[STORE_SECRET_BYTES];

    assert_int_equal(trial_schema(t, t->store), 0);
    memcpy(secret, t->schema.secret, sizeof(secret));
    assert_memory_not_equal(secret, none, sizeof(secret));
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_memory_equal(t->schema.secret, secret, sizeof(secret));
    trial_close(t);
}

/* ---- the fence ---- */

static void commit_moves_the_shard(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 3, "a");
    struct store_batch batch = trial_batch(&shard);

    assert_int_equal(shard.batch, 0);
    batch.now_ns = 77;
    batch.inputs[0] = (struct store_cursor){.offset = 1LL << 40, .checksum = 0xfedcba98};
    batch.inputs[1] = (struct store_cursor){.offset = 12, .checksum = 1};
    batch.event_batch = 5;
    batch.extra = (struct span){"\0x\xff", 3};
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_true(t->result.database_now_ns > 1700000000 * EXO_SECOND);
    assert_int_equal(trial_shard(t, t->store, 3), 0);
    assert_int_equal(t->shard.epoch, shard.epoch);
    assert_int_equal(t->shard.batch, 1);
    assert_int_equal(t->shard.now_ns, 77);
    assert_int_equal(t->shard.inputs[0].offset, 1LL << 40);
    assert_int_equal(t->shard.inputs[0].checksum, 0xfedcba98);
    assert_int_equal(t->shard.inputs[1].offset, 12);
    assert_int_equal(t->shard.inputs[1].checksum, 1);
    assert_int_equal(t->shard.event_batch, 5);
    assert_true(span_equal(t->shard.extra, batch.extra));
    trial_close(t);
}

static void fences_wrong_epoch_and_previous(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard three = trial_own(t, t->store, 3, "a");
    struct store_shard five = trial_own(t, t->store, 5, "a");
    struct store_batch batches[2] = {trial_batch(&three), trial_batch(&five)};
    struct store_execution execution = trial_execution(&batches[0], 1);

    batches[0].inserts = &execution;
    batches[0].insert_count = 1;
    batches[1].epoch++;
    assert_int_equal(trial_commit(t, t->store, batches, 2), STORE_FENCED);
    assert_int_equal(t->result.fenced_shard, 5);
    assert_int_equal(t->result.err.code, EXO_EFENCED);
    batches[1].epoch--;
    batches[1].previous = 1;
    batches[1].next = 2;
    assert_int_equal(trial_commit(t, t->store, batches, 2), STORE_FENCED);
    assert_int_equal(t->result.fenced_shard, 5);
    batches[1].previous = 0;
    batches[1].next = 1;

    /* Neither shard moved, and nothing of the batch is there. */
    assert_int_equal(trial_get(t, t->store, &execution.id), 0);
    assert_int_equal(t->execution_count, 0);
    assert_int_equal(trial_commit(t, t->store, batches, 2), STORE_DONE);
    assert_int_equal(trial_get(t, t->store, &execution.id), 0);
    assert_int_equal(t->execution_count, 1);

    /* The same batch again is late, not repeated. */
    assert_int_equal(trial_commit(t, t->store, batches, 2), STORE_FENCED);
    trial_close(t);
}

static void fences_the_zombie(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct store_shard old = trial_own(t, t->store, 1, "a");
    struct store_batch zombie = trial_batch(&old);
    struct store_shard taken = trial_own(t, other, 1, "b");

    assert_true(taken.epoch > old.epoch);
    struct store_batch batch = trial_batch(&taken);

    /* The first answer may be that the old connection was terminated: nothing is committed. */
    enum store_verdict verdict = trial_commit(t, t->store, &zombie, 1);

    if (verdict == STORE_FAILED || verdict == STORE_UNKNOWN) {
        verdict = trial_commit(t, t->store, &zombie, 1);
    }
    assert_int_equal(verdict, STORE_FENCED);
    assert_int_equal(t->result.fenced_shard, 1);
    assert_int_equal(trial_commit(t, other, &batch, 1), STORE_DONE);
    assert_int_equal(trial_take(t, t->store, 1, "a"), EXO_EFENCED);
    store_close(other);
    trial_close(t);
}

static void epoch_grows_with_each_take(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard first = trial_own(t, t->store, 1, "a");

    assert_true((exo_time)first.epoch * EXO_SECOND > t->now_ns - 60 * EXO_SECOND);
    assert_int_equal(trial_take(t, t->store, 1, "a"), 0);
    assert_true(t->shard.epoch > first.epoch);
    assert_int_equal(trial_take(t, t->store, 1, "b"), EXO_EFENCED);
    assert_int_equal(trial_take(t, t->store, 2, "a"), EXO_EFENCED);
    trial_close(t);
}

/* ---- commits that queue ---- */

struct told {
    struct store_result result;
    bool is_done;
};

static void on_told(void *argument, const struct store_result *result)
{
    struct told *told = argument;

    assert_false(told->is_done);
    told->result = *result;
    told->is_done = true;
}

static void queued_commits_run_in_order(void **state)
{
    enum { COUNT = 20 };
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batches[COUNT];
    struct told told[COUNT] = {{.is_done = false}};

    for (int i = 0; i < COUNT; i++) {
        batches[i] = trial_batch(&shard);
        shard.batch++;
        store_commit(t->store, &batches[i], 1, on_told, &told[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        trial_wait(t, &told[i].is_done);
        assert_int_equal(told[i].result.verdict, STORE_DONE);
    }
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, COUNT);
    trial_close(t);
}

static void next_never_commits_without_previous(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard two = trial_own(t, t->store, 2, "a");
    struct store_shard four = trial_own(t, t->store, 4, "a");
    struct store_batch refused = trial_batch(&two);
    struct store_batch behind = refused;
    struct store_batch other = trial_batch(&four);
    struct store_batch both[2];
    struct store_execution bad = trial_execution(&refused, 1);
    struct told told[4] = {{.is_done = false}};

    bad.labels = span_of("{not json");
    refused.inserts = &bad;
    refused.insert_count = 1;
    behind.previous = 1;
    behind.next = 2;
    both[0] = behind;
    both[1] = other;
    both[1].previous = 1;
    both[1].next = 2;
    store_commit(t->store, &refused, 1, on_told, &told[0]);
    store_commit(t->store, &behind, 1, on_told, &told[1]);
    store_commit(t->store, &other, 1, on_told, &told[2]);
    store_commit(t->store, both, 2, on_told, &told[3]);
    for (int i = 0; i < 4; i++) {
        trial_wait(t, &told[i].is_done);
    }
    assert_int_equal(told[0].result.verdict, STORE_REFUSED);
    assert_int_equal(told[1].result.verdict, STORE_FAILED);
    assert_int_equal(told[2].result.verdict, STORE_DONE);
    assert_int_equal(told[3].result.verdict, STORE_FAILED);
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, 0);
    assert_int_equal(trial_shard(t, t->store, 4), 0);
    assert_int_equal(t->shard.batch, 1);
    trial_close(t);
}

/* ---- data that is refused ---- */

static void refuse(struct trial *t, struct store_batch *batch, bool is_duplicate)
{
    assert_int_equal(trial_commit(t, t->store, batch, 1), STORE_REFUSED);
    assert_int_equal(t->result.is_duplicate, is_duplicate);
    assert_true(strlen(t->result.err.text) > 0);
}

static void refuses_duplicates_and_bad_data(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution executions[2] = {trial_execution(&batch, 1), trial_execution(&batch, 2)};
    struct store_segment segment = {.execution = executions[0].id, .body = span_of("x")};

    batch.inserts = executions;
    batch.insert_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    batch.previous++;
    batch.next++;
    batch.insert_count = 2;
    refuse(t, &batch, true);

    batch.inserts = &executions[1];
    batch.insert_count = 1;
    executions[1].labels = span_of("[1,");
    refuse(t, &batch, false);
    executions[1].labels = span_of("{}");
    executions[1].error = (struct span){"a\0b", 3};
    refuse(t, &batch, false);
    executions[1].error = (struct span){NULL, 0};

    /* An update of what is not there must not pass for done. */
    batch.updates = &executions[1];
    batch.update_count = 1;
    batch.insert_count = 0;
    refuse(t, &batch, false);
    batch.update_count = 0;

    batch.segments = &segment;
    batch.segment_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    batch.previous++;
    batch.next++;
    refuse(t, &batch, false);
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, 2);
    trial_close(t);
}

/* ---- leases ---- */

static struct store_lease lease_of(struct trial *t, uint32_t shard)
{
    assert_true(shard < t->lease_count);
    assert_int_equal(t->leases[shard].shard, shard);
    return t->leases[shard];
}

static void renews_and_releases(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_lease_round round = {.process = "a"};
    const uint32_t releases[] = {1};

    assert_int_equal(trial_round(t, t->store, &round), 0);
    assert_int_equal(t->lease_count, TRIAL_SHARDS);
    assert_int_equal(t->process_count, 1);
    assert_string_equal(t->process[0], "a");
    uint64_t first_beat = t->process_beats[0];
    exo_time first_ns = t->now_ns;
    struct store_lease takes[] = {lease_of(t, 0), lease_of(t, 1), lease_of(t, 7)};

    assert_string_equal(takes[0].owner, "");
    round.takes = takes;
    round.take_count = 3;
    assert_int_equal(trial_round(t, t->store, &round), 0);
    assert_true(t->process_beats[0] > first_beat);
    assert_true(first_ns > 50 * 365 * 24 * EXO_HOUR); /* since 1970 */
    assert_true(t->now_ns >= first_ns && t->now_ns < first_ns + EXO_HOUR);
    struct store_lease held = lease_of(t, 7);

    assert_string_equal(held.owner, "a");
    assert_true(held.beat > takes[2].beat);
    assert_string_equal(lease_of(t, 2).owner, "");

    round = (struct store_lease_round){.process = "a", .releases = releases, .release_count = 1};
    assert_int_equal(trial_round(t, t->store, &round), 0);
    assert_string_equal(lease_of(t, 1).owner, "");
    assert_string_equal(lease_of(t, 0).owner, "a");
    assert_true(lease_of(t, 7).beat > held.beat);

    round = (struct store_lease_round){.process = "a", .is_leaving = true};
    assert_int_equal(trial_round(t, t->store, &round), 0);
    assert_string_equal(lease_of(t, 0).owner, "");
    assert_string_equal(lease_of(t, 7).owner, "");
    assert_int_equal(t->process_count, 0);
    trial_close(t);
}

static void takes_only_what_stood_still(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct store_lease_round a = {.process = "a"}, b = {.process = "b"};

    assert_int_equal(trial_round(t, t->store, &a), 0);
    struct store_lease seen = lease_of(t, 0);

    a.takes = b.takes = &seen;
    a.take_count = b.take_count = 1;
    assert_int_equal(trial_round(t, t->store, &a), 0);
    assert_string_equal(lease_of(t, 0).owner, "a");

    /* b saw the lease free, but a was first. */
    assert_int_equal(trial_round(t, other, &b), 0);
    assert_string_equal(lease_of(t, 0).owner, "a");
    assert_int_equal(t->process_count, 2);

    /* b saw a's lease, but a renewed it since. */
    seen = lease_of(t, 0);
    a.take_count = 0;
    assert_int_equal(trial_round(t, t->store, &a), 0);
    assert_int_equal(trial_round(t, other, &b), 0);
    assert_string_equal(lease_of(t, 0).owner, "a");

    /* It stood still. */
    seen = lease_of(t, 0);
    assert_int_equal(trial_round(t, other, &b), 0);
    assert_string_equal(lease_of(t, 0).owner, "b");

    /* a does not renew or release what is b's. */
    const uint32_t releases[] = {0};
    uint64_t beat = lease_of(t, 0).beat;

    a.releases = releases;
    a.release_count = 1;
    assert_int_equal(trial_round(t, t->store, &a), 0);
    assert_string_equal(lease_of(t, 0).owner, "b");
    assert_int_equal(lease_of(t, 0).beat, beat);
    store_close(other);
    trial_close(t);
}

struct racer {
    bool is_done;
    char owner[STORE_PROCESS_BYTES];
};

static void on_raced(void *argument, const struct store_leases *leases, const struct exo_error *err)
{
    struct racer *racer = argument;

    assert_null(err);
    memcpy(racer->owner, leases->leases[4].owner, sizeof(racer->owner));
    racer->is_done = true;
}

static void one_of_two_contenders_wins(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct store_lease_round a = {.process = "a"}, b = {.process = "b"};
    struct racer racers[2] = {{.is_done = false}};

    assert_int_equal(trial_round(t, t->store, &a), 0);
    struct store_lease seen = lease_of(t, 4);

    a.takes = b.takes = &seen;
    a.take_count = b.take_count = 1;
    store_lease_round(t->store, &a, on_raced, &racers[0]);
    store_lease_round(other, &b, on_raced, &racers[1]);
    trial_wait(t, &racers[0].is_done);
    trial_wait(t, &racers[1].is_done);
    a.take_count = 0;
    assert_int_equal(trial_round(t, t->store, &a), 0);
    const char *owner = lease_of(t, 4).owner;

    assert_true((strcmp(owner, "a") == 0) != (strcmp(owner, "b") == 0));
    store_close(other);
    trial_close(t);
}

static void close_answers_what_runs(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batches[3];
    struct told told[3] = {{.is_done = false}};
    struct store *other = trial_store_open(t);
    struct store *closed = t->store;

    for (int i = 0; i < 3; i++) {
        batches[i] = trial_batch(&shard);
        shard.batch++;
        store_commit(closed, &batches[i], 1, on_told, &told[i]);
    }
    t->store = other;
    store_close(closed);
    uint64_t done = 0;

    for (int i = 0; i < 3; i++) {
        assert_true(told[i].is_done);
        done += told[i].result.verdict == STORE_DONE;
        assert_int_not_equal(told[i].result.verdict, STORE_REFUSED);
        assert_int_not_equal(told[i].result.verdict, STORE_FENCED);
    }
    /* What was told done is there; what was told failed is not. */
    assert_int_equal(trial_take(t, t->store, 2, "a"), 0);
    assert_true(t->shard.batch >= done);
    if (told[2].result.verdict == STORE_FAILED) {
        assert_true(t->shard.batch < 3);
    }
    trial_close(t);
}

const struct store_story store_commit_stories[] = {
    {"migrates_twice", migrates_twice},
    {"refuses_newer_schema", refuses_newer_schema},
    {"works_with_newer_schema_that_says_so", works_with_newer_schema_that_says_so},
    {"refuses_other_shard_count", refuses_other_shard_count},
    {"installs_default_shards", installs_default_shards},
    {"keeps_the_secret_of_the_first_install", keeps_the_secret_of_the_first_install},
    {"commit_moves_the_shard", commit_moves_the_shard},
    {"fences_wrong_epoch_and_previous", fences_wrong_epoch_and_previous},
    {"fences_the_zombie", fences_the_zombie},
    {"epoch_grows_with_each_take", epoch_grows_with_each_take},
    {"queued_commits_run_in_order", queued_commits_run_in_order},
    {"next_never_commits_without_previous", next_never_commits_without_previous},
    {"refuses_duplicates_and_bad_data", refuses_duplicates_and_bad_data},
    {"renews_and_releases", renews_and_releases},
    {"takes_only_what_stood_still", takes_only_what_stood_still},
    {"one_of_two_contenders_wins", one_of_two_contenders_wins},
    {"close_answers_what_runs", close_answers_what_runs},
};
const size_t store_commit_story_count =
    sizeof(store_commit_stories) / sizeof(store_commit_stories[0]);
