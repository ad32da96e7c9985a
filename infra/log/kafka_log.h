/* kafka_log: the parts of the Kafka back-end that its files share.
 *
 *   loop's thread                                    threads of librdkafka
 *   kafka_append.c  waiting -> given --produce-->    producer  --acks--> \
 *   kafka_reader.c  feeds <--batches-- fetch queue   consumer             > eventfd -> kafka.c
 *   kafka_topics.c  ready or not                               --errors-> /
 *   kafka_ask.c     questions ----> its own thread: every call of librdkafka that may block
 *
 * One producer and one consumer a log, none where it is append-only. Everything here belongs to the
 * loop's thread, but for connection_nr and what a question carries while it is asked. */
#ifndef EXO_INFRA_LOG_KAFKA_LOG_H
#define EXO_INFRA_LOG_KAFKA_LOG_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "infra/log/driver.h"
#include "infra/log/record_window.h"

struct kafka_log;
struct kafka_reader;
struct kafka_ask;

/* What is fetched of one partition, for all its readers. */
struct kafka_feed {
    struct kafka_topic *topic;
    int32_t number;
    struct kafka_reader *readers;
    struct kafka_reader *cursor; /* the next to be shown something, while that goes on */
    struct record_window window; /* shown to somebody, but not taken by all */
    int64_t next;                /* the offset that comes next, while is_started */
    bool is_started;
    struct kafka_feed *next_ready;
    bool is_ready; /* in kafka_log.ready */
};

struct kafka_topic {
    struct kafka_topic *next;
    char name[TOPIC_NAME_BYTES];
    int64_t retention_ms;
    bool is_volatile;
    int32_t timeout_ms;
    bool is_ready; /* made and checked on the broker */
    rd_kafka_topic_t *to_producer;
    rd_kafka_topic_t *to_consumer;
    uint32_t partition_nr;
    struct kafka_feed feeds[];
};

/* One record until the broker has it. */
struct kafka_append {
    struct kafka_append *next;
    struct kafka_append *previous;
    struct kafka_append *next_hurried;
    struct kafka_append *previous_hurried;
    struct kafka_topic *topic;
    int32_t partition;
    bool is_hurried; /* in appends.hurried: ends before the topic's own timeout */
    exo_time deadline_ns;
    log_appended *done; /* NULL: nobody waits, or was told already */
    void *argument;
    uint32_t key_bytes;
    uint32_t value_bytes;
    unsigned char data[]; /* key, then value; kept to send it again through another producer */
};

struct append_list {
    struct kafka_append *first;
    struct kafka_append *last;
};

struct kafka_appends {
    struct append_list
        waiting;              /* for a topic that is not ready, a place in the queue, or company */
    struct append_list given; /* to the producer, in this order */
    struct kafka_append *hurried;
    struct loop_timer *deadline; /* looks at hurried and waiting */
    struct loop_timer *company;  /* the longest that a record is held for others */
    exo_time alone_ns;           /* the turn that found none on its way: all of it goes at once */
    uint32_t held_nr;            /* wait for company only; 0 again once all were given */
};

/* A refusal that waits for the next turn. */
struct kafka_answer {
    struct kafka_answer *next;
    log_appended *appended;
    log_done *done;
    log_end_done *ended;
    void *argument;
    struct exo_error err;
};

struct kafka_log {
    struct log log; /* first */
    struct loop *loop;
    int event_fd;
    struct loop_watch *event_watch;
    struct loop_wake *turn; /* goes on where a turn had enough, and shows refusals */
    struct loop_timer *probe;
    bool is_up;
    bool is_probing;
    atomic_bool is_closing; /* read on the asker's thread: waits there end */
    void (*notice)(void *argument, int level, const char *text);
    void *notice_argument;
    uint32_t replication;
    uint64_t bytes_max;
    rd_kafka_conf_t *producer_conf;
    rd_kafka_t *producer;
    rd_kafka_queue_t *producer_events;
    rd_kafka_t *consumer; /* NULL, as the two queues: append-only */
    rd_kafka_queue_t *consumer_events;
    rd_kafka_queue_t *fetched;
    struct kafka_topic *topics;
    struct kafka_appends appends;
    struct kafka_feed *ready;  /* feeds whose readers have something to do */
    atomic_uint connection_nr; /* opened by the consumer, counted on librdkafka's threads */
    unsigned connection_nr_seen;
    struct loop_timer *reader_retry;
    struct kafka_ask *ask;
    struct kafka_answer *answers;
    struct kafka_answer **answers_last;
};

