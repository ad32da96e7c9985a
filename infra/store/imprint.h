/* imprint: the rows of one commit of a shard, or a slice of a snapshot, packed: what the journal
 * keeps so that every table can be built again (docs/adr/0021-replay.md).
 *
 *   row_each --imprint_pack--> version, zstd { epoch, batch, rows } --imprint_open, imprint_next-->
 * rows
 *
 * A row is its table, what happens to it, the length of its cells, its cells in the order of its
 * columns; a reader of another version fills up what is missing and skips what it does not know.
 * Values written once into a table that never changes them are named, not copied (row.h). */
#ifndef EXO_INFRA_STORE_IMPRINT_H
#define EXO_INFRA_STORE_IMPRINT_H

#include "infra/store/row.h"
#include "infra/zstd/zstd_frame.h"

/* Most bytes an imprint may hold, unpacked. */
#define IMPRINT_BYTES_MAX ((size_t)512 << 20)

struct imprint_packer;

/* imprint_packer_new makes what packs imprints, one at a time; aborts without memory.
 * imprint_packer_free: NULL is allowed. */
struct imprint_packer *imprint_packer_new(void);
void imprint_packer_free(struct imprint_packer *packer);

/* imprint_pack packs the rows of a batch; the batch it stands for is batch->next. Gives the
 * imprint, borrowed until the next call. Aborts without memory. */
struct span imprint_pack(struct imprint_packer *packer, const struct store_batch *batch);

/* An imprint that is read. */
struct imprint {
    uint64_t epoch, batch;
    struct buffer expanded;
    struct heap_budget budget;
    const unsigned char *at, *end;
};

/* imprint_open begins to read an imprint (borrowed while it is read).
 * unpacker   for this call alone; may be the one of many imprints
 * bytes_max  most it may hold; a small imprint may hold very much
 * Returns 0, or -1 with *err: EXO_EINVALID (no imprint, another version), EXO_ELIMIT, EXO_EIO;
 * imprint_close is then not needed. */
EXO_CHECKED int imprint_open(struct imprint *imprint, struct zstd_unpacker *unpacker,
                             struct span packed, size_t bytes_max, struct exo_error *err);

/* imprint_next reads the next row; its bytes are borrowed until imprint_close.
 * Returns 1, 0 behind the last one, or -1 with *err: EXO_EINVALID. */
EXO_CHECKED int imprint_next(struct imprint *imprint, struct row *ret_row, struct exo_error *err);

/* imprint_close frees what imprint_open took. */
void imprint_close(struct imprint *imprint);

#endif /* EXO_INFRA_STORE_IMPRINT_H */
