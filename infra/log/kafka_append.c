/* kafka_append: records on their way to the broker.
 *
 *   append --> waiting --give--> given --report--> done()
 *                 ^                |
 *                 +-- producer failed for good: all of them again, in order, through another
 *
 * A record that comes while others are on their way waits for the next answer of the broker, 1 ms
 * at most, and goes with all that came meanwhile: the broker works a request, not a record
 * (protocol of Nagle, RFC 896; docs/adr/0024-company-on-the-log.md). One that finds none on its way
 * goes at once, with all that follows it in the same turn of the loop.
 *
 * librdkafka copies what it is given; our own copy is for sending again. That costs one memcpy a
 * record and leaves no pointer of ours in a producer that dies slowly. */
#include <stdlib.h>

#include "infra/log/kafka_log.h"

static const exo_time deadline_look_ns = 100 * EXO_MILLISECOND;
static const exo_time timeout_default_ns = 60 * EXO_SECOND; /* librdkafka's, as it is bound */
static const exo_time company_ns = EXO_MILLISECOND;
enum { REPORTS_MAX = 1024, HELD_MAX = 1000 };

static void list_add(struct append_list *list, struct kafka_append *append)
{
    append->next = NULL;
    append->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = append;
    list->last = append;
}

static void list_remove(struct append_list *list, struct kafka_append *append)
{
    *(append->previous != NULL ? &append->previous->next : &list->first) = append->next;
    *(append->next != NULL ? &append->next->previous : &list->last) = append->previous;
}

static void hurried_remove(struct kafka_appends *appends, struct kafka_append *append)
{
    if (!append->is_hurried) {
        return;
    }
    append->is_hurried = false;
    *(append->previous_hurried != NULL ? &append->previous_hurried->next_hurried
                                       : &appends->hurried) = append->next_hurried;
    if (append->next_hurried != NULL) {
        append->next_hurried->previous_hurried = append->previous_hurried;
    }
}

/* Tells how it ended, and frees it; it is in no list but `hurried`. */
static void finish(struct kafka_log *log, struct kafka_append *append, int64_t offset,
                   const struct exo_error *err)
{
    log_appended *done = append->done;
    void *argument = append->argument;

    hurried_remove(&log->appends, append);
    log->log.counts.buffered_bytes -= entry_cost(append->key_bytes, append->value_bytes);
    *(err == NULL ? &log->log.counts.appended : &log->log.counts.append_failed) += 1;
    free(append);
    if (done != NULL) {
        done(argument, err == NULL ? offset : -1, err);
    }
}

static void watch_deadlines(struct kafka_log *log)
{
    struct kafka_appends *appends = &log->appends;

    if ((appends->waiting.first != NULL || appends->hurried != NULL) &&
        !loop_timer_is_active(appends->deadline)) {
        loop_timer_start(appends->deadline, deadline_look_ns, 0);
    }
}

/* ---- giving ---- */

enum give_result { GIVEN, GIVE_NOT_READY, GIVE_FULL, GIVE_BROKEN, GIVE_REFUSED };

static enum give_result give(struct kafka_log *log, struct kafka_append *append,
                             struct exo_error *err)
{
    if (!append->topic->is_ready) {
        return GIVE_NOT_READY;
    }
    if (append->topic->to_producer == NULL) {
        kafka_topic_bind_producer(log, append->topic);
    }
    int result = rd_kafka_produce(append->topic->to_producer, append->partition,
                                  RD_KAFKA_MSG_F_COPY, append->data + append->key_bytes,
                                  append->value_bytes, append->data, append->key_bytes, append);

    if (result == 0) {
        return GIVEN;
    }
    rd_kafka_resp_err_t code = rd_kafka_last_error();

    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return GIVE_FULL;
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        return GIVE_BROKEN;
    }
    (void)kafka_error(err, code, "appending a record");
    return GIVE_REFUSED;
}

