#include "infra/store/postgres_store.h"

#include <string.h>

/* ---- lease rounds ---- */

struct lease_op {
    struct pg_op op; /* rows: struct store_lease */
    store_leases_done *done;
    const char *process;
    bool is_leaving;
    uint32_t *releases;
    uint32_t release_count;
    struct store_lease *takes;
    uint32_t take_count;
    const char **processes;
    uint64_t *process_beats;
    uint32_t process_count;
    exo_time now_ns;
};

/* One sync, so one transaction: the table is read as the round left it. */
static const uint8_t LEASE_STATEMENTS[] = {SQL_LEASE_ROUND, SQL_LEASES, SQL_PROCESSES,
                                           SQL_GUARD_CLOSE};

/* What is given back has been closed cleanly; behind the rest, and only where there is some. */
static void send_close(const struct lease_op *op, struct postgres_link *link)
{
    struct postgres_params *params = link_params(link);

    if (op->release_count == 0 && !op->is_leaving) {
        return;
    }
    params_text(params, op->process);
    params_bool(params, op->is_leaving);
    params_array(params, TYPE_INT4, op->release_count);
    for (uint32_t i = 0; i < op->release_count; i++) {
        array_int4(params, (int32_t)op->releases[i]);
    }
    params_array_end(params);
    link_send(link, SQL_GUARD_CLOSE, params);
}

static void lease_send(struct link_request *request, struct postgres_link *link)
{
    const struct lease_op *op = (const struct lease_op *)request;
    struct postgres_params *params = link_params(link);

    params_text(params, op->process);
    params_bool(params, op->is_leaving);
    params_array(params, TYPE_INT4, op->release_count);
    for (uint32_t i = 0; i < op->release_count; i++) {
        array_int4(params, (int32_t)op->releases[i]);
    }
    params_array_end(params);
    params_array(params, TYPE_INT4, op->take_count);
    for (uint32_t i = 0; i < op->take_count; i++) {
        array_int4(params, (int32_t)op->takes[i].shard);
    }
    params_array_end(params);
    params_array(params, TYPE_TEXT, op->take_count);
    for (uint32_t i = 0; i < op->take_count; i++) {
        array_bytes(params, span_of(op->takes[i].owner));
    }
    params_array_end(params);
    params_array(params, TYPE_INT8, op->take_count);
    for (uint32_t i = 0; i < op->take_count; i++) {
        array_int8(params, (int64_t)op->takes[i].beat);
    }
    params_array_end(params);
    link_send(link, SQL_LEASE_ROUND, params);
    link_send(link, SQL_LEASES, link_params(link));
    link_send(link, SQL_PROCESSES, link_params(link));
    send_close(op, link);
}

static void read_processes(struct lease_op *op, const PGresult *result)
{
    uint32_t count = (uint32_t)PQntuples(result);

    op->processes = arena_alloc(&op->op.arena, count * sizeof(*op->processes));
    op->process_beats = arena_alloc(&op->op.arena, count * sizeof(*op->process_beats));
    if (op->processes == NULL || op->process_beats == NULL) {
        op->op.is_full = true;
        return;
    }
    op->process_count = count;
    for (uint32_t i = 0; i < count; i++) {
        op->processes[i] = pg_op_text(&op->op, pg_text(result, (int)i, 0));
        op->process_beats[i] = (uint64_t)pg_int(result, (int)i, 1);
    }
}

static void lease_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct lease_op *op = (struct lease_op *)request;

    if (step == 2) {
        read_processes(op, result);
    }
    for (int i = 0; step == 1 && i < PQntuples(result); i++) {
        struct store_lease *lease = pg_op_row(&op->op, sizeof(*lease));

        if (lease == NULL) {
            return;
        }
        lease->shard = (uint32_t)pg_int(result, i, 0);
        strncpy(lease->owner, pg_text(result, i, 1), sizeof(lease->owner) - 1);
        lease->beat = (uint64_t)pg_int(result, i, 2);
        op->now_ns = pg_time_ns(result, i, 3);
    }
}

static void lease_done(struct pg_op *base, const struct exo_error *err)
{
    struct lease_op *op = (struct lease_op *)base;
    const struct store_leases leases = {
        .leases = base->rows,
        .count = base->row_count,
        .processes = op->processes,
        .process_beats = op->process_beats,
        .process_count = op->process_count,
        .database_now_ns = op->now_ns,
    };

    op->done(base->argument, err == NULL ? &leases : NULL, err);
}

