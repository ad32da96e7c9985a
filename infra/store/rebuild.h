/* rebuild: the rows of a shard as its journal says they are, built from imprints alone.
 *
 *   slices of the last snapshot --rebuild_slice--+
 *   imprints of the batches since --rebuild_next--+--> rows --rebuild_compare--> what differs
 *
 * A slice may be newer than the batch the rest stands at: a row remembers the batch it is of, and
 * what older imprints say of it is passed over. Touches memory only; aborts without. */
#ifndef EXO_INFRA_STORE_REBUILD_H
#define EXO_INFRA_STORE_REBUILD_H

#include "infra/store/imprint.h"

struct rebuild;

/* Where it begins: all zero where the journal goes back to the installation. */
struct rebuild_base {
    uint64_t batch;     /* the shard's when the snapshot began */
    uint64_t end_batch; /* when its last slice was read */
    exo_time at_ns;     /* shard time when it began */
};

/* rebuild_new begins with nothing.
 * only  keeps the rows of one execution, and no other; NULL: all. Copied */
struct rebuild *rebuild_new(const struct rebuild_base *base, const struct execution_id *only);
void rebuild_free(struct rebuild *rebuild);

/* rebuild_slice takes a slice of the snapshot; rebuild_next the imprint of the next batch. Returns
 * 0, or -1 with *err: EXO_EINVALID (broken), EXO_ECONFLICT (not the next batch; nothing changed),
 * EXO_ELIMIT, EXO_EIO. */
EXO_CHECKED int rebuild_slice(struct rebuild *rebuild, struct span imprint, struct exo_error *err);
EXO_CHECKED int rebuild_next(struct rebuild *rebuild, struct span imprint, struct exo_error *err);

/* rebuild_batch gives the batch it stands at. */
uint64_t rebuild_batch(const struct rebuild *rebuild);

/* rebuild_each calls for each row of a table, in no order; the row is borrowed for the call. */
void rebuild_each(const struct rebuild *rebuild, enum row_table table,
                  void (*call)(void *argument, const struct row *row), void *argument);

/* ---- comparison ---- */

enum rebuild_verdict {
    REBUILD_EQUAL,
    REBUILD_DIFFERENT, /* a column */
    REBUILD_MISSING,   /* the journal has it, the table does not */
    REBUILD_EXTRA,     /* the table has it, the journal does not */
    REBUILD_OLDER,     /* ended before the snapshot: the journal goes no further back */
    REBUILD_DELETED,   /* by retention */
    REBUILD_VERDICT_NR,
};

/* How many rows of each table came to what. */
struct rebuild_counts {
    uint64_t rows[ROW_TABLE_NR][REBUILD_VERDICT_NR];
};

/* One difference. */
struct rebuild_difference {
    enum rebuild_verdict verdict; /* DIFFERENT, MISSING or EXTRA */
    const struct row *row;        /* as rebuilt; EXTRA: as in the table */
    const char *column;           /* DIFFERENT */
    const struct row_cell *rebuilt, *live;
};

struct rebuild_comparison {
    struct rebuild_counts counts; /* added to */
    void (*differs)(void *argument, const struct rebuild_difference *difference);
    void *argument;
};

/* Rows of the tables, as they are at a batch. */
struct rebuild_live {
    struct store_batch rows; /* next: the batch; inserts: executions, whole */
    const bool *is_listed;   /* by insert: it stands among the live ones; NULL: not asked */
    bool has_shard;          /* the shard's own row is to be compared */
};

/* Rows of the tables, copied: for a comparison that waits until the journal has been read so far.
 */
struct rebuild_kept;

/* rebuild_keep copies rows; rebuild_kept_batch is the batch they are of; rebuild_kept_free: NULL is
 * allowed. */
struct rebuild_kept *rebuild_keep(const struct rebuild_live *live);
uint64_t rebuild_kept_batch(const struct rebuild_kept *kept);
void rebuild_kept_free(struct rebuild_kept *kept);

/* rebuild_compare compares rows of the tables with those rebuilt at the same batch. */
void rebuild_compare(struct rebuild *rebuild, const struct rebuild_kept *kept,
                     struct rebuild_comparison *comparison);

/* rebuild_mark says that a comparison of all rows begins: one that comes later need not be seen. */
void rebuild_mark(struct rebuild *rebuild);

/* rebuild_unseen gives executions with rebuilt rows that should have been seen and were not, up to
 * count; how many. */
uint32_t rebuild_unseen(const struct rebuild *rebuild, struct execution_id *ret_ids,
                        uint32_t count);

/* rebuild_missing reports every rebuilt row of an execution (NULL: of what belongs to none) that
 * should have been seen and was not as missing, or as deleted where retention deletes it. */
void rebuild_missing(struct rebuild *rebuild, const struct execution_id *execution, bool is_deleted,
                     struct rebuild_comparison *comparison);

#endif /* EXO_INFRA_STORE_REBUILD_H */
