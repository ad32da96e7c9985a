/* store_replay: what tables are built again from, and what they are compared with
 * (docs/adr/0021-replay.md).
 *
 *   store_imprint_get    the journal: what each batch wrote
 *   store_snapshot_...   what was live at some time, slice by slice; older journal may then go
 *   store_rows_read      rows as they are now, with the shard's row of the same instant
 *
 * Part of the port of store.h, with its rules for callbacks and pointers. */
#ifndef EXO_INFRA_STORE_REPLAY_H
#define EXO_INFRA_STORE_REPLAY_H

#include "infra/store/rebuild.h"

enum { STORE_ROWS_MAX = 128, STORE_SLICE_BYTES_MAX = 64 << 20 };

/* A row of the journal, whole. */
struct store_imprint {
    uint64_t epoch, batch;
    exo_time at_ns;
    struct span body;    /* packed ChangeBatch; empty: nobody was told of anything */
    struct span imprint; /* empty: written by an older program */
};

typedef void store_imprints_done(void *argument, const struct store_imprint *rows, uint32_t count,
                                 const struct exo_error *err);

/* store_imprint_get gives the journal rows of a shard above a batch, oldest first, up to limit
 * (at most STORE_ROWS_MAX). */
void store_imprint_get(struct store *store, uint32_t shard, uint64_t after_batch, uint32_t limit,
                       store_imprints_done *done, void *argument);

/* ---- snapshots ---- */

struct store_snapshot {
    int64_t id; /* grows */
    uint32_t shard;
    uint64_t epoch;
    uint64_t base;               /* the shard's batch when it began */
    uint64_t end_batch;          /* when its last slice was read; 0 while it is not whole */
    exo_time begun_ns, ended_ns; /* shard time */
};

/* The snapshots of a shard, oldest first, and where its journal stands. */
struct store_snapshots {
    const struct store_snapshot *snapshots;
    uint32_t count;
    uint64_t oldest_batch; /* in the journal; 0: it is empty */
    uint64_t bare_batch;   /* the newest without imprint, of an older program; 0: none */
    uint64_t batch;        /* the shard's last */
};

typedef void store_snapshots_done(void *argument, const struct store_snapshots *snapshots,
                                  const struct exo_error *err);
typedef void store_slices_done(void *argument, const struct span *slices, uint32_t count,
                               const struct exo_error *err);

/* store_snapshot_list gives the snapshots of a shard. */
void store_snapshot_list(struct store *store, uint32_t shard, store_snapshots_done *done,
                         void *argument);

/* store_snapshot_begin begins one where the shard stands; gives it alone. */
void store_snapshot_begin(struct store *store, uint32_t shard, store_snapshots_done *done,
                          void *argument);

/* One slice: an imprint of rows as they were at a batch. */
struct store_slice {
    int64_t snapshot;
    uint32_t part;         /* from 0 */
    uint64_t epoch, batch; /* of the shard when its rows were read */
    struct span body;      /* borrowed until the callback */
};

/* store_snapshot_put keeps a slice. done gets EXO_EFENCED when the shard has been taken over or
 * does not stand at that batch yet (another database answers), or the snapshot is whole or gone: it
 * is given up. */
void store_snapshot_put(struct store *store, const struct store_slice *slice, store_done *done,
                        void *argument);

/* store_snapshot_end says that it is whole; EXO_EFENCED as above. */
void store_snapshot_end(struct store *store, int64_t snapshot, store_done *done, void *argument);

/* store_slice_get gives the slices of a snapshot from a part on, up to limit. */
void store_slice_get(struct store *store, int64_t snapshot, uint32_t from_part, uint32_t limit,
                     store_slices_done *done, void *argument);

/* store_snapshot_drop deletes of a shard, up to rows_max rows, the snapshots that nothing needs:
 * those given up, and those older than the newest whole one from before a time (which the journal
 * behind it reaches back to).
 * done gets how many rows went; fewer than rows_max: no more are due. */
void store_snapshot_drop(struct store *store, uint32_t shard, exo_time before_ns, uint32_t rows_max,
                         void (*done)(void *argument, uint32_t dropped,
                                      const struct exo_error *err),
                         void *argument);

/* store_letters_drop deletes, of the oldest rows_max dead letters, those from before a time that no
 * replay needs: the newest whole snapshot of their shard is as young at least.
 * done gets how many went; fewer than rows_max: no more are due. */
void store_letters_drop(struct store *store, exo_time before_ns, uint32_t rows_max,
                        void (*done)(void *argument, uint32_t dropped, const struct exo_error *err),
                        void *argument);

/* ---- rows as they are ---- */

/* Rows of a table of one shard, in the order of their keys, from behind a key on. */
struct store_rows_query {
    uint32_t shard;
    enum row_table table; /* SPANNING, EXECUTION, LETTER; with ids EXECUTION, RUN, PAGE, OUTPUT,
                             REFERENCE */
    bool is_live_only;    /* EXECUTION without ids: those that have not ended */
    const struct execution_id *ids; /* of these executions, at most STORE_ROWS_MAX; copied */
    uint32_t id_count;              /* 0: of the shard */
    /* Behind: the columns of the key, those that the table has; all zero at first. */
    struct execution_id after;
    struct digest after_digest; /* SPANNING, REFERENCE */
    int64_t after_numbers[4];   /* SPANNING kind; RUN instance, index; PAGE instance, page; OUTPUT
                                   instance, kind, page, part; LETTER the row's id */
    bool has_after;
};

struct store_rows {
    struct rebuild_live live; /* rows: of the table; definitions: of the executions; with the
                                 shard's epoch, batch (next) and row */
    /* With ids: those whose deletion has begun, or that are gone. EXECUTION only. */
    const struct execution_id *deleted;
    uint32_t deleted_count;
    bool is_last;                   /* no more rows behind these */
    struct store_rows_query behind; /* asks for the next ones; its ids are gone */
};

typedef void store_rows_done(void *argument, const struct store_rows *rows,
                             const struct exo_error *err);

/* store_rows_read gives rows, all as they are at one instant. */
void store_rows_read(struct store *store, const struct store_rows_query *query,
                     store_rows_done *done, void *argument);

#endif /* EXO_INFRA_STORE_REPLAY_H */
