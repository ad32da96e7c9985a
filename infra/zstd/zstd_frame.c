#include "infra/zstd/zstd_frame.h"

#include <stdlib.h>
#include <zstd.h>

enum { LEVEL = 3, CHUNK_BYTES = 64 << 10 };

int zstd_compress(struct span bytes, struct buffer *ret_frame, struct exo_error *err)
{
    size_t room = ZSTD_compressBound(bytes.bytes);
    void *frame = malloc(room);
    size_t made = frame == NULL ? 0 : ZSTD_compress(frame, room, bytes.data, bytes.bytes, LEVEL);
    bool is_made = frame != NULL && !ZSTD_isError(made);

    if (is_made) {
        buffer_append(ret_frame, (struct span){frame, made});
    }
    free(frame);
    return is_made && !ret_frame->is_failed
               ? 0
               : exo_error_set(err, EXO_EIO, "out of memory to compress %zu bytes", bytes.bytes);
}

struct zstd_packer {
    ZSTD_CCtx *context;
    int level;
    void *frame; /* grows */
    size_t room;
};

struct zstd_packer *zstd_packer_new(int level)
{
    struct zstd_packer *packer = calloc(1, sizeof(*packer));

    if (packer == NULL) {
        return NULL;
    }
    packer->level = level;
    packer->context = ZSTD_createCCtx();
    if (packer->context == NULL) {
        free(packer);
        return NULL;
    }
    return packer;
}

void zstd_packer_free(struct zstd_packer *packer)
{
    if (packer != NULL) {
        (void)ZSTD_freeCCtx(packer->context); /* never fails */
        free(packer->frame);
        free(packer);
    }
}

static bool packer_room(struct zstd_packer *packer, size_t room)
{
    if (packer->room < room) {
        free(packer->frame);
        packer->frame = malloc(room);
        packer->room = packer->frame == NULL ? 0 : room;
    }
    return packer->frame != NULL;
}

int zstd_pack(struct zstd_packer *packer, struct span bytes, struct buffer *ret_frame,
              struct exo_error *err)
{
    size_t made = 0;
    bool is_made = packer_room(packer, ZSTD_compressBound(bytes.bytes));

    if (is_made) {
        made = ZSTD_compressCCtx(packer->context, packer->frame, packer->room, bytes.data,
                                 bytes.bytes, packer->level);
        is_made = !ZSTD_isError(made);
    }
    if (is_made) {
        buffer_append(ret_frame, (struct span){packer->frame, made});
    }
    return is_made && !ret_frame->is_failed
               ? 0
               : exo_error_set(err, EXO_EIO, "out of memory to compress %zu bytes", bytes.bytes);
}

/* Takes chunk after chunk, so that a frame that lies about its size costs nothing. */
static int expand(ZSTD_DStream *stream, struct span frame, size_t bytes_max, void *chunk,
                  struct buffer *ret_bytes, struct exo_error *err)
{
    ZSTD_inBuffer in = {frame.data, frame.bytes, 0};
    size_t left = bytes_max;
    size_t more = 1; /* 0: a frame has come to its end */
    bool has_room = false;

    while (in.pos < in.size || has_room) {
        ZSTD_outBuffer out = {chunk, CHUNK_BYTES, 0};

        more = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(more)) {
            return exo_error_set(err, EXO_EINVALID, "no zstd frame: %s", ZSTD_getErrorName(more));
        }
        if (out.pos > left) {
            return exo_error_set(err, EXO_ELIMIT, "a zstd frame holds more than %zu bytes",
                                 bytes_max);
        }
        left -= out.pos;
        buffer_append(ret_bytes, (struct span){chunk, out.pos});
        has_room = more != 0 && out.pos == out.size; /* there may be more inside */
    }
    if (ret_bytes->is_failed) {
        return exo_error_set(err, EXO_EIO, "out of memory to expand a zstd frame");
    }
    return more == 0 ? 0 : exo_error_set(err, EXO_EINVALID, "a zstd frame is cut");
}

struct zstd_unpacker {
    ZSTD_DStream *stream;
    unsigned char chunk[CHUNK_BYTES];
};

struct zstd_unpacker *zstd_unpacker_new(void)
{
    struct zstd_unpacker *unpacker = malloc(sizeof(*unpacker));

    if (unpacker != NULL && (unpacker->stream = ZSTD_createDStream()) == NULL) {
        free(unpacker);
        return NULL;
    }
    return unpacker;
}

void zstd_unpacker_free(struct zstd_unpacker *unpacker)
{
    if (unpacker != NULL) {
        (void)ZSTD_freeDStream(unpacker->stream); /* never fails */
        free(unpacker);
    }
}

int zstd_unpack(struct zstd_unpacker *unpacker, struct span frame, size_t bytes_max,
                struct buffer *ret_bytes, struct exo_error *err)
{
    /* The one before may have stopped inside a frame; a reset of this kind never fails. */
    (void)ZSTD_DCtx_reset(unpacker->stream, ZSTD_reset_session_only);
    return expand(unpacker->stream, frame, bytes_max, unpacker->chunk, ret_bytes, err);
}

int zstd_expand(struct span frame, size_t bytes_max, struct buffer *ret_bytes,
                struct exo_error *err)
{
    struct zstd_unpacker *unpacker = zstd_unpacker_new();

    if (unpacker == NULL) {
        return exo_error_set(err, EXO_EIO, "out of memory to expand a zstd frame");
    }
    int result = zstd_unpack(unpacker, frame, bytes_max, ret_bytes, err);

    zstd_unpacker_free(unpacker);
    return result;
}
