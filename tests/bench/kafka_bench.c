/* kafka_bench: what librdkafka and the broker carry through three hops in a row, with nothing of
 * ours between them.
 *
 *   kafka_bench BROKERS [seconds]
 *
 *   source --> 4 partitions --> 4 partitions --> 4 partitions --> sink
 *
 * One process: one producer, one consumer; what is read of a partition goes to the one four further
 * on. burst: AHEAD_MAX under way, linger.ms 5, a fetched batch is handed over as batches of a
 * partition; single: one record at a time, linger.ms 0. acks=all, idempotent, lz4, 200 bytes, of
 * which 64 do not compress. cpu is this process's; the broker's is not in it. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    HOPS = 3,
    LANES = 4, /* partitions of a hop */
    PARTITIONS = HOPS * LANES,
    VALUE_BYTES = 200,
    NOISE_BYTES = 64,
    BATCH = 1000,
    AHEAD_MAX = 100000,
    SINGLES = 1000,
    WAIT_S = 60,
    READY_MS = 20, /* between two looks for the leaders of a topic just made */
};

struct bench {
    const char *brokers;
    char topic[64];
    rd_kafka_t *producer, *consumer;
    rd_kafka_topic_t *to_producer, *to_consumer;
    rd_kafka_queue_t *fetched;
    uint64_t noise, sent, arrived, failed;
};

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "kafka_bench: %s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for RUSAGE_SELF */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void on_delivered(rd_kafka_t *instance, const rd_kafka_message_t *message, void *opaque)
{
    struct bench *bench = opaque;

    (void)instance;
    bench->failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_t *instance_new(struct bench *bench, rd_kafka_type_t type,
                                const char *const (*properties)[2])
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (rd_kafka_conf_set(conf, "bootstrap.servers", bench->brokers, text, sizeof(text)) !=
        RD_KAFKA_CONF_OK) {
        die("bootstrap.servers", text);
    }
    for (; (*properties)[0] != NULL; properties++) {
        if (rd_kafka_conf_set(conf, (*properties)[0], (*properties)[1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            die((*properties)[0], text);
        }
    }
    rd_kafka_conf_set_opaque(conf, bench);
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    }
    rd_kafka_t *instance = rd_kafka_new(type, conf, text, sizeof(text));

    if (instance == NULL) {
        die("an instance of librdkafka", text);
    }
    return instance;
}

static rd_kafka_t *producer_new(struct bench *bench, const char *linger_ms)
{
    const char *const properties[][2] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"linger.ms", linger_ms},
        {"batch.size", "1000000"},
        {"batch.num.messages", "10000"},
        {"compression.type", "lz4"},
        {"queue.buffering.max.messages", "1000000"},
        {"socket.nagle.disable", "true"},
        {"delivery.report.only.error", "true"},
        {NULL, NULL},
    };

    return instance_new(bench, RD_KAFKA_PRODUCER, properties);
}

static rd_kafka_t *consumer_new(struct bench *bench)
{
    static const char *const properties[][2] = {
        {"fetch.wait.max.ms", "100"},
        {"fetch.min.bytes", "1"},
        {"fetch.error.backoff.ms", "50"},
        {"enable.auto.commit", "false"},
        {"socket.nagle.disable", "true"},
        {"check.crcs", "true"},
        {NULL, NULL},
    };

    return instance_new(bench, RD_KAFKA_CONSUMER, properties);
}

/* ---- the topic ---- */

