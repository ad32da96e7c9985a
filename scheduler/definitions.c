#include "scheduler/definitions.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "infra/crypto/crypto.h"
#include "infra/yaml/yaml_read.h"
#include "scheduler/core/table.h"
#include "schemas/cluster/satellite.h"

enum { DEFINITION_BYTES_MAX = 64 << 20, PROJECT_BYTES = 64 };

struct entry {
    struct definition definition; /* first: a definition is its entry */
    struct entry *next;           /* all of them, newest first */
    uint64_t hash;
    struct span key; /* the text it was made from */
    char project[PROJECT_BYTES];
    bool is_stored;
    struct arena arena;
};

struct definitions {
    struct heap_budget budget;
    struct allocator allocator;
    struct table entries;
    struct entry *newest;
    uint32_t count;
    uint32_t unused_max;
};

struct definitions *definitions_new(uint32_t unused_max)
{
    struct definitions *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        abort();
    }
    d->allocator = allocator_heap(&d->budget);
    d->unused_max = unused_max;
    table_init(&d->entries, d->allocator);
    return d;
}

static void entry_free(struct definitions *d, struct entry *entry)
{
    table_remove(&d->entries, entry->hash, entry);
    arena_release(&entry->arena);
    free(entry);
    d->count--;
}

void definitions_free(struct definitions *d)
{
    if (d == NULL) {
        return;
    }
    while (d->newest != NULL) {
        struct entry *entry = d->newest;

        assert(entry->definition.uses == 0);
        d->newest = entry->next;
        entry_free(d, entry);
    }
    table_release(&d->entries);
    free(d);
}

/* Drops the older half of what nobody uses. */
static void drop_unused(struct definitions *d, const struct entry *spared)
{
    uint32_t unused = 0;

    for (struct entry **link = &d->newest; *link != NULL;) {
        struct entry *entry = *link;

        if (entry == spared || entry->definition.uses > 0 || ++unused <= d->unused_max / 2) {
            link = &entry->next;
            continue;
        }
        *link = entry->next;
        entry_free(d, entry);
    }
}

struct entry_key {
    struct span text;
    struct span project;
    bool is_stored;
};

static bool is_entry(const void *item, const void *key)
{
    const struct entry *entry = item;
    const struct entry_key *k = key;

    return entry->is_stored == k->is_stored && span_is(k->project, entry->project) &&
           span_equal(entry->key, k->text);
}

static void say_faults(const struct fault_list *faults, struct exo_error *err)
{
    char text[400];
    size_t used = 0;

    text[0] = '\0';
    for (const struct fault *f = faults->first; f != NULL && used < sizeof(text); f = f->next) {
        if (!f->is_warning) {
            int wrote = snprintf(text + used, sizeof(text) - used, "%s%s (line %u column %u): %s",
                                 used == 0 ? "" : "; ", f->path, f->line, f->column, f->text);

            used += wrote > 0 ? (size_t)wrote : 0;
        }
    }
    (void)exo_error_set(err, EXO_EINVALID, "the cluster is not valid: %s", text);
}

/* Reads, checks and writes down one definition into the entry's arena. */
static bool entry_fill(struct entry *entry, struct allocator allocator, struct exo_error *err)
{
    struct arena *arena = &entry->arena;
    struct fault_list faults;
    struct value root;
    const struct cluster *cluster;

    fault_list_init(&faults, arena, 3);
    if (text_read(entry->key, NULL, arena, &root, &faults) != 0) {
        say_faults(&faults, err);
        return false;
    }
    struct cluster_source source = {
        .root = &root,
        .default_project = entry->project[0] == '\0' ? NULL : entry->project,
        .is_stored = entry->is_stored,
    };
    struct value *kept = arena_alloc(arena, sizeof(*kept));

    if (kept == NULL) {
        (void)exo_error_set(err, EXO_ELIMIT, "the cluster needs more than 64 MiB when compiled");
        return false;
    }
    *kept = root;
    source.root = kept;
    if (cluster_parse(&source, arena, &cluster, &faults) != 0) {
        say_faults(&faults, err);
        return false;
    }
    struct span *works = arena_alloc(arena, cluster->satellite_count * sizeof(*works));
    struct buffer text;
    bool is_whole = works != NULL;

    buffer_init(&text, allocator, 0);
    for (uint32_t i = 0; i < cluster->satellite_count && is_whole; i++) {
        buffer_reset(&text);
        satellite_canonical(&cluster->satellites[i].work, &text);
        works[i] = arena_copy(arena, buffer_span(&text));
        is_whole = works[i].data != NULL;
    }
    buffer_reset(&text);
    cluster_canonical(cluster, &text);
    entry->definition.text = arena_copy(arena, buffer_span(&text));
    is_whole = is_whole && !text.is_failed && entry->definition.text.data != NULL;
    buffer_release(&text);
    if (!is_whole) {
        (void)exo_error_set(err, EXO_ELIMIT, "the cluster needs more than 64 MiB when compiled");
        return false;
    }
    entry->definition.cluster = cluster;
    entry->definition.works = works;
    entry->definition.digest = sha256_of(entry->definition.text);
    return true;
}

static struct entry *entry_new(struct definitions *d, const struct entry_key *key, uint64_t hash,
                               struct exo_error *err)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL) {
        abort();
    }
    arena_init(&entry->arena, d->allocator, DEFINITION_BYTES_MAX);
    entry->hash = hash;
    entry->is_stored = key->is_stored;
    memcpy(entry->project, key->project.data == NULL ? "" : key->project.data, key->project.bytes);
    entry->key = arena_copy(&entry->arena, key->text);
    if (entry->key.data == NULL || !entry_fill(entry, d->allocator, err) ||
        !table_insert(&d->entries, hash, entry)) {
        arena_release(&entry->arena);
        free(entry);
        return NULL;
    }
    entry->next = d->newest;
    d->newest = entry;
    d->count++;
    return entry;
}

struct definition *definitions_get(struct definitions *d, struct span text, struct span project,
                                   bool is_stored, struct exo_error *err)
{
    struct entry_key key = {text, project, is_stored};
    uint64_t hash = table_hash(text) ^ table_hash(project);

    if (project.bytes >= PROJECT_BYTES) {
        (void)exo_error_set(err, EXO_EINVALID, "project: at most 63 characters");
        return NULL;
    }
    struct entry *entry = table_find(&d->entries, hash, is_entry, &key);

    if (entry == NULL) {
        entry = entry_new(d, &key, hash, err);
        if (entry == NULL) {
            return NULL;
        }
        if (d->count > d->unused_max) {
            drop_unused(d, entry);
        }
    }
    return &entry->definition;
}

bool definitions_knows(const struct definitions *d, struct span text, struct span project)
{
    struct entry_key key = {text, project, false};

    return table_find(&d->entries, table_hash(text) ^ table_hash(project), is_entry, &key) != NULL;
}
