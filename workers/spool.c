#include "workers/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, FILE_BYTES_MAX = 1 << 20, VERSION = 1, MAGIC_BYTES = 8 };

static const char magic[] = "exospool";

struct spool {
    char directory[PATH_BYTES - SPOOL_NAME_BYTES - 16];
};

struct spool *spool_open(const char *directory, struct exo_error *err)
{
    struct spool *spool = calloc(1, sizeof(*spool));

    if (spool == NULL || strlen(directory) >= sizeof(spool->directory)) {
        free(spool);
        (void)exo_error_set(err, EXO_EIO, "the spool's path is too long: %s", directory);
        return NULL;
    }
    memcpy(spool->directory, directory, strlen(directory) + 1);
    if ((mkdir(directory, 0700) != 0 && errno != EEXIST) || access(directory, W_OK | X_OK) != 0) {
        (void)exo_error_set(err, EXO_EIO,
                            "the spool %s cannot be used: %s; name another --runtime-dir",
                            directory, strerror(errno));
        free(spool);
        return NULL;
    }
    return spool;
}

void spool_close(struct spool *spool)
{
    free(spool);
}

void spool_name(const struct task_id *task, uint32_t attempt, char *ret_name)
{
    char execution[EXECUTION_ID_TEXT_BYTES + 1];

    execution_id_format(&task->execution, execution);
    (void)snprintf(ret_name, SPOOL_NAME_BYTES, "%s.%u.%u.%u", execution, task->instance,
                   task->index, attempt);
}

static void put_number(struct buffer *buffer, uint32_t number)
{
    unsigned char bytes[4] = {(unsigned char)number, (unsigned char)(number >> 8),
                              (unsigned char)(number >> 16), (unsigned char)(number >> 24)};

    buffer_append(buffer, (struct span){bytes, sizeof(bytes)});
}

static void entry_pack(const struct spool_entry *entry, struct arena *scratch,
                       struct allocator allocator, struct buffer *buffer)
{
    struct buffer body;
    struct wire_status status = {.worker = entry->worker,
                                 .incarnation = entry->incarnation,
                                 .reports = &entry->report,
                                 .report_count = 1};

    buffer_init(&body, allocator, 0);
    wire_status_pack(&status, scratch, &body);
    buffer_append(buffer, (struct span){magic, MAGIC_BYTES});
    put_number(buffer, VERSION);
    put_number(buffer, entry->shard);
    put_number(buffer, (uint32_t)entry->token.bytes);
    buffer_append(buffer, entry->token);
    put_number(buffer, (uint32_t)body.bytes);
    buffer_append(buffer, buffer_span(&body));
    buffer->is_failed = buffer->is_failed || body.is_failed;
    put_number(buffer, crc32_ieee(buffer_span(buffer)));
    buffer_release(&body);
}

static int write_all(int fd, struct span bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.bytes;

    while (left > 0) {
        ssize_t count = write(fd, at, left);

        if (count < 0 && errno != EINTR) {
            return -1;
        }
        at += count > 0 ? count : 0;
        left -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

/* Writes over what is there, which keeps the room it has, and cuts off the rest. */
static int file_write(const char *path, struct span bytes, bool is_synced)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return -1;
    }
    if (write_all(fd, bytes) != 0 || ftruncate(fd, (off_t)bytes.bytes) != 0 ||
        (is_synced && fdatasync(fd) != 0)) {
        int code = errno;

        (void)close(fd); /* the first error is told */
        errno = code;
        return -1;
    }
    return close(fd);
}

static int room_take(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return -1;
    }
    int result = fallocate(fd, 0, 0, SPOOL_ROOM_BYTES);
    int code = errno;

    (void)close(fd); /* nothing was written */
    errno = code;
    return result != 0 && code == EOPNOTSUPP ? 0 : result;
}

static int directory_sync(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return result;
}

static int bytes_write(const struct spool *spool, const struct spool_entry *entry,
                       struct span bytes, struct exo_error *err)
{
    char name[SPOOL_NAME_BYTES];
    char path[PATH_BYTES];
    char draft[PATH_BYTES];
    bool is_synced = entry->report.kind == REPORT_FINISHED;

    spool_name(&entry->report.task, entry->report.attempt, name);
    (void)snprintf(path, sizeof(path), "%s/%s", spool->directory, name);
    (void)snprintf(draft, sizeof(draft), "%s/%s.draft", spool->directory, name);
    if (file_write(draft, bytes, is_synced) != 0 || rename(draft, path) != 0 ||
        (is_synced ? directory_sync(spool->directory) : room_take(draft)) != 0) {
        int code = errno;

        (void)unlink(draft); /* may be gone; the first error is told */
        return exo_error_set(err, EXO_EIO, "the spool %s cannot be written: %s", spool->directory,
                             strerror(code));
    }
    return 0;
}

int spool_write(const struct spool *spool, const struct spool_entry *entry, struct exo_error *err)
{
    struct heap_budget budget = {.limit_bytes = 8 * (size_t)FILE_BYTES_MAX};
    struct allocator allocator = allocator_heap(&budget);
    struct arena scratch;
    struct buffer buffer;
    int result;

    arena_init(&scratch, allocator, 0);
    buffer_init(&buffer, allocator, FILE_BYTES_MAX);
    entry_pack(entry, &scratch, allocator, &buffer);
    if (buffer.is_failed) {
        result = exo_error_set(err, EXO_ELIMIT, "a report does not fit the spool");
    } else {
        result = bytes_write(spool, entry, buffer_span(&buffer), err);
    }
    buffer_release(&buffer);
    arena_release(&scratch);
    return result;
}

