/* kafka_reader: readers of partitions, fed from one queue of one consumer without a group.
 *
 *   NEW --ask the range--> ASKING --> CHECKING --record before fits--> LIVE --> FAILED
 *    ^                        |           (offset - 1 is read again)     |
 *    +------------------------+--- reconnect, error of the partition ----+
 *
 * A partition is fetched once however many read it. What its only reader takes at once is shown
 * straight from librdkafka's memory; the rest waits in the feed's window, and a feed whose window
 * is full is stopped and started again where it was. (docs/adr/0004-simple-consumer.md) */
#include <assert.h>
#include <stdlib.h>
#include <syslog.h>

#include "infra/log/kafka_log.h"

enum {
    SHOW_MAX = 512,           /* records in one callback, messages in one batch */
    WINDOW_BYTES = 512 << 10, /* of a feed whose readers do not take */
    TOPIC_TRIES = 20,         /* how often a topic may be unknown before its readers fail */
};
static const exo_time retry_ns = 200 * EXO_MILLISECOND;
static const int64_t skip_max = 10000; /* records fetched in vain rather than starting again */

enum reader_state { READER_NEW, READER_ASKING, READER_CHECKING, READER_LIVE, READER_FAILED };

struct kafka_reader {
    struct log_reader reader; /* first */
    struct kafka_log *log;
    struct kafka_feed *feed; /* NULL: no such partition */
    struct kafka_reader *next;
    struct kafka_reader *previous;
    enum reader_state state;
    bool is_paused;
    bool is_calling;
    bool is_closed;
    unsigned tries;
    int64_t begin;     /* where to look next time: an offset or LOG_END */
    uint32_t checksum; /* of the record before begin; 0: none */
    int64_t position;
    int64_t scan;
    struct kafka_question *question;
    struct loop_timer *refusal; /* without a feed: fails on a turn of its own */
    struct log_reader_callbacks callbacks;
    void *argument;
};

/* ---- feeds ---- */

void kafka_feed_is_ready(struct kafka_log *log, struct kafka_feed *feed)
{
    if (!feed->is_ready) {
        feed->is_ready = true;
        feed->next_ready = log->ready;
        log->ready = feed;
    }
    kafka_turn(log);
}

static void feed_stop(struct kafka_feed *feed)
{
    if (feed->is_started) {
        feed->is_started = false;
        /* Fails for a partition that was never started only. */
        (void)rd_kafka_consume_stop(feed->topic->to_consumer, feed->number);
    }
}

static void feed_clear(struct kafka_feed *feed, int64_t from)
{
    record_window_release(&feed->window);
    feed->window.from = from;
    feed->next = from;
}

static void retry_later(struct kafka_log *log)
{
    if (!loop_timer_is_active(log->reader_retry)) {
        loop_timer_start(log->reader_retry, retry_ns, 0);
    }
}

/* Readers of the feed begin again, at what they took last. */
static void feed_check(struct kafka_log *log, struct kafka_feed *feed)
{
    (void)log;
    feed_stop(feed);
    feed_clear(feed, 0);
    for (struct kafka_reader *reader = feed->readers; reader != NULL; reader = reader->next) {
        if (reader->state == READER_FAILED) {
            continue;
        }
        if (reader->state == READER_LIVE) {
            reader->begin = reader->position;
        }
        if (reader->question != NULL) {
            reader->question->argument = NULL;
            reader->question = NULL;
        }
        reader->state = READER_NEW;
    }
}

static void feed_start(struct kafka_log *log, struct kafka_feed *feed, int64_t offset)
{
    if (rd_kafka_consume_start_queue(feed->topic->to_consumer, feed->number, offset,
                                     log->fetched) != 0) {
        feed_check(log, feed);
        retry_later(log);
        return;
    }
    feed->is_started = true;
    feed->next = offset;
}

static bool is_reading(const struct kafka_reader *reader)
{
    return reader->state == READER_LIVE || reader->state == READER_CHECKING;
}

