/* kafka_ask: the thread for every call of librdkafka that may block.
 *
 *   loop --put--> [queue] --> thread: ranges together, the rest one by one
 *     ^                          |
 *     +------ wake <-- [answers] +
 *
 * The ends of 64 partitions asked in one turn are one call. librdkafka 2.0.2 has no ListOffsets
 * that answers through a queue; rd_kafka_offsets_for_times takes -1 (end) and -2 (beginning) as
 * times. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "infra/log/kafka_log.h"

enum { ASK_MS = 3000, PROBE_MS = 2000, RANGE_TRIES = 3, RANGE_PAUSE_MS = 50 };

struct kafka_ask {
    struct kafka_log *log;
    struct loop_wake *wake;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t is_put;
    bool is_closing;
    rd_kafka_t *producer;
    struct kafka_question *questions;
    struct kafka_question **questions_last;
    struct kafka_question *answers;
    struct kafka_question **answers_last;
};

struct kafka_question *kafka_question_new(struct kafka_log *log, enum ask_kind kind,
                                          void (*answered)(struct kafka_question *question),
                                          void *argument)
{
    struct kafka_question *question = kafka_must_allocate(sizeof(*question));

    question->log = log;
    question->kind = kind;
    question->answered = answered;
    question->argument = argument;
    return question;
}

void kafka_question_free(struct kafka_question *question)
{
    if (question->kind == ASK_DESTROY && question->instance != NULL) {
        rd_kafka_destroy(question->instance);
    }
    free(question->topics);
    free(question);
}

static void fail(struct kafka_question *question, rd_kafka_resp_err_t code, const char *what)
{
    question->is_failed = true;
    (void)kafka_error(&question->err, code, what);
}

/* One end of the range of every partition in the list, or its error in each entry. */
static void ask_offsets(rd_kafka_t *producer, rd_kafka_topic_partition_list_t *list, int64_t which)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = which;
        list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    code = rd_kafka_offsets_for_times(producer, list, ASK_MS);
    for (int i = 0; code != RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        list->elems[i].err = code;
    }
}

/* Nobody answered, rather than somebody with an error. */
static bool is_away(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR__RESOLVE || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

static rd_kafka_topic_partition_list_t *list_of(const struct kafka_question *first, bool low_only)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

    for (const struct kafka_question *question = first; question != NULL;
         question = question->next) {
        if (!question->is_failed && !question->is_answered && (!low_only || question->wants_low) &&
            rd_kafka_topic_partition_list_find(list, question->topic, question->partition) ==
                NULL) {
            (void)rd_kafka_topic_partition_list_add(list, question->topic, question->partition);
        }
    }
    return list;
}

static void take_offsets(struct kafka_question *first, const rd_kafka_topic_partition_list_t *list,
                         bool is_low)
{
    for (struct kafka_question *question = first; question != NULL; question = question->next) {
        const rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_find(list, question->topic, question->partition);

        if (entry == NULL || question->is_failed || question->is_answered ||
            (is_low && !question->wants_low)) {
            continue;
        }
        if (entry->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fail(question, entry->err, "asking for the end of a partition");
        } else if (is_low) {
            question->low = entry->offset;
        } else {
            question->high = entry->offset;
            question->is_answered = true;
        }
    }
}

static void ask_ranges_once(rd_kafka_t *producer, struct kafka_question *first)
{
    /* The low end first: what lies between must be there at the later of the two times. */
    for (int is_low = 1; is_low >= 0; is_low--) {
        rd_kafka_topic_partition_list_t *list = list_of(first, is_low == 1);

        if (list->cnt > 0) {
            ask_offsets(producer, list,
                        is_low == 1 ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END);
            take_offsets(first, list, is_low == 1);
        }
        rd_kafka_topic_partition_list_destroy(list);
    }
}

