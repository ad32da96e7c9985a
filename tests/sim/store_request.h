/* store_request: a request of a client on its way to the database and back; for store_*.c here. */
#ifndef EXO_TESTS_SIM_STORE_REQUEST_H
#define EXO_TESTS_SIM_STORE_REQUEST_H

#include "schemas/vocab/error.h"
#include "tests/sim/sim.h"

/* A client of the database. */
struct store {
    struct loop *loop;
    uint64_t backend;
    uint64_t generation; /* of the database that backend is a process of */
    struct request *requests;
    bool is_closed;
};

/* store_connection_lost has the client go on with another backend. */
void store_connection_lost(struct store *store);

/* A request on its way: begin runs in the database, answer in the client. */
struct request {
    struct request *next; /* of the client, until answered */
    struct store *store;
    sim_call *begin;
    /* err is NULL when it did what was asked */
    void (*answer)(struct request *request, const struct exo_error *err);
    uint64_t generation; /* of the database it was sent to */
    bool is_failed;
    enum exo_error_code code;
    void *argument; /* of the caller */
    void *more;     /* of the kind */
};

/* request_new sends one; request_end sends its answer back; request_read is the begin of one that
 * reads when the answer arrives. */
struct request *request_new(struct store *store, sim_call *begin,
                            void (*answer)(struct request *request, const struct exo_error *err),
                            void *argument);
void request_end(struct request *request);
void request_read(void *request);

#endif /* EXO_TESTS_SIM_STORE_REQUEST_H */
