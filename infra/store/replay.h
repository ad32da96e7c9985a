/* replay: the rows of a shard as they were, from its last snapshot and the journal since.
 *
 *   replay_begin: snapshots -> the newest that is old enough -> its slices -> imprints, chunk by
 *   chunk --done--> replay_rebuild; replay_advance: more imprints --done--> ...
 *
 * Reads in short chunks; nothing is held in the store meanwhile. On the loop's thread. */
#ifndef EXO_INFRA_STORE_REPLAY_READER_H
#define EXO_INFRA_STORE_REPLAY_READER_H

#include "infra/store/store_replay.h"

struct replay;

struct replay_settings {
    struct store *store; /* kept */
    uint32_t shard;
    exo_time at_ns; /* as it was then; 0: as it is now */
    /* Whether a row of the journal, written after at_ns, is taken all the same: what it tells of
     * may have happened by then. Borrowed for the call; NULL: none is. */
    bool (*is_due)(void *argument, const struct store_imprint *row);
    const struct execution_id *only; /* of one execution; NULL: all. Copied */
    /* Nothing of it was there before this batch, or is after that one; 0: it may be. */
    uint64_t from_batch, to_batch;
    bool is_ended;  /* what ended by to_batch: a snapshot from then on holds it no more */
    uint32_t chunk; /* rows of the journal at once, 1 .. STORE_ROWS_MAX */
    /* Each row of the journal that was taken, borrowed for the call; NULL: not wanted. */
    void (*row)(void *argument, const struct store_imprint *row);
    /* Where it stands: called once by each begin and advance. err: EXO_ENOTFOUND, the journal does
     * not reach back so far; EXO_ECONFLICT, it has a hole; others as they come. */
    store_done *done;
    void *argument; /* kept */
};

/* replay_begin builds the rows up to the time, or to the batch the shard stands at now. Aborts
 * without memory. */
struct replay *replay_begin(const struct replay_settings *settings);

/* replay_advance takes the journal up to a batch that the shard has committed; calls done, at once
 * where nothing is to be read. Not while another call is under way. */
void replay_advance(struct replay *replay, uint64_t batch);

/* replay_rebuild gives the rows; the replay's own. */
struct rebuild *replay_rebuild(const struct replay *replay);

/* replay_at_ns is the shard time of the last batch taken; 0: none yet. */
exo_time replay_at_ns(const struct replay *replay);

/* replay_free ends it, also while a call is under way; NULL is allowed. */
void replay_free(struct replay *replay);

#endif /* EXO_INFRA_STORE_REPLAY_READER_H */
