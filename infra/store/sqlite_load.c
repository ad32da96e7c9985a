#include "infra/store/sqlite_store.h"

#include <assert.h>
#include <string.h>

/* A chunk: enough to be quick, little enough not to hold the loop. */
enum { CHUNK_ROWS_MAX = 256, CHUNK_BYTES_MAX = 1 << 20 };

enum load_phase {
    LOAD_SPANNING,
    LOAD_EXECUTIONS,
    LOAD_RUNS,
    LOAD_PAGES,
    LOAD_SEGMENTS,
    LOAD_END,
};

struct load_op {
    struct op op; /* rows: of what the phase reads */
    struct store_load_callbacks callbacks;
    uint32_t shard;
    enum load_phase phase;
    bool is_phase_end;
    struct execution_id after; /* key of the last row shown, as with the next six */
    struct digest after_id;    /* of what spans executions */
    int64_t number, instance, page, kind, part;
};

static const char *load_sql(enum load_phase phase)
{
    switch (phase) {
    case LOAD_SPANNING:
        return "SELECT kind, id, body FROM spanning "
               "WHERE shard = ?1 AND (kind, id) > (?2, ?3) ORDER BY kind, id";
    case LOAD_EXECUTIONS:
        return "SELECT " EXECUTION_ALL " FROM execution e INDEXED BY execution_live "
               "LEFT JOIN definition d ON d.digest = e.definition "
               "WHERE e.shard = ?1 AND e.is_terminal = 0 AND e.id > ?2 ORDER BY e.id";
    case LOAD_RUNS:
        return "SELECT r.execution, r.instance, r.\"index\", r.number, r.is_ended, r.body "
               "FROM execution e INDEXED BY execution_live "
               "CROSS JOIN group_run r INDEXED BY group_run_live "
               "WHERE e.shard = ?1 AND e.is_terminal = 0 AND e.id >= ?2 AND r.execution = e.id "
               "AND r.is_ended = 0 AND (r.execution > ?2 OR r.number > ?3) "
               "ORDER BY e.id, r.number";
    case LOAD_PAGES:
        return "SELECT p.execution, p.instance, p.page, p.body "
               "FROM execution e INDEXED BY execution_live CROSS JOIN task_page p "
               "WHERE e.shard = ?1 AND e.is_terminal = 0 AND e.id >= ?2 AND p.execution = e.id "
               "AND (p.execution > ?2 OR (p.instance, p.page) > (?3, ?4)) "
               "ORDER BY e.id, p.instance, p.page";
    case LOAD_SEGMENTS:
        return "SELECT o.execution, o.instance, o.kind, o.page, o.part, o.body "
               "FROM execution e INDEXED BY execution_live CROSS JOIN task_output o "
               "WHERE e.shard = ?1 AND e.is_terminal = 0 AND e.id >= ?2 AND o.execution = e.id "
               "AND (o.kind = 1 OR (o.kind = 0 AND o.page = 4294967295)) "
               "AND (o.execution > ?2 OR (o.instance, o.kind, o.page, o.part) > (?3, ?5, ?4, ?6)) "
               "ORDER BY e.id, o.instance, o.kind, o.page, o.part";
    case LOAD_END:
        break;
    }
    assert(false); /* there is nothing left to read */
    return "";
}

static int load_spanning(struct load_op *op, struct sqlite_statement *statement,
                         struct exo_error *err)
{
    struct store_spanning *spanning = op_row(&op->op, sizeof(*spanning), err);

    if (spanning == NULL || sqlite_read_spanning(&op->op, statement, spanning, err) < 0) {
        return -1;
    }
    op->kind = spanning->kind;
    op->after_id = spanning->id;
    return 0;
}

static int load_run(struct load_op *op, struct sqlite_statement *statement, struct exo_error *err)
{
    struct store_run *run = op_row(&op->op, sizeof(*run), err);

    if (run == NULL || sqlite_read_run(&op->op, statement, run, err) < 0) {
        return -1;
    }
    op->after = run->execution;
    op->number = run->number;
    return 0;
}

static int load_row(struct load_op *op, struct sqlite_statement *statement, struct exo_error *err)
{
    if (op->phase == LOAD_SPANNING) {
        return load_spanning(op, statement, err);
    }
    if (op->phase == LOAD_EXECUTIONS) {
        struct execution_row *row = op_row(&op->op, sizeof(*row), err);

        if (row == NULL || sqlite_read_all(&op->op, statement, row, err) < 0) {
            return -1;
        }
        op->after = row->execution.id;
        return 0;
    }
    if (op->phase == LOAD_RUNS) {
        return load_run(op, statement, err);
    }
    if (op->phase == LOAD_PAGES) {
        struct store_page *page = op_row(&op->op, sizeof(*page), err);

        if (page == NULL || sqlite_read_page(&op->op, statement, page, err) < 0) {
            return -1;
        }
        op->after = page->execution;
        op->instance = page->instance;
        op->page = page->page;
        return 0;
    }
    struct store_segment *segment = op_row(&op->op, sizeof(*segment), err);

    if (segment == NULL || sqlite_read_segment(&op->op, statement, segment, err) < 0) {
        return -1;
    }
    op->after = segment->execution;
    op->instance = segment->instance;
    op->kind = segment->kind;
    op->page = segment->page;
    op->part = (int64_t)segment->part;
    return 0;
}

