/* image_store: the inside of workers/image: what image.c and image_pull.c share.
 *
 *   struct image_store --> entries: unpacked images, users counted
 *                      `-> pulls:   one for each (reference, pinned digest) that somebody waits for
 *
 * Nobody outside workers/image includes it. */
#ifndef EXO_WORKERS_IMAGE_STORE_H
#define EXO_WORKERS_IMAGE_STORE_H

#include "workers/image/image_command.h"
#include "workers/image/image_disk.h"
#include "workers/image/image_reference.h"

struct image_pull;

/* One unpacked image. */
struct image_entry {
    struct image image; /* first: an entry is found from its image */
    struct arena arena; /* of the image's texts */
    uint32_t user_count;
    exo_time used_ns; /* last, of the wall clock */
    struct image_entry *next;
};

/* Which digest a tag of a registry had lately. */
struct image_tag {
    char name[IMAGE_REFERENCE_BYTES_MAX + 132]; /* NAME:TAG */
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];
    exo_time known_until_ns; /* of the loop's clock */
};

enum { IMAGE_TAGS_MAX = 64 };

struct image_store {
    struct loop *loop;
    struct image_disk disk;
    struct heap_budget heap;
    char *auth_file;
    char **plain_registries; /* NULL-terminated */
    uint64_t cache_bytes_max;
    exo_time fetch_limit_ns;
    exo_time tag_life_ns;
    uint32_t fetches_max;

    struct image_entry *entries;
    uint64_t bytes;           /* of all entries */
    struct image_pull *pulls; /* in the order they were asked for */
    uint64_t turn;
    uint32_t fetch_count; /* pulls that use a child or another thread */
    uint32_t work_count;  /* children and work under way; close waits for them */
    struct loop_timer *queue_timer;
    struct image_tag tags[IMAGE_TAGS_MAX]; /* a ring */
    uint32_t tag_next;
};

/* image_must_allocate gives zeroed memory or aborts: all of it is bounded by slots and settings. */
void *image_must_allocate(size_t bytes);

/* image_store_find finds an entry by digest, or NULL. */
struct image_entry *image_store_find(struct image_store *store, const char *digest);

/* image_store_add makes an entry of what stands in images/. Gives NULL with *err set. */
EXO_CHECKED struct image_entry *image_store_add(struct image_store *store, const char *digest,
                                                struct exo_error *err);

/* image_store_evict removes unused images, oldest first, until the cache is within its bound. */
void image_store_evict(struct image_store *store);

/* image_store_remove_tree removes a directory on another thread. path: copied. */
void image_store_remove_tree(struct image_store *store, const char *path);

/* image_pull_turn begins what is queued, as far as fetches_max allows. */
void image_pull_turn(struct image_store *store);

/* image_pull_end_all kills every child and forgets every request; what is under way ends by
 * itself. image_pull_free_all frees the pulls once nothing is. */
void image_pull_end_all(struct image_store *store);
void image_pull_free_all(struct image_store *store);

#endif /* EXO_WORKERS_IMAGE_STORE_H */
