#include "schemas/wire/topics.h"

#include <assert.h>

#include "schemas/vocab/ids.h"
#include "schemas/vocab/limits.h"

static const int64_t hour_ms = INT64_C(3600) * 1000;
static const int64_t day_ms = INT64_C(24) * 3600 * 1000;

void topics_fixed(uint32_t shard_count, struct log_topic ret_topics[TOPIC_FIXED_NR])
{
    assert(shard_count >= 1);
    const struct log_topic topics[TOPIC_FIXED_NR] = {
        {.name = TOPIC_JOBS, .partitions = shard_count, .retention_ms = -1},
        {.name = TOPIC_STATUS, .partitions = shard_count, .retention_ms = -1},
        /* A heartbeat that is two seconds late only hides the next one (protocol.md 5). */
        {.name = TOPIC_FLEET,
         .partitions = TOPIC_FLEET_PARTITIONS,
         .retention_ms = hour_ms,
         .is_volatile = true,
         .timeout_ms = 2000},
        {.name = TOPIC_EVENTS, .partitions = shard_count, .retention_ms = 30 * day_ms},
        {.name = TOPIC_LOGS,
         .partitions = TOPIC_LOGS_PARTITIONS,
         .retention_ms = day_ms,
         .is_volatile = true},
        {.name = TOPIC_DLQ, .partitions = TOPIC_DLQ_PARTITIONS, .retention_ms = 30 * day_ms},
    };

    memcpy(ret_topics, topics, sizeof(topics));
}

static bool is_topic_character(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

bool topic_name_of_class(struct span class_name, char ret_name[TOPIC_NAME_BYTES])
{
    const unsigned char *bytes = class_name.data;
    const size_t prefix_bytes = sizeof(TOPIC_TASKS_PREFIX) - 1;

    _Static_assert(sizeof(TOPIC_TASKS_PREFIX) + LIMIT_NAME_BYTES <= TOPIC_NAME_BYTES,
                   "a class of the greatest length must fit");
    if (class_name.bytes == 0 || class_name.bytes > LIMIT_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < class_name.bytes; i++) {
        if (!is_topic_character(bytes[i])) {
            return false;
        }
    }
    memcpy(ret_name, TOPIC_TASKS_PREFIX, prefix_bytes);
    memcpy(ret_name + prefix_bytes, class_name.data, class_name.bytes);
    ret_name[prefix_bytes + class_name.bytes] = '\0';
    return true;
}

struct log_topic topic_of_class(const char *name, uint32_t partitions)
{
    /* Volatile: tasks have no cursor (protocol.md 3). Where the log is one process, a reader that
     * lost them is a worker that died too, and its attempts are sent again. */
    return (struct log_topic){
        .name = name,
        .partitions = partitions == 0 ? TOPIC_TASKS_PARTITIONS : partitions,
        .retention_ms = day_ms,
        .is_volatile = true,
    };
}

uint32_t topic_class_partition(struct span worker, uint32_t partitions)
{
    assert(partitions >= 1);
    return crc32_ieee(worker) % partitions;
}

static void put_number(uint8_t *bytes, uint32_t number)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(number >> (8 * i));
    }
}

uint32_t topic_logs_partition(const struct task_id *task, uint32_t attempt, uint32_t partitions)
{
    uint8_t key[EXECUTION_ID_BYTES + 12];

    memcpy(key, task->execution.bytes, EXECUTION_ID_BYTES);
    put_number(&key[EXECUTION_ID_BYTES], task->instance);
    put_number(&key[EXECUTION_ID_BYTES + 4], task->index);
    put_number(&key[EXECUTION_ID_BYTES + 8], attempt);
    return crc32_ieee((struct span){key, sizeof(key)}) % partitions;
}
