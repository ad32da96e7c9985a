#include "workers/sandbox/attempt_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 16384 };

static int write_file(int directory_fd, const char *name, mode_t mode, struct span bytes)
{
    int fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    const unsigned char *at = bytes.data;

    if (fd < 0) {
        return -1;
    }
    for (size_t left = bytes.bytes; left > 0;) {
        ssize_t written = write(fd, at, left);

        if (written <= 0) {
            int failure = written == 0 ? ENOSPC : errno;

            (void)close(fd);
            errno = failure;
            return -1;
        }
        at += written;
        left -= (size_t)written;
    }
    /* The umask of whoever started the worker shall not matter. */
    int failed = fchmod(fd, mode);

    (void)close(fd);
    return failed;
}

static int make_directory(int directory_fd, const char *name, mode_t mode, uint32_t uid,
                          uint32_t gid)
{
    if (mkdirat(directory_fd, name, 0700) != 0) {
        return -1;
    }
    if (uid != 0 && fchownat(directory_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    return fchmodat(directory_fd, name, mode, 0);
}

static int write_secrets(int directory_fd, const struct attempt_files *files)
{
    if (files->secret_count == 0) {
        return 0;
    }
    if (make_directory(directory_fd, "secrets", 0700, 0, 0) != 0) {
        return -1;
    }
    int fd = openat(directory_fd, "secrets", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : 0;

    for (size_t i = 0; failed == 0 && i < files->secret_count; i++) {
        const struct sandbox_secret *secret = &files->secrets[i];

        failed = write_file(fd, secret->name, 0400, secret->bytes);
        if (failed == 0) {
            failed = fchownat(fd, secret->name, files->uid, files->gid, AT_SYMLINK_NOFOLLOW);
        }
    }
    if (failed == 0) {
        failed = fchmod(fd, 0500);
    }
    if (failed == 0) {
        failed = fchown(fd, files->uid, files->gid);
    }
    int failure = errno;

    if (fd >= 0) {
        (void)close(fd);
    }
    errno = failure;
    return failed;
}

static int fill(int root_fd, const struct attempt_files *files)
{
    if (write_file(root_fd, "config.json", 0600, files->config) != 0 ||
        make_directory(root_fd, "upper", 0755, 0, 0) != 0 ||
        make_directory(root_fd, "work", 0700, 0, 0) != 0 ||
        make_directory(root_fd, "rootfs", 0755, 0, 0) != 0 ||
        make_directory(root_fd, "own", 0700, 0, 0) != 0 ||
        make_directory(root_fd, "exosphere", 01777, 0, 0) != 0) {
        return -1;
    }
    int fd = openat(root_fd, "exosphere", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return -1;
    }
    int failed = write_file(fd, "input.json", 0444, files->input);

    if (failed == 0) {
        failed = make_directory(fd, "artefacts", 0755, files->uid, files->gid);
    }
    if (failed == 0) {
        failed = write_secrets(fd, files);
    }
    int failure = errno;

    (void)close(fd);
    errno = failure;
    return failed;
}

/* crun writes its status when the program runs already, and that may have filled its disk by then:
 * what is crun's lies apart. */
static int mount_own(const char *path, struct exo_error *err)
{
    char target[ATTEMPT_PATH_BYTES + 16];

    (void)snprintf(target, sizeof(target), "%s/own", path);
    if (mount("exosphere", target, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC,
              "mode=0700,size=1m,nr_inodes=64") != 0) {
        return exo_error_set(err, EXO_EIO, "cannot mount a tmpfs on %s: %s", target,
                             strerror(errno));
    }
    return 0;
}

static int mount_overlay(const char *path, const char *rootfs, struct exo_error *err)
{
    char options[4 * ATTEMPT_PATH_BYTES], target[ATTEMPT_PATH_BYTES + 16];

    (void)snprintf(target, sizeof(target), "%s/rootfs", path);
    (void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
                   rootfs, path, path);
    if (mount("overlay", target, "overlay", MS_NODEV | MS_NOSUID, options) != 0) {
        int failure = errno;
        bool is_gone = access(rootfs, F_OK) != 0;

        return exo_error_set(
            err, EXO_EIO, "cannot lay an overlay over %s: %s%s", rootfs, strerror(failure),
            is_gone ? " (the unpacked image is gone)" : "; does this kernel have overlayfs?");
    }
    return 0;
}

int attempt_dir_make(const char *path, const struct attempt_files *files, struct exo_error *err)
{
    char options[96];

    if (mkdir(path, 0700) != 0) {
        return exo_error_set(err, errno == EEXIST ? EXO_ECONFLICT : EXO_EIO, "%s: %s", path,
                             strerror(errno));
    }
    (void)snprintf(options, sizeof(options), "mode=0700,size=%llu,nr_inodes=%d",
                   (unsigned long long)files->tmpfs_bytes, FILES_MAX);
    if (mount("exosphere", path, "tmpfs", MS_NODEV | MS_NOSUID, options) != 0) {
        return exo_error_set(err, EXO_EIO, "cannot mount a tmpfs on %s: %s", path, strerror(errno));
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fill(fd, files) != 0) {
        int failure = errno;

        if (fd >= 0) {
            (void)close(fd);
        }
        return exo_error_set(err, EXO_EIO, "cannot write the files of an attempt to %s: %s", path,
                             strerror(failure));
    }
    (void)close(fd);
    return mount_own(path, err) != 0 ? -1 : mount_overlay(path, files->rootfs, err);
}

static void refuse(struct attempt_file *file, const char *name, const char *why)
{
    file->state = SANDBOX_FILE_REFUSED;
    (void)snprintf(file->problem, sizeof(file->problem), "/exosphere/%s %s", name, why);
}

static void read_open_file(int fd, const char *name, uint64_t bytes_max, struct attempt_file *file)
{
    struct stat facts;
    char why[96];

    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        refuse(file, name, "is no regular file");
        return;
    }
    if ((uint64_t)facts.st_size > bytes_max) {
        (void)snprintf(why, sizeof(why),
                       "is larger than %llu bytes: write large results to /exosphere/artefacts",
                       (unsigned long long)bytes_max);
        refuse(file, name, why);
        return;
    }
    /* Everything of the attempt is dead: the file cannot grow any more. */
    size_t bytes = (size_t)facts.st_size;

    file->bytes = bytes > 0 ? malloc(bytes) : NULL;
    if (bytes > 0 && file->bytes == NULL) {
        refuse(file, name, "cannot be read: the worker has no memory left");
        return;
    }
    while (file->count < bytes) {
        ssize_t got = read(fd, file->bytes + file->count, bytes - file->count);

        if (got <= 0) {
            refuse(file, name, "cannot be read");
            return;
        }
        file->count += (size_t)got;
    }
    file->state = SANDBOX_FILE_READ;
}

void attempt_dir_read(const char *path, const char *name, uint64_t bytes_max,
                      struct attempt_file *ret_file)
{
    char file_path[ATTEMPT_PATH_BYTES + 64];

    *ret_file = (struct attempt_file){.state = SANDBOX_FILE_MISSING};
    (void)snprintf(file_path, sizeof(file_path), "%s/exosphere/%s", path, name);
    int fd = open(file_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) {
        if (errno == ELOOP) {
            refuse(ret_file, name, "is a symbolic link; write a regular file");
        } else if (errno != ENOENT) {
            refuse(ret_file, name, "is no regular file");
        }
        return;
    }
    read_open_file(fd, name, bytes_max, ret_file);
    (void)close(fd);
}

static bool has_entries(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = own < 0 ? NULL : fdopendir(own);
    const struct dirent *entry;
    bool is_found = false;

    if (directory == NULL) {
        if (own >= 0) {
            (void)close(own); /* only read */
        }
        return true; /* whoever packs it finds out why */
    }
    while (!is_found && (entry = readdir(directory)) != NULL) {
        is_found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    (void)closedir(directory); /* only read */
    return is_found;
}

int attempt_dir_artefacts(const char *path, char ret_problem[160])
{
    char whole[ATTEMPT_PATH_BYTES + 64];

    ret_problem[0] = '\0';
    (void)snprintf(whole, sizeof(whole), "%s/exosphere/artefacts", path);
    int fd = open(whole, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        if (errno != ENOENT) {
            (void)snprintf(ret_problem, 160,
                           "/exosphere/artefacts is no directory any more; write files into it");
        }
        return -1;
    }
    if (!has_entries(fd)) {
        (void)close(fd); /* only read */
        return -1;
    }
    return fd;
}

void attempt_file_free(struct attempt_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
    file->count = 0;
}

void attempt_dir_read_text(const char *path, const char *name, char *ret_text, size_t capacity)
{
    char file_path[ATTEMPT_PATH_BYTES + 64];

    (void)snprintf(file_path, sizeof(file_path), "%s/%s", path, name);
    int fd = open(file_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? 0 : read(fd, ret_text, capacity - 1);

    ret_text[bytes > 0 ? bytes : 0] = '\0';
    if (fd >= 0) {
        (void)close(fd);
    }
}

int attempt_dir_remove(const char *path, struct exo_error *err)
{
    /* Detaching takes the overlay below it along, and does not wait for a reader. */
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT) {
        return exo_error_set(err, EXO_EIO, "cannot unmount %s: %s", path, strerror(errno));
    }
    if (rmdir(path) != 0 && errno != ENOENT) {
        return exo_error_set(err, EXO_EIO, "cannot remove %s: %s", path, strerror(errno));
    }
    return 0;
}
