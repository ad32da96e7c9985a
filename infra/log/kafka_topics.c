#include <stdio.h>
#include <stdlib.h>

#include "infra/log/kafka_log.h"

struct kafka_topic *kafka_topic_find(struct kafka_log *log, const char *name)
{
    struct kafka_topic *topic = log->topics;

    while (topic != NULL && strcmp(topic->name, name) != 0) {
        topic = topic->next;
    }
    return topic;
}

bool kafka_topic_check(struct kafka_log *log, const char *name, uint32_t partition,
                       struct kafka_topic **ret_topic, struct exo_error *err)
{
    struct kafka_topic *topic = kafka_topic_find(log, name);

    if (topic == NULL) {
        (void)exo_error_set(err, EXO_ENOTFOUND, "the log was not prepared for topic %s", name);
        return false;
    }
    if (partition >= topic->partition_nr) {
        (void)exo_error_set(err, EXO_EINVALID, "topic %s has %u partitions, none numbered %u", name,
                            topic->partition_nr, partition);
        return false;
    }
    *ret_topic = topic;
    return true;
}

void kafka_topic_bind_producer(struct kafka_log *log, struct kafka_topic *topic)
{
    /* A NULL configuration is the default one; the copy is taken by librdkafka. */
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(log->producer);
    char timeout[16];

    (void)snprintf(timeout, sizeof(timeout), "%d",
                   topic->timeout_ms > 0 ? topic->timeout_ms : 60000);
    (void)rd_kafka_topic_conf_set(conf, "message.timeout.ms", timeout, NULL, 0);
    topic->to_producer = rd_kafka_topic_new(log->producer, topic->name, conf);
}

static void bind_consumer(struct kafka_log *log, struct kafka_topic *topic)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(log->consumer);

    rd_kafka_topic_conf_set_opaque(conf, topic);
    topic->to_consumer = rd_kafka_topic_new(log->consumer, topic->name, conf);
}

static void bind_consumers(struct kafka_log *log)
{
    for (struct kafka_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        if (topic->is_ready && topic->to_consumer == NULL && log->consumer != NULL) {
            bind_consumer(log, topic);
        }
    }
}

void kafka_topics_unbind(struct kafka_log *log)
{
    for (struct kafka_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        if (topic->to_producer != NULL) {
            rd_kafka_topic_destroy(topic->to_producer);
            topic->to_producer = NULL;
        }
    }
}

void kafka_topics_free(struct kafka_log *log)
{
    kafka_topics_unbind(log);
    while (log->topics != NULL) {
        struct kafka_topic *topic = log->topics;

        log->topics = topic->next;
        if (topic->to_consumer != NULL) {
            rd_kafka_topic_destroy(topic->to_consumer);
        }
        for (uint32_t i = 0; i < topic->partition_nr; i++) {
            record_window_release(&topic->feeds[i].window);
        }
        free(topic);
    }
}

static struct kafka_topic *topic_add(struct kafka_log *log, const struct log_topic *wanted)
{
    struct kafka_topic *topic =
        kafka_must_allocate(sizeof(*topic) + wanted->partitions * sizeof(topic->feeds[0]));

    (void)snprintf(topic->name, sizeof(topic->name), "%s", wanted->name);
    topic->retention_ms = wanted->retention_ms;
    topic->is_volatile = wanted->is_volatile;
    topic->timeout_ms = wanted->timeout_ms;
    topic->partition_nr = wanted->partitions;
    for (uint32_t i = 0; i < wanted->partitions; i++) {
        topic->feeds[i].topic = topic;
        topic->feeds[i].number = (int32_t)i;
    }
    topic->next = log->topics;
    log->topics = topic;
    return topic;
}

/* One call of log_prepare: ASK_PREPARE, then ASK_WARM. */
struct preparation {
    log_done *done;
    void *argument;
    struct log_topic *topics; /* names live in log->topics */
    size_t topic_nr;
};

