/* sqlite_reader: readers of the embedded log.
 *
 *   NEW --topic ready--> CHECKING --record before the offset fits--> LIVE --> FAILED
 *
 * A live reader takes from its chunk (read from disk), else from the window, else asks for a
 * chunk. `scan` is where it looks next, `position` what its owner has taken. */
#include <assert.h>
#include <stdlib.h>

#include "infra/log/sqlite_log.h"

enum {
    SHOW_MAX = 512, /* records in one callback */
    CHUNK_ROWS = 512,
    CHUNK_BYTES = 1 << 20,
    WINDOW_BYTES = 4 << 20,
    VOLATILE_BYTES = 64 << 20, /* of a topic, shared by its partitions, WINDOW_BYTES at least */
};

enum reader_state { READER_NEW, READER_CHECKING, READER_LIVE, READER_FAILED };

struct reader_read;

struct sqlite_reader {
    struct log_reader reader; /* first */
    struct sqlite_log *log;
    struct sqlite_partition *partition; /* NULL: no such one */
    struct sqlite_reader *next;         /* of the partition */
    struct sqlite_reader *previous;
    struct sqlite_reader *ready_next;
    bool is_queued; /* in sqlite_log.ready */
    bool is_calling;
    bool is_closed;
    bool is_paused;
    enum reader_state state;
    int64_t begin; /* as asked: an offset or LOG_END */
    uint32_t checksum;
    int64_t position;
    int64_t scan;
    struct held_record *chunk;
    int64_t chunk_end; /* scan moves here when the chunk is taken */
    struct reader_read *read;
    struct log_reader_callbacks callbacks;
    void *argument;
};

/* A read job; outlives its reader. */
struct reader_read {
    struct read_job job; /* first */
    struct sqlite_log *log;
    struct sqlite_reader *reader; /* NULL: closed meanwhile */
    int64_t window_from;          /* when the job was queued */
};

static void queue_reader(struct sqlite_reader *reader)
{
    struct sqlite_log *log = reader->log;

    if (reader->is_queued || reader->state == READER_FAILED) {
        return;
    }
    reader->is_queued = true;
    reader->ready_next = NULL;
    *log->ready_last = reader;
    log->ready_last = &reader->ready_next;
}

void partition_changed(struct sqlite_log *log, struct sqlite_partition *partition)
{
    if (!partition->is_changed) {
        partition->is_changed = true;
        partition->next_changed = log->changed;
        log->changed = partition;
    }
}

static int64_t lowest_scan(const struct sqlite_partition *partition, bool with_paused)
{
    int64_t lowest = partition->end;

    for (const struct sqlite_reader *reader = partition->readers; reader != NULL;
         reader = reader->next) {
        if (reader->state == READER_LIVE && reader->scan < lowest &&
            (with_paused || !reader->is_paused)) {
            lowest = reader->scan;
        }
    }
    return lowest;
}

static uint64_t window_limit(const struct sqlite_topic *topic)
{
    uint64_t share = VOLATILE_BYTES / topic->partition_nr;

    return topic->is_volatile && share > WINDOW_BYTES ? share : WINDOW_BYTES;
}

void partition_tidy(struct sqlite_log *log, struct sqlite_partition *partition)
{
    const struct sqlite_topic *topic = partition->topic;
    struct record_window *window = &partition->window;
    struct log_record first;

    (void)log;
    if (!topic->is_volatile) {
        int64_t needed = lowest_scan(partition, true);

        while (record_window_show(window, 0, &first, 1) == 1 &&
               (first.offset < needed || window->bytes > window_limit(topic))) {
            record_window_drop(window);
        }
        return;
    }
    /* History is all there is of a volatile topic, and a reader that runs still gets a burst that
     * is above the bound. */
    int64_t taken = lowest_scan(partition, false);
    exo_time oldest_ns =
        topic->retention_ms < 0 ? 0 : clock_wall_ns() - topic->retention_ms * EXO_MILLISECOND;

    while (record_window_show(window, 0, &first, 1) == 1 && first.offset < taken &&
           (window->bytes > window_limit(topic) || first.timestamp_ns < oldest_ns)) {
        record_window_drop(window);
    }
    partition->low = window->from;
}

