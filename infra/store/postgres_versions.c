#include "infra/store/postgres_store.h"

/* Stored clusters and satellites, and their versions. The rules of a put stand in the database
 * (exo_version_put): it holds the name's row meanwhile. */

/* ---- put and delete ---- */

/* What exo_version_put and _delete say. */
enum outcome { OUTCOME_SAME = 0, OUTCOME_NONE = 0, OUTCOME_DONE = 1, OUTCOME_OTHER = 2 };

struct put_op {
    struct pg_op op;
    struct store_version_put put;
    int64_t outcome, shown;
    bool is_read;
    store_version_put_done *put_done;
    store_done *delete_done;
};

static const uint8_t PUT_STATEMENTS[] = {SQL_VERSION_PUT};
static const uint8_t DELETE_STATEMENTS[] = {SQL_VERSION_DELETE};

static void put_name(struct postgres_params *params, const struct put_op *op)
{
    params_int8(params, op->put.kind);
    params_text(params, op->put.project);
    params_text(params, op->put.name);
}

static void put_send(struct link_request *request, struct postgres_link *link)
{
    const struct put_op *op = (const struct put_op *)request;
    struct postgres_params *params = link_params(link);

    put_name(params, op);
    params_bytes(params, digest_span(&op->put.digest));
    params_bytes(params, op->put.text);
    params_text(params, op->put.actor);
    params_text(params, op->put.message);
    params_int8(params, op->put.expected);
    link_send(link, SQL_VERSION_PUT, params);
}

static void delete_send(struct link_request *request, struct postgres_link *link)
{
    const struct put_op *op = (const struct put_op *)request;
    struct postgres_params *params = link_params(link);

    put_name(params, op);
    params_int8(params, op->put.expected);
    link_send(link, SQL_VERSION_DELETE, params);
}

static void outcome_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct put_op *op = (struct put_op *)request;

    (void)step;
    if (PQntuples(result) == 1) {
        op->outcome = pg_int(result, 0, 0);
        op->shown = pg_int(result, 0, 1);
        op->is_read = true;
    }
}

/* The error of an answer that is none of the database's; NULL when it did what was asked. */
static const struct exo_error *outcome_error(const struct put_op *op, struct exo_error *err)
{
    if (!op->is_read) {
        (void)exo_error_set(err, EXO_EINTERNAL, "the store did not say what it did");
        return err;
    }
    if (op->outcome == OUTCOME_OTHER) {
        (void)store_version_conflict(&op->put, op->shown, err);
        return err;
    }
    return NULL;
}

static void put_done(struct pg_op *base, const struct exo_error *err)
{
    struct put_op *op = (struct put_op *)base;
    struct exo_error own;

    err = err == NULL ? pg_error(base->store, outcome_error(op, &own)) : err;
    op->put_done(base->argument, err == NULL ? (uint32_t)op->shown : 0,
                 err == NULL && op->outcome == OUTCOME_DONE, err);
}

static struct put_op *put_op_new(struct store *store, const struct store_version_put *put,
                                 void *argument)
{
    struct put_op *op = pg_op_new(store, sizeof(*op), argument);

    op->put = *put;
    op->put.project = pg_op_text(&op->op, put->project);
    op->put.name = pg_op_text(&op->op, put->name);
    op->put.actor = pg_op_text(&op->op, put->actor == NULL ? "" : put->actor);
    op->put.message = pg_op_text(&op->op, put->message == NULL ? "" : put->message);
    op->put.text = pg_op_copy(&op->op, put->text);
    op->op.request.result = outcome_result;
    return op;
}

void postgres_store_version_put(struct store *store, const struct store_version_put *put,
                                store_version_put_done *done, void *argument)
{
    struct put_op *op = put_op_new(store, put, argument);

    op->put_done = done;
    op->op.request.send = put_send;
    op->op.done = put_done;
    pg_op_read(&op->op, PUT_STATEMENTS, 1);
}

