#include "workers/sandbox/crun_driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const exo_time recover_limit_ns = 10 * EXO_SECOND;

/* The ids of what was left, each once, in no order. */
struct leftovers {
    char (*ids)[SANDBOX_ID_BYTES_MAX + 1];
    size_t count;
    size_t capacity;
    bool is_failed; /* no memory for all */
};

static void add(void *argument, const char *id)
{
    struct leftovers *leftovers = argument;
    size_t bytes = strlen(id);

    if (bytes == 0 || bytes > SANDBOX_ID_BYTES_MAX) {
        return;
    }
    for (size_t i = 0; i < leftovers->count; i++) {
        if (strcmp(leftovers->ids[i], id) == 0) {
            return;
        }
    }
    if (leftovers->count == leftovers->capacity) {
        size_t capacity = leftovers->capacity * 2 + 16;
        char(*ids)[SANDBOX_ID_BYTES_MAX + 1] =
            realloc(leftovers->ids, capacity * sizeof(*leftovers->ids));

        if (ids == NULL) {
            leftovers->is_failed = true;
            return;
        }
        leftovers->ids = ids;
        leftovers->capacity = capacity;
    }
    memcpy(leftovers->ids[leftovers->count++], id, bytes + 1);
}

/* Names below a directory that end in suffix, without it. */
static int add_names(struct leftovers *leftovers, const char *path, const char *suffix,
                     struct exo_error *err)
{
    DIR *directory = opendir(path);

    if (directory == NULL) {
        return exo_error_set(err, EXO_EIO, "%s: %s", path, strerror(errno));
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t bytes = strlen(entry->d_name), suffix_bytes = strlen(suffix);
        char id[sizeof(entry->d_name)];

        if (entry->d_name[0] == '.' || bytes <= suffix_bytes ||
            strcmp(entry->d_name + bytes - suffix_bytes, suffix) != 0) {
            continue;
        }
        (void)snprintf(id, sizeof(id), "%.*s", (int)(bytes - suffix_bytes), entry->d_name);
        add(leftovers, id);
    }
    (void)closedir(directory);
    return 0;
}

static int remove_one(const struct crun_sandbox *sandbox, const char *id, struct exo_error *err)
{
    char path[ATTEMPT_PATH_BYTES + SANDBOX_ID_BYTES_MAX + 2];

    (void)snprintf(path, sizeof(path), "%s/%s", sandbox->attempts_dir, id);
    return cgroup_remove(&sandbox->site.cgroup, id, recover_limit_ns, err) != 0
               ? -1
               : attempt_dir_remove(path, err);
}

static int hand_out(const struct crun_sandbox *sandbox, const char *id,
                    void (*on_leftover)(void *argument, const struct sandbox_leftover *leftover),
                    void *argument, struct exo_error *err)
{
    struct kept_log_text text;
    struct kept_log log;

    if (kept_log_recover(sandbox->logs_fd, id, &text, err) != 0) {
        return -1;
    }
    if (on_leftover != NULL) {
        on_leftover(argument, &(struct sandbox_leftover){
                                  .id = id,
                                  .log = {text.text, text.bytes},
                                  .log_bytes = text.total_bytes,
                                  .log_bytes_lost = text.lost_bytes,
                              });
    }
    kept_log_text_free(&text);
    kept_log_init(&log, sandbox->logs_fd, id, 2);
    (void)unlinkat(sandbox->logs_fd, log.name, 0);
    return 0;
}

/* The directory of an attempt is made before all else and goes after all else but the log. */
int crun_recover(struct sandbox *base,
                 void (*on_leftover)(void *argument, const struct sandbox_leftover *leftover),
                 void *argument, struct exo_error *err)
{
    struct crun_sandbox *sandbox = (struct crun_sandbox *)base;
    struct leftovers leftovers = {.ids = NULL};
    char logs[ATTEMPT_PATH_BYTES + 8];
    int result = 0;

    (void)snprintf(logs, sizeof(logs), "%s/logs", sandbox->runtime_dir);
    cgroup_each(&sandbox->site.cgroup, add, &leftovers);
    if (add_names(&leftovers, sandbox->attempts_dir, "", err) != 0 ||
        add_names(&leftovers, logs, ".log", err) != 0) {
        result = -1;
    } else if (leftovers.is_failed) {
        result = exo_error_set(err, EXO_EIO, "no memory to list what a former life left");
    }
    /* All die before any is told of, and one that resists does not keep the others. */
    for (size_t i = 0; i < leftovers.count; i++) {
        struct exo_error one;

        if (remove_one(sandbox, leftovers.ids[i], &one) != 0 && result == 0) {
            result = -1;
            *err = one;
        }
    }
    for (size_t i = 0; result == 0 && i < leftovers.count; i++) {
        result = hand_out(sandbox, leftovers.ids[i], on_leftover, argument, err);
    }
    result = result == 0 ? (int)leftovers.count : -1;
    free(leftovers.ids);
    return result;
}
