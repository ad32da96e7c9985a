/* batch id: the ids of batches and of the executions that run them.
 *
 *   project, satellite, size, interval, key --> id of its batches --+
 *                                                                   +--> UUIDv5 --> id of the
 *   number of the batch, in decimal digits -------------------------+               execution
 *
 * The same always gives the same, so that a batch is started once whatever is repeated.
 *
 * Touches nothing. */
#ifndef EXO_INFRA_BATCH_ID_H
#define EXO_INFRA_BATCH_ID_H

#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

/* What tasks must agree in to run together. All spans are borrowed. */
struct batch_identity {
    struct span project;
    struct span satellite; /* what batch_satellite wrote */
    uint32_t size;
    exo_time interval_ns;
    struct span key; /* bytes 0: none */
};

/* batch_id_of gives the id that all batches of an identity share; their shard is that of the id. */
struct execution_id batch_id_of(const struct batch_identity *identity);

/* batch_execution_of gives the id of the execution that runs one of them.
 * number  from 1 */
struct execution_id batch_execution_of(const struct execution_id *batch, uint64_t number);

#endif /* EXO_INFRA_BATCH_ID_H */
