#include "infra/store/postgres_store.h"

/* What stands beside the executions: idempotency keys, blobs, dead letters. */

/* ---- idempotency keys ---- */

struct key_op {
    struct pg_op op;
    const char *project, *key;
    struct execution_id id;
    struct digest body;
    bool is_read;
    store_key_done *done;
};

static const uint8_t KEY_STATEMENTS[] = {SQL_KEY_PUT, SQL_KEY_GET};

static void key_send(struct link_request *request, struct postgres_link *link)
{
    const struct key_op *op = (const struct key_op *)request;
    struct postgres_params *params = link_params(link);

    params_text(params, op->project);
    params_text(params, op->key);
    params_bytes(params, id_span(&op->id));
    params_bytes(params, digest_span(&op->body));
    link_send(link, SQL_KEY_PUT, params);
    params = link_params(link);
    params_text(params, op->project);
    params_text(params, op->key);
    link_send(link, SQL_KEY_GET, params);
}

static void key_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct key_op *op = (struct key_op *)request;

    if (step == 1 && PQntuples(result) == 1) {
        pg_id(result, 0, 0, &op->id);
        pg_digest(result, 0, 1, &op->body);
        op->is_read = true;
    }
}

static void key_done(struct pg_op *base, const struct exo_error *err)
{
    struct key_op *op = (struct key_op *)base;
    struct exo_error missing;

    if (err == NULL && !op->is_read) {
        (void)exo_error_set(&missing, EXO_EINTERNAL, "a key just put is not there");
        err = pg_error(base->store, &missing);
    }
    op->done(base->argument, err == NULL ? &op->id : NULL, err == NULL ? &op->body : NULL, err);
}

void postgres_store_key_put(struct store *store, const char *project, const char *key,
                            const struct execution_id *id, const struct digest *body,
                            store_key_done *done, void *argument)
{
    struct key_op *op = pg_op_new(store, sizeof(*op), argument);

    op->project = pg_op_text(&op->op, project);
    op->key = pg_op_text(&op->op, key);
    op->id = *id;
    op->body = *body;
    op->done = done;
    op->op.request.send = key_send;
    op->op.request.result = key_result;
    op->op.done = key_done;
    pg_op_read(&op->op, KEY_STATEMENTS, sizeof(KEY_STATEMENTS));
}

/* ---- blobs ---- */

struct blob_op {
    struct pg_op op;
    struct digest digest;
    struct span bytes;
    bool is_found;
    store_done *put_done;
    store_blob_done *get_done;
};

static const uint8_t PUT_STATEMENTS[] = {SQL_BLOB_PUT};
static const uint8_t GET_STATEMENTS[] = {SQL_BLOB_GET};

static void blob_put_send(struct link_request *request, struct postgres_link *link)
{
    const struct blob_op *op = (const struct blob_op *)request;
    struct postgres_params *params = link_params(link);

    params_bytes(params, digest_span(&op->digest));
    params_bytes(params, op->bytes);
    link_send(link, SQL_BLOB_PUT, params);
}

static void blob_put_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct blob_op *)base)->put_done(base->argument, err);
}

/* A blob that is too large is refused on the next turn, as every answer. */
static void blob_refuse(void *argument)
{
    struct blob_op *op = argument;
    struct exo_error err;

    (void)exo_error_set(&err, EXO_ELIMIT, "a blob may have %d bytes, not %zu", STORE_BLOB_BYTES_MAX,
                        op->bytes.bytes);
    op->put_done(op->op.argument, &err);
    pg_op_free(&op->op);
}

void postgres_store_blob_put(struct store *store, const struct digest *digest, struct span bytes,
                             store_done *done, void *argument)
{
    struct blob_op *op = pg_op_new(store, sizeof(*op), argument);

    op->digest = *digest;
    op->bytes = bytes;
    op->put_done = done;
    if (bytes.bytes > STORE_BLOB_BYTES_MAX) {
        loop_defer(op->op.store->loop, blob_refuse, op);
        return;
    }
    op->op.request.send = blob_put_send;
    op->op.done = blob_put_done;
    pg_op_read(&op->op, PUT_STATEMENTS, 1);
}

static void blob_get_send(struct link_request *request, struct postgres_link *link)
{
    const struct blob_op *op = (const struct blob_op *)request;
    struct postgres_params *params = link_params(link);

    params_bytes(params, digest_span(&op->digest));
    link_send(link, SQL_BLOB_GET, params);
}

static void blob_get_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct blob_op *op = (struct blob_op *)request;

    (void)step;
    if (PQntuples(result) == 1) {
        op->is_found = true;
        op->bytes = pg_op_copy(&op->op, pg_bytes(result, 0, 0));
    }
}