void postgres_store_lease_round(struct store *store, const struct store_lease_round *round,
                                store_leases_done *done, void *argument)
{
    struct lease_op *op = pg_op_new(store, sizeof(*op), argument);

    op->done = done;
    op->process = pg_op_text(&op->op, round->process);
    op->is_leaving = round->is_leaving;
    struct span releases = {round->releases, round->release_count * sizeof(*round->releases)};
    struct span takes = {round->takes, round->take_count * sizeof(*round->takes)};

    op->releases = arena_alloc(&op->op.arena, releases.bytes);
    op->takes = arena_alloc(&op->op.arena, takes.bytes);
    if (op->releases != NULL && op->takes != NULL) {
        op->release_count = round->release_count;
        op->take_count = round->take_count;
        if (releases.bytes != 0) {
            memcpy(op->releases, releases.data, releases.bytes);
        }
        if (takes.bytes != 0) {
            memcpy(op->takes, takes.data, takes.bytes);
        }
    }
    op->op.request.send = lease_send;
    op->op.request.result = lease_result;
    op->op.done = lease_done;
    pg_op_ask(&op->op, op->op.store->leases, LEASE_STATEMENTS, sizeof(LEASE_STATEMENTS));
}

/* ---- the row of a shard ---- */

struct shard_op {
    struct pg_op op;
    uint32_t number;
    const char *process;
    struct store_shard *shard; /* in the arena, once read */
    exo_time now_ns;
    store_take_done *take_done;
    store_shard_done *get_done;
};

/* One sync, so one transaction. */
static const uint8_t TAKE_STATEMENTS[] = {SQL_SHARD_TAKE, SQL_GUARD_OPEN};
static const uint8_t SHARD_STATEMENTS[] = {SQL_SHARD_GET};

static void shard_send(struct link_request *request, struct postgres_link *link)
{
    const struct shard_op *op = (const struct shard_op *)request;
    struct postgres_params *params = link_params(link);

    params_int4(params, (int32_t)op->number);
    if (op->process != NULL) {
        params_text(params, op->process);
    }
    link_send(link, op->process != NULL ? SQL_SHARD_TAKE : SQL_SHARD_GET, params);
    if (op->process != NULL) {
        params = link_params(link);
        params_int4(params, (int32_t)op->number);
        params_text(params, op->process);
        link_send(link, SQL_GUARD_OPEN, params);
    }
}

static void guard_read(struct store_guard *guard, const PGresult *result)
{
    guard->crashes = (uint32_t)pg_int(result, 0, 0);
    guard->deaths = (uint32_t)pg_int(result, 0, 1);
    strncpy(guard->suspect, pg_text(result, 0, 2), sizeof(guard->suspect) - 1);
}

static void shard_result(struct link_request *request, uint32_t step, const PGresult *result)
{
    struct shard_op *op = (struct shard_op *)request;

    if (PQntuples(result) != 1) {
        return;
    }
    if (step == 1) {
        if (op->shard != NULL) {
            guard_read(&op->shard->guard, result);
        }
        return;
    }
    struct store_shard *shard = arena_alloc(&op->op.arena, sizeof(*shard));

    if (shard == NULL) {
        op->op.is_full = true;
        return;
    }
    shard->shard = op->number;
    shard->epoch = (uint64_t)pg_int(result, 0, 0);
    shard->batch = (uint64_t)pg_int(result, 0, 1);
    shard->now_ns = pg_int(result, 0, 2);
    for (int i = 0; i < STORE_INPUTS; i++) {
        shard->inputs[i].offset = pg_int(result, 0, 3 + 2 * i);
        shard->inputs[i].checksum = (uint32_t)pg_int(result, 0, 4 + 2 * i);
    }
    shard->event_batch = (uint64_t)pg_int(result, 0, 7);
    shard->extra = pg_op_copy(&op->op, pg_bytes(result, 0, 8));
    op->shard = shard;
    shard->connection = 0;
    if (op->process != NULL) {
        op->now_ns = pg_time_ns(result, 0, 9);
        shard->connection = postgres_link_connection(op->op.store->commits);
    }
}

static void shard_done(struct pg_op *base, const struct exo_error *err)
{
    struct shard_op *op = (struct shard_op *)base;
    struct exo_error missing;

    if (err == NULL && op->shard == NULL) {
        (void)exo_error_set(&missing, EXO_ENOTFOUND, "the store has no shard %u", op->number);
        err = pg_error(base->store, &missing);
    }
    if (op->take_done != NULL) {
        op->take_done(base->argument, err == NULL ? op->shard : NULL, op->now_ns, err);
    } else {
        op->get_done(base->argument, err == NULL ? op->shard : NULL, err);
    }
}

void postgres_store_shard_take(struct store *store, uint32_t shard, const char *process,
                               store_take_done *done, void *argument)
{
    struct shard_op *op = pg_op_new(store, sizeof(*op), argument);

    op->number = shard;
    op->process = pg_op_text(&op->op, process);
    op->take_done = done;
    op->op.request.send = shard_send;
    op->op.request.result = shard_result;
    op->op.done = shard_done;
    pg_op_ask(&op->op, op->op.store->commits, TAKE_STATEMENTS, sizeof(TAKE_STATEMENTS));
}

void postgres_store_shard_get(struct store *store, uint32_t shard, store_shard_done *done,
                              void *argument)
{
    struct shard_op *op = pg_op_new(store, sizeof(*op), argument);

    op->number = shard;
    op->get_done = done;
    op->op.request.send = shard_send;
    op->op.request.result = shard_result;
    op->op.done = shard_done;
    pg_op_read(&op->op, SHARD_STATEMENTS, 1);
}