void kafka_appends_give(struct kafka_log *log)
{
    struct kafka_append *append = log->appends.waiting.first;
    bool is_broken = false;
    bool is_full = false; /* nothing may pass what waits for the same partition */

    log->appends.held_nr = 0;
    while (append != NULL && !is_broken && !is_full) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what is freed has left the list */
        struct kafka_append *next = append->next;
        struct exo_error err;
        enum give_result result = give(log, append, &err);

        if (result == GIVEN) {
            list_remove(&log->appends.waiting, append);
            list_add(&log->appends.given, append);
        } else if (result == GIVE_REFUSED) {
            list_remove(&log->appends.waiting, append);
            finish(log, append, -1, &err);
            next = log->appends.waiting.first; /* the callback may have appended */
        } else {
            is_broken = result == GIVE_BROKEN;
            is_full = result == GIVE_FULL;
        }
        append = next;
    }
    if (is_broken) {
        kafka_producer_replace(log);
    }
    watch_deadlines(log);
}

/* ---- ends ---- */

/* A hurried record stays where it is until the broker or librdkafka ends it, but nobody waits. */
static void end_hurried(struct kafka_log *log, struct kafka_append *append)
{
    log_appended *done = append->done;
    void *argument = append->argument;
    struct exo_error err;

    hurried_remove(&log->appends, append);
    append->done = NULL;
    (void)exo_error_set(&err, EXO_EUNKNOWN, "a record for %s was not acknowledged in time",
                        append->topic->name);
    if (done != NULL) {
        done(argument, -1, &err);
    }
}

static void on_deadline(void *argument)
{
    struct kafka_log *log = argument;
    exo_time now_ns = loop_now_ns(log->loop);
    struct kafka_append *append = log->appends.waiting.first;

    while (append != NULL) {
        struct kafka_append *next = append->next;

        if (append->deadline_ns <= now_ns) {
            struct exo_error err;

            (void)exo_error_set(&err, EXO_EUNAVAILABLE,
                                "Kafka does not answer: a record for %s was given up",
                                append->topic->name);
            list_remove(&log->appends.waiting, append);
            finish(log, append, -1, &err);
        }
        append = next;
    }
    append = log->appends.hurried;
    while (append != NULL) {
        struct kafka_append *next = append->next_hurried;

        if (append->deadline_ns <= now_ns) {
            end_hurried(log, append);
        }
        append = next;
    }
    kafka_appends_give(log);
}

/* A report may end a record, or leave it for the next producer. */
static bool report(struct kafka_log *log, const rd_kafka_message_t *message, bool is_broken)
{
    struct kafka_append *append = message->_private;
    struct exo_error err;

    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        list_remove(&log->appends.given, append);
        finish(log, append, message->offset, NULL);
        return true;
    }
    if (message->err == RD_KAFKA_RESP_ERR__FATAL || is_broken) {
        return false;
    }
    (void)kafka_error(&err, message->err, "appending a record");
    if (rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED) {
        err.code = EXO_EUNKNOWN;
        err.is_retryable = true;
    }
    list_remove(&log->appends.given, append);
    finish(log, append, -1, &err);
    return true;
}

void kafka_delivered(struct kafka_log *log, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *messages[REPORTS_MAX];
    char text[8];
    bool is_broken = rd_kafka_fatal_error(log->producer, text, sizeof(text)) != 0;
    size_t count = 0;

    log->appends.held_nr = 0; /* the turn gives what waits */
    while ((count = rd_kafka_event_message_array(event, messages, REPORTS_MAX)) > 0) {
        for (size_t i = 0; i < count; i++) {
            if (report(log, messages[i], is_broken) &&
                messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                kafka_saw_broker(log);
            }
        }
    }
}

static void on_destroyed(struct kafka_question *question)
{
    kafka_question_free(question);
}

