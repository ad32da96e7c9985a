/* blob: bytes under their SHA-256, of any size up to 1 GiB, never whole in memory.
 *
 *                      up to 8 MiB                    above
 *   blob_put, _get --> infra/store (a row)        --> a row that names an object
 *                                                     DIRECTORY/ab/KEY | s3 BUCKET/PREFIX/KEY
 *
 * A port with two back-ends for what is large; where neither is set, only what fits the store is
 * kept, and the error of a larger one names the settings. A key is written down before its first
 * byte and forgotten after its last (infra/store/store_object.h), so a crash leaves no litter.
 *
 * Callbacks come on the loop's thread, never inside the call that asked. Touches the store, a
 * directory's files, the network. */
#ifndef EXO_INFRA_BLOB_H
#define EXO_INFRA_BLOB_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "infra/store/store.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

enum { BLOB_STORE_BYTES_MAX = 8 << 20 /* above it, a blob is an object */ };

/* All borrowed for blobs_open; NULL and "" say nothing. */
struct blob_settings {
    const char *directory;   /* for a store that is one file; not with s3_endpoint */
    const char *s3_endpoint; /* https://s3.eu-central-1.amazonaws.com; buckets are its paths */
    const char *s3_bucket;
    const char *s3_prefix; /* of every key; letters, digits, "_", "-", ".", "/" */
    const char *s3_region; /* default us-east-1 */
    const char *s3_access_key;
    const char *s3_secret_key; /* secret */
};

struct blobs;
struct blob_put;
struct blob_get;
struct blob_removal;

/* blobs_open makes the port over a store, which is kept and must outlive it.
 * Gives it, or NULL with *err set (a setting that is wrong, a directory that cannot be made). */
EXO_CHECKED struct blobs *blobs_open(struct loop *loop, struct store *store,
                                     const struct blob_settings *settings, struct exo_error *err);

/* blobs_close forgets what is under way, without callbacks. NULL is allowed. */
void blobs_close(struct blobs *blobs);

/* blobs_has_objects is false where only what fits the store is kept. */
bool blobs_has_objects(const struct blobs *blobs);

/* Who is told of a put. */
struct blob_put_events {
    void (*on_room)(void *argument); /* after a write that said false: go on; may be NULL */
    /* Once, last, unless cancelled; the put is gone with it. EXO_EINVALID: the bytes are not those
     * of the digest, or not as many as were announced; EXO_ELIMIT: no place for so many. */
    void (*on_done)(void *argument, const struct exo_error *err);
    void *argument; /* kept until on_done or cancel */
};

/* blob_put_begin begins to keep a blob above BLOB_STORE_BYTES_MAX.
 * digest  its SHA-256; checked when all is there, before it can be read
 * bytes   how many will come
 * Gives the put, never NULL; on_done may come before blob_put_end, after that write no more. */
struct blob_put *blob_put_begin(struct blobs *blobs, const struct digest *digest, uint64_t bytes,
                                const struct blob_put_events *events);

/* blob_put_write takes the next bytes, all of them (borrowed). Returns false when enough wait: the
 * next should come only after on_room. */
EXO_CHECKED bool blob_put_write(struct blob_put *put, struct span bytes);

/* blob_put_end says that there are no more; on_done follows. */
void blob_put_end(struct blob_put *put);

/* blob_put_cancel forgets it: nothing stays, no callback comes. NULL is allowed. */
void blob_put_cancel(struct blob_put *put);

/* Who is told of a get. */
struct blob_get_events {
    void (*on_size)(void *argument, uint64_t bytes);              /* once, first; may be NULL */
    void (*on_data)(void *argument, struct span bytes);           /* borrowed; at most 8 MiB */
    void (*on_done)(void *argument, const struct exo_error *err); /* once, last; as in put.
                                                 EXO_ENOTFOUND: there is no such blob */
    void *argument;
};

/* blob_get_begin reads a blob of any size. Gives the get, never NULL. */
struct blob_get *blob_get_begin(struct blobs *blobs, const struct digest *digest,
                                const struct blob_get_events *events);

/* blob_get_pause lets no further bytes come until blob_get_resume; both also from on_data. */
void blob_get_pause(struct blob_get *get);
void blob_get_resume(struct blob_get *get);

/* blob_get_cancel forgets it without a callback; NULL is allowed. */
void blob_get_cancel(struct blob_get *get);

/* blob_object_remove deletes the object of a key that was claimed (store_object_claim), where
 * blobs_has_objects; one that is not there is no error. Gives the removal, gone with its callback.
 */
struct blob_removal *blob_object_remove(struct blobs *blobs, const char *key,
                                        void (*done)(void *argument, const struct exo_error *err),
                                        void *argument);

/* blob_removal_cancel forgets it; NULL is allowed. */
void blob_removal_cancel(struct blob_removal *removal);

#endif /* EXO_INFRA_BLOB_H */
