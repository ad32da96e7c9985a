/* kafka: the life of the Kafka back-end, and the one place where its events come in.
 *
 * librdkafka writes to one eventfd when any of three queues (acks and errors of the producer,
 * errors of the consumer, fetched records) becomes non-empty; a turn then drains all three, or goes
 * on on the next turn, since the fd does not fire again for what was left. */
#include "infra/log/kafka_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <unistd.h>

#include "infra/log/kafka_break.h"

enum { EVENTS_MAX = 64, BATCHES_MAX = 16 /* of one turn */ };
static const exo_time probe_ns = 500 * EXO_MILLISECOND;

void *kafka_must_allocate(size_t bytes)
{
    void *block = calloc(1, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

static enum exo_error_code code_of(rd_kafka_resp_err_t code)
{
    /* Named here is what is not "away, try again". */
    static const struct {
        rd_kafka_resp_err_t kafka;
        enum exo_error_code ours;
    } table[] = {
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, EXO_ENOTFOUND},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, EXO_ENOTFOUND},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, EXO_ENOTFOUND},
        {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, EXO_ECONFLICT},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, EXO_ELIMIT},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, EXO_ELIMIT},
        {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, EXO_ELIMIT},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, EXO_EDENIED},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, EXO_EDENIED},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, EXO_EDENIED},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, EXO_EDENIED},
        {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, EXO_EDENIED},
        {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, EXO_EINVALID},
        {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, EXO_EINVALID},
        {RD_KAFKA_RESP_ERR_INVALID_CONFIG, EXO_EINVALID},
        {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, EXO_EINVALID},
        {RD_KAFKA_RESP_ERR__FATAL, EXO_EUNKNOWN},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].kafka == code) {
            return table[i].ours;
        }
    }
    return EXO_EUNAVAILABLE;
}

int kafka_error(struct exo_error *err, rd_kafka_resp_err_t code, const char *what)
{
    (void)exo_error_set(err, code_of(code), "%s: Kafka: %s", what, rd_kafka_err2str(code));
    if (err != NULL) {
        err->library_code = code;
    }
    return -1;
}

static void notice(struct kafka_log *log, int level, const char *text)
{
    if (log->notice != NULL) {
        log->notice(log->notice_argument, level, text);
    }
}

struct kafka_answer *kafka_refuse(struct kafka_log *log, void *argument,
                                  const struct exo_error *err)
{
    struct kafka_answer *answer = kafka_must_allocate(sizeof(*answer));

    answer->argument = argument;
    answer->err = *err;
    *log->answers_last = answer;
    log->answers_last = &answer->next;
    kafka_turn(log);
    return answer;
}

static void answers_call(struct kafka_log *log)
{
    struct kafka_answer *answer = log->answers;

    log->answers = NULL;
    log->answers_last = &log->answers;
    while (answer != NULL) {
        struct kafka_answer *next = answer->next;

        if (answer->appended != NULL) {
            answer->appended(answer->argument, -1, &answer->err);
        } else if (answer->ended != NULL) {
            answer->ended(answer->argument, -1, &answer->err);
        } else if (answer->done != NULL) {
            answer->done(answer->argument, &answer->err);
        }
        free(answer);
        answer = next;
    }
}

/* ---- up and down ---- */

static void on_probed(struct kafka_question *question)
{
    struct kafka_log *log = question->log;

    log->is_probing = false; /* the asker has told kafka_saw_broker or kafka_lost_broker */
    kafka_question_free(question);
    if (!log->is_up) {
        loop_timer_start(log->probe, probe_ns, 0);
    }
}

static void on_probe(void *argument)
{
    struct kafka_log *log = argument;

    if (!log->is_probing) {
        struct kafka_question *question = kafka_question_new(log, ASK_PROBE, on_probed, NULL);

        log->is_probing = true;
        kafka_ask_put(log->ask, question);
    }
}

void kafka_saw_broker(struct kafka_log *log)
{
    log->is_up = true;
}

void kafka_lost_broker(struct kafka_log *log)
{
    log->is_up = false;
    if (!log->is_probing && !loop_timer_is_active(log->probe)) {
        loop_timer_start(log->probe, probe_ns, 0);
    }
}

/* ---- events ---- */

void kafka_turn(struct kafka_log *log)
{
    loop_wake_send(log->turn);
}

static void on_error_event(struct kafka_log *log, rd_kafka_event_t *event, bool is_consumer)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);

    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        kafka_lost_broker(log);
        if (is_consumer) {
            kafka_readers_check(log);
        }
    }
    if (code != RD_KAFKA_RESP_ERR__FATAL) {
        notice(log, LOG_WARNING, rd_kafka_event_error_string(event));
    }
}

static void on_log_event(struct kafka_log *log, rd_kafka_event_t *event)
{
    const char *facility = NULL;
    const char *text = NULL;
    int level = LOG_INFO;

    if (rd_kafka_event_log(event, &facility, &text, &level) == 0) {
        notice(log, level, text);
    }
}