static void topic_make(struct bench *bench)
{
    char text[512];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(bench->producer);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(bench->topic, PARTITIONS, 1, text, sizeof(text));

    if (topic == NULL) {
        die("a topic", text);
    }
    rd_kafka_CreateTopics(bench->producer, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_S * 1000);

    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("making a topic", event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_queue_destroy(queue);
}

/* All partitions have a leader, as this instance sees it. */
static bool is_led(rd_kafka_t *instance, rd_kafka_topic_t *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    bool is_led = true;

    if (rd_kafka_metadata(instance, 0, topic, &metadata, WAIT_S * 1000) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    is_led = metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt == PARTITIONS;
    for (int i = 0; is_led && i < PARTITIONS; i++) {
        is_led = metadata->topics[0].partitions[i].leader >= 0;
    }
    rd_kafka_metadata_destroy(metadata);
    return is_led;
}

static void await_led(rd_kafka_t *instance, rd_kafka_topic_t *topic)
{
    double end_s = now_s() + WAIT_S;

    while (!is_led(instance, topic)) {
        if (now_s() > end_s) {
            die("the topic", "its partitions get no leader");
        }
        (void)rd_kafka_poll(instance, READY_MS); /* nothing is expected of it */
    }
}

/* ---- the hops ---- */

static void value_fill(struct bench *bench, unsigned char value[VALUE_BYTES])
{
    memset(value, 'x', VALUE_BYTES);
    for (size_t i = 0; i < NOISE_BYTES; i += sizeof(bench->noise)) {
        bench->noise ^= bench->noise << 13; /* xorshift64: Marsaglia 2003 */
        bench->noise ^= bench->noise >> 7;
        bench->noise ^= bench->noise << 17;
        memcpy(value + i, &bench->noise, sizeof(bench->noise));
    }
}

/* A batch into one of the first partitions; each batch takes the next. */
static void source(struct bench *bench, uint64_t count)
{
    static unsigned char values[BATCH][VALUE_BYTES];
    static rd_kafka_message_t messages[BATCH];
    static int32_t lane;

    for (uint64_t i = 0; i < count; i++) {
        value_fill(bench, values[i]);
        messages[i] = (rd_kafka_message_t){.payload = values[i], .len = VALUE_BYTES};
    }
    lane = (lane + 1) % LANES;
    bench->sent += (uint64_t)rd_kafka_produce_batch(bench->to_producer, lane, RD_KAFKA_MSG_F_COPY,
                                                    messages, (int)count);
}

/* Hands the messages of one partition at the head of a batch on. Returns how many there were. */
static size_t hop(struct bench *bench, rd_kafka_message_t *const *messages, size_t count)
{
    static rd_kafka_message_t copies[BATCH];
    int32_t partition = messages[0]->partition;
    size_t run = 0;

    while (run < count && messages[run]->partition == partition) {
        if (messages[run]->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die("read", rd_kafka_message_errstr(messages[run]));
        }
        copies[run] =
            (rd_kafka_message_t){.payload = messages[run]->payload, .len = messages[run]->len};
        run++;
    }
    if (partition >= (HOPS - 1) * LANES) {
        bench->arrived += run;
    } else if (rd_kafka_produce_batch(bench->to_producer, partition + LANES, RD_KAFKA_MSG_F_COPY,
                                      copies, (int)run) != (int)run) {
        die("produce", "the buffer is full"); /* AHEAD_MAX fit */
    }
    return run;
}

static void turn(struct bench *bench)
{
    static rd_kafka_message_t *messages[BATCH];
    ssize_t got = rd_kafka_consume_batch_queue(bench->fetched, 0, messages, BATCH);

    if (got == 0) { /* the batch call would wait for a whole batch: wait for one */
        messages[0] = rd_kafka_consume_queue(bench->fetched, 1);
        got = messages[0] != NULL;
    }
    for (ssize_t i = 0; i < got;) {
        i += (ssize_t)hop(bench, messages + i, (size_t)(got - i));
    }
    for (ssize_t i = 0; i < got; i++) {
        rd_kafka_message_destroy(messages[i]);
    }
    (void)rd_kafka_poll(bench->producer, 0); /* how many reports came does not matter */
    if (bench->failed > 0) {
        die("produce", "a record was not acknowledged");
    }
}

static void producer_use(struct bench *bench, const char *linger_ms)
{
    if (bench->producer != NULL) {
        (void)rd_kafka_flush(bench->producer, WAIT_S * 1000); /* all has arrived */
        rd_kafka_topic_destroy(bench->to_producer);
        rd_kafka_destroy(bench->producer);
    }
    bench->producer = producer_new(bench, linger_ms);
    if (bench->consumer == NULL) {
        topic_make(bench);
    }
    bench->to_producer = rd_kafka_topic_new(bench->producer, bench->topic, NULL);
    await_led(bench->producer, bench->to_producer);
}

static void open_all(struct bench *bench)
{
    (void)snprintf(bench->topic, sizeof(bench->topic), "bench.raw.%" PRId64, (int64_t)time(NULL));
    producer_use(bench, "0");
    bench->consumer = consumer_new(bench);
    bench->to_consumer = rd_kafka_topic_new(bench->consumer, bench->topic, NULL);
    await_led(bench->consumer, bench->to_consumer);
    bench->fetched = rd_kafka_queue_new(bench->consumer);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (rd_kafka_consume_start_queue(bench->to_consumer, i, 0, bench->fetched) != 0) {
            die("read", rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
}

static void close_all(struct bench *bench)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        (void)rd_kafka_consume_stop(bench->to_consumer, i); /* nothing is left to be told */
    }
    (void)rd_kafka_flush(bench->producer, WAIT_S * 1000); /* all has arrived */
    rd_kafka_topic_destroy(bench->to_producer);
    rd_kafka_topic_destroy(bench->to_consumer);
    rd_kafka_queue_destroy(bench->fetched);
    rd_kafka_destroy(bench->producer);
    rd_kafka_destroy(bench->consumer);
}

/* ---- the two measurements ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void single(struct bench *bench)
{
    static double times_s[SINGLES];

    for (size_t i = 0; i < SINGLES; i++) {
        double begin_s = now_s();

        source(bench, 1);
        while (bench->arrived < bench->sent) {
            turn(bench);
        }
        times_s[i] = now_s() - begin_s;
    }
    qsort(times_s, SINGLES, sizeof(times_s[0]), compare);
    (void)printf("raw three hops, single   p50 %8.3f ms  p99 %8.3f ms\n",
                 times_s[SINGLES / 2] * 1e3, times_s[SINGLES * 99 / 100] * 1e3);
}

static void burst(struct bench *bench, double length_s)
{
    double begin_s = now_s();
    double end_s = begin_s + length_s;
    double cpu = cpu_s();
    uint64_t before = bench->arrived;

    while (now_s() < end_s || bench->arrived < bench->sent) {
        while (now_s() < end_s && bench->sent - bench->arrived + BATCH <= AHEAD_MAX) {
            source(bench, BATCH);
        }
        turn(bench);
    }
    double count = (double)(bench->arrived - before);

    (void)printf(
        "raw three hops, burst    %9.0f records/s  %.0f records  %.2f us of cpu a record\n",
        count / (now_s() - begin_s), count, (cpu_s() - cpu) / count * 1e6);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.noise = 88172645463325252U};

    if (argc < 2) {
        (void)fprintf(stderr, "usage: kafka_bench BROKERS [seconds]\n");
        return 64;
    }
    bench.brokers = argv[1];
    open_all(&bench);
    single(&bench);
    producer_use(&bench, "5");
    burst(&bench, argc > 2 ? strtod(argv[2], NULL) : 3);
    close_all(&bench);
    return 0;
}
