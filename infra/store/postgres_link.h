/* postgres_link: one connection to Postgres that comes back by itself, and the requests on it.
 *
 *           name            address            poll             settings answered
 *   WAITING -----> LOOKUP ---------> CONNECTING -----> SETTING -----------------> UP
 *      ^             |                   |                |                        |
 *      +-------------+-- at most 5 s ----+----------------+-------- lost ----------+
 *
 *   ask --> [queue] --send--> [sent, in order] --result...--> end
 *
 * Each request is one pipeline up to its own sync: one round trip. A request in the queue waits for
 * the connection for a while; one that was sent when the connection is lost ends LINK_LOST: whether
 * it was done is not known. Sole user, with postgres_*.c, of libpq; all on the loop's thread. */
#ifndef EXO_INFRA_STORE_POSTGRES_LINK_H
#define EXO_INFRA_STORE_POSTGRES_LINK_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "infra/store/postgres_error.h"
#include "infra/store/postgres_params.h"
#include "infra/store/postgres_sql.h"
#include "schemas/vocab/error.h"

struct postgres_link;

/* A request, embedded in the caller's; kept until end. */
struct link_request {
    struct link_request *next;
    const uint8_t *statements; /* enum postgres_statement it may send; static */
    uint32_t statement_count;
    /* Sends the statements by link_send; called once when its turn has come. */
    void (*send)(struct link_request *request, struct postgres_link *link);
    /* One answered statement; step counts from 0. NULL: not wanted. Borrowed for the call. */
    void (*result)(struct link_request *request, uint32_t step, const PGresult *result);
    /* Called once; the request may be freed in it. failure is never NULL. */
    void (*end)(struct link_request *request, enum link_outcome outcome,
                const struct link_failure *failure);
    const char *script; /* a plain link: SQL to run instead of send; borrowed until end */

    /* The link's own. */
    uint8_t preparing[SQL_STATEMENT_NR];
    uint32_t preparing_count, prepared_count;
    uint32_t step;
    bool is_failed;
    bool is_unprepared; /* a preparation failed: what followed may have been done or not */
    exo_time due_ns;    /* when waiting in the queue, or for the answer, has lasted too long */
    struct link_failure failure;
};

struct postgres_link_settings {
    const char *url;         /* borrowed for the call; may hold a secret */
    const char *application; /* borrowed for the call */
    const char *purpose;     /* "commits", "leases", ...; static */
    const char *setup;       /* one SELECT of set_config(...) calls; static */
    uint32_t depth;          /* requests in flight at most */
    exo_time answer_ns; /* a request without answer for so long loses the connection; 0: never */
    bool is_plain;      /* no pipeline: requests are scripts */
};

/* postgres_link_new makes a link that begins to connect at once; keeps the loop.
 * Gives it, or NULL with *err (a url that libpq cannot read). */
EXO_CHECKED struct postgres_link *postgres_link_new(struct loop *loop,
                                                    const struct postgres_link_settings *settings,
                                                    struct exo_error *err);

/* postgres_link_free ends every request (LINK_LOST or LINK_UNSENT), then the connection. NULL is
 * allowed. */
void postgres_link_free(struct postgres_link *link);

/* postgres_link_ask queues a request; never calls back within the call. */
void postgres_link_ask(struct postgres_link *link, struct link_request *request);

/* link_send sends one statement of the request whose send is being called. */
void link_send(struct postgres_link *link, enum postgres_statement statement,
               const struct postgres_params *params);

/* link_params gives the link's own parameters, emptied; for use with the next link_send. */
struct postgres_params *link_params(struct postgres_link *link);

/* postgres_link_is_up is true while the connection stands and is set up. */
bool postgres_link_is_up(const struct postgres_link *link);

/* postgres_link_connection numbers the connections, from 1: the one that stands, or stood last; 0:
 * none has. */
uint64_t postgres_link_connection(const struct postgres_link *link);

/* postgres_link_load counts the requests queued and in flight. */
uint32_t postgres_link_load(const struct postgres_link *link);

/* postgres_link_trouble says in one line what the link waits for; "" when it is up. */
const char *postgres_link_trouble(const struct postgres_link *link);

#endif /* EXO_INFRA_STORE_POSTGRES_LINK_H */
