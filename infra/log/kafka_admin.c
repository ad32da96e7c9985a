/* kafka_admin: makes topics, checks those that are there, deletes records. Runs on the asker's
 * thread only, since all of it waits for the broker. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "infra/log/kafka_log.h"

enum { CALL_MS = 10000, SETTLE_TRIES = 100, SETTLE_PAUSE_MS = 50, SLICE_MS = 100 };

struct admin {
    rd_kafka_t *instance;
    atomic_bool *is_closing;
};

/* The one event that an admin call ends with; NULL with *err when none came. */
static rd_kafka_event_t *wait_event(const struct admin *admin, rd_kafka_queue_t *queue,
                                    const char *what, struct exo_error *err)
{
    rd_kafka_event_t *event = NULL;

    /* In slices, so that a close need not wait for a broker that is away. */
    for (int waited_ms = 0;
         event == NULL && waited_ms < CALL_MS + 2000 && !atomic_load(admin->is_closing);
         waited_ms += SLICE_MS) {
        event = rd_kafka_queue_poll(queue, SLICE_MS);
    }
    if (event == NULL) {
        (void)kafka_error(err, RD_KAFKA_RESP_ERR__TIMED_OUT, what);
        return NULL;
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_error(err, rd_kafka_event_error(event), what);
        rd_kafka_event_destroy(event);
        return NULL;
    }
    return event;
}

static rd_kafka_AdminOptions_t *admin_options(rd_kafka_t *instance, rd_kafka_admin_op_t operation)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(instance, operation);

    (void)rd_kafka_AdminOptions_set_request_timeout(options, CALL_MS, NULL, 0);
    return options;
}

static const struct rd_kafka_metadata_topic *find(const struct rd_kafka_metadata *metadata,
                                                  const char *name)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

        if (strcmp(topic->topic, name) == 0 &&
            topic->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            return topic;
        }
    }
    return NULL;
}

static int check_partitions(const struct log_topic *wanted,
                            const struct rd_kafka_metadata_topic *found, struct exo_error *err)
{
    if (found->partition_cnt > 0 && (uint32_t)found->partition_cnt != wanted->partitions) {
        return exo_error_set(err, EXO_ECONFLICT,
                             "topic %s has %d partitions and %u are needed; the number is fixed "
                             "when Exosphere is installed: set it to %d, or use other topics",
                             wanted->name, found->partition_cnt, wanted->partitions,
                             found->partition_cnt);
    }
    return 0;
}

/* Every partition has a leader. */
static bool is_settled(const struct rd_kafka_metadata_topic *found)
{
    for (int i = 0; i < found->partition_cnt; i++) {
        if (found->partitions[i].leader < 0) {
            return false;
        }
    }
    return found->partition_cnt > 0;
}

/* ---- making ---- */

static void set_config(rd_kafka_NewTopic_t *topic, const char *key, int64_t value)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)value);
    (void)rd_kafka_NewTopic_set_config(topic, key, text); /* fails for NULL only */
}

static rd_kafka_NewTopic_t *new_topic(const struct log_topic *wanted, uint32_t replication,
                                      struct exo_error *err)
{
    char text[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(wanted->name, (int)wanted->partitions,
                                                       (int)replication, text, sizeof(text));

    if (topic == NULL) {
        (void)exo_error_set(err, EXO_EINVALID, "topic %s: %s", wanted->name, text);
        return NULL;
    }
    (void)rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime");
    (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    set_config(topic, "retention.ms", wanted->retention_ms);
    set_config(topic, "max.message.bytes", 8 << 20);
    if (wanted->retention_ms < 0) {
        set_config(topic, "retention.bytes", -1);
    } else if (wanted->retention_ms <= INT64_C(86400000)) {
        /* Only whole segments are deleted, and by default one may grow for a week. */
        set_config(topic, "segment.ms", wanted->retention_ms / 4 + 60000);
    }
    return topic;
}

static int check_created(rd_kafka_event_t *event, struct exo_error *err)
{
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);

    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        char what[160];

        /* Another role was faster: what it made is checked after. */
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            (void)snprintf(what, sizeof(what), "making topic %s",
                           rd_kafka_topic_result_name(results[i]));
            return kafka_error(err, code, what);
        }
    }
    return 0;
}

static int create_one(const struct admin *admin, const struct log_topic *wanted,
                      uint32_t replication, struct exo_error *err)
{
    rd_kafka_NewTopic_t *topic = new_topic(wanted, replication, err);

    if (topic == NULL) {
        return -1;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->instance);
    rd_kafka_AdminOptions_t *options =
        admin_options(admin->instance, RD_KAFKA_ADMIN_OP_CREATETOPICS);

    rd_kafka_CreateTopics(admin->instance, &topic, 1, options, queue);
    rd_kafka_event_t *event = wait_event(admin, queue, "making topics", err);
    int result = event == NULL ? -1 : check_created(event, err);

    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return result;
}

