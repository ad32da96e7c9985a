#include "workers/sandbox/spec_check.h"

#include <string.h>

#include "schemas/vocab/limits.h"

/* Letters, digits, "_", "-" and ".", and not a name that a path reads as a direction. */
static bool is_plain_name(const char *name, size_t bytes_max)
{
    size_t bytes = strlen(name);

    if (bytes == 0 || bytes > bytes_max || name[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        char c = name[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';

        if (!is_plain) {
            return false;
        }
    }
    return true;
}

/* Absolute, without "..", "." or empty parts in it, so that it names one place. */
static bool is_plain_path(const char *path)
{
    if (path == NULL || path[0] != '/') {
        return false;
    }
    if (path[1] == '\0') {
        return true;
    }
    for (const char *at = path; *at != '\0';) {
        size_t bytes = strcspn(at + 1, "/");

        if (bytes == 0 || (bytes == 1 && at[1] == '.') ||
            (bytes == 2 && at[1] == '.' && at[2] == '.')) {
            return false;
        }
        at += 1 + bytes;
    }
    return true;
}

static bool is_at_or_below(const char *path, const char *directory)
{
    size_t bytes = strlen(directory);

    return strncmp(path, directory, bytes) == 0 && (path[bytes] == '\0' || path[bytes] == '/');
}

static int check_command(const struct sandbox_spec *spec, struct exo_error *err)
{
    size_t count = 0;

    if (spec->args == NULL || spec->args[0] == NULL || spec->args[0][0] == '\0') {
        return exo_error_set(err, EXO_EINVALID,
                             "no command: give the satellite a command, or its image an "
                             "entrypoint");
    }
    while (spec->args[count] != NULL) {
        if (++count > SANDBOX_ARGS_MAX) {
            return exo_error_set(err, EXO_ELIMIT, "the command has more than %d arguments",
                                 SANDBOX_ARGS_MAX);
        }
    }
    if (spec->cwd != NULL && !is_plain_path(spec->cwd)) {
        return exo_error_set(err, EXO_EINVALID, "workdir \"%s\" is no absolute path without \"..\"",
                             spec->cwd);
    }
    return 0;
}

static int check_env(const char *const *env, size_t *bytes, struct exo_error *err)
{
    for (; env != NULL && *env != NULL; env++) {
        const char *equals = strchr(*env, '=');

        if (equals == NULL || equals == *env) {
            return exo_error_set(err, EXO_EINVALID, "an env entry has no name: write NAME=value");
        }
        *bytes += strlen(*env) + 1;
    }
    return 0;
}

static int check_mounts(const struct sandbox_spec *spec, struct exo_error *err)
{
    static const char *const kept[] = {"/exosphere", "/proc", "/sys", "/dev"};

    if (spec->mount_count > SANDBOX_MOUNTS_MAX) {
        return exo_error_set(err, EXO_ELIMIT, "more than %d mounts", SANDBOX_MOUNTS_MAX);
    }
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct sandbox_mount *mount = &spec->mounts[i];

        if (!is_plain_path(mount->source)) {
            return exo_error_set(err, EXO_EINVALID,
                                 "the source of mount %zu is no absolute path without \"..\"", i);
        }
        if (!is_plain_path(mount->destination) || mount->destination[1] == '\0') {
            return exo_error_set(err, EXO_EINVALID,
                                 "the path of mount %zu must be absolute, without \"..\", and "
                                 "not \"/\"",
                                 i);
        }
        for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++) {
            if (is_at_or_below(mount->destination, kept[k])) {
                return exo_error_set(err, EXO_EINVALID,
                                     "mount path \"%s\" is not free: %s belongs to the sandbox",
                                     mount->destination, kept[k]);
            }
        }
    }
    return 0;
}

static int check_secrets(const struct sandbox_spec *spec, struct exo_error *err)
{
    if (spec->secret_count > SANDBOX_SECRETS_MAX) {
        return exo_error_set(err, EXO_ELIMIT, "more than %d secrets", SANDBOX_SECRETS_MAX);
    }
    for (size_t i = 0; i < spec->secret_count; i++) {
        if (!is_plain_name(spec->secrets[i].name, LIMIT_NAME_BYTES)) {
            return exo_error_set(err, EXO_EINVALID,
                                 "the name of secret %zu must be 1 to %d letters, digits, \"_\", "
                                 "\"-\" or \".\", not beginning with a dot",
                                 i, LIMIT_NAME_BYTES);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(spec->secrets[i].name, spec->secrets[k].name) == 0) {
                return exo_error_set(err, EXO_EINVALID, "secret \"%s\" is named twice",
                                     spec->secrets[i].name);
            }
        }
    }
    return 0;
}

static int check_artefacts(const struct sandbox_spec *spec, struct exo_error *err)
{
    if (spec->artefacts_count > SANDBOX_ARTEFACTS_MAX) {
        return exo_error_set(err, EXO_ELIMIT, "artefacts of more than %d satellites",
                             SANDBOX_ARTEFACTS_MAX);
    }
    for (size_t i = 0; i < spec->artefacts_count; i++) {
        if (!is_plain_name(spec->artefacts[i].name, LIMIT_NAME_BYTES) ||
            !is_plain_path(spec->artefacts[i].source)) {
            return exo_error_set(err, EXO_EINVALID,
                                 "artefacts %zu have no plain name, or no absolute path", i);
        }
    }
    return 0;
}

int spec_check(const struct sandbox_spec *spec, struct exo_error *err)
{
    size_t env_bytes = 0;

    if (spec->id == NULL || !is_plain_name(spec->id, SANDBOX_ID_BYTES_MAX)) {
        return exo_error_set(err, EXO_EINVALID,
                             "the id of an attempt must be 1 to %d letters, digits, \"_\", \"-\" "
                             "or \".\", not beginning with a dot",
                             SANDBOX_ID_BYTES_MAX);
    }
    /* The last three would be read as more than a path by the overlay. */
    if (!is_plain_path(spec->rootfs) || strpbrk(spec->rootfs, ":,\\") != NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "rootfs is no absolute path without \"..\", \":\", \",\" and \"\\\"");
    }
    if (spec->uid == 0) {
        return exo_error_set(err, EXO_EINVALID,
                             "uid 0: a satellite never runs as root; name another user");
    }
    if (spec->memory_bytes < 0) {
        return exo_error_set(err, EXO_EINVALID, "memory is below 0");
    }
    if (spec->cpu_millis != 0 && spec->cpu_millis < 10) {
        return exo_error_set(err, EXO_EINVALID, "cpu is below 10m, the least a machine can give");
    }
    if (check_command(spec, err) != 0 || check_env(spec->image_env, &env_bytes, err) != 0 ||
        check_env(spec->env, &env_bytes, err) != 0 || check_mounts(spec, err) != 0 ||
        check_secrets(spec, err) != 0 || check_artefacts(spec, err) != 0) {
        return -1;
    }
    /* The image's own environment counts too, hence four times the limit of a satellite. */
    if (env_bytes > (size_t)4 * LIMIT_ENV_BYTES) {
        return exo_error_set(err, EXO_ELIMIT, "the environment is above %d bytes",
                             4 * LIMIT_ENV_BYTES);
    }
    return 0;
}
