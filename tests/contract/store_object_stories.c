/* Where large blobs are: keys that are doomed, live, doomed again and gone. */
#include "infra/store/store_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_stories.h"
#include "tests/contract/store_trial.h"

/* The last answer about objects. */
struct answer {
    struct trial *t;
    struct store_object object;
    char keys[8][STORE_KEY_BYTES];
    uint32_t key_count;
    struct store_collected collected;
    char body[64];
    uint32_t dropped;
    bool is_more;
};

static int await_answer(struct answer *answer)
{
    struct trial *t = answer->t;

    trial_wait(t, &t->is_answered);
    return t->has_err ? (int)t->err.code : 0;
}

static void on_object(void *argument, const struct store_object *object,
                      const struct exo_error *err)
{
    struct answer *answer = argument;

    if (err == NULL) {
        answer->object = *object;
    }
    trial_on_done(answer->t, err);
}

static void on_keys(void *argument, const char (*keys)[STORE_KEY_BYTES], uint32_t count,
                    const struct exo_error *err)
{
    struct answer *answer = argument;

    assert_true(count <= 8);
    answer->key_count = count;
    if (count > 0) {
        memcpy(answer->keys, keys, count * sizeof(*keys));
    }
    trial_on_done(answer->t, err);
}

static void begin(struct answer *answer)
{
    answer->t->is_answered = false;
    answer->t->has_err = false;
}

static int object_begin(struct answer *answer, const char *key)
{
    begin(answer);
    store_object_begin(answer->t->store, key, trial_on_done, answer->t);
    return await_answer(answer);
}

static int object_put(struct answer *answer, uint8_t digest, const char *key, uint64_t bytes)
{
    struct store_object object = {.digest = {.bytes = {digest}}, .bytes = bytes};

    (void)snprintf(object.key, sizeof(object.key), "%s", key);
    begin(answer);
    store_object_put(answer->t->store, &object, on_object, answer);
    return await_answer(answer);
}

static int object_get(struct answer *answer, uint8_t digest)
{
    const struct digest wanted = {.bytes = {digest}};

    begin(answer);
    store_object_get(answer->t->store, &wanted, on_object, answer);
    return await_answer(answer);
}

static int object_touch(struct answer *answer, uint8_t digest)
{
    const struct digest wanted = {.bytes = {digest}};

    begin(answer);
    store_object_touch(answer->t->store, &wanted, on_object, answer);
    return await_answer(answer);
}

static int object_claim(struct answer *answer, exo_time age_ns, uint32_t limit)
{
    begin(answer);
    store_object_claim(answer->t->store, age_ns, limit, on_keys, answer);
    return await_answer(answer);
}

static int object_forget(struct answer *answer, const char *key)
{
    begin(answer);
    store_object_forget(answer->t->store, key, trial_on_done, answer->t);
    return await_answer(answer);
}

static void an_upload_becomes_an_object(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};
    uint64_t large = (uint64_t)5 << 30;

    assert_int_equal(object_get(&answer, 1), EXO_ENOTFOUND);
    assert_int_equal(object_touch(&answer, 1), EXO_ENOTFOUND);
    assert_int_equal(object_begin(&answer, "k1"), 0);
    assert_int_equal(object_get(&answer, 1), EXO_ENOTFOUND);
    assert_int_equal(object_put(&answer, 1, "k1", large), 0);
    assert_string_equal(answer.object.key, "k1");
    assert_int_equal(object_get(&answer, 1), 0);
    assert_string_equal(answer.object.key, "k1");
    assert_true(answer.object.bytes == large);
    assert_int_equal(object_touch(&answer, 1), 0);
    assert_string_equal(answer.object.key, "k1");
    /* Live keys are no collector's. */
    assert_int_equal(object_claim(&answer, 0, 8), 0);
    assert_int_equal(answer.key_count, 0);
    trial_close(answer.t);
}