/* What the old producer still reports is taken first, so that only what is in doubt is repeated. */
static void drain_reports(struct kafka_log *log)
{
    rd_kafka_event_t *event = NULL;

    while ((event = rd_kafka_queue_poll(log->producer_events, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
            kafka_delivered(log, event);
        }
        rd_kafka_event_destroy(event);
    }
}

void kafka_producer_replace(struct kafka_log *log)
{
    struct kafka_appends *appends = &log->appends;
    rd_kafka_t *old = log->producer;
    struct exo_error err;

    drain_reports(log);
    kafka_topics_unbind(log);
    rd_kafka_queue_destroy(log->producer_events);
    (void)rd_kafka_purge(old, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
    if (kafka_producer_open(log, &err) != 0) {
        abort(); /* the same configuration was taken at start: there is no memory or no thread */
    }
    kafka_ask_use(log->ask, log->producer);
    struct kafka_question *destroy = kafka_question_new(log, ASK_DESTROY, on_destroyed, NULL);

    destroy->instance = old;
    kafka_ask_put(log->ask, destroy);
    if (appends->given.last != NULL) {
        appends->given.last->next = appends->waiting.first;
        *(appends->waiting.first != NULL ? &appends->waiting.first->previous
                                         : &appends->waiting.last) = appends->given.last;
        appends->waiting.first = appends->given.first;
        appends->given = (struct append_list){NULL, NULL};
    }
    kafka_turn(log); /* gives them */
}

/* ---- the driver's half ---- */

/* Keeps a record for the company of what comes until the broker answers; false: it need not wait.
 */
static bool hold(struct kafka_log *log, struct kafka_append *append)
{
    struct kafka_appends *appends = &log->appends;

    exo_time now_ns = loop_now_ns(log->loop);

    if (appends->given.first == NULL) {
        appends->alone_ns = now_ns;
    }
    if (appends->alone_ns == now_ns || (appends->waiting.first != NULL && appends->held_nr == 0)) {
        return false;
    }
    list_add(&appends->waiting, append);
    if (++appends->held_nr == HELD_MAX) {
        kafka_appends_give(log);
    } else if (appends->held_nr == 1) {
        loop_timer_start(appends->company, company_ns, 0);
    }
    return true;
}

void kafka_append_record(struct log *base, const struct log_entry *entry)
{
    struct kafka_log *log = (struct kafka_log *)base;
    struct kafka_appends *appends = &log->appends;
    struct kafka_topic *topic = NULL;
    struct exo_error err;

    if (!kafka_topic_check(log, entry->topic, entry->partition, &topic, &err)) {
        base->counts.buffered_bytes -= entry_cost(entry->key.bytes, entry->value.bytes);
        base->counts.append_failed++;
        if (entry->done != NULL) {
            kafka_refuse(log, entry->argument, &err)->appended = entry->done;
        }
        return;
    }
    exo_time topic_limit_ns =
        topic->timeout_ms > 0 ? topic->timeout_ms * EXO_MILLISECOND : timeout_default_ns;
    exo_time limit_ns = entry->timeout_ns < topic_limit_ns ? entry->timeout_ns : topic_limit_ns;
    struct kafka_append *append = malloc(sizeof(*append) + entry->key.bytes + entry->value.bytes);

    if (append == NULL) {
        abort();
    }
    *append = (struct kafka_append){
        .topic = topic,
        .partition = (int32_t)entry->partition,
        .deadline_ns = loop_now_ns(log->loop) + limit_ns,
        .done = entry->done,
        .argument = entry->argument,
        .key_bytes = (uint32_t)entry->key.bytes,
        .value_bytes = (uint32_t)entry->value.bytes,
    };
    memcpy(append->data, entry->key.data == NULL ? "" : entry->key.data, entry->key.bytes);
    memcpy(append->data + entry->key.bytes, entry->value.data == NULL ? "" : entry->value.data,
           entry->value.bytes);
    if (limit_ns < timeout_default_ns) {
        append->is_hurried = true;
        append->next_hurried = appends->hurried;
        if (appends->hurried != NULL) {
            appends->hurried->previous_hurried = append;
        }
        appends->hurried = append;
    }
    if (hold(log, append)) {
        return;
    }
    /* Straight to the producer, unless something stands before it. */
    if (appends->waiting.first == NULL && give(log, append, &err) == GIVEN) {
        list_add(&appends->given, append);
        watch_deadlines(log);
        return;
    }
    list_add(&appends->waiting, append);
    kafka_turn(log);
}

static void on_company(void *argument)
{
    kafka_appends_give(argument);
}

void kafka_append_init(struct kafka_log *log)
{
    log->appends.deadline = loop_timer_new(log->loop, on_deadline, log);
    log->appends.company = loop_timer_new(log->loop, on_company, log);
}

static void free_list(struct append_list *list)
{
    while (list->first != NULL) {
        struct kafka_append *append = list->first;

        list->first = append->next;
        free(append);
    }
}

void kafka_appends_free(struct kafka_log *log)
{
    loop_timer_free(log->appends.deadline);
    loop_timer_free(log->appends.company);
    free_list(&log->appends.waiting);
    free_list(&log->appends.given);
}