/* ---- kafka_conf.c: settings of the two instances ---- */

/* kafka_conf_new makes a configuration from the settings and the user's properties.
 * Gives it, or NULL with *err that names the property, never its value. */
rd_kafka_conf_t *kafka_conf_new(struct kafka_log *log, const struct log_settings *settings,
                                rd_kafka_type_t type, struct exo_error *err);

/* ---- kafka.c ---- */

/* kafka_error maps an error of librdkafka; what says what was tried. Returns -1. */
int kafka_error(struct exo_error *err, rd_kafka_resp_err_t code, const char *what);

/* kafka_turn asks for a turn. */
void kafka_turn(struct kafka_log *log);

/* kafka_saw_broker and kafka_lost_broker note that a broker answered, or that none does. */
void kafka_saw_broker(struct kafka_log *log);
void kafka_lost_broker(struct kafka_log *log);

/* kafka_must_allocate gives zeroed memory or aborts. */
void *kafka_must_allocate(size_t bytes);

/* kafka_refuse queues a refusal for the next turn. Borrows err. */
struct kafka_answer *kafka_refuse(struct kafka_log *log, void *argument,
                                  const struct exo_error *err);

/* kafka_producer_open makes the producer; Returns 0, or -1 with *err. */
int kafka_producer_open(struct kafka_log *log, struct exo_error *err);

/* ---- kafka_topics.c ---- */

/* kafka_topic_find gives a topic that log_prepare has seen, or NULL. */
struct kafka_topic *kafka_topic_find(struct kafka_log *log, const char *name);

/* kafka_topic_check is true when the partition exists; else *err tells. */
bool kafka_topic_check(struct kafka_log *log, const char *name, uint32_t partition,
                       struct kafka_topic **ret_topic, struct exo_error *err);

/* kafka_prepare is log_prepare. */
void kafka_prepare(struct log *base, const struct log_topic *topics, size_t count, log_done *done,
                   void *argument);

/* kafka_topic_bind_producer makes the producer's handle of a topic, for its first record: whenever
 * its thread wakes librdkafka looks at every partition of each topic that it has a handle of.
 * kafka_topics_unbind gives all of them back. */
void kafka_topic_bind_producer(struct kafka_log *log, struct kafka_topic *topic);
void kafka_topics_unbind(struct kafka_log *log);

/* kafka_topics_free frees all; fetching must have been stopped. */
void kafka_topics_free(struct kafka_log *log);

/* ---- kafka_append.c ---- */

/* kafka_append_init makes what appends need; kafka_appends_free drops all of them unanswered. */
void kafka_append_init(struct kafka_log *log);
void kafka_appends_free(struct kafka_log *log);

/* kafka_append_record is log_append, its bounds checked. */
void kafka_append_record(struct log *base, const struct log_entry *entry);

/* kafka_appends_give hands what waits to the producer, in order. */
void kafka_appends_give(struct kafka_log *log);

/* kafka_delivered takes one batch of delivery reports. */
void kafka_delivered(struct kafka_log *log, rd_kafka_event_t *event);

/* kafka_producer_replace drops a producer that failed for good and sends again, in order, what it
 * had not delivered. */
void kafka_producer_replace(struct kafka_log *log);

/* ---- kafka_reader.c ---- */

/* as log_reader_open */
struct log_reader *kafka_reader_open(struct log *base, const char *topic_name, uint32_t partition,
                                     int64_t offset, uint32_t checksum,
                                     const struct log_reader_callbacks *callbacks, void *argument);
