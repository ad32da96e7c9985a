#include "infra/log/sqlite_log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const exo_time retry_ns = 200 * EXO_MILLISECOND;
static const exo_time janitor_ns = 60 * EXO_SECOND;

/* Logs that are open in this process: two on one file would not see each other's records. */
static struct sqlite_log *open_logs;

void *sqlite_must_allocate(size_t bytes)
{
    void *block = calloc(1, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

void sqlite_log_wake(struct sqlite_log *log)
{
    loop_wake_send(log->turn);
}

struct sqlite_topic *sqlite_topic_find(struct sqlite_log *log, const char *name)
{
    struct sqlite_topic *topic = log->topics;

    while (topic != NULL && strcmp(topic->name, name) != 0) {
        topic = topic->next;
    }
    return topic;
}

struct sqlite_answer *sqlite_answer_add(struct sqlite_log *log, void *argument)
{
    struct sqlite_answer *answer = sqlite_must_allocate(sizeof(*answer));

    answer->argument = argument;
    answer->offset = -1;
    *log->answers_last = answer;
    log->answers_last = &answer->next;
    sqlite_log_wake(log);
    return answer;
}

struct sqlite_partition *sqlite_partition_find(struct sqlite_log *log, const char *topic_name,
                                               uint32_t partition, struct exo_error *err)
{
    struct sqlite_topic *topic = sqlite_topic_find(log, topic_name);

    if (topic == NULL) {
        (void)exo_error_set(err, EXO_ENOTFOUND, "the log was not prepared for topic %s",
                            topic_name);
        return NULL;
    }
    if (partition >= topic->partition_nr) {
        (void)exo_error_set(err, EXO_EINVALID, "topic %s has %u partitions, none numbered %u",
                            topic_name, topic->partition_nr, partition);
        return NULL;
    }
    return &topic->partitions[partition];
}

/* ---- topics ---- */

/* One call of log_prepare: a write job a topic that is not volatile. */
struct preparation {
    struct sqlite_log *log;
    log_done *done;
    void *argument;
    size_t waiting; /* jobs, and 1 while they are being queued */
    bool is_failed;
    struct exo_error err; /* the first */
};

struct topic_preparation {
    struct topic_job job; /* first: what the file's thread sees */
    struct preparation *whole;
    struct sqlite_topic *topic;
};

static void preparation_step(struct preparation *whole, const struct exo_error *err)
{
    if (err != NULL && !whole->is_failed) {
        whole->is_failed = true;
        whole->err = *err;
    }
    whole->waiting--;
    if (whole->waiting > 0) {
        return;
    }
    if (!whole->log->is_closing) {
        struct sqlite_answer *answer = sqlite_answer_add(whole->log, whole->argument);

        answer->done = whole->done;
        answer->is_failed = whole->is_failed;
        answer->err = whole->err;
    }
    free(whole);
}

static void topic_is_ready(struct sqlite_log *log, struct sqlite_topic *topic,
                           const struct partition_ends *ends)
{
    topic->is_ready = true;
    for (uint32_t i = 0; i < topic->partition_nr; i++) {
        struct sqlite_partition *partition = &topic->partitions[i];

        if (ends != NULL) {
            partition->low = ends[i].low;
            partition->end = ends[i].end;
            record_window_init(&partition->window, ends[i].end);
        }
        partition_changed(log, partition);
    }
}

static void on_topic_job(void *argument, const struct exo_error *err)
{
    struct topic_preparation *preparation = argument;
    struct sqlite_log *log = preparation->whole->log;

    if (err == NULL && !preparation->topic->is_ready && !log->is_closing) {
        topic_is_ready(log, preparation->topic, preparation->job.ret_ends);
    }
    preparation_step(preparation->whole, err);
    free(preparation->job.ret_ends);
    free(preparation);
}

static struct sqlite_topic *topic_add(struct sqlite_log *log, const struct log_topic *wanted)
{
    struct sqlite_topic *topic =
        sqlite_must_allocate(sizeof(*topic) + wanted->partitions * sizeof(topic->partitions[0]));

    (void)snprintf(topic->name, sizeof(topic->name), "%s", wanted->name);
    topic->retention_ms = wanted->retention_ms;
    topic->is_volatile = wanted->is_volatile;
    topic->partition_nr = wanted->partitions;
    for (uint32_t i = 0; i < wanted->partitions; i++) {
        topic->partitions[i].topic = topic;
        topic->partitions[i].number = i;
        record_window_init(&topic->partitions[i].window, 0);
    }
    topic->next = log->topics;
    log->topics = topic;
    return topic;
}

static void prepare_topic(struct preparation *whole, const struct log_topic *wanted)
{
    struct sqlite_log *log = whole->log;
    struct sqlite_topic *topic = sqlite_topic_find(log, wanted->name);
    struct exo_error err;

    whole->waiting++;
    if (strlen(wanted->name) >= TOPIC_NAME_BYTES || wanted->partitions == 0) {
        (void)exo_error_set(&err, EXO_EINVALID,
                            "topic %s: a name has less than %d bytes, and one partition at least",
                            wanted->name, (int)TOPIC_NAME_BYTES);
        preparation_step(whole, &err);
        return;
    }
    if (topic != NULL && topic->partition_nr != wanted->partitions) {
        (void)exo_error_set(&err, EXO_ECONFLICT, "topic %s has %u partitions, not %u", wanted->name,
                            topic->partition_nr, wanted->partitions);
        preparation_step(whole, &err);
        return;
    }
    if (topic == NULL) {
        topic = topic_add(log, wanted);
    }
    if (topic->is_ready || topic->is_volatile) {
        if (!topic->is_ready) {
            topic_is_ready(log, topic, NULL);
        }
        preparation_step(whole, NULL);
        return;
    }
    struct topic_preparation *preparation = sqlite_must_allocate(sizeof(*preparation));

    preparation->whole = whole;
    preparation->topic = topic;
    preparation->job = (struct topic_job){
        .name = topic->name,
        .partitions = topic->partition_nr,
        .ret_ends = sqlite_must_allocate(topic->partition_nr * sizeof(struct partition_ends)),
    };
    sqlite_file_write(log->file, topic_job_run, on_topic_job, preparation);
}

static void sqlite_prepare(struct log *base, const struct log_topic *topics, size_t count,
                           log_done *done, void *argument)
{
    struct preparation *whole = sqlite_must_allocate(sizeof(*whole));

    whole->log = (struct sqlite_log *)base;
    whole->done = done;
    whole->argument = argument;
    whole->waiting = 1;
    for (size_t i = 0; i < count; i++) {
        assert(whole->waiting > 0); /* the step below is still to come */
        prepare_topic(whole, &topics[i]);
    }
    preparation_step(whole, NULL);
}

/* ---- appends ---- */

/* One write job: what was appended in a turn. */
struct append_batch {
    struct append_job job; /* first */
    struct sqlite_log *log;
    struct append_row *first;
    struct append_row **last;
};

static void append_free(struct sqlite_log *log, struct sqlite_append *append)
{
    log->log.counts.buffered_bytes -= append->cost;
    free(append->row.record);
    free(append);
}

static void append_fail(struct sqlite_log *log, struct sqlite_append *append,
                        const struct exo_error *err)
{
    log->log.counts.append_failed++;
    if (append->done != NULL) {
        append->done(append->argument, -1, err);
    }
    append_free(log, append);
}

/* Hands the record to the partition's readers. Returns its offset. */
static int64_t append_place(struct sqlite_log *log, struct sqlite_append *append)
{
    struct sqlite_partition *partition = append->partition;
    struct held_record *record = append->row.record;

    if (partition->topic->is_volatile) {
        record->offset = partition->end;
    }
    partition->end = record->offset + 1;
    log->log.counts.appended++;
    if (partition->readers == NULL && !partition->topic->is_volatile) {
        record_window_release(&partition->window);
        partition->window.from = partition->end;
        return record->offset;
    }
    append->row.record = NULL; /* the window's now */
    record_window_add(&partition->window, record);
    partition_changed(log, partition);
    return record->offset;
}

static void appends_done(struct sqlite_log *log, struct append_row *row)
{
    while (row != NULL) {
        struct append_row *next = row->next;
        struct sqlite_append *append = (struct sqlite_append *)row;
        int64_t offset = append_place(log, append);

        if (append->done != NULL) {
            append->done(append->argument, offset, NULL);
        }
        append_free(log, append);
        row = next;
    }
}

/* Puts back, before what came later, the records that have time left; fails the others. */
static void appends_retry(struct sqlite_log *log, struct append_batch *batch,
                          const struct exo_error *err)
{
    exo_time now_ns = loop_now_ns(log->loop);
    struct append_row *kept = NULL;
    struct append_row **last = &kept;

    for (struct append_row *row = batch->first, *next; row != NULL; row = next) {
        next = row->next;
        struct sqlite_append *append = (struct sqlite_append *)row;

        if (append->deadline_ns <= now_ns || err->code == EXO_ENOTFOUND) {
            append_fail(log, append, err);
            continue;
        }
        row->next = NULL;
        *last = row;
        last = &row->next;
    }
    if (kept == NULL) {
        return;
    }
    *last = log->gathering;
    if (log->gathering == NULL) {
        log->gathering_last = last;
    }
    log->gathering = kept;
    loop_timer_start(log->retry, retry_ns, 0);
}

static void on_append_job(void *argument, const struct exo_error *err)
{
    struct append_batch *batch = argument;
    struct sqlite_log *log = batch->log;

    if (log->is_closing) {
        while (batch->first != NULL) {
            struct append_row *row = batch->first;

            batch->first = row->next;
            append_free(log, (struct sqlite_append *)row);
        }
    } else if (err == NULL) {
        appends_done(log, batch->first);
        readers_run(log);
    } else {
        appends_retry(log, batch, err);
    }
    free(batch);
}

static void appends_flush(struct sqlite_log *log)
{
    if (log->gathering == NULL || loop_timer_is_active(log->retry)) {
        return;
    }
    struct append_batch *batch = sqlite_must_allocate(sizeof(*batch));

    batch->log = log;
    batch->first = log->gathering;
    batch->job.first = log->gathering;
    log->gathering = NULL;
    log->gathering_last = &log->gathering;
    sqlite_file_write(log->file, append_job_run, on_append_job, batch);
}

static void sqlite_append_record(struct log *base, const struct log_entry *entry)
{
    struct sqlite_log *log = (struct sqlite_log *)base;
    struct exo_error err = {.code = EXO_OK};
    struct sqlite_partition *partition =
        sqlite_partition_find(log, entry->topic, entry->partition, &err);
    struct held_record *record =
        partition == NULL ? NULL : held_record_new(entry->key, entry->value);

    if (record == NULL) {
        if (partition != NULL) {
            (void)exo_error_set(&err, EXO_EIO, "no memory to append to %s", entry->topic);
        }
        base->counts.buffered_bytes -= entry_cost(entry->key.bytes, entry->value.bytes);
        base->counts.append_failed++;
        if (entry->done != NULL) {
            struct sqlite_answer *answer = sqlite_answer_add(log, entry->argument);

            answer->appended = entry->done;
            answer->is_failed = true;
            answer->err = err;
        }
        return;
    }
    struct sqlite_append *append = sqlite_must_allocate(sizeof(*append));

    record->timestamp_ns = clock_wall_ns();
    append->row.topic = partition->topic->name;
    append->row.partition = partition->number;
    append->row.record = record;
    append->partition = partition;
    append->deadline_ns = loop_now_ns(log->loop) + entry->timeout_ns;
    append->done = entry->done;
    append->argument = entry->argument;
    append->cost = entry_cost(entry->key.bytes, entry->value.bytes);
    if (partition->topic->is_volatile) {
        *log->acknowledged_last = &append->row;
        log->acknowledged_last = &append->row.next;
    } else {
        *log->gathering_last = &append->row;
        log->gathering_last = &append->row.next;
    }
    sqlite_log_wake(log);
}

/* ---- life ---- */

static void answers_call(struct sqlite_log *log)
{
    struct sqlite_answer *answer = log->answers;

    log->answers = NULL;
    log->answers_last = &log->answers;
    while (answer != NULL) {
        struct sqlite_answer *next = answer->next;
        const struct exo_error *err = answer->is_failed ? &answer->err : NULL;

        if (answer->appended != NULL) {
            answer->appended(answer->argument, answer->offset, err);
        } else if (answer->ended != NULL) {
            answer->ended(answer->argument, answer->offset, err);
        } else if (answer->done != NULL) {
            answer->done(answer->argument, err);
        }
        free(answer);
        answer = next;
    }
}

static void on_turn(void *argument)
{
    struct sqlite_log *log = argument;
    struct append_row *acknowledged = log->acknowledged;

    appends_flush(log);
    log->acknowledged = NULL;
    log->acknowledged_last = &log->acknowledged;
    appends_done(log, acknowledged);
    answers_call(log);
    readers_run(log);
}

static void on_retry(void *argument)
{
    struct sqlite_log *log = argument;

    appends_flush(log);
}

static void rows_free(struct sqlite_log *log, struct append_row *row)
{
    while (row != NULL) {
        struct append_row *next = row->next;

        append_free(log, (struct sqlite_append *)row);
        row = next;
    }
}

static void sqlite_close(struct log *base)
{
    struct sqlite_log *log = (struct sqlite_log *)base;
    struct sqlite_log **link = &open_logs;

    log->is_closing = true;
    sqlite_file_close(log->file); /* calls the dones of all jobs */
    readers_release(log);
    rows_free(log, log->gathering);
    rows_free(log, log->acknowledged);
    while (log->answers != NULL) {
        struct sqlite_answer *answer = log->answers;

        log->answers = answer->next;
        free(answer);
    }
    while (log->topics != NULL) {
        struct sqlite_topic *topic = log->topics;

        log->topics = topic->next;
        for (uint32_t i = 0; i < topic->partition_nr; i++) {
            assert(topic->partitions[i].readers == NULL);
            record_window_release(&topic->partitions[i].window);
        }
        free(topic);
    }
    loop_wake_free(log->turn);
    loop_timer_free(log->retry);
    loop_timer_free(log->janitor);
    while (*link != log) {
        link = &(*link)->next_open;
    }
    *link = log->next_open;
    free(log->path);
    free(log);
}

static bool sqlite_is_up(const struct log *log)
{
    (void)log;
    return true;
}

static bool is_open_here(const char *path)
{
    for (const struct sqlite_log *log = open_logs; log != NULL; log = log->next_open) {
        if (strcmp(log->path, path) == 0) {
            return true;
        }
    }
    return false;
}

struct log *log_sqlite_open(struct loop *loop, const struct log_settings *settings,
                            struct exo_error *err)
{
    static const struct log_driver driver = {
        .close = sqlite_close,
        .prepare = sqlite_prepare,
        .append = sqlite_append_record,
        .reader_open = sqlite_reader_open,
        .reader_resume = sqlite_reader_resume,
        .reader_position = sqlite_reader_position,
        .reader_close = sqlite_reader_close,
        .end = sqlite_end,
        .trim = sqlite_trim,
        .is_up = sqlite_is_up,
    };

    if (strcmp(settings->path, ":memory:") != 0 && is_open_here(settings->path)) {
        (void)exo_error_set(err, EXO_ECONFLICT,
                            "the log %s is open in this process already; share it", settings->path);
        return NULL;
    }
    struct sqlite_file *file = sqlite_file_open(loop, settings->path, err);

    if (file == NULL) {
        return NULL;
    }
    struct sqlite_log *log = sqlite_must_allocate(sizeof(*log));

    log->log.driver = &driver;
    log->loop = loop;
    log->file = file;
    log->path = sqlite_must_allocate(strlen(settings->path) + 1);
    memcpy(log->path, settings->path, strlen(settings->path));
    log->gathering_last = &log->gathering;
    log->acknowledged_last = &log->acknowledged;
    log->answers_last = &log->answers;
    log->ready_last = &log->ready;
    log->turn = loop_wake_new(loop, on_turn, log);
    log->retry = loop_timer_new(loop, on_retry, log);
    log->janitor = loop_timer_new(loop, sqlite_on_janitor, log);
    loop_timer_start(log->janitor, janitor_ns, janitor_ns);
    log->next_open = open_logs;
    open_logs = log;
    return &log->log;
}
