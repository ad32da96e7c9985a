/* broker: the model of Kafka: topics of partitions of records, and who reads them.
 *
 *   log_sim.c (clients) --broker_append--> partition --> readers
 *
 * Keeps every record for as long as the world lives. */
#ifndef EXO_TESTS_SIM_BROKER_H
#define EXO_TESTS_SIM_BROKER_H

#include "infra/log/log.h"
#include "tests/sim/sim.h"

struct broker_record {
    int64_t offset;
    exo_time timestamp_ns;
    struct span key, value;
};

struct broker_partition {
    const char *topic;
    uint32_t number;
    struct broker_record *records;
    uint32_t count, capacity;
    int64_t end; /* offset of the next record */
    int64_t low; /* records below have been deleted */
    exo_time down_until_ns;
    struct log_reader *readers;
};

struct broker_topic {
    struct broker_topic *next;
    const char *name;
    struct broker_partition *partitions;
    uint32_t count;
};

struct broker {
    struct broker_topic *topics;
    exo_time down_until_ns;
    uint64_t tasks_unsure; /* records of Tasks that it did not take, or may not have */
};

extern struct broker broker;

/* broker_begin makes the topics of an installation; broker_end frees the records. */
void broker_begin(uint32_t shard_count);
void broker_end(void);

/* broker_partition gives a partition; the topic and the number must be there. */
struct broker_partition *broker_partition(const char *topic, uint32_t number);

/* broker_down_ns says until when a partition is away; a time that has passed: it answers. */
exo_time broker_down_ns(const struct broker_partition *partition);

/* broker_append stores a record (kept: it lives as long as the world) and wakes readers. Gives its
 * offset. */
int64_t broker_append(struct broker_partition *partition, struct span key, struct span value);

/* broker_truncate takes the newest records away, so many at most; what comes next has their
 * offsets. Readers that stand behind its end hear that it is another log (in log_sim.c). */
void broker_truncate(struct broker_partition *partition, uint32_t count);
void broker_shortened(struct broker_partition *partition);

/* broker_wake tells readers of a partition that there is something; in log_sim.c. */
void broker_wake(struct broker_partition *partition);

/* log_new gives a process's client of the broker. */
struct log *log_new(struct loop *loop);

#endif /* EXO_TESTS_SIM_BROKER_H */
