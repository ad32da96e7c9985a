#include "infra/store/postgres_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OP_BYTES_MAX = 256 << 20, READER_DEPTH = 8 };

static const char SETUP_LEASES[] =
    "SELECT set_config('synchronous_commit', 'on', false), "
    "set_config('idle_in_transaction_session_timeout', '3s', false), "
    "set_config('statement_timeout', '2s', false), set_config('jit', 'off', false)";
static const char SETUP_READERS[] =
    "SELECT set_config('synchronous_commit', 'on', false), "
    "set_config('idle_in_transaction_session_timeout', '3s', false), "
    "set_config('statement_timeout', '10s', false), "
    "set_config('enable_hashjoin', 'off', false), "
    "set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false)";

/* ---- frames of requests ---- */

static void op_end(struct link_request *request, enum link_outcome outcome,
                   const struct link_failure *failure)
{
    struct pg_op *op = (struct pg_op *)request;
    struct exo_error err;
    const struct exo_error *cause = NULL;

    if (outcome != LINK_DONE) {
        cause = link_error(outcome, failure, &err);
    } else if (op->is_full) {
        (void)exo_error_set(&err, EXO_ELIMIT, "the answer is larger than %d MiB: ask for less",
                            OP_BYTES_MAX >> 20);
        cause = &err;
    }
    op->done(op, pg_error(op->store, cause));
    pg_op_free(op);
}

void *pg_op_new(struct store *store, size_t bytes, void *argument)
{
    struct pg_op *op = calloc(1, bytes);

    if (op == NULL) {
        abort();
    }
    op->store = (struct postgres_store *)store;
    op->budget.limit_bytes = OP_BYTES_MAX;
    arena_init(&op->arena, allocator_heap(&op->budget), 0);
    op->argument = argument;
    op->request.end = op_end;
    return op;
}

void pg_op_free(struct pg_op *op)
{
    arena_release(&op->arena);
    free(op->rows);
    free(op);
}

void pg_op_ask(struct pg_op *op, struct postgres_link *link, const uint8_t *statements,
               uint32_t statement_count)
{
    op->request.statements = statements;
    op->request.statement_count = statement_count;
    postgres_link_ask(link, &op->request);
}

void pg_op_read(struct pg_op *op, const uint8_t *statements, uint32_t statement_count)
{
    struct postgres_store *store = op->store;
    struct postgres_link *best = store->readers[0];

    for (uint32_t i = 1; i < store->reader_count; i++) {
        struct postgres_link *link = store->readers[i];
        bool is_better = postgres_link_is_up(link) == postgres_link_is_up(best)
                             ? postgres_link_load(link) < postgres_link_load(best)
                             : postgres_link_is_up(link);

        best = is_better ? link : best;
    }
    pg_op_ask(op, best, statements, statement_count);
}

void *pg_op_row(struct pg_op *op, size_t row_bytes)
{
    if (op->row_count == op->row_capacity) {
        uint32_t capacity = op->row_capacity == 0 ? 16 : op->row_capacity * 2;
        void *moved =
            capacity * row_bytes > OP_BYTES_MAX ? NULL : realloc(op->rows, capacity * row_bytes);

        if (moved == NULL) {
            op->is_full = true;
            return NULL;
        }
        op->rows = moved;
        op->row_capacity = capacity;
    }
    void *row = (char *)op->rows + op->row_count++ * row_bytes;

    memset(row, 0, row_bytes);
    return row;
}

struct span pg_op_copy(struct pg_op *op, struct span bytes)
{
    if (bytes.bytes == 0) {
        return (struct span){NULL, 0};
    }
    struct span copy = arena_copy(&op->arena, bytes);

    if (copy.data == NULL) {
        op->is_full = true;
    }
    return copy;
}

const char *pg_op_text(struct pg_op *op, const char *text)
{
    struct span copy = arena_copy(&op->arena, span_of(text));

    if (copy.data == NULL) {
        op->is_full = true;
        return "";
    }
    return copy.data;
}

const struct exo_error *pg_error(struct postgres_store *store, const struct exo_error *err)
{
    if (err == NULL) {
        return NULL;
    }
    store->last_error = *err;
    return &store->last_error;
}