static void delete_done(struct pg_op *base, const struct exo_error *err)
{
    struct put_op *op = (struct put_op *)base;
    struct exo_error own;

    err = err == NULL ? pg_error(base->store, outcome_error(op, &own)) : err;
    if (err == NULL && op->outcome == OUTCOME_NONE) {
        (void)store_version_missing(&op->put, &own);
        err = pg_error(base->store, &own);
    }
    op->delete_done(base->argument, err);
}

void postgres_store_version_delete(struct store *store, const struct store_version_put *name,
                                   store_done *done, void *argument)
{
    struct put_op *op = put_op_new(store, name, argument);

    op->delete_done = done;
    op->op.request.send = delete_send;
    op->op.done = delete_done;
    pg_op_read(&op->op, DELETE_STATEMENTS, 1);
}

/* ---- reads ---- */

struct read_op {
    struct pg_op op; /* rows: struct store_version */
    struct store_version_query query;
    uint8_t statement;
    store_versions_done *done;
};

static void read_send(struct link_request *request, struct postgres_link *link)
{
    const struct read_op *op = (const struct read_op *)request;
    const struct store_version_query *query = &op->query;
    struct postgres_params *params = link_params(link);

    params_int8(params, query->kind);
    params_text(params, query->project);
    params_text(params, query->name);
    switch (query->reading) {
    case STORE_VERSION_ONE:
        params_int8(params, query->number);
        break;
    case STORE_VERSION_LIST:
    case STORE_VERSION_TEXTS:
        params_text(params, query->after_project);
        params_int8(params, query->limit);
        break;
    case STORE_VERSION_HISTORY:
        params_int8(params, query->number);
        params_int8(params, query->limit);
        break;
    case STORE_VERSION_OF_TEXT:
        params_bytes(params, digest_span(&query->digest));
        break;
    }
    link_send(link, (enum postgres_statement)op->statement, params);
}

static void read_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct read_op *op = (struct read_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_version *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        row->project = pg_op_text(&op->op, pg_text(result, i, 0));
        row->name = pg_op_text(&op->op, pg_text(result, i, 1));
        row->number = (uint32_t)pg_int(result, i, 2);
        pg_digest(result, i, 3, &row->digest);
        row->created_ns = pg_int(result, i, 4);
        row->actor = pg_op_text(&op->op, pg_text(result, i, 5));
        row->message = pg_op_text(&op->op, pg_text(result, i, 6));
        row->is_deleted = pg_bool(result, i, 7);
        row->newest = (uint32_t)pg_int(result, i, 8);
        row->text = pg_op_copy(&op->op, pg_bytes(result, i, 9));
    }
}

static void read_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct read_op *)base)
        ->done(base->argument, err == NULL ? base->rows : NULL, err == NULL ? base->row_count : 0,
               err);
}

void postgres_store_version_read(struct store *store, const struct store_version_query *query,
                                 store_versions_done *done, void *argument)
{
    static const uint8_t statements[] = {
        [STORE_VERSION_ONE] = SQL_VERSION_ONE,
        [STORE_VERSION_LIST] = SQL_VERSION_LIST,
        [STORE_VERSION_TEXTS] = SQL_VERSION_TEXTS,
        [STORE_VERSION_HISTORY] = SQL_VERSION_HISTORY,
        [STORE_VERSION_OF_TEXT] = SQL_VERSION_OF_TEXT,
    };
    struct read_op *op = pg_op_new(store, sizeof(*op), argument);

    op->query = *query;
    op->query.project = pg_op_text(&op->op, query->project);
    op->query.name = pg_op_text(&op->op, query->name);
    op->query.after_project =
        pg_op_text(&op->op, query->after_project == NULL ? "" : query->after_project);
    op->statement = statements[query->reading];
    op->done = done;
    op->op.request.send = read_send;
    op->op.request.result = read_result;
    op->op.done = read_done;
    pg_op_read(&op->op, &statements[query->reading], 1);
}
