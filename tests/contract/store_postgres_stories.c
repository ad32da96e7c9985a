#include "tests/contract/store_stories.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "infra/store/postgres_sql.h"
#include "tests/contract/socket_proxy.h"
#include "tests/contract/store_old.h"
#include "tests/contract/store_trial.h"

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

/* From now on an insert of an execution sleeps within its transaction. */
static void make_inserts_sleep(struct trial *t)
{
    trial_sql(t, "CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                 "PERFORM pg_sleep(60); RETURN NEW; END $$; "
                 "CREATE TRIGGER doze BEFORE INSERT ON execution FOR EACH ROW "
                 "EXECUTE FUNCTION doze()");
}

/* Waits, on the server, until a commit sleeps. */
static const char AWAIT_SLEEPER[] =
    "DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_stat_clear_snapshot(); "
    "IF EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'INSERT INTO execution%' "
    "AND wait_event = 'PgSleep') THEN RETURN; END IF; PERFORM pg_sleep(0.005); END LOOP; "
    "RAISE 'no commit sleeps'; END $$";

static const char KILL_COMMITTERS[] =
    "DO $$ BEGIN PERFORM pg_terminate_backend(backend) FROM shard_lease WHERE backend <> 0; END $$";

/* Takes the shard over from itself until the store is back. */
static struct store_shard take_again(struct trial *t, uint32_t shard)
{
    int failed;

    do {
        failed = trial_take(t, t->store, shard, "a");
        assert_true(failed == 0 || failed == EXO_EUNKNOWN || failed == EXO_EUNAVAILABLE);
    } while (failed != 0);
    return t->shard;
}

/* The connection goes between commits: nothing is lost, and the next request finds another. */
static void goes_on_after_a_lost_connection(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);

    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    trial_sql(t, KILL_COMMITTERS);
    batch.previous++;
    batch.next++;
    enum store_verdict verdict = trial_commit(t, t->store, &batch, 1);

    /* It may have been sent into the dying connection: then the take-over tells. */
    if (verdict != STORE_DONE) {
        assert_true(verdict == STORE_UNKNOWN || verdict == STORE_FAILED);
        shard = take_again(t, 2);
        assert_int_equal(shard.batch, 1);
        batch.epoch = shard.epoch;
        assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    }
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, 2);
    trial_close(t);
}

/* What was taken on a connection that has ended is not committed on another: it is to be taken
 * again. Takes of shard 3 show when the other stands. */
static void ownership_ends_with_its_connection(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard three = trial_own(t, t->store, 3, "a");
    struct store_shard two = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&two);

    assert_int_not_equal(two.connection, 0);
    assert_int_equal(two.connection, three.connection);
    assert_int_equal(two.connection, store_connection(t->store));
    batch.connection = two.connection;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    batch.previous++;
    batch.next++;
    trial_sql(t, KILL_COMMITTERS);
    do {
        three = take_again(t, 3);
    } while (three.connection == two.connection);
    assert_int_equal(three.connection, store_connection(t->store));
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_FAILED);
    assert_int_equal(trial_shard(t, t->store, 2), 0);
    assert_int_equal(t->shard.batch, 1);
    two = take_again(t, 2);
    batch.epoch = two.epoch;
    batch.connection = two.connection;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    trial_close(t);
}

/* Killed in the middle of its transaction: not known to have failed, and the take-over reveals that
 * it did. What is queued behind it fails with it. */
static void take_over_reveals_a_killed_commit(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution execution = trial_execution(&batch, 1);
    struct store_batch behind = batch;
    struct told told[2] = {{.is_done = false}};

    batch.inserts = &execution;
    batch.insert_count = 1;
    behind.previous = 1;
    behind.next = 2;
    make_inserts_sleep(t);
    store_commit(t->store, &batch, 1, on_told, &told[0]);
    store_commit(t->store, &behind, 1, on_told, &told[1]);
    trial_sql(t, AWAIT_SLEEPER);
    trial_sql(t, KILL_COMMITTERS);
    trial_wait(t, &told[0].is_done);
    trial_wait(t, &told[1].is_done);
    assert_int_equal(told[0].result.verdict, STORE_UNKNOWN);
    assert_int_equal(told[1].result.verdict, STORE_FAILED);
    trial_sql(t, "DROP TRIGGER doze ON execution");
    struct store_shard after = take_again(t, 2);

    assert_int_equal(after.batch, 0);
    assert_true(after.epoch > shard.epoch);
    assert_int_equal(trial_get(t, t->store, &execution.id), 0);
    assert_int_equal(t->execution_count, 0);
    batch.epoch = after.epoch;
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    trial_close(t);
}

