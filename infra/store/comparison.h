/* comparison: the tables of one shard beside what its journal makes of them, while it runs on.
 *
 *   replay up to now -> mark -> sweep: slice as of batch b -> replay up to b -> compare -> ...
 *                    -> rows not seen: deleted by retention, or missing
 *
 * Every slice is compared at its own batch, so that nothing is held for longer than one read. */
#ifndef EXO_INFRA_STORE_COMPARISON_H
#define EXO_INFRA_STORE_COMPARISON_H

#include "infra/store/replay.h"

struct comparison;

struct comparison_settings {
    struct store *store; /* kept */
    uint32_t shard;
    /* Each row of the journal that was read; each difference. Borrowed for the call. */
    void (*row)(void *argument, const struct store_imprint *row);
    void (*differs)(void *argument, const struct rebuild_difference *difference);
    /* Once: all has been compared (err NULL), or it cannot be. comparison_free comes later. */
    store_done *done;
    void *argument; /* kept */
};

/* comparison_begin begins one; aborts without memory. */
struct comparison *comparison_begin(const struct comparison_settings *settings);

/* comparison_advance reads the journal up to the batch the shard stands at now, for the callback
 * `row`; calls done again. After done only. */
void comparison_advance(struct comparison *comparison);

/* comparison_counts is how the rows compared so far came out. */
const struct rebuild_counts *comparison_counts(const struct comparison *comparison);

/* comparison_batch is the batch the journal has been read to. */
uint64_t comparison_batch(const struct comparison *comparison);

/* comparison_free ends it after done, or with its store. NULL is allowed. */
void comparison_free(struct comparison *comparison);

#endif /* EXO_INFRA_STORE_COMPARISON_H */