/* Returns how many events were taken. */
static size_t drain_events(struct kafka_log *log, rd_kafka_queue_t *queue, bool is_consumer)
{
    size_t count = 0;
    rd_kafka_event_t *event = NULL;

    while (count < EVENTS_MAX && (event = rd_kafka_queue_poll(queue, 0)) != NULL) {
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_DR:
            kafka_delivered(log, event);
            break;
        case RD_KAFKA_EVENT_ERROR:
            on_error_event(log, event, is_consumer);
            break;
        case RD_KAFKA_EVENT_LOG:
            on_log_event(log, event);
            break;
        default:
            break;
        }
        rd_kafka_event_destroy(event);
        count++;
    }
    return count;
}

static void run_turn(struct kafka_log *log)
{
    char text[8];
    size_t batches = 0;
    size_t fetched = 0;
    bool is_more = drain_events(log, log->producer_events, false) == EVENTS_MAX;

    if (rd_kafka_fatal_error(log->producer, text, sizeof(text)) != 0) {
        notice(log, LOG_WARNING, "the producer failed for good; another one sends the rest again");
        kafka_producer_replace(log);
    }
    if (log->consumer != NULL) {
        is_more |= drain_events(log, log->consumer_events, true) == EVENTS_MAX;
        do {
            fetched = kafka_fetched(log);
            batches++;
        } while (fetched > 0 && batches < BATCHES_MAX);
    }
    answers_call(log);
    if (log->appends.waiting.first != NULL && log->appends.held_nr == 0) {
        kafka_appends_give(log);
    }
    kafka_readers_run(log);
    if (is_more || fetched > 0) {
        kafka_turn(log);
    }
}

static void on_events(void *argument, unsigned ready)
{
    struct kafka_log *log = argument;
    uint64_t count = 0;

    (void)ready;
    /* Nothing to read is fine: a turn may have taken it. */
    (void)!read(log->event_fd, &count, sizeof(count));
    run_turn(log);
}

static void on_turn(void *argument)
{
    run_turn(argument);
}

static void enable_events(struct kafka_log *log, rd_kafka_queue_t *queue)
{
    static const uint64_t one = 1;

    rd_kafka_queue_io_event_enable(queue, log->event_fd, &one, sizeof(one));
}

/* ---- ends and trims ---- */

struct wait {
    log_end_done *ended;
    bool is_start; /* it asks for the other end */
    log_done *done;
    void *argument;
};

static void on_answered(struct kafka_question *question)
{
    struct wait wait = *(struct wait *)question->argument;
    const struct exo_error *err = question->is_failed ? &question->err : NULL;

    if (wait.ended != NULL) {
        wait.ended(wait.argument,
                   err != NULL           ? -1
                   : question->wants_low ? question->low
                                         : question->high,
                   err);
    } else if (wait.done != NULL) {
        wait.done(wait.argument, err);
    }
    free(question->argument);
    kafka_question_free(question);
}

static void ask_place(struct kafka_log *log, enum ask_kind kind, const struct kafka_topic *topic,
                      uint32_t partition, int64_t low, const struct wait *wait)
{
    struct wait *kept = kafka_must_allocate(sizeof(*kept));

    *kept = *wait;
    struct kafka_question *question = kafka_question_new(log, kind, on_answered, kept);

    question->drop = free;
    memcpy(question->topic, topic->name, sizeof(question->topic));
    question->partition = (int32_t)partition;
    question->low = low;
    question->wants_low = wait->is_start;
    kafka_ask_put(log->ask, question);
}

static void kafka_end(struct log *base, const char *topic_name, uint32_t partition, bool is_start,
                      log_end_done *done, void *argument)
{
    struct kafka_log *log = (struct kafka_log *)base;
    struct kafka_topic *topic = NULL;
    struct exo_error err;

    if (!kafka_topic_check(log, topic_name, partition, &topic, &err)) {
        kafka_refuse(log, argument, &err)->ended = done;
        return;
    }
    ask_place(log, ASK_RANGE, topic, partition, 0,
              &(struct wait){.ended = done, .is_start = is_start, .argument = argument});
}

static void kafka_trim(struct log *base, const char *topic_name, uint32_t partition, int64_t below,
                       log_done *done, void *argument)
{
    struct kafka_log *log = (struct kafka_log *)base;
    struct kafka_topic *topic = NULL;
    struct exo_error err;

    if (!kafka_topic_check(log, topic_name, partition, &topic, &err)) {
        kafka_refuse(log, argument, &err)->done = done;
        return;
    }
    ask_place(log, ASK_TRIM, topic, partition, below,
              &(struct wait){.done = done, .argument = argument});
}

/* ---- life ---- */

static bool kafka_is_up(const struct log *log)
{
    return ((const struct kafka_log *)log)->is_up;
}

