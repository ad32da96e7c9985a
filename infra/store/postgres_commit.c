#include "infra/store/postgres_store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* A commit is one pipeline: BEGIN, fence, rows by kind, COMMIT. Kinds without rows are left out;
 * the rows of all batches of a kind go as one statement of arrays. */
struct commit_op {
    struct pg_op op;
    struct commit_entry entry;
    store_commit_done *done;
    bool is_committed; /* the tag was COMMIT */
    bool is_strange;   /* to the connection that it would have gone on; nothing was sent */
    exo_time now_ns;
};

static const uint8_t COMMIT_STATEMENTS[] = {
    SQL_BEGIN,      SQL_FENCE,        SQL_DEFINITIONS,   SQL_INSERTS,     SQL_UPDATES, SQL_LIVE_PUT,
    SQL_LIVE_DROP,  SQL_SPANNING_PUT, SQL_SPANNING_DROP, SQL_RUNS,        SQL_PAGES,   SQL_SEGMENTS,
    SQL_REFERENCES, SQL_JOURNAL,      SQL_DEAD_LETTERS,  SQL_GUARD_CLEAR, SQL_COMMIT,
};

enum { FENCE_STEP = 1 };

/* For every batch, and for every row of a kind of it.
 * NOLINTBEGIN(bugprone-macro-parentheses): b and row are declared here */
#define FOR_BATCHES(op, b)                                                                         \
    for (const struct store_batch *b = (op)->entry.batches;                                        \
         b < (op)->entry.batches + (op)->entry.count; b++)
#define FOR_ROWS(type, row, rows, count)                                                           \
    for (const struct type *row = (rows); row < (rows) + (count); row++)
/* NOLINTEND(bugprone-macro-parentheses) */

/* An array parameter of one number of every batch. */
#define BATCH_NUMBERS(op, params, value)                                                           \
    do {                                                                                           \
        params_array(params, TYPE_INT8, (op)->entry.count);                                        \
        FOR_BATCHES(op, b)                                                                         \
        {                                                                                          \
            array_int8(params, (int64_t)(value));                                                  \
        }                                                                                          \
        params_array_end(params);                                                                  \
    } while (0)

/* An array parameter of one column of the rows of a kind, over all batches. */
#define COLUMN(op, params, type, count_total, kind, rows, counts, append)                          \
    do {                                                                                           \
        params_array(params, type, count_total);                                                   \
        FOR_BATCHES(op, b)                                                                         \
        {                                                                                          \
            FOR_ROWS(kind, r, b->rows, b->counts)                                                  \
            {                                                                                      \
                append;                                                                            \
            }                                                                                      \
        }                                                                                          \
        params_array_end(params);                                                                  \
    } while (0)

static void send_fence(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);

    params_array(p, TYPE_INT4, op->entry.count);
    FOR_BATCHES(op, b)
    {
        array_int4(p, (int32_t)b->shard);
    }
    params_array_end(p);
    BATCH_NUMBERS(op, p, b->epoch);
    BATCH_NUMBERS(op, p, b->previous);
    BATCH_NUMBERS(op, p, b->next);
    BATCH_NUMBERS(op, p, b->now_ns);
    BATCH_NUMBERS(op, p, b->inputs[0].offset);
    BATCH_NUMBERS(op, p, b->inputs[0].checksum);
    BATCH_NUMBERS(op, p, b->inputs[1].offset);
    BATCH_NUMBERS(op, p, b->inputs[1].checksum);
    BATCH_NUMBERS(op, p, b->event_batch);
    params_array(p, TYPE_BYTEA, op->entry.count);
    FOR_BATCHES(op, b)
    {
        array_bytes(p, b->extra);
    }
    params_array_end(p);
    link_send(link, SQL_FENCE, p);
}

static void send_definitions(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->definition_count;
    }
    if (count == 0) {
        return;
    }
    COLUMN(op, p, TYPE_BYTEA, count, store_definition, definitions, definition_count,
           array_bytes(p, digest_span(&r->digest)));
    COLUMN(op, p, TYPE_BYTEA, count, store_definition, definitions, definition_count,
           array_bytes(p, r->text));
    link_send(link, SQL_DEFINITIONS, p);
}