/* The lowest offset that readers look for next; INT64_MAX when there is none. */
static int64_t lowest_scan(const struct kafka_feed *feed, bool with_paused)
{
    int64_t lowest = INT64_MAX;

    for (const struct kafka_reader *reader = feed->readers; reader != NULL; reader = reader->next) {
        if (is_reading(reader) && reader->scan < lowest && (with_paused || !reader->is_paused)) {
            lowest = reader->scan;
        }
    }
    return lowest;
}

static void feed_tidy(struct kafka_feed *feed)
{
    struct record_window *window = &feed->window;
    int64_t needed = lowest_scan(feed, true);
    int64_t wanted = lowest_scan(feed, false);
    struct log_record first;

    while (record_window_show(window, 0, &first, 1) == 1 &&
           (first.offset < needed ||
            (window->bytes > WINDOW_BYTES && wanted != INT64_MAX && first.offset < wanted))) {
        record_window_drop(window);
    }
    if (window->count == 0) {
        window->from = feed->next;
    }
}

/* Starts, stops and moves the fetching to where it serves the readers. */
static void feed_steer(struct kafka_log *log, struct kafka_feed *feed)
{
    int64_t wanted = lowest_scan(feed, false);

    if (lowest_scan(feed, true) == INT64_MAX) {
        feed_stop(feed);
        feed_clear(feed, 0);
        return;
    }
    if (wanted == INT64_MAX) {
        if (feed->window.bytes > WINDOW_BYTES) {
            feed_stop(feed); /* all pause and the window is full */
        }
        return;
    }
    bool is_inside = wanted >= feed->window.from && wanted <= feed->next + skip_max;

    if (feed->is_started && is_inside) {
        return;
    }
    if (!feed->is_started && is_inside && feed->window.count > 0 && wanted <= feed->next) {
        if (feed->window.bytes <= WINDOW_BYTES) {
            feed_start(log, feed, feed->next);
        }
        return;
    }
    feed_stop(feed);
    feed_clear(feed, wanted);
    feed_start(log, feed, wanted);
}

/* ---- showing ---- */

static void reader_free(struct kafka_reader *reader)
{
    loop_timer_free(reader->refusal);
    free(reader);
}

static void reader_fail(struct kafka_reader *reader, const struct exo_error *err)
{
    reader->state = READER_FAILED;
    reader->is_calling = true;
    reader->callbacks.failed(reader->argument, err);
    reader->is_calling = false;
    if (reader->is_closed) {
        reader_free(reader);
    }
}

static void fail_changed(struct kafka_reader *reader)
{
    struct exo_error err;

    (void)exo_error_set(&err, EXO_ECONFLICT,
                        "%s/%d does not hold the record before offset %lld that was read there: "
                        "the broker lost its tail, or another topic has its name",
                        reader->feed->topic->name, reader->feed->number, (long long)reader->begin);
    reader_fail(reader, &err);
}

/* False: the reader is gone, or takes no more now. */
static bool show(struct kafka_reader *reader, const struct log_record *records, size_t count,
                 size_t *ret_taken)
{
    reader->is_calling = true;
    size_t taken = reader->callbacks.records(reader->argument, records, count);

    reader->is_calling = false;
    *ret_taken = taken;
    if (reader->is_closed) {
        reader_free(reader);
        return false;
    }
    assert(taken <= count);
    reader->log->log.counts.read += taken;
    if (taken > 0) {
        reader->position = records[taken - 1].offset + 1;
        reader->scan = reader->position;
        reader->checksum = log_record_checksum(&records[taken - 1]);
    }
    reader->is_paused = taken < count;
    return !reader->is_paused;
}

