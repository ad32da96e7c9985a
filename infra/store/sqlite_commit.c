#include "infra/store/sqlite_store.h"

#include <assert.h>
#include <stddef.h>

struct commit_op {
    struct op op;
    struct commit_entry entry;
    struct store_result result;
    store_commit_done *done;
};

static int put_fence(struct commit_op *op, struct sqlite_connection *connection,
                     const struct store_batch *batch, struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE shard SET batch = ?4, now_ns = ?5, jobs_offset = ?6, "
                   "jobs_checksum = ?7, status_offset = ?8, status_checksum = ?9, "
                   "event_batch = ?10, extra = ?11 "
                   "WHERE shard = ?1 AND epoch = ?2 AND batch = ?3",
                   err);

    if (statement == NULL) {
        return -1;
    }
    const int64_t numbers[] = {
        batch->shard,
        (int64_t)batch->epoch,
        (int64_t)batch->previous,
        (int64_t)batch->next,
        batch->now_ns,
        batch->inputs[0].offset,
        batch->inputs[0].checksum,
        batch->inputs[1].offset,
        batch->inputs[1].checksum,
        (int64_t)batch->event_batch,
    };
    for (int i = 0; i < 10; i++) {
        sqlite_bind_int(statement, i + 1, numbers[i]);
    }
    sqlite_bind_bytes(statement, 11, batch->extra);
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    if (sqlite_changes(connection) != 1) {
        op->result.verdict = STORE_FENCED;
        op->result.fenced_shard = batch->shard;
        return exo_error_set(err, EXO_EFENCED, "shard %u has moved on from epoch %llu, batch %llu",
                             batch->shard, (unsigned long long)batch->epoch,
                             (unsigned long long)batch->previous);
    }
    return 0;
}

static int put_definitions(struct sqlite_connection *connection, const struct store_batch *batch,
                           struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->definition_count; i++) {
        struct sqlite_statement *statement = sqlite_use(
            connection, "INSERT INTO definition VALUES (?1, ?2) ON CONFLICT DO NOTHING", err);

        if (statement == NULL) {
            return -1;
        }
        bind_digest(statement, 1, &batch->definitions[i].digest);
        sqlite_bind_bytes(statement, 2, batch->definitions[i].text);
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_insert(struct sqlite_connection *connection, const struct store_execution *e,
                      struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "INSERT INTO execution VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                   "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
                   err);

    if (statement == NULL) {
        return -1;
    }
    const int64_t numbers[] = {e->shard,          e->is_terminal,    e->priority,
                               (int64_t)e->epoch, (int64_t)e->batch, e->submitted_ns,
                               e->started_ns,     e->ended_ns,       e->deadline_ns};

    bind_id(statement, 1, &e->id);
    for (int i = 0; i < 9; i++) {
        sqlite_bind_int(statement, 2 + i, numbers[i]);
    }
    sqlite_bind_text(statement, 11, span_of(e->project));
    sqlite_bind_text(statement, 12, span_of(e->cluster));
    sqlite_bind_text(statement, 13, span_of(e->state));
    bind_digest(statement, 14, &e->definition);
    sqlite_bind_text(statement, 15, e->labels);
    sqlite_bind_bytes(statement, 16, e->input);
    sqlite_bind_bytes(statement, 17, e->output);
    sqlite_bind_bytes(statement, 18, e->output_ref);
    sqlite_bind_text(statement, 19, e->error);
    sqlite_bind_bytes(statement, 20, e->body);
    return sqlite_run(statement, err);
}

static int put_update(struct commit_op *op, struct sqlite_connection *connection,
                      const struct store_execution *e, struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE execution SET is_terminal = ?2, epoch = ?3, batch = ?4, "
                   "started_ns = ?5, ended_ns = ?6, deadline_ns = ?7, state = ?8, output = ?9, "
                   "output_ref = ?10, error = ?11, body = ?12 WHERE id = ?1",
                   err);

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, &e->id);
    sqlite_bind_int(statement, 2, e->is_terminal);
    sqlite_bind_int(statement, 3, (int64_t)e->epoch);
    sqlite_bind_int(statement, 4, (int64_t)e->batch);
    sqlite_bind_int(statement, 5, e->started_ns);
    sqlite_bind_int(statement, 6, e->ended_ns);
    sqlite_bind_int(statement, 7, e->deadline_ns);
    sqlite_bind_text(statement, 8, span_of(e->state));
    sqlite_bind_bytes(statement, 9, e->output);
    sqlite_bind_bytes(statement, 10, e->output_ref);
    sqlite_bind_text(statement, 11, e->error);
    sqlite_bind_bytes(statement, 12, e->body);
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    if (sqlite_changes(connection) != 1) {
        char text[EXECUTION_ID_TEXT_BYTES + 1];

        op->result.verdict = STORE_REFUSED;
        execution_id_format(&e->id, text);
        return exo_error_set(err, EXO_ECONFLICT, "execution %s does not exist", text);
    }
    return 0;
}