static void the_second_of_two_uploads_stays_doomed(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};

    assert_int_equal(object_begin(&answer, "first"), 0);
    assert_int_equal(object_begin(&answer, "second"), 0);
    assert_int_equal(object_put(&answer, 1, "first", 9), 0);
    assert_int_equal(object_put(&answer, 1, "second", 9), 0);
    assert_string_equal(answer.object.key, "first");
    assert_int_equal(object_get(&answer, 1), 0);
    assert_string_equal(answer.object.key, "first");
    assert_int_equal(object_claim(&answer, 0, 8), 0);
    assert_int_equal(answer.key_count, 1);
    assert_string_equal(answer.keys[0], "second");
    trial_close(answer.t);
}

static void a_claimed_key_never_comes_back(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};

    assert_int_equal(object_begin(&answer, "slow"), 0);
    assert_int_equal(object_claim(&answer, EXO_HOUR, 8), 0);
    assert_int_equal(answer.key_count, 0); /* not old enough */
    assert_int_equal(object_claim(&answer, 0, 8), 0);
    assert_int_equal(answer.key_count, 1);
    assert_int_equal(object_put(&answer, 1, "slow", 9), EXO_EUNAVAILABLE);
    assert_int_equal(object_get(&answer, 1), EXO_ENOTFOUND);
    /* A collector that died before it forgot is followed by another. */
    assert_int_equal(object_claim(&answer, 0, 8), 0);
    assert_int_equal(answer.key_count, 1);
    assert_string_equal(answer.keys[0], "slow");
    assert_int_equal(object_forget(&answer, "slow"), 0);
    assert_int_equal(object_claim(&answer, 0, 8), 0);
    assert_int_equal(answer.key_count, 0);
    trial_close(answer.t);
}

static void a_claim_takes_no_more_than_asked(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};
    char key[16];

    for (int i = 0; i < 5; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(object_begin(&answer, key), 0);
    }
    assert_int_equal(object_claim(&answer, 0, 3), 0);
    assert_int_equal(answer.key_count, 3);
    trial_close(answer.t);
}

static void on_collected(void *argument, const struct store_collected *collected,
                         const struct exo_error *err)
{
    struct answer *answer = argument;

    if (err == NULL) {
        answer->collected = *collected;
    }
    trial_on_done(answer->t, err);
}

static int collect(struct answer *answer, exo_time before_ns, uint32_t limit, bool is_dry)
{
    begin(answer);
    store_blob_collect(answer->t->store, before_ns, limit, is_dry, on_collected, answer);
    return await_answer(answer);
}

static void only_unnamed_and_old_blobs_are_collected(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};
    struct trial *t = answer.t;
    struct store_shard shard = trial_own(t, t->store, 1, "p");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution execution = trial_execution(&batch, 1);
    struct digest digests[4] = {{{1}}, {{2}}, {{3}}, {{4}}};
    const struct store_reference references[] = {
        {execution.id, digests[0]}, {execution.id, {{11}}}, {execution.id, digests[0]}};
    exo_time later_ns = clock_wall_ns() + EXO_HOUR;

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(trial_blob_put(t, t->store, &digests[i], span_of("12345")), 0);
    }
    assert_int_equal(object_begin(&answer, "named"), 0);
    assert_int_equal(object_begin(&answer, "loose"), 0);
    assert_int_equal(object_put(&answer, 11, "named", 1000), 0);
    assert_int_equal(object_put(&answer, 12, "loose", 2000), 0);
    batch.inserts = &execution;
    batch.insert_count = 1;
    batch.references = references;
    batch.reference_count = 3;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);

    assert_int_equal(collect(&answer, clock_wall_ns() - EXO_HOUR, 10, false), 0);
    assert_int_equal(answer.collected.blobs + answer.collected.objects, 0);
    assert_int_equal(collect(&answer, later_ns, 1, true), 0);
    assert_int_equal(answer.collected.blobs, 3);
    assert_int_equal(answer.collected.blob_bytes, 15);
    assert_int_equal(answer.collected.objects, 1);
    assert_int_equal(answer.collected.object_bytes, 2000);
    assert_int_equal(collect(&answer, later_ns, 2, false), 0);
    assert_int_equal(answer.collected.blobs, 2);
    assert_int_equal(answer.collected.blob_bytes, 10);
    assert_int_equal(answer.collected.objects, 1);
    assert_int_equal(collect(&answer, later_ns, 2, false), 0);
    assert_int_equal(answer.collected.blobs, 1);
    assert_int_equal(answer.collected.objects, 0);
    assert_int_equal(trial_blob_get(t, t->store, &digests[0]), 0);
    assert_int_equal(trial_blob_get(t, t->store, &digests[1]), EXO_ENOTFOUND);
    assert_int_equal(object_get(&answer, 11), 0);
    assert_int_equal(object_get(&answer, 12), EXO_ENOTFOUND);
    assert_int_equal(object_claim(&answer, 0, 8), 0);
    assert_int_equal(answer.key_count, 1);
    assert_string_equal(answer.keys[0], "loose");
    trial_close(t);
}

