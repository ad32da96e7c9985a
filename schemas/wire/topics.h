/* topics: the one table of the topics that Exosphere's roles speak through.
 *
 *   topic               partition             kept
 *   exo.jobs            shard                 until trimmed below the newest restorable backup
 *   exo.status          shard                 the same
 *   exo.tasks.<class>   crc32(worker) mod P   1 d
 *   exo.fleet           the worker's          1 h
 *   exo.events          shard                 30 d
 *   exo.logs            attempt               1 d
 *   exo.dlq             origin                30 d
 *
 * Pure. */
#ifndef EXO_WIRE_TOPICS_H
#define EXO_WIRE_TOPICS_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

#define TOPIC_JOBS "exo.jobs"
#define TOPIC_STATUS "exo.status"
#define TOPIC_TASKS_PREFIX "exo.tasks."
#define TOPIC_FLEET "exo.fleet"
#define TOPIC_EVENTS "exo.events"
#define TOPIC_LOGS "exo.logs"
#define TOPIC_DLQ "exo.dlq"

enum {
    TOPIC_NAME_BYTES = 96, /* room for any topic's name and its NUL */
    TOPIC_FIXED_NR = 6,    /* topics that are not of a class */
    TOPIC_TASKS_PARTITIONS = 16,
    TOPIC_FLEET_PARTITIONS = 4,
    TOPIC_LOGS_PARTITIONS = 16,
    TOPIC_DLQ_PARTITIONS = 4,
};

/* One topic as it must be. */
struct log_topic {
    const char *name; /* kept by nobody: must live as long as the table it stands in */
    uint32_t partitions;
    int64_t retention_ms; /* -1: kept until somebody trims */
    bool is_volatile;     /* sqlite: held in memory only */
    int32_t timeout_ms;   /* a record not in the log after that is given up; 0: 60 s */
};

/* topics_fixed fills in every topic that is not of a class.
 *
 * shard_count  1 or more: partitions of jobs, status and events
 * ret_topics   out, all TOPIC_FIXED_NR entries; their names are static */
void topics_fixed(uint32_t shard_count, struct log_topic ret_topics[TOPIC_FIXED_NR]);

/* topic_name_of_class writes "exo.tasks.CLASS" and a NUL.
 *
 * class_name  1 to 63 of a-z A-Z 0-9 . _ -, which is what Kafka allows in a topic's name
 * ret_name    out, untouched on failure
 * Returns false for any other class name. */
EXO_CHECKED bool topic_name_of_class(struct span class_name, char ret_name[TOPIC_NAME_BYTES]);

/* topic_of_class describes the task topic of one class.
 *
 * name        as topic_name_of_class wrote it; borrowed by the result
 * partitions  0: TOPIC_TASKS_PARTITIONS */
struct log_topic topic_of_class(const char *name, uint32_t partitions);

/* topic_class_partition is the partition of a task topic that a worker reads.
 *
 * worker      the worker's name
 * partitions  of the topic, 1 or more */
uint32_t topic_class_partition(struct span worker, uint32_t partitions);

/* topic_logs_partition is the partition of exo.logs that holds the chunks of one attempt.
 *
 * task, attempt  which one
 * partitions     of the topic, 1 or more */
uint32_t topic_logs_partition(const struct task_id *task, uint32_t attempt, uint32_t partitions);

#endif /* EXO_WIRE_TOPICS_H */
