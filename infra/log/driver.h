/* driver: what a back-end of the log must do; log.c does what both share.
 *
 *   log_* --> log.c (bounds, counters) --> driver (kafka.c | sqlite.c)
 *
 * A back-end's log begins with a struct log, its reader with a struct log_reader. */
#ifndef EXO_INFRA_LOG_DRIVER_H
#define EXO_INFRA_LOG_DRIVER_H

#include "infra/log/log.h"

enum { RECORD_OVERHEAD_BYTES = 128 /* what an appended record costs beside its bytes */ };

typedef void log_done(void *argument, const struct exo_error *err);
typedef void log_end_done(void *argument, int64_t end, const struct exo_error *err);

/* One append, as log_append took it; borrowed for the call. */
struct log_entry {
    const char *topic;
    uint32_t partition;
    struct span key;
    struct span value;
    exo_time timeout_ns; /* above 0 */
    log_appended *done;
    void *argument;
};

struct log_driver {
    void (*close)(struct log *log);
    void (*prepare)(struct log *log, const struct log_topic *topics, size_t count, log_done *done,
                    void *argument);
    /* The bounds have been checked; failures go to done only. */
    void (*append)(struct log *log, const struct log_entry *entry);
    struct log_reader *(*reader_open)(struct log *log, const char *topic, uint32_t partition,
                                      int64_t offset, uint32_t checksum,
                                      const struct log_reader_callbacks *callbacks, void *argument);
    void (*reader_resume)(struct log_reader *reader);
    int64_t (*reader_position)(const struct log_reader *reader);
    void (*reader_close)(struct log_reader *reader);
    /* is_start: of the oldest record in place of the next */
    void (*end)(struct log *log, const char *topic, uint32_t partition, bool is_start,
                log_end_done *done, void *argument);
    void (*trim)(struct log *log, const char *topic, uint32_t partition, int64_t below,
                 log_done *done, void *argument);
    bool (*is_up)(const struct log *log);
};

struct log_call;

struct log {
    const struct log_driver *driver;
    struct log_call *calls; /* not ended, of log.c */
    uint64_t buffer_bytes_max;
    struct log_counts counts; /* buffered_bytes: log.c adds, the driver takes off */
};

struct log_reader {
    struct log *log;
};

/* entry_cost is what an entry adds to buffered_bytes. */
static inline uint64_t entry_cost(size_t key_bytes, size_t value_bytes)
{
    return (uint64_t)key_bytes + value_bytes + RECORD_OVERHEAD_BYTES;
}

/* The two back-ends; as log_open. */
EXO_CHECKED struct log *log_kafka_open(struct loop *loop, const struct log_settings *settings,
                                       struct exo_error *err);
EXO_CHECKED struct log *log_sqlite_open(struct loop *loop, const struct log_settings *settings,
                                        struct exo_error *err);

#endif /* EXO_INFRA_LOG_DRIVER_H */