static void reader_free(struct sqlite_reader *reader)
{
    while (reader->chunk != NULL) {
        struct held_record *record = reader->chunk;

        reader->chunk = record->next;
        free(record);
    }
    free(reader);
}

/* After a callback: ends a reader that was closed in it. True when it is gone. */
static bool free_if_closed(struct sqlite_reader *reader)
{
    if (!reader->is_closed) {
        return false;
    }
    if (!reader->is_queued) {
        reader_free(reader);
    }
    return true;
}

static void reader_fail(struct sqlite_reader *reader, const struct exo_error *err)
{
    reader->state = READER_FAILED;
    reader->is_calling = true;
    reader->callbacks.failed(reader->argument, err);
    reader->is_calling = false;
    (void)free_if_closed(reader); /* nothing is done with it after this */
}

static void fail_lost(struct sqlite_reader *reader)
{
    struct exo_error err;

    (void)exo_error_set(&err, EXO_ENOTFOUND,
                        "the records of %s/%u from offset %lld to %lld were deleted before they "
                        "were read",
                        reader->partition->topic->name, reader->partition->number,
                        (long long)reader->scan, (long long)reader->partition->low);
    reader_fail(reader, &err);
}

static void fail_changed(struct sqlite_reader *reader)
{
    struct exo_error err;

    (void)exo_error_set(&err, EXO_ECONFLICT,
                        "%s/%u does not hold the record before offset %lld that was read there: "
                        "the log was cut or replaced",
                        reader->partition->topic->name, reader->partition->number,
                        (long long)reader->begin);
    reader_fail(reader, &err);
}

/* Shows records and counts what was taken. False: the reader is gone, or wants no more now. */
static bool show(struct sqlite_reader *reader, const struct log_record *records, size_t count,
                 size_t *ret_taken)
{
    struct sqlite_partition *partition = reader->partition;

    reader->is_calling = true;
    size_t taken = reader->callbacks.records(reader->argument, records, count);

    reader->is_calling = false;
    *ret_taken = taken;
    if (reader->is_closed) {
        return false;
    }
    assert(taken <= count);
    reader->log->log.counts.read += taken;
    if (taken > 0) {
        reader->position = records[taken - 1].offset + 1;
        reader->scan = reader->position;
        partition_tidy(reader->log, partition);
    }
    reader->is_paused = taken < count;
    return !reader->is_paused;
}

static void show_chunk(struct sqlite_reader *reader)
{
    struct log_record records[SHOW_MAX];
    size_t count = 0;
    size_t taken = 0;

    for (const struct held_record *record = reader->chunk; record != NULL && count < SHOW_MAX;
         record = record->next) {
        records[count++] = held_record_show(record);
    }
    bool goes_on = show(reader, records, count, &taken);

    for (size_t i = 0; i < taken; i++) {
        struct held_record *record = reader->chunk;

        reader->chunk = record->next;
        free(record);
    }
    if (free_if_closed(reader)) {
        return;
    }
    if (reader->chunk == NULL) {
        reader->scan = reader->chunk_end;
    }
    if (goes_on) {
        queue_reader(reader);
    }
}

static void show_window(struct sqlite_reader *reader)
{
    struct log_record records[SHOW_MAX];
    size_t taken = 0;
    size_t count = record_window_show(&reader->partition->window, reader->scan, records, SHOW_MAX);

    if (count == 0) {
        return;
    }
    bool goes_on = show(reader, records, count, &taken);

    if (!free_if_closed(reader) && goes_on && count == SHOW_MAX) {
        queue_reader(reader);
    }
}

/* ---- reading from disk ---- */

static void on_read(void *argument, const struct exo_error *err);

