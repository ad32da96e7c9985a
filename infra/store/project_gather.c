#include "infra/store/project_gather.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/json/json_read.h"

enum { PAGE_NAMES = 1000 };

struct projects {
    struct store *store;
    struct project_found *found;
    uint32_t count, room;
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

static void add(struct projects *p, const struct store_version *version)
{
    size_t bytes = strlen(version->project);

    if (bytes > LIMIT_NAME_BYTES) {
        return;
    }
    if (p->count == p->room) {
        p->room = p->room == 0 ? 16 : 2 * p->room;
        p->found = realloc(p->found, p->room * sizeof(*p->found));
        if (p->found == NULL) {
            abort();
        }
    }
    struct project_found *found = &p->found[p->count++];

    memset(found, 0, sizeof(*found));
    memcpy(found->name, version->project, bytes);
    if (!settings_read(version->text, &found->settings)) {
        found->settings = (struct project_settings){.has_kept = true}; /* for ever */
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct project_found *)a)->name, ((const struct project_found *)b)->name);
}

static void read_page(struct projects *p, const char *after);

static void on_page(void *argument, const struct store_version *versions, uint32_t count,
                    const struct exo_error *err)
{
    struct projects *p = argument;

    for (uint32_t i = 0; i < count; i++) {
        add(p, &versions[i]);
    }
    if (err == NULL && count == PAGE_NAMES) {
        read_page(p, versions[count - 1].project);
        return;
    }
    if (p->count > 0) {
        qsort(p->found, p->count, sizeof(*p->found),
              by_name); /* the store has an order of its own */
    }
    end(p, err);
}

/* after: "" for the first page. */
static void read_page(struct projects *p, const char *after)
{
    const struct store_version_query query = {.reading = STORE_VERSION_TEXTS,
                                              .kind = VERSION_PROJECT,
                                              .project = "",
                                              .name = after[0] == '\0' ? "" : PROJECT_SETTINGS_NAME,
                                              .after_project = after,
                                              .limit = PAGE_NAMES};

    store_version_read(p->store, &query, on_page, p);
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
    read_page(p, "");
}

static int is_named(const void *key, const void *found)
{
    struct span project = *(const struct span *)key;
    const char *name = ((const struct project_found *)found)->name;
    size_t bytes = strlen(name);
    int order = memcmp(project.data, name, project.bytes < bytes ? project.bytes : bytes);

    return order != 0 ? order : (project.bytes > bytes) - (project.bytes < bytes);
}

const struct project_settings *project_find(const struct project_found *found, uint32_t count,
                                            struct span project)
{
    const struct project_found *there =
        count == 0 || project.bytes == 0
            ? NULL
            : bsearch(&project, found, count, sizeof(*found), is_named);

    return there == NULL ? NULL : &there->settings;
}
