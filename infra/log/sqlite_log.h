/* sqlite_log: the parts of the embedded log that its files share.
 *
 *   append --> gathering --(turn)--> write job --> done: offsets --> window --> readers
 *                                                                      ^
 *   reader that is behind the window <-- read job (a chunk from disk)  |
 *   volatile topics: append ------------------------------------------+ (nothing on disk)
 *
 * sqlite.c: life, topics, appends; sqlite_trim.c: ends, trims; sqlite_reader.c: readers;
 * sqlite_jobs.c: SQL on the file's thread. */
#ifndef EXO_INFRA_LOG_SQLITE_LOG_H
#define EXO_INFRA_LOG_SQLITE_LOG_H

#include "infra/log/driver.h"
#include "infra/log/record_window.h"
#include "infra/log/sqlite_jobs.h"

struct sqlite_log;
struct sqlite_reader;

struct sqlite_partition {
    struct sqlite_topic *topic;
    struct sqlite_partition *next_changed;
    bool is_changed; /* in sqlite_log.changed */
    uint32_t number;
    int64_t low; /* everything below was deleted */
    int64_t end; /* behind the last record */
    struct record_window window;
    struct sqlite_reader *readers;
};

struct sqlite_topic {
    struct sqlite_topic *next;
    char name[TOPIC_NAME_BYTES];
    int64_t retention_ms;
    bool is_volatile;
    bool is_ready; /* low and end are known */
    uint32_t partition_nr;
    struct sqlite_partition partitions[];
};

/* One append on its way, or whose answer waits. */
struct sqlite_append {
    struct append_row row; /* first: the job's list is this list */
    struct sqlite_partition *partition;
    exo_time deadline_ns; /* on the loop's clock */
    log_appended *done;
    void *argument;
    uint64_t cost;
};

/* A callback that waits for the next turn. */
struct sqlite_answer {
    struct sqlite_answer *next;
    log_appended *appended;
    log_end_done *ended;
    log_done *done;
    void *argument;
    int64_t offset;
    bool is_failed;
    struct exo_error err;
};

struct sqlite_log {
    struct log log; /* first */
    struct sqlite_log *next_open;
    struct loop *loop;
    char *path;
    struct sqlite_file *file;
    struct loop_wake *turn; /* a timer that starts itself would keep I/O waiting */
    struct loop_timer *retry;
    struct loop_timer *janitor;
    bool is_closing;
    struct sqlite_topic *topics;
    struct append_row *gathering; /* for the next write job */
    struct append_row **gathering_last;
    struct append_row *acknowledged; /* volatile appends whose done waits */
    struct append_row **acknowledged_last;
    struct sqlite_answer *answers;
    struct sqlite_answer **answers_last;
    struct sqlite_partition *changed;
    struct sqlite_reader *ready; /* readers with something to do */
    struct sqlite_reader **ready_last;
    struct sqlite_topic *janitor_topic;
    uint32_t janitor_partition;
};

/* sqlite_must_allocate gives zeroed memory or aborts. */
void *sqlite_must_allocate(size_t bytes);

/* sqlite_log_wake asks for a turn. */
void sqlite_log_wake(struct sqlite_log *log);

/* sqlite_topic_find gives a topic that log_prepare has seen, or NULL. */
struct sqlite_topic *sqlite_topic_find(struct sqlite_log *log, const char *name);

/* sqlite_partition_find gives the partition, or NULL with *err. */
struct sqlite_partition *sqlite_partition_find(struct sqlite_log *log, const char *topic_name,
                                               uint32_t partition, struct exo_error *err);

/* sqlite_answer_add queues a callback for the next turn, to be filled in; its offset is -1. */
struct sqlite_answer *sqlite_answer_add(struct sqlite_log *log, void *argument);

/* partition_changed notes that readers of a partition may have something to do, for the next
 * readers_run. */
void partition_changed(struct sqlite_log *log, struct sqlite_partition *partition);

/* partition_tidy drops from the window what no reader needs or the bound does not allow. Not while
 * a callback borrows the window. */
void partition_tidy(struct sqlite_log *log, struct sqlite_partition *partition);

/* readers_run calls back the readers that have something to do. */
void readers_run(struct sqlite_log *log);

/* readers_release frees readers that were closed while they waited for their turn. */
void readers_release(struct sqlite_log *log);

/* as log_end */
void sqlite_end(struct log *base, const char *topic, uint32_t partition, bool is_start,
                log_end_done *done, void *argument);
/* as log_trim */
void sqlite_trim(struct log *base, const char *topic, uint32_t partition, int64_t below,
                 log_done *done, void *argument);
/* sqlite_on_janitor is the callback of sqlite_log.janitor: deletes what is too old. */
void sqlite_on_janitor(void *argument);

/* as log_reader_open */
struct log_reader *sqlite_reader_open(struct log *base, const char *topic_name, uint32_t partition,
                                      int64_t offset, uint32_t checksum,
                                      const struct log_reader_callbacks *callbacks, void *argument);
/* as log_reader_resume */
void sqlite_reader_resume(struct log_reader *base);
/* as log_reader_position */
int64_t sqlite_reader_position(const struct log_reader *base);
/* as log_reader_close */
void sqlite_reader_close(struct log_reader *base);

#endif /* EXO_INFRA_LOG_SQLITE_LOG_H */
