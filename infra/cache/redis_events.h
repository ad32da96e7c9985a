/* redis_events: the subscriptions of a cache on Redis, one channel an execution, on a connection
 * of their own.
 *
 *   NONE --SUBSCRIBE--> ASKED --confirmed: gap--> ON --UNSUBSCRIBE--> LEAVING --confirmed--> NONE
 *
 * hiredis 0.14 forgets a channel that is subscribed while its unsubscription is under way, and
 * aborts when the last one goes: so a channel waits for its end before it begins again, and one
 * channel of our own stays for ever. Messages on that one also show that the connection lives. */
#ifndef EXO_INFRA_CACHE_REDIS_EVENTS_H
#define EXO_INFRA_CACHE_REDIS_EVENTS_H

#include "infra/cache/driver.h"
#include "infra/cache/redis_link.h"

enum { REDIS_NAME_BYTES = 64 /* of keys and channels */ };

struct redis_events;

/* redis_name writes "exo:PREFIX:ID", the name of a key or channel. */
void redis_name(char name[REDIS_NAME_BYTES], const char *prefix, const struct execution_id *id);

/* redis_events_new begins to connect. Keeps everything.
 * commands  the other connection, which carries the pulse; must not be freed in a callback */
struct redis_events *redis_events_new(struct loop *loop, const struct redis_url *url,
                                      struct cache *cache, struct redis_link *commands,
                                      void (*notice)(void *argument, const char *text),
                                      void *argument);

/* redis_events_free closes. */
void redis_events_free(struct redis_events *events);

/* redis_events_subscribe wants the events of an execution, for watches_call; each time the
 * subscription begins (again) the watches are told of a gap. redis_events_unsubscribe ends it. */
void redis_events_subscribe(struct redis_events *events, const struct execution_id *id);
void redis_events_unsubscribe(struct redis_events *events, const struct execution_id *id);

#endif /* EXO_INFRA_CACHE_REDIS_EVENTS_H */
