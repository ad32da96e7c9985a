/* redis_url: where a Redis server is and how to log in, from one text.
 *
 *   redis://[user[:password]@]host[:port][/db]      %XX in user and password
 *
 * Pure. Errors never show the text, as it may hold a password. */
#ifndef EXO_INFRA_CACHE_REDIS_URL_H
#define EXO_INFRA_CACHE_REDIS_URL_H

#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

enum { REDIS_HOST_BYTES = 256, REDIS_SECRET_BYTES = 512 };

struct redis_url {
    char host[REDIS_HOST_BYTES]; /* without the brackets of an IPv6 address */
    uint16_t port;               /* 6379 where none is given */
    uint16_t db;
    char user[REDIS_SECRET_BYTES];     /* "" for none */
    char password[REDIS_SECRET_BYTES]; /* "" for none */
};

/* redis_url_parse reads a URL. Returns 0, or -1 with *err (EXO_EINVALID) and *ret_url untouched:
 * another scheme, rediss:// (hiredis here has no TLS), a bad port, db or escape, a part that is
 * too long. */
EXO_CHECKED int redis_url_parse(const char *text, struct redis_url *ret_url, struct exo_error *err);

#endif /* EXO_INFRA_CACHE_REDIS_URL_H */
