/* sqlite_trim: ends of partitions, and the records that go: asked for, or too old. */
#include <assert.h>
#include <stdlib.h>

#include "infra/log/sqlite_log.h"

enum { TRIM_ROWS = 1000 };

void sqlite_end(struct log *base, const char *topic, uint32_t partition_number, bool is_start,
                log_end_done *done, void *argument)
{
    struct sqlite_log *log = (struct sqlite_log *)base;
    struct exo_error err = {.code = EXO_OK};
    struct sqlite_partition *partition = sqlite_partition_find(log, topic, partition_number, &err);

    if (partition != NULL && !partition->topic->is_ready) {
        (void)exo_error_set(&err, EXO_EUNAVAILABLE, "topic %s is not ready yet", topic);
    }
    struct sqlite_answer *answer = sqlite_answer_add(log, argument);

    answer->ended = done;
    answer->is_failed = err.code != EXO_OK;
    answer->err = err;
    assert(partition != NULL || answer->is_failed);
    answer->offset = answer->is_failed ? -1 : is_start ? partition->low : partition->end;
}

/* One log_trim, or one step of the janitor (done NULL, is_janitor). */
struct trim {
    struct trim_job job; /* first */
    struct sqlite_log *log;
    struct sqlite_partition *partition;
    log_done *done;
    void *argument;
    bool is_janitor;
};

static void janitor_step(struct sqlite_log *log);

static void on_trim_job(void *argument, const struct exo_error *err)
{
    struct trim *trim = argument;
    struct sqlite_log *log = trim->log;

    if (log->is_closing) {
        free(trim);
        return;
    }
    if (err == NULL && trim->job.ret_low > trim->partition->low) {
        trim->partition->low = trim->job.ret_low;
        partition_changed(log, trim->partition);
        sqlite_log_wake(log);
    }
    if (err == NULL && trim->job.ret_is_more) {
        sqlite_file_write(log->file, trim_job_run, on_trim_job, trim);
        return;
    }
    bool is_janitor = trim->is_janitor;

    if (trim->done != NULL) {
        trim->done(trim->argument, err);
    }
    free(trim);
    if (is_janitor) {
        janitor_step(log);
    }
}

void sqlite_trim(struct log *base, const char *topic, uint32_t partition_number, int64_t below,
                 log_done *done, void *argument)
{
    struct sqlite_log *log = (struct sqlite_log *)base;
    struct exo_error err = {.code = EXO_OK};
    struct sqlite_partition *partition = sqlite_partition_find(log, topic, partition_number, &err);

    if (partition != NULL && partition->topic->is_ready && !partition->topic->is_volatile) {
        struct trim *trim = sqlite_must_allocate(sizeof(*trim));

        *trim = (struct trim){
            .job = {.topic = partition->topic->name,
                    .partition = partition->number,
                    .below = below < partition->end ? below : partition->end,
                    .before_ns = EXO_TIME_NEVER,
                    .rows_max = TRIM_ROWS,
                    .is_exact = true},
            .log = log,
            .partition = partition,
            .done = done,
            .argument = argument,
        };
        sqlite_file_write(log->file, trim_job_run, on_trim_job, trim);
        return;
    }
    if (partition != NULL && partition->topic->is_volatile) {
        (void)exo_error_set(&err, EXO_EINVALID, "topic %s is held in memory and trims itself",
                            topic);
    } else if (partition != NULL) {
        (void)exo_error_set(&err, EXO_EUNAVAILABLE, "topic %s is not ready yet", topic);
    }
    if (done != NULL) {
        struct sqlite_answer *answer = sqlite_answer_add(log, argument);

        answer->done = done;
        answer->is_failed = true;
        answer->err = err;
    }
}

/* Moves to the next partition that forgets by age; one write job at a time, so that appends get
 * their turn between. */
static void janitor_step(struct sqlite_log *log)
{
    while (log->janitor_topic != NULL) {
        struct sqlite_topic *topic = log->janitor_topic;

        if (topic->is_volatile || !topic->is_ready || topic->retention_ms < 0 ||
            log->janitor_partition >= topic->partition_nr) {
            log->janitor_topic = topic->next;
            log->janitor_partition = 0;
            continue;
        }
        struct sqlite_partition *partition = &topic->partitions[log->janitor_partition++];
        struct trim *trim = sqlite_must_allocate(sizeof(*trim));

        *trim = (struct trim){
            .job = {.topic = topic->name,
                    .partition = partition->number,
                    .below = partition->end,
                    .before_ns = clock_wall_ns() - topic->retention_ms * EXO_MILLISECOND,
                    .rows_max = TRIM_ROWS},
            .log = log,
            .partition = partition,
            .is_janitor = true,
        };
        sqlite_file_write(log->file, trim_job_run, on_trim_job, trim);
        return;
    }
}

void sqlite_on_janitor(void *argument)
{
    struct sqlite_log *log = argument;

    if (log->janitor_topic == NULL) {
        log->janitor_topic = log->topics;
        log->janitor_partition = 0;
        janitor_step(log);
    }
}
