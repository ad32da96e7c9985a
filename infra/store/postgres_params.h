/* postgres_params: parameters of one statement in Postgres's binary form, in one buffer that is
 * used again and again.
 *
 *   params_begin, params_int8, params_bytes, array_begin + array_... x count + array_end, ...
 *
 * Pure but for the buffer's allocator. A failed append shows once, as params->bytes.is_failed. */
#ifndef EXO_INFRA_STORE_POSTGRES_PARAMS_H
#define EXO_INFRA_STORE_POSTGRES_PARAMS_H

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/ids.h"

enum { PARAMS_MAX = 24 };

/* Element types of arrays, as Postgres numbers them (pg_type.dat; fixed for ever). */
enum postgres_type {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT8 = 20,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_JSON = 114,
    TYPE_UUID = 2950,
};

struct postgres_params {
    struct buffer bytes;
    int count;
    size_t starts[PARAMS_MAX];
    int lengths[PARAMS_MAX]; /* -1: NULL */
};

/* params_begin forgets all parameters, keeps the memory. */
void params_begin(struct postgres_params *params);

/* Each appends one parameter. */
void params_bool(struct postgres_params *params, bool value);
void params_int4(struct postgres_params *params, int32_t value);
void params_int8(struct postgres_params *params, int64_t value);
void params_bytes(struct postgres_params *params, struct span bytes);
void params_null(struct postgres_params *params);
/* NULL makes NULL. */
void params_text(struct postgres_params *params, const char *text);

/* params_array begins an array parameter of count elements; exactly count array_ calls follow.
 * All elements are of the type given. */
void params_array(struct postgres_params *params, enum postgres_type type, uint32_t count);
void array_bool(struct postgres_params *params, bool value);
void array_int4(struct postgres_params *params, int32_t value);
void array_int8(struct postgres_params *params, int64_t value);
void array_bytes(struct postgres_params *params, struct span bytes);
/* array_optional writes NULL for an empty span. */
void array_optional(struct postgres_params *params, struct span bytes);
/* params_array_end closes the array. */
void params_array_end(struct postgres_params *params);

/* Numbers of a result, big-endian. */
int32_t postgres_int4(const void *bytes);
int64_t postgres_int8(const void *bytes);

#endif /* EXO_INFRA_STORE_POSTGRES_PARAMS_H */