#define INSERTS(type, append)                                                                      \
    COLUMN(op, p, type, count, store_execution, inserts, insert_count, append)

static void send_inserts(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->insert_count;
    }
    if (count == 0) {
        return;
    }
    INSERTS(TYPE_UUID, array_bytes(p, id_span(&r->id)));
    INSERTS(TYPE_INT4, array_int4(p, (int32_t)r->shard));
    INSERTS(TYPE_INT4, array_int4(p, r->priority));
    INSERTS(TYPE_INT8, array_int8(p, (int64_t)r->epoch));
    INSERTS(TYPE_INT8, array_int8(p, (int64_t)r->batch));
    INSERTS(TYPE_INT8, array_int8(p, r->submitted_ns));
    INSERTS(TYPE_INT8, array_int8(p, r->started_ns));
    INSERTS(TYPE_INT8, array_int8(p, r->ended_ns));
    INSERTS(TYPE_INT8, array_int8(p, r->deadline_ns));
    INSERTS(TYPE_BOOL, array_bool(p, r->is_terminal));
    INSERTS(TYPE_TEXT, array_bytes(p, span_of(r->state)));
    INSERTS(TYPE_TEXT, array_bytes(p, span_of(r->project)));
    INSERTS(TYPE_TEXT, array_bytes(p, span_of(r->cluster)));
    INSERTS(TYPE_BYTEA, array_bytes(p, digest_span(&r->definition)));
    INSERTS(TYPE_JSON, array_optional(p, r->labels));
    INSERTS(TYPE_BYTEA, array_optional(p, r->input));
    INSERTS(TYPE_BYTEA, array_optional(p, r->output));
    INSERTS(TYPE_BYTEA, array_optional(p, r->output_ref));
    INSERTS(TYPE_TEXT, array_optional(p, r->error));
    INSERTS(TYPE_BYTEA, array_optional(p, r->body));
    link_send(link, SQL_INSERTS, p);
}

#define UPDATES(type, append)                                                                      \
    COLUMN(op, p, type, count, store_execution, updates, update_count, append)

static void send_updates(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->update_count;
    }
    if (count == 0) {
        return;
    }
    UPDATES(TYPE_UUID, array_bytes(p, id_span(&r->id)));
    UPDATES(TYPE_INT8, array_int8(p, (int64_t)r->epoch));
    UPDATES(TYPE_INT8, array_int8(p, (int64_t)r->batch));
    UPDATES(TYPE_INT8, array_int8(p, r->started_ns));
    UPDATES(TYPE_INT8, array_int8(p, r->ended_ns));
    UPDATES(TYPE_INT8, array_int8(p, r->deadline_ns));
    UPDATES(TYPE_BOOL, array_bool(p, r->is_terminal));
    UPDATES(TYPE_TEXT, array_bytes(p, span_of(r->state)));
    UPDATES(TYPE_BYTEA, array_optional(p, r->output));
    UPDATES(TYPE_BYTEA, array_optional(p, r->output_ref));
    UPDATES(TYPE_TEXT, array_optional(p, r->error));
    UPDATES(TYPE_BYTEA, array_optional(p, r->body));
    link_send(link, SQL_UPDATES, p);
}

/* Rows of live_execution to put or to drop: inserts and updates, by whether they have ended. */
static bool is_live_change(const struct store_execution *e, bool is_insert, bool is_drop)
{
    return e->is_terminal == is_drop && !(is_insert && is_drop);
}

/* Calls array_int4 (with shards) or array_bytes (with ids) for every row; gives how many. */
static uint32_t each_live(const struct commit_op *op, bool is_drop, struct postgres_params *p,
                          enum postgres_type type)
{
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        for (uint32_t i = 0; i < b->insert_count + b->update_count; i++) {
            bool is_insert = i < b->insert_count;
            const struct store_execution *e =
                is_insert ? &b->inserts[i] : &b->updates[i - b->insert_count];

            if (!is_live_change(e, is_insert, is_drop)) {
                continue;
            }
            count++;
            if (type == TYPE_INT4) {
                array_int4(p, (int32_t)b->shard);
            } else if (type == TYPE_UUID) {
                array_bytes(p, id_span(&e->id));
            }
        }
    }
    return count;
}

