/* job id: the id of a Job that brings none, from the place it lies at.
 *
 *   "exo.jobs/PARTITION/OFFSET" --> UUIDv5 --> its last two bytes counted up until the id's shard
 * is PARTITION: the Job is where it belongs
 *
 * The same place always gives the same id, so a record that is read twice is one execution, and
 * anyone can compute it (docs/operations.md, "Jobs from other services";
 * docs/adr/0025-ids-of-places.md).
 *
 * Touches nothing. */
#ifndef EXO_INFRA_JOB_ID_H
#define EXO_INFRA_JOB_ID_H

#include <stdint.h>

#include "schemas/vocab/ids.h"

/* job_id_of_place gives the id of the Job at an offset of a partition of exo.jobs.
 * partition    below shard_count
 * offset       from 0
 * shard_count  partitions of exo.jobs, at least 1
 * Cost: a SHA-1 and what execution_id_settle says. Where no value of the two bytes falls on the
 * partition (with more than some thousand shards, once in millions) the id is the UUIDv5 as it is,
 * and the Job belongs to another shard. */
struct execution_id job_id_of_place(uint32_t partition, int64_t offset, uint32_t shard_count);

#endif /* EXO_INFRA_JOB_ID_H */
