/* redis_link: one connection to Redis on the loop, that comes back by itself.
 *
 *   DOWN --resolve--> CONNECTING --AUTH, SELECT--> UP --error--> DOWN ... at most 5 s apart
 *
 * Sole user of hiredis beside redis.c. Names are looked up on another thread. */
#ifndef EXO_INFRA_CACHE_REDIS_LINK_H
#define EXO_INFRA_CACHE_REDIS_LINK_H

#include <hiredis/async.h>

#include "infra/cache/redis_url.h"
#include "infra/loop/loop.h"

struct redis_link;

struct redis_link_owner {
    /* The connection is there and logged in: send what must be sent first. */
    void (*up)(void *argument);
    /* It is gone; replies still open have been called with NULL. */
    void (*down)(void *argument);
    /* Why, for people; never a secret. */
    void (*notice)(void *argument, const char *text);
};

/* redis_link_new starts to connect on the next turn. Keeps all but owner, which is copied. */
struct redis_link *redis_link_new(struct loop *loop, const struct redis_url *url,
                                  const struct redis_link_owner *owner, void *argument);

/* redis_link_free closes; open replies are called with NULL first, the owner's down is not. */
void redis_link_free(struct redis_link *link);

/* redis_link_is_up is true while commands may be sent. */
bool redis_link_is_up(const struct redis_link *link);

/* redis_link_drop ends a connection that does not answer and makes another. */
void redis_link_drop(struct redis_link *link, const char *why);

/* redis_link_send appends one command to the pipeline, which is written when the turn ends.
 * reply  called once with the reply, or with NULL when the connection ended; as often as messages
 *        come for SUBSCRIBE
 * Returns false (and does not call) when the link is not up. */
EXO_CHECKED bool redis_link_send(struct redis_link *link, redisCallbackFn *reply, void *argument,
                                 int count, const char **words, const size_t *word_bytes);

#endif /* EXO_INFRA_CACHE_REDIS_LINK_H */