static void send_live(const struct commit_op *op, struct postgres_link *link, bool is_drop)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = each_live(op, is_drop, p, TYPE_BOOL);

    if (count == 0) {
        return;
    }
    params_array(p, TYPE_INT4, count);
    (void)each_live(op, is_drop, p, TYPE_INT4);
    params_array_end(p);
    params_array(p, TYPE_UUID, count);
    (void)each_live(op, is_drop, p, TYPE_UUID);
    params_array_end(p);
    link_send(link, is_drop ? SQL_LIVE_DROP : SQL_LIVE_PUT, p);
}

/* Of the rows to put or of those to drop. */
#define SPANNING(type, append)                                                                     \
    COLUMN(op, p, type, count, store_spanning, spanning, spanning_count,                           \
           (r->body.bytes == 0) == is_drop ? (append) : (void)0)

static void send_spanning(const struct commit_op *op, struct postgres_link *link, bool is_drop)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        FOR_ROWS(store_spanning, r, b->spanning, b->spanning_count)
        {
            count += (r->body.bytes == 0) == is_drop;
        }
    }
    if (count == 0) {
        return;
    }
    SPANNING(TYPE_INT4, array_int4(p, (int32_t)b->shard));
    SPANNING(TYPE_INT4, array_int4(p, (int32_t)r->kind));
    SPANNING(TYPE_BYTEA, array_bytes(p, digest_span(&r->id)));
    if (!is_drop) {
        SPANNING(TYPE_BYTEA, array_bytes(p, r->body));
    }
    link_send(link, is_drop ? SQL_SPANNING_DROP : SQL_SPANNING_PUT, p);
}

#define RUNS(type, append) COLUMN(op, p, type, count, store_run, runs, run_count, append)

static void send_runs(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->run_count;
    }
    if (count == 0) {
        return;
    }
    RUNS(TYPE_UUID, array_bytes(p, id_span(&r->execution)));
    RUNS(TYPE_INT8, array_int8(p, r->instance));
    RUNS(TYPE_INT8, array_int8(p, r->index));
    RUNS(TYPE_INT8, array_int8(p, r->number));
    RUNS(TYPE_BOOL, array_bool(p, r->is_ended));
    RUNS(TYPE_BYTEA, array_bytes(p, r->body));
    link_send(link, SQL_RUNS, p);
}

#define PAGES(type, append) COLUMN(op, p, type, count, store_page, pages, page_count, append)

static void send_pages(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->page_count;
    }
    if (count == 0) {
        return;
    }
    PAGES(TYPE_UUID, array_bytes(p, id_span(&r->execution)));
    PAGES(TYPE_INT8, array_int8(p, r->instance));
    PAGES(TYPE_INT8, array_int8(p, r->page));
    PAGES(TYPE_BYTEA, array_bytes(p, r->body));
    link_send(link, SQL_PAGES, p);
}

#define REFERENCES(type, append)                                                                   \
    COLUMN(op, p, type, count, store_reference, references, reference_count, append)

static void send_references(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->reference_count;
    }
    if (count == 0) {
        return;
    }
    REFERENCES(TYPE_UUID, array_bytes(p, id_span(&r->execution)));
    REFERENCES(TYPE_BYTEA, array_bytes(p, digest_span(&r->digest)));
    link_send(link, SQL_REFERENCES, p);
}

#define SEGMENTS(type, append)                                                                     \
    COLUMN(op, p, type, count, store_segment, segments, segment_count, append)

static void send_segments(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->segment_count;
    }
    if (count == 0) {
        return;
    }
    SEGMENTS(TYPE_UUID, array_bytes(p, id_span(&r->execution)));
    SEGMENTS(TYPE_INT8, array_int8(p, r->instance));
    SEGMENTS(TYPE_INT8, array_int8(p, r->kind));
    SEGMENTS(TYPE_INT8, array_int8(p, r->page));
    SEGMENTS(TYPE_INT8, array_int8(p, (int64_t)r->part));
    SEGMENTS(TYPE_BYTEA, array_bytes(p, r->body));
    link_send(link, SQL_SEGMENTS, p);
}

static bool has_journal(const struct store_batch *batch)
{
    return batch->journal.bytes != 0 || batch->imprint.bytes != 0;
}

