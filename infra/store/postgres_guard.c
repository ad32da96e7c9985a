#include "infra/store/postgres_store.h"

/* ---- the marker of an input about to be stepped ---- */

struct mark_op {
    struct pg_op op;
    uint32_t shard;
    const char *process;
    const char *marker;
    store_done *done;
};

static const uint8_t MARK_STATEMENTS[] = {SQL_GUARD_MARK};

static void mark_send(struct link_request *request, struct postgres_link *link)
{
    const struct mark_op *op = (const struct mark_op *)request;
    struct postgres_params *params = link_params(link);

    params_int4(params, (int32_t)op->shard);
    params_text(params, op->process);
    params_text(params, op->marker);
    link_send(link, SQL_GUARD_MARK, params);
}

static void mark_done(struct pg_op *base, const struct exo_error *err)
{
    ((struct mark_op *)base)->done(base->argument, err);
}

void postgres_store_shard_mark(struct store *store, uint32_t shard, const char *process,
                               const char *marker, store_done *done, void *argument)
{
    struct mark_op *op = pg_op_new(store, sizeof(*op), argument);

    op->shard = shard;
    op->process = pg_op_text(&op->op, process);
    op->marker = pg_op_text(&op->op, marker);
    op->done = done;
    op->op.request.send = mark_send;
    op->op.done = mark_done;
    pg_op_ask(&op->op, op->op.store->commits, MARK_STATEMENTS, 1);
}
