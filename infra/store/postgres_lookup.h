/* postgres_lookup: the addresses of a host name, found on another thread.
 *
 * libpq looks names up within PQconnectStart, which would hold the loop for as long as a name
 * server that is away takes to fail. Touches the resolver. */
#ifndef EXO_INFRA_STORE_POSTGRES_LOOKUP_H
#define EXO_INFRA_STORE_POSTGRES_LOOKUP_H

#include <stdbool.h>

#include "infra/loop/loop.h"

enum { LOOKUP_ADDRESSES_MAX = 8, LOOKUP_LIST_BYTES = LOOKUP_ADDRESSES_MAX * 256 };

struct postgres_lookup;

/* lookup_is_needed is true for one plain name: not an address, a socket's directory or a list. */
bool lookup_is_needed(const char *host);

/* postgres_lookup_begin starts a lookup; gives it until done or forget.
 * host  borrowed for the call
 * done  called once, on the loop's thread: hosts and addresses are comma-separated lists of equal
 *       length for libpq's host and hostaddr, NULL when the name has no address (why says so) */
struct postgres_lookup *postgres_lookup_begin(struct loop *loop, const char *host,
                                              void (*done)(void *argument, const char *hosts,
                                                           const char *addresses, const char *why),
                                              void *argument);

/* postgres_lookup_forget: done will not be called; NULL is allowed. */
void postgres_lookup_forget(struct postgres_lookup *lookup);

#endif /* EXO_INFRA_STORE_POSTGRES_LOOKUP_H */