/* Shows a reader what the window has for it. */
static void show_window(struct kafka_log *log, struct kafka_reader *reader)
{
    struct log_record records[SHOW_MAX];
    struct kafka_feed *feed = reader->feed;
    size_t taken = 0;

    if (!is_reading(reader) || reader->is_paused || reader->scan < feed->window.from) {
        return;
    }
    size_t count = record_window_show(&feed->window, reader->scan, records, SHOW_MAX);

    if (count > 0 && reader->state == READER_CHECKING) {
        if (records[0].offset != reader->begin - 1 ||
            log_record_checksum(&records[0]) != reader->checksum) {
            fail_changed(reader);
            return;
        }
        reader->state = READER_LIVE;
        reader->scan = reader->begin;
        kafka_feed_is_ready(log, feed);
        return;
    }
    if (count > 0 && show(reader, records, count, &taken) && count == SHOW_MAX) {
        kafka_feed_is_ready(log, feed);
    }
}

static void add_to_window(struct kafka_feed *feed, const struct log_record *records, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct held_record *held = held_record_new(records[i].key, records[i].value);

        if (held == NULL) {
            abort();
        }
        held->offset = records[i].offset;
        held->timestamp_ns = records[i].timestamp_ns;
        record_window_add(&feed->window, held);
    }
}

/* Records of one partition as they come off the queue. */
static void feed_take(struct kafka_log *log, struct kafka_feed *feed,
                      const struct log_record *records, size_t count)
{
    while (count > 0 && records->offset < feed->next) {
        records++; /* fetched again after a start */
        count--;
    }
    struct kafka_reader *reader = feed->readers;

    if (count == 0 || !feed->is_started || reader == NULL) {
        return;
    }
    bool is_direct = reader->next == NULL && reader->state == READER_LIVE && !reader->is_paused &&
                     feed->window.count == 0 && reader->scan <= records->offset;
    size_t taken = 0;

    feed->next = records[count - 1].offset + 1;
    if (is_direct) {
        (void)show(reader, records, count, &taken); /* what is left goes to the window */
        if (taken > 0) {
            feed->window.from = records[taken - 1].offset + 1;
        }
        if (taken == count) {
            return;
        }
    }
    if (feed->readers != NULL) {
        add_to_window(feed, records + taken, count - taken);
    }
    kafka_feed_is_ready(log, feed);
}

/* ---- the fetch queue ---- */

static void feed_error(struct kafka_log *log, struct kafka_feed *feed,
                       const rd_kafka_message_t *message)
{
    if (log->notice != NULL) {
        log->notice(log->notice_argument, LOG_NOTICE, rd_kafka_message_errstr(message));
    }
    /* Out of range, topic gone, not allowed: asking for the range tells which. */
    feed_check(log, feed);
    retry_later(log);
}

static struct log_record record_of(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);

    return (struct log_record){
        .offset = message->offset,
        .timestamp_ns = timestamp_ms < 0 ? 0 : timestamp_ms * EXO_MILLISECOND,
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
}

static bool is_same_place(const rd_kafka_message_t *a, const rd_kafka_message_t *b)
{
    return a->rkt == b->rkt && a->partition == b->partition;
}

/* Takes the messages of one partition at the head of a batch. Returns how many there were. */
static size_t take_run(struct kafka_log *log, rd_kafka_message_t *const *messages, size_t count)
{
    struct log_record records[SHOW_MAX];
    const rd_kafka_message_t *first = messages[0];
    struct kafka_topic *topic = first->rkt == NULL ? NULL : rd_kafka_topic_opaque(first->rkt);
    size_t run = 0;

    if (topic == NULL || first->partition < 0 ||
        (uint32_t)first->partition >= topic->partition_nr) {
        return 1; /* an error of the consumer itself comes as an event, too */
    }
    struct kafka_feed *feed = &topic->feeds[first->partition];

    if (first->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        feed_error(log, feed, first);
        return 1;
    }
    while (run < count && is_same_place(first, messages[run]) &&
           messages[run]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        records[run] = record_of(messages[run]);
        run++;
    }
    feed_take(log, feed, records, run);
    return run;
}

