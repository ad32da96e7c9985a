#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <syslog.h>

#include "infra/log/kafka_log.h"

struct property {
    const char *key;
    const char *value;
};

/* What a user may change with `properties`. */
static const struct property defaults[] = {
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"socket.timeout.ms", "10000"}, /* a broker that is there and silent */
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "1000"}, /* a third of a worker's lease is 5 s: stay well below */
    {NULL, NULL},
};
static const struct property producer_defaults[] = {
    {"linger.ms", "0"},
    {"batch.size", "1000000"},
    {"compression.type", "lz4"},
    {NULL, NULL},
};
static const struct property consumer_defaults[] = {
    {"fetch.wait.max.ms",
     "100"}, /* a partition that begins waits for the fetch under way (ADR 0004) */
    {"fetch.min.bytes", "1"},
    {"fetch.error.backoff.ms", "50"},
    {"queued.min.messages", "20000"},
    {"queued.max.messages.kbytes", "16384"}, /* of the one queue that all partitions share */
    {"fetch.max.bytes", "8388608"},
    {"check.crcs", "true"},
    {NULL, NULL},
};

/* What correctness rests on: set last. */
static const struct property producer_rules[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"queue.buffering.max.messages", "10000000"}, /* the bound is log.c's, in bytes */
    {"isolation.level", "read_uncommitted"},      /* it also asks for ends of partitions */
    {NULL, NULL},
};
static const struct property consumer_rules[] = {
    {"enable.auto.commit", "false"},         {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"}, /* never skip silently */
    {"isolation.level", "read_uncommitted"}, {"enable.partition.eof", "false"},
    {"allow.auto.create.topics", "false"},   {NULL, NULL},
};
static const struct property rules[] = {
    {"log.queue", "true"},
    {"message.max.bytes", "8388608"}, /* LOG_RECORD_BYTES_MAX and what surrounds it */
    {NULL, NULL},
};

/* The value may be a secret: librdkafka's own text would show it. */
static int set_one(rd_kafka_conf_t *conf, const char *key, const char *value, struct exo_error *err)
{
    switch (rd_kafka_conf_set(conf, key, value, NULL, 0)) {
    case RD_KAFKA_CONF_OK:
        return 0;
    case RD_KAFKA_CONF_UNKNOWN:
        return exo_error_set(err, EXO_EINVALID, "librdkafka knows no property \"%s\"", key);
    case RD_KAFKA_CONF_INVALID:
        break;
    }
    return exo_error_set(err, EXO_EINVALID, "librdkafka does not take the value of property \"%s\"",
                         key);
}

static int set_all(rd_kafka_conf_t *conf, const struct property *properties, struct exo_error *err)
{
    for (; properties->key != NULL; properties++) {
        if (set_one(conf, properties->key, properties->value, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static char *trim_blanks(char *text)
{
    while (*text == ' ' || *text == '\t') {
        text++;
    }
    size_t length = strlen(text);

    while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL) {
        text[--length] = '\0';
    }
    return text;
}

/* Lines "key=value"; empty ones and those with # first are skipped. */
static int set_lines(rd_kafka_conf_t *conf, const char *lines, struct exo_error *err)
{
    char *copy = lines == NULL ? NULL : strdup(lines);
    char *rest = copy;
    int result = 0;

    while (result == 0 && rest != NULL) {
        char *line = trim_blanks(strsep(&rest, "\n"));
        char *value = strchr(line, '=');

        if (*line == '\0' || *line == '#') {
            continue;
        }
        if (value == NULL) {
            result = exo_error_set(err, EXO_EINVALID,
                                   "a line of the properties for Kafka is not \"key=value\"");
            break;
        }
        *value = '\0';
        result = set_one(conf, trim_blanks(line), trim_blanks(value + 1), err);
    }
    if (copy != NULL) {
        explicit_bzero(copy, strlen(copy));
    }
    free(copy);
    return result;
}

/* A new connection may be to a broker that has lost its tail: readers look again. */
static int on_socket(int domain, int type, int protocol, void *opaque)
{
    struct kafka_log *log = opaque;

    (void)atomic_fetch_add(&log->connection_nr, 1);
    return socket(domain, type | SOCK_CLOEXEC, protocol);
}

rd_kafka_conf_t *kafka_conf_new(struct kafka_log *log, const struct log_settings *settings,
                                rd_kafka_type_t type, struct exo_error *err)
{
    bool is_producer = type == RD_KAFKA_PRODUCER;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char kbytes[32];

    (void)snprintf(kbytes, sizeof(kbytes), "%llu",
                   (unsigned long long)log->bytes_max / 1024 + 16384);
    const struct property own[] = {
        {"bootstrap.servers", settings->brokers},
        {"client.id", settings->client_id == NULL ? "exosphere" : settings->client_id},
        {is_producer ? "queue.buffering.max.kbytes" : NULL, kbytes},
        {NULL, NULL},
    };

    if (set_all(conf, defaults, err) != 0 ||
        set_all(conf, is_producer ? producer_defaults : consumer_defaults, err) != 0 ||
        set_lines(conf, settings->properties, err) != 0 ||
        set_all(conf, is_producer ? producer_rules : consumer_rules, err) != 0 ||
        set_all(conf, rules, err) != 0 || set_all(conf, own, err) != 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, log);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG |
                                       (is_producer ? RD_KAFKA_EVENT_DR : 0));
    if (!is_producer) {
        rd_kafka_conf_set_socket_cb(conf, on_socket);
    }
    return conf;
}
