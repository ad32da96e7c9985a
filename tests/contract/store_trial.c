#include "tests/contract/store_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "infra/sqlite/statement.h"
#include "tests/support/patience.h"

enum { ANSWER_SECONDS = TEST_WAIT_SECONDS };

/* ---- places ---- */

static void run(struct trial *t, const char *const *arguments)
{
    pid_t pid = fork();
    int status = -1;

    assert_true(pid >= 0);
    if (pid == 0) {
        execvp(arguments[0], (char *const *)(uintptr_t)arguments); /* it changes nothing */
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0) {
        fail_msg("%s on %s ended with status %d", arguments[0], t->backend, status);
    }
}

static void run_psql(struct trial *t, const char *sql)
{
    const char *const arguments[] = {
        "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", t->place, "-c", sql, NULL};

    run(t, arguments);
}

static void place_make(struct trial *t)
{
    if (strcmp(t->backend, "sqlite") == 0) {
        char dir[] = "/tmp/exo_store_XXXXXX";

        assert_non_null(mkdtemp(dir));
        (void)snprintf(t->place, sizeof(t->place), "%s/store.db", dir);
        return;
    }
    const char *url = getenv("EXOSPHERE_POSTGRES_URL");

    assert_non_null(url);
    (void)snprintf(t->place, sizeof(t->place), "%s", url);
    run_psql(t, "SET client_min_messages = warning; DROP SCHEMA public CASCADE; "
                "CREATE SCHEMA public");
}

static void place_remove(struct trial *t)
{
    if (strcmp(t->backend, "sqlite") == 0) {
        char dir[sizeof(t->place)];

        memcpy(dir, t->place, sizeof(dir));
        *strrchr(dir, '/') = '\0';
        const char *const arguments[] = {"rm", "-rf", dir, NULL};

        run(t, arguments);
    }
}

void trial_sql(struct trial *t, const char *sql)
{
    if (strcmp(t->backend, "postgres") == 0) {
        run_psql(t, sql);
        return;
    }
    struct exo_error err;
    struct sqlite_connection *connection = sqlite_connection_open(t->place, false, &err);

    if (connection == NULL || sqlite_script(connection, sql, &err) < 0) {
        fail_msg("%s", err.text);
    }
    sqlite_connection_close(connection);
}

struct store *trial_store_open(struct trial *t)
{
    struct exo_error err;
    const struct store_settings settings = {
        .backend = t->backend,
        .url = t->place,
        .path = t->place,
        .readers = 2,
        .application = "exosphere-contract",
    };
    struct store *store = store_open(t->loop, &settings, &err);

    if (store == NULL) {
        fail_msg("%s", err.text);
    }
    return store;
}

struct trial *trial_open(const char *backend, bool migrate)
{
    struct trial *t = calloc(1, sizeof(*t));
    struct exo_error err;

    assert_non_null(t);
    t->backend = backend;
    arena_init(&t->arena, allocator_heap(&t->budget), 0);
    place_make(t);
    t->loop = loop_new(&err);
    assert_non_null(t->loop);
    t->store = trial_store_open(t);
    if (migrate && trial_migrate(t, t->store, TRIAL_SHARDS) != 0) {
        fail_msg("%s", t->err.text);
    }
    return t;
}

void trial_close(struct trial *t)
{
    store_close(t->store);
    loop_free(t->loop);
    place_remove(t);
    arena_release(&t->arena);
    free(t->executions);
    free(t->definition_texts);
    free(t->spanning);
    free(t->runs);
    free(t->pages);
    free(t->segments);
    free(t->journal);
    free(t->letters);
    free(t);
}

void trial_wait(struct trial *t, const bool *flag)
{
    if (!loop_run_until(t->loop, flag, ANSWER_SECONDS * EXO_SECOND)) {
        fail_msg("%s gave no answer in %d s: %s", t->backend, ANSWER_SECONDS,
                 store_last_error(t->store));
    }
}

/* ---- answers ---- */

static struct trial *answered(void *argument, const struct exo_error *err)
{
    struct trial *t = argument;

    assert_false(t->is_answered);
    t->is_answered = true;
    t->has_err = err != NULL;
    t->err = err == NULL ? (struct exo_error){.code = EXO_OK} : *err;
    return t;
}

