/* blob_flow: a blob of any size as an answer, read as fast as the client takes it. */
#ifndef EXO_PRODUCER_BLOB_FLOW_H
#define EXO_PRODUCER_BLOB_FLOW_H

#include "producer/http/api_state.h"

/* blob_flow_begin answers with a blob: up to 8 MiB with its length, above that as a stream. A HEAD
 * gets X-Exosphere-Bytes. The exchange's state and cleanup are the flow's from here on.
 *
 * content_type  static
 * what          static: of the 404, "there is no WHAT" */
void blob_flow_begin(struct exchange *x, const struct digest *digest, const char *content_type,
                     const char *what);

#endif /* EXO_PRODUCER_BLOB_FLOW_H */
