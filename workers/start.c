#include "workers/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "infra/directory/directory.h"
#include "schemas/vocab/quantity.h"
#include "workers/role.h"

enum { LIST_MAX = 64, PATH_BYTES = 4096 };

/* The role and its place in the process. */
struct worker_start {
    struct process *process;
    unsigned number;
    struct worker_role *role;
};

/* The role's settings and what they point to, while it is opened. */
struct worker_words {
    struct heap_budget budget;
    struct arena arena;
    const char *classes[LIST_MAX + 1];
    const char *registries[LIST_MAX + 1];
    struct grant_volume volumes[LIST_MAX];
    struct worker_role_settings settings;
};

static const char *word_copy(struct worker_words *words, struct span word)
{
    struct span copy = arena_copy(&words->arena, word);

    if (copy.data == NULL) {
        abort();
    }
    return copy.data;
}

static int list_read(struct worker_words *words, const char *name, const char *list,
                     const char **ret_items, struct exo_error *err)
{
    size_t count = 0;
    struct span word;

    while ((word = settings_list_next(&list)).data != NULL) {
        if (count == LIST_MAX) {
            return exo_error_set(err, EXO_EINVALID, "%s: %d are the limit", name, LIST_MAX);
        }
        ret_items[count++] = word_copy(words, word);
    }
    ret_items[count] = NULL;
    return 0;
}

/* The role wants absolute paths: it mounts them elsewhere. */
static const char *absolute(struct worker_words *words, const char *path)
{
    char here[PATH_BYTES];
    char whole[2 * PATH_BYTES];

    if (path[0] == '\0') {
        return NULL;
    }
    if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL) {
        return path;
    }
    (void)snprintf(whole, sizeof(whole), "%s/%s", here, path);
    return word_copy(words, span_of(whole));
}

static int volumes_read(struct worker_words *words, const char *list, struct exo_error *err)
{
    struct grant_settings *grants = &words->settings.grants;
    struct span word;

    while ((word = settings_list_next(&list)).data != NULL) {
        const char *equals = memchr(word.data, '=', word.bytes);
        size_t name_bytes = equals == NULL ? 0 : (size_t)(equals - (const char *)word.data);

        if (name_bytes == 0 || name_bytes + 1 == word.bytes) {
            return exo_error_set(err, EXO_EINVALID, "volumes: \"%.*s\" is not NAME=DIRECTORY",
                                 SPAN_ARG(word));
        }
        if (grants->volume_count == LIST_MAX) {
            return exo_error_set(err, EXO_EINVALID, "volumes: %d are the limit", LIST_MAX);
        }
        words->volumes[grants->volume_count++] = (struct grant_volume){
            .name = word_copy(words, (struct span){word.data, name_bytes}),
            .directory = absolute(
                words, word_copy(words, (struct span){equals + 1, word.bytes - name_bytes - 1})),
        };
    }
    grants->volumes = words->volumes;
    return 0;
}

static int resources_read(struct worker_words *words, const struct settings *from,
                          struct exo_error *err)
{
    if (from->memory[0] != '\0' &&
        !memory_parse(span_of(from->memory), &words->settings.memory_bytes)) {
        return exo_error_set(err, EXO_EINVALID, "memory: \"%s\" is not a size such as 4Gi",
                             from->memory);
    }
    if (from->cpu[0] != '\0' && !cpu_parse(span_of(from->cpu), &words->settings.cpu_millis)) {
        return exo_error_set(err, EXO_EINVALID, "cpu: \"%s\" is not cores such as 2 or 1500m",
                             from->cpu);
    }
    return 0;
}

static const char *or_none(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* The image directory nobody named is ours to make: a first `exosphere dev` begins with none. One
 * that was named must be there: the place may be misspelt. The null sandbox needs none. */
static int own_images_make(const struct settings *from, struct exo_error *err)
{
    char path[PATH_BYTES];
    int bytes = snprintf(path, sizeof(path), "%s/images", from->data);
    bool is_own = strcmp(from->sandbox, "null") != 0 && bytes > 0 && (size_t)bytes < sizeof(path) &&
                  strcmp(path, from->image_dir) == 0;

    return is_own ? directory_make(path, 0755, "name another with --data", err) : 0;
}

static int words_read(struct worker_words *words, const struct process_ports *ports,
                      struct exo_error *err)
{
    const struct settings *from = ports->settings;
    struct worker_role_settings *to = &words->settings;

    *to = (struct worker_role_settings){
        .name = or_none(from->worker_name),
        .classes = words->classes,
        .slots = (uint32_t)from->slots,
        .sandbox = from->sandbox,
        .state_dir = absolute(words, from->runtime_dir),
        .image_dir = absolute(words, from->image_dir),
        .auth_file = absolute(words, from->registry_auth),
        .plain_registries = words->registries,
        .api_url = or_none(ports->api_url),
        .grants.secrets_dir = absolute(words, from->secrets_dir),
        .shard_count = ports->schema.shard_count,
    };
    return own_images_make(from, err) != 0 ||
                   list_read(words, "classes", from->classes, words->classes, err) != 0 ||
                   list_read(words, "plain_registries", from->plain_registries, words->registries,
                             err) != 0 ||
                   volumes_read(words, from->volumes, err) != 0 ||
                   resources_read(words, from, err) != 0
               ? -1
               : 0;
}

static void ended(void *argument, const struct exo_error *err)
{
    struct worker_start *start = argument;

    process_left(start->process, start->number, err);
}

static void *start_open(struct process *process, unsigned number, struct exo_error *err)
{
    const struct process_ports *ports = process_ports(process);
    struct worker_start *start = calloc(1, sizeof(*start));
    struct worker_words words = {0};

    if (start == NULL) {
        abort();
    }
    *start = (struct worker_start){.process = process, .number = number};
    arena_init(&words.arena, allocator_heap(&words.budget), 0);
    if (words_read(&words, ports, err) == 0) {
        start->role = worker_role_open(ports->loop, &words.settings, ports->log, ports->chunks,
                                       ended, start, err);
    }
    arena_release(&words.arena);
    if (start->role == NULL) {
        free(start);
        return NULL;
    }
    return start;
}

static bool start_is_ready(const void *object, const char **ret_reason)
{
    const struct worker_start *start = object;

    return worker_role_is_ready(start->role, ret_reason);
}

static void start_leave(void *object)
{
    struct worker_start *start = object;

    worker_role_drain(start->role, process_ports(start->process)->settings->drain);
}

static void start_close(void *object)
{
    const struct worker_start *start = object;

    worker_role_stop(start->role);
}

static void start_free(void *object)
{
    struct worker_start *start = object;

    worker_role_free(start->role);
    free(start);
}

const struct process_role worker_process_role = {
    .name = "worker",
    .has_chunks = true,
    .open = start_open,
    .is_ready = start_is_ready,
    .leave = start_leave,
    .close = start_close,
    .free = start_free,
};
