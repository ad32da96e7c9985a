#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_trial.h"

static int mark(struct trial *t, const char *process, const char *marker)
{
    t->is_answered = false;
    store_shard_mark(t->store, 2, process, marker, trial_on_done, t);
    trial_wait(t, &t->is_answered);
    return t->has_err ? (int)t->err.code : 0;
}

/* The lease goes from hand to hand without a clean end, as when a process died; all of them speak
 * through one store, whose connection the next is not to terminate. */
static struct store_shard seize_shard(struct trial *t, const char *process)
{
    trial_sql(t, strcmp(t->backend, "postgres") == 0
                     ? "UPDATE shard_lease SET owner = '', beat = beat + 1, backend = 0"
                     : "UPDATE shard_lease SET owner = '', beat = beat + 1");
    return trial_own(t, t->store, 2, process);
}

static struct store_guard seize(struct trial *t, const char *process)
{
    return seize_shard(t, process).guard;
}

static void release(struct trial *t, const char *process)
{
    const struct store_lease_round round = {.process = process, .is_leaving = true};

    assert_int_equal(trial_round(t, t->store, &round), 0);
}

static void counts_owners_that_died(void **state)
{
    struct trial *t = trial_open(*state, true);

    assert_int_equal(seize(t, "a").crashes, 0);
    assert_int_equal(trial_take(t, t->store, 2, "a"), 0);
    assert_int_equal(t->shard.guard.crashes, 0); /* it lives and loads again */
    assert_int_equal(seize(t, "b").crashes, 1);
    assert_int_equal(seize(t, "c").crashes, 2);
    struct store_guard guard = seize(t, "d");

    assert_int_equal(guard.crashes, 3);
    assert_int_equal(guard.deaths, 0);
    assert_string_equal(guard.suspect, "");
    release(t, "d");
    assert_int_equal(seize(t, "e").crashes, 0); /* d has closed it */
    trial_close(t);
}

static void a_shard_given_back_alone_is_closed(void **state)
{
    struct trial *t = trial_open(*state, true);
    const uint32_t shard = 2;
    const struct store_lease_round round = {.process = "a", .releases = &shard, .release_count = 1};

    (void)seize(t, "a");
    assert_int_equal(trial_round(t, t->store, &round), 0);
    assert_int_equal(seize(t, "b").crashes, 0);
    trial_close(t);
}

/* An owner that moved the inputs and lived for long has crashed once, not once more. */
static void a_long_life_begins_the_count_anew(void **state)
{
    struct trial *t = trial_open(*state, true);

    (void)seize(t, "a");
    (void)seize(t, "b");
    struct store_shard shard = seize_shard(t, "c");
    struct store_batch batch = trial_batch(&shard);

    assert_int_equal(shard.guard.crashes, 2);
    batch.inputs[0].offset = 7;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    trial_sql(t, strcmp(t->backend, "postgres") == 0
                     ? "UPDATE shard_guard SET opened_at = opened_at - interval '11 seconds'"
                     : "UPDATE shard_guard SET opened_ns = opened_ns - 11000000000");
    assert_int_equal(seize(t, "d").crashes, 1);
    trial_sql(t, strcmp(t->backend, "postgres") == 0
                     ? "UPDATE shard_guard SET opened_at = opened_at - interval '11 seconds'"
                     : "UPDATE shard_guard SET opened_ns = opened_ns - 11000000000");
    assert_int_equal(seize(t, "e").crashes, 2); /* it lived for long and got nowhere */
    trial_close(t);
}

static void counts_deaths_while_the_marker_stood(void **state)
{
    struct trial *t = trial_open(*state, true);

    (void)seize(t, "a");
    assert_int_equal(mark(t, "a", "exo.status/2 offset 11"), 0);
    struct store_guard guard = seize(t, "b");

    assert_int_equal(guard.deaths, 1);
    assert_string_equal(guard.suspect, "exo.status/2 offset 11");
    guard = seize(t, "c"); /* b died before it marked anything: nobody is to blame */
    assert_int_equal(guard.crashes, 2);
    assert_int_equal(guard.deaths, 1);
    assert_int_equal(mark(t, "c", "exo.status/2 offset 11"), 0);
    assert_int_equal(seize(t, "d").deaths, 2);
    assert_int_equal(mark(t, "d", "exo.status/2 offset 12"), 0);
    assert_int_equal(trial_take(t, t->store, 2, "d"), 0);
    assert_int_equal(t->shard.guard.deaths, 2); /* nobody died on that: the suspect stays */
    assert_string_equal(t->shard.guard.suspect, "exo.status/2 offset 11");
    assert_int_equal(mark(t, "d", "exo.status/2 offset 12"), 0);
    guard = seize(t, "e"); /* another input: its first */
    assert_int_equal(guard.deaths, 1);
    assert_string_equal(guard.suspect, "exo.status/2 offset 12");
    trial_close(t);
}

