#include "infra/log/sqlite_jobs.h"

#include <stdlib.h>

static int make_tables(struct sqlite_connection *connection, struct exo_error *err)
{
    return sqlite_script(
        connection,
        "CREATE TABLE IF NOT EXISTS log_topic(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
        " partitions INTEGER NOT NULL);"
        "CREATE TABLE IF NOT EXISTS log_record(offset INTEGER PRIMARY KEY AUTOINCREMENT,"
        " topic INTEGER NOT NULL, partition INTEGER NOT NULL, at INTEGER NOT NULL,"
        " key BLOB NOT NULL, value BLOB NOT NULL);"
        "CREATE INDEX IF NOT EXISTS log_record_place ON log_record(topic, partition, offset);"
        "CREATE TABLE IF NOT EXISTS log_low(topic INTEGER NOT NULL, partition INTEGER NOT NULL,"
        " low INTEGER NOT NULL, PRIMARY KEY(topic, partition)) WITHOUT ROWID;",
        err);
}

/* Returns 1 with the topic's row, 0 when there is none, or -1. */
static int find_topic(struct sqlite_connection *connection, const char *name, int64_t *ret_id,
                      int64_t *ret_partitions, struct exo_error *err)
{
    struct sqlite_statement *find =
        sqlite_use(connection, "SELECT id, partitions FROM log_topic WHERE name = ?1", err);

    if (find == NULL) {
        return -1;
    }
    sqlite_bind_text(find, 1, span_of(name));
    int result = sqlite_step(find, err);

    if (result == 1) {
        *ret_id = sqlite_column_int(find, 0);
        *ret_partitions = sqlite_column_int(find, 1);
        sqlite_rewind(find);
    }
    return result;
}

static int must_find_topic(struct sqlite_connection *connection, const char *name, int64_t *ret_id,
                           struct exo_error *err)
{
    int64_t partitions = 0;
    int result = find_topic(connection, name, ret_id, &partitions, err);

    if (result == 0) {
        return exo_error_set(err, EXO_ENOTFOUND, "the log has no topic %s", name);
    }
    return result == 1 ? 0 : -1;
}

static int insert_topic(struct sqlite_connection *connection, const struct topic_job *job,
                        struct exo_error *err)
{
    struct sqlite_statement *insert =
        sqlite_use(connection, "INSERT INTO log_topic(name, partitions) VALUES(?1, ?2)", err);

    if (insert == NULL) {
        return -1;
    }
    sqlite_bind_text(insert, 1, span_of(job->name));
    sqlite_bind_int(insert, 2, job->partitions);
    return sqlite_run(insert, err);
}

/* One number of a topic's partition; 0 where there is no row. */
static int read_number(struct sqlite_connection *connection, const char *sql, int64_t topic,
                       uint32_t partition, int64_t *ret_number, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(connection, sql, err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, topic);
    sqlite_bind_int(statement, 2, partition);
    int result = sqlite_step(statement, err);

    if (result < 0) {
        return -1;
    }
    *ret_number = 0;
    if (result == 1) {
        *ret_number = sqlite_column_int(statement, 0);
        sqlite_rewind(statement);
    }
    return 0;
}

int topic_job_run(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    const struct topic_job *job = argument;
    int64_t id = 0;
    int64_t partitions = 0;

    if (make_tables(connection, err) != 0) {
        return -1;
    }
    int result = find_topic(connection, job->name, &id, &partitions, err);

    if (result == 0) {
        if (insert_topic(connection, job, err) != 0) {
            return -1;
        }
        id = sqlite_last_id(connection);
        partitions = job->partitions;
    } else if (result < 0) {
        return -1;
    }
    if (partitions != job->partitions) {
        return exo_error_set(err, EXO_ECONFLICT,
                             "topic %s has %lld partitions and %u are asked for; the number is "
                             "fixed when the file is made",
                             job->name, (long long)partitions, job->partitions);
    }
    for (uint32_t i = 0; i < job->partitions; i++) {
        struct partition_ends *ends = &job->ret_ends[i];

        if (read_number(connection, "SELECT low FROM log_low WHERE topic = ?1 AND partition = ?2",
                        id, i, &ends->low, err) != 0 ||
            read_number(connection,
                        "SELECT max(offset) + 1 FROM log_record WHERE topic = ?1 AND partition = "
                        "?2",
                        id, i, &ends->end, err) != 0) {
            return -1;
        }
        if (ends->end < ends->low) {
            ends->end = ends->low;
        }
    }
    return 0;
}

int append_job_run(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    const struct append_job *job = argument;
    const char *topic = NULL;
    int64_t topic_id = 0;

    for (const struct append_row *row = job->first; row != NULL; row = row->next) {
        if (row->topic != topic && must_find_topic(connection, row->topic, &topic_id, err) != 0) {
            return -1;
        }
        topic = row->topic;
        struct sqlite_statement *insert = sqlite_use(
            connection,
            "INSERT INTO log_record(topic, partition, at, key, value) VALUES(?1, ?2, ?3, ?4, ?5)",
            err);

        if (insert == NULL) {
            return -1;
        }
        struct log_record record = held_record_show(row->record);

        sqlite_bind_int(insert, 1, topic_id);
        sqlite_bind_int(insert, 2, row->partition);
        sqlite_bind_int(insert, 3, record.timestamp_ns);
        sqlite_bind_bytes(insert, 4, record.key);
        sqlite_bind_bytes(insert, 5, record.value);
        if (sqlite_run(insert, err) != 0) {
            return -1;
        }
        row->record->offset = sqlite_last_id(connection);
    }
    return 0;
}

