#include "infra/store/postgres_params.h"

#include <assert.h>
#include <string.h>

static void put_32(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value >> 24);
    at[1] = (unsigned char)(value >> 16);
    at[2] = (unsigned char)(value >> 8);
    at[3] = (unsigned char)value;
}

static void put_64(unsigned char *at, uint64_t value)
{
    put_32(at, (uint32_t)(value >> 32));
    put_32(at + 4, (uint32_t)value);
}

static void append_32(struct postgres_params *params, uint32_t value)
{
    unsigned char bytes[4];

    put_32(bytes, value);
    buffer_append(&params->bytes, (struct span){bytes, sizeof(bytes)});
}

void params_begin(struct postgres_params *params)
{
    buffer_reset(&params->bytes);
    params->count = 0;
}

static void begin_one(struct postgres_params *params)
{
    assert(params->count < PARAMS_MAX);
    params->starts[params->count] = params->bytes.bytes;
}

static void end_one(struct postgres_params *params)
{
    params->lengths[params->count] = (int)(params->bytes.bytes - params->starts[params->count]);
    params->count++;
}

void params_bytes(struct postgres_params *params, struct span bytes)
{
    begin_one(params);
    buffer_append(&params->bytes, bytes);
    end_one(params);
}

void params_bool(struct postgres_params *params, bool value)
{
    unsigned char byte = value;

    params_bytes(params, (struct span){&byte, 1});
}

void params_int4(struct postgres_params *params, int32_t value)
{
    unsigned char bytes[4];

    put_32(bytes, (uint32_t)value);
    params_bytes(params, (struct span){bytes, sizeof(bytes)});
}

void params_int8(struct postgres_params *params, int64_t value)
{
    unsigned char bytes[8];

    put_64(bytes, (uint64_t)value);
    params_bytes(params, (struct span){bytes, sizeof(bytes)});
}

void params_null(struct postgres_params *params)
{
    begin_one(params);
    params->lengths[params->count++] = -1;
}

void params_text(struct postgres_params *params, const char *text)
{
    if (text == NULL) {
        params_null(params);
    } else {
        params_bytes(params, span_of(text));
    }
}

void params_array(struct postgres_params *params, enum postgres_type type, uint32_t count)
{
    begin_one(params);
    append_32(params, count == 0 ? 0 : 1); /* dimensions */
    append_32(params, 1);                  /* may hold NULLs */
    append_32(params, type);
    if (count != 0) {
        append_32(params, count);
        append_32(params, 1); /* indexes begin at 1 */
    }
}

void array_bool(struct postgres_params *params, bool value)
{
    unsigned char bytes[5] = {0, 0, 0, 1, value};

    buffer_append(&params->bytes, (struct span){bytes, sizeof(bytes)});
}

void array_int4(struct postgres_params *params, int32_t value)
{
    unsigned char bytes[8] = {0, 0, 0, 4};

    put_32(bytes + 4, (uint32_t)value);
    buffer_append(&params->bytes, (struct span){bytes, sizeof(bytes)});
}

void array_int8(struct postgres_params *params, int64_t value)
{
    unsigned char bytes[12] = {0, 0, 0, 8};

    put_64(bytes + 4, (uint64_t)value);
    buffer_append(&params->bytes, (struct span){bytes, sizeof(bytes)});
}

void array_bytes(struct postgres_params *params, struct span bytes)
{
    append_32(params, (uint32_t)bytes.bytes);
    buffer_append(&params->bytes, bytes);
}

void array_optional(struct postgres_params *params, struct span bytes)
{
    if (bytes.bytes == 0) {
        append_32(params, UINT32_MAX);
    } else {
        array_bytes(params, bytes);
    }
}

void params_array_end(struct postgres_params *params)
{
    end_one(params);
}

int32_t postgres_int4(const void *bytes)
{
    const unsigned char *at = bytes;

    return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

int64_t postgres_int8(const void *bytes)
{
    const unsigned char *at = bytes;

    return (int64_t)((uint64_t)(uint32_t)postgres_int4(at) << 32 |
                     (uint64_t)(uint32_t)postgres_int4(at + 4));
}
