/* contract_cache: the contracts compiled last, so that a map of many tasks compiles its satellite
 * once. Direct-mapped by (execution, instance): bounded, nothing to tune. */
#ifndef EXO_WORKERS_CONTRACT_CACHE_H
#define EXO_WORKERS_CONTRACT_CACHE_H

#include "workers/contract.h"

enum { CONTRACT_CACHE_PLACES = 64 };

struct contract_cache {
    struct contract *places[CONTRACT_CACHE_PLACES];
};

/* contract_cache_release gives all contracts back. */
void contract_cache_release(struct contract_cache *cache);

/* contract_cache_get gives the contract of a spec, borrowed until the next call.
 * ret_error  CONTRACT_ERROR_BYTES, filled when NULL is returned */
EXO_CHECKED struct contract *contract_cache_get(struct contract_cache *cache,
                                                const struct wire_spec *spec, char *ret_error);

#endif /* EXO_WORKERS_CONTRACT_CACHE_H */