/* Makes what is missing. Returns how many topics are not settled yet, or -1. */
static int make_and_count(const struct admin *admin, const struct log_topic *topics, size_t count,
                          uint32_t replication, bool makes, struct exo_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(admin->instance, 1, NULL, &metadata, 3000);
    int result = 0;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(err, code, "asking for topics");
    }
    for (size_t i = 0; i < count && result >= 0; i++) {
        const struct rd_kafka_metadata_topic *found = find(metadata, topics[i].name);

        if (found == NULL) {
            result =
                makes && create_one(admin, &topics[i], replication, err) != 0 ? -1 : result + 1;
        } else if (check_partitions(&topics[i], found, err) != 0) {
            result = -1;
        } else if (!is_settled(found)) {
            result++;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return result;
}

/* ---- checking ---- */

static const char *config_value(const rd_kafka_ConfigResource_t *resource, const char *key)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), key) == 0) {
            const char *value = rd_kafka_ConfigEntry_value(entries[i]);

            return value == NULL ? "" : value;
        }
    }
    return "";
}

static int check_config(const rd_kafka_ConfigResource_t *resource, const struct log_topic *wanted,
                        struct exo_error *err)
{
    const struct {
        const char *key;
        const char *value;
        bool is_checked;
    } rules[] = {
        {"message.timestamp.type", "LogAppendTime", true},
        {"cleanup.policy", "delete", true},
        {"retention.ms", "-1", wanted->retention_ms < 0},
        {"retention.bytes", "-1", wanted->retention_ms < 0},
    };
    char what[160];

    (void)snprintf(what, sizeof(what), "reading the settings of topic %s", wanted->name);
    if (rd_kafka_ConfigResource_error(resource) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(err, rd_kafka_ConfigResource_error(resource), what);
    }
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const char *value = config_value(resource, rules[i].key);

        if (rules[i].is_checked && strcmp(value, rules[i].value) != 0) {
            return exo_error_set(err, EXO_ECONFLICT,
                                 "topic %s has %s=%s and needs %s=%s; change it with "
                                 "kafka-configs --alter --topic %s --add-config %s=%s",
                                 wanted->name, rules[i].key, value, rules[i].key, rules[i].value,
                                 wanted->name, rules[i].key, rules[i].value);
        }
    }
    return 0;
}

static int check_configs(const struct admin *admin, const struct log_topic *topics, size_t count,
                         struct exo_error *err)
{
    rd_kafka_ConfigResource_t **resources =
        kafka_must_allocate(count * sizeof(rd_kafka_ConfigResource_t *));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->instance);
    rd_kafka_AdminOptions_t *options =
        admin_options(admin->instance, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);

    for (size_t i = 0; i < count; i++) {
        resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topics[i].name);
    }
    rd_kafka_DescribeConfigs(admin->instance, resources, count, options, queue);
    rd_kafka_event_t *event = wait_event(admin, queue, "reading the settings of topics", err);
    int result = event == NULL ? -1 : 0;
    size_t found_nr = 0;
    const rd_kafka_ConfigResource_t **found =
        event == NULL ? NULL
                      : rd_kafka_DescribeConfigs_result_resources(
                            rd_kafka_event_DescribeConfigs_result(event), &found_nr);

    for (size_t i = 0; result == 0 && i < found_nr; i++) {
        for (size_t j = 0; result == 0 && j < count; j++) {
            if (strcmp(rd_kafka_ConfigResource_name(found[i]), topics[j].name) == 0) {
                result = check_config(found[i], &topics[j], err);
            }
        }
    }
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy_array(resources, count);
    free(resources);
    return result;
}

int kafka_admin_prepare(struct kafka_question *question, rd_kafka_t *instance)
{
    const struct admin *admin = &(struct admin){instance, &question->log->is_closing};
    const struct log_topic *topics = question->topics;
    size_t count = question->topic_nr;
    struct exo_error *err = &question->err;
    int unsettled = 1;

    if (count == 0) {
        return 0;
    }
    for (int i = 0; unsettled > 0 && i < SETTLE_TRIES && !atomic_load(admin->is_closing); i++) {
        if (i > 0) {
            const struct timespec pause = {.tv_nsec = SETTLE_PAUSE_MS * 1000000L};

            (void)nanosleep(&pause, NULL); /* the asker's thread is for waiting */
        }
        /* Once made, a topic may take a moment to be seen: it is not made again. */
        unsettled = make_and_count(admin, topics, count, question->replication, i == 0, err);
    }
    if (unsettled > 0) {
        return exo_error_set(err, EXO_EUNAVAILABLE,
                             "%d topics have a partition without a leader; are all brokers up?",
                             unsettled);
    }
    return unsettled < 0 ? -1 : check_configs(admin, topics, count, err);
}

int kafka_admin_trim(struct kafka_question *question, rd_kafka_t *instance)
{
    const struct admin *admin = &(struct admin){instance, &question->log->is_closing};
    struct exo_error *err = &question->err;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, question->topic, question->partition)->offset =
        question->low;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(admin->instance);
    rd_kafka_AdminOptions_t *options =
        admin_options(admin->instance, RD_KAFKA_ADMIN_OP_DELETERECORDS);

    rd_kafka_DeleteRecords(admin->instance, &records, 1, options, queue);
    rd_kafka_event_t *event = wait_event(admin, queue, "deleting records", err);
    int result = event == NULL ? -1 : 0;

    if (event != NULL) {
        const rd_kafka_topic_partition_list_t *done =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));

        for (int i = 0; result == 0 && i < done->cnt; i++) {
            if (done->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                result = kafka_error(err, done->elems[i].err, "deleting records");
            }
        }
    }
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
    return result;
}
