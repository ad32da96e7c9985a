#include "infra/store/postgres_store.h"

#include <stdio.h>

/* Where blobs above 8 MiB are. */

struct object_op {
    struct pg_op op; /* rows: char[STORE_KEY_BYTES] of a claim */
    struct store_object object;
    bool has_digest;
    exo_time age_ns;
    uint32_t limit;
    uint8_t statement;
    bool is_found;
    store_done *plain_done;
    store_object_done *object_done;
    store_keys_done *keys_done;
};

static const uint8_t BEGIN_STATEMENTS[] = {SQL_OBJECT_BEGIN};
static const uint8_t PUT_STATEMENTS[] = {SQL_OBJECT_PUT};
static const uint8_t TOUCH_STATEMENTS[] = {SQL_OBJECT_TOUCH};
static const uint8_t GET_STATEMENTS[] = {SQL_OBJECT_GET};
static const uint8_t CLAIM_STATEMENTS[] = {SQL_OBJECT_CLAIM};
static const uint8_t FORGET_STATEMENTS[] = {SQL_OBJECT_FORGET};

static struct object_op *object_op_new(struct store *store, void *argument)
{
    return pg_op_new(store, sizeof(struct object_op), argument);
}

/* ---- statements that answer nothing ---- */

static void key_send(struct link_request *request, struct postgres_link *link)
{
    const struct object_op *op = (const struct object_op *)request;
    struct postgres_params *params = link_params(link);

    params_text(params, op->object.key);
    link_send(link, op->statement, params);
}

static void key_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct object_op *)base)->plain_done(base->argument, err);
}

static void key_ask(struct store *store, const char *key, const uint8_t *statement,
                    store_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    (void)snprintf(op->object.key, sizeof(op->object.key), "%s", key);
    op->statement = *statement;
    op->plain_done = done;
    op->op.request.send = key_send;
    op->op.done = key_done;
    pg_op_read(&op->op, statement, 1);
}

void postgres_store_object_begin(struct store *store, const char *key, store_done *done,
                                 void *argument)
{
    key_ask(store, key, BEGIN_STATEMENTS, done, argument);
}

void postgres_store_object_forget(struct store *store, const char *key, store_done *done,
                                  void *argument)
{
    key_ask(store, key, FORGET_STATEMENTS, done, argument);
}

/* ---- statements that answer one row ---- */

static void object_send(struct link_request *request, struct postgres_link *link)
{
    const struct object_op *op = (const struct object_op *)request;
    struct postgres_params *params = link_params(link);

    params_bytes(params, digest_span(&op->object.digest));
    if (op->statement == SQL_OBJECT_PUT) {
        params_text(params, op->object.key);
        params_int8(params, (int64_t)op->object.bytes);
    }
    link_send(link, op->statement, params);
}

static void object_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct object_op *op = (struct object_op *)request;

    (void)step;
    op->is_found = PQntuples(result) == 1;
    if (op->is_found) {
        (void)snprintf(op->object.key, sizeof(op->object.key), "%s", pg_text(result, 0, 0));
        op->object.bytes = (uint64_t)pg_int(result, 0, 1);
    }
}

static void object_done(struct pg_op *base, const struct exo_error *err)
{
    struct object_op *op = (struct object_op *)base;
    struct exo_error missing;

    if (err == NULL && !op->is_found) {
        if (op->statement == SQL_OBJECT_PUT) {
            (void)exo_error_set(&missing, EXO_EUNAVAILABLE,
                                "the upload took so long that it was collected; try again");
        } else {
            (void)exo_error_set(&missing, EXO_ENOTFOUND, "the store has no such blob");
        }
        err = pg_error(base->store, &missing);
    }
    op->object_done(base->argument, err == NULL ? &op->object : NULL, err);
}

static void object_ask(struct store *store, const struct store_object *object,
                       const uint8_t *statement, store_object_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    op->object = *object;
    op->statement = *statement;
    op->object_done = done;
    op->op.request.send = object_send;
    op->op.request.result = object_result;
    op->op.done = object_done;
    pg_op_read(&op->op, statement, 1);
}

