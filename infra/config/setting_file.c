#include "infra/config/setting_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/vocab/limits.h"

enum { SECRET_BYTES_MAX = 64 << 10, PLACE_BYTES = 1100, VALUE_BYTES = 4096 };

static void add_fault(struct fault_list *faults, const char *place, const char *text,
                      const char *hint)
{
    struct fault fault = {.path = place, .text = text, .hint = hint};

    fault_add(faults, &fault);
}

static void add_file_fault(struct fault_list *faults, const char *place, const char *path,
                           const char *reason)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "cannot read the file %.300s: %s", path, reason);
    add_fault(faults, place, text, "name a file that this user may read");
}

/* Reads up to bytes_max into the arena; on failure data is NULL and *ret_reason says why. */
static struct span read_fd(int fd, size_t bytes_max, struct arena *arena, const char **ret_reason)
{
    char *text = arena_reserve(arena, bytes_max + 2);
    size_t bytes = 0;
    ssize_t got = 1;

    while (text != NULL && got > 0 && bytes <= bytes_max) {
        got = read(fd, text + bytes, bytes_max + 1 - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    }
    *ret_reason = text == NULL        ? "no memory"
                  : got < 0           ? strerrordesc_np(errno)
                  : bytes > bytes_max ? "it is too large"
                                      : NULL;
    if (*ret_reason != NULL) {
        return (struct span){NULL, 0};
    }
    text[bytes] = '\0';
    return (struct span){text, bytes};
}

static struct span read_path(const char *path, size_t bytes_max, struct arena *arena,
                             struct fault_list *faults, const char *place)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *reason = fd < 0 ? strerrordesc_np(errno) : NULL;
    struct span text = {NULL, 0};
    struct stat status;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        reason = "it is a directory";
    } else if (fd >= 0) {
        text = read_fd(fd, bytes_max, arena, &reason);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (reason != NULL) {
        add_file_fault(faults, place, path, reason);
        return (struct span){NULL, 0};
    }
    return text;
}

/* A scalar as the text a flag would have; false for what has none. */
static bool scalar_text(const struct value *value, char *ret_text, size_t bytes)
{
    int used = 0;

    switch (value->kind) {
    case VALUE_NULL:
        used = snprintf(ret_text, bytes, "%s", "");
        break;
    case VALUE_BOOL:
        used = snprintf(ret_text, bytes, "%s", value->boolean ? "true" : "false");
        break;
    case VALUE_INT:
        used = snprintf(ret_text, bytes, "%" PRId64, value->integer);
        break;
    case VALUE_DOUBLE:
        used = snprintf(ret_text, bytes, "%.15g", value->number);
        break;
    case VALUE_STRING:
        if (memchr(value->text, '\0', value->count) != NULL) {
            return false;
        }
        used = snprintf(ret_text, bytes, "%.*s", (int)value->count, value->text);
        break;
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
    case VALUE_TYPE:
    case VALUE_KIND_NR:
        return false;
    }
    return used >= 0 && (size_t)used < bytes;
}

static bool value_as_text(const struct value *value, char *ret_text, size_t bytes)
{
    size_t used = 0;

    if (value->kind != VALUE_LIST) {
        return scalar_text(value, ret_text, bytes);
    }
    ret_text[0] = '\0';
    for (uint32_t i = 0; i < value->count; i++) {
        if (i > 0 && used + 1 < bytes) {
            ret_text[used++] = ',';
        }
        if (!scalar_text(&value->items[i], ret_text + used, bytes - used)) {
            return false;
        }
        used += strlen(ret_text + used);
    }
    return true;
}

static void call_members(const struct value *map, const char *path, struct fault_list *faults,
                         void (*call)(void *argument, const char *name, const char *value,
                                      const char *place),
                         void *argument)
{
    char place[PLACE_BYTES];
    char name[128];
    char text[VALUE_BYTES];

    for (uint32_t i = 0; i < map->count; i++) {
        const struct value_member *member = &map->members[i];

        (void)snprintf(place, sizeof(place), "%.1000s:%" PRIu32, path, member->key.line);
        (void)scalar_text(&member->key, name, sizeof(name)); /* cut, it is still unknown */
        if (value_as_text(&member->value, text, sizeof(text))) {
            call(argument, name, text, place);
        } else {
            add_fault(faults, place, "this value is a map, or too long",
                      "write a text, a number, true, false, or a list of those");
        }
    }
    explicit_bzero(text, sizeof(text)); /* may have been a secret */
}

/* Faults of the YAML reader name no file; ours do. */
static void move_faults(const struct fault_list *from, const char *path, struct fault_list *to)
{
    char place[PLACE_BYTES];

    for (const struct fault *fault = from->first; fault != NULL; fault = fault->next) {
        struct fault moved = *fault;

        (void)snprintf(place, sizeof(place), "%.1000s:%" PRIu32, path, fault->line);
        moved.path = place;
        moved.line = 0;
        fault_add(to, &moved);
    }
}

void setting_file_read(const char *path, struct arena *arena, struct fault_list *faults,
                       void (*call)(void *argument, const char *name, const char *value,
                                    const char *place),
                       void *argument)
{
    struct span text = read_path(path, LIMIT_CLUSTER_BYTES, arena, faults, path);
    struct fault_list own;
    struct value value;

    if (text.data == NULL) {
        return;
    }
    fault_list_init(&own, faults->arena, 0);
    if (yaml_read(text, NULL, arena, &value, &own) != 0) {
        move_faults(&own, path, faults);
    } else if (value.kind == VALUE_MAP) {
        call_members(&value, path, faults, call, argument);
    } else if (value.kind != VALUE_NULL) {
        add_fault(faults, path, "a file of settings is a map", "write lines such as `slots: 4`");
    }
}

const char *setting_file_read_secret(const char *path, struct arena *arena,
                                     struct fault_list *faults, const char *place)
{
    struct span text = read_path(path, SECRET_BYTES_MAX, arena, faults, place);
    char *secret = NULL;

    if (text.data == NULL) {
        return NULL;
    }
    if (memchr(text.data, '\0', text.bytes) != NULL) {
        add_file_fault(faults, place, path, "a secret is text, and this holds a NUL byte");
        return NULL;
    }
    memcpy(&secret, &text.data, sizeof(secret)); /* our own copy, in the arena */
    while (text.bytes > 0 && (secret[text.bytes - 1] == '\n' || secret[text.bytes - 1] == '\r')) {
        secret[--text.bytes] = '\0';
    }
    if (text.bytes == 0) {
        add_file_fault(faults, place, path, "it is empty");
        return NULL;
    }
    return secret;
}