int kafka_producer_open(struct kafka_log *log, struct exo_error *err)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(log->producer_conf);

    log->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (log->producer == NULL) {
        rd_kafka_conf_destroy(conf);
        return exo_error_set(err, EXO_EINVALID, "cannot make a Kafka producer: %s", text);
    }
    (void)rd_kafka_set_log_queue(log->producer, NULL); /* fails without log.queue only */
    log->producer_events = rd_kafka_queue_get_main(log->producer);
    enable_events(log, log->producer_events);
    return 0;
}

static int consumer_open(struct kafka_log *log, const struct log_settings *settings,
                         struct exo_error *err)
{
    char text[256];
    rd_kafka_conf_t *conf = kafka_conf_new(log, settings, RD_KAFKA_CONSUMER, err);

    if (conf == NULL) {
        return -1;
    }
    log->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (log->consumer == NULL) {
        rd_kafka_conf_destroy(conf);
        return exo_error_set(err, EXO_EINVALID, "cannot make a Kafka consumer: %s", text);
    }
    (void)rd_kafka_set_log_queue(log->consumer, NULL); /* as above */
    log->consumer_events = rd_kafka_queue_get_main(log->consumer);
    log->fetched = rd_kafka_queue_new(log->consumer);
    enable_events(log, log->consumer_events);
    enable_events(log, log->fetched);
    return 0;
}

static void kafka_close(struct log *base)
{
    struct kafka_log *log = (struct kafka_log *)base;

    atomic_store(&log->is_closing, true);
    if (log->ask != NULL) {
        kafka_ask_close(log->ask);
    }
    if (log->consumer != NULL) {
        kafka_readers_stop(log);
    }
    kafka_topics_free(log);
    if (log->producer != NULL) {
        (void)rd_kafka_purge(log->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_queue_destroy(log->producer_events);
        rd_kafka_destroy(log->producer);
    }
    if (log->consumer != NULL) {
        rd_kafka_queue_destroy(log->fetched);
        rd_kafka_queue_destroy(log->consumer_events);
        rd_kafka_destroy(log->consumer);
    }
    if (log->producer_conf != NULL) {
        rd_kafka_conf_destroy(log->producer_conf);
    }
    while (log->answers != NULL) {
        struct kafka_answer *answer = log->answers;

        log->answers = answer->next;
        free(answer);
    }
    kafka_appends_free(log);
    loop_wake_free(log->turn);
    loop_timer_free(log->probe);
    loop_timer_free(log->reader_retry);
    loop_watch_free(log->event_watch);
    (void)close(log->event_fd); /* nothing was written to it that could be lost */
    free(log);
}

static const struct log_driver driver = {
    .close = kafka_close,
    .prepare = kafka_prepare,
    .append = kafka_append_record,
    .reader_open = kafka_reader_open,
    .reader_resume = kafka_reader_resume,
    .reader_position = kafka_reader_position,
    .reader_close = kafka_reader_close,
    .end = kafka_end,
    .trim = kafka_trim,
    .is_up = kafka_is_up,
};

static struct kafka_log *log_new(struct loop *loop, const struct log_settings *settings,
                                 int event_fd)
{
    struct kafka_log *log = kafka_must_allocate(sizeof(*log));

    log->log.driver = &driver;
    log->loop = loop;
    log->event_fd = event_fd;
    log->notice = settings->notice;
    log->notice_argument = settings->notice_argument;
    log->replication = settings->replication;
    log->bytes_max =
        settings->buffer_bytes_max == 0 ? UINT64_C(64) << 20 : settings->buffer_bytes_max;
    log->answers_last = &log->answers;
    log->turn = loop_wake_new(loop, on_turn, log);
    log->probe = loop_timer_new(loop, on_probe, log);
    log->reader_retry = loop_timer_new(loop, kafka_on_reader_retry, log);
    log->event_watch = loop_watch_new(loop, event_fd, LOOP_READABLE, on_events, log);
    kafka_append_init(log);
    return log;
}

struct log *log_kafka_open(struct loop *loop, const struct log_settings *settings,
                           struct exo_error *err)
{
    if (settings->brokers == NULL || *settings->brokers == '\0') {
        (void)exo_error_set(err, EXO_EINVALID,
                            "no broker is named; set kafka.brokers to HOST:PORT[,HOST:PORT...]");
        return NULL;
    }
    int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (event_fd < 0) {
        (void)exo_error_set(err, EXO_EIO, "cannot make an eventfd: %s", strerror(errno));
        return NULL;
    }
    struct kafka_log *log = log_new(loop, settings, event_fd);

    log->producer_conf = kafka_conf_new(log, settings, RD_KAFKA_PRODUCER, err);
    if (log->producer_conf == NULL || kafka_producer_open(log, err) != 0 ||
        (!settings->is_append_only && consumer_open(log, settings, err) != 0) ||
        (log->ask = kafka_ask_open(log, err)) == NULL) {
        kafka_close(&log->log);
        return NULL;
    }
    on_probe(log);
    return &log->log;
}

void kafka_break_producer(struct log *base)
{
    struct kafka_log *log = (struct kafka_log *)base;

    (void)rd_kafka_test_fatal_error(log->producer, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                    "broken by a test");
    kafka_turn(log);
}
