/* sweep: every row of a shard, slice by slice, each slice as it was at one batch.
 *
 *   spanning, letters, then: some executions -> their runs, pages, outputs, references -> the next
 *
 * A slice is shown; whoever is shown it says when the next one is wanted. Reads only. */
#ifndef EXO_INFRA_STORE_SWEEP_H
#define EXO_INFRA_STORE_SWEEP_H

#include "infra/store/store_replay.h"

struct sweep;

struct sweep_settings {
    struct store *store; /* kept */
    uint32_t shard;
    bool is_live_only; /* executions that have not ended, and no letters */
    /* A slice, borrowed for the call; go on with sweep_next, in the call or later. */
    void (*slice)(void *argument, const struct store_rows *rows);
    /* Once, when all have been shown (err NULL) or a read failed; the sweep is freed after it. */
    store_done *done;
    void *argument; /* kept */
};

/* sweep_begin asks for the first slice; aborts without memory. */
struct sweep *sweep_begin(const struct sweep_settings *settings);

/* sweep_next asks for the next slice, or says that there is none. */
void sweep_next(struct sweep *sweep);

/* sweep_end ends it early, between a slice and sweep_next; done is not called. */
void sweep_end(struct sweep *sweep);

#endif /* EXO_INFRA_STORE_SWEEP_H */