/* ---- values of results ---- */

int64_t pg_int(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return 0;
    }
    const char *value = PQgetvalue(result, row, column);

    return PQgetlength(result, row, column) == 4 ? postgres_int4(value) : postgres_int8(value);
}

bool pg_bool(const PGresult *result, int row, int column)
{
    return !PQgetisnull(result, row, column) && PQgetvalue(result, row, column)[0] != 0;
}

struct span pg_bytes(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column)) {
        return (struct span){NULL, 0};
    }
    return (struct span){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)};
}

const char *pg_text(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column);
}

static void copy_exactly(void *to, size_t bytes, struct span from)
{
    memset(to, 0, bytes);
    if (from.bytes == bytes) {
        memcpy(to, from.data, bytes);
    }
}

void pg_id(const PGresult *result, int row, int column, struct execution_id *ret_id)
{
    copy_exactly(ret_id->bytes, sizeof(ret_id->bytes), pg_bytes(result, row, column));
}

void pg_digest(const PGresult *result, int row, int column, struct digest *ret_digest)
{
    copy_exactly(ret_digest->bytes, sizeof(ret_digest->bytes), pg_bytes(result, row, column));
}

exo_time pg_time_ns(const PGresult *result, int row, int column)
{
    const exo_time year_2000_s = 946684800;

    return pg_int(result, row, column) * EXO_MICROSECOND + year_2000_s * EXO_SECOND;
}

/* ---- life ---- */

static void postgres_store_close(struct store *store)
{
    struct postgres_store *s = (struct postgres_store *)store;

    s->is_closing = true;
    loop_timer_free(s->retire);
    postgres_link_free(s->commits);
    postgres_link_free(s->leases);
    postgres_link_free(s->migrator);
    for (uint32_t i = 0; i < s->reader_count; i++) {
        postgres_link_free(s->readers[i]);
    }
    assert(s->queue.first == NULL);
    free(s->application);
    free(s->url);
    free(s);
}

/* The first link that is not up, or NULL. */
static const struct postgres_link *missing_link(const struct postgres_store *s)
{
    if (!postgres_link_is_up(s->commits)) {
        return s->commits;
    }
    if (!postgres_link_is_up(s->leases)) {
        return s->leases;
    }
    for (uint32_t i = 0; i < s->reader_count; i++) {
        if (!postgres_link_is_up(s->readers[i])) {
            return s->readers[i];
        }
    }
    return NULL;
}

static bool postgres_store_is_up(const struct store *store)
{
    return missing_link((const struct postgres_store *)store) == NULL;
}

static uint64_t postgres_store_connection(const struct store *store)
{
    return postgres_link_connection(((const struct postgres_store *)store)->commits);
}

static const char *postgres_store_last_error(const struct store *store)
{
    const struct postgres_store *s = (const struct postgres_store *)store;
    const struct postgres_link *missing = missing_link(s);

    return missing != NULL ? postgres_link_trouble(missing) : s->last_error.text;
}