static void read_start(struct sqlite_reader *reader, int64_t from, size_t rows_max)
{
    struct reader_read *read = calloc(1, sizeof(*read));

    if (read == NULL) {
        abort();
    }
    *read = (struct reader_read){
        .job = {.topic = reader->partition->topic->name,
                .partition = reader->partition->number,
                .from = from,
                .rows_max = rows_max,
                .bytes_max = CHUNK_BYTES},
        .log = reader->log,
        .reader = reader,
        .window_from = reader->partition->window.from,
    };
    read->job.ret_last = &read->job.ret_first;
    reader->read = read;
    sqlite_file_read(reader->log->file, read_job_run, on_read, read);
}

static void check_record(struct sqlite_reader *reader, const struct log_record *record)
{
    if (record != NULL && record->offset == reader->begin - 1) {
        if (log_record_checksum(record) == reader->checksum) {
            reader->state = READER_LIVE;
            queue_reader(reader);
            return;
        }
    } else if (reader->partition->low == reader->begin) {
        reader->state = READER_LIVE; /* trimmed up to here */
        queue_reader(reader);
        return;
    }
    fail_changed(reader);
}

static void on_read(void *argument, const struct exo_error *err)
{
    struct reader_read *read = argument;
    struct sqlite_reader *reader = read->reader;
    struct sqlite_log *log = read->log;

    if (reader == NULL) {
        read_job_release(&read->job);
        free(read);
        return;
    }
    reader->read = NULL;
    if (err != NULL) {
        reader_fail(reader, err);
    } else if (reader->state == READER_CHECKING) {
        struct log_record record;

        if (read->job.ret_first != NULL) {
            record = held_record_show(read->job.ret_first);
        }
        check_record(reader, read->job.ret_first != NULL ? &record : NULL);
    } else {
        reader->chunk = read->job.ret_first;
        reader->chunk_end = reader->scan;
        for (const struct held_record *r = reader->chunk; r != NULL; r = r->next) {
            reader->chunk_end = r->offset + 1;
        }
        if (read->job.ret_is_all && reader->chunk_end < read->window_from) {
            reader->chunk_end = read->window_from;
        }
        if (reader->chunk == NULL) {
            reader->scan = reader->chunk_end;
        }
        read->job.ret_first = NULL;
        queue_reader(reader);
    }
    read_job_release(&read->job);
    free(read);
    readers_run(log);
}

/* ---- turns ---- */

static void begin(struct sqlite_reader *reader)
{
    struct sqlite_partition *partition = reader->partition;
    struct exo_error err;

    if (partition == NULL) {
        (void)exo_error_set(&err, EXO_ENOTFOUND,
                            "the log was not prepared for the topic or partition of this reader");
        reader_fail(reader, &err);
        return;
    }
    if (!partition->topic->is_ready) {
        return; /* comes again when it is */
    }
    if (reader->begin == LOG_END) {
        reader->begin = partition->end;
        reader->checksum = 0;
    }
    reader->position = reader->begin;
    reader->scan = reader->begin;
    if (reader->begin > partition->end) {
        (void)exo_error_set(&err, EXO_ECONFLICT,
                            "%s/%u ends at offset %lld, before the %lld asked "
                            "for: the log was cut or replaced",
                            partition->topic->name, partition->number, (long long)partition->end,
                            (long long)reader->begin);
        reader_fail(reader, &err);
    } else if (reader->begin < partition->low) {
        fail_lost(reader);
    } else if (reader->checksum == 0) {
        reader->state = READER_LIVE;
        queue_reader(reader);
    } else if (partition->topic->is_volatile) {
        struct log_record record;
        size_t count = record_window_show(&partition->window, reader->begin - 1, &record, 1);

        reader->state = READER_CHECKING;
        check_record(reader, count == 1 ? &record : NULL);
    } else {
        reader->state = READER_CHECKING;
        read_start(reader, reader->begin - 1, 1);
    }
}