void postgres_store_object_put(struct store *store, const struct store_object *object,
                               store_object_done *done, void *argument)
{
    object_ask(store, object, PUT_STATEMENTS, done, argument);
}

void postgres_store_object_touch(struct store *store, const struct digest *digest,
                                 store_object_done *done, void *argument)
{
    const struct store_object object = {.digest = *digest};

    object_ask(store, &object, TOUCH_STATEMENTS, done, argument);
}

void postgres_store_object_get(struct store *store, const struct digest *digest,
                               store_object_done *done, void *argument)
{
    const struct store_object object = {.digest = *digest};

    object_ask(store, &object, GET_STATEMENTS, done, argument);
}

/* ---- claims ---- */

static void claim_send(struct link_request *request, struct postgres_link *link)
{
    const struct object_op *op = (const struct object_op *)request;
    struct postgres_params *params = link_params(link);

    params_int8(params, op->age_ns / EXO_MICROSECOND);
    params_int8(params, op->limit);
    link_send(link, SQL_OBJECT_CLAIM, params);
}

static void claim_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct object_op *op = (struct object_op *)request;

    (void)step;
    for (int i = 0; i < PQntuples(result); i++) {
        char *key = pg_op_row(&op->op, STORE_KEY_BYTES);

        if (key == NULL) {
            return;
        }
        (void)snprintf(key, STORE_KEY_BYTES, "%s", pg_text(result, i, 0));
    }
}

static void claim_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct object_op *)base)
        ->keys_done(base->argument, err == NULL ? base->rows : NULL,
                    err == NULL ? base->row_count : 0, err);
}

void postgres_store_object_claim(struct store *store, exo_time age_ns, uint32_t limit,
                                 store_keys_done *done, void *argument)
{
    struct object_op *op = object_op_new(store, argument);

    op->age_ns = age_ns;
    op->limit = limit;
    op->keys_done = done;
    op->op.request.send = claim_send;
    op->op.request.result = claim_result;
    op->op.done = claim_done;
    pg_op_read(&op->op, CLAIM_STATEMENTS, 1);
}

/* ---- collection ---- */

struct collect_op {
    struct pg_op op;
    exo_time before_ns;
    uint32_t limit;
    bool is_dry;
    struct store_collected collected;
    store_collected_done *done;
};

static const uint8_t COLLECT_STATEMENTS[] = {SQL_COLLECT_RESULTS, SQL_COLLECT_BLOBS,
                                             SQL_COLLECT_OBJECTS};
static const uint8_t COUNT_STATEMENTS[] = {SQL_COLLECT_COUNT};

static void collect_send(struct link_request *request, struct postgres_link *link)
{
    const struct collect_op *op = (const struct collect_op *)request;

    for (size_t i = 0; i < sizeof(COLLECT_STATEMENTS); i++) {
        struct postgres_params *params = link_params(link);

        if (COLLECT_STATEMENTS[i] == SQL_COLLECT_RESULTS && !op->is_dry) {
            params_int8(params, op->limit);
            link_send(link, COLLECT_STATEMENTS[i], params);
            continue;
        }
        params_int8(params, op->before_ns / EXO_MICROSECOND);
        if (op->is_dry) {
            link_send(link, SQL_COLLECT_COUNT, params);
            return;
        }
        params_int8(params, op->limit);
        link_send(link, COLLECT_STATEMENTS[i], params);
    }
}

static void collect_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct collect_op *op = (struct collect_op *)request;
    struct store_collected *collected = &op->collected;

    if (step == (op->is_dry ? 0 : 1)) {
        collected->blobs = (uint64_t)pg_int(result, 0, 0);
        collected->blob_bytes = (uint64_t)pg_int(result, 0, 1);
    }
    if (step == 2 || op->is_dry) {
        collected->objects = (uint64_t)pg_int(result, 0, op->is_dry ? 2 : 0);
        collected->object_bytes = (uint64_t)pg_int(result, 0, op->is_dry ? 3 : 1);
    }
}

