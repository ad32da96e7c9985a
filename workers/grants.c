#include "workers/grants.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schemas/vocab/limits.h"

enum { PATH_BYTES = 4096 };

/* One part of a path, never a way out of the secrets directory. */
static bool is_plain_name(struct span name)
{
    return name.bytes > 0 && name.bytes <= LIMIT_NAME_BYTES &&
           ((const char *)name.data)[0] != '.' && memchr(name.data, '/', name.bytes) == NULL &&
           memchr(name.data, '\0', name.bytes) == NULL;
}

static int volume_find(const struct grant_settings *settings, const struct satellite_mount *mount,
                       struct sandbox_mount *ret_mount, struct exo_error *err)
{
    for (size_t i = 0; i < settings->volume_count; i++) {
        if (span_is(mount->volume, settings->volumes[i].name)) {
            *ret_mount = (struct sandbox_mount){
                .source = settings->volumes[i].directory,
                .destination = mount->path.data,
            };
            return 0;
        }
    }
    return exo_error_set(err, EXO_EDENIED,
                         "VOLUME: this worker offers no volume %.*s; start it with "
                         "--volumes %.*s=DIRECTORY",
                         SPAN_ARG(mount->volume), SPAN_ARG(mount->volume));
}

static int secret_read(const char *path, struct span name, struct arena *arena,
                       struct span *ret_bytes, struct exo_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat facts;

    if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        int code = fd < 0 ? errno : EINVAL;

        if (fd >= 0) {
            (void)close(fd); /* only read */
        }
        return exo_error_set(err, code == ENOENT ? EXO_EDENIED : EXO_EIO,
                             "SECRET: secret %.*s is not on this worker (%s); put it into the "
                             "project's folder of --secrets-dir",
                             SPAN_ARG(name), code == ENOENT ? "no such file" : strerror(code));
    }
    if (facts.st_size > GRANT_SECRET_BYTES_MAX) {
        (void)close(fd); /* only read */
        return exo_error_set(err, EXO_ELIMIT, "SECRET: secret %.*s is above 64 KiB",
                             SPAN_ARG(name));
    }
    char *bytes = arena_alloc(arena, (size_t)facts.st_size + 1);
    ssize_t count = bytes == NULL ? -1 : read(fd, bytes, (size_t)facts.st_size);

    (void)close(fd); /* only read */
    if (count < 0) {
        return exo_error_set(err, EXO_EIO, "SECRET: secret %.*s cannot be read", SPAN_ARG(name));
    }
    *ret_bytes = (struct span){bytes, (size_t)count};
    return 0;
}

static int secret_find(const struct grant_settings *settings, struct span project, struct span name,
                       struct arena *arena, struct sandbox_secret *ret_secret,
                       struct exo_error *err)
{
    char path[PATH_BYTES];

    if (settings->secrets_dir == NULL) {
        return exo_error_set(err, EXO_EDENIED,
                             "SECRET: this worker has no secrets; start it with --secrets-dir");
    }
    if (!is_plain_name(project) || !is_plain_name(name)) {
        return exo_error_set(err, EXO_EDENIED, "SECRET: project or secret is no plain name");
    }
    int bytes = snprintf(path, sizeof(path), "%s/%.*s/%.*s", settings->secrets_dir,
                         SPAN_ARG(project), SPAN_ARG(name));

    if (bytes < 0 || (size_t)bytes >= sizeof(path)) {
        return exo_error_set(err, EXO_EIO, "SECRET: the path of --secrets-dir is too long");
    }
    ret_secret->name = arena_copy(arena, name).data;
    if (ret_secret->name == NULL) {
        return exo_error_set(err, EXO_EIO, "SECRET: out of memory");
    }
    return secret_read(path, name, arena, &ret_secret->bytes, err);
}

int grants_make(const struct grant_settings *settings, struct span project,
                const struct satellite_work *work, struct arena *arena, struct grants *ret_grants,
                struct exo_error *err)
{
    struct grants grants = {
        .mounts = arena_alloc(arena, work->mount_count * sizeof(*grants.mounts)),
        .secrets = arena_alloc(arena, work->secret_count * sizeof(*grants.secrets)),
    };

    if (grants.mounts == NULL || grants.secrets == NULL) {
        return exo_error_set(err, EXO_EIO, "out of memory");
    }
    for (; grants.mount_count < work->mount_count; grants.mount_count++) {
        if (volume_find(settings, &work->mounts[grants.mount_count],
                        &grants.mounts[grants.mount_count], err) != 0) {
            return -1;
        }
    }
    for (; grants.secret_count < work->secret_count; grants.secret_count++) {
        if (secret_find(settings, project, work->secrets[grants.secret_count], arena,
                        &grants.secrets[grants.secret_count], err) != 0) {
            grants_wipe(&grants);
            return -1;
        }
    }
    *ret_grants = grants;
    return 0;
}

void grants_wipe(struct grants *grants)
{
    for (size_t i = 0; i < grants->secret_count; i++) {
        struct span bytes = grants->secrets[i].bytes;

        if (bytes.bytes > 0) {
            /* The bytes are our own copy in the attempt's arena. */
            explicit_bzero((void *)(uintptr_t)bytes.data, bytes.bytes);
        }
    }
}