static void a_process_that_lives_did_not_die_on_it(void **state)
{
    struct trial *t = trial_open(*state, true);

    (void)seize(t, "a");
    assert_int_equal(mark(t, "a", "timer"), 0);
    assert_int_equal(trial_take(t, t->store, 2, "a"), 0);
    assert_int_equal(t->shard.guard.deaths, 0);
    assert_int_equal(seize(t, "b").deaths, 0); /* a's marker stood no more */
    assert_int_equal(mark(t, "b", "timer"), 0);
    release(t, "b");
    assert_int_equal(seize(t, "c").deaths, 0);
    trial_close(t);
}

static void on_marked(void *argument, const struct exo_error *err)
{
    *(bool *)argument = err == NULL;
}

static void a_take_wipes_what_was_marked_before(void **state)
{
    struct trial *t = trial_open(*state, true);
    bool is_marked = false;

    (void)seize(t, "a");
    store_shard_mark(t->store, 2, "a", "timer", on_marked, &is_marked);
    assert_int_equal(trial_take(t, t->store, 2, "a"), 0); /* not waited for */
    assert_true(is_marked);
    assert_int_equal(seize(t, "b").deaths, 0);
    trial_close(t);
}

static void the_batch_clears_its_marker(void **state)
{
    struct trial *t = trial_open(*state, true);

    (void)seize(t, "a");
    assert_int_equal(mark(t, "a", "timer"), 0);
    struct store_shard shard = seize_shard(t, "b");
    struct store_batch batch = trial_batch(&shard);

    assert_int_equal(shard.guard.deaths, 1);
    assert_int_equal(mark(t, "b", "grant"), 0);
    batch.clears_marker = true;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(trial_take(t, t->store, 2, "b"), 0);
    assert_string_equal(t->shard.guard.suspect, "timer"); /* that was another */
    assert_int_equal(mark(t, "b", "timer"), 0);
    batch = trial_batch(&t->shard);
    batch.clears_marker = true;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    struct store_guard guard = seize(t, "c");

    assert_int_equal(guard.deaths, 0);
    assert_string_equal(guard.suspect, "");
    assert_int_equal(guard.crashes, 2);
    assert_int_equal(mark(t, "c", ""), 0); /* overcome */
    assert_int_equal(seize(t, "d").crashes, 1);
    trial_close(t);
}

static void a_void_batch_leaves_the_marker(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = seize_shard(t, "a");
    struct store_batch batch = trial_batch(&shard);

    assert_int_equal(mark(t, "a", "timer"), 0);
    batch.clears_marker = true;
    batch.epoch++;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_FENCED);
    assert_int_equal(seize(t, "b").deaths, 1);
    trial_close(t);
}

static void only_the_opener_marks(void **state)
{
    struct trial *t = trial_open(*state, true);

    assert_int_equal(mark(t, "a", "timer"), EXO_EFENCED);
    (void)seize(t, "a");
    (void)seize(t, "b");
    assert_int_equal(mark(t, "a", "timer"), EXO_EFENCED);
    assert_int_equal(mark(t, "b", "timer"), 0);
    trial_close(t);
}

const struct store_story store_guard_stories[] = {
    {"counts_owners_that_died", counts_owners_that_died},
    {"a_shard_given_back_alone_is_closed", a_shard_given_back_alone_is_closed},
    {"a_long_life_begins_the_count_anew", a_long_life_begins_the_count_anew},
    {"counts_deaths_while_the_marker_stood", counts_deaths_while_the_marker_stood},
    {"a_process_that_lives_did_not_die_on_it", a_process_that_lives_did_not_die_on_it},
    {"a_take_wipes_what_was_marked_before", a_take_wipes_what_was_marked_before},
    {"the_batch_clears_its_marker", the_batch_clears_its_marker},
    {"a_void_batch_leaves_the_marker", a_void_batch_leaves_the_marker},
    {"only_the_opener_marks", only_the_opener_marks},
};
const size_t store_guard_story_count = sizeof(store_guard_stories) / sizeof(store_guard_stories[0]);