static int take_row(struct read_job *job, struct sqlite_statement *select, size_t *bytes,
                    struct exo_error *err)
{
    struct span key = sqlite_column_bytes(select, 2);
    struct span value = sqlite_column_bytes(select, 3);
    struct held_record *record = held_record_new(key, value);

    if (record == NULL) {
        sqlite_rewind(select);
        return exo_error_set(err, EXO_EIO, "no memory to read the log");
    }
    record->offset = sqlite_column_int(select, 0);
    record->timestamp_ns = sqlite_column_int(select, 1);
    *bytes += key.bytes + value.bytes;
    *job->ret_last = record;
    job->ret_last = &record->next;
    return 0;
}

int read_job_run(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct read_job *job = argument;
    int64_t topic = 0;

    if (must_find_topic(connection, job->topic, &topic, err) != 0) {
        return -1;
    }
    struct sqlite_statement *select =
        sqlite_use(connection,
                   "SELECT offset, at, key, value FROM log_record"
                   " WHERE topic = ?1 AND partition = ?2 AND offset >= ?3 ORDER BY offset LIMIT ?4",
                   err);

    if (select == NULL) {
        return -1;
    }
    sqlite_bind_int(select, 1, topic);
    sqlite_bind_int(select, 2, job->partition);
    sqlite_bind_int(select, 3, job->from);
    sqlite_bind_int(select, 4, (int64_t)job->rows_max);
    size_t rows = 0;
    size_t bytes = 0;
    int result = 0;

    while ((result = sqlite_step(select, err)) == 1) {
        if (take_row(job, select, &bytes, err) != 0) {
            return -1;
        }
        rows++;
        if (bytes >= job->bytes_max) {
            sqlite_rewind(select);
            return 0;
        }
    }
    job->ret_is_all = result == 0 && rows < job->rows_max;
    return result;
}

void read_job_release(struct read_job *job)
{
    while (job->ret_first != NULL) {
        struct held_record *record = job->ret_first;

        job->ret_first = record->next;
        free(record);
    }
    job->ret_last = &job->ret_first;
}

/* The offset behind the last record that may go, 0 for none. */
static int find_trim_end(struct trim_job *job, struct sqlite_connection *connection, int64_t topic,
                         int64_t *ret_end, struct exo_error *err)
{
    struct sqlite_statement *select =
        sqlite_use(connection,
                   "SELECT offset, at FROM log_record WHERE topic = ?1 AND partition = ?2"
                   " ORDER BY offset LIMIT ?3",
                   err);

    if (select == NULL) {
        return -1;
    }
    sqlite_bind_int(select, 1, topic);
    sqlite_bind_int(select, 2, job->partition);
    sqlite_bind_int(select, 3, (int64_t)job->rows_max);
    size_t rows = 0;
    int result = 0;

    *ret_end = 0;
    while ((result = sqlite_step(select, err)) == 1) {
        int64_t offset = sqlite_column_int(select, 0);

        if (offset >= job->below || sqlite_column_int(select, 1) >= job->before_ns) {
            sqlite_rewind(select);
            break;
        }
        *ret_end = offset + 1;
        rows++;
    }
    job->ret_is_more = rows == job->rows_max;
    return result < 0 ? -1 : 0;
}

static int delete_below(struct sqlite_connection *connection, int64_t topic, uint32_t partition,
                        int64_t end, struct exo_error *err)
{
    struct sqlite_statement *statement = sqlite_use(
        connection, "DELETE FROM log_record WHERE topic = ?1 AND partition = ?2 AND offset < ?3",
        err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, topic);
    sqlite_bind_int(statement, 2, partition);
    sqlite_bind_int(statement, 3, end);
    return sqlite_run(statement, err);
}

static int raise_low(struct sqlite_connection *connection, int64_t topic, uint32_t partition,
                     int64_t low, struct exo_error *err)
{
    struct sqlite_statement *statement =
        sqlite_use(connection,
                   "INSERT INTO log_low(topic, partition, low) VALUES(?1, ?2, ?3)"
                   " ON CONFLICT(topic, partition) DO UPDATE SET low = max(low, excluded.low)",
                   err);

    if (statement == NULL) {
        return -1;
    }
    sqlite_bind_int(statement, 1, topic);
    sqlite_bind_int(statement, 2, partition);
    sqlite_bind_int(statement, 3, low);
    return sqlite_run(statement, err);
}

int trim_job_run(void *argument, struct sqlite_connection *connection, struct exo_error *err)
{
    struct trim_job *job = argument;
    int64_t topic = 0;
    int64_t end = 0;

    job->ret_low = 0;
    if (must_find_topic(connection, job->topic, &topic, err) != 0 ||
        find_trim_end(job, connection, topic, &end, err) != 0) {
        return -1;
    }
    if (end > 0 && delete_below(connection, topic, job->partition, end, err) != 0) {
        return -1;
    }
    if (job->is_exact && !job->ret_is_more && end < job->below) {
        end = job->below;
    }
    job->ret_low = end;
    return end == 0 ? 0 : raise_low(connection, topic, job->partition, end, err);
}
