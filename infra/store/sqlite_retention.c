#include "infra/store/sqlite_store.h"

#include <string.h>

/* What may go: restore points, and the deletion of journal and executions. */

struct retention_op {
    struct op op; /* rows: points, places, projects or struct store_old */
    const char *sql;
    int64_t id;
    uint32_t shard;
    exo_time before_ns;
    int64_t rows_max;
    struct store_old_query query;
    bool is_copied;
    struct execution_id ids[STORE_KNOWN_IDS_MAX];
    uint32_t id_count;
    uint32_t count;
    bool is_more;
    store_restore_points_done *points_done;
    store_places_done *places_done;
    store_dropped_done *dropped_done;
    store_old_projects_done *projects_done;
    store_old_done *old_done;
    store_drop_done *drop_done;
};

/* Runs a statement whose only parameter, if any, is a number. */
static int run_number(struct sqlite_connection *connection, const char *sql, int64_t number,
                      struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, number);
    return sqlite_run(statement, err);
}

/* ---- restore points ---- */

static int points_read(struct retention_op *op, struct sqlite_statement *statement,
                       struct exo_error *err)
{
    int stepped;

    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_restore_point *point = op_row(&op->op, sizeof(*point), err);

        if (point == NULL) {
            return -1;
        }
        point->id = sqlite_column_int(statement, 0);
        point->begun_ns = sqlite_column_int(statement, 1);
        point->completed_ns = sqlite_column_int(statement, 2);
    }
    return stepped;
}

static int point_read(struct retention_op *op, struct sqlite_connection *connection,
                      struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(
        connection, "SELECT id, begun_ns, completed_ns FROM restore_point WHERE id = ?1", err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->id);
    return points_read(op, statement, err);
}

static int begin_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;

    if (run_number(connection, "INSERT INTO restore_point (begun_ns) VALUES (?1)", clock_wall_ns(),
                   err) < 0) {
        return -1;
    }
    op->id = sqlite_last_id(connection);
    return run_number(connection,
                      "INSERT INTO restore_point_shard "
                      "SELECT ?1, shard, jobs_offset, status_offset FROM shard",
                      op->id, err) < 0
               ? -1
               : point_read(op, connection, err);
}

static int complete_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;
    struct sqlite_statement *statement = sqlite_use(
        connection, "UPDATE restore_point SET completed_ns = ?2 WHERE id = ?1 AND completed_ns = 0",
        err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->id);
    sqlite_bind_int(statement, 2, clock_wall_ns());
    if (sqlite_run(statement, err) < 0 || point_read(op, connection, err) < 0) {
        return -1;
    }
    if (op->op.row_count == 0) {
        (void)restore_point_missing(op->id, err);
        return -1;
    }
    return run_number(connection, "DELETE FROM restore_point WHERE id < ?1", op->id, err) < 0 ||
                   run_number(connection, "DELETE FROM restore_point_shard WHERE point < ?1",
                              op->id, err) < 0
               ? -1
               : 0;
}

static int list_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT id, begun_ns, completed_ns FROM restore_point "
                   "ORDER BY id DESC LIMIT 1000",
                   err);

    return statement == NULL ? -1 : points_read(argument, statement, err);
}

static void points_done(void *argument, const struct exo_error *err)
{
    struct retention_op *op = argument;

    op->points_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                    err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_restore_point_begin(struct store *store, store_restore_points_done *done,
                                      void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->points_done = done;
    op_write(&op->op, begin_job, points_done);
}

void sqlite_store_restore_point_complete(struct store *store, int64_t id,
                                         store_restore_points_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->id = id;
    op->points_done = done;
    op_write(&op->op, complete_job, points_done);
}

void sqlite_store_restore_point_list(struct store *store, store_restore_points_done *done,
                                     void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->points_done = done;
    op_read(&op->op, list_job, points_done);
}

/* ---- places ---- */

static int places_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;
    struct sqlite_statement *statement = sqlite_use(connection, op->sql, err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_place *place = op_row(&op->op, sizeof(*place), err);

        if (place == NULL) {
            return -1;
        }
        place->shard = (uint32_t)sqlite_column_int(statement, 0);
        place->offsets[0] = sqlite_column_int(statement, 1);
        place->offsets[1] = sqlite_column_int(statement, 2);
    }
    return stepped;
}