/* One row at most of each batch, so an array of the batches that have one. */
#define JOURNALS(type, append)                                                                     \
    do {                                                                                           \
        params_array(p, type, count);                                                              \
        FOR_BATCHES(op, b)                                                                         \
        {                                                                                          \
            if (has_journal(b)) {                                                                  \
                append;                                                                            \
            }                                                                                      \
        }                                                                                          \
        params_array_end(p);                                                                       \
    } while (0)

static void send_journal(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += has_journal(b);
    }
    if (count == 0) {
        return;
    }
    JOURNALS(TYPE_INT4, array_int4(p, (int32_t)b->shard));
    JOURNALS(TYPE_INT8, array_int8(p, (int64_t)b->next));
    JOURNALS(TYPE_INT8, array_int8(p, (int64_t)b->epoch));
    JOURNALS(TYPE_INT8, array_int8(p, b->now_ns));
    JOURNALS(TYPE_BYTEA, array_bytes(p, b->journal));
    JOURNALS(TYPE_BYTEA, array_optional(p, b->imprint));
    link_send(link, SQL_JOURNAL, p);
}

#define LETTERS(type, append)                                                                      \
    COLUMN(op, p, type, count, store_dead_letter, dead_letters, dead_letter_count, append)

static void send_dead_letters(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->dead_letter_count;
    }
    if (count == 0) {
        return;
    }
    LETTERS(TYPE_TEXT, array_bytes(p, span_of(r->topic)));
    LETTERS(TYPE_INT8, array_int8(p, r->partition));
    LETTERS(TYPE_INT8, array_int8(p, r->offset));
    LETTERS(TYPE_INT8, array_int8(p, r->at_ns));
    LETTERS(TYPE_TEXT, array_bytes(p, span_of(r->reason)));
    LETTERS(TYPE_BYTEA, array_bytes(p, r->key));
    LETTERS(TYPE_BYTEA, array_bytes(p, r->value));
    link_send(link, SQL_DEAD_LETTERS, p);
}

/* Seldom: only while crashes are looked into. */
static void send_guard_clear(const struct commit_op *op, struct postgres_link *link)
{
    struct postgres_params *p = link_params(link);
    uint32_t count = 0;

    FOR_BATCHES(op, b)
    {
        count += b->clears_marker;
    }
    if (count == 0) {
        return;
    }
    params_array(p, TYPE_INT4, count);
    FOR_BATCHES(op, b)
    {
        if (b->clears_marker) {
            array_int4(p, (int32_t)b->shard);
        }
    }
    params_array_end(p);
    link_send(link, SQL_GUARD_CLEAR, p);
}

/* Whether all shards were taken on this connection. */
static bool is_at_home(const struct commit_op *op, const struct postgres_link *link)
{
    FOR_BATCHES(op, b)
    {
        if (b->connection != 0 && b->connection != postgres_link_connection(link)) {
            return false;
        }
    }
    return true;
}

static void commit_send(struct link_request *request, struct postgres_link *link)
{
    struct commit_op *op = (struct commit_op *)request;

    op->is_strange = !is_at_home(op, link);
    if (op->is_strange) {
        return;
    }
    link_send(link, SQL_BEGIN, link_params(link));
    send_fence(op, link);
    send_definitions(op, link);
    send_inserts(op, link);
    send_updates(op, link);
    send_live(op, link, false);
    send_live(op, link, true);
    send_spanning(op, link, false);
    send_spanning(op, link, true);
    send_runs(op, link);
    send_pages(op, link);
    send_segments(op, link);
    send_references(op, link);
    send_journal(op, link);
    send_dead_letters(op, link);
    send_guard_clear(op, link);
    link_send(link, SQL_COMMIT, link_params(link));
}

static void commit_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct commit_op *op = (struct commit_op *)request;

    if (step == FENCE_STEP) {
        op->now_ns = pg_time_ns(result, 0, 0);
    }
    /* An aborted transaction answers COMMIT with ROLLBACK, without an error. */
    if (strcmp(PQcmdStatus((PGresult *)(uintptr_t)result), "COMMIT") == 0) {
        op->is_committed = true;
    }
}

