#include "workers/contract_cache.h"

void contract_cache_release(struct contract_cache *cache)
{
    for (size_t i = 0; i < CONTRACT_CACHE_PLACES; i++) {
        contract_release(cache->places[i]);
        cache->places[i] = NULL;
    }
}

static bool contexts_equal(const struct wire_spec *a, const struct wire_spec *b)
{
    if (a->context_count != b->context_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->context_count; i++) {
        const struct wire_context *x = &a->contexts[i];
        const struct wire_context *y = &b->contexts[i];

        if (x->kind != y->kind || x->count != y->count || x->bytes != y->bytes ||
            x->instance != y->instance || !span_equal(x->path, y->path) ||
            !span_equal(x->json, y->json) ||
            memcmp(x->digest.bytes, y->digest.bytes, DIGEST_BYTES) != 0) {
            return false;
        }
    }
    return true;
}

/* Everything a contract is made of, compared: a wrong hit would run the wrong thing. What is not
 * compared (labels, times) cannot differ within an execution. */
static bool is_same(const struct wire_spec *a, const struct wire_spec *b)
{
    return a->instance == b->instance && execution_id_equal(&a->execution, &b->execution) &&
           a->is_map == b->is_map && span_equal(a->definition, b->definition) &&
           span_equal(a->image_digest, b->image_digest) && span_equal(a->satellite, b->satellite) &&
           contexts_equal(a, b);
}

struct contract *contract_cache_get(struct contract_cache *cache, const struct wire_spec *spec,
                                    char *ret_error)
{
    const uint8_t *id = spec->execution.bytes;
    /* The last bytes of a UUIDv7 are random. */
    uint32_t hash = ((uint32_t)id[15] | (uint32_t)id[14] << 8) + spec->instance;
    struct contract **place = &cache->places[hash % CONTRACT_CACHE_PLACES];

    if (*place != NULL && is_same(&(*place)->spec, spec)) {
        return *place;
    }
    struct contract *contract = contract_new(spec, ret_error);

    if (contract != NULL) {
        contract_release(*place);
        *place = contract;
    }
    return contract;
}