/* as log_reader_resume */
void kafka_reader_resume(struct log_reader *base);
/* as log_reader_position */
int64_t kafka_reader_position(const struct log_reader *base);
/* as log_reader_close */
void kafka_reader_close(struct log_reader *base);

/* kafka_fetched takes one batch off the fetch queue. Returns how many messages it held. */
size_t kafka_fetched(struct kafka_log *log);

/* kafka_readers_run calls back readers of feeds that are ready. */
void kafka_readers_run(struct kafka_log *log);

/* kafka_feed_is_ready puts a feed in line for kafka_readers_run. */
void kafka_feed_is_ready(struct kafka_log *log, struct kafka_feed *feed);

/* kafka_readers_check makes every reader look again whether the log still holds what it read. */
void kafka_readers_check(struct kafka_log *log);

/* kafka_on_reader_retry is the callback of kafka_log.reader_retry: what failed is tried again. */
void kafka_on_reader_retry(void *argument);

/* kafka_readers_stop ends all fetching, before the consumer is destroyed. */
void kafka_readers_stop(struct kafka_log *log);

/* ---- kafka_ask.c ---- */

enum ask_kind { ASK_RANGE, ASK_PREPARE, ASK_WARM, ASK_TRIM, ASK_PROBE, ASK_DESTROY };

/* One question; made by the asker, answered by calling `answered` on the loop's thread, which owns
 * and frees it. */
struct kafka_question {
    struct kafka_question *next;
    enum ask_kind kind;
    struct kafka_log *log;
    void (*answered)(struct kafka_question *question);
    void *argument;
    void (*drop)(void *argument); /* frees the argument where no answer will come; may be NULL */
    char topic[TOPIC_NAME_BYTES]; /* ASK_RANGE, ASK_TRIM */
    int32_t partition;
    bool wants_low;
    int64_t low; /* ASK_RANGE answers; ASK_TRIM: below */
    int64_t high;
    struct log_topic *topics; /* ASK_PREPARE; names are the caller's */
    size_t topic_nr;
    uint32_t replication;
    bool is_answered;     /* ASK_RANGE, on the asker's thread */
    rd_kafka_t *instance; /* ASK_DESTROY: what to destroy */
    bool is_failed;
    struct exo_error err;
};

/* kafka_ask_open starts the thread; kafka_ask_close ends it after the question it is at, and frees
 * the others unanswered. */
struct kafka_ask *kafka_ask_open(struct kafka_log *log, struct exo_error *err);
/* see kafka_ask_open */
void kafka_ask_close(struct kafka_ask *ask);

/* kafka_ask_put queues a question (malloc'ed, taken). Ranges asked in one turn travel together. */
void kafka_ask_put(struct kafka_ask *ask, struct kafka_question *question);

/* kafka_question_new makes a question to be filled in. */
struct kafka_question *kafka_question_new(struct kafka_log *log, enum ask_kind kind,
                                          void (*answered)(struct kafka_question *question),
                                          void *argument);
/* kafka_question_free frees a question after its answer was used. */
void kafka_question_free(struct kafka_question *question);

/* kafka_ask_use names the producer that questions go through from now on. They do not go through
 * the consumer: a broker serves one request of a connection at a time, and a fetch that waits for
 * records holds up what comes behind it for fetch.wait.max.ms. */
void kafka_ask_use(struct kafka_ask *ask, rd_kafka_t *producer);

/* ---- kafka_admin.c, on the asker's thread ---- */

/* kafka_admin_prepare makes and checks question->topics. Returns 0, or -1 with question->err. */
int kafka_admin_prepare(struct kafka_question *question, rd_kafka_t *instance);

/* kafka_admin_trim deletes below question->low. Returns as kafka_admin_prepare. */
int kafka_admin_trim(struct kafka_question *question, rd_kafka_t *instance);

#endif /* EXO_INFRA_LOG_KAFKA_LOG_H */