static void reader_run(struct sqlite_reader *reader)
{
    if (reader->state == READER_NEW) {
        begin(reader);
        return;
    }
    if (reader->state != READER_LIVE || reader->is_paused || reader->read != NULL) {
        return;
    }
    if (reader->scan < reader->partition->low) {
        fail_lost(reader);
    } else if (reader->chunk != NULL) {
        show_chunk(reader);
    } else if (reader->scan >= reader->partition->window.from) {
        show_window(reader);
    } else if (!reader->partition->topic->is_volatile) {
        read_start(reader, reader->scan, CHUNK_ROWS);
    }
}

void readers_run(struct sqlite_log *log)
{
    while (log->changed != NULL) {
        struct sqlite_partition *partition = log->changed;

        log->changed = partition->next_changed;
        partition->is_changed = false;
        partition_tidy(log, partition);
        for (struct sqlite_reader *reader = partition->readers; reader != NULL;
             reader = reader->next) {
            queue_reader(reader);
        }
    }
    /* One round for each; who has more comes again on the next turn. */
    struct sqlite_reader *reader = log->ready;

    log->ready = NULL;
    log->ready_last = &log->ready;
    while (reader != NULL) {
        struct sqlite_reader *next = reader->ready_next;

        reader->is_queued = false;
        if (reader->is_closed) {
            reader_free(reader);
        } else {
            reader_run(reader);
        }
        reader = next;
    }
    if (log->ready != NULL || log->changed != NULL) {
        sqlite_log_wake(log);
    }
}

void readers_release(struct sqlite_log *log)
{
    while (log->ready != NULL) {
        struct sqlite_reader *reader = log->ready;

        log->ready = reader->ready_next;
        reader_free(reader);
    }
    log->ready_last = &log->ready;
}

/* ---- the driver's half ---- */

struct log_reader *sqlite_reader_open(struct log *base, const char *topic_name, uint32_t partition,
                                      int64_t offset, uint32_t checksum,
                                      const struct log_reader_callbacks *callbacks, void *argument)
{
    struct sqlite_log *log = (struct sqlite_log *)base;
    struct sqlite_topic *topic = sqlite_topic_find(log, topic_name);
    struct sqlite_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        abort();
    }
    reader->reader.log = base;
    reader->log = log;
    reader->begin = offset;
    reader->checksum = checksum;
    reader->position = offset; /* LOG_END is -1: not known yet */
    reader->callbacks = *callbacks;
    reader->argument = argument;
    if (topic != NULL && partition < topic->partition_nr) {
        reader->partition = &topic->partitions[partition];
        reader->next = reader->partition->readers;
        if (reader->next != NULL) {
            reader->next->previous = reader;
        }
        reader->partition->readers = reader;
    }
    queue_reader(reader);
    sqlite_log_wake(log);
    return &reader->reader;
}

void sqlite_reader_resume(struct log_reader *base)
{
    struct sqlite_reader *reader = (struct sqlite_reader *)base;

    if (reader->is_paused) {
        reader->is_paused = false;
        queue_reader(reader);
        sqlite_log_wake(reader->log);
    }
}

int64_t sqlite_reader_position(const struct log_reader *base)
{
    return ((const struct sqlite_reader *)base)->position;
}

void sqlite_reader_close(struct log_reader *base)
{
    struct sqlite_reader *reader = (struct sqlite_reader *)base;

    if (reader->partition != NULL) {
        if (reader->next != NULL) {
            reader->next->previous = reader->previous;
        }
        *(reader->previous != NULL ? &reader->previous->next : &reader->partition->readers) =
            reader->next;
        partition_changed(reader->log, reader->partition); /* what it alone needed may go */
        sqlite_log_wake(reader->log);
    }
    if (reader->read != NULL) {
        reader->read->reader = NULL;
    }
    reader->is_closed = true;
    if (!reader->is_queued && !reader->is_calling) {
        reader_free(reader);
    }
}