static int await(struct trial *t)
{
    trial_wait(t, &t->is_answered);
    return t->has_err ? (int)t->err.code : 0;
}

static void begin(struct trial *t)
{
    t->is_answered = false;
    t->execution_count = 0;
    t->spanning_count = 0;
    t->run_count = 0;
    t->page_count = 0;
    t->segment_count = 0;
    t->journal_count = 0;
    t->letter_count = 0;
}

static struct span keep(struct trial *t, struct span bytes)
{
    struct span copy = arena_copy(&t->arena, bytes);

    assert_non_null(copy.data);
    return copy;
}

static const char *keep_text(struct trial *t, const char *text)
{
    return keep(t, span_of(text)).data;
}

/* Grows an array of the trial by one row. */
static void *one_more(void *array, uint32_t *count, size_t row_bytes, void **ret_array)
{
    void *moved = realloc(array, (*count + 1) * row_bytes);

    assert_non_null(moved);
    assert_true(*count < TRIAL_ROWS_MAX);
    *ret_array = moved;
    return (char *)moved + (*count)++ * row_bytes;
}

void trial_on_done(void *argument, const struct exo_error *err)
{
    (void)answered(argument, err);
}

int trial_migrate(struct trial *t, struct store *store, uint32_t shards)
{
    begin(t);
    store_migrate(store, shards, trial_on_done, t);
    return await(t);
}

static void on_schema(void *argument, const struct store_schema *schema,
                      const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    if (schema != NULL) {
        t->schema = *schema;
    }
}

int trial_schema(struct trial *t, struct store *store)
{
    begin(t);
    store_schema(store, on_schema, t);
    return await(t);
}

static void on_leases(void *argument, const struct store_leases *leases,
                      const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    if (leases == NULL) {
        return;
    }
    assert_true(leases->count <= TRIAL_LEASES_MAX);
    assert_true(leases->process_count <= 8);
    t->lease_count = leases->count;
    t->now_ns = leases->database_now_ns;
    memcpy(t->leases, leases->leases, leases->count * sizeof(*leases->leases));
    t->process_count = leases->process_count;
    for (uint32_t i = 0; i < leases->process_count; i++) {
        (void)snprintf(t->process[i], STORE_PROCESS_BYTES, "%s", leases->processes[i]);
        t->process_beats[i] = leases->process_beats[i];
    }
}

int trial_round(struct trial *t, struct store *store, const struct store_lease_round *round)
{
    begin(t);
    store_lease_round(store, round, on_leases, t);
    return await(t);
}

static void on_shard(void *argument, const struct store_shard *shard, const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    if (shard != NULL) {
        t->shard = *shard;
        t->shard.extra = keep(t, shard->extra);
    }
}

static void on_take(void *argument, const struct store_shard *shard, exo_time now_ns,
                    const struct exo_error *err)
{
    on_shard(argument, shard, err);
    ((struct trial *)argument)->now_ns = now_ns;
}

int trial_take(struct trial *t, struct store *store, uint32_t shard, const char *process)
{
    begin(t);
    store_shard_take(store, shard, process, on_take, t);
    return await(t);
}

int trial_shard(struct trial *t, struct store *store, uint32_t shard)
{
    begin(t);
    store_shard_get(store, shard, on_shard, t);
    return await(t);
}

static void on_commit(void *argument, const struct store_result *result)
{
    struct trial *t = answered(argument, result->verdict == STORE_DONE ? NULL : &result->err);

    t->result = *result;
}

enum store_verdict trial_commit(struct trial *t, struct store *store,
                                const struct store_batch *batches, uint32_t count)
{
    begin(t);
    store_commit(store, batches, count, on_commit, t);
    (void)await(t); /* the verdict says it all */
    return t->result.verdict;
}

static void on_execution(void *argument, const struct store_execution *execution,
                         struct span definition_text)
{
    struct trial *t = argument;
    uint32_t count = t->execution_count;
    struct span *text =
        one_more(t->definition_texts, &count, sizeof(*text), (void **)&t->definition_texts);
    struct store_execution *e =
        one_more(t->executions, &t->execution_count, sizeof(*e), (void **)&t->executions);

