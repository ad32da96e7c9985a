/* zstd frame: bytes made small and whole again, for the logs of attempts and the journal.
 *
 * Sole user of libzstd. Touches nothing but memory; for any thread. */
#ifndef EXO_INFRA_ZSTD_FRAME_H
#define EXO_INFRA_ZSTD_FRAME_H

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

/* zstd_compress appends the frame of some bytes (borrowed). About 5 ms a MiB.
 * Returns 0, or -1 with *err (may be NULL): EXO_EIO, no memory or the buffer's bound. */
EXO_CHECKED int zstd_compress(struct span bytes, struct buffer *ret_frame, struct exo_error *err);

/* What makes many small frames: its tables are made once. */
struct zstd_packer;

/* zstd_packer_new makes one of a level (1: fast); NULL without memory. zstd_packer_free: NULL is
 * allowed. */
EXO_CHECKED struct zstd_packer *zstd_packer_new(int level);
void zstd_packer_free(struct zstd_packer *packer);

/* zstd_pack appends the frame of some bytes (borrowed). Level 1: about 2 ms a MiB.
 * Returns 0, or -1 with *err (may be NULL): EXO_EIO, no memory or the buffer's bound. */
EXO_CHECKED int zstd_pack(struct zstd_packer *packer, struct span bytes, struct buffer *ret_frame,
                          struct exo_error *err);

/* zstd_expand appends what a frame held.
 *
 * frame      borrowed; of zstd_compress or any other writer, one or several one after the other
 * bytes_max  most that is taken from it: a small frame may hold very much
 * ret_bytes  appended; on failure holds a part
 * err        may be NULL
 *
 * Returns 0, or -1 with *err: EXO_EINVALID (no frame, or cut), EXO_ELIMIT (more than bytes_max),
 * EXO_EIO (memory). */
EXO_CHECKED int zstd_expand(struct span frame, size_t bytes_max, struct buffer *ret_bytes,
                            struct exo_error *err);

/* What expands many frames: its tables (160 KiB) are made once. */
struct zstd_unpacker;

/* zstd_unpacker_new makes one; NULL without memory. zstd_unpacker_free: NULL is allowed. */
EXO_CHECKED struct zstd_unpacker *zstd_unpacker_new(void);
void zstd_unpacker_free(struct zstd_unpacker *unpacker);

/* zstd_unpack is zstd_expand with what was made before, whatever came of the call before. */
EXO_CHECKED int zstd_unpack(struct zstd_unpacker *unpacker, struct span frame, size_t bytes_max,
                            struct buffer *ret_bytes, struct exo_error *err);

#endif /* EXO_INFRA_ZSTD_FRAME_H */
