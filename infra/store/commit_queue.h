/* commit_queue: commits in the order they came, and what one that fails takes with it.
 *
 *   push --> [waiting] --next--> running --finish--> done
 *                 |                         |
 *                 +---- voided: holds a shard of one that did not end DONE (store.h)
 *
 * Pure: no I/O, and memory only from the caller, who embeds struct commit_entry in its request. */
#ifndef EXO_INFRA_STORE_COMMIT_QUEUE_H
#define EXO_INFRA_STORE_COMMIT_QUEUE_H

#include "infra/store/store.h"

struct commit_entry {
    struct commit_entry *next;
    const struct store_batch *batches; /* kept until the entry leaves the queue */
    uint32_t count;
    bool is_running;
    bool is_void;
};

struct commit_queue {
    struct commit_entry *first, *last;
};

/* commit_queue_push puts an entry (kept until finish or void) behind all others. */
void commit_queue_push(struct commit_queue *queue, struct commit_entry *entry);

/* commit_queue_next gives the first waiting entry that may start now and marks it running, or NULL.
 * is_serial  only one may run at a time; otherwise one may start when no entry before it holds a
 *            shard of it
 * Cost O(entries * shards), both few. */
struct commit_entry *commit_queue_next(struct commit_queue *queue, bool is_serial);

/* commit_queue_finish takes a running entry out. is_done false marks every waiting entry void that
 * holds a shard of it, or of one so marked. */
void commit_queue_finish(struct commit_queue *queue, struct commit_entry *entry, bool is_done);

/* commit_queue_void takes out the first entry marked void; NULL when there is none. */
struct commit_entry *commit_queue_void(struct commit_queue *queue);

#endif /* EXO_INFRA_STORE_COMMIT_QUEUE_H */