    *text = keep(t, definition_text);
    *e = *execution;
    e->project = keep_text(t, execution->project);
    e->cluster = keep_text(t, execution->cluster);
    e->state = keep_text(t, execution->state);
    e->labels = keep(t, execution->labels);
    e->input = keep(t, execution->input);
    e->output = keep(t, execution->output);
    e->output_ref = keep(t, execution->output_ref);
    e->error = keep(t, execution->error);
    e->body = keep(t, execution->body);
}

static void on_spanning(void *argument, const struct store_spanning *spanning)
{
    struct trial *t = argument;
    struct store_spanning *s =
        one_more(t->spanning, &t->spanning_count, sizeof(*s), (void **)&t->spanning);

    assert_int_equal(t->execution_count, 0); /* a load shows executions behind it */
    *s = *spanning;
    s->body = keep(t, spanning->body);
}

static void on_spanning_rows(void *argument, const struct store_spanning *rows, uint32_t count,
                             const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    for (uint32_t i = 0; i < count; i++) {
        struct store_spanning *s =
            one_more(t->spanning, &t->spanning_count, sizeof(*s), (void **)&t->spanning);

        *s = rows[i];
        s->body = keep(t, rows[i].body);
    }
}

int trial_spanning(struct trial *t, struct store *store, const struct store_spanning_query *query)
{
    begin(t);
    store_spanning_read(store, query, on_spanning_rows, t);
    return await(t);
}

static void on_run(void *argument, const struct store_run *run)
{
    struct trial *t = argument;
    struct store_run *r = one_more(t->runs, &t->run_count, sizeof(*r), (void **)&t->runs);

    assert_int_equal(t->page_count, 0); /* a load shows pages behind all runs */
    *r = *run;
    r->body = keep(t, run->body);
}

static void on_page(void *argument, const struct store_page *page)
{
    struct trial *t = argument;
    struct store_page *p = one_more(t->pages, &t->page_count, sizeof(*p), (void **)&t->pages);

    *p = *page;
    p->body = keep(t, page->body);
}

static void on_segment(void *argument, const struct store_segment *segment)
{
    struct trial *t = argument;
    struct store_segment *s =
        one_more(t->segments, &t->segment_count, sizeof(*s), (void **)&t->segments);

    *s = *segment;
    s->body = keep(t, segment->body);
}

int trial_load(struct trial *t, struct store *store, uint32_t shard)
{
    const struct store_load_callbacks callbacks = {
        .spanning = on_spanning,
        .execution = on_execution,
        .run = on_run,
        .page = on_page,
        .segment = on_segment,
        .done = trial_on_done,
    };

    begin(t);
    store_shard_load(store, shard, &callbacks, t);
    return await(t);
}

static void on_get(void *argument, const struct store_execution *execution,
                   struct span definition_text, const struct exo_error *err)
{
    if (execution != NULL) {
        on_execution(argument, execution, definition_text);
    }
    (void)answered(argument, err);
}

int trial_get(struct trial *t, struct store *store, const struct execution_id *id)
{
    begin(t);
    store_execution_get(store, id, on_get, t);
    return await(t);
}

static void on_list(void *argument, const struct store_execution *executions, uint32_t count,
                    const struct exo_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        on_execution(argument, &executions[i], (struct span){NULL, 0});
    }
    (void)answered(argument, err);
}

int trial_list(struct trial *t, struct store *store, const struct store_query *query)
{
    begin(t);
    store_execution_list(store, query, on_list, t);
    return await(t);
}

void trial_on_runs(void *argument, const struct store_run *runs, uint32_t count,
                   const struct exo_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        on_run(argument, &runs[i]);
    }
    (void)answered(argument, err);
}

void trial_on_pages(void *argument, const struct store_page *pages, uint32_t count,
                    const struct exo_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        on_page(argument, &pages[i]);
    }
    (void)answered(argument, err);
}

void trial_on_segments(void *argument, const struct store_segment *segments, uint32_t count,
                       const struct exo_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        on_segment(argument, &segments[i]);
    }
    (void)answered(argument, err);
}