/* ---- verdicts ---- */

static void judge_error(const struct link_failure *failure, struct store_result *result)
{
    const char *state = failure->sqlstate;

    if (strcmp(state, "EX001") == 0) {
        result->verdict = STORE_FENCED;
        result->fenced_shard = (uint32_t)strtoul(failure->detail, NULL, 10);
    } else if (strncmp(state, "21", 2) == 0 || strncmp(state, "22", 2) == 0 ||
               strncmp(state, "23", 2) == 0 || strcmp(state, "EX002") == 0) {
        result->verdict = STORE_REFUSED;
        result->is_duplicate =
            strcmp(state, "23505") == 0 && strcmp(failure->constraint, "execution_pkey") == 0;
    } else {
        result->verdict = STORE_FAILED; /* a fatal error would have ended as LINK_LOST */
    }
}

static void judge(const struct commit_op *op, enum link_outcome outcome,
                  const struct link_failure *failure, struct store_result *ret_result)
{
    *ret_result = (struct store_result){.verdict = STORE_DONE, .database_now_ns = op->now_ns};
    if (op->is_committed) {
        return; /* the tag was COMMIT: whatever happened beside it */
    }
    ret_result->database_now_ns = 0;
    switch (outcome) {
    case LINK_DONE:
        ret_result->verdict = STORE_FAILED;
        (void)exo_error_set(&ret_result->err, EXO_EUNAVAILABLE, "%s",
                            op->is_strange ? "the connection is another than the shard was taken on"
                                           : "Postgres rolled the transaction back");
        return;
    case LINK_ERROR:
        judge_error(failure, ret_result);
        break;
    case LINK_LOST:
        ret_result->verdict = STORE_UNKNOWN;
        break;
    case LINK_UNSENT:
        ret_result->verdict = STORE_FAILED;
        break;
    }
    (void)link_error(outcome, failure, &ret_result->err);
}

static void start_commits(struct postgres_store *store);

static struct commit_op *op_of(struct commit_entry *entry)
{
    return (struct commit_op *)((char *)entry - offsetof(struct commit_op, entry));
}

/* Takes the commits marked void out of the queue, oldest first. */
static struct commit_entry *take_void(struct commit_queue *queue)
{
    struct commit_entry *first = NULL, **end = &first, *entry;

    while ((entry = commit_queue_void(queue)) != NULL) {
        *end = entry;
        end = &entry->next;
    }
    return first;
}

static void commit_end(struct link_request *request, enum link_outcome outcome,
                       const struct link_failure *failure)
{
    struct commit_op *op = (struct commit_op *)request;
    struct postgres_store *store = op->op.store;
    struct store_result result;

    judge(op, outcome, failure, &result);
    if (result.verdict != STORE_DONE) {
        (void)pg_error(store, &result.err);
    }
    commit_queue_finish(&store->queue, &op->entry, result.verdict == STORE_DONE);
    struct commit_entry *lost = take_void(&store->queue);

    start_commits(store);
    op->done(op->op.argument, &result);
    pg_op_free(&op->op);
    while (lost != NULL) {
        struct commit_op *void_op = op_of(lost);
        struct store_result void_result = {.verdict = STORE_FAILED};

        lost = lost->next;
        (void)exo_error_set(&void_result.err, EXO_EUNAVAILABLE,
                            "an earlier commit of the same shard did not succeed");
        void_op->done(void_op->op.argument, &void_result);
        pg_op_free(&void_op->op);
    }
}

static void start_commits(struct postgres_store *store)
{
    struct commit_entry *entry;

    while ((entry = commit_queue_next(&store->queue, true)) != NULL) {
        pg_op_ask(&op_of(entry)->op, store->commits, COMMIT_STATEMENTS, sizeof(COMMIT_STATEMENTS));
    }
}

void postgres_store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                           store_commit_done *done, void *argument)
{
    struct commit_op *op = pg_op_new(store, sizeof(*op), argument);

    op->entry.batches = batches;
    op->entry.count = count;
    op->done = done;
    op->op.request.send = commit_send;
    op->op.request.result = commit_result;
    op->op.request.end = commit_end;
    commit_queue_push(&op->op.store->queue, &op->entry);
    start_commits(op->op.store);
}