static void places_done(void *argument, const struct exo_error *err)
{
    struct retention_op *op = argument;

    op->places_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                    err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_restore_floors(struct store *store, store_places_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->sql = "SELECT shard, jobs_offset, status_offset FROM restore_point_shard WHERE point = "
              "(SELECT max(id) FROM restore_point WHERE completed_ns > 0) ORDER BY shard";
    op->places_done = done;
    op_read(&op->op, places_job, places_done);
}

void sqlite_store_places(struct store *store, store_places_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->sql = "SELECT shard, jobs_offset, status_offset FROM shard ORDER BY shard";
    op->places_done = done;
    op_read(&op->op, places_job, places_done);
}

/* ---- deletion ---- */

static int run_counted(struct retention_op *op, struct sqlite_connection *connection,
                       struct sqlite_statement *statement, struct exo_error *err)
{
    if (sqlite_run(statement, err) < 0) {
        return -1;
    }
    op->count = (uint32_t)sqlite_changes(connection);
    return 0;
}

/* Looks at the oldest rows only: what is due stands in front. */
static int journal_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "DELETE FROM journal WHERE at_ns < ?2 AND rowid IN (SELECT rowid FROM journal "
                   "WHERE shard = ?1 AND batch <= (SELECT event_batch FROM shard WHERE shard = ?1) "
                   "AND batch <= (SELECT base FROM journal_snapshot WHERE shard = ?1 "
                   "AND ended_ns < ?2 ORDER BY id DESC LIMIT 1) "
                   "ORDER BY batch LIMIT ?3)",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->shard);
    sqlite_bind_int(statement, 2, op->before_ns);
    sqlite_bind_int(statement, 3, op->rows_max);
    return run_counted(op, connection, statement, err);
}

static void count_done(void *argument, const struct exo_error *err)
{
    struct retention_op *op = argument;

    op->dropped_done(op->op.argument, err == NULL ? op->count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns,
                               uint32_t rows_max, store_dropped_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->shard = shard;
    op->before_ns = before_ns;
    op->rows_max = rows_max;
    op->dropped_done = done;
    op_write(&op->op, journal_job, count_done);
}

static int letters_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "DELETE FROM dead_letter WHERE id IN (SELECT l.id FROM (SELECT id, partition, "
                   "at_ns FROM dead_letter ORDER BY id LIMIT ?2) l WHERE l.at_ns < ?1 AND l.at_ns "
                   "<= (SELECT begun_ns FROM journal_snapshot WHERE shard = l.partition AND "
                   "end_batch IS NOT NULL ORDER BY id DESC LIMIT 1))",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, op->before_ns);
    sqlite_bind_int(statement, 2, op->rows_max);
    return run_counted(op, connection, statement, err);
}

void sqlite_store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                               store_dropped_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    op->before_ns = before_ns;
    op->rows_max = rows_max;
    op->dropped_done = done;
    op_write(&op->op, letters_job, count_done);
}

static int name_too_long(struct exo_error *err)
{
    return exo_error_set(err, EXO_ELIMIT, "the name is too long for the store");
}

/* From each project to the next one by a look at execution_by_project. */
static int projects_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;
    const char *after = op->query.project;
    int stepped = 1;

    if (!op->is_copied) {
        return name_too_long(err);
    }
    while (op->op.row_count < op->query.limit && stepped > 0) {
        struct sqlite_statement *statement =
            sqlite_use(connection,
                       "SELECT project, submitted_ns FROM execution WHERE project > ?1 "
                       "ORDER BY project, submitted_ns LIMIT 1",
                       err);

        if (statement == NULL) {
            return -1;
        }
        sqlite_bind_text(statement, 1, span_of(after));
        stepped = sqlite_step(statement, err);
        if (stepped > 0) {
            struct store_old_project *project = op_row(&op->op, sizeof(*project), err);

            if (project == NULL || op_copy_text(&op->op, sqlite_column_text(statement, 0),
                                                &project->project, err) < 0) {
                return -1;
            }
            project->submitted_ns = sqlite_column_int(statement, 1);
            after = project->project;
        }
        sqlite_rewind(statement);
    }
    return stepped < 0 ? -1 : 0;
}

static void projects_done(void *argument, const struct exo_error *err)
{
    struct retention_op *op = argument;

    op->projects_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                      err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_old_projects(struct store *store, const char *after, uint32_t limit,
                               store_old_projects_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->query.limit = limit;
    op->is_copied = op_copy_text(&op->op, after, &op->query.project, &err) == 0;
    op->projects_done = done;
    op_read(&op->op, projects_job, projects_done);
}

static int old_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct retention_op *op = argument;
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "SELECT id, shard, submitted_ns, ended_ns FROM execution WHERE project = ?1 "
                   "AND (submitted_ns, id) > (?2, ?3) AND submitted_ns < ?4 AND is_terminal = 1 "
                   "AND ended_ns < ?4 ORDER BY project, submitted_ns, id LIMIT ?5",
                   err);
    int stepped;

    if (statement == NULL) {
        return -1;
    }
    if (!op->is_copied) {
        return name_too_long(err);
    }
    sqlite_bind_text(statement, 1, span_of(op->query.project));
    sqlite_bind_int(statement, 2, op->query.after_ns);
    bind_id(statement, 3, &op->query.after_id);
    sqlite_bind_int(statement, 4, op->query.before_ns);
    sqlite_bind_int(statement, 5, op->query.limit);
    while ((stepped = sqlite_step(statement, err)) > 0) {
        struct store_old *old = op_row(&op->op, sizeof(*old), err);

        if (old == NULL) {
            return -1;
        }
        column_id(statement, 0, &old->id);
        old->shard = (uint32_t)sqlite_column_int(statement, 1);
        old->submitted_ns = sqlite_column_int(statement, 2);
        old->ended_ns = sqlite_column_int(statement, 3);
    }
    return stepped;
}