void spool_delete(const struct spool *spool, const struct task_id *task, uint32_t attempt)
{
    char name[SPOOL_NAME_BYTES];
    char path[PATH_BYTES];

    spool_name(task, attempt, name);
    (void)snprintf(path, sizeof(path), "%s/%s", spool->directory, name);
    (void)unlink(path); /* what stays is told again at the next start: a repeat, and stale */
    (void)snprintf(path, sizeof(path), "%s/%s.draft", spool->directory, name);
    (void)unlink(path); /* the room of an attempt that wrote no FINISHED */
}

/* Reading. */

struct reading {
    struct span left;
    bool is_broken;
};

static struct span take(struct reading *reading, size_t bytes)
{
    struct span taken = {reading->left.data, bytes};

    if (bytes > reading->left.bytes) {
        reading->is_broken = true;
        return (struct span){"", 0};
    }
    reading->left.data = (const char *)reading->left.data + bytes;
    reading->left.bytes -= bytes;
    return taken;
}

static uint32_t take_number(struct reading *reading)
{
    struct span bytes = take(reading, 4);
    const unsigned char *at = bytes.data;

    return bytes.bytes < 4 ? 0
                           : (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
                                 (uint32_t)at[3] << 24;
}

static bool entry_unpack(struct span file, struct arena *arena, struct spool_entry *ret_entry)
{
    struct wire_status status;

    if (file.bytes < MAGIC_BYTES + 4) {
        return false;
    }
    struct reading sum = {{(const char *)file.data + file.bytes - 4, 4}, false};
    struct reading reading = {{file.data, file.bytes - 4}, false};

    if (take_number(&sum) != crc32_ieee(reading.left) ||
        !span_is(take(&reading, MAGIC_BYTES), magic) || take_number(&reading) != VERSION) {
        return false;
    }
    ret_entry->shard = take_number(&reading);
    ret_entry->token = take(&reading, take_number(&reading));
    struct span body = take(&reading, take_number(&reading));

    if (reading.is_broken || wire_status_unpack(body, arena, &status) != WIRE_OK ||
        status.report_count != 1) {
        return false;
    }
    ret_entry->worker = status.worker;
    ret_entry->incarnation = status.incarnation;
    ret_entry->report = status.reports[0];
    return ret_entry->report.kind == REPORT_FINISHED || ret_entry->report.kind == REPORT_ACCEPTED;
}

static bool file_read(const char *path, struct arena *arena, struct span *ret_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat facts;
    bool is_read = false;

    if (fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) &&
        facts.st_size <= FILE_BYTES_MAX) {
        char *bytes = arena_alloc(arena, (size_t)facts.st_size);

        is_read = bytes != NULL && read(fd, bytes, (size_t)facts.st_size) == (ssize_t)facts.st_size;
        *ret_bytes = (struct span){bytes, (size_t)facts.st_size};
    }
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return is_read;
}

static bool ends_with(const char *name, const char *end)
{
    size_t bytes = strlen(name);
    size_t end_bytes = strlen(end);

    return bytes >= end_bytes && strcmp(name + bytes - end_bytes, end) == 0;
}

static int one_load(const struct spool *spool, const char *name, struct arena *arena,
                    struct spool_entry *ret_entry, uint32_t *ret_broken)
{
    char path[PATH_BYTES];
    char aside[PATH_BYTES + 8];
    struct span file;

    if (name[0] == '.' || ends_with(name, ".broken") || strlen(name) >= SPOOL_NAME_BYTES + 8) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", spool->directory, name);
    if (ends_with(name, ".draft")) {
        (void)unlink(path); /* never finished; tried again at the next start */
        return 0;
    }
    if (file_read(path, arena, &file) && entry_unpack(file, arena, ret_entry)) {
        return 1;
    }
    (void)snprintf(aside, sizeof(aside), "%s.broken", path);
    (void)rename(path, aside); /* or it is found broken again: only a word in the log */
    (*ret_broken)++;
    return 0;
}

int spool_load(const struct spool *spool, struct arena *arena, struct spool_entry **ret_entries,
               uint32_t *ret_broken, struct exo_error *err)
{
    DIR *directory = opendir(spool->directory);
    int count = 0;

    *ret_broken = 0;
    *ret_entries = arena_reserve(arena, SPOOL_ENTRIES_MAX * sizeof(**ret_entries));
    if (directory == NULL || *ret_entries == NULL) {
        if (directory != NULL) {
            (void)closedir(directory); /* only read */
        }
        return exo_error_set(err, EXO_EIO, "the spool %s cannot be read: %s", spool->directory,
                             strerror(errno));
    }
    for (struct dirent *file = readdir(directory); file != NULL && count < SPOOL_ENTRIES_MAX;
         file = readdir(directory)) {
        count += one_load(spool, file->d_name, arena, &(*ret_entries)[count], ret_broken);
    }
    (void)closedir(directory); /* only read */
    return count;
}
