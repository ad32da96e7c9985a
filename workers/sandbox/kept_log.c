#include "workers/sandbox/kept_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct header {
    uint64_t magic;
    uint64_t limit_bytes;
    uint64_t total_bytes; /* 0: no more than limit; then the size of the file tells */
};

static const uint64_t header_magic = 0x31676f6c6f7865; /* "exolog1" */

void kept_log_init(struct kept_log *log, int directory_fd, const char *id, uint64_t limit_bytes)
{
    assert(limit_bytes >= 2);
    *log = (struct kept_log){
        .directory_fd = directory_fd,
        .fd = -1,
        .limit_bytes = limit_bytes & ~(uint64_t)1,
        .unkept_bytes = UINT64_MAX,
    };
    (void)snprintf(log->name, sizeof(log->name), "%s.log", id);
}

static int write_all(int fd, const void *data, size_t bytes, uint64_t offset)
{
    const unsigned char *at = data;

    while (bytes > 0) {
        ssize_t written = pwrite(fd, at, bytes, (off_t)offset);

        if (written <= 0) {
            if (written < 0 && errno == EINTR) {
                continue;
            }
            return -1;
        }
        at += written;
        bytes -= (size_t)written;
        offset += (uint64_t)written;
    }
    return 0;
}

static int write_header(const struct kept_log *log, uint64_t total_bytes)
{
    struct header header = {header_magic, log->limit_bytes, total_bytes};

    return write_all(log->fd, &header, sizeof(header), 0);
}