static void preparation_drop(void *argument)
{
    struct preparation *preparation = argument;

    free(preparation->topics);
    free(preparation);
}

static void preparation_end(struct preparation *preparation, const struct exo_error *err)
{
    log_done *done = preparation->done;
    void *argument = preparation->argument;

    preparation_drop(preparation);
    if (done != NULL) {
        done(argument, err);
    }
}

static void on_warm(struct kafka_question *question)
{
    struct kafka_log *log = question->log;
    struct exo_error err = question->err;
    bool is_failed = question->is_failed;
    struct preparation *preparation = question->argument;

    kafka_question_free(question);
    kafka_appends_give(log);
    preparation_end(preparation, is_failed ? &err : NULL);
}

static void topics_are_ready(struct kafka_log *log, const struct preparation *preparation)
{
    for (size_t i = 0; i < preparation->topic_nr; i++) {
        struct kafka_topic *topic = kafka_topic_find(log, preparation->topics[i].name);

        topic->is_ready = true;
        for (uint32_t j = 0; j < topic->partition_nr; j++) {
            kafka_feed_is_ready(log, &topic->feeds[j]);
        }
    }
    bind_consumers(log);
}

static void on_prepared(struct kafka_question *question)
{
    struct kafka_log *log = question->log;
    struct preparation *preparation = question->argument;

    if (question->is_failed) {
        struct exo_error err = question->err;

        kafka_question_free(question);
        preparation_end(preparation, &err);
        return;
    }
    kafka_question_free(question);
    topics_are_ready(log, preparation);
    struct kafka_question *warm = kafka_question_new(log, ASK_WARM, on_warm, preparation);

    warm->drop = preparation_drop;
    kafka_ask_put(log->ask, warm);
}

/* Takes note of the topics; false with *err when one cannot be. */
static bool note_topics(struct kafka_log *log, const struct log_topic *topics,
                        struct preparation *preparation, struct exo_error *err)
{
    for (size_t i = 0; i < preparation->topic_nr; i++) {
        struct kafka_topic *topic = kafka_topic_find(log, topics[i].name);

        if (strlen(topics[i].name) >= TOPIC_NAME_BYTES || topics[i].partitions == 0) {
            (void)exo_error_set(err, EXO_EINVALID,
                                "topic %s: a name has less than %d bytes, and one partition at "
                                "least",
                                topics[i].name, (int)TOPIC_NAME_BYTES);
            return false;
        }
        if (topic != NULL && topic->partition_nr != topics[i].partitions) {
            (void)exo_error_set(err, EXO_ECONFLICT, "topic %s has %u partitions, not %u",
                                topics[i].name, topic->partition_nr, topics[i].partitions);
            return false;
        }
        if (topic == NULL) {
            topic = topic_add(log, &topics[i]);
        }
        preparation->topics[i] = topics[i];
        preparation->topics[i].name = topic->name;
    }
    return true;
}

void kafka_prepare(struct log *base, const struct log_topic *topics, size_t count, log_done *done,
                   void *argument)
{
    struct kafka_log *log = (struct kafka_log *)base;
    struct preparation *preparation = kafka_must_allocate(sizeof(*preparation));
    struct exo_error err;

    preparation->done = done;
    preparation->argument = argument;
    preparation->topics = kafka_must_allocate((count + 1) * sizeof(struct log_topic));
    preparation->topic_nr = count;
    if (!note_topics(log, topics, preparation, &err)) {
        kafka_refuse(log, argument, &err)->done = done;
        preparation_drop(preparation);
        return;
    }
    struct kafka_question *question =
        kafka_question_new(log, ASK_PREPARE, on_prepared, preparation);

    question->drop = preparation_drop;
    question->topics = kafka_must_allocate((count + 1) * sizeof(struct log_topic));
    memcpy(question->topics, preparation->topics, count * sizeof(struct log_topic));
    question->topic_nr = count;
    question->replication = log->replication == 0 ? 1 : log->replication;
    kafka_ask_put(log->ask, question);
}