/* What the broker's metadata say against asking for this partition. */
static rd_kafka_resp_err_t leader_error(const struct rd_kafka_metadata *metadata,
                                        const struct kafka_question *question)
{
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];

        if (strcmp(topic->topic, question->topic) != 0) {
            continue;
        }
        for (int j = 0; j < topic->partition_cnt; j++) {
            if (topic->partitions[j].id == question->partition) {
                return topic->partitions[j].leader < 0 ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
                                                       : RD_KAFKA_RESP_ERR_NO_ERROR;
            }
        }
        return topic->err != RD_KAFKA_RESP_ERR_NO_ERROR ? topic->err
                                                        : RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Of what failed, that which has a leader may be asked again. False: there is nothing. */
static bool allow_again(rd_kafka_t *producer, struct kafka_question *first)
{
    const struct rd_kafka_metadata *metadata = NULL;
    const struct timespec pause = {.tv_nsec = RANGE_PAUSE_MS * 1000000L};
    bool is_failed = false;
    bool is_allowed = false;

    for (const struct kafka_question *question = first; question != NULL;
         question = question->next) {
        is_failed |= question->is_failed;
        if (question->is_failed && is_away((rd_kafka_resp_err_t)question->err.library_code)) {
            return false;
        }
    }
    if (!is_failed) {
        return false;
    }
    (void)nanosleep(&pause, NULL); /* this thread is for waiting; cut short is fine */
    if (rd_kafka_metadata(producer, 0, NULL, &metadata, ASK_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    for (struct kafka_question *question = first; question != NULL; question = question->next) {
        rd_kafka_resp_err_t code =
            question->is_failed ? leader_error(metadata, question) : RD_KAFKA_RESP_ERR_NO_ERROR;

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fail(question, code, "asking for the end of a partition");
        } else if (question->is_failed) {
            question->is_failed = false;
            is_allowed = true;
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return is_allowed;
}

/* One partition without a leader fails the whole call, so those are left out of the next. They are
 * not asked alone: a broker that comes back may for a second lead none of hundreds. */
static void ask_ranges(rd_kafka_t *producer, struct kafka_question *first)
{
    ask_ranges_once(producer, first);
    for (int i = 1; i < RANGE_TRIES && allow_again(producer, first); i++) {
        ask_ranges_once(producer, first);
    }
}

/* Metadata of every topic that has a handle, so that the first record need not wait for it. */
static void ask_metadata(struct kafka_question *question, rd_kafka_t *instance, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(instance, 0, NULL, &metadata, timeout_ms);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(question, code, "asking for metadata");
        return;
    }
    rd_kafka_metadata_destroy(metadata);
}

static void ask_one(rd_kafka_t *producer, struct kafka_question *question)
{
    switch (question->kind) {
    case ASK_RANGE:
        ask_ranges(producer, question);
        break;
    case ASK_PREPARE:
        question->is_failed = kafka_admin_prepare(question, producer) != 0;
        break;
    case ASK_WARM:
    case ASK_PROBE:
        if (question->log->consumer != NULL) {
            ask_metadata(question, question->log->consumer,
                         question->kind == ASK_WARM ? ASK_MS : PROBE_MS);
        }
        if (!question->is_failed) {
            ask_metadata(question, producer, question->kind == ASK_WARM ? ASK_MS : PROBE_MS);
        }
        break;
    case ASK_TRIM:
        question->is_failed = kafka_admin_trim(question, producer) != 0;
        break;
    case ASK_DESTROY:
        rd_kafka_destroy(question->instance);
        question->instance = NULL;
        break;
    }
}

/* Takes all ranges of the queue, or else the first question. */
static struct kafka_question *take_questions(struct kafka_ask *ask)
{
    struct kafka_question *taken = NULL;
    struct kafka_question **taken_last = &taken;
    struct kafka_question **link = &ask->questions;

    while (*link != NULL) {
        struct kafka_question *question = *link;

        if (question->kind != ASK_RANGE) {
            link = &question->next;
            continue;
        }
        *link = question->next;
        question->next = NULL;
        *taken_last = question;
        taken_last = &question->next;
    }
    ask->questions_last = link;
    if (taken == NULL && ask->questions != NULL) {
        taken = ask->questions;
        ask->questions = taken->next;
        taken->next = NULL;
        if (ask->questions == NULL) {
            ask->questions_last = &ask->questions;
        }
    }
    return taken;
}

static void *ask_main(void *argument)
{
    struct kafka_ask *ask = argument;

    (void)pthread_mutex_lock(&ask->lock);
    while (!ask->is_closing) {
        struct kafka_question *taken = take_questions(ask);

        if (taken == NULL) {
            (void)pthread_cond_wait(&ask->is_put, &ask->lock);
            continue;
        }
        rd_kafka_t *producer = ask->producer; /* destroyed by a question of its own only */

        (void)pthread_mutex_unlock(&ask->lock);
        ask_one(producer, taken);
        (void)pthread_mutex_lock(&ask->lock);
        *ask->answers_last = taken;
        while (*ask->answers_last != NULL) {
            ask->answers_last = &(*ask->answers_last)->next;
        }
        loop_wake_send(ask->wake);
    }
    (void)pthread_mutex_unlock(&ask->lock);
    return NULL;
}

static void on_wake(void *argument)
{
    struct kafka_ask *ask = argument;

    (void)pthread_mutex_lock(&ask->lock);
    struct kafka_question *question = ask->answers;

    ask->answers = NULL;
    ask->answers_last = &ask->answers;
    (void)pthread_mutex_unlock(&ask->lock);
    while (question != NULL) {
        struct kafka_question *next = question->next;
        struct kafka_log *log = ask->log;

        if (question->kind != ASK_DESTROY) {
            if (!question->is_failed) {
                kafka_saw_broker(log);
            } else if (is_away((rd_kafka_resp_err_t)question->err.library_code)) {
                kafka_lost_broker(log);
            }
        }
        question->answered(question);
        question = next;
    }
}

void kafka_ask_put(struct kafka_ask *ask, struct kafka_question *question)
{
    (void)pthread_mutex_lock(&ask->lock);
    question->next = NULL;
    *ask->questions_last = question;
    ask->questions_last = &question->next;
    (void)pthread_cond_signal(&ask->is_put);
    (void)pthread_mutex_unlock(&ask->lock);
}

void kafka_ask_use(struct kafka_ask *ask, rd_kafka_t *producer)
{
    (void)pthread_mutex_lock(&ask->lock);
    ask->producer = producer;
    (void)pthread_mutex_unlock(&ask->lock);
}

struct kafka_ask *kafka_ask_open(struct kafka_log *log, struct exo_error *err)
{
    struct kafka_ask *ask = kafka_must_allocate(sizeof(*ask));

    ask->log = log;
    ask->producer = log->producer;
    ask->questions_last = &ask->questions;
    ask->answers_last = &ask->answers;
    (void)pthread_mutex_init(&ask->lock, NULL); /* cannot fail without attributes */
    (void)pthread_cond_init(&ask->is_put, NULL);
    ask->wake = loop_wake_new(log->loop, on_wake, ask);
    if (pthread_create(&ask->thread, NULL, ask_main, ask) != 0) {
        (void)exo_error_set(err, EXO_EIO, "cannot start a thread; raise the limit (ulimit -u)");
        loop_wake_free(ask->wake);
        free(ask);
        return NULL;
    }
    return ask;
}

static void free_all(struct kafka_question *question)
{
    while (question != NULL) {
        struct kafka_question *next = question->next;

        if (question->drop != NULL) {
            question->drop(question->argument);
        }
        kafka_question_free(question);
        question = next;
    }
}

void kafka_ask_close(struct kafka_ask *ask)
{
    (void)pthread_mutex_lock(&ask->lock);
    ask->is_closing = true;
    (void)pthread_cond_signal(&ask->is_put);
    (void)pthread_mutex_unlock(&ask->lock);
    (void)pthread_join(ask->thread, NULL);
    free_all(ask->questions);
    free_all(ask->answers);
    loop_wake_free(ask->wake);
    (void)pthread_cond_destroy(&ask->is_put);
    (void)pthread_mutex_destroy(&ask->lock);
    free(ask);
}