/* The owner hangs within its transaction, row locked. A contender that takes its lease has the
 * owner's backend ended, and does not wait for it. */
static void contender_ends_the_old_backend(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution execution = trial_execution(&batch, 1);
    struct told told = {.is_done = false};

    batch.inserts = &execution;
    batch.insert_count = 1;
    make_inserts_sleep(t);
    store_commit(t->store, &batch, 1, on_told, &told);
    trial_sql(t, AWAIT_SLEEPER);
    struct store_shard taken = trial_own(t, other, 2, "b");

    assert_true(taken.epoch > shard.epoch);
    assert_int_equal(taken.batch, 0);
    trial_wait(t, &told.is_done);
    assert_int_equal(told.result.verdict, STORE_UNKNOWN);
    struct store_batch next = trial_batch(&taken);

    assert_int_equal(trial_commit(t, other, &next, 1), STORE_DONE);
    store_close(other);
    trial_close(t);
}

/* A shard that its owner gave back: the new owner leaves the old one's connection alone. */
static void released_lease_ends_no_backend(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct store_shard kept = trial_own(t, t->store, 2, "a");
    const uint32_t releases[] = {3};
    const struct store_lease_round round = {
        .process = "a", .releases = releases, .release_count = 1};

    (void)trial_own(t, t->store, 3, "a");
    assert_int_equal(trial_round(t, t->store, &round), 0);
    (void)trial_own(t, other, 3, "b");
    struct store_batch batch = trial_batch(&kept);

    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    trial_sql(t, "DO $$ BEGIN IF NOT EXISTS (SELECT FROM shard_lease l JOIN pg_stat_activity a "
                 "ON a.pid = l.backend WHERE l.shard = 2) THEN "
                 "RAISE 'the backend that took shard 2 is gone'; END IF; END $$");
    store_close(other);
    trial_close(t);
}

/* A proxy before the private server, in a directory of its own. */
struct detour {
    char dir[64], path[108], url[256];
    struct socket_proxy *proxy;
};

static bool detour_make(struct detour *detour)
{
    if (getenv("EXO_TEST_POSTGRES_SOCKET") == NULL) {
        print_message("SKIP: needs the private server that tests/contract/store_test.sh starts\n");
        return false;
    }
    *detour = (struct detour){.dir = "/tmp/exo_detour_XXXXXX"};
    assert_non_null(mkdtemp(detour->dir));
    (void)snprintf(detour->path, sizeof(detour->path), "%s/.s.PGSQL.5432", detour->dir);
    (void)snprintf(detour->url, sizeof(detour->url),
                   "postgresql:///postgres?host=%s&user=exosphere", detour->dir);
    return true;
}

static void detour_start(struct detour *detour)
{
    detour->proxy = socket_proxy_open(detour->path, getenv("EXO_TEST_POSTGRES_SOCKET"));
}

static void detour_end(struct detour *detour)
{
    socket_proxy_close(detour->proxy);
    assert_int_equal(rmdir(detour->dir), 0);
}

static struct store *detour_store(struct trial *t, const struct detour *detour)
{
    char place[sizeof(t->place)];

    memcpy(place, t->place, sizeof(place));
    (void)snprintf(t->place, sizeof(t->place), "%s", detour->url);
    struct store *store = trial_store_open(t);

    memcpy(t->place, place, sizeof(place));
    return store;
}

/* The commit is on disk, its answer is lost: UNKNOWN, and the take-over reveals that it is there.
 */
static void take_over_reveals_a_commit_whose_answer_was_lost(void **state)
{
    struct detour detour;

    if (!detour_make(&detour)) {
        skip();
    }
    struct trial *t = trial_open(*state, true);
    struct store *direct = t->store;
    struct told told = {.is_done = false};

    detour_start(&detour);
    t->store = detour_store(t, &detour);
    struct store_shard shard = trial_own(t, t->store, 2, "a");
    struct store_batch batch = trial_batch(&shard);
    struct store_execution execution = trial_execution(&batch, 1);

    batch.inserts = &execution;
    batch.insert_count = 1;
    socket_proxy_mute(detour.proxy);
    store_commit(t->store, &batch, 1, on_told, &told);
    do {
        assert_int_equal(trial_shard(t, direct, 2), 0);
    } while (t->shard.batch == 0);
    assert_false(told.is_done);
    socket_proxy_cut(detour.proxy);
    trial_wait(t, &told.is_done);
    assert_int_equal(told.result.verdict, STORE_UNKNOWN);
    struct store_shard after = take_again(t, 2);

    assert_int_equal(after.batch, 1);
    assert_true(after.epoch > shard.epoch);
    assert_int_equal(trial_get(t, direct, &execution.id), 0);
    assert_int_equal(t->execution_count, 1);
    store_close(t->store);
    t->store = direct;
    detour_end(&detour);
    trial_close(t);
}

