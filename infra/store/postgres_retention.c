#include "infra/store/postgres_store.h"

#include <string.h>

/* What may go: restore points, and the deletion of journal and executions. */

struct retention_op {
    struct pg_op op; /* rows: points, places, projects or struct store_old */
    enum postgres_statement statement;
    void (*write)(const struct retention_op *op, struct postgres_params *params);
    uint8_t statements[1];
    int64_t numbers[3];
    struct store_old_query query;
    struct digest digest; /* of DEFINITION_DROP: after, then last */
    struct execution_id *ids;
    uint32_t id_count;
    bool is_more; /* of EXECUTION_DROP and DEFINITION_DROP */
    int64_t count;
    store_restore_points_done *points_done;
    store_places_done *places_done;
    store_dropped_done *dropped_done;
    store_old_projects_done *projects_done;
    store_old_done *old_done;
    store_definitions_done *definitions_done;
    store_drop_done *drop_done;
};

static void nothing_write(const struct retention_op *op, struct postgres_params *params)
{
    (void)op;
    (void)params;
}

static void point_write(const struct retention_op *op, struct postgres_params *params)
{
    params_int8(params, op->numbers[0]);
}

static void journal_write(const struct retention_op *op, struct postgres_params *params)
{
    params_int4(params, (int32_t)op->numbers[0]);
    params_int8(params, op->numbers[1]);
    params_int8(params, op->numbers[2]);
}

static void letters_write(const struct retention_op *op, struct postgres_params *params)
{
    params_int8(params, op->numbers[0]);
    params_int8(params, op->numbers[1]);
}

static void old_write(const struct retention_op *op, struct postgres_params *params)
{
    params_text(params, op->query.project);
    params_int8(params, op->query.after_ns);
    params_bytes(params, id_span(&op->query.after_id));
    params_int8(params, op->query.before_ns);
    params_int8(params, op->query.limit);
}

static void projects_write(const struct retention_op *op, struct postgres_params *params)
{
    params_text(params, op->query.project);
    params_int8(params, op->query.limit);
}

static void definitions_write(const struct retention_op *op, struct postgres_params *params)
{
    params_bytes(params, digest_span(&op->digest));
    params_int8(params, op->numbers[0]);
}

static void drop_write(const struct retention_op *op, struct postgres_params *params)
{
    params_array(params, TYPE_UUID, op->id_count);
    for (uint32_t i = 0; i < op->id_count; i++) {
        array_bytes(params, id_span(&op->ids[i]));
    }
    params_array_end(params);
    params_int8(params, op->numbers[0]);
}

static void retention_send(struct link_request *request, struct postgres_link *link)
{
    const struct retention_op *op = (const struct retention_op *)request;
    struct postgres_params *params = link_params(link);

    op->write(op, params);
    link_send(link, op->statement, params);
}

static void ask(struct retention_op *op,
                void (*result)(struct link_request *request, uint32_t step, const PGresult *result),
                void (*done)(struct pg_op *op, const struct exo_error *err))
{
    op->statements[0] = (uint8_t)op->statement;
    op->op.request.send = retention_send;
    op->op.request.result = result;
    op->op.done = done;
    pg_op_read(&op->op, op->statements, 1);
}

/* ---- restore points ---- */

static void points_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct retention_op *op = (struct retention_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_restore_point *point = pg_op_row(&op->op, sizeof(*point));

        if (point == NULL) {
            return;
        }
        point->id = pg_int(result, i, 0);
        point->begun_ns = pg_time_ns(result, i, 1);
        point->completed_ns = PQgetisnull(result, i, 2) ? 0 : pg_time_ns(result, i, 2);
    }
}

static void points_done(struct pg_op *base, const struct exo_error *err)
{
    struct retention_op *op = (struct retention_op *)base;
    struct exo_error missing;

    if (err == NULL && op->statement == SQL_RESTORE_POINT_COMPLETE && base->row_count == 0) {
        err = pg_error(base->store, restore_point_missing(op->numbers[0], &missing));
    }
    op->points_done(base->argument, err == NULL ? base->rows : NULL,
                    err == NULL ? base->row_count : 0, err);
}

static void points_ask(struct store *store, enum postgres_statement statement, int64_t id,
                       store_restore_points_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = statement;
    op->write = statement == SQL_RESTORE_POINT_COMPLETE ? point_write : nothing_write;
    op->numbers[0] = id;
    op->points_done = done;
    ask(op, points_result, points_done);
}

void postgres_store_restore_point_begin(struct store *store, store_restore_points_done *done,
                                        void *argument)
{
    points_ask(store, SQL_RESTORE_POINT_BEGIN, 0, done, argument);
}

void postgres_store_restore_point_complete(struct store *store, int64_t id,
                                           store_restore_points_done *done, void *argument)
{
    points_ask(store, SQL_RESTORE_POINT_COMPLETE, id, done, argument);
}

void postgres_store_restore_point_list(struct store *store, store_restore_points_done *done,
                                       void *argument)
{
    points_ask(store, SQL_RESTORE_POINT_LIST, 0, done, argument);
}

/* ---- places ---- */

static void places_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct retention_op *op = (struct retention_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_place *place = pg_op_row(&op->op, sizeof(*place));

        if (place == NULL) {
            return;
        }
        place->shard = (uint32_t)pg_int(result, i, 0);
        place->offsets[0] = pg_int(result, i, 1);
        place->offsets[1] = pg_int(result, i, 2);
    }
}

