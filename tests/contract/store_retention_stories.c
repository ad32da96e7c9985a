#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "infra/store/store_replay.h"
#include "infra/store/store_versions.h"
#include "tests/contract/store_trial.h"

/* What the calls about retention answered. */
struct answers {
    bool is_answered;
    enum exo_error_code code;
    struct store_restore_point points[16];
    struct store_place places[TRIAL_SHARDS];
    struct store_old old[16];
    exo_time oldest_ns[16]; /* of projects */
    char projects[16][64];
    struct digest last;
    bool has_last;
    uint32_t count;
    bool is_more;
};

static struct answers *answer(void *argument, uint32_t count, const struct exo_error *err)
{
    struct answers *a = argument;

    a->is_answered = true;
    a->code = err == NULL ? EXO_OK : err->code;
    a->count = count;
    return a;
}

static void on_points(void *argument, const struct store_restore_point *points, uint32_t count,
                      const struct exo_error *err)
{
    struct answers *a = answer(argument, count, err);

    for (uint32_t i = 0; i < count && i < 16; i++) {
        a->points[i] = points[i];
    }
}

static void on_places(void *argument, const struct store_place *places, uint32_t count,
                      const struct exo_error *err)
{
    struct answers *a = answer(argument, count, err);

    for (uint32_t i = 0; i < count && i < TRIAL_SHARDS; i++) {
        a->places[i] = places[i];
    }
}

static void on_dropped(void *argument, uint32_t dropped, const struct exo_error *err)
{
    (void)answer(argument, dropped, err);
}

static void on_old(void *argument, const struct store_old *old, uint32_t count,
                   const struct exo_error *err)
{
    struct answers *a = answer(argument, count, err);

    for (uint32_t i = 0; i < count && i < 16; i++) {
        a->old[i] = old[i];
    }
}

static void on_projects(void *argument, const struct store_old_project *projects, uint32_t count,
                        const struct exo_error *err)
{
    struct answers *a = answer(argument, count, err);

    for (uint32_t i = 0; i < count && i < 16; i++) {
        a->oldest_ns[i] = projects[i].submitted_ns;
        (void)strncpy(a->projects[i], projects[i].project, sizeof(a->projects[i]) - 1);
    }
}

static void on_definitions(void *argument, uint32_t dropped, const struct digest *last,
                           const struct exo_error *err)
{
    struct answers *a = answer(argument, dropped, err);

    a->has_last = last != NULL;
    a->last = last == NULL ? (struct digest){{0}} : *last;
}

static void on_drop(void *argument, uint32_t dropped, bool is_more, const struct exo_error *err)
{
    answer(argument, dropped, err)->is_more = is_more;
}

static struct answers *begin(struct answers *a)
{
    memset(a, 0, sizeof(*a));
    return a;
}

static enum exo_error_code await(struct trial *t, struct answers *a)
{
    trial_wait(t, &a->is_answered);
    return a->code;
}

static void complete(struct trial *t, struct answers *a, int64_t id)
{
    store_restore_point_complete(t->store, id, on_points, begin(a));
    (void)await(t, a);
}

static void move(struct trial *t, struct store_shard *shard, int64_t jobs, int64_t status)
{
    shard->inputs[0].offset = jobs;
    shard->inputs[1].offset = status;
    struct store_batch batch = trial_batch(shard);

    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    shard->batch++;
}