static void await_up(struct trial *t, struct store *store)
{
    const bool never = false;

    for (int i = 0; i < 1000 && !store_is_up(store); i++) {
        (void)loop_run_until(t->loop, &never, 10 * EXO_MILLISECOND);
    }
    assert_true(store_is_up(store));
}

/* Down at start: requests are told so, and it comes up by itself. */
static void comes_up_when_the_server_does(void **state)
{
    struct detour detour;

    if (!detour_make(&detour)) {
        skip();
    }
    struct trial *t = trial_open(*state, true);
    struct store *direct = t->store;
    struct store_shard shard = trial_own(t, direct, 2, "a");
    struct store_batch batch = trial_batch(&shard);

    t->store = detour_store(t, &detour);
    assert_int_equal(trial_shard(t, t->store, 2), EXO_EUNAVAILABLE);
    assert_true(t->err.is_retryable);
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_FAILED);
    assert_false(store_is_up(t->store));
    assert_non_null(strstr(store_last_error(t->store), detour.dir));
    detour_start(&detour);
    await_up(t, t->store);
    assert_int_equal(trial_commit(t, t->store, &batch, 1), STORE_DONE);
    store_close(t->store);
    t->store = direct;
    detour_end(&detour);
    trial_close(t);
}

static void refuses_a_bad_url_without_telling_it(void **state)
{
    struct trial *t = trial_open(*state, false);
    const struct store_settings settings = {
        .backend = "postgres", .url = "postgresql://me:hunter2@[broken/x", .readers = 1};
    struct exo_error err;

    assert_null(store_open(t->loop, &settings, &err));
    assert_int_equal(err.code, EXO_EINVALID);
    assert_null(strstr(err.text, "hunter2"));
    trial_close(t);
}

/* Whoever inserts into or deletes from a table waits, within its transaction, for a row of gate. */
static void make_gate(struct trial *t, const char *event)
{
    char sql[600];

    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE gate (is_open boolean); CREATE FUNCTION pass() RETURNS trigger "
                   "LANGUAGE plpgsql AS $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP "
                   "PERFORM pg_sleep(0.005); END LOOP; RETURN NULL; END $$; "
                   "CREATE TRIGGER pass AFTER %s FOR EACH STATEMENT EXECUTE FUNCTION pass()",
                   event);
    trial_sql(t, sql);
}

/* Waits, on the server, until a statement that begins so waits for a lock or at the gate. */
static void await_waiter(struct trial *t, const char *query)
{
    char sql[600];

    (void)snprintf(sql, sizeof(sql),
                   "DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_stat_clear_snapshot(); "
                   "IF EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%s%%' "
                   "AND (wait_event = 'PgSleep' OR wait_event_type = 'Lock')) THEN RETURN; END IF; "
                   "PERFORM pg_sleep(0.005); END LOOP; RAISE 'nobody waits'; END $$",
                   query);
    trial_sql(t, sql);
}

struct dropped {
    bool is_done, has_last, has_err;
    uint32_t count;
};

static void on_dropped(void *argument, uint32_t dropped, const struct digest *last,
                       const struct exo_error *err)
{
    *(struct dropped *)argument = (struct dropped){true, last != NULL, err != NULL, dropped};
}

static const struct digest from_the_first;

static struct dropped definitions_drop(struct trial *t, struct store *store)
{
    struct dropped dropped = {.is_done = false};

    store_definition_drop(store, &from_the_first, 100, on_dropped, &dropped);
    trial_wait(t, &dropped.is_done);
    assert_false(dropped.has_err);
    return dropped;
}

/* A commit that brings an execution whose text is in the store already, named by nobody. */
struct bringing {
    struct store_batch batch;
    struct store_execution execution;
    struct store_definition text;
    struct told told;
};