static void collect_done(struct pg_op *base, const struct exo_error *err)
{
    struct collect_op *op = (struct collect_op *)base;

    op->done(base->argument, err == NULL ? &op->collected : NULL, err);
}

void postgres_store_blob_collect(struct store *store, exo_time before_ns, uint32_t limit,
                                 bool is_dry, store_collected_done *done, void *argument)
{
    struct collect_op *op = pg_op_new(store, sizeof(*op), argument);

    op->before_ns = before_ns;
    op->limit = limit;
    op->is_dry = is_dry;
    op->done = done;
    op->op.request.send = collect_send;
    op->op.request.result = collect_result;
    op->op.done = collect_done;
    pg_op_read(&op->op, is_dry ? COUNT_STATEMENTS : COLLECT_STATEMENTS, is_dry ? 1 : 3);
}

/* ---- results ---- */

struct result_op {
    struct pg_op op;
    struct store_result_row row;
    struct span body;
    bool is_found;
    store_blob_done *get_done;
    store_done *put_done;
};

static const uint8_t RESULT_GET_STATEMENTS[] = {SQL_RESULT_GET};
static const uint8_t RESULT_PUT_STATEMENTS[] = {SQL_RESULT_PUT};

static void result_get_send(struct link_request *request, struct postgres_link *link)
{
    const struct result_op *op = (const struct result_op *)request;
    struct postgres_params *params = link_params(link);

    params_bytes(params, digest_span(&op->row.key));
    link_send(link, SQL_RESULT_GET, params);
}

static void result_get_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct result_op *op = (struct result_op *)request;

    (void)step;
    op->is_found = PQntuples(result) == 1;
    if (op->is_found) {
        op->body = pg_op_copy(&op->op, pg_bytes(result, 0, 0));
    }
}

static void result_get_done(struct pg_op *base, const struct exo_error *err)
{
    struct result_op *op = (struct result_op *)base;
    struct exo_error missing;

    if (err == NULL && !op->is_found) {
        (void)exo_error_set(&missing, EXO_ENOTFOUND, "there is no such result");
        err = &missing;
    }
    op->get_done(base->argument, op->body, err);
}

void postgres_store_result_get(struct store *store, const struct digest *key, store_blob_done *done,
                               void *argument)
{
    struct result_op *op = pg_op_new(store, sizeof(*op), argument);

    op->row.key = *key;
    op->get_done = done;
    op->op.request.send = result_get_send;
    op->op.request.result = result_get_result;
    op->op.done = result_get_done;
    pg_op_read(&op->op, RESULT_GET_STATEMENTS, 1);
}

static void result_put_send(struct link_request *request, struct postgres_link *link)
{
    const struct result_op *op = (const struct result_op *)request;
    struct postgres_params *params = link_params(link);

    params_bytes(params, digest_span(&op->row.key));
    params_int8(params, op->row.ttl_ns / EXO_MICROSECOND);
    params_bytes(params, op->row.body);
    params_array(params, TYPE_BYTEA, op->row.blob_count);
    for (uint32_t i = 0; i < op->row.blob_count; i++) {
        array_bytes(params, digest_span(&op->row.blobs[i]));
    }
    params_array_end(params);
    link_send(link, SQL_RESULT_PUT, params);
}

static void result_put_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct result_op *)base)->put_done(base->argument, err);
}

void postgres_store_result_put(struct store *store, const struct store_result_row *row,
                               store_done *done, void *argument)
{
    struct result_op *op = pg_op_new(store, sizeof(*op), argument);

    op->row = *row;
    op->put_done = done;
    op->op.request.send = result_put_send;
    op->op.done = result_put_done;
    pg_op_read(&op->op, RESULT_PUT_STATEMENTS, 1);
}
