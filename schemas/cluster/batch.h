/* batch: tasks of one satellite, of whatever executions, that one container runs together.
 *
 *   batch: {size: 32, interval: 5s, key: "${{ input.model }}"}
 *
 * The container runs in an execution of its own, whose cluster batch_cluster writes: one satellite,
 * with the work of the one that is gathered for, an input {"items": [...]} and an output that must
 * be a list of as many {"output": ...} or {"error": "..."} (docs/adr/0020-batches.md).
 *
 * Pure. */
#ifndef EXO_CLUSTER_BATCH_H
#define EXO_CLUSTER_BATCH_H

#include "schemas/cluster/field.h"
#include "schemas/cluster/satellite.h"
#include "schemas/cluster/satellite_fields.h"
#include "schemas/json/json_write.h"

/* The name of the cluster that runs a batch, and of its only satellite. */
#define BATCH_NAME "batch"

/* The labels of the execution that runs a batch: they count where its id is the one they give. */
#define BATCH_LABEL "batch"
#define BATCH_NUMBER_LABEL "batch_number"

/* The reader of the field `batch` of a satellite. */
field_read batch_read;

/* batch_check refuses what cannot go together with `batch`; nothing for a satellite without it. */
void batch_check(struct field_reader *r, const struct satellite *satellite,
                 const struct satellite_notes *notes);

/* batch_canonical puts a batch that is given into the map that is open. */
void batch_canonical(struct json_writer *writer, const struct satellite_batch *batch);

/* batch_satellite appends the satellite of the batch's own cluster as one JSON object: what runs,
 * and how, without what differs from one execution to the next. Tasks whose satellites give the
 * same bytes here may run together. */
void batch_satellite(const struct satellite *satellite, struct buffer *buffer);

/* batch_cluster appends the whole cluster for a batch of count items.
 * project    whose it is
 * satellite  what batch_satellite wrote */
void batch_cluster(struct span project, struct span satellite, uint32_t count, uint32_t priority,
                   struct buffer *buffer);

#endif /* EXO_CLUSTER_BATCH_H */