/* Ids are borrowed by the statement. */
static void load_bind(const struct load_op *op, struct sqlite_statement *statement,
                      const struct execution_id *after, const struct digest *after_id)
{
    sqlite_bind_int(statement, 1, op->shard);
    if (op->phase != LOAD_SPANNING) {
        bind_id(statement, 2, after);
    }
    switch (op->phase) {
    case LOAD_SPANNING:
        sqlite_bind_int(statement, 2, op->kind);
        bind_digest(statement, 3, after_id);
        break;
    case LOAD_RUNS:
        sqlite_bind_int(statement, 3, op->number);
        break;
    case LOAD_SEGMENTS:
        sqlite_bind_int(statement, 5, op->kind);
        sqlite_bind_int(statement, 6, op->part);
        /* fall through */
    case LOAD_PAGES:
        sqlite_bind_int(statement, 3, op->instance);
        sqlite_bind_int(statement, 4, op->page);
        break;
    case LOAD_EXECUTIONS:
    case LOAD_END:
        break;
    }
}

static int load_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct load_op *op = argument;
    struct sqlite_statement *statement = sqlite_use(connection, load_sql(op->phase), err);
    /* Local copies: the key moves while the statement still borrows the old one. */
    struct execution_id after = op->after;
    struct digest after_id = op->after_id;

    if (statement == NULL) {
        return -1;
    }
    load_bind(op, statement, &after, &after_id);
    while (op->op.row_count < CHUNK_ROWS_MAX && op->op.arena.used_bytes < CHUNK_BYTES_MAX) {
        int stepped = sqlite_step(statement, err);

        if (stepped <= 0) {
            op->is_phase_end = true;
            return stepped;
        }
        if (load_row(op, statement, err) < 0) {
            sqlite_rewind(statement);
            return -1;
        }
    }
    sqlite_rewind(statement);
    return 0;
}

static void load_show(struct load_op *op)
{
    void *argument = op->op.argument;

    for (uint32_t i = 0; i < op->op.row_count; i++) {
        if (op->phase == LOAD_SPANNING) {
            op->callbacks.spanning(argument, (const struct store_spanning *)op->op.rows + i);
        } else if (op->phase == LOAD_EXECUTIONS) {
            const struct execution_row *row = (const struct execution_row *)op->op.rows + i;

            op->callbacks.execution(argument, &row->execution, row->definition_text);
        } else if (op->phase == LOAD_RUNS) {
            op->callbacks.run(argument, (const struct store_run *)op->op.rows + i);
        } else if (op->phase == LOAD_PAGES) {
            op->callbacks.page(argument, (const struct store_page *)op->op.rows + i);
        } else {
            op->callbacks.segment(argument, (const struct store_segment *)op->op.rows + i);
        }
    }
}

static void load_begin_phase(struct load_op *op, enum load_phase phase)
{
    /* A row size of the new phase must not meet the capacity of the old one. */
    op->op.row_capacity = 0;
    op->phase = phase;
    op->is_phase_end = false;
    memset(&op->after, 0, sizeof(op->after));
    memset(&op->after_id, 0, sizeof(op->after_id));
    op->number = op->instance = op->page = op->kind = op->part = -1;
}

static void load_done(void *argument, const struct exo_error *err)
{
    struct load_op *op = argument;
    struct exo_error closed;

    if (err == NULL && op->op.store->is_closing) {
        (void)exo_error_set(&closed, EXO_EUNKNOWN, "the store is being closed");
        err = &closed;
    }
    if (err == NULL) {
        load_show(op);
        op->op.row_count = 0;
        arena_reset(&op->op.arena);
        if (op->is_phase_end) {
            load_begin_phase(op, op->phase + 1);
        }
        if (op->phase != LOAD_END) {
            op_read(&op->op, load_job, load_done);
            return;
        }
    }
    op->callbacks.done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_shard_load(struct store *store, uint32_t shard,
                             const struct store_load_callbacks *callbacks, void *argument)
{
    struct load_op *op = op_new(store, sizeof(*op), argument);

    op->callbacks = *callbacks;
    op->shard = shard;
    load_begin_phase(op, LOAD_SPANNING);
    op_read(&op->op, load_job, load_done);
}
