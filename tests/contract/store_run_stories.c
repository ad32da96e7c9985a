/* Runs of groups: what is written reads back, a load shows the live ones, an old schema gains them.
 */
#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/contract/store_old.h"
#include "tests/contract/store_trial.h"

enum { RUNS = 900, GROUP = 3, STEPS = 4 };

/* A body that tells of its run, of a size that differs from its neighbours'. */
static struct span body_of(struct trial *t, uint32_t number, uint32_t version)
{
    size_t bytes = 20 + number % 300;
    unsigned char *data = arena_alloc(&t->arena, bytes);

    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (unsigned char)(number + version * 31 + i);
    }
    return (struct span){data, bytes};
}

static void assert_run(const struct store_run *got, const struct store_run *wanted)
{
    assert_memory_equal(got->execution.bytes, wanted->execution.bytes, sizeof(got->execution));
    assert_int_equal(got->instance, wanted->instance);
    assert_int_equal(got->index, wanted->index);
    assert_int_equal(got->number, wanted->number);
    assert_int_equal(got->is_ended, wanted->is_ended);
    assert_true(span_equal(got->body, wanted->body));
}

static void commit_runs(struct trial *t, struct store_batch *batch, const struct store_run *runs,
                        uint32_t count)
{
    batch->runs = runs;
    batch->run_count = count;
    assert_int_equal(trial_commit(t, t->store, batch, 1), STORE_DONE);
    *batch = (struct store_batch){
        .shard = batch->shard,
        .epoch = batch->epoch,
        .previous = batch->next,
        .next = batch->next + 1,
    };
}

/* Runs of two executions that live and of one that has ended, the later numbers first and at the
 * lower indexes; more than a chunk of each. Every third has ended. Gives them by execution and
 * number. */
static struct store_run *write_runs(struct trial *t, struct store_batch *batch)
{
    struct store_run *runs = calloc(RUNS, sizeof(*runs));
    struct store_run *backwards = calloc(RUNS, sizeof(*backwards));
    struct store_execution executions[3];
    const struct store_page page = {trial_execution(batch, 0).id, GROUP + 2, 0, span_of("page")};

    assert_non_null(runs);
    assert_non_null(backwards);
    for (uint32_t i = 0; i < 3; i++) {
        executions[i] = trial_execution(batch, i);
        executions[i].is_terminal = i == 2;
    }
    for (uint32_t i = 0; i < RUNS; i++) {
        uint32_t place = i % (RUNS / 3);

        runs[i] = (struct store_run){
            .execution = executions[i / (RUNS / 3)].id,
            .instance = GROUP + place % 2,
            .index = UINT32_MAX - place,
            .number = 10 + place * STEPS,
            .is_ended = i % 3 == 1,
            .body = body_of(t, i, 0),
        };
        backwards[RUNS - 1 - i] = runs[i];
    }
    batch->inserts = executions;
    batch->insert_count = 3;
    batch->pages = &page;
    batch->page_count = 1;
    commit_runs(t, batch, backwards, RUNS);
    free(backwards);
    return runs;
}

/* Every run of the first two executions that has not ended, in the order written down; then pages
 * (the trial itself looks that no run follows one). */
static void assert_load(struct trial *t, const struct store_run *runs)
{
    uint32_t at = 0;

    assert_int_equal(trial_load(t, t->store, 2), 0);
    assert_int_equal(t->execution_count, 2);
    for (uint32_t i = 0; i < RUNS / 3 * 2; i++) {
        if (!runs[i].is_ended) {
            assert_true(at < t->run_count);
            assert_run(&t->runs[at++], &runs[i]);
        }
    }
    assert_int_equal(t->run_count, at);
    assert_int_equal(t->page_count, 1);
}

static void load_shows_live_runs_by_number(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_run *runs = write_runs(t, &batch);

    assert_load(t, runs);
    assert_int_equal(trial_load(t, t->store, 3), 0);
    assert_int_equal(t->run_count, 0);
    free(runs);
    trial_close(t);
}

/* In one commit some are replaced, some end, one comes anew and one that had ended lives again. */
static void runs_are_replaced_and_end(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_run *runs = write_runs(t, &batch);
    const struct store_run extra = {
        .execution = runs[0].execution,
        .instance = GROUP + 1,
        .index = 0,
        .number = 5,
        .is_ended = true,
        .body = span_of("ended as it began"),
    };
    struct store_run changed[101];

    for (uint32_t i = 0; i < 100; i++) {
        runs[i].is_ended = i % 2 == 0;
        runs[i].body = body_of(t, i, 1);
        changed[i] = runs[i];
    }
    changed[100] = extra;
    commit_runs(t, &batch, changed, 101);
    assert_load(t, runs);

    runs[1].number = 7; /* the same run begun anew */
    runs[1].body = (struct span){NULL, 0};
    commit_runs(t, &batch, &runs[1], 1);
    struct store_run first = runs[1];

    runs[1] = runs[0]; /* it has ended */
    runs[0] = first;
    assert_load(t, runs);
    free(runs);
    trial_close(t);
}

static void ask_runs(struct trial *t, const struct execution_id *id, uint32_t instance,
                     uint32_t first, uint32_t count)
{
    t->is_answered = false;
    t->run_count = 0;
    store_run_get(t->store, id, instance, first, count, trial_on_runs, t);
    trial_wait(t, &t->is_answered);
    assert_false(t->has_err);
}

