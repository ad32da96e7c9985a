#include "infra/zoneinfo/zoneinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONEINFO_PATH "/usr/share/zoneinfo"

static int unknown(struct span name, struct exo_error *err)
{
    return exo_error_set(err, EXO_EINVALID,
                         "no time zone is called %.*s; names are those of " ZONEINFO_PATH
                         ", such as Europe/Berlin or UTC",
                         name.bytes > ZONE_PATH_BYTES_MAX ? ZONE_PATH_BYTES_MAX : (int)name.bytes,
                         (const char *)name.data);
}

static int unopened(struct span name, int reason, struct exo_error *err)
{
    if (reason == ENOENT && access(ZONEINFO_PATH, F_OK) != 0) {
        return exo_error_set(err, EXO_EUNAVAILABLE,
                             "this machine has no time zones; install the package tzdata");
    }
    if (reason == ENOENT || reason == ENOTDIR) {
        return unknown(name, err);
    }
    return exo_error_set(err, EXO_EIO, ZONEINFO_PATH "/%.*s cannot be read: %s", SPAN_ARG(name),
                         strerror(reason));
}

static int read_file(int file, struct span name, struct arena *arena, const struct zone **ret_zone,
                     struct exo_error *err)
{
    struct stat stat;

    if (fstat(file, &stat) != 0) {
        return unopened(name, errno, err);
    }
    if (!S_ISREG(stat.st_mode)) {
        return unknown(name, err);
    }
    size_t limit = stat.st_size < ZONE_FILE_BYTES_MAX ? (size_t)stat.st_size : ZONE_FILE_BYTES_MAX;
    char *bytes = arena_alloc(arena, limit + 1); /* one more than allowed shows that it is larger */
    size_t used = 0;
    ssize_t got = 1;

    if (bytes == NULL) {
        return exo_error_set(err, EXO_EIO, "no memory for a time zone");
    }
    while (got > 0 && used <= limit) {
        got = read(file, bytes + used, limit + 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        return unopened(name, errno, err);
    }
    if (zone_parse((struct span){bytes, used}, arena, ret_zone, err) != 0) {
        return exo_error_prefix(err, ZONEINFO_PATH "/%.*s", SPAN_ARG(name));
    }
    return 0;
}

int zoneinfo_read(struct span name, struct arena *arena, const struct zone **ret_zone,
                  struct exo_error *err)
{
    char path[sizeof(ZONEINFO_PATH) + 1 + ZONE_PATH_BYTES_MAX];

    if (!zone_path_is_clean(name)) {
        return unknown(name, err);
    }
    if (span_is(name, "UTC")) {
        *ret_zone = zone_utc();
        return 0;
    }
    (void)snprintf(path, sizeof(path), ZONEINFO_PATH "/%.*s", SPAN_ARG(name));
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (file < 0) {
        return unopened(name, errno, err);
    }
    int result = read_file(file, name, arena, ret_zone, err);

    (void)close(file); /* only read: nothing to lose */
    return result;
}
