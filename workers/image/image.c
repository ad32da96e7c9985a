#include "workers/image/image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/image/image_store.h"

static const uint64_t cache_bytes_default = (uint64_t)20 << 30;
static const exo_time fetch_limit_default_ns = 10 * EXO_MINUTE;
static const exo_time tag_life_default_ns = EXO_MINUTE;

enum { FETCHES_DEFAULT = 4 };

void *image_must_allocate(size_t bytes)
{
    void *block = calloc(1, bytes);

    if (block == NULL) {
        abort();
    }
    return block;
}

struct image_entry *image_store_find(struct image_store *store, const char *digest)
{
    for (struct image_entry *entry = store->entries; entry != NULL; entry = entry->next) {
        if (strcmp(entry->image.digest, digest) == 0) {
            return entry;
        }
    }
    return NULL;
}

struct image_entry *image_store_add(struct image_store *store, const char *digest,
                                    struct exo_error *err)
{
    struct image_entry *entry = image_must_allocate(sizeof(*entry));

    arena_init(&entry->arena, allocator_heap(&store->heap), 0);
    if (image_disk_load(&store->disk, digest, &entry->arena, &entry->image, &entry->used_ns, err) !=
        0) {
        arena_release(&entry->arena);
        free(entry);
        return NULL;
    }
    entry->next = store->entries;
    store->entries = entry;
    store->bytes += entry->image.bytes;
    return entry;
}

static void entry_free(struct image_entry *entry)
{
    arena_release(&entry->arena);
    free(entry);
}

/* A tree to be removed on another thread. */
struct removal {
    struct image_store *store;
    char path[IMAGE_PATH_BYTES];
};

static void remove_tree(void *argument)
{
    image_disk_remove_tree(((struct removal *)argument)->path);
}

static void on_removed(void *argument)
{
    struct removal *removal = argument;

    removal->store->work_count--;
    free(removal);
}

void image_store_remove_tree(struct image_store *store, const char *path)
{
    struct removal *removal = image_must_allocate(sizeof(*removal));

    removal->store = store;
    (void)snprintf(removal->path, sizeof(removal->path), "%s", path);
    store->work_count++;
    loop_work(store->loop, remove_tree, on_removed, removal);
}

/* The longest unused of those that nobody uses; NULL when all are used. */
static struct image_entry **oldest_unused(struct image_store *store)
{
    struct image_entry **oldest = NULL;

    for (struct image_entry **at = &store->entries; *at != NULL; at = &(*at)->next) {
        if ((*at)->user_count == 0 && (oldest == NULL || (*at)->used_ns < (*oldest)->used_ns)) {
            oldest = at;
        }
    }
    return oldest;
}

void image_store_evict(struct image_store *store)
{
    while (store->bytes > store->cache_bytes_max) {
        struct image_entry **oldest = oldest_unused(store);
        char path[IMAGE_PATH_BYTES];

        if (oldest == NULL || !image_disk_discard(&store->disk, (*oldest)->image.digest, path)) {
            return;
        }
        struct image_entry *entry = *oldest;

        *oldest = entry->next;
        store->bytes -= entry->image.bytes;
        entry_free(entry);
        image_store_remove_tree(store, path);
    }
}

static void load_one(void *argument, const char *digest)
{
    struct image_store *store = argument;
    struct exo_error err;
    char path[IMAGE_PATH_BYTES];

    /* A damaged one is as good as none: it is fetched again when it is asked for. */
    if (image_store_add(store, digest, &err) == NULL &&
        image_disk_discard(&store->disk, digest, path)) {
        image_store_remove_tree(store, path);
    }
}

static void on_queue(void *argument)
{
    image_pull_turn(argument);
}

/* Copies the registries into one block. */
static void keep_registries(struct image_store *store, const char *const *registries)
{
    size_t count = 0;

    while (registries != NULL && registries[count] != NULL) {
        count++;
    }
    store->plain_registries = image_must_allocate((count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        store->plain_registries[i] = strdup(registries[i]);
    }
}

struct image_store *image_store_open(struct loop *loop, const struct image_settings *settings,
                                     struct exo_error *err)
{
    struct image_store *store = image_must_allocate(sizeof(*store));
    char old[IMAGE_PATH_BYTES];

    if (image_disk_open(&store->disk, settings->cache_dir, settings->image_dir, err) != 0) {
        image_disk_close(&store->disk);
        free(store);
        return NULL;
    }
    store->loop = loop;
    store->auth_file = settings->auth_file != NULL ? strdup(settings->auth_file) : NULL;
    keep_registries(store, settings->plain_registries);
    store->cache_bytes_max =
        settings->cache_bytes_max != 0 ? settings->cache_bytes_max : cache_bytes_default;
    store->fetch_limit_ns =
        settings->fetch_limit_ns != 0 ? settings->fetch_limit_ns : fetch_limit_default_ns;
    store->tag_life_ns = settings->tag_life_ns != 0 ? settings->tag_life_ns : tag_life_default_ns;
    store->fetches_max = settings->fetches_max != 0 ? settings->fetches_max : FETCHES_DEFAULT;
    store->queue_timer = loop_timer_new(loop, on_queue, store);
    if (image_disk_set_aside(&store->disk, old)) {
        image_store_remove_tree(store, old);
    }
    image_disk_each(&store->disk, load_one, store);
    image_store_evict(store);
    return store;
}

void image_store_close(struct image_store *store)
{
    static const exo_time close_limit_ns = 60 * EXO_SECOND;

    if (store == NULL) {
        return;
    }
    image_pull_end_all(store);
    for (exo_time waited_ns = 0; store->work_count > 0 && waited_ns < close_limit_ns;
         waited_ns += 10 * EXO_MILLISECOND) {
        bool is_never = false;

        (void)loop_run_until(store->loop, &is_never, 10 * EXO_MILLISECOND);
    }
    image_pull_free_all(store);
    loop_timer_free(store->queue_timer);
    while (store->entries != NULL) {
        struct image_entry *next = store->entries->next;

        entry_free(store->entries);
        store->entries = next;
    }
    for (char **at = store->plain_registries; *at != NULL; at++) {
        free(*at);
    }
    free(store->plain_registries);
    free(store->auth_file);
    image_disk_close(&store->disk);
    free(store);
}

void image_release(struct image_store *store, const struct image *image)
{
    /* The image is the first member of its entry. */
    for (struct image_entry *entry = store->entries; entry != NULL; entry = entry->next) {
        if (&entry->image == image) {
            assert(entry->user_count > 0);
            entry->user_count--;
            entry->used_ns = clock_wall_ns();
            if (entry->user_count == 0) {
                image_disk_touch(&store->disk, image->digest);
                image_store_evict(store);
            }
            return;
        }
    }
    assert(false);
}
