#include "infra/archive/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/archive/package_tree.h"
#include "schemas/vocab/limits.h"

enum { PIECE_BYTES = 256 << 10, MAGIC_BYTES = 4 };

struct unpack {
    int in_fd, directory_fd;
    const char *wanted; /* NULL: all */
    bool has_wanted;
    unsigned char *piece;
    uint64_t file_bytes;
    uint32_t entries;
};

size_t package_index_bytes(struct span head)
{
    static const unsigned char magic[MAGIC_BYTES] = {0x50, 0x2a, 0x4d, 0x18};
    const unsigned char *bytes = head.data;
    size_t count = 0;

    if (head.bytes < PACKAGE_HEAD_BYTES || memcmp(bytes, magic, MAGIC_BYTES) != 0) {
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        count |= (size_t)bytes[MAGIC_BYTES + i] << (8 * i);
    }
    return count > PACKAGE_INDEX_BYTES_MAX ? 0 : count + PACKAGE_HEAD_BYTES;
}

static ssize_t read_all(int fd, unsigned char *room, size_t bytes)
{
    size_t count = 0;

    while (count < bytes) {
        ssize_t got = read(fd, room + count, bytes - count);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -1 : (ssize_t)count;
        }
        count += (size_t)got;
    }
    return (ssize_t)count;
}

/* The index is for people and the API; not every decoder of ours skips it. */
static int index_skip(struct unpack *u, struct exo_error *err)
{
    unsigned char head[PACKAGE_HEAD_BYTES];

    if (read_all(u->in_fd, head, sizeof(head)) != PACKAGE_HEAD_BYTES) {
        return exo_error_set(err, EXO_EINVALID, "this is no package: it is too short");
    }
    size_t left = package_index_bytes((struct span){head, sizeof(head)});

    if (left == 0) {
        return exo_error_set(err, EXO_EINVALID, "this is no package: it has no index");
    }
    for (left -= PACKAGE_HEAD_BYTES; left > 0;) {
        size_t wanted = left < PIECE_BYTES ? left : PIECE_BYTES;

        if (read_all(u->in_fd, u->piece, wanted) != (ssize_t)wanted) {
            return exo_error_set(err, EXO_EINVALID, "the package is cut short");
        }
        left -= wanted;
    }
    return 0;
}

static int parents_make(const struct unpack *u, const char *path, struct exo_error *err)
{
    char part[LIMIT_ARTEFACT_PATH_BYTES + 1];

    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdirat(u->directory_fd, part, 0755) != 0 && errno != EEXIST) {
            return exo_error_set(err, EXO_EIO, "cannot make %.200s: %s", part, strerror(errno));
        }
    }
    return 0;
}

static int write_all(int fd, const unsigned char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t put = write(fd, bytes, count);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return -1;
        }
        bytes += put;
        count -= (size_t)put;
    }
    return 0;
}

static int archive_failed(struct archive *archive, struct exo_error *err)
{
    const char *text = archive_error_string(archive);

    return exo_error_set(err, EXO_EINVALID, "the package cannot be read: %.200s",
                         text == NULL ? "no reason given" : text);
}

static int data_copy(struct unpack *u, struct archive *archive, int fd, const char *path,
                     struct exo_error *err)
{
    la_ssize_t got;

    while ((got = archive_read_data(archive, u->piece, PIECE_BYTES)) > 0) {
        u->file_bytes += (uint64_t)got;
        if (u->file_bytes > LIMIT_ARTEFACT_BYTES) {
            return exo_error_set(err, EXO_ELIMIT, "the files have more than 1 GiB together");
        }
        if (write_all(fd, u->piece, (size_t)got) != 0) {
            return exo_error_set(err, EXO_EIO, "cannot write %.200s: %s", path, strerror(errno));
        }
    }
    return got < 0 ? archive_failed(archive, err) : 0;
}

