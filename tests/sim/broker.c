#include "tests/sim/broker.h"

#include <assert.h>
#include <stdlib.h>

#include "tests/sim/oracle.h"

struct broker broker;

static void topic_add(const char *name, uint32_t partitions)
{
    struct broker_topic *topic = sim_alloc(sizeof(*topic));

    topic->name = sim_copy((struct span){name, strlen(name) + 1}).data;
    topic->count = partitions;
    topic->partitions = sim_alloc(partitions * sizeof(*topic->partitions));
    for (uint32_t i = 0; i < partitions; i++) {
        topic->partitions[i].topic = topic->name;
        topic->partitions[i].number = i;
    }
    topic->next = broker.topics;
    broker.topics = topic;
}

void broker_begin(uint32_t shard_count)
{
    struct log_topic fixed[TOPIC_FIXED_NR];

    broker = (struct broker){0};
    topics_fixed(shard_count, fixed);
    for (int i = 0; i < TOPIC_FIXED_NR; i++) {
        topic_add(fixed[i].name, fixed[i].partitions);
    }
    topic_add(TOPIC_TASKS_PREFIX "default", TOPIC_TASKS_PARTITIONS);
    topic_add(TOPIC_TASKS_PREFIX "big", TOPIC_TASKS_PARTITIONS);
}

void broker_end(void)
{
    for (struct broker_topic *topic = broker.topics; topic != NULL; topic = topic->next) {
        for (uint32_t i = 0; i < topic->count; i++) {
            free(topic->partitions[i].records);
        }
    }
    broker = (struct broker){0};
}

struct broker_partition *broker_partition(const char *topic, uint32_t number)
{
    for (struct broker_topic *t = broker.topics; t != NULL; t = t->next) {
        if (strcmp(t->name, topic) == 0) {
            assert(number < t->count);
            return &t->partitions[number];
        }
    }
    sim_fail("no topic %s", topic);
}

exo_time broker_down_ns(const struct broker_partition *partition)
{
    return partition->down_until_ns > broker.down_until_ns ? partition->down_until_ns
                                                           : broker.down_until_ns;
}

int64_t broker_append(struct broker_partition *partition, struct span key, struct span value)
{
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity == 0 ? 64 : 2 * partition->capacity;
        partition->records =
            realloc(partition->records, partition->capacity * sizeof(*partition->records));
        assert(partition->records != NULL);
    }
    if (fault_fires(&sim.faults, FAULT_OFFSET_GAP)) {
        partition->end += dice_between(&sim.luck, 1, 5);
    }
    struct broker_record *record = &partition->records[partition->count++];

    *record = (struct broker_record){partition->end++, SIM_EPOCH_NS + sim.now_ns, key, value};
    sim_trace("store %s/%u %lld %016llx", partition->topic, partition->number,
              (long long)record->offset, (unsigned long long)sim_hash(value));
    oracle_stored(partition->topic, partition->number, value);
    broker_wake(partition);
    return record->offset;
}

void broker_truncate(struct broker_partition *partition, uint32_t count)
{
    while (count > 0 && partition->count > 0 &&
           partition->records[partition->count - 1].offset >= partition->low) {
        const struct broker_record *last = &partition->records[--partition->count];

        oracle_unstored(partition->topic, last->value);
        partition->end = last->offset;
        count--;
    }
    sim_trace("%s/%u ends at %lld now", partition->topic, partition->number,
              (long long)partition->end);
    broker_shortened(partition);
}