static const struct store_backend postgres_backend = {
    .close = postgres_store_close,
    .is_up = postgres_store_is_up,
    .connection = postgres_store_connection,
    .last_error = postgres_store_last_error,
    .migrate = postgres_store_migrate,
    .schema = postgres_store_schema,
    .lease_round = postgres_store_lease_round,
    .commit = postgres_store_commit,
    .shard_take = postgres_store_shard_take,
    .shard_mark = postgres_store_shard_mark,
    .shard_load = postgres_store_shard_load,
    .execution_get = postgres_store_execution_get,
    .execution_known = postgres_store_execution_known,
    .shard_get = postgres_store_shard_get,
    .execution_list = postgres_store_execution_list,
    .page_get = postgres_store_page_get,
    .run_get = postgres_store_run_get,
    .run_live = postgres_store_run_live,
    .segment_get = postgres_store_segment_get,
    .journal_get = postgres_store_journal_get,
    .key_put = postgres_store_key_put,
    .blob_put = postgres_store_blob_put,
    .blob_get = postgres_store_blob_get,
    .object_begin = postgres_store_object_begin,
    .object_put = postgres_store_object_put,
    .object_touch = postgres_store_object_touch,
    .object_get = postgres_store_object_get,
    .object_claim = postgres_store_object_claim,
    .object_forget = postgres_store_object_forget,
    .blob_collect = postgres_store_blob_collect,
    .result_get = postgres_store_result_get,
    .result_put = postgres_store_result_put,
    .spanning_read = postgres_store_spanning_read,
    .dead_letter_list = postgres_store_dead_letter_list,
    .dead_letter_replayed = postgres_store_dead_letter_replayed,
    .restore_point_begin = postgres_store_restore_point_begin,
    .restore_point_complete = postgres_store_restore_point_complete,
    .restore_point_list = postgres_store_restore_point_list,
    .restore_floors = postgres_store_restore_floors,
    .places = postgres_store_places,
    .journal_drop = postgres_store_journal_drop,
    .old_projects = postgres_store_old_projects,
    .old_list = postgres_store_old_list,
    .definition_drop = postgres_store_definition_drop,
    .execution_drop = postgres_store_execution_drop,
    .imprint_get = postgres_store_imprint_get,
    .snapshot_list = postgres_store_snapshot_list,
    .snapshot_begin = postgres_store_snapshot_begin,
    .snapshot_put = postgres_store_snapshot_put,
    .snapshot_end = postgres_store_snapshot_end,
    .slice_get = postgres_store_slice_get,
    .snapshot_drop = postgres_store_snapshot_drop,
    .letters_drop = postgres_store_letters_drop,
    .rows_read = postgres_store_rows_read,
    .version_put = postgres_store_version_put,
    .version_delete = postgres_store_version_delete,
    .version_read = postgres_store_version_read,
};

static struct postgres_link *open_link(const struct postgres_store *s, const char *purpose,
                                       const char *setup, uint32_t depth, exo_time answer_ns,
                                       struct exo_error *err)
{
    const struct postgres_link_settings settings = {
        .url = s->url,
        .application = s->application,
        .purpose = purpose,
        .setup = setup,
        .depth = depth,
        .answer_ns = answer_ns,
    };

    return postgres_link_new(s->loop, &settings, err);
}

static int open_links(struct postgres_store *s, uint32_t readers, struct exo_error *err)
{
    s->commits = open_link(s, "commits", POSTGRES_SETUP_COMMITS, 1, 10 * EXO_SECOND, err);
    if (s->commits == NULL) {
        return -1;
    }
    s->leases = open_link(s, "leases", SETUP_LEASES, 1, 3 * EXO_SECOND, err);
    if (s->leases == NULL) {
        return -1;
    }
    while (s->reader_count < readers) {
        struct postgres_link *link =
            open_link(s, "reads", SETUP_READERS, READER_DEPTH, 15 * EXO_SECOND, err);

        if (link == NULL) {
            return -1;
        }
        s->readers[s->reader_count++] = link;
    }
    return 0;
}

struct store *postgres_store_open(struct loop *loop, const struct store_settings *settings,
                                  struct exo_error *err)
{
    const char *application = settings->application == NULL ? "exosphere" : settings->application;

    if (settings->url == NULL || settings->url[0] == '\0') {
        (void)exo_error_set(err, EXO_EINVALID, "the Postgres store needs a url: set store.url");
        return NULL;
    }
    if (settings->readers < 1 || settings->readers > POSTGRES_READERS_MAX) {
        (void)exo_error_set(err, EXO_EINVALID,
                            "the Postgres store may have 1 to %d readers, not %u",
                            POSTGRES_READERS_MAX, settings->readers);
        return NULL;
    }
    struct postgres_store *s = calloc(1, sizeof(*s));

    if (s == NULL || (s->url = strdup(settings->url)) == NULL ||
        (s->application = strdup(application)) == NULL) {
        abort(); /* made once at start */
    }
    s->store.backend = &postgres_backend;
    s->loop = loop;
    s->retire = loop_timer_new(loop, postgres_migrator_retire, s);
    if (open_links(s, settings->readers, err) < 0) {
        postgres_store_close(&s->store);
        return NULL;
    }
    return &s->store;
}
