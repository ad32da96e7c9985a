#include "tests/sim/store_request.h"

#include <assert.h>

#include "infra/store/store.h"
#include "tests/sim/database.h"
#include "tests/sim/store_sim.h"

struct store *store_new(struct loop *loop)
{
    struct store *store = sim_alloc(sizeof(*store));

    store->loop = loop;
    store->backend = ++database.backends;
    store->generation = database.generation;
    return store;
}

uint64_t store_connection(struct store *store)
{
    if (store->generation != database.generation) {
        store->generation = database.generation;
        store->backend = ++database.backends;
    }
    return store->backend;
}

void store_connection_lost(struct store *store)
{
    store->backend = ++database.backends;
}

static void request_unlink(struct request *request)
{
    for (struct request **link = &request->store->requests; *link != NULL; link = &(*link)->next) {
        if (*link == request) {
            *link = request->next;
            return;
        }
    }
}

static void request_answered(void *argument)
{
    struct request *request = argument;
    struct exo_error err;

    if (request->store->is_closed) {
        return;
    }
    request_unlink(request);
    if (request->generation != database.generation && !request->is_failed) {
        request->is_failed = true;
        request->code = EXO_EUNKNOWN;
    }
    if (request->is_failed) {
        (void)exo_error_set(&err, request->code, "the database does not answer");
    }
    request->answer(request, request->is_failed ? &err : NULL);
}

void request_end(struct request *request)
{
    sim_in(50 * EXO_MICROSECOND, 2 * EXO_MILLISECOND, request->store->loop, request_answered,
           request);
}

static void request_arrives(void *argument)
{
    struct request *request = argument;

    if (database.down_until_ns > sim.now_ns || request->generation != database.generation) {
        if (request->generation == request->store->generation) {
            store_connection_lost(request->store);
        }
        request->is_failed = true;
        request->code = EXO_EUNAVAILABLE;
        request_end(request);
        return;
    }
    if (fault_fires(&sim.faults, FAULT_STORE_ERROR)) {
        request->is_failed = true;
        request->code = dice_chance(&sim.luck, 500000) ? EXO_EUNKNOWN : EXO_EUNAVAILABLE;
        if (request->code == EXO_EUNAVAILABLE) {
            request_end(request);
            return;
        }
    }
    request->begin(request);
}

struct request *request_new(struct store *store, sim_call *begin,
                            void (*answer)(struct request *request, const struct exo_error *err),
                            void *argument)
{
    struct request *request = sim_alloc(sizeof(*request));

    assert(!store->is_closed);
    request->store = store;
    request->begin = begin;
    request->answer = answer;
    request->argument = argument;
    request->generation = database.generation;
    request->next = store->requests;
    store->requests = request;
    if (!store->loop->is_dead) { /* nothing leaves a dead process */
        exo_time slow_ns = fault_fires(&sim.faults, FAULT_STORE_SLOW)
                               ? sim_draw_fault(EXO_SECOND, 10 * EXO_SECOND)
                               : 0;

        sim_in(slow_ns + 50 * EXO_MICROSECOND, slow_ns + 2 * EXO_MILLISECOND, NULL, request_arrives,
               request);
    }
    return request;
}

void store_close(struct store *store)
{
    struct exo_error err;

    (void)exo_error_set(&err, EXO_EUNKNOWN, "the store is closed");
    while (store->requests != NULL) {
        struct request *request = store->requests;

        store->requests = request->next;
        request->answer(request, &err);
    }
    store->is_closed = true;
}
