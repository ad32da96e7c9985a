#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/archive/package.h"
#include "workers/artefact_state.h"

enum { OPEN_DIRECTORIES = 16 };

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    (void)remove(path); /* what stays is met again by the next sweep */
    return 0;
}

void artefact_delete(const char *path)
{
    (void)nftw(path, remove_entry, OPEN_DIRECTORIES, FTW_PHYS | FTW_DEPTH);
}

static bool is_gone_name(const char *name)
{
    return strncmp(name, "gone-", 5) == 0;
}

int artefact_sweep(const char *directory, struct exo_error *err)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    char from[ARTEFACT_PATH_BYTES + 256], to[ARTEFACT_PATH_BYTES + 256];

    if (stream == NULL) {
        return exo_error_set(err, EXO_EIO, "%s cannot be read: %s", directory, strerror(errno));
    }
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] == '.' || is_gone_name(entry->d_name)) {
            continue;
        }
        (void)snprintf(from, sizeof(from), "%s/%s", directory, entry->d_name);
        (void)snprintf(to, sizeof(to), "%s/gone-%lld-%s", directory, (long long)clock_wall_ns(),
                       entry->d_name);
        if (rename(from, to) != 0) {
            (void)closedir(stream); /* only read */
            return exo_error_set(err, EXO_EIO, "%s cannot be moved away: %s", from,
                                 strerror(errno));
        }
    }
    (void)closedir(stream); /* only read */
    return 0;
}

void artefact_delete_gone(const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;
    char path[ARTEFACT_PATH_BYTES + 256];

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        if (is_gone_name(entry->d_name)) {
            (void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
            artefact_delete(path);
        }
    }
    if (stream != NULL) {
        (void)closedir(stream); /* only read */
    }
}

static int make_directory(const char *path, struct exo_error *err)
{
    /* Whoever runs in a container must be able to read it, whatever our umask. */
    if ((mkdir(path, 0755) != 0 && errno != EEXIST) || chmod(path, 0755) != 0) {
        return exo_error_set(err, EXO_EIO, "cannot make %s: %s", path, strerror(errno));
    }
    return 0;
}

void artefact_unpack(struct artefact_dir *dir)
{
    const struct artefact_part *part = &dir->parts[dir->part_at];
    char path[ARTEFACT_PATH_BYTES + 32];

    (void)snprintf(path, sizeof(path), "%s", dir->made);
    if (make_directory(path, &dir->err) != 0) {
        return;
    }
    if (part->index != UINT32_MAX) {
        (void)snprintf(path, sizeof(path), "%s/%u", dir->made, part->index);
        if (make_directory(path, &dir->err) != 0) {
            return;
        }
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || lseek(dir->fd, 0, SEEK_SET) != 0) {
        (void)exo_error_set(&dir->err, EXO_EIO, "cannot open %s: %s", path, strerror(errno));
    } else if (package_unpack(dir->fd, fd, NULL, &dir->part_bytes, &dir->err) == 0) {
        dir->err.code = EXO_OK;
    }
    if (fd >= 0) {
        (void)close(fd); /* a directory */
    }
}

void artefact_finish(struct artefact_dir *dir)
{
    if (make_directory(dir->made, &dir->err) != 0) { /* of a map whose tasks left nothing */
        return;
    }
    if (rename(dir->made, dir->path) != 0) {
        (void)exo_error_set(&dir->err, EXO_EIO, "cannot make %s: %s", dir->path, strerror(errno));
    }
}