static void bring(struct trial *t, struct bringing *b)
{
    struct store_shard shard = trial_own(t, t->store, 2, "a");

    b->told.is_done = false;
    b->batch = trial_batch(&shard);
    b->execution = trial_execution(&b->batch, 1);
    b->text = (struct store_definition){b->execution.definition, span_of("x")};
    b->batch.definitions = &b->text;
    b->batch.definition_count = 1;
    b->batch.inserts = &b->execution;
    b->batch.insert_count = 1;
    trial_sql(t, "INSERT INTO definition VALUES (decode(repeat('d1', 32), 'hex'), 'x')");
}

static void assert_has_text(struct trial *t, const struct execution_id *id)
{
    t->execution_count = 0;
    assert_int_equal(trial_get(t, t->store, id), 0);
    assert_int_equal(t->execution_count, 1);
    assert_true(span_is(t->definition_texts[0], "x"));
}

/* A commit has found its text there and is not at its end: the text stays, whoever looks. */
static void a_text_stays_for_a_commit_on_its_way(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct bringing b;
    struct dropped dropped = {.is_done = false};

    bring(t, &b);
    make_gate(t, "INSERT ON execution");
    store_commit(t->store, &b.batch, 1, on_told, &b.told);
    await_waiter(t, "INSERT INTO execution");
    assert_int_equal(definitions_drop(t, other).count, 0); /* gives up, and is to try again */
    assert_true(definitions_drop(t, other).has_last);
    store_definition_drop(other, &from_the_first, 100, on_dropped, &dropped); /* waits, or does */
    trial_sql(t, "INSERT INTO gate VALUES (true)");
    trial_wait(t, &b.told.is_done);
    assert_int_equal(b.told.result.verdict, STORE_DONE);
    trial_wait(t, &dropped.is_done);
    assert_int_equal(dropped.count, 0);
    assert_has_text(t, &b.execution.id);
    dropped = definitions_drop(t, other);
    assert_int_equal(dropped.count, 0);
    assert_false(dropped.has_last);
    assert_has_text(t, &b.execution.id);
    store_close(other);
    trial_close(t);
}

/* The other way round: the text is being deleted while a commit brings it. It is put again. */
static void a_commit_puts_a_text_again_that_goes(void **state)
{
    struct trial *t = trial_open(*state, true);
    struct store *other = trial_store_open(t);
    struct bringing b;
    struct dropped dropped = {.is_done = false};

    bring(t, &b);
    make_gate(t, "DELETE ON definition");
    await_up(t, other);
    store_definition_drop(other, &from_the_first, 100, on_dropped, &dropped);
    await_waiter(t, "SELECT dropped, last");
    store_commit(t->store, &b.batch, 1, on_told, &b.told);
    await_waiter(t, "INSERT INTO definition");
    trial_sql(t, "INSERT INTO gate VALUES (true)");
    trial_wait(t, &dropped.is_done);
    assert_false(dropped.has_err);
    assert_int_equal(dropped.count, 1);
    trial_wait(t, &b.told.is_done);
    assert_int_equal(b.told.result.verdict, STORE_DONE);
    assert_has_text(t, &b.execution.id);
    store_close(other);
    trial_close(t);
}

/* Runs a statement of the store past it and fails unless it touches so many pages at most. */
static void expect_pages(struct trial *t, enum postgres_statement statement, const char *arguments,
                         int pages_max)
{
    static const char check[] =
        "DO $$ DECLARE plan json; pages int; BEGIN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT "
        "JSON) EXECUTE s(%s)' INTO plan; pages := (plan->0->'Plan'->>'Shared Hit Blocks')::int + "
        "(plan->0->'Plan'->>'Shared Read Blocks')::int; IF pages > %d THEN "
        "RAISE '%% pages: %%', pages, plan; END IF; END $$";
    char sql[4000];
    int wrote = snprintf(sql, sizeof(sql), "%s; PREPARE s AS %s; ", POSTGRES_SETUP_COMMITS,
                         postgres_sql[statement].text);

    assert_in_range(wrote, 1, 3000);
    (void)snprintf(sql + wrote, sizeof(sql) - (size_t)wrote, check, arguments, pages_max);
    trial_sql(t, sql);
}

/* However many old executions other projects keep: what looks for those that are due reads these,
 * and some pages for each project. All 20,000 rows lie on more than 700. */
