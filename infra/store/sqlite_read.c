#include "infra/store/sqlite_store.h"

#include <assert.h>
#include <string.h>

enum { EXECUTION_HEAD_COLUMNS = 16 };

static int read_spans(struct op *op, struct sqlite_statement *statement, int at,
                      struct span *const *spans, size_t count, struct exo_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (op_copy(op, sqlite_column_bytes(statement, at + (int)i), spans[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int sqlite_read_head(struct op *op, struct sqlite_statement *statement,
                     struct store_execution *ret_execution, struct exo_error *err)
{
    struct store_execution *e = ret_execution;
    struct span *const spans[] = {&e->labels, &e->error};

    column_id(statement, 0, &e->id);
    e->shard = (uint32_t)sqlite_column_int(statement, 1);
    e->is_terminal = sqlite_column_int(statement, 2) != 0;
    e->priority = (int32_t)sqlite_column_int(statement, 3);
    e->epoch = (uint64_t)sqlite_column_int(statement, 4);
    e->batch = (uint64_t)sqlite_column_int(statement, 5);
    e->submitted_ns = sqlite_column_int(statement, 6);
    e->started_ns = sqlite_column_int(statement, 7);
    e->ended_ns = sqlite_column_int(statement, 8);
    e->deadline_ns = sqlite_column_int(statement, 9);
    column_digest(statement, 13, &e->definition);
    if (op_copy_text(op, sqlite_column_text(statement, 10), &e->project, err) < 0 ||
        op_copy_text(op, sqlite_column_text(statement, 11), &e->cluster, err) < 0 ||
        op_copy_text(op, sqlite_column_text(statement, 12), &e->state, err) < 0) {
        return -1;
    }
    return read_spans(op, statement, 14, spans, 2, err);
}

int sqlite_read_all(struct op *op, struct sqlite_statement *statement,
                    struct execution_row *ret_row, struct exo_error *err)
{
    struct store_execution *e = &ret_row->execution;
    struct span *const spans[] = {&e->input, &e->output, &e->output_ref, &e->body,
                                  &ret_row->definition_text};

    if (sqlite_read_head(op, statement, e, err) < 0) {
        return -1;
    }
    return read_spans(op, statement, EXECUTION_HEAD_COLUMNS, spans, 5, err);
}

int sqlite_read_spanning(struct op *op, struct sqlite_statement *statement,
                         struct store_spanning *ret_spanning, struct exo_error *err)
{
    ret_spanning->kind = (uint32_t)sqlite_column_int(statement, 0);
    column_digest(statement, 1, &ret_spanning->id);
    return op_copy(op, sqlite_column_bytes(statement, 2), &ret_spanning->body, err);
}

int sqlite_read_run(struct op *op, struct sqlite_statement *statement, struct store_run *ret_run,
                    struct exo_error *err)
{
    column_id(statement, 0, &ret_run->execution);
    ret_run->instance = (uint32_t)sqlite_column_int(statement, 1);
    ret_run->index = (uint32_t)sqlite_column_int(statement, 2);
    ret_run->number = (uint32_t)sqlite_column_int(statement, 3);
    ret_run->is_ended = sqlite_column_int(statement, 4) != 0;
    return op_copy(op, sqlite_column_bytes(statement, 5), &ret_run->body, err);
}

int sqlite_read_page(struct op *op, struct sqlite_statement *statement, struct store_page *ret_page,
                     struct exo_error *err)
{
    column_id(statement, 0, &ret_page->execution);
    ret_page->instance = (uint32_t)sqlite_column_int(statement, 1);
    ret_page->page = (uint32_t)sqlite_column_int(statement, 2);
    return op_copy(op, sqlite_column_bytes(statement, 3), &ret_page->body, err);
}

int sqlite_read_segment(struct op *op, struct sqlite_statement *statement,
                        struct store_segment *ret_segment, struct exo_error *err)
{
    column_id(statement, 0, &ret_segment->execution);
    ret_segment->instance = (uint32_t)sqlite_column_int(statement, 1);
    ret_segment->kind = (uint32_t)sqlite_column_int(statement, 2);
    ret_segment->page = (uint32_t)sqlite_column_int(statement, 3);
    ret_segment->part = (uint64_t)sqlite_column_int(statement, 4);
    return op_copy(op, sqlite_column_bytes(statement, 5), &ret_segment->body, err);
}

/* ---- one execution ---- */

struct get_op {
    struct op op; /* rows: struct execution_row */
    struct execution_id id;
    store_execution_done *done;
};

static int get_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct get_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT " EXECUTION_ALL " FROM execution e "
                   "LEFT JOIN definition d ON d.digest = e.definition WHERE e.id = ?1",
                   err);

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, &op->id);
    int stepped = sqlite_step(statement, err);

    if (stepped <= 0) {
        return stepped;
    }
    struct execution_row *row = op_row(&op->op, sizeof(*row), err);
    int result = row == NULL ? -1 : sqlite_read_all(&op->op, statement, row, err);

    sqlite_rewind(statement);
    return result;
}

static void get_done(void *argument, const struct exo_error *err)
{
    struct get_op *op = argument;
    const struct execution_row *row = err != NULL || op->op.row_count == 0 ? NULL : op->op.rows;

    op->done(op->op.argument, row == NULL ? NULL : &row->execution,
             row == NULL ? (struct span){NULL, 0} : row->definition_text, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_execution_get(struct store *store, const struct execution_id *id,
                                store_execution_done *done, void *argument)
{
    struct get_op *op = op_new(store, sizeof(*op), argument);

    op->id = *id;
    op->done = done;
    op_read(&op->op, get_job, get_done);
}

struct known_op {
    struct op op;
    store_known_done *done;
    uint32_t count;
    struct execution_id ids[STORE_KNOWN_IDS_MAX];
    bool is_known[STORE_KNOWN_IDS_MAX];
};

static int known_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct known_op *op = argument;

    for (uint32_t i = 0; i < op->count; i++) {
        struct sqlite_statement *statement =
            sqlite_use(connection,
                       "SELECT 1 FROM execution WHERE id = ?1 "
                       "UNION ALL SELECT 1 FROM tombstone WHERE id = ?1",
                       err);

        if (statement == NULL) {
            return -1;
        }
        bind_id(statement, 1, &op->ids[i]);
        int stepped = sqlite_step(statement, err);

        if (stepped < 0) {
            return -1;
        }
        op->is_known[i] = stepped > 0;
        sqlite_rewind(statement);
    }
    return 0;
}

static void known_done(void *argument, const struct exo_error *err)
{
    struct known_op *op = argument;

    op->done(op->op.argument, err == NULL ? op->is_known : NULL, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_execution_known(struct store *store, const struct execution_id *ids,
                                  uint32_t count, store_known_done *done, void *argument)
{
    struct known_op *op = op_new(store, sizeof(*op), argument);

    if (count > 0) {
        memcpy(op->ids, ids, count * sizeof(*ids));
    }
    op->count = count;
    op->done = done;
    op_read(&op->op, known_job, known_done);
}

/* ---- lists ---- */

struct list_op {
    struct op op; /* rows: struct store_execution */
    struct store_query query;
    store_list_done *done;
    bool is_copied;
};

/* NULL parameters leave their condition out; with a project its own index gives the order. */
#define LIST_WHERE                                                                                 \
    "(?2 IS NULL OR e.state = ?2) AND (?3 IS NULL OR e.cluster = ?3) "                             \
    "AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(nullif(e.labels, '')) l "                  \
    "WHERE l.key = ?4 AND l.value = ?5)) "                                                         \
    "AND e.submitted_ns >= ?6 AND e.submitted_ns < ?7 "                                            \
    "AND (e.submitted_ns, e.id) < (?8, ?9) "                                                       \
    "ORDER BY e.submitted_ns DESC, e.id DESC LIMIT ?10"

static int list_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct list_op *op = argument;
    const struct store_query *q = &op->query;
    const char *sql = q->project != NULL
                          ? "SELECT " EXECUTION_HEAD " FROM execution e INDEXED BY "
                            "execution_by_project WHERE e.project = ?1 AND " LIST_WHERE
                          : "SELECT " EXECUTION_HEAD " FROM execution e INDEXED BY "
                            "execution_by_time WHERE ?1 IS NULL AND " LIST_WHERE;
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    const char *const texts[] = {q->project, q->state, q->cluster};

    for (int i = 0; i < 3; i++) {
        if (texts[i] != NULL) {
            sqlite_bind_text(statement, 1 + i, span_of(texts[i]));
        }
    }
    if (q->label_key.bytes != 0) {
        sqlite_bind_text(statement, 4, q->label_key);
        sqlite_bind_text(statement, 5, q->label_value);
    }
    sqlite_bind_int(statement, 6, q->after_ns);
    sqlite_bind_int(statement, 7, q->before_ns == 0 ? INT64_MAX : q->before_ns);
    sqlite_bind_int(statement, 8, q->cursor_ns == 0 ? INT64_MAX : q->cursor_ns);
    bind_id(statement, 9, &q->cursor);
    sqlite_bind_int(statement, 10, q->limit);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_execution *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_head(&op->op, statement, row, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static void list_done(void *argument, const struct exo_error *err)
{
    struct list_op *op = argument;

    op->done(op->op.argument, err == NULL ? op->op.rows : NULL, err == NULL ? op->op.row_count : 0,
             op_error(&op->op, err));
    op_free(&op->op);
}

static int copy_query(struct list_op *op, const struct store_query *query, struct exo_error *err)
{
    const char **const texts[] = {&op->query.project, &op->query.state, &op->query.cluster};

    op->query = *query;
    for (int i = 0; i < 3; i++) {
        if (*texts[i] != NULL && op_copy_text(&op->op, *texts[i], texts[i], err) < 0) {
            return -1;
        }
    }
    if (op_copy(&op->op, query->label_key, &op->query.label_key, err) < 0) {
        return -1;
    }
    return op_copy(&op->op, query->label_value, &op->query.label_value, err);
}

static int list_checked_job(void *argument, struct sqlite_connection *connection,
                            struct exo_error *err)
{
    struct list_op *op = argument;

    if (!op->is_copied) {
        return exo_error_set(err, EXO_ELIMIT, "the query is too long");
    }
    return list_job(argument, connection, err);
}

void sqlite_store_execution_list(struct store *store, const struct store_query *query,
                                 store_list_done *done, void *argument)
{
    struct list_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->is_copied = copy_query(op, query, &err) == 0;
    op->done = done;
    op_read(&op->op, list_checked_job, list_done);
}

/* ---- pages, runs, segments, journal ---- */

struct range_op {
    struct op op; /* rows: pages, runs, segments or journal rows */
    struct execution_id id;
    int64_t numbers[4]; /* of the statement, behind the id */
    store_pages_done *pages_done;
    store_runs_done *runs_done;
    store_segments_done *segments_done;
    store_journal_done *journal_done;
    uint64_t oldest_batch;
};

static int64_t last_of(uint32_t first, uint32_t count)
{
    return (int64_t)first + (int64_t)count - 1;
}

static int pages_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct range_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT execution, instance, page, body FROM task_page WHERE execution = ?1 "
                   "AND instance = ?2 AND page BETWEEN ?3 AND ?4 ORDER BY page",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, &op->id);
    for (int i = 0; i < 3; i++) {
        sqlite_bind_int(statement, 2 + i, op->numbers[i]);
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_page *page = op_row(&op->op, sizeof(*page), err);

        if (page == NULL || sqlite_read_page(&op->op, statement, page, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static void pages_done(void *argument, const struct exo_error *err)
{
    struct range_op *op = argument;

    op->pages_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                   err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_page_get(struct store *store, const struct execution_id *id, uint32_t instance,
                           uint32_t first, uint32_t count, store_pages_done *done, void *argument)
{
    struct range_op *op = op_new(store, sizeof(*op), argument);

    op->id = *id;
    op->numbers[0] = instance;
    op->numbers[1] = first;
    op->numbers[2] = last_of(first, count);
    op->pages_done = done;
    op_read(&op->op, pages_job, pages_done);
}

#define RUN_COLUMNS "SELECT execution, instance, \"index\", number, is_ended, body FROM group_run "

/* numbers: what the statement binds behind the execution's id. */
static int runs_read(struct range_op *op, struct sqlite_statement *statement, int numbers,
                     struct exo_error *err)
{
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, &op->id);
    for (int i = 0; i < numbers; i++) {
        sqlite_bind_int(statement, 2 + i, op->numbers[i]);
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_run *run = op_row(&op->op, sizeof(*run), err);

        if (run == NULL || sqlite_read_run(&op->op, statement, run, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static int runs_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    return runs_read(argument,
                     sqlite_use(connection,
                                RUN_COLUMNS "WHERE execution = ?1 AND instance = ?2 "
                                            "AND \"index\" BETWEEN ?3 AND ?4 ORDER BY \"index\"",
                                err),
                     3, err);
}

static int live_runs_job(void *argument, struct sqlite_connection *connection,
                         struct exo_error *err)
{
    return runs_read(argument,
                     sqlite_use(connection,
                                RUN_COLUMNS
                                "WHERE execution = ?1 AND is_ended = 0 AND number >= "
                                "coalesce((SELECT max(number) FROM group_run WHERE execution = ?1 "
                                "AND is_ended = 0 AND number <= ?2), 0) ORDER BY number LIMIT ?3",
                                err),
                     2, err);
}

static void runs_done(void *argument, const struct exo_error *err)
{
    struct range_op *op = argument;

    op->runs_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                  err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_run_get(struct store *store, const struct execution_id *id, uint32_t instance,
                          uint32_t first, uint32_t count, store_runs_done *done, void *argument)
{
    struct range_op *op = op_new(store, sizeof(*op), argument);

    op->id = *id;
    op->numbers[0] = instance;
    op->numbers[1] = first;
    op->numbers[2] = last_of(first, count);
    op->runs_done = done;
    op_read(&op->op, runs_job, runs_done);
}

void sqlite_store_run_live(struct store *store, const struct execution_id *id, uint32_t number,
                           uint32_t count, store_runs_done *done, void *argument)
{
    struct range_op *op = op_new(store, sizeof(*op), argument);

    op->id = *id;
    op->numbers[0] = number;
    op->numbers[1] = count;
    op->runs_done = done;
    op_read(&op->op, live_runs_job, runs_done);
}

static int segments_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct range_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT execution, instance, kind, page, part, body FROM task_output "
                   "WHERE execution = ?1 AND instance = ?2 AND kind = ?3 "
                   "AND page BETWEEN ?4 AND ?5 ORDER BY page, part",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, &op->id);
    for (int i = 0; i < 4; i++) {
        sqlite_bind_int(statement, 2 + i, op->numbers[i]);
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_segment *segment = op_row(&op->op, sizeof(*segment), err);

        if (segment == NULL || sqlite_read_segment(&op->op, statement, segment, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    return stepped;
}

static void segments_done(void *argument, const struct exo_error *err)
{
    struct range_op *op = argument;

    op->segments_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                      err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_segment_get(struct store *store, const struct execution_id *id, uint32_t instance,
                              uint32_t kind, uint32_t first, uint32_t count,
                              store_segments_done *done, void *argument)
{
    struct range_op *op = op_new(store, sizeof(*op), argument);

    op->id = *id;
    op->numbers[0] = instance;
    op->numbers[1] = kind;
    op->numbers[2] = first;
    op->numbers[3] = last_of(first, count);
    op->segments_done = done;
    op_read(&op->op, segments_job, segments_done);
}

static int oldest_batch(struct range_op *op, struct sqlite_connection *connection,
                        struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection, "SELECT min(batch) FROM journal WHERE shard = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->numbers[0]);
    int stepped = sqlite_step(statement, err);

    if (stepped > 0) {
        op->oldest_batch = (uint64_t)sqlite_column_int(statement, 0);
        sqlite_rewind(statement);
    }
    return stepped < 0 ? -1 : 0;
}

static int journal_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct range_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT epoch, batch, body FROM journal WHERE shard = ?1 AND batch > ?2 "
                   "AND length(body) > 0 ORDER BY batch LIMIT ?3",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    for (int i = 0; i < 3; i++) {
        sqlite_bind_int(statement, 1 + i, op->numbers[i]);
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_journal_row *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL ||
            op_copy(&op->op, sqlite_column_bytes(statement, 2), &row->body, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
        row->epoch = (uint64_t)sqlite_column_int(statement, 0);
        row->batch = (uint64_t)sqlite_column_int(statement, 1);
    }
    return stepped < 0 ? -1 : oldest_batch(op, connection, err);
}

static void journal_done(void *argument, const struct exo_error *err)
{
    struct range_op *op = argument;

    op->journal_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                     err == NULL ? op->op.row_count : 0, op->oldest_batch, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_journal_get(struct store *store, uint32_t shard, uint64_t after_batch,
                              uint32_t limit, store_journal_done *done, void *argument)
{
    struct range_op *op = op_new(store, sizeof(*op), argument);

    op->numbers[0] = shard;
    op->numbers[1] = (int64_t)after_batch;
    op->numbers[2] = limit;
    op->journal_done = done;
    op_read(&op->op, journal_job, journal_done);
}