void trial_on_journal(void *argument, const struct store_journal_row *rows, uint32_t count,
                      uint64_t oldest_batch, const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    t->oldest_batch = oldest_batch;
    for (uint32_t i = 0; i < count; i++) {
        struct store_journal_row *row =
            one_more(t->journal, &t->journal_count, sizeof(*row), (void **)&t->journal);

        *row = rows[i];
        row->body = keep(t, rows[i].body);
    }
}

void trial_on_known(void *argument, const bool *is_known, const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    if (is_known != NULL) {
        memcpy(t->is_known, is_known, 3 * sizeof(*is_known)); /* stories ask for at least 3 */
    }
}

static void on_key(void *argument, const struct execution_id *id, const struct digest *body,
                   const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    if (err == NULL) {
        t->key_id = *id;
        t->key_body = *body;
    }
}

int trial_key(struct trial *t, struct store *store, const char *key, const struct execution_id *id,
              const struct digest *body)
{
    begin(t);
    store_key_put(store, "project", key, id, body, on_key, t);
    return await(t);
}

int trial_blob_put(struct trial *t, struct store *store, const struct digest *digest,
                   struct span bytes)
{
    begin(t);
    store_blob_put(store, digest, bytes, trial_on_done, t);
    return await(t);
}

static void on_blob(void *argument, struct span bytes, const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    t->blob = keep(t, err == NULL ? bytes : (struct span){NULL, 0});
}

int trial_blob_get(struct trial *t, struct store *store, const struct digest *digest)
{
    begin(t);
    store_blob_get(store, digest, on_blob, t);
    return await(t);
}

static void on_letters(void *argument, const struct store_dead_letter_row *rows, uint32_t count,
                       const struct exo_error *err)
{
    struct trial *t = answered(argument, err);

    for (uint32_t i = 0; i < count; i++) {
        struct store_dead_letter_row *row =
            one_more(t->letters, &t->letter_count, sizeof(*row), (void **)&t->letters);

        *row = rows[i];
        row->letter.topic = keep_text(t, rows[i].letter.topic);
        row->letter.reason = keep_text(t, rows[i].letter.reason);
        row->letter.key = keep(t, rows[i].letter.key);
        row->letter.value = keep(t, rows[i].letter.value);
    }
}

int trial_letters(struct trial *t, struct store *store, int64_t after, uint32_t limit)
{
    begin(t);
    store_dead_letter_list(store, after, limit, on_letters, t);
    return await(t);
}

/* ---- what most stories begin with ---- */

struct store_shard trial_own(struct trial *t, struct store *store, uint32_t shard,
                             const char *process)
{
    struct store_lease_round round = {.process = process};

    assert_int_equal(trial_round(t, store, &round), 0);
    struct store_lease seen = t->leases[shard];

    if (strcmp(seen.owner, process) != 0) {
        round.takes = &seen;
        round.take_count = 1;
        assert_int_equal(trial_round(t, store, &round), 0);
    }
    assert_string_equal(t->leases[shard].owner, process);
    assert_int_equal(trial_take(t, store, shard, process), 0);
    return t->shard;
}

struct store_batch trial_batch(const struct store_shard *shard)
{
    return (struct store_batch){
        .shard = shard->shard,
        .epoch = shard->epoch,
        .previous = shard->batch,
        .next = shard->batch + 1,
        .now_ns = shard->now_ns + 1,
        .inputs = {shard->inputs[0], shard->inputs[1]},
        .event_batch = shard->event_batch,
        .extra = shard->extra,
    };
}

struct store_execution trial_execution(const struct store_batch *batch, uint32_t number)
{
    struct store_execution e = {
        .shard = batch->shard,
        .project = "licences",
        .cluster = "licences/words",
        .state = "RUNNING",
        .epoch = batch->epoch,
        .batch = batch->next,
        .submitted_ns = 1700000000000000000 + number,
        .started_ns = 1700000001000000000,
        .deadline_ns = 1700000002000000000,
        .priority = -7,
        .labels = span_of("{\"team\": \"research\"}"),
        .input = span_of("{\"top\":20}"),
        .body = span_of("body with \x01\xff bytes"),
    };

    memcpy(e.id.bytes, "execution", 9);
    for (int i = 0; i < 4; i++) {
        e.id.bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    }
    memset(e.definition.bytes, 0xd1, sizeof(e.definition.bytes));
    return e;
}
