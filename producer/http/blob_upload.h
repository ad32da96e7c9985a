/* blob_upload: a large blob that an attempt puts, taken as it comes.
 *
 *   admit -> exchange + blob_put <-- bytes as they come -- handle: all is there -> answer
 *
 * A put that fails while bytes still come is remembered: they are read and thrown away, and the
 * answer says why. For producer/http only. */
#ifndef EXO_PRODUCER_BLOB_UPLOAD_H
#define EXO_PRODUCER_BLOB_UPLOAD_H

#include "producer/http/api_state.h"

/* blob_upload_is_due is true for a body that says it is larger than the store takes. */
bool blob_upload_is_due(const struct http_request *request);

/* blob_upload_admit begins one, or refuses it: a name that is no digest, a body above
 * LIMIT_ARTEFACT_BYTES, no place for objects.
 * name  of the path: 64 hexadecimal digits */
void blob_upload_admit(struct api *api, struct http_request *request, struct span name);

/* blob_upload_handle is called with the request's context when the body is whole. */
void blob_upload_handle(void *context);

#endif /* EXO_PRODUCER_BLOB_UPLOAD_H */
