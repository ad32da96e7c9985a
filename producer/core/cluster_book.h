/* cluster_book: compiled clusters by their very bytes, so that a thousand submissions of one
 * cluster are checked once.
 *
 *   text --book_get--> struct book_entry (cluster, canonical text)      least lately used go first
 *
 * Pure: memory comes from the given allocator. */
#ifndef EXO_PRODUCER_CLUSTER_BOOK_H
#define EXO_PRODUCER_CLUSTER_BOOK_H

#include "schemas/cluster/cluster.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"

enum {
    BOOK_BUCKETS = 1024,
    BOOK_ENTRY_BYTES_MAX = 64 << 20, /* of one cluster compiled */
};

/* Read-only to others. */
struct book_entry {
    const struct cluster *cluster;
    struct span canonical; /* cluster_canonical of it */
    uint32_t uses;         /* see book_hold */
    /* Private. */
    struct book_entry *bucket_next;
    struct book_entry *newer, *older;
    uint32_t hash;
    bool is_stored;
    struct span project;
    struct span text;
    struct arena arena;
};

struct book {
    struct allocator allocator;
    uint32_t entries_max;
    size_t bytes_max;
    uint32_t count;
    size_t bytes;
    struct book_entry *buckets[BOOK_BUCKETS];
    struct book_entry *newest, *oldest;
};

struct book_text {
    struct span text;
    const char *project; /* of a name without one; NULL: none */
    bool is_stored;      /* a canonical text out of the store, else what stands under `cluster:` */
};

/* book_init makes an empty book that keeps at most entries_max clusters and about bytes_max. */
void book_init(struct book *book, struct allocator allocator, uint32_t entries_max,
               size_t bytes_max);

/* book_release frees all of it; no entry may be held (asserted). */
void book_release(struct book *book);

/* book_get gives the cluster of a text, out of the book or checked now.
 * text    borrowed; JSON
 * faults  borrowed; gets at least one error on failure, with places that count from the text's
 *         own beginning
 * Returns NULL with faults. The entry is valid until the next book_get, or while it is held. */
EXO_CHECKED struct book_entry *book_get(struct book *book, const struct book_text *text,
                                        struct fault_list *faults);

/* book_hold keeps an entry until the same number of book_drop. */
void book_hold(struct book_entry *entry);
void book_drop(struct book_entry *entry);

#endif /* EXO_PRODUCER_CLUSTER_BOOK_H */
