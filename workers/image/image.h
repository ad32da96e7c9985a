/* image: container images become directories: found, pulled, unpacked once, shared, evicted.
 *
 *   image_get(ref) --> digest known and unpacked? --yes--------------------------> on_ready
 *                          | no                                                       ^
 *                          +--> skopeo inspect | index.json --> digest               |
 *                                   --> skopeo copy --> OCI layout                    |
 *                                   --> umoci raw unpack --> tmp/ --rename--> images/DIGEST
 *
 * Many who wait for one image share one fetch. An unpacked image is never written to again: it is
 * the lower layer of every attempt's overlay. Images in use are never evicted; of the others the
 * longest unused go first when the cache is above its bound.
 *
 *   CACHE/lock  CACHE/tmp/ (what a killed worker left there goes at open)
 *   CACHE/images/sha256-HEX/{rootfs/, meta.json}
 *   CACHE/archives/HEX    which digest an archive of that path, size and time had
 *
 * Transports. `docker://REF` or REF alone: a registry. `oci:NAME[:TAG]`: an OCI layout NAME in the
 * image directory. `docker-archive:FILE`, `oci-archive:FILE`: a file there. Names never lead out of
 * the image directory, by "..", a leading "/" or a link. Any of them may end in @sha256:HEX, the
 * digest it must have.
 *
 * One thread, one loop: every call and callback on the loop's thread; children and work on other
 * threads do the rest. Sole user of skopeo and umoci. */
#ifndef EXO_WORKERS_IMAGE_H
#define EXO_WORKERS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "infra/loop/loop.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/vocab/time.h"

struct image_store;
struct image_request;

enum {
    IMAGE_REFERENCE_BYTES_MAX = 512,
    IMAGE_DIGEST_TEXT_BYTES = 71, /* "sha256:" and 64 hexadecimal digits */
    IMAGE_USER_DEFAULT = 65532,   /* of an image that names no user, or root */
};

/* All borrowed for image_store_open. */
struct image_settings {
    const char *cache_dir; /* absolute; made when missing, this worker's alone */
    const char *image_dir; /* absolute; NULL: no oci:, docker-archive:, oci-archive: */
    const char
        *auth_file; /* credentials for registries, as written by `skopeo login`; NULL: none */
    const char *const *plain_registries; /* HOST[:PORT] spoken to without TLS, NULL-terminated;
                                          * NULL: none */
    uint64_t cache_bytes_max;            /* unpacked images; 0: 20 GiB */
    exo_time fetch_limit_ns;             /* one fetch, all its steps; 0: 10 min */
    exo_time tag_life_ns;                /* how long a tag of a registry is believed; 0: 1 min */
    uint32_t fetches_max;                /* at once, further ones wait; 0: 4 */
};

/* An unpacked image. Borrowed until image_release. */
struct image {
    const char *rootfs;            /* absolute */
    const char *digest;            /* "sha256:HEX"; asking for it again gives the same image */
    uint32_t uid, gid;             /* never uid 0 */
    const char *const *env;        /* NULL-terminated "NAME=value" */
    const char *const *entrypoint; /* NULL-terminated, may be empty */
    const char *const *command;    /* the image's own (Cmd); NULL-terminated, may be empty */
    const char *workdir;           /* absolute; "/" when it names none */
    uint64_t bytes;                /* on disk, about */
};

/* image_store_open opens the cache and begins to remove what a killed worker left in it.
 *
 * loop      kept until image_store_close
 * settings  borrowed
 * Gives the store, or NULL with *err set: EXO_EINVALID (a setting), EXO_ECONFLICT (another worker
 * uses the directory), EXO_EIO. Missing skopeo or umoci is told by the first image that needs it.
 */
EXO_CHECKED struct image_store *
image_store_open(struct loop *loop, const struct image_settings *settings, struct exo_error *err);

/* image_store_close ends fetches, without callbacks, and frees; waits for work on other threads to
 * end. Images must not be used after it. NULL is allowed. */
void image_store_close(struct image_store *store);

/* image_get asks for an image.
 *
 * reference  as above; borrowed
 * pinned     "sha256:HEX", the digest it must have; NULL: whatever it has now. Borrowed
 * on_ready   called once, later, unless cancelled. image: to be given back by image_release; or
 *            NULL, then err (borrowed) tells why: EXO_EINVALID, EXO_ENOTFOUND, EXO_EDENIED,
 *            EXO_ELIMIT, EXO_ECONFLICT (another digest), EXO_EUNAVAILABLE, EXO_EIO; is_retryable
 *            holds
 * argument   kept until on_ready
 * Gives the request, gone when on_ready is called; never NULL (aborts without memory: bounded by
 * the worker's slots). */
struct image_request *
image_get(struct image_store *store, const char *reference, const char *pinned,
          void (*on_ready)(void *argument, const struct image *image, const struct exo_error *err),
          void *argument);

/* image_cancel takes a request back: on_ready is not called. The fetch goes on for the cache. */
void image_cancel(struct image_request *request);

/* image_release gives an image back when the attempt has ended. */
void image_release(struct image_store *store, const struct image *image);

#endif /* EXO_WORKERS_IMAGE_H */
