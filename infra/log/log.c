#include "infra/log/log.h"

#include <stdlib.h>

#include "infra/log/driver.h"
#include "schemas/vocab/ids.h"

static const uint64_t buffer_bytes_default = UINT64_C(64) << 20;

/* A call on its way: every one hears of its end, of the log's at the latest. */
struct log_call {
    struct log_call *next, *previous;
    struct log *log;
    log_done *done;
    log_appended *appended;
    log_end_done *ended;
    void *argument;
};

static struct log_call *call_new(struct log *log, void *argument)
{
    struct log_call *call = calloc(1, sizeof(*call));

    if (call == NULL) {
        abort();
    }
    call->log = log;
    call->argument = argument;
    call->next = log->calls;
    if (log->calls != NULL) {
        log->calls->previous = call;
    }
    log->calls = call;
    return call;
}

/* Tells the caller and frees the call, which is in no list any more. */
static void call_tell(struct log_call *call, int64_t number, const struct exo_error *err)
{
    struct log_call told = *call;

    free(call);
    if (told.done != NULL) {
        told.done(told.argument, err);
    } else if (told.appended != NULL) {
        told.appended(told.argument, number, err);
    } else if (told.ended != NULL) {
        told.ended(told.argument, number, err);
    }
}

static void call_end(struct log_call *call, int64_t number, const struct exo_error *err)
{
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        call->log->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    call_tell(call, number, err);
}

static void call_done(void *argument, const struct exo_error *err)
{
    call_end(argument, -1, err);
}

static void call_numbered(void *argument, int64_t number, const struct exo_error *err)
{
    call_end(argument, number, err);
}

struct log *log_open(struct loop *loop, const struct log_settings *settings, struct exo_error *err)
{
    struct log *log = NULL;

    if (strcmp(settings->backend, "sqlite") == 0) {
        log = log_sqlite_open(loop, settings, err);
    } else if (strcmp(settings->backend, "kafka") == 0) {
        log = log_kafka_open(loop, settings, err);
    } else {
        (void)exo_error_set(err, EXO_EINVALID, "unknown log \"%s\"; use kafka or sqlite",
                            settings->backend);
    }
    if (log != NULL) {
        log->buffer_bytes_max =
            settings->buffer_bytes_max == 0 ? buffer_bytes_default : settings->buffer_bytes_max;
    }
    return log;
}

void log_close(struct log *log)
{
    struct exo_error err;

    if (log == NULL) {
        return;
    }
    struct log_call *calls = log->calls;

    log->calls = NULL;
    log->driver->close(log);
    (void)exo_error_set(&err, EXO_EUNKNOWN, "the log was closed before it answered");
    while (calls != NULL) {
        struct log_call *next = calls->next;

        call_tell(calls, -1, &err);
        calls = next;
    }
}

void log_prepare(struct log *log, const struct log_topic *topics, size_t count,
                 void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct log_call *call = call_new(log, argument);

    call->done = done;
    log->driver->prepare(log, topics, count, call_done, call);
}

int log_append(struct log *log, const char *topic, uint32_t partition, struct span key,
               struct span value, exo_time timeout_ns, log_appended *done, void *argument,
               struct exo_error *err)
{
    struct log_entry entry = {
        .topic = topic,
        .partition = partition,
        .key = key,
        .value = value,
        .timeout_ns = timeout_ns > 0 ? timeout_ns : 60 * EXO_SECOND,
    };

    if (key.bytes + value.bytes > LOG_RECORD_BYTES_MAX) {
        return exo_error_set(err, EXO_ELIMIT,
                             "a record of %zu bytes for %s is above the %d that "
                             "a record may have",
                             key.bytes + value.bytes, topic, (int)LOG_RECORD_BYTES_MAX);
    }
    uint64_t cost = entry_cost(key.bytes, value.bytes);

    if (log->counts.buffered_bytes + cost > log->buffer_bytes_max) {
        (void)exo_error_set(err, EXO_ELIMIT,
                            "%llu bytes wait to be written to the log, which is the limit; try "
                            "again when the log answers",
                            (unsigned long long)log->counts.buffered_bytes);
        if (err != NULL) {
            err->is_retryable = true;
        }
        return -1;
    }
    log->counts.buffered_bytes += cost;
    if (done != NULL) {
        struct log_call *call = call_new(log, argument);

        call->appended = done;
        entry.done = call_numbered;
        entry.argument = call;
    }
    log->driver->append(log, &entry);
    return 0;
}

struct log_reader *log_reader_open(struct log *log, const char *topic, uint32_t partition,
                                   int64_t offset, uint32_t checksum,
                                   const struct log_reader_callbacks *callbacks, void *argument)
{
    return log->driver->reader_open(log, topic, partition, offset, checksum, callbacks, argument);
}

void log_reader_resume(struct log_reader *reader)
{
    reader->log->driver->reader_resume(reader);
}

int64_t log_reader_position(const struct log_reader *reader)
{
    return reader->log->driver->reader_position(reader);
}

void log_reader_close(struct log_reader *reader)
{
    if (reader != NULL) {
        reader->log->driver->reader_close(reader);
    }
}

uint32_t log_record_checksum(const struct log_record *record)
{
    /* Of fixed parts, so that bytes cannot move between key and value. The time is in it: the same
     * record appended again after a loss is another record. */
    const uint64_t parts[5] = {
        (uint64_t)record->timestamp_ns, record->key.bytes,
        crc32_ieee(record->key),        record->value.bytes,
        crc32_ieee(record->value),
    };
    uint32_t checksum = crc32_ieee((struct span){parts, sizeof(parts)});

    return checksum == 0 ? 1 : checksum;
}

void log_end(struct log *log, const char *topic, uint32_t partition,
             void (*done)(void *argument, int64_t end, const struct exo_error *err), void *argument)
{
    struct log_call *call = call_new(log, argument);

    call->ended = done;
    log->driver->end(log, topic, partition, false, call_numbered, call);
}

void log_start(struct log *log, const char *topic, uint32_t partition,
               void (*done)(void *argument, int64_t start, const struct exo_error *err),
               void *argument)
{
    struct log_call *call = call_new(log, argument);

    call->ended = done;
    log->driver->end(log, topic, partition, true, call_numbered, call);
}

void log_trim(struct log *log, const char *topic, uint32_t partition, int64_t below,
              void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct log_call *call = call_new(log, argument);

    call->done = done;
    log->driver->trim(log, topic, partition, below, call_done, call);
}

bool log_is_up(const struct log *log)
{
    return log->driver->is_up(log);
}

struct log_counts log_counts(const struct log *log)
{
    return log->counts;
}
