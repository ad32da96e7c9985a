#include "infra/directory/directory.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int cannot(const char *part, const char *advice, int reason, struct exo_error *err)
{
    return exo_error_set(err, reason == EACCES || reason == EPERM ? EXO_EDENIED : EXO_EIO,
                         "the directory %.300s cannot be made: %s; %s", part, strerror(reason),
                         advice);
}

static int make_one(const char *part, mode_t mode, const char *advice, struct exo_error *err)
{
    struct stat facts;

    if (mkdir(part, mode) == 0) {
        return 0;
    }
    int reason = errno;

    /* On a file system that is read only, one that is there is told as EROFS. */
    if (stat(part, &facts) != 0) {
        return cannot(part, advice, reason, err);
    }
    return S_ISDIR(facts.st_mode) ? 0 : cannot(part, advice, ENOTDIR, err);
}

int directory_make(const char *path, mode_t mode, const char *advice, struct exo_error *err)
{
    char part[PATH_MAX];
    size_t bytes = strlen(path);

    if (bytes == 0 || bytes >= sizeof(part)) {
        return exo_error_set(err, EXO_EINVALID, "a directory has %s; %s",
                             bytes == 0 ? "no name" : "too long a name", advice);
    }
    memcpy(part, path, bytes + 1);
    while (bytes > 1 && part[bytes - 1] == '/') {
        part[--bytes] = '\0';
    }
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_one(part, 0755, advice, err) != 0) {
            return -1;
        }
        *slash = '/';
    }
    return make_one(part, mode, advice, err);
}
