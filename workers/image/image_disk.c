#include "workers/image/image_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "infra/directory/directory.h"

enum { NAMES_TEXT_BYTES = 200 };

/* Room is left for what stands below; the characters would break an overlay's options or the names
 * that skopeo takes. */
static int take_path(const char *path, const char *what, char ret_path[IMAGE_PATH_BYTES],
                     struct exo_error *err)
{
    if (path[0] != '/' || strlen(path) + 200 > IMAGE_PATH_BYTES ||
        strpbrk(path, ":,\\@ ") != NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "%s \"%s\" must be an absolute path of at most %d bytes without "
                             "blanks, \":\", \",\", \"@\" and \"\\\"",
                             what, path, IMAGE_PATH_BYTES - 200);
    }
    (void)snprintf(ret_path, IMAGE_PATH_BYTES, "%s", path);
    return 0;
}

static int take_lock(struct image_disk *disk, struct exo_error *err)
{
    char path[IMAGE_PATH_BYTES + 8];

    (void)snprintf(path, sizeof(path), "%s/lock", disk->cache_dir);
    disk->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (disk->lock_fd < 0) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    if (flock(disk->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return exo_error_set(err, EXO_ECONFLICT,
                             "another worker uses the image cache %s: give each worker a cache "
                             "directory of its own",
                             disk->cache_dir);
    }
    return 0;
}

int image_disk_open(struct image_disk *disk, const char *cache_dir, const char *image_dir,
                    struct exo_error *err)
{
    static const char *const below[] = {"", "/tmp", "/images", "/archives"};
    char path[IMAGE_PATH_BYTES + 16];

    *disk = (struct image_disk){.image_dir_fd = -1, .lock_fd = -1};
    if (take_path(cache_dir, "the image cache", disk->cache_dir, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", disk->cache_dir, below[i]);
        if (directory_make(path, 0755, "name another --runtime-dir", err) != 0) {
            return -1;
        }
    }
    if (take_lock(disk, err) != 0) {
        return -1;
    }
    if (image_dir != NULL) {
        if (take_path(image_dir, "the image directory", disk->image_dir, err) != 0) {
            return -1;
        }
        disk->image_dir_fd = open(image_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (disk->image_dir_fd < 0) {
            return exo_error_set(err, EXO_EINVALID,
                                 "image directory %s: %s; make it, or put images there with "
                                 "examples/images/make",
                                 image_dir, strerror(errno));
        }
    }
    return 0;
}

void image_disk_close(struct image_disk *disk)
{
    if (disk->image_dir_fd >= 0) {
        (void)close(disk->image_dir_fd);
    }
    if (disk->lock_fd >= 0) {
        (void)close(disk->lock_fd);
    }
    disk->image_dir_fd = -1;
    disk->lock_fd = -1;
}

int image_disk_make_temporary(const struct image_disk *disk, char ret_path[IMAGE_PATH_BYTES],
                              struct exo_error *err)
{
    char path[IMAGE_PATH_BYTES + 16];

    (void)snprintf(path, sizeof(path), "%s/tmp/XXXXXX", disk->cache_dir);
    if (mkdtemp(path) == NULL) {
        return exo_error_set(err, EXO_EIO, "cannot make a directory in %s/tmp: %s", disk->cache_dir,
                             strerror(errno));
    }
    memcpy(ret_path, path, strlen(path) + 1);
    return 0;
}

bool image_disk_set_aside(const struct image_disk *disk, char ret_path[IMAGE_PATH_BYTES])
{
    char path[IMAGE_PATH_BYTES + 16], aside[IMAGE_PATH_BYTES];
    struct exo_error err;
    size_t moved = 0;

    (void)snprintf(path, sizeof(path), "%s/tmp", disk->cache_dir);
    if (image_disk_make_temporary(disk, aside, &err) != 0) {
        return false;
    }
    DIR *directory = opendir(path);
    int aside_fd = open(aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (struct dirent *entry;
         directory != NULL && aside_fd >= 0 && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, strrchr(aside, '/') + 1) != 0 &&
            renameat(dirfd(directory), entry->d_name, aside_fd, entry->d_name) == 0) {
            moved++;
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    if (aside_fd >= 0) {
        (void)close(aside_fd);
    }
    if (moved == 0) {
        (void)rmdir(aside);
        return false;
    }
    memcpy(ret_path, aside, strlen(aside) + 1);
    return true;
}

/* What a person may have meant. */
static void list_names(const struct image_disk *disk, char text[NAMES_TEXT_BYTES])
{
    DIR *directory = opendir(disk->image_dir);
    size_t used = 0;

    text[0] = '\0';
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        size_t bytes = strlen(entry->d_name);

        if (entry->d_name[0] != '.' && used + bytes + 3 < NAMES_TEXT_BYTES) {
            used += (size_t)snprintf(text + used, NAMES_TEXT_BYTES - used, "%s%s",
                                     used > 0 ? ", " : "", entry->d_name);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    if (used == 0) {
        memcpy(text, "nothing", sizeof("nothing"));
    }
}

/* The kernel itself refuses a way out, whatever links do. */
static int open_below(int directory_fd, const char *name)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};

    return (int)syscall(SYS_openat2, directory_fd, name, &how, sizeof(how));
}

int image_disk_find(const struct image_disk *disk, const struct image_reference *reference,
                    char ret_path[IMAGE_PATH_BYTES], struct stat *ret_facts, struct exo_error *err)
{
    const char *transport = image_transport_name(reference->transport);
    char names[NAMES_TEXT_BYTES];

    if (disk->image_dir_fd < 0) {
        return exo_error_set(err, EXO_EINVALID,
                             "image %s:%s needs an image directory: start the worker with "
                             "--image-dir DIR",
                             transport, reference->name);
    }
    int fd = open_below(disk->image_dir_fd, reference->name);

    if (fd < 0 && (errno == EXDEV || errno == ELOOP)) {
        return exo_error_set(err, EXO_EDENIED,
                             "image %s:%s is a link that leads out of %s: put the image itself "
                             "there",
                             transport, reference->name, disk->image_dir);
    }
    bool wants_directory = reference->transport == IMAGE_OCI;
    int failed = fd < 0 || fstat(fd, ret_facts) != 0 ||
                 (wants_directory ? !S_ISDIR(ret_facts->st_mode) : !S_ISREG(ret_facts->st_mode));

    if (fd >= 0) {
        (void)close(fd);
    }
    if (failed || snprintf(ret_path, IMAGE_PATH_BYTES, "%s/%s", disk->image_dir, reference->name) >=
                      IMAGE_PATH_BYTES) {
        list_names(disk, names);
        return exo_error_set(err, EXO_ENOTFOUND, "image %s:%s: no such %s as %s/%s; there is: %s",
                             transport, reference->name, wants_directory ? "OCI layout" : "file",
                             disk->image_dir, reference->name, names);
    }
    return 0;
}

int image_disk_read_file(const char *path, unsigned char **ret_bytes, size_t *ret_count,
                         struct exo_error *err)
{
    enum { FILE_BYTES_MAX = 8 << 20 };
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat facts;
    size_t count = 0;

    if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_size > FILE_BYTES_MAX) {
        int failure = errno;

        if (fd >= 0) {
            (void)close(fd);
        }
        return exo_error_set(err, fd < 0 && failure == ENOENT ? EXO_ENOTFOUND : EXO_EINVALID,
                             "%s: %s", path,
                             fd < 0 ? strerror(failure) : "no regular file below 8 MiB");
    }
    unsigned char *bytes = malloc((size_t)facts.st_size + 1);

    while (bytes != NULL && count < (size_t)facts.st_size) {
        ssize_t got = read(fd, bytes + count, (size_t)facts.st_size - count);

        if (got <= 0) {
            break;
        }
        count += (size_t)got;
    }
    (void)close(fd);
    if (bytes == NULL || count < (size_t)facts.st_size) {
        free(bytes);
        return exo_error_set(err, EXO_EIO, "%s cannot be read", path);
    }
    *ret_bytes = bytes;
    *ret_count = count;
    return 0;
}

static void archive_path(const struct image_disk *disk, const struct stat *facts, char *ret_path,
                         size_t capacity)
{
    (void)snprintf(
        ret_path, capacity, "%s/archives/%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%09ld",
        disk->cache_dir, (uint64_t)facts->st_dev, (uint64_t)facts->st_ino, (uint64_t)facts->st_size,
        (uint64_t)facts->st_mtim.tv_sec, facts->st_mtim.tv_nsec);
}

bool image_disk_recall_archive(const struct image_disk *disk, const struct stat *facts,
                               char ret_digest[IMAGE_DIGEST_TEXT_BYTES + 1])
{
    char path[IMAGE_PATH_BYTES + 128], text[IMAGE_DIGEST_TEXT_BYTES + 1] = "";

    archive_path(disk, facts, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? -1 : read(fd, text, IMAGE_DIGEST_TEXT_BYTES);

    if (fd >= 0) {
        (void)close(fd);
    }
    if (bytes != IMAGE_DIGEST_TEXT_BYTES || !image_digest_is_valid(text)) {
        return false;
    }
    memcpy(ret_digest, text, sizeof(text));
    return true;
}

void image_disk_note_archive(const struct image_disk *disk, const struct stat *facts,
                             const char *digest)
{
    char path[IMAGE_PATH_BYTES + 128];

    archive_path(disk, facts, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    /* Only a note: without it the archive is read once more. */
    if (fd >= 0) {
        (void)!write(fd, digest, strlen(digest));
        (void)close(fd);
    }
}