static void what_is_due_is_found_by_itself(void **state)
{
    struct trial *t = trial_open(*state, true);

    trial_sql(t, "INSERT INTO execution (id, shard, priority, epoch, batch, submitted_ns, "
                 "started_ns, ended_ns, deadline_ns, is_terminal, state, project, cluster, "
                 "definition) SELECT gen_random_uuid(), i % 8, 0, 1, 1, i, i, i + 5, 0, true, "
                 "'SUCCEEDED', CASE WHEN i % 200 = 0 THEN 'brief' ELSE 'long' || i % 3 END, 'c', "
                 "sha256(int4send(i)) FROM generate_series(1, 20000) i; ANALYZE execution");
    expect_pages(t, SQL_OLD_PROJECTS, "'''', 100", 30);
    /* 50 of the project's 100 are due. */
    expect_pages(t, SQL_OLD_LIST,
                 "''brief'', 0, ''00000000-0000-0000-0000-000000000000'', 10000, 256", 60);
    trial_close(t);
}

/* Postgres may have counted a table while nothing was in it, and plans with that. What a commit
 * drops is found by its key all the same, never by reading the table for each. */
static void what_a_commit_drops_is_found_by_its_key(void **state)
{
    struct trial *t = trial_open(*state, true);

    trial_sql(t, "INSERT INTO live_execution SELECT 1, uuid(lpad(i::text, 32, '0')) "
                 "FROM generate_series(1, 20000) i; "
                 "INSERT INTO spanning SELECT 1, 1, sha256(int4send(i)), '' "
                 "FROM generate_series(1, 20000) i; UPDATE pg_class SET reltuples = 0, "
                 "relpages = 1 WHERE relname IN ('live_execution', 'spanning')");
    expect_pages(t, SQL_LIVE_DROP, "''{1}'', ARRAY[uuid(lpad(''7'', 32, ''0''))]", 30);
    expect_pages(t, SQL_SPANNING_DROP, "''{1}'', ''{1}'', ARRAY[sha256(int4send(7))]", 30);
    trial_close(t);
}

/* The index that is built beside what runs, after a try that did not come to its end; and from 8 on
 * again, as after one whose version was not noted. */
static void an_index_is_built_outside_a_transaction(void **state)
{
    static const char is_good[] =
        "DO $$ BEGIN IF NOT (SELECT indisvalid FROM pg_index WHERE indexrelid = "
        "'execution_by_definition'::regclass) THEN RAISE 'the index is not valid'; END IF; "
        "IF (SELECT count(*) FROM schema_version WHERE version = 9 AND oldest = 7) <> 1 THEN "
        "RAISE 'the version is not noted'; END IF; END $$";
    struct trial *t = trial_open(*state, false);

    store_old_install(t, 8);
    trial_sql(t, "CREATE INDEX execution_by_definition ON execution (definition); "
                 "UPDATE pg_index SET indisvalid = false "
                 "WHERE indexrelid = 'execution_by_definition'::regclass");
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    trial_sql(t, is_good);
    trial_sql(t, "DELETE FROM schema_version WHERE version >= 9");
    assert_int_equal(trial_migrate(t, t->store, 0), 0);
    trial_sql(t, is_good);
    assert_int_equal(trial_schema(t, t->store), 0);
    assert_int_equal(t->schema.version, t->schema.wanted);
    trial_close(t);
}

const struct store_story store_postgres_stories[] = {
    {"goes_on_after_a_lost_connection", goes_on_after_a_lost_connection},
    {"ownership_ends_with_its_connection", ownership_ends_with_its_connection},
    {"take_over_reveals_a_killed_commit", take_over_reveals_a_killed_commit},
    {"contender_ends_the_old_backend", contender_ends_the_old_backend},
    {"released_lease_ends_no_backend", released_lease_ends_no_backend},
    {"take_over_reveals_a_commit_whose_answer_was_lost",
     take_over_reveals_a_commit_whose_answer_was_lost},
    {"comes_up_when_the_server_does", comes_up_when_the_server_does},
    {"a_text_stays_for_a_commit_on_its_way", a_text_stays_for_a_commit_on_its_way},
    {"a_commit_puts_a_text_again_that_goes", a_commit_puts_a_text_again_that_goes},
    {"an_index_is_built_outside_a_transaction", an_index_is_built_outside_a_transaction},
    {"what_is_due_is_found_by_itself", what_is_due_is_found_by_itself},
    {"what_a_commit_drops_is_found_by_its_key", what_a_commit_drops_is_found_by_its_key},
    {"refuses_a_bad_url_without_telling_it", refuses_a_bad_url_without_telling_it},
};
const size_t store_postgres_story_count =
    sizeof(store_postgres_stories) / sizeof(store_postgres_stories[0]);