size_t kafka_fetched(struct kafka_log *log)
{
    rd_kafka_message_t *messages[SHOW_MAX];
    ssize_t got = rd_kafka_consume_batch_queue(log->fetched, 0, messages, SHOW_MAX);
    size_t count = got < 0 ? 0 : (size_t)got;
    unsigned connection_nr = atomic_load(&log->connection_nr);

    if (count == 0) {
        return 0;
    }
    /* Before the first record is shown there is nothing that a new connection could contradict. */
    bool is_checked = connection_nr == log->connection_nr_seen || log->log.counts.read == 0;

    log->connection_nr_seen = connection_nr;
    if (!is_checked) {
        kafka_readers_check(log); /* and what came is not shown */
    } else {
        kafka_saw_broker(log);
        for (size_t i = 0; i < count;) {
            i += take_run(log, messages + i, count - i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_destroy(messages[i]);
    }
    return count;
}

/* ---- beginning ---- */

static void begin_at(struct kafka_reader *reader, int64_t low, int64_t high)
{
    struct kafka_feed *feed = reader->feed;
    struct exo_error err;

    if (reader->begin == LOG_END) {
        reader->begin = high;
        reader->checksum = 0;
    }
    reader->position = reader->begin;
    reader->scan = reader->begin;
    reader->tries = 0;
    if (reader->begin > high) {
        (void)exo_error_set(&err, EXO_ECONFLICT,
                            "%s/%d ends at offset %lld, before the %lld asked for: the broker lost "
                            "its tail, or another topic has its name",
                            feed->topic->name, feed->number, (long long)high,
                            (long long)reader->begin);
        reader_fail(reader, &err);
        return;
    }
    if (reader->begin < low) {
        (void)exo_error_set(&err, EXO_ENOTFOUND,
                            "the records of %s/%d from offset %lld to %lld were deleted before "
                            "they were read",
                            feed->topic->name, feed->number, (long long)reader->begin,
                            (long long)low);
        reader_fail(reader, &err);
        return;
    }
    /* What was trimmed right up to here cannot be compared. */
    bool is_checked = reader->checksum != 0 && low < reader->begin;

    reader->state = is_checked ? READER_CHECKING : READER_LIVE;
    reader->scan = is_checked ? reader->begin - 1 : reader->begin;
    kafka_feed_is_ready(reader->log, feed);
}

static void on_range(struct kafka_question *question)
{
    struct kafka_log *log = question->log;
    struct kafka_reader *reader = question->argument;

    if (reader == NULL) {
        kafka_question_free(question);
        return;
    }
    struct exo_error err = question->err;
    bool is_failed = question->is_failed;
    int64_t low = question->low;
    int64_t high = question->high;

    kafka_question_free(question);
    reader->question = NULL;
    reader->state = READER_NEW;
    if (!is_failed) {
        begin_at(reader, low, high);
    } else if (err.is_retryable || (err.code == EXO_ENOTFOUND && reader->tries < TOPIC_TRIES)) {
        reader->tries += err.code == EXO_ENOTFOUND;
        retry_later(log);
    } else {
        reader_fail(reader, &err);
    }
}

static void ask_range(struct kafka_reader *reader)
{
    struct kafka_question *question = kafka_question_new(reader->log, ASK_RANGE, on_range, reader);

    memcpy(question->topic, reader->feed->topic->name, sizeof(question->topic));
    question->partition = reader->feed->number;
    question->wants_low = reader->begin != LOG_END;
    reader->question = question;
    reader->state = READER_ASKING;
    kafka_ask_put(reader->log->ask, question);
}

static void feed_run(struct kafka_log *log, struct kafka_feed *feed)
{
    if (!feed->topic->is_ready) {
        return;
    }
    for (struct kafka_reader *reader = feed->readers; reader != NULL; reader = reader->next) {
        if (reader->state == READER_NEW && !loop_timer_is_active(log->reader_retry)) {
            ask_range(reader);
        }
    }
    feed->cursor = feed->readers; /* a callback may close any reader */
    while (feed->cursor != NULL) {
        struct kafka_reader *reader = feed->cursor;

        feed->cursor = reader->next;
        show_window(log, reader);
    }
    feed_tidy(feed);
    feed_steer(log, feed);
}

void kafka_readers_run(struct kafka_log *log)
{
    struct kafka_feed *feed = log->ready;

    log->ready = NULL;
    while (feed != NULL) {
        struct kafka_feed *next = feed->next_ready;

        feed->is_ready = false;
        feed_run(log, feed);
        feed = next;
    }
}

void kafka_readers_check(struct kafka_log *log)
{
    for (struct kafka_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        for (uint32_t i = 0; i < topic->partition_nr; i++) {
            struct kafka_feed *feed = &topic->feeds[i];

            if (feed->readers != NULL) {
                feed_check(log, feed);
                kafka_feed_is_ready(log, feed);
            }
        }
    }
}

void kafka_on_reader_retry(void *argument)
{
    struct kafka_log *log = argument;

    for (struct kafka_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        for (uint32_t i = 0; i < topic->partition_nr; i++) {
            if (topic->feeds[i].readers != NULL) {
                kafka_feed_is_ready(log, &topic->feeds[i]);
            }
        }
    }
}

/* ---- the driver's half ---- */

static void on_no_feed(void *argument)
{
    struct kafka_reader *reader = argument;
    struct exo_error err;

    (void)exo_error_set(&err, EXO_ENOTFOUND,
                        "the log was not prepared for the topic or partition of this reader");
    reader_fail(reader, &err);
}

struct log_reader *kafka_reader_open(struct log *base, const char *topic_name, uint32_t partition,
                                     int64_t offset, uint32_t checksum,
                                     const struct log_reader_callbacks *callbacks, void *argument)
{
    struct kafka_log *log = (struct kafka_log *)base;
    struct kafka_topic *topic = kafka_topic_find(log, topic_name);
    struct kafka_reader *reader = kafka_must_allocate(sizeof(*reader));

    assert(log->consumer != NULL);
    reader->reader.log = base;
    reader->log = log;
    reader->begin = offset;
    reader->checksum = offset > 0 ? checksum : 0;
    reader->position = offset; /* LOG_END is -1: not known yet */
    reader->callbacks = *callbacks;
    reader->argument = argument;
    if (topic == NULL || partition >= topic->partition_nr) {
        reader->refusal = loop_timer_new(log->loop, on_no_feed, reader);
        loop_timer_start(reader->refusal, 0, 0);
        return &reader->reader;
    }
    reader->feed = &topic->feeds[partition];
    reader->next = reader->feed->readers;
    if (reader->next != NULL) {
        reader->next->previous = reader;
    }
    reader->feed->readers = reader;
    kafka_feed_is_ready(log, reader->feed);
    return &reader->reader;
}

void kafka_reader_resume(struct log_reader *base)
{
    struct kafka_reader *reader = (struct kafka_reader *)base;

    if (reader->is_paused) {
        reader->is_paused = false;
        kafka_feed_is_ready(reader->log, reader->feed);
    }
}

int64_t kafka_reader_position(const struct log_reader *base)
{
    return ((const struct kafka_reader *)base)->position;
}

void kafka_reader_close(struct log_reader *base)
{
    struct kafka_reader *reader = (struct kafka_reader *)base;
    struct kafka_feed *feed = reader->feed;

    if (feed != NULL) {
        if (feed->cursor == reader) {
            feed->cursor = reader->next;
        }
        if (reader->next != NULL) {
            reader->next->previous = reader->previous;
        }
        *(reader->previous != NULL ? &reader->previous->next : &feed->readers) = reader->next;
        kafka_feed_is_ready(reader->log, feed); /* it may be fetched for nobody now */
    }
    if (reader->question != NULL) {
        reader->question->argument = NULL;
    }
    reader->is_closed = true;
    if (!reader->is_calling) {
        reader_free(reader);
    }
}

void kafka_readers_stop(struct kafka_log *log)
{
    for (struct kafka_topic *topic = log->topics; topic != NULL; topic = topic->next) {
        for (uint32_t i = 0; i < topic->partition_nr; i++) {
            assert(topic->feeds[i].readers == NULL);
            feed_stop(&topic->feeds[i]);
        }
    }
}