static void blob_get_done(struct pg_op *base, const struct exo_error *err)
{
    struct blob_op *op = (struct blob_op *)base;
    struct exo_error missing;

    if (err == NULL && !op->is_found) {
        (void)exo_error_set(&missing, EXO_ENOTFOUND, "the store has no such blob");
        err = pg_error(base->store, &missing);
    }
    op->get_done(base->argument, op->bytes, err);
}

void postgres_store_blob_get(struct store *store, const struct digest *digest,
                             store_blob_done *done, void *argument)
{
    struct blob_op *op = pg_op_new(store, sizeof(*op), argument);

    op->digest = *digest;
    op->get_done = done;
    op->op.request.send = blob_get_send;
    op->op.request.result = blob_get_result;
    op->op.done = blob_get_done;
    pg_op_read(&op->op, GET_STATEMENTS, 1);
}

/* ---- dead letters ---- */

struct letter_op {
    struct pg_op op; /* rows: struct store_dead_letter_row */
    int64_t id;
    uint32_t limit;
    bool is_found;
    store_letters_done *list_done;
    store_done *replayed_done;
};

static const uint8_t LIST_STATEMENTS[] = {SQL_DEAD_LETTER_LIST};
static const uint8_t REPLAYED_STATEMENTS[] = {SQL_DEAD_LETTER_REPLAYED};

static void letter_list_send(struct link_request *request, struct postgres_link *link)
{
    const struct letter_op *op = (const struct letter_op *)request;
    struct postgres_params *params = link_params(link);

    params_int8(params, op->id);
    params_int8(params, op->limit);
    link_send(link, SQL_DEAD_LETTER_LIST, params);
}

static void letter_list_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct letter_op *op = (struct letter_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        struct store_dead_letter_row *row = pg_op_row(&op->op, sizeof(*row));

        if (row == NULL) {
            return;
        }
        struct store_dead_letter *letter = &row->letter;

        row->id = pg_int(result, i, 0);
        row->is_replayed = pg_bool(result, i, 1);
        letter->topic = pg_op_text(&op->op, pg_text(result, i, 2));
        letter->partition = (uint32_t)pg_int(result, i, 3);
        letter->offset = pg_int(result, i, 4);
        letter->at_ns = pg_int(result, i, 5);
        letter->reason = pg_op_text(&op->op, pg_text(result, i, 6));
        letter->key = pg_op_copy(&op->op, pg_bytes(result, i, 7));
        letter->value = pg_op_copy(&op->op, pg_bytes(result, i, 8));
    }
}

static void letter_list_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct letter_op *)base)
        ->list_done(base->argument, err == NULL ? base->rows : NULL,
                    err == NULL ? base->row_count : 0, err);
}

void postgres_store_dead_letter_list(struct store *store, int64_t after, uint32_t limit,
                                     store_letters_done *done, void *argument)
{
    struct letter_op *op = pg_op_new(store, sizeof(*op), argument);

    op->id = after;
    op->limit = limit;
    op->list_done = done;
    op->op.request.send = letter_list_send;
    op->op.request.result = letter_list_result;
    op->op.done = letter_list_done;
    pg_op_read(&op->op, LIST_STATEMENTS, 1);
}

static void replayed_send(struct link_request *request, struct postgres_link *link)
{
    const struct letter_op *op = (const struct letter_op *)request;
    struct postgres_params *params = link_params(link);

    params_int8(params, op->id);
    link_send(link, SQL_DEAD_LETTER_REPLAYED, params);
}

static void replayed_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    (void)step;
    ((struct letter_op *)request)->is_found = PQntuples(result) == 1;
}

static void replayed_done(struct pg_op *base, const struct exo_error *err)
{
    struct letter_op *op = (struct letter_op *)base;
    struct exo_error missing;

    if (err == NULL && !op->is_found) {
        (void)exo_error_set(&missing, EXO_ENOTFOUND, "there is no dead letter %lld",
                            (long long)op->id);
        err = pg_error(base->store, &missing);
    }
    op->replayed_done(base->argument, err);
}

void postgres_store_dead_letter_replayed(struct store *store, int64_t id, store_done *done,
                                         void *argument)
{
    struct letter_op *op = pg_op_new(store, sizeof(*op), argument);

    op->id = id;
    op->replayed_done = done;
    op->op.request.send = replayed_send;
    op->op.request.result = replayed_result;
    op->op.done = replayed_done;
    pg_op_read(&op->op, REPLAYED_STATEMENTS, 1);
}
