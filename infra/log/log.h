/* log: topics of records with offsets; the transport between roles.
 *
 *   append --> [topic, partition] --> reader (from an offset the reader's owner keeps)
 *
 * A port with two back-ends: kafka.c (librdkafka) and sqlite.c (one file, one process). A record is
 * delivered at least once and in order of offset within its partition; offsets only grow but need
 * not be dense. All callbacks run on the loop's thread, never inside the call that asked. */
#ifndef EXO_INFRA_LOG_H
#define EXO_INFRA_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"
#include "schemas/wire/topics.h" /* struct log_topic */

struct log;
struct log_reader;

struct log_settings {
    const char *backend;       /* "kafka" or "sqlite" */
    const char *brokers;       /* kafka */
    const char *properties;    /* kafka: further librdkafka "key=value" lines; may hold secrets */
    const char *path;          /* sqlite: file; ":memory:" for none */
    uint32_t replication;      /* kafka: of topics made by us */
    const char *client_id;     /* kafka */
    bool is_append_only;       /* reads nothing: kafka makes no consumer for it */
    uint64_t buffer_bytes_max; /* of records appended and not yet acknowledged; 0: 64 MiB */
    /* What the back-end has to say (syslog level, one line without secrets), on the loop's thread;
     * NULL: nobody listens. */
    void (*notice)(void *argument, int level, const char *text);
    void *notice_argument; /* kept */
};

/* A record above it is refused; large enough for a Job with a cluster file of the greatest size. */
enum { LOG_RECORD_BYTES_MAX = 6 << 20 };

/* log_open makes a log; does not wait for the broker. Borrows settings, keeps the loop.
 * Gives it, or NULL with *err set (bad settings, file not to be opened). */
EXO_CHECKED struct log *log_open(struct loop *loop, const struct log_settings *settings,
                                 struct exo_error *err);

/* log_close drops what was not acknowledged and frees all; readers must have been closed. Calls on
 * their way end with EXO_EUNKNOWN, and must make no further one. Not from inside a callback of this
 * log. NULL is allowed. */
void log_close(struct log *log);

/* log_prepare makes missing topics, checks partitions of present ones and warms metadata, on
 * another thread; calls back with err NULL when all is as the table says. EXO_EUNAVAILABLE while
 * the broker is away (call again), EXO_ECONFLICT when a topic has another partition count.
 * topics  borrowed until the callback */
void log_prepare(struct log *log, const struct log_topic *topics, size_t count,
                 void (*done)(void *argument, const struct exo_error *err), void *argument);

/* How an append ended. offset is -1 with an error. */
typedef void log_appended(void *argument, int64_t offset, const struct exo_error *err);

/* log_append hands over one record; topic must be one that log_prepare has seen (other topics: the
 * callback gets EXO_ENOTFOUND). key and value are borrowed for the call.
 * done  may be NULL: then a failure is counted only. Called exactly once otherwise, in order of
 *       offset for the appends of one partition that succeed. The log itself tries again until
 *       the record is in or timeout_ns has passed (0: 60 s).
 * done gets EXO_EUNAVAILABLE when the record surely is not in, EXO_EUNKNOWN when it may be.
 * Returns 0, or -1 with *err: EXO_ELIMIT when buffer_bytes_max is reached (is_retryable) or the
 * record is above LOG_RECORD_BYTES_MAX (not); nothing is kept, done is not called. */
EXO_CHECKED int log_append(struct log *log, const char *topic, uint32_t partition, struct span key,
                           struct span value, exo_time timeout_ns, log_appended *done,
                           void *argument, struct exo_error *err);

/* One record, borrowed for the callback that shows it. */
struct log_record {
    int64_t offset;
    exo_time timestamp_ns; /* the broker's, since 1970 */
    struct span key;
    struct span value;
};

struct log_reader_callbacks {
    /* Up to records_max records of one partition, in order. Return how many were taken: fewer than
     * count pauses the reader (the rest is kept and shown again after log_reader_resume). */
    size_t (*records)(void *argument, const struct log_record *records, size_t count);
    /* The reader stands still for good: offset out of range, truncation, topic gone. */
    void (*failed)(void *argument, const struct exo_error *err);
};

/* Where a reader begins. LOG_END is the end at the time the broker answers; the reader's owner
 * learns it through log_reader_position. */
enum { LOG_END = -1 };

/* log_reader_open reads one partition from an offset on.
 * offset    >= 0, or LOG_END
 * checksum  of the record before offset as log_record_checksum gives it, or 0 for none: that
 *           record is read again first, here and after every reconnect; another checksum or a
 *           missing record fails the reader with EXO_ECONFLICT (a broker that lost its tail),
 *           unless everything below offset was trimmed
 * Keeps argument. Never fails at once: errors go to failed(). Not for an append-only log. */
struct log_reader *log_reader_open(struct log *log, const char *topic, uint32_t partition,
                                   int64_t offset, uint32_t checksum,
                                   const struct log_reader_callbacks *callbacks, void *argument);

/* log_reader_resume shows the kept records again, on a later turn of the loop. */
void log_reader_resume(struct log_reader *reader);

/* log_reader_position is the offset behind the last record taken; -1 while LOG_END is not known. */
int64_t log_reader_position(const struct log_reader *reader);

/* log_reader_close ends it at once; no callback follows. NULL is allowed. */
void log_reader_close(struct log_reader *reader);

/* log_record_checksum is never 0. */
uint32_t log_record_checksum(const struct log_record *record);

/* log_end asks the broker for the offset the next record of a partition will get. */
void log_end(struct log *log, const char *topic, uint32_t partition,
             void (*done)(void *argument, int64_t end, const struct exo_error *err),
             void *argument);

/* log_start asks the broker for the offset of the oldest record it keeps of a partition; the end
 * when it keeps none. */
void log_start(struct log *log, const char *topic, uint32_t partition,
               void (*done)(void *argument, int64_t start, const struct exo_error *err),
               void *argument);

/* log_trim deletes the records of a partition below an offset, for topics that are kept for ever.
 * The end and the offsets of what stays do not change. A reader that stands below fails.
 * done  may be NULL */
void log_trim(struct log *log, const char *topic, uint32_t partition, int64_t below,
              void (*done)(void *argument, const struct exo_error *err), void *argument);

/* log_is_up is true while the broker answers (sqlite: always). */
bool log_is_up(const struct log *log);

/* Counters since start, for /metrics. */
struct log_counts {
    uint64_t appended, append_failed, read;
    uint64_t buffered_bytes; /* now */
};
/* log_counts reads the counters. */
struct log_counts log_counts(const struct log *log);

#endif /* EXO_INFRA_LOG_H */