static void runs_by_range(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct execution_id id = trial_execution(&batch, 1).id;
    struct execution_id other = trial_execution(&batch, 2).id;
    struct store_run runs[6];

    for (uint32_t i = 0; i < 6; i++) {
        runs[i] = (struct store_run){i < 5 ? id : other, GROUP,      i * 2,
                                     100 - i * STEPS,    i % 2 == 0, body_of(t, i, 0)};
    }
    commit_runs(t, &batch, runs, 6);

    ask_runs(t, &id, GROUP, 1, 4);
    assert_int_equal(t->run_count, 2);
    assert_run(&t->runs[0], &runs[1]);
    assert_run(&t->runs[1], &runs[2]);
    ask_runs(t, &id, GROUP, 0, UINT32_MAX);
    assert_int_equal(t->run_count, 5);
    assert_run(&t->runs[4], &runs[4]);
    ask_runs(t, &id, GROUP + 1, 0, UINT32_MAX);
    assert_int_equal(t->run_count, 0);
    ask_runs(t, &other, GROUP, 10, 1);
    assert_int_equal(t->run_count, 1);
    assert_run(&t->runs[0], &runs[5]);
    trial_close(t);
}

static void ask_live(struct trial *t, const struct execution_id *id, uint32_t number,
                     uint32_t count)
{
    t->is_answered = false;
    t->run_count = 0;
    store_run_live(t->store, id, number, count, trial_on_runs, t);
    trial_wait(t, &t->is_answered);
    assert_false(t->has_err);
}

/* Runs 10, 14, 18 ... of the first execution; every third has ended. */
static void live_runs_from_a_number(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct execution_id other = trial_execution(&batch, 7).id;
    struct store_run *runs = write_runs(t, &batch);

    ask_live(t, &runs[0].execution, 0, 3);
    assert_int_equal(t->run_count, 3);
    assert_run(&t->runs[0], &runs[0]);
    assert_run(&t->runs[1], &runs[2]);
    assert_run(&t->runs[2], &runs[3]);
    ask_live(t, &runs[0].execution, 10 + 2 * STEPS + 3, 2); /* the last instance of a run */
    assert_int_equal(t->run_count, 2);
    assert_run(&t->runs[0], &runs[2]);
    assert_run(&t->runs[1], &runs[3]);
    ask_live(t, &runs[0].execution, 10 + STEPS, 1); /* it has ended: the last before it */
    assert_int_equal(t->run_count, 1);
    assert_run(&t->runs[0], &runs[0]);
    ask_live(t, &runs[0].execution, UINT32_MAX, 5);
    assert_int_equal(t->run_count, 1);
    assert_run(&t->runs[0], &runs[RUNS / 3 - 1]);
    ask_live(t, &other, 0, 5);
    assert_int_equal(t->run_count, 0);
    free(runs);
    trial_close(t);
}

/* A commit that is fenced leaves no run behind. */
static void fenced_runs_are_not_kept(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_run run = {.execution = trial_execution(&batch, 1).id, .body = span_of("x")};

    batch.runs = &run;
    batch.run_count = 1;
    batch.epoch++;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_FENCED);
    ask_runs(t, &run.execution, 0, 0, UINT32_MAX);
    assert_int_equal(t->run_count, 0);
    batch.epoch--;
    commit_runs(t, &batch, &run, 1);
    ask_runs(t, &run.execution, 0, 0, UINT32_MAX);
    assert_int_equal(t->run_count, 1);
    trial_close(t);
}

static void an_old_store_gains_runs(void **state)
{
    struct trial *t = trial_open(*state, false);

    store_old_install(t, 1);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, 1);
    assert_true(t->schema.wanted >= 2);
    uint8_t secret[STORE_SECRET_BYTES];

    memcpy(secret, t->schema.secret, sizeof(secret));
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, t->schema.wanted);
    assert_int_equal(t->schema.shard_count, TRIAL_SHARDS);
    assert_memory_equal(t->schema.secret, secret, sizeof(secret));

    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_run run = {
        .execution = trial_execution(&batch, 1).id,
        .instance = 1,
        .number = 2,
        .body = span_of("run"),
    };

    assert_int_equal(shard.batch, 40);
    assert_int_equal(trial_load(t, t->store, 2), 0);
    assert_int_equal(t->run_count, 0);
    commit_runs(t, &batch, &run, 1);
    assert_int_equal(trial_load(t, t->store, 2), 0);
    assert_int_equal(t->execution_count, 1);
    assert_true(span_equal(t->executions[0].body, span_of("body")));
    assert_int_equal(t->run_count, 1);
    assert_run(&t->runs[0], &run);
    assert_int_equal(t->page_count, 1);
    assert_true(span_equal(t->pages[0].body, span_of("page")));
    trial_close(t);
}

const struct store_story store_run_stories[] = {
    {"load_shows_live_runs_by_number", load_shows_live_runs_by_number},
    {"runs_are_replaced_and_end", runs_are_replaced_and_end},
    {"runs_by_range", runs_by_range},
    {"live_runs_from_a_number", live_runs_from_a_number},
    {"fenced_runs_are_not_kept", fenced_runs_are_not_kept},
    {"an_old_store_gains_runs", an_old_store_gains_runs},
};
const size_t store_run_story_count = sizeof(store_run_stories) / sizeof(store_run_stories[0]);