static int make_file(struct kept_log *log)
{
    log->fd = openat(log->directory_fd, log->name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return log->fd < 0 ? -1 : write_header(log, 0);
}

/* Where byte number n of the log lies in the file. */
static uint64_t offset_of(uint64_t limit_bytes, uint64_t n)
{
    uint64_t half = limit_bytes / 2;

    return sizeof(struct header) + (n < half ? n : half + (n - half) % half);
}

/* Writes up to the next edge at a time: the end of the first half, the end of the ring. */
static int write_log(struct kept_log *log, const unsigned char *at, size_t bytes)
{
    uint64_t half = log->limit_bytes / 2;
    uint64_t n = log->total_bytes;

    if (log->fd < 0 && make_file(log) != 0) {
        return -1;
    }
    while (bytes > 0) {
        uint64_t room = half - n % half;
        size_t part = bytes < room ? bytes : (size_t)room;

        if (write_all(log->fd, at, part, offset_of(log->limit_bytes, n)) != 0) {
            return -1;
        }
        at += part;
        bytes -= part;
        n += part;
    }
    return n > log->limit_bytes ? write_header(log, n) : 0;
}

void kept_log_append(struct kept_log *log, struct span bytes)
{
    if (bytes.bytes == 0) {
        return;
    }
    if (log->unkept_bytes == UINT64_MAX && write_log(log, bytes.data, bytes.bytes) != 0) {
        log->unkept_bytes = log->total_bytes;
    }
    log->total_bytes += bytes.bytes;
}

static int read_part(int fd, char *text, size_t bytes, uint64_t offset)
{
    while (bytes > 0) {
        ssize_t got = pread(fd, text, bytes, (off_t)offset);

        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            return -1;
        }
        text += got;
        bytes -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

/* Reads the first half, the mark, and the ring from its oldest byte on. kept: bytes on disk, of
 * total written. */
static int read_log(int fd, uint64_t limit_bytes, uint64_t kept, uint64_t total,
                    struct kept_log_text *ret_text, struct exo_error *err)
{
    uint64_t half = limit_bytes / 2;
    uint64_t cut = kept > limit_bytes ? kept - limit_bytes : 0;
    size_t head = (size_t)(kept < half ? kept : half);
    size_t tail = (size_t)(kept - cut) - head;
    char mark[96];
    int mark_bytes = 0;

    if (cut + (total - kept) > 0) {
        mark_bytes = snprintf(mark, sizeof(mark), "\n[exosphere: %llu bytes of the log cut here]\n",
                              (unsigned long long)cut + (total - kept));
    }
    char *text = malloc(head + (size_t)mark_bytes + tail + 1);

    if (text == NULL) {
        return exo_error_set(err, EXO_EIO, "no memory to read a log of %zu bytes", head + tail);
    }
    uint64_t from = half + cut;                    /* the oldest byte of the ring */
    size_t first = (size_t)(half - (from % half)); /* up to the end of the ring */

    first = first < tail ? first : tail;
    /* Where the disk took no more, the mark stands at the end. */
    char *after_head = text + head + (cut > 0 ? (size_t)mark_bytes : 0);

    if (read_part(fd, text, head, sizeof(struct header)) != 0 ||
        read_part(fd, after_head, first, offset_of(limit_bytes, from)) != 0 ||
        read_part(fd, after_head + first, tail - first, offset_of(limit_bytes, half)) != 0) {
        int failure = errno;

        free(text);
        return exo_error_set(err, EXO_EIO, "a kept log cannot be read: %s", strerror(failure));
    }
    memcpy(cut > 0 ? text + head : after_head + tail, mark, (size_t)mark_bytes);
    *ret_text = (struct kept_log_text){
        .text = text,
        .bytes = head + tail + (size_t)mark_bytes,
        .total_bytes = total,
        .lost_bytes = cut + (total - kept),
    };
    return 0;
}

int kept_log_read(const struct kept_log *log, struct kept_log_text *ret_text, struct exo_error *err)
{
    uint64_t kept = log->unkept_bytes < log->total_bytes ? log->unkept_bytes : log->total_bytes;

    if (log->fd < 0) {
        *ret_text = (struct kept_log_text){
            .total_bytes = log->total_bytes,
            .lost_bytes = log->total_bytes,
        };
        return 0;
    }
    return read_log(log->fd, log->limit_bytes, kept, log->total_bytes, ret_text, err);
}

/* Before the ring goes round the file grows with the log; from then on it has its full length. */
static bool is_whole(const struct header *header, uint64_t there)
{
    return header->magic == header_magic && header->limit_bytes >= 2 &&
           header->limit_bytes % 2 == 0 &&
           (header->total_bytes == 0
                ? there <= header->limit_bytes
                : header->total_bytes > header->limit_bytes && there == header->limit_bytes);
}

int kept_log_recover(int directory_fd, const char *id, struct kept_log_text *ret_text,
                     struct exo_error *err)
{
    struct kept_log log;
    struct header header;
    struct stat facts;

    kept_log_init(&log, directory_fd, id, 2);
    *ret_text = (struct kept_log_text){.text = NULL};
    int fd = openat(directory_fd, log.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        return errno == ENOENT
                   ? 0
                   : exo_error_set(err, EXO_EIO, "kept log %s: %s", log.name, strerror(errno));
    }
    int result = 0;

    /* A file without a whole header was just being made; one whose header does not fit it was
     * damaged. Both hold nothing: they must not keep a worker from its start. */
    if (fstat(fd, &facts) == 0 && facts.st_size > (off_t)sizeof(header) &&
        read_part(fd, (char *)&header, sizeof(header), 0) == 0 &&
        is_whole(&header, (uint64_t)facts.st_size - sizeof(header))) {
        uint64_t total =
            header.total_bytes != 0 ? header.total_bytes : (uint64_t)facts.st_size - sizeof(header);

        result = read_log(fd, header.limit_bytes, total, total, ret_text, err);
    }
    (void)close(fd);
    return result;
}

void kept_log_text_free(struct kept_log_text *text)
{
    free(text->text);
    text->text = NULL;
    text->bytes = 0;
}

void kept_log_close(struct kept_log *log, bool removes)
{
    if (log->fd >= 0) {
        (void)close(log->fd);
        log->fd = -1;
        if (removes) {
            (void)unlinkat(log->directory_fd, log->name, 0);
        }
    }
}
