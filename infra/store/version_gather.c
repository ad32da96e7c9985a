#include "infra/store/version_gather.h"

#include <assert.h>
#include <stdlib.h>

#include "schemas/vocab/arena.h"

struct gathering {
    struct heap_budget budget;
    struct arena arena; /* of the texts */
    struct version_found *found;
    uint32_t count;
    uint32_t pending;
    struct exo_error err; /* the first */
    version_gather_done *done;
    void *argument;
};

/* One reference that is being read. */
struct asking {
    struct gathering *gathering;
    uint32_t place;
    struct version_reference reference;
};

static void *take(struct gathering *g, size_t bytes)
{
    void *block = arena_alloc(&g->arena, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

static void end_one(struct gathering *g)
{
    if (--g->pending > 0) {
        return;
    }
    bool is_good = g->err.code == EXO_OK;

    g->done(g->argument, is_good ? g->found : NULL, is_good ? g->count : 0,
            is_good ? NULL : &g->err);
    arena_release(&g->arena);
    free(g);
}

static void on_version(void *argument, const struct store_version *versions, uint32_t count,
                       const struct exo_error *err)
{
    struct asking *asking = argument;
    struct gathering *g = asking->gathering;
    struct version_found *found = &g->found[asking->place];

    if (err != NULL) {
        g->err = g->err.code == EXO_OK ? *err : g->err;
    } else if (count == 0) {
        found->problem = asking->reference.number == 0
                             ? "the store has none of this name; put it there first"
                             : "the store has no such version; list those it has, or leave the "
                               "version out for the newest";
    } else if (versions[0].is_deleted) {
        found->problem = "it was deleted; put it again to use it";
    } else {
        found->number = versions[0].number;
        found->text = arena_copy(&g->arena, versions[0].text);
        if (found->text.data == NULL) {
            abort();
        }
    }
    end_one(g);
}

void version_gather(struct store *store, const struct version_reference *references, uint32_t count,
                    version_gather_done *done, void *argument)
{
    struct gathering *g = calloc(1, sizeof(*g));

    assert(count > 0);
    if (g == NULL) {
        abort();
    }
    arena_init(&g->arena, allocator_heap(&g->budget), 0);
    g->found = take(g, count * sizeof(*g->found));
    g->count = count;
    g->pending = count;
    g->done = done;
    g->argument = argument;
    for (uint32_t i = 0; i < count; i++) {
        struct asking *asking = take(g, sizeof(*asking));
        const struct span project = arena_copy(&g->arena, references[i].project);
        const struct span name = arena_copy(&g->arena, references[i].name);

        if (project.data == NULL || name.data == NULL) {
            abort();
        }
        *asking = (struct asking){.gathering = g, .place = i, .reference = references[i]};
        const struct store_version_query query = {.reading = STORE_VERSION_ONE,
                                                  .kind = references[i].kind,
                                                  .project = project.data,
                                                  .name = name.data,
                                                  .number = references[i].number};

        store_version_read(store, &query, on_version, asking);
    }
}