static int put_executions(struct commit_op *op, struct sqlite_connection *connection,
                          const struct store_batch *batch, struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->insert_count; i++) {
        if (put_insert(connection, &batch->inserts[i], err) < 0) {
            op->result.is_duplicate = sqlite_is_duplicate(err);
            return -1;
        }
    }
    for (uint32_t i = 0; i < batch->update_count; i++) {
        if (put_update(op, connection, &batch->updates[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_spanning(struct sqlite_connection *connection, const struct store_batch *batch,
                        struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->spanning_count; i++) {
        const struct store_spanning *spanning = &batch->spanning[i];
        bool is_drop = spanning->body.bytes == 0;
        struct sqlite_statement *statement = sqlite_use(
            connection,
            is_drop ? "DELETE FROM spanning WHERE shard = ?1 AND kind = ?2 AND id = ?3"
                    : "INSERT INTO spanning VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
                      "SET body = excluded.body",
            err);

        if (statement == NULL) {
            return -1;
        }
        sqlite_bind_int(statement, 1, batch->shard);
        sqlite_bind_int(statement, 2, spanning->kind);
        bind_digest(statement, 3, &spanning->id);
        if (!is_drop) {
            sqlite_bind_bytes(statement, 4, spanning->body);
        }
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_runs(struct sqlite_connection *connection, const struct store_batch *batch,
                    struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->run_count; i++) {
        const struct store_run *run = &batch->runs[i];
        struct sqlite_statement *statement =
            sqlite_use(connection,
                       "INSERT INTO group_run VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO "
                       "UPDATE SET number = excluded.number, is_ended = excluded.is_ended, "
                       "body = excluded.body",
                       err);

        if (statement == NULL) {
            return -1;
        }
        bind_id(statement, 1, &run->execution);
        sqlite_bind_int(statement, 2, run->instance);
        sqlite_bind_int(statement, 3, run->index);
        sqlite_bind_int(statement, 4, run->number);
        sqlite_bind_int(statement, 5, run->is_ended);
        sqlite_bind_bytes(statement, 6, run->body);
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_pages(struct sqlite_connection *connection, const struct store_batch *batch,
                     struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->page_count; i++) {
        const struct store_page *page = &batch->pages[i];
        struct sqlite_statement *statement =
            sqlite_use(connection,
                       "INSERT INTO task_page VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE "
                       "SET body = excluded.body",
                       err);

        if (statement == NULL) {
            return -1;
        }
        bind_id(statement, 1, &page->execution);
        sqlite_bind_int(statement, 2, page->instance);
        sqlite_bind_int(statement, 3, page->page);
        sqlite_bind_bytes(statement, 4, page->body);
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_segments(struct sqlite_connection *connection, const struct store_batch *batch,
                        struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->segment_count; i++) {
        const struct store_segment *segment = &batch->segments[i];
        struct sqlite_statement *statement =
            sqlite_use(connection, "INSERT INTO task_output VALUES (?1, ?2, ?3, ?4, ?5, ?6)", err);

        if (statement == NULL) {
            return -1;
        }
        bind_id(statement, 1, &segment->execution);
        sqlite_bind_int(statement, 2, segment->instance);
        sqlite_bind_int(statement, 3, segment->kind);
        sqlite_bind_int(statement, 4, segment->page);
        sqlite_bind_int(statement, 5, (int64_t)segment->part);
        sqlite_bind_bytes(statement, 6, segment->body);
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_references(struct sqlite_connection *connection, const struct store_batch *batch,
                          struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->reference_count; i++) {
        const struct store_reference *reference = &batch->references[i];
        struct sqlite_statement *statement = sqlite_use(
            connection, "INSERT INTO blob_reference VALUES (?1, ?2) ON CONFLICT DO NOTHING", err);

        if (statement == NULL) {
            return -1;
        }
        bind_id(statement, 1, &reference->execution);
        bind_digest(statement, 2, &reference->digest);
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_journal(struct sqlite_connection *connection, const struct store_batch *batch,
                       struct exo_error *err)
{
    if (batch->journal.bytes == 0 && batch->imprint.bytes == 0) {
        return 0;
    }
    struct sqlite_statement *statement =
        sqlite_use(connection, "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6)", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, batch->shard);
    sqlite_bind_int(statement, 2, (int64_t)batch->next);
    sqlite_bind_int(statement, 3, (int64_t)batch->epoch);
    sqlite_bind_int(statement, 4, batch->now_ns);
    sqlite_bind_bytes(statement, 5, batch->journal);
    if (batch->imprint.bytes > 0) {
        sqlite_bind_bytes(statement, 6, batch->imprint);
    }
    return sqlite_run(statement, err);
}

static int put_dead_letters(struct sqlite_connection *connection, const struct store_batch *batch,
                            struct exo_error *err)
{
    for (uint32_t i = 0; i < batch->dead_letter_count; i++) {
        const struct store_dead_letter *letter = &batch->dead_letters[i];
        struct sqlite_statement *statement =
            sqlite_use(connection,
                       "INSERT INTO dead_letter (topic, partition, position, at_ns, reason, key, "
                       "value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                       err);

        if (statement == NULL) {
            return -1;
        }
        sqlite_bind_text(statement, 1, span_of(letter->topic));
        sqlite_bind_int(statement, 2, letter->partition);
        sqlite_bind_int(statement, 3, letter->offset);
        sqlite_bind_int(statement, 4, letter->at_ns);
        sqlite_bind_text(statement, 5, span_of(letter->reason));
        sqlite_bind_bytes(statement, 6, letter->key);
        sqlite_bind_bytes(statement, 7, letter->value);
        if (sqlite_run(statement, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int put_batch(struct commit_op *op, struct sqlite_connection *connection,
                     const struct store_batch *batch, struct exo_error *err)
{
    if ((batch->clears_marker && sqlite_guard_clear(connection, batch->shard, err) < 0) ||
        put_definitions(connection, batch, err) < 0 ||
        put_executions(op, connection, batch, err) < 0 ||
        put_spanning(connection, batch, err) < 0 || put_runs(connection, batch, err) < 0 ||
        put_pages(connection, batch, err) < 0 || put_segments(connection, batch, err) < 0 ||
        put_references(connection, batch, err) < 0 || put_journal(connection, batch, err) < 0) {
        return -1;
    }
    return put_dead_letters(connection, batch, err);
}

static int commit_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct commit_op *op = argument;

    op->result.verdict = STORE_DONE;
    for (uint32_t i = 0; i < op->entry.count; i++) {
        if (put_fence(op, connection, &op->entry.batches[i], err) < 0) {
            goto failed;
        }
    }
    for (uint32_t i = 0; i < op->entry.count; i++) {
        if (put_batch(op, connection, &op->entry.batches[i], err) < 0) {
            goto failed;
        }
    }
    op->result.database_now_ns = clock_wall_ns();
    return 0;

failed:
    if (op->result.verdict == STORE_DONE) {
        op->result.verdict = sqlite_is_refused(err) ? STORE_REFUSED : STORE_FAILED;
    }
    return -1;
}

static void start_commits(struct sqlite_store *store);

static struct commit_op *op_of(struct commit_entry *entry)
{
    return (struct commit_op *)((char *)entry - offsetof(struct commit_op, entry));
}

static void tell(struct commit_op *op)
{
    op->done(op->op.argument, &op->result);
    op_free(&op->op);
}

/* Tells a list of void commits, newest first in the list, in the order they came. */
static void tell_lost(struct commit_entry *lost)
{
    struct commit_entry *oldest = NULL;

    while (lost != NULL) {
        struct commit_entry *next = lost->next;

        lost->next = oldest;
        oldest = lost;
        lost = next;
    }
    while (oldest != NULL) {
        struct commit_op *op = op_of(oldest);

        oldest = oldest->next;
        op->result.verdict = STORE_FAILED;
        (void)exo_error_set(&op->result.err, EXO_EUNAVAILABLE,
                            "an earlier commit of the same shard did not succeed");
        tell(op);
    }
}

static void commit_done(void *argument, const struct exo_error *err)
{
    struct commit_op *op = argument;
    struct sqlite_store *store = op->op.store;
    struct commit_entry *lost = NULL, *entry;

    if (err != NULL) {
        op->result.err = *op_error(&op->op, err);
        if (op->result.verdict == STORE_DONE) { /* it was its group that failed */
            op->result.verdict = err->code == EXO_EUNKNOWN ? STORE_UNKNOWN : STORE_FAILED;
        }
    }
    commit_queue_finish(&store->commits, &op->entry, op->result.verdict == STORE_DONE);
    while ((entry = commit_queue_void(&store->commits)) != NULL) {
        entry->next = lost;
        lost = entry;
    }
    start_commits(store);
    tell(op);
    tell_lost(lost);
}

static void start_commits(struct sqlite_store *store)
{
    struct commit_entry *entry;

    while ((entry = commit_queue_next(&store->commits, false)) != NULL) {
        op_write(&op_of(entry)->op, commit_job, commit_done);
    }
}

void sqlite_store_commit(struct store *store, const struct store_batch *batches, uint32_t count,
                         store_commit_done *done, void *argument)
{
    struct commit_op *op = op_new(store, sizeof(*op), argument);

    op->entry.batches = batches;
    op->entry.count = count;
    op->done = done;
    commit_queue_push(&op->op.store->commits, &op->entry);
    start_commits(op->op.store);
}
