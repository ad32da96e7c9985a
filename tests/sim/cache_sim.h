/* cache_sim: infra/cache over a model of Redis: the newest version of each view. */
#ifndef EXO_TESTS_SIM_CACHE_SIM_H
#define EXO_TESTS_SIM_CACHE_SIM_H

#include "infra/cache/cache.h"

/* cache_new gives a process's client; cache_begin empties the server all share. */
struct cache *cache_new(struct loop *loop);
void cache_begin(void);

/* cache_hang loses every view until then; cache_fail_over puts an older copy in its place. */
void cache_hang(exo_time until_ns);
void cache_fail_over(void);

#endif /* EXO_TESTS_SIM_CACHE_SIM_H */
