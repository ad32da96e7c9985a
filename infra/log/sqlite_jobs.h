/* sqlite_jobs: the SQL of the embedded log. Each job runs on the file's thread and touches nothing
 * but its own struct, which the loop's thread leaves alone until the job is done.
 *
 *   log_topic   id, name, partitions
 *   log_record  offset (AUTOINCREMENT: an emptied log must not start again at 1), topic, partition,
 *               at, key, value; found by (topic, partition, offset)
 *   log_low     topic, partition, low: everything below was deleted on purpose
 *
 * Offsets are one sequence for the whole file, so those of a partition grow but have holes. */
#ifndef EXO_INFRA_LOG_SQLITE_JOBS_H
#define EXO_INFRA_LOG_SQLITE_JOBS_H

#include "infra/log/record_window.h"
#include "infra/sqlite/sqlite.h"

/* What the file knows of one partition. */
struct partition_ends {
    int64_t low;
    int64_t end;
};

/* Makes a topic, or compares it with the one that is there. */
struct topic_job {
    const char *name;
    uint32_t partitions;
    struct partition_ends *ret_ends; /* partitions entries */
};
sqlite_job topic_job_run;

/* A record on its way into the file. */
struct append_row {
    struct append_row *next;
    const char *topic;
    uint32_t partition;
    struct held_record *record; /* its offset is filled in */
};
struct append_job {
    const struct append_row *first;
};
sqlite_job append_job_run;

/* Reads up to rows_max records and bytes_max bytes (one record at least) from an offset on. */
struct read_job {
    const char *topic;
    uint32_t partition;
    int64_t from;
    size_t rows_max;
    size_t bytes_max;
    struct held_record *ret_first; /* the caller's to free, in order of offset */
    struct held_record **ret_last; /* link behind the last */
    bool ret_is_all;               /* nothing stands behind them */
};
sqlite_job read_job_run;

/* Deletes up to rows_max records below an offset and older than a time, oldest first. */
struct trim_job {
    const char *topic;
    uint32_t partition;
    int64_t below;
    exo_time before_ns;
    size_t rows_max;
    bool is_exact; /* low becomes `below` once nothing is left to delete */
    int64_t ret_low;
    bool ret_is_more;
};
sqlite_job trim_job_run;

/* read_job_release frees what was read. */
void read_job_release(struct read_job *job);

#endif /* EXO_INFRA_LOG_SQLITE_JOBS_H */