/* The floor is where the inputs stood when the newest complete backup began. */
static void restore_points_hold_the_floor(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 3, "a");
    struct answers a;

    store_restore_floors(t->store, on_places, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 0);
    move(t, &shard, 100, 200);
    store_restore_point_begin(t->store, on_points, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 1);
    assert_true(a.points[0].begun_ns > 0);
    assert_int_equal(a.points[0].completed_ns, 0);
    int64_t first = a.points[0].id;

    move(t, &shard, 300, 400);
    store_restore_floors(t->store, on_places, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 0); /* not complete: nothing may go */
    complete(t, &a, first);
    assert_int_equal(a.code, EXO_OK);
    assert_true(a.points[0].completed_ns >= a.points[0].begun_ns);
    exo_time completed_ns = a.points[0].completed_ns;

    complete(t, &a, first); /* again: nothing changes */
    assert_int_equal(a.points[0].completed_ns, completed_ns);
    store_restore_floors(t->store, on_places, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, TRIAL_SHARDS);
    assert_int_equal(a.places[3].shard, 3);
    assert_int_equal(a.places[3].offsets[0], 100);
    assert_int_equal(a.places[3].offsets[1], 200);
    store_places(t->store, on_places, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, TRIAL_SHARDS);
    assert_int_equal(a.places[3].offsets[0], 300);
    trial_close(t);
}

static void a_newer_point_ends_older_ones(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 0, "a");
    struct answers a;
    int64_t ids[3];

    for (int i = 0; i < 3; i++) {
        move(t, &shard, 10 * (i + 1), 0);
        store_restore_point_begin(t->store, on_points, begin(&a));
        assert_int_equal(await(t, &a), EXO_OK);
        ids[i] = a.points[0].id;
    }
    assert_true(ids[0] < ids[1] && ids[1] < ids[2]);
    complete(t, &a, ids[1]);
    assert_int_equal(a.code, EXO_OK);
    complete(t, &a, ids[0]); /* what its backup needs may be gone */
    assert_int_equal(a.code, EXO_ENOTFOUND);
    complete(t, &a, 9999);
    assert_int_equal(a.code, EXO_ENOTFOUND);
    store_restore_point_list(t->store, on_points, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.points[0].id, ids[2]);
    assert_int_equal(a.points[0].completed_ns, 0);
    assert_int_equal(a.points[1].id, ids[1]);
    store_restore_floors(t->store, on_places, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.places[0].offsets[0], 20);
    trial_close(t);
}

static void letter_put(struct trial *t, struct store_shard *shard, int64_t offset, exo_time at_ns)
{
    struct store_batch batch = trial_batch(shard);
    const struct store_dead_letter letter = {.topic = "exo.jobs",
                                             .partition = shard->shard,
                                             .offset = offset,
                                             .at_ns = at_ns,
                                             .reason = "broken",
                                             .key = span_of(""),
                                             .value = span_of("value")};

    batch.dead_letters = &letter;
    batch.dead_letter_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    shard->batch++;
}

static void on_snapshot(void *argument, const struct store_snapshots *all,
                        const struct exo_error *err)
{
    answer(argument, all->count, err)->points[0].id =
        all->count == 0 ? 0 : all->snapshots[all->count - 1].id;
}

static void on_whole(void *argument, const struct exo_error *err)
{
    (void)answer(argument, 0, err);
}