static void a_blob_put_again_is_young_again(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};
    struct trial *t = answer.t;
    const struct digest again = {{1}};
    const struct digest once = {{2}};

    assert_int_equal(trial_blob_put(t, t->store, &again, span_of("x")), 0);
    assert_int_equal(trial_blob_put(t, t->store, &once, span_of("x")), 0);
    exo_time between_ns = clock_wall_ns() + EXO_MILLISECOND;

    while (clock_wall_ns() <= between_ns + EXO_MILLISECOND) {
    }
    assert_int_equal(trial_blob_put(t, t->store, &again, span_of("x")), 0);
    assert_int_equal(collect(&answer, between_ns, 10, false), 0);
    assert_int_equal(answer.collected.blobs, 1);
    assert_int_equal(trial_blob_get(t, t->store, &again), 0);
    assert_int_equal(trial_blob_get(t, t->store, &once), EXO_ENOTFOUND);
    trial_close(t);
}

static void on_drop(void *argument, uint32_t dropped, bool is_more, const struct exo_error *err)
{
    struct answer *answer = argument;

    answer->dropped = dropped;
    answer->is_more = is_more;
    trial_on_done(answer->t, err);
}

/* References go with what names them, at most so many a call, and nobody else's do. */
static void a_dropped_execution_names_nothing(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};
    struct trial *t = answer.t;
    struct store_shard shard = trial_own(t, t->store, 1, "p");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution executions[] = {trial_execution(&batch, 1), trial_execution(&batch, 2)};
    const struct digest digests[] = {{{1}}, {{2}}, {{3}}};
    const struct store_reference references[] = {{executions[0].id, digests[0]},
                                                 {executions[0].id, digests[1]},
                                                 {executions[0].id, digests[2]},
                                                 {executions[1].id, digests[2]}};
    exo_time later_ns = clock_wall_ns() + EXO_HOUR;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(trial_blob_put(t, t->store, &digests[i], span_of("x")), 0);
    }
    executions[0].is_terminal = true;
    executions[0].state = "SUCCEEDED";
    batch.inserts = executions;
    batch.insert_count = 2;
    batch.references = references;
    batch.reference_count = 4;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(collect(&answer, later_ns, 10, false), 0);
    assert_int_equal(answer.collected.blobs, 0);

    begin(&answer);
    store_execution_drop(t->store, &executions[0].id, 1, 2, on_drop, &answer);
    assert_int_equal(await_answer(&answer), 0);
    assert_int_equal(answer.dropped, 0);
    assert_true(answer.is_more);
    begin(&answer);
    store_execution_drop(t->store, &executions[0].id, 1, 2, on_drop, &answer);
    assert_int_equal(await_answer(&answer), 0);
    assert_int_equal(answer.dropped, 1);
    assert_int_equal(collect(&answer, later_ns, 10, false), 0);
    assert_int_equal(answer.collected.blobs, 2);
    assert_int_equal(trial_blob_get(t, t->store, &digests[2]), 0);
    trial_close(t);
}

