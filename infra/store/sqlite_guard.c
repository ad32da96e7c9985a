#include "infra/store/sqlite_store.h"

#include <string.h>

/* ?2 is another process than the last opener, which died while its marker stood. */
#define DIED_MARKED "g.process <> ?2 AND g.is_open AND g.marked_by = g.process"

static const char OPEN[] =
    "INSERT INTO shard_guard AS g "
    "(shard, process, is_open, jobs_offset, status_offset, opened_ns) "
    "VALUES (?1, ?2, 1, ?3, ?4, ?5) ON CONFLICT (shard) DO UPDATE SET "
    "crashes = CASE WHEN g.process = ?2 THEN g.crashes WHEN NOT g.is_open THEN 0 "
    "WHEN (g.jobs_offset = ?3 AND g.status_offset = ?4) OR ?5 - g.opened_ns < 10000000000 "
    "THEN g.crashes + 1 ELSE 1 END, "
    "deaths = iif(" DIED_MARKED ", iif(g.marker = g.suspect, g.deaths + 1, 1), g.deaths), "
    "suspect = iif(" DIED_MARKED ", g.marker, g.suspect), "
    "opened_ns = iif(g.process = ?2, g.opened_ns, ?5), "
    "jobs_offset = iif(g.process = ?2, g.jobs_offset, ?3), "
    "status_offset = iif(g.process = ?2, g.status_offset, ?4), "
    "process = ?2, is_open = 1, marked_by = '' RETURNING crashes, deaths, suspect";

int sqlite_guard_open(struct sqlite_connection *connection, const char *process,
                      struct store_shard *shard, exo_time now_ns, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, OPEN, err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, shard->shard);
    sqlite_bind_text(statement, 2, span_of(process));
    sqlite_bind_int(statement, 3, shard->inputs[0].offset);
    sqlite_bind_int(statement, 4, shard->inputs[1].offset);
    sqlite_bind_int(statement, 5, now_ns);
    int stepped = sqlite_step(statement, err);

    if (stepped < 0) {
        return -1;
    }
    if (stepped > 0) {
        shard->guard = (struct store_guard){
            .crashes = (uint32_t)sqlite_column_int(statement, 0),
            .deaths = (uint32_t)sqlite_column_int(statement, 1),
        };
        strncpy(shard->guard.suspect, sqlite_column_text(statement, 2),
                sizeof(shard->guard.suspect) - 1);
    }
    sqlite_rewind(statement);
    return 0;
}

int sqlite_guard_close(struct sqlite_connection *connection, const char *process, int64_t shard,
                       struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE shard_guard SET is_open = 0, marked_by = '' "
                   "WHERE process = ?1 AND (?2 < 0 OR shard = ?2)",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_text(statement, 1, span_of(process));
    sqlite_bind_int(statement, 2, shard);
    return sqlite_run(statement, err);
}

int sqlite_guard_clear(struct sqlite_connection *connection, uint32_t shard, struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE shard_guard SET marker = '', marked_by = '', "
                   "deaths = iif(suspect = marker, 0, deaths), "
                   "suspect = iif(suspect = marker, '', suspect) "
                   "WHERE shard = ?1",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, shard);
    return sqlite_run(statement, err);
}

/* ---- the marker of an input about to be stepped ---- */

struct mark_op {
    struct op op;
    uint32_t shard;
    const char *process;
    const char *marker;
    bool is_copied;
    store_done *done;
};

static int mark_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    const struct mark_op *op = argument;

    if (!op->is_copied) {
        return exo_error_set(err, EXO_ELIMIT, "no memory for the request");
    }
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "UPDATE shard_guard SET deaths = iif(?3 = '', 0, deaths), "
                   "suspect = iif(?3 = '', '', suspect), "
                   "crashes = iif(?3 = '', 0, crashes), marker = ?3, "
                   "marked_by = iif(?3 = '', '', ?2) "
                   "WHERE shard = ?1 AND process = ?2 AND is_open",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->shard);
    sqlite_bind_text(statement, 2, span_of(op->process));
    sqlite_bind_text(statement, 3, span_of(op->marker));
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    return sqlite_changes(connection) == 1
               ? 0
               : exo_error_set(err, EXO_EFENCED, "shard %u is not open by %s", op->shard,
                               op->process);
}

static void mark_done(void *argument, const struct exo_error *err)
{
    struct mark_op *op = argument;

    op->done(op->op.argument, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_shard_mark(struct store *store, uint32_t shard, const char *process,
                             const char *marker, store_done *done, void *argument)
{
    struct mark_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->shard = shard;
    op->is_copied = op_copy_text(&op->op, process, &op->process, &err) == 0 &&
                    op_copy_text(&op->op, marker, &op->marker, &err) == 0;
    op->done = done;
    op_write(&op->op, mark_job, mark_done);
}
