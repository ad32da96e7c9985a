#include "infra/store/project_gather.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/json/json_read.h"

enum { PAGE_NAMES = 1000 };

struct projects {
    struct store *store;
    struct project_found *found;
    uint32_t count, read;
    char last[LIMIT_NAME_BYTES + 1]; /* of the pages of names so far */
    project_gather_done *done;
    void *argument;
};

static void end(struct projects *p, const struct exo_error *err)
{
    p->done(p->argument, err == NULL ? p->found : NULL, err == NULL ? p->count : 0, err);
    free(p->found);
    free(p);
}

static bool settings_read(struct span text, struct project_settings *ret)
{
    struct heap_budget budget = {0};
    struct arena arena;
    struct fault_list faults;
    struct json_error error;
    struct value root;

    arena_init(&arena, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 1);
    bool is_good = json_read(text, NULL, &arena, &root, &error) == JSON_OK &&
                   project_parse(&root, &arena, ret, &faults) == 0;

    arena_release(&arena);
    return is_good;
}

static void read_next(struct projects *p);

static void on_text(void *argument, const struct store_version *versions, uint32_t count,
                    const struct exo_error *err)
{
    struct projects *p = argument;

    if (err != NULL) {
        end(p, err);
        return;
    }
    if (count == 1 && !versions[0].is_deleted) {
        struct project_settings *settings = &p->found[p->read++].settings;

        if (!settings_read(versions[0].text, settings)) {
            *settings = (struct project_settings){.has_kept = true}; /* for ever */
        }
    } else {
        p->count--;
        memmove(p->found + p->read, p->found + p->read + 1,
                (p->count - p->read) * sizeof(*p->found));
    }
    read_next(p);
}

static void read_next(struct projects *p)
{
    if (p->read == p->count) {
        end(p, NULL);
        return;
    }
    const struct store_version_query query = {.reading = STORE_VERSION_ONE,
                                              .kind = VERSION_PROJECT,
                                              .project = p->found[p->read].name,
                                              .name = PROJECT_SETTINGS_NAME};

    store_version_read(p->store, &query, on_text, p);
}

static void list_next(struct projects *p);

static void on_names(void *argument, const struct store_version *versions, uint32_t count,
                     const struct exo_error *err)
{
    struct projects *p = argument;
    struct exo_error own;

    if (err != NULL) {
        end(p, err);
        return;
    }
    if (p->count + count > PROJECTS_MAX) {
        (void)exo_error_set(&own, EXO_ELIMIT, "more than %d projects have settings", PROJECTS_MAX);
        end(p, &own);
        return;
    }
    struct project_found *grown = realloc(p->found, (p->count + count + 1u) * sizeof(*grown));

    if (grown == NULL) {
        abort();
    }
    p->found = grown;
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = strlen(versions[i].project);

        if (bytes <= LIMIT_NAME_BYTES) {
            p->found[p->count] = (struct project_found){.settings = {.running_max = 0}};
            memcpy(p->found[p->count++].name, versions[i].project, bytes + 1);
            memcpy(p->last, versions[i].project, bytes + 1);
        }
    }
    if (count == PAGE_NAMES) {
        list_next(p);
    } else {
        read_next(p);
    }
}

static void list_next(struct projects *p)
{
    const struct store_version_query query = {.reading = STORE_VERSION_LIST,
                                              .kind = VERSION_PROJECT,
                                              .project = "",
                                              .name =
                                                  p->last[0] == '\0' ? "" : PROJECT_SETTINGS_NAME,
                                              .after_project = p->last,
                                              .limit = PAGE_NAMES};

    store_version_read(p->store, &query, on_names, p);
}

void project_gather(struct store *store, project_gather_done *done, void *argument)
{
    struct projects *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        abort();
    }
    p->store = store;
    p->done = done;
    p->argument = argument;
    list_next(p);
}

const struct project_settings *project_find(const struct project_found *found, uint32_t count,
                                            struct span project)
{
    for (uint32_t i = 0; i < count; i++) {
        if (span_is(project, found[i].name)) {
            return &found[i].settings;
        }
    }
    return NULL;
}