static void on_body(void *argument, struct span body, const struct exo_error *err)
{
    struct answer *answer = argument;

    (void)snprintf(answer->body, sizeof(answer->body), "%.*s", (int)body.bytes,
                   body.data == NULL ? "" : (const char *)body.data);
    trial_on_done(answer->t, err);
}

static int result_get(struct answer *answer, uint8_t key)
{
    const struct digest wanted = {.bytes = {key}};

    begin(answer);
    store_result_get(answer->t->store, &wanted, on_body, answer);
    return await_answer(answer);
}

static int result_put(struct answer *answer, uint8_t key, exo_time ttl_ns, const char *body,
                      const struct digest *blobs, uint32_t blob_count)
{
    const struct store_result_row row = {.key = {.bytes = {key}},
                                         .ttl_ns = ttl_ns,
                                         .body = span_of(body),
                                         .blobs = blobs,
                                         .blob_count = blob_count};

    begin(answer);
    store_result_put(answer->t->store, &row, trial_on_done, answer->t);
    return await_answer(answer);
}

static void results_run_out_and_hold_their_blobs(void **state)
{
    struct answer answer = {.t = trial_open(*state, true)};
    const struct digest blobs[] = {{{1}}, {{2}}};
    exo_time later_ns = clock_wall_ns() + EXO_HOUR;

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(trial_blob_put(answer.t, answer.t->store, &blobs[i], span_of("x")), 0);
    }
    assert_int_equal(result_get(&answer, 7), EXO_ENOTFOUND);
    assert_int_equal(result_put(&answer, 7, EXO_HOUR, "first", blobs, 2), 0);
    assert_int_equal(result_get(&answer, 7), 0);
    assert_string_equal(answer.body, "first");
    assert_int_equal(collect(&answer, later_ns, 10, false), 0);
    assert_int_equal(answer.collected.blobs, 0); /* held */
    assert_int_equal(result_put(&answer, 7, EXO_HOUR, "second", blobs, 1), 0);
    assert_int_equal(result_get(&answer, 7), 0);
    assert_string_equal(answer.body, "second");
    assert_int_equal(result_put(&answer, 8, EXO_HOUR, "no blobs", NULL, 0), 0);

    assert_int_equal(result_put(&answer, 7, EXO_MILLISECOND, "third", blobs, 1), 0);
    while (result_get(&answer, 7) == 0) { /* a millisecond */
    }
    assert_int_equal(collect(&answer, later_ns, 10, false), 0);
    assert_int_equal(collect(&answer, later_ns, 10, true), 0);
    assert_int_equal(answer.collected.blobs, 0);
    assert_int_equal(trial_blob_get(answer.t, answer.t->store, &blobs[0]), EXO_ENOTFOUND);
    assert_int_equal(result_get(&answer, 8), 0);
    trial_close(answer.t);
}

const struct store_story store_object_stories[] = {
    {"results_run_out_and_hold_their_blobs", results_run_out_and_hold_their_blobs},
    {"only_unnamed_and_old_blobs_are_collected", only_unnamed_and_old_blobs_are_collected},
    {"a_blob_put_again_is_young_again", a_blob_put_again_is_young_again},
    {"a_dropped_execution_names_nothing", a_dropped_execution_names_nothing},
    {"an_upload_becomes_an_object", an_upload_becomes_an_object},
    {"the_second_of_two_uploads_stays_doomed", the_second_of_two_uploads_stays_doomed},
    {"a_claimed_key_never_comes_back", a_claimed_key_never_comes_back},
    {"a_claim_takes_no_more_than_asked", a_claim_takes_no_more_than_asked},
};
const size_t store_object_story_count =
    sizeof(store_object_stories) / sizeof(store_object_stories[0]);
