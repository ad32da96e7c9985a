/* openapi: schemas/openapi.yaml as JSON, made at build time by openapi_embed.c. */
#ifndef EXO_PRODUCER_OPENAPI_H
#define EXO_PRODUCER_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_json[]; /* openapi_json_bytes of it, then a NUL */
extern const size_t openapi_json_bytes;

#endif /* EXO_PRODUCER_OPENAPI_H */