static void places_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct retention_op *)base)
        ->places_done(base->argument, err == NULL ? base->rows : NULL,
                      err == NULL ? base->row_count : 0, err);
}

static void places_ask(struct store *store, enum postgres_statement statement,
                       store_places_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = statement;
    op->write = nothing_write;
    op->places_done = done;
    ask(op, places_result, places_done);
}

void postgres_store_restore_floors(struct store *store, store_places_done *done, void *argument)
{
    places_ask(store, SQL_RESTORE_FLOORS, done, argument);
}

void postgres_store_places(struct store *store, store_places_done *done, void *argument)
{
    places_ask(store, SQL_PLACES, done, argument);
}

/* ---- deletion ---- */

static void count_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct retention_op *op = (struct retention_op *)request;

    (void)step;
    if (PQntuples(result) == 1) {
        op->count = pg_int(result, 0, 0);
        op->is_more = op->statement == SQL_EXECUTION_DROP && pg_bool(result, 0, 1);
    }
}

static void count_done(struct pg_op *base, const struct exo_error *err)
{
    const struct retention_op *op = (const struct retention_op *)base;

    op->dropped_done(base->argument, (uint32_t)op->count, err);
}

void postgres_store_journal_drop(struct store *store, uint32_t shard, exo_time before_ns,
                                 uint32_t rows_max, store_dropped_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_JOURNAL_DROP;
    op->write = journal_write;
    op->numbers[0] = shard;
    op->numbers[1] = before_ns;
    op->numbers[2] = rows_max;
    op->dropped_done = done;
    ask(op, count_result, count_done);
}

void postgres_store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                                 store_dropped_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_LETTERS_DROP;
    op->write = letters_write;
    op->numbers[0] = before_ns;
    op->numbers[1] = rows_max;
    op->dropped_done = done;
    ask(op, count_result, count_done);
}

static void old_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct retention_op *op = (struct retention_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_old *old = pg_op_row(&op->op, sizeof(*old));

        if (old == NULL) {
            return;
        }
        pg_id(result, i, 0, &old->id);
        old->shard = (uint32_t)pg_int(result, i, 1);
        old->submitted_ns = pg_int(result, i, 2);
        old->ended_ns = pg_int(result, i, 3);
    }
}

static void old_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct retention_op *)base)
        ->old_done(base->argument, err == NULL ? base->rows : NULL,
                   err == NULL ? base->row_count : 0, err);
}

void postgres_store_old_list(struct store *store, const struct store_old_query *query,
                             store_old_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_OLD_LIST;
    op->write = old_write;
    op->query = *query;
    op->query.project = pg_op_text(&op->op, query->project);
    op->old_done = done;
    ask(op, old_result, old_done);
}

static void projects_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct retention_op *op = (struct retention_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_old_project *project = pg_op_row(&op->op, sizeof(*project));

        if (project == NULL) {
            return;
        }
        project->project = pg_op_text(&op->op, pg_text(result, i, 0));
        project->submitted_ns = pg_int(result, i, 1);
    }
}

static void projects_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct retention_op *)base)
        ->projects_done(base->argument, err == NULL ? base->rows : NULL,
                        err == NULL ? base->row_count : 0, err);
}

void postgres_store_old_projects(struct store *store, const char *after, uint32_t limit,
                                 store_old_projects_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_OLD_PROJECTS;
    op->write = projects_write;
    op->query = (struct store_old_query){.project = pg_op_text(&op->op, after), .limit = limit};
    op->projects_done = done;
    ask(op, projects_result, projects_done);
}

static void definitions_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct retention_op *op = (struct retention_op *)request;

    (void)step;
    if (PQntuples(result) == 1) {
        op->count = pg_int(result, 0, 0);
        op->is_more = PQgetisnull(result, 0, 1) == 0;
        if (op->is_more) {
            pg_digest(result, 0, 1, &op->digest);
        }
    }
}

static void definitions_done(struct pg_op *base, const struct exo_error *err)
{
    const struct retention_op *op = (const struct retention_op *)base;

    op->definitions_done(base->argument, err == NULL ? (uint32_t)op->count : 0,
                         err == NULL && op->is_more ? &op->digest : NULL, err);
}

void postgres_store_definition_drop(struct store *store, const struct digest *after,
                                    uint32_t rows_max, store_definitions_done *done, void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_DEFINITION_DROP;
    op->write = definitions_write;
    op->digest = *after;
    op->numbers[0] = rows_max;
    op->definitions_done = done;
    ask(op, definitions_result, definitions_done);
}

static void drop_done(struct pg_op *base, const struct exo_error *err)
{
    const struct retention_op *op = (const struct retention_op *)base;

    op->drop_done(base->argument, (uint32_t)op->count, op->is_more, err);
}

void postgres_store_execution_drop(struct store *store, const struct execution_id *ids,
                                   uint32_t count, uint32_t rows_max, store_drop_done *done,
                                   void *argument)
{
    struct retention_op *op = pg_op_new(store, sizeof(*op), argument);

    op->statement = SQL_EXECUTION_DROP;
    op->write = drop_write;
    op->numbers[0] = rows_max;
    op->drop_done = done;
    op->ids = arena_alloc(&op->op.arena, count * sizeof(*ids));
    op->op.is_full = op->ids == NULL;
    if (op->ids != NULL && count > 0) {
        op->id_count = count;
        memcpy(op->ids, ids, count * sizeof(*ids));
    }
    ask(op, count_result, drop_done);
}