static void old_done(void *argument, const struct exo_error *err)
{
    struct retention_op *op = argument;

    op->old_done(op->op.argument, err == NULL ? op->op.rows : NULL,
                 err == NULL ? op->op.row_count : 0, op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_old_list(struct store *store, const struct store_old_query *query,
                           store_old_done *done, void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);
    struct exo_error err;

    op->query = *query;
    op->is_copied = op_copy_text(&op->op, query->project, &op->query.project, &err) == 0;
    op->old_done = done;
    op_read(&op->op, old_job, old_done);
}

static int run_id(struct sqlite_connection *connection, const char *sql,
                  const struct execution_id *id, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, id);
    return sqlite_run(statement, err);
}

/* Returns how many rows went, or -1. */
static int64_t drop_part(struct sqlite_connection *connection, const char *sql,
                         const struct execution_id *id, int64_t rows_max, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    bind_id(statement, 1, id);
    sqlite_bind_int(statement, 2, rows_max);
    return sqlite_run(statement, err) < 0 ? -1 : sqlite_changes(connection);
}

/* What belongs to an execution, at most rows_max rows. Returns how many went, or -1. */
static int64_t drop_parts(struct sqlite_connection *connection, const struct execution_id *id,
                          int64_t rows_max, struct exo_error *err)
{
    static const char *const parts[] = {
        "DELETE FROM task_output WHERE rowid IN "
        "(SELECT rowid FROM task_output WHERE execution = ?1 LIMIT ?2)",
        "DELETE FROM task_page WHERE rowid IN "
        "(SELECT rowid FROM task_page WHERE execution = ?1 LIMIT ?2)",
        "DELETE FROM group_run WHERE rowid IN "
        "(SELECT rowid FROM group_run WHERE execution = ?1 LIMIT ?2)",
        "DELETE FROM blob_reference WHERE execution = ?1 AND digest IN "
        "(SELECT digest FROM blob_reference WHERE execution = ?1 LIMIT ?2)",
    };
    int64_t gone = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        int64_t count = drop_part(connection, parts[i], id, rows_max - gone, err);

        if (count < 0) {
            return -1;
        }
        gone += count;
    }
    return gone;
}

/* Ended, and no other execution keeps something of it; or its deletion has begun. */
static int may_go(struct sqlite_connection *connection, const struct execution_id *id,
                  struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(
        connection,
        "SELECT 1 FROM execution WHERE id = ?1 AND is_terminal = 1 AND (NOT EXISTS (SELECT 1 FROM "
        "blob_reference WHERE digest = ?2) OR EXISTS (SELECT 1 FROM "
        "tombstone WHERE id = ?1))",
        err);

    if (statement == NULL) {
        return -1;
    }
    const struct digest name = execution_digest(id);

    bind_id(statement, 1, id);
    bind_digest(statement, 2, &name);
    int stepped = sqlite_step(statement, err);

    sqlite_rewind(statement);
    return stepped;
}

static int drop_job(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    static const char *const last[] = {
        "DELETE FROM idempotency_key WHERE execution = ?1",
        "DELETE FROM execution WHERE id = ?1",
    };
    struct retention_op *op = argument;
    int64_t room = op->rows_max;

    op->count = 0;
    op->is_more = false;
    for (uint32_t i = 0; i < op->id_count && !op->is_more; i++) {
        const struct execution_id *id = &op->ids[i];
        int ended = may_go(connection, id, err);

        if (ended > 0 &&
            run_id(connection, "INSERT INTO tombstone VALUES (?1) ON CONFLICT DO NOTHING", id,
                   err) < 0) {
            return -1; /* first: one that has it and still stands is being deleted */
        }
        int64_t gone = ended <= 0 ? ended : drop_parts(connection, id, room, err);

        if (gone < 0) {
            return -1;
        }
        room -= gone;
        op->is_more = ended > 0 && room <= 0;
        for (size_t k = 0; k < sizeof(last) / sizeof(last[0]) && ended > 0 && !op->is_more; k++) {
            if (run_id(connection, last[k], id, err) < 0) {
                return -1;
            }
        }
        op->count += ended > 0 && !op->is_more;
        room -= ended > 0;
    }
    return 0;
}

static void drop_done(void *argument, const struct exo_error *err)
{
    struct retention_op *op = argument;

    op->drop_done(op->op.argument, err == NULL ? op->count : 0, err == NULL && op->is_more,
                  op_error(&op->op, err));
    op_free(&op->op);
}

void sqlite_store_execution_drop(struct store *store, const struct execution_id *ids,
                                 uint32_t count, uint32_t rows_max, store_drop_done *done,
                                 void *argument)
{
    struct retention_op *op = op_new(store, sizeof(*op), argument);

    if (count > 0) {
        memcpy(op->ids, ids, count * sizeof(*ids));
    }
    op->id_count = count;
    op->rows_max = rows_max;
    op->drop_done = done;
    op_write(&op->op, drop_job, drop_done);
}
