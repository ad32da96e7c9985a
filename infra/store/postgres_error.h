/* postgres_error: how a request to Postgres ended, and what that means to the one who asked.
 *
 * Pure: reads results of libpq, touches nothing else. */
#ifndef EXO_INFRA_STORE_POSTGRES_ERROR_H
#define EXO_INFRA_STORE_POSTGRES_ERROR_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "schemas/vocab/error.h"

enum link_outcome {
    LINK_DONE,   /* every statement succeeded and the sync was answered */
    LINK_ERROR,  /* the server refused one; failure says why; what was one transaction is undone */
    LINK_LOST,   /* the connection went after something was sent */
    LINK_UNSENT, /* never sent: the server stayed away, or the link is being closed */
};

/* What the server said. */
struct link_failure {
    char sqlstate[6];
    bool is_fatal; /* the server ended the connection with it */
    char constraint[64];
    char detail[32];
    char text[400]; /* one line */
};

/* failure_line copies text as one line, cut to fit; NULL gives "". */
void failure_line(char *to, size_t to_bytes, const char *text);

/* failure_read fills *ret_failure from a result that is an error. */
void failure_read(const PGresult *result, struct link_failure *ret_failure);

/* link_error turns an end that is not LINK_DONE into an error. Returns err. */
const struct exo_error *link_error(enum link_outcome outcome, const struct link_failure *failure,
                                   struct exo_error *err);

#endif /* EXO_INFRA_STORE_POSTGRES_ERROR_H */