static void snapshot_make(struct trial *t, uint32_t shard)
{
    struct answers a;

    store_snapshot_begin(t->store, shard, on_snapshot, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    int64_t id = a.points[0].id;

    store_snapshot_end(t->store, id, on_whole, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
}

static uint32_t letters_drop(struct trial *t, exo_time before_ns, uint32_t rows_max)
{
    struct answers a;

    store_letters_drop(t->store, before_ns, rows_max, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    return a.count;
}

/* Old ones go, so many a call, once a snapshot of their shard is younger. */
static void dead_letters_are_dropped(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 1, "a");
    struct store_shard other = trial_own(t, t->store, 2, "a");

    for (int i = 0; i < 4; i++) {
        letter_put(t, &shard, i, 1000 + i);
    }
    letter_put(t, &other, 4, 1000);
    assert_int_equal(letters_drop(t, INT64_MAX, 100), 0); /* a replay may come across them */
    shard.now_ns = 1001;                                  /* committed at 1002 */
    move(t, &shard, 10, 10);
    snapshot_make(t, 1);
    assert_int_equal(letters_drop(t, 1000, 100), 0);
    assert_int_equal(letters_drop(t, INT64_MAX, 2), 2);
    assert_int_equal(letters_drop(t, INT64_MAX, 100), 1); /* not that of 1003 */
    assert_int_equal(letters_drop(t, INT64_MAX, 100), 0); /* nor another shard's */
    other.now_ns = 2000;
    move(t, &other, 10, 10);
    snapshot_make(t, 2);
    assert_int_equal(letters_drop(t, INT64_MAX, 100), 1);
    trial_close(t);
}

/* Old rows go, oldest first and so many a call; none whose events have not left, none of another
 * shard. */
static void the_journal_is_dropped_from_its_end(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 1, "a");
    struct store_shard other = trial_own(t, t->store, 2, "a");
    const exo_time begin_ns = 1000 * EXO_SECOND;
    struct answers a;

    for (uint32_t i = 0; i < 10; i++) {
        for (struct store_shard *s = &shard; s != NULL; s = s == &shard ? &other : NULL) {
            s->now_ns = begin_ns + i * EXO_SECOND - 1;
            s->event_batch = s->batch; /* all but the newest have left */
            struct store_batch batch = trial_batch(s);

            batch.journal = span_of("change");
            assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
            s->batch++;
        }
    }
    store_journal_drop(t->store, 1, INT64_MAX, 100, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 0); /* no snapshot stands for them */
    trial_sql(t, "INSERT INTO journal_snapshot (shard, epoch, base, end_batch, begun_ns, ended_ns) "
                 "VALUES (1, 1, 5, 5, 1, 1004000000000), (1, 1, 10, NULL, 1, NULL)");
    store_journal_drop(t->store, 1, begin_ns + 5 * EXO_SECOND, 3, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 3);
    store_journal_drop(t->store, 1, INT64_MAX, 3, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 2); /* the later snapshot is not whole */
    trial_sql(t, "UPDATE journal_snapshot SET end_batch = 10, ended_ns = 1009000000000 "
                 "WHERE end_batch IS NULL");
    store_journal_drop(t->store, 1, begin_ns + 6 * EXO_SECOND, 100, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 0); /* it is not from before that time */
    store_journal_drop(t->store, 1, INT64_MAX, 100, on_dropped, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 4); /* the newest has not left */
    t->is_answered = false;
    store_journal_get(t->store, 1, 0, 100, trial_on_journal, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->journal_count, 1);
    assert_int_equal(t->oldest_batch, 10);
    t->journal_count = 0;
    t->is_answered = false;
    store_journal_get(t->store, 2, 0, 100, trial_on_journal, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->journal_count, 10);
    trial_close(t);
}

/* Three executions, the middle one still live, the first with parts. */
static void three(struct trial *t, struct store_execution executions[3])
{
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_page pages[4];
    struct store_segment segments[5];

    for (uint32_t i = 0; i < 3; i++) {
        executions[i] = trial_execution(&batch, i);
        executions[i].is_terminal = i != 1;
        executions[i].state = i == 1 ? "RUNNING" : "SUCCEEDED";
        executions[i].ended_ns = i == 1 ? 0 : executions[i].submitted_ns + 5;
        executions[i].project = i == 2 ? "late" : "early";
    }
    for (uint32_t i = 0; i < 5; i++) {
        segments[i] = (struct store_segment){executions[0].id, 0, i, 0, 1, span_of("output")};
    }
    for (uint32_t i = 0; i < 4; i++) {
        pages[i] = (struct store_page){executions[0].id, 0, i, span_of("page")};
    }
    batch.inserts = executions;
    batch.insert_count = 3;
    batch.pages = pages;
    batch.page_count = 4;
    batch.segments = segments;
    batch.segment_count = 5;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
}

static uint32_t old_list(struct trial *t, struct answers *a, const struct store_old_query *query)
{
    store_old_list(t->store, query, on_old, begin(a));
    assert_int_equal(await(t, a), EXO_OK);
    return a->count;
}

/* Of one project, those that were submitted and have ended before a time, oldest first. */
static void old_executions_are_listed(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[3];
    struct store_old_query query = {.project = "early", .before_ns = INT64_MAX, .limit = 2};
    struct answers a;

    three(t, executions);
    assert_int_equal(old_list(t, &a, &query), 1); /* the other one lives */
    assert_true(execution_id_equal(&a.old[0].id, &executions[0].id));
    assert_int_equal(a.old[0].shard, 2);
    assert_int_equal(a.old[0].submitted_ns, executions[0].submitted_ns);
    assert_int_equal(a.old[0].ended_ns, executions[0].ended_ns);
    query.before_ns = executions[0].ended_ns;
    assert_int_equal(old_list(t, &a, &query), 0);
    query.before_ns++;
    assert_int_equal(old_list(t, &a, &query), 1);
    trial_sql(t, "UPDATE execution SET project = 'early', is_terminal = (1 = 1)");
    query.before_ns = INT64_MAX;
    assert_int_equal(old_list(t, &a, &query), 2);
    assert_true(execution_id_equal(&a.old[0].id, &executions[0].id));
    assert_true(execution_id_equal(&a.old[1].id, &executions[1].id));
    query.after_ns = a.old[1].submitted_ns;
    query.after_id = a.old[1].id;
    assert_int_equal(old_list(t, &a, &query), 1);
    assert_true(execution_id_equal(&a.old[0].id, &executions[2].id));
    query.project = "late";
    assert_int_equal(old_list(t, &a, &query), 0);
    trial_close(t);
}

static uint32_t projects_list(struct trial *t, struct answers *a, const char *after, uint32_t limit)
{
    store_old_projects(t->store, after, limit, on_projects, begin(a));
    assert_int_equal(await(t, a), EXO_OK);
    return a->count;
}

/* Each project once, with its oldest, however many executions it has. */
static void projects_with_executions_are_listed(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[3];
    struct answers a;

    assert_int_equal(projects_list(t, &a, "", 10), 0);
    three(t, executions);
    assert_int_equal(projects_list(t, &a, "", 10), 2);
    assert_string_equal(a.projects[0], "early");
    assert_int_equal(a.oldest_ns[0], executions[0].submitted_ns);
    assert_string_equal(a.projects[1], "late");
    assert_int_equal(a.oldest_ns[1], executions[2].submitted_ns);
    assert_int_equal(projects_list(t, &a, "", 1), 1);
    assert_string_equal(a.projects[0], "early");
    assert_int_equal(projects_list(t, &a, "early", 2), 1);
    assert_string_equal(a.projects[0], "late");
    assert_int_equal(projects_list(t, &a, "late", 2), 0);
    trial_close(t);
}

static uint32_t drop_all(struct trial *t, const struct store_execution executions[3])
{
    struct execution_id ids[3] = {executions[0].id, executions[1].id, executions[2].id};
    struct answers a;

    store_execution_drop(t->store, ids, 3, 100, on_drop, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_false(a.is_more);
    return a.count;
}

static void on_put(void *argument, uint32_t number, bool is_new, const struct exo_error *err)
{
    (void)is_new;
    (void)answer(argument, number, err);
}

/* Texts of one letter, which is their digest, too: "a" and "b" run by executions, "c" stored under
 * a name, "d" and "e" by nobody. */
static void five_definitions(struct trial *t, struct store_execution executions[3])
{
    struct store_definition definitions[5];
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_version_put put = {.kind = VERSION_CLUSTER,
                                    .project = "p",
                                    .name = "c",
                                    .text = span_of("c"),
                                    .expected = STORE_VERSION_ANY};
    struct answers a;

    for (uint32_t i = 0; i < 5; i++) {
        static const char texts[][2] = {"a", "b", "c", "d", "e"};

        definitions[i].text = span_of(texts[i]);
        memset(definitions[i].digest.bytes, texts[i][0], DIGEST_BYTES);
    }
    for (uint32_t i = 0; i < 3; i++) { /* the last two have the same */
        executions[i] = trial_execution(&batch, i);
        executions[i].is_terminal = i != 1;
        executions[i].definition = definitions[i > 0].digest;
    }
    batch.definitions = definitions;
    batch.definition_count = 5;
    batch.inserts = executions;
    batch.insert_count = 3;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    put.digest = definitions[2].digest;
    store_version_put(t->store, &put, on_put, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
}

static uint32_t definitions_drop(struct trial *t, struct answers *a, uint32_t rows_max)
{
    const struct digest after = a->last;

    store_definition_drop(t->store, &after, rows_max, on_definitions, begin(a));
    assert_int_equal(await(t, a), EXO_OK);
    return a->count;
}

/* What no execution and no version names goes, so many looked at in a call; what is put again comes
 * back. */
static void definitions_go_when_nothing_names_them(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[3];
    struct answers a = {.has_last = false};

    five_definitions(t, executions);
    assert_int_equal(definitions_drop(t, &a, 2), 0); /* a, b */
    assert_true(a.has_last);
    assert_int_equal(a.last.bytes[0], 'b');
    assert_int_equal(definitions_drop(t, &a, 2), 1); /* c, d */
    assert_int_equal(a.last.bytes[0], 'd');
    assert_int_equal(definitions_drop(t, &a, 2), 1); /* e */
    assert_false(a.has_last);
    assert_int_equal(definitions_drop(t, &a, 100), 0);
    assert_int_equal(drop_all(t, executions), 2);
    assert_int_equal(definitions_drop(t, &a, 100), 1); /* a; b is run by one that lives */
    assert_false(a.has_last);
    t->execution_count = 0;
    assert_int_equal(trial_get(t, t->store, &executions[1].id), 0);
    assert_true(span_is(t->definition_texts[0], "b"));
    trial_sql(t, "DELETE FROM execution");
    assert_int_equal(definitions_drop(t, &a, 100), 1); /* b; c has a name */
    trial_sql(t, "DELETE FROM tombstone");
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    const struct store_definition again = {executions[0].definition, span_of("a")};

    batch.definitions = &again;
    batch.definition_count = 1;
    batch.inserts = executions;
    batch.insert_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(definitions_drop(t, &a, 100), 0);
    t->execution_count = 0;
    assert_int_equal(trial_get(t, t->store, &executions[0].id), 0);
    assert_true(span_is(t->definition_texts[0], "a"));
    trial_close(t);
}

static void assert_known(struct trial *t, const struct store_execution executions[3], bool middle)
{
    struct execution_id ids[3] = {executions[0].id, executions[1].id, executions[2].id};

    t->is_answered = false;
    store_execution_known(t->store, ids, 3, trial_on_known, t);
    trial_wait(t, &t->is_answered);
    assert_true(t->is_known[0]);
    assert_int_equal(t->is_known[1], middle);
    assert_true(t->is_known[2]);
}

/* What has ended goes whole, in bounded calls, and its id stays known; what lives stays. */
static void executions_are_dropped_in_parts(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[3];
    struct digest body = {.bytes = {7}};
    struct answers a;
    uint32_t calls = 0;
    uint32_t dropped = 0;

    three(t, executions);
    struct execution_id ids[3] = {executions[0].id, executions[1].id, executions[2].id};
    struct execution_id another = {.bytes = {9}};

    assert_int_equal(trial_key(t, t->store, "k", &ids[0], &body), 0);
    do { /* 9 parts and 2 rows, 4 a call */
        store_execution_drop(t->store, ids, 3, 4, on_drop, begin(&a));
        assert_int_equal(await(t, &a), EXO_OK);
        dropped += a.count;
        calls++;
        if (calls == 1) {
            assert_true(a.is_more);
            assert_int_equal(a.count, 0);
            t->execution_count = 0;
            assert_int_equal(trial_get(t, t->store, &ids[0]), 0);
            assert_int_equal(t->execution_count, 1); /* not wholly gone: still there itself */
        }
    } while (a.is_more);
    assert_int_equal(dropped, 2);
    assert_true(calls >= 3);
    t->execution_count = 0;
    assert_int_equal(trial_get(t, t->store, &ids[0]), 0);
    assert_int_equal(trial_get(t, t->store, &ids[2]), 0);
    assert_int_equal(t->execution_count, 0);
    assert_int_equal(trial_get(t, t->store, &ids[1]), 0);
    assert_int_equal(t->execution_count, 1);
    t->is_answered = false;
    store_page_get(t->store, &ids[0], 0, 0, 100, trial_on_pages, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->page_count, 0);
    t->is_answered = false;
    store_segment_get(t->store, &ids[0], 0, 0, 0, 100, trial_on_segments, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->segment_count, 0);
    assert_known(t, executions, true);
    /* Its key may be used again. */
    assert_int_equal(trial_key(t, t->store, "k", &another, &body), 0);
    assert_true(execution_id_equal(&t->key_id, &another));
    store_execution_drop(t->store, ids, 3, 100, on_drop, begin(&a)); /* again: nothing */
    assert_int_equal(await(t, &a), EXO_OK);
    assert_int_equal(a.count, 0);
    assert_false(a.is_more);
    trial_close(t);
}

/* The first stays while the last, which keeps something of it, is there. */
static void what_is_kept_of_an_execution_holds_it(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[3];

    three(t, executions);
    struct store_shard shard = trial_own(t, t->store, 1, "a");
    struct store_batch batch = trial_batch(&shard);
    const struct store_reference holds[] = {
        {executions[2].id, execution_digest(&executions[0].id)},
        {executions[2].id, execution_digest(&executions[1].id)},
    };

    batch.references = holds;
    batch.reference_count = 2;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(drop_all(t, executions), 1);
    t->execution_count = 0;
    assert_int_equal(trial_get(t, t->store, &executions[0].id), 0);
    assert_int_equal(t->execution_count, 1);
    t->is_answered = false;
    store_segment_get(t->store, &executions[0].id, 0, 0, 0, 100, trial_on_segments, t);
    trial_wait(t, &t->is_answered);
    assert_int_equal(t->segment_count, 5);
    assert_int_equal(drop_all(t, executions), 1); /* with who kept it, what it held has gone */
    t->execution_count = 0;
    assert_int_equal(trial_get(t, t->store, &executions[0].id), 0);
    assert_int_equal(t->execution_count, 0);
    trial_close(t);
}

/* A deletion that has begun is brought to its end: half an execution is of no use to anybody. */
static void what_is_half_gone_is_not_held(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_execution executions[3];
    struct answers a;

    three(t, executions);
    store_execution_drop(t->store, &executions[0].id, 1, 4, on_drop, begin(&a));
    assert_int_equal(await(t, &a), EXO_OK);
    assert_true(a.is_more);
    struct store_shard shard = trial_own(t, t->store, 1, "a");
    struct store_batch batch = trial_batch(&shard);
    const struct store_reference hold = {executions[1].id, execution_digest(&executions[0].id)};

    batch.references = &hold;
    batch.reference_count = 1;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    assert_int_equal(drop_all(t, executions), 2);
    trial_close(t);
}

const struct store_story store_retention_stories[] = {
    {"restore_points_hold_the_floor", restore_points_hold_the_floor},
    {"a_newer_point_ends_older_ones", a_newer_point_ends_older_ones},
    {"dead_letters_are_dropped", dead_letters_are_dropped},
    {"the_journal_is_dropped_from_its_end", the_journal_is_dropped_from_its_end},
    {"old_executions_are_listed", old_executions_are_listed},
    {"projects_with_executions_are_listed", projects_with_executions_are_listed},
    {"definitions_go_when_nothing_names_them", definitions_go_when_nothing_names_them},
    {"executions_are_dropped_in_parts", executions_are_dropped_in_parts},
    {"what_is_kept_of_an_execution_holds_it", what_is_kept_of_an_execution_holds_it},
    {"what_is_half_gone_is_not_held", what_is_half_gone_is_not_held},
};
const size_t store_retention_story_count =
    sizeof(store_retention_stories) / sizeof(store_retention_stories[0]);