static int file_make(struct unpack *u, struct archive *archive, struct archive_entry *entry,
                     const char *path, struct exo_error *err)
{
    mode_t mode = (archive_entry_perm(entry) & 0111) != 0 ? 0755 : 0644;

    if (parents_make(u, path, err) != 0) {
        return -1;
    }
    int fd =
        openat(u->directory_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (fd < 0) {
        return exo_error_set(err, errno == EEXIST ? EXO_EINVALID : EXO_EIO,
                             "cannot make %.200s: %s", path, strerror(errno));
    }
    int result = data_copy(u, archive, fd, path, err);

    /* The umask of whoever started the worker shall not matter. */
    if (result == 0 && fchmod(fd, mode) != 0) {
        result = exo_error_set(err, EXO_EIO, "cannot make %.200s: %s", path, strerror(errno));
    }
    (void)close(fd);
    return result;
}

/* The path without the slash that ends a directory's; NULL when it must not be. */
static const char *path_of(struct archive_entry *entry, bool is_directory,
                           char room[LIMIT_ARTEFACT_PATH_BYTES + 2])
{
    const char *path = archive_entry_pathname(entry);
    size_t bytes = path == NULL ? 0 : strlen(path);

    if (bytes == 0 || bytes > LIMIT_ARTEFACT_PATH_BYTES + 1) {
        return NULL;
    }
    memcpy(room, path, bytes + 1);
    if (is_directory && room[bytes - 1] == '/') {
        room[bytes - 1] = '\0';
    }
    return package_path_is_good(room) ? room : NULL;
}

static int entry_make(struct unpack *u, struct archive *archive, struct archive_entry *entry,
                      struct exo_error *err)
{
    char room[LIMIT_ARTEFACT_PATH_BYTES + 2];
    bool is_directory = archive_entry_filetype(entry) == AE_IFDIR;
    const char *path = path_of(entry, is_directory, room);

    if (path == NULL || (!is_directory && archive_entry_filetype(entry) != AE_IFREG) ||
        archive_entry_hardlink(entry) != NULL || archive_entry_symlink(entry) != NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "the package holds something else than files and directories");
    }
    if (++u->entries > 3 * LIMIT_ARTEFACT_FILES) {
        return exo_error_set(err, EXO_ELIMIT, "there are more than %d files", LIMIT_ARTEFACT_FILES);
    }
    if (u->wanted != NULL && (is_directory || strcmp(u->wanted, path) != 0)) {
        return 0;
    }
    u->has_wanted = true;
    if (!is_directory) {
        return file_make(u, archive, entry, path, err);
    }
    if (parents_make(u, path, err) != 0) {
        return -1;
    }
    if (mkdirat(u->directory_fd, path, 0755) != 0 && errno != EEXIST) {
        return exo_error_set(err, EXO_EIO, "cannot make %.200s: %s", path, strerror(errno));
    }
    return 0;
}

static int tree_make(struct unpack *u, struct archive *archive, struct exo_error *err)
{
    struct archive_entry *entry = NULL;
    int got;

    if (archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
        archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_open_fd(archive, u->in_fd, PIECE_BYTES) != ARCHIVE_OK) {
        return archive_failed(archive, err);
    }
    while ((got = archive_read_next_header(archive, &entry)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
        if (entry_make(u, archive, entry, err) != 0) {
            return -1;
        }
    }
    return got == ARCHIVE_EOF ? 0 : archive_failed(archive, err);
}

int package_unpack(int in_fd, int directory_fd, const char *path, uint64_t *ret_bytes,
                   struct exo_error *err)
{
    struct unpack u = {.in_fd = in_fd, .directory_fd = directory_fd, .wanted = path};
    struct archive *archive = archive_read_new();
    int result;

    u.piece = malloc(PIECE_BYTES);
    if (archive == NULL || u.piece == NULL) {
        result = exo_error_set(err, EXO_EIO, "no memory to unpack artefacts");
    } else {
        result = index_skip(&u, err) != 0 ? -1 : tree_make(&u, archive, err);
    }
    if (result == 0 && path != NULL && !u.has_wanted) {
        result =
            exo_error_set(err, EXO_ENOTFOUND, "there is no file %.200s among the artefacts", path);
    }
    if (result == 0 && ret_bytes != NULL) {
        *ret_bytes = u.file_bytes;
    }
    (void)archive_read_free(archive); /* NULL is allowed; only read */
    free(u.piece);
    return result;
}
